/**
 * The line of a tablet that keeps what it is told: pulls, frames and streams go through the device.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { Line } from "../../tablets/static/tablets/line.js";
import { Browser, Peer, has, holds, until } from "./peer.js";

const PACE = { dead: 5000, ping: 1000, least: 5, most: 40, steady: 60, poll: 20, answer: 1000 };

/** A device that is signed on, a line of it, and the sockets that were opened. */
async function lined(t, { locked = false } = {}) {
  const peer = new Peer();
  peer.put("unit.1", "call", 4, { text: "v1" });
  const browser = new Browser(peer, t);
  const { device } = await browser.tab();
  if (!locked) await device.unlock(peer.key("7"));
  const sockets = [];
  class Socket {
    readyState = 0;
    constructor() {
      sockets.push(this);
      queueMicrotask(() => {
        this.readyState = 1;
        this.say({ t: "hello", now: new Date().toISOString(), streams: numbers() });
      });
    }
    say(message) {
      if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
    }
    send() {}
    close() {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.onclose?.({ code: 1000 });
    }
  }
  const numbers = () => Object.fromEntries([...peer.streams].map(([name, { number }]) => [name, number]));
  const why = [];
  let refuse = null;
  const line = new Line({
    device,
    fetchJson: async () => {
      if (refuse) throw refuse;
      return { ticket: "t" };
    },
    socketUrl: "ws://127.0.0.1/live/",
    Socket,
    pace: PACE,
    onSignedOff: (code) => why.push(code),
  });
  t.after(() => line.stop());
  line.start();
  return { peer, browser, device, line, sockets, numbers, why, refuse: (error) => (refuse = error) };
}

test("pulls and frames reach the disk, and a gap is pulled", async (t) => {
  const { peer, browser, device, line, sockets } = await lined(t);
  await until(() => line.state === "live" && device.replica.get("call", 4), "live");

  sockets[0].say(peer.put("unit.1", "call", 5, { text: "v2" }));
  await until(() => device.replica.get("call", 5), "the frame");
  peer.put("unit.1", "call", 6, { text: "lost" });
  sockets[0].say(peer.put("unit.1", "call", 7, { text: "v4" }));
  await until(() => device.replica.get("call", 6), "the gap");

  assert.deepEqual(holds(device), has(peer));
  assert.equal((await browser.disk()).documents.length, 4);
});

test("streams that the line no longer names leave the disk", async (t) => {
  const { peer, browser, device, line, sockets } = await lined(t);
  peer.put("area.3", "call", 8, {});
  await until(() => line.state === "live", "live");
  await device.exchange();

  peer.drop("area.3");
  sockets[0].say({ t: "streams", streams: { "unit.1": 1 } });

  await until(async () => (await browser.disk()).streams.length === 1, "gone from the disk");
  assert.deepEqual(device.replica.streams(), ["unit.1"]);
});

test("a tablet that the server does not know is told why", async (t) => {
  const { peer, line, why } = await lined(t);
  await until(() => line.state === "live", "live");
  peer.wire = async (when) => {
    if (when === "request") throw new NoAnswer(401, { code: "tablet_unknown", message: "" });
  };

  assert.equal(await line.pull(), false);

  assert.deepEqual(why, ["tablet_unknown"]);
});

test("a server that asks for time is not asked, by socket or by pull", async (t) => {
  const { peer, device, line, sockets, refuse } = await lined(t);
  await until(() => line.state === "live", "live");
  const busy = new NoAnswer(503, { code: "busy", message: "" }, 30);
  let asked = 0;
  peer.wire = async (when) => {
    if (when !== "request") return;
    asked += 1;
    throw busy;
  };
  refuse(busy);
  sockets[0].close();
  await until(() => line.state === "offline", "offline");
  // What was on its way already may still ask once.
  await wait(60);
  const before = [asked, sockets.length];

  await wait(150);

  assert.deepEqual([asked, sockets.length], before);
  assert.ok(asked <= 2);
  assert.equal(device.status().error.retryAfter, 30);
});

test("a locked device is not asked for what it could not read", async (t) => {
  const { peer, line, sockets, numbers } = await lined(t, { locked: true });
  await until(() => line.state === "live" && peer.requests.length > 1, "live, and pulled for the hello");
  await wait(50);
  const before = peer.requests.length;

  for (let i = 0; i < 5; i++) {
    sockets[0].say({ t: "beat", now: new Date().toISOString(), streams: numbers() });
    await wait(2);
  }

  assert.equal(peer.requests.length, before);
});

test("who opens a device whose line is live already is shown what there is at once", async (t) => {
  const { peer, device, line } = await lined(t, { locked: true });
  await until(() => line.state === "live", "live");
  await line.pull();

  await device.unlock(peer.key("7"));
  line.wake();

  await until(() => device.replica.get("call", 4), "the call");
});

test("what is cut is offline at once, and comes back by itself", async (t) => {
  const { line, sockets } = await lined(t);
  await until(() => line.state === "live", "live");

  line.cut();

  assert.equal(line.state, "offline");
  assert.equal(sockets[0].readyState, 3);
  await until(() => line.state === "live", "live again");
});
