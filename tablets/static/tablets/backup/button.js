/**
 * The button that asks for backup: two seconds of pressing, by finger, mouse or keyboard, and no dialog after it.
 *
 * It stands in the same corner of every screen and has two parts. The red one is loud. The small quiet one beside it is
 * for duress: pressed as long, it asks for the same and leaves the screen as it was, but for a mark on that part itself.
 * A part of its own rather than a gesture: what nobody has practised is not found with shaking hands.
 */

import { h, icon } from "../dom.js";

/** @typedef {import("../dom.js").VNode} VNode */

export const HOLD_MS = 2_000;

/** One press that has to last. By the clock: a timer that comes late makes nobody press longer. */
export class Hold {
  #now;
  #timers;
  #onDone;
  #onEarly;
  #since = NaN;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {object} options
   * @param {() => number} options.now ms of a clock that only goes forward
   * @param {{set: (work: () => void, ms: number) => unknown, clear: (timer: any) => void}} options.timers
   * @param {() => void} options.onDone
   * @param {() => void} options.onEarly
   */
  constructor({ now, timers, onDone, onEarly }) {
    this.#now = now;
    this.#timers = timers;
    this.#onDone = onDone;
    this.#onEarly = onEarly;
  }

  /** How much of it is done, 0 to 1. */
  get part() {
    return Number.isNaN(this.#since) ? 0 : Math.min(1, (this.#now() - this.#since) / HOLD_MS);
  }

  get holding() {
    return !Number.isNaN(this.#since);
  }

  begin() {
    if (this.holding) return;
    this.#since = this.#now();
    this.#timer = this.#timers.set(() => this.#done(), HOLD_MS);
  }

  /** It was let go. */
  end() {
    if (!this.holding) return;
    if (this.part >= 1) return this.#done();
    this.#clear();
    this.#onEarly();
  }

  #done() {
    if (!this.holding) return;
    this.#clear();
    this.#onDone();
  }

  #clear() {
    this.#timers.clear(this.#timer);
    this.#since = NaN;
  }
}

/**
 * What a finger, a mouse or a key does to a hold, as handlers of an element.
 * @param {Hold} hold
 * @param {() => void} onChange
 */
export function handlers(hold, onChange) {
  /** What holds it: one finger of several, or a key. @type {number|"key"|null} */
  let by = null;
  /** @param {number|"key"} who */
  const begin = (who) => {
    if (hold.holding) return;
    by = who;
    hold.begin();
    onChange();
  };
  /** @param {number|"key"} who */
  const end = (who) => {
    if (by !== who) return;
    by = null;
    hold.end();
    onChange();
  };
  /** @param {KeyboardEvent} event */
  const ours = (event) => event.key === " " || event.key === "Enter";
  return {
    onpointerdown: (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0) return;
      // A finger that slides off in a struggle still presses.
      /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture?.(event.pointerId);
      begin(event.pointerId);
    },
    onpointerup: (/** @type {PointerEvent} */ event) => end(event.pointerId),
    onpointercancel: (/** @type {PointerEvent} */ event) => end(event.pointerId),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (!ours(event)) return;
      // Nothing else on the screen may take the key for its own.
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) begin("key");
    },
    onkeyup: (/** @type {KeyboardEvent} */ event) => {
      if (!ours(event)) return;
      event.preventDefault();
      event.stopPropagation();
      end("key");
    },
    // Nobody knows any more whether the key is down. A finger is still where it is.
    onblur: () => end("key"),
    // A long press opens a menu in some browsers, in the middle of it.
    oncontextmenu: (/** @type {Event} */ event) => event.preventDefault(),
  };
}

/** @typedef {""|"sending"|"unconfirmed"|"received"|"seen"|"sent"} Mark what a silent request has come to */

/** @type {Record<Mark, [words: string, sign: string]>} */
export const MARKS = {
  "": ["", ""],
  sending: ["sending", "·"],
  unconfirmed: ["not confirmed", "!"],
  received: ["received", "✓"],
  seen: ["seen", "✓✓"],
  sent: ["help is sent", "✓✓✓"],
};

/**
 * @param {object} given
 * @param {ReturnType<typeof handlers>} given.loud
 * @param {ReturnType<typeof handlers>} given.quiet
 * @param {boolean} given.holding
 * @param {boolean} given.quietly holding the quiet part
 * @param {boolean} given.again whether one is open already
 * @param {boolean} given.drill
 * @param {Mark} given.mark
 * @returns {VNode}
 */
export function backupButton({ loud, quiet, holding, quietly, again, drill, mark }) {
  const [words, sign] = MARKS[mark];
  return h(
    "div",
    { class: `backup-place ${drill ? "drill" : ""}`, key: "place" },
    h(
      "button",
      { class: `backup-quiet ${quietly ? "holding" : ""}`, key: "quiet", type: "button", "aria-label": `Silent backup: hold for 2 seconds${words ? `. A silent request is ${words}` : ""}`, ...quiet },
      h("i", { class: "fill", "aria-hidden": "true" }),
      icon("volume_off"),
      h("small", { "aria-hidden": "true" }, sign || "silent"),
    ),
    h(
      "button",
      // What stands on it is its name: whoever says it to the tablet means this button (WCAG 2.5.3).
      { class: `backup-press ${holding ? "holding" : ""}`, key: "press", type: "button", ...loud },
      h("i", { class: "fill", "aria-hidden": "true" }),
      h("b", null, drill ? "TEST" : "BACKUP"),
      h("small", null, holding ? "keep pressing" : again ? "again: 2 s" : "press 2 s"),
    ),
  );
}

/** Where there can be no credential: nothing here may look as if it could call anybody. */
export const noBackup = () => h("p", { class: "backup-place emergency", key: "radio" }, icon("campaign"), h("span", null, h("b", null, "Emergency: "), "use radio"));
