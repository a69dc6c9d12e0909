/**
 * The line to the server: a ticket, a socket that only listens, and pulls over HTTP for whatever the socket missed.
 *
 * The socket is a hint that is allowed to fail. What makes this device right is the pull, so the line goes on polling
 * whenever the socket is not there, and says which of the three it is: live, polling or offline.
 */

import { Replica } from "./replica.js";

/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {import("./wire.js").SyncAnswer} SyncAnswer */
/** @typedef {import("./http.js").FetchJson} FetchJson */
/** @typedef {import("./times.js").Clock} Clock */
/** @typedef {Pick<import("./sync/device.js").Device, "replica"|"exchange"|"frame"|"keepOnly"|"status"|"locked">} Keeper a device that keeps what it is told */
/** @typedef {"live"|"polling"|"offline"} LineState */

/**
 * @typedef {object} Pace times in ms
 * @property {number} dead silence after which a socket is taken for dead; the server beats every 10 s
 * @property {number} ping how often to ask for a pong, which also measures the clock's offset
 * @property {number} least the shortest wait before the next try
 * @property {number} most the longest wait before the next try
 * @property {number} steady how long a socket must have lasted for the waits to begin small again
 * @property {number} poll how often to pull while there is no socket
 * @property {number} answer how long to wait for an answer or for the hello
 */

/** @type {Pace} */
const PACE = { dead: 25_000, ping: 10_000, least: 500, most: 30_000, steady: 10_000, poll: 5_000, answer: 12_000 };

const SIGNED_OFF = 4401;

/**
 * How long to wait before try number `tries` (0, 1, 2 …): anywhere between the least and a doubling limit, so that two
 * thousand tablets that lost one server do not come back in one moment.
 * @param {number} tries
 * @param {{least: number, most: number}} pace ms
 * @param {() => number} random 0 ≤ x < 1
 */
export function backoff(tries, { least, most }, random) {
  const limit = Math.min(most, least * 2 ** Math.min(tries + 1, 20));
  return least + random() * (limit - least);
}

export class Line {
  /** @type {LineState} */
  state = "offline";
  /** Since when the state is what it is, in ms of this device's clock. */
  since = Date.now();
  /** When the server was last heard, in ms of this device's clock; null before the first time. @type {number|null} */
  heardAt = null;

  #replica;
  #device;
  #fetchJson;
  #onState;
  #onSignedOff;
  #onBackup;
  #clock;
  #socketUrl;
  #Socket;
  #random;
  /** @type {Pace} */
  #pace;

  #running = false;
  /** @type {WebSocket|null} */
  #socket = null;
  #greeted = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #watch;
  /** @type {Promise<boolean>|null} */
  #pulling = null;
  #again = false;
  /** Frames that came while a pull was under way. @type {Frame[]} */
  #kept = [];
  #failures = 0;
  /** The server asked not to be asked before this, ms of this device's clock. */
  #notBefore = 0;
  #nextPoll = 60_000;
  /** @type {Set<() => void>} */
  #sleepers = new Set();
  /** How often it was woken: what was pulled before may have been for nobody. */
  #wakes = 0;

  /**
   * @param {object} options
   * @param {Replica} [options.replica] what holds the documents, in memory only
   * @param {Keeper} [options.device] or a device, which pulls by itself and keeps what it is told
   * @param {FetchJson} options.fetchJson
   * @param {(line: Line) => void} [options.onState] called after every change of `state`
   * @param {(why: string) => void} [options.onSignedOff] the server no longer knows this device or session
   * @param {(message: any) => void} [options.onBackup] the server answered what was said by `say`, or says that something happened to a request
   * @param {Clock} [options.clock] takes the offsets measured on the way
   * @param {string} [options.socketUrl]
   * @param {typeof WebSocket} [options.Socket]
   * @param {() => number} [options.random]
   * @param {Partial<Pace>} [options.pace]
   */
  constructor({ replica, device, fetchJson, onState, onSignedOff, onBackup, clock, socketUrl, Socket, random, pace }) {
    this.#device = device ?? null;
    this.#replica = device?.replica ?? replica ?? new Replica();
    this.#fetchJson = fetchJson;
    this.#onState = onState ?? (() => {});
    this.#onSignedOff = onSignedOff ?? (() => {});
    this.#onBackup = onBackup ?? (() => {});
    this.#clock = clock;
    this.#socketUrl = socketUrl ?? `${location.origin.replace(/^http/, "ws")}/live/`;
    this.#Socket = Socket ?? WebSocket;
    this.#random = random ?? Math.random;
    this.#pace = { ...PACE, ...pace };
  }

  /** Begin, and go on until `stop()`. */
  start() {
    if (this.#running) return;
    this.#running = true;
    void this.#keepSocket();
    void this.#keepPolling();
  }

  /** End: no request and no socket is left open, and none is opened any more. */
  stop() {
    this.#running = false;
    clearTimeout(this.#watch);
    this.#socket?.close();
    this.wake();
  }

  /** The browser says that there is no network: what was live is not, without waiting for the silence to be long. */
  cut() {
    this.#failures += 1;
    this.#socket?.close();
    this.#greeted = false;
    this.#settle();
  }

  /** Try now rather than after the wait: the network came back, the page is seen again, somebody opened the device. */
  wake() {
    this.#failures = 0;
    this.#wakes += 1;
    for (const waken of [...this.#sleepers]) waken();
  }

  /**
   * Say something on the socket. The one thing that is said there is a request for backup, which goes by HTTP as well.
   * @param {Record<string, unknown>} message
   * @returns {boolean} whether there was a socket to say it on; not whether it was heard
   */
  say(message) {
    if (!this.#greeted || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Pull until nothing is left to bring. Tell whether the server answered. Never two at a time: who asks while one is
   * under way gets one more, which sees what was asked for.
   * @returns {Promise<boolean>}
   */
  pull() {
    if (this.#pulling) {
      this.#again = true;
      return this.#pulling;
    }
    this.#pulling = (this.#device ? this.#exchange(this.#device) : this.#pullAll()).finally(() => {
      this.#pulling = null;
    });
    return this.#pulling;
  }

  /**
   * Have the device do a whole round, and one more for who asked meanwhile.
   * @param {Keeper} device
   */
  async #exchange(device) {
    let done;
    do {
      this.#again = false;
      done = await device.exchange();
      if (!this.#running) return false;
    } while (this.#again && done);
    const { error, nextPoll } = device.status();
    if (done) {
      this.#nextPoll = nextPoll * 1000;
      this.#heard();
    } else this.#failed(error);
    return done;
  }

  async #pullAll() {
    let left = 3;
    do {
      this.#again = false;
      const answer = await this.#pullOnce();
      if (!answer) return false;
      const wrong = await this.#replica.check(answer);
      // A stream that differs is sent whole; if it differs again and again, that is the server's to mend, not a loop.
      if (wrong.length && --left > 0) this.#again = true;
      this.#replay();
    } while (this.#again && this.#running);
    return true;
  }

  /** @returns {Promise<SyncAnswer|null>} */
  async #pullOnce() {
    for (;;) {
      const sentAt = Date.now();
      const streams = this.#replica.wants();
      /** @type {SyncAnswer} */
      let answer;
      try {
        answer = await this.#fetchJson("/api/sync", { protocol: 1, streams });
      } catch (error) {
        this.#failed(error);
        return null;
      }
      if (!this.#running) return null;
      this.#clock?.offer(answer.now, sentAt, Date.now());
      this.#heard();
      if (answer.next_poll_s) this.#nextPoll = answer.next_poll_s * 1000;
      this.#replica.drop(this.#replica.leftBehind(streams, answer));
      if (!this.#replica.pull(answer)) return answer;
    }
  }

  /** Apply the frames that came during a pull; a gap that is left asks for one more. */
  #replay() {
    const kept = this.#kept.splice(0);
    for (const frame of kept) if (!this.#replica.frame(frame)) this.#again = true;
  }

  async #keepSocket() {
    let tries = 0;
    while (this.#running) {
      const began = Date.now();
      const code = await this.#openSocket();
      if (!this.#running) return;
      if (code === SIGNED_OFF) {
        // The pull knows why, and what is left to this device.
        await this.pull();
        if (!this.#running) return;
      }
      tries = Date.now() - began >= this.#pace.steady ? 0 : tries + 1;
      await this.#sleep(Math.max(backoff(tries, this.#pace, this.#random), this.#notBefore - Date.now()));
    }
  }

  /** @returns {Promise<number>} the close code, or 0 when no socket came about */
  async #openSocket() {
    let ticket;
    try {
      ({ ticket } = await this.#fetchJson("/api/live-ticket", {}));
      this.#heard();
    } catch (error) {
      this.#failed(error);
      return 0;
    }
    if (!this.#running) return 0;
    return new Promise((resolve) => {
      const socket = new this.#Socket(this.#socketUrl, ["care.1", `ticket.${ticket}`]);
      let ended = false;
      let pinging = /** @type {ReturnType<typeof setInterval>|undefined} */ (undefined);
      let pingedAt = 0;
      /** @param {number} code */
      const end = (code) => {
        if (ended) return;
        ended = true;
        clearTimeout(this.#watch);
        clearInterval(pinging);
        this.#socket = null;
        this.#greeted = false;
        this.#settle();
        // A dead line answers no closing handshake either: nobody waits for it.
        if (socket.readyState < 2) socket.close();
        resolve(code);
      };
      /** @param {number} limit */
      const watch = (limit) => {
        clearTimeout(this.#watch);
        this.#watch = setTimeout(() => end(0), limit);
      };
      this.#socket = socket;
      watch(this.#pace.answer);
      socket.onclose = (event) => end(event.code || 0);
      socket.onerror = () => {};
      socket.onmessage = (event) => {
        if (ended) return;
        watch(this.#pace.dead);
        const message = parse(event.data);
        if (message?.t === "pong" && pingedAt) {
          this.#clock?.offer(message.now, pingedAt, Date.now());
          pingedAt = 0;
        }
        if (message?.t === "hello") {
          pinging = setInterval(() => {
            pingedAt = Date.now();
            if (socket.readyState === 1) socket.send('{"t":"ping"}');
          }, this.#pace.ping);
        }
        if (message) this.#take(message);
      };
    });
  }

  /** @param {any} message */
  #take(message) {
    this.#heard();
    if (message.t === "hello" || message.t === "streams") {
      if (this.#device) void this.#device.keepOnly(Object.keys(message.streams));
      else this.#replica.keep(Object.keys(message.streams));
      const lacks = this.#replica.lacks(message.streams);
      if (message.t === "hello") this.#greeted = true;
      if (lacks || message.t === "hello") void this.pull().then(() => this.#settle());
    } else if (message.t === "frame") {
      // A device keeps a frame before it shows it, and puts those aside that come during an exchange.
      if (this.#device) void this.#device.frame(message).then((whole) => void (whole || this.pull()));
      else if (this.#pulling) this.#kept.push(message);
      else if (!this.#replica.frame(message)) void this.pull();
    } else if (message.t === "backup-state" || message.t === "backup") {
      this.#onBackup(message);
    } else if (message.t === "beat") {
      // A locked device holds nothing in memory, and needs nothing before it is opened.
      if (!this.#pulling && !this.#device?.locked && this.#replica.lacks(message.streams)) void this.pull();
    }
    this.#settle();
  }

  async #keepPolling() {
    while (this.#running) {
      const live = this.state === "live";
      const wakes = this.#wakes;
      if (!live) await this.pull();
      if (!this.#running) return;
      const wait = this.#greeted
        ? this.#nextPoll * (0.8 + 0.4 * this.#random())
        : this.#failures > 0
          ? Math.max(backoff(this.#failures, this.#pace, this.#random), this.#notBefore - Date.now())
          : this.#pace.poll * (0.8 + 0.4 * this.#random());
      if (wakes === this.#wakes) await this.#sleep(wait);
      // The hello that made it live has pulled by itself.
      if (this.#running && (live || wakes !== this.#wakes) && this.#greeted) await this.pull();
    }
  }

  #heard() {
    this.heardAt = Date.now();
    this.#failures = 0;
    this.#settle();
  }

  /** @param {unknown} error */
  #failed(error) {
    const status = /** @type {{status?: number}} */ (error)?.status ?? 0;
    if (status === 401) {
      this.#onSignedOff(/** @type {any} */ (error).problem?.code ?? "not_signed_in");
      return;
    }
    this.#failures += 1;
    this.#notBefore = Date.now() + (/** @type {{retryAfter?: number}} */ (error)?.retryAfter ?? 0) * 1000;
    this.#settle();
  }

  /** Say what the line is now. */
  #settle() {
    const state = this.#greeted ? "live" : this.heardAt !== null && this.#failures === 0 ? "polling" : "offline";
    if (state === this.state) return;
    this.state = state;
    // Offline began when the server was last heard, not when we came to notice.
    this.since = state === "offline" && this.heardAt !== null ? this.heardAt : Date.now();
    this.#onState(this);
  }

  /** @param {number} ms */
  #sleep(ms) {
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const waken = () => {
        clearTimeout(timer);
        this.#sleepers.delete(waken);
        resolve();
      };
      const timer = setTimeout(waken, ms);
      this.#sleepers.add(waken);
    });
  }
}

/**
 * @param {unknown} data
 * @returns {any} null when it is not a JSON object
 */
function parse(data) {
  try {
    const message = JSON.parse(String(data));
    return message && typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
