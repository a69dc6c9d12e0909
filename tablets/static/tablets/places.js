/**
 * Places as people say them: "0.4 mi NW", and which opening hours hold.
 */

/** @typedef {import("./wire.js").Point} Point */
/** @typedef {import("./wire.js").Hours} Hours */

const EARTH_M = 6_371_008.8;
const MILE_M = 1609.344;
const WINDS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

/** @param {number} degrees */
const radians = (degrees) => (degrees * Math.PI) / 180;

/**
 * The distance between two points, in metres, on a sphere: less than 0.6 % off.
 * @param {Point} a
 * @param {Point} b
 */
export function metres(a, b) {
  const height = Math.sin(radians(b[1] - a[1]) / 2) ** 2;
  const width = Math.sin(radians(b[0] - a[0]) / 2) ** 2;
  const half = height + Math.cos(radians(a[1])) * Math.cos(radians(b[1])) * width;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/**
 * A distance in the words of the street: "here", "300 ft", "0.4 mi", "12 mi".
 * @param {number} distance metres
 */
export function miles(distance) {
  const value = distance / MILE_M;
  if (value < 0.01) return "here";
  if (value < 0.1) return `${Math.round((value * 5280) / 50) * 50} ft`;
  return value < 9.95 ? `${value.toFixed(1)} mi` : `${Math.round(value)} mi`;
}

/**
 * How wide something is, as exactly as it is known: "39 ft", "330 ft", "0.4 mi".
 * @param {number} span metres
 */
export function extent(span) {
  const value = span / MILE_M;
  if (value >= 0.095) return `${value < 10 ? value.toFixed(1) : Math.round(value)} mi`;
  const feet = value * 5280;
  return `${feet < 95 ? Math.max(1, Math.round(feet)) : Math.round(feet / 10) * 10} ft`;
}

/**
 * Which way `b` lies from `a`, in eight winds.
 * @param {Point} a
 * @param {Point} b
 */
export function bearing(a, b) {
  const east = Math.sin(radians(b[0] - a[0])) * Math.cos(radians(b[1]));
  const north =
    Math.cos(radians(a[1])) * Math.sin(radians(b[1])) -
    Math.sin(radians(a[1])) * Math.cos(radians(b[1])) * Math.cos(radians(b[0] - a[0]));
  const turn = (Math.atan2(east, north) / (2 * Math.PI)) * WINDS.length;
  return /** @type {string} */ (WINDS[(Math.round(turn) + WINDS.length) % WINDS.length]);
}

/**
 * How far and which way: "0.4 mi NW"; empty when one of the two is not known.
 * @param {Point|null|undefined} from
 * @param {Point|null|undefined} to
 */
export function away(from, to) {
  if (!from || !to) return "";
  const distance = metres(from, to);
  return distance < 0.01 * MILE_M ? "here" : `${miles(distance)} ${bearing(from, to)}`;
}

/**
 * Tell whether a point lies in a GeoJSON multipolygon, holes left out.
 * @param {Point} point
 * @param {{coordinates: Point[][][]}} multipolygon
 */
export function inside(point, multipolygon) {
  return multipolygon.coordinates.some((rings) => rings.filter((ring) => inRing(point, ring)).length === 1);
}

/**
 * @param {Point} point
 * @param {Point[]} ring
 */
function inRing([x, y], ring) {
  let within = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = /** @type {Point} */ (ring[i]);
    const [xj, yj] = /** @type {Point} */ (ring[j]);
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

/**
 * Tell whether an area is open at an instant. Of one weekday the valid rows that began last hold; a weekday without any is
 * closed. Hours that close at or before they open run past midnight, and belong to the day on which they open.
 * @param {Hours[]} hours
 * @param {string} timezone
 * @param {number} now ms
 */
export function isOpen(hours, timezone, now) {
  const today = wall(now, timezone);
  // A day back by the calendar, not by 24 hours: days of a clock change have 23 or 25.
  const yesterday = wall(Date.parse(`${today.date}T12:00:00Z`) - 86_400_000, "UTC");
  const runsPast = (/** @type {Hours} */ row) => row.closes <= row.opens;
  return (
    inForce(hours, today).some((row) => today.time >= row.opens.slice(0, 5) && (runsPast(row) || today.time < row.closes.slice(0, 5))) ||
    inForce(hours, yesterday).some((row) => runsPast(row) && today.time < row.closes.slice(0, 5))
  );
}

/**
 * @param {Hours[]} hours
 * @param {{date: string, weekday: number}} day
 */
function inForce(hours, day) {
  const valid = hours.filter(
    (row) => row.weekday === day.weekday && row.valid_from <= day.date && (row.valid_to === null || day.date <= row.valid_to),
  );
  const newest = valid.reduce((latest, row) => (row.valid_from > latest ? row.valid_from : latest), "");
  return valid.filter((row) => row.valid_from === newest);
}

/**
 * @param {number} now ms
 * @param {string} timezone
 * @returns {{date: string, time: string, weekday: number}} weekday as in the bodies: 0 is Monday
 */
export function wall(now, timezone) {
  const text = new Intl.DateTimeFormat("sv-SE", {
    timeZone: timezone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(now));
  const date = text.slice(0, 10);
  return { date, time: text.slice(11, 16), weekday: (new Date(`${date}T12:00:00Z`).getUTCDay() + 6) % 7 };
}
