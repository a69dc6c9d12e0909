/**
 * A console that watches for requests for backup: what it asks and when, what it says when it hears nothing, when it rings.
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
const { Watch } = await import("../../dispatch/static/dispatch/backup/watch.js");
const { Ringing } = await import("../../dispatch/static/dispatch/backup/ringing.js");
const words = await import("../../dispatch/static/dispatch/backup/words.js");

const NOON = Date.parse("2026-06-03T19:00:00Z");
const ago = (/** @type {number} */ seconds) => new Date(NOON - seconds * 1000).toISOString();
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** @param {object} [rest] */
const alarm = (rest = {}) => /** @type {import("../../dispatch/static/dispatch/backup/words.js").Alarm} */ ({
  key: "k1", state: "RECEIVED", received_at: ago(6), pressed_at: ago(7), late: false,
  unit: { id: 14, call_sign: "CARE 14", status: "ON_SCENE", since: ago(1_320) }, people: ["Responder Three", "Responder Four"],
  call: { id: 9, number: "C9", address: "2ND AVE / PIKE ST", point: [-122.3390, 47.6098] }, level: "EMERGENCY", asked_level: null, service: "POLICE",
  silent: false, drill: false, origin: "TABLET", position: { lon: -122.3390, lat: 47.6107, accuracy: 12, at: ago(8) }, track: [], battery: 63,
  rings: [0], step: 0, seen_by: null, seen_at: null, police: null, cancel: null, again: 0, last_heard_at: ago(2),
  near: [{ kind: "CARE", call_sign: "CARE 12", meters: 480 }], ...rest,
});

/** A console with a clock in the hand and a server that answers when it is told to. */
function console_() {
  const held = /** @type {any} */ ({ now: 0, asked: [], states: [], answers: 0, shown: [] });
  held.watch = new Watch({
    now: () => held.now,
    says: () => ({ shown: [...held.shown] }),
    ask: (body, signal) => new Promise((resolve, reject) => {
      held.asked.push({ at: held.now, body, signal, resolve: (/** @type {any} */ open = []) => resolve({ now: "", open, self_test: null, consoles: [] }), reject });
    }),
    onAnswer: () => (held.answers += 1),
    onState: (state) => held.states.push([held.now, state.name]),
  });
  held.until = async (/** @type {number} */ ms) => {
    while (held.now < ms) {
      held.now += 200;
      held.watch.tick();
      await settled();
    }
  };
  held.watch.tick();
  return held;
}

test("it asks every second, and says what is on the screen at that moment", async () => {
  const desk = console_();
  desk.asked[0].resolve();
  await settled();
  desk.shown = ["k1"];
  await desk.until(1_000);

  assert.deepEqual(desk.asked.map((/** @type {any} */ one) => [one.at, one.body.shown]), [[0, []], [1_000, ["k1"]]]);
});

test("what is not answered in three seconds is given up, and asked again at once", async () => {
  const desk = console_();
  await desk.until(3_000);

  assert.deepEqual(desk.asked.map((/** @type {any} */ one) => one.at), [0, 3_000]);
  assert.equal(desk.asked[0].signal.aborted, true);
});

test("an answer to what was given up counts no more", async () => {
  const desk = console_();
  await desk.until(3_000);
  desk.asked[0].resolve([alarm()]);
  await settled();

  assert.equal(desk.answers, 0);
  assert.equal(desk.watch.answer, null);
});

test("three seconds without a word and it says that it is down; one answer and it is live", async () => {
  const desk = console_();
  desk.asked[0].resolve();
  await settled();
  await desk.until(1_000);
  desk.asked[1].reject(new Error("no way"));
  await desk.until(3_400);

  assert.deepEqual(desk.states, [[0, "live"], [3_200, "down"]]);

  desk.asked.at(-1).resolve();
  await settled();

  assert.deepEqual(desk.states.at(-1), [3_400, "live"]);
});

test("it is down from its first moments on when it never hears anything", async () => {
  const desk = console_();
  await desk.until(3_400);

  assert.deepEqual(desk.states, [[3_200, "down"]]);
});

test("a refused connection is tried every second, not in a storm", async () => {
  const desk = console_();
  for (let second = 1; second <= 5; second++) {
    desk.asked.at(-1).reject(Object.assign(new Error("no answer"), { status: 0 }));
    await desk.until(second * 1_000);
  }

  assert.deepEqual(desk.asked.map((/** @type {any} */ one) => one.at), [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
});

test("a session that has ended is said at once, and asked for on and on", async () => {
  const desk = console_();
  desk.asked[0].reject(Object.assign(new Error("no answer"), { status: 401 }));
  await settled();

  assert.deepEqual(desk.states, [[0, "refused"]]);

  await desk.until(1_000);
  desk.asked[1].resolve();
  await settled();

  assert.deepEqual(desk.states.at(-1), [1_000, "live"]);
});

test("woken while it waits for an answer, it asks once more right after", async () => {
  const desk = console_();
  desk.watch.wake();
  assert.equal(desk.asked.length, 1);
  desk.asked[0].resolve();
  await settled();
  await desk.until(200);

  assert.deepEqual(desk.asked.map((/** @type {any} */ one) => one.at), [0, 200]);
});

test("a page that was frozen asks at once, and is not down for what it could not hear", async () => {
  const desk = console_();
  desk.asked[0].resolve();
  await settled();
  await desk.until(1_000);
  desk.now = 61_000;
  desk.watch.tick();

  assert.equal(desk.asked[1].signal.aborted, true);
  assert.equal(desk.asked.at(-1).at, 61_000);
  assert.deepEqual(desk.states, [[0, "live"]]);
});

test("a new request rings until somebody has seen it", () => {
  const ringing = new Ringing();

  const heard = ringing.hear([alarm()], 0);

  assert.deepEqual(heard.fresh.map((one) => one.key), ["k1"]);
  assert.equal(ringing.loud(3_600_000), true);
  ringing.hear([alarm({ seen_by: "Demo Dispatcher", seen_at: ago(1) })], 1_000);
  assert.equal(ringing.loud(1_000), false);
});

test("what was hushed rings again with the next step, with another press and with a higher level", () => {
  for (const more of [{ step: 1, rings: [0, 1] }, { again: 1 }, { level: "EMERGENCY" }]) {
    const ringing = new Ringing();
    const first = "level" in more ? alarm({ level: "URGENT" }) : alarm();
    ringing.hear([first], 0);
    ringing.hush("k1");
    ringing.hear([first], 1_000);
    assert.equal(ringing.loud(1_000), false);

    const heard = ringing.hear([alarm(more)], 2_000);

    assert.deepEqual(heard.again.map((one) => one.key), ["k1"], JSON.stringify(more));
    assert.equal(ringing.loud(2_000), true);
  }
});

test("a reminder that no police were sent rings for a while, and stops by itself", () => {
  const ringing = new Ringing();
  const seen = { seen_by: "Demo Dispatcher", seen_at: ago(1) };
  ringing.hear([alarm(seen)], 0);
  ringing.hear([alarm({ ...seen, step: words.REMINDER + 1, rings: [0, words.REMINDER + 1] })], 60_000);

  assert.equal(ringing.loud(61_000), true);
  assert.equal(ringing.loud(69_000), false);
});

test("what is not urgent is said once and rings no siren, whatever its step", () => {
  const ringing = new Ringing();

  assert.equal(ringing.hear([alarm({ level: "NON_URGENT" })], 0).chime, true);
  ringing.hear([alarm({ level: "NON_URGENT", step: 3 })], 45_000);
  assert.equal(ringing.loud(45_000), false);
});

test("that the crew asks to cancel makes a sound once, and ends nothing", () => {
  const ringing = new Ringing();
  ringing.hear([alarm()], 0);
  const asked = alarm({ cancel: { asked_at: ago(0), reason: "pressed in a pocket" } });

  assert.equal(ringing.hear([asked], 1_000).chime, true);
  assert.equal(ringing.hear([asked], 2_000).chime, false);
  assert.equal(ringing.loud(2_000), true);
});

test("what the server has not taken as seen rings on", () => {
  const ringing = new Ringing();
  ringing.hear([alarm()], 0);
  ringing.hush("k1");
  ringing.resume("k1");

  assert.equal(ringing.loud(1), true);
});

test("what is over is named once", () => {
  const ringing = new Ringing();
  ringing.hear([alarm()], 0);

  assert.deepEqual(ringing.hear([], 1_000).ended.map((one) => one.key), ["k1"]);
  assert.deepEqual(ringing.hear([], 2_000).ended, []);
});

test("what came late says so, with both ages", () => {
  const late = alarm({ pressed_at: ago(22 * 60), received_at: ago(4), late: true });

  assert.equal(words.when(late, NOON), "PRESSED 22 MIN AGO, RECEIVED 4 S AGO");
  assert.equal(words.when(alarm(), NOON), "pressed 7 s ago");
  assert.equal(words.when(alarm({ pressed_at: null }), NOON), "received 6 s ago");
});

test("a tablet whose clock is ahead did not press in the future", () => {
  assert.equal(words.when(alarm({ pressed_at: ago(-30) }), NOON), "pressed 6 s ago");
});

test("a drill and a test say TEST first, in the title and in a line of their own", () => {
  const drill = alarm({ drill: true });

  assert.equal(words.title(drill), "TEST · BACKUP · CARE 14 · EMERGENCY");
  assert.equal(words.notes(drill, NOON, [])[0]?.tone, "test");
  assert.equal(words.title(alarm({ service: "EMS", level: "URGENT" })), "EMS NEEDED · CARE 14 · URGENT");
  assert.equal(words.title(alarm({ unit: null })), "BACKUP · UNKNOWN UNIT · EMERGENCY");
});

test("a silent one says not to call back", () => {
  assert.ok(words.notes(alarm({ silent: true }), NOON, []).some((note) => note.words === "SILENT: DO NOT CALL BACK BY RADIO"));
  assert.ok(!words.notes(alarm(), NOON, []).some((note) => note.tone === "silent"));
});

test("the address of the call is not where they are", () => {
  assert.equal(words.call(alarm()), "2ND AVE / PIKE ST · they are 330 ft from it");
  assert.equal(words.call(alarm({ position: { lon: -122.3390, lat: 47.6098, accuracy: 5, at: ago(1) } })), "2ND AVE / PIKE ST · they are there");
  assert.equal(words.position(alarm(), NOON), "within 39 ft, measured 8 s ago");
  assert.equal(words.position(alarm({ position: null }), NOON), "No position was sent");
});

test("where they are is said with the name of the area that holds it", () => {
  const box = (/** @type {number} */ west, /** @type {number} */ south, /** @type {number} */ size) => [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]];
  const areas = [
    { name: "Far", polygon: { type: "Polygon", coordinates: [box(-122, 47, 0.1)] } },
    // All of it but a hole, and an island in the hole.
    { name: "Holed", polygon: { type: "MultiPolygon", coordinates: [[box(-122.4, 47.6, 0.1), box(-122.36, 47.64, 0.02)], [box(-122.355, 47.645, 0.005)]] } },
  ];
  const at = (/** @type {number} */ lon, /** @type {number} */ lat) => words.area(alarm({ position: { lon, lat, accuracy: 5, at: ago(1) } }), areas);

  assert.deepEqual([at(-122.39, 47.61), at(-122.358, 47.642), at(-122.352, 47.647), at(-122.5, 47.65), at(-122.39, 47.75)], ["Holed", "", "Holed", "", ""]);
  assert.equal(words.area(alarm({ position: null }), areas), "");
  assert.equal(words.area(alarm(), [{ name: "Not drawn yet", polygon: null }]), "");
});

test("an emergency without a police console says to phone; one with does not", () => {
  const here = [{ label: "Demo Dispatcher", kind: "DESK" }];
  const says = (/** @type {any} */ one, /** @type {any} */ consoles) => words.notes(one, NOON, consoles).some((note) => note.words.startsWith("No police dispatcher"));

  assert.equal(says(alarm(), here), true);
  assert.equal(says(alarm(), [...here, { label: "Police", kind: "POLICE" }]), false);
  assert.equal(says(alarm({ level: "URGENT" }), here), false);
  assert.equal(says(alarm({ service: "EMS" }), here), false);
});

test("the ladder says when it rings again, by the server's schedule", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(words.dueAt), [0, 15_000, 30_000, 60_000, 90_000]);
  assert.match(words.rung(alarm(), NOON), /Again in 9\ss$/);
  assert.match(words.rung(alarm({ rings: [0, 1], received_at: ago(16) }), NOON), /Again in 14\ss, then everybody$/);
  assert.match(words.rung(alarm({ rings: [0, 1, 2], received_at: ago(31) }), NOON), /^Everybody: .*, 3 times\. Again in 29\ss$/);
});

test("what nobody has seen comes first, drills last", () => {
  const open = [
    alarm({ key: "drill", drill: true }), alarm({ key: "seen", seen_by: "Somebody" }), alarm({ key: "urgent", level: "URGENT" }),
    alarm({ key: "younger" }), alarm({ key: "older", received_at: ago(20) }), alarm({ key: "calm", level: "NON_URGENT" }),
  ];

  assert.deepEqual(words.inOrder(open).map((one) => one.key), ["older", "younger", "urgent", "seen", "calm", "drill"]);
});

test("each step on the way says how long it took, and is done only when it happened", () => {
  const sent = alarm({ received_at: ago(90), seen_by: "Demo Dispatcher", seen_at: ago(80), police: { unit: "2K12", sent_at: ago(60), due_at: ago(-120), arrived_at: null } });

  assert.deepEqual(words.steps(alarm(), NOON).map((step) => step.done), [true, false, false, false]);
  assert.deepEqual(words.steps(sent, NOON).map((step) => [step.word, step.detail, step.done]), [
    ["Received", "1 min ago", true], ["Seen by Demo Dispatcher", "after 10 s", true], ["Police sent: 2K12", "expected in 2 min", true], ["Police not there", "", false],
  ]);
});

test("a path that does not pass its own test says so; one that does is quiet", () => {
  assert.equal(words.selfTest({ at: ago(120), took_ms: 84, error: "" }, NOON), "");
  assert.match(words.selfTest({ at: ago(120), took_ms: null, error: "" }, NOON), /failed its own test 2 min ago/);
  assert.match(words.selfTest({ at: ago(120), took_ms: 10_500, error: "" }, NOON), /slow .*: 10.5 s/);
  assert.match(words.selfTest({ at: ago(700), took_ms: 84, error: "" }, NOON), /has not tested itself for 11 min/);
  assert.equal(words.selfTest(null, NOON), "");
});
