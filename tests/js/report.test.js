/**
 * A report on the tablet: nothing that was typed is lost, nobody else reads it, and it never looks better kept than it is.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Browser, Peer, until } from "./peer.js";
import { elements, tap, textOf, write } from "./tree.js";

const { blank, called, isBirthday, knownAs, missing, nextPosition, somebody, spoken, whole, withMet, withSomebody } = await import("../../followups/static/followups/tablet/report_body.js");
const { Drafts, aboutOf, afterOf } = await import("../../followups/static/followups/tablet/report_drafts.js");
const { formOf } = await import("../../followups/static/followups/tablet/report_form.js");
const { dueWords, keptWords, told } = await import("../../followups/static/followups/tablet/report_words.js");

const ABOUT = { assignment: 9, onView: null, call: 4, words: "Person down, 2nd Ave" };
const AT = "2026-06-03T20:00:00Z";
const call = (more = {}, assignment = {}) => ({ id: "4", type: { label: "Person down" }, address: "2nd Ave", assignment: { id: 9, primary: true, on_scene_at: AT, ...assignment }, ...more });
const clearing = (disposition, actor = "7", args = {}) => ({ kind: "assignment.clear", actor, state: "waiting", args: { assignment: 9, disposition, ...args } });

/** A server that keeps drafts as the real one does: the latest revision, on its author's stream, until it is signed. */
function server() {
  const peer = new Peer();
  peer.reports = new Map();
  peer.decide = ({ kind, args, actor }) => {
    if (kind === "encounter.addendum") return { status: "applied", answer: {} };
    if (!kind.startsWith("encounter.")) return { status: "applied", answer: {} };
    const known = peer.reports.get(args.encounter);
    if (!known || (known.state !== "SIGNED" && args.revision > known.revision)) {
      const report = { assignment: args.assignment ?? 9, on_view: args.on_view ?? null, type: "Person down", address: "2nd Ave", state: kind === "encounter.sign" ? "SIGNED" : (known?.state ?? "DRAFT"), revision: args.revision, seconds: args.seconds, due_at: "2026-06-04T03:00:00Z", opened_at: AT, return_note: "", body: args.body };
      peer.reports.set(args.encounter, report);
      const held = report.state !== "SIGNED";
      if (held || known) peer.put(`responder.${actor}`, "encounter", args.encounter, held ? report : null, held ? undefined : "encounter.signed");
    }
    return { status: "applied", answer: {} };
  };
  peer.sendBack = (key, note) => {
    const report = { ...peer.reports.get(key), state: "RETURNED", return_note: note };
    peer.reports.set(key, report);
    peer.put("responder.7", "encounter", key, report);
  };
  return peer;
}

/** A tablet that somebody is signed on at, and what the form uses of the app. */
async function tablet(peer, t, { browser = new Browser(peer, t), person = "7", pace = { quiet: 15, longest: 60 } } = {}) {
  const tab = await browser.tab();
  await tab.device.unlock(peer.key(person));
  const { device } = tab;
  const kit = {
    device,
    replica: device.replica,
    facts: () => [...new Set([...tab.changes.flatMap(({ type, action }) => (type === "action" && action.state === "applied" ? [action] : [])), ...device.pending()])],
    perform: (kind, args, options) => device.do(kind, args, { actor: device.person, ...options }).catch(() => null),
    now: () => Date.now(),
    redraw() {},
  };
  return { browser, tab, device, kit, drafts: new Drafts(kit, pace) };
}

const offline = async (peer, device) => {
  peer.up = false;
  await device.exchange();
};
const online = async (peer, device) => {
  peer.up = true;
  await until(async () => (await device.exchange()) && device.status().pending === 0, "all is sent");
};
const typed = (drafts, key, text) => drafts.edit(key, (body) => ({ ...body, notes: text }));
const settled = (drafts, key, kept) => until(() => drafts.report(key).kept === kept, () => `${kept}: ${JSON.stringify(drafts.report(key))}`);

test("what is typed without signal waits once, survives a killed page, and is restored from the tablet itself", async (t) => {
  const peer = server();
  const { browser, tab, device, drafts } = await tablet(peer, t);
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  for (const text of ["H", "He", "He wants shelter"]) {
    typed(drafts, key, text);
    await settled(drafts, key, "waiting");
  }
  assert.equal((await browser.disk()).outbox.length, 1);
  browser.kill(tab);

  const again = await tablet(peer, t, { browser });

  const [report] = again.drafts.all();
  assert.deepEqual([report.key, report.body.notes, report.kept, report.about.assignment], [key, "He wants shelter", "waiting", 9]);
  typed(again.drafts, key, "He wants shelter tonight");
  await settled(again.drafts, key, "waiting");
  await online(peer, again.device);
  assert.equal(peer.reports.get(key).body.notes, "He wants shelter tonight");
  assert.deepEqual(again.drafts.all().map(({ kept, body }) => [kept, body.notes]), [["sent", "He wants shelter tonight"]]);
});

test("a draft is restored from its document on another tablet, with the time that was spent on it", async (t) => {
  const peer = server();
  const first = await tablet(peer, t);
  const key = first.drafts.begin(ABOUT);
  typed(first.drafts, key, "Wants shelter");
  await until(() => peer.reports.get(key)?.body.notes === "Wants shelter", "it is sent");
  peer.reports.get(key).seconds = 40;
  peer.put("responder.7", "encounter", key, peer.reports.get(key));

  const second = await tablet(peer, t);
  await second.device.exchange();

  const [report] = second.drafts.all();
  assert.deepEqual([report.key, report.body.notes, report.seconds, report.dueAt, report.about.words], [key, "Wants shelter", 40, "2026-06-04T03:00:00Z", "Person down, 2nd Ave"]);
  typed(second.drafts, key, "Wants shelter and food");
  await until(() => peer.reports.get(key).body.notes === "Wants shelter and food", "the second tablet's words are the latest");
  await first.device.exchange();
  assert.equal(first.drafts.report(key).body.notes, "Wants shelter and food");
});

test("whoever signs on next sees nothing of it, and what was typed last is saved in its author's name", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t, { pace: { quiet: 60_000, longest: 60_000 } });
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  await settled(drafts, key, "waiting");
  typed(drafts, key, "not saved yet");

  await device.unlock(peer.key("8"));

  assert.deepEqual(drafts.all(), []);
  assert.equal(drafts.of(ABOUT), null);
  assert.equal(drafts.resume(key), null);
  await online(peer, device);
  assert.equal(peer.reports.get(key).body.notes, "not saved yet");
  assert.ok(peer.effects.every(({ actor }) => actor === "7"));
});

test("whoever signs off takes what they typed along, and finds it again", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t, { pace: { quiet: 60_000, longest: 60_000 } });
  await device.exchange();
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  await settled(drafts, key, "waiting");
  typed(drafts, key, "last words");

  await device.lock();
  drafts.all();
  await until(() => device.status().pending === 2, "it is kept in its author's name");
  await device.unlock(peer.key("7"));

  assert.equal(drafts.all().length, 1);
  await online(peer, device);
  assert.equal(drafts.report(key).body.notes, "last words");
});

test("what its author goes on with comes after what they cannot read here, and takes nothing of it away", async (t) => {
  const peer = server();
  const before = await tablet(peer, t, { pace: { quiet: 60_000, longest: 60_000 } });
  await offline(peer, before.device);
  const key = before.drafts.begin(ABOUT);
  await settled(before.drafts, key, "waiting");
  typed(before.drafts, key, "last words");
  await before.device.lock();
  before.drafts.all();
  await until(() => before.device.status().pending === 2, "it is kept in its author's name");
  before.browser.kill(before.tab);
  const { device, drafts } = await tablet(peer, t, { browser: before.browser });

  typed(drafts, key, "first words of the next sitting");
  await drafts.save(key);
  await online(peer, device);

  assert.deepEqual(peer.effects.map(({ args }) => [args.revision, args.body.notes]), [[1, undefined], [2, "last words"], [3, "first words of the next sitting"]]);
  assert.equal(drafts.report(key).body.notes, "first words of the next sitting");
});

test("what was sent while its author was away is there when they come back without signal, until its document is", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  await device.exchange();
  await offline(peer, device);
  const draft = drafts.begin(ABOUT, { body: { ...blank(), notes: "Wants shelter" } });
  const signed = drafts.begin({ ...ABOUT, assignment: 10 }, { body: { ...blank(), nobody_found: true } });
  await drafts.save(draft);
  assert.ok(await drafts.sign(signed));
  assert.ok(await drafts.add(signed, "A neighbour called."));
  const { decide } = peer;
  peer.decide = (action) => {
    const verdict = decide(action);
    // Only its author is told of it.
    peer.drop("responder.7");
    return verdict;
  };
  await device.unlock(peer.key("8"));
  await online(peer, device);
  assert.deepEqual(drafts.all(), []);

  await offline(peer, device);
  await device.unlock(peer.key("7"));

  assert.deepEqual(drafts.all().map(({ key, state, kept, body, addenda }) => [key, state, kept, body.notes, addenda.map(({ text, sent }) => [text, sent])]), [
    [draft, "DRAFT", "sent", "Wants shelter", []],
    [signed, "SIGNED", "sent", "", [["A neighbour called.", true]]],
  ]);
  peer.sendBack(signed, "Who called?");
  await online(peer, device);
  assert.deepEqual(drafts.all().map(({ key, state }) => [key, state]), [[signed, "RETURNED"]]);
  assert.deepEqual(device.apart(), []);
});

test("nothing is written down while nobody is signed on", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  await device.lock();

  assert.equal(drafts.begin(ABOUT), null);
  assert.deepEqual(drafts.all(), []);
});

test("it says Saving until it is kept, waiting until it is sent, and sent only then", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t, { pace: { quiet: 40, longest: 40 } });
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  typed(drafts, key, "x");

  assert.equal(drafts.report(key).kept, "typing");
  await settled(drafts, key, "waiting");
  assert.equal(device.pending().at(-1).args.body.notes, "x");
  await online(peer, device);
  assert.equal(drafts.report(key).kept, "sent");
});

test("whoever types on without resting is saved now and then all the same", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t, { pace: { quiet: 50, longest: 120 } });
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  for (let i = 0; i < 20; i++) {
    typed(drafts, key, "x".repeat(i + 1));
    await wait(15);
  }

  const kept = device.pending().at(-1).args.body.notes?.length ?? 0;
  assert.ok(kept > 0 && kept <= 20, `${kept}`);
  assert.ok(drafts.report(key).revision >= 2);
});

test("a signed report is locked, goes up after what came before it, and is added to", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  await offline(peer, device);
  const key = drafts.begin(ABOUT);
  drafts.edit(key, (body) => withMet(withSomebody(body), 0, { needs: ["SHELTER"] }));

  assert.ok(await drafts.sign(key));
  typed(drafts, key, "too late");
  assert.ok(await drafts.add(key, "He came back for his bag."));

  const report = drafts.report(key);
  assert.deepEqual([report.state, report.body.notes, report.kept, report.addenda.map(({ text, sent }) => [text, sent])], ["SIGNED", "", "waiting", [["He came back for his bag.", false]]]);
  assert.deepEqual(device.pending().map(({ kind }) => kind), ["encounter.save", "encounter.sign", "encounter.addendum"]);
  const [, sign, addendum] = device.pending();
  assert.deepEqual(addendum.after, [sign.seq]);
  assert.deepEqual(sign.args.body, { met: [{ position: 0, needs: ["SHELTER"] }] });
  await wait(40);
  await online(peer, device);
  assert.equal(peer.reports.get(key).state, "SIGNED");
  assert.deepEqual(drafts.all().map(({ state, kept, addenda }) => [state, kept, addenda[0].sent]), [["SIGNED", "sent", true]]);
  assert.equal(peer.effects.filter(({ kind }) => kind === "encounter.save").length, 1);
});

test("a report is signed from the tap on, whatever is drawn before it is kept and answered", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  const key = drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await settled(drafts, key, "sent");
  await device.exchange();
  const states = new Set();
  const watch = setInterval(() => states.add(drafts.report(key)?.state), 1);
  device.replica.listen(() => states.add(drafts.report(key)?.state));

  const signed = drafts.sign(key);
  states.add(drafts.report(key).state);
  await signed;
  await online(peer, device);
  await wait(40);
  clearInterval(watch);

  assert.deepEqual([...states], ["SIGNED"]);
  assert.equal(peer.effects.filter(({ kind }) => kind === "encounter.save").length, 1);
});

test("what was signed and could not be read is open again", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  const key = drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await settled(drafts, key, "sent");
  const { decide } = peer;
  peer.decide = (action) => (action.kind === "encounter.sign" ? { status: "quarantined", code: "choice_unknown", message: "Not a choice.", ticket: "q-2" } : decide(action));
  await drafts.sign(key);

  await until(() => device.trays().quarantined.length === 1, "it was set aside");
  assert.equal(drafts.report(key).state, "DRAFT");
});

test("a signed report that waits is signed still after the page was killed", async (t) => {
  const peer = server();
  const { browser, tab, device, drafts } = await tablet(peer, t);
  await offline(peer, device);
  const key = drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await drafts.sign(key);
  browser.kill(tab);

  const again = await tablet(peer, t, { browser });

  assert.equal(again.drafts.report(key).state, "SIGNED");
  again.drafts.resume(key);
  typed(again.drafts, key, "no");
  assert.equal(again.drafts.report(key).body.notes, "");
});

test("a report that came back says why, is written on, and signed again", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  const key = drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await drafts.sign(key);
  await online(peer, device);
  assert.equal(drafts.report(key).state, "SIGNED");

  peer.sendBack(key, "Who called?");
  await device.exchange();

  assert.deepEqual([drafts.report(key).state, drafts.report(key).note], ["RETURNED", "Who called?"]);
  typed(drafts, key, "A neighbour called.");
  const before = drafts.report(key).revision;
  assert.ok(await drafts.sign(key));
  await online(peer, device);
  assert.ok(peer.reports.get(key).revision > before);
  assert.deepEqual([peer.reports.get(key).state, peer.reports.get(key).body.notes], ["SIGNED", "A neighbour called."]);
});

test("a report that came back is signed again from the tap on, and a second tap signs nothing", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  const key = drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await drafts.sign(key);
  await online(peer, device);
  peer.sendBack(key, "Who called?");
  await device.exchange();
  assert.equal(drafts.report(key).state, "RETURNED");

  const taps = [drafts.sign(key), drafts.sign(key)];

  assert.equal(drafts.report(key).state, "SIGNED");
  assert.deepEqual(await Promise.all(taps), [true, false]);
  await online(peer, device);
  assert.deepEqual([drafts.report(key).state, peer.effects.filter(({ kind }) => kind === "encounter.sign").length], ["SIGNED", 2]);
});

test("who clears a call after being on scene owes one report, begun with what the disposition says", async (t) => {
  const peer = server();
  const { drafts } = await tablet(peer, t);

  drafts.owe(call(), clearing("GONE_ON_ARRIVAL"));
  drafts.owe(call(), clearing("GONE_ON_ARRIVAL"));

  assert.deepEqual(drafts.all().map(({ body, about, state }) => [body.nobody_found, about.assignment, state]), [[true, 9, "DRAFT"]]);
});

test("a call that needs none, that they only assisted, never reached or somebody else cleared leaves no report", async (t) => {
  const peer = server();
  const { drafts } = await tablet(peer, t);

  drafts.owe(call(), clearing("DUPLICATE"));
  drafts.owe(call({}, { primary: false }), clearing("HANDLED"));
  drafts.owe(call({}, { on_scene_at: null }), clearing("HANDLED"));
  drafts.owe(call(), clearing("HANDLED", "8"));

  assert.deepEqual(drafts.all(), []);
});

test("a call that was cleared with signal is owed as it leaves, and one that the desk ended is asked about", async (t) => {
  const peer = server();
  peer.put("unit.1", "call", 4, call());
  peer.put("unit.1", "call", 5, { ...call({}, { id: 11 }), id: "5" });
  const { device, drafts, kit } = await tablet(peer, t);
  await device.exchange();
  const { decide } = peer;
  peer.decide = (action) => {
    if (action.kind === "assignment.clear") peer.put("unit.1", "call", 4, null, "assignment.cleared");
    return decide(action);
  };

  await kit.perform("assignment.clear", { assignment: 9, disposition: "HANDLED" });
  await device.frame(peer.put("unit.1", "call", 5, null, "assignment.cleared"));
  await until(() => drafts.all().length === 1, "the report is owed");

  assert.deepEqual(drafts.all().map(({ about }) => about.assignment), [9]);
  await until(() => drafts.ended().length === 1, "the other is asked about");
  assert.equal(drafts.ended()[0].about.words, "Person down, 2nd Ave");
  drafts.notNeeded(11);
  assert.deepEqual(drafts.ended(), []);
});

test("a report of what the crew came upon names it by the tablet's own key, and waits for it", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  await offline(peer, device);
  const met = await device.do("call.on_view", { key: "k-1" });
  const local = call({ id: "on-view k-1", local: met, on_view_key: "k-1", address: "Where you are" }, { id: 0 });

  const key = drafts.begin(aboutOf(local), { after: afterOf(local) });
  await settled(drafts, key, "waiting");

  const save = device.pending().at(-1);
  assert.equal(drafts.report(key).about.words, "Person down");
  assert.deepEqual([save.args.on_view, "assignment" in save.args, save.after], ["k-1", false, [met.seq]]);
  // The call has come down with a number: it is the same report.
  assert.equal(drafts.of(aboutOf(call({ on_view_key: "k-1" }))).key, key);
});

test("a report that was signed on another tablet leaves this one, and what was typed here goes up first", async (t) => {
  const peer = server();
  const first = await tablet(peer, t);
  const key = first.drafts.begin(ABOUT, { body: { ...blank(), nobody_found: true } });
  await until(() => peer.reports.has(key), "it is sent");
  await first.device.exchange();
  const second = await tablet(peer, t);
  await second.device.exchange();
  await second.drafts.sign(key);
  await until(() => peer.reports.get(key).state === "SIGNED", "signed there");
  typed(first.drafts, key, "one more word");

  await until(async () => (await first.device.exchange()) && first.drafts.all().length === 0, "gone here");

  assert.ok(peer.effects.some(({ args }) => args.body?.notes === "one more word"));
});

test("a draft that the server could not read does not count as sent", async (t) => {
  const peer = server();
  const { device, drafts } = await tablet(peer, t);
  const key = drafts.begin(ABOUT);
  await settled(drafts, key, "sent");
  peer.decide = () => ({ status: "quarantined", code: "invalid_args", message: "Not understood.", ticket: "q-1" });
  typed(drafts, key, "what it cannot read");

  await until(() => device.trays().quarantined.length === 1, "it was set aside");

  assert.deepEqual([drafts.report(key).kept, drafts.report(key).body.notes], ["aside", "what it cannot read"]);
});

test("a draft that is known from the outbox alone finds its call again", async (t) => {
  const peer = server();
  peer.put("unit.1", "call", 4, call());
  const { browser, tab, device, drafts } = await tablet(peer, t);
  await offline(peer, device);
  const key = drafts.begin({ ...ABOUT, words: "" });
  await settled(drafts, key, "waiting");
  browser.kill(tab);
  peer.up = true;
  const again = await tablet(peer, t, { browser });
  await again.device.exchange();

  assert.deepEqual(again.drafts.report(key).about, { assignment: 9, onView: null, call: 4, words: "Person down, 2nd Ave" });
});

test("time counts while fingers are on it, not while it lies open", async (t) => {
  const peer = server();
  const { drafts, kit } = await tablet(peer, t, { pace: { quiet: 60_000, longest: 60_000 } });
  let now = Date.parse(AT);
  kit.now = () => now;
  const key = drafts.begin(ABOUT);
  for (const gap of [5, 10, 3600]) {
    now += gap * 1000;
    typed(drafts, key, `after ${gap} s`);
  }

  assert.equal(drafts.report(key).seconds, 5 + 10 + 30);
});

test("what goes over the wire says only what was said, and comes back whole", () => {
  const met = { ...somebody(3), client: { new: { ...whole({ met: [{ client: { new: {} } }] }).met[0].client.new, name: "R. Example", born_on: "19" } }, needs: ["FOOD"], naloxone: { doses: 2, outcome: "RECOVERED" }, follow_up: "YES", cautions: [{ text: " ", days: 30 }] };
  const body = { nobody_found: false, notes: "", met: [met] };

  const sent = spoken(body);

  // A birthday that is half typed would keep the whole draft from being kept.
  assert.deepEqual(sent, { met: [{ position: 3, needs: ["FOOD"], naloxone: { doses: 2, outcome: "RECOVERED" }, client: { new: { name: "R. Example", known_as: "NAMED" } }, follow_up: "YES" }] });
  assert.deepEqual(spoken(whole(sent)), sent);
  assert.deepEqual(spoken(blank()), {});
  assert.deepEqual(whole({}), blank());
});

test("places of people and referrals are never given twice", () => {
  let body = withSomebody(withSomebody(withSomebody(blank())));
  body = { ...body, met: body.met.filter(({ position }) => position !== 1) };

  assert.deepEqual(withSomebody(body).met.map(({ position }) => position), [0, 2, 3]);
  assert.equal(nextPosition([], 0), 0);
  // When all of them were given, one that is free.
  assert.deepEqual([nextPosition([{ position: 99 }], 100), nextPosition([{ position: 98 }], 100)], [98, 99]);
});

test("whoever is taken off last leaves their place empty, also after the draft was kept and read again", () => {
  const { state, tap: on, screen } = form();
  const refer = (words) => {
    write(screen(), "Referred to: search the directory, or write where", words);
    on(`“${words}”, as written`);
  };
  on("Food");
  on("Referral");
  refer("her sister");
  on("Take off");
  on("Another person");
  on("Gave supplies");
  on("Take this person off the report");

  state.body = whole(JSON.parse(JSON.stringify(spoken(state.body))));
  refer("her aunt");
  on("Another person");
  on("Gave supplies");

  assert.deepEqual(state.body.met.map(({ position, referrals }) => [position, referrals.map(({ position: place, to }) => [place, to])]), [[0, [[1, "her aunt"]]], [2, []]]);
  assert.deepEqual(Object.keys(spoken(state.body)), ["met"]);
  state.body = { ...state.body, met: [] };
  on("Food");
  assert.deepEqual(spoken(state.body), { met: [{ position: 3, needs: ["FOOD"] }] });
});

test("what keeps a report from being signed is said in words", () => {
  const words = (met) => missing({ ...blank(), met: [{ ...somebody(0), needs: ["FOOD"], ...met }] }).map(({ words: text }) => text);

  assert.deepEqual(missing(blank()).map(({ words: text }) => text), ["Say whom you met, or that nobody was found."]);
  assert.deepEqual(missing({ ...blank(), nobody_found: true }), []);
  assert.deepEqual(words({}), []);
  assert.deepEqual(words({ needs: [] }), ["Choose at least what was needed, done or came of it."]);
  assert.deepEqual(words({ naloxone: { doses: 1, outcome: "" } }), ["Say what came of the naloxone."]);
  assert.deepEqual(words({ mandated: { about: "", made_to: "", made_at: AT, number: "" } }).length, 2);
  assert.deepEqual(words({ follow_up: "YES", safe_contact: { kind: "PHONE", value: " ", hours_from: null, hours_until: null } }).length, 1);
  assert.deepEqual(missing({ ...blank(), met: [{ ...somebody(0), needs: ["FOOD"] }, somebody(1)] }).map(({ position, words: text }) => [position, text.slice(0, 9)]), [[1, "Person 2:"]]);
});

test("how well somebody is known, what they are called, and what is a birthday", () => {
  assert.deepEqual([knownAs({ name: " ", looks: "" }), knownAs({ name: "", looks: "red coat" }), knownAs({ name: "R.", looks: "red coat" })], ["UNKNOWN", "DESCRIBED", "NAMED"]);
  assert.equal(called({ client: { id: 4 } }, 1, new Map([[4, "R. Example"]])), "R. Example");
  assert.equal(called({ client: null }, 2), "Person 2");
  assert.deepEqual(["1984", "1984-05", "1984-05-31", "1984-02-30", "84", "1984-5-1", ""].map(isBirthday), [true, true, true, false, false, false, false]);
});

test("when it is due, and that it is late", () => {
  const given = { now: Date.parse("2026-06-04T03:30:00Z"), zone: "America/Los_Angeles", shiftEnds: null };

  assert.deepEqual(dueWords({ dueAt: "2026-06-04T03:00:00Z" }, given), { words: "30 min late", late: true });
  assert.deepEqual(dueWords({ dueAt: "2026-06-04T05:00:00Z" }, given), { words: "due 22:00", late: false });
  assert.deepEqual(dueWords({ dueAt: null }, given), { words: "due by the end of your shift", late: false });
  assert.equal(dueWords({ dueAt: null }, { ...given, shiftEnds: "2026-06-04T06:00:00Z" }).words, "due 23:00");
});

test("kept, waiting, sent and signed are different words, and a page that keeps nothing says so", () => {
  const words = (state, kept, more = {}) => keptWords({ state, kept }, { offline: false, durable: true, ...more });

  const all = [words("DRAFT", "typing"), words("DRAFT", "waiting"), words("DRAFT", "waiting", { offline: true }), words("DRAFT", "sending"), words("DRAFT", "sent"), words("SIGNED", "waiting", { offline: true }), words("SIGNED", "sent")];
  assert.equal(new Set(all).size, all.length);
  assert.ok(words("DRAFT", "waiting", { durable: false }).startsWith("On this page only"));
  assert.equal(words("SIGNED", "waiting", { offline: true }), "Signed. Kept on this tablet, sends itself with the next signal");
});

test("a signed report is read in the words in which it was written", () => {
  const met = { ...somebody(0), client: { id: 12 }, needs: ["FOOD", "GONE_CODE"], naloxone: { doses: 2, outcome: "RECOVERED" }, transport: { destination: "SHELTER", where: "Night Centre", supervisor_said_yes: null }, referrals: [{ to: "Day Centre", declined: true }], mandated: { about: "x", made_at: null }, left_to: "SHELTER", follow_up: "NO" };

  const [{ who, lines }] = told({ ...blank(), met: [met] }, CHOICES, new Map([[12, "R. Example"]]));

  assert.equal(who, "R. Example");
  assert.deepEqual(lines, [["Needed", "Food, GONE_CODE"], ["Naloxone", "2 doses, came round"], ["Taken by us to", "A shelter, Night Centre"], ["Referred to", "Day Centre (declined)"], ["Mandated report", "not made yet"], ["Left", "shelter"], ["Come again", "no, declined"]]);
});

// --- the form itself --------------------------------------------------------------------------------------------------------

const CHOICES = { NEED: [{ code: "SHELTER", label: "Shelter" }, { code: "FOOD", label: "Food" }], DONE: [{ code: "SUPPLIES", label: "Gave supplies" }], DESTINATION: [{ code: "SHELTER", label: "A shelter" }], OUTCOME: Array.from({ length: 20 }, (_, i) => ({ code: `O${i}`, label: `Outcome ${i}` })), MANDATED_TO: [{ code: "APS", label: "Adult Protective Services" }] };

/** A form over a body, redrawn with each touch. */
function form(body = blank(), more = {}) {
  const state = { body, view: { position: 0, open: new Set(), find: "" } };
  const screen = () => formOf({ ...state, choices: CHOICES, people: [{ id: 12, name: "R. Example" }], services: () => [{ id: 5, name: "Day Centre" }, { id: 6, name: "Night Centre" }], redraw() {}, now: () => Date.parse(AT), edit: (change) => (state.body = change(state.body)), ...more });
  return { state, screen, tap: (words) => tap(screen(), words), write: (label, value) => write(screen(), label, value) };
}

test("the common case is a handful of taps, and the first touch puts somebody on the report", () => {
  const { state, tap: on } = form();

  for (const words of ["Food", "Gave supplies", "Outcome 3", "Yes, agreed"]) on(words);

  assert.deepEqual(spoken(state.body), { met: [{ position: 0, needs: ["FOOD"], done: ["SUPPLIES"], outcomes: ["O3"], follow_up: "YES" }] });
  assert.deepEqual(missing(state.body), []);
});

test("nobody found is one tap, and cannot wipe out who stands on it", () => {
  const { state, screen, tap: on } = form();
  on("Nobody found");
  assert.deepEqual(spoken(state.body), { nobody_found: true });
  on("Nobody found");
  on("R. Example");
  assert.deepEqual(state.body.met[0].client, { id: 12 });

  assert.ok(!textOf(screen()).includes("Nobody found"));
});

test("several people each have their own answers", () => {
  const { state, tap: on, screen } = form();
  on("Food");
  on("Another person");
  on("Gave supplies");
  on("Name or describe…");
  write(screen(), "Name", "M. Sample");

  assert.deepEqual(state.body.met.map(({ needs, done }) => [needs, done]), [[["FOOD"], []], [[], ["SUPPLIES"]]]);
  assert.ok(textOf(screen()).includes("M. Sample"));
  on("Take this person off the report");
  assert.deepEqual(state.body.met.map(({ position }) => position), [0]);
});

test("doses of naloxone are counted, and none is none", () => {
  const { state, screen, tap: on } = form();
  const press = (label) => elements(screen()).find(({ props }) => props["aria-label"] === label).props.onclick();
  press("One dose more");
  press("One dose more");
  on("Came round");
  assert.deepEqual(state.body.met[0].naloxone, { doses: 2, outcome: "RECOVERED" });
  press("One dose fewer");
  press("One dose fewer");

  assert.equal(state.body.met[0].naloxone, null);
});

test("what asks for more is asked below it, and taken back with it", () => {
  const DONE = ["NALOXONE", "SUPPLIES", "TRANSPORTED"].map((code) => ({ code, label: `Did ${code.toLowerCase()}` }));
  const { state, screen, tap: on } = form(blank(), { choices: { ...CHOICES, DONE, SUPPLY: [{ code: "WATER", label: "Water" }], OUTCOME: [{ code: "REFERRAL_MADE", label: "Referral made" }] } });
  const shown = (words) => textOf(screen()).includes(words);
  assert.deepEqual(["Naloxone given", "Supplies given", "Taken by us to", "Referred to"].map(shown), [false, false, false, false]);

  for (const words of ["Did naloxone", "Did supplies", "Water", "Did transported", "A shelter", "Referral made"]) on(words);
  assert.deepEqual(["Naloxone given", "Supplies given", "Taken by us to", "Referred to"].map(shown), [true, true, true, true]);
  assert.deepEqual([state.body.met[0].naloxone, state.body.met[0].supplies, state.body.met[0].transport.destination], [{ doses: 1, outcome: "" }, ["WATER"], "SHELTER"]);
  for (const words of ["Did naloxone", "Did supplies", "Did transported"]) on(words);

  assert.deepEqual([state.body.met[0].naloxone, state.body.met[0].supplies, state.body.met[0].transport], [null, [], null]);
});

test("a minor alone in our vehicle is asked about, and never where a guardian came along", () => {
  const { screen, tap: on } = form();
  const asked = () => textOf(screen()).includes("did a supervisor say yes");
  on("A shelter");
  assert.ok(!asked());
  on("A minor");
  assert.ok(asked());
  on("Guardian was there");

  assert.ok(!asked());
});

test("from thirteen on somebody may have consented themself, before that it is not offered", () => {
  const { state, screen, tap: on } = form();
  on("A minor");
  write(screen(), "Age", "12");
  assert.ok(!textOf(screen()).includes("Consented themself"));
  write(screen(), "Age", "13");
  on("Consented themself");

  assert.deepEqual(state.body.met[0].minor, { age: 13, guardian: "", guardian_there: false, guardian_told: false, own_consent: true });
});

test("at a shelter it cannot even be chosen that the reason is said", () => {
  const { state, screen, tap: on } = form();
  on("Yes, agreed");
  on("Phone");
  on("Why we come");
  const ways = elements(screen()).find(({ props }) => props["aria-label"] === "Where they can be reached safely");
  tap(ways, "Shelter");

  assert.equal(state.body.met[0].safe_contact.may_say, "NOTHING");
  assert.ok(!textOf(screen()).includes("Why we come"));
});

test("where nobody agreed to be seen again, no way to reach them is kept", () => {
  const { state, screen, tap: on } = form();
  on("Yes, agreed");
  on("Phone");
  write(screen(), "Number", "206 555 0100");
  on("No, declined");

  assert.deepEqual([state.body.met[0].follow_up, state.body.met[0].safe_contact], ["NO", null]);
});

test("a referral comes from the directory or from words, and says which need it was for", () => {
  const { state, screen, tap: on } = form();
  on("Food");
  on("Referral");
  write(screen(), "Referred to: search the directory, or write where", "day");
  assert.ok(!textOf(screen()).includes("Night Centre"));
  on("Day Centre");
  on("Handed over in person");
  write(screen(), "Referred to: search the directory, or write where", "her sister");
  on("“her sister”, as written");

  assert.deepEqual(state.body.met[0].referrals, [
    { position: 0, resource: 5, to: "Day Centre", need: "FOOD", warm: true, declined: false },
    { position: 1, resource: null, to: "her sister", need: "FOOD", warm: false, declined: false },
  ]);
});

test("a mandated report that was not made says how long the law gives", () => {
  const { state, screen, tap: on } = form();
  on("Mandated report");
  assert.ok(textOf(screen()).includes("The law gives 48 hours"));
  on("Made already");
  on("Adult Protective Services");

  assert.deepEqual(state.body.met[0].mandated, { about: "", made_to: "APS", made_at: "2026-06-03T20:00:00.000Z", number: "" });
});

test("long lists show what is frequent, what was chosen, and the rest at a tap", () => {
  const body = withMet(withSomebody(blank()), 0, { outcomes: ["O18", "RETIRED_ONE"] });
  const { screen, tap: on } = form(body);
  const shown = () => textOf(screen());
  assert.ok(shown().includes("Outcome 11") && shown().includes("Outcome 18") && shown().includes("Retired one"));
  assert.ok(!shown().includes("Outcome 15"));
  on("7 more…");

  assert.ok(shown().includes("Outcome 15"));
});

test("without choices yet, notes are taken all the same", () => {
  const { state, screen } = form(blank(), { choices: {} });
  assert.ok(textOf(screen()).includes("The choices have not reached this tablet yet."));
  write(screen(), "Notes", "He wants shelter");

  assert.equal(state.body.notes, "He wants shelter");
});
