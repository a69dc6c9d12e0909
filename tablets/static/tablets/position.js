/**
 * Where this tablet is, told every 15 s when it has changed. Nothing waits for it, and what was not told is not told later:
 * only the newest fix is worth anything.
 */

import { metres } from "./places.js";

/** @typedef {import("./wire.js").Point} Point */

const EVERY = 15_000;
// A fix that is this old is told again unchanged, so that the desk sees its age and not a dead tablet.
const AGAIN = 60_000;
const MOVED_M = 8;

export class Position {
  /** @type {Point|null} */
  point = null;
  /** ms of this device's clock */
  at = 0;
  /** metres; 0 while nothing is known */
  accuracy = 0;
  /** The last touch of a person, ms of the server's clock; pings and refreshes are none. */
  touchedAt = 0;

  /** @type {GeolocationPosition|null} */
  #fix = null;
  /** @type {{point: Point, at: number}|null} */
  #told = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  #watch = 0;
  /** @type {number|null} */
  #battery = null;

  /**
   * @param {object} options
   * @param {import("./http.js").FetchJson} options.fetchJson
   * @param {import("./times.js").Clock} options.clock
   * @param {() => void} options.onChange
   */
  constructor({ fetchJson, clock, onChange }) {
    this.fetchJson = fetchJson;
    this.clock = clock;
    this.onChange = onChange;
  }

  start() {
    if (!navigator.geolocation) return;
    this.#watch = navigator.geolocation.watchPosition(
      (fix) => {
        this.#fix = fix;
        this.point = [fix.coords.longitude, fix.coords.latitude];
        this.at = Date.now();
        this.accuracy = fix.coords.accuracy;
        this.onChange();
        if (!this.#told) void this.#tell();
      },
      () => {},
      { enableHighAccuracy: true, maximumAge: 10_000, timeout: 30_000 },
    );
    this.#timer = setInterval(() => void this.#tell(), EVERY);
    void /** @type {any} */ (navigator).getBattery?.().then((/** @type {{level: number}} */ battery) => {
      this.#battery = Math.round(battery.level * 100);
    });
  }

  stop() {
    clearInterval(this.#timer);
    navigator.geolocation?.clearWatch(this.#watch);
  }

  async #tell() {
    const fix = this.#fix;
    if (!fix || !this.point) return;
    const told = this.#told;
    if (told && Date.now() - told.at < AGAIN && metres(told.point, this.point) < MOVED_M) return;
    this.#told = { point: this.point, at: Date.now() };
    const { longitude, latitude, accuracy, heading } = fix.coords;
    try {
      await this.fetchJson("/api/tablets/position/", {
        lon: Math.round(longitude * 1e6) / 1e6,
        lat: Math.round(latitude * 1e6) / 1e6,
        accuracy_m: Math.min(accuracy, 100_000),
        ...(heading !== null && Number.isFinite(heading) ? { heading } : {}),
        at: new Date(Math.min(fix.timestamp + this.clock.offset, this.clock.now())).toISOString(),
        ...(this.touchedAt ? { touched_at: new Date(this.touchedAt).toISOString() } : {}),
        ...(this.#battery === null ? {} : { battery: this.#battery }),
      });
    } catch {
      this.#told = told;
    }
  }
}
