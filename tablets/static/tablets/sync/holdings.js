/**
 * What this device holds, in memory and on the disk: documents by stream, and the outbox. Whatever changes them goes
 * through here, one after the other, and is on the disk before it is on the screen.
 */

import { Outbox, split } from "./outbox.js";
import { StoreError } from "./store.js";

/** @typedef {import("../replica.js").Replica} Replica */
/** @typedef {import("../replica.js").StreamPlan} StreamPlan */
/** @typedef {import("../replica.js").StreamState} StreamState */
/** @typedef {import("../replica.js").Held} Held */
/** @typedef {import("../wire.js").SyncAnswer} SyncAnswer */
/** @typedef {import("../wire.js").Frame} Frame */
/** @typedef {import("./cipher.js").Cipher} Cipher */
/** @typedef {import("./cipher.js").Keys} Keys */
/** @typedef {import("./outbox.js").Row} Row */
/** @typedef {import("./outbox.js").AnyStore} AnyStore */
/** @typedef {import("./store.js").Work} Work */

/**
 * What is remembered of the server, beside the documents.
 * @typedef {object} Memo
 * @property {string|null} epoch
 * @property {string|null} contact_at when the server last answered, by its clock
 * @property {number} mismatches digests that were wrong, not reported yet
 */

/**
 * What an answer came to.
 * @typedef {object} Outcome
 * @property {boolean} again whether to ask again at once
 * @property {number} settled how many actions it answered
 * @property {string[]} wrong streams whose digest differed
 */

/** Why streams go that come again at once, so that what they hold stays on the screen until then. */
const COMES_AGAIN = new Set(["resync", "schema"]);

export class Holdings {
  /** @type {Memo} */
  memo = { epoch: null, contact_at: null, mismatches: 0 };
  replica;
  outbox;

  #store;
  #cipher;
  #installation;
  #say;
  #onQuota;
  /** @type {Keys|null} */
  #keys = null;
  /** Whether nobody is signed on, where there are no keys. */
  #shut = false;
  /** Streams as they stand on the disk. @type {Map<string, StreamState>} */
  #disk = new Map();
  /** Streams that are newer in memory than on the disk, where they had no room. @type {Set<string>} */
  #unsaved = new Set();
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {object} options
   * @param {AnyStore} options.store
   * @param {Cipher} options.cipher
   * @param {Replica} options.replica
   * @param {Outbox} options.outbox
   * @param {() => string} options.installation whose store this is; another's is never written
   * @param {(plans: StreamPlan[], seqs: number[], memo: Memo) => void} options.say tell other tabs what changed
   * @param {() => void} options.onQuota there was no room for documents
   */
  constructor({ store, cipher, replica, outbox, installation, say, onQuota }) {
    this.#store = store;
    this.#cipher = cipher;
    this.replica = replica;
    this.outbox = outbox;
    this.#installation = installation;
    this.#say = say;
    this.#onQuota = onQuota;
  }

  /** Whether documents may be read and kept now. */
  get open() {
    return this.#keys !== null || (!this.#cipher.able && !this.#shut);
  }

  /** Whether some of what is shown is not on the disk. */
  get cramped() {
    return this.#unsaved.size > 0;
  }

  /**
   * Do one thing after the other.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  turn(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Read what is kept, as far as it may be read. */
  load() {
    return this.turn(async () => {
      const { memo } = await this.#states();
      this.memo = { epoch: memo?.epoch ?? null, contact_at: memo?.contact_at ?? null, mismatches: memo?.mismatches ?? 0 };
      await this.outbox.load();
      await this.#fill();
      if (!this.#cipher.able) await this.outbox.reveal(null, true);
    });
  }

  /**
   * Open everything with these keys, or close it (null).
   * @param {Keys|null} keys
   */
  unlock(keys) {
    return this.turn(async () => {
      this.#keys = keys;
      this.#shut = false;
      await this.#states();
      await this.outbox.reveal(keys, !this.#cipher.able);
      await this.#fill();
    });
  }

  /** Forget in memory what may no longer be read, at once. The disk keeps it, closed. */
  hide() {
    this.#keys = null;
    this.#shut = true;
    this.replica.restore([]);
    return this.turn(() => this.outbox.reveal(null, !this.#cipher.able));
  }

  /**
   * What to say of the streams in a request.
   * @returns {Promise<Record<string, {number: number, floor: number, digest?: string, count?: number}>>}
   */
  wants() {
    return this.turn(async () => {
      /** @type {Record<string, {number: number, floor: number, digest?: string, count?: number}>} */
      const wants = {};
      for (const [name, { number, floor, whole }] of this.#disk) if (!whole && this.#isForeign(name)) wants[name] = { number, floor };
      for (const [name, want] of Object.entries(this.replica.wants())) {
        // In the middle of being sent whole, the sum is of old and new.
        const part = this.replica.state(name)?.unseen ? {} : { digest: await this.replica.digest(name), count: this.replica.heldIn(name).length };
        wants[name] = { ...want, ...part };
      }
      return wants;
    });
  }

  /**
   * Apply an answer: documents, streams that go, answered actions and numbers, in one transaction.
   * @param {SyncAnswer} answer
   * @param {Record<string, unknown>|null} asked the streams that the request named; null where the answer names none
   * @param {() => Record<string, unknown>} time the record of what time it is, kept beside it
   * @returns {Promise<Outcome>}
   * @throws {StoreError} nothing could be kept; nothing was changed
   */
  apply(answer, asked, time) {
    return this.turn(async () => {
      const now = Date.parse(answer.now);
      const dropped = answer.dropped ?? [];
      const reopened = this.#reopened(answer);
      const reader = this.#readerOf(answer);
      const answered = await this.outbox.settle(answer.answers ?? [], now, { shared: this.open, reader });
      const settled = answered.length;
      const shared = this.open && asked !== null && !Object.values(answer.streams).some((part) => part.more);
      const rows = [...reopened, ...answered, ...this.outbox.seen({ shared, reader })];
      const comesAgain = dropped.some(({ why }) => COMES_AGAIN.has(why));
      const gone = dropped.filter(({ why }) => !COMES_AGAIN.has(why));
      if (asked && !comesAgain) for (const stream of this.#leftBehind(asked, answer)) gone.push({ stream, why: "not_yours" });
      const plans = this.open ? this.replica.planPull({ streams: answer.streams, dropped: gone }) : [];
      for (const { stream } of gone) {
        if (this.#disk.has(stream) && !plans.some(({ name }) => name === stream)) plans.push({ name: stream, from: null, state: null, steps: [] });
      }
      for (const { stream, why } of dropped) if (COMES_AGAIN.has(why)) plans.push(...this.#distrusted(stream));
      rows.push(...this.outbox.orphans(plans, this.replica, rows));
      const expired = this.outbox.expired(now);
      this.memo = { epoch: this.#epochAfter(answer), contact_at: answer.now, mismatches: 0 };
      await this.#keep(plans, (work) => {
        Outbox.write(work, rows);
        for (const seq of expired) work.delete("answers", seq);
        work.put("meta", { key: "memo", ...this.memo });
        work.put("meta", time());
      });
      this.replica.commit(this.open ? plans.filter(({ name }) => !this.#isForeign(name)) : []);
      await this.outbox.commit(rows, expired);
      this.#say(
        plans,
        rows.map(({ seq }) => seq),
        this.memo,
      );
      await this.#saveWhole();
      const wrong = this.open ? await this.#check(answer) : [];
      const more = this.open && Object.values(answer.streams).some((part) => part.more);
      const again = more || wrong.length > 0 || comesAgain || reopened.length > 0;
      return { again, settled, wrong };
    });
  }

  /**
   * Apply one frame. False when something before it is missing: a pull is due.
   * @param {Frame} frame
   */
  frame(frame) {
    return this.turn(async () => {
      if (!this.open) return true;
      const plans = this.replica.planFrame(frame);
      if (plans?.length) await this.#change(plans);
      return plans !== null;
    });
  }

  /**
   * Keep these streams only.
   * @param {Iterable<string>} names
   */
  keepOnly(names) {
    const kept = new Set(names);
    return this.turn(async () => {
      const plans = this.replica.planDrop(this.replica.streams().filter((name) => !kept.has(name)));
      if (plans.length) await this.#change(plans);
    });
  }

  /**
   * Follow what another tab has applied and kept.
   * @param {readonly StreamPlan[]} plans
   * @param {readonly number[]} seqs
   * @param {Memo} [memo]
   */
  follow(plans, seqs, memo) {
    return this.turn(async () => {
      this.memo = memo ?? this.memo;
      await this.outbox.follow(seqs);
      for (const { name, state } of plans) {
        if (state) this.#disk.set(name, state);
        else this.#disk.delete(name);
      }
      if (!this.open) return;
      for (const plan of plans) {
        if (this.#isForeign(plan.name)) continue;
        if (plan.state && plan.from !== (this.replica.state(plan.name)?.number ?? null)) {
          await this.#states();
          await this.#fill();
          return;
        }
        this.replica.commit([plan]);
      }
    });
  }

  /** Make room for what exists nowhere else: documents leave the disk, and stay in memory. */
  evict() {
    return this.turn(() => this.#evict());
  }

  /**
   * What is held on the disk, for the server's record: read without any key.
   * @param {readonly {stream: string, c: string, id: string, n: number}[]} documents
   * @returns {Promise<Record<string, {count: number, digest: string}>>}
   */
  async inventory(documents) {
    /** @type {Record<string, {count: number, digest: string}>} */
    const held = {};
    const names = new Set([...this.#disk.keys(), ...documents.map(({ stream }) => stream)]);
    for (const name of names) {
      const own = documents.filter(({ stream }) => stream === name);
      held[name] = { count: own.length, digest: await this.replica.digestOf(own) };
    }
    return held;
  }

  /** Everything was erased from the disk. @param {boolean} remembered whether what is in memory is to be kept anew */
  erased(remembered) {
    this.#disk.clear();
    this.#unsaved = new Set(remembered ? this.replica.streams() : []);
    this.memo = { epoch: null, contact_at: null, mismatches: 0 };
  }

  // --- inside a turn ------------------------------------------------------------------------------------------------------

  async #states() {
    const { memo, streams } = await this.#store.run(["streams", "meta"], "readonly", async (work) => ({ memo: await work.get("meta", "memo"), streams: await work.all("streams") }));
    this.#disk = new Map(streams.map(({ name, ...state }) => [name, state]));
    return { memo };
  }

  /** Fill the replica from the disk. A stream of which anything cannot be opened is asked for again, whole. */
  async #fill() {
    if (!this.open) {
      this.replica.restore([]);
      return;
    }
    const rows = await this.#store.run(["documents"], "readonly", (work) => work.all("documents"));
    /** @type {Map<string, Held[]>} */
    const held = new Map();
    /** @type {Set<string>} */
    const broken = new Set();
    await Promise.all(
      rows.map(async ({ stream, c, id, n, body }) => {
        if (this.#isForeign(stream)) return;
        try {
          const document = { stream, c, id, n, body: await this.#cipher.open(this.#keyOf(stream), body, `${stream}|${c}|${id}|${n}`) };
          const others = held.get(stream);
          if (others) others.push(document);
          else held.set(stream, [document]);
        } catch {
          broken.add(stream);
        }
      }),
    );
    const streams = [...this.#disk].filter(([name]) => !this.#isForeign(name));
    this.replica.restore(streams.map(([name, state]) => ({ name, ...state, whole: state.whole || broken.has(name), held: held.get(name) ?? [] })));
  }

  /**
   * Whose own documents an answer brings, all of them, where they may be read.
   * @param {SyncAnswer} answer
   */
  #readerOf({ streams }) {
    const person = this.#keys?.person ?? null;
    const part = person === null ? undefined : streams[`responder.${person}`];
    return part && !part.more ? person : null;
  }

  /**
   * @param {Record<string, unknown>} asked
   * @param {SyncAnswer} answer
   */
  #leftBehind(asked, answer) {
    const dropped = new Set((answer.dropped ?? []).map(({ stream }) => stream));
    return [...new Set([...this.#disk.keys(), ...this.replica.streams()])].filter((name) => !(name in asked) && !(name in answer.streams) && !dropped.has(name));
  }

  /**
   * Rows that the server must be told again: it knows less than it had answered.
   * @param {SyncAnswer} answer
   * @returns {Row[]}
   */
  #reopened({ epoch, expected_seq: expected, seq, purge }) {
    if (this.memo.epoch !== null && epoch !== undefined && epoch !== this.memo.epoch) return this.outbox.reopen(0);
    if (expected !== undefined) return this.outbox.reopen(expected);
    // Answered, and the lane has not come so far: the database was put back and nobody has said so.
    return seq === undefined || purge === true ? [] : this.outbox.reopen(seq + 1);
  }

  /**
   * Under which epoch to ask next. What the server expects and we no longer hold is passed over by saying none.
   * @param {SyncAnswer} answer
   */
  #epochAfter({ epoch, expected_seq: expected }) {
    if (expected !== undefined && expected < this.outbox.first) return null;
    return epoch ?? this.memo.epoch;
  }

  /**
   * @param {string} name
   * @returns {StreamPlan[]}
   */
  #distrusted(name) {
    const state = this.replica.state(name) ?? this.#disk.get(name);
    return state ? [{ name, from: state.number, state: { ...state, whole: true }, steps: [] }] : [];
  }

  /** @param {StreamPlan[]} plans */
  async #change(plans) {
    const rows = this.outbox.orphans(plans, this.replica, []);
    await this.#keep(plans, (work) => Outbox.write(work, rows));
    if (this.open) this.replica.commit(plans);
    await this.outbox.commit(rows);
    this.#say(
      plans,
      rows.map(({ seq }) => seq),
      this.memo,
    );
    await this.#saveWhole();
  }

  /**
   * Keep what plans change, and what `also` writes, in one transaction. Where there is no room, the documents stay off the
   * disk and `also` is kept without them.
   * @param {readonly StreamPlan[]} plans
   * @param {(work: Work) => void} also
   */
  async #keep(plans, also) {
    const steps = await this.#closed(plans.filter(({ name, state }) => state && !this.#unsaved.has(name)));
    try {
      await this.#store.run(["documents", "streams", "outbox", "answers", "meta"], "readwrite", async (work) => {
        await this.#checkOwner(work);
        for (const { name, state } of plans) {
          if (state) continue;
          await work.clearStream(name);
          work.delete("streams", name);
        }
        for (const { name, state, puts, gone } of steps) {
          for (const key of gone) work.delete("documents", key);
          for (const put of puts) work.put("documents", put);
          work.put("streams", { name, ...state });
        }
        also(work);
      });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "quota" || !steps.length) throw error;
      await this.#evict(also, plans);
      return;
    }
    for (const { name, state } of plans) {
      if (!state) {
        this.#disk.delete(name);
        this.#unsaved.delete(name);
      } else if (!this.#unsaved.has(name)) this.#disk.set(name, state);
    }
  }

  /**
   * A store that was erased and begun anew under us is not ours: its lane is another one.
   * @param {Work} work
   */
  async #checkOwner(work) {
    const lane = await work.get("meta", "lane");
    if (lane?.installation !== this.#installation()) throw new StoreError("gone", "The store on this device was erased.");
  }

  /**
   * @param {(work: Work) => void} [also]
   * @param {readonly StreamPlan[]} [plans]
   */
  async #evict(also = () => {}, plans = []) {
    await this.#store.run(["documents", "streams", "outbox", "answers", "meta"], "readwrite", async (work) => {
      await this.#checkOwner(work);
      work.clear("documents");
      work.clear("streams");
      also(work);
    });
    this.#disk.clear();
    this.#unsaved = new Set([...this.replica.streams(), ...plans.flatMap(({ name, state }) => (state ? [name] : []))]);
    this.#onQuota();
  }

  /** Try again to keep, whole, the streams that had no room. */
  async #saveWhole() {
    if (!this.#unsaved.size || !this.open) return;
    const names = [...this.#unsaved].filter((name) => this.replica.state(name));
    const whole = await this.#closed(
      names.map((name) => ({ name, from: null, state: this.replica.state(name), steps: this.replica.heldIn(name).map((put) => ({ put })) })),
    );
    try {
      await this.#store.run(["documents", "streams", "meta"], "readwrite", async (work) => {
        await this.#checkOwner(work);
        for (const { name, state, puts } of whole) {
          await work.clearStream(name);
          for (const put of puts) work.put("documents", put);
          work.put("streams", { name, ...state });
        }
      });
    } catch (error) {
      if (error instanceof StoreError && error.code === "quota") return;
      throw error;
    }
    for (const { name, state } of whole) if (state) this.#disk.set(name, state);
    this.#unsaved.clear();
  }

  /**
   * Compare digests with what was just applied; what differs is asked for again, whole.
   * @param {SyncAnswer} answer
   */
  async #check(answer) {
    const wrong = await this.replica.check(answer);
    if (!wrong.length) return wrong;
    this.memo = { ...this.memo, mismatches: this.memo.mismatches + wrong.length };
    await this.#keep(
      wrong.flatMap((name) => this.#distrusted(name)),
      (work) => work.put("meta", { key: "memo", ...this.memo }),
    );
    return wrong;
  }

  /**
   * Close the documents of plans, before any transaction is open.
   * @param {readonly StreamPlan[]} plans
   */
  #closed(plans) {
    return Promise.all(
      plans.map(async ({ name, state, steps }) => {
        /** Only the last word on each document counts. @type {Map<string, StreamPlan["steps"][number]>} */
        const last = new Map(steps.map((step) => ["put" in step ? `${step.put.c}|${step.put.id}` : step.key, step]));
        const puts = await Promise.all(
          [...last.values()].flatMap((step) => {
            if (!("put" in step)) return [];
            const { c, id, n, body } = step.put;
            return [this.#cipher.close(this.#keyOf(name), body, `${name}|${c}|${id}|${n}`).then((closed) => ({ stream: name, c, id, n, body: closed }))];
          }),
        );
        const gone = [...last.values()].flatMap((step) => ("put" in step ? [] : [[name, ...split(step.key)]]));
        return { name, state, puts, gone };
      }),
    );
  }

  /** @param {string} stream */
  #keyOf(stream) {
    if (!this.#keys) return null;
    return stream.startsWith("responder.") ? this.#keys.own : this.#keys.shared;
  }

  /** Whether a stream on the disk is another person's, or nobody may read at all. @param {string} stream */
  #isForeign(stream) {
    if (!this.#cipher.able) return false;
    return !this.#keys || (stream.startsWith("responder.") && stream !== `responder.${this.#keys.person}`);
  }
}
