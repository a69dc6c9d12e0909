/**
 * Which PINs will do. A PIN opens what this tablet holds without signal, so whoever finds the tablet must not guess it.
 */

export const LEAST_DIGITS = 6;
export const MOST_DIGITS = 12;

// Of lists of leaked PINs those that no rule below catches, in six digits.
const FAVOURITES = new Set(["159753", "147258", "147852", "258456", "159357", "852456", "789456", "456789", "142536", "748159", "142857", "314159", "271828", "520131", "112358"]);

/**
 * Say what is wrong with a PIN, or nothing.
 * @param {string} pin
 * @returns {string}
 */
export function whyNotPin(pin) {
  if (!/^\d*$/.test(pin)) return "A PIN has digits only.";
  if (pin.length < LEAST_DIGITS) return `At least ${LEAST_DIGITS} digits.`;
  if (pin.length > MOST_DIGITS) return `At most ${MOST_DIGITS} digits.`;
  if (new Set(pin).size < 3) return "Too easy to guess: too few different digits.";
  if (repeats(pin)) return "Too easy to guess: it repeats itself.";
  if (runs(pin)) return "Too easy to guess: it counts up or down.";
  if (isDate(pin)) return "Too easy to guess: it looks like a date.";
  if (FAVOURITES.has(pin)) return "Too easy to guess: many people choose it.";
  return "";
}

/** 123123, 121212: one part again and again; 123321: there and back. @param {string} pin */
function repeats(pin) {
  for (let size = 1; size <= pin.length / 2; size++) if (pin.length % size === 0 && pin.slice(0, size).repeat(pin.length / size) === pin) return true;
  return pin.length <= 8 && [...pin].reverse().join("") === pin;
}

/** 123456, 987654, 890123, 246802: the same step from each digit to the next. @param {string} pin */
function runs(pin) {
  const steps = new Set([...pin].slice(1).map((digit, i) => (Number(digit) - Number(pin[i]) + 10) % 10));
  return steps.size === 1;
}

/** A birthday in any of the usual orders: DDMMYY, MMDDYY, YYMMDD, and with the whole year. @param {string} pin */
function isDate(pin) {
  /** @type {[RegExp, boolean][]} */
  const orders = [
    [/^(?<a>\d\d)(?<b>\d\d)\d\d$/, false],
    [/^\d\d(?<a>\d\d)(?<b>\d\d)$/, true],
    [/^(?<a>\d\d)(?<b>\d\d)(19|20)\d\d$/, false],
    [/^(19|20)\d\d(?<a>\d\d)(?<b>\d\d)$/, true],
  ];
  return orders.some(([order, yearFirst]) => {
    const found = order.exec(pin)?.groups;
    if (!found) return false;
    const [a, b] = [Number(found["a"]), Number(found["b"])];
    const isMonth = (/** @type {number} */ n) => n >= 1 && n <= 12;
    const isDay = (/** @type {number} */ n) => n >= 1 && n <= 31;
    return (isMonth(a) && isDay(b)) || (!yearFirst && isDay(a) && isMonth(b));
  });
}
