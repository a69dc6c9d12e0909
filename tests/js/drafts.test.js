/**
 * What is typed is saved again and again: one save waits at most, the last one, and none that the server may have is taken
 * back.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, Fuse, NO_ANSWER, Peer, until } from "./peer.js";

const save = (device, revision, more = {}) => device.do("report.save", { revision }, { slot: "report a", ...more });
const waiting = async (browser) => (await browser.disk()).outbox.map(({ seq, kind, slot }) => [seq, kind, slot]);
const revisions = (peer) => peer.effects.filter(({ kind }) => kind === "report.save").map(({ args }) => args.revision);

test("without signal one save waits, the last one, in the place of the first", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;
  await device.exchange();

  for (let revision = 1; revision <= 5; revision++) await save(device, revision);
  await device.do("call.note", { text: "later" });
  await save(device, 6);

  assert.deepEqual(await waiting(browser), [[1, "report.save", "report a"], [2, "call.note", undefined]]);
  assert.deepEqual(device.pending().map(({ args }) => args), [{ revision: 6 }, { text: "later" }]);
  peer.up = true;
  await device.exchange();
  assert.deepEqual(peer.effects.map(({ args }) => args), [{ revision: 6 }, { text: "later" }]);
  assert.deepEqual(device.pending(), []);
});

test("a save that may have reached the server keeps its words, and the next one stands behind it", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  await device.exchange();
  let lost = true;
  peer.wire = async (when, path, said) => {
    if (when === "response" && lost && said.actions.length) {
      peer.up = false;
      throw NO_ANSWER();
    }
  };
  await save(device, 1);
  await until(() => !peer.up, "the answer to the first save is lost");

  for (let revision = 2; revision <= 4; revision++) await save(device, revision);

  assert.deepEqual(device.pending().map(({ seq, args }) => [seq, args.revision]), [[1, 1], [2, 4]]);
  lost = false;
  peer.up = true;
  await device.exchange();
  assert.deepEqual(revisions(peer), [1, 4]);
});

test("another report's save, and another person's, stay where they are", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const device = await browser.signedOn();
  peer.up = false;
  await device.exchange();

  await save(device, 1);
  await save(device, 1, { slot: "report b" });
  await save(device, 2, { actor: "8" });

  assert.deepEqual((await browser.disk()).outbox.map(({ seq, slot, actor }) => [seq, slot, actor]), [[1, "report a", "7"], [2, "report b", "7"], [3, "report a", "8"]]);
});

test("what its author could not read here again takes no place of what they can", async (t) => {
  const peer = new Peer();
  peer.put("responder.7", "note", 1, {});
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  peer.up = false;
  await tab.device.exchange();
  await save(tab.device, 1);
  await tab.device.lock();

  await save(tab.device, 2, { actor: "7" });

  assert.deepEqual((await browser.disk()).outbox.map(({ seq, copy }) => [seq, copy !== null]), [[1, true], [2, false]]);
  browser.kill(tab);
  const device = await browser.signedOn();
  assert.deepEqual(device.pending().map(({ args }) => args), [{ revision: 1 }, {}]);
  assert.deepEqual([device.unread("report a"), device.unread("report b")], [1, 0]);

  // Nor does what they go on with take the place of it, or stand before it.
  await save(device, 3);
  await save(device, 4);

  assert.deepEqual(device.pending().map(({ seq, args }) => [seq, args]), [[1, { revision: 1 }], [2, {}], [3, { revision: 4 }]]);
  peer.up = true;
  await device.exchange();
  assert.deepEqual(revisions(peer), [1, 2, 4]);
  assert.equal(device.unread("report a"), 0);
});

test("a save that waits is replaced after the page was killed and opened again", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  peer.up = false;
  await tab.device.exchange();
  await save(tab.device, 1);
  browser.kill(tab);

  const device = await browser.signedOn();
  assert.deepEqual(device.pending().map(({ args }) => args), [{ revision: 1 }]);
  await save(device, 2);

  peer.up = true;
  await device.exchange();
  assert.deepEqual(revisions(peer), [2]);
});

test("of two windows the one that does not send never replaces what the other has sent", async (t) => {
  const peer = new Peer();
  const browser = new Browser(peer, t);
  const writer = await browser.tab();
  await writer.device.unlock(peer.key("7"));
  await writer.device.exchange();
  const other = (await browser.tab()).device;
  await until(() => !other.locked, "the key came over");

  for (let revision = 1; revision <= 8; revision++) await save(other, revision);
  await until(() => writer.device.status().pending === 0, "all sent");

  assert.equal(revisions(peer).at(-1), 8);
  assert.deepEqual(revisions(peer), [...revisions(peer)].sort((a, b) => a - b));
  assert.equal(new Set(peer.effects.map(({ id }) => id)).size, peer.effects.length);
});

test("wherever a page dies while it saves and sends, the last save that was taken up arrives, once", async (t) => {
  for (let place = 1; place < 60; place += 3) {
    const peer = new Peer();
    const browser = new Browser(peer, t);
    const fuse = new Fuse();
    const tab = await browser.tab({ fuse });
    await tab.device.unlock(peer.key("7"));
    await tab.device.exchange();
    let kept = 0;
    fuse.burn(place, () => browser.kill(tab));
    const typed = (async () => {
      for (let revision = 1; revision <= 4 && !tab.dead; revision++) {
        await save(tab.device, revision);
        kept = revision;
      }
    })();
    await Promise.race([typed, until(() => tab.dead, "killed")]).catch(() => {});
    if (!tab.dead) browser.kill(tab);

    const device = await browser.signedOn();
    await device.exchange();
    await until(() => device.status().pending === 0, "all sent");

    const arrived = revisions(peer);
    assert.ok((arrived.at(-1) ?? 0) >= kept, `${place}: kept ${kept}, arrived ${arrived}`);
    assert.deepEqual(arrived, [...new Set(arrived)].sort((a, b) => a - b));
  }
});
