// Asks every second which requests for backup are open, and says what is on this screen. Knows no DOM and no clock of its
// own: whoever uses it ticks it, several times a second. It also knows when it has heard nothing, and says so itself.

/** @typedef {import("./words.js").Alarm} Alarm */
/**
 * @typedef {object} Answer
 * @property {string} now
 * @property {Alarm[]} open
 * @property {{at: string, took_ms: number | null, error: string} | null} self_test
 * @property {{label: string, kind: string}[]} consoles
 */
/** @typedef {{name: "starting" | "live" | "down" | "refused", heardAt: number | null}} State */
/** @typedef {(body: Record<string, any>, signal: AbortSignal) => Promise<Answer>} Ask rejects with `status` where one came */

// How often it asks.
export const EVERY_MS = 1_000;
// A question that is not answered by then is given up, and asked again at once.
export const GIVE_UP_MS = 3_000;
// Nothing heard for this long: the watch is down, whatever the reason.
export const DOWN_MS = 3_000;
// A page that was not ticked for this long was frozen: nothing it could have heard is missing yet.
const FROZEN_MS = 2_000;

export class Watch {
  /** The last answer. @type {Answer | null} */
  answer = null;
  #ask;
  #says;
  #now;
  #onAnswer;
  #onState;
  /** @type {{at: number, number: number, abort: AbortController} | null} */
  #open = null;
  #number = 0;
  #next;
  #again = false;
  /** @type {number | null} */
  #heardAt = null;
  #refused = false;
  /** From when silence counts. */
  #from;
  #tickedAt;
  /** @type {State["name"]} */
  #name = "starting";

  /**
   * @param {object} options
   * @param {Ask} options.ask
   * @param {() => Record<string, any>} options.says what is asked with: the console, and what it shows at this moment
   * @param {(answer: Answer) => void} options.onAnswer
   * @param {(state: State) => void} options.onState when the name of the state has changed
   * @param {() => number} [options.now] a clock that only goes forward, in ms
   */
  constructor({ ask, says, onAnswer, onState, now = () => performance.now() }) {
    this.#ask = ask;
    this.#says = says;
    this.#onAnswer = onAnswer;
    this.#onState = onState;
    this.#now = now;
    this.#next = this.#from = this.#tickedAt = now();
  }

  /** @returns {State} */
  get state() {
    return { name: this.#name, heardAt: this.#heardAt };
  }

  /** Do what is due now. */
  tick() {
    const now = this.#now();
    if (now - this.#tickedAt > FROZEN_MS) {
      this.#from = now;
      // What was asked before the page slept says nothing about now.
      this.#giveUp();
    }
    this.#tickedAt = now;
    if (this.#open && now - this.#open.at >= GIVE_UP_MS) this.#giveUp();
    if (this.#open === null && now >= this.#next) void this.#once(now);
    this.#settle(now);
  }

  /** Ask now: something was heard elsewhere, or something new is on the screen. */
  wake() {
    if (this.#open) this.#again = true;
    else this.#next = this.#now();
    this.tick();
  }

  #giveUp() {
    if (this.#open === null) return;
    this.#open.abort.abort();
    this.#open = null;
    this.#next = this.#now();
  }

  /** @param {number} now */
  async #once(now) {
    const mine = { at: now, number: ++this.#number, abort: new AbortController() };
    this.#open = mine;
    this.#next = now + EVERY_MS;
    this.#again = false;
    /** @type {Answer | null} */
    let answer = null;
    let refused = false;
    try {
      answer = await this.#ask(this.#says(), mine.abort.signal);
    } catch (error) {
      const status = /** @type {{status?: number}} */ (error).status ?? 0;
      refused = status === 401 || status === 403;
    }
    // Given up meanwhile: a later question stands.
    if (this.#open !== mine) return;
    this.#open = null;
    this.#refused = refused;
    if (answer !== null) {
      this.#heardAt = this.#from = this.#now();
      this.answer = answer;
    }
    if (this.#again) this.#next = this.#now();
    this.#settle(this.#now());
    if (answer !== null) this.#onAnswer(answer);
  }

  /** @param {number} now */
  #settle(now) {
    const silent = now - this.#from > DOWN_MS;
    /** @type {State["name"]} */
    let name = this.#heardAt === null ? "starting" : "live";
    if (silent) name = "down";
    if (this.#refused) name = "refused";
    if (name === this.#name) return;
    this.#name = name;
    this.#onState(this.state);
  }
}
