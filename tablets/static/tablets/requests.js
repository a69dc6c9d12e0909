/**
 * The life of a request to take a call. Until the server has said yes the call is not this crew's, and nothing on screen
 * may look as if it were; a request that was too long without signal runs out, and somebody else may have the call.
 */

import { age } from "./times.js";

/** @typedef {import("./actions.js").Action} Action */

/**
 * asked: on its way, or waiting for signal. ran_out: it would be refused now. on_scene: the crew has said that it is
 * there all the same.
 * @typedef {object} Request
 * @property {"asked"|"ran_out"|"on_scene"} state
 * @property {Action} action
 * @property {string} head in capitals, on the row
 * @property {string} say
 */

/** What other apps bring that asks for a call. @type {Set<string>} */
const ASKS = new Set();

/**
 * Kinds of another app by which a crew asks for a call that is on nobody's board: like a take of the CARE queue, and while one
 * is not decided the crew asks for no other.
 * @param {readonly string[]} kinds
 */
export function asksToo(kinds) {
  for (const kind of kinds) ASKS.add(kind);
}

/** @param {{kind: string}} action */
export const isTake = ({ kind }) => kind === "call.self_dispatch" || kind === "call.poach";

/**
 * How long a take is good for, in ms.
 * @param {{kind: string}} action
 * @param {Record<string, any>|null} agency
 */
export function lifeOf({ kind }, agency) {
  return 1000 * (kind === "call.poach" ? (agency?.["poach_life_s"] ?? 30) : (agency?.["self_dispatch_life_s"] ?? 120));
}

/**
 * The requests of this crew that are not decided: takes by call, those for a call that is not there yet by their own id.
 * @param {readonly Action[]} pending oldest first
 * @param {Record<string, any>|null} agency
 * @param {boolean} offline
 * @param {number} now ms, the server's clock
 * @returns {Map<string, Request>}
 */
export function requests(pending, agency, offline, now) {
  /** @type {Map<string, Request>} */
  const all = new Map();
  for (const action of pending) {
    const call = ASKS.has(action.kind) ? action.id : String(action.args["call"]);
    if (action.kind === "call.at_scene") {
      all.set(call, { state: "on_scene", action, head: "ON SCENE, NOT YOURS", say: offline ? "the desk hears of it with the first signal" : "telling the desk…" });
    }
    if (!(isTake(action) || ASKS.has(action.kind)) || all.get(call)?.state === "on_scene") continue;
    const asked = now - Date.parse(action.happened_at);
    const left = lifeOf(action, agency) - asked;
    all.set(
      call,
      left > 0 || (!offline && action.state === "sending")
        ? { state: "asked", action, head: "NOT YOURS YET", say: `asked ${age(asked)} ago${offline ? ` · expires in ${left < 100_000 ? `${Math.ceil(left / 1000)} s` : `${Math.ceil(left / 60_000)} min`}` : ""}` }
        : { state: "ran_out", action, head: "NOT YOURS", say: `asked ${age(asked)} ago, ran out: somebody else may have it` },
    );
  }
  return all;
}
