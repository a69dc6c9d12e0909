/**
 * A server as the protocol describes it, as small as that goes, and a world of devices to put beside it: what the tests
 * of the tablet's sync core speak with. It keeps lanes, receipts, streams and an epoch, opens sealed arguments with the
 * private key that belongs to them, and can lose, hold back and double what is said.
 */
import { createHash, randomUUID, webcrypto } from "node:crypto";

import { IDBFactory } from "fake-indexeddb";

import { NoAnswer } from "../../tablets/static/tablets/http.js";
import { Device } from "../../tablets/static/tablets/sync/device.js";
import { Store } from "../../tablets/static/tablets/sync/store.js";
import { fromBase64 } from "../../tablets/static/tablets/sync/cipher.js";
import { Clock } from "../../tablets/static/tablets/times.js";

const { subtle } = webcrypto;
const KID = "seal-1";
const pair = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
const PUBLIC = Buffer.from(await subtle.exportKey("raw", pair.publicKey)).toString("base64");

export const NO_ANSWER = () => new NoAnswer(0, { code: "no_answer", message: "No answer." });
export const until = async (condition, what, limit = 4000) => {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  throw new Error(`not in ${limit} ms: ${typeof what === "function" ? what() : what}`);
};

/** Open sealed arguments as the server does. */
export async function openSealed({ kid, epk, iv, ct }, id, privateKey = pair.privateKey) {
  const point = fromBase64(epk);
  const theirs = await subtle.importKey("raw", point, { name: "ECDH", namedCurve: "P-256" }, false, []);
  const shared = await subtle.deriveBits({ name: "ECDH", public: theirs }, privateKey, 256);
  const base = await subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`care-field seal 1|${kid}`);
  const key = await subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: point, info }, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  const additionalData = new TextEncoder().encode(id);
  const plain = await subtle.decrypt({ name: "AES-GCM", iv: fromBase64(iv), additionalData }, key, fromBase64(ct));
  return JSON.parse(new TextDecoder().decode(plain));
}

export class Peer {
  constructor() {
    this.epoch = "epoch-1";
    this.generation = 0;
    this.lanes = new Map();
    this.receipts = new Map();
    /** What was done, once for each id: [{id, kind, args, actor, happened_at}]. */
    this.effects = [];
    this.streams = new Map();
    this.numbers = new Map();
    this.requests = [];
    this.purges = [];
    this.turn = Promise.resolve();
    this.purge = false;
    this.resync = false;
    this.lease = new Date(Date.now() + 8 * 3_600_000).toISOString();
    this.up = true;
    this.page = 100;
    /** How many actions fit the time budget of one request. */
    this.budget = 100;
    this.decide = () => ({ status: "applied", answer: { done: true } });
    /** Called for each request before it is done ("request") and before it is answered ("response"); may throw or wait. */
    this.wire = async () => {};
    this.now = () => Date.now();
  }

  /** Put one document into a stream, or take it out (`gone`). */
  put(stream, c, id, body, gone) {
    const found = this.streams.get(stream) ?? { number: this.numbers.get(stream) ?? 0, documents: new Map() };
    this.streams.set(stream, found);
    const prev = found.number;
    found.number += 1;
    const document = { c, id: String(id), n: found.number, ...(gone ? { gone } : { b: body }) };
    found.documents.set(`${c}|${id}`, document);
    return { t: "frame", s: stream, prev, n: found.number, d: [document] };
  }
  /** The stream is no longer this tablet's. It goes on elsewhere, and comes back empty with its number. */
  drop(stream) {
    this.numbers.set(stream, this.streams.get(stream)?.number ?? this.numbers.get(stream) ?? 0);
    this.streams.delete(stream);
  }

  digest(documents) {
    let sum = 0n;
    for (const { c, id, n } of documents) sum += createHash("sha256").update(`${c}|${id}|${n}`).digest().readBigUInt64BE(0);
    return (sum % (1n << 64n)).toString(16).padStart(16, "0");
  }
  live(stream) {
    return [...(this.streams.get(stream)?.documents.values() ?? [])].filter((document) => !document.gone);
  }

  fetchJson = async (path, body) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!this.up) throw NO_ANSWER();
    // What goes over the wire is text, not objects that both ends share.
    const said = JSON.parse(JSON.stringify(body));
    await this.wire("request", path, said);
    const answer = path === "/api/sync" ? await this.sync(said) : this.other(path, said);
    await this.wire("response", path, said, answer);
    return JSON.parse(JSON.stringify(answer));
  };

  other(path, body) {
    if (path === "/api/tablets/purged/") {
      this.purges.push(body);
      return {};
    }
    throw new NoAnswer(404, { code: "not_found", message: "" });
  }

  async sync(body) {
    this.requests.push(body);
    if (body.actions.length > 100 || JSON.stringify(body).length > 256_000) throw new NoAnswer(413, { code: "too_large", message: "" });
    const { answers, expected_seq, seq } = await this.lane(body);
    const base = { protocol: 1, epoch: this.epoch, now: new Date(this.now()).toISOString(), seq, answers, ...(expected_seq ? { expected_seq } : {}), next_poll_s: 60 };
    if (this.purge) return { ...base, streams: {}, dropped: [], lease_until: null, purge: true, resync: false };
    const dropped = Object.keys(body.streams)
      .filter((name) => !this.streams.has(name))
      .map((stream) => ({ stream, why: "not_yours" }));
    if (this.resync && Object.keys(body.streams).length) {
      return { ...base, streams: {}, dropped: Object.keys(body.streams).map((stream) => ({ stream, why: "resync" })), lease_until: this.lease, purge: false, resync: true };
    }
    this.resync = false;
    const streams = {};
    for (const [name, { number, documents }] of this.streams) {
      const had = body.streams[name];
      const live = this.live(name);
      const wrong = had && had.number === number && had.digest !== undefined && (had.digest !== this.digest(live) || had.count !== live.length);
      const reset = !had || had.number > number || wrong || (body.epoch !== null && body.epoch !== this.epoch);
      const from = reset ? 0 : had.number;
      const news = [...documents.values()].filter(({ n, gone }) => n > from && !(reset && gone)).sort((a, b) => a.n - b.n);
      const page = news.slice(0, name.startsWith("unit.") ? 100 : this.page);
      const more = news.length > page.length;
      const end = more ? page.at(-1).n : number;
      streams[name] = { number: end, floor: 0, documents: page, more, reset: Boolean(had) && reset, ...(more ? {} : { digest: this.digest(live), count: live.length }) };
    }
    return { ...base, streams, dropped, lease_until: this.lease, purge: false, resync: false };
  }

  /** One request at a time: each action runs under the lock of its lane. */
  lane(body) {
    const done = this.turn.then(() => this.take(body));
    this.turn = done.catch(() => {});
    return done;
  }

  async take({ installation, epoch, first_seq, actions }) {
    let lane = this.lanes.get(installation);
    if (!lane && actions.length) {
      lane = { last: first_seq - 1, epoch: this.epoch, answers: new Map() };
      this.lanes.set(installation, lane);
    }
    if (!lane) return { answers: [], seq: first_seq - 1 };
    const answers = [];
    for (const action of actions.slice(0, this.budget)) {
      const { seq, id, kind, actor, happened_at } = action;
      const known = lane.answers.get(seq);
      if (known && known.id === id) {
        answers.push({ ...known.answer, seq, replayed: true });
        continue;
      }
      if (seq > lane.last + 1) {
        // After a restore nobody waits for what the tablet no longer has.
        if (epoch !== this.epoch || lane.epoch !== this.epoch) lane.last = Math.max(lane.last, first_seq - 1);
        lane.epoch = this.epoch;
        if (seq > lane.last + 1) return { answers, seq: lane.last, expected_seq: lane.last + 1 };
      }
      const receipt = this.receipts.get(id);
      let answer = receipt && { ...receipt, seq, replayed: true };
      if (!answer) {
        const args = action.sealed ? await openSealed(action.sealed, id) : action.args;
        const verdict = this.purge ? { status: "quarantined", code: "tablet_revoked", message: "", ticket: `q-${seq}` } : this.decide({ ...action, args });
        if (!verdict) break;
        if (verdict.status === "applied") this.effects.push({ id, kind, args, actor, happened_at });
        answer = { ...verdict, seq };
        this.receipts.set(id, verdict);
      }
      lane.answers.set(seq, { id, answer });
      lane.last = Math.max(lane.last, seq);
      answers.push(answer);
    }
    return { answers, seq: lane.last };
  }

  /** Go back to how everything was when `backup()` was called, as a restored database does. */
  backup() {
    return structuredClone({ lanes: this.lanes, receipts: this.receipts, effects: this.effects, streams: this.streams, numbers: this.numbers });
  }
  restore(backup, epoch) {
    Object.assign(this, structuredClone(backup));
    if (epoch) this.epoch = epoch;
  }

  /** What POST /api/tablets/key/ releases. */
  key(person, { leaseUntil = this.lease, own = true } = {}) {
    const secret = (text) => createHash("sha256").update(`${text}|${this.generation}`).digest("base64");
    return { person, key: secret("shared"), ...(own ? { own: secret(`own ${person}`) } : {}), keyId: `key-${this.generation}`, leaseUntil, seal: { kid: KID, public: PUBLIC } };
  }
}

/** A store opened while a fuse is laid has places before and after each of its transactions. */
let laid = null;
const run = Store.prototype.run;
const fuses = new WeakMap();
Store.prototype.run = function (...given) {
  if (laid && !fuses.has(this)) fuses.set(this, laid);
  const fuse = fuses.get(this);
  return fuse ? fuse.around(() => run.apply(this, given))() : run.apply(this, given);
};
async function withFuse(fuse, work) {
  laid = fuse ?? null;
  try {
    return await work();
  } finally {
    laid = null;
  }
}

/** Locks as browsers have them, for tabs that share a browser; a tab that dies lets go. */
class Locks {
  #held = new Map();
  #waiting = [];
  forTab(tab) {
    return { request: (name, ...rest) => this.#request(tab, name, ...rest) };
  }
  async #request(tab, name, options, callback) {
    if (typeof options === "function") [options, callback] = [{}, options];
    if (this.#held.has(name)) {
      if (options.ifAvailable) return callback(null);
      await new Promise((resolve) => this.#waiting.push({ tab, name, resolve }));
    }
    if (tab.dead) return undefined;
    this.#held.set(name, tab);
    const result = await callback({ name });
    this.#release(name, tab);
    return result;
  }
  #release(name, tab) {
    if (this.#held.get(name) !== tab) return;
    this.#held.delete(name);
    const next = this.#waiting.findIndex((one) => one.name === name && !one.tab.dead);
    if (next >= 0) this.#waiting.splice(next, 1)[0].resolve();
  }
  kill(tab) {
    tab.dead = true;
    for (const name of [...this.#held.keys()]) this.#release(name, tab);
  }
}

/**
 * A place where a tab may die: before and after each transaction, each call of WebCrypto and each request. `burn(n)` lets
 * the n-th of them be the last thing that the tab does.
 */
export class Fuse {
  #left = Infinity;
  #then = () => {};
  /** How many places were passed. */
  passed = 0;
  burn(left, then) {
    this.#left = left;
    this.#then = then;
  }
  async point() {
    this.passed += 1;
    if (--this.#left > 0) return undefined;
    if (this.#left === 0) this.#then();
    return new Promise(() => {});
  }
  around(work) {
    return async (...given) => {
      await this.point();
      const result = await work(...given);
      await this.point();
      return result;
    };
  }
  /** WebCrypto, a place before and after each call. */
  subtle() {
    return new Proxy(subtle, { get: (target, name) => this.around((...given) => target[name](...given)) });
  }
}

/** One browser on one tablet: its IndexedDB, its locks, its channel, and the tabs that are open. */
export class Browser {
  constructor(peer, t) {
    this.peer = peer;
    this.indexedDB = new IDBFactory();
    this.locks = new Locks();
    this.tabs = [];
    this.offset = 0;
    this.mono = 0;
    t?.after(() => this.close());
  }

  /** Open the app in a tab. A tab can be killed at any moment: then nothing of it goes on. */
  async tab(options = {}) {
    const tab = { dead: false, changes: [], channel: null };
    const alive = (work) => async (...given) => {
      if (tab.dead) return new Promise(() => {});
      const result = await work(...given).catch((error) => {
        if (tab.dead) return new Promise(() => {});
        throw error;
      });
      return tab.dead ? new Promise(() => {}) : result;
    };
    const browser = this;
    tab.channel = {
      onmessage: null,
      postMessage(message) {
        if (tab.dead) return;
        const data = structuredClone(message);
        for (const other of browser.tabs) if (other !== tab && !other.dead) queueMicrotask(() => !other.dead && other.channel.onmessage?.({ data }));
      },
      close() {},
    };
    this.tabs.push(tab);
    tab.options = {
      indexedDB: this.indexedDB,
      subtle: options.fuse?.subtle() ?? subtle,
      locks: this.locks.forTab(tab),
      channel: tab.channel,
      fetchJson: alive(options.fuse?.around(this.peer.fetchJson) ?? this.peer.fetchJson),
      clock: new Clock(
        () => Date.now() + this.offset,
        () => performance.now() + this.mono,
      ),
      uuid: randomUUID,
      schema: 1,
      appVersion: "1",
      pace: { least: 2, most: 20 },
      onChange: (what) => tab.changes.push(what),
      ...options,
    };
    tab.device = await withFuse(options.fuse, () => Device.open(tab.options));
    return tab;
  }

  /** Open the app and sign on. */
  async signedOn(person = "7", options = {}) {
    const tab = await this.tab(options);
    await tab.device.unlock(this.peer.key(person));
    return tab.device;
  }

  /** The tab is gone, as when its process is killed. */
  kill(tab) {
    this.locks.kill(tab);
    // Its timers must not outlive it here either; the store stays as it is.
    tab.device?.close();
  }

  close() {
    for (const tab of this.tabs) if (!tab.dead) this.kill(tab);
  }

  /** Everything that is on the disk, by store. */
  async disk(name = "care-field") {
    const db = await new Promise((resolve, reject) => {
      const request = this.indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const disk = {};
    for (const store of db.objectStoreNames) {
      disk[store] = await new Promise((resolve, reject) => {
        const request = db.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    }
    db.close();
    return disk;
  }
}

/** What a replica holds, to be compared with what the server has. */
export const holds = (device) =>
  Object.fromEntries(
    device.replica
      .streams()
      .sort()
      .map((name) => [name, device.replica.heldIn(name).map(({ c, id, n, body }) => `${c}|${id}|${n}|${JSON.stringify(body)}`).sort()]),
  );
export const has = (peer) => Object.fromEntries([...peer.streams.keys()].sort().map((name) => [name, peer.live(name).map(({ c, id, n, b }) => `${c}|${id}|${n}|${JSON.stringify(b)}`).sort()]));
