/**
 * Whom the crew is with and whom it is to visit: what to expect first, how they may be reached, an attempt in three taps.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, Peer, until } from "./peer.js";
import { elements, tap, textOf, write } from "./tree.js";

const { atCall, card, part: personPart } = await import("../../followups/static/followups/tablet/person.js");
const { dayWords, inForce, language, localDay, nameOf, planWords, wayWords } = await import("../../followups/static/followups/tablet/person_words.js");
const { going, visits, whenWords } = await import("../../followups/static/followups/tablet/visits_words.js");
const { part } = await import("../../followups/static/followups/tablet/visits.js");
const { Parts } = await import("../../tablets/static/tablets/parts.js");

const ZONE = "America/Los_Angeles";
const NOW = Date.parse("2026-06-03T20:00:00Z");
const client = (more = {}) => ({ name: "R. Example", aliases: [], known_as: "NAMED", looks: "", born_on: "", language: "", interpreter: false, pronouns: "", cautions: [], helps: [], avoid: [], baseline: [], elevated: [], care_plan: null, ways: [], plan: null, calls: [4], ...more });
const way = (more = {}) => ({ kind: "PHONE", value: "206 555 0100", point: null, may_say: "TEAM", leave_message: false, hours: null, note: "", ...more });
const followUp = (more = {}) => ({ client: 12, step: 1, state: "DUE", due_date: "2026-06-03", due_at: "2026-06-03T19:00:00Z", due_until: "2026-06-04T02:00:00Z", risk: 0, reason: "Wants shelter", address: "2nd Ave", point: null, call: null, attempts: [], ...more });
const fact = (args, more = {}) => ({ kind: "follow_up.attempt", actor: "7", state: "waiting", happened_at: "2026-06-03T20:00:00.000Z", args: { follow_up: 3, how: "VISIT", result: "NOT_FOUND", ...args }, ...more });

test("a caution stands above everything else as long as it holds, and not a moment longer", () => {
  const caution = { text: "Throws things when woken", seen_on: "2026-06-02", expires_at: "2026-06-03T20:00:01Z" };
  const body = client({ cautions: [caution], helps: ["Talk about her dog"], avoid: ["Standing over her"] });

  const said = textOf(card(body, { now: NOW, zone: ZONE }));

  assert.ok(said.indexOf("Throws things") >= 0 && said.indexOf("Throws things") < said.indexOf("What helps"));
  assert.ok(said.includes("seen yesterday"));
  assert.deepEqual(inForce(body, NOW + 2_000), []);
  assert.ok(!textOf(card(body, { now: NOW + 2_000, zone: ZONE })).includes("Throws things"));
});

test("an open plan is said in one sentence, with the next day only", () => {
  const plan = (state, steps) => planWords({ plan: { state, steps } }, NOW, ZONE);
  const steps = [{ step: 1, due_date: "2026-06-02", state: "DONE" }, { step: 7, due_date: "2026-06-09", state: "PENDING" }, { step: 30, due_date: "2026-07-02", state: "PENDING" }];

  assert.equal(plan("OPEN", steps), "A second response is planned for Tuesday 9 Jun.");
  assert.equal(plan("OPEN", [{ step: 1, due_date: "2026-06-03", state: "DUE" }]), "A second response is planned for today.");
  assert.equal(plan("OPEN", [{ step: 1, due_date: "2026-06-01", state: "DUE" }]), "A second response was planned for Monday 1 Jun, and is still open.");
  assert.ok(plan("PAUSED", steps).includes("wait"));
  assert.equal(plan("DECLINED", []), "");
  assert.equal(planWords({ plan: null }, NOW, ZONE), "");
});

test("a day is the one on the wall there, whatever the tablet's clock thinks", () => {
  const late = Date.parse("2026-06-04T06:30:00Z");

  assert.equal(localDay(late, ZONE), "2026-06-03");
  assert.deepEqual(["2026-06-02", "2026-06-03", "2026-06-04", "2026-06-05"].map((day) => dayWords(day, late, ZONE)), ["yesterday", "today", "tomorrow", "Friday 5 Jun"]);
  // The night on which the clocks go back has 25 hours.
  assert.equal(dayWords("2026-11-02", Date.parse("2026-11-01T08:30:00Z"), ZONE), "tomorrow");
});

test("how somebody may be reached is said in plain words, and at a shelter never why", () => {
  assert.deepEqual(wayWords(way()), { where: "Phone: 206 555 0100", rules: ["You may say that it is CARE. Not why.", "No message."] });
  assert.deepEqual(wayWords(way({ may_say: "REASON", leave_message: true, hours: ["12:00:00", "17:00:00"], note: "Ask for her sister." })).rules, ["You may say why you come.", "A message may be left.", "Only from 12:00 to 17:00.", "Ask for her sister."]);
  const shelter = wayWords(way({ kind: "SHELTER", value: "Night Centre", may_say: "REASON" }));
  assert.ok(!shelter.rules.some((rule) => rule.includes("You may say why")));
  assert.equal(shelter.rules[0], "Never say why to anybody there.");
  assert.ok(wayWords(way({ may_say: "SOMETHING_NEW" })).rules.includes("Do not say why."));
});

test("somebody is called by name, by looks, or neither; a language by its name", () => {
  assert.deepEqual([client(), client({ name: "", looks: "red coat" }), client({ name: "" })].map(nameOf), ["R. Example", "Not named: red coat", "Somebody known, not named"]);
  assert.deepEqual(["so", "de", "not a tag!"].map(language), ["Somali", "German", "not a tag!"]);
});

test("what is due comes first, what was seen to here comes last", () => {
  const documents = [
    { id: "1", body: followUp({ due_at: "2026-06-05T19:00:00Z", state: "PENDING" }) },
    { id: "2", body: followUp() },
    { id: "3", body: followUp({ due_at: "2026-06-02T19:00:00Z" }) },
    { id: "4", body: followUp({ state: "WAITING" }) },
  ];

  const all = visits(documents, [fact({ result: "REACHED" })], "7");

  assert.deepEqual(all.map(({ id, over }) => [id, over]), [["2", false], ["1", false], ["3", true]]);
});

test("an attempt that is not sent yet stands with the others, once, and another person's not at all", () => {
  const documents = [{ id: "3", body: followUp({ attempts: [{ how: "PHONE", result: "NOT_FOUND", at: "2026-06-03T18:00:00Z" }] }) }];
  const of = (facts) => visits(documents, facts, "7")[0].attempts.map(({ how, sent }) => [how, sent]);

  assert.deepEqual(of([fact({})]), [["PHONE", true], ["VISIT", false]]);
  assert.deepEqual(of([fact({ how: "PHONE" }, { happened_at: "2026-06-03T18:00:00.000Z", state: "applied" })]), [["PHONE", true]]);
  assert.deepEqual(of([fact({}, { actor: "8" })]), [["PHONE", true]]);
  assert.deepEqual(of([fact({}, { state: "refused" })]), [["PHONE", true]]);
});

test("when somebody is to be seen: later, now, overdue", () => {
  const at = (now) => whenWords(followUp(), { now: Date.parse(now), zone: ZONE });

  assert.deepEqual(at("2026-06-02T20:00:00Z"), { words: "tomorrow, 12:00 to 19:00", look: "later" });
  assert.deepEqual(at("2026-06-03T20:00:00Z"), { words: "now, until 19:00", look: "now" });
  assert.deepEqual(at("2026-06-04T05:00:00Z"), { words: "3 h 00 overdue", look: "late" });
});

// --- the screens ------------------------------------------------------------------------------------------------------------

/** A tablet of unit 1 with its documents, and the parts started on it. */
async function tablet(t, { people = [{ id: 7, name: "First" }, { id: 8, name: "Second" }], documents = [["follow_up", 3, followUp()], ["client", 12, client({ ways: [way()] })]] } = {}) {
  const peer = new Peer();
  for (const [c, id, body] of documents) peer.put("unit.1", c, id, body);
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  new Parts([part]);
  const kit = { device, replica: device.replica, facts: () => device.pending(), perform: (kind, args, options) => device.do(kind, args, { actor: device.person, ...options }), now: () => NOW, redraw() {}, words: {} };
  part.start(kit);
  personPart.start(kit);
  const ui = { sheet: { name: "visits" } };
  const act = { sheet: (name, more = {}) => (ui.sheet = { name, ...more }) };
  const unit = { call_sign: "CARE 12", people, call: null, crew_minimum: 2, duty: "AVAILABLE" };
  // As the app draws it: what waits and what was not done are the device's.
  const s = { now: NOW, zone: ZONE, here: null, line: { state: "live" }, agency: { self_dispatch_life_s: 120 }, unit, personId: 7, call: { id: "4" }, standing: null, get pending() { return device.pending(); }, get trays() { return device.trays(); } };
  return { peer, device, kit, ui, s, act, screen: () => part.sheets[ui.sheet.name](s, act, ui), board: () => part.onBoard(s, act, ui) };
}

test("an attempt is three taps: how, what came of it, done; the partner is known", async (t) => {
  const { peer, device, ui, act, screen } = await tablet(t);
  peer.up = false;
  act.sheet("visit", { code: "3" });

  tap(screen(), "Visit");
  tap(screen(), "Not found");
  tap(screen(), "Done: visit, not found");

  await until(() => device.pending().length === 1, "it is kept");
  assert.deepEqual(device.pending()[0].args, { follow_up: 3, how: "VISIT", result: "NOT_FOUND", partner: 8 });
  assert.equal(ui.sheet.name, "visits");
  assert.ok(textOf(screen()).includes("Visit: not found"));
});

test("a note and what should come next go with it, trimmed", async (t) => {
  const { device, act, screen, peer } = await tablet(t);
  peer.up = false;
  act.sheet("visit", { code: "3" });
  tap(screen(), "Phone");
  tap(screen(), "Reached");
  write(screen(), "Note, if there is one", " She is well. ");
  write(screen(), "What should happen next, if you know", "Call on Friday");
  tap(screen(), "Done: phone, reached");

  await until(() => device.pending().length === 1, "it is kept");
  assert.deepEqual(device.pending()[0].args, { follow_up: 3, how: "PHONE", result: "REACHED", note: "She is well.", next_step: "Call on Friday" });
});

test("who cannot be known to have been there is asked for, and alone must be said", async (t) => {
  const { device, act, screen, peer } = await tablet(t, { people: [{ id: 7, name: "First" }] });
  peer.up = false;
  act.sheet("visit", { code: "3" });
  tap(screen(), "Visit");
  tap(screen(), "Reached");
  const done = () => elements(screen()[2]).find(({ tag }) => tag === "button");
  assert.equal(done().props.disabled, true);
  tap(screen(), "Nobody");
  done().props.onclick();

  await until(() => device.pending().length === 1, "it is kept");
  assert.ok(!("partner" in device.pending()[0].args));
});

// --- going there --------------------------------------------------------------------------------------------------------------

const GO = (more = {}) => ({ id: "go-1", kind: "follow_up.go", actor: "7", state: "waiting", seq: 1, happened_at: "2026-06-03T19:59:40.000Z", args: { follow_up: 3 }, answer: null, problem: null, ...more });
const crew = { call_sign: "CARE 12", people: [{ id: 7 }, { id: 8 }], call: null, crew_minimum: 2, duty: "AVAILABLE" };

/** How it stands with going to a visit, for a crew of two that is free and has signal, but for what is said. */
function goes({ body = {}, over = false, facts = [], ...more } = {}) {
  new Parts([part]);
  return going({ id: "3", body: followUp(body), attempts: [], over }, { now: NOW, line: { state: "live" }, agency: { self_dispatch_life_s: 120 }, unit: crew, pending: [], call: null, standing: null, ...more }, facts);
}

test("a crew of two that is free may go, and is told what that does", () => {
  assert.equal(goes().state, "open");
  assert.match(goes().say, /your call/);
  assert.equal(goes({ over: true }), null);
});

test("what stands against going is said: alone, with a call, on a meal, asked for another, nowhere to go", () => {
  const why = (given) => {
    const { state, head } = goes(given);
    return [state, head];
  };

  assert.deepEqual(why({ unit: { ...crew, people: [{ id: 7 }], crew_minimum: 1 } }), ["cannot", "You are alone on CARE 12."]);
  assert.deepEqual(why({ call: { id: "9" } }), ["cannot", "You have a call."]);
  assert.deepEqual(why({ unit: { ...crew, duty: "MEAL" } }), ["cannot", "You are on meal."]);
  assert.deepEqual(why({ pending: [{ kind: "call.self_dispatch", args: { call: 5 }, state: "waiting", happened_at: "2026-06-03T19:59:40.000Z" }] }), ["cannot", "You have asked for another call."]);
  assert.deepEqual(why({ body: { address: "" } }), ["cannot", "Nobody has said where they are."]);
  // What it has cleared holds it no more, and a meal that it ended is over: both are on their way.
  assert.equal(goes({ call: { id: "9" }, standing: { clearing: {} } }).state, "open");
  assert.equal(goes({ unit: { ...crew, duty: "MEAL" }, pending: [{ kind: "unit.duty", args: { duty: "AVAILABLE" } }] }).state, "open");
});

test("without signal it only asks, for as long as a take is good for", () => {
  const line = { state: "offline" };
  assert.deepEqual([goes({ line }).state, goes({ line }).head], ["open", "No signal: this only asks."]);
  assert.match(goes({ line }).say, /good for 2 min/);

  const asked = goes({ line, pending: [GO()] });
  assert.deepEqual([asked.state, asked.head], ["asked", "Not decided yet."]);
  assert.match(asked.say, /asked 20 s ago · expires in 2 min/);
  assert.equal(goes({ line, pending: [GO({ happened_at: "2026-06-03T19:57:59.000Z" })] }).state, "ran_out");
  // Another visit's request is not this one's.
  assert.equal(goes({ line, pending: [GO({ args: { follow_up: 5 } })] }).state, "cannot");
});

test("once it is accepted the visit is the crew's call, and only then", () => {
  const accepted = GO({ state: "applied", answer: { call: 9 } });

  assert.equal(goes({ facts: [accepted] }).state, "coming");
  assert.equal(goes({ facts: [accepted], body: { call: 9 }, call: { id: "9" } }).state, "mine");
  // It was cleared.
  assert.equal(goes({ facts: [accepted], body: { call: 9 } }).state, "open");
});

test("going there is three taps at most, and a question that nobody answers is not answered", async (t) => {
  const { peer, device, s, ui, act, screen } = await tablet(t);
  peer.up = false;
  s.call = null;
  act.sheet("visit", { code: "3" });
  tap(screen(), "Go there now…");
  tap(screen(), "Public place");
  tap(screen(), "Nothing does");
  tap(screen(), "Go there now");

  await until(() => device.pending().length === 1, "it is kept");
  assert.deepEqual(device.pending()[0].args, { follow_up: 3, place_kind: "PUBLIC", answers: { WEAPON: "NO", VIOLENCE: "NO", MEDICAL: "NO", POLICE_ONLY: "NO" } });
  assert.equal(ui.sheet.name, "visit");
  assert.ok(textOf(screen()).includes("Not decided yet."));
  assert.ok(!textOf(screen()).includes("Go there now"));
  act.sheet("visits");
  assert.ok(textOf(screen()).includes("asked to go, not decided yet"));
});

test("without signal the button says that it asks", async (t) => {
  const { s, act, screen } = await tablet(t);
  Object.assign(s, { call: null, line: { state: "offline" } });
  act.sheet("visit", { code: "3" });
  tap(screen(), "Ask to go there…");

  assert.equal(elements(screen()[2]).find(({ tag }) => tag === "button").children[0].text, "Ask to go there");
});

test("one who is alone sees the button, why it does nothing, and what to do instead", async (t) => {
  const { s, act, screen } = await tablet(t, { people: [{ id: 7, name: "First" }] });
  s.call = null;
  act.sheet("visit", { code: "3" });

  const button = elements(screen()).find(({ tag, children }) => tag === "button" && textOf(children).includes("Go there now"));
  assert.equal(button.props.disabled, true);
  assert.ok(textOf(screen()).includes("A visit is two people. Wait for your partner, or reach them by phone."));
  act.sheet("visit_go", { code: "3" });
  assert.equal(elements(screen()[2]).find(({ tag }) => tag === "button").props.disabled, true);
});

test("what was not done says why there, until the crew asks again", async (t) => {
  const { peer, s, device, act, screen } = await tablet(t);
  peer.up = false;
  s.call = null;
  const no = { ...GO(), state: "refused", problem: { code: "visit_needs_two", message: "A visit is two people. This unit has fewer." } };
  Object.defineProperty(s, "trays", { value: { waiting: [], refused: [no], quarantined: [], flagged: [] } });
  act.sheet("visit", { code: "3" });
  const said = textOf(screen());
  assert.ok(said.includes("Not done: A visit is two people. This unit has fewer."));
  assert.ok(said.includes("Wait for your partner, or reach them by phone."));

  const seen = [];
  device.dismiss = async (seq) => void seen.push(seq);
  tap(screen(), "Go there now…");
  tap(screen(), "Go there now");
  assert.deepEqual(seen, [1]);
  await until(() => device.pending().length === 1, "it is asked again");
});

test("what was half said is not there for whoever signs on next", async (t) => {
  const { peer, device, act, screen } = await tablet(t);
  act.sheet("visit", { code: "3" });
  tap(screen(), "Phone");
  tap(screen(), "Reached");
  write(screen(), "Note, if there is one", "private words");
  await device.unlock(peer.key("8"));
  tap(screen(), "Phone");
  tap(screen(), "Reached");

  assert.ok(elements(screen()).every(({ props }) => props.value !== "private words"));
});

test("the way in says how many there are and how many are late, and is not there when there are none", async (t) => {
  const { board } = await tablet(t, { documents: [["follow_up", 3, followUp({ due_until: "2026-06-03T19:30:00Z" })], ["follow_up", 5, followUp({ state: "PENDING", due_at: "2026-06-09T19:00:00Z", due_until: "2026-06-10T02:00:00Z" })]] });
  assert.ok(textOf(board()).includes("Visits 2, 1 overdue"));

  assert.equal((await tablet(t, { documents: [] })).board(), null);
});

test("a visit shows why, the rules for reaching them and what was tried; one that is gone says so", async (t) => {
  const { act, screen } = await tablet(t);
  act.sheet("visit", { code: "3" });
  const said = textOf(screen());
  for (const words of ["R. Example", "Wants shelter", "Phone: 206 555 0100", "You may say that it is CARE. Not why. No message.", "day 1 after we met them"]) assert.ok(said.includes(words), words);
  act.sheet("visit", { code: "99" });

  assert.ok(textOf(screen()).includes("Somebody else sees to it now"));
});

test("without any safe way the crew is told to say nothing", async (t) => {
  const { act, screen } = await tablet(t, { documents: [["follow_up", 3, followUp()], ["client", 12, client()]] });
  act.sheet("visit", { code: "3" });

  assert.ok(textOf(screen()).includes("No safe way is known."));
});

test("whoever is known at this call is on its screen, and nobody else", async (t) => {
  const { kit, s } = await tablet(t, { documents: [["client", 12, client({ helps: ["Talk about her dog"] })], ["client", 13, client({ name: "M. Sample", calls: [5] })]] });

  const said = textOf(personPart.inCall(s));

  assert.ok(said.includes("R. Example") && said.includes("Talk about her dog") && !said.includes("M. Sample"));
  assert.deepEqual(atCall(kit.replica, 5).map(({ id }) => id), [13]);
  assert.equal(personPart.inCall({ ...s, call: null }), null);
});
