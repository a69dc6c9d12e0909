// When a console makes a sound, and for how long. Knows no DOM: what came before, what comes now, and what the
// dispatcher has hushed.

import { REMINDER, rank } from "./words.js";

/** @typedef {import("./words.js").Alarm} Alarm */
/** @typedef {{alarm: Alarm, loops: boolean, until: number}} Held */

// A reminder, or a second press of what somebody has in hand already, rings this long.
const BURST_MS = 8_000;

export class Ringing {
  /** @type {Map<string, Held>} */
  #held = new Map();

  /**
   * Take in what is open now.
   *
   * @param {Alarm[]} open
   * @param {number} now ms
   * @returns {{fresh: Alarm[], again: Alarm[], ended: Alarm[], chime: boolean}} what is new, what rings anew, what is over
   */
  hear(open, now) {
    /** @type {Alarm[]} */
    const fresh = [];
    /** @type {Alarm[]} */
    const again = [];
    let chime = false;
    const ended = new Map([...this.#held].map(([key, held]) => [key, held.alarm]));
    for (const alarm of open) {
      ended.delete(alarm.key);
      const held = this.#held.get(alarm.key);
      const loud = alarm.level !== "NON_URGENT";
      if (held === undefined) {
        this.#held.set(alarm.key, { alarm, loops: loud && !alarm.seen_by, until: 0 });
        fresh.push(alarm);
        chime ||= !loud || alarm.seen_by !== null;
        continue;
      }
      const before = held.alarm;
      held.alarm = alarm;
      if (alarm.seen_by) held.loops = false;
      if (alarm.cancel && !before.cancel) chime = true;
      if (alarm.police && !before.police) held.until = 0;
      if (!rose(before, alarm) || !loud) continue;
      again.push(alarm);
      if (alarm.seen_by) held.until = now + BURST_MS;
      else held.loops = true;
    }
    for (const key of ended.keys()) this.#held.delete(key);
    return { fresh, again, ended: [...ended.values()], chime };
  }

  /**
   * Be quiet about one request, until it rings again.
   *
   * @param {string} key
   */
  hush(key) {
    const held = this.#held.get(key);
    if (!held) return;
    held.loops = false;
    held.until = 0;
  }

  /**
   * Ring on about one request that nobody has seen: what the dispatcher said did not arrive.
   *
   * @param {string} key
   */
  resume(key) {
    const held = this.#held.get(key);
    if (held && !held.alarm.seen_by) held.loops = true;
  }

  /**
   * @param {string} key
   * @param {number} now ms
   * @returns {boolean} whether this one makes the sound
   */
  rings(key, now) {
    const held = this.#held.get(key);
    return held !== undefined && (held.loops || held.until > now);
  }

  /**
   * @param {number} now ms
   * @returns {boolean} whether the siren goes
   */
  loud(now) {
    return [...this.#held.keys()].some((key) => this.rings(key, now));
  }
}

/**
 * Tell whether a request became more than it was: another step of its escalation, a reminder, another press, a higher level.
 *
 * @param {Alarm} before
 * @param {Alarm} now
 * @returns {boolean}
 */
function rose(before, now) {
  const step = now.step ?? -1;
  const stepped = step > (before.step ?? -1) && (step >= REMINDER || !now.seen_by);
  return stepped || now.again > before.again || rank(now.level) > rank(before.level);
}
