// Flags: look at what does not fit and say so; one flag, several, or all of a cause, with a note.

import { ask } from "../dispatch/desk/dialogs.js";
import { begin, bind, help } from "../dispatch/desk/keys.js";
import { NoAnswer, jsonFetcher } from "../tablets/http.js";
import { LiveList } from "../dispatch/live_list.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
const root = /** @type {HTMLElement} */ (document.getElementById("list"));
const REFRESH_MS = 20_000;
// As many as the server takes at once: each one's call is locked until it has them.
const AT_ONCE = 100;

let query = location.search;
/** @type {Set<string>} causes that somebody opened */
const open = new Set();
/** @type {Set<string>} causes that somebody shut */
const shut = new Set();
/** @type {Set<string>} flags that somebody chose */
const chosen = new Set();
const list = new LiveList({ root, address: () => `${root.dataset["fragment"]}${query}`, everyMs: REFRESH_MS, drawn });

/** @returns {HTMLElement[]} what the keys move among: the lines of causes, and the flags of those that are open */
function stops() {
  return [...root.querySelectorAll(/** @type {"div"} */ ("[data-stop]"))].filter((one) => one.checkVisibility());
}

/** @returns {HTMLElement | null} */
function here() {
  return stops().find((one) => one === document.activeElement || one.contains(document.activeElement)) ?? null;
}

/** After the list was drawn: what was open and chosen is so again, and Tab reaches one flag, the others are for keys. */
function drawn() {
  for (const cause of causes()) {
    const details = /** @type {HTMLDetailsElement} */ (cause.querySelector("details"));
    const code = cause.dataset["cause"] ?? "";
    if (open.has(code)) details.open = true;
    if (shut.has(code)) details.open = false;
    for (const row of rowsOf(cause)) {
      const box = boxOf(row);
      if (box) box.checked = chosen.has(row.dataset["flag"] ?? "");
    }
    count(cause);
  }
  roving();
}

function roving() {
  const rows = stops().filter((one) => one.matches(".row"));
  const current = rows.find((row) => row === here()) ?? rows[0];
  for (const row of rows) row.tabIndex = row === current ? 0 : -1;
}

/** @returns {HTMLElement[]} */
function causes() {
  return [...root.querySelectorAll(/** @type {"section"} */ ("[data-cause]"))];
}

/**
 * @param {HTMLElement} cause
 * @returns {HTMLElement[]}
 */
function rowsOf(cause) {
  return [...cause.querySelectorAll(/** @type {"li"} */ (".row:not(.over)"))];
}

/**
 * @param {HTMLElement} row
 * @returns {HTMLInputElement | null}
 */
function boxOf(row) {
  return row.querySelector(".pick input");
}

/**
 * @param {Element | null} node
 * @returns {HTMLElement | null}
 */
function causeOf(node) {
  return node?.closest(/** @type {"section"} */ ("[data-cause]")) ?? null;
}

/**
 * Show how many of a cause are chosen.
 * @param {HTMLElement} cause
 */
function count(cause) {
  const picked = rowsOf(cause).filter((row) => boxOf(row)?.checked);
  const button = /** @type {HTMLButtonElement | null} */ (cause.querySelector("[data-chosen]"));
  const pick = /** @type {HTMLButtonElement | null} */ (cause.querySelector("[data-pick]"));
  if (button) {
    button.hidden = picked.length === 0;
    button.textContent = picked.length === 1 ? "Settle the chosen one…" : `Settle the ${picked.length} chosen…`;
  }
  if (pick) {
    const all = picked.length > 0 && picked.length === rowsOf(cause).length;
    pick.setAttribute("aria-pressed", String(all));
    pick.textContent = all ? "Choose none" : `Choose these ${rowsOf(cause).length}`;
  }
}

/**
 * @param {HTMLElement} row
 * @param {boolean} on
 */
function choose(row, on) {
  const box = boxOf(row);
  if (!box) return;
  box.checked = on;
  const id = row.dataset["flag"] ?? "";
  if (on) chosen.add(id);
  else chosen.delete(id);
  const cause = causeOf(row);
  if (cause) count(cause);
}

/**
 * @param {string} title
 * @param {string} text
 * @returns {Promise<string | null>} the note, which may be empty
 */
async function askNote(title, text) {
  const answer = await ask({
    title,
    text,
    confirm: "Settle",
    fields: [{ kind: "line", name: "note", label: "Note, kept with each of them", optional: true, limit: 400 }],
  });
  return answer === null ? null : (answer["note"] ?? "");
}

/** @type {Map<string, string>} one id for the same flags and note: sent again after a lost answer, it counts once */
const ids = new Map();

/**
 * Settle flags, a hundred at once, and say how it goes.
 * @param {HTMLElement} cause
 * @param {number[]} flags
 * @param {string} note
 */
async function settle(cause, flags, note) {
  const progress = /** @type {HTMLElement} */ (cause.querySelector(".progress"));
  const buttons = /** @type {HTMLButtonElement[]} */ ([...cause.querySelectorAll("button")]);
  for (const button of buttons) button.disabled = true;
  cause.dataset["busy"] = "";
  let done = 0;
  let problem = "";
  for (let at = 0; at < flags.length && !problem; at += AT_ONCE) {
    const part = flags.slice(at, at + AT_ONCE);
    const key = JSON.stringify([part, note]);
    const id = ids.get(key) ?? crypto.randomUUID();
    ids.set(key, id);
    try {
      await fetchJson("/api/actions/flag.settle/", { id, args: { flags: part, note } });
      ids.delete(key);
      done += part.length;
      over(part);
      if (flags.length > AT_ONCE) say(progress, `${done.toLocaleString()} of ${flags.length.toLocaleString()} settled`);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (error.status !== 0) ids.delete(key);
      problem = error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message;
    }
  }
  delete cause.dataset["busy"];
  for (const button of buttons) button.disabled = false;
  if (problem) say(progress, done ? `${done.toLocaleString()} of ${flags.length.toLocaleString()} settled, then: ${problem}` : problem);
  else await list.look({ whole: true });
}

/**
 * @param {HTMLElement} place
 * @param {string} words
 */
function say(place, words) {
  place.textContent = words;
  place.hidden = false;
}

/** @param {number[]} flags */
function over(flags) {
  for (const id of flags) {
    chosen.delete(String(id));
    const row = root.querySelector(`[data-flag="${id}"]`);
    if (!row) continue;
    row.classList.add("over");
    row.querySelector(".pick")?.remove();
    row.querySelector("[data-one]")?.remove();
  }
}

/** @param {HTMLElement} row */
async function settleOne(row) {
  const cause = causeOf(row);
  if (!cause || row.classList.contains("over")) return;
  const next = stops()[stops().indexOf(row) + 1]?.dataset["key"];
  const note = await askNote(`Settle the flag on ${row.dataset["what"]}?`, cause.dataset["title"] ?? "");
  if (note === null) return void row.focus();
  await settle(cause, [Number(row.dataset["flag"])], note);
  focus(next);
}

/** @param {HTMLElement} cause */
async function settleChosen(cause) {
  const flags = rowsOf(cause).filter((row) => boxOf(row)?.checked).map((row) => Number(row.dataset["flag"]));
  if (flags.length === 0) return;
  const note = await askNote(flags.length === 1 ? "Settle the chosen one?" : `Settle these ${flags.length}?`, cause.dataset["title"] ?? "");
  if (note === null) return;
  await settle(cause, flags, note);
  focus(`cause-${cause.dataset["cause"]}`);
}

/** @param {HTMLElement} cause */
async function settleWhole(cause) {
  const many = Number(cause.dataset["count"]);
  const unit = new URLSearchParams(query).get("unit") ?? "";
  const of = unit ? ` of ${root.querySelector("#by-unit option:checked")?.textContent?.replace(/ \(.*/, "")}` : "";
  const note = await askNote(many === 1 ? "Settle it?" : `Settle all ${many.toLocaleString()}${of}?`, `${cause.dataset["title"]}. What comes in from now on is not settled with them.`);
  if (note === null) return;
  const asked = new URLSearchParams({ code: cause.dataset["cause"] ?? "", until: cause.dataset["newest"] ?? "", ...(unit ? { unit } : {}) });
  const answer = await fetch(`/supervisor/flags/ids/?${asked}`, { credentials: "same-origin", cache: "no-store", redirect: "error" }).catch(() => null);
  const progress = /** @type {HTMLElement} */ (cause.querySelector(".progress"));
  if (!answer?.ok) return say(progress, "No answer from the server. Press again.");
  const { flags } = await answer.json();
  await settle(cause, flags, note);
  focus(stops()[0]?.dataset["key"]);
}

/** @param {string | undefined} key */
function focus(key) {
  const all = stops();
  (all.find((one) => one.dataset["key"] === key) ?? all[0])?.focus();
}

/** @param {1 | -1} by */
function step(by) {
  const all = stops();
  const at = all.findIndex((one) => one === here());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLFormElement} form */
function narrow(form) {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) asked.append(name, String(value));
  go(`?${asked}`);
}

/** @param {string} search */
function go(search) {
  query = search;
  chosen.clear();
  shut.clear();
  history.replaceState(null, "", `${location.pathname}${search}`);
  void list.look({ whole: true });
}

root.addEventListener("change", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const row = /** @type {HTMLElement | null} */ (target?.closest(".row") ?? null);
  if (row && target instanceof HTMLInputElement) choose(row, target.checked);
  else if (target?.closest("#filters")) narrow(/** @type {HTMLFormElement} */ (document.getElementById("filters")));
});
root.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target instanceof HTMLFormElement) narrow(event.target);
});
root.addEventListener("toggle", (event) => {
  const cause = causeOf(event.target instanceof Element ? event.target : null);
  const code = cause?.dataset["cause"] ?? "";
  const is = event.target instanceof HTMLDetailsElement && event.target.open;
  (is ? open : shut).add(code);
  (is ? shut : open).delete(code);
  roving();
}, true);
root.addEventListener("focusin", roving);
root.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const row = /** @type {HTMLElement | null} */ (target?.closest(".row") ?? null);
  const cause = causeOf(target);
  const link = /** @type {HTMLAnchorElement | null} */ (target?.closest("a.plain") ?? null);
  if (row && target?.closest("[data-one]")) void settleOne(row);
  else if (cause && target?.closest("[data-pick]")) pickAll(cause);
  else if (cause && target?.closest("[data-chosen]")) void settleChosen(cause);
  else if (cause && target?.closest("[data-whole]")) void settleWhole(cause);
  else if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    window.scrollTo({ top: 0 });
    go(new URL(link.href).search);
  }
});

/** @param {HTMLElement} cause */
function pickAll(cause) {
  const all = cause.querySelector("[data-pick]")?.getAttribute("aria-pressed") === "true";
  for (const row of rowsOf(cause)) choose(row, !all);
}

/** What "s" settles: the flags chosen in this cause, else the flag here, else all of the cause. */
function settleHere() {
  const at = here();
  const cause = causeOf(at);
  if (!at || !cause?.querySelector("[data-whole]")) return false;
  if (rowsOf(cause).some((row) => boxOf(row)?.checked)) void settleChosen(cause);
  else if (at.matches(".row")) void settleOne(at);
  else void settleWhole(cause);
  return true;
}

function chooseHere() {
  const at = here();
  if (!at?.matches(".row")) return false;
  choose(at, !boxOf(at)?.checked);
  return true;
}

function turnHere() {
  const details = causeOf(here())?.querySelector("details");
  if (!details) return false;
  details.open = !details.open;
  /** @type {HTMLElement | null} */ (details.querySelector("summary"))?.focus();
  return true;
}

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next", () => step(1));
bind("Move", "k ArrowUp", "Before", () => step(-1));
bind("Move", "o", "Open or shut the cause", turnHere);
bind("Move", "f", "Choose which", () => /** @type {HTMLElement | null} */ (root.querySelector("#filters select"))?.focus());
bind("Move", ".", "Show what is new", () => list.show());
bind("Settle", "x", "Choose this flag, or not", chooseHere);
bind("Settle", "a", "Choose all that are shown of the cause", () => {
  const cause = causeOf(here());
  if (!cause) return false;
  pickAll(cause);
  return true;
});
bind("Settle", "s", "Settle: the chosen ones, this one, or the whole cause", settleHere);
bind("Page", "?", "All keys", help);
begin();
drawn();
