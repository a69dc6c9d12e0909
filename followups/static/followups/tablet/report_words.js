/**
 * What the codes of a report are called on screen where an agency has no choice in them, and how a report stands, in words.
 * No browser.
 */

import { age, wallTime } from "../../tablets/times.js";

/** @typedef {import("./report_drafts.js").Report} Report */

/** Where somebody was when the crew left. @type {[code: string, words: string][]} */
export const LEFT_TO = [
  ["STREET", "Where we met"],
  ["HOME", "At home"],
  ["SHELTER", "Shelter"],
  ["HOSPITAL", "Hospital"],
  ["CUSTODY", "Police custody"],
  ["OTHER", "Elsewhere"],
];

/** @type {[code: "RECOVERED"|"NO_RESPONSE"|"EMS_TOOK_OVER"|"REFUSED", words: string][]} */
export const NALOXONE = [
  ["RECOVERED", "Came round"],
  ["NO_RESPONSE", "No response"],
  ["EMS_TOOK_OVER", "EMS took over"],
  ["REFUSED", "Refused more help"],
];

/** @type {[code: "YES"|"NO"|"NOT_ASKED", words: string][]} */
export const FOLLOW_UP = [
  ["YES", "Yes, agreed"],
  ["NO", "No, declined"],
  ["NOT_ASKED", "Not asked"],
];

/** @type {[code: string, words: string, ask: string][]} */
export const WAYS = [
  ["PHONE", "Phone", "Number"],
  ["ADDRESS", "Home", "Address"],
  ["SHELTER", "Shelter", "Which shelter"],
  ["PLACE", "A place", "Where they usually are"],
  ["PROVIDER", "A provider", "Who, and where"],
  ["EMAIL", "Email", "Address"],
];

/** What may be said to whoever answers there. @type {[code: string, words: string][]} */
export const MAY_SAY = [
  ["NOTHING", "Nothing"],
  ["FIRST_NAME", "A first name"],
  ["TEAM", "That it is CARE"],
  ["REASON", "Why we come"],
];

/** @type {[days: number, words: string][]} */
export const CAUTION_DAYS = [
  [30, "30 days"],
  [90, "90 days"],
  [180, "half a year"],
  [365, "a year"],
];

/**
 * By when a report is due, and whether that has passed.
 * @param {Pick<Report, "dueAt">} report
 * @param {{now: number, zone: string, shiftEnds: string|null}} given `shiftEnds`: what it will be, where the server has not said it yet
 * @returns {{words: string, late: boolean}}
 */
export function dueWords({ dueAt }, { now, zone, shiftEnds }) {
  const at = dueAt ?? shiftEnds;
  if (!at) return { words: "due by the end of your shift", late: false };
  const late = now - Date.parse(at);
  if (late > 0) return { words: `${age(late)} late`, late: true };
  return { words: `due ${wallTime(at, zone)}`, late: false };
}

/**
 * How far what stands on a report came: never better than it is.
 * @param {Pick<Report, "state"|"kept">} report
 * @param {{offline: boolean, durable: boolean}} given `durable`: whether this tablet keeps anything
 */
export function keptWords({ state, kept }, { offline, durable }) {
  const signed = state === "SIGNED" ? "Signed. " : "";
  const where = durable ? "Kept on this tablet" : "On this page only";
  switch (kept) {
    case "typing":
      return `${signed}Not saved yet…`;
    case "waiting":
      return `${signed}${where}, ${offline ? "sends itself with the next signal" : "waiting to be sent"}`;
    case "sending":
      return `${signed}${where}, sending…`;
    default:
      return state === "SIGNED" ? "Signed and sent" : "Saved and sent, not signed";
  }
}
