import assert from "node:assert/strict";
import { test } from "node:test";

import { isTandem, offered, standing } from "../../tablets/static/tablets/standing.js";
import { askable, headline, lines, mustStage, tandemsOf } from "../../tablets/static/tablets/tandem.js";

const asked = {
  id: 3, partner: "POLICE", state: "ASKED", reasons: ["WEAPON_UNKNOWN"], asked_as: "POLICY", first: "PARTNER", staging: null, staging_note: "", partner_unit: "",
  officer: "", asked_at: "2026-11-21T20:00:00Z", asked_by: "person:1", due_at: "2026-11-21T20:10:00Z", partner_assigned_at: null, partner_arrived_at: null,
  safe_at: null, safe_by: "", safe_relayed_by: "", partner_released_at: null, withdrawn_at: null, ended_at: null,
};
const call = (tandem = [asked]) => ({ id: "7", reasons: [], tandem });
const fact = (kind, args, state = "waiting", happened_at = "2026-11-21T20:05:00.000Z", answer = null) => ({ kind, args, state, happened_at, answer });
const given = { now: Date.parse("2026-11-21T20:06:00Z"), zone: "UTC", offline: false, asOf: null, reasons: { WEAPON_UNKNOWN: "Weapons: not known." } };

test("until somebody says that it is safe, the crew stages", () => {
  const there = { ...asked, state: "PARTNER_THERE", partner_arrived_at: "2026-11-21T20:04:00Z" };

  assert.equal(headline(asked).words, "STAGE: Police not there");
  assert.equal(headline(there).words, "STAGE: Police there, not declared safe");
  assert.ok(mustStage([asked]) && mustStage([there]));
  assert.equal(offered("EN_ROUTE", isTandem({ response: "CARE+POLICE", tandem: [there] })).next, "stage");
});

test("who said it and who relayed it stands beside SAFE", () => {
  const safe = { ...asked, state: "SAFE", safe_at: "2026-11-21T20:05:00Z", safe_by: "Officer Lane 4", safe_relayed_by: "Dispatcher One", unsure: null };

  assert.deepEqual(headline(safe), { look: "safe", words: "SAFE: you may go in" });
  // Without signal it may have been taken back.
  assert.deepEqual(headline(safe, "01:02"), { look: "over", words: "SAFE as of 01:02: ask by radio" });
  assert.ok(lines(safe, given).includes("Declared safe 20:05 by Officer Lane 4, relayed by Dispatcher One."));
  assert.ok(!mustStage([safe]));
  assert.equal(offered("EN_ROUTE", isTandem({ response: "CARE+POLICE", tandem: [safe] })).next, "arrive");
});

test("without signal everything is as of a time", () => {
  const [known] = tandemsOf(call(), []);

  const said = lines(known, { ...given, offline: true, asOf: Date.parse("2026-11-21T20:02:00Z") });

  assert.equal(said[0], "As of 20:02. What was said since does not reach you: ask by radio.");
});

test("nobody after the time that was set is said, by the tablet's own clock", () => {
  const [known] = tandemsOf(call(), []);

  assert.ok(lines(known, { ...given, now: Date.parse("2026-11-21T20:11:00Z") }).some((line) => line.startsWith("NO POLICE after 11 min")));
  assert.ok(!lines(known, given).some((line) => line.startsWith("NO POLICE")));
});

test("what the crew was told itself counts at once, as its own word", () => {
  const [known] = tandemsOf(call(), [fact("tandem.safe", { tandem: 3, said_by: "Officer Lane 4" })]);

  assert.equal(known.state, "SAFE");
  assert.ok(lines(known, { ...given, offline: true }).includes("You said so at 20:05: waiting to send"));
});

test("a word that the server did not follow makes nothing safe", () => {
  const late = fact("tandem.safe", { tandem: 3, said_by: "Officer Lane 4" }, "applied", undefined, { state: "ASKED", flags: ["out_of_order"] });

  assert.equal(tandemsOf(call(), [late])[0].state, "ASKED");
  assert.equal(tandemsOf(call(), [fact("tandem.safe", { tandem: 3, said_by: "X" }, "refused")])[0].state, "ASKED");
});

test("an older declaration does not outlive that the crew withdrew", () => {
  const withdrawn = { ...asked, withdrawn_at: "2026-11-21T20:05:30Z" };

  assert.equal(tandemsOf(call([withdrawn]), [fact("tandem.safe", { tandem: 3, said_by: "X" })])[0].state, "ASKED");
});

test("withdrawing takes SAFE away before the server has heard of it", () => {
  const safe = { ...asked, state: "SAFE", safe_at: "2026-11-21T20:04:00Z", safe_by: "Officer Lane 4", partner_arrived_at: "2026-11-21T20:03:00Z" };

  const [known] = tandemsOf(call([safe]), [fact("tandem.withdraw", { call: 7, key: "k" })]);

  assert.deepEqual([known.state, known.safe_at, known.reasons[0]], ["PARTNER_THERE", null, "CREW_WITHDREW"]);
});

test("withdrawing where nobody was asked for asks for police", () => {
  const [known] = tandemsOf(call([]), [fact("tandem.withdraw", { call: 7, key: "k" })]);

  assert.deepEqual([known.partner, known.state, known.asked_as], ["POLICE", "ASKED", "WITHDRAW"]);
  assert.equal(tandemsOf(call([]), [fact("tandem.withdraw", { call: 8, key: "k" })]).length, 0);
});

test("withdrawing is the one step back that a crew makes", () => {
  const there = { id: 4, status: "ON_SCENE", assigned_at: "2026-11-21T20:00:00Z", on_scene_at: "2026-11-21T20:03:00Z", staged_at: null };
  const left = fact("tandem.withdraw", { call: 7, key: "k" });

  assert.equal(standing(there, [left], "7").assignment.status, "STAGED");
  assert.equal(standing(there, [left], "8").assignment.status, "ON_SCENE");
  const back = fact("assignment.arrive", { assignment: 4 }, "waiting", "2026-11-21T20:09:00.000Z");
  assert.equal(standing({ ...there, on_scene_at: "2026-11-21T20:03:00Z" }, [left, back], "7").assignment.status, "ON_SCENE");
});

test("a crew asks for whom nobody has asked for yet", () => {
  const ems = fact("tandem.ask", { call: 7, partner: "EMS" });

  assert.deepEqual(askable([], []), ["POLICE", "EMS"]);
  assert.deepEqual(askable([asked], []), ["EMS"]);
  assert.deepEqual(askable([asked], [ems]), []);
  assert.deepEqual(askable([{ ...asked, state: "PARTNER_ONLY", ended_at: "2026-11-21T20:06:00Z" }], [ems]), ["POLICE"]);
});
