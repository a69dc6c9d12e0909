/**
 * This device, as the tablet app sees it: what it holds, what was done on it, who may read it, and the one way to the
 * server. No browser and no DOM in here: what it needs of them is handed to it, so that Node runs it in tests.
 */

import { NoAnswer } from "../http.js";
import { Replica } from "../replica.js";
import { Cipher, NoKey, fromBase64 } from "./cipher.js";
import { Exchange } from "./exchange.js";
import { Holdings } from "./holdings.js";
import { Lease } from "./lease.js";
import { ARGS_LIMIT, Outbox } from "./outbox.js";
import { MemoryStore, STORES, Store, StoreError } from "./store.js";
import { Writer } from "./writer.js";

/** @typedef {import("../actions.js").Action} Action */
/** @typedef {import("../http.js").FetchJson} FetchJson */
/** @typedef {import("../replica.js").StreamPlan} StreamPlan */
/** @typedef {import("../times.js").Clock} Clock */
/** @typedef {import("../wire.js").Frame} Frame */
/** @typedef {import("./cipher.js").Bytes} Bytes */
/** @typedef {import("./cipher.js").Closed} Closed */
/** @typedef {import("./cipher.js").Keys} Keys */
/** @typedef {import("./cipher.js").SealTo} SealTo */
/** @typedef {import("./cipher.js").Wrap} Wrap */
/** @typedef {import("./store.js").StoreName} StoreName */
/** @typedef {import("./store.js").Work} Work */
/** @typedef {import("./writer.js").Message} Message */

/** What changed, beside the documents. @typedef {{type: "action", action: Action} | {type: "lease"|"writer"|"quota"|"wiped"|"purged"|"outdated"|"people"|"status"}} DeviceChange */

/** One thing in a tray. @typedef {Action & {copyReadable: boolean}} TrayItem */

/** Who may sign on here without the server. @typedef {{person: string, name: string, leaseUntil: string, left: number}} Person */

/**
 * @typedef {object} Options
 * @property {IDBFactory|null|undefined} indexedDB with `subtle` missing or this, everything is in memory only
 * @property {SubtleCrypto|null|undefined} subtle
 * @property {import("./writer.js").Locks|null|undefined} locks
 * @property {import("./writer.js").Channel|null|undefined} channel a BroadcastChannel of this app
 * @property {FetchJson} fetchJson
 * @property {Clock} clock
 * @property {() => string} uuid
 * @property {number} schema of the documents that this app understands
 * @property {string} appVersion
 * @property {() => number} [random]
 * @property {(what: DeviceChange) => void} [onChange]
 * @property {() => Promise<boolean>} [persist] ask the browser not to erase the store by itself
 * @property {string} [name] of the database
 * @property {{least: number, most: number}} [pace] ms between tries
 * @property {number} [version] of the database
 * @property {readonly number[]} [rebuilding]
 */

/** Tries of a PIN in a row. The last wrong one erases the keys under it. */
export const PIN_TRIES = 5;

/** How long a tab waits for the writer to have asked the server, in ms. */
const WRITER_LIMIT = 30_000;

/** How often, in a purge, the server may answer and take nothing before the rest is given up. */
const PURGE_TRIES = 3;

/**
 * What this device could not do, and why: `locked`, `purged`, `pin_wrong` (with `left`), `pin_unknown`, `pin_short`,
 * `too_large`, `quota`, `no_seal`.
 */
export class DeviceError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [left] tries left
   */
  constructor(code, message, left = 0) {
    super(message);
    this.code = code;
    this.left = left;
  }
}

export class Device {
  /** Made when the store was found empty, and again when it is. */
  installation = "";
  /** What the server last said, and nothing else. */
  replica = new Replica();
  /** Whether the browser promised not to erase the store by itself. */
  persisted = false;
  /** Whether the store was empty when this was opened. */
  fresh = false;
  /** Whether the store was erased under this page: what it still knew was saved, the rest is gone. */
  wiped = false;
  /** Whether everything was erased because the server said so. */
  purged = false;
  /** Who is signed on here, a person's id; null while locked. @type {string|null} */
  person = null;

  #options;
  #store;
  #cipher;
  #clock;
  #random;
  #lease;
  #outbox;
  #holdings;
  #exchange;
  #writer;
  #onChange;
  /** @type {Keys|null} */
  #keys = null;
  /** @type {SealTo|null} */
  #seal = null;
  /** @type {Map<string, unknown>} */
  #kept = new Map();
  /** @type {Person[]} */
  #people = [];
  /** @type {Promise<unknown>} */
  #doing = Promise.resolve();
  /** @type {Promise<boolean>|null} */
  #running = null;
  #again = false;
  /** Frames that came while an exchange was under way. @type {Frame[]} */
  #frames = [];
  /** @type {Map<string, (done: boolean) => void>} */
  #asked = new Map();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {Promise<void>|null} */
  #rescue = null;
  #purging = false;
  #closed = false;
  /** Counts sign-ons: what the server said before the last one is not about it. */
  #openings = 0;

  /**
   * Open what this device kept, or begin anew.
   * @param {Options} options
   * @returns {Promise<Device>}
   * @throws {StoreError} the store cannot be opened
   */
  static async open(options) {
    const device = new Device(options);
    await device.#begin();
    return device;
  }

  /** @param {Options} options use `Device.open` */
  constructor(options) {
    const { indexedDB, subtle, locks, channel, clock, fetchJson, random, onChange, name = "care-field", version, rebuilding, pace } = options;
    const durable = Boolean(indexedDB && subtle);
    this.#options = options;
    this.#clock = clock;
    this.#random = random ?? Math.random;
    this.#onChange = onChange ?? (() => {});
    this.#store = indexedDB && durable ? new Store({ indexedDB, name, ...(version ? { version } : {}), ...(rebuilding ? { rebuilding } : {}) }) : new MemoryStore();
    this.#cipher = new Cipher(durable ? (subtle ?? null) : null);
    this.#lease = new Lease(clock);
    this.#outbox = new Outbox({ store: this.#store, cipher: this.#cipher, onAction: (action) => this.#onChange({ type: "action", action }) });
    this.#writer = new Writer({
      // Each tab is alone with what it holds in memory.
      locks: durable ? (locks ?? null) : null,
      channel: durable ? (channel ?? null) : null,
      name: `${name}-writer`,
      onBecome: () => void this.#quietly(this.#became(), undefined),
      onMessage: (message) => void this.#quietly(this.#heard(message), undefined),
    });
    this.#holdings = new Holdings({
      store: this.#store,
      cipher: this.#cipher,
      replica: this.replica,
      outbox: this.#outbox,
      installation: () => this.installation,
      say: (plans, seqs, memo) => this.#writer.say({ t: "applied", plans, seqs, memo }),
      onQuota: () => this.#onChange({ type: "quota" }),
    });
    this.#exchange = new Exchange({
      fetchJson,
      holdings: this.#holdings,
      clock,
      lease: this.#lease,
      random: this.#random,
      describe: () => ({ installation: this.installation, schema: options.schema, appVersion: options.appVersion, persisted: this.persisted }),
      time: () => this.#time(),
      ...(pace ? { pace } : {}),
    });
    this.#store.onLost = (why) => {
      if (why === "outdated") this.#onChange({ type: "outdated" });
      else void this.#quietly(this.#rescueNow(), undefined);
    };
  }

  // --- who may read -------------------------------------------------------------------------------------------------------

  /** Whether what is done here outlives the page. */
  get durable() {
    return this.#store.durable;
  }

  /** Whether this tab is the one that speaks with the server. */
  get writer() {
    return this.#writer.is;
  }

  /** Whether nothing here can be read until somebody signs on. */
  get locked() {
    return !this.#holds();
  }

  /** Until when this device may read what it keeps, and whether it has the key now. */
  get lease() {
    const key = this.#holds();
    return { until: this.#lease.until === null ? null : new Date(this.#lease.until).toISOString(), key };
  }

  /**
   * Open what is kept, after a proper sign-on, with what `POST /api/tablets/key/` released. Other tabs follow.
   * @param {{person: string|number, key: string, own?: string|undefined, keyId: string, leaseUntil: string, seal: SealTo}} released
   */
  async unlock({ person, key, own, keyId, leaseUntil, seal }) {
    const who = String(person);
    if (!this.#cipher.able) {
      this.#openings += 1;
      this.person = who;
      this.#lease.set(leaseUntil);
      await this.#holdings.unlock(null);
      this.#onChange({ type: "lease" });
      this.#kick();
      return;
    }
    const keys = await this.#cipher.keys({ person: who, keyId, key: fromBase64(key), own: own ? fromBase64(own) : undefined });
    await this.#guard(() =>
      this.#store.run(["documents", "streams", "meta"], "readwrite", async (work) => {
        const before = await work.get("meta", "keys");
        if (before && before.keyId !== keyId) {
          // The installation's key was renewed: what was closed with the old one opens for nobody.
          work.clear("documents");
          work.clear("streams");
          for (const { key: name, keyId: under } of await work.all("meta")) if (name.startsWith("pin:") && under !== keyId) work.delete("meta", name);
        }
        work.put("meta", { key: "keys", keyId, seal });
        work.put("meta", this.#time());
      }),
    );
    this.#seal = seal;
    await this.#open(keys, leaseUntil);
    await this.#readPeople();
  }

  /**
   * Let a person who is signed on here come back without the server, with this PIN, until their sign-on ends.
   * @param {string|number} person
   * @param {string} pin
   * @param {{name?: string}} [options] what they are called on the sign-on screen
   * @throws {DeviceError} locked, pin_short
   */
  async setPin(person, pin, { name = "" } = {}) {
    const keys = this.#keys;
    const who = String(person);
    if (!keys || keys.person !== who || this.#lease.until === null) throw new DeviceError("locked", "Sign on first.");
    if (!/^\d{4,12}$/.test(pin)) throw new DeviceError("pin_short", "A PIN has 4 to 12 digits.");
    const device = await this.#deviceKey(true);
    if (!device) throw new DeviceError("locked", "Sign on first.");
    const wrap = await this.#cipher.wrap(keys, pin, device);
    const record = { key: `pin:${who}`, person: who, name, keyId: keys.keyId, leaseUntil: new Date(this.#lease.until).toISOString(), tries: 0, wrap };
    await this.#guard(() => this.#store.run(["meta"], "readwrite", (work) => work.put("meta", record), { strict: true }));
    await this.#readPeople();
    this.#writer.say({ t: "people" });
  }

  /** Who may sign on here without the server: a PIN, and a sign-on that has not ended. @returns {Person[]} */
  people() {
    const now = this.#lease.now();
    return this.#people.filter(({ leaseUntil }) => Date.parse(leaseUntil) > now);
  }

  /**
   * Open what is kept with a person's PIN. A try counts before it is made: closing the page takes none back.
   * @param {string|number} person
   * @param {string} pin
   * @returns {Promise<{person: string, leaseUntil: string}>}
   * @throws {DeviceError} pin_wrong with `left`, pin_unknown
   */
  async unlockWithPin(person, pin) {
    const who = String(person);
    const name = `pin:${who}`;
    const device = await this.#deviceKey(false);
    const record = await this.#store.run(
      ["meta"],
      "readwrite",
      async (work) => {
        const kept = await work.get("meta", name);
        if (!kept) return null;
        if (kept.tries >= PIN_TRIES || Date.parse(kept.leaseUntil) <= this.#lease.now()) {
          work.delete("meta", name);
          return null;
        }
        const tried = { ...kept, tries: kept.tries + 1 };
        work.put("meta", tried);
        return tried;
      },
      { strict: true },
    );
    if (!record || !device) {
      await this.#readPeople();
      throw new DeviceError("pin_unknown", "Signing on here without signal is not possible for this person.");
    }
    const keys = await this.#cipher.unwrap(record.wrap, pin, device, { person: who, keyId: record.keyId });
    if (!keys) {
      const left = PIN_TRIES - record.tries;
      if (left <= 0) await this.#store.run(["meta"], "readwrite", (work) => work.delete("meta", name), { strict: true });
      await this.#readPeople();
      this.#writer.say({ t: "people" });
      throw new DeviceError("pin_wrong", left > 0 ? "That is not the PIN." : "Too many wrong PINs: sign on with signal.", left);
    }
    await this.#store.run(["meta"], "readwrite", (work) => work.put("meta", { ...record, tries: 0 }));
    await this.#open(keys, record.leaseUntil);
    await this.#readPeople();
    return { person: who, leaseUntil: record.leaseUntil };
  }

  /** Drop the key, in every tab: nothing here can be read until somebody signs on. What waits is still sent. */
  async lock() {
    this.#writer.say({ t: "lock" });
    await this.#lockHere();
  }

  // --- what was done ------------------------------------------------------------------------------------------------------

  /**
   * Take one action up. It is on the disk when this resolves; `done` of what is returned settles with the verdict.
   * @param {string} kind
   * @param {Record<string, unknown>} args
   * @param {{after?: readonly number[], actor?: string|number, v?: number, slot?: string}} [options] after: places of what it depends on; slot: it takes the place of what was done under that name and never offered to the server, as for a text that is saved while it is typed
   * @returns {Promise<Action & {done: Promise<Action>}>}
   * @throws {DeviceError} nothing was taken up: locked, purged, quota, too_large, no_seal
   */
  do(kind, args, { after = [], actor, v = 1, slot } = {}) {
    // What and when is what was true at the tap; the places in the lane are in the order of the taps.
    const who = actor === undefined ? this.person : String(actor);
    const made = { id: this.#options.uuid(), kind, v, after: [...after], happened_at: new Date(this.#clock.now()).toISOString(), jumped: this.#clock.jumped, ...(slot === undefined ? {} : { slot }) };
    const said = structuredClone(args);
    const taken = this.#doing.then(async () => {
      if (this.purged || this.#purging) throw new DeviceError("purged", "This device was erased.");
      if (who === null) throw new DeviceError("locked", "Nobody is signed on here.");
      if (new TextEncoder().encode(JSON.stringify(said)).length > ARGS_LIMIT) throw new DeviceError("too_large", "This is too long to be kept.");
      if (this.#cipher.able && !this.#seal) throw new DeviceError("no_seal", "Sign on with signal first.");
      const action = await this.#guard(() =>
        this.#roomy(() => this.#outbox.add({ ...made, actor: who }, said, { sealTo: this.#seal, installation: this.installation, time: () => this.#time() })),
      );
      this.#writer.say({ t: "actions", seqs: [action.seq] });
      this.#exchange.hurry();
      this.#kick();
      return action;
    });
    this.#doing = taken.catch(() => {});
    return taken;
  }

  /**
   * What the person signed on here did and has no answer yet, oldest first: laid over the documents, it is what is shown.
   * @returns {readonly Action[]}
   */
  pending() {
    return this.#mine().flatMap(({ row, action }) => (row.settled ? [] : [action]));
  }

  /**
   * What was applied while nobody could read here, so that the documents do not say it yet: laid over them like what waits.
   * @returns {readonly Action[]}
   */
  unseen() {
    return this.#mine().flatMap(({ row, action }) => (row.settled?.unseen ? [action] : []));
  }

  /**
   * What was applied while the person signed on here was away, so that the documents which are for them alone do not say it
   * yet. Those that everybody here reads may: it is not laid over them.
   * @returns {readonly Action[]}
   */
  apart() {
    return this.#mine().flatMap(({ row, action }) => (row.settled?.apart || row.settled?.unseen ? [action] : []));
  }

  /**
   * How often the person signed on here did something under this slot that they cannot read here, and that their documents
   * do not say yet.
   * @param {string} slot
   */
  unread(slot) {
    return this.#mine().filter(({ row, action }) => row.slot === slot && !Object.keys(action.args).length && (!row.settled || row.settled.apart || row.settled.unseen)).length;
  }

  /**
   * Who has ended their shift here without the server knowing it yet, whoever is signed on now.
   * @returns {string[]}
   */
  left() {
    return this.#outbox.open().flatMap(({ row }) => (row.kind === "shift.sign_off" && !row.settled ? [row.actor] : []));
  }

  /**
   * What became of what the person signed on here did: waiting, and what they have not put away yet.
   * @returns {{waiting: TrayItem[], refused: TrayItem[], quarantined: TrayItem[], flagged: TrayItem[]}}
   */
  trays() {
    /** @type {{waiting: TrayItem[], refused: TrayItem[], quarantined: TrayItem[], flagged: TrayItem[]}} */
    const trays = { waiting: [], refused: [], quarantined: [], flagged: [] };
    for (const { row, action } of this.#mine()) {
      const item = { ...action, copyReadable: row.copy !== null };
      if (!row.settled) trays.waiting.push(item);
      else if (row.settled.dismissed) continue;
      else if (row.settled.status === "applied") {
        if (row.settled.flags.length) trays.flagged.push(item);
      } else trays[row.settled.status].push(item);
    }
    return trays;
  }

  /** Put one thing in a tray away. @param {number} seq */
  async dismiss(seq) {
    await this.#holdings.turn(async () => {
      const found = this.#outbox.all().find(({ row }) => row.seq === seq)?.row;
      if (!found?.settled) return;
      const row = { ...found, settled: { ...found.settled, dismissed: true } };
      await this.#store.run(["outbox", "answers"], "readwrite", (work) => Outbox.write(work, [row]));
      await this.#outbox.commit([row]);
    });
    this.#writer.say({ t: "actions", seqs: [seq] });
    this.#onChange({ type: "status" });
  }

  // --- the server ---------------------------------------------------------------------------------------------------------

  /**
   * One whole round: what waits goes up, everything that changed comes down and is kept. Never two at a time: who asks
   * while one is under way gets one more. A tab that is not the writer asks the writer.
   * @returns {Promise<boolean>} whether the server answered; `status()` says why not
   */
  exchange() {
    if (this.#closed || this.purged) return Promise.resolve(false);
    if (!this.writer) return this.#askWriter();
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    // The server said when to come back.
    if (this.#exchange.error?.retryAfter && this.#exchange.wait > 0) return Promise.resolve(false);
    this.#running = this.#quietly(this.#rounds(), false).finally(() => {
      this.#running = null;
      this.#plan();
    });
    return this.#running;
  }

  /** Try now: the network came back, or the page is seen again. */
  wake() {
    this.#exchange.hurry();
    this.#kick();
  }

  /**
   * Apply what the live line brought. False when something before it is missing and a pull is due.
   * @param {Frame} frame
   * @returns {Promise<boolean>}
   */
  async frame(frame) {
    // The writer has its own line, and says what it applied.
    if (!this.writer || this.#closed) return true;
    if (this.#running) {
      this.#frames.push(frame);
      return true;
    }
    return this.#quietly(this.#holdings.frame(frame), true);
  }

  /**
   * Keep these streams only: the live line named who hears what.
   * @param {Iterable<string>} names
   */
  async keepOnly(names) {
    if (this.writer && !this.#closed) await this.#quietly(this.#holdings.keepOnly(names), undefined);
  }

  /** How the way to the server is, for the screen. */
  status() {
    const { count, oldest_at: oldestAt } = this.#outbox.waiting;
    const { memo, cramped } = this.#holdings;
    const { result, error, stuck, nextPoll } = this.#exchange;
    return { pending: count, oldestAt, lastContactAt: memo.contact_at, epoch: memo.epoch, lastResult: result, error, stuck, nextPoll, cramped, purging: this.#purging };
  }

  /**
   * Erase this device: a last try to send, then everything goes, and the server is told what is gone.
   * @returns {Promise<boolean>} whether everything is gone and the server knows
   */
  async purge() {
    if (!this.writer) {
      const done = await this.#askWriter();
      return done && this.purged;
    }
    if (this.#running) await this.#running;
    if (!this.#purging) await this.exchange();
    await this.#forsake();
    return this.#purgeOn();
  }

  /** Leave: nothing is sent any more, and the next tab in line is the writer. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#writer.close();
    this.#store.close();
  }

  // --- small things that are kept -----------------------------------------------------------------------------------------

  /** What the app kept under a name: nothing that must not be read by whoever finds the device. @param {string} name */
  kept(name) {
    return this.#kept.get(name) ?? null;
  }

  /**
   * @param {string} name
   * @param {unknown} value null forgets it
   */
  async keep(name, value) {
    if (value === null) this.#kept.delete(name);
    else this.#kept.set(name, value);
    await this.#guard(() =>
      this.#store.run(["meta"], "readwrite", (work) => {
        if (value === null) work.delete("meta", `kept:${name}`);
        else work.put("meta", { key: `kept:${name}`, value });
      }),
    );
  }

  /**
   * One transaction over the attachments, for who sends them.
   * @template T
   * @param {"readonly"|"readwrite"} mode
   * @param {(work: Work) => Promise<T>|T} work
   * @returns {Promise<T>}
   */
  attachments(mode, work) {
    return this.#guard(() => this.#store.run(["attachments"], mode, work, { strict: mode === "readwrite" }));
  }

  /**
   * Close bytes so that who is signed on here opens them again.
   * @param {Bytes} bytes
   * @param {string} about
   * @returns {Promise<Closed>}
   */
  closeBytes(bytes, about) {
    if (!this.#keys) throw new DeviceError("locked", "Nobody is signed on here.");
    return this.#cipher.closeBytes(this.#keys.shared, bytes, about);
  }

  /**
   * @param {Closed} closed
   * @param {string} about
   * @returns {Promise<Bytes>}
   */
  openBytes(closed, about) {
    if (!this.#keys) throw new DeviceError("locked", "Nobody is signed on here.");
    return this.#cipher.openBytes(this.#keys.shared, closed, about);
  }

  // --- opening ------------------------------------------------------------------------------------------------------------

  async #begin() {
    await this.#writer.begin();
    const uuid = this.#options.uuid();
    const { lane, keys, time, purge, kept } = await this.#store.run(
      ["meta"],
      "readwrite",
      async (work) => {
        const had = await work.get("meta", "lane");
        const lane = had ?? { key: "lane", installation: uuid, next: 1 };
        if (!had) work.put("meta", lane);
        const all = await work.all("meta");
        return { lane, keys: await work.get("meta", "keys"), time: await work.get("meta", "time"), purge: await work.get("meta", "purge"), kept: all.filter(({ key }) => key.startsWith("kept:")) };
      },
      { strict: true },
    );
    this.fresh = lane.installation === uuid;
    this.installation = lane.installation;
    this.#seal = keys?.seal ?? null;
    this.#purging = Boolean(purge && !purge.confirm);
    this.#kept = new Map(kept.map(({ key, value }) => [key.slice("kept:".length), value]));
    if (time) {
      this.#clock.resume(time.offset, time.local);
      this.#lease.resume(time.latest);
    }
    await this.#holdings.load();
    await this.#readPeople();
    const { persist } = this.#options;
    if (persist && this.durable) this.persisted = await persist().catch(() => false);
    if (!this.writer) this.#writer.say({ t: "ask_key" });
    this.#kick();
  }

  /** The writer before us went. Its last changes may not have been heard here. */
  async #became() {
    await this.#quietly(this.#holdings.load(), undefined);
    if (this.#keys) await this.#quietly(this.#holdings.unlock(this.#keys), undefined);
    this.#onChange({ type: "writer" });
    this.#kick();
  }

  /** @param {Message} message */
  async #heard(message) {
    if (this.#closed) return;
    switch (message.t) {
      case "applied":
        await this.#quietly(this.#holdings.follow(message.plans, message.seqs, message.memo), undefined);
        this.#onChange({ type: "status" });
        break;
      case "actions":
        await this.#quietly(this.#holdings.follow([], message.seqs), undefined);
        if (this.writer) {
          this.#exchange.hurry();
          this.#kick();
        }
        break;
      case "exchange":
        if (this.writer) {
          // What the asking tab has done is in the outbox on the disk.
          await this.#quietly(this.#holdings.turn(() => this.#outbox.load().then(() => this.#outbox.reveal(this.#keys, !this.#cipher.able))), undefined);
          const done = await this.exchange();
          const { result, error } = this.#exchange;
          this.#writer.say({ t: "exchanged", nonce: message.nonce, done, result, problem: error?.problem ?? null, retryAfter: error?.retryAfter ?? 0 });
        }
        break;
      case "exchanged":
        this.#exchange.result = message.result;
        this.#exchange.error = message.problem && new NoAnswer(message.result.status, message.problem, message.retryAfter);
        this.#asked.get(message.nonce)?.(message.done);
        break;
      case "ask_key":
        if (this.#keys && this.#holds()) this.#writer.say({ t: "key", keys: this.#keys, until: this.#lease.until });
        break;
      case "key":
        if (!this.#keys || this.#keys.person !== message.keys.person) await this.#follow(message.keys, message.until);
        break;
      case "lease":
        if (this.person !== null) this.#lease.set(message.until);
        this.#onChange({ type: "lease" });
        break;
      case "lock":
        await this.#lockHere();
        break;
      case "people":
        await this.#readPeople();
        this.#onChange({ type: "people" });
        break;
      case "purged":
        await this.#lockHere();
        this.purged = true;
        this.#onChange({ type: "purged" });
        break;
      default:
    }
  }

  // --- keys ---------------------------------------------------------------------------------------------------------------

  /** Whether the key is here and the lease holds. Past the lease the key is dropped, whoever asks. */
  #holds() {
    if (this.person === null) return false;
    if (this.#lease.holds) return true;
    void this.#lockHere();
    return false;
  }

  /**
   * @param {Keys} keys
   * @param {string} leaseUntil
   */
  async #open(keys, leaseUntil) {
    await this.#follow(keys, Date.parse(leaseUntil));
    this.#writer.say({ t: "key", keys, until: this.#lease.until });
    this.#kick();
  }

  /**
   * @param {Keys} keys
   * @param {number|null} until
   */
  async #follow(keys, until) {
    this.#openings += 1;
    this.#lease.set(until);
    this.#keys = keys;
    this.person = keys.person;
    const kept = await this.#store.run(["meta"], "readonly", (work) => work.get("meta", "keys"));
    this.#seal = kept?.seal ?? this.#seal;
    await this.#holdings.unlock(keys);
    this.#onChange({ type: "lease" });
  }

  async #lockHere() {
    if (!this.#keys && this.person === null) return;
    this.#keys = null;
    this.person = null;
    await this.#holdings.hide();
    this.#onChange({ type: "lease" });
  }

  /**
   * The key without which no PIN opens anything. It never leaves this browser.
   * @param {boolean} make whether to make it where there is none
   * @returns {Promise<CryptoKey|null>}
   */
  async #deviceKey(make) {
    const found = await this.#store.run(["meta"], "readonly", (work) => work.get("meta", "device-key"));
    if (found || !make) return found?.secret ?? null;
    const secret = await this.#cipher.deviceKey();
    return this.#store.run(
      ["meta"],
      "readwrite",
      async (work) => {
        // Another tab may have been quicker.
        const kept = await work.get("meta", "device-key");
        if (!kept) work.put("meta", { key: "device-key", secret });
        return kept?.secret ?? secret;
      },
      { strict: true },
    );
  }

  async #readPeople() {
    const now = this.#lease.now();
    const rows = await this.#store.run(["meta"], "readwrite", async (work) => {
      const pins = (await work.all("meta")).filter(({ key }) => key.startsWith("pin:"));
      for (const { key, leaseUntil } of pins) if (Date.parse(leaseUntil) <= now) work.delete("meta", key);
      return pins.filter(({ leaseUntil }) => Date.parse(leaseUntil) > now);
    });
    this.#people = rows.map(({ person, name, leaseUntil, tries }) => ({ person, name, leaseUntil, left: PIN_TRIES - tries }));
  }

  // --- the rounds ---------------------------------------------------------------------------------------------------------

  async #rounds() {
    let done;
    do {
      this.#again = false;
      this.#holds();
      if (this.#purging) return this.#purgeOn();
      await this.#quietly(this.#confirm(), undefined);
      const openings = this.#openings;
      done = await this.#exchange.round();
      if (this.#exchange.purge) {
        await this.#forsake();
        return this.#purgeOn();
      }
      if (done && openings === this.#openings) await this.#leaseTold();
      for (const frame of this.#frames.splice(0)) if (!(await this.#quietly(this.#holdings.frame(frame), true))) this.#again = true;
    } while (this.#again && done && !this.#closed);
    this.#onChange({ type: "status" });
    return done;
  }

  /** The server said until when somebody is signed on here, or that nobody is. */
  async #leaseTold() {
    const until = this.#exchange.leaseUntil;
    if (until === undefined || this.person === null) return;
    // A sign-on of our own may still be on its way.
    if (until === null) {
      if (this.#outbox.waiting.count === 0) await this.lock();
    } else if (Date.parse(until) !== this.#lease.until) {
      this.#lease.set(until);
      this.#writer.say({ t: "lease", until });
      this.#onChange({ type: "lease" });
    }
  }

  /** Ask the tab that is the writer, and wait for it. */
  #askWriter() {
    const nonce = this.#options.uuid();
    return new Promise((/** @type {(done: boolean) => void} */ resolve) => {
      /** @param {boolean} done */
      const end = (done) => {
        clearTimeout(timer);
        this.#asked.delete(nonce);
        resolve(done);
      };
      const timer = setTimeout(() => end(false), WRITER_LIMIT);
      /** @type {{unref?: () => void}} */ (/** @type {unknown} */ (timer)).unref?.();
      this.#asked.set(nonce, end);
      this.#writer.say({ t: "exchange", nonce });
    });
  }

  /** Begin a round soon, where there is something to send. */
  #kick() {
    if (!this.writer || this.#closed || this.purged) return;
    const { count } = this.#outbox.waiting;
    if (!count && !this.#purging) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.exchange(), this.#exchange.wait);
  }

  /** After a round: what still waits is tried again, later and later. */
  #plan() {
    if (this.#closed || this.purged) return;
    this.#kick();
  }

  // --- erasing ------------------------------------------------------------------------------------------------------------

  /** Erase everything that anybody could read, at once. What is sealed to the server may still be sent. */
  async #forsake() {
    if (this.#purging) return;
    const documents = await this.#store.run(["documents"], "readonly", (work) => work.all("documents"));
    const held = await this.#holdings.inventory(documents);
    await this.#lockHere();
    this.#purging = true;
    await this.#holdings.turn(() =>
      this.#store.run(
        [...STORES],
        "readwrite",
        async (work) => {
          for (const name of /** @type {StoreName[]} */ (["documents", "streams", "answers", "attachments"])) work.clear(name);
          for (const row of await work.all("outbox")) work.put("outbox", { ...row, copy: null });
          for (const { key } of await work.all("meta")) if (!["lane", "memo", "time"].includes(key)) work.delete("meta", key);
          work.put("meta", { key: "purge", held, tries: 0 });
        },
        { strict: true },
      ),
    );
    this.#kept.clear();
    this.#people = [];
    this.#seal = null;
    this.#holdings.erased(false);
    await this.#holdings.load();
    this.#writer.say({ t: "lock" });
  }

  /**
   * Go on with a purge: the last try to send, then the rest goes and the server is told.
   * @returns {Promise<boolean>}
   */
  async #purgeOn() {
    while (this.#outbox.waiting.count > 0) {
      const before = this.#outbox.waiting.count;
      const done = await this.#exchange.round();
      // Without a line there was no try. The order stands, and the next round goes on.
      if (!done && this.#exchange.result.status === 0) return false;
      if (this.#outbox.waiting.count < before) continue;
      const tries = await this.#store.run(["meta"], "readwrite", async (work) => {
        const purge = await work.get("meta", "purge");
        work.put("meta", { ...purge, tries: purge.tries + 1 });
        return purge.tries + 1;
      });
      if (tries >= PURGE_TRIES) break;
      return false;
    }
    const unsent = this.#outbox.waiting.count;
    const installation = this.installation;
    await this.#holdings.turn(() =>
      this.#store.run(
        [...STORES],
        "readwrite",
        async (work) => {
          const { held } = await work.get("meta", "purge");
          for (const name of STORES) work.clear(name);
          /** @type {Record<string, number>} */
          const left = { unsent };
          // Counted, not assumed.
          for (const name of STORES) left[name === "meta" ? "keys" : name] = await work.count(name);
          work.put("meta", { key: "purge", confirm: { installation, held, left } });
        },
        { strict: true },
      ),
    );
    this.#holdings.erased(false);
    this.#outbox.clear();
    const told = await this.#quietly(this.#confirm(), false);
    this.#purging = false;
    this.purged = true;
    this.#writer.say({ t: "purged" });
    this.#onChange({ type: "purged" });
    return told;
  }

  /** Tell the server what is gone, until it has heard it once. */
  async #confirm() {
    const purge = await this.#store.run(["meta"], "readonly", (work) => work.get("meta", "purge"));
    if (!purge?.confirm) return true;
    try {
      await this.#options.fetchJson("/api/tablets/purged/", purge.confirm);
    } catch {
      // Not heard: told again with the next round, also by the installation that comes after this one.
      return false;
    }
    await this.#store.run(["meta"], "readwrite", (work) => work.delete("meta", "purge"));
    return true;
  }

  // --- a store that fails -------------------------------------------------------------------------------------------------

  /**
   * Do something with the store; where it was erased under us, save what is still known and do it again.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #guard(work) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "gone") throw error;
      await this.#rescueNow();
      return work();
    }
  }

  /**
   * Do something that must find room: documents make way, for they can be fetched again.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #roomy(work) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "quota") throw error;
    }
    try {
      await this.#holdings.evict();
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "quota") throw error;
      this.#onChange({ type: "quota" });
      throw new DeviceError("quota", "This device has no room left: what was done could not be kept.");
    }
  }

  /**
   * @template T
   * @param {Promise<T>} work
   * @param {T} otherwise where the store failed or the key went: what is not kept will be asked for again
   * @returns {Promise<T>}
   */
  async #quietly(work, otherwise) {
    try {
      return await work;
    } catch (error) {
      const expected = error instanceof StoreError || error instanceof NoKey;
      if (!expected && !this.#closed) throw error;
      if (error instanceof StoreError && error.code === "gone" && !this.#closed) await this.#rescueNow();
      return otherwise;
    }
  }

  /** The store was erased while this page was open: begin a new installation with what is still in memory. */
  #rescueNow() {
    this.#rescue ??= this.#begunAnew().finally(() => {
      this.#rescue = null;
    });
    return this.#rescue;
  }

  async #begunAnew() {
    if (this.#closed || this.purged || this.#purging) return;
    const uuid = this.#options.uuid();
    const before = this.installation;
    await this.#holdings.turn(async () => {
      const rows = this.#outbox.moved();
      const kept = [...this.#kept].map(([name, value]) => ({ key: `kept:${name}`, value }));
      const keys = this.#keys && this.#seal ? [{ key: "keys", keyId: this.#keys.keyId, seal: this.#seal }] : [];
      const lane = await this.#store.run(
        ["outbox", "meta"],
        "readwrite",
        async (work) => {
          const found = await work.get("meta", "lane");
          if (found?.installation === before) return found;
          // Another tab may have begun already, with the same actions.
          const known = new Set((await work.all("outbox")).map(({ id }) => id));
          const lane = found ?? { key: "lane", installation: uuid, next: 1 };
          const added = rows.filter(({ id }) => !known.has(id));
          const shift = lane.next - 1;
          added.forEach((row, i) => work.put("outbox", { ...row, seq: lane.next + i, after: shift === 0 && added.length === rows.length ? row.after : [] }));
          const next = { ...lane, next: lane.next + added.length };
          work.put("meta", next);
          if (!found) for (const record of [...kept, ...keys, this.#time()]) work.put("meta", record);
          return next;
        },
        { strict: true },
      );
      this.installation = lane.installation;
      await this.#outbox.load();
      await this.#outbox.reveal(this.#keys, !this.#cipher.able);
      this.#holdings.erased(lane.installation !== before);
    });
    if (this.installation === before) return;
    this.wiped = true;
    this.#people = [];
    this.#onChange({ type: "wiped" });
    this.#kick();
  }

  /** What is read again when the page is opened without signal. */
  #time() {
    return { key: "time", offset: this.#clock.offset, local: this.#clock.local(), latest: this.#lease.now() };
  }

  #mine() {
    if (this.person === null) return [];
    return this.#cipher.able ? this.#outbox.open().filter(({ row }) => row.actor === this.person) : this.#outbox.open();
  }
}
