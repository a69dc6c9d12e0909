/**
 * What is kept here, and who may read it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Cipher, PIN_ROUNDS, fromBase64 } from "../../tablets/static/tablets/sync/cipher.js";
import { Lease } from "../../tablets/static/tablets/sync/lease.js";
import { Clock } from "../../tablets/static/tablets/times.js";
import { Browser, Peer, has, holds, openSealed, until } from "./peer.js";

const { subtle } = globalThis.crypto;
const vectors = JSON.parse(readFileSync(new URL("../vectors/seal.json", import.meta.url), "utf8"));

/** All bytes and texts in anything that was kept, as one text to search in. */
function textOf(value) {
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return `${Buffer.from(value).toString("latin1")}\n`;
  if (value instanceof CryptoKey) {
    assert.equal(value.extractable, false);
    return "";
  }
  if (Array.isArray(value)) return value.map(textOf).join("");
  if (value && typeof value === "object") return Object.entries(value).map(([key, part]) => `${key}\n${textOf(part)}`).join("");
  const text = String(value);
  const decoded = /^[\w+/=-]{12,}$/.test(text) ? Buffer.from(text, "base64").toString("latin1") : "";
  return `${text}\n${decoded}\n`;
}

test("boxes that Python sealed, and that were sealed here, open with the server's key", async () => {
  const point = fromBase64(vectors.public);
  const url = (bytes) => Buffer.from(bytes).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", d: vectors.scalar, x: url(point.slice(1, 33)), y: url(point.slice(33)), ext: true };
  const key = await subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
  const [{ args, action }] = vectors.boxes;
  const fresh = { args, action, sealed: await new Cipher(subtle).seal(args, action, { kid: vectors.kid, public: vectors.public }) };

  for (const box of [...vectors.boxes, fresh]) assert.deepEqual(await openSealed(box.sealed, box.action, key), box.args);

  await assert.rejects(openSealed(fresh.sealed, "another action", key));
  assert.deepEqual(Object.keys(fresh.sealed), ["kid", "epk", "iv", "ct"]);
});

test("nothing of a document, of arguments or of an answer can be found on the disk", async (t) => {
  const peer = new Peer();
  const CANARY = "kanarienvogel-7341";
  peer.decide = ({ seq }) =>
    seq % 2 ? { status: "applied", answer: { text: CANARY } } : { status: "refused", code: "call_already_taken", message: "No.", facts: { unit: CANARY } };
  peer.put("unit.1", "call", 4, { text: CANARY });
  peer.put("responder.7", "draft", 4, { text: CANARY });
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.setPin("7", "4711", { name: "Responder Seven" });
  await device.exchange();
  await device.frame(peer.put("unit.1", "call", 5, { text: CANARY }));
  for (let i = 0; i < 3; i++) await (await device.do("call.note", { text: CANARY })).done;
  peer.up = false;
  await device.do("call.note", { text: CANARY });
  assert.deepEqual(device.trays().refused.map(({ problem }) => problem.facts.unit), [CANARY]);

  const disk = await browser.disk();

  assert.deepEqual([disk.documents.length, disk.outbox.length, disk.answers.length], [3, 1, 3]);
  const text = textOf(disk);
  for (const part of [CANARY, "kanarien", "4711"]) assert.ok(!text.includes(part), part);
  assert.ok(text.includes("call_already_taken"));
  const raw = [...Buffer.from(peer.key("7").key, "base64")].map((byte) => String.fromCharCode(byte)).join("");
  assert.ok(!text.includes(raw));
});

test("the key is in memory only: after a restart nothing is read until somebody signs on, and the queue is sent", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  peer.up = false;
  await tab.device.do("call.note", { text: "sealed" });
  browser.kill(tab);

  const { device } = await browser.tab();
  assert.deepEqual([device.locked, device.lease.key, device.replica.streams(), device.pending(), device.status().pending], [true, false, [], [], 1]);
  peer.up = true;
  device.wake();
  await until(() => device.status().pending === 0, "sent");

  assert.deepEqual(peer.effects.map(({ args, actor }) => [args, actor]), [[{ text: "sealed" }, "7"]]);
  assert.deepEqual(peer.requests.at(-1).streams, { "unit.1": { number: 1, floor: 0 } });
  await device.unlock(peer.key("7"));
  assert.deepEqual(holds(device), has(peer));
  assert.deepEqual(device.trays().waiting, []);
});

test("a locked device erases what it is told to, and keeps what it cannot read", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  peer.put("area.3", "call", 5, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  browser.kill(tab);
  peer.drop("area.3");
  peer.put("unit.1", "call", 6, { text: "v2" });

  const { device } = await browser.tab();
  assert.equal(await device.exchange(), true);

  const { documents, streams } = await browser.disk();
  assert.deepEqual(documents.map(({ stream, id }) => [stream, id]), [["unit.1", "4"]]);
  assert.deepEqual(streams.map(({ name, number }) => [name, number]), [["unit.1", 1]]);
  await device.unlock(peer.key("7"));
  await device.exchange();
  assert.deepEqual(holds(device), has(peer));
});

test("past the lease the key is dropped and the queue still goes up", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  const { device } = tab;
  await device.unlock(peer.key("7", { leaseUntil: new Date(Date.now() + 3_600_000).toISOString() }));
  peer.lease = new Date(Date.now() + 3_600_000).toISOString();
  await device.exchange();
  peer.up = false;
  await device.do("call.note", { text: "late" });

  browser.offset += 3_700_000;

  assert.deepEqual([device.lease.key, device.locked], [false, true]);
  await until(() => device.replica.streams().length === 0, "nothing on the screen");
  await assert.rejects(device.do("call.note", {}), { code: "locked" });
  await assert.rejects(device.setPin("7", "4711"), { code: "locked" });
  peer.up = true;
  device.wake();
  await until(() => device.status().pending === 0, "sent");
  assert.equal(peer.effects.length, 1);
});

test("a clock that is set back does not lengthen a lease, in one page or over a restart", () => {
  let local = 1_000_000;
  let monotonic = 0;
  const clock = () => new Clock(() => local, () => monotonic);
  const lease = new Lease(clock());
  lease.set(1_600_000);
  local += 300_000;
  monotonic += 300_000;
  assert.equal(lease.holds, true);

  local -= 900_000;
  monotonic += 300_001;
  assert.equal(lease.holds, false);

  const later = new Lease(clock());
  later.resume(1_700_000);
  later.set(1_600_000);
  assert.equal(later.holds, false);
});

test("a PIN opens what is kept without signal, until the sign-on ends", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  await tab.device.setPin("7", "4711", { name: "Responder Seven" });
  browser.kill(tab);
  peer.up = false;

  const next = await browser.tab();
  assert.deepEqual(next.device.people().map(({ person, name, left }) => ({ person, name, left })), [{ person: "7", name: "Responder Seven", left: 5 }]);
  const opened = await next.device.unlockWithPin("7", "4711");

  assert.deepEqual(opened, { person: "7", leaseUntil: peer.lease });
  assert.deepEqual(holds(next.device), has(peer));
  await next.device.do("tablet.sign_on", { person: 7 });
  // Who came in by PIN may change it.
  await next.device.setPin("7", "815123", { name: "Responder Seven" });
  browser.kill(next);

  const last = (await browser.tab()).device;
  await assert.rejects(last.unlockWithPin("7", "4711"), { code: "pin_wrong", left: 4 });
  await last.unlockWithPin("7", "815123");
  assert.deepEqual(last.people().map(({ left }) => left), [5]);
  browser.offset += 9 * 3_600_000;
  assert.deepEqual(last.people(), []);
  await assert.rejects(last.unlockWithPin("7", "815123"), { code: "pin_unknown" });
  assert.ok(PIN_ROUNDS >= 1_000_000);
});

test("five wrong tries erase a person's key, and closing the page takes none back", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  await first.device.unlock(peer.key("7"));
  await first.device.setPin("7", "4711");
  await first.device.unlock(peer.key("8"));
  await first.device.setPin("8", "0815");
  browser.kill(first);
  const tries = [];
  for (let i = 0; i < 4; i++) {
    const tab = await browser.tab();
    // Killed as soon as it has begun: the try counts.
    const tried = tab.device.unlockWithPin("7", "9999").catch(({ code, left }) => tries.push([code, left]));
    if (i === 3) await until(async () => (await browser.disk()).meta.find(({ key }) => key === "pin:7").tries === 4, "counted");
    else await tried;
    browser.kill(tab);
  }
  assert.deepEqual(tries.slice(0, 3), [["pin_wrong", 4], ["pin_wrong", 3], ["pin_wrong", 2]]);

  const { device } = await browser.tab();
  await assert.rejects(device.unlockWithPin("7", "9999"), { code: "pin_wrong", left: 0 });

  assert.deepEqual(device.people().map(({ person }) => person), ["8"]);
  await assert.rejects(device.unlockWithPin("7", "4711"), { code: "pin_unknown" });
  await device.unlockWithPin("8", "0815");
  assert.ok(!(await browser.disk()).meta.some(({ key }) => key === "pin:7"));
});

test("a page that is closed during the fifth wrong try leaves no sixth", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  await first.device.unlock(peer.key("7"));
  await first.device.setPin("7", "4711");
  browser.kill(first);
  for (let tries = 1; tries <= 5; tries++) {
    const tab = await browser.tab();
    void tab.device.unlockWithPin("7", "9999").catch(() => {});
    await until(async () => (await browser.disk()).meta.find(({ key }) => key === "pin:7").tries === tries, "counted");
    browser.kill(tab);
  }

  const { device } = await browser.tab();
  await assert.rejects(device.unlockWithPin("7", "4711"), { code: "pin_unknown" });

  assert.ok(!(await browser.disk()).meta.some(({ key }) => key === "pin:7"));
});

test("a PIN is worth nothing without this device's own key", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.setPin("7", "4711");
  const { wrap, keyId } = (await browser.disk()).meta.find(({ key }) => key === "pin:7");
  const cipher = new Cipher(subtle);

  assert.equal(await cipher.unwrap(wrap, "4711", await cipher.deviceKey(), { person: "7", keyId }), null);

  for (const pin of ["", "471", "abcd", "12 34"]) await assert.rejects(device.setPin("7", pin), { code: "pin_short" });
});

test("who signs on next reads nothing that was done before them, and it goes up under its own name", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  peer.put("responder.7", "draft", 1, { text: "only for seven" });
  const browser = new Browser(peer, t);
  const { device } = await browser.tab();
  await device.unlock(peer.key("7"));
  await device.exchange();
  await device.setPin("7", "4711");
  peer.up = false;
  await device.do("call.note", { text: "of seven" });
  await device.do("tablet.sign_off", {});
  await device.lock();
  assert.deepEqual([device.replica.streams(), device.pending(), device.trays().waiting], [[], [], []]);

  await device.unlock(peer.key("8"));
  const note = await device.do("call.note", { text: "of eight" });

  assert.deepEqual(device.replica.streams(), ["unit.1"]);
  assert.deepEqual(device.trays().waiting.map(({ args }) => args), [{ text: "of eight" }]);
  assert.equal(device.status().pending, 3);
  // Not by a rule of the app only: the key of eight does not open what seven kept.
  const cipher = new Cipher(subtle);
  const { key, own } = peer.key("8");
  const eight = await cipher.keys({ person: "7", keyId: "key-0", key: fromBase64(key), own: fromBase64(own) });
  const [{ copy, id }] = (await browser.disk()).outbox;
  await assert.rejects(cipher.open(eight.own, copy, `action|${id}`));
  peer.up = true;
  peer.drop("responder.7");
  device.wake();
  await note.done;
  assert.deepEqual(peer.effects.map(({ actor, kind }) => [actor, kind]), [["7", "call.note"], ["7", "tablet.sign_off"], ["8", "call.note"]]);
  await device.exchange();
  assert.deepEqual((await browser.disk()).streams.map(({ name }) => name), ["unit.1"]);
});

test("a new key of the installation makes what the old one closed worthless, and everything is sent anew", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.setPin("7", "4711");
  await tab.device.exchange();
  peer.up = false;
  await tab.device.do("call.note", { text: "kept" });
  browser.kill(tab);
  peer.generation += 1;

  const { device } = await browser.tab();
  await device.unlock(peer.key("7"));

  assert.deepEqual([device.replica.streams(), device.people()], [[], []]);
  peer.up = true;
  assert.equal(await device.exchange(), true);
  assert.deepEqual(holds(device), has(peer));
  assert.deepEqual(peer.effects.map(({ args }) => args), [{ text: "kept" }]);
});

test("where the server says that nobody is signed on any more, the key goes", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const device = await new Browser(peer, t).signedOn();
  await device.exchange();
  peer.drop("unit.1");
  peer.lease = null;

  await device.exchange();

  assert.deepEqual([device.locked, device.person, device.replica.streams()], [true, null, []]);
});

test("what was answered while nobody could read it names nobody on the disk", async (t) => {
  const peer = new Peer();
  peer.decide = () => ({ status: "refused", code: "call_already_taken", message: "Another unit took this call first.", facts: { unit: "kanarienvogel" } });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  peer.up = false;
  await tab.device.do("call.poach", { call: 4 });
  await tab.device.lock();
  peer.up = true;
  tab.device.wake();
  await until(() => tab.device.status().pending === 0, "answered");

  assert.ok(!textOf(await browser.disk()).includes("kanarienvogel"));
  await tab.device.unlock(peer.key("7"));
  assert.deepEqual(tab.device.trays().refused.map(({ args, problem }) => [args, problem.code, problem.message]), [[{ call: 4 }, "call_already_taken", "Another unit took this call first."]]);
});

test("locking in the middle of an exchange leaves nothing on the screen", async (t) => {
  const peer = new Peer();
  for (let i = 0; i < 30; i++) peer.put("unit.1", "call", i, { text: "v" });
  peer.page = 3;
  const browser = new Browser(peer, t);
  const { device } = await browser.tab();
  await device.unlock(peer.key("7"));
  for (let i = 0; i < 12; i++) {
    const asked = device.exchange();
    await wait(i);
    await device.lock();
    assert.deepEqual(device.replica.streams(), []);
    await asked;
    assert.deepEqual(device.replica.streams(), [], `after ${i} ms`);
    await device.unlock(peer.key("7"));
  }
  await until(() => device.exchange(), "whole");
  assert.deepEqual(holds(device), has(peer));
  for (let i = 0; i < 8; i++) {
    const applied = device.frame(peer.put("unit.1", "call", 100 + i, { text: "frame" }));
    await wait(i % 3);
    await device.lock();
    await applied;
    assert.deepEqual(device.replica.streams(), []);
    await device.unlock(peer.key("7"));
    await device.exchange();
  }
});

test("an answer from before a sign-on does not end it", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const { device } = await browser.tab();
  await device.unlock(peer.key("7"));
  const { lease } = peer;
  peer.lease = null;
  let hold;
  peer.wire = async (when) => {
    if (when === "response" && !hold) await new Promise((resolve) => (hold = resolve));
  };
  const asked = device.exchange();
  await until(() => hold, "answered, and under way");

  peer.lease = lease;
  await device.unlock(peer.key("8"));
  hold();
  await asked;

  assert.deepEqual([device.person, device.locked], ["8", false]);
});
