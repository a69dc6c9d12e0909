/**
 * What this device holds: documents by stream, kept up by pulls and frames. No browser, no clock, no network.
 *
 * Frames and pulls may come twice, late or never. What is held never goes back to an older version, and a gap is always
 * noticed: `frame()` says false, and whoever drives the line pulls.
 */

/** @typedef {import("./wire.js").WireDocument} WireDocument */
/** @typedef {import("./wire.js").SyncAnswer} SyncAnswer */
/** @typedef {import("./wire.js").Frame} Frame */

/** @typedef {{stream: string, c: string, id: string, n: number, body: any}} Held */

/**
 * One thing that changed. `before` is missing for what came, `after` for what went; `gone` says why it went.
 * @typedef {{stream: string, c: string, id: string, before?: any, after?: any, gone?: string}} Change
 */

/**
 * Where a stream stands, without its documents: what a store keeps of it beside them.
 * @typedef {object} StreamState
 * @property {number} number
 * @property {number} floor the oldest number from which the server could go on, as it last said
 * @property {boolean} whole whether the next pull must ask for all of it
 * @property {string[]|null} unseen after a reset: the keys of what was held and has not come again yet
 */

/**
 * What is to become of one stream: computed before anything is changed, so that a store can keep it first.
 * @typedef {object} StreamPlan
 * @property {string} name
 * @property {number|null} from the number held when this was computed; null for a stream that was not held
 * @property {StreamState|null} state where it will stand; null: the stream goes, with everything in it
 * @property {({put: Held}|{key: string, gone: string})[]} steps
 */

/** @typedef {Omit<StreamState, "unseen"> & {held: Map<string, Held>, unseen: Set<string>|null}} Stream */

const MODULUS = 1n << 64n;

export class Replica {
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  /** @type {Set<(changes: Change[]) => void>} */
  #listeners = new Set();
  /** @type {Map<string, bigint>} */
  #terms = new Map();
  /** Digests of streams that have not changed since. @type {Map<string, string>} */
  #digests = new Map();
  /** Counts changes: what was computed meanwhile is of before. */
  #version = 0;

  /**
   * Return what to say in a pull: where to go on in each stream that needs no sending from the start.
   * @returns {Record<string, {number: number, floor: number}>}
   */
  wants() {
    /** @type {Record<string, {number: number, floor: number}>} */
    const wants = {};
    for (const [name, { number, floor, whole }] of this.#streams) if (!whole) wants[name] = { number, floor };
    return wants;
  }

  /**
   * Return the number of each stream that needs no sending from the start.
   * @returns {Record<string, number>}
   */
  numbers() {
    /** @type {Record<string, number>} */
    const numbers = {};
    for (const [name, { number }] of Object.entries(this.wants())) numbers[name] = number;
    return numbers;
  }

  /**
   * Return the names of all streams held.
   * @returns {string[]}
   */
  streams() {
    return [...this.#streams.keys()];
  }

  /**
   * Tell whether a beat's or a hello's numbers show that something is missing here.
   * @param {Record<string, number>} numbers
   */
  lacks(numbers) {
    return Object.entries(numbers).some(([name, number]) => {
      const stream = this.#streams.get(name);
      return !stream || stream.whole || stream.number !== number;
    });
  }

  /**
   * Apply the answer of an exchange. Tell whether there is more to ask for at once.
   * @param {Pick<SyncAnswer, "streams"|"dropped">} answer
   * @returns {boolean}
   */
  pull(answer) {
    this.commit(this.planPull(answer));
    return Object.values(answer.streams).some((part) => part.more);
  }

  /**
   * Compute what an answer makes of the streams, and change nothing.
   * @param {Pick<SyncAnswer, "streams"|"dropped">} answer
   * @returns {StreamPlan[]}
   */
  planPull(answer) {
    const dropped = (answer.dropped ?? []).map(({ stream }) => stream);
    const plans = this.planDrop(dropped);
    for (const [name, part] of Object.entries(answer.streams)) {
      // Dropped and sent anew in one answer: nothing of before counts.
      const stream = (dropped.includes(name) ? undefined : this.#streams.get(name)) ?? emptyStream();
      const draft = new Draft(name, stream);
      draft.from = this.#streams.has(name) && !dropped.includes(name) ? stream.number : null;
      if (part.reset || stream.whole) {
        draft.unseen ??= new Set(stream.held.keys());
        draft.whole = false;
        draft.number = 0;
      }
      for (const document of part.documents) draft.apply(document);
      draft.number = draft.unseen ? part.number : Math.max(draft.number, part.number);
      draft.floor = part.floor ?? draft.floor;
      if (!part.more && draft.unseen) {
        for (const key of draft.unseen) draft.remove(key, "reset");
        draft.unseen = null;
      }
      plans.push(draft.plan());
    }
    return plans;
  }

  /**
   * Apply one frame. Tell false when something before it is missing: nothing was changed then, and a pull is due.
   * @param {Frame} frame
   * @returns {boolean}
   */
  frame(frame) {
    const plans = this.planFrame(frame);
    if (plans) this.commit(plans);
    return plans !== null;
  }

  /**
   * Compute what a frame makes of its stream, and change nothing. Null when something before it is missing.
   * @param {Frame} frame
   * @returns {StreamPlan[]|null}
   */
  planFrame(frame) {
    const stream = this.#streams.get(frame.s);
    if (!stream || stream.whole) return null;
    if (frame.n <= stream.number) return [];
    if (frame.prev !== stream.number) return null;
    const draft = new Draft(frame.s, stream);
    for (const document of frame.d) draft.apply(document);
    draft.number = frame.n;
    return [draft.plan()];
  }

  /**
   * Compute the going of streams, and change nothing.
   * @param {Iterable<string>} names
   * @returns {StreamPlan[]}
   */
  planDrop(names) {
    const plans = [];
    for (const name of names) {
      const stream = this.#streams.get(name);
      if (!stream) continue;
      const steps = [...stream.held.keys()].map((key) => ({ key, gone: "dropped" }));
      plans.push({ name, from: stream.number, state: null, steps });
    }
    return plans;
  }

  /**
   * Do what was computed.
   * @param {readonly StreamPlan[]} plans
   */
  commit(plans) {
    /** @type {Change[]} */
    const changes = [];
    this.#version += 1;
    for (const { name, state, steps } of plans) {
      this.#digests.delete(name);
      const stream = this.#open(name);
      for (const step of steps) {
        if ("put" in step) {
          const { put } = step;
          const key = `${put.c}|${put.id}`;
          const had = stream.held.get(key);
          stream.held.set(key, put);
          changes.push({ stream: name, c: put.c, id: put.id, ...(had ? { before: had.body } : {}), after: put.body });
        } else {
          const had = stream.held.get(step.key);
          stream.held.delete(step.key);
          if (had) changes.push({ stream: name, c: had.c, id: had.id, before: had.body, gone: step.gone });
        }
      }
      if (state) Object.assign(stream, { ...state, unseen: state.unseen && new Set(state.unseen) });
      else this.#streams.delete(name);
    }
    this.#tell(changes);
  }

  /**
   * Hold exactly this: what a store kept. Whatever was held before goes.
   * @param {Iterable<StreamState & {name: string, held: Iterable<Held>}>} streams
   */
  restore(streams) {
    /** @type {Change[]} */
    const changes = [];
    const before = this.#streams;
    this.#version += 1;
    this.#digests.clear();
    this.#streams = new Map();
    for (const { name, held, unseen, number, floor, whole } of streams) {
      const stream = this.#open(name);
      Object.assign(stream, { number, floor, whole, unseen: unseen && new Set(unseen) });
      for (const one of held) {
        const key = `${one.c}|${one.id}`;
        const had = before.get(name)?.held.get(key);
        before.get(name)?.held.delete(key);
        stream.held.set(key, one);
        if (had?.n !== one.n) changes.push({ stream: name, c: one.c, id: one.id, ...(had ? { before: had.body } : {}), after: one.body });
      }
    }
    for (const [name, { held }] of before) {
      for (const had of held.values()) changes.push({ stream: name, c: had.c, id: had.id, before: had.body, gone: "dropped" });
    }
    this.#tell(changes);
  }

  /**
   * Return where a stream stands, or null.
   * @param {string} name
   * @returns {StreamState|null}
   */
  state(name) {
    const stream = this.#streams.get(name);
    if (!stream) return null;
    const { number, floor, whole, unseen } = stream;
    return { number, floor, whole, unseen: unseen && [...unseen] };
  }

  /**
   * Return everything that is held of one stream.
   * @param {string} name
   * @returns {Held[]}
   */
  heldIn(name) {
    return [...(this.#streams.get(name)?.held.values() ?? [])];
  }

  /**
   * Return the streams that a request could not name, because they are to be sent whole, and that its answer does not
   * bring: nobody said that they went, and they did.
   * @param {Record<string, unknown>} asked
   * @param {Pick<SyncAnswer, "streams">} answer
   */
  leftBehind(asked, answer) {
    return this.streams().filter((name) => !(name in asked) && !(name in answer.streams));
  }

  /**
   * Give up streams that are no longer this reader's, and everything in them.
   * @param {Iterable<string>} names
   */
  drop(names) {
    this.commit(this.planDrop(names));
  }

  /**
   * Keep these streams only.
   * @param {Iterable<string>} names
   */
  keep(names) {
    const kept = new Set(names);
    this.drop(this.streams().filter((name) => !kept.has(name)));
  }

  /**
   * Ask for a stream from the start with the next pull. What is held stays on screen until then.
   * @param {string} name
   */
  distrust(name) {
    this.#open(name).whole = true;
  }

  /**
   * Return everything of one collection, in streams whose name begins with `prefix`.
   * @param {string} collection
   * @param {string} [prefix]
   * @returns {Held[]}
   */
  all(collection, prefix = "") {
    const found = [];
    for (const [name, stream] of this.#streams) {
      if (!name.startsWith(prefix)) continue;
      for (const held of stream.held.values()) if (held.c === collection) found.push(held);
    }
    return found;
  }

  /**
   * Return the body of one document, or null.
   * @param {string} collection
   * @param {string|number} id
   * @param {string} [prefix]
   * @returns {any}
   */
  get(collection, id, prefix = "") {
    for (const [name, stream] of this.#streams) {
      const held = name.startsWith(prefix) ? stream.held.get(`${collection}|${id}`) : undefined;
      if (held) return held.body;
    }
    return null;
  }

  /**
   * Call `listener` after every change; return what ends it.
   * @param {(changes: Change[]) => void} listener
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Compare digests and counts with what an answer says, and distrust what differs. Needs WebCrypto for the digests;
   * where a page may not use it, the counts are compared.
   * @param {SyncAnswer} answer
   * @returns {Promise<string[]>} the streams that differed
   */
  async check(answer) {
    const wrong = [];
    for (const [name, part] of Object.entries(answer.streams)) {
      const stream = this.#streams.get(name);
      if (!stream || part.more || stream.number !== part.number) continue;
      const right =
        (part.count === undefined || part.count === stream.held.size) &&
        (part.digest === undefined || !globalThis.crypto?.subtle || part.digest === (await this.digest(name)));
      if (!right) wrong.push(name);
    }
    for (const name of wrong) this.distrust(name);
    return wrong;
  }

  /**
   * Return a stream's digest as the server keeps it: the sum, modulo 2^64, of the first 8 bytes of the SHA-256 of
   * `collection|id|number` over its live documents, in sixteen hexadecimal digits.
   * @param {string} name
   */
  async digest(name) {
    const known = this.#digests.get(name);
    if (known !== undefined) return known;
    const held = this.#streams.get(name)?.held;
    const version = this.#version;
    const digest = await this.digestOf(held?.values() ?? []);
    if (version === this.#version) this.#digests.set(name, digest);
    return digest;
  }

  /**
   * Return the digest of any documents.
   * @param {Iterable<{c: string, id: string, n: number}>} documents
   */
  async digestOf(documents) {
    let sum = 0n;
    // As they are now: they may change while a hash is computed.
    for (const { c, id, n } of [...documents]) {
      const text = `${c}|${id}|${n}`;
      let term = this.#terms.get(text);
      if (term === undefined) {
        const hash = await globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
        term = new DataView(hash).getBigUint64(0);
        // A long shift sees many versions; what is no longer held is not worth its memory.
        if (this.#terms.size > 5000) this.#terms.clear();
        this.#terms.set(text, term);
      }
      sum = (sum + term) % MODULUS;
    }
    return sum.toString(16).padStart(16, "0");
  }

  /**
   * @param {string} name
   * @returns {Stream}
   */
  #open(name) {
    let stream = this.#streams.get(name);
    if (!stream) {
      stream = emptyStream();
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /** @param {Change[]} changes */
  #tell(changes) {
    if (changes.length) for (const listener of this.#listeners) listener(changes);
  }
}

/** @returns {Stream} */
function emptyStream() {
  return { number: 0, floor: 0, whole: false, held: new Map(), unseen: null };
}

/** One stream's changes while they are computed, over what is held. */
class Draft {
  /** @type {number|null} */
  from;
  number;
  floor;
  whole;
  unseen;
  #name;
  #stream;
  /** @type {StreamPlan["steps"]} */
  #steps = [];
  /** What the steps so far make of a key; null for what goes. @type {Map<string, Held|null>} */
  #now = new Map();

  /**
   * @param {string} name
   * @param {Stream} stream
   */
  constructor(name, stream) {
    this.#name = name;
    this.#stream = stream;
    this.from = stream.number;
    this.number = stream.number;
    this.floor = stream.floor;
    this.whole = stream.whole;
    this.unseen = stream.unseen && new Set(stream.unseen);
  }

  /** @param {WireDocument} document */
  apply({ c, id, n, b, gone }) {
    const key = `${c}|${id}`;
    const had = this.#held(key);
    const again = this.unseen?.delete(key) ?? false;
    if (gone !== undefined) {
      if (had && (again || had.n <= n)) this.remove(key, gone);
      return;
    }
    // After a restore of the server the same number may be another version.
    if (had && (again ? had.n === n && JSON.stringify(had.body) === JSON.stringify(b) : had.n >= n)) return;
    const put = { stream: this.#name, c, id, n, body: b };
    this.#now.set(key, put);
    this.#steps.push({ put });
  }

  /**
   * @param {string} key
   * @param {string} gone
   */
  remove(key, gone) {
    if (!this.#held(key)) return;
    this.#now.set(key, null);
    this.#steps.push({ key, gone });
  }

  /** @returns {StreamPlan} */
  plan() {
    const { from, number, floor, whole, unseen } = this;
    return { name: this.#name, from, state: { number, floor, whole, unseen: unseen && [...unseen] }, steps: this.#steps };
  }

  /** @param {string} key */
  #held(key) {
    const now = this.#now.get(key);
    return now === undefined ? this.#stream.held.get(key) : (now ?? undefined);
  }
}
