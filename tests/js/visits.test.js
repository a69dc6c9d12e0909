/**
 * Whom the crew is with and whom it is to visit: what to expect first, how they may be reached, an attempt in three taps.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, Peer, until } from "./peer.js";
import { elements, tap, textOf, write } from "./tree.js";

const { atCall, card, part: personPart } = await import("../../followups/static/followups/tablet/person.js");
const { dayWords, inForce, language, localDay, nameOf, planWords, wayWords } = await import("../../followups/static/followups/tablet/person_words.js");
const { visits, whenWords } = await import("../../followups/static/followups/tablet/visits_words.js");
const { part } = await import("../../followups/static/followups/tablet/visits.js");

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
  assert.equal(shelter.rules[0], "Never say why, to nobody there.");
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
  const kit = { device, replica: device.replica, facts: () => device.pending(), perform: (kind, args, options) => device.do(kind, args, { actor: device.person, ...options }), now: () => NOW, redraw() {}, words: {} };
  part.start(kit);
  personPart.start(kit);
  const ui = { sheet: { name: "visits" } };
  const act = { sheet: (name, more = {}) => (ui.sheet = { name, ...more }) };
  const s = { now: NOW, zone: ZONE, here: null, line: { state: "live" }, unit: { people }, personId: 7, call: { id: "4" } };
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
