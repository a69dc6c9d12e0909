/**
 * May this crew take this call, and why not? The same rules as dispatch/rules.py, on what this device holds;
 * tests/vectors/take.json holds both to the same answers. The server decides again, under its locks.
 */

/** @typedef {import("./wire.js").BoardCall} BoardCall */
/** @typedef {import("./wire.js").UnitBody} UnitBody */

/**
 * @typedef {object} Limits of the agency; seconds
 * @property {boolean} has_cad
 * @property {number} poach_feed_age_s
 * @property {number} cad_silent_s
 * @property {number} poach_priority the smallest priority number that may be taken from police
 */

/** @typedef {{can: "SELF_DISPATCH"|"POACH"|null, why: string[]}} Verdict `why` in a fixed order, empty when it may be */

/**
 * Tell how this unit may take a pending call, or every reason why it may not.
 * @param {BoardCall} call
 * @param {UnitBody} unit
 * @param {Limits} limits
 * @param {number|null} feedAge how long CAD has been silent, in seconds; null when it was never heard
 * @returns {Verdict}
 */
export function mayTake(call, unit, limits, feedAge) {
  // Nothing else matters about a call that waits for nobody.
  if (call.status === "ASSIGNED") return { can: null, why: ["call_already_taken"] };
  if (call.status !== "PENDING") return { can: null, why: ["call_not_pending"] };
  const why = call.queue === "POLICE" ? againstPoach(call, limits, feedAge) : [];
  if (unit.call !== null) why.push("unit_busy");
  if (whyNotDispatchable(unit)) why.push("unit_not_dispatchable");
  if (why.length) return { can: null, why };
  return { can: call.queue === "POLICE" ? "POACH" : "SELF_DISPATCH", why };
}

/**
 * @param {BoardCall} call
 * @param {Limits} limits
 * @param {number|null} feedAge
 * @returns {string[]}
 */
function againstPoach(call, limits, feedAge) {
  const why = [];
  if (call.police_assigned) why.push("poach_police_assigned");
  if (call.priority < limits.poach_priority) why.push("poach_priority");
  if (call.type.color === "RED") why.push("poach_red");
  if (call.caution) why.push("poach_caution");
  if (Object.values(call.answers).includes("YES")) why.push("poach_disqualified");
  // An agency may allow an older feed than 30 s, never one that its screens already call down.
  const oldest = Math.min(limits.poach_feed_age_s, limits.cad_silent_s);
  if (limits.has_cad && (feedAge === null || feedAge > oldest)) why.push("poach_feed_old");
  return why;
}

/**
 * Say why a unit cannot be given a call of its own accord, or null.
 * @param {UnitBody} unit
 * @returns {string|null}
 */
export function whyNotDispatchable(unit) {
  const crew = unit.crew ?? unit.people?.length ?? 0;
  if (unit.retired) return "RETIRED";
  if (unit.outside) return "OUTSIDE";
  if (crew === 0) return "OFF_SHIFT";
  if (crew < unit.crew_minimum) return "CREW_TOO_SMALL";
  return unit.duty === "AVAILABLE" ? null : unit.duty;
}
