import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, Peer, has, holds, until } from "./peer.js";

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
