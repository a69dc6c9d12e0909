/**
 * What other apps bring to the tablet: screens, the buttons that open them, and words for what their actions are called.
 *
 * The page names their modules (settings.TABLET_PARTS), each of which exports one `part`; nothing here knows any of them.
 * A part that does not load takes nothing else with it: a crew without a directory still has its calls.
 */

import { learn } from "./trays.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./sheets.js").Sheet} Sheet */

/**
 * What a part may use of the app.
 * @typedef {object} Kit
 * @property {import("./sync/device.js").Device} device what this tablet holds, and the way for all that is done
 * @property {import("./replica.js").Replica} replica
 * @property {(kind: string, args: Record<string, unknown>, options?: {after?: number[], slot?: string, actor?: string}) => Promise<(Action & {done: Promise<Action>})|null>} perform take an action up (options as of `Device.do`; the actor is who is signed on, unless it says otherwise); null: it could not be kept, and the crew was told
 * @property {() => Action[]} facts what was done here and may not show in a document yet
 * @property {() => number} now ms of the server's clock
 * @property {() => void} redraw
 * @property {Record<string, any>} words what codes mean, by the names of settings.TABLET_WORDS
 */

/** Buttons and the like at one place of the app. @typedef {(s: Snapshot, act: Act, ui: Ui) => Child} Place */

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {(kit: Kit) => void} [start] called once, before anything is drawn
 * @property {Record<string, Sheet>} [sheets] its screens by name; `act.sheet(name)` opens one
 * @property {readonly string[]} [stays] those of its screens that stay open when the crew's call goes
 * @property {Place} [inCall] in the text of my call, below its own cautions
 * @property {Place} [onCall] among the tools of my call
 * @property {Place} [onBoard] below the board
 * @property {import("./trays.js").Lesson} [trays] what its actions are called
 */

/**
 * Load what the page names. Those that fail are named, by their addresses.
 * @param {readonly string[]} addresses
 * @param {(address: string) => Promise<{part?: Part}>} [load]
 * @returns {Promise<{parts: Part[], failed: string[]}>}
 */
export async function loadParts(addresses, load = (address) => import(address)) {
  /** @type {Part[]} */
  const parts = [];
  const failed = [];
  const loaded = await Promise.allSettled(addresses.map((address) => load(address)));
  for (const [i, result] of loaded.entries()) {
    if (result.status === "fulfilled" && result.value.part) parts.push(result.value.part);
    else failed.push(/** @type {string} */ (addresses[i]));
  }
  return { parts, failed };
}

/** The parts that loaded, as one. */
export class Parts {
  #parts;
  /** Screens by name. @type {Record<string, Sheet>} */
  sheets;

  /** @param {readonly Part[]} parts */
  constructor(parts) {
    this.#parts = parts;
    this.sheets = Object.assign({}, ...parts.map(({ sheets }) => sheets ?? {}));
    for (const { trays } of parts) if (trays) learn(trays);
  }

  /** @param {Kit} kit */
  start(kit) {
    for (const { start } of this.#parts) start?.(kit);
  }

  /** Whether a screen has nothing to do with which call the crew holds. @param {string} name */
  stays(name) {
    return this.#parts.some(({ stays }) => stays?.includes(name));
  }

  /**
   * What the parts have to show at one place.
   * @param {"inCall"|"onCall"|"onBoard"} place
   * @param {Snapshot} s
   * @param {Act} act
   * @param {Ui} ui
   * @returns {Child[]}
   */
  at(place, s, act, ui) {
    return this.#parts.map((part) => part[place]?.(s, act, ui));
  }
}
