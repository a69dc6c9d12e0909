/**
 * Backup in this browser: on every page of the tablet, beside whatever the page itself does, and before it does anything.
 *
 * It draws into an element of its own, so that a page that fails, waits, is locked or asks for a password takes nothing
 * away from it. The credential is a cookie that no script can read; what is known here is only whether there may be one.
 */

import { newId } from "../actions.js";
import { h, render } from "../dom.js";
import { jsonFetcher } from "../http.js";
import { clock } from "../times.js";
import { HOLD_MS, Hold, backupButton, handlers, noBackup } from "./button.js";
import { CONFIRM_MS, Lane } from "./lane.js";
import { band, isOpen, isRed, markOf, otherBand, quietWords, redScreen } from "./screen.js";
import { Presses } from "./store.js";

/** @typedef {import("./lane.js").Fix} Fix */
/** @typedef {import("./screen.js").Other} Other */

/** What the app tells of itself; before it has, and on other pages, nothing. @typedef {{person: number|null, call: number|null, others: Other[], silentElsewhere: string}} Known */

const MARK = "backup";
const RENEW_EVERY_MS = 7 * 86_400_000;
const RENEW_LEAST_MS = 30_000;
const DRILL_MS = 2 * 60_000;
const HINT_MS = 5_000;
const SHAKE = [700, 200, 700, 200, 700];
const SHAKE_EVERY_MS = 4_000;
const SHAKE_BEHIND_MS = 15_000;

const ask = jsonFetcher({ headers: { "X-Tablet": "1", "X-Background": "1" } });
const timers = { set: (/** @type {() => void} */ work, /** @type {number} */ ms) => setTimeout(work, ms), clear: (/** @type {ReturnType<typeof setTimeout>} */ timer) => clearTimeout(timer) };

/** @type {Known} */
let known = { person: null, call: null, others: [], silentElsewhere: "" };
/** @type {(message: Record<string, unknown>) => boolean} */
let say = () => false;

/** Whether this browser may hold a credential. The page to pair is the only one that a tablet without any gets to see. */
let able = marked() || !location.pathname.startsWith("/tablet/pair");
let drillUntil = 0;
let renewedAt = 0;
let shakenAt = 0;
/** @type {import("./screen.js").Showing & {hintUntil: number}} */
const showing = { small: new Set(), behind: "", cancelling: "", reason: "", quiet: false, hint: "", hintUntil: 0, now: 0 };

function marked() {
  try {
    return localStorage.getItem(MARK) === "yes";
  } catch {
    return true;
  }
}

/** @param {boolean} is */
function mark(is) {
  able = is;
  try {
    if (is) localStorage.setItem(MARK, "yes");
    else localStorage.removeItem(MARK);
  } catch {
    // It is asked for again at the next start.
  }
  draw();
}

// --- where this tablet is -------------------------------------------------------------------------------------------------

/** @type {Fix|null} */
let fix = null;
/** @type {number|null} */
let battery = null;
let watched = 0;
let watchesClosely = false;

/** Never asks for leave: not in the middle of an emergency, and not before anybody has signed on. */
async function watchPosition(closely = false) {
  try {
    const permission = await navigator.permissions.query({ name: "geolocation" });
    permission.onchange = () => void watchPosition(watchesClosely);
    if (permission.state !== "granted" || (watched && closely === watchesClosely)) return;
    if (watched) navigator.geolocation.clearWatch(watched);
    watchesClosely = closely;
    watched = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        fix = { lon: Math.round(coords.longitude * 1e6) / 1e6, lat: Math.round(coords.latitude * 1e6) / 1e6, accuracy: Math.round(coords.accuracy), at: new Date(Math.min(timestamp + clock.offset, clock.now())).toISOString() };
      },
      () => {},
      closely ? { enableHighAccuracy: true, maximumAge: 2_000 } : { maximumAge: 60_000 },
    );
  } catch {
    // A browser that tells no position: the request goes without.
  }
}

// --- the lane -------------------------------------------------------------------------------------------------------------

const lane = new Lane({
  store: new Presses(globalThis.indexedDB),
  clock,
  timers,
  uuid: newId,
  locks: navigator.locks,
  channel: typeof BroadcastChannel === "function" ? new BroadcastChannel("care-backup") : undefined,
  say: (message) => say(message),
  here: () => ({ position: fix, battery, person: known.person, call: known.call }),
  onChange: () => draw(),
  onKeyWrong: () => void renew(),
  post: async (path, body, signal) => {
    const response = await fetch(path, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-Tablet": "1" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      // It goes out even if the page is closed in this moment.
      keepalive: true,
      signal,
    });
    return { status: response.status, body: await response.json() };
  },
});

/** @param {boolean} silent @param {import("./lane.js").Service} [service] */
function press(silent, service = "POLICE") {
  const drill = Date.now() < drillUntil;
  void watchPosition(true);
  const key = lane.press({ silent, service, drill });
  // A small screen has room for the headline; the rest is one tap away.
  if (narrow.matches) showing.small.add(key);
  showing.hint = "";
  drillUntil = 0;
  if (!silent) navigator.vibrate?.(80);
  setTimeout(draw, CONFIRM_MS + 10);
  draw();
}

/** Get a new credential from whoever this tablet is to the server. The old one holds until the new one is used. */
async function renew() {
  if (Date.now() - renewedAt < RENEW_LEAST_MS) return;
  renewedAt = Date.now();
  try {
    await ask("/api/tablets/backup-key/", {});
    mark(true);
    lane.wake();
  } catch {
    // The one that is there may hold; the next start asks again.
  }
}

// --- the screen -----------------------------------------------------------------------------------------------------------

const narrow = matchMedia("(max-width: 599px), (max-height: 560px)");
const root = document.createElement("div");
root.className = "backup";
root.id = "backup";

/** @param {string} words */
function hint(words) {
  showing.hint = words;
  showing.hintUntil = Date.now() + HINT_MS;
  draw();
  setTimeout(draw, HINT_MS + 20);
}

/** @param {boolean} silent */
const holdOf = (silent) =>
  new Hold({
    now: () => performance.now(),
    timers,
    onDone: () => press(silent),
    onEarly: () => {
      const open = lane.views().some((view) => view.silent && isOpen(view));
      if (silent && open) acts.quiet();
      else hint(silent ? "Hold for 2 seconds: asks for police without a sound and without a red screen." : `Let go too early. Hold for ${HOLD_MS / 1000} seconds to ask for police.`);
    },
  });
const holds = { loud: holdOf(false), quiet: holdOf(true) };
const loud = handlers(holds.loud, draw);
const quiet = handlers(holds.quiet, draw);

/** @type {import("./screen.js").Acts} */
const acts = {
  level: (key, level) => lane.level(key, level),
  ems: () => press(false, "EMS"),
  cancel: (key) => {
    Object.assign(showing, { cancelling: key, reason: "" });
    showing.small.delete(key);
    draw();
  },
  reason: (reason) => {
    showing.reason = reason;
    draw();
  },
  cancelSure: () => {
    if (showing.reason) lane.cancel(showing.cancelling, showing.reason);
    acts.cancelNot();
  },
  cancelNot: () => {
    Object.assign(showing, { cancelling: "", reason: "" });
    draw();
  },
  fold: (key) => {
    if (!showing.small.delete(key)) showing.small.add(key);
    draw();
  },
  behind: (key) => {
    showing.behind = key;
    draw();
  },
  dismiss: (key) => lane.dismiss(key),
  quiet: () => {
    showing.quiet = !showing.quiet;
    draw();
  },
};

let filling = false;
/** The filling of the part that is held, by the clock: nothing here is an animation that a setting could switch off. */
function fill() {
  for (const [name, hold] of Object.entries(holds)) {
    const element = /** @type {HTMLElement|null} */ (root.querySelector(`.backup-${name === "loud" ? "press" : "quiet"}`));
    element?.style.setProperty("--held", String(hold.part));
  }
  filling = holds.loud.holding || holds.quiet.holding;
  if (filling) requestAnimationFrame(fill);
}

/** @param {boolean} red @param {boolean} behind */
function shake(red, behind) {
  if (!red && !behind) {
    // From here on another one begins at once.
    shakenAt = 0;
    return;
  }
  if (Date.now() - shakenAt < (red ? SHAKE_EVERY_MS : SHAKE_BEHIND_MS)) return;
  shakenAt = Date.now();
  navigator.vibrate?.(SHAKE);
}

function draw() {
  showing.now = clock.now();
  if (showing.hintUntil < Date.now()) showing.hint = "";
  const views = lane.views();
  const silent = views.find((view) => view.silent && isOpen(view));
  // One that was silent ends without a word, too.
  for (const view of views) if (view.silent && !isOpen(view)) lane.dismiss(view.key);
  if (!silent) showing.quiet = false;
  const shown = views.filter((view) => !view.silent);
  const red = shown.find((view) => isRed(view, showing));
  shake(Boolean(red), shown.some((view) => view.unconfirmed));
  const mine = new Set(views.map(({ key }) => key));
  const others = known.others.filter(({ press }) => !mine.has(press));
  render(
    root,
    red && redScreen(red, showing, acts),
    h("div", { class: "backup-stack", key: "stack" }, others.map((other) => otherBand(other, showing, acts)), !red && shown.map((view) => band(view, showing, acts)), showing.quiet && silent && quietWords(silent, showing, acts)),
    showing.hint && h("p", { class: "backup-hint", key: "hint", role: "alert" }, showing.hint),
    able || lane.open ? backupButton({ loud, quiet, holding: holds.loud.holding, quietly: holds.quiet.holding, again: shown.some(isOpen), drill: Date.now() < drillUntil, mark: markOf(views, known.silentElsewhere) }) : noBackup(),
  );
  if (!filling) fill();
}

/** What stands above the bar takes its room from what lies below, and covers nothing. */
function makeRoom() {
  const stack = root.querySelector(".backup-stack");
  if (!stack) return;
  new ResizeObserver(() => {
    const height = stack.getBoundingClientRect().height;
    document.documentElement.style.setProperty("--band", `${height ? Math.ceil(height) + 10 : 0}px`);
  }).observe(stack);
}

/** What the app and the other pages say to it. */
export const backup = {
  /** Whether a request is open: no page is loaded anew for a newer release then. */
  get open() {
    return lane.open;
  },
  /** Whether one of them is silent. */
  get silent() {
    return lane.views().some((view) => view.silent && isOpen(view));
  },
  /** @param {Known} now */
  know(now) {
    known = now;
    for (const key of showing.small) if (!lane.views().some((view) => view.key === key) && !now.others.some(({ press }) => press === key)) showing.small.delete(key);
    draw();
  },
  /** Speak on this line, too. @param {(message: Record<string, unknown>) => boolean} speaks whether it could */
  line(speaks) {
    say = speaks;
  },
  /** @param {unknown} message */
  heard(message) {
    lane.heard(message);
  },
  /** The server has paired this tablet, and given it a credential. */
  paired: () => mark(true),
  /** This tablet is no tablet any more, and its credentials have ended. */
  gone: () => mark(false),
  renew,
  /** The crew withdraws from a danger: URGENT, and the key by which the server knows it as the same request. */
  withdraw() {
    void watchPosition(true);
    const key = lane.press({ level: "URGENT" });
    setTimeout(draw, CONFIRM_MS + 10);
    draw();
    return key;
  },
  /** The next press is a test, and says so everywhere. */
  drill() {
    drillUntil = Date.now() + DRILL_MS;
    hint("The next press within 2 minutes is a TEST.");
    setTimeout(draw, DRILL_MS + 20);
  },
};

document.body.append(root);
draw();
makeRoom();
void lane.start();
void watchPosition();
void /** @type {any} */ (navigator).getBattery?.().then((/** @type {{level: number, onlevelchange: unknown}} */ own) => {
  const read = () => void (battery = Math.round(own.level * 100));
  own.onlevelchange = read;
  read();
});
for (const name of ["online", "pageshow", "focus"]) addEventListener(name, () => lane.wake({ visible: !document.hidden }));
document.addEventListener("visibilitychange", () => {
  lane.wake({ visible: !document.hidden });
  draw();
});
// Ages move on, and three seconds pass whether or not anything else happens.
setInterval(() => (lane.views().length || known.others.length) && draw(), 500);
setInterval(() => !lane.open && Date.now() - renewedAt > RENEW_EVERY_MS && renewedAt && void renew(), 3_600_000);
