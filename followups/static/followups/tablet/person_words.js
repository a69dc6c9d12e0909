/**
 * What a crew is told of somebody, in plain words: what they are called, what to expect, how they may be reached, and what is
 * planned. No browser.
 */

import { wallDay } from "../../tablets/times.js";

/**
 * A way to reach somebody, as it comes down a unit's stream. `hours`: local, from and until.
 * @typedef {{kind: string, value: string, point: [number, number]|null, may_say: string, leave_message: boolean, hours: [string, string]|null, note: string}} Way
 */

/**
 * Somebody whom the crew is with, or is to visit (followups/documents/clients.py). No history.
 * @typedef {object} ClientBody
 * @property {string} name
 * @property {string[]} [aliases]
 * @property {string} known_as
 * @property {string} looks
 * @property {string} born_on
 * @property {string} language BCP 47
 * @property {boolean} interpreter
 * @property {string} pronouns
 * @property {boolean} [deceased]
 * @property {{text: string, seen_on: string, expires_at: string}[]} cautions
 * @property {string[]} helps
 * @property {string[]} avoid
 * @property {string[]} baseline
 * @property {string[]} elevated
 * @property {{text: string, review_on: string}|null} care_plan
 * @property {Way[]} ways
 * @property {{state: string, steps: {step: number, due_date: string, state: string}[]}|null} plan
 * @property {number[]} calls
 */

/** Languages that are often spoken where CARE works; any other can be written. @type {[tag: string, words: string][]} */
export const LANGUAGES = [
  ["es", "Spanish"],
  ["vi", "Vietnamese"],
  ["so", "Somali"],
  ["zh", "Chinese"],
  ["am", "Amharic"],
  ["ti", "Tigrinya"],
  ["om", "Oromo"],
  ["ru", "Russian"],
  ["uk", "Ukrainian"],
  ["ko", "Korean"],
  ["tl", "Tagalog"],
  ["ar", "Arabic"],
  ["fr", "French"],
  ["sw", "Swahili"],
  ["ase", "American Sign Language"],
];

/** @type {Record<string, string>} */
const MAY_SAY = {
  NOTHING: "Say nothing of CARE, and not why.",
  FIRST_NAME: "Give a first name only. Not who we are, not why.",
  TEAM: "You may say that it is CARE. Not why.",
  REASON: "You may say why you come.",
};

/** What a place to ask is called. @type {Record<string, string>} */
const PLACES = { PHONE: "Phone", EMAIL: "Email", ADDRESS: "At home", SHELTER: "Shelter", PLACE: "Usually at", PROVIDER: "Through" };

/** What a crew calls somebody. @param {Pick<ClientBody, "name"|"looks">} client */
export const nameOf = ({ name, looks }) => name || (looks ? `Not named: ${looks}` : "Somebody known, not named");

/**
 * @param {string} tag BCP 47
 */
export function language(tag) {
  const known = LANGUAGES.find(([code]) => code === tag)?.[1];
  if (known) return known;
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/**
 * A local day, as people say it: "today", "tomorrow", "Tuesday 9 Jun".
 * @param {string} day ISO date
 * @param {number} now ms
 * @param {string} zone IANA
 */
export function dayWords(day, now, zone) {
  const today = localDay(now, zone);
  const apart = Math.round((Date.parse(`${day}T00:00:00Z`) - Date.parse(`${today}T00:00:00Z`)) / 86_400_000);
  if (apart === 0) return "today";
  if (apart === 1) return "tomorrow";
  if (apart === -1) return "yesterday";
  return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "long", day: "numeric", month: "short" }).format(new Date(`${day}T00:00:00Z`)).replace(",", "");
}

/**
 * The day on the wall, ISO.
 * @param {number} instant ms
 * @param {string} zone IANA
 */
export function localDay(instant, zone) {
  // Sweden writes days as ISO does.
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(new Date(instant));
}

/**
 * What to expect, as long as it holds.
 * @param {Pick<ClientBody, "cautions">} client
 * @param {number} now ms
 */
export const inForce = ({ cautions }, now) => cautions.filter(({ expires_at }) => Date.parse(expires_at) > now);

/**
 * @param {{text: string, seen_on: string, expires_at: string}} caution
 * @param {number} now ms
 * @param {string} zone
 */
export const cautionWords = ({ seen_on, expires_at }, now, zone) => `seen ${dayWords(seen_on, now, zone)} · until ${wallDay(expires_at, zone, now)}`;

/**
 * What is planned for somebody, in one sentence; empty where nothing is.
 * @param {Pick<ClientBody, "plan">} client
 * @param {number} now ms
 * @param {string} zone
 */
export function planWords({ plan }, now, zone) {
  if (!plan) return "";
  if (plan.state === "PAUSED") return "Their second responses wait until they are back from hospital or custody.";
  if (plan.state !== "OPEN") return "";
  const next = plan.steps.filter(({ state }) => state === "PENDING" || state === "DUE").sort((a, b) => a.due_date.localeCompare(b.due_date))[0];
  if (!next) return "Their second responses are done but for the end.";
  return next.due_date < localDay(now, zone) ? `A second response was planned for ${dayWords(next.due_date, now, zone)}, and is still open.` : `A second response is planned for ${dayWords(next.due_date, now, zone)}.`;
}

/**
 * How somebody may be reached: where, and the rules that keep them safe, one sentence each.
 * @param {Way} way
 * @returns {{where: string, rules: string[]}}
 */
export function wayWords({ kind, value, may_say: maySay, leave_message: message, hours, note }) {
  const rules = [];
  // Whatever is kept: who hears there why we come knows more than they may.
  if (kind === "SHELTER") rules.push("Never say why to anybody there.");
  rules.push(kind === "SHELTER" && maySay === "REASON" ? /** @type {string} */ (MAY_SAY["TEAM"]) : (MAY_SAY[maySay] ?? "Do not say why."));
  if (kind === "PHONE") rules.push(message ? "A message may be left." : "No message.");
  if (hours) rules.push(`Only from ${hourOf(hours[0])} to ${hourOf(hours[1])}.`);
  if (note) rules.push(note);
  return { where: `${PLACES[kind] ?? "Where"}: ${value}`, rules };
}

/** @param {string} time */
const hourOf = (time) => time.slice(0, 5);
