/**
 * Photos on their way: kept, told, sent in pieces and only when nothing else waits, whatever is killed in between.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { test } from "node:test";

import { Attachments, MAX_BYTES, NotAttached, together } from "../../tablets/static/tablets/attachments.js";
import { Browser, Fuse, Peer, until } from "./peer.js";

const { subtle } = webcrypto;
const name = (bytes) => createHash("sha256").update(bytes).digest("hex");
const photo = (size = 300_000) => new Uint8Array(randomBytes(size));

/** The server's side of it, as docs/tablet-protocol.md says. */
class Uploads {
  constructor() {
    this.all = new Map();
    this.requests = [];
    this.verdict = () => ({ state: "READY", code: null });
    /** May throw: then no answer comes back, though it was done. */
    this.after = async () => {};
    /** Something to say instead. */
    this.instead = () => null;
  }
  send = async (method, path, { headers, body, signal }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (signal.aborted) return { status: 0, offset: null, retryAfter: 0, body: null };
    this.requests.push({ method, path, size: method === "PATCH" ? body.length : 0 });
    const instead = this.instead(method, this.requests.length);
    const answer = instead ?? (method === "POST" ? this.begin(JSON.parse(body)) : this.append(path.split("/")[3], Number(headers["Upload-Offset"]), body));
    try {
      await this.after(method, this.requests.length, answer);
    } catch {
      return { status: 0, offset: null, retryAfter: 0, body: null };
    }
    return answer;
  };
  begin({ sha256, size }) {
    const row = this.all.get(sha256) ?? { sha256, size, bytes: Buffer.alloc(0), state: "WAITING", code: null };
    this.all.set(sha256, row);
    return this.say(row);
  }
  append(sha256, offset, bytes) {
    const row = this.all.get(sha256);
    if (!row) return { status: 404, offset: null, retryAfter: 0, body: { code: "attachment_not_begun" } };
    if (row.state !== "WAITING") return this.say(row);
    if (offset !== row.bytes.length) return { status: 409, offset: row.bytes.length, retryAfter: 0, body: { code: "attachment_wrong_offset" } };
    row.bytes = Buffer.concat([row.bytes, bytes]);
    return this.say(row);
  }
  say(row) {
    if (row.state === "WAITING" && row.bytes.length === row.size) {
      if (name(row.bytes) !== row.sha256) {
        row.bytes = Buffer.alloc(0);
        return { status: 422, offset: null, retryAfter: 0, body: { code: "attachment_hash_wrong" } };
      }
      Object.assign(row, this.verdict(row));
    }
    return { status: 200, offset: row.bytes.length, retryAfter: 0, body: { state: row.state, code: row.code, offset: row.bytes.length } };
  }
}

/** A tablet with somebody signed on at it, and its attachments. */
async function tablet(t, { uploads = new Uploads(), browser, fuse, may = () => true } = {}) {
  const peer = browser?.peer ?? new Peer();
  const here = browser ?? new Browser(peer, t);
  const { tab, device } = await opened(here, peer, fuse);
  const attachments = new Attachments({ device, subtle: fuse?.subtle() ?? subtle, send: fuse?.around(uploads.send) ?? uploads.send, mayUpload: () => !tab.dead && may(), pace: { least: 1, most: 5 } });
  t.after(() => attachments.stop());
  return { peer, uploads, browser: here, tab, device, attachments };
}

async function opened(here, peer, fuse) {
  const tab = await here.tab(fuse ? { fuse } : {});
  const device = tab.device ?? tab;
  await device.unlock(peer.key("7"));
  return { tab, device };
}

const stored = (device) => device.attachments("readonly", (work) => work.all("attachments"));
const given = (bytes, more = {}) => ({ bytes, type: "image/jpeg", call: 12, purpose: "PHOTO", caption: "front door", actor: "7", ...more });

test("a photo is kept, told and sent in pieces, and its bytes go when the server can use it", async (t) => {
  const { peer, uploads, device, attachments } = await tablet(t);
  const bytes = photo();

  const held = await attachments.add(given(bytes, { thumb: photo(500) }));
  await until(() => attachments.all()[0].state === "sent", "sent");

  assert.deepEqual(uploads.all.get(held.sha256).bytes, Buffer.from(bytes));
  assert.ok(uploads.requests.filter(({ method }) => method === "PATCH").every(({ size }) => size <= 262_144));
  assert.ok(uploads.requests.length > 3);
  const [row] = await stored(device);
  assert.equal(row.bytes, null);
  assert.equal((await attachments.thumbnail(held.sha256)).length, 500);
  await device.exchange();
  assert.deepEqual(peer.effects.map(({ kind, args, actor }) => ({ kind, args, actor })), [{ kind: "call.attach", args: { call: 12, sha256: held.sha256, purpose: "PHOTO", caption: "front door" }, actor: "7" }]);
});

test("nothing of a photo can be read in the store", async (t) => {
  const { device, attachments } = await tablet(t, { may: () => false });
  const bytes = new TextEncoder().encode("canary ".repeat(5_000));

  await attachments.add(given(bytes, { caption: "canary caption", thumb: bytes.slice(0, 70) }));

  const [row] = await stored(device);
  for (const part of [row.bytes, row.thumb, row.about]) assert.ok(!Buffer.from(part.ct).includes("canary"));
  assert.ok(!JSON.stringify({ ...row, bytes: 0, thumb: 0, about: 0 }).includes("canary"));
});

test("nothing is sent while anything else waits, and it stops between two pieces", async (t) => {
  let free = false;
  const { uploads, attachments } = await tablet(t, { may: () => free });

  const held = await attachments.add(given(photo(900_000)));
  attachments.wake();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(uploads.requests.length, 0);

  free = true;
  uploads.after = async (_method, count) => {
    if (count === 3) free = false;
  };
  attachments.wake();
  await until(() => uploads.requests.length === 3, "three requests");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(uploads.requests.length, 3);

  free = true;
  attachments.wake();
  await until(() => attachments.all()[0].state === "sent", "sent");
  assert.equal(uploads.all.get(held.sha256).bytes.length, 900_000);
  const twice = uploads.requests.filter(({ method }) => method === "PATCH").reduce((sum, { size }) => sum + size, 0);
  assert.equal(twice, 900_000, "no byte was sent twice");
});

test("an action that wants to go lets the piece under way fall, and no byte is lost by it", async (t) => {
  const { uploads, attachments } = await tablet(t);
  let pieces = 0;
  uploads.after = async (method) => {
    if (method === "PATCH" && ++pieces === 2) {
      attachments.yield();
      throw new Error("the answer was not waited for");
    }
  };

  const held = await attachments.add(given(photo()));
  await until(() => {
    attachments.wake();
    return attachments.all()[0].state === "sent";
  }, "sent");

  assert.equal(name(uploads.all.get(held.sha256).bytes), held.sha256);
});

test("answers that are lost, late and wrong delay a photo and never spoil it", async (t) => {
  const uploads = new Uploads();
  let seed = 7;
  const chance = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const busy = { status: 503, offset: null, retryAfter: 0.001, body: { code: "attachment_busy" } };
  const others = [null, null, null, busy, { status: 429, offset: null, retryAfter: 0, body: { code: "too_many_requests" } }, { status: 500, offset: null, retryAfter: 0, body: null }];
  uploads.instead = () => others[Math.floor(chance() * others.length)];
  uploads.after = async () => {
    if (chance() < 0.3) throw new Error("lost");
  };
  const { attachments } = await tablet(t, { uploads });

  const all = [photo(400_000), photo(1), photo(65_536), photo(200_001)];
  for (const bytes of all) await attachments.add(given(bytes));
  await until(() => attachments.waiting === 0, () => JSON.stringify(attachments.all()), 20_000);

  for (const bytes of all) assert.equal(name(uploads.all.get(name(bytes)).bytes), name(bytes));
});

test("what the server cannot use stays until somebody has read why", async (t) => {
  const { uploads, device, attachments } = await tablet(t);
  uploads.verdict = () => ({ state: "REFUSED", code: "not_a_picture" });

  await attachments.add(given(photo(100)));
  await until(() => attachments.all()[0].state === "refused", "refused");

  assert.equal(attachments.all()[0].code, "not_a_picture");
  assert.notEqual((await stored(device))[0].bytes, null);
  await attachments.forget(() => true);
  assert.deepEqual(await stored(device), []);
});

test("what the server finds to be other bytes is sent again, and not for ever", async (t) => {
  const { uploads, attachments } = await tablet(t);
  let wrong = 1;
  const append = uploads.append.bind(uploads);
  uploads.append = (sha256, offset, bytes) => append(sha256, offset, wrong-- > 0 ? Buffer.alloc(bytes.length) : bytes);

  await attachments.add(given(photo(1000)));
  await until(() => attachments.all()[0].state === "sent", "sent");

  wrong = 100;
  await attachments.add(given(photo(1000)));
  await until(() => attachments.all()[1].state === "refused", "refused");
  assert.equal(attachments.all()[1].code, "damaged");
});

test("a photo that waits is never forgotten, whatever the screen thinks", async (t) => {
  const { device, attachments } = await tablet(t, { may: () => false });

  await attachments.add(given(photo(100)));
  await attachments.forget(() => true);

  assert.equal((await stored(device)).length, 1);
});

test("what is no photo, or none that the server takes, is refused at once and nothing is kept", async (t) => {
  const { device, attachments } = await tablet(t);

  for (const wrong of [{ type: "image/svg+xml" }, { type: "text/html" }, { bytes: new Uint8Array(0) }, { bytes: new Uint8Array(MAX_BYTES + 1) }]) {
    await assert.rejects(attachments.add({ ...given(photo(10)), ...wrong }), NotAttached);
  }
  assert.deepEqual(await stored(device), []);
  assert.equal(device.pending().length, 0);
});

test("a tab that is killed at any moment loses no photo, and says of each one that it belongs to a call", async (t) => {
  const bytes = photo(70_000);
  let kills = 0;
  for (let at = 1; ; at += 1) {
    const uploads = new Uploads();
    const peer = new Peer();
    const browser = new Browser(peer, t);
    const fuse = new Fuse();
    const first = await tablet(t, { uploads, browser, fuse });
    let dead = false;
    fuse.burn(at, () => {
      dead = true;
      first.attachments.stop();
      (browser.kill ?? ((tab) => tab.kill())).call(browser, first.tab);
    });
    let kept = false;
    void first.attachments.add(given(bytes)).then(
      () => (kept = true),
      () => {},
    );
    await until(() => dead || uploads.all.get(name(bytes))?.state === "READY", "the end of the first tab");
    if (!dead) break;
    kills += 1;

    const second = await tablet(t, { uploads, browser });
    second.attachments.wake();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const here = (await stored(second.device)).length > 0;
    assert.ok(here || !kept, `killed at ${at}: what was promised to be kept is gone`);
    if (here) {
      await until(() => uploads.all.get(name(bytes))?.state === "READY", `killed at ${at}: sent by the next tab`);
      await until(async () => (await second.device.exchange(), peer.effects.some(({ kind }) => kind === "call.attach")), `killed at ${at}: told by the next tab`);
    }
    second.attachments.stop();
  }
  assert.ok(kills > 8, `killed at ${kills} moments`);
});

test("the next crew of the tablet sends what the last one left", async (t) => {
  let free = false;
  const first = await tablet(t, { may: () => free });
  const held = await first.attachments.add(given(photo(1000)));
  await first.device.lock();

  assert.deepEqual(first.attachments.all(), [], "nothing is shown while nobody is signed on");
  await first.device.unlock(first.peer.key("8"));
  free = true;
  first.attachments.wake();

  await until(() => first.uploads.all.get(held.sha256)?.state === "READY", "sent");
  assert.equal(first.attachments.all()[0].call, 12);
});

test("a screen shows the server's word and this device's together, and the one that knows more", () => {
  const said = (state, more = {}) => ({ call: 12, sha256: "a", purpose: "PHOTO", caption: "door", by: "", at: "2026-06-03T19:00:00Z", state, code: null, type: null, size: null, width: null, height: null, ...more });
  const held = (state, more = {}) => ({ sha256: "a", call: 12, purpose: "PHOTO", caption: "door", state, code: "", size: 100, offset: 0, at: 1, ...more });
  const states = (documents, here) => together(documents, here).map(({ state, part, here: mine }) => [state, part, mine]);

  assert.deepEqual(states([], [held("waiting")]), [["waiting", 0, true]]);
  assert.deepEqual(states([said("WAITING")], [held("waiting", { offset: 40 })]), [["sending", 0.4, true]]);
  assert.deepEqual(states([said("WAITING")], []), [["waiting", 0, false]]);
  assert.deepEqual(states([said("WAITING")], [held("sent", { offset: 100 })]), [["sent", 1, true]]);
  assert.deepEqual(states([said("READY")], [held("waiting", { offset: 40 })]), [["ready", 1, true]]);
  assert.deepEqual(states([said("REFUSED", { code: "never_came" })], [held("waiting")]), [["waiting", 0, true]]);
  assert.deepEqual(together([said("REFUSED", { code: "damaged" })], []).map(({ code }) => code), ["damaged"]);
  assert.equal(together([said("READY"), said("READY", { purpose: "SIGNATURE" })], [held("sent")]).length, 2);
});
