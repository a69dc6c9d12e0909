/**
 * Second responses that are this unit's to see to, in words and in order. No browser, no clock.
 */

import { age, wallTime } from "../../tablets/times.js";
import { dayWords } from "./person_words.js";

/** @typedef {import("../../tablets/actions.js").Action} Action */

/**
 * A follow-up, as it comes down a unit's stream (followups/documents/plans.py).
 * @typedef {object} FollowUpBody
 * @property {number} client
 * @property {number|null} step days after the encounter; null for a single one
 * @property {string} state
 * @property {string} due_date
 * @property {string} due_at when the visiting hours of its day begin
 * @property {string} due_until
 * @property {0|1} risk a number: sealed, neither is longer than the other
 * @property {string} reason
 * @property {string} address
 * @property {[number, number]|null} point
 * @property {number|null} call
 * @property {{how: string, result: string, at: string}[]} attempts
 */

/** `attempts`: those of this tablet that the server does not know yet come last. @typedef {{id: string, body: FollowUpBody, attempts: {how: string, result: string, at: string, sent: boolean}[], over: boolean}} Visit */

/** @type {[code: string, words: string, icon: string][]} */
export const HOW = [
  ["VISIT", "Visit", "directions_walk"],
  ["PHONE", "Phone", "phone"],
  ["PROVIDER", "Through a provider", "connect_without_contact"],
];

/** @type {[code: string, words: string][]} */
export const RESULTS = [
  ["REACHED", "Reached"],
  ["NOT_FOUND", "Not found"],
  ["REFUSED", "Wants no more"],
  ["MOVED", "Moved away"],
  ["HOSPITALISED", "In hospital"],
  ["IN_CUSTODY", "In custody"],
  ["DECEASED", "Has died"],
];

/** What ends a follow-up, or has it wait: there is nothing more to do here. */
const ENDS = new Set(["REACHED", "REFUSED", "HOSPITALISED", "IN_CUSTODY", "DECEASED"]);

/**
 * What is to be seen to, what is due first; what was seen to here and is not sent yet comes last.
 * @param {readonly {id: string, body: FollowUpBody}[]} documents
 * @param {readonly Action[]} facts what was done here and the documents may not show
 * @param {string|null} person who is signed on here
 * @returns {Visit[]}
 */
export function visits(documents, facts, person) {
  const open = documents.filter(({ body }) => body.state === "PENDING" || body.state === "DUE");
  const all = open.map(({ id, body }) => {
    const mine = facts
      .filter(({ kind, args, state, actor }) => kind === "follow_up.attempt" && String(args["follow_up"]) === id && state !== "refused" && state !== "quarantined" && actor === person)
      // The document has it: it counts once.
      .filter(({ happened_at: at }) => !body.attempts.some((known) => Date.parse(known.at) === Date.parse(at)))
      .map(({ args, happened_at: at, state }) => ({ how: String(args["how"]), result: String(args["result"]), at, sent: state === "applied" }));
    const attempts = [...body.attempts.map((known) => ({ ...known, sent: true })), ...mine];
    return { id, body, attempts, over: mine.some(({ result }) => ENDS.has(result)) };
  });
  return all.sort((a, b) => Number(a.over) - Number(b.over) || a.body.due_at.localeCompare(b.body.due_at) || Number(a.id) - Number(b.id));
}

/**
 * When somebody is to be seen.
 * @param {Pick<FollowUpBody, "due_date"|"due_at"|"due_until">} body
 * @param {{now: number, zone: string}} given
 * @returns {{words: string, look: "late"|"now"|"later"}}
 */
export function whenWords({ due_date: day, due_at: from, due_until: until }, { now, zone }) {
  if (now > Date.parse(until)) return { words: `${age(now - Date.parse(until))} overdue`, look: "late" };
  const hours = `${wallTime(from, zone)} to ${wallTime(until, zone)}`;
  if (now >= Date.parse(from)) return { words: `now, until ${wallTime(until, zone)}`, look: "now" };
  return { words: `${dayWords(day, now, zone)}, ${hours}`, look: "later" };
}

/**
 * @param {string} how
 * @param {string} result
 */
export function attemptWords(how, result) {
  const what = HOW.find(([code]) => code === how)?.[1] ?? how;
  return `${what}: ${(RESULTS.find(([code]) => code === result)?.[1] ?? result).toLowerCase()}`;
}
