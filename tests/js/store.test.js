/**
 * A store that is full, that is erased under the page, or that an older or newer app made; and a device that is erased
 * because the server says so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory, IDBObjectStore } from "fake-indexeddb";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { STORES, Store } from "../../tablets/static/tablets/sync/store.js";
import { Browser, NO_ANSWER, Peer, has, holds, until } from "./peer.js";

/** Let what is put into these stores find no room while `full` says so. */
function cramp(t, full) {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...given) {
    if (full(this.name, given[0])) throw new DOMException("No room.", "QuotaExceededError");
    return put.apply(this, given);
  };
  t.after(() => {
    IDBObjectStore.prototype.put = put;
  });
}

test("where documents find no room they are shown, said to be unsaved, and kept as soon as there is room", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  const { device, changes } = tab;
  await device.unlock(peer.key("7"));
  await device.exchange();
  let full = true;
  cramp(t, (store) => full && store === "documents");
  peer.put("unit.1", "call", 5, { text: "v2" });
  const action = await device.do("call.note", {});
  await action.done;

  assert.deepEqual(holds(device), has(peer));
  assert.equal(device.status().cramped, true);
  assert.ok(changes.some(({ type }) => type === "quota"));
  // Nothing half: what is on the disk is what the next page asks from.
  assert.deepEqual((await browser.disk()).documents, []);
  assert.deepEqual((await browser.disk()).streams, []);
  assert.deepEqual((await browser.disk()).answers.map(({ seq }) => seq), [1]);

  full = false;
  await device.frame(peer.put("unit.1", "call", 6, { text: "v3" }));
  await until(() => !device.status().cramped, "kept");
  browser.kill(tab);
  peer.requests = [];
  const again = await browser.signedOn();
  assert.deepEqual(holds(again), has(peer));
  await again.exchange();
  assert.equal(peer.requests[0].streams["unit.1"].number, 3);
});

test("documents make room for what was done, which exists nowhere else", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.exchange();
  peer.up = false;
  let rows = 1;
  const clear = IDBObjectStore.prototype.clear;
  IDBObjectStore.prototype.clear = function (...given) {
    if (this.name === "documents") rows = 0;
    return clear.apply(this, given);
  };
  t.after(() => {
    IDBObjectStore.prototype.clear = clear;
  });
  cramp(t, (store) => store === "outbox" && rows > 0);

  await device.do("call.note", { text: "kept" });

  assert.deepEqual((await browser.disk()).outbox.map(({ seq }) => seq), [1]);
  assert.equal(device.replica.get("call", 4).text, "v1");
});

test("what finds no room at all is not taken up, and that is said", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  let full = true;
  cramp(t, (store) => full && store === "outbox");

  await assert.rejects(device.do("call.note", {}), { code: "quota" });

  assert.deepEqual([device.pending(), device.status().pending], [[], 0]);
  full = false;
  assert.equal((await device.do("call.note", {})).seq, 1);
});

test("an answer that cannot be kept is asked for again", async (t) => {
  const peer = new Peer();
  const device = await new Browser(peer, t).signedOn();
  let full = true;
  cramp(t, (store) => full && store === "answers");

  const action = await device.do("call.note", {});
  await until(() => device.status().lastResult.code === "quota", "said");
  assert.equal(device.pending().length, 1);
  full = false;
  device.wake();
  await action.done;

  assert.equal(peer.effects.length, 1);
});

test("an empty store is a new installation, and one that is not is the same", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  const { installation } = first.device;
  assert.deepEqual([first.device.fresh, first.device.wiped], [true, false]);
  browser.kill(first);

  const second = await browser.tab();
  assert.deepEqual([second.device.fresh, second.device.installation], [false, installation]);
  browser.kill(second);
  browser.indexedDB = new IDBFactory();

  const third = await browser.tab();
  assert.equal(third.device.fresh, true);
  assert.notEqual(third.device.installation, installation);
});

test("a store that is erased in the middle of a shift is noticed, and what still waits goes up as a new installation", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const { device, changes } = await browser.tab();
  await device.unlock(peer.key("7"));
  await device.exchange();
  await (await device.do("call.note", { text: "answered" })).done;
  const { installation } = device;
  peer.up = false;
  const waiting = [await device.do("call.note", { text: "waits" })];
  waiting.push(await device.do("call.note", { text: "waits too" }, { after: [waiting[0].seq] }));

  await new Promise((resolve, reject) => Object.assign(browser.indexedDB.deleteDatabase("care-field"), { onsuccess: resolve, onerror: reject }));
  await until(() => device.wiped, "noticed");

  assert.notEqual(device.installation, installation);
  assert.ok(changes.some(({ type }) => type === "wiped"));
  assert.deepEqual(device.pending().map(({ seq, args, after }) => [seq, args.text, after]), [[1, "waits", []], [2, "waits too", [1]]]);
  assert.deepEqual((await browser.disk()).outbox.map(({ id }) => id), waiting.map(({ id }) => id));
  waiting.push(await device.do("call.note", { text: "after" }));
  peer.up = true;
  device.wake();
  await Promise.all(waiting.map(({ done }) => done));
  await device.exchange();
  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["answered", "waits", "waits too", "after"]);
  assert.deepEqual(holds(device), has(peer));
  assert.equal((await browser.disk()).documents.length, 1);
});

test("an answer that was under way when the store was erased is not taken for another action's", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await (await device.do("call.note", { text: "first" })).done;
  let hold;
  peer.wire = async (when) => {
    if (when === "response" && !hold) await new Promise((resolve) => (hold = resolve));
  };
  const second = await device.do("call.note", { text: "second" });
  await until(() => hold, "under way");
  const third = await device.do("call.note", { text: "third" });

  await new Promise((resolve) => Object.assign(browser.indexedDB.deleteDatabase("care-field"), { onsuccess: resolve }));
  await until(() => device.wiped, "noticed");
  hold();
  await Promise.all([second.done, third.done]);

  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["first", "second", "third"]);
});

test("a tap in the very moment in which the store goes is taken up by the new one", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await (await device.do("call.note", { text: "before" })).done;
  peer.up = false;

  for (let i = 0; i < 5; i++) {
    const gone = new Promise((resolve) => Object.assign(browser.indexedDB.deleteDatabase("care-field"), { onsuccess: resolve }));
    const taken = device.do("call.note", { text: `tap ${i}` });
    await Promise.all([gone, taken]);
  }

  peer.up = true;
  device.wake();
  await until(() => device.status().pending === 0, "sent");
  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["before", "tap 0", "tap 1", "tap 2", "tap 3", "tap 4"]);
});

test("an answer that is being closed when the store goes is not written into the next one", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const { subtle } = globalThis.crypto;
  let armed = false;
  const slow = new Proxy(subtle, {
    get: (target, name) => async (...given) => {
      if (armed && name === "encrypt") {
        armed = false;
        await new Promise((resolve) => Object.assign(browser.indexedDB.deleteDatabase("care-field"), { onsuccess: resolve }));
      }
      return target[name](...given);
    },
  });
  const { device } = await browser.tab({ subtle: slow });
  await device.unlock(peer.key("7"));
  await device.exchange();
  for (let i = 0; i < 3; i++) await (await device.do("call.note", { text: `${i}` })).done;
  peer.wire = async (when, path, body) => {
    if (when !== "response" || !body.actions?.length) return;
    peer.wire = async () => {};
    armed = true;
  };
  const action = await device.do("call.note", { text: "last" });
  await action.done;
  await until(() => device.wiped && device.status().pending === 0, "saved");

  const { answers, outbox } = await browser.disk();
  assert.deepEqual([answers.map(({ seq, id }) => [seq, id]), outbox], [[[1, action.id]], []]);
  assert.equal((await device.do("call.note", { text: "next" })).seq, 2);
});

test("two tabs whose store is erased begin one new installation with everything once", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  await first.device.unlock(peer.key("7"));
  const second = await browser.tab();
  await until(() => !second.device.locked, "the key");
  peer.up = false;
  const actions = [await first.device.do("call.note", { text: "a" }), await second.device.do("call.note", { text: "b" })];
  await until(() => first.device.pending().length === 2 && second.device.pending().length === 2, "both know");

  await new Promise((resolve) => Object.assign(browser.indexedDB.deleteDatabase("care-field"), { onsuccess: resolve }));
  await until(() => first.device.wiped && second.device.wiped, "noticed");

  assert.equal(first.device.installation, second.device.installation);
  assert.equal((await browser.disk()).outbox.length, 2);
  peer.up = true;
  first.device.wake();
  await Promise.all(actions.map(({ done }) => done));
  assert.equal(peer.effects.length, 2);
});

test("a newer version of the stores may rebuild documents, and never touches what waits", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const old = await browser.tab();
  await old.device.unlock(peer.key("7"));
  await old.device.exchange();
  await (await old.device.do("call.note", { text: "answered" })).done;
  peer.up = false;
  await old.device.do("call.note", { text: "waits" });
  const before = await browser.disk();

  // The update comes while the old page is still open: it lets go.
  const next = await browser.tab({ version: 2, rebuilding: [2] });

  assert.ok(old.changes.some(({ type }) => type === "outdated"));
  const after = await browser.disk();
  assert.deepEqual([after.outbox, after.answers], [before.outbox, before.answers]);
  assert.deepEqual([after.documents, after.streams], [[], []]);
  assert.equal(next.device.installation, old.device.installation);
  await assert.rejects(old.device.do("call.note", {}), { code: "outdated" });
  browser.kill(old);
  peer.up = true;
  await next.device.unlock(peer.key("7"));
  await until(async () => (await next.device.exchange()) && next.device.status().pending === 0, "sent");
  assert.deepEqual(peer.effects.map(({ args }) => args.text), ["answered", "waits"]);
  assert.deepEqual(holds(next.device), has(peer));
});

test("a version that rebuilds nothing keeps everything", async () => {
  const indexedDB = new IDBFactory();
  const old = new Store({ indexedDB, name: "x" });
  await old.run(["documents", "outbox"], "readwrite", (work) => {
    work.put("documents", { stream: "unit.1", c: "call", id: "4", n: 1, body: 1 });
    work.put("outbox", { seq: 1 });
  });

  const next = new Store({ indexedDB, name: "x", version: 3, rebuilding: [] });

  assert.deepEqual(await next.run(["documents", "outbox"], "readonly", (work) => Promise.all([work.count("documents"), work.count("outbox")])), [1, 1]);
});

test("a transaction that fails anywhere leaves nothing of itself", async (t) => {
  const store = new Store({ indexedDB: new IDBFactory(), name: "x" });
  cramp(t, (name, record) => name === "outbox" && record.seq === 2);

  for (const work of [
    (w) => [1, 2].forEach((seq) => w.put("outbox", { seq })),
    (w) => {
      w.put("outbox", { seq: 1 });
      throw new Error("ours");
    },
    async (w) => {
      w.put("outbox", { seq: 1 });
      await w.get("meta", "x");
      throw new Error("ours, later");
    },
  ])
    await assert.rejects(store.run(["outbox", "meta"], "readwrite", work));

  assert.equal(await store.run(["outbox"], "readonly", (work) => work.count("outbox")), 0);
});

// --- a purge --------------------------------------------------------------------------------------------------------------

test("a purge: a last try to send, then everything goes, and the server hears what is gone", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  peer.put("unit.1", "call", 5, { text: "v2" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  const { device, changes } = tab;
  await device.unlock(peer.key("7"));
  await device.setPin("7", "4711");
  await device.keep("unit", 1);
  await device.exchange();
  peer.up = false;
  for (let i = 0; i < 7; i++) await device.do("call.note", { text: `${i}` });
  const { installation } = device;
  peer.up = true;
  peer.purge = true;
  peer.budget = 2;

  await device.exchange();

  assert.equal(device.purged, true);
  assert.equal(peer.receipts.size, 7);
  assert.deepEqual([...peer.receipts.values()].map(({ status }) => status), Array(7).fill("quarantined"));
  assert.deepEqual(peer.purges, [
    {
      installation,
      held: { "unit.1": { count: 2, digest: peer.digest(peer.live("unit.1")) } },
      left: { unsent: 0, documents: 0, streams: 0, outbox: 0, answers: 0, attachments: 0, keys: 0 },
    },
  ]);
  assert.deepEqual(Object.values(await browser.disk()).flat(), []);
  assert.deepEqual([device.replica.streams(), device.locked, device.people(), device.kept("unit")], [[], true, [], null]);
  assert.ok(changes.some(({ type }) => type === "purged"));
  await assert.rejects(device.do("call.note", {}), { code: "purged" });
  assert.equal(await device.exchange(), false);
  browser.kill(tab);
  const next = await browser.tab();
  assert.notEqual(next.device.installation, installation);
});

test("what could be read is erased at once, even when the last try to send has to wait", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.setPin("7", "4711");
  await tab.device.exchange();
  peer.up = false;
  for (let i = 0; i < 3; i++) await tab.device.do("call.note", { text: `${i}` });
  peer.up = true;
  peer.purge = true;
  peer.budget = 1;
  let answered = 0;
  peer.wire = async (when) => {
    if (when === "response" && ++answered > 1) throw NO_ANSWER();
  };
  await tab.device.exchange();

  const disk = await browser.disk();
  assert.deepEqual([disk.documents, disk.streams, disk.answers, disk.outbox.map(({ copy }) => copy)], [[], [], [], [null, null]]);
  assert.deepEqual(disk.meta.map(({ key }) => key).sort(), ["lane", "memo", "purge", "time"]);
  assert.deepEqual([tab.device.locked, peer.purges], [true, []]);
  browser.kill(tab);

  // Closed and opened again, the order still stands.
  const { device } = await browser.tab();
  await assert.rejects(device.do("call.note", {}, { actor: "7" }), { code: "purged" });
  peer.wire = async () => {};
  await device.exchange();
  await until(() => device.purged, "erased");
  assert.equal(peer.receipts.size, 3);
  assert.equal(peer.purges.length, 1);
  assert.equal(peer.purges[0].held["unit.1"].count, 1);
});

test("what the server answers and never takes does not keep a device from being erased, and is counted", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;
  await device.do("call.note", { text: "never" });
  peer.up = true;
  peer.wire = async (when, path) => {
    if (when === "request" && path === "/api/sync" && peer.purge && peer.requests.length > 1) throw new NoAnswer(500, { code: "error", message: "" });
  };
  peer.purge = true;
  peer.budget = 0;

  device.wake();
  await until(() => device.purged, "erased");

  assert.equal(peer.purges[0].left.unsent, 1);
  assert.deepEqual(Object.values(await browser.disk()).flat(), []);
});

test("the server hears of a purge even when it did not at first", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  const { installation } = tab.device;
  peer.wire = async (when, path) => {
    if (path === "/api/tablets/purged/") throw NO_ANSWER();
  };
  peer.purge = true;
  await tab.device.exchange();
  assert.equal(tab.device.purged, true);
  assert.deepEqual((await browser.disk()).meta.map(({ key }) => key), ["purge"]);
  browser.kill(tab);
  peer.wire = async () => {};
  peer.purge = false;

  const { device } = await browser.tab();
  await device.exchange();

  assert.deepEqual(peer.purges.map((purge) => purge.installation), [installation]);
  assert.notEqual(device.installation, installation);
  assert.deepEqual((await browser.disk()).meta.map(({ key }) => key).filter((key) => key === "purge"), []);
});

test("a purge that is asked for here is the same, and the other tab is erased with it", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  await first.device.unlock(peer.key("7"));
  const second = await browser.tab();
  await until(() => !second.device.locked, "the key");
  await first.device.do("call.note", { text: "last" });

  assert.equal(await first.device.purge(), true);

  assert.equal(peer.effects.length, 1);
  assert.equal(peer.purges.length, 1);
  await until(() => second.device.purged, "the other tab");
  assert.deepEqual([second.device.replica.streams(), second.device.locked], [[], true]);
  assert.deepEqual(STORES.length, 6);
});
