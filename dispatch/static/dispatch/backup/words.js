// What a console says about a request for backup. Knows no DOM.

import { extent } from "../../tablets/places.js";
import { age } from "../../tablets/times.js";

/**
 * @typedef {object} Alarm as /api/backup/watch/ gives it
 * @property {string} key
 * @property {string} state
 * @property {string} received_at
 * @property {string | null} pressed_at
 * @property {boolean} late
 * @property {{id: number, call_sign: string, status: string | null, since: string | null} | null} unit
 * @property {string[]} people
 * @property {{id: number, number: string, address: string, point: [number, number] | null} | null} call
 * @property {string} level
 * @property {string | null} [asked_level]
 * @property {string} service
 * @property {boolean} silent
 * @property {boolean} drill
 * @property {string} origin
 * @property {{lon: number, lat: number, accuracy: number | null, at: string} | null} position
 * @property {[number, number, string][]} track
 * @property {number | null} battery
 * @property {number[]} rings
 * @property {number | null} step
 * @property {string | null} seen_by
 * @property {string | null} seen_at
 * @property {{unit: string, sent_at: string, due_at: string | null, arrived_at: string | null} | null} police
 * @property {{asked_at: string, reason: string} | null} cancel
 * @property {number} again
 * @property {string} last_heard_at
 * @property {{kind: string, call_sign: string, meters: number}[]} near
 * @property {boolean} [own] whether this console's person is on the unit
 */

// Reminders count from here (dispatch/backup/schedule.py).
export const REMINDER = 1_000_000;
const SPREAD_STEP = 2;
// A tablet that asks for backup speaks every 5 s.
const SILENCE_MS = 30_000;
const EARTH_M = 6_371_008.8;

const RANK = /** @type {Record<string, number>} */ ({ NON_URGENT: 0, URGENT: 1, EMERGENCY: 2 });
export const LEVELS = /** @type {Record<string, string>} */ ({ EMERGENCY: "EMERGENCY", URGENT: "URGENT", NON_URGENT: "NOT URGENT" });
const STATUSES = /** @type {Record<string, string>} */ ({
  AVAILABLE: "Available", MEAL: "At a meal", REPORT: "Writing reports", OUT_OF_SERVICE: "Out of service", OFF_SHIFT: "Off shift",
  ASSIGNED: "Assigned", ACKNOWLEDGED: "Acknowledged", EN_ROUTE: "En route", STAGED: "Staged", ON_SCENE: "On scene",
  TRANSPORTING: "Transporting", AT_DESTINATION: "At the destination",
});
const ORIGINS = /** @type {Record<string, string>} */ ({
  RADIO: "Raised by the desk: the crew asked on the radio", WELFARE: "Raised by the server: nobody answered the welfare clock",
  WITHDRAW: "The crew withdrew from danger",
});
export const ENDS = /** @type {Record<string, string>} */ ({ RESOLVED: "Over: the crew is safe", FALSE_ALARM: "False alarm", DRILL_OVER: "Drill is over" });

/**
 * @param {string} level
 * @returns {number}
 */
export const rank = (level) => RANK[level] ?? 2;

/**
 * @param {Alarm} alarm
 * @returns {string} who comes
 */
export const service = (alarm) => (alarm.service === "EMS" ? "EMS" : "Police");

/**
 * @param {Alarm} alarm
 * @returns {string}
 */
export const who = (alarm) => alarm.unit?.call_sign ?? "UNKNOWN UNIT";

/**
 * @param {Alarm} alarm
 * @returns {string}
 */
export function title(alarm) {
  const what = alarm.service === "EMS" ? "EMS NEEDED" : "BACKUP";
  return [alarm.drill ? "TEST" : "", what, who(alarm), LEVELS[alarm.level] ?? alarm.level].filter(Boolean).join(" · ");
}

/**
 * Since when: what came late says so loudly.
 *
 * @param {Alarm} alarm
 * @param {number} now ms
 * @returns {string}
 */
export function when(alarm, now) {
  const received = age(now - Date.parse(alarm.received_at));
  if (!alarm.pressed_at) return `received ${received} ago`;
  const pressed = age(now - Math.min(Date.parse(alarm.pressed_at), Date.parse(alarm.received_at)));
  return alarm.late ? `PRESSED ${pressed} AGO, RECEIVED ${received} AGO`.toUpperCase() : `pressed ${pressed} ago`;
}

/**
 * @param {Alarm} alarm
 * @param {number} now ms
 * @returns {string} what the unit does now, since when
 */
export function unitNow(alarm, now) {
  if (!alarm.unit) return "Which unit it is, is not known: ask on the radio who pressed";
  if (!alarm.unit.status) return "Not known";
  const span = alarm.unit.since ? ` for ${age(now - Date.parse(alarm.unit.since))}` : "";
  return `${STATUSES[alarm.unit.status] ?? alarm.unit.status}${span}`;
}

/**
 * Tell in which service area they are.
 *
 * @param {Alarm} alarm
 * @param {{name: string, polygon: any}[]} areas
 * @returns {string} its name; empty where none is known
 */
export function area(alarm, areas) {
  const place = alarm.position;
  if (!place) return "";
  return areas.find(({ polygon }) => polygonsOf(polygon).some(([outer, ...holes]) => outer !== undefined && holds(outer, place) && !holes.some((hole) => holds(hole, place))))?.name ?? "";
}

/**
 * @param {any} polygon GeoJSON
 * @returns {[number, number][][][]}
 */
const polygonsOf = (polygon) => (polygon?.type === "Polygon" ? [polygon.coordinates] : (polygon?.coordinates ?? []));

/**
 * Whether a line from the place to the east leaves the ring: it crosses it an odd number of times.
 *
 * @param {[number, number][]} ring
 * @param {{lon: number, lat: number}} place
 */
function holds(ring, { lon, lat }) {
  let inside = false;
  for (const [i, [east, north]] of ring.entries()) {
    const [west, south] = /** @type {[number, number]} */ (ring.at(i - 1));
    if (north > lat !== south > lat && lon < ((west - east) * (lat - north)) / (south - north) + east) inside = !inside;
  }
  return inside;
}

/**
 * @param {Alarm} alarm
 * @param {number} now ms
 * @returns {string} how good the position is, and how old
 */
export function position(alarm, now) {
  const place = alarm.position;
  if (!place) return "No position was sent";
  const wide = place.accuracy === null ? "accuracy unknown" : `within ${extent(place.accuracy)}`;
  return `${wide}, measured ${age(now - Date.parse(place.at))} ago`;
}

/**
 * @param {Alarm} alarm
 * @returns {string} the position as another system takes it
 */
export const coordinates = (alarm) => (alarm.position ? `${alarm.position.lat.toFixed(5)}, ${alarm.position.lon.toFixed(5)}` : "");

/**
 * @param {Alarm} alarm
 * @returns {number | null} meters between where they are and the address of their call
 */
export function apart(alarm) {
  const point = alarm.call?.point;
  if (!point || !alarm.position) return null;
  const rad = Math.PI / 180;
  const north = (point[1] - alarm.position.lat) * rad;
  const east = (point[0] - alarm.position.lon) * rad * Math.cos(alarm.position.lat * rad);
  return Math.hypot(north, east) * EARTH_M;
}

/**
 * @param {Alarm} alarm
 * @returns {string} the address that CAD has: not where they are
 */
export function call(alarm) {
  if (!alarm.call) return "No call";
  const far = apart(alarm);
  const away = far === null ? "" : far < 30 ? " · they are there" : ` · they are ${extent(far)} from it`;
  return `${alarm.call.address}${away}`;
}

/**
 * @param {Alarm} alarm
 * @param {string} kind CARE or POLICE
 * @returns {string}
 */
export const near = (alarm, kind) =>
  alarm.near.filter((one) => one.kind === kind).slice(0, 4).map((one) => `${one.call_sign} ${extent(one.meters)}`).join(", ");

/**
 * When a step of the ladder is due, in ms after the press was received (dispatch/backup/schedule.py).
 *
 * @param {number} step
 * @returns {number}
 */
export const dueAt = (step) => (step < SPREAD_STEP ? step * 15_000 : (step - 1) * 30_000);

/**
 * @param {Alarm} alarm
 * @param {number} now ms
 * @returns {string} whom it has rung, and when it rings again
 */
export function rung(alarm, now) {
  if (alarm.level === "NON_URGENT") return "Consoles only: it does not escalate";
  const steps = alarm.rings.filter((step) => step < REMINDER);
  const last = steps.at(-1) ?? -1;
  const whom = last >= SPREAD_STEP ? "Everybody: consoles, supervisors, all CARE units, the whole police desk"
    : alarm.level === "EMERGENCY" ? "Consoles, supervisors, the sector's police dispatcher" : "Consoles and supervisors";
  if (alarm.seen_by) {
    if (!alarm.police) return `Seen; consoles are reminded every minute until ${service(alarm) === "EMS" ? "EMS are" : "police are"} sent`;
    return last >= SPREAD_STEP ? "Stopped. All CARE units were told to stay clear" : "Stopped";
  }
  const next = Date.parse(alarm.received_at) + dueAt(last + 1) - now;
  const times = last < 1 ? "" : `, ${last + 1} times`;
  return `${whom}${times}. ${next > 0 ? `Again in ${Math.ceil(next / 1000)}\u00a0s` : "Rings again now"}${last + 1 === SPREAD_STEP ? ", then everybody" : ""}`;
}

/**
 * @typedef {object} Step
 * @property {string} word
 * @property {string} detail
 * @property {boolean} done
 */

/**
 * The way from the press to its end: what was reached, by whom, and how long it took.
 *
 * @param {Alarm} alarm
 * @param {number} now ms
 * @returns {Step[]}
 */
export function steps(alarm, now) {
  const began = Date.parse(alarm.received_at);
  /** @param {string | null | undefined} at */
  const took = (at) => (at ? `after ${age(Date.parse(at) - began)}` : "");
  const police = alarm.police;
  const due = police?.due_at ? Date.parse(police.due_at) - now : null;
  const expected = due === null ? "" : due > 0 ? `expected in ${age(due)}` : `${age(-due)} late`;
  const says = service(alarm);
  return [
    { word: "Received", detail: `${age(now - began)} ago`, done: true },
    { word: alarm.seen_by ? `Seen by ${alarm.seen_by}` : "Not seen yet", detail: took(alarm.seen_at), done: alarm.seen_by !== null },
    { word: police ? `${says} sent: ${police.unit}` : `${says} not sent`, detail: police ? (police.arrived_at ? took(police.sent_at) : expected || took(police.sent_at)) : "", done: police !== null },
    { word: police?.arrived_at ? `${says} there` : `${says} not there`, detail: took(police?.arrived_at), done: Boolean(police?.arrived_at) },
  ];
}

/** @typedef {{tone: "silent" | "cancel" | "warn" | "test", words: string}} Note */

/**
 * What must not be missed about a request.
 *
 * @param {Alarm} alarm
 * @param {number} now ms
 * @param {{label: string, kind: string}[]} consoles
 * @returns {Note[]}
 */
export function notes(alarm, now, consoles) {
  /** @type {Note[]} */
  const found = [];
  if (alarm.drill) found.push({ tone: "test", words: "TEST: this is a drill. Do everything but send anybody." });
  if (alarm.silent) found.push({ tone: "silent", words: "SILENT: DO NOT CALL BACK BY RADIO" });
  if (alarm.cancel) {
    const why = alarm.cancel.reason ? `“${alarm.cancel.reason}”` : "no reason given";
    found.push({ tone: "cancel", words: `CANCEL REQUESTED ${age(now - Date.parse(alarm.cancel.asked_at))} ago: ${why}. It stays open until a dispatcher confirms.` });
  }
  if (alarm.asked_level) found.push({ tone: "warn", words: `The crew asks to lower it to ${LEVELS[alarm.asked_level] ?? alarm.asked_level}.` });
  if (alarm.again > 0) found.push({ tone: "warn", words: alarm.again === 1 ? "PRESSED AGAIN" : `PRESSED AGAIN ${alarm.again} TIMES` });
  if (!alarm.drill && ORIGINS[alarm.origin]) found.push({ tone: "warn", words: `${ORIGINS[alarm.origin]}.` });
  const heard = now - Date.parse(alarm.last_heard_at);
  if (alarm.origin === "TABLET" && heard > SILENCE_MS) found.push({ tone: "warn", words: `Nothing heard from the tablet for ${age(heard)}: the position is that old.` });
  if (alarm.level === "EMERGENCY" && alarm.service === "POLICE" && !alarm.police && !alarm.drill && consoles.length > 0 && !consoles.some((one) => one.kind === "POLICE")) {
    found.push({ tone: "warn", words: "No police dispatcher watches: tell them by phone or radio." });
  }
  if (alarm.own && !alarm.seen_by) found.push({ tone: "warn", words: "You are on this unit's shift: somebody else has to see it." });
  return found;
}

/**
 * @param {Alarm} alarm
 * @returns {"unseen" | "seen" | "sent" | "there"}
 */
export function stage(alarm) {
  if (!alarm.seen_by && !alarm.police) return "unseen";
  if (!alarm.police) return "seen";
  return alarm.police.arrived_at ? "there" : "sent";
}

/**
 * Order: what nobody has seen first, then the most urgent, then the oldest. Drills come last.
 *
 * @param {Alarm[]} open
 * @returns {Alarm[]}
 */
export function inOrder(open) {
  /** @param {Alarm} one */
  const weight = (one) => (one.drill ? 100 : 0) + (one.level === "NON_URGENT" ? 50 : 0) + (stage(one) === "unseen" ? 0 : 10) - rank(one.level);
  return [...open].sort((a, b) => weight(a) - weight(b) || Date.parse(a.received_at) - Date.parse(b.received_at));
}

/** @typedef {{at: string, took_ms: number | null, error: string} | null | undefined} SelfTest */

/**
 * What is wrong with the path itself, by the test that it makes of itself every five minutes; empty when nothing is.
 *
 * @param {SelfTest} test
 * @param {number} now ms
 * @returns {string}
 */
export function selfTest(test, now) {
  if (!test) return "";
  const ago = now - Date.parse(test.at);
  if (test.error || test.took_ms === null) return `The backup path failed its own test ${age(ago)} ago${test.error ? `: ${test.error}` : ""}.`;
  if (test.took_ms > 10_000) return `The backup path was slow in its own test ${age(ago)} ago: ${(test.took_ms / 1000).toFixed(1)} s.`;
  if (ago > 11 * 60_000) return `The backup path has not tested itself for ${age(ago)}.`;
  return "";
}
