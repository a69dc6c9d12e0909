import assert from "node:assert/strict";
import { test } from "node:test";

import { farewell, offered, standing } from "../../tablets/static/tablets/standing.js";

const assigned = { id: 4, status: "ASSIGNED", assigned_at: "2026-11-21T20:00:00Z", acknowledged_at: null, en_route_at: null };
const fact = (kind, state, happened_at, args = { assignment: 4 }) => ({ kind, state, happened_at, args });

test("what the crew did shows at once, and is known not to be confirmed", () => {
  const pending = fact("assignment.en_route", "waiting", "2026-11-21T20:01:00Z");

  const { assignment, told } = standing(assigned, [pending]);

  assert.equal(assignment.status, "EN_ROUTE");
  assert.equal(assignment.en_route_at, "2026-11-21T20:01:00Z");
  assert.equal(told.get("EN_ROUTE"), pending);
});

test("the server's document replaces what was told here", () => {
  const sent = fact("assignment.en_route", "applied", "2026-11-21T20:01:00Z");
  const confirmed = { ...assigned, status: "EN_ROUTE", en_route_at: "2026-11-21T20:00:58Z" };

  const { assignment, told } = standing(confirmed, [sent]);

  assert.equal(assignment, confirmed);
  assert.equal(told.size, 0);
});

test("an answered fact holds until the document shows it: nobody sees their own effect disappear", () => {
  const sent = fact("assignment.arrive", "applied", "2026-11-21T20:05:00Z");

  assert.equal(standing({ ...assigned, on_scene_at: null }, [sent]).assignment.status, "ON_SCENE");
});

test("facts about another assignment, and refused ones, change nothing", () => {
  const others = [
    fact("assignment.arrive", "waiting", "2026-11-21T20:05:00Z", { assignment: 5 }),
    fact("assignment.arrive", "refused", "2026-11-21T20:05:00Z"),
    fact("call.note", "waiting", "2026-11-21T20:05:00Z"),
  ];

  assert.equal(standing(assigned, others).assignment, assigned);
});

test("clearing is known before the call is gone", () => {
  const cleared = fact("assignment.clear", "sending", "2026-11-21T20:30:00Z");

  assert.equal(standing(assigned, [cleared]).clearing, cleared);
});

test("what others did to the crew's call is told loudly, what it did itself is not", () => {
  const told = (gone, cleared = false) => {
    const said = farewell(gone, cleared);
    return said && `${said.how}${said.loud ? "!" : ""}`;
  };

  assert.deepEqual(
    ["call.cancelled", "call.reassigned", "call.handed_back", "call.handed_over", "dropped", "call.updated"].map((gone) => told(gone)),
    ["cancelled!", "reassigned!", "handed_back", "handed_over", "dropped", "closed!"],
  );
  assert.equal(told("assignment.cleared", true), null);
  assert.equal(told("assignment.cleared"), "closed");
  assert.equal(told("shift.signed_off"), null);
});

test("every status offers a next step, and none of them twice", () => {
  for (const status of ["ASSIGNED", "ACKNOWLEDGED", "EN_ROUTE", "STAGED", "ON_SCENE", "TRANSPORTING", "AT_DESTINATION"]) {
    for (const tandem of [true, false]) {
      const { next, beside, more } = offered(status, tandem);
      const all = [next, ...beside, ...more];
      assert.equal(new Set(all).size, all.length, status);
      assert.ok(all.includes("clear"), status);
      assert.ok(beside.length <= 2);
    }
  }
});
