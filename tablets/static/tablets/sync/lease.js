/**
 * How long this device may read what it keeps. The key is released for a lease; past its end it is dropped, whatever
 * this device's clock says then.
 */

/** @typedef {import("../times.js").Clock} Clock */

export class Lease {
  /** When it ends, ms of the server's clock; null when there is none. @type {number|null} */
  until = null;

  #clock;
  /** The latest instant ever seen, and the second clock when it was. A clock set back does not lengthen a lease. */
  #latest = 0;
  #at;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /**
   * Begin, lengthen or shorten it. Null ends it.
   * @param {string|number|null} until
   */
  set(until) {
    const at = typeof until === "string" ? Date.parse(until) : until;
    this.until = at === null || Number.isNaN(at) ? null : at;
  }

  /**
   * Go on from the latest instant that an earlier page saw.
   * @param {number} latest ms
   */
  resume(latest) {
    this.#see(latest);
  }

  /** Now, never before an instant that was seen already; ms of the server's clock. */
  now() {
    const now = Math.max(this.#clock.now(), this.#latest + (this.#clock.monotonic() - this.#at));
    this.#see(now);
    return now;
  }

  /** The server said what time it is: what was seen before was this device's belief. @param {string} now ISO-8601 */
  told(now) {
    const at = Date.parse(now);
    if (Number.isNaN(at)) return;
    this.#latest = at;
    this.#at = this.#clock.monotonic();
  }

  /** Whether it has not ended. */
  get holds() {
    return this.until !== null && this.now() < this.until;
  }

  /** @param {number} at */
  #see(at) {
    if (at < this.#latest) return;
    this.#latest = at;
    this.#at = this.#clock.monotonic();
  }
}
