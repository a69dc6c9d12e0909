import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { IDBDatabase } from "fake-indexeddb";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { pause } from "../../tablets/static/tablets/sync/exchange.js";
import { Browser, NO_ANSWER, Peer, has, holds, until } from "./peer.js";

test("what is done is on the disk before anybody is told, goes up, and is answered", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;

  const action = await device.do("assignment.arrive", { assignment: 9 });

  const { outbox } = await browser.disk();
  assert.deepEqual(outbox.map(({ seq, id, kind, actor }) => ({ seq, id, kind, actor })), [{ seq: 1, id: action.id, kind: "assignment.arrive", actor: "7" }]);
  assert.deepEqual(device.pending().map(({ seq, state, args }) => ({ seq, args, waits: state !== "applied" })), [{ seq: 1, args: { assignment: 9 }, waits: true }]);
  peer.up = true;
  device.wake();
  const settled = await action.done;
  assert.equal(settled.state, "applied");
  assert.deepEqual(settled.answer, { done: true });
  assert.deepEqual(peer.effects.map(({ id, args, actor }) => ({ id, args, actor })), [{ id: action.id, args: { assignment: 9 }, actor: "7" }]);
  assert.deepEqual(holds(device), has(peer));
  assert.deepEqual(device.pending(), []);
});

test("what is answered before anybody can read stays shown until the documents that say it are here", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { assignment: { id: 9, status: "ASSIGNED" } });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  peer.up = false;
  await tab.device.do("assignment.acknowledge", { assignment: 9 });
  browser.kill(tab);
  peer.up = true;
  peer.put("unit.1", "call", 4, { assignment: { id: 9, status: "ACKNOWLEDGED" } });

  const { device } = await browser.tab();
  await device.exchange();
  assert.equal(device.status().pending, 0);
  peer.up = false;
  await device.unlock(peer.key("7"));

  assert.equal(/** @type {any} */ (device.replica.all("call")[0]?.body).assignment.status, "ASSIGNED");
  assert.deepEqual(device.pending(), []);
  assert.deepEqual(device.unseen().map(({ kind, args, state }) => ({ kind, args, state })), [{ kind: "assignment.acknowledge", args: { assignment: 9 }, state: "applied" }]);

  peer.up = true;
  await device.exchange();
  assert.deepEqual(device.unseen(), []);
  assert.equal(/** @type {any} */ (device.replica.all("call")[0]?.body).assignment.status, "ACKNOWLEDGED");
  const { answers } = await browser.disk();
  assert.deepEqual(answers.map(({ settled }) => settled.unseen ?? false), [false]);
});

test("what another one's sign-on has sent is its author's to see, and is not laid over what everybody reads", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { assignment: { id: 9, status: "ASSIGNED" } });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn("7");
  await device.exchange();
  peer.up = false;
  await device.do("assignment.acknowledge", { assignment: 9 });
  await device.unlock(peer.key("8"));
  peer.up = true;
  peer.put("responder.8", "note", 1, { text: "yours" });
  await until(async () => (await device.exchange()) && device.status().pending === 0, "it is sent");
  assert.deepEqual([device.apart(), device.unseen()], [[], []]);

  peer.up = false;
  await device.unlock(peer.key("7"));
  assert.deepEqual([device.apart().map(({ kind, args }) => [kind, args]), device.unseen()], [[["assignment.acknowledge", { assignment: 9 }]], []]);

  peer.up = true;
  peer.drop("responder.8");
  await device.exchange();
  assert.equal(device.apart().length, 1);
  peer.put("responder.7", "note", 2, { text: "mine" });
  await device.exchange();
  assert.deepEqual(device.apart(), []);
});

test("places in the lane are dense and in the order of the taps, whoever waits for whom", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;

  const all = await Promise.all(["acknowledge", "en_route", "stage", "arrive"].map((step, i) => device.do(`assignment.${step}`, { assignment: 9 }, { after: i ? [i] : [] })));

  assert.deepEqual(all.map(({ seq, kind, after }) => [seq, kind.split(".")[1], after]), [[1, "acknowledge", []], [2, "en_route", [1]], [3, "stage", [2]], [4, "arrive", [3]]]);
  peer.up = true;
  device.wake();
  await Promise.all(all.map(({ done }) => done));
  assert.deepEqual(peer.effects.map(({ kind }) => kind), all.map(({ kind }) => kind));
});

test("a lost response is asked for again, and what was done is done once", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  let lost = 0;
  peer.wire = async (when, path) => {
    if (when === "response" && path === "/api/sync" && lost++ < 3) throw NO_ANSWER();
  };

  const action = await device.do("call.note", { call: 4, text: "once" });
  await action.done;

  assert.equal(peer.effects.length, 1);
  assert.ok(peer.requests.filter(({ actions }) => actions.length).length >= 4);
  assert.equal(new Set(peer.requests.flatMap(({ actions }) => actions.map(({ id }) => id))).size, 1);
});

test("what was refused or quarantined is in its tray with the reason until it is put away, also after a restart", async (t) => {
  const peer = new Peer();
  peer.decide = ({ kind }) =>
    kind === "call.poach"
      ? { status: "refused", code: "call_already_taken", message: "Another unit took this call first.", facts: { unit: "CARE-12" } }
      : kind === "call.note"
        ? { status: "quarantined", code: "invalid_args", message: "Not understood.", ticket: "q-118" }
        : { status: "applied", answer: {}, flags: ["late_scope"] };
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  const actions = [await tab.device.do("call.poach", { call: 4 }), await tab.device.do("call.note", { call: 4 }), await tab.device.do("assignment.clear", { assignment: 9 })];
  await Promise.all(actions.map(({ done }) => done));
  browser.kill(tab);

  const device = await browser.signedOn();

  const { waiting, refused, quarantined, flagged } = device.trays();
  assert.deepEqual(waiting, []);
  assert.deepEqual(refused.map(({ seq, args, problem }) => ({ seq, args, problem })), [{ seq: 1, args: { call: 4 }, problem: { code: "call_already_taken", message: "Another unit took this call first.", facts: { unit: "CARE-12" } } }]);
  assert.deepEqual(quarantined.map(({ seq, ticket, problem }) => [seq, ticket, problem.code]), [[2, "q-118", "invalid_args"]]);
  assert.deepEqual(flagged.map(({ seq, flags }) => [seq, flags]), [[3, ["late_scope"]]]);
  await device.dismiss(1);
  assert.deepEqual(device.trays().refused, []);
  browser.kill(browser.tabs.at(-1));
  assert.deepEqual((await browser.signedOn()).trays().refused, []);
});

test("a request carries at most a hundred actions and 256 kB, and the rest follows at once", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;
  const small = 230;
  const large = 12;
  const all = [];
  for (let i = 0; i < small; i++) all.push(device.do("call.note", { call: 4, text: `note ${i}` }));
  for (let i = 0; i < large; i++) all.push(device.do("call.note", { call: 4, text: "x".repeat(40_000) }));
  const actions = await Promise.all(all);

  peer.up = true;
  await device.exchange();
  await Promise.all(actions.map(({ done }) => done));

  const sent = peer.requests.filter(({ actions }) => actions.length);
  assert.ok(sent.every((body) => body.actions.length <= 100 && JSON.stringify(body).length <= 256_000));
  assert.ok(sent.length >= 5 && sent.length <= 8, `${sent.length}`);
  assert.deepEqual(peer.effects.map(({ id }) => id), actions.map(({ id }) => id));
});

test("an action that is too long is refused before it is taken up", async (t) => {
  const device = await new Browser(new Peer(), t).signedOn();

  await assert.rejects(device.do("call.note", { text: "x".repeat(50_000) }), { code: "too_large" });

  assert.equal(device.status().pending, 0);
});

test("what the server did not reach in its time is sent again", async (t) => {
  const peer = new Peer();
  peer.budget = 3;
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;
  const actions = await Promise.all([...Array(10).keys()].map((i) => device.do("call.note", { text: `${i}` })));

  peer.up = true;
  assert.equal(await device.exchange(), true);

  assert.ok(actions.every(({ state }) => state === "applied"));
  assert.equal(peer.effects.length, 10);
});

test("an action at which the server fails never keeps documents from coming down", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.wire = async (when, path, body) => {
    if (when === "request" && body.actions?.some(({ kind }) => kind === "call.poison")) throw new NoAnswer(500, { code: "error", message: "" });
  };
  await device.do("call.fine", {});
  await device.do("call.poison", {});
  await device.do("call.behind", {});

  await until(() => device.replica.get("call", 4)?.text === "v1", "the document");
  peer.put("unit.1", "call", 4, { text: "v2" });
  await until(() => device.replica.get("call", 4)?.text === "v2", "its change");
  await until(() => peer.effects.some(({ kind }) => kind === "call.fine"), "what is before it");

  assert.deepEqual(device.pending().map(({ kind }) => kind), ["call.poison", "call.behind"]);
  peer.wire = async () => {};
  device.wake();
  await until(() => device.status().pending === 0, "all");
});

test("an action that is never answered waits, and everything else goes on", async (t) => {
  const peer = new Peer();
  peer.decide = ({ kind }) => (kind === "call.stuck" ? null : { status: "applied", answer: {} });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.do("call.stuck", {});
  await until(() => device.status().stuck, "stuck");

  peer.put("unit.1", "call", 4, { text: "v1" });
  assert.equal(await device.exchange(), true);

  assert.equal(device.replica.get("call", 4).text, "v1");
  peer.decide = () => ({ status: "applied", answer: {} });
  device.wake();
  await until(() => device.status().pending === 0, "answered");
});

test("the wait between tries is drawn from the whole span, and never shorter than the server asks", () => {
  const pace = { least: 500, most: 60_000 };
  assert.equal(pause(1, 0, pace, () => 0), 0);
  assert.deepEqual([1, 2, 5, 30].map((failures) => pause(failures, 0, pace, () => 1)), [1000, 2000, 16_000, 60_000]);
  assert.equal(pause(1, 7, pace, () => 0), 7000);
  assert.ok(pause(1, 7, pace, () => 0.99) > 7000);
});

test("Retry-After is kept, whoever asks", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.wire = async (when) => {
    if (when === "request") throw new NoAnswer(503, { code: "busy", message: "" }, 30);
  };

  assert.equal(await device.exchange(), false);
  const tries = peer.requests.length;
  await device.do("call.note", {});
  assert.equal(await device.exchange(), false);
  device.wake();
  await wait(30);

  assert.equal(peer.requests.length, tries);
  assert.equal(device.status().error.retryAfter, 30);
  assert.equal(device.status().pending, 1);
});

test("a tablet that the server does not know keeps its queue and says so", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.wire = async (when) => {
    if (when === "request") throw new NoAnswer(401, { code: "tablet_unknown", message: "" });
  };
  const action = await device.do("call.note", { text: "kept" });
  assert.equal(await device.exchange(), false);
  assert.deepEqual(device.status().lastResult, { ok: false, status: 401, code: "tablet_unknown" });

  peer.wire = async () => {};
  device.wake();

  assert.equal((await action.done).state, "applied");
});

test("where the protocol is not spoken any more, actions are still answered", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.put("unit.1", "call", 4, {});
  peer.wire = async (when, path, body, answer) => {
    const { answers, seq, now } = answer ?? {};
    if (when === "response") throw new NoAnswer(426, { code: "protocol_unknown", message: "" }, 0, { code: "protocol_unknown", message: "", supported: [2], answers, seq, now });
  };

  const action = await device.do("call.note", {});

  assert.equal((await action.done).state, "applied");
  assert.equal(await device.exchange(), false);
  assert.equal(device.status().lastResult.status, 426);
  assert.deepEqual(device.replica.streams(), []);
});

test("a document that goes while something waits on it is hidden, and the reason is shown", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { assignment: { id: 9 }, stops: [{ id: 5 }] });
  peer.put("area.3", "call", 8, { text: "board" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.exchange();
  peer.decide = () => null;
  const arrive = await device.do("assignment.arrive", { assignment: 9 });
  const stop = await device.do("stop.acknowledge", { stop: 5 });
  const take = await device.do("call.self_dispatch", { call: 8 });
  const note = await device.do("call.note", { call: 77 });

  await device.frame(peer.put("unit.1", "call", 4, null, "call.reassigned"));
  peer.put("area.3", "call", 8, null, "call.self_dispatched");
  await device.exchange();

  assert.equal(device.replica.get("call", 4), null);
  assert.deepEqual([arrive, stop, take, note].map(({ gone }) => gone), ["call.reassigned", "call.reassigned", "call.self_dispatched", null]);
  assert.equal(device.pending().length, 4);
  assert.deepEqual((await browser.disk()).outbox.map(({ gone }) => gone), ["call.reassigned", "call.reassigned", "call.self_dispatched", null]);
});

test("a call that leaves one stream for another takes nothing with it", async (t) => {
  const peer = new Peer();
  peer.put("area.3", "call", 8, { text: "board" });
  peer.put("unit.1", "unit", 1, {});
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  peer.decide = () => null;
  const note = await device.do("call.note", { call: 8 });

  peer.put("area.3", "call", 8, null, "call.self_dispatched");
  peer.put("unit.1", "call", 8, { assignment: { id: 3 } });
  await device.exchange();

  assert.equal(note.gone, null);
  peer.put("area.9", "call", 8, { text: "board" });
  await device.exchange();
  peer.put("unit.1", "call", 8, null, "call.cleared");
  await device.exchange();
  assert.equal(note.gone, null);
});

test("frames are kept before they are shown, and a gap is told", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();

  assert.equal(await tab.device.frame(peer.put("unit.1", "call", 5, { text: "v2" })), true);
  peer.put("unit.1", "call", 6, { text: "lost" });
  assert.equal(await tab.device.frame(peer.put("unit.1", "call", 7, { text: "v4" })), false);
  browser.kill(tab);

  const again = await browser.signedOn();
  // In whatever order they were opened.
  assert.deepEqual(again.replica.all("call").map(({ id, body }) => [id, body.text]).sort(), [["4", "v1"], ["5", "v2"]]);
  await again.exchange();
  assert.deepEqual(holds(again), has(peer));
});

test("frames that come during an exchange wait for it, and bring nothing back that went", async (t) => {
  const peer = new Peer();
  for (let i = 0; i < 4; i++) peer.put("unit.1", "call", i, { text: `v${i}` });
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  peer.put("unit.1", "call", 2, { text: "changed" });
  let frame;
  peer.wire = async (when, path) => {
    if (when === "response" && path === "/api/sync" && !frame) {
      // Read, not yet answered: then it goes.
      frame = peer.put("unit.1", "call", 2, null, "call.closed");
      assert.equal(await device.frame(frame), true);
    }
  };

  await device.exchange();

  await until(() => device.replica.get("call", 2) === null, "gone");
  assert.deepEqual(holds(device), has(peer));
});

test("pages are applied one by one, and a bootstrap that was cut goes on", async (t) => {
  const peer = new Peer();
  peer.page = 3;
  for (let i = 0; i < 20; i++) peer.put("area.3", "call", i, { text: `v${i}` });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  let answered = 0;
  peer.wire = async (when) => {
    if (when === "response" && ++answered > 3) throw NO_ANSWER();
  };
  assert.equal(await tab.device.exchange(), false);
  browser.kill(tab);
  peer.wire = async () => {};
  peer.requests = [];

  const device = await browser.signedOn();
  assert.equal(await device.exchange(), true);

  assert.equal(peer.requests[0].streams["area.3"].number, 9);
  assert.deepEqual(holds(device), has(peer));
});

test("a wrong digest has the stream sent whole, and is counted and reported", async (t) => {
  const peer = new Peer();
  for (let i = 0; i < 4; i++) peer.put("area.3", "call", i, { text: `v${i}` });
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  // What the server holds differs at the same number: a row that came and went again while nobody said so.
  peer.streams.get("area.3").documents.get("call|2").n = 1;
  peer.wire = async (when, path, body) => {
    // The tablet's own comparison is what is tested here, not the server's.
    if (when === "request") for (const stream of Object.values(body.streams)) delete stream.digest;
  };

  peer.requests = [];
  await device.exchange();
  await device.exchange();

  assert.deepEqual(holds(device), has(peer));
  assert.deepEqual(peer.requests.map(({ mismatches, streams }) => [mismatches, Object.keys(streams)]), [[0, ["area.3"]], [1, []], [0, ["area.3"]]]);
});

test("after a restore from a backup, a week of acknowledged actions is offered again and nothing is done twice", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  const first = [await device.do("call.note", { text: "before" }), await device.do("call.note", { text: "before too" })];
  await Promise.all(first.map(({ done }) => done));
  const backup = peer.backup();
  const second = [await device.do("call.note", { text: "lost" }), await device.do("call.note", { text: "lost too" })];
  await Promise.all(second.map(({ done }) => done));
  peer.put("unit.1", "call", 5, { text: "lost" });
  await device.exchange();

  peer.restore(backup, "epoch-2");
  const third = await device.do("call.note", { text: "after" });
  await third.done;
  await device.exchange();

  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["before", "before too", "lost", "lost too", "after"]);
  assert.equal(new Set(peer.effects.map(({ id }) => id)).size, 5);
  assert.deepEqual(holds(device), has(peer));
  assert.equal(device.status().pending, 0);
  assert.equal(device.status().epoch, "epoch-2");
});

test("the same holds when the database came back without this lane", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  const backup = peer.backup();
  const all = [];
  for (let i = 0; i < 5; i++) all.push(await device.do("call.note", { text: `${i}` }));
  await Promise.all(all.map(({ done }) => done));

  peer.restore(backup, "epoch-2");
  assert.equal(await device.exchange(), true);
  await until(() => device.status().pending === 0, "offered again");

  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["0", "1", "2", "3", "4"]);
});

test("what was answered is offered again when a database was put back and nobody said so", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await (await device.do("call.note", { text: "before" })).done;
  const backup = peer.backup();
  await (await device.do("call.note", { text: "lost" })).done;

  peer.restore(backup, "epoch-1");
  assert.equal(await device.exchange(), true);
  await until(() => device.status().pending === 0 && peer.effects.length === 2, "offered again");

  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["before", "lost"]);
});

test("the same holds when the app was closed while the server was restored", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  const backup = peer.backup();
  await (await tab.device.do("call.note", { text: "lost" })).done;
  browser.kill(tab);
  peer.restore(backup, "epoch-2");

  const device = await browser.signedOn();
  await device.exchange();
  await until(() => device.status().pending === 0, "offered again");

  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["lost"]);
});

test("a stream that was to be sent whole and went instead leaves the disk", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  peer.put("area.3", "call", 5, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.exchange();
  peer.resync = true;
  peer.wire = async (when) => {
    // The order is heard, and then the area is another tablet's.
    if (when === "response") peer.drop("area.3");
  };

  await device.exchange();

  assert.deepEqual(device.replica.streams(), ["unit.1"]);
  assert.deepEqual((await browser.disk()).streams.map(({ name }) => name), ["unit.1"]);
});

test("what is done is asked to be on the disk itself, and what can be fetched again is not", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const asked = [];
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (names, mode, options) {
    if (mode === "readwrite") asked.push([names.includes("documents") ? "documents" : names[0], options?.durability]);
    return transaction.call(this, names, mode, options);
  };
  t.after(() => {
    IDBDatabase.prototype.transaction = transaction;
  });
  const device = await new Browser(peer, t).signedOn();
  asked.length = 0;

  await device.exchange();
  peer.up = false;
  await device.do("call.note", {});

  assert.deepEqual(asked, [["documents", "relaxed"], ["outbox", "strict"]]);
});

test("while they are offered again, acknowledged actions are shown as waiting, so that no effect disappears", async (t) => {
  const peer = new Peer();
  const device = await new Browser(peer, t).signedOn();
  const backup = peer.backup();
  const action = await device.do("assignment.arrive", { assignment: 9 });
  await action.done;
  peer.restore(backup, "epoch-2");
  peer.decide = () => null;

  await device.exchange();

  assert.deepEqual(device.pending().map(({ id, kind, args }) => ({ id, kind, args })), [{ id: action.id, kind: "assignment.arrive", args: { assignment: 9 } }]);
});

test("what was acknowledged is kept seven days, and the lane begins after it", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn("7", {});
  await (await device.do("call.note", { text: "old" })).done;
  const began = Date.now();
  peer.lease = new Date(began + 30 * 86_400_000).toISOString();
  peer.now = () => began + 6 * 86_400_000;
  await (await device.do("call.note", { text: "new" })).done;
  assert.equal(peer.requests.at(-1).first_seq, 1);

  peer.now = () => began + 7.5 * 86_400_000;
  await device.exchange();
  await device.exchange();

  assert.equal(peer.requests.at(-1).first_seq, 2);
  assert.deepEqual((await browser.disk()).answers.map(({ seq }) => seq), [2]);
});

test("where a gap cannot be filled any more, the lane jumps", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  for (let i = 0; i < 3; i++) await (await device.do("call.note", { text: `${i}` })).done;
  // The server forgot the lane's end, and the tablet what it was told long ago.
  peer.lanes.get(device.installation).last = 0;
  peer.lanes.get(device.installation).answers.clear();
  const began = Date.now();
  peer.lease = new Date(began + 30 * 86_400_000).toISOString();
  peer.now = () => began + 8 * 86_400_000;
  await device.exchange();
  await device.exchange();

  const action = await device.do("call.note", { text: "goes on" });

  assert.equal((await action.done).state, "applied");
});

test("a full resync sends everything again, and what is on the screen stays there until then", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  const gone = [];
  device.replica.listen((changes) => gone.push(...changes.filter((change) => change.gone)));
  peer.resync = true;
  peer.requests = [];

  assert.equal(await device.exchange(), true);

  assert.deepEqual(peer.requests.map(({ streams }) => Object.keys(streams)), [["unit.1"], []]);
  assert.deepEqual(gone, []);
  assert.deepEqual(holds(device), has(peer));
});

test("streams that are no longer this tablet's leave the disk with the answer that says so", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  peer.put("area.3", "call", 5, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.exchange();
  peer.drop("area.3");

  await device.exchange();

  assert.deepEqual(holds(device), has(peer));
  const { documents, streams } = await browser.disk();
  assert.deepEqual([documents.map(({ stream }) => stream), streams.map(({ name }) => name)], [["unit.1"], ["unit.1"]]);
});

test("what the tablet says of itself is what it is", async (t) => {
  const peer = new Peer();
  const device = await new Browser(peer, t).signedOn("7", { persist: async () => true });
  peer.decide = () => null;
  const action = await device.do("call.note", {});
  await device.exchange();

  const { installation, epoch, schema, app_version, persisted, outbox, protocol, first_seq } = peer.requests.at(-1);

  assert.deepEqual({ installation, epoch, schema, app_version, persisted, protocol, first_seq }, { installation: device.installation, epoch: "epoch-1", schema: 1, app_version: "1", persisted: true, protocol: 1, first_seq: 1 });
  assert.deepEqual(outbox, { count: 1, oldest_at: action.happened_at });
});

test("time is the wall clock and the measured offset; a clock that was moved is flagged until it is measured again", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  browser.offset = -2 * 3_600_000;
  const device = await browser.signedOn();
  await device.exchange();
  peer.up = false;
  const right = await device.do("call.note", {});
  assert.ok(Math.abs(Date.parse(right.happened_at) - Date.now()) < 1000);

  browser.offset += 600_000;
  await device.do("call.note", {});
  peer.up = true;
  device.wake();
  await until(() => device.status().pending === 0, "sent");
  await (await device.do("call.note", {})).done;

  const sent = new Map(peer.requests.flatMap(({ actions }) => actions.map((action) => [action.seq, action.jumped ?? false])));
  assert.deepEqual([...sent], [[1, false], [2, true], [3, false]]);
});

test("a clock set back while the app was closed is noticed", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  peer.up = false;
  browser.kill(tab);
  browser.offset = -3_600_000;

  const device = await browser.signedOn();
  await device.do("call.note", {});
  peer.up = true;
  device.wake();
  await until(() => device.status().pending === 0, "sent");

  assert.deepEqual(peer.requests.flatMap(({ actions }) => actions.map(({ jumped }) => jumped)), [true]);
});

test("without WebCrypto everything is in memory, and still goes up once", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = (await browser.tab({ subtle: undefined, locks: undefined, channel: undefined })).device;
  await device.unlock(peer.key("7"));
  assert.deepEqual([device.durable, device.writer, device.locked, device.lease.key], [false, true, false, true]);

  const action = await device.do("call.note", { text: "plain" });

  assert.equal((await action.done).state, "applied");
  await device.exchange();
  assert.deepEqual(peer.effects.map(({ args }) => args), [{ text: "plain" }]);
  assert.deepEqual(holds(device), has(peer));
  await device.lock();
  await device.exchange();
  assert.deepEqual(device.replica.streams(), []);
  await device.unlock(peer.key("8"));
  assert.deepEqual(holds(device), has(peer));
});

test("who has ended their shift here is known to whoever signs on next, until the server knows", async (t) => {
  const peer = new Peer();
  peer.up = false;
  const browser = new Browser(peer, t);
  const device = await browser.signedOn("7");
  await device.do("shift.sign_off", { choice: "NOTHING_OPEN" });
  await device.unlock(peer.key("8"));

  assert.deepEqual([device.pending().length, device.left()], [0, ["7"]]);

  peer.up = true;
  await until(async () => (await device.exchange()) && !device.status().pending, "the shift's end is told");
  assert.deepEqual(device.left(), []);
});
