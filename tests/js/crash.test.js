/**
 * The tab dies, or the line does, at every place where it can: between any two waits of an exchange and of taking an action
 * up, and at random for as long as the seeds last. Whatever happened, the same must hold afterwards.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser, Fuse, NO_ANSWER, Peer, has, holds, until } from "./peer.js";

/** What must be true of a tablet when it is quiet: nothing waits, nothing was lost or done twice, both ends hold the same. */
async function settleAndCheck(browser, peer, taken, why) {
  const tab = await browser.tab();
  const { device } = tab;
  await device.unlock(peer.key("7"));
  await until(async () => (await device.exchange()) && device.status().pending === 0, () => `quiet ${why} ${JSON.stringify(device.status())}`);
  const done = peer.effects.map(({ id }) => id);
  assert.equal(new Set(done).size, done.length, `done twice ${why}`);
  for (const id of taken) assert.ok(done.includes(id), `lost ${why}`);
  assert.deepEqual(holds(device), has(peer), `differs ${why}`);
  const lane = peer.lanes.get(device.installation);
  if (lane) assert.equal(lane.answers.size, lane.last, `a hole in the lane ${why}`);
  return tab;
}

test("the tab dies at any place of taking an action up and of an exchange", async (t) => {
  let places = Infinity;
  for (let place = 1; place <= places; place++) {
    const peer = new Peer();
    peer.page = 2;
    // What an action does shows in the crew's own stream.
    peer.decide = ({ seq }) => {
      peer.put("unit.1", "effect", seq, { seq });
      return { status: "applied", answer: {} };
    };
    for (let i = 0; i < 5; i++) peer.put("area.3", "call", i, { text: `v${i}` });
    peer.put("area.9", "call", 9, { text: "goes" });
    const browser = new Browser(peer, t);
    const before = await browser.tab();
    await before.device.unlock(peer.key("7"));
    const taken = [(await before.device.do("call.note", { text: "first" })).id];
    await before.device.exchange();
    browser.kill(before);
    peer.drop("area.9");
    peer.put("area.3", "call", 1, null, "call.closed");
    peer.put("area.3", "call", 2, { text: "changed" });

    const fuse = new Fuse();
    const tab = await browser.tab({ fuse });
    await tab.device.unlock(peer.key("7"));
    const passed = fuse.passed;
    const died = new Promise((resolve) => fuse.burn(place, () => resolve(browser.kill(tab))));
    const walk = (async () => {
      for (const text of ["second", "third"]) {
        const action = await tab.device.do("call.note", { text });
        taken.push(action.id);
      }
      await tab.device.exchange();
      taken.push((await tab.device.do("call.note", { text: "fourth" })).id);
      await tab.device.exchange();
    })();
    walk.catch(() => {});
    const ended = await Promise.race([walk.then(() => "walked"), died.then(() => "died")]);
    if (ended === "walked") places = fuse.passed - passed;
    browser.kill(tab);

    // Nobody sees what they did disappear: what is acknowledged on the disk shows on the disk.
    const disk = await browser.disk();
    const shown = disk.documents.filter(({ c }) => c === "effect").map(({ id }) => Number(id));
    for (const { seq } of disk.answers) assert.ok(shown.includes(seq), `acknowledged and not to be seen at place ${place}`);

    const last = await settleAndCheck(browser, peer, taken, `at place ${place}`);
    const rows = (await browser.disk()).documents;
    assert.ok(rows.every(({ stream }) => stream !== "area.9"));
    browser.kill(last);
  }
  assert.ok(places > 40, `${places} places`);
});

/** Numbers that look random and are the same for the same seed. */
function dice(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (limit) => Math.floor(next() * limit), chance: (p) => next() < p };
}

/** A shift on one tablet with everything going wrong that may. */
async function walk(seed, t) {
  const roll = dice(seed);
  const peer = new Peer();
  peer.page = 1 + roll.below(5);
  peer.budget = 1 + roll.below(6);
  peer.decide = ({ seq }) => (seq % 7 === 3 ? { status: "refused", code: "no", message: "No." } : seq % 11 === 5 ? { status: "quarantined", code: "what", message: "?", ticket: "q" } : { status: "applied", answer: { seq } });
  const browser = new Browser(peer, t);
  const taken = [];
  const late = [];
  peer.wire = async (when, path, body) => {
    if (path !== "/api/sync") return;
    if (roll.chance(0.15)) {
      // The server does it, now or much later, and nobody hears of it.
      if (when === "request" && roll.chance(0.5)) late.push(body);
      throw NO_ANSWER();
    }
    if (when === "request" && roll.chance(0.15)) await peer.sync(structuredClone(body));
    if (when === "request" && late.length && roll.chance(0.3)) await peer.sync(late.shift());
  };
  /** The newest version of each document that was ever on the screen. */
  const seen = new Map();
  const watch = (device) =>
    device.replica.listen((changes) => {
      for (const { stream, c, id, after } of changes) {
        // What waits for being sent whole again is of before the restore.
        if (!after || device.replica.state(stream)?.unseen?.includes(`${c}|${id}`)) continue;
        const key = `${device.status().epoch} ${stream} ${c} ${id}`;
        assert.ok((seen.get(key) ?? 0) <= after.n, `an older version after a newer, seed ${seed}`);
        seen.set(key, after.n);
      }
    });
  let tab = null;
  let backup = peer.backup();
  const open = async () => {
    tab = await browser.tab();
    watch(tab.device);
    await tab.device.unlock(peer.key("7"));
  };
  await open();
  for (let step = 0; step < 60; step++) {
    const what = roll.below(12);
    if (what < 4) {
      const action = await tab.device.do("call.note", { text: `${step}` });
      taken.push(action.id);
    } else if (what < 6) void tab.device.exchange();
    else if (what < 9) {
      const stream = ["unit.1", "area.2", "area.3"][roll.below(3)];
      const id = roll.below(8);
      const n = (peer.streams.get(stream)?.number ?? peer.numbers.get(stream) ?? 0) + 1;
      const held = peer.live(stream).some((document) => document.id === String(id));
      const frame = held && roll.chance(0.4) ? peer.put(stream, "call", id, null, "call.closed") : peer.put(stream, "call", id, { n, text: "x".repeat(roll.below(30)) });
      if (roll.chance(0.6)) void tab.device.frame(frame);
    } else if (what === 9) peer.drop(["area.2", "area.3"][roll.below(2)]);
    else if (what === 10 && roll.chance(0.5)) {
      browser.kill(tab);
      await open();
    } else if (roll.chance(0.3)) backup = peer.backup();
    if (roll.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, roll.below(6)));
    if (roll.chance(0.015)) peer.restore(backup, `epoch-${step}-${seed}`);
  }
  browser.kill(tab);
  while (late.length) await peer.sync(late.shift());
  peer.wire = async () => {};
  peer.budget = 100;
  const settled = await settleOnly(browser, peer, seed);
  const receipts = new Set(peer.receipts.keys());
  for (const id of taken) assert.ok(receipts.has(id), `lost, seed ${seed}`);
  const done = peer.effects.map(({ id }) => id);
  assert.equal(new Set(done).size, done.length, `done twice, seed ${seed}`);
  browser.kill(settled);
  return { taken: taken.length, requests: peer.requests.length };
}

async function settleOnly(browser, peer, seed) {
  const tab = await browser.tab();
  await tab.device.unlock(peer.key("7"));
  await until(async () => (await tab.device.exchange()) && tab.device.status().pending === 0 && JSON.stringify(holds(tab.device)) === JSON.stringify(has(peer)), () => `quiet, seed ${seed}: ${JSON.stringify(tab.device.status())} ${JSON.stringify(holds(tab.device))} ${JSON.stringify(has(peer))}`);
  return tab;
}

const SEEDS = Number(process.env.SEEDS ?? 25);
test(`${SEEDS} shifts with lost, doubled, late and reordered requests, restarts and restores converge`, async (t) => {
  let taken = 0;
  const from = Number(process.env.SEED ?? 1);
  for (let seed = from; seed < from + SEEDS; seed++) taken += (await walk(seed, t)).taken;
  assert.ok(taken > SEEDS * 10);
});
