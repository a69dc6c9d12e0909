/**
 * Second responses that are this unit's to see to, in words and in order. No browser, no clock.
 */

import { lifeOf, requests } from "../../tablets/requests.js";
import { whyNotDispatchable } from "../../tablets/take.js";
import { age, wallTime } from "../../tablets/times.js";
import { nextStep } from "../../tablets/trays.js";
import { DISQUALIFIERS, notNow, wordsOf } from "../../tablets/words.js";
import { dayWords } from "./person_words.js";

/** @typedef {import("../../tablets/actions.js").Action} Action */
/** @typedef {import("../../tablets/snapshot.js").Snapshot} Snapshot */

/**
 * A follow-up, as it comes down a unit's stream (followups/documents/plans.py).
 * @typedef {object} FollowUpBody
 * @property {number} client
 * @property {number|null} step days after the encounter; null for a single one
 * @property {string} state
 * @property {string} due_date
 * @property {string} due_at when the visiting hours of its day begin
 * @property {string} due_until
 * @property {0|1} risk a number: sealed, neither is longer than the other
 * @property {string} reason
 * @property {string} address
 * @property {[number, number]|null} point
 * @property {number|null} call
 * @property {{how: string, result: string, at: string}[]} attempts
 */

/** `attempts`: those of this tablet that the server does not know yet come last. @typedef {{id: string, body: FollowUpBody, attempts: {how: string, result: string, at: string, sent: boolean}[], over: boolean}} Visit */

/** @type {[code: string, words: string, icon: string][]} */
export const HOW = [
  ["VISIT", "Visit", "directions_walk"],
  ["PHONE", "Phone", "phone"],
  ["PROVIDER", "Through a provider", "connect_without_contact"],
];

/** @type {[code: string, words: string][]} */
export const RESULTS = [
  ["REACHED", "Reached"],
  ["NOT_FOUND", "Not found"],
  ["REFUSED", "Wants no more"],
  ["MOVED", "Moved away"],
  ["HOSPITALISED", "In hospital"],
  ["IN_CUSTODY", "In custody"],
  ["DECEASED", "Has died"],
];

/** What ends a follow-up, or has it wait: there is nothing more to do here. */
const ENDS = new Set(["REACHED", "REFUSED", "HOSPITALISED", "IN_CUSTODY", "DECEASED"]);

/**
 * What is to be seen to, what is due first; what was seen to here and is not sent yet comes last.
 * @param {readonly {id: string, body: FollowUpBody}[]} documents
 * @param {readonly Action[]} facts what was done here and the documents may not show
 * @param {string|null} person who is signed on here
 * @returns {Visit[]}
 */
export function visits(documents, facts, person) {
  const open = documents.filter(({ body }) => body.state === "PENDING" || body.state === "DUE");
  const all = open.map(({ id, body }) => {
    const mine = facts
      .filter(({ kind, args, state, actor }) => kind === "follow_up.attempt" && String(args["follow_up"]) === id && state !== "refused" && state !== "quarantined" && actor === person)
      // The document has it: it counts once.
      .filter(({ happened_at: at }) => !body.attempts.some((known) => Date.parse(known.at) === Date.parse(at)))
      .map(({ args, happened_at: at, state }) => ({ how: String(args["how"]), result: String(args["result"]), at, sent: state === "applied" }));
    const attempts = [...body.attempts.map((known) => ({ ...known, sent: true })), ...mine];
    return { id, body, attempts, over: mine.some(({ result }) => ENDS.has(result)) };
  });
  return all.sort((a, b) => Number(a.over) - Number(b.over) || a.body.due_at.localeCompare(b.body.due_at) || Number(a.id) - Number(b.id));
}

/**
 * When somebody is to be seen.
 * @param {Pick<FollowUpBody, "due_date"|"due_at"|"due_until">} body
 * @param {{now: number, zone: string}} given
 * @returns {{words: string, look: "late"|"now"|"later"}}
 */
export function whenWords({ due_date: day, due_at: from, due_until: until }, { now, zone }) {
  if (now > Date.parse(until)) return { words: `${age(now - Date.parse(until))} overdue`, look: "late" };
  const hours = `${wallTime(from, zone)} to ${wallTime(until, zone)}`;
  if (now >= Date.parse(from)) return { words: `now, until ${wallTime(until, zone)}`, look: "now" };
  return { words: `${dayWords(day, now, zone)}, ${hours}`, look: "later" };
}

/**
 * @param {string} how
 * @param {string} result
 */
export function attemptWords(how, result) {
  const what = HOW.find(([code]) => code === how)?.[1] ?? how;
  return `${what}: ${(RESULTS.find(([code]) => code === result)?.[1] ?? result).toLowerCase()}`;
}

/** By which a crew asks to go to a visit of its unit. */
export const GO = "follow_up.go";

/** Nobody visits alone. */
const VISITORS = 2;

/** What kind of place it is, as every call says it. @type {[code: string, words: string][]} */
export const PLACES = ["PUBLIC", "RESIDENCE", "BUSINESS", "ENCAMPMENT", "VEHICLE", "UNKNOWN"].map((code) => [code, code === "UNKNOWN" ? "Nobody knows" : wordsOf(code).replace(/^./, (first) => first.toUpperCase())]);

/** What speaks against going there without police or EMS. @type {[code: string, words: string][]} */
export const AGAINST = [
  ["NOTHING", "Nothing does"],
  ["UNKNOWN", "Nobody knows"],
  ["WEAPON", "A weapon is there"],
  ["VIOLENCE", "Somebody threatens"],
  ["MEDICAL", "A medical emergency"],
];

/**
 * An answer to each question of the screening.
 * @param {string} against
 */
export const screening = (against) => Object.fromEntries(DISQUALIFIERS.map(([code]) => [code, against === "UNKNOWN" ? "UNKNOWN" : code === against ? "YES" : "NO"]));

/**
 * How it stands with going to a visit. open: the crew may go, or ask to. cannot: it may not, and why. asked: not decided yet.
 * ran_out: it would be refused now. coming: it was accepted, and the call is not here yet. mine: it is the crew's call.
 * @typedef {{state: "open"|"cannot"|"asked"|"ran_out"|"coming"|"mine", head: string, say: string}} Going
 */

/**
 * @param {Visit} visit
 * @param {Snapshot} s
 * @param {readonly Action[]} facts what was done here and the documents may not show
 * @returns {Going|null} null where there is nothing to go for any more
 */
export function going({ id, body, over }, s, facts) {
  const offline = s.line.state === "offline";
  const held = s.call && !s.standing?.clearing ? s.call : null;
  if (held && held.id === String(body.call)) return { state: "mine", head: "This visit is your call.", say: "The welfare clock runs from when you are on scene. Clear it as any other." };
  if (over) return null;
  const undecided = [...requests(s.pending, s.agency, offline, s.now).values()];
  const asked = undecided.find(({ action }) => ofVisit(action, id));
  if (asked?.state === "asked") return { state: "asked", head: "Not decided yet.", say: `You ${asked.say}.${offline ? " If you go before there is signal, say it by radio: nobody else knows." : ""}` };
  if (asked) return { state: "ran_out", head: "Not your call.", say: `Asked ${age(s.now - Date.parse(asked.action.happened_at))} ago, and it ran out without signal. If you are there, say it by radio. Ask again when there is signal.` };
  if (facts.some((action) => action.state === "applied" && ofVisit(action, id) && action.answer?.call !== body.call)) return { state: "coming", head: "Accepted.", say: "The call comes to this tablet now." };
  const why = whyNotGo(body, s, held !== null, undecided.some(({ state }) => state === "asked"));
  if (why) return { state: "cannot", ...why };
  if (offline) return { state: "open", head: "No signal: this only asks.", say: `It is good for ${age(lifeOf({ kind: GO }, s.agency))}, and decided when there is signal. If you go before that, say it by radio: nobody else knows.` };
  return { state: "open", head: "", say: "It becomes your call: the desk sees you busy, and the welfare clock runs while you are there." };
}

/**
 * What was not done about going to a visit, the newest last, as sentences.
 * @param {string} id
 * @param {Snapshot} s
 */
export const refusedGoing = (id, { trays }) => trays.refused.filter((action) => ofVisit(action, id)).map((action) => ({ seq: action.seq, why: action.problem?.message ?? "", next: nextStep(action) }));

/**
 * @param {Pick<Action, "kind"|"args">} action
 * @param {string} id
 */
const ofVisit = ({ kind, args }, id) => kind === GO && String(args["follow_up"]) === id;

/**
 * @param {FollowUpBody} body
 * @param {Snapshot} s
 * @param {boolean} holds whether the crew has a call
 * @param {boolean} asks whether it has asked for one
 * @returns {{head: string, say: string}|null}
 */
function whyNotGo(body, { unit, pending }, holds, asks) {
  if (holds) return { head: "You have a call.", say: "Finish it first." };
  if (!unit) return { head: "Your unit is not known here yet.", say: "Wait until the tablet has heard from the desk." };
  if ((unit.people ?? []).length < VISITORS) return { head: `You are alone on ${unit.call_sign}.`, say: "A visit is two people. Wait for your partner, or reach them by phone." };
  if (!body.address && !body.point) return { head: "Nobody has said where they are.", say: "Ask the coordinator." };
  if (asks) return { head: "You have asked for another call.", say: "Wait until that is decided." };
  // What the crew last said of itself, before the server knows it.
  const duty = pending.filter(({ kind }) => kind === "unit.duty").at(-1)?.args["duty"];
  const not = whyNotDispatchable({ ...unit, ...(typeof duty === "string" ? { duty } : {}) });
  return not ? { head: `${notNow(not, unit)}.`, say: not === "CREW_TOO_SMALL" ? "Wait for the others, or reach them by phone." : "Make your unit available first." } : null;
}
