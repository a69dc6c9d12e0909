/**
 * The directory in words: when something is open, on which days, in which language. No browser, no clock.
 */

/** @typedef {import("./directory_find.js").Hours} Hours */
/** @typedef {import("./directory_find.js").Schedule} Schedule */

const NAMES = new Map([["MO", "Mon"], ["TU", "Tue"], ["WE", "Wed"], ["TH", "Thu"], ["FR", "Fri"], ["SA", "Sat"], ["SU", "Sun"]]);
const DAYS = [...NAMES.keys()];
/** @type {Record<string, string>} */
const NTH = { 1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 5: "5th", "-1": "last", "-2": "last but one" };

/**
 * Whether something is open, and until or from when.
 * @param {Hours} hours
 * @param {string} today
 * @returns {{look: "open"|"closed"|"unknown", icon: string, words: string}}
 */
export function hoursWords({ state, until, next, why }, today) {
  if (state === "open") return { look: state, icon: "check_circle_outline", words: until ? `Open until ${until}` : "Open, day and night" };
  if (state === "unknown") return { look: state, icon: "help_outline", words: why === "holiday" ? "Holiday: hours not known" : "Hours not known" };
  if (why === "shut") return { look: state, icon: "cancel", words: "Closed for now" };
  return { look: state, icon: "cancel", words: next ? `Closed, opens ${nextWords(next, today)}` : "Closed" };
}

/**
 * @param {{date: string, time: string}} next
 * @param {string} today
 */
function nextWords({ date, time }, today) {
  const days = Math.round((Date.parse(date) - Date.parse(today)) / 86_400_000);
  if (days === 0) return time;
  if (days === 1) return `tomorrow ${time}`;
  const weekday = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short" }).format(new Date(`${date}T00:00:00Z`));
  return days < 7 ? `${weekday} ${time}` : `${dayWords(date)}, ${time}`;
}

/**
 * A day: "1 Oct 2026".
 * @param {string} date
 */
export const dayWords = (date) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" }).format(new Date(`${date}T00:00:00Z`));

/**
 * The rules that hold, as people read them: days of the week together, their times behind.
 * @param {readonly Schedule[]} schedules
 * @returns {{name: string, times: string}[]}
 */
export function openings(schedules) {
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const row of [...schedules].sort((a, b) => first(a) - first(b) || a.opens_at.localeCompare(b.opens_at))) {
    const name = ruleWords(row);
    rows.set(name, [...(rows.get(name) ?? []), row.opens_at === row.closes_at ? "round the clock" : `${row.opens_at}–${row.closes_at}`]);
  }
  return [...rows].map(([name, times]) => ({ name, times: times.join(", ") }));
}

/** @param {Schedule} row */
const first = (row) => Math.min(...(row.byday ?? "").split(",").map((part) => DAYS.indexOf(part.slice(-2))).map((at) => (at < 0 ? 7 : at)));

/** @param {Schedule} row */
function ruleWords(row) {
  const parts = (row.byday ?? "").split(",").filter(Boolean);
  const days = row.freq === "MONTHLY" ? parts.map((part) => [NTH[part.slice(0, -2)], NAMES.get(part.slice(-2))].filter(Boolean).join(" ")).join(", ") : daysWords(parts);
  const ofMonth = row.bymonthday ? `day ${row.bymonthday.split(",").map((day) => (day === "-1" ? "last" : day)).join(", ")}` : "";
  const every = (row.interval ?? 1) > 1 ? `every ${row.interval === 2 ? "other" : `${row.interval}.`} ${row.freq === "MONTHLY" ? "month" : "week"}` : row.freq === "MONTHLY" ? "of the month" : "";
  const from = row.valid_from ? `from ${dayWords(row.valid_from)}` : "";
  const to = row.valid_to ? `until ${dayWords(row.valid_to)}` : "";
  return [[ofMonth, days].filter(Boolean).join(", "), every, from, to].filter(Boolean).join(" ");
}

/**
 * "Every day", "Mon–Fri", "Mon, Wed, Fri".
 * @param {readonly string[]} parts
 */
function daysWords(parts) {
  const at = DAYS.flatMap((day, i) => (parts.includes(day) ? [i] : []));
  if (at.length === 7) return "Every day";
  const name = (/** @type {number|undefined} */ i) => NAMES.get(DAYS[i ?? 0] ?? "") ?? "";
  const inRow = at.length > 2 && at.every((day, i) => day === (at[0] ?? 0) + i);
  return inRow ? `${name(at[0])}–${name(at.at(-1))}` : at.map(name).join(", ");
}

/**
 * A language as people call it; a source may say its name only.
 * @param {string} language BCP 47, or a name
 */
export function languageWords(language) {
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(language)) return language;
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(language) ?? language;
  } catch {
    return language;
  }
}
