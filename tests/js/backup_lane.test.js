/**
 * The lane of a request for backup: sent at once, again for ever, and never shown as more than the server said.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory } from "fake-indexeddb";

import { Lane, read } from "../../tablets/static/tablets/backup/lane.js";
import { Presses } from "../../tablets/static/tablets/backup/store.js";

const START = Date.parse("2026-06-03T12:00:00Z");
/** Everything that is under way and waits for no timer of ours: promises, and the database's own steps. */
const quiet = async () => {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Two clocks and the timers by them, moved by hand. */
class Time {
  wall = START;
  mono = 1000;
  offset = 0;
  throttled = false;
  #timers = new Map();
  #next = 1;

  clock = { local: () => this.wall, monotonic: () => this.mono, now: () => this.wall + this.offset };
  timers = {
    set: (work, ms) => {
      this.#timers.set(this.#next, { work, at: this.mono + ms });
      return this.#next++;
    },
    clear: (id) => void this.#timers.delete(id),
  };

  async go(ms) {
    const end = this.mono + ms;
    await quiet();
    for (;;) {
      const [id, timer] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (this.throttled || !timer || timer.at > end) break;
      this.wall += Math.max(0, timer.at - this.mono);
      this.mono = Math.max(this.mono, timer.at);
      this.#timers.delete(id);
      timer.work();
      await quiet();
    }
    this.wall += end - this.mono;
    this.mono = end;
    await quiet();
  }
}

/** The server's end, by the contract: a press is kept once, whatever comes twice. */
class Server {
  up = true;
  presses = new Map();
  asked = [];
  consoles = 2;
  /** Called before an answer leaves; may throw (lost), wait, or change it. */
  wire = async (_path, answer) => answer;

  constructor(time) {
    this.time = time;
  }

  post = async (path, body, signal) => {
    this.asked.push({ path, body: structuredClone(body), at: this.time.mono - 1000 });
    if (!this.up) throw new Error("no network");
    const answer = this.hear(path, body);
    const said = await this.wire(path, { status: 200, body: answer });
    if (signal.aborted) throw new Error("aborted");
    return said;
  };

  hear(path, body) {
    const press = this.presses.get(body.key) ?? { state: "RECEIVED", level: "EMERGENCY", times: 0, cancel: null };
    this.presses.set(body.key, press);
    if (path === "/api/backup/") press.times += 1;
    if (path.endsWith("cancel/")) press.cancel = body.reason;
    if (path.endsWith("level/") && body.level === "EMERGENCY") press.level = "EMERGENCY";
    return this.answer(body.key);
  }

  answer(key) {
    const { state, level, cancel, ...more } = this.presses.get(key);
    return { key, state, level, seen_by: null, police: null, cancel: cancel ? "ASKED" : null, closed_as: null, consoles: this.consoles, merged_into: null, now: new Date(this.time.wall).toISOString(), ...more };
  }

  raises() {
    return this.asked.filter(({ path }) => path === "/api/backup/");
  }
}

/** Web Locks of one browser, with stealing. */
class Locks {
  #holder = null;
  #queue = [];

  tab() {
    const mine = [];
    const request = (_name, options, work) =>
      new Promise((resolve, reject) => {
        const one = { work, resolve, reject };
        mine.push(one);
        options.signal?.addEventListener("abort", () => this.#drop(one, true));
        if (options.steal) {
          const before = this.#holder;
          this.#holder = null;
          before?.reject(Object.assign(new Error("stolen"), { name: "AbortError" }));
          this.#give(one);
        } else if (this.#holder) this.#queue.push(one);
        else this.#give(one);
      });
    return { request, die: () => mine.forEach((one) => this.#drop(one, false)) };
  }

  #give(one) {
    this.#holder = one;
    void Promise.resolve(one.work()).then((value) => {
      one.resolve(value);
      if (this.#holder === one) this.#next();
    });
  }

  #drop(one, tell) {
    this.#queue = this.#queue.filter((other) => other !== one);
    if (this.#holder === one) this.#next();
    else if (tell) one.reject(Object.assign(new Error("aborted"), { name: "AbortError" }));
  }

  #next() {
    this.#holder = null;
    const one = this.#queue.shift();
    if (one) this.#give(one);
  }
}

/** One browser: its disk, its locks, and what its windows say to each other. */
class Browser {
  indexedDB = new IDBFactory();
  locks = new Locks();
  channels = new Set();
  keys = 0;

  constructor(time, server) {
    this.time = time;
    this.server = server;
  }

  async tab({ socket = false, indexedDB = this.indexedDB, here = {}, ...more } = {}) {
    const locks = this.locks.tab();
    const said = [];
    const channel = {
      onmessage: null,
      postMessage: (data) => {
        const copy = structuredClone(data);
        for (const other of this.channels) if (other !== channel) setImmediate(() => this.channels.has(other) && other.onmessage?.({ data: copy }));
      },
      close: () => this.channels.delete(channel),
    };
    this.channels.add(channel);
    const tab = { here, said, wrong: 0, dead: false, post: this.server.post };
    tab.lane = new Lane({
      store: new Presses(indexedDB),
      clock: this.time.clock,
      timers: { set: (work, ms) => this.time.timers.set(() => tab.dead || work(), ms), clear: this.time.timers.clear },
      post: (...given) => tab.post(...given),
      say: (message) => {
        if (socket && !tab.dead) said.push(structuredClone(message));
        return socket;
      },
      uuid: () => `key-${++this.keys}`,
      here: () => (typeof tab.here === "function" ? tab.here() : tab.here),
      channel,
      locks,
      onKeyWrong: () => (tab.wrong += 1),
      ...more,
    });
    // A window that is killed runs nothing any more, and the browser gives its lock to the next.
    tab.kill = () => {
      tab.dead = true;
      this.channels.delete(channel);
      tab.post = () => new Promise(() => {});
      locks.die();
    };
    void tab.lane.start();
    await quiet();
    return tab;
  }
}

const world = () => {
  const time = new Time();
  const server = new Server(time);
  return { time, server, browser: new Browser(time, server) };
};
const only = (lane) => {
  const views = lane.views();
  assert.equal(views.length, 1);
  return views[0];
};

test("a press goes out at once, on both ways, before anything is written", async () => {
  const { server, browser } = world();
  const never = () => new Promise(() => {});
  const tab = await browser.tab({ socket: true, store: { all: async () => [], put: never, delete: never }, here: { battery: 55, person: 7, call: 12, position: { lon: -122.3, lat: 47.6, accuracy: 6, at: "2026-06-03T11:59:58.000Z" } } });

  const key = tab.lane.press();

  // Nothing was awaited: both are gone, and this disk never says that it has written.
  assert.equal(tab.said.length, 1);
  assert.equal(server.asked.length, 1);
  const { t, ...frame } = tab.said[0];
  assert.equal(t, "backup");
  assert.deepEqual(frame, server.asked[0].body);
  assert.deepEqual(frame, { key, level: "EMERGENCY", service: "POLICE", silent: false, drill: false, pressed_at: "2026-06-03T12:00:00.000Z", seen_state: "SENDING", position: tab.here.position, battery: 55, person: 7, call: 12 });
  assert.equal(only(tab.lane).state, "SENDING");
  await quiet();
  assert.equal(only(tab.lane).state, "RECEIVED");
});

test("it is sent again after 1, 1, 2, 3 and 5 s, then every 5 s, and does not stop", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab({ socket: true });
  server.up = false;

  const key = tab.lane.press();
  await time.go(3_600_000);

  const at = server.raises().map(({ at }) => at / 1000);
  assert.deepEqual(at.slice(0, 9), [0, 1, 2, 4, 7, 12, 17, 22, 27]);
  assert.equal(at.length, 6 + Math.floor((3600 - 12) / 5));
  assert.ok(server.raises().every(({ body }) => body.key === key));
  assert.equal(tab.said.length, at.length);
  assert.equal(only(tab.lane).tries, at.length);
});

test("it goes on every 5 s after it was received, with where the tablet is now, until it is closed", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const key = tab.lane.press();
  await time.go(12_000);

  tab.here = { battery: 41, position: { lon: -122.31, lat: 47.61, accuracy: 9, at: "2026-06-03T12:00:16.000Z" } };
  await time.go(5_000);
  const last = server.raises().at(-1);
  server.presses.get(key).state = "CLOSED";
  await time.go(5_000);
  const count = server.asked.length;
  await time.go(600_000);

  assert.deepEqual([last.at, last.body.battery, last.body.position.lon, last.body.seen_state], [17_000, 41, -122.31, "RECEIVED"]);
  assert.equal(server.asked.length, count);
  assert.equal(only(tab.lane).state, "CLOSED");
  assert.equal(tab.lane.open, false);
});

test("a fix that is gone is not forgotten: the last one known goes along", async () => {
  const { time, server, browser } = world();
  const position = { lon: -122.3, lat: 47.6, accuracy: 6, at: "2026-06-03T11:59:58.000Z" };
  const tab = await browser.tab({ here: { position } });
  tab.lane.press();

  tab.here = {};
  await time.go(1_000);

  assert.deepEqual(server.raises().at(-1).body.position, position);
});

test("each state is shown as the server said it, and by whom", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const key = tab.lane.press();
  assert.equal(only(tab.lane).state, "SENDING");
  await quiet();
  assert.equal(only(tab.lane).state, "RECEIVED");

  Object.assign(server.presses.get(key), { state: "SEEN", seen_by: "Dispatcher 3" });
  await time.go(5_000);
  assert.deepEqual([only(tab.lane).state, only(tab.lane).seenBy], ["SEEN", "Dispatcher 3"]);

  const police = { unit: "2K3", sent_at: "2026-06-03T12:00:05Z", due_at: "2026-06-03T12:04:05Z", arrived_at: null };
  Object.assign(server.presses.get(key), { state: "POLICE_SENT", police });
  await time.go(5_000);
  assert.deepEqual(only(tab.lane).police, police);

  // What a failed-over server no longer knows is no longer shown either.
  Object.assign(server.presses.get(key), { state: "RECEIVED", police: null, seen_by: null });
  await time.go(5_000);
  assert.deepEqual([only(tab.lane).state, only(tab.lane).seenBy, only(tab.lane).police], ["RECEIVED", "", null]);
});

test("without a receipt in 3 s it is not confirmed, and with one it is", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  server.up = false;
  tab.lane.press();

  await time.go(2_999);
  assert.equal(only(tab.lane).unconfirmed, false);
  await time.go(1);
  assert.equal(only(tab.lane).unconfirmed, true);
  server.up = true;
  await time.go(1_000);
  assert.deepEqual([only(tab.lane).unconfirmed, only(tab.lane).state], [false, "RECEIVED"]);
});

test("the 3 s are by the clock: timers that do not come, and a clock that is set, change nothing", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  server.up = false;
  tab.lane.press();
  time.throttled = true;

  await time.go(3_000);
  assert.equal(server.raises().length, 1);
  assert.equal(only(tab.lane).unconfirmed, true);
  time.wall -= 3_600_000;
  assert.equal(only(tab.lane).unconfirmed, true);
  tab.lane.wake();
  assert.equal(server.raises().length, 2);
});

test("a lost answer is asked for again, and the press is kept once", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  let lost = 3;
  server.wire = async (_path, said) => {
    if (lost-- > 0) throw new Error("lost");
    return said;
  };

  const key = tab.lane.press();
  await time.go(3_500);
  assert.deepEqual([only(tab.lane).state, only(tab.lane).unconfirmed], ["SENDING", true]);
  await time.go(500);

  assert.equal(only(tab.lane).state, "RECEIVED");
  assert.deepEqual([server.presses.size, server.presses.get(key).times], [1, 4]);
});

test("an answer that was overtaken does not take back what a later one said, nor add to it", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const late = [];
  server.wire = (_path, said) => (late.length < 2 ? new Promise((resolve) => late.push(() => resolve(said))) : Promise.resolve(said));
  const key = tab.lane.press();
  await time.go(1_000);
  Object.assign(server.presses.get(key), { state: "SEEN", seen_by: "Dispatcher 3" });
  await time.go(1_000);
  assert.equal(only(tab.lane).state, "SEEN");

  late.forEach((answer) => answer());
  await quiet();
  assert.deepEqual([only(tab.lane).state, only(tab.lane).seenBy], ["SEEN", "Dispatcher 3"]);

  server.presses.get(key).state = "CLOSED";
  await time.go(5_000);
  tab.lane.heard({ ...server.answer(key), state: "RECEIVED", now: new Date(time.wall + 60_000).toISOString() });
  assert.equal(only(tab.lane).state, "CLOSED");
});

test("an answer that comes late is an answer", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  let answer;
  server.wire = (_path, said) => new Promise((resolve) => (answer ??= () => resolve(said)));
  tab.lane.press();
  await time.go(3_500);
  assert.equal(only(tab.lane).unconfirmed, true);

  answer();
  await quiet();

  assert.deepEqual([only(tab.lane).state, only(tab.lane).unconfirmed], ["RECEIVED", false]);
});

test("what is no answer of ours is none: other keys, other shapes, other states, other statuses", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab({ socket: true });
  const good = (key) => ({ key, state: "RECEIVED", now: new Date(time.wall).toISOString() });
  const wrong = [null, 7, "RECEIVED", [], {}, "<html>Sign in to this network</html>", { ...good("key-1"), key: "key-9" }, { ...good("key-1"), state: "SENDING" }, { ...good("key-1"), state: "__proto__" }, { ...good("key-1"), now: "soon" }, { ...good("key-1"), now: undefined }, { ...good("key-1"), key: 1 }];
  let next = 0;
  server.wire = async () => ({ status: 200, body: wrong[next++ % wrong.length] });

  const key = tab.lane.press();
  await time.go(80_000);
  for (const one of wrong) tab.lane.heard({ t: "backup-state", ...(typeof one === "object" ? one : {}) });
  for (const status of [204, 302, 400, 403, 429, 500, 503]) {
    server.wire = async () => ({ status, body: good(key) });
    await time.go(5_000);
  }

  assert.ok(next > wrong.length);
  assert.deepEqual([only(tab.lane).state, only(tab.lane).heard], ["SENDING", null]);
  tab.lane.heard({ t: "backup-state", ...good(key) });
  assert.equal(only(tab.lane).state, "RECEIVED");
});

test("an answer with odd fields counts for what can be read of it", () => {
  const answer = read({ key: "k", state: "SEEN", now: "2026-06-03T12:00:00Z", level: "HIGH", seen_by: { name: "x" }, police: 7, cancel: true, consoles: -1, merged_into: 3 });

  assert.deepEqual(answer, { key: "k", state: "SEEN", at: START, level: null, seenBy: "", police: null, cancelAsked: false, closedAs: "", consoles: null, mergedInto: "" });
});

test("a credential that is not taken is said, another is asked for, and it goes on trying", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  server.wire = async () => ({ status: 401, body: { code: "backup_key_wrong", message: "" } });
  tab.lane.press();
  await time.go(4_000);

  assert.deepEqual([only(tab.lane).keyWrong, only(tab.lane).unconfirmed, tab.wrong], [true, true, 4]);
  assert.equal(server.raises().length, 4);

  server.wire = async (_path, said) => said;
  await time.go(3_000);
  assert.deepEqual([only(tab.lane).keyWrong, only(tab.lane).state], [false, "RECEIVED"]);
});

test("a request that hangs holds nothing up, and not more than four hang", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const signals = [];
  tab.post = (_path, _body, signal) => {
    signals.push(signal);
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  };
  tab.lane.press();

  await time.go(30_000);

  assert.equal(signals.length, 9);
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, true, true, true, true, false, false, false, false]);
  assert.equal(server.asked.length, 0);
});

for (const state of ["SENDING", "RECEIVED", "SEEN", "POLICE_SENT", "POLICE_ARRIVED"]) {
  test(`after a restart in ${state} it goes on with the same key, and shows no more than was known`, async () => {
    const { time, server, browser } = world();
    const first = await browser.tab();
    server.up = state !== "SENDING";
    const key = first.lane.press({ silent: true, service: "EMS", drill: true });
    await quiet();
    if (state !== "SENDING") server.presses.get(key).state = state;
    await time.go(8_000);
    assert.equal(only(first.lane).state, state);
    first.kill();
    server.up = false;
    await time.go(60_000);
    const before = server.raises().length;

    const second = await browser.tab();

    const view = only(second.lane);
    assert.deepEqual([view.key, view.state, view.silent, view.service, view.drill, view.unconfirmed], [key, state, true, "EMS", true, state === "SENDING"]);
    assert.equal(view.age, 68_000);
    assert.equal(view.stale, state !== "SENDING");
    await time.go(12_000);
    // At once, and from there on as after a press.
    assert.deepEqual(server.raises().slice(before).map(({ at }) => at / 1000 - 68), [0, 1, 2, 4, 7, 12]);
    assert.ok(server.raises().every(({ body }) => body.key === key && body.pressed_at === "2026-06-03T12:00:00.000Z"));
    server.up = true;
    await time.go(5_000);
    assert.equal(only(second.lane).state, state === "SENDING" ? "RECEIVED" : state);
  });
}

test("a press that was written under a clock that is now behind is not taken for new", async () => {
  const { time, server, browser } = world();
  server.up = false;
  const first = await browser.tab();
  first.lane.press();
  await time.go(1_000);
  first.kill();
  time.wall -= 86_400_000;

  const second = await browser.tab();

  assert.equal(only(second.lane).unconfirmed, true);
});

test("what is closed does not come back with the next start", async () => {
  const { time, server, browser } = world();
  const first = await browser.tab();
  const key = first.lane.press();
  await quiet();
  server.presses.get(key).state = "CLOSED";
  await time.go(1_000);
  assert.equal(only(first.lane).state, "CLOSED");
  first.lane.dismiss(key);
  assert.deepEqual(first.lane.views(), []);
  first.kill();

  const second = await browser.tab();
  await time.go(10_000);

  assert.deepEqual(second.lane.views(), []);
  assert.equal(server.raises().length, 2);
});

test("only what may lie on the disk in the open lies there", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab({ here: { person: 7, call: 12, battery: 3 } });
  const key = tab.lane.press();
  await quiet();
  Object.assign(server.presses.get(key), { state: "SEEN", seen_by: "Dispatcher 3", police: { unit: "2K3", sent_at: "2026-06-03T12:00:05Z" } });
  await time.go(2_000);

  const [kept] = await new Presses(browser.indexedDB).all();
  assert.deepEqual(Object.keys(kept).sort(), ["again", "asked", "cancel", "drill", "heardLocal", "key", "level", "position", "pressedAt", "pressedLocal", "raised", "service", "silent", "state", "stateAt", "tries"]);
  assert.doesNotMatch(JSON.stringify(kept), /Dispatcher|2K3/);
});

test("where no database opens it goes on in memory, and says so", async () => {
  const { time, server, browser } = world();
  const broken = { open: () => { throw new Error("denied"); } };
  for (const indexedDB of [null, broken]) {
    const tab = await browser.tab({ indexedDB });
    tab.lane.press();
    await time.go(5_000);
    assert.deepEqual([only(tab.lane).durable, only(tab.lane).state], [false, "RECEIVED"]);
    tab.lane.stop();
  }
  assert.equal(server.presses.size, 2);
});

test("nothing that breaks beside it keeps a press from going out", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab({
    say: () => { throw new Error("socket"); },
    here: () => { throw new Error("gps"); },
    locks: { request: () => { throw new Error("locks"); } },
  });
  tab.lane.press();
  await time.go(1_000);

  assert.equal(server.raises().length, 2);
  assert.equal(only(tab.lane).state, "RECEIVED");
});

test("pressed again it rings again, and becomes one with the first where the server says so", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const first = tab.lane.press();
  await time.go(20_000);

  server.presses.set("key-2", { state: "RECEIVED", level: "EMERGENCY", times: 0, cancel: null, merged_into: first });
  const second = tab.lane.press();
  assert.deepEqual(tab.lane.views().map(({ key }) => key), [second, first]);
  await quiet();

  assert.deepEqual([only(tab.lane).key, only(tab.lane).again], [first, 1]);
  await time.go(10_000);
  assert.equal(server.raises().filter(({ body }) => body.key === second).length, 1);
  assert.equal((await new Presses(browser.indexedDB).all()).length, 1);
});

test("another level is asked for until it is heard, and shown as asked until it is granted", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  const key = tab.lane.press();
  await quiet();
  server.up = false;
  tab.lane.level(key, "URGENT");
  await time.go(2_000);
  server.up = true;
  await time.go(20_000);

  assert.deepEqual([only(tab.lane).level, only(tab.lane).asked], ["EMERGENCY", "URGENT"]);
  const levels = server.asked.filter(({ path }) => path === "/api/backup/level/");
  assert.deepEqual(levels.map(({ body }) => body), Array.from({ length: 4 }, () => ({ key, level: "URGENT" })));
  // A raise never says less than it did.
  assert.ok(server.raises().every(({ body }) => body.level === "EMERGENCY"));
  server.presses.get(key).level = "URGENT";
  await time.go(5_000);
  assert.deepEqual([only(tab.lane).level, only(tab.lane).asked], ["URGENT", ""]);
});

test("what was meant as less than an emergency from the first is raised as that, after a restart too", async () => {
  const { time, server, browser } = world();
  const first = await browser.tab();
  server.up = false;
  first.lane.press({ level: "URGENT" });
  await time.go(3_000);
  first.kill();
  await browser.tab();

  assert.equal(server.raises().length, 4);
  assert.ok(server.raises().every(({ body }) => body.level === "URGENT"));
});

test("a cancel is asked until it is heard, across a restart, and stays asked until a dispatcher confirms", async () => {
  const { time, server, browser } = world();
  const first = await browser.tab();
  server.up = false;
  const key = first.lane.press();
  first.lane.cancel(key, "SETTLED");
  await time.go(5_000);
  assert.equal(only(first.lane).cancel, "SENDING");
  first.kill();

  const second = await browser.tab();
  server.up = true;
  await time.go(20_000);

  assert.deepEqual([only(second.lane).cancel, only(second.lane).state], ["ASKED", "RECEIVED"]);
  assert.equal(server.presses.get(key).cancel, "SETTLED");
  const told = server.asked.filter(({ path }) => path.endsWith("cancel/")).length;
  await time.go(60_000);
  assert.equal(server.asked.filter(({ path }) => path.endsWith("cancel/")).length, told);
  server.presses.get(key).state = "CLOSED";
  await time.go(5_000);
  assert.equal(only(second.lane).state, "CLOSED");
});

test("it says when no dispatcher's screen is open, and when the server has fallen silent", async () => {
  const { time, server, browser } = world();
  server.consoles = 0;
  const tab = await browser.tab();
  tab.lane.press();
  await time.go(12_000);
  assert.deepEqual([only(tab.lane).consoles, only(tab.lane).stale], [0, false]);

  server.up = false;
  await time.go(15_000);
  assert.equal(only(tab.lane).stale, false);
  await time.go(5_000);
  assert.deepEqual([only(tab.lane).stale, only(tab.lane).state, only(tab.lane).unconfirmed], [true, "RECEIVED", false]);
});

test("of two windows one sends and both show the same", async () => {
  const { time, server, browser } = world();
  const [one, two] = [await browser.tab(), await browser.tab()];

  const key = two.lane.press();
  await time.go(12_000);

  assert.deepEqual([one.lane.sender, two.lane.sender], [false, true]);
  assert.deepEqual(server.raises().map(({ at }) => at / 1000), [0, 1, 2, 4, 7, 12]);
  Object.assign(server.presses.get(key), { state: "SEEN", seen_by: "Dispatcher 3" });
  await time.go(5_000);
  assert.deepEqual([only(one.lane).state, only(one.lane).seenBy], ["SEEN", "Dispatcher 3"]);
  server.presses.get(key).state = "CLOSED";
  await time.go(5_000);
  two.lane.dismiss(key);
  await quiet();
  assert.deepEqual([one.lane.views(), two.lane.views()], [[], []]);
});

test("the window in which something is done sends from there on", async () => {
  const { time, server, browser } = world();
  const [one, two] = [await browser.tab(), await browser.tab()];
  const key = one.lane.press();
  await time.go(7_000);

  two.lane.cancel(key, "MISTAKE");
  await time.go(1_000);

  assert.deepEqual([one.lane.sender, two.lane.sender], [false, true]);
  assert.deepEqual([only(one.lane).cancel, only(two.lane).cancel], ["ASKED", "ASKED"]);
  const before = server.raises().length;
  await time.go(60_000);
  assert.ok(server.raises().length - before <= 14);
});

test("the press of a window that died is taken over at once by the next", async () => {
  const { time, server, browser } = world();
  const [one, two] = [await browser.tab(), await browser.tab()];
  server.up = false;
  const key = one.lane.press();
  await time.go(1_500);
  one.kill();
  await time.go(500);

  assert.equal(two.lane.sender, true);
  assert.equal(only(two.lane).key, key);
  server.up = true;
  await time.go(1_000);
  assert.equal(only(two.lane).state, "RECEIVED");
  assert.equal(server.presses.size, 1);
});

test("a window that is seen sends instead of one that is hidden and slow", async () => {
  const { server, browser } = world();
  const [one, two] = [await browser.tab(), await browser.tab()];
  one.lane.press();
  await quiet();
  const before = server.raises().length;

  two.lane.wake({ visible: true });
  await quiet();

  assert.deepEqual([one.lane.sender, two.lane.sender], [false, true]);
  assert.equal(server.raises().length, before + 1);
});

test("a browser without locks or channels sends from every window, and it is one request", async () => {
  const { time, server, browser } = world();
  const one = await browser.tab({ locks: undefined, channel: undefined });
  one.lane.press();
  await quiet();
  const two = await browser.tab({ locks: undefined, channel: undefined });
  await time.go(5_000);

  assert.deepEqual([only(one.lane).state, only(two.lane).state], ["RECEIVED", "RECEIVED"]);
  assert.equal(server.presses.size, 1);
});

test("a lane that was stopped sends nothing", async () => {
  const { time, server, browser } = world();
  const tab = await browser.tab();
  tab.lane.press();
  await quiet();
  tab.lane.stop();

  await time.go(60_000);

  assert.equal(server.raises().length, 1);
});
