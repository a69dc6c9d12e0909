// Doing something to a second response or a record through the REST door, and saying on its row how it went.

import { ask } from "../../dispatch/desk/dialogs.js";
import { here } from "../../dispatch/live_list.js";
import { NoAnswer, jsonFetcher } from "../../tablets/http.js";

/** @typedef {import("../../dispatch/desk/dialogs.js").Question} Question */

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
/** @type {Map<string, string>} one id for the same thing: sent again after a lost answer, it counts once */
const ids = new Map();

/** @typedef {{done: true, body: any} | {done: false, code: string, words: string, fields: Record<string, string>, facts: Record<string, any>}} Outcome */

/**
 * @param {string} kind
 * @param {Record<string, any>} args what is empty is left out
 * @param {Record<string, any>} [as] what is said as it is, empty or null
 * @returns {Promise<Outcome>}
 */
export async function act(kind, args, as = {}) {
  const given = { ...Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null && value !== undefined && value !== "")), ...as };
  const key = JSON.stringify([kind, given]);
  const id = ids.get(key) ?? crypto.randomUUID();
  ids.set(key, id);
  try {
    const body = await fetchJson(`/api/actions/${kind}/`, { id, args: given });
    ids.delete(key);
    return { done: true, body };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.status !== 0) ids.delete(key);
    const facts = error.problem.facts ?? {};
    const words = error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message;
    return { done: false, code: error.problem.code, words, fields: error.problem.code === "invalid_args" ? wrongs(facts["fields"]) : {}, facts };
  }
}

/**
 * @param {any} fields what the server says of each field, lists in lists
 * @returns {Record<string, string>} the first thing that is wrong with each
 */
function wrongs(fields) {
  const found = Object.entries(fields ?? {}).map(([name, said]) => [name, [said].flat(9)[0]]);
  return Object.fromEntries(found.map(([name, said]) => [name, String(said?.message ?? said)]));
}

/**
 * Say why it was not done so that it can be mended: a field that was not understood, by what it is called on the page.
 *
 * @param {Extract<Outcome, {done: false}>} outcome
 * @param {(name: string) => string | undefined} label
 */
export function whyNot(outcome, label) {
  const wrong = Object.entries(outcome.fields).map(([name, said]) => (label(name) ? `${label(name)}: ${said}` : said));
  return wrong.length ? wrong.join(" ") : outcome.words;
}

/**
 * Ask, and do it while the question stands: where it is refused, what was typed is there still, with why beneath it.
 *
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => Promise<Outcome>} does
 * @returns {Promise<any>} what was answered to the one thing that was done; null where nobody did it
 */
export async function askAndDo(question, does) {
  /** @type {any} */
  let body = null;
  const label = (/** @type {string} */ name) => question.fields.find((field) => field.name === name)?.label;
  const answer = await ask({
    ...question,
    send: async (given) => {
      const outcome = await does(given);
      if (!outcome.done) return whyNot(outcome, label);
      body = outcome.body;
      return "";
    },
  });
  return answer && body;
}

/**
 * Do it and say on the row how it went; the row is busy meanwhile, and is not drawn anew under what it says.
 *
 * @param {HTMLElement} row
 * @param {string} kind
 * @param {Record<string, any>} args
 * @param {string} words what was done
 * @returns {Promise<boolean>}
 */
export async function doTo(row, kind, args, words) {
  row.dataset["busy"] = "";
  const buttons = /** @type {HTMLButtonElement[]} */ ([...row.querySelectorAll("button")]);
  // A button that is disabled loses the focus: keys go on from its row.
  if (row.contains(document.activeElement)) row.focus({ preventScroll: true });
  for (const button of buttons) button.disabled = true;
  say(row, "Sending, not confirmed yet …", "");
  const outcome = await act(kind, args);
  for (const button of buttons) button.disabled = false;
  delete row.dataset["busy"];
  say(row, outcome.done ? words : `Not done. ${outcome.words}`, outcome.done ? "good" : "bad");
  return outcome.done;
}

/**
 * Ask, do it to a row while the question stands, and say on the row that it was done.
 *
 * @param {HTMLElement} row
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => {kind: string, args: Record<string, any>, words: string}} what
 * @returns {Promise<boolean>}
 */
export async function askToDo(row, question, what) {
  let words = "";
  // What is asked about is not drawn anew meanwhile.
  row.dataset["busy"] = "";
  const body = await askAndDo(question, (given) => {
    const told = what(given);
    words = told.words;
    return act(told.kind, told.args);
  });
  delete row.dataset["busy"];
  if (body === null) return false;
  say(row, words, "good");
  row.focus({ preventScroll: true });
  return true;
}

/**
 * @param {HTMLElement} row
 * @param {string} words
 * @param {string} tone
 */
function say(row, words, tone) {
  const place = /** @type {HTMLElement | null} */ (row.querySelector(".row-outcome"));
  if (!place) return;
  place.textContent = words;
  place.className = `row-outcome ${tone}`;
  place.hidden = false;
}

/**
 * Let a press of anything that says what it does (`data-do`) do it to its row.
 *
 * @param {HTMLElement} root the list
 * @param {Record<string, (row: HTMLElement) => unknown>} does what can be done, by name
 * @param {() => HTMLElement[]} rows
 * @returns {(...whats: string[]) => boolean} does the first of these that the row in hand offers: for keys
 */
export function doers(root, does, rows) {
  root.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const row = /** @type {HTMLElement | null} */ (target?.closest(".row") ?? null);
    const what = /** @type {HTMLElement | null} */ (target?.closest("[data-do]") ?? null)?.dataset["do"];
    if (row && what) void does[what]?.(row);
  });
  return (...whats) => {
    const row = here(rows());
    const what = whats.find((one) => row?.querySelector(`[data-do="${one}"]`));
    if (!row || !what) return false;
    void does[what]?.(row);
    return true;
  };
}

/**
 * What the page's questions offer: words for codes, and to whom something can be given.
 *
 * @typedef {object} Facts
 * @property {number | null} me
 * @property {[number, string][]} people
 * @property {[number, string][]} units
 * @property {[string, any][]} areas
 * @property {Record<string, Record<string, string>>} words
 * @property {Record<string, Record<string, string>>} [labels] what a report's choices are called, by what they answer
 */

/** @type {Facts} */
export const facts = JSON.parse(document.getElementById("facts")?.textContent ?? "{}");

/**
 * @param {Record<string, string> | undefined} words
 * @returns {{value: string, label: string}[]}
 */
export function choices(words) {
  return Object.entries(words ?? {}).map(([value, label]) => ({ value, label }));
}

/**
 * @param {[number, string][]} pairs
 * @returns {{value: string, label: string}[]}
 */
export function named(pairs) {
  return pairs.map(([value, label]) => ({ value: String(value), label }));
}

/**
 * @param {string | undefined} local what a field for a day and an hour holds
 * @returns {string | null} null where it is empty
 */
export function instant(local) {
  return local ? new Date(local).toISOString() : null;
}

/**
 * A whole page asks for its list anew when the document says that something changed, and by itself every so often.
 */
export const REFRESH_MS = 20_000;
