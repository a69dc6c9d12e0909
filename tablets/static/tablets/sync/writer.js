/**
 * One writer among all tabs and the service worker of this browser: the one that holds the lock speaks with the server
 * and applies what it says. The others keep their actions in the same outbox, tell the writer so, and follow what it
 * changes. When the writer goes, the next in line is it.
 */

/** @typedef {Pick<LockManager, "request">} Locks */

/**
 * What tabs tell each other.
 * @typedef {{t: "actions", seqs: number[]}
 *   | {t: "applied", plans: import("../replica.js").StreamPlan[], seqs: number[], memo: import("./holdings.js").Memo}
 *   | {t: "exchange", nonce: string}
 *   | {t: "exchanged", nonce: string, done: boolean, result: import("./exchange.js").Result, problem: import("../wire.js").Problem|null, retryAfter: number}
 *   | {t: "ask_key"}
 *   | {t: "key", keys: import("./cipher.js").Keys, until: number|null}
 *   | {t: "lease", until: string}
 *   | {t: "lock"}
 *   | {t: "people"}
 *   | {t: "purged"}} Message
 */

/** @typedef {{postMessage: (message: any) => void, close: () => void, onmessage: ((event: any) => void)|null}} Channel */

export class Writer {
  /** Whether this is the one. */
  is = false;
  #locks;
  #name;
  #channel;
  #onBecome;
  /** @type {(() => void)|null} */
  #release = null;
  #closed = false;

  /**
   * @param {object} options
   * @param {Locks|null} options.locks null: there is one tab only
   * @param {Channel|null} options.channel
   * @param {string} options.name
   * @param {() => void} options.onBecome called when this becomes the writer after it was opened
   * @param {(message: Message) => void} options.onMessage
   */
  constructor({ locks, channel, name, onBecome, onMessage }) {
    this.#locks = locks;
    this.#channel = channel;
    this.#name = name;
    this.#onBecome = onBecome;
    if (channel) channel.onmessage = (event) => onMessage(event.data);
  }

  /** Stand in line. Resolves when it is known whether this is the writer at once. */
  async begin() {
    const locks = this.#locks;
    if (!locks) {
      this.is = true;
      return;
    }
    await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      void locks.request(this.#name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve();
          return undefined;
        }
        const held = this.#hold();
        resolve();
        return held;
      });
    });
    if (this.is || this.#closed) return;
    void locks.request(this.#name, () => {
      if (this.#closed) return undefined;
      const held = this.#hold();
      this.#onBecome();
      return held;
    });
  }

  /** @param {Message} message */
  say(message) {
    if (!this.#closed) this.#channel?.postMessage(message);
  }

  /** Leave: the next in line is the writer. */
  close() {
    this.#closed = true;
    this.is = false;
    this.#release?.();
    this.#channel?.close();
  }

  #hold() {
    this.is = true;
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      this.#release = resolve;
    });
  }
}
