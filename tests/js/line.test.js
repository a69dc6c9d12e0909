import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { Line, backoff } from "../../tablets/static/tablets/line.js";
import { Replica } from "../../tablets/static/tablets/replica.js";
import { Clock } from "../../tablets/static/tablets/times.js";

const PACE = { dead: 120, ping: 40, least: 5, most: 40, steady: 60, poll: 20, answer: 100 };

/**
 * A server as small as the protocol allows: streams of documents, tickets, sockets.
 */
class Server {
  constructor() {
    this.up = true;
    this.sockets = [];
    this.tickets = [];
    this.pulls = [];
    this.number = 0;
    this.documents = [];
    this.refuse = null;
    this.now = () => new Date().toISOString();
    const server = this;
    this.Socket = class {
      constructor(url, protocols) {
        this.url = url;
        this.protocols = protocols;
        this.readyState = 0;
        this.sent = [];
        server.sockets.push(this);
        queueMicrotask(() => {
          if (!server.up || server.noSockets) return this.end(1006);
          this.readyState = 1;
          if (!server.mute) this.say({ t: "hello", now: server.now(), streams: server.numbers() });
        });
      }
      say(message) {
        if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
      }
      send(text) {
        this.sent.push(text);
        if (JSON.parse(text).t === "ping" && !server.mute) this.say({ t: "pong", now: server.now() });
      }
      close() {
        this.end(1000);
      }
      end(code) {
        if (this.readyState === 3) return;
        this.readyState = 3;
        this.onclose?.({ code });
      }
    };
  }
  numbers() {
    return { "area.3": this.number };
  }
  /** Change one document, and push it unless the frame is to be lost. */
  change(id, { lost = false } = {}) {
    const prev = this.number;
    this.number += 1;
    const document = { c: "call", id, n: this.number, b: { text: `v${this.number}` } };
    this.documents = [...this.documents.filter((other) => other.id !== id), document];
    const frame = { t: "frame", s: "area.3", prev, n: this.number, d: [document] };
    if (!lost) for (const socket of this.sockets) socket.say(frame);
  }
  beat() {
    for (const socket of this.sockets) socket.say({ t: "beat", now: this.now(), streams: this.numbers() });
  }
  fetchJson = async (path, body) => {
    await wait(1);
    if (this.refuse) throw this.refuse;
    if (!this.up) throw new NoAnswer(0, { code: "no_answer", message: "" });
    if (path === "/api/live-ticket") {
      this.tickets.push(`t${this.tickets.length}`);
      return { ticket: this.tickets.at(-1), expires_in: 30 };
    }
    this.pulls.push(body);
    const since = body.streams["area.3"]?.number ?? 0;
    const documents = this.documents.filter((document) => document.n > since);
    const stream = { number: this.number, documents, count: this.documents.length, more: false, reset: false };
    if (this.slowPull) await wait(this.slowPull);
    return { now: this.now(), streams: { "area.3": stream }, dropped: [], next_poll_s: 60 };
  };
}

/** Start a line to a server; it is stopped when the test ends. */
function lineTo(server, t, options = {}) {
  const replica = new Replica();
  const states = [];
  const line = new Line({
    replica,
    fetchJson: server.fetchJson,
    onState: ({ state }) => states.push(state),
    socketUrl: "ws://127.0.0.1/live/",
    Socket: server.Socket,
    pace: PACE,
    ...options,
  });
  t.after(() => line.stop());
  line.start();
  return { line, replica, states };
}

async function until(condition, what) {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await wait(5);
  }
  assert.fail(`not in 2 s: ${what}`);
}

const texts = (replica) => replica.all("call").map((held) => `${held.id}:${held.body.text}`).sort();

test("a ticket opens the socket, the pull brings what was before, frames what comes after", async (t) => {
  const server = new Server();
  server.change("1");
  const { line, replica } = lineTo(server, t);

  await until(() => line.state === "live", "live");
  await until(() => texts(replica).length === 1, "first call");
  server.change("2");
  await until(() => texts(replica).length === 2, "second call");

  assert.deepEqual(texts(replica), ["1:v1", "2:v2"]);
  assert.deepEqual(server.sockets[0].protocols, ["care.1", "ticket.t0"]);
});

test("a lost frame is noticed by the next one, and pulled", async (t) => {
  const server = new Server();
  const { line, replica } = lineTo(server, t);
  await until(() => line.state === "live" && server.pulls.length > 0, "live");
  await wait(10);

  server.change("1", { lost: true });
  server.change("2");

  await until(() => texts(replica).length === 2, "both calls");
});

test("a lost frame is noticed by the beat, when nothing follows it", async (t) => {
  const server = new Server();
  const { line, replica } = lineTo(server, t);
  await until(() => line.state === "live", "live");

  server.change("1", { lost: true });
  await wait(20);
  server.beat();

  await until(() => texts(replica).length === 1, "the call");
});

test("frames that come during a pull are kept and applied after it", async (t) => {
  const server = new Server();
  server.change("1");
  server.slowPull = 30;
  const { line, replica } = lineTo(server, t);
  await until(() => server.pulls.length > 0 && line.state === "live", "a pull under way");

  server.change("2");
  server.change("3");

  await until(() => texts(replica).length === 3, "all three");
});

test("a line on which nothing is heard is taken for dead and opened again", async (t) => {
  const server = new Server();
  const { line, states } = lineTo(server, t);
  await until(() => line.state === "live", "live");

  // Half open: nothing arrives any more, nothing is closed, and HTTP does not answer either.
  server.mute = true;
  server.up = false;
  const began = Date.now();
  await until(() => line.state === "offline", "offline");
  assert.ok(Date.now() - began < PACE.dead + 100, `took ${Date.now() - began} ms`);

  server.mute = false;
  server.up = true;
  await until(() => line.state === "live", "live again");
  assert.ok(states.indexOf("offline") < states.lastIndexOf("live"));
});

test("without sockets it polls, says so, and still holds everything", async (t) => {
  const server = new Server();
  server.noSockets = true;
  const { line, replica, states } = lineTo(server, t);
  await until(() => line.state === "polling", "polling");

  server.change("1");
  await until(() => texts(replica).length === 1, "the call");

  assert.ok(!states.includes("live"));
  server.noSockets = false;
  await until(() => line.state === "live", "live");
});

test("offline counts from when the server was last heard", async (t) => {
  const server = new Server();
  const { line } = lineTo(server, t);
  await until(() => line.state === "live", "live");
  const heardAt = line.heardAt;

  server.up = false;
  for (const socket of server.sockets) socket.end(1006);
  await until(() => line.state === "offline", "offline");

  assert.ok(line.since >= heardAt && line.since <= heardAt + 60, `${line.since - heardAt}`);
});

test("many tries are spread, and never too dense", async (t) => {
  const server = new Server();
  server.up = false;
  let asked = 0;
  const fetchJson = (path, body) => {
    asked += path === "/api/live-ticket" ? 1 : 0;
    return server.fetchJson(path, body);
  };
  lineTo(server, t, { fetchJson });

  await wait(300);

  assert.ok(asked >= 5 && asked <= 60, `asked ${asked} times`);
});

test("the waits grow to the limit and are drawn from the whole span", () => {
  const pace = { least: 500, most: 30_000 };
  assert.equal(backoff(0, pace, () => 0), 500);
  assert.equal(backoff(50, pace, () => 0), 500);
  assert.deepEqual([0, 1, 3, 9, 50].map((tries) => backoff(tries, pace, () => 1)), [1000, 2000, 8000, 30_000, 30_000]);
});

test("waking tries at once", async (t) => {
  const server = new Server();
  server.up = false;
  const { line } = lineTo(server, t, { pace: { ...PACE, least: 5_000, most: 10_000, poll: 5_000 } });
  await wait(30);
  server.up = true;

  line.wake();

  await until(() => line.state !== "offline", "contact");
});

test("a device that the server does not know is told, not retried for ever in silence", async (t) => {
  const server = new Server();
  server.refuse = new NoAnswer(401, { code: "tablet_revoked", message: "This tablet was revoked." });
  const why = [];
  const { line } = lineTo(server, t, { onSignedOff: (code) => why.push(code) });

  await until(() => why.length > 0, "told");

  assert.equal(why[0], "tablet_revoked");
  line.stop();
  const before = why.length;
  await wait(80);
  assert.ok(why.length <= before + 1);
});

test("streams that the hello no longer names are dropped", async (t) => {
  const server = new Server();
  const { line, replica } = lineTo(server, t);
  server.change("1");
  await until(() => line.state === "live" && texts(replica).length === 1, "live");

  server.sockets.at(-1).say({ t: "streams", streams: {} });

  assert.deepEqual(texts(replica), []);
});

test("frames that are no JSON, or no object, change nothing", async (t) => {
  const server = new Server();
  const { line } = lineTo(server, t);
  await until(() => line.state === "live", "live");

  for (const data of ["{", "[]", "7", "null", '{"t":"error","code":"x"}']) server.sockets.at(-1).onmessage({ data });

  assert.equal(line.state, "live");
});

test("the clock's offset is measured on the way", async (t) => {
  const server = new Server();
  server.now = () => new Date(Date.now() + 3_600_000).toISOString();
  const clock = new Clock();
  const { line } = lineTo(server, t, { clock });

  await until(() => line.state === "live", "live");

  assert.ok(Math.abs(clock.offset - 3_600_000) < 1000, `${clock.offset}`);
});
