import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { requests } from "../../tablets/static/tablets/requests.js";
import { byPeople, flagWords, learn, lineSentence, lineWords, nameOf, nextStep, oldest } from "../../tablets/static/tablets/trays.js";

const NOW = Date.parse("2026-11-22T04:00:00Z");
const ago = (seconds) => new Date(NOW - seconds * 1000).toISOString();
const action = (kind, seconds, args = { call: 7 }, more = {}) => ({ kind, args, happened_at: ago(seconds), state: "waiting", ...more });
const agency = { poach_life_s: 30, self_dispatch_life_s: 120 };

test("a request without signal is not the crew's, and says how long it is good for", () => {
  const asked = requests([action("call.poach", 20)], agency, true, NOW).get("7");

  assert.equal(asked.state, "asked");
  assert.equal(asked.head, "NOT YOURS YET");
  assert.equal(asked.say, "asked 20 s ago · expires in 10 s");
  assert.match(requests([action("call.self_dispatch", 1)], agency, true, NOW).get("7").say, /expires in 2 min/);
});

test("a request that was without signal for too long has run out, each kind after its own time", () => {
  const states = (kind, seconds) => requests([action(kind, seconds)], agency, true, NOW).get("7").state;

  assert.deepEqual([states("call.poach", 29), states("call.poach", 31)], ["asked", "ran_out"]);
  assert.deepEqual([states("call.self_dispatch", 119), states("call.self_dispatch", 121)], ["asked", "ran_out"]);
});

test("a request that is with the server has no countdown: it is decided there", () => {
  const sending = requests([action("call.poach", 40, { call: 7 }, { state: "sending" })], agency, false, NOW).get("7");

  assert.equal(sending.state, "asked");
  assert.doesNotMatch(sending.say, /expires/);
});

test("a crew that stands there says so, and still it is not theirs", () => {
  const there = requests([action("call.self_dispatch", 200), action("call.at_scene", 5)], agency, true, NOW).get("7");

  assert.equal(there.state, "on_scene");
  assert.match(there.head, /NOT YOURS/);
});

test("nothing that a request says looks like success", () => {
  for (const kind of ["call.poach", "call.self_dispatch", "call.at_scene"]) {
    for (const seconds of [0, 10, 60, 600]) {
      for (const offline of [true, false]) {
        const { head, say } = requests([action(kind, seconds)], agency, offline, NOW).get("7");
        assert.match(head, /NOT YOURS/);
        assert.doesNotMatch(`${head} ${say}`, /\b(yours now|assigned|taken|done|got it)\b/i);
      }
    }
  }
});

test("the line is said in three ways, with what waits and for how long", () => {
  const line = (state, opening = false) => ({ state, since: NOW - 240_000, opening });

  assert.deepEqual(lineWords(line("live"), 0, NOW), { look: "live", words: "Live", unsent: "" });
  assert.deepEqual(lineWords(line("polling"), 1, NOW), { look: "slow", words: "Slow", unsent: "1 sending" });
  assert.deepEqual(lineWords(line("offline"), 3, NOW), { look: "off", words: "Offline 4 min", unsent: "3 waiting to send" });
  assert.equal(lineWords(line("offline", true), 0, NOW).words, "Connecting");
  // News comes, and nothing goes: another process brings the one than takes the other.
  assert.deepEqual(lineWords(line("live"), 2, NOW, 3_000), { look: "live", words: "Live", unsent: "2 sending" });
  assert.deepEqual(lineWords(line("live"), 2, NOW, 5_000), { look: "slow", words: "Slow", unsent: "2 sending" });
});

test("everything has reached the desk is said only when it has", () => {
  const says = (state, waiting) => /Everything you did has reached the desk/.test(lineSentence({ state, since: NOW, opening: false }, { waiting, durable: true }, NOW));

  assert.deepEqual([says("live", 0), says("polling", 0), says("live", 1), says("offline", 0), says("offline", 2)], [true, true, false, false, false]);
  assert.match(lineSentence({ state: "live", since: NOW, opening: false }, { waiting: 0, durable: true, refused: 1 }, NOW), /1 thing was not done/);
});

test("a page that keeps nothing asks to be kept open", () => {
  assert.match(lineSentence({ state: "offline", since: NOW, opening: false }, { waiting: 1, durable: false }, NOW), /keep it open/);
});

test("every kind that a crew can do has a name, and no word of ours is in it", async () => {
  await import("./tree.js");
  learn((await import("../../followups/static/followups/tablet/visits.js")).part.trays);
  const permissions = readFileSync(new URL("../../responders/permissions.py", import.meta.url), "utf8");
  const kinds = [...permissions.matchAll(/^ {4}"([a-z_]+\.[a-z_]+)": (?:_CREW_OR_RADIO|_CREW),/gm)].map(([, kind]) => kind);
  assert.ok(kinds.length >= 18);
  for (const kind of kinds) {
    const name = nameOf({ kind, args: {} });
    if (kind !== "unit.duty") assert.ok(name.length > 2, kind);
    assert.doesNotMatch(name, /sync|outbox|queue|conflict|_/i);
  }
});

test("no screen says a word that is only ours", () => {
  const folder = new URL("../../tablets/static/tablets/", import.meta.url);
  const shown = readdirSync(folder).filter((name) => /^(trays|requests|gate|sheets|bars|board|overlays|call|words)\.js$/.test(name));
  for (const name of shown) {
    const text = readFileSync(new URL(name, folder), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    for (const [, sentence] of text.matchAll(/"([A-Z][^"\n]* [^"\n]*)"|`([A-Z][^`\n]* [^`\n]*)`/g)) {
      assert.doesNotMatch(sentence ?? "", /\b(sync|synchroni[sz]|outbox|conflict|receipt|replica|payload|epoch|lease)/i, `${name}: ${sentence}`);
    }
  }
});

test("what another app asks for is decided like a take, stands by its own id, and has next steps of its own", () => {
  learn({ asks: ["other.go"], next: { "other.go take_expired": "Ask there again." } });
  const go = { ...action("other.go", 20, { thing: 7 }), id: "go-1" };

  assert.equal(requests([go], agency, true, NOW).get("go-1").say, "asked 20 s ago · expires in 2 min");
  assert.equal(requests([{ ...go, happened_at: ago(121) }], agency, true, NOW).get("go-1").state, "ran_out");
  const next = (kind) => nextStep({ kind, problem: { code: "take_expired" } });
  assert.deepEqual([next("other.go"), next("call.poach")], ["Ask there again.", "If it still waits on the board, ask again."]);
});

test("every refusal leads somewhere", () => {
  for (const code of ["call_already_taken", "take_expired", "poach_red", "never_heard_of"]) {
    assert.match(nextStep({ problem: { code, message: "" } }), /\.$/);
  }
});

test("flags are sentences", () => {
  for (const flag of ["late_scope", "contested", "unassigned_on_scene", "clock_corrected", "clock_jumped"]) assert.ok(flagWords(flag).includes(" "));
  assert.equal(flagWords("new_one"), "New one");
});

test("what the tablet says by itself is nobody's to wait for", () => {
  assert.deepEqual(byPeople([action("assignment.deliver", 3), action("assignment.arrive", 2)]).map(({ kind }) => kind), ["assignment.arrive"]);
});

test("the age of what waits is that of the oldest", () => {
  assert.equal(oldest([action("call.note", 5), action("call.note", 240)], NOW), 240_000);
  assert.equal(oldest([], NOW), 0);
});
