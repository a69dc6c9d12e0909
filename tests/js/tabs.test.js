/**
 * Several tabs and a service worker in one browser: one speaks with the server, all show the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { Browser, Peer, has, holds, until } from "./peer.js";

/** Two tabs of one person, the first of which is the writer. */
async function twoTabs(t) {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  await first.device.unlock(peer.key("7"));
  await first.device.exchange();
  const second = await browser.tab();
  await until(() => !second.device.locked, "the key came over");
  await until(() => second.device.replica.streams().length > 0, "and the documents");
  return { peer, browser, first, second };
}

test("the second tab gets the key and the documents, and is not the writer", async (t) => {
  const { peer, first, second } = await twoTabs(t);

  assert.deepEqual([first.device.writer, second.device.writer], [true, false]);
  assert.equal(second.device.installation, first.device.installation);
  assert.equal(second.device.person, "7");
  assert.deepEqual(holds(second.device), has(peer));
});

test("what is done in either tab goes up in one lane, and both hear what became of it", async (t) => {
  const { peer, first, second } = await twoTabs(t);

  const both = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => (i % 2 ? first : second).device.do("call.note", { text: `${i}` })));
  await Promise.all(both.map(({ done }) => done));

  assert.deepEqual(both.map(({ seq }) => seq).sort(), [1, 2, 3, 4, 5, 6]);
  assert.equal(peer.effects.length, 6);
  assert.equal(peer.lanes.size, 1);
  for (const { device } of [first, second]) assert.deepEqual(device.pending(), []);
});

test("the tab that is not the writer follows documents, frames and streams that go", async (t) => {
  const { peer, first, second } = await twoTabs(t);
  const changes = [];
  second.device.replica.listen((some) => changes.push(...some));

  await first.device.frame(peer.put("unit.1", "call", 5, { text: "v2" }));
  peer.put("area.3", "call", 6, { text: "board" });
  assert.equal(await second.device.exchange(), true);
  await until(() => second.device.replica.get("call", 6), "the board");

  assert.deepEqual(holds(second.device), has(peer));
  assert.deepEqual(changes.map(({ id }) => id), ["5", "6"]);
  assert.ok(peer.requests.every(({ installation }) => installation === first.device.installation));
  peer.drop("area.3");
  await second.device.exchange();
  await until(() => second.device.replica.streams().length === 1, "gone");
});

test("a tab that missed something reads it from the disk", async (t) => {
  const { peer, first, second } = await twoTabs(t);
  const { onmessage } = second.channel;
  second.channel.onmessage = null;
  await first.device.frame(peer.put("unit.1", "call", 5, { text: "missed" }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  second.channel.onmessage = onmessage;

  await first.device.frame(peer.put("unit.1", "call", 6, { text: "heard" }));

  await until(() => second.device.replica.get("call", 6), "heard");
  await until(() => JSON.stringify(holds(second.device)) === JSON.stringify(has(peer)), "the same");
});

test("when the writer's tab is killed in the middle, the next one goes on", async (t) => {
  const { peer, browser, first, second } = await twoTabs(t);
  let hold;
  peer.wire = async (when) => {
    if (when === "response" && !hold) await new Promise((resolve) => (hold = resolve));
  };
  const action = await second.device.do("call.note", { text: "once" });
  await until(() => hold, "done, and not answered");

  browser.kill(first);
  await action.done;

  assert.equal(second.device.writer, true);
  assert.equal(peer.effects.length, 1);
  assert.deepEqual(second.changes.filter(({ type }) => type === "writer"), [{ type: "writer" }]);
  assert.deepEqual(holds(second.device), has(peer));
});

test("the writer's failure is told to the tab that asked", async (t) => {
  const { peer, second } = await twoTabs(t);
  peer.wire = async (when) => {
    if (when === "request") throw new NoAnswer(401, { code: "tablet_unknown", message: "Pair this tablet." });
  };

  assert.equal(await second.device.exchange(), false);

  const { error, lastResult } = second.device.status();
  assert.deepEqual(lastResult, { ok: false, status: 401, code: "tablet_unknown" });
  assert.equal(error.problem.message, "Pair this tablet.");
});

test("locking one tab locks all", async (t) => {
  const { first, second } = await twoTabs(t);

  await second.device.lock();

  await until(() => first.device.locked, "the other");
  assert.deepEqual([first.device.replica.streams(), second.device.replica.streams()], [[], []]);
});

test("a service worker without the key empties the queue when no tab is open", async (t) => {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await tab.device.exchange();
  peer.up = false;
  await tab.device.do("call.note", { text: "kept" });
  browser.kill(tab);
  peer.up = true;

  const worker = await browser.tab();
  assert.equal(await worker.device.exchange(), true);
  worker.device.close();
  const page = await browser.tab();

  assert.deepEqual(peer.effects.map(({ args }) => args), [{ text: "kept" }]);
  assert.equal(page.device.writer, true);
  assert.equal(page.device.status().pending, 0);
  await page.device.unlock(peer.key("7"));
  assert.deepEqual(holds(page.device), has(peer));
});

test("the second tab's try to send, put away or sign on concerns all", async (t) => {
  const { peer, first, second } = await twoTabs(t);
  peer.decide = () => ({ status: "refused", code: "no", message: "No." });
  const action = await second.device.do("call.poach", { call: 4 });
  await action.done;
  await until(() => first.device.trays().refused.length === 1, "in both trays");

  await second.device.dismiss(action.seq);
  await until(() => first.device.trays().refused.length === 0, "away in both");
  await second.device.unlock(peer.key("8"));

  await until(() => first.device.person === "8", "the other");
  assert.deepEqual(first.device.trays().refused, []);
});
