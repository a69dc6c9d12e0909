// Requests for backup on a page: the whole page changes, it sounds, the focus goes to it, and it says who, where and since
// when, until somebody has seen it, sent police and closed it. What this page says that it shows, it shows.

import { age, clock } from "../../tablets/times.js";
import { byId, el, icon, keyed, setText } from "../desk/dom.js";
import { Acts } from "./acts.js";
import { makeCard } from "./card.js";
import { Ringing } from "./ringing.js";
import { Siren } from "./siren.js";
import { Watch } from "./watch.js";
import * as words from "./words.js";

/** @typedef {import("./words.js").Alarm} Alarm */
/** @typedef {import("./map.js").Area} Area */
/** @typedef {import("./map.js").Unit} Unit */
/**
 * @typedef {object} Page
 * @property {"DESK" | "SUPERVISOR" | "POLICE"} kind
 * @property {() => number[]} [sectors] of a police dispatcher: which service areas ring here; none for all
 * @property {() => Area[]} areas
 * @property {() => Unit[]} [units] where units are, as far as this page knows
 * @property {(open: Alarm[]) => void} [onOpen] after each answer
 */

const TELL_MS = 12_000;
// A page that drew nothing for this long shows nothing, whatever it believes.
const DRAWN_MS = 1_500;
// Keys that were meant for what somebody was typing are not taken for an answer.
const PAUSE_MS = 700;

const consoleId = crypto.randomUUID();
const ringing = new Ringing();
/** @type {Map<string, Set<Element>>} elements of a request that are on the screen */
const onScreen = new Map();
/** @type {Map<string, {words: string, until: number, bad: boolean}>} */
const told = new Map();
let drawnAt = 0;
/** @type {string | null} */
let chosen = null;
/** @type {Element | null} where somebody was when it rang */
let before = null;
/** @type {HTMLDialogElement[]} questions that stood in its way */
let aside = [];
let armedAt = 0;
let swallow = false;
let pageTitle = document.title;
let blink = false;
let begun = false;

/** @type {Page} */
let page;
/** @type {Acts} */
let acts;
/** @type {Watch} */
let watch;
/** @type {Siren} */
let siren;
/** @type {HTMLElement} */
let root;
/** @type {Record<string, HTMLElement>} */
let parts = {};
/** @type {ReturnType<typeof makeCard>} */
let card;
/** @type {IntersectionObserver} */
let observer;

/** @returns {Alarm[]} what is open, the first to answer first */
export const open = () => words.inOrder(watch?.answer?.open ?? []);

/** Look now: something was heard of a request elsewhere. */
export function wake() {
  watch?.wake();
}

/** @returns {boolean} whether a request is open that asks for the whole page */
const holdsPage = () => begun && open().some((one) => one.level !== "NON_URGENT" && words.stage(one) === "unseen");

/**
 * Begin to watch.
 *
 * @param {Page} options
 */
export function begin(options) {
  page = options;
  begun = true;
  acts = new Acts(byId("csrf").content);
  build();
  watch = new Watch({
    ask: async (body, signal) => {
      const sent = Date.now();
      const response = await fetch("/api/backup/watch/", {
        method: "POST", headers: { "Content-Type": "application/json", "X-Background": "1" }, credentials: "same-origin", cache: "no-store", redirect: "error",
        signal, body: JSON.stringify(body),
      });
      if (!response.ok) throw Object.assign(new Error("no answer"), { status: response.status });
      const answer = await response.json();
      clock.offer(answer.now, sent, Date.now());
      return answer;
    },
    says: () => ({
      console: consoleId, kind: page.kind, areas: page.sectors?.() ?? [], shown: shown(), visible: document.visibilityState === "visible",
    }),
    onAnswer: hear,
    onState: draw,
  });
  siren = new Siren(draw);
  observer = new IntersectionObserver(looked, { threshold: [0, 0.6] });
  bindKeys();
  tick();
  addEventListener("pagehide", () => {
    // It no longer counts for the five seconds that it would have had.
    void fetch("/api/backup/leave/", { method: "POST", keepalive: true, credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ console: consoleId }) }).catch(() => {});
  });
  document.addEventListener("visibilitychange", () => wake());
  draw();
}

function tick() {
  const beat = () => {
    watch.tick();
    if (watch.answer?.open.length || watch.state.name !== "live") requestAnimationFrame(() => (drawnAt = performance.now()));
    sound();
  };
  try {
    const ticker = new Worker(new URL("./ticker.js", import.meta.url));
    ticker.onmessage = beat;
    ticker.onerror = () => setInterval(beat, 250);
  } catch {
    setInterval(beat, 250);
  }
  setInterval(draw, 500);
  setInterval(blinkTitle, 900);
}

/** @returns {string[]} the keys of what can be read on the screen at this moment */
function shown() {
  if (document.visibilityState !== "visible" || performance.now() - drawnAt > DRAWN_MS) return [];
  return [...onScreen].filter(([, nodes]) => nodes.size > 0).map(([key]) => key);
}

/** @param {IntersectionObserverEntry[]} entries */
function looked(entries) {
  let more = false;
  for (const entry of entries) {
    const key = /** @type {HTMLElement} */ (entry.target).dataset["backup"] ?? "";
    const nodes = onScreen.get(key) ?? new Set();
    const had = nodes.size > 0;
    // A card that is taller than what is left of the screen shows its head.
    const tall = entry.intersectionRect.height > 140;
    if (entry.isIntersecting && (entry.intersectionRatio >= 0.6 || tall)) nodes.add(entry.target);
    else nodes.delete(entry.target);
    onScreen.set(key, nodes);
    more ||= !had && nodes.size > 0;
  }
  // Said at once: until then the server takes it for not shown.
  if (more) requestAnimationFrame(() => { drawnAt = performance.now(); wake(); });
}

/** @param {import("./watch.js").Answer} answer */
function hear(answer) {
  const heard = ringing.hear(answer.open, performance.now());
  if (heard.chime) siren.chime();
  for (const alarm of heard.ended) {
    onScreen.delete(alarm.key);
    tell(alarm.key, `${words.title(alarm)}: closed.`, false);
  }
  const loud = heard.fresh.filter((one) => one.level !== "NON_URGENT" && !one.seen_by);
  if (loud[0]) arrive(loud[0]);
  const rang = heard.again.find((one) => !one.seen_by);
  if (rang && !loud[0]) setText(parts["read"] ?? root, `Rings again: ${words.title(rang)}`);
  if (!answer.open.some((one) => one.key === chosen)) chosen = null;
  draw();
  page.onOpen?.(answer.open);
}

/** @param {Alarm} alarm */
function arrive(alarm) {
  const current = open().find((one) => one.key === chosen);
  // Not taken from under somebody's hands who has one to answer already.
  if (!current || words.stage(current) !== "unseen") chosen = words.inOrder(open())[0]?.key ?? alarm.key;
  setText(parts["read"] ?? root, `${words.title(alarm)}. ${words.when(alarm, clock.now())}. ${alarm.silent ? "Silent: do not call back by radio." : ""}`);
  draw();
  const active = document.activeElement;
  if (root.contains(active)) return;
  before = active;
  step(aside = [.../** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll("dialog:modal"))]);
  swallow = true;
  armedAt = performance.now() + PAUSE_MS;
  root.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

/**
 * Nothing covers it: an open question goes on as it is, without holding the page.
 *
 * @param {HTMLDialogElement[]} dialogs
 */
function step(dialogs) {
  for (const dialog of dialogs) {
    quietly(dialog);
    dialog.close();
    dialog.show();
  }
}

/** @param {HTMLDialogElement} dialog */
function quietly(dialog) {
  addEventListener("close", (event) => event.target === dialog && event.stopImmediatePropagation(), { capture: true, once: true });
}

/** Give the page back to what somebody was doing. */
function back() {
  swallow = false;
  for (const dialog of aside.filter((one) => one.isConnected && one.open)) {
    quietly(dialog);
    dialog.close();
    dialog.showModal();
  }
  aside = [];
  if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  before = null;
}

function bindKeys() {
  addEventListener("keydown", (event) => {
    if (event.isComposing || root.hidden) return;
    if (event.key === "F2" && event.shiftKey) {
      if (hushFirst()) taken(event);
      return;
    }
    if (event.key === "F2") {
      if (seeFirst()) taken(event);
      return;
    }
    if (!root.contains(document.activeElement)) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const control = document.activeElement instanceof Element && document.activeElement !== root && document.activeElement.matches("button, input, select, textarea");
    if (swallow && performance.now() < armedAt && plain && event.key.length === 1) {
      armedAt = performance.now() + PAUSE_MS;
      taken(event);
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (document.activeElement?.matches("select, input, textarea")) return;
      if (move(event.key === "ArrowDown" ? 1 : -1)) taken(event);
    } else if (event.key === "Escape" && !holdsPage()) {
      back();
      taken(event);
    } else if (plain && (event.key === " " || event.key === "Enter") && !control) {
      if (seeFirst()) taken(event);
      else event.stopPropagation();
    } else if (plain && event.key.length === 1) {
      // The page's own letters sleep here: somebody types, or answers this.
      event.stopPropagation();
    }
  }, { capture: true });
}

/** @param {KeyboardEvent} event */
function taken(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** @returns {Alarm | undefined} */
const current = () => open().find((one) => one.key === chosen) ?? open()[0];

/** @returns {boolean} */
function seeFirst() {
  const first = [current(), ...open()].find((one) => one && words.stage(one) === "unseen" && !one.own);
  if (!first) return false;
  void see(first.key);
  return true;
}

/** @returns {boolean} */
function hushFirst() {
  const now = performance.now();
  const first = open().find((one) => ringing.rings(one.key, now));
  if (!first) return false;
  hush(first.key);
  return true;
}

/** @param {string} key */
function hush(key) {
  ringing.hush(key);
  sound();
  draw();
}

/** @param {1 | -1} by @returns {boolean} */
function move(by) {
  const list = open();
  if (list.length < 2) return false;
  const at = list.findIndex((one) => one.key === current()?.key);
  chosen = list[Math.min(list.length - 1, Math.max(0, at + by))]?.key ?? chosen;
  draw();
  return true;
}

/** @param {string} key */
async function see(key) {
  const taken = meanwhile(key, "Saying that you see it …", TELL_MS);
  ringing.hush(key);
  sound();
  draw();
  const outcome = await acts.see(key, consoleId);
  taken();
  if (!outcome.done) {
    tell(key, outcome.message, true);
    // What the server has not taken rings on.
    ringing.resume(key);
  } else if (watch.answer) {
    watch.answer.open = watch.answer.open.map((one) => (one.key === key ? { ...one, ...outcome.body } : one));
    chosen = key;
  }
  wake();
  draw();
  if (outcome.done && !holdsPage() && root.contains(document.activeElement) && before !== null) back();
}

/**
 * @param {string} key
 * @param {string} kind
 * @param {Record<string, any>} args
 * @returns {Promise<boolean>}
 */
async function does(key, kind, args) {
  const taken = meanwhile(key, "Sending, not confirmed yet …", 30_000);
  draw();
  const outcome = await acts.do(kind, { key, ...args });
  taken();
  if (!outcome.done) tell(key, `Not done. ${outcome.message}`, true);
  wake();
  draw();
  return outcome.done;
}

/**
 * Say that something is under way, and return what takes those words away. Whatever came of it may have been heard, and
 * said, before the answer.
 * @param {string} key
 * @param {string} text
 * @param {number} limit ms
 * @returns {() => void}
 */
function meanwhile(key, text, limit) {
  const saying = { words: text, until: performance.now() + limit, bad: false };
  told.set(key, saying);
  return () => {
    if (told.get(key) === saying) told.delete(key);
  };
}

/**
 * @param {string} key
 * @param {string} text
 * @param {boolean} bad
 */
function tell(key, text, bad) {
  told.set(key, { words: text, until: performance.now() + TELL_MS, bad });
}

function build() {
  parts = {
    read: el("p", { class: "unseen", role: "alert" }),
    down: el("div", { class: "bk-band bk-down", role: "alert", hidden: true }, icon("error"), el("b"), el("span")),
    blocked: el("div", { class: "bk-band bk-blocked", role: "status", hidden: true }, icon("volume_off"), el("b"), el("span")),
    test: el("div", { class: "bk-band bk-test", role: "status", hidden: true }, icon("warning"), el("b", {}, "Self-test"), el("span")),
    many: el("ul", { class: "bk-many", "aria-label": "All open requests for backup" }),
    over: el("ul", { class: "bk-over" }),
  };
  card = makeCard({
    areas: page.areas,
    units: page.units ?? (() => []),
    closes: page.kind !== "POLICE",
    see: (key) => void see(key),
    hush,
    does,
    rings: (key) => ringing.rings(key, performance.now()),
    told: (key) => told.get(key) ?? null,
  });
  root = el("section", { id: "backup", class: "bk", tabindex: "-1", "aria-label": "Requests for backup" }, parts["read"], parts["down"], parts["blocked"], parts["test"], parts["many"], card.node, parts["over"]);
  byId("backup-holder").replaceWith(root);
  for (const holder of document.querySelectorAll("[data-backup-line]")) holder.append(el("i"), el("span", {}, "Backup", el("span")));
}

function draw() {
  if (!begun || !watch) return;
  const now = clock.now();
  const state = watch.state;
  const list = open();
  const answer = watch.answer;
  drawBands(state, now);
  const one = current();
  chosen = one?.key ?? null;
  const many = parts["many"];
  if (many) {
    many.hidden = list.length < 2;
    keyed(many, list.length < 2 ? [] : list, (alarm) => alarm.key, makeRow, (node, alarm) => updateRow(node, alarm, now));
  }
  card.node.hidden = one === undefined;
  if (one) {
    if (card.node.dataset["backup"] !== one.key) {
      observer.unobserve(card.node);
      for (const nodes of onScreen.values()) nodes.delete(card.node);
      card.node.dataset["backup"] = one.key;
      observer.observe(card.node);
    }
    card.update(one, now, answer?.consoles ?? []);
  } else {
    observer.unobserve(card.node);
    for (const nodes of onScreen.values()) nodes.delete(card.node);
    delete card.node.dataset["backup"];
  }
  drawOver(list);
  const unseen = list.filter((alarm) => alarm.level !== "NON_URGENT" && words.stage(alarm) === "unseen");
  document.body.classList.toggle("bk-open", unseen.length > 0);
  document.body.classList.toggle("bk-drill", unseen.length > 0 && unseen.every((alarm) => alarm.drill));
  document.body.classList.toggle("bk-is-down", state.name === "down" || state.name === "refused");
  root.hidden = list.length === 0 && [...root.children].every((child) => /** @type {HTMLElement} */ (child).hidden || child === parts["read"]);
  if (unseen.length === 0 && aside.length > 0) back();
  drawLine(state, now);
}

/**
 * @param {import("./watch.js").State} state
 * @param {number} now
 */
function drawBands(state, now) {
  const down = parts["down"];
  const out = state.name === "refused";
  if (down) {
    down.hidden = state.name !== "down" && !out;
    const silent = state.heardAt === null ? "Nothing was heard of it since this page was opened." : `Nothing heard for ${age(performance.now() - state.heardAt)}. What stands here may be over, and new requests do not come through. It goes on trying.`;
    const said = down.hidden ? ["", ""] : out ? ["BACKUP WATCH IS OFF: YOU ARE SIGNED OUT", "Sign in again: this page does not ring."] : ["BACKUP WATCH IS DOWN: LISTEN TO THE RADIO", silent];
    setText(/** @type {Element} */ (down.querySelector("b")), said[0] ?? "");
    setText(/** @type {Element} */ (down.querySelector("span")), said[1] ?? "");
  }
  const blocked = parts["blocked"];
  if (blocked) {
    blocked.hidden = siren.allowed;
    const tried = siren.tried;
    setText(/** @type {Element} */ (blocked.querySelector("b")), tried ? "This machine makes no sound." : "Sound is blocked: click anywhere, or press a key.");
    setText(/** @type {Element} */ (blocked.querySelector("span")), tried ? "Look at its speakers and at the browser's setting for this page." : "Until then a request for backup makes no sound here.");
  }
  const test = parts["test"];
  const wrong = words.selfTest(watch.answer?.self_test, now);
  if (test) {
    test.hidden = wrong === "";
    setText(/** @type {Element} */ (test.querySelector("span")), `${wrong} Listen to the radio, and tell whoever runs the servers.`);
  }
}

/** @param {Alarm[]} list */
function drawOver(list) {
  const now = performance.now();
  for (const [key, one] of told) if (one.until < now) told.delete(key);
  const over = [...told].filter(([key]) => !list.some((alarm) => alarm.key === key));
  const holder = parts["over"];
  if (!holder) return;
  holder.hidden = over.length === 0;
  keyed(holder, over, ([key]) => key, () => el("li", { class: "bk-band bk-ended" }, icon("check_circle"), el("b")), (node, [, one]) => setText(/** @type {Element} */ (node.querySelector("b")), one.words));
}

/**
 * @param {import("./watch.js").State} state
 * @param {number} now
 */
function drawLine(state, now) {
  const consoles = watch.answer?.consoles ?? [];
  const test = watch.answer?.self_test;
  const live = state.name === "live";
  for (const holder of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-backup-line]"))) {
    holder.className = `bk-line ${state.name}`;
    const text = live ? (consoles.length === 1 ? "only you watch" : `${consoles.length} watch`) : state.name === "starting" ? "connecting" : "DOWN";
    setText(/** @type {Element} */ (holder.lastElementChild?.lastElementChild), `: ${text}`);
    holder.title = [
      consoles.map((one) => `${one.label} (${one.kind.toLowerCase()})`).join(", "),
      test ? `Self-test ${age(now - Date.parse(test.at))} ago${test.took_ms === null ? "" : `: ${test.took_ms} ms`}` : "",
    ].filter(Boolean).join("\n");
  }
}

/** @param {Alarm} alarm */
function makeRow(alarm) {
  const row = el(
    "li", { class: "bk-row", "data-backup": alarm.key },
    el("button", { type: "button", class: "bk-row-main", click: () => { chosen = alarm.key; draw(); } }, icon("error"), el("b"), el("span", { class: "bk-row-when" }), el("span", { class: "bk-row-state" })),
    el("button", { type: "button", class: "button bk-row-see", click: () => void see(alarm.key) }, "I see it"),
  );
  observer.observe(row);
  return row;
}

/**
 * @param {HTMLElement} node
 * @param {Alarm} alarm
 * @param {number} now
 */
function updateRow(node, alarm, now) {
  const at = words.stage(alarm);
  node.className = `bk-row at-${at}${alarm.drill ? " is-drill" : ""}${alarm.level === "NON_URGENT" ? " is-calm" : ""}`;
  const main = /** @type {HTMLElement} */ (node.querySelector(".bk-row-main"));
  main.setAttribute("aria-pressed", String(alarm.key === current()?.key));
  const [title, since, state] = [main.children[1], main.children[2], main.children[3]];
  if (title) setText(title, words.title(alarm));
  if (since) {
    setText(since, words.when(alarm, now));
    since.classList.toggle("late", alarm.late);
  }
  const last = words.steps(alarm, now).filter((one) => one.done).at(-1);
  if (state) setText(state, alarm.cancel ? "CANCEL REQUESTED" : at === "unseen" ? "NOT SEEN YET" : `${last?.word ?? ""}${alarm.silent ? " · SILENT" : ""}`);
  /** @type {HTMLElement} */ (node.querySelector(".bk-row-see")).hidden = at !== "unseen" || alarm.own === true;
}

function sound() {
  const now = performance.now();
  siren.siren(ringing.loud(now));
  const state = watch.state.name;
  if ((state === "down" || state === "refused") && !ringing.loud(now)) siren.low(now);
}

function blinkTitle() {
  const first = open().find((one) => one.level !== "NON_URGENT" && words.stage(one) === "unseen");
  const down = watch.state.name === "down" || watch.state.name === "refused";
  const loud = first !== undefined || down;
  if (!loud) {
    if (document.body.classList.contains("bk-title")) {
      document.body.classList.remove("bk-title");
      document.title = pageTitle;
    }
    return;
  }
  if (!document.body.classList.contains("bk-title")) {
    pageTitle = document.title;
    document.body.classList.add("bk-title");
  }
  blink = !blink;
  document.title = first ? (blink ? `▲ ${words.title(first)}` : "■■ BACKUP ■■") : blink ? "▲ BACKUP WATCH IS DOWN" : "■■ USE THE RADIO ■■";
}
