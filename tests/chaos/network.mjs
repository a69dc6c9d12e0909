/**
 * A network that loses, doubles, delays and reorders requests and responses, as a seed decides.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { NoAnswer } from "../../tablets/static/tablets/http.js";

const NO_ANSWER = () => new NoAnswer(0, { code: "no_answer", message: "No answer." });

/** A generator of 0 ≤ x < 1 that a seed decides (mulberry32). */
export function generator(from) {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ask as a tablet, over a network that works. */
export async function ask({ origin, token }, path, body) {
  let response;
  let answer;
  try {
    response = await fetch(origin + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Tablet ${token}`, "X-Tablet": "1" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
    answer = response.status === 204 ? {} : await response.json();
  } catch {
    throw NO_ANSWER();
  }
  if (response.ok) return answer;
  throw new NoAnswer(response.status, { code: answer.code ?? "error", message: "", facts: answer.facts ?? {} }, Number(response.headers.get("Retry-After")) || 0);
}

/** The way to the server, as bad as the seed makes it. */
export class Network {
  healed = false;
  /** What went wrong, by kind: a run in which nothing did proves nothing. */
  faults = { lost: 0, doubled: 0, late: 0, unanswered: 0, dark: 0 };
  #random;
  #tablet;
  #darkUntil = 0;

  constructor(tablet, random) {
    this.#tablet = tablet;
    this.#random = random;
  }

  fetchJson = async (path, body) => {
    // What goes over the wire is what was said when it was said.
    const said = JSON.parse(JSON.stringify(body));
    if (this.healed) return ask(this.#tablet, path, said);
    const luck = this.#random;
    if (Date.now() < this.#darkUntil) {
      this.faults.dark += 1;
      await sleep(5);
      throw NO_ANSWER();
    }
    if (luck() < 0.05) this.#darkUntil = Date.now() + luck() * 900;
    await sleep(luck() * 60);
    if (luck() < 0.12) {
      this.faults.lost += 1;
      throw NO_ANSWER();
    }
    if (luck() < 0.1) {
      this.faults.doubled += 1;
      // The copy comes after the answer, before it, or together with it.
      const copy = sleep(luck() * 200).then(() => ask(this.#tablet, path, said));
      copy.catch(() => {});
      if (luck() < 0.5) await copy.catch(() => {});
    }
    const answer = await ask(this.#tablet, path, said);
    if (luck() < 0.1) {
      this.faults.late += 1;
      await sleep(200 + luck() * 600);
    }
    if (luck() < 0.15) {
      this.faults.unanswered += 1;
      throw NO_ANSWER();
    }
    return answer;
  };
}
