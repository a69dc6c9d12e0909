/**
 * What codes are called on screen. Reasons of decisions come with the page: the policies' own file says them.
 */

/** @type {Record<string, string>} */
const WORDS = {
  // responses
  CARE: "CARE alone",
  POLICE: "Police",
  EMS: "EMS",
  "CARE+POLICE": "CARE + police",
  "CARE+EMS": "CARE + EMS",
  // where a unit is
  ASSIGNED: "Assigned",
  ACKNOWLEDGED: "Acknowledged",
  EN_ROUTE: "En route",
  STAGED: "Staged",
  ON_SCENE: "On scene",
  TRANSPORTING: "Transporting",
  AT_DESTINATION: "At destination",
  CLEARED: "Cleared",
  AVAILABLE: "Available",
  MEAL: "Meal",
  REPORT: "Report",
  OUT_OF_SERVICE: "Out of service",
  OFF_SHIFT: "Off shift",
  // places
  PUBLIC: "public place",
  RESIDENCE: "residence",
  BUSINESS: "business",
  ENCAMPMENT: "encampment",
  VEHICLE: "vehicle",
  UNKNOWN: "place not known",
  // the caller's wish
  NO_POLICE: "Caller wants no police (asked once)",
  NO_POLICE_CONFIRMED: "Caller wants no police",
  WANTS_POLICE: "Caller wants police",
  // sources
  911: "911",
  NON_EMERGENCY: "non-emergency line",
  DIRECT_LINE: "direct line",
  988: "988",
  "311_WEB": "311 / web",
  HOTLINE: "hotline",
  OFFICER: "officer",
  PROVIDER: "provider",
  ON_VIEW: "on-view",
  SECOND_RESPONSE: "second response",
  // capabilities
  BEHAVIORAL_HEALTH: "behavioral health",
  MEDIATION: "mediation",
  PEER: "peer",
  MEDICAL: "medical",
  // dispositions
  HANDLED: "Handled",
  NO_ACTION_NEEDED: "No action needed",
  UNABLE_TO_LOCATE: "Unable to locate",
  GONE_ON_ARRIVAL: "Gone on arrival",
  DECLINED: "Declined help",
  TRANSPORT_GIVEN: "Transport given",
  REFERRED_TO_PARTNER: "Referred to partner",
  POLICE_TOOK_OVER: "Police took over",
  EMS_TOOK_OVER: "EMS took over",
  DUPLICATE: "Duplicate call",
  CANCELLED: "Cancelled",
  // colors
  GREEN: "green type",
  YELLOW: "yellow type",
  RED: "red type",
};

/** What may be chosen to clear a call, most frequent first, and the icon of each. */
export const DISPOSITIONS = /** @type {const} */ ([
  ["HANDLED", "check_circle_outline"],
  ["TRANSPORT_GIVEN", "directions_car"],
  ["REFERRED_TO_PARTNER", "connect_without_contact"],
  ["DECLINED", "do_not_disturb"],
  ["UNABLE_TO_LOCATE", "search"],
  ["GONE_ON_ARRIVAL", "directions_walk"],
  ["NO_ACTION_NEEDED", "remove_circle"],
  ["POLICE_TOOK_OVER", "local_police"],
  ["EMS_TOOK_OVER", "medical_services"],
  ["DUPLICATE", "content_copy"],
  ["CANCELLED", "cancel"],
]);

/** Why a crew takes a call from police; the sentence is what the debrief reads. */
export const POACH_REASONS = [
  "We are close, and police are not coming soon",
  "The caller asked for CARE",
  "We know the person",
  "This is CARE's kind of call",
];

/** Why a crew gives a call back. */
export const HAND_BACK_REASONS = [
  "Not safe for us alone",
  "Needs police",
  "Needs medical help first",
  "Another contact keeps us",
  "We cannot get there",
  "Not a call for CARE",
];

/** Why a unit is out of service. */
export const OUT_OF_SERVICE_REASONS = ["Vehicle", "Equipment", "Training", "Crew too small", "Supplies", "Station"];

/**
 * The four disqualifiers: what each is called, and what is said when it was ruled out, found, or is not known.
 * @type {[code: string, name: string, no: string, yes: string, unknown: string][]}
 */
export const DISQUALIFIERS = [
  ["WEAPON", "weapon", "No weapon", "Weapon reported", "Weapon not known"],
  ["VIOLENCE", "threat of violence", "No threat", "Threat of violence", "Threat not known"],
  ["MEDICAL", "medical emergency", "No medical emergency", "Medical emergency", "Medical not known"],
  ["POLICE_ONLY", "police-only need", "No police-only need", "Police-only need", "Police need not known"],
];

/**
 * What a code is called on screen; a code that this app does not know yet is made readable.
 * @param {string|null|undefined} code
 */
export function wordsOf(code) {
  if (!code) return "";
  return WORDS[code] ?? code.charAt(0) + code.slice(1).toLowerCase().replaceAll("_", " ");
}

/** Whether this app has a word of its own for a code. @param {string} code */
export function knows(code) {
  return code in WORDS;
}

/** @type {Record<string, string>} */
const NOT_DISPATCHABLE = {
  RETIRED: "This unit is retired",
  OUTSIDE: "Not one of our units",
  OFF_SHIFT: "Nobody is on shift",
  MEAL: "You are on meal",
  REPORT: "You are writing a report",
  OUT_OF_SERVICE: "You are out of service",
};

/**
 * Why a unit takes no call now.
 * @param {string|null} why as take.js says it
 * @param {import("./wire.js").UnitBody} unit
 */
export function notNow(why, unit) {
  if (why === "CREW_TOO_SMALL") return `Needs ${unit.crew_minimum} on board`;
  return NOT_DISPATCHABLE[why ?? ""] ?? "You cannot be sent now";
}

/**
 * Why a row may not be taken, in the few words that fit on it.
 * @param {string} code of a refusal
 * @param {import("./wire.js").BoardCall} call
 * @param {import("./wire.js").UnitBody} unit
 * @param {string|null} notDispatchable
 */
export function whyNot(code, call, unit, notDispatchable) {
  switch (code) {
    case "offline":
      return "Needs signal: police may be on it";
    case "asked_for_another":
      return "You have asked for another call";
    case "call_already_taken":
      return "Taken";
    case "call_not_pending":
      return "No longer waiting";
    case "poach_police_assigned":
      return "Police are on it";
    case "poach_priority":
      return `Priority ${call.priority} is for police`;
    case "poach_red":
      return "Police only: red type";
    case "poach_caution":
      return "Caution at this address or phone";
    case "poach_disqualified": {
      const found = DISQUALIFIERS.filter(([name]) => call.answers[name] === "YES").map(([, name]) => name);
      return `Police only: ${found.join(", ")}`;
    }
    case "poach_feed_old":
      return "No fresh word from CAD";
    case "unit_busy":
      return "Finish your call first";
    case "unit_not_dispatchable":
      return notNow(notDispatchable, unit);
    default:
      return wordsOf(code.toUpperCase());
  }
}
