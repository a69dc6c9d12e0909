/**
 * The clock of a crew that is with somebody, and what a crew came upon before the server knows of it.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { encounter, localCall, mayBeSame } from "../../tablets/static/tablets/on_view.js";
import { standing } from "../../tablets/static/tablets/standing.js";
import { clockOf, clockWords, isRisky, shouldTell } from "../../tablets/static/tablets/welfare.js";

const NOON = Date.parse("2026-06-03T19:00:00Z");
const MINUTE = 60_000;
const at = (/** @type {number} */ minutes) => new Date(NOON + minutes * MINUTE).toISOString();
const agency = /** @type {any} */ ({ welfare_first_s: 600, welfare_next_s: 900, welfare_risky_first_s: 300, welfare_risky_next_s: 600, welfare_answer_s: 60, join_nearby_m: 150 });
const KEY = "7b0d5c1e-5f0a-4c62-9d3f-0d8a4f0f9f11";
const met = (/** @type {object} */ more = {}) =>
  /** @type {any} */ ({ id: "a", kind: "call.on_view", args: { key: KEY, what: "WELFARE", point: { lon: -122.335, lat: 47.609 } }, happened_at: at(0), state: "waiting", answer: null, seq: 4, ...more });
const by = { unitId: 7, callSign: "CARE 7", words: { WELFARE: "Check on a person" } };
const fact = (/** @type {string} */ kind, /** @type {number} */ minutes, /** @type {object} */ args = {}, /** @type {object} */ more = {}) =>
  /** @type {any} */ ({ id: kind, kind, args, happened_at: at(minutes), state: "waiting", answer: null, ...more });

/** @param {object} [assignment] @param {object} [call] */
const own = (assignment = {}, call = {}) => {
  const base = localCall(met(), by);
  return /** @type {any} */ ({ ...base, local: undefined, id: "3", source: "911", ...call, assignment: { ...base.assignment, id: 9, welfare_due_at: at(10), ...assignment } });
};
const clock = (/** @type {any} */ call, /** @type {any[]} */ facts = [], now = NOON) => clockOf({ call, standing: standing(call.assignment, facts, call.id, call.on_view_key), facts, agency, now });

for (const { name, call, risky } of JSON.parse(readFileSync(new URL("../vectors/welfare.json", import.meta.url), "utf8"))) {
  test(`risky or not: ${name}`, () => assert.equal(isRisky(call), risky));
}

test("the server's clock is shown, and says when it has run out", () => {
  assert.equal(clock(own(), [], NOON)?.state, "running");
  assert.equal(clockWords(clock(own(), [], NOON + 6 * MINUTE)), "check-in in 4 min");
  // Never more time than is left.
  assert.equal(clockWords(clock(own(), [], NOON + 6 * MINUTE + 1_000)), "check-in in 3 min");
  assert.equal(clockWords(clock(own(), [], NOON + 9 * MINUTE + 30_000)), "check-in in under 1 min");
  assert.equal(clock(own(), [], NOON + 10 * MINUTE)?.state, "due");
  assert.equal(clock(own(), [], NOON + 11 * MINUTE)?.state, "missed");
});

test("without signal the crew's own touch moves it, and an old one does not move it back", () => {
  assert.equal(clock(own(), [fact("unit.check_in", 5)])?.dueAt, NOON + 20 * MINUTE);
  assert.equal(clock(own({ welfare_due_at: at(30) }), [fact("unit.check_in", 5)])?.dueAt, NOON + 30 * MINUTE);
  assert.equal(clock(own(), [fact("unit.check_in", -5)])?.dueAt, NOON + 10 * MINUTE);
});

test("an arrival that the server has not heard of starts it", () => {
  const call = own({ status: "EN_ROUTE", on_scene_at: null, welfare_due_at: null });

  assert.equal(clock(call), null);
  assert.equal(clock(call, [fact("assignment.arrive", 2, { assignment: 9 })])?.dueAt, NOON + 12 * MINUTE);
});

test("a risky call is asked about sooner; a cleared one not at all", () => {
  assert.equal(clock(own({}, { response: "CARE+POLICE" }), [fact("unit.check_in", 5)])?.dueAt, NOON + 15 * MINUTE);
  assert.equal(clock(own(), [fact("assignment.clear", 5, { assignment: 9, disposition: "HANDLED" })]), null);
});

test("that backup was asked for holds until the crew is heard of", () => {
  assert.equal(clock(own({ welfare_backup_at: at(12) }), [], NOON + 13 * MINUTE)?.asked, true);
  assert.equal(clock(own({ welfare_backup_at: at(12) }), [fact("unit.check_in", 13)], NOON + 14 * MINUTE)?.asked, false);
});

test("touches are told once a minute while it runs, and at once when it has run out", () => {
  assert.equal(shouldTell(null, 0, NOON), false);
  assert.equal(shouldTell(clock(own()), NOON - 59_000, NOON), false);
  assert.equal(shouldTell(clock(own()), NOON - 60_000, NOON), true);
  assert.equal(shouldTell(clock(own(), [], NOON + 11 * MINUTE), NOON - 6_000, NOON), true);
});

test("what a crew came upon is its call until the server's own is there", () => {
  assert.equal(encounter([]), null);
  assert.equal(encounter([met()])?.seq, 4);
  assert.equal(encounter([met({ state: "quarantined" })]), null);
  assert.equal(encounter([met({ state: "applied", answer: { assignment_status: "HANDED_BACK" } })]), null);
  assert.equal(encounter([met({ state: "applied" }), fact("assignment.clear", 5, { on_view: KEY }, { state: "applied" })]), null);
  const call = localCall(met(), by);
  assert.deepEqual([call.type.label, call.assignment.status, call.point], ["Check on a person", "ON_SCENE", [-122.335, 47.609]]);
  assert.equal(clock(call)?.dueAt, NOON + 10 * MINUTE);
});

test("what is told of it by its key holds for the server's assignment as well", () => {
  const clear = fact("assignment.clear", 5, { on_view: KEY, disposition: "HANDLED" });

  assert.equal(standing(own().assignment, [clear], "3", KEY).clearing, clear);
  assert.equal(standing(own().assignment, [clear], "3", null).clearing, null);
});

test("only an encounter is offered to be the same as a call that waits near it", () => {
  const waiting = [
    { id: "far", point: /** @type {[number, number]} */ ([-122.34, 47.609]) },
    { id: "near", point: /** @type {[number, number]} */ ([-122.3352, 47.609]) },
    { id: "unplaced", point: null },
  ];
  const here = { point: /** @type {[number, number]} */ ([-122.335, 47.609]), own_number: "OV000001" };

  assert.deepEqual(mayBeSame(here, waiting, 150).map(({ id }) => id), ["near"]);
  assert.deepEqual(mayBeSame({ ...here, own_number: "" }, waiting, 150), []);
  assert.deepEqual(mayBeSame({ ...here, point: null }, waiting, 150), []);
});
