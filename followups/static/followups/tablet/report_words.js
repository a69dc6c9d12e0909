/**
 * What the codes of a report are called on screen where an agency has no choice in them, and how a report stands, in words.
 * No browser.
 */

import { age, wallTime } from "../../tablets/times.js";
import { called } from "./report_body.js";

/** @typedef {import("./report_body.js").Body} Body */
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
    case "aside":
      return `${signed}Set aside for a supervisor: the server could not read it. Nothing is lost.`;
    case "sending":
      return `${signed}${where}, sending…`;
    default:
      return state === "SIGNED" ? "Signed and sent" : "Saved and sent, not signed";
  }
}

/** What of a person is told under which heading, and of which field its codes are. @type {[name: "needs"|"behaviours"|"done"|"supplies"|"outcomes", heading: string, field: string][]} */
const TOLD = [
  ["needs", "Needed", "NEED"],
  ["behaviours", "Seen", "BEHAVIOUR"],
  ["done", "Done", "DONE"],
  ["supplies", "Given", "SUPPLY"],
  ["outcomes", "Came of it", "OUTCOME"],
];

/**
 * What a report says of each person, for reading once it is signed.
 * @param {Body} body
 * @param {Record<string, {code: string, label: string}[]>} choices by field
 * @param {ReadonlyMap<number, string>} known names of people by id
 * @returns {{who: string, lines: [heading: string, words: string][]}[]}
 */
export function told({ met }, choices, known) {
  return met.map((one, i) => {
    /** @type {[string, string][]} */
    const lines = TOLD.flatMap(([name, heading, field]) => (one[name].length ? [/** @type {[string, string]} */ ([heading, one[name].map((code) => labelOf(choices, field, code)).join(", ")])] : []));
    const { naloxone, transport, left_to: left } = one;
    if (naloxone) lines.push(["Naloxone", `${naloxone.doses} ${naloxone.doses === 1 ? "dose" : "doses"}${naloxone.outcome ? `, ${(NALOXONE.find(([code]) => code === naloxone.outcome)?.[1] ?? "").toLowerCase()}` : ""}`]);
    if (transport) lines.push(["Taken by us to", [labelOf(choices, "DESTINATION", transport.destination), transport.where].filter(Boolean).join(", ")]);
    if (one.referrals.length) lines.push(["Referred to", one.referrals.map(({ to, declined }) => `${to}${declined ? " (declined)" : ""}`).join(", ")]);
    if (one.mandated) lines.push(["Mandated report", one.mandated.made_at ? "made" : "not made yet"]);
    if (left) lines.push(["Left", (LEFT_TO.find(([code]) => code === left)?.[1] ?? left).toLowerCase()]);
    lines.push(["Come again", (FOLLOW_UP.find(([code]) => code === one.follow_up)?.[1] ?? "").toLowerCase()]);
    return { who: called(one, i + 1, known), lines };
  });
}

/**
 * @param {Record<string, {code: string, label: string}[]>} choices
 * @param {string} field
 * @param {string} code
 */
const labelOf = (choices, field, code) => (choices[field] ?? []).find((choice) => choice.code === code)?.label ?? code;
