/**
 * What became of what the crew did, in words: what waits, what was not done and why, what a supervisor looks at, and how
 * the line is. No browser, no clock.
 */

import { asksToo } from "./requests.js";
import { age } from "./times.js";
import { wordsOf } from "./words.js";

/** @typedef {import("./actions.js").Action} Action */
/** @typedef {Action} Entry */
/** @typedef {{waiting: Entry[], refused: Entry[], quarantined: Entry[], flagged: Entry[]}} Trays */
/** @typedef {{state: "live"|"polling"|"offline", since: number, opening: boolean}} LineWords */

// Said by the tablet itself: nobody did it, so nobody is told about it.
const BY_ITSELF = new Set(["assignment.deliver", "message.deliver", "message.read", "unit.check_in"]);

/**
 * Without what the tablet says of its own accord.
 * @template {{kind: string}} T
 * @param {readonly T[]} actions
 */
export const byPeople = (actions) => actions.filter(({ kind }) => !BY_ITSELF.has(kind));

/** What waits longer than this, in ms, is not on its way: the line may be live and the server not taking anything. */
const PROMPT = 4_000;

/**
 * How the line is, for the place at the top right.
 * @param {LineWords} line
 * @param {number} waiting how many things are not sent
 * @param {number} now ms of this device's clock
 * @param {number} [since] how long the oldest of them waits, in ms
 * @returns {{look: "live"|"slow"|"off", words: string, unsent: string}}
 */
export function lineWords(line, waiting, now, since = 0) {
  const offline = line.state === "offline";
  const unsent = waiting === 0 ? "" : `${waiting} ${offline ? "waiting to send" : "sending"}`;
  if (line.state === "live" && since < PROMPT) return { look: "live", words: "Live", unsent };
  if (line.opening) return { look: offline ? "off" : "slow", words: "Connecting", unsent };
  if (offline) return { look: "off", words: `Offline ${age(now - line.since)}`, unsent };
  return { look: "slow", words: "Slow", unsent };
}

/**
 * One sentence about the line and what it means for the crew.
 * @param {LineWords} line
 * @param {{waiting: number, durable: boolean, refused?: number}} held `refused`: what was not done and nobody has seen
 * @param {number} now ms of this device's clock
 */
export function lineSentence(line, { waiting, durable, refused = 0 }, now) {
  if (line.state === "offline" && line.opening) return "Looking for signal…";
  if (line.state === "offline") {
    const kept = durable ? "What you do is kept on this tablet and sends itself when the signal is back." : "What you do waits on this page: keep it open until it is sent.";
    return `No signal for ${age(now - line.since)}. ${kept} New calls do not reach you: listen to the radio.`;
  }
  const slow = line.state === "polling" ? "The connection is slow: news may come some seconds late." : "Connected.";
  if (waiting) return `${slow} Sending what waits.`;
  return refused ? `${slow} ${refused} ${refused === 1 ? "thing was" : "things were"} not done: look below.` : `${slow} Everything you did has reached the desk.`;
}

/** @type {Record<string, string>} */
const NAMES = {
  "call.self_dispatch": "Take",
  "call.poach": "Take from police",
  "call.at_scene": "On scene anyway",
  "call.on_view": "On-view",
  "call.join": "The same call",
  "call.note": "Note",
  "call.answer": "Answer",
  "call.attach": "Photo",
  "stop.acknowledge": "STOP read",
  "assignment.deliver": "Reached this tablet",
  "assignment.acknowledge": "Acknowledge",
  "assignment.en_route": "En route",
  "assignment.stage": "Staged",
  "assignment.arrive": "On scene",
  "assignment.transport": "Transport",
  "assignment.at_destination": "At destination",
  "assignment.clear": "Clear",
  "assignment.hand_back": "Hand back",
  "assignment.hand_over": "Hand over",
  "tandem.ask": "Ask for police or EMS",
  "tandem.partner_there": "They are there",
  "tandem.safe": "Declared safe",
  "referral.eta": "When we will be there",
  "referral.handed_over": "Officer left",
  "tandem.release": "Released",
  "tandem.partner_only": "Left to them",
  "tandem.care_alone": "CARE alone",
  "tandem.withdraw": "Withdraw",
  "message.send": "Message",
  "message.deliver": "Message reached this tablet",
  "message.read": "Message read",
  "shift.sign_off": "End my shift",
  "tablet.sign_on": "Sign on",
  "tablet.sign_off": "Leave this tablet",
  "hand_over.accept": "Take over",
  "hand_over.decline": "Decline",
};

/**
 * What an action is called on screen.
 * @param {{kind: string, args: Record<string, unknown>}} action
 */
export function nameOf({ kind, args }) {
  if (kind === "unit.duty") return wordsOf(String(args["duty"] ?? ""));
  if (kind === "call.check") return args["what"] === "PREMISE" ? "Premise check" : "Presence check";
  if (kind === "assignment.clear" && args["disposition"]) return `Clear: ${wordsOf(String(args["disposition"]))}`;
  return NAMES[kind] ?? wordsOf((kind.split(".")[1] ?? kind).toUpperCase());
}

/** What to do about a refusal, where the refusal itself does not say it. @type {Record<string, string>} */
const NEXT = {
  care_alone_not_allowed: "Stage until they declare the scene safe.",
  tandem_ended: "It was settled before: look at the call.",
  tandem_open: "They are on the call: look there.",
  call_already_taken: "Look at the board for another call.",
  call_not_pending: "It waits no longer. Look at the board.",
  take_expired: "If it still waits on the board, ask again.",
  not_signed_on: "Sign on, then do it once more.",
  shift_ended: "Sign on, then do it once more.",
  depends_refused: "It followed something that was not done. Do both again if they still hold.",
  unit_busy: "Finish your call first.",
  unit_not_dispatchable: "Make yourself available first.",
  poach_feed_old: "Ask the desk by radio.",
  poach_police_assigned: "Police are on it.",
  tablet_in_use: "The person before you has to leave this tablet first.",
  hand_over_not_open: "The other crew has taken it back, or somebody answered before you.",
};

/**
 * The next step after a refusal.
 * @param {{kind?: string, problem: {code: string}|null}} action
 */
export function nextStep(action) {
  const code = action.problem?.code ?? "";
  return NEXT[`${action.kind} ${code}`] ?? NEXT[code] ?? (code.startsWith("poach_") ? "It stays with police. Talk to the desk if you think otherwise." : "Talk to the desk.");
}

/** @type {Record<string, string>} */
const FLAGS = {
  late_scope: "You no longer held the call when this arrived",
  call_already_closed: "The call was closed when this arrived",
  out_of_order: "It arrived after something that comes later",
  clock_corrected: "This tablet's clock was off; the time was corrected",
  clock_jumped: "This tablet's clock was set in between",
  contested: "Another unit holds the call: the desk sorts it out with both of you",
  unassigned_on_scene: "Nobody held the call: the desk decides whose it is",
  answer_after_close: "The call was closed when this arrived",
  note_after_close: "The call was closed when this arrived",
  attached_after_close: "The call was closed when this arrived",
  attached_not_held: "You did not hold the call then",
  detached: "What it followed was not done",
  on_view_crew_gone: "You had another call, or had gone, when this arrived: say how it ended",
  arrived_before_safe: "You were on scene before it was declared safe",
  released_before_safe: "Police or EMS had left before the scene was declared safe",
  tandem_over: "Police or EMS were no longer part of the call when this arrived",
  unknown_type: "The desk does not know this kind of call",
  hand_over_impossible: "The other unit could not be asked: the desk has the call",
  sign_off_left_call: "The desk has the call that you left",
};

/**
 * What another app says of its own kinds: what they are called, what to do about its refusals (by code, or by kind and code),
 * why its flags are raised, which of its kinds ask for a call, and which the tablet says by itself.
 * @typedef {{names?: Record<string, string>, next?: Record<string, string>, flags?: Record<string, string>, asks?: readonly string[], quiet?: readonly string[]}} Lesson
 */

/**
 * Take these words up beside our own.
 * @param {Lesson} lesson
 */
export function learn({ names = {}, next = {}, flags = {}, asks = [], quiet = [] }) {
  Object.assign(NAMES, names);
  Object.assign(NEXT, next);
  Object.assign(FLAGS, flags);
  asksToo(asks);
  for (const kind of quiet) BY_ITSELF.add(kind);
}

/**
 * Why a supervisor looks at something that was done.
 * @param {string} flag
 */
export function flagWords(flag) {
  return FLAGS[flag] ?? wordsOf(flag.toUpperCase());
}

/**
 * The oldest of what waits, in ms; 0 when nothing does.
 * @param {readonly Entry[]} waiting
 * @param {number} now ms, the server's clock
 */
export function oldest(waiting, now) {
  return waiting.reduce((most, { happened_at }) => Math.max(most, now - Date.parse(happened_at)), 0);
}
