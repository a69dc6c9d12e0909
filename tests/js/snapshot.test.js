import assert from "node:assert/strict";
import { test } from "node:test";

import { Replica } from "../../tablets/static/tablets/replica.js";
import { Memory, look } from "../../tablets/static/tablets/snapshot.js";

const NOW = Date.parse("2026-11-22T04:00:00Z");
const board = { number: "1", status: "PENDING", queue: "CARE", priority: 3, address: "1st Ave", point: null, received_at: "2026-11-22T03:50:00Z", answers: {}, type: { code: "X", label: "Person down", color: "GREEN" }, reasons: [], units: [], caution: false, police_assigned: false };
const unit = { call_sign: "CARE 12", call: null, crew: 2, crew_minimum: 2, duty: "AVAILABLE", areas: [3], people: [] };
const agency = { name: "Agency", timezone: "UTC", has_cad: true, poach_feed_age_s: 30, cad_silent_s: 60, poach_priority: 2, poach_life_s: 30, self_dispatch_life_s: 120 };

/** What the screen shows. */
function seen({ documents, pending = [], left = [], state = "offline", told = "2026-11-22T03:59:55Z" }) {
  const replica = new Replica();
  const streams = { "reference.1": { number: 1, documents: [{ c: "agency", id: "1", n: 1, b: agency }, { c: "feed", id: "1", n: 1, b: { told_at: told } }] } };
  for (const [stream, c, id, b] of documents) (streams[stream] ??= { number: 1, documents: [] }).documents.push({ c, id, n: 1, b });
  replica.pull({ now: "", streams });
  return look({ replica, self: { unitId: 7, personId: 1 }, line: { state, since: NOW, heardAt: NOW, opening: false }, facts: pending, pending, left, trays: { waiting: [], refused: [], quarantined: [], flagged: [] }, now: NOW, here: null, memory: new Memory() });
}

const action = (kind, args, seconds = 5) => ({ kind, args, state: "waiting", happened_at: new Date(NOW - seconds * 1000).toISOString() });
const own = (body) => ["unit.7", "unit", "7", body];
const waiting = (id, body = board) => ["area.3", "call", id, body];

test("without signal a call of CARE's can be asked for", () => {
  const [row] = seen({ documents: [own(unit), waiting("4")] }).rows;

  assert.equal(row.can, "SELF_DISPATCH");
});

test("without signal a police call can be asked for only while CAD's word is fresh", () => {
  const police = { ...board, queue: "POLICE" };
  const fresh = seen({ documents: [own(unit), waiting("4", police)] }).rows[0];
  const stale = seen({ documents: [own(unit), waiting("4", police)], told: "2026-11-22T03:58:00Z" }).rows[0];

  assert.equal(fresh.can, "POACH");
  assert.deepEqual([stale.can, stale.why], [null, "Needs signal: police may be on it"]);
});

test("who has asked for one call waits for the answer before asking for another", () => {
  const { rows } = seen({ documents: [own(unit), waiting("4"), waiting("5")], pending: [action("call.self_dispatch", { call: 4 })] });
  const [asked, other] = [rows.find(({ id }) => id === "4"), rows.find(({ id }) => id === "5")];

  assert.equal(asked.asked.state, "asked");
  assert.deepEqual([other.can, other.why], [null, "You have asked for another call"]);
});

test("a request that ran out stands in nobody's way", () => {
  const { rows } = seen({ documents: [own(unit), waiting("4"), waiting("5")], pending: [action("call.self_dispatch", { call: 4 }, 300)] });

  assert.deepEqual(rows.map(({ can }) => can), ["SELF_DISPATCH", "SELF_DISPATCH"]);
  assert.equal(rows.find(({ id }) => id === "4").asked.state, "ran_out");
});

test("a call that the crew has cleared without signal does not keep it from asking for the next", () => {
  const assignment = { id: 9, status: "ON_SCENE", primary: true };
  const held = ["unit.7", "call", "3", { ...board, status: "ASSIGNED", assignment, stops: [], cautions: [] }];
  const documents = [own({ ...unit, call: 3 }), held, waiting("4")];

  assert.equal(seen({ documents }).rows[0].can, null);
  assert.equal(seen({ documents, pending: [action("assignment.clear", { assignment: 9, disposition: "HANDLED" })] }).rows[0].can, "SELF_DISPATCH");
});

test("what the crew last said of its duty counts before the server has heard it", () => {
  const meal = seen({ documents: [own(unit), waiting("4")], pending: [action("unit.duty", { duty: "MEAL" })] }).rows[0];
  const back = seen({ documents: [own({ ...unit, duty: "MEAL" }), waiting("4")], pending: [action("unit.duty", { duty: "AVAILABLE" })] }).rows[0];

  assert.deepEqual([meal.can, back.can], [null, "SELF_DISPATCH"]);
});

test("a crew on scene of a call that nobody holds may take it from the board", () => {
  const assignment = { id: 9, status: "ON_SCENE", primary: false };
  const there = ["unit.7", "call", "4", { ...board, assignment, stops: [], cautions: [] }];
  const { call, rows } = seen({ documents: [own({ ...unit, call: 4 }), there, waiting("4")], state: "live" });

  assert.equal(call.id, "4");
  assert.deepEqual(rows.map(({ id, can }) => [id, can]), [["4", "SELF_DISPATCH"]]);
});

test("who has ended their shift without signal is not on board any more", () => {
  const people = [1, 2].map((id) => ({ id, name: `Responder ${id}`, shift: id, started_at: "", planned_end_at: "" }));
  const { unit: shown, rows } = seen({ documents: [own({ ...unit, people }), waiting("4")], left: ["2"] });

  assert.deepEqual(shown.people.map(({ id }) => id), [1]);
  assert.equal(rows[0].can, null);
});
