/**
 * Time as people say it, and the server's clock on a device whose own may be wrong.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How far the two clocks of a device may drift apart between two looks before one of them was moved, in ms. */
const JUMP = 5_000;

/**
 * The server's clock: this device's, plus the offset measured with the quickest of the latest round trips.
 *
 * A second clock, which nobody can set, tells whether this device's was moved since the last measurement. It may stand
 * still while the device sleeps, so it is good for the question only, not for the time.
 */
export class Clock {
  /** @type {{offset: number, trip: number, at: number}[]} */
  #samples = [];
  /** What was measured before this page was opened. */
  #kept = 0;
  #local;
  #monotonic;
  /** Both clocks at the last measurement. */
  #mark;
  #moved = false;

  /**
   * @param {() => number} [local] this device's clock, in ms
   * @param {() => number} [monotonic] a clock that only goes forward, in ms from anywhere
   */
  constructor(local = () => Date.now(), monotonic = () => performance.now()) {
    this.#local = local;
    this.#monotonic = monotonic;
    this.#mark = { local: local(), monotonic: monotonic() };
  }

  /**
   * Take one measurement: the server said `serverNow` between `sentAt` and `gotAt` of this device's clock.
   * @param {string} serverNow ISO-8601
   * @param {number} sentAt ms
   * @param {number} gotAt ms
   */
  offer(serverNow, sentAt, gotAt) {
    const server = Date.parse(serverNow);
    const trip = gotAt - sentAt;
    // A device whose clock was set while it waited measured nothing.
    if (Number.isNaN(server) || trip < 0 || trip > 30_000) return;
    // What was measured before the clock was moved is no longer true.
    if (this.jumped) this.#samples = [];
    this.#mark = { local: this.#local(), monotonic: this.#monotonic() };
    this.#moved = false;
    this.#samples.push({ offset: server - (sentAt + gotAt) / 2, trip, at: gotAt });
    this.#samples = this.#samples.filter((sample) => Math.abs(gotAt - sample.at) < 10 * MINUTE).slice(-20);
  }

  /**
   * Go on from what an earlier page measured, until this one measures itself.
   * @param {number} offset ms
   * @param {number} seen this device's clock when it was last looked at, in ms
   */
  resume(offset, seen) {
    this.#kept = offset;
    // Time that went back while the page was closed was set by somebody.
    if (this.#local() < seen - JUMP) this.#moved = true;
  }

  /** Whether this device's clock was moved since the last measurement, or the device slept. */
  get jumped() {
    const apart = this.#local() - this.#mark.local - (this.#monotonic() - this.#mark.monotonic);
    if (Math.abs(apart) > JUMP) this.#moved = true;
    return this.#moved;
  }

  /** ms to add to this device's clock. */
  get offset() {
    let best = this.#samples[0];
    for (const sample of this.#samples) if (best && sample.trip <= best.trip) best = sample;
    return best?.offset ?? this.#kept;
  }

  /** This device's own clock, in ms. */
  local() {
    return this.#local();
  }

  /** A clock that only goes forward, in ms from anywhere. */
  monotonic() {
    return this.#monotonic();
  }

  /** Now, by the server's clock, in ms. */
  now() {
    return this.#local() + this.offset;
  }

  /** Now, by the server's clock, as it goes over the wire. */
  iso() {
    return new Date(this.now()).toISOString();
  }
}

/** The clock of this page. */
export const clock = new Clock();

/**
 * Say how long: "8 s", "12 min", "2 h 05", "3 d". Never negative: clocks differ a little.
 * @param {number} ms
 */
export function age(ms) {
  const span = Math.max(0, ms);
  if (span < MINUTE) return `${Math.floor(span / 1000)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < DAY) {
    const minutes = Math.floor((span % HOUR) / MINUTE);
    return `${Math.floor(span / HOUR)} h ${String(minutes).padStart(2, "0")}`;
  }
  return `${Math.floor(span / DAY)} d`;
}

/**
 * Say how long in minutes where seconds would only flicker: "now", "12 min", "2 h 05".
 * @param {number} ms
 */
export function minutes(ms) {
  return ms < MINUTE ? "under 1 min" : age(ms);
}

/**
 * Say how long ago an instant was, or an empty text when there is none.
 * @param {string|null|undefined} iso
 * @param {number} now ms
 */
export function since(iso, now) {
  return iso ? age(now - Date.parse(iso)) : "";
}

/**
 * How long a pending call waits: "waiting 12 min".
 * @param {string} receivedAt
 * @param {number} now ms
 */
export function waiting(receivedAt, now) {
  const span = now - Date.parse(receivedAt);
  return span < MINUTE ? "just in" : `waiting ${age(span)}`;
}

/** @type {Record<string, [from: string, before: string, after: string]>} */
const SPANS = {
  ASSIGNED: ["assigned_at", "assigned ", " ago"],
  ACKNOWLEDGED: ["acknowledged_at", "acknowledged ", " ago"],
  EN_ROUTE: ["en_route_at", "", " en route"],
  STAGED: ["staged_at", "", " staged"],
  ON_SCENE: ["on_scene_at", "", " on scene"],
  TRANSPORTING: ["transporting_at", "", " transporting"],
  AT_DESTINATION: ["at_destination_at", "", " at the destination"],
};

/**
 * How long a unit is where it is with its call: "34 min on scene", "assigned 2 min ago".
 * @param {Record<string, any> & {status: string}} assignment
 * @param {number} now ms
 */
export function spent(assignment, now) {
  const [from, before, after] = SPANS[assignment.status] ?? ["", "", ""];
  const span = since(assignment[from], now);
  return span && `${before}${span}${after}`;
}

/**
 * The hour and minute on the wall: "14:02"; with seconds where they matter.
 * @param {string|number} instant
 * @param {string} timezone
 * @param {{seconds?: boolean}} [options]
 */
export function wallTime(instant, timezone, { seconds = false } = {}) {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  }).format(new Date(instant));
}

/**
 * A day and its time, for what may be long ago: "today 14:02", "4 Nov 2026, 14:02".
 * @param {string} instant
 * @param {string} timezone
 * @param {number} now ms
 */
export function wallDay(instant, timezone, now) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, day: "numeric", month: "short", year: "numeric" });
  const day = format.format(new Date(instant));
  const time = wallTime(instant, timezone);
  return day === format.format(new Date(now)) ? `today ${time}` : `${day}, ${time}`;
}
