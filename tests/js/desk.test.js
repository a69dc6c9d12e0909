/**
 * What the desk concludes from what it holds: order, alarms by the clock, words.
 */

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// The pages are served as one tree, which on disk is one directory for each app.
register(
  `data:text/javascript,${encodeURIComponent(`
    export async function resolve(name, context, next) {
      const at = name.match(/^\\.\\.\\/\\.\\.\\/tablets\\/(.*)$/);
      if (!at || !context.parentURL?.includes("/dispatch/static/")) return next(name, context);
      return next(new URL("../../../../tablets/static/tablets/" + at[1], context.parentURL).href, context);
    }
  `)}`,
);
const model = await import("../../dispatch/static/dispatch/desk/model.js");

const NOON = Date.parse("2026-06-03T19:00:00Z");
const ago = (/** @type {number} */ minutes) => new Date(NOON - minutes * 60_000).toISOString();
const call = (/** @type {string} */ id, /** @type {object} */ rest = {}) => ({
  id, priority: 3, received_at: ago(5), status: "PENDING", queue: "CARE", type: { label: "Welfare check", color: "GREEN" },
  address: "2nd Ave", answers: {}, alarms: [], assignments: [], police_assigned: false, caution: false, ...rest,
});

test("the most urgent come first, then the oldest; half an hour of waiting counts as one step", () => {
  const calls = [
    call("1", { received_at: ago(2) }),
    call("2", { received_at: ago(20) }),
    call("3", { priority: 2, received_at: ago(1) }),
    call("4", { priority: 4, received_at: ago(70) }),
  ];

  assert.deepEqual(model.inOrder(calls, NOON).map((one) => one.id), ["4", "3", "2", "1"]);
});

test("an alarm rings by the page's clock, before the sweep has said so", () => {
  const due = call("1", { alarms: [{ id: 7, kind: "NOT_DELIVERED", assignment: 3, due_at: ago(-0.1), raised_at: null }] });

  assert.deepEqual(model.ringing([due], NOON), []);
  assert.deepEqual(model.ringing([due], NOON + 6_100).map((one) => one.id), ["7"]);
});

test("steps of one trouble are one bar, and seeing it sees them all", () => {
  const alarms = ["NOT_DELIVERED", "NOT_ACKNOWLEDGED", "REASSIGNABLE"].map((kind, id) => ({ id, kind, assignment: 3, due_at: ago(1), raised_at: null }));
  const late = call("1", { alarms, assignments: [{ id: 3, unit: 12, call_sign: "CARE 12" }] });

  const [bar, ...more] = model.grouped(model.ringing([late], NOON));

  assert.equal(bar?.kind, "REASSIGNABLE");
  assert.deepEqual(bar?.all.sort(), ["0", "1", "2"]);
  assert.deepEqual(more, []);
});

test("a row says what stands out, and not that all is well", () => {
  assert.deepEqual(model.brief(["TYPE_GREEN", "DISQUALIFIERS_RULED_OUT", "PLACE_PUBLIC"]), []);
  assert.deepEqual(model.brief(["TYPE_YELLOW", "WEAPON_YES", "MEDICAL_UNKNOWN"]), ["weapon", "police by default"]);
});

test("units are offered nearest first; who cannot go is last, with the reason", () => {
  const unit = (/** @type {string} */ id, /** @type {object} */ rest = {}) => ({
    id, call_sign: `CARE ${id}`, status: "AVAILABLE", call: null, crew: 2, crew_minimum: 2, areas: [1], outside: false, duty: "AVAILABLE", ...rest,
  });
  const at = (/** @type {number} */ lon) => ({ point: /** @type {[number, number]} */ ([lon, 47.6]), at: ago(0) });
  const positions = new Map([["12", at(-122.3)], ["14", at(-122.33)], ["16", at(-122.331)]]);

  const found = model.candidates([unit("12"), unit("14"), unit("16", { crew: 1 })], { point: [-122.331, 47.6], area: 1 }, positions);

  assert.deepEqual(found.map((one) => one.unit.id), ["14", "12", "16"]);
  assert.deepEqual([found[2]?.ok, found[2]?.why], [false, "1 of 2 on board"]);
});

test("opening hours past midnight belong to the day on which they open", () => {
  const area = { id: "1", valid_from: "2025-01-01", valid_to: null, hours: [{ weekday: 2, opens: "18:00", closes: "02:00", valid_from: "2025-01-01", valid_to: null }] };
  const words = (/** @type {string} */ instant) => model.opening([area], "America/Los_Angeles", Date.parse(instant)).words;

  assert.equal(words("2026-06-04T02:00:00Z"), "CARE open until 02:00"); // Wednesday 19:00
  assert.equal(words("2026-06-04T08:59:00Z"), "CARE open until 02:00"); // Thursday 01:59
  assert.equal(words("2026-06-04T09:00:00Z"), "CARE is closed now");
});

test("a CAD that has been silent for a minute is down", () => {
  const agency = { id: "1", has_cad: true, cad_silent_s: 60 };

  assert.equal(model.cad(agency, { id: "1", told_at: ago(0.9) }, NOON).down, false);
  assert.equal(model.cad(agency, { id: "1", told_at: ago(1.1) }, NOON).down, true);
  assert.equal(model.cad({ ...agency, has_cad: false }, undefined, NOON).down, false);
});

test("a crew on scene of a call that it does not hold rings, and says what to do", () => {
  const there = { id: 4, unit: 9, call_sign: "CARE 14", primary: false, status: "ON_SCENE" };
  const alarm = (/** @type {string} */ kind) => ({ id: 7, kind, assignment: 4, due_at: ago(1), raised_at: ago(1) });
  const contested = call("1", { status: "ASSIGNED", assignments: [{ id: 3, unit: 8, call_sign: "CARE 12", primary: true }, there], alarms: [alarm("CONTESTED")] });
  const waits = call("2", { assignments: [there], alarms: [alarm("UNASSIGNED_ON_SCENE")] });

  const [first, second] = model.ringing([contested, waits], NOON).map(model.alarmWords);

  assert.match(first?.title ?? "", /CARE 14 is on scene of Welfare check, 2nd Ave, which nobody holds/);
  assert.match(first?.next ?? "", /Make it theirs/);
  assert.match(second?.title ?? "", /CARE 14 is on scene .* which CARE 12 holds/);
});
