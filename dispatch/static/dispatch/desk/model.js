// What the desk concludes from the documents it holds: order, words, alarms. No elements and no clock of its own, so that
// it is tested with `node --test`.

import { mayBeSame } from "../../tablets/on_view.js";
import { metres, miles } from "../../tablets/places.js";
import { mayTake } from "../../tablets/take.js";

/** @typedef {[number, number]} Point longitude, latitude */
/** @typedef {{id: string, [name: string]: any}} Doc a document's body with its id */
/**
 * @typedef {object} Words what the server calls its codes on screen
 * @property {Record<string, string>} reasons
 * @property {Record<string, string>} responses
 * @property {Record<string, string>} disqualifiers
 * @property {Record<string, string>} answers
 * @property {Record<string, string>} places
 * @property {Record<string, string>} wishes
 * @property {Record<string, string>} sources
 * @property {Record<string, string>} dispositions
 * @property {Record<string, string>} overrules
 * @property {Record<string, string>} cancels
 * @property {Record<string, string>} reassigns
 * @property {Record<string, string>} statuses
 * @property {Record<string, string>} origins
 * @property {Record<string, string>} on_view
 * @property {Record<string, string>} checks
 * @property {Record<string, string>} partners
 * @property {Record<string, string>} tandems
 * @property {Record<string, string>} goes_first
 * @property {Record<string, string>} canned
 * @property {Record<string, string>} gone
 * @property {Record<string, string>} flags
 * @property {Record<string, string>} markers
 */

// Each half hour of waiting counts as one step of priority: an old P4 is not left behind by fresh P3s for ever.
export const STEP_MS = 30 * 60_000;
// A call that has waited this long is shown in red.
export const OLD_MS = 30 * 60_000;
export const DISQUALIFIERS = ["WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY"];

/**
 * @param {string | null | undefined} iso
 * @returns {number} milliseconds since 1970; NaN for nothing
 */
export function ms(iso) {
  return iso ? Date.parse(iso) : NaN;
}

/**
 * Order calls that wait: priority, where each half hour of waiting counts as one step; then the oldest.
 *
 * @param {Doc[]} calls
 * @param {number} now
 * @returns {Doc[]}
 */
export function inOrder(calls, now) {
  /** @param {Doc} call */
  const rank = (call) => call["priority"] - Math.floor((now - ms(call["received_at"])) / STEP_MS);
  return [...calls].sort(
    (a, b) => rank(a) - rank(b) || ms(a["received_at"]) - ms(b["received_at"]) || Number(a.id) - Number(b.id),
  );
}

/**
 * Part open calls by where they are: waiting for CARE, waiting for police, out with a unit.
 *
 * @param {Doc[]} calls
 * @param {number} now
 */
export function parted(calls, now) {
  const waiting = calls.filter((call) => call["status"] === "PENDING");
  return {
    care: inOrder(waiting.filter((call) => call["queue"] === "CARE"), now),
    police: inOrder(waiting.filter((call) => call["queue"] === "POLICE"), now),
    out: calls
      .filter((call) => call["status"] === "ASSIGNED")
      .sort((a, b) => ms(a["received_at"]) - ms(b["received_at"]) || Number(a.id) - Number(b.id)),
  };
}

/**
 * Say a code when the server gave no word for it.
 *
 * @param {Record<string, string> | undefined} words
 * @param {string} code
 * @returns {string}
 */
export function say(words, code) {
  const known = words?.[code];
  if (known) return known;
  const plain = String(code).toLowerCase().replaceAll("_", " ").replace(":", ": ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/**
 * How old CAD's last word is.
 *
 * @param {Doc | undefined} agency
 * @param {Doc | undefined} feed
 * @param {number} now
 * @returns {{known: boolean, age: number, down: boolean}}
 */
export function cad(agency, feed, now) {
  if (!agency || !agency["has_cad"]) return { known: false, age: 0, down: false };
  if (!feed) return { known: true, age: Infinity, down: true };
  const age = Math.max(0, now - ms(feed["told_at"]));
  return { known: true, age, down: age > agency["cad_silent_s"] * 1000 };
}

// A unit against which nothing speaks: what is then left speaks against the call.
const ANY_UNIT = { call_sign: "", status: "AVAILABLE", since: null, capabilities: [], crew: 9, crew_minimum: 1, duty: "AVAILABLE", call: null };
// Screens hold CAD's last word up to this late (dispatch.models.CadFeed).
const TOLD_LATE_MS = 10_000;

/**
 * Why no unit may take a call that waits for police, in the order in which a person wants to hear it; empty when one may.
 *
 * @param {Doc} call
 * @param {Doc | undefined} agency
 * @param {{known: boolean, age: number}} link
 * @returns {string[]} codes of take.js
 */
export function whyNotTaken(call, agency, link) {
  if (!agency) return [];
  const age = link.known ? Math.max(0, link.age - TOLD_LATE_MS) / 1000 : null;
  return mayTake(/** @type {any} */ (call), ANY_UNIT, /** @type {any} */ (agency), age).why;
}

/**
 * Disqualifiers nobody has settled.
 *
 * @param {Doc} call
 * @returns {string[]}
 */
export function unsettled(call) {
  const answers = call["answers"] ?? {};
  return DISQUALIFIERS.filter((name) => !["YES", "NO", "NOT_RELEVANT"].includes(answers[name] ?? "NOT_ASKED"));
}

/**
 * Whether a unit could go, and what speaks against it. The server decides; this orders the list and says why.
 *
 * @param {Doc} unit
 * @param {{point?: Point | null, area?: number | null}} place
 * @param {{point: Point, at: string} | undefined} position
 * @returns {{ok: boolean, why: string, metres: number | null}}
 */
export function fit(unit, place, position) {
  const far = place.point && position ? metres(place.point, position.point) : null;
  const away = far === null ? (position ? "call without a point" : "no position") : far < 16 ? "there" : miles(far);
  if (unit["outside"]) return { ok: false, why: "attached by name only", metres: far };
  if (unit["status"] === "OFF_SHIFT") return { ok: false, why: "off shift", metres: far };
  if (unit["call"] !== null) return { ok: false, why: `on a call, ${String(unit["status"]).toLowerCase().replaceAll("_", " ")}`, metres: far };
  if (unit["status"] === "OUT_OF_SERVICE") return { ok: false, why: `out of service: ${unit["duty_reason"]}`, metres: far };
  if (unit["crew"] < unit["crew_minimum"]) {
    return { ok: false, why: `${unit["crew"]} of ${unit["crew_minimum"]} on board`, metres: far };
  }
  if (unit["status"] === "MEAL") return { ok: true, why: `meal, may be interrupted · ${away}`, metres: far };
  if (unit["status"] === "REPORT") return { ok: true, why: `writing a report · ${away}`, metres: far };
  const outside = place.area != null && !unit["areas"].includes(Number(place.area));
  if (outside) return { ok: true, why: `not its area · ${away}`, metres: far };
  return { ok: true, why: away, metres: far };
}

// A reason in the few words that a row has room for; the sentences are the server's.
/** @type {Record<string, string>} */
const BRIEF = {
  TYPE_RED: "police only type", TYPE_YELLOW: "police by default", TYPE_RESTRICTED: "restricted type", TYPE_NOT_IN_POLICY: "type not in the policy",
  ALWAYS_WITH_POLICE: "always with police", NO_POLICY: "no policy in force",
  CAUTION_ADDRESS: "caution here", CAUTION_PHONE: "caution on the phone",
  PLACE_RESIDENCE: "at a residence", PLACE_BUSINESS: "at a business", PLACE_ENCAMPMENT: "at an encampment", PLACE_VEHICLE: "at a vehicle", PLACE_UNKNOWN: "place not known",
  MARKER_DRUG_USE: "drug use", MARKER_CONFRONTATIONAL: "confrontational",
  CALLER_WANTS_POLICE: "caller wants police", CALLER_WISH_ASK_AGAIN: "ask again: no police?",
  OUTSIDE_AREAS: "outside our areas", AREA_NOT_IN_POLICY: "area not in the policy", AREA_CLOSED: "area closed", OUTSIDE_HOURS: "outside our hours",
  NO_UNIT_ON_SHIFT: "no unit on shift", NO_CAPABLE_UNIT: "no capable unit", ALL_UNITS_BUSY: "all units busy",
  poach_police_assigned: "police are on it", poach_red: "police only type", poach_caution: "caution here", poach_feed_old: "CAD too old to take",
};
/** @type {Record<string, string>} */
const SHORT = { WEAPON: "weapon", VIOLENCE: "violence", MEDICAL: "medical", POLICE_ONLY: "police-only need" };
// These say that all is well; a row has no room for them.
const FINE = new Set(["TYPE_GREEN", "TYPE_ALLOWED", "TYPE_YELLOW_LIFTED", "DISQUALIFIERS_RULED_OUT", "PLACE_PUBLIC", "CALLER_WANTS_NO_POLICE"]);

/**
 * What stands out about a call, in a row's few words: at most two reasons, answers first.
 *
 * @param {string[]} reasons
 * @returns {string[]}
 */
export function brief(reasons) {
  const said = reasons.filter((code) => !FINE.has(code) && !code.endsWith("_NOT_RELEVANT"));
  const yes = said.filter((code) => code.endsWith("_YES")).map((code) => SHORT[code.slice(0, -4)] ?? code);
  const open = said.filter((code) => /_(UNKNOWN|NOT_ASKED)$/.test(code) && !code.startsWith("PLACE"));
  const other = said.filter((code) => BRIEF[code]).map((code) => /** @type {string} */ (BRIEF[code]));
  const unknown = open.map((code) => SHORT[code.replace(/_(UNKNOWN|NOT_ASKED)$/, "")] ?? code);
  const left = [];
  if (yes.length) left.push(yes.join(", "));
  if (other[0]) left.push(other[0]);
  if (unknown.length === 4) left.push("nothing asked yet");
  else if (unknown.length) left.push(`${unknown.join(", ")} unknown`);
  return left.slice(0, 2);
}

const ORDER = ["AVAILABLE", "REPORT", "MEAL"];

/**
 * Units in the order in which a dispatcher would try them.
 *
 * @param {Doc[]} units
 * @param {{point?: Point | null, area?: number | null}} place
 * @param {Map<string, {point: Point, at: string}>} positions
 * @returns {{unit: Doc, ok: boolean, why: string, metres: number | null}[]}
 */
export function candidates(units, place, positions) {
  return units
    .filter((unit) => !unit["outside"])
    .map((unit) => ({ unit, ...fit(unit, place, positions.get(unit.id)) }))
    .sort((a, b) => {
      /** @param {{unit: Doc, ok: boolean}} one */
      const rank = (one) => {
        const at = ORDER.indexOf(one.unit["status"]);
        const other = place.area != null && !one.unit["areas"].includes(Number(place.area));
        return (one.ok ? 0 : 100) + (other ? 10 : 0) + (at < 0 ? 9 : at);
      };
      return (
        rank(a) - rank(b) ||
        (a.metres ?? Infinity) - (b.metres ?? Infinity) ||
        a.unit["call_sign"].localeCompare(b.unit["call_sign"], "en", { numeric: true })
      );
    });
}

// The loudest first.
const LOUD = [
  "CREW_WITHDREW",
  "WELFARE_MISSED",
  "REASSIGNABLE",
  "STOP_NOT_ACKNOWLEDGED",
  "UNASSIGNED_ON_SCENE",
  "CONTESTED",
  "TANDEM_NO_PARTNER",
  "NOT_ACKNOWLEDGED",
  "NOT_DELIVERED",
  "POLICE_ASSIGNED",
  "POACH_REJECTED",
  "POACH_NOT_CONFIRMED",
  "CAD_CLOSED_UNDER_UNIT",
  "HANDED_BACK",
  "LEFT_WITH_DESK",
];

/**
 * Alarms that are due by the page's corrected clock, whether or not the sweep has said so yet; the loudest first.
 *
 * @param {Doc[]} calls
 * @param {number} now
 * @returns {{id: string, kind: string, call: Doc, assignment: Doc | undefined, due: number}[]}
 */
export function ringing(calls, now) {
  const due = [];
  for (const call of calls) {
    for (const alarm of call["alarms"] ?? []) {
      const at = ms(alarm["due_at"]);
      if (!alarm["raised_at"] && at > now) continue;
      const assignment = (call["assignments"] ?? []).find((/** @type {Doc} */ one) => one.id === alarm["assignment"]);
      due.push({ id: String(alarm["id"]), kind: alarm["kind"], call, assignment, due: at });
    }
  }
  return due.sort((a, b) => LOUD.indexOf(a.kind) - LOUD.indexOf(b.kind) || a.due - b.due);
}

// Steps of one trouble: a tablet that was not reached, a crew that does not answer. Only the latest is worth reading.
const LADDER = new Set(["NOT_DELIVERED", "NOT_ACKNOWLEDGED", "REASSIGNABLE"]);

/**
 * Put alarms that are one trouble together under the loudest of them.
 *
 * @template {{id: string, kind: string, assignment: Doc | undefined}} A
 * @param {A[]} alarms the loudest first
 * @returns {(A & {all: string[]})[]} each with the ids of all that it stands for
 */
export function grouped(alarms) {
  /** @type {Map<string, A & {all: string[]}>} */
  const groups = new Map();
  for (const alarm of alarms) {
    const key = LADDER.has(alarm.kind) && alarm.assignment ? `assignment ${alarm.assignment.id}` : `alarm ${alarm.id}`;
    const group = groups.get(key);
    if (group) group.all.push(alarm.id);
    else groups.set(key, { ...alarm, all: [alarm.id] });
  }
  return [...groups.values()];
}

/**
 * Say an alarm in a sentence.
 *
 * @param {{kind: string, call: Doc, assignment: Doc | undefined}} alarm
 * @returns {{title: string, next: string}}
 */
export function alarmWords(alarm) {
  const unit = alarm.assignment?.["call_sign"] ?? "A unit";
  const call = `${alarm.call["type"]["label"]}, ${alarm.call["address"]}`;
  switch (alarm.kind) {
    case "NOT_DELIVERED":
      return { title: `${unit} has not received ${call}`, next: "Its tablet has no signal, or is off. Tell it by radio." };
    case "NOT_ACKNOWLEDGED":
      return { title: `${unit} has not acknowledged ${call}`, next: "The tablet rings. Call the crew by radio." };
    case "REASSIGNABLE":
      return { title: `${unit} still has not acknowledged ${call}`, next: "You may send another unit now." };
    case "STOP_NOT_ACKNOWLEDGED":
      return { title: `${unit} has not seen STOP on ${call}`, next: "Stop the crew by radio." };
    case "CREW_WITHDREW":
      return { title: `${unit} WITHDREW from ${call}`, next: "Danger there. Backup is asked for: send police first." };
    case "TANDEM_NO_PARTNER":
      return { title: `Nobody came beside CARE to ${call}`, next: "The crew stages. Call police or EMS." };
    case "POACH_NOT_CONFIRMED":
      return { title: `CAD has not confirmed that ${unit} took ${call}`, next: "Tell police dispatch." };
    case "POACH_REJECTED":
      return { title: `CAD rejected that ${unit} takes ${call}`, next: "The crew was told. Decide who goes." };
    case "POLICE_ASSIGNED":
      return { title: `Police were sent to ${call} as well`, next: `${unit} was told. Decide who goes.` };
    case "HANDED_BACK":
      return { title: `${call} was handed back`, next: "It waits in its queue again, with its first time." };
    case "CAD_CLOSED_UNDER_UNIT":
      return { title: `CAD closed ${call} while ${unit} is on it`, next: "The crew keeps it until it clears." };
    case "LEFT_WITH_DESK":
      return { title: `${unit} signed off and left ${call} with the desk`, next: "Send another unit, or close it." };
    case "CONTESTED": {
      const holder = (alarm.call["assignments"] ?? []).find((/** @type {Doc} */ row) => row["primary"])?.["call_sign"] ?? "another unit";
      return { title: `${unit} is on scene of ${call}, which ${holder} holds`, next: `It went there without signal and assists. Tell ${holder}, and decide who stays.` };
    }
    case "REFERRAL_LATE":
      return { title: `${unit} is late at ${call}`, next: "An officer waits there and was told. Ask the crew on the radio, or send somebody else." };
    case "WELFARE_MISSED":
      return { title: `No sign of ${unit} at ${call}`, next: "Ask them on the radio now. Without an answer backup is asked for by itself." };
    case "UNASSIGNED_ON_SCENE":
      if (!alarm.assignment) return { title: `A crew told late of ${call}, where it met somebody`, next: "It cannot be there any more, and nobody is. Send somebody, or close it." };
      return { title: `${unit} is on scene of ${call}, which nobody holds`, next: "It went there without signal. Make it theirs, or send somebody." };
    default:
      return { title: `${say(undefined, alarm.kind)}: ${call}`, next: "" };
  }
}

/**
 * The clock of a crew that is with somebody.
 *
 * @param {Doc | undefined} assignment
 * @param {Doc | undefined} agency
 * @param {number} now
 * @returns {{left: number, state: "running" | "due" | "missed", asked: boolean} | null} null where none runs
 */
export function welfare(assignment, agency, now) {
  const due = ms(assignment?.["welfare_due_at"]);
  if (!assignment || Number.isNaN(due)) return null;
  const left = due - now;
  const state = left > 0 ? "running" : left > -(agency?.["welfare_answer_s"] ?? 60) * 1000 ? "due" : "missed";
  return { left, state, asked: ms(assignment["welfare_backup_at"]) >= due };
}

/**
 * How far a unit is from the call that it is said to be at, where that is farther than it should be.
 *
 * @param {Doc | undefined} assignment
 * @param {Doc | undefined} call
 * @param {{point: Point, accuracy_m?: number | null} | undefined} position
 * @param {Doc | undefined} agency
 * @returns {number | null} metres
 */
export function farFromCall(assignment, call, position, agency) {
  if (!assignment || assignment["status"] !== "ON_SCENE" || !call?.["point"] || !position) return null;
  // What the fix itself does not know is no distance.
  const far = metres(call["point"], position.point) - Math.min(position.accuracy_m ?? 0, 1_000);
  return far > (agency?.["far_from_call_m"] ?? Infinity) ? far : null;
}

/**
 * Open calls that an encounter may be the same as, the nearest first.
 *
 * @param {Doc} call
 * @param {Doc[]} calls
 * @param {Doc | undefined} agency
 * @returns {Doc[]}
 */
export function sameAs(call, calls, agency) {
  const others = calls.filter((other) => other.id !== call.id);
  return mayBeSame(/** @type {any} */ (call), others, agency?.["join_nearby_m"] ?? 0);
}

/**
 * Until when service areas are open, by their own hours in the agency's zone.
 *
 * @param {Doc[]} areas
 * @param {string} zone
 * @param {number} now
 * @returns {{open: Doc[], shut: Doc[], words: string}}
 */
export function opening(areas, zone, now) {
  const local = wallClock(now, zone);
  const state = areas
    .filter((area) => lasts(area, local.date))
    .map((area) => ({ area, until: openUntil(area, local) }));
  const open = state.filter((one) => one.until !== null);
  const shut = state.filter((one) => one.until === null).map((one) => one.area);
  let words = "CARE is closed now";
  if (open.length > 0) {
    const ends = [...new Set(open.map((one) => one.until))];
    const part = shut.length > 0 ? `${open.length} of ${state.length} areas open` : "CARE open";
    words = ends.length === 1 ? (ends[0] === "" ? `${part} day and night` : `${part} until ${ends[0]}`) : part;
  }
  return { open: open.map((one) => one.area), shut, words };
}

/**
 * @param {Doc} dated
 * @param {string} day
 * @returns {boolean}
 */
function lasts(dated, day) {
  return dated["valid_from"] <= day && (dated["valid_to"] == null || day <= dated["valid_to"]);
}

/**
 * @param {number} now
 * @param {string} zone
 * @returns {{date: string, before: string, weekday: number, time: string}}
 */
export function wallClock(now, zone) {
  /** @param {number} at */
  const parts = (at) =>
    Object.fromEntries(
      new Intl.DateTimeFormat("en-CA", {
        timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
      }).formatToParts(at).map((part) => [part.type, part.value]),
    );
  const here = parts(now);
  const date = `${here["year"]}-${here["month"]}-${here["day"]}`;
  const noon = Date.parse(`${date}T12:00:00Z`);
  return {
    date,
    before: new Date(noon - 86_400_000).toISOString().slice(0, 10),
    weekday: (new Date(noon).getUTCDay() + 6) % 7, // Monday is 0, as the server counts
    time: `${here["hour"]}:${here["minute"]}`,
  };
}

/**
 * @param {Doc} area
 * @param {{date: string, before: string, weekday: number, time: string}} local
 * @returns {string | null} "22:00", "" when it does not close, null when it is closed
 */
function openUntil(area, local) {
  for (const hours of area["hours"] ?? []) {
    const opens = hours["opens"].slice(0, 5);
    const closes = hours["closes"].slice(0, 5);
    const past = closes <= opens;
    if (hours["weekday"] === local.weekday && lasts(hours, local.date) && local.time >= opens && (past || local.time < closes)) {
      return opens === closes ? "" : closes;
    }
    if (past && hours["weekday"] === (local.weekday + 6) % 7 && lasts(hours, local.before) && local.time < closes) return closes;
  }
  return null;
}

/**
 * Say who did something: a name where the page knows one.
 *
 * @param {string} by "person:7", "tablet:3/person:7", "cad:1", "system:sweep"
 * @param {{people: Record<string, string>, tablets: Record<string, string>}} names
 * @returns {string}
 */
export function who(by, names) {
  const found = by.match(/person:(\d+)/);
  const tablet = by.match(/tablet:(\d+)/);
  const name = found?.[1] ? (names.people[found[1]] ?? "somebody") : null;
  if (tablet?.[1]) return [names.tablets[tablet[1]] ?? "a tablet", name].filter(Boolean).join(", ");
  if (name) return name;
  if (by.startsWith("cad")) return "CAD";
  if (by.startsWith("system")) return "CARE Field";
  return by;
}
