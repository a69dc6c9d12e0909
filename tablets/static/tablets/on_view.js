/**
 * What a crew came upon: the call as this tablet knows it before the server does, and which waiting call it may be.
 * No browser, no clock.
 */

import { metres } from "./places.js";

/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./wire.js").OwnCall} OwnCall */
/** @typedef {import("./wire.js").Point} Point */
/** @typedef {import("./snapshot.js").Row} Row */

/**
 * The encounter of this tablet that has no document yet: not sent, or answered a moment ago.
 * @param {readonly Action[]} facts oldest first
 * @returns {Action|null}
 */
export function encounter(facts) {
  const met = facts.filter(({ kind, state, answer }) => kind === "call.on_view" && state !== "refused" && state !== "quarantined" && (answer?.assignment_status ?? "ON_SCENE") === "ON_SCENE").at(-1);
  if (!met) return null;
  // Cleared, and that reached the server as well: it is over.
  const cleared = facts.some(({ kind, args, state }) => kind === "assignment.clear" && args["on_view"] === met.args["key"] && state === "applied");
  return cleared ? null : met;
}

/**
 * The encounter as a call of this crew's own, so that it looks and ends like any other.
 * @param {Action} met
 * @param {{unitId: number, callSign: string, words: Record<string, string>}} by
 * @returns {OwnCall & {id: string, local: Action}}
 */
export function localCall(met, { unitId, callSign, words }) {
  const { what, key, point, place_kind: placeKind } = /** @type {{what: string, key: string, point?: {lon: number, lat: number}, place_kind?: string}} */ (met.args);
  const at = met.happened_at;
  return {
    id: `on-view ${key}`,
    local: met,
    on_view_key: key,
    own_number: "",
    number: "",
    status: "ASSIGNED",
    queue: "CARE",
    response: "CARE",
    care_available: true,
    reasons: [],
    type: { code: what, label: words[what] ?? what, color: "YELLOW" },
    priority: 5,
    address: point ? "Where you are" : "No position: say by radio where you are",
    point: point ? [point.lon, point.lat] : null,
    place_kind: placeKind ?? "UNKNOWN",
    received_at: at,
    police_assigned: false,
    caution: false,
    offered_at: null,
    answers: {},
    source: "ON_VIEW",
    markers: [],
    narrative: "",
    caller_phone: "",
    caller_wish: "NOT_SAID",
    language: "",
    interpreter: false,
    sign_language: false,
    cautions: [],
    cautions_as_of: null,
    police_units: [],
    police_assigned_at: null,
    cad_closed_at: null,
    units: [{ unit: unitId, call_sign: callSign, primary: true, status: "ON_SCENE" }],
    outside_units: [],
    assignment: {
      id: 0,
      status: "ON_SCENE",
      origin: "ON_VIEW",
      primary: true,
      assigned_at: at,
      delivered_at: at,
      acknowledged_at: at,
      en_route_at: null,
      staged_at: null,
      on_scene_at: at,
      transporting_at: null,
      at_destination_at: null,
      hand_back_asked_at: null,
      cancel_told_at: null,
      welfare_due_at: null,
      welfare_backup_at: null,
      acknowledged_by: "",
      destination: "",
      persons: null,
      radio_asked_by: "",
    },
    stops: [],
    poach: null,
    hand_over: null,
  };
}

/** What can be told of an encounter before the server has given it an id. */
export const LOCAL_STEPS = new Set(["clear", "transport", "at_destination"]);

/**
 * Calls that wait so near an encounter that they may be the same, the nearest first; never joined by themselves.
 * @template {{id: string, point?: Point|null, [name: string]: any}} C
 * @param {{point: Point|null, own_number?: string, joined?: boolean}} call
 * @param {readonly C[]} waiting
 * @param {number} nearby metres
 * @returns {C[]}
 */
export function mayBeSame(call, waiting, nearby) {
  const { point } = call;
  if (!call.own_number || !point) return [];
  /** @param {C} other */
  const far = (other) => (other.point ? metres(point, other.point) : Infinity);
  return waiting.filter((other) => far(other) <= nearby).sort((a, b) => far(a) - far(b));
}
