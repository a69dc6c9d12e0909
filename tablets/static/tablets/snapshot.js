/**
 * Everything that the screen shows at one moment, out of the documents, the crew's own facts and the clocks.
 */

import { together } from "./attachments.js";
import { encounter, localCall } from "./on_view.js";
import { away, metres } from "./places.js";
import { requests } from "./requests.js";
import { thread } from "./messages.js";
import { standing } from "./standing.js";
import { tandemsOf } from "./tandem.js";
import { mayTake, whyNotDispatchable } from "./take.js";
import { clockOf } from "./welfare.js";
import { whyNot } from "./words.js";

/** @typedef {import("./wire.js").OwnCall} OwnCall */
/** @typedef {import("./wire.js").BoardCall} BoardCall */
/** @typedef {import("./wire.js").UnitBody} UnitBody */
/** @typedef {import("./wire.js").AgencyBody} AgencyBody */
/** @typedef {import("./wire.js").Point} Point */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./replica.js").Replica} Replica */
/** @typedef {import("./line.js").LineState} LineState */

/**
 * A row of the board. `asked`: this crew's own request for it, not decided yet. `gone`: it was taken a moment ago. Without
 * signal `can` means that the crew may ask, no more.
 * @typedef {object} Row
 * @property {string} id
 * @property {BoardCall} call
 * @property {"SELF_DISPATCH"|"POACH"|null} can
 * @property {string} why in words; empty where it may be taken
 * @property {string[]} whys every reason against, in words
 * @property {boolean} eligible whether the call itself may be taken by a CARE unit that is free
 * @property {string} away
 * @property {import("./requests.js").Request|null} asked
 * @property {string} gone
 * @property {boolean} fresh it came a moment ago
 */

/**
 * @typedef {object} Snapshot
 * @property {number} now ms, the server's clock
 * @property {string} zone
 * @property {{state: LineState, since: number, heardAt: number|null, opening: boolean}} line
 * @property {AgencyBody|null} agency
 * @property {UnitBody|null} unit
 * @property {number} unitId
 * @property {number|null} personId
 * @property {(OwnCall & {id: string})|null} call
 * @property {import("./standing.js").Standing|null} standing
 * @property {import("./welfare.js").WelfareClock|null} welfare when the crew should be heard of, where a clock runs
 * @property {{body: import("./wire.js").NoteBody, id: string}[]} notes
 * @property {import("./attachments.js").Shown[]} attached photos and signatures of the call
 * @property {import("./wire.js").PremiseBody|null} premise
 * @property {{id: string, body: import("./wire.js").OfferBody}[]} offers
 * @property {Row[]} rows
 * @property {{care: number, police: number, may: number}} counts
 * @property {{id: string, body: UnitBody}[]} units other units of the areas
 * @property {number|null} feedAge seconds
 * @property {boolean} cadDown
 * @property {Point|null} here
 * @property {readonly Action[]} pending
 * @property {import("./trays.js").Trays} trays
 * @property {import("./tandem.js").Known[]} tandems who comes beside the crew, and what was said of it
 * @property {import("./messages.js").Shown[]} messages with the desk about the call
 */

/** How long a row that somebody else took stays in its place, and how long a new one is marked, in ms. */
const GONE_FOR = 8_000;
const FRESH_FOR = 60_000;

/**
 * What the board remembers beyond the documents: rows that went, and when rows came.
 */
export class Memory {
  /** @type {Map<string, {call: BoardCall, words: string, until: number}>} */
  gone = new Map();
  /** @type {Map<string, number>} */
  came = new Map();
  /** The order on screen, kept while a finger is near. @type {string[]} */
  order = [];
  /** Until when nothing may move, ms of this device's clock. */
  still = 0;

  /**
   * @param {string} id
   * @param {BoardCall} call
   * @param {string} words
   */
  went(id, call, words) {
    this.gone.set(id, { call, words, until: Date.now() + GONE_FOR });
  }
}

/**
 * @param {object} given
 * @param {Replica} given.replica
 * @param {{unitId: number, personId: number|null}} given.self
 * @param {Snapshot["line"]} given.line
 * @param {readonly Action[]} given.facts pending ones, and those that were answered a moment ago
 * @param {readonly Action[]} given.pending
 * @param {import("./trays.js").Trays} given.trays
 * @param {number} given.now
 * @param {Point|null} given.here
 * @param {Memory} given.memory
 * @param {readonly import("./attachments.js").Held[]} [given.held] photos and signatures on this device
 * @param {Record<string, string>} [given.canned] phrases by code
 * @param {Record<string, string>} [given.onView] what a crew may come upon, in words
 * @param {readonly string[]} [given.left] people who have ended their shift here, and the server does not know it yet
 * @returns {Snapshot}
 */
export function look({ replica, self, line, facts, pending, trays, now, here, memory, held: kept = [], left = [], canned = {}, onView = {} }) {
  const agency = /** @type {AgencyBody|null} */ (replica.all("agency", "reference.")[0]?.body ?? null);
  const own = `unit.${self.unitId}`;
  const unit = without(left, /** @type {UnitBody|null} */ (replica.get("unit", self.unitId, own)));
  const held = replica.all("call", own)[0];
  const known = held ? { .../** @type {OwnCall} */ (held.body), id: held.id } : null;
  const knownStanding = known ? standing(known.assignment, facts, known.id, known.on_view_key) : null;
  const met = encounter(facts);
  // What it came upon is on top of a call that it has cleared, and of nothing else that it holds.
  const local = met && unit && met.args["key"] !== known?.on_view_key && (!known || knownStanding?.clearing) ? localCall(met, { unitId: self.unitId, callSign: unit.call_sign, words: onView }) : null;
  const call = local ?? known;
  const tandems = known && !local ? tandemsOf(known, facts) : [];
  // What the bar offers goes by the same.
  if (known && !local) known.tandem = tandems;
  const told = replica.all("feed", "reference.")[0]?.body?.told_at ?? null;
  const feedAge = told === null ? null : Math.max(0, (now - Date.parse(told)) / 1000);
  const notes = replica
    .all("note", own)
    .filter(({ body }) => String(body.call) === held?.id)
    .sort((a, b) => a.body.at.localeCompare(b.body.at) || Number(a.id) - Number(b.id));
  const attached = together(
    replica.all("attachment", own).flatMap(({ body }) => (String(body.call) === held?.id ? [/** @type {import("./wire.js").AttachmentBody} */ (body)] : [])),
    kept.filter(({ call }) => String(call) === held?.id),
  );
  const standingNow = local ? standing(local.assignment, facts, local.id, local.on_view_key) : knownStanding;
  const asked = requests(pending, agency, line.state === "offline", now);
  const rows = unit && agency ? rowsOf({ replica, unit: asTold(unit, standingNow, pending, call), agency, feedAge, line, here, asked, memory, heldId: held && !isUnheld(call) ? held.id : "" }) : [];
  const waiting = rows.filter((row) => !row.gone);
  const others = new Map(replica.all("unit", "area.").filter(({ id }) => id !== String(self.unitId)).map(({ id, body }) => [id, { id, body }]));
  return {
    now,
    zone: agency?.timezone ?? "America/Los_Angeles",
    line,
    agency,
    unit,
    unitId: self.unitId,
    personId: self.personId,
    call,
    standing: standingNow,
    welfare: clockOf({ call, standing: standingNow, facts, agency, now }),
    notes,
    attached,
    premise: held ? replica.get("premise", held.id, own) : null,
    offers: replica.all("offer", own).map(({ id, body }) => ({ id, body })),
    rows,
    counts: {
      care: waiting.filter((row) => row.call.queue === "CARE").length,
      police: waiting.filter((row) => row.call.queue === "POLICE").length,
      may: waiting.filter((row) => row.can).length,
    },
    units: [...others.values()].sort((a, b) => a.body.call_sign.localeCompare(b.body.call_sign, "en", { numeric: true })),
    feedAge,
    cadDown: Boolean(agency?.has_cad && line.state !== "offline" && (feedAge === null || feedAge > agency.cad_silent_s)),
    here,
    pending,
    trays,
    tandems,
    messages: known && !local ? thread(known.id, replica.all("message", own).map(({ id, body }) => ({ id, body })), facts, canned) : [],
  };
}

/**
 * The crew stands there, and nobody holds the call: the desk decides whose it is, or the crew takes it as any other.
 * @param {OwnCall|null} call
 */
export const isUnheld = (call) => call?.status === "PENDING" && !call.assignment.primary;

/**
 * The unit without those who have left it: who is on board is never more than the truth.
 * @param {readonly string[]} left
 * @param {UnitBody|null} unit
 * @returns {UnitBody|null}
 */
function without(left, unit) {
  if (!unit?.people?.some(({ id }) => left.includes(String(id)))) return unit;
  const people = unit.people.filter(({ id }) => !left.includes(String(id)));
  return { ...unit, people, crew: people.length };
}

/**
 * The unit as the crew knows it, before the server does: a call that it has cleared holds it no more, and its duty is what
 * it last said.
 * @param {UnitBody} unit
 * @param {import("./standing.js").Standing|null} own
 * @param {readonly Action[]} pending
 * @param {OwnCall|null} call
 * @returns {UnitBody}
 */
function asTold(unit, own, pending, call) {
  const duty = pending.filter(({ kind }) => kind === "unit.duty").at(-1)?.args["duty"];
  return { ...unit, ...(own?.clearing || isUnheld(call) ? { call: null } : call?.local ? { call: 0 } : {}), ...(typeof duty === "string" ? { duty } : {}) };
}

/**
 * @param {object} given
 * @param {Replica} given.replica
 * @param {UnitBody} given.unit
 * @param {AgencyBody} given.agency
 * @param {number|null} given.feedAge
 * @param {Snapshot["line"]} given.line
 * @param {Point|null} given.here
 * @param {Map<string, import("./requests.js").Request>} given.asked
 * @param {Memory} given.memory
 * @param {string} given.heldId
 * @returns {Row[]}
 */
function rowsOf({ replica, unit, agency, feedAge, line, here, asked, memory, heldId }) {
  const limits = /** @type {import("./take.js").Limits} */ (/** @type {unknown} */ (agency));
  const notDispatchable = whyNotDispatchable(unit);
  const device = Date.now();
  const offline = line.state === "offline";
  const undecided = [...asked.entries()].find(([, request]) => request.state === "asked")?.[0];
  /** @type {Map<string, Row>} */
  const rows = new Map();
  for (const { id, body } of replica.all("call", "area.")) {
    const call = /** @type {BoardCall} */ (body);
    if (id === heldId || call.status !== "PENDING" || rows.has(id)) continue;
    const verdict = mayTake(call, unit, limits, feedAge);
    const codes = undecided !== undefined && undecided !== id ? [...verdict.why, "asked_for_another"] : verdict.why;
    const whys = codes.map((code) => whyNot(offline && code === "poach_feed_old" ? "offline" : code, call, unit, notDispatchable));
    const eligible = verdict.why.every((code) => code === "unit_busy" || code === "unit_not_dispatchable" || code === "poach_feed_old");
    rows.set(id, {
      id,
      call,
      can: codes.length ? null : verdict.can,
      why: whys[0] ?? "",
      whys,
      eligible,
      away: away(here, call.point),
      asked: asked.get(id) ?? null,
      gone: "",
      fresh: device - (memory.came.get(id) ?? 0) < FRESH_FOR,
    });
  }
  for (const [id, { call, words, until }] of memory.gone) {
    if (until < device || id === heldId) memory.gone.delete(id);
    else if (!rows.has(id)) {
      rows.set(id, { id, call, can: null, why: words, whys: [words], eligible: true, away: away(here, call.point), asked: null, gone: words, fresh: false });
    }
  }
  return inOrder([...rows.values()], memory, device);
}

/**
 * CARE's own first, then what may be taken from police, then the rest; the oldest first in each. While a finger is near,
 * rows keep their places and new ones come last.
 * @param {Row[]} rows
 * @param {Memory} memory
 * @param {number} device
 */
function inOrder(rows, memory, device) {
  /** @param {Row} row */
  const rank = (row) => (row.call.queue === "CARE" ? 0 : row.eligible ? 1 : 2);
  rows.sort((a, b) => rank(a) - rank(b) || a.call.received_at.localeCompare(b.call.received_at) || Number(a.id) - Number(b.id));
  if (device < memory.still) {
    const places = new Map(memory.order.map((id, place) => [id, place]));
    rows.sort((a, b) => (places.get(a.id) ?? Infinity) - (places.get(b.id) ?? Infinity) || 0);
  }
  memory.order = rows.map((row) => row.id);
  return rows;
}

/**
 * Which of two calls is nearer, for a list that is asked for by distance.
 * @param {Point|null} here
 * @returns {(a: Row, b: Row) => number}
 */
export function byDistance(here) {
  /** @param {Row} row */
  const far = (row) => (here && row.call.point ? metres(here, row.call.point) : Infinity);
  return (a, b) => far(a) - far(b) || 0;
}
