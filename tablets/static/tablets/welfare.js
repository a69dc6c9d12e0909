/**
 * The clock of a crew that is with somebody: when it should be heard of again. No browser, no clock of its own.
 *
 * What the crew has done and the server does not know yet counts here too: the clock runs on without signal.
 */

import { minutes } from "./times.js";

/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./wire.js").AgencyBody} AgencyBody */
/** @typedef {import("./wire.js").OwnCall} OwnCall */

/** @typedef {{dueAt: number, left: number, state: "running"|"due"|"missed", asked: boolean}} WelfareClock ms; `asked`: the server has asked for backup since */

/** While a clock runs, a touch is told at most this often. */
export const TOLD_EVERY = 60_000;
// Where the crew meets somebody anew: the first limit holds again (dispatch/actions/welfare.py).
/** @type {Record<string, string>} */
const BEGINS = { "assignment.arrive": "on_scene_at", "assignment.at_destination": "at_destination_at" };
const MOVES = new Set(["assignment.transport", "unit.check_in", ...Object.keys(BEGINS)]);
const WITH_PERSON = new Set(["ON_SCENE", "TRANSPORTING", "AT_DESTINATION"]);

/**
 * Whether the crew is asked sooner; the same as dispatch/rules.py, held to it by tests/vectors/welfare.json.
 * @param {Pick<OwnCall, "source"|"response"|"type"|"answers"> & {markers?: string[], cautions: unknown[]}} call
 */
export function isRisky(call) {
  if (call.type.color === "RED" || call.cautions.length > 0 || (call.markers ?? []).includes("CONFRONTATIONAL")) return true;
  if (Object.values(call.answers).includes("YES")) return true;
  return call.response === "CARE+POLICE" || (call.response === "POLICE" && call.source !== "ON_VIEW");
}

/**
 * The clock as the crew should see it, or null where none runs.
 * @param {object} given
 * @param {OwnCall|null} given.call
 * @param {import("./standing.js").Standing|null} given.standing
 * @param {readonly Action[]} given.facts what the crew did and the documents may not show, oldest first
 * @param {AgencyBody|null} given.agency
 * @param {number} given.now ms, the server's clock
 * @returns {WelfareClock|null}
 */
export function clockOf({ call, standing, facts, agency, now }) {
  if (!call || !standing || !agency || standing.clearing || !WITH_PERSON.has(standing.assignment.status)) return null;
  const risky = isRisky(call) ? "risky_" : "";
  const since = Date.parse(standing.assignment.on_scene_at ?? standing.assignment.assigned_at);
  let dueAt = call.assignment.welfare_due_at ? Date.parse(call.assignment.welfare_due_at) : 0;
  // Made here and not known to the server: it began with the encounter.
  if (call.local) dueAt = since + agency[`welfare_${risky}first_s`] * 1000;
  for (const { kind, args, state, happened_at } of facts) {
    if (!MOVES.has(kind) || state === "refused") continue;
    if (kind !== "unit.check_in" && args["assignment"] !== call.assignment.id) continue;
    const at = Date.parse(happened_at);
    if (at < since) continue;
    dueAt = Math.max(dueAt, at + agency[`welfare_${risky}${kind in BEGINS ? "first" : "next"}_s`] * 1000);
  }
  if (!dueAt) return null;
  const left = dueAt - now;
  const state = left > 0 ? "running" : left > -agency["welfare_answer_s"] * 1000 ? "due" : "missed";
  const backup = call.assignment.welfare_backup_at;
  return { dueAt, left, state, asked: backup !== null && backup !== undefined && Date.parse(backup) >= dueAt };
}

/**
 * Whether a touch is worth telling: always when the clock has run out, else once a minute.
 * @param {WelfareClock|null} clock
 * @param {number} toldAt when the last one was told, ms; 0 for never
 * @param {number} now ms of the same clock
 */
export function shouldTell(clock, toldAt, now) {
  return clock !== null && now - toldAt >= (clock.state === "running" ? TOLD_EVERY : 5_000);
}

/** @param {WelfareClock|null} clock */
export function clockWords(clock) {
  if (!clock) return "";
  return clock.state === "running" ? `check-in in ${minutes(clock.left)}` : "check in now";
}
