/**
 * What a person did here, on its way to the server. Each action has one id for its whole life: it is sent again with the
 * same id until there is an answer, and the server does it once.
 *
 * Actions go in the order in which they were made. They are kept in memory: closing the page loses what was not sent,
 * and the page says so before it closes. A tablet keeps its own in an outbox instead (sync/device.js); the record is the
 * same.
 */

/** @typedef {import("./http.js").FetchJson} FetchJson */
/** @typedef {import("./wire.js").Problem} Problem */

/**
 * waiting: not sent, or no answer yet and the next try is due later. sending: under way now.
 * applied: the server has done it and kept it. refused: the server said no, and why. quarantined: the server kept it
 * whole, and a supervisor will look at it.
 * @typedef {"waiting"|"sending"|"applied"|"refused"|"quarantined"} ActionState
 */

/**
 * @typedef {object} Action
 * @property {string} id
 * @property {string} kind
 * @property {Record<string, unknown>} args
 * @property {string} happened_at by the server's clock
 * @property {ActionState} state
 * @property {number} tries
 * @property {any} answer what the server answered, when applied
 * @property {Problem|null} problem why not, when refused or quarantined
 * @property {number} settledAt ms of this device's clock; 0 until then
 * @property {number} seq its place in this tablet's lane; 0 where there is none
 * @property {string} actor who did it: a person's id, or empty for whoever is signed in
 * @property {number[]} after places of what it depends on
 * @property {string[]} flags what no longer fitted, when applied
 * @property {string|null} ticket under which a supervisor finds it, when quarantined
 * @property {string|null} gone why the document that it is about went away, while it was waiting
 */

const PACE = { least: 500, most: 10_000 };
// Answers that say "not now" rather than "no".
const AGAIN = new Set([0, 401, 408, 425, 429]);
// How often in a row the server may fail at one action before the ones behind it are let past.
const PATIENCE = 3;

export class Actions {
  /** @type {Action[]} */
  #queue = [];
  #fetchJson;
  #now;
  #onChange;
  #uuid;
  #random;
  #pace;
  #busy = false;
  #stopped = false;
  /** @type {(() => void)|null} */
  #waken = null;
  /** @type {Map<string, (action: Action) => void>} */
  #settlers = new Map();

  /**
   * @param {object} options
   * @param {FetchJson} options.fetchJson
   * @param {() => string} options.now the server's clock, ISO-8601
   * @param {(action: Action) => void} [options.onChange]
   * @param {() => string} [options.uuid]
   * @param {() => number} [options.random]
   * @param {{least: number, most: number}} [options.pace] ms
   */
  constructor({ fetchJson, now, onChange, uuid, random, pace }) {
    this.#fetchJson = fetchJson;
    this.#now = now;
    this.#onChange = onChange ?? (() => {});
    this.#uuid = uuid ?? newId;
    this.#random = random ?? Math.random;
    this.#pace = pace ?? PACE;
  }

  /**
   * Take one action up. `done` of what is returned settles with the answer, applied or refused.
   * @param {string} kind
   * @param {Record<string, unknown>} args
   * @returns {Action & {done: Promise<Action>}}
   */
  do(kind, args) {
    /** @type {Action} */
    const action = {
      id: this.#uuid(),
      kind,
      args,
      happened_at: this.#now(),
      state: "waiting",
      tries: 0,
      answer: null,
      problem: null,
      settledAt: 0,
      seq: 0,
      actor: "",
      after: [],
      flags: [],
      ticket: null,
      gone: null,
    };
    this.#queue.push(action);
    const done = new Promise((/** @type {(action: Action) => void} */ resolve) => this.#settlers.set(action.id, resolve));
    this.#onChange(action);
    void this.#send();
    return Object.assign(action, { done });
  }

  /**
   * What has no answer yet, oldest first.
   * @returns {readonly Action[]}
   */
  pending() {
    return this.#queue;
  }

  /** Try now rather than after the wait. */
  wake() {
    this.#waken?.();
  }

  /** Send nothing any more. What is pending stays pending. */
  stop() {
    this.#stopped = true;
    this.wake();
  }

  async #send() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let action = this.#queue[0]; action && !this.#stopped; action = this.#queue[0]) {
        if (await this.#sendOne(action)) continue;
        // The server fails at this one: those behind it must not wait for ever, facts least of all.
        if (action.tries % PATIENCE === 0 && this.#queue.length > 1) this.#queue.push(...this.#queue.splice(0, 1));
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * @param {Action} action
   * @returns {Promise<boolean>} whether it is settled
   */
  async #sendOne(action) {
    action.tries += 1;
    action.state = "sending";
    this.#onChange(action);
    let wait;
    try {
      const { id, args, happened_at } = action;
      action.answer = await this.#fetchJson(`/api/actions/${action.kind}/`, { id, args, happened_at });
      action.flags = action.answer?.flags ?? [];
      this.#settle(action, "applied");
      return true;
    } catch (error) {
      const { status = 0, problem, retryAfter = 0 } = /** @type {Partial<import("./http.js").NoAnswer>} */ (error);
      if (problem && problem.code !== "no_answer" && status >= 400 && status < 500 && !AGAIN.has(status)) {
        action.problem = problem;
        this.#settle(action, "refused");
        return true;
      }
      const limit = Math.min(this.#pace.most, this.#pace.least * 2 ** Math.min(action.tries, 20));
      wait = Math.max(retryAfter * 1000, this.#pace.least + this.#random() * (limit - this.#pace.least));
    }
    action.state = "waiting";
    this.#onChange(action);
    await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const timer = setTimeout(() => this.#waken?.(), wait);
      this.#waken = () => {
        clearTimeout(timer);
        this.#waken = null;
        resolve();
      };
    });
    return false;
  }

  /**
   * @param {Action} action
   * @param {"applied"|"refused"} state
   */
  #settle(action, state) {
    action.state = state;
    action.settledAt = Date.now();
    this.#queue = this.#queue.filter((other) => other !== action);
    this.#onChange(action);
    this.#settlers.get(action.id)?.(action);
    this.#settlers.delete(action.id);
  }
}

/** Return a random UUID, also where `crypto.randomUUID` is withheld (pages without TLS). */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (/** @type {number} */ (bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (/** @type {number} */ (bytes[8]) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
