// Kept reports: read what one says, try it again after a fix, or close it with a reason; one by one or by cause.

import { ask } from "../dispatch/desk/dialogs.js";
import { begin, bind, help } from "../dispatch/desk/keys.js";
import { NoAnswer, jsonFetcher } from "../tablets/http.js";
import { LiveList, here, step } from "../dispatch/live_list.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
const root = /** @type {HTMLElement} */ (document.getElementById("list"));
const REFRESH_MS = 20_000;
// The order in which reasons are offered is how often they are true.
const REASONS = [
  { value: "ENTERED_AT_DESK", label: "Entered at the desk instead" },
  { value: "NO_LONGER_MATTERS", label: "It no longer matters" },
  { value: "DUPLICATE", label: "It was reported in another way" },
  { value: "NOT_TRUE", label: "The crew says it is not so" },
  { value: "OTHER", label: "Something else (write it below)" },
];

let query = location.search;
const list = new LiveList({ root, address: () => `${root.dataset["fragment"]}${query}`, everyMs: REFRESH_MS, drawn: roving });

/** One row is reached by Tab, the others from there by keys. */
function roving() {
  const rows = list.rows;
  const current = here(rows) ?? rows[0];
  for (const row of rows) row.tabIndex = row === current ? 0 : -1;
}

/** @param {HTMLElement} row */
async function read(row) {
  const said = /** @type {HTMLElement} */ (row.querySelector(".row-said"));
  const button = /** @type {HTMLButtonElement | null} */ (row.querySelector('[data-do="read"]'));
  if (!button || button.disabled) return;
  if (!said.hidden) {
    said.hidden = true;
    delete row.dataset["busy"];
  } else {
    // Nothing that was read stays in the page when it is closed: it is asked for again, and that is in the record, too.
    button.disabled = true;
    const answer = await fetch(`/supervisor/quarantine/${row.dataset["ticket"]}/read/`, {
      method: "POST",
      headers: { "X-CSRFToken": csrf },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    }).catch(() => null);
    button.disabled = false;
    if (!answer?.ok) {
      outcome(row, "bad", answer ? "It cannot be opened here." : "No answer from the server.");
      return;
    }
    said.innerHTML = await answer.text();
    said.hidden = false;
    row.dataset["busy"] = "";
  }
  if (said.hidden) said.replaceChildren();
  button.textContent = said.hidden ? "Read it" : "Put away";
  button.setAttribute("aria-expanded", String(!said.hidden));
}

/**
 * @param {HTMLElement} row
 * @param {"good" | "bad"} look
 * @param {string} words
 */
function outcome(row, look, words) {
  const place = /** @type {HTMLElement} */ (row.querySelector(".row-outcome"));
  place.textContent = words;
  place.className = `row-outcome ${look}`;
  place.hidden = false;
}

/** @type {WeakMap<HTMLElement, Map<string, string>>} one id for each press of a row: sent again after a lost answer, it counts once */
const ids = new WeakMap();

/**
 * Ask the server once for what a button says; the row says how it ended.
 * @param {HTMLElement} row
 * @param {string} kind
 * @param {Record<string, unknown>} args
 * @param {(answer: any) => [look: "good" | "bad", words: string, settled: boolean]} told
 * @returns {Promise<boolean | null>} whether the report is settled; null when that is not known
 */
async function send(row, kind, args, told) {
  const known = ids.get(row) ?? new Map();
  ids.set(row, known);
  const key = JSON.stringify([kind, args]);
  const id = known.get(key) ?? crypto.randomUUID();
  known.set(key, id);
  const buttons = /** @type {HTMLButtonElement[]} */ ([...row.querySelectorAll(".row-acts button")]);
  for (const button of buttons) button.disabled = true;
  row.dataset["busy"] = "";
  let settled = null;
  try {
    const [look, words, is] = told(await fetchJson(`/api/actions/${kind}/`, { id, args: { ticket: Number(row.dataset["ticket"]), ...args } }));
    outcome(row, look, words);
    known.delete(key);
    settled = is;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    // An answer that is a no is the answer to this id for ever; without one, the same id asks again.
    if (error.status !== 0) known.delete(key);
    outcome(row, "bad", error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message);
  }
  for (const button of buttons) button.disabled = false;
  if (settled) {
    row.classList.add("over");
    for (const button of buttons) if (button.dataset["do"] !== "read") button.remove();
  }
  return settled;
}

/**
 * @param {HTMLElement} row
 * @returns {Promise<boolean | null>}
 */
function retry(row) {
  return send(row, "quarantine.retry", {}, ({ result }) => {
    if (result.status === "applied") {
      const fits = (result.answer?.flags ?? []).length === 0;
      return ["good", fits ? "Entered." : "Entered. It does not fit everywhere: see “To look at”.", true];
    }
    return ["bad", `${result.status === "refused" ? "Refused now" : "Kept again"}: ${result.message}`, false];
  });
}

/**
 * @param {HTMLElement} row
 * @param {string} reason
 */
function close(row, reason) {
  return send(row, "quarantine.close", { reason }, () => ["good", `Closed: ${reason}`, true]);
}

/**
 * @param {string} title
 * @returns {Promise<string | null>}
 */
async function askReason(title) {
  const answer = await ask({
    title,
    text: "It will not be entered. What was sent stays in the record, with your reason.",
    danger: true,
    confirm: "Close it",
    fields: [
      { kind: "choice", name: "code", label: "Why", choices: REASONS },
      { kind: "line", name: "more", label: "In your words", optional: true, limit: 240 },
    ],
  });
  if (answer === null) return null;
  const label = REASONS.find((one) => one.value === answer["code"])?.label ?? "";
  if (answer["code"] !== "OTHER") return answer["more"] ? `${label}. ${answer["more"]}` : label;
  return answer["more"] || askReason("Write the reason");
}

/** @param {HTMLElement} row */
async function closeAsking(row) {
  const reason = await askReason(`Close “${row.dataset["what"]}”?`);
  if (reason !== null) await close(row, reason);
  row.focus();
}

/**
 * Do the same to every report of a cause that is shown, one after the other, and say how it goes.
 * @param {HTMLElement} cause
 * @param {string} what
 */
async function all(cause, what) {
  const rows = list.rows.filter((row) => cause.contains(row) && !row.classList.contains("over"));
  const reason = what === "close" ? await askReason(`Close these ${rows.length}?`) : "";
  if (reason === null) return;
  const progress = /** @type {HTMLElement} */ (cause.querySelector(".progress"));
  const buttons = /** @type {HTMLButtonElement[]} */ ([...cause.querySelectorAll("[data-all]")]);
  for (const button of buttons) button.disabled = true;
  progress.hidden = false;
  let settled = 0;
  let done = 0;
  for (const row of rows) {
    const is = what === "close" ? await close(row, reason) : await retry(row);
    // Without an answer the rest would only wait for as long.
    if (is === null) break;
    done += 1;
    settled += is ? 1 : 0;
    progress.textContent = `${done} of ${rows.length}: ${settled} settled, ${done - settled} kept`;
  }
  if (done < rows.length) progress.textContent = `Stopped after ${done} of ${rows.length}: the server gave no answer or said no. Press again to go on.`;
  for (const button of buttons) button.disabled = false;
}

/** @param {HTMLFormElement} form */
function narrow(form) {
  const chosen = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) chosen.append(name, String(value));
  go(`?${chosen}`);
}

/** @param {string} search */
function go(search) {
  query = search;
  history.replaceState(null, "", `${location.pathname}${search}`);
  void list.look({ whole: true });
}

root.addEventListener("change", (event) => {
  if (event.target instanceof Element && event.target.closest("#filters")) narrow(/** @type {HTMLFormElement} */ (document.getElementById("filters")));
});
root.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target instanceof HTMLFormElement) narrow(event.target);
});
root.addEventListener("focusin", roving);
root.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const row = /** @type {HTMLElement | null} */ (target?.closest("[data-key]") ?? null);
  const cause = /** @type {HTMLElement | null} */ (target?.closest("[data-cause]") ?? null);
  const link = /** @type {HTMLAnchorElement | null} */ (target?.closest("a.plain") ?? null);
  const does = target?.closest("[data-do]")?.getAttribute("data-do");
  const every = target?.closest("[data-all]")?.getAttribute("data-all");
  if (row && does) run(does, row);
  else if (cause && every) void all(cause, every);
  else if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    window.scrollTo({ top: 0 });
    go(new URL(link.href).search);
  }
});

/**
 * @param {string} does
 * @param {HTMLElement} row
 */
function run(does, row) {
  if (does !== "read" && !row.querySelector(`[data-do="${does}"]`)) return;
  if (does === "read") void read(row);
  else if (does === "retry") void retry(row);
  else void closeAsking(row);
}

/** @param {string} does */
function runHere(does) {
  const row = here(list.rows);
  if (!row) return false;
  run(does, row);
  return true;
}

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next report", () => step(list.rows, 1));
bind("Move", "k ArrowUp", "Report before", () => step(list.rows, -1));
bind("Move", "f", "Choose which", () => /** @type {HTMLElement | null} */ (root.querySelector("#filters select"))?.focus());
bind("Move", ".", "Show what is new", () => list.show());
bind("This report", "e Enter", "Read what was sent", () => runHere("read"));
bind("This report", "t", "Try again", () => runHere("retry"));
bind("This report", "c", "Close with a reason", () => runHere("close"));
bind("Page", "?", "All keys", help);
begin();
roving();
