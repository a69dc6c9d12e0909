/**
 * What the worker of coordinators' pages shows: how many, and requests for backup as such.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

function worker() {
  const world = { handlers: {}, shown: [], opened: [], focused: 0, windows: [] };
  const self = {
    addEventListener: (name, handler) => (world.handlers[name] = handler),
    registration: { showNotification: async (title, options) => world.shown.push({ title, ...options }) },
    clients: { matchAll: async () => world.windows, openWindow: async (address) => world.opened.push(address) },
  };
  runInNewContext(readFileSync(new URL("../../followups/static/followups/board/worker.js", import.meta.url), "utf8"), { self, URL });
  return world;
}

async function push(world, said) {
  let done;
  world.handlers.push({ data: said && { json: () => said }, waitUntil: (promise) => (done = promise) });
  await done;
  return world.shown.at(-1);
}

test("a reminder is its words, in the place of the one before, and never a request for backup", async () => {
  const world = worker();

  const shown = await push(world, { type: "care", tag: "care-due-2026-06-04", text: "3 follow-ups are due." });

  assert.equal(shown.title, "CARE Field");
  assert.equal(shown.body, "3 follow-ups are due.");
  assert.equal(shown.tag, "care-due-2026-06-04");
  assert.equal(shown.renotify, false);
});

test("a request for backup that wakes a supervisor is shown as one", async () => {
  const world = worker();

  const shown = await push(world, { press: "7b", level: "EMERGENCY", service: "POLICE", unit: "CARE 12", drill: true });

  assert.equal(shown.title, "TEST: EMERGENCY: Police backup for CARE 12");
  assert.equal(shown.tag, "backup 7b");
  assert.equal(shown.requireInteraction, true);
});

test("what has no words still says something", async () => {
  assert.equal((await push(worker(), null)).body, "There is something to see to.");
});

test("a tap brings the board, or for backup the desk, to the front", async () => {
  const world = worker();
  const tap = async (tag) => {
    let done;
    world.handlers.notificationclick({ notification: { close: () => {}, tag }, waitUntil: (promise) => (done = promise) });
    await done;
  };

  await tap("care-due-2026-06-04");
  await tap("backup 7b");
  world.windows = [{ url: "https://care.example/care/rows/", focus: async () => (world.focused += 1) }];
  await tap("care-digest-2026-06-04");

  assert.deepEqual(world.opened, ["/care/", "/desk/"]);
  assert.equal(world.focused, 1);
});
