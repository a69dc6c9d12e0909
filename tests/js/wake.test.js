/**
 * Being woken by requests for backup: asked for by a tap, told to the server, shown by the worker.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { Wake } from "../../tablets/static/tablets/wake.js";

const KEY = "BAEC_w";
const PATH = "/api/push-subscriptions/";

/** A browser with a push service, and a server beside it; `answer` is what somebody says to the browser's question. */
function browser({ answer = "granted", permission = "default", worker = true, key = KEY, had = null } = {}) {
  const world = { said: [], asked: 0, key, answer, subscription: null, subscribed: 0, online: true };
  const subscription = (bytes) => ({
    endpoint: `https://push.example/${++world.subscribed}`,
    options: { applicationServerKey: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    toJSON: () => ({ endpoint: `https://push.example/${world.subscribed}`, keys: { p256dh: "point", auth: "secret" } }),
    unsubscribe: async () => {
      world.subscription = null;
      return true;
    },
  });
  if (had) world.subscription = subscription(Uint8Array.from(had));
  const pushManager = {
    getSubscription: async () => world.subscription,
    subscribe: async ({ userVisibleOnly, applicationServerKey }) => {
      assert.equal(userVisibleOnly, true);
      if (!world.online) throw new Error("no push service");
      return (world.subscription = subscription(applicationServerKey));
    },
  };
  globalThis.PushManager = /** @type {any} */ (class {});
  globalThis.Notification = /** @type {any} */ ({
    permission,
    requestPermission: async () => {
      world.asked += 1;
      return (globalThis.Notification.permission = world.answer);
    },
  });
  const registration = worker ? { active: {}, pushManager } : undefined;
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { serviceWorker: { getRegistration: async () => registration } } });
  world.wake = new Wake({
    fetchJson: async (path, body, method = body === undefined ? "GET" : "POST") => {
      if (!world.online) throw new NoAnswer(0, { code: "no_answer", message: "" });
      assert.equal(path, PATH);
      if (method !== "GET") world.said.push([method, body]);
      return method === "GET" ? { public_key: world.key } : {};
    },
  });
  return world;
}

test("nothing is asked of anybody before a tap", async () => {
  const world = browser();

  await world.wake.look();

  assert.deepEqual([world.wake.state, world.asked, world.subscribed, world.said], ["off", 0, 0, []]);
});

test("a tap has the tablet woken, and the server told where", async () => {
  const world = browser();
  await world.wake.look();

  assert.equal(await world.wake.turnOn(), "");

  assert.equal(world.wake.state, "on");
  assert.deepEqual(world.said, [["POST", { endpoint: "https://push.example/1", p256dh: "point", auth: "secret" }]]);
});

test("a start tells the server again, and asks nobody", async () => {
  const world = browser({ permission: "granted", had: [4, 1, 2, 255] });

  await world.wake.look();

  assert.deepEqual([world.wake.state, world.asked, world.said.length], ["on", 0, 1]);
});

test("a subscription to another key of the site is ended, for nothing would come by it", async () => {
  const world = browser({ permission: "granted", had: [9, 9] });

  await world.wake.look();
  assert.deepEqual([world.wake.state, world.said], ["off", []]);

  await world.wake.turnOn();
  assert.deepEqual([world.wake.state, world.said[0][1].endpoint], ["on", "https://push.example/2"]);
});

test("who says no is believed, and told where to change it", async () => {
  const world = browser({ answer: "denied" });
  await world.wake.look();

  assert.match(await world.wake.turnOn(), /not allowed/);
  assert.deepEqual([world.wake.state, world.subscribed], ["forbidden", 0]);

  await world.wake.look();
  assert.equal(world.wake.state, "forbidden");
});

test("without signal it is not said to be on", async () => {
  const world = browser();
  await world.wake.look();
  world.online = false;

  assert.match(await world.wake.turnOn(), /signal/);

  assert.equal(world.wake.state, "off");
});

test("a look without an answer leaves what was known", async () => {
  const world = browser({ permission: "granted", had: [4, 1, 2, 255] });
  await world.wake.look();
  world.online = false;

  await world.wake.look();

  assert.equal(world.wake.state, "on");
});

test("taken back, the browser is woken no longer, with signal or without", async () => {
  for (const online of [true, false]) {
    const world = browser({ permission: "granted", had: [4, 1, 2, 255] });
    await world.wake.look();
    world.online = online;

    assert.equal(await world.wake.turnOff(), "");

    assert.deepEqual([world.wake.state, world.subscription], ["off", null]);
    assert.deepEqual(world.said.slice(1), online ? [["DELETE", { endpoint: "https://push.example/1" }]] : []);
  }
});

test("a site without a key, or a page without a worker, offers nothing", async () => {
  for (const world of [browser({ key: null }), browser({ worker: false })]) {
    await world.wake.look();
    assert.equal(world.wake.state, "none");
  }
});

// --- the worker ---------------------------------------------------------------------------------------------------------------

/** The service worker as a browser runs it, with windows at these addresses. */
function worker(addresses = []) {
  const world = { handlers: {}, shown: [], focused: [], opened: [] };
  const self = {
    PRECACHE: { version: "1", pages: [], files: {}, tiles: [] },
    addEventListener: (name, handler) => (world.handlers[name] = handler),
    registration: { showNotification: async (title, options) => world.shown.push({ title, ...options }) },
    clients: {
      matchAll: async () => addresses.map((url) => ({ url, focus: async () => world.focused.push(url) })),
      openWindow: async (url) => world.opened.push(url),
    },
  };
  runInNewContext(readFileSync(new URL("../../tablets/static/tablets/worker.js", import.meta.url), "utf8"), { self, URL });
  world.event = async (name, more) => {
    let work;
    world.handlers[name]({ ...more, waitUntil: (promise) => (work = promise) });
    await work;
  };
  return world;
}

const body = (more = {}) => ({ type: "backup", press: "k", level: "EMERGENCY", service: "POLICE", silent: false, drill: false, unit: "CARE 3", ...more });
const push = (world, said) => world.event("push", { data: { json: () => said } });

test("what wakes a tablet names the unit and rings again with every step", async () => {
  const world = worker();

  await push(world, body());
  await push(world, body({ service: "EMS", level: "URGENT", drill: true }));

  assert.deepEqual(
    world.shown.map(({ title }) => title),
    ["EMERGENCY: Police backup for CARE 3", "TEST: EMS backup for CARE 3"],
  );
  assert.deepEqual([world.shown[0].tag, world.shown[0].renotify, world.shown[0].silent, world.shown[0].requireInteraction], ["backup k", true, false, true]);
});

test("a silent one makes no sound", async () => {
  const world = worker();

  await push(world, body({ silent: true }));

  assert.deepEqual([world.shown[0].silent, world.shown[0].renotify], [true, false]);
});

test("what cannot be read is shown all the same", async () => {
  const world = worker();

  await world.event("push", { data: null });
  await world.event("push", {
    data: {
      json: () => {
        throw new SyntaxError("no JSON");
      },
    },
  });

  assert.deepEqual(
    world.shown.map(({ title }) => title),
    ["Police backup for a unit", "Police backup for a unit"],
  );
});

test("a tap brings the app to the front, or opens it", async () => {
  const open = worker(["https://care.example/desk/", "https://care.example/tablet/"]);
  const closed = worker(["https://care.example/desk/"]);
  let shut = 0;

  for (const world of [open, closed]) await world.event("notificationclick", { notification: { close: () => (shut += 1) } });

  assert.deepEqual([open.focused, open.opened], [["https://care.example/tablet/"], []]);
  assert.deepEqual([closed.focused, closed.opened, shut], [[], ["/tablet/"], 2]);
});
