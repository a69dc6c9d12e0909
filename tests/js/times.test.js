import assert from "node:assert/strict";
import { test } from "node:test";

import { away, bearing, inside, isOpen, metres, miles } from "../../tablets/static/tablets/places.js";
import { Clock, age, minutes, spent, waiting, wallDay, wallTime } from "../../tablets/static/tablets/times.js";

const MIN = 60_000;
const NOON = Date.parse("2026-11-21T20:00:00Z");

test("ages are said as people say them", () => {
  const words = [-5000, 0, 8_400, 59_999, MIN, 34 * MIN, 125 * MIN, 26 * 60 * MIN].map(age);

  assert.deepEqual(words, ["0 s", "0 s", "8 s", "59 s", "1 min", "34 min", "2 h 05", "1 d"]);
  assert.equal(minutes(59_000), "under 1 min");
});

test("a pending call says how long it waits", () => {
  assert.equal(waiting("2026-11-21T19:48:00Z", NOON), "waiting 12 min");
  assert.equal(waiting("2026-11-21T19:59:40Z", NOON), "just in");
});

test("a unit says how long it has been where it is", () => {
  const assignment = { status: "ON_SCENE", assigned_at: "2026-11-21T19:00:00Z", on_scene_at: "2026-11-21T19:26:00Z" };

  assert.equal(spent(assignment, NOON), "34 min on scene");
  assert.equal(spent({ ...assignment, status: "ASSIGNED" }, NOON), "assigned 1 h 00 ago");
  assert.equal(spent({ status: "STAGED", staged_at: null }, NOON), "");
});

test("wall times are the agency's, whatever zone the device is in", () => {
  assert.equal(wallTime("2026-11-21T20:05:09Z", "America/Los_Angeles"), "12:05");
  assert.equal(wallTime("2026-11-21T20:05:09Z", "America/Los_Angeles", { seconds: true }), "12:05:09");
  assert.equal(wallDay("2026-11-21T09:05:00Z", "America/Los_Angeles", NOON), "today 01:05");
  assert.equal(wallDay("2026-11-04T20:05:00Z", "America/Los_Angeles", NOON), "4 Nov 2026, 12:05");
});

test("the clock follows the server by the quickest round trip", () => {
  let device = NOON - 2 * 60 * MIN;
  const clock = new Clock(() => device);
  assert.equal(clock.offset, 0);

  clock.offer("2026-11-21T20:00:02Z", device, device + 4000);
  device += 4000;
  clock.offer("2026-11-21T20:00:04.050Z", device, device + 100);
  clock.offer("2026-11-21T20:00:09Z", device, device + 9000);
  device += 10_000;

  assert.equal(clock.offset, 2 * 60 * MIN);
  assert.equal(clock.iso(), "2026-11-21T20:00:14.000Z");
});

test("a measurement across a change of the device's clock is none", () => {
  const clock = new Clock(() => NOON);

  clock.offer("2026-11-21T22:00:00Z", NOON, NOON - 1);
  clock.offer("2026-11-21T22:00:00Z", NOON, NOON + 60_000);
  clock.offer("not a time", NOON, NOON);

  assert.equal(clock.offset, 0);
});

test("distances and directions are those of the street", () => {
  const pike = /** @type {[number, number]} */ ([-122.3382, 47.6101]);
  const king = /** @type {[number, number]} */ ([-122.3296, 47.5983]);

  assert.ok(Math.abs(metres(pike, king) - 1463) < 10);
  assert.deepEqual([0, 30, 100, 650, 1609, 20_000].map(miles), ["here", "100 ft", "350 ft", "0.4 mi", "1.0 mi", "12 mi"]);
  assert.equal(bearing(pike, king), "SE");
  assert.equal(bearing(king, pike), "NW");
  assert.equal(bearing([0, 0], [0, 1]), "N");
  assert.equal(away(pike, king), "0.9 mi SE");
  assert.equal(away(pike, pike), "here");
  assert.equal(away(null, king), "");
});

test("a point is in an area, but not in its hole", () => {
  const square = (a, b) => [[a, a], [b, a], [b, b], [a, b], [a, a]];
  const area = { coordinates: [[square(0, 10), square(4, 6)], [square(20, 30)]] };

  assert.deepEqual([[1, 1], [5, 5], [25, 25], [15, 15]].map((point) => inside(point, area)), [true, false, true, false]);
});

test("hours that run past midnight belong to the day on which they open", () => {
  // 2026-11-21 is a Saturday; Los Angeles is 8 hours behind.
  const saturday = { weekday: 5, opens: "20:00:00", closes: "02:00:00", valid_from: "2026-01-01", valid_to: null };
  const open = (iso, row = saturday) => isOpen([row], "America/Los_Angeles", Date.parse(iso));

  assert.equal(open("2026-11-22T03:59:00Z"), false);
  assert.equal(open("2026-11-22T04:00:00Z"), true);
  assert.equal(open("2026-11-22T09:59:00Z"), true);
  assert.equal(open("2026-11-22T10:00:00Z"), false);
  assert.equal(open("2026-11-21T09:00:00Z"), false);
  assert.equal(open("2026-11-22T05:00:00Z", { ...saturday, valid_to: "2026-11-20" }), false);
  const shorter = { ...saturday, opens: "21:00:00", closes: "23:00:00", valid_from: "2026-11-01" };
  assert.equal(isOpen([saturday, shorter], "America/Los_Angeles", Date.parse("2026-11-22T04:30:00Z")), false);
  assert.equal(open("2026-11-21T22:00:00Z", { ...saturday, opens: "12:00:00", closes: "22:00:00" }), true);
});

test("a clock that was moved is noticed until it is measured again, and what was measured before is forgotten", () => {
  let local = NOON;
  let monotonic = 0;
  const clock = new Clock(
    () => local,
    () => monotonic,
  );
  clock.offer(new Date(NOON + 60_000).toISOString(), NOON, NOON);
  assert.deepEqual([clock.jumped, clock.offset], [false, 60_000]);
  local += 120_000;
  monotonic += 118_000;
  assert.equal(clock.jumped, false);

  local += 60_000;
  assert.equal(clock.jumped, true);
  local -= 60_000;
  assert.equal(clock.jumped, true);

  // A slower measurement than the old one, and the only one of the clock as it is now.
  clock.offer(new Date(local + 5_000).toISOString(), local - 200, local + 200);
  assert.deepEqual([clock.jumped, clock.offset], [false, 5_000]);
});

test("what an earlier page measured holds until this one measures, and time that went back in between is noticed", () => {
  let local = NOON;
  const clock = () =>
    new Clock(
      () => local,
      () => 0,
    );
  const next = clock();
  next.resume(-7_000, NOON - 10_000);
  assert.deepEqual([next.now(), next.jumped], [NOON - 7_000, false]);

  local = NOON - 60_000;
  const later = clock();
  later.resume(-7_000, NOON);
  assert.equal(later.jumped, true);
});
