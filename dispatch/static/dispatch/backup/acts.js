// What a dispatcher does to a request for backup: a question that is asked again until it is answered, once each.

import { NoAnswer, jsonFetcher } from "../../tablets/http.js";

/** @typedef {{done: boolean, message: string, body: any}} Outcome */

const TRIES_MS = [400, 800, 1_500, 2_500, 4_000];

export class Acts {
  #fetch;

  /** @param {string} csrf */
  constructor(csrf) {
    this.#fetch = jsonFetcher({ headers: { "X-CSRFToken": csrf }, limitMs: 4_000 });
  }

  /**
   * Say that somebody has seen it.
   *
   * @param {string} key
   * @param {string} console
   * @returns {Promise<Outcome>}
   */
  see(key, console) {
    return this.#until("/api/backup/seen/", { key, console });
  }

  /**
   * @param {string} kind
   * @param {Record<string, any>} args
   * @returns {Promise<Outcome>}
   */
  do(kind, args) {
    return this.#until(`/api/actions/${kind}/`, { id: crypto.randomUUID(), args });
  }

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<Outcome>}
   */
  async #until(path, body) {
    for (let tries = 0; ; tries++) {
      try {
        const answer = await this.#fetch(path, body);
        return { done: answer.status !== "refused", message: answer.message ?? "", body: answer };
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        const wait = TRIES_MS[tries];
        const again = error.status === 0 || error.status === 429 || error.status >= 500;
        // Another console may be first to have shown it: what it shows now is told to the server within a second.
        const notYet = error.problem.code === "backup_not_shown";
        if ((!again && !notYet) || wait === undefined) {
          const message = again ? "No answer from the server. It is not known whether this was done: use the radio." : error.message;
          return { done: false, message, body: error.problem };
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}
