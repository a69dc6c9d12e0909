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
 * @typedef {object} Stream
 * @property {number} number
 * @property {number} floor the oldest number from which the server could go on, as it last said
 * @property {boolean} whole whether the next pull must ask for all of it
 * @property {Map<string, Held>} held
 * @property {Set<string>|null} unseen after a reset: what was held and has not come again yet
 */

const MODULUS = 1n << 64n;

export class Replica {
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  /** @type {Set<(changes: Change[]) => void>} */
  #listeners = new Set();
  /** @type {Map<string, bigint>} */
  #terms = new Map();

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
   * @param {SyncAnswer} answer
   * @returns {boolean}
   */
  pull(answer) {
    /** @type {Change[]} */
    const changes = [];
    let more = false;
    for (const { stream } of answer.dropped ?? []) this.#drop(stream, changes);
    for (const [name, part] of Object.entries(answer.streams)) {
      const stream = this.#open(name);
      if (part.reset || stream.whole) {
        stream.unseen ??= new Set(stream.held.keys());
        stream.whole = false;
        stream.number = 0;
      }
      for (const document of part.documents) this.#apply(name, stream, document, changes);
      stream.number = stream.unseen ? part.number : Math.max(stream.number, part.number);
      stream.floor = part.floor ?? stream.floor;
      if (part.more) {
        more = true;
      } else if (stream.unseen) {
        for (const key of stream.unseen) this.#remove(name, stream, key, "reset", changes);
        stream.unseen = null;
      }
    }
    this.#tell(changes);
    return more;
  }

  /**
   * Apply one frame. Tell false when something before it is missing: nothing was changed then, and a pull is due.
   * @param {Frame} frame
   * @returns {boolean}
   */
  frame(frame) {
    const stream = this.#streams.get(frame.s);
    if (!stream || stream.whole) return false;
    if (frame.n <= stream.number) return true;
    if (frame.prev !== stream.number) return false;
    /** @type {Change[]} */
    const changes = [];
    for (const document of frame.d) this.#apply(frame.s, stream, document, changes);
    stream.number = frame.n;
    this.#tell(changes);
    return true;
  }

  /**
   * Give up streams that are no longer this reader's, and everything in them.
   * @param {Iterable<string>} names
   */
  drop(names) {
    /** @type {Change[]} */
    const changes = [];
    for (const name of names) this.#drop(name, changes);
    this.#tell(changes);
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
    let sum = 0n;
    for (const held of this.#streams.get(name)?.held.values() ?? []) {
      const text = `${held.c}|${held.id}|${held.n}`;
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
      stream = { number: 0, floor: 0, whole: false, held: new Map(), unseen: null };
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /**
   * @param {string} name
   * @param {Stream} stream
   * @param {WireDocument} document
   * @param {Change[]} changes
   */
  #apply(name, stream, document, changes) {
    const key = `${document.c}|${document.id}`;
    const had = stream.held.get(key);
    const again = stream.unseen?.delete(key) ?? false;
    if (document.gone !== undefined) {
      if (had && (again || had.n <= document.n)) this.#remove(name, stream, key, document.gone, changes);
      return;
    }
    if (had && (again ? had.n === document.n : had.n >= document.n)) return;
    const { c, id, n, b } = document;
    stream.held.set(key, { stream: name, c, id, n, body: b });
    changes.push({ stream: name, c, id, ...(had ? { before: had.body } : {}), after: b });
  }

  /**
   * @param {string} name
   * @param {Stream} stream
   * @param {string} key
   * @param {string} gone
   * @param {Change[]} changes
   */
  #remove(name, stream, key, gone, changes) {
    const had = stream.held.get(key);
    if (!had) return;
    stream.held.delete(key);
    changes.push({ stream: name, c: had.c, id: had.id, before: had.body, gone });
  }

  /**
   * @param {string} name
   * @param {Change[]} changes
   */
  #drop(name, changes) {
    const stream = this.#streams.get(name);
    if (!stream) return;
    for (const key of [...stream.held.keys()]) this.#remove(name, stream, key, "dropped", changes);
    this.#streams.delete(name);
  }

  /** @param {Change[]} changes */
  #tell(changes) {
    if (changes.length) for (const listener of this.#listeners) listener(changes);
  }
}
