/**
 * Looking things up in the directory: what fits, what is open now, how far. No browser, no clock, no network.
 *
 * Nothing is called open that might not be. Hours that say more than we reckon with, that are not of today any more, or that
 * meet a holiday on which nobody said what holds, are not known.
 */

import { metres, wall } from "../../tablets/places.js";

/** @typedef {import("../../tablets/wire.js").Point} Point */

/**
 * One rule of a source, in the agency's wall time (followups/documents/resources.py).
 * @typedef {object} Schedule
 * @property {string} opens_at "09:00"
 * @property {string} closes_at at or before `opens_at`: on the next day
 * @property {"MONTHLY"} [freq] weekly otherwise
 * @property {string} [byday] "MO,TU", monthly also "2MO,-1FR"
 * @property {string} [bymonthday] "1,-1"
 * @property {number} [interval]
 * @property {string} [dtstart]
 * @property {string} [wkst]
 * @property {string} [valid_from]
 * @property {string} [valid_to]
 */

/**
 * One line of the directory: what is empty is missing.
 * @typedef {object} Resource
 * @property {string} name
 * @property {string} [organization]
 * @property {string[]} [needs]
 * @property {string} [about]
 * @property {string} [alert]
 * @property {string} [eligibility]
 * @property {[number|null, number|null]} [ages]
 * @property {string[]} [languages]
 * @property {string} [how]
 * @property {string} [fees]
 * @property {{number: string, shown?: string, extension?: string, type?: string, words?: string}[]} [phones]
 * @property {string} [url]
 * @property {boolean} [closed] for now
 * @property {string} [place]
 * @property {string} [address]
 * @property {Point} [point]
 * @property {Schedule[]} [schedules]
 * @property {boolean} [unclear] whether its source says more of its hours than `schedules`
 * @property {string} [hours] in the source's words
 * @property {string} as_of
 * @property {string} source
 */

/**
 * A holiday of followups/data/holidays.json.
 * @typedef {{name: string, month: number, day?: number, weekday?: number, nth?: number, after?: number}} Holiday
 */

/**
 * What is on the wall: a day and a time, the day before, and the days to come whose hours are known. Reckoned once for all resources.
 * @typedef {{date: string, time: string, before: string, holiday: string, holidayBefore: string, ahead: string[]}} Moment
 */

/**
 * Whether a resource is open. `until`: when it closes, empty round the clock. `next`: the day and time at which it opens. `why`: what
 * makes it doubtful.
 * @typedef {{state: "open"|"closed"|"unknown", until?: string, next?: {date: string, time: string}, why?: "holiday"|"shut"}} Hours
 */

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const DAY_MS = 86_400_000;
const AHEAD_DAYS = 15;
const inOrder = new Intl.Collator("en", { numeric: true });

/** Days are reckoned in UTC, where each has 24 hours. @param {string} date */
const msOf = (date) => Date.parse(`${date}T00:00:00Z`);
/** @param {number} ms */
const dateOf = (ms) => new Date(ms).toISOString().slice(0, 10);
/** @param {string} date @param {number} days */
const plus = (date, days) => dateOf(msOf(date) + days * DAY_MS);
/** The same few days are asked of thousands of rules. @type {Map<string, number>} */
const weekdays = new Map();
/** Monday is 0. @param {string} date */
function weekdayOf(date) {
  let weekday = weekdays.get(date);
  if (weekday === undefined) {
    if (weekdays.size > 1_000) weekdays.clear();
    weekdays.set(date, (weekday = (new Date(msOf(date)).getUTCDay() + 6) % 7));
  }
  return weekday;
}

/**
 * @param {number} now ms
 * @param {string} zone the agency's
 * @param {readonly Holiday[]} [holidays]
 * @returns {Moment}
 */
export function moment(now, zone, holidays = []) {
  const { date, time } = wall(now, zone);
  const before = plus(date, -1);
  const ahead = Array.from({ length: AHEAD_DAYS }, (_, days) => plus(date, days)).filter((day) => !holidayOn(day, holidays));
  return { date, time, before, holiday: holidayOn(date, holidays), holidayBefore: holidayOn(before, holidays), ahead };
}

/**
 * The name of the holiday that a day is, or that is kept on it; empty for any other day.
 * @param {string} date
 * @param {readonly Holiday[]} holidays
 */
export function holidayOn(date, holidays) {
  const year = Number(date.slice(0, 4));
  // New Year's Day is kept on the last day of the year before when it is a Saturday.
  for (const holiday of holidays) for (const of of [year, year + 1]) if (daysOf(holiday, of).includes(date)) return holiday.name;
  return "";
}

/** @param {Holiday} holiday @param {number} year */
function daysOf({ month, day, weekday, nth = 1, after = 0 }, year) {
  const first = `${year}-${String(month).padStart(2, "0")}-01`;
  if (day !== undefined) {
    const date = plus(first, day - 1);
    const kept = { 5: -1, 6: 1 }[weekdayOf(date)];
    return kept ? [date, plus(date, kept)] : [date];
  }
  const last = plus(dateOf(Date.UTC(year, month, 1)), -1);
  const wanted = /** @type {number} */ (weekday);
  const date = nth > 0 ? plus(first, ((wanted - weekdayOf(first) + 7) % 7) + (nth - 1) * 7) : plus(last, -((weekdayOf(last) - wanted + 7) % 7) + (nth + 1) * 7);
  return [plus(date, after)];
}

/**
 * Tell whether a rule falls on a day.
 * @param {Schedule} row
 * @param {string} date
 */
export function fallsOn(row, date) {
  if (!isInForce(row, date) || (row.dtstart && date < row.dtstart)) return false;
  const interval = row.interval ?? 1;
  if (row.freq !== "MONTHLY") {
    if (!row.byday?.split(",").includes(/** @type {string} */ (DAYS[weekdayOf(date)]))) return false;
    if (interval === 1) return true;
    const begins = Math.max(0, DAYS.indexOf(row.wkst ?? "MO"));
    const week = (/** @type {string} */ day) => Math.floor((msOf(day) / DAY_MS + 3 - begins) / 7);
    return (week(date) - week(/** @type {string} */ (row.dtstart))) % interval === 0;
  }
  if (interval > 1) {
    const month = (/** @type {string} */ day) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
    if ((month(date) - month(/** @type {string} */ (row.dtstart))) % interval !== 0) return false;
  }
  const day = Number(date.slice(8));
  const length = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate();
  const ofMonth = !row.bymonthday || row.bymonthday.split(",").some((part) => Number(part) === day || Number(part) === day - length - 1);
  const ofWeek = !row.byday || row.byday.split(",").some((part) => isNth(part, date, day, length));
  return ofMonth && ofWeek;
}

/**
 * "2MO" is the second Monday of a month, "-1FR" its last Friday, "MO" each.
 * @param {string} part
 * @param {string} date
 * @param {number} day
 * @param {number} length of the month
 */
function isNth(part, date, day, length) {
  if (part.slice(-2) !== DAYS[weekdayOf(date)]) return false;
  const nth = Number(part.slice(0, -2));
  return nth === 0 || nth === Math.ceil(day / 7) || nth === -Math.ceil((length - day + 1) / 7);
}

/** Past midnight, or round the clock when it is the same time twice. @param {Schedule} row */
const runsPast = (row) => row.closes_at <= row.opens_at;

/** Whether a rule is of these days. @param {Schedule} row @param {string} date */
const isInForce = ({ valid_from, valid_to }, date) => (!valid_from || valid_from <= date) && (!valid_to || valid_to >= date);

/** Round the clock, as sources write it. @param {Schedule} row */
const isWhole = ({ opens_at, closes_at }) => opens_at === closes_at || (opens_at === "00:00" && closes_at === "23:59");

/**
 * Whether it is open at every hour of every week: who says so says it of holidays too.
 * @param {readonly Schedule[]} rows
 * @param {string} date
 */
function isAlways(rows, date) {
  const whole = rows.filter((row) => isWhole(row) && row.freq !== "MONTHLY" && (row.interval ?? 1) === 1 && isInForce(row, date));
  return DAYS.every((day) => whole.some(({ byday }) => byday?.split(",").includes(day)));
}

/**
 * Tell whether a resource is open.
 * @param {Pick<Resource, "schedules"|"unclear"|"closed">} resource
 * @param {Moment} at
 * @returns {Hours}
 */
export function hoursOf({ schedules = [], unclear = false, closed = false }, at) {
  if (closed) return { state: "closed", why: "shut" };
  if (isAlways(schedules, at.date)) return { state: "open", until: "" };
  // Who opened yesterday and closes today keeps yesterday's hours.
  const late = schedules.filter((row) => runsPast(row) && at.time < row.closes_at && fallsOn(row, at.before));
  const today = schedules.filter((row) => fallsOn(row, at.date));
  const early = today.filter((row) => at.time >= row.opens_at && (runsPast(row) || at.time < row.closes_at));
  // A close tomorrow is later than any today.
  const ends = [...(at.holidayBefore ? [] : late.map(({ closes_at }) => `0${closes_at}`)), ...(at.holiday ? [] : early.map((row) => `${Number(runsPast(row))}${row.closes_at}`))];
  if (ends.length) return { state: "open", until: /** @type {string} */ (ends.sort().at(-1)).slice(1) };
  if (at.holiday || (at.holidayBefore && late.length)) return { state: "unknown", why: "holiday" };
  // None that holds these days says nothing about them: last year's hours are not today's.
  if (unclear || !schedules.some((row) => isInForce(row, at.date))) return { state: "unknown" };
  const next = nextOf(schedules, at);
  return { state: "closed", ...(next ? { next } : {}) };
}

/**
 * The next time at which it opens for sure.
 * @param {readonly Schedule[]} schedules
 * @param {Moment} at
 */
function nextOf(schedules, at) {
  for (const date of at.ahead) {
    const times = schedules.filter((row) => fallsOn(row, date) && (date !== at.date || row.opens_at > at.time)).map(({ opens_at }) => opens_at).sort();
    if (times[0]) return { date, time: times[0] };
  }
  return null;
}

/** What is asked for. Empty fields ask for nothing. @typedef {{need: string, text: string, open: boolean, age: string, language: string}} Question */

/** @returns {Question} */
export const nothingAsked = () => ({ need: "", text: "", open: false, age: "", language: "" });

/** Whether anything was asked. @param {Question} question */
export const isAsked = ({ need, text, open, age, language }) => Boolean(need || text.trim() || open || age || language);

/** One that fits: how far it is, in metres, where both places are known. @typedef {{id: string, body: Resource, hours: Hours, distance: number|null}} Found */

/**
 * What fits, open first, then what may be, the nearest first; what is named like the text before what only speaks of it.
 * @param {readonly {id: string, body: Resource}[]} resources
 * @param {Question} question
 * @param {{at: Moment, here: Point|null}} where
 * @returns {Found[]}
 */
export function find(resources, question, { at, here }) {
  const words = plain(question.text).split(" ").filter(Boolean);
  const age = question.age ? Number(question.age) : null;
  /** @type {(Found & {rank: number})[]} */
  const found = [];
  for (const { id, body } of resources) {
    if (question.need && !body.needs?.includes(question.need)) continue;
    if (question.language && !speaks(body, question.language)) continue;
    if (age !== null && !mayAt(body, age)) continue;
    const text = textOf(body);
    if (!words.every((word) => text.all.includes(` ${word}`))) continue;
    const hours = hoursOf(body, at);
    if (question.open && hours.state !== "open") continue;
    const named = words.length > 0 && words.every((word) => text.name.includes(` ${word}`));
    const distance = here && body.point ? metres(here, body.point) : null;
    found.push({ id, body, hours, distance, rank: (named ? 0 : 3) + { open: 0, unknown: 1, closed: 2 }[hours.state] });
  }
  found.sort((a, b) => a.rank - b.rank || (a.distance ?? Infinity) - (b.distance ?? Infinity) || inOrder.compare(a.body.name, b.body.name) || inOrder.compare(a.id, b.id));
  return found;
}

/** Whether somebody of an age may come; where nobody said, they may ask. @param {Resource} body @param {number} age */
export function mayAt({ ages }, age) {
  const [least, most] = ages ?? [null, null];
  // An upper age is meant to its end: 17 is until the eighteenth birthday.
  return (least === null || age >= least) && (most === null || age < Math.floor(most) + 1);
}

/** @param {Resource} body @param {string} language a code or a name */
function speaks({ languages = [] }, language) {
  const wanted = language.toLowerCase();
  return languages.some((one) => one.toLowerCase() === wanted || one.toLowerCase().split("-")[0] === wanted);
}

/**
 * All languages of a directory, by how often they are spoken.
 * @param {readonly {body: Resource}[]} resources
 */
export function languagesOf(resources) {
  /** @type {Map<string, number>} */
  const count = new Map();
  for (const { body } of resources) for (const language of body.languages ?? []) count.set(language, (count.get(language) ?? 0) + 1);
  return [...count.entries()].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).map(([language]) => language);
}

/** What is looked through, with a space before each word. @type {WeakMap<Resource, {name: string, all: string}>} */
const texts = new WeakMap();

/** @param {Resource} body */
function textOf(body) {
  let text = texts.get(body);
  if (!text) {
    const name = ` ${plain(`${body.name} ${body.organization ?? ""}`)}`;
    text = { name, all: `${name} ${plain([body.place, body.address, body.about, body.eligibility, body.alert].filter(Boolean).join(" "))}` };
    texts.set(body, text);
  }
  return text;
}

/** Lower case, without accents and signs: what fingers type. @param {string} text */
export function plain(text) {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
