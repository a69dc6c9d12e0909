/**
 * What this crew's own, not yet confirmed facts make of what the server says, and what became of a call that left the
 * tablet. No browser, no clock.
 */

/** @typedef {import("./wire.js").Assignment} Assignment */
/** @typedef {import("./wire.js").OwnCall} OwnCall */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./replica.js").Change} Change */

/** @type {Record<string, [status: string, time: keyof Assignment]>} */
const STEPS = {
  "assignment.acknowledge": ["ACKNOWLEDGED", "acknowledged_at"],
  "assignment.en_route": ["EN_ROUTE", "en_route_at"],
  "assignment.stage": ["STAGED", "staged_at"],
  "assignment.arrive": ["ON_SCENE", "on_scene_at"],
  "assignment.transport": ["TRANSPORTING", "transporting_at"],
  "assignment.at_destination": ["AT_DESTINATION", "at_destination_at"],
};

/**
 * @typedef {object} Standing
 * @property {Assignment} assignment as the crew knows it: the server's, with its own facts on top
 * @property {Map<string, Action>} told steps of the crew that the server's document does not show yet, by status
 * @property {Action|null} clearing the crew has cleared, and the call is not gone yet
 */

/**
 * Lay the crew's own facts over what the server says. `facts` are all that may not show in the document yet, oldest first:
 * pending ones, and those that were answered a moment ago.
 * @param {Assignment} assignment
 * @param {readonly Action[]} facts
 * @param {string} [call] the id of its call
 * @param {string|null} [key] what this tablet called the encounter, before it had heard of the assignment
 * @returns {Standing}
 */
export function standing(assignment, facts, call, key = null) {
  let known = assignment;
  /** @type {Standing["told"]} */
  const told = new Map();
  let clearing = null;
  for (const fact of facts) {
    if (fact.kind === "tandem.withdraw" && String(fact.args.call) === call && fact.state !== "refused") {
      // The one step back: whatever the crew was at, it waits nearby now.
      if (assignment.staged_at && Date.parse(assignment.staged_at) >= Date.parse(fact.happened_at)) continue;
      known = { ...known, status: "STAGED", staged_at: fact.happened_at };
      told.set("STAGED", fact);
      continue;
    }
    const about = key && fact.args["on_view"] === key ? assignment.id : fact.args.assignment;
    if (about !== assignment.id || fact.state === "refused") continue;
    if (fact.kind === "assignment.clear") clearing = fact;
    const step = STEPS[fact.kind];
    if (!step) continue;
    const [status, time] = step;
    // The document has it: what the server says now is newer than what was told here.
    const shown = assignment[time];
    if (shown && (fact.state === "applied" || shown >= fact.happened_at)) continue;
    known = { ...known, status, [time]: fact.happened_at };
    told.set(status, fact);
  }
  return { assignment: known, told, clearing };
}

/** @typedef {{how: "cancelled"|"reassigned"|"handed_back"|"handed_over"|"closed"|"dropped", loud: boolean}} Farewell */

/**
 * Say what became of a call that left this unit's stream; null where the crew itself ended it. What the crew did not do
 * itself is told loudly: it may be on its way.
 * @param {string} gone why the document went: the kind of the entry that took it away
 * @param {boolean} cleared whether the crew cleared the call, or signed off, itself
 * @returns {Farewell|null}
 */
export function farewell(gone, cleared) {
  if (gone.includes("cancel")) return { how: "cancelled", loud: true };
  if (gone.includes("reassign")) return { how: "reassigned", loud: true };
  if (gone.includes("hand_over") || gone.includes("handed_over")) return { how: "handed_over", loud: false };
  if (gone.includes("hand_back") || gone.includes("handed_back")) return { how: "handed_back", loud: false };
  // Its crew goes on with the call that it turned out to be.
  if (gone.includes("joined")) return null;
  if (cleared || gone.includes("signed_off") || gone.includes("sign_off")) return null;
  if (gone === "dropped") return { how: "dropped", loud: false };
  return { how: "closed", loud: !gone.includes("clear") };
}

/**
 * Tell whether police go too, so that one of the two often waits at a staging point.
 * @param {{response: string, tandem?: {state: string, ended_at: string|null}[]}} call
 */
export function isTandem(call) {
  if (call.tandem?.length) return call.tandem.some(({ ended_at, state }) => !ended_at && (state === "ASKED" || state === "PARTNER_THERE"));
  return call.response === "CARE+POLICE";
}

/**
 * What a status bar offers: the next step large, what else happens often beside it, the rest behind "More".
 * @param {string} status
 * @param {boolean} tandem whether police go too
 * @returns {{next: string, beside: string[], more: string[]}}
 */
export function offered(status, tandem) {
  switch (status) {
    case "ASSIGNED":
    case "ACKNOWLEDGED":
      return tandem
        ? { next: "en_route", beside: ["stage", "arrive"], more: ["clear", "hand_back", "hand_over"] }
        : { next: "en_route", beside: ["arrive", "clear"], more: ["stage", "hand_back", "hand_over"] };
    case "EN_ROUTE":
      return tandem
        ? { next: "stage", beside: ["arrive", "clear"], more: ["hand_back", "hand_over"] }
        : { next: "arrive", beside: ["stage", "clear"], more: ["hand_back", "hand_over"] };
    case "STAGED":
      return { next: "arrive", beside: ["en_route", "clear"], more: ["hand_back", "hand_over"] };
    case "ON_SCENE":
      return { next: "clear", beside: ["transport", "hand_back"], more: ["hand_over"] };
    case "TRANSPORTING":
      return { next: "at_destination", beside: ["clear"], more: ["hand_over"] };
    case "AT_DESTINATION":
      return { next: "clear", beside: ["transport"], more: ["hand_over"] };
    default:
      return { next: "clear", beside: [], more: [] };
  }
}
