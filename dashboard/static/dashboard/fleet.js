// Tablets, those that need somebody first. "Fill it anew" and "Erase it" are orders that a tablet follows at its next contact.

import { begin, bind, help } from "../dispatch/desk/keys.js";
import { LiveList, here, step } from "../dispatch/live_list.js";
import { order } from "./orders.js";

const root = /** @type {HTMLElement} */ (document.getElementById("list"));
const REFRESH_MS = 15_000;

let query = location.search;
const list = new LiveList({ root, address: () => `${root.dataset["fragment"]}${query}`, everyMs: REFRESH_MS, drawn: roving });

/** One row is reached by Tab, the others from there by keys. */
function roving() {
  const rows = list.rows;
  const current = here(rows) ?? rows[0];
  for (const row of rows) row.tabIndex = row === current ? 0 : -1;
}

/** @param {string} search */
function go(search) {
  query = search;
  history.replaceState(null, "", `${location.pathname}${search}`);
  void list.look({ whole: true });
}

function narrow() {
  const chosen = new URLSearchParams();
  for (const [name, value] of new FormData(/** @type {HTMLFormElement} */ (document.getElementById("filters")))) if (value) chosen.append(name, String(value));
  go(`?${chosen}`);
}

/**
 * @param {"resync" | "purge"} what
 * @param {HTMLElement} row
 */
async function give(what, row) {
  const place = /** @type {HTMLElement} */ (row.querySelector(".row-outcome"));
  const told = await order(what, { tablet: Number(row.dataset["tablet"]), name: row.dataset["name"] ?? "", lost: row.dataset["lost"] ?? "" });
  if (told === null) return;
  place.textContent = told.words;
  place.className = `row-outcome ${told.done ? "good" : "bad"}`;
  place.hidden = false;
  if (told.done) {
    row.focus();
    void list.look();
  }
}

/** @param {HTMLElement | null} row */
function toggle(row) {
  const details = row?.querySelector("details");
  if (!details) return false;
  details.open = !details.open;
  return true;
}

root.addEventListener("change", (event) => {
  if (event.target instanceof Element && event.target.closest("#filters")) narrow();
});
root.addEventListener("submit", (event) => {
  event.preventDefault();
  narrow();
});
root.addEventListener("focusin", roving);
root.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const row = /** @type {HTMLElement | null} */ (target?.closest("[data-key]") ?? null);
  const does = target?.closest("[data-do]")?.getAttribute("data-do");
  const link = /** @type {HTMLAnchorElement | null} */ (target?.closest("a.plain") ?? null);
  if (row && (does === "resync" || does === "purge")) void give(does, row);
  else if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    window.scrollTo({ top: 0 });
    go(new URL(link.href).search);
  }
});

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next tablet", () => step(list.rows, 1));
bind("Move", "k ArrowUp", "Tablet before", () => step(list.rows, -1));
bind("Move", "f", "Choose which", () => /** @type {HTMLElement | null} */ (root.querySelector("#filters select"))?.focus());
bind("Move", ".", "Show the new order", () => list.show());
bind("This tablet", "e Enter", "More about it", () => toggle(here(list.rows)));
bind("Page", "?", "All keys", help);
begin();
roving();
