/**
 * Photos and signatures on their way to the server: kept on this device until the server has one it can use, sent piece by
 * piece, and only when nothing else waits.
 *
 * The word that a picture belongs to a call is an action like any other and goes first. The picture itself is known by the
 * SHA-256 of its bytes, so whatever was sent before the tab was killed need not be sent again. At rest it is closed under the
 * lease's key, whoever took it: the next crew of this tablet sends it, and is shown those of its own call only.
 *
 * No DOM in here. Node runs it in tests.
 */

/** @typedef {import("./sync/device.js").Device} Device */
/** @typedef {import("./sync/cipher.js").Bytes} Bytes */
/** @typedef {import("./sync/cipher.js").Closed} Closed */

/** @typedef {"PHOTO"|"SIGNATURE"} Purpose */

/**
 * waiting: not all of it is there. sent: the server has a picture of it; only the small one is still here. refused: the
 * server, or this device, cannot use it.
 * @typedef {"waiting"|"sent"|"refused"} HeldState
 */

/**
 * What is known of one without opening it.
 * @typedef {object} Held
 * @property {string} sha256
 * @property {number} call
 * @property {Purpose} purpose
 * @property {string} caption
 * @property {HeldState} state
 * @property {string} code why it was refused
 * @property {number} size
 * @property {number} offset how much of it is there
 * @property {number} at ms, when it was taken
 */

/**
 * As it is kept.
 * @typedef {object} Kept
 * @property {string} sha256
 * @property {string} type
 * @property {number} size
 * @property {number} offset
 * @property {HeldState} state
 * @property {string} code
 * @property {number} at
 * @property {boolean} told whether the action that attaches it is in the outbox
 * @property {Closed} about {call, purpose, caption, actor}
 * @property {Closed|null} bytes
 * @property {Closed|null} thumb
 */

/**
 * An answer to a piece. `status` 0: none came.
 * @typedef {{status: number, offset: number|null, retryAfter: number, body: any}} Sent
 */

/**
 * @callback Send
 * @param {"POST"|"PATCH"} method
 * @param {string} path
 * @param {{headers: Record<string, string>, body: string|Bytes, signal: AbortSignal}} what
 * @returns {Promise<Sent>}
 */

/** What the server takes. */
export const MAX_BYTES = 10_000_000;
export const TYPES = ["image/jpeg", "image/png", "image/webp"];

// A piece takes about this long: short enough to stop for, long enough not to be all headers.
const PIECE = { least: 16_384, first: 65_536, most: 262_144, ms: 1_500 };
const PACE = { least: 2_000, most: 120_000 };
// How often the server may find other bytes than were named before this device's own are taken for damaged.
const PATIENCE = 3;

/**
 * Return a function that sends pieces, and answers with status 0 where nothing came back.
 * @param {{headers: Record<string, string>, limitMs?: number}} options
 * @returns {Send}
 */
export function pieceSender({ headers: ours, limitMs = 30_000 }) {
  return async (method, path, { headers, body, signal }) => {
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, limitMs);
    signal.addEventListener("abort", stop);
    try {
      const response = await fetch(path, {
        method,
        headers: { Accept: "application/json", ...ours, ...headers },
        body,
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        signal: limit.signal,
      });
      const offset = response.headers.get("Upload-Offset");
      return {
        status: response.status,
        offset: offset === null ? null : Number(offset),
        retryAfter: Number(response.headers.get("Retry-After")) || 0,
        body: await response.json(),
      };
    } catch {
      return { status: 0, offset: null, retryAfter: 0, body: null };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  };
}

/** It cannot be attached, and why in words. */
export class NotAttached extends Error {}

export class Attachments {
  #device;
  #subtle;
  #send;
  #may;
  #onChange;
  #now;
  #random;
  #pace;
  #piece = PIECE.first;
  /** @type {Map<string, Held>} */
  #held = new Map();
  /** @type {AbortController|null} */
  #sending = null;
  /** Whose word is on its way to the outbox. @type {Set<string>} */
  #telling = new Set();
  #busy = false;
  #again = false;
  #stopped = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {Pick<Device, "do"|"attachments"|"closeBytes"|"openBytes"|"locked"|"writer"|"durable">} options.device
   * @param {SubtleCrypto} options.subtle
   * @param {Send} options.send
   * @param {() => boolean} options.mayUpload whether nothing else waits and the line is good
   * @param {() => void} [options.onChange]
   * @param {() => number} [options.now] ms
   * @param {() => number} [options.random]
   * @param {{least: number, most: number}} [options.pace] ms between tries
   */
  constructor({ device, subtle, send, mayUpload, onChange, now, random, pace }) {
    this.#device = device;
    this.#subtle = subtle;
    this.#send = send;
    this.#may = mayUpload;
    this.#onChange = onChange ?? (() => {});
    this.#now = now ?? Date.now;
    this.#random = random ?? Math.random;
    this.#pace = pace ?? PACE;
  }

  /** Every one that is here, oldest first; none while nobody is signed on. @returns {Held[]} */
  all() {
    if (this.#device.locked) return [];
    return [...this.#held.values()].sort((a, b) => a.at - b.at);
  }

  /** How many have not reached the server. */
  get waiting() {
    return this.all().filter(({ state }) => state === "waiting").length;
  }

  /**
   * Keep a picture on this device and say that it belongs to a call. Resolves when both are on the disk.
   * @param {{bytes: Bytes, type: string, thumb?: Bytes|null, call: number, purpose: Purpose, caption?: string, actor: string, after?: number[]}} given
   * @returns {Promise<Held>}
   * @throws {NotAttached}
   */
  async add({ bytes, type, thumb = null, call, purpose, caption = "", actor, after = [] }) {
    if (!TYPES.includes(type)) throw new NotAttached("This is no photo. Take it with the camera, or choose a JPEG or PNG.");
    if (!bytes.length) throw new NotAttached("The photo is empty. Take it again.");
    if (bytes.length > MAX_BYTES) throw new NotAttached("The photo is larger than 10 MB. Take it again with a lower resolution.");
    const sha256 = await this.#hash(bytes);
    const about = { call, purpose, caption, actor, after };
    /** @type {Kept} */
    const kept = {
      sha256,
      type,
      size: bytes.length,
      offset: 0,
      state: "waiting",
      code: "",
      at: this.#now(),
      told: false,
      about: await this.#device.closeBytes(utf8(JSON.stringify(about)), `attachment|${sha256}|about`),
      bytes: await this.#device.closeBytes(bytes, `attachment|${sha256}|bytes`),
      thumb: thumb && (await this.#device.closeBytes(thumb, `attachment|${sha256}|thumb`)),
    };
    this.#telling.add(sha256);
    // The picture before the word: a word whose picture was lost with the tab would wait for ever.
    try {
      await this.#device.attachments("readwrite", (work) => work.put("attachments", kept));
    } catch (error) {
      this.#telling.delete(sha256);
      throw error;
    }
    const held = this.#note(kept, about);
    await this.#tell(kept, about);
    this.#onChange();
    this.wake();
    return held;
  }

  /** The small picture that was made on this device, if it still has it. @param {string} sha256 @returns {Promise<Bytes|null>} */
  async thumbnail(sha256) {
    const kept = await this.#kept(sha256);
    if (!kept?.thumb || this.#device.locked) return null;
    return this.#device.openBytes(kept.thumb, `attachment|${sha256}|thumb`);
  }

  /** The picture itself, as long as it is here. @param {string} sha256 @returns {Promise<{bytes: Bytes, type: string}|null>} */
  async picture(sha256) {
    const kept = await this.#kept(sha256);
    if (!kept?.bytes || this.#device.locked) return null;
    return { bytes: await this.#device.openBytes(kept.bytes, `attachment|${sha256}|bytes`), type: kept.type };
  }

  /**
   * Forget what no screen of this tablet needs any more: sent, and its call gone; or refused, and somebody has read why.
   * @param {(held: Held) => boolean} over
   */
  async forget(over) {
    const gone = this.all().filter((held) => held.state !== "waiting" && over(held));
    if (!gone.length) return;
    await this.#device.attachments("readwrite", (work) => gone.forEach(({ sha256 }) => work.delete("attachments", sha256)));
    for (const { sha256 } of gone) this.#held.delete(sha256);
    this.#onChange();
  }

  /** Look what is here, and send what may be sent. Called when the line comes back, an exchange ended, or somebody unlocked. */
  wake() {
    clearTimeout(this.#timer);
    void this.#run();
  }

  /** Something else wants to go: let the piece under way fall. What of it arrived, the server will say. */
  yield() {
    this.#sending?.abort();
  }

  /** Send nothing any more. What is here stays. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.yield();
  }

  async #run() {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      do {
        this.#again = false;
        const rows = await this.#load();
        for (const kept of rows) {
          if (kept.state !== "waiting" || !kept.told) continue;
          if (this.#stopped || !this.#device.writer || this.#device.locked || !this.#may()) return;
          if (!(await this.#upload(kept))) return;
        }
      } while (this.#again);
    } catch {
      // The store failed, or somebody locked it meanwhile: the next wake looks again.
      this.#later(0);
    } finally {
      this.#busy = false;
    }
  }

  /** Read what is here; say again what was kept and never said. @returns {Promise<Kept[]>} */
  async #load() {
    if (this.#device.locked) {
      this.#held.clear();
      return [];
    }
    const rows = /** @type {Kept[]} */ (await this.#device.attachments("readonly", (work) => work.all("attachments")));
    rows.sort((a, b) => a.at - b.at);
    const here = new Set(rows.map(({ sha256 }) => sha256));
    for (const sha256 of this.#held.keys()) if (!here.has(sha256)) this.#held.delete(sha256);
    for (const kept of rows) {
      const known = this.#held.get(kept.sha256);
      if (known && kept.told) {
        Object.assign(known, { state: kept.state, code: kept.code, offset: kept.offset });
        continue;
      }
      let about;
      try {
        about = JSON.parse(new TextDecoder().decode(await this.#device.openBytes(kept.about, `attachment|${kept.sha256}|about`)));
      } catch {
        // Closed under a key that is no more (the installation was purged and this escaped, or the keys changed): it can
        // neither be shown nor sent.
        continue;
      }
      if (!known) this.#note(kept, about);
      // The tab was killed between the picture and the word; said twice, it is one.
      if (!kept.told && this.#device.writer && !this.#telling.has(kept.sha256)) await this.#tell(kept, about);
    }
    this.#onChange();
    return rows.filter(({ sha256 }) => this.#held.has(sha256));
  }

  /**
   * Send one, from wherever it stopped.
   * @param {Kept} kept
   * @returns {Promise<boolean>} whether to go on with the next one
   */
  async #upload(kept) {
    const { sha256, size, type } = kept;
    if (!kept.bytes) return true;
    const bytes = await this.#device.openBytes(kept.bytes, `attachment|${sha256}|bytes`);
    let wrong = 0;
    /** Null: ask how far it is. @type {number|null} */
    let from = null;
    for (;;) {
      if (this.#stopped || this.#device.locked || !this.#may()) return false;
      this.#sending = new AbortController();
      const { signal } = this.#sending;
      const began = this.#now();
      const piece = from === null ? 0 : Math.min(this.#piece, size - from);
      /** @type {Sent} */
      const answer = await (from === null
        ? this.#send("POST", "/api/attachments/", { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sha256, size, type }), signal })
        : this.#send("PATCH", `/api/attachments/${sha256}/`, { headers: { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(from) }, body: bytes.slice(from, from + piece), signal }));
      this.#sending = null;
      const { status, body } = answer;
      if (status === 200) {
        this.#failures = 0;
        if (piece) this.#learn(piece, this.#now() - began);
        if (body.state === "READY") return this.#settle(kept, "sent", "");
        if (body.state === "REFUSED") return this.#settle(kept, "refused", String(body.code ?? "refused"));
        from = Number(body.offset);
        await this.#progress(kept, from);
      } else if (status === 409 && answer.offset !== null) {
        // All of it there: somebody else sent it, and is about to have it looked at.
        from = answer.offset < size ? answer.offset : null;
      } else if (status === 404 && from !== null) {
        from = null;
      } else if (status === 422 && body?.code === "attachment_hash_wrong") {
        wrong += 1;
        if (wrong >= PATIENCE || (await this.#hash(bytes)) !== sha256) return this.#settle(kept, "refused", "damaged");
        from = null;
      } else if ([400, 413].includes(status) && body?.code) {
        return this.#settle(kept, "refused", String(body.code));
      } else {
        // No answer, not now, or not this tablet as it stands: it keeps.
        this.#piece = Math.max(PIECE.least, this.#piece >> 1);
        if (!signal.aborted) this.#failures += 1;
        this.#later(answer.retryAfter * 1000);
        return false;
      }
    }
  }

  /**
   * @param {Kept} kept
   * @param {"sent"|"refused"} state
   * @param {string} code
   */
  async #settle(kept, state, code) {
    // Refused, its bytes stay until somebody has read why.
    const bytes = state === "sent" ? null : kept.bytes;
    await this.#change(kept.sha256, (row) => ({ ...row, state, code, bytes, offset: row.size }));
    return true;
  }

  /**
   * @param {Kept} kept
   * @param {number} offset
   */
  async #progress(kept, offset) {
    const held = this.#held.get(kept.sha256);
    if (held) held.offset = offset;
    this.#onChange();
  }

  /**
   * @param {string} sha256
   * @param {(row: Kept) => Kept} change
   */
  async #change(sha256, change) {
    await this.#device.attachments("readwrite", async (work) => {
      const row = await work.get("attachments", sha256);
      if (row) work.put("attachments", change(row));
    });
    const kept = await this.#kept(sha256);
    const held = this.#held.get(sha256);
    if (held && kept) Object.assign(held, { state: kept.state, code: kept.code, offset: kept.offset });
    this.#onChange();
  }

  /**
   * @param {Kept} kept
   * @param {{call: number, purpose: Purpose, caption: string, actor: string, after: number[]}} about
   */
  async #tell(kept, { call, purpose, caption, actor, after }) {
    const { sha256 } = kept;
    this.#telling.add(sha256);
    try {
      await this.#device.do("call.attach", { call, sha256, purpose, ...(caption ? { caption } : {}) }, { actor, after });
      kept.told = true;
      await this.#change(sha256, (row) => ({ ...row, told: true }));
    } finally {
      this.#telling.delete(sha256);
    }
  }

  /**
   * @param {Kept} kept
   * @param {{call: number, purpose: Purpose, caption: string}} about
   * @returns {Held}
   */
  #note({ sha256, state, code, size, offset, at }, { call, purpose, caption }) {
    const held = { sha256, call, purpose, caption, state, code, size, offset, at };
    this.#held.set(sha256, held);
    return held;
  }

  /** @param {string} sha256 @returns {Promise<Kept|undefined>} */
  #kept(sha256) {
    return this.#device.attachments("readonly", (work) => work.get("attachments", sha256));
  }

  /**
   * Pieces grow where the line is quick, and shrink where it is not.
   * @param {number} piece
   * @param {number} ms
   */
  #learn(piece, ms) {
    if (ms < PIECE.ms / 2 && piece === this.#piece) this.#piece = Math.min(PIECE.most, this.#piece * 2);
    else if (ms > PIECE.ms) this.#piece = Math.max(PIECE.least, this.#piece >> 1);
  }

  /** @param {number} least ms */
  #later(least) {
    if (this.#stopped) return;
    const limit = Math.min(this.#pace.most, this.#pace.least * 2 ** Math.min(this.#failures, 20));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), Math.max(least, this.#pace.least + this.#random() * (limit - this.#pace.least)));
    /** @type {{unref?: () => void}} */ (/** @type {unknown} */ (this.#timer)).unref?.();
  }

  /** @param {Bytes} bytes */
  async #hash(bytes) {
    const digest = new Uint8Array(await this.#subtle.digest("SHA-256", bytes));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** @param {string} text @returns {Bytes} */
const utf8 = (text) => new TextEncoder().encode(text);

/** A document of the collection `attachment`. @typedef {import("./wire.js").AttachmentBody} AttachmentBody */

/**
 * One photo or signature of a call as a screen shows it, from whatever is known of it: the server's word, or this device's.
 * `here`: this device has sent or will send it.
 * @typedef {{sha256: string, purpose: Purpose, caption: string, at: number, state: "waiting"|"sending"|"sent"|"ready"|"refused", part: number, code: string, here: boolean}} Shown
 */

/**
 * Put together what the server says of a call's attachments and what this device holds.
 * @param {readonly AttachmentBody[]} said
 * @param {readonly Held[]} held
 * @returns {Shown[]} in the order in which they were taken
 */
export function together(said, held) {
  const mine = new Map(held.map((one) => [`${one.sha256}|${one.purpose}`, one]));
  /** @type {Shown[]} */
  const shown = said.map((body) => {
    const key = `${body.sha256}|${body.purpose}`;
    const local = mine.get(key);
    mine.delete(key);
    const { state, part, code } = stateOf(body, local);
    return { sha256: body.sha256, purpose: body.purpose, caption: body.caption, at: Date.parse(body.at), state, part, code, here: Boolean(local) };
  });
  for (const local of mine.values()) {
    const { state, part, code } = stateOf(null, local);
    shown.push({ sha256: local.sha256, purpose: local.purpose, caption: local.caption, at: local.at, state, part, code, here: true });
  }
  return shown.sort((a, b) => a.at - b.at || a.sha256.localeCompare(b.sha256));
}

/**
 * @param {AttachmentBody|null} said
 * @param {Held|undefined} local
 * @returns {{state: Shown["state"], part: number, code: string}}
 */
function stateOf(said, local) {
  if (said?.state === "READY") return { state: "ready", part: 1, code: "" };
  // What this device is about to send again is not over because the server once gave it up.
  if (local?.state === "waiting") return { state: local.offset ? "sending" : "waiting", part: local.offset / local.size, code: "" };
  if (said?.state === "REFUSED") return { state: "refused", part: 0, code: said.code ?? "" };
  if (local?.state === "refused") return { state: "refused", part: 0, code: local.code };
  return { state: local ? "sent" : "waiting", part: local ? 1 : 0, code: "" };
}
