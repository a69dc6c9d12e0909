// Doing something to a second response or a record through the REST door, and saying on its row how it went.

import { here } from "../../dispatch/live_list.js";
import { NoAnswer, jsonFetcher } from "../../tablets/http.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
/** @type {Map<string, string>} one id for the same thing: sent again after a lost answer, it counts once */
const ids = new Map();

/** @typedef {{done: true, body: any} | {done: false, words: string}} Outcome */

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
    return { done: false, words: error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message };
  }
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
  for (const button of buttons) button.disabled = true;
  say(row, "Sending, not confirmed yet …", "");
  const outcome = await act(kind, args);
  for (const button of buttons) button.disabled = false;
  delete row.dataset["busy"];
  say(row, outcome.done ? words : `Not done. ${outcome.words}`, outcome.done ? "good" : "bad");
  return outcome.done;
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
 * A whole page asks for its list anew when the document says that something changed, and by itself every so often.
 */
export const REFRESH_MS = 20_000;
