/**
 * Speaking with the server: what goes up in one request, what an answer or its absence means, and when to try again.
 */

import { NoAnswer } from "../http.js";

/** @typedef {import("../http.js").FetchJson} FetchJson */
/** @typedef {import("../times.js").Clock} Clock */
/** @typedef {import("../wire.js").SyncAnswer} SyncAnswer */
/** @typedef {import("./holdings.js").Holdings} Holdings */
/** @typedef {import("./lease.js").Lease} Lease */

/** @typedef {{installation: string, schema: number, appVersion: string, persisted: boolean}} Self what this device says of itself */

/** How the last request ended. `status` 0: no answer at all. @typedef {{ok: boolean, status: number, code: string}} Result */

/** The most that one request may carry: the protocol's 100 actions and 256 kB, less what surrounds them. */
const MOST = { count: 100, bytes: 250_000 };
const LEAST = { count: 1, bytes: 2_000 };

/** How long to wait before the next try, in ms. @type {{least: number, most: number}} */
const PACE = { least: 500, most: 60_000 };

/** How often in a row a stream that differs is sent whole at once; then it is the server's to mend, not a loop. */
const MENDS = 2;

/** A request that ends without an answer after this long was under way, in ms. */
const SLOW = 3_000;

/** No page after page for ever: the next round goes on where this one stopped. */
const ROUNDS = 500;

/**
 * How long to wait after `failures` tries in a row: anywhere up to a doubling limit (full jitter), so that tablets that
 * lost one server do not come back in one moment; never sooner than the server asked for.
 * @param {number} failures 1, 2, 3 …
 * @param {number} retryAfter seconds
 * @param {{least: number, most: number}} pace ms
 * @param {() => number} random
 */
export function pause(failures, retryAfter, { least, most }, random) {
  const limit = Math.min(most, least * 2 ** Math.min(failures, 20));
  const asked = retryAfter * 1000;
  return asked > 0 ? asked + random() * Math.min(limit, asked) : random() * limit;
}

export class Exchange {
  /** @type {Result} */
  result = { ok: false, status: 0, code: "never" };
  /** What the last request failed with, for whoever must act on it. @type {NoAnswer|null} */
  error = null;
  /** Whether the server asked for everything to be erased. */
  purge = false;
  /** When the sign-on ends, as the server last said; undefined before. @type {string|null|undefined} */
  leaseUntil = undefined;
  /** Seconds until the server wants to be asked again. */
  nextPoll = 60;
  /** Sent, and still neither answered nor done without news: the head of the outbox does not move. */
  stuck = false;

  #fetchJson;
  #holdings;
  #clock;
  #lease;
  #random;
  #pace;
  #describe;
  #time;
  #failures = 0;
  /** No try before this, ms of the clock that only goes forward. */
  #notBefore = 0;
  #limits = { ...MOST };
  /** Whether the next request leaves the actions out: they may be why the last one failed. */
  #spare = false;

  /**
   * @param {object} options
   * @param {FetchJson} options.fetchJson
   * @param {Holdings} options.holdings
   * @param {Clock} options.clock
   * @param {Lease} options.lease
   * @param {() => number} options.random
   * @param {() => Self} options.describe
   * @param {() => Record<string, unknown>} options.time the record of what time it is
   * @param {{least: number, most: number}} [options.pace] ms
   */
  constructor({ fetchJson, holdings, clock, lease, random, describe, time, pace }) {
    this.#fetchJson = fetchJson;
    this.#holdings = holdings;
    this.#clock = clock;
    this.#lease = lease;
    this.#random = random;
    this.#describe = describe;
    this.#time = time;
    this.#pace = pace ?? PACE;
  }

  /** How long until a try is in order, in ms: what failed waits, and what the server asked for is kept. */
  get wait() {
    return Math.max(0, this.#notBefore - this.#clock.monotonic());
  }

  /** Forget the wait, unless the server asked for it: the network came back, or somebody did something. */
  hurry() {
    if (this.error?.retryAfter) return;
    this.#notBefore = 0;
  }

  /**
   * Send and fetch until there is nothing more to send or to bring. Tell whether the server answered each time.
   * @returns {Promise<boolean>}
   */
  async round() {
    let mends = MENDS;
    for (let i = 0; i < ROUNDS; i++) {
      const outcome = await this.#once();
      if (!outcome) return false;
      if (this.purge || !outcome.again) return true;
      if (outcome.wrong && --mends < 0) return true;
    }
    return true;
  }

  /** @returns {Promise<{again: boolean, wrong: boolean}|null>} null when there was no answer */
  async #once() {
    const { outbox, memo } = this.#holdings;
    const self = this.#describe();
    const streams = await this.#holdings.wants();
    const spared = this.#spare;
    const room = { ...this.#limits, bytes: Math.max(LEAST.bytes, this.#limits.bytes - JSON.stringify(streams).length) };
    // After silence the first request asks whether anybody is there: what is still typed is offered when somebody is.
    const unsure = !this.result.ok && this.result.status === 0;
    const actions = spared ? [] : await outbox.batch(room, { unsure });
    const waiting = outbox.waiting;
    const body = {
      protocol: 1,
      schema: self.schema,
      installation: self.installation,
      epoch: memo.epoch,
      sent_at: this.#clock.iso(),
      first_seq: outbox.first,
      app_version: self.appVersion,
      outbox: waiting,
      persisted: self.persisted,
      mismatches: memo.mismatches,
      streams,
      actions,
    };
    outbox.sending(actions);
    const began = this.#clock.monotonic();
    try {
      const sentAt = this.#clock.local();
      let answer = /** @type {SyncAnswer|null} */ (null);
      let refusal = /** @type {NoAnswer|null} */ (null);
      try {
        answer = await this.#fetchJson("/api/sync", body);
      } catch (error) {
        refusal = asNoAnswer(error);
        answer = answerIn(refusal);
      }
      // The store was erased while we waited: places in the lane have changed, and these answers are not theirs.
      if (this.#describe().installation !== self.installation) return { again: true, wrong: false };
      if (!answer) {
        const failure = /** @type {NoAnswer} */ (refusal);
        // No network at all is not the actions' doing; a request that got nowhere for seconds may be.
        const carried = failure.status !== 0 || this.#clock.monotonic() - began > SLOW;
        this.#failed(failure, carried ? actions.length : 0);
        return null;
      }
      this.#clock.offer(answer.now, sentAt, this.#clock.local());
      this.#lease.told(answer.now);
      const outcome = await this.#holdings.apply(answer, refusal || answer.purge || answer.resync ? null : streams, this.#time);
      if (refusal) {
        // The protocol is not spoken any more: actions are still taken, and nothing comes down.
        this.#failed(refusal, 0);
        return outcome.settled > 0 && outbox.waiting.count > 0 ? { again: true, wrong: false } : null;
      }
      this.#succeeded(answer, actions.length, outcome.settled);
      const goesOn = outbox.waiting.count > 0 && (spared || unsure || outcome.settled > 0);
      return { again: outcome.again || goesOn, wrong: outcome.wrong.length > 0 };
    } catch (error) {
      // Answered, and not kept: the same will be asked again.
      this.#failed(asNoAnswer(error), 0);
      return null;
    } finally {
      outbox.sending([]);
    }
  }

  /**
   * @param {SyncAnswer} answer
   * @param {number} sent
   * @param {number} settled
   */
  #succeeded(answer, sent, settled) {
    this.result = { ok: true, status: 200, code: "" };
    this.error = null;
    this.purge = answer.purge === true;
    if (answer.next_poll_s) this.nextPoll = answer.next_poll_s;
    if (answer.lease_until !== undefined) this.leaseUntil = answer.lease_until;
    this.stuck = sent > 0 && settled === 0;
    if (this.stuck) {
      this.#failures += 1;
      this.#notBefore = this.#clock.monotonic() + pause(this.#failures, 0, this.#pace, this.#random);
    } else {
      if (!this.#spare) this.#failures = 0;
      this.#notBefore = 0;
    }
    if (settled > 0) this.#limits = { count: Math.min(MOST.count, this.#limits.count * 2), bytes: Math.min(MOST.bytes, this.#limits.bytes * 2) };
    this.#spare = false;
  }

  /**
   * @param {NoAnswer} error
   * @param {number} sent how many actions may be why
   */
  #failed(error, sent) {
    const { status, problem, retryAfter } = error;
    this.result = { ok: false, status, code: problem.code };
    this.error = error;
    this.#failures += 1;
    this.#notBefore = this.#clock.monotonic() + pause(this.#failures, retryAfter, this.#pace, this.#random);
    const refused = status === 401 || status === 426 || status === 429 || status === 503;
    if (!sent || refused) return;
    // They may be too many for this line, or one of them may be why: fewer next time, and the documents come without them.
    this.#limits = { count: Math.max(LEAST.count, Math.floor(this.#limits.count / 2)), bytes: Math.max(LEAST.bytes, Math.floor(this.#limits.bytes / 2)) };
    this.#spare = status !== 413;
  }
}

/**
 * The answers to actions that came with a refusal (426).
 * @param {NoAnswer} refusal
 * @returns {SyncAnswer|null}
 */
function answerIn({ body }) {
  if (!body || !Array.isArray(body.answers)) return null;
  return { now: new Date().toISOString(), ...body, streams: {}, dropped: [] };
}

/** @param {unknown} error */
function asNoAnswer(error) {
  if (error instanceof NoAnswer) return error;
  const { message = String(error), code = "device" } = /** @type {{message?: string, code?: string}} */ (error ?? {});
  return new NoAnswer(0, { code, message });
}
