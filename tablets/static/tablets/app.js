/**
 * The tablet app: wires the device's store, the line, the crew's actions and the screen together.
 */

import { Attachments, NotAttached, pieceSender } from "./attachments.js";
import { notice, presence, statusBar, topBar } from "./bars.js";
import { backup } from "./backup/here.js";
import { board } from "./board.js";
import { myCall } from "./call.js";
import { h, icon, loadIcons, render } from "./dom.js";
import { gateView, opening, typedDigit } from "./gate.js";
import { openHere } from "./here.js";
import { newId } from "./actions.js";
import { jsonFetcher } from "./http.js";
import { Line } from "./line.js";
import { MapView } from "./map.js";
import { lockView, overlay } from "./overlays.js";
import { LEAST_DIGITS, whyNotPin } from "./pins.js";
import { Pictures, signed, taken } from "./photos.js";
import { Position } from "./position.js";
import { away } from "./places.js";
import { Parts, loadParts } from "./parts.js";
import { isTake } from "./requests.js";
import { awayWords, sheet } from "./sheets.js";
import { Memory, look } from "./snapshot.js";
import { hush, isSpeaking, speak } from "./speak.js";
import { farewell } from "./standing.js";
import { partnerOf } from "./tandem.js";
import { age, clock, wallTime } from "./times.js";
import * as tone from "./tone.js";
import { byPeople, nameOf } from "./trays.js";
import { Updates } from "./update.js";
import { Wake } from "./wake.js";
import { shouldTell } from "./welfare.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Row} Row */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./http.js").NoAnswer} NoAnswer */
/** @typedef {import("./replica.js").Change} Change */

/** Something that happened to the crew and that they have to see. @typedef {{key: string, title: string, what: string, say: string, loud: boolean}} Told */

/**
 * What the crew should know about this tablet itself.
 * @typedef {{key: string, words: string, bad: boolean, action?: {words: string, act: () => void}}} Notice
 */

/**
 * What the screen itself knows: nothing here comes from the server, and nothing here goes to it.
 * @typedef {object} Ui
 * @property {string} name of the tablet
 * @property {"call"|"board"|"map"} tab
 * @property {"all"|"CARE"|"POLICE"|"may"} filter
 * @property {boolean} nearest
 * @property {string} picked the row that was tapped last
 * @property {{name: string, code?: string, chosen?: string}|null} sheet
 * @property {string} problem what is wrong with what was typed
 * @property {boolean} busy
 * @property {boolean} locked
 * @property {boolean} unlocking
 * @property {boolean} sound whether an alarm would be heard
 * @property {boolean} speaking
 * @property {string} theme
 * @property {number} guard until when the bar takes no tap, ms of this device's clock
 * @property {Told[]} told
 * @property {Set<string>} answered overlays that this tablet has answered, before the server says so
 * @property {Notice[]} notices
 * @property {import("./gate.js").Gate|null} gate what stands before the app
 * @property {{digits: string, first: string}} pin what is being typed
 * @property {boolean} byPin whether the lock opens by PIN now
 * @property {boolean} hasPin whether who is signed on has chosen one
 * @property {boolean} durable whether what is done here outlives this page
 * @property {boolean} persisted whether the browser promised not to clear it
 * @property {boolean} follows whether another window of this tablet does the sending
 * @property {boolean} newer whether a newer release waits
 * @property {import("./wake.js").WakeState} wake whether requests for backup wake this tablet
 * @property {string} version
 * @property {number|null|""} until when the sign-on is over, ms of the server's clock
 * @property {{words: string, bad: boolean, until: number}|null} toast
 */

/** @typedef {typeof act} Act */

// A second tap of the same finger must not take the step after the one that was meant.
const GUARD_MS = 900;
const BUZZ_EVERY_MS = 5_000;
// A fix older than this says where the crew was.
const HERE_MS = 5 * 60_000;
const LOCK_AFTER_MS = 10 * 60_000;
const STILL_MS = 2_500;
const SHOWN_FOR_MS = 15_000;
// How long an answer may take before it counts as none, for what can be left to send itself.
const PATIENCE_MS = 8_000;

const config = JSON.parse(document.getElementById("config")?.textContent ?? "{}");
/** @type {Record<string, string>} */
const reasons = config.words?.reasons ?? {};
/** @type {Record<string, string>} */
const canned = config.words?.canned ?? {};
/** @type {Record<string, string>} */
const onViewWords = config.words?.on_view ?? {};
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const fetchJson = jsonFetcher({ headers: { "X-Tablet": "1" } });
const background = jsonFetcher({ headers: { "X-Tablet": "1", "X-Background": "1" } });

/** @param {string} key */
const kept = (key) => {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
};
/** @param {string} key */
const localKept = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
/**
 * @param {string} key
 * @param {string|null} value
 * @param {Storage} [where]
 */
const keep = (key, value, where = sessionStorage) => {
  try {
    if (value === null) where.removeItem(key);
    else where.setItem(key, value);
  } catch {
    // A browser that keeps nothing: it holds for this page, then.
  }
};

/**
 * Which tablet this is and who is signed on at it; kept, so that it is known without signal. `name`: of its unit. `away`:
 * they have left, and the server may not know it yet.
 * @type {{unitId: number, personId: number|null, tabletId: number, name: string, away: boolean}}
 */
const self = { unitId: 0, personId: null, tabletId: 0, name: "", away: false };

/** @type {Ui} */
const ui = {
  name: "CARE",
  tab: "board",
  filter: "all",
  nearest: false,
  picked: "",
  sheet: null,
  problem: "",
  busy: false,
  locked: kept("locked") === "1",
  unlocking: false,
  sound: false,
  speaking: false,
  theme: localKept("theme") ?? "system",
  guard: 0,
  told: [],
  answered: new Set(),
  notices: [],
  gate: opening(),
  pin: { digits: "", first: "" },
  byPin: false,
  hasPin: false,
  durable: true,
  persisted: true,
  follows: false,
  newer: false,
  wake: "none",
  version: config.version ?? "",
  until: null,
  toast: null,
};

const loading = loadParts(config.parts ?? []);
/** Notices that were read, or that hold for this page only. @type {Map<string, Notice>} */
const troubles = new Map();
/** What the device said while it opened, before there was a screen. @type {import("./sync/device.js").DeviceChange[]|null} */
let early = [];
const device = await openHere({ fetchJson: background, version: config.version ?? "", onChange: (change) => (early ? early.push(change) : deviceChanged(change)) });
const replica = device.replica;
const { parts: loaded, failed } = await loading;
const parts = new Parts(loaded);
if (failed.length) {
  troubles.set("parts", { key: "parts", bad: true, words: "A part of CARE did not load. Calls and backup work; close CARE and open it again when there is signal." });
}
const memory = new Memory();
/** Actions that were answered a moment ago and may not show in a document yet. @type {Action[]} */
let recent = [];
/** Where other units are. @type {Map<number, {point: import("./wire.js").Point, at: number}>} */
let positions = new Map();
const opened = Date.now();
let ended = false;

const position = new Position({ fetchJson: background, clock, onChange: () => schedule() });
const map = new MapView({ tiles: config.tiles, onPick: (id) => act.pick(id) });
const line = new Line({
  device,
  fetchJson: background,
  clock,
  onState: () => {
    if (line.state !== "offline") {
      wakeOpening();
      pictures.retry();
      attachments?.wake();
    }
    schedule();
  },
  onSignedOff: (why) => void end(why),
  onBackup: (message) => backup.heard(message),
});
backup.line((message) => line.say(message));
// Without TLS there is neither a hash nor a key, and a photo would be kept as it is.
const attachments = device.durable
  ? new Attachments({
      device,
      subtle: crypto.subtle,
      send: pieceSender({ headers: { "X-Tablet": "1", "X-Background": "1" } }),
      mayUpload: () => !ended && line.state !== "offline" && device.status().pending === 0,
      onChange: () => schedule(),
    })
  : null;
const pictures = new Pictures({ attachments, headers: { "X-Tablet": "1", "X-Background": "1" }, onChange: () => schedule() });
/** A photo that was taken and not attached yet. @type {import("./photos.js").Taken|null} */
let draft = null;
const updates = new Updates({
  // Loaded anew, the app needs the server or a PIN to open: never without signal.
  quiet: () => !backup.open && !s.call && !ui.sheet && !ui.told.length && !ui.unlocking && line.state !== "offline" && (ui.durable || !device.pending().length) && (!ui.gate || !ui.pin.digits),
  onChange: () => {
    ui.newer = updates.waiting;
    schedule();
  },
});

const wake = new Wake({
  fetchJson: background,
  onChange: () => {
    ui.wake = wake.state;
    schedule();
  },
});

/** What is laid over the documents: what they do not say yet, or have said only for a moment. */
function facts() {
  return [...recent, ...device.unseen(), ...device.pending()];
}

/** @returns {Snapshot} */
function snapshot() {
  const settledAfter = Date.now() - SHOWN_FOR_MS;
  recent = recent.filter((action) => action.settledAt > settledAfter);
  const { lastContactAt } = device.status();
  // Before this page heard anything, an earlier one did; by this device's clock.
  const before = lastContactAt ? Date.parse(lastContactAt) - clock.offset : null;
  const heardAt = line.heardAt ?? before;
  const since = line.state === "offline" && line.heardAt === null && before ? before : line.since;
  return look({
    replica,
    self,
    line: { state: line.state, since, heardAt, opening: line.heardAt === null && navigator.onLine && Date.now() - opened < 8_000 },
    facts: facts(),
    pending: device.pending(),
    left: device.left(),
    onView: onViewWords,
    trays: device.trays(),
    now: clock.now(),
    here: position.point,
    memory,
    held: attachments?.all() ?? [],
    canned,
  });
}

/** @type {Snapshot} */
let s = snapshot();

// --- what the crew does ---------------------------------------------------------------------------------------------------

/** @param {string} id */
const typed = (id) => /** @type {HTMLInputElement|HTMLTextAreaElement|null} */ (document.getElementById(id))?.value.trim() ?? "";

const guarded = () => Date.now() < ui.guard;
const guard = () => {
  ui.guard = Date.now() + GUARD_MS;
  setTimeout(schedule, GUARD_MS + 20);
};

/**
 * @param {string} kind
 * @param {Record<string, unknown>} [more]
 */
function fact(kind, more = {}) {
  if (!s.call) return;
  guard();
  navigator.vibrate?.(40);
  const { local } = s.call;
  // Of an encounter that the server does not know yet there is only our own name, and what is told of it comes after it.
  if (local) void perform(kind, { on_view: s.call.on_view_key, ...more }, { after: local.state === "applied" ? [] : [local.seq] });
  else void perform(kind, { assignment: s.call.assignment.id, ...more });
}

/**
 * Take one action up: when this returns it is on the disk, and goes to the server as soon as it can.
 * @param {string} kind
 * @param {Record<string, unknown>} args
 * @param {{after?: number[], slot?: string, actor?: string}} [options] after: what it depends on; slot: what it takes the place of
 * @returns {Promise<(Action & {done: Promise<Action>})|null>} null: it could not be kept, and the crew has been told
 */
async function perform(kind, args, options = {}) {
  attachments?.yield();
  try {
    const action = await device.do(kind, args, { actor: String(self.personId ?? ""), ...options });
    schedule();
    void line.pull();
    return action;
  } catch (error) {
    const follows = /** @type {{code?: string}} */ (error).code === "follows";
    ui.toast = { words: follows ? "This window only follows. Do it in the other window of CARE." : `${nameOf({ kind, args })} was not kept: this tablet's memory is full or broken. Say it by radio.`, bad: true, until: Date.now() + 20_000 };
    tone.sound("chime");
    schedule();
    return null;
  }
}

/** When the crew last withdrew, ms of this device's clock. */
let withdrewAt = 0;

/** What was chosen or typed as a reason, or nothing and what is wrong. @param {string} missing */
function reason(missing) {
  const given = typed("text") || ui.sheet?.chosen || "";
  if (!given) ui.problem = missing;
  return given;
}

/** Miles as typed: null when empty, undefined when they are none. */
function miles() {
  const given = typed("miles").replace(",", ".");
  if (!given) return null;
  return /^\d{1,7}(\.\d)?$/.test(given) ? given : undefined;
}

/**
 * Do what takes a moment with the sheet that is open, and say on it what went wrong.
 * @param {() => Promise<unknown>} work
 */
async function busily(work) {
  if (ui.busy) return;
  ui.busy = true;
  ui.problem = "";
  schedule();
  try {
    await work();
  } catch (error) {
    ui.problem = error instanceof NotAttached ? error.message : "This was not kept: this tablet's memory is full or broken.";
  }
  ui.busy = false;
  schedule();
}

/**
 * @param {import("./attachments.js").Purpose} purpose
 * @param {import("./photos.js").Taken} picture
 */
async function attach(purpose, { bytes, type, thumb, url }) {
  if (!s.call || !attachments) return;
  attachments.yield();
  await attachments.add({ bytes, type, thumb, call: Number(s.call.id), purpose, caption: typed("caption").slice(0, 300), actor: String(self.personId ?? "") });
  if (url) URL.revokeObjectURL(url);
  draft = null;
  act.close();
  void line.pull();
}

const act = {
  /** @param {string} step */
  step(step) {
    if (guarded() || !s.call) return;
    switch (step) {
      case "en_route":
      case "stage":
      case "arrive":
        if (ui.sheet) act.close();
        fact(`assignment.${step}`);
        break;
      default:
        // What needs a choice is not for a locked screen, but clearing shows nothing of the call.
        if (ui.locked && step !== "clear" && step !== "at_destination") act.askUnlock();
        else act.sheet(step);
    }
    schedule();
  },

  /** @param {boolean} enRoute */
  acknowledge(enRoute) {
    if (guarded()) return;
    fact("assignment.acknowledge");
    if (enRoute) fact("assignment.en_route");
    ui.tab = "call";
    schedule();
  },

  clear() {
    const disposition = ui.sheet?.chosen;
    if (!disposition || !s.call) return;
    fact("assignment.clear", { disposition, ...(typed("text") ? { note: typed("text") } : {}) });
    act.close();
  },

  transport() {
    const start = miles();
    if (!typed("destination")) ui.problem = "Say where to.";
    else if (start === undefined) ui.problem = "Miles are a number with at most one decimal.";
    else {
      fact("assignment.transport", { destination: typed("destination"), persons: Number(ui.sheet?.chosen ?? "1"), ...(start ? { miles_start: start } : {}) });
      act.close();
    }
    schedule();
  },

  atDestination() {
    const end = miles();
    if (end === undefined) ui.problem = "Miles are a number with at most one decimal.";
    else {
      fact("assignment.at_destination", end ? { miles_end: end } : {});
      act.close();
    }
    schedule();
  },

  handBack() {
    const why = reason("Choose a reason, or write one.");
    if (why) {
      fact("assignment.hand_back", { reason: why.slice(0, 200) });
      act.close();
    }
    schedule();
  },

  handOver() {
    const to = Number(ui.sheet?.chosen);
    if (!to) return;
    fact("assignment.hand_over", { to_unit: to });
    act.close();
  },

  note() {
    const text = typed("text");
    if (!text) ui.problem = "Write the note first.";
    else if (s.call) {
      void perform("call.note", { call: Number(s.call.id), text });
      act.close();
    }
    schedule();
  },

  mayAttach: () => attachments !== null,
  draft: () => draft,
  /**
   * @param {import("./attachments.js").Shown} shown
   * @param {boolean} large
   */
  pictureUrl: (shown, large) => pictures.url(shown, large),
  /** @param {File} file */
  photo(file) {
    void busily(async () => {
      if (draft) URL.revokeObjectURL(draft.url);
      draft = await taken(file);
      act.sheet("photo");
    });
  },
  attachPhoto() {
    void busily(async () => {
      if (draft) await attach("PHOTO", draft);
    });
  },
  attachSignature() {
    void busily(async () => attach("SIGNATURE", await signed()));
  },
  /** @param {import("./attachments.js").Shown} shown */
  forgetPicture({ sha256 }) {
    void attachments?.forget((held) => held.sha256 === sha256);
    act.close();
  },

  /** @param {string} value */
  answer(value) {
    if (!s.call || !ui.sheet?.code) return;
    void perform("call.answer", { call: Number(s.call.id), disqualifier: ui.sheet.code, value, called_back: true });
    act.close();
  },

  /** @param {Row} row */
  take(row) {
    if (guarded()) return;
    if (row.can === "POACH") return act.sheet("poach", { code: row.id });
    if (ui.sheet) act.close();
    guard();
    void perform("call.self_dispatch", { call: Number(row.id) });
  },

  poach() {
    const id = ui.sheet?.code;
    const why = reason("Choose a reason, or write one.");
    if (id && why) {
      guard();
      void perform("call.poach", { call: Number(id), reason: why.slice(0, 200) });
      act.close();
    }
    schedule();
  },

  onViewWords: () => onViewWords,
  /** The crew came upon somebody. @param {string} what */
  onView(what) {
    if (guarded()) return;
    guard();
    navigator.vibrate?.(40);
    act.close();
    // Until it is kept there is no call to show: the page would go back to the board.
    void perform("call.on_view", { key: newId(), what, ...hereNow() }).then((kept) => {
      if (kept) ui.tab = "call";
      schedule();
    });
  },
  /** One tap, and on. @param {string} what */
  check(what) {
    if (guarded()) return;
    guard();
    const { point } = hereNow();
    void perform("call.check", { what, ...(point ? { point } : {}) });
    act.close();
    ui.toast = { words: `${what === "PREMISE" ? "Premise check" : "Presence check"} noted${line.state === "offline" ? ", waiting to send" : ""}.`, bad: false, until: Date.now() + 5_000 };
    schedule();
  },
  /** What the crew came upon is this waiting call. @param {string} into */
  join(into) {
    if (guarded() || !s.call) return;
    guard();
    void perform("call.join", { call: Number(s.call.id), into: Number(into) });
  },
  notSame() {
    if (s.call) ui.answered.add(`same ${s.call.id}`);
    schedule();
  },
  /** The touch itself has said it. */
  well() {
    wellIfAsked();
  },

  /** The crew stands there, and the call is not its own. */
  atScene() {
    const id = ui.sheet?.code;
    if (!id || guarded()) return;
    guard();
    navigator.vibrate?.(40);
    void perform("call.at_scene", { call: Number(id) });
    act.close();
  },

  /**
   * @param {string} id
   * @param {boolean} accept
   */
  offer(id, accept) {
    if (guarded()) return;
    guard();
    ui.answered.add(`offer ${id}`);
    void perform(accept ? "hand_over.accept" : "hand_over.decline", { hand_over: Number(id) });
  },

  reasons: () => reasons,
  canned: () => canned,
  /** @param {number} minutes in which the crew will be where somebody waits */
  eta(minutes) {
    if (s.call && !guarded()) void perform("referral.eta", { call: Number(s.call.id), minutes });
  },
  handedOver() {
    if (s.call && !guarded()) void perform("referral.handed_over", { call: Number(s.call.id) });
  },

  /** Danger: one tap, no question. The request for backup goes its own way as well, and the server knows it by its key. */
  withdraw() {
    // It waits for no other tap's guard: only a second tap on it is none.
    if (!s.call || Date.now() - withdrewAt < GUARD_MS) return;
    withdrewAt = Date.now();
    guard();
    navigator.vibrate?.([80, 60, 80]);
    if (ui.sheet) act.close();
    void perform("tandem.withdraw", { call: Number(s.call.id), key: backup.withdraw() });
  },
  /** @param {string} partner */
  askPartner(partner) {
    if (!s.call || guarded()) return;
    guard();
    void perform("tandem.ask", { call: Number(s.call.id), partner });
    act.close();
  },
  /** @param {string} kind */
  tandem(kind) {
    const tandem = Number(ui.sheet?.code);
    const name = typed("said_by");
    if (!tandem || guarded()) return;
    if ((kind === "safe" || kind === "care_alone") && !name) {
      ui.problem = "Write who says so, by name.";
      return schedule();
    }
    guard();
    void perform(`tandem.${kind}`, { tandem, ...(kind === "safe" ? { said_by: name } : kind === "care_alone" ? { officer: name } : {}) });
    act.close();
  },

  messages() {
    act.sheet("messages");
    for (const message of s.messages) if (message.unread) void perform("message.read", { message: Number(message.id) });
  },
  /** @param {{text: string}|{canned: string}} what */
  sendMessage(what) {
    if (!s.call || guarded()) return;
    guard();
    void perform("message.send", { call: Number(s.call.id), ...what });
    schedule();
  },
  writeMessage() {
    // What was written stays where it is, for the tap that counts.
    if (guarded()) return;
    const field = /** @type {HTMLTextAreaElement|null} */ (document.getElementById("text"));
    const text = typed("text");
    if (!text) {
      ui.problem = "Write the message first.";
      return schedule();
    }
    ui.problem = "";
    act.sendMessage({ text });
    if (field) field.value = "";
  },

  /** @param {number} id */
  stopSeen(id) {
    guard();
    ui.answered.add(`stop ${id}`);
    void perform("stop.acknowledge", { stop: id });
  },

  /** @param {string} key */
  toldSeen(key) {
    ui.told = ui.told.filter((told) => told.key !== key);
    keep(key, "seen");
    guard();
    schedule();
  },

  /** @param {string} duty */
  duty(duty) {
    if (guarded()) return;
    guard();
    void perform("unit.duty", { duty });
  },

  outOfService() {
    const why = reason("Choose a reason, or write one.");
    if (why) {
      guard();
      void perform("unit.duty", { duty: "OUT_OF_SERVICE", reason: why.slice(0, 100) });
      act.close();
    }
    schedule();
  },

  /** @param {string} choice */
  async signOff(choice) {
    ui.busy = true;
    ui.problem = "";
    schedule();
    const action = await perform("shift.sign_off", { choice, ...(s.call && choice !== "NOTHING_OPEN" && !s.call.local ? { assignment: s.call.assignment.id } : {}) });
    // Without signal it counts from now; with it the answer comes at once, or says why not.
    const settled = action && line.state !== "offline" ? await Promise.race([action.done, after(PATIENCE_MS)]) : null;
    ui.busy = false;
    if (!action) return schedule();
    if (!settled) return leaveHere();
    if (settled.state === "applied" && settled.answer?.ended !== false) void end("signed_off");
    else {
      ui.problem = settled.problem?.message ?? "The shift has not ended yet.";
      // It is said here already.
      void device.dismiss(settled.seq);
    }
    schedule();
  },

  async leave() {
    if (line.state === "offline") {
      if (await perform("tablet.sign_off", {})) await leaveHere();
      return;
    }
    try {
      // What was done first goes first.
      if (device.pending().length) await line.pull();
      await fetchJson("/api/tablets/sign-off/", {});
      void end("signed_off");
    } catch (error) {
      ui.problem = /** @type {NoAnswer} */ (error).problem.message;
      schedule();
    }
  },

  /**
   * @param {string} name
   * @param {{code?: string}} [more]
   */
  sheet(name, more = {}) {
    ui.sheet = { name, ...more };
    // What it says stands there in full.
    if (name === "line") ui.toast = null;
    if (name === "menu") void wake.look();
    ui.problem = "";
    ui.pin = { digits: "", first: "" };
    schedule();
  },
  close() {
    ui.sheet = null;
    ui.problem = "";
    ui.pin = { digits: "", first: "" };
    ui.picked = "";
    schedule();
  },
  /** @param {string} chosen */
  choose(chosen) {
    if (ui.sheet) ui.sheet.chosen = chosen;
    ui.problem = "";
    schedule();
  },
  redraw() {
    schedule();
  },

  /** @param {string} id */
  pick(id) {
    ui.picked = id;
    act.sheet("row", { code: id });
  },
  /** @param {Ui["filter"]} name */
  filter(name) {
    ui.filter = ui.filter === name ? "all" : name;
    schedule();
  },
  nearest() {
    ui.nearest = !ui.nearest;
    schedule();
  },
  still() {
    memory.still = Date.now() + STILL_MS;
  },
  /** @param {Ui["tab"]} tab */
  tab(tab) {
    ui.tab = tab;
    schedule();
  },

  speak() {
    if (isSpeaking() || !s.call) {
      hush();
      ui.speaking = false;
    } else {
      ui.speaking = true;
      speak(s.call, awayWords(s), () => {
        ui.speaking = false;
        schedule();
      });
    }
    schedule();
  },

  async sound() {
    ui.sound = await tone.prepare();
    if (ui.sound) tone.sound("call");
    schedule();
  },

  /** @param {string} theme */
  theme(theme) {
    ui.theme = theme;
    keep("theme", theme === "system" ? null : theme, localStorage);
    dispatchEvent(new Event("care:theme"));
    schedule();
  },

  drill() {
    act.close();
    backup.drill();
  },

  async wake() {
    if (ui.busy) return;
    ui.busy = true;
    schedule();
    ui.problem = await (wake.state === "on" ? wake.turnOff() : wake.turnOn());
    ui.busy = false;
    schedule();
  },

  lock() {
    ui.locked = true;
    ui.unlocking = false;
    ui.sheet = null;
    keep("locked", "1");
    hush();
    schedule();
  },
  askUnlock() {
    // The demo's people have no passwords; its doors are open, and this one is no exception, but for a PIN that was chosen.
    if (config.demo && !ui.hasPin) return act.unlocked();
    ui.unlocking = true;
    ui.byPin = ui.hasPin && (config.demo || line.state === "offline");
    ui.pin = { digits: "", first: "" };
    ui.problem = "";
    ui.sheet = null;
    schedule();
  },
  unlocked() {
    ui.locked = ui.unlocking = false;
    ui.problem = "";
    keep("locked", null);
    schedule();
  },
  leaveUnlock() {
    ui.unlocking = false;
    schedule();
  },
  /** @param {Event} event */
  async unlock(event) {
    event.preventDefault();
    const password = typed("unlock");
    if (!password) {
      ui.problem = "Type the password first.";
      return schedule();
    }
    ui.busy = true;
    schedule();
    try {
      await fetchJson("/api/tablets/unlock/", { password });
      act.unlocked();
    } catch (error) {
      const { status, problem } = /** @type {NoAnswer} */ (error);
      ui.byPin = status === 0 && ui.hasPin;
      ui.problem = status !== 0 ? problem.message : ui.hasPin ? "No signal: your PIN opens it." : "No signal, and you have no PIN here. Statuses work below.";
    }
    ui.busy = false;
    schedule();
  },

  // --- PINs ---

  /** @param {string} key */
  digit(key) {
    if (ui.gate) {
      ui.gate.digits = typedDigit(ui.gate.digits, key);
      ui.gate.problem = "";
    } else {
      ui.pin.digits = typedDigit(ui.pin.digits, key);
      ui.problem = "";
    }
    schedule();
  },
  async pinDone() {
    if (ui.gate) return openByPin(ui.gate);
    if (ui.sheet?.name === "pin") return choosePin();
    if (ui.unlocking) return unlockByPin();
  },
  /** @param {string} person */
  choosePerson(person) {
    if (ui.gate) ui.gate = { ...ui.gate, chosen: person, digits: "", problem: "" };
    schedule();
  },
  tryAgain() {
    awake();
  },
  signOnHere() {
    if (line.state !== "offline" || !offerPin()) location.assign("/tablet/sign-on/");
  },

  /** @param {string} key */
  noticed(key) {
    troubles.delete(key);
    // Said once a day at most.
    keep(`noticed ${key}`, new Date().toDateString(), localStorage);
    schedule();
  },

  /** What an action is called. @param {Action} action */
  nameOf,

  /** Which call an action was about, where this tablet still knows it. @param {Action} action */
  aboutOf({ args }) {
    const held = replica.all("call", `unit.${self.unitId}`).find(({ id, body }) => id === String(args["call"]) || body.assignment.id === args["assignment"]);
    const call = held?.body ?? replica.get("call", String(args["call"]), "area.") ?? memory.gone.get(String(args["call"]))?.call;
    return call ? `${call.type.label}, ${call.address}` : "";
  },

  /** Why an action was not done. @param {Action} action */
  sayOf(action) {
    const { problem } = action;
    if (!problem) return "";
    const { unit, at } = problem.facts ?? {};
    if (problem.code === "call_already_taken" && unit) {
      const ago = at ? clock.now() - Date.parse(at) : 0;
      return `${callSign(unit)} took it ${ago < 5_000 ? "just before you" : `${age(ago)} ago`}.`;
    }
    return problem.message;
  },

  forgetRefused() {
    for (const { seq } of device.trays().refused) void device.dismiss(seq);
    schedule();
  },
  forgetOthers() {
    const { quarantined, flagged } = device.trays();
    for (const { seq } of [...quarantined, ...flagged]) void device.dismiss(seq);
    schedule();
  },
};

/** @param {unknown} unit an id, or a call sign already */
function callSign(unit) {
  const body = [...replica.all("unit", "area."), ...replica.all("unit", "unit.")].find(({ id }) => id === String(unit))?.body;
  return body?.call_sign ?? (typeof unit === "string" ? unit : "Another unit");
}

/** @param {Action} action */
function refused(action) {
  // Nobody asked for it on this screen, and nobody here can do anything about it.
  if (!byPeople([action]).length) return void device.dismiss(action.seq);
  const say = act.sayOf(action);
  if (isTake(action)) {
    const row = s.rows.find(({ id }) => id === String(action.args.call));
    if (row) memory.went(row.id, row.call, say);
  }
  if (action.kind.startsWith("hand_over.")) ui.answered.add(`offer ${action.args.hand_over}`);
  ui.toast = { words: `${nameOf(action)} not done: ${say}`, bad: true, until: Date.now() + 9_000 };
  tone.sound("chime");
}

parts.start({
  device,
  replica,
  perform,
  facts,
  now: () => clock.now(),
  redraw: () => schedule(),
  words: config.words ?? {},
});

// --- what the documents say -----------------------------------------------------------------------------------------------

replica.listen((changes) => {
  for (const change of changes) {
    if (change.c === "call" && change.stream === `unit.${self.unitId}`) ownCallChanged(change);
    if (change.c === "call" && change.stream.startsWith("area.")) boardChanged(change);
    if (change.c === "message" && change.stream === `unit.${self.unitId}`) messageCame(change);
    if (change.gone === "dropped" && change.c === "unit" && change.stream === `unit.${self.unitId}`) void whoIsHere();
  }
  schedule();
});

/** @param {Change} change */
function ownCallChanged(change) {
  const { before, after } = change;
  if (!after) {
    const assignment = before.assignment;
    const cleared = facts().some(
      ({ kind, args }) => (kind === "assignment.clear" && args.assignment === assignment.id) || kind === "shift.sign_off",
    );
    hush();
    const bye = ended ? null : farewell(change.gone ?? "", cleared);
    if (ui.sheet && !["menu", "row", "poach", "out_of_service"].includes(ui.sheet.name) && !parts.stays(ui.sheet.name)) ui.sheet = null;
    const words = bye && GOODBYES[bye.how];
    if (bye && words) ui.told.push({ key: `gone ${assignment.id}`, what: `${before.type.label}, ${before.address}`, ...words, loud: bye.loud });
    return;
  }
  if (!before) {
    ui.tab = "call";
    ui.sheet = null;
  }
  const { assignment, poach } = after;
  if (!assignment.delivered_at && !before) void perform("assignment.deliver", { assignment: assignment.id });
  const what = `${after.type.label}, ${after.address}`;
  if (assignment.cancel_told_at && !before?.assignment.cancel_told_at) {
    tellOnce({ key: `cancel ${assignment.id} ${assignment.cancel_told_at}`, title: "CALL CANCELLED", what, say: "You are with it already, so it stays yours. Clear when you are done.", loud: true });
  }
  if (poach?.state === "CAD_REJECTED" && before?.poach?.state !== "CAD_REJECTED") {
    tellOnce({ key: `rejected ${assignment.id}`, title: "CAD REJECTED IT", what, say: "Police keep this call in CAD. The desk decides: talk to them before you go on.", loud: true });
  }
}

/** Quietly: a number on the call, and a mark for the desk. @param {Change} change */
function messageCame({ id, before, after }) {
  if (before || after?.origin !== "DESK" || !device.writer) return;
  if (!after.delivered_at) void perform("message.deliver", { message: Number(id) });
  // Whoever reads the thread reads what comes.
  if (ui.sheet?.name === "messages" && !document.hidden && !after.read_at) void perform("message.read", { message: Number(id) });
}

/** What the crew must hear about its partner: that nobody came, and that somebody said it is safe. */
function tellOfPartner() {
  if (!s.call) return;
  const what = `${s.call.type.label}, ${s.call.address}`;
  for (const tandem of s.tandems) {
    const who = partnerOf(tandem);
    if (tandem.state === "ASKED" && tandem.due_at && s.now >= Date.parse(tandem.due_at)) {
      tellOnce({ key: `partner ${tandem.id} ${tandem.due_at}`, title: `NO ${who.toUpperCase()} YET`, what, say: "They were asked for and are not there. Stay back, and talk to the desk.", loud: true });
    }
    if (tandem.state === "SAFE" && tandem.safe_at && !tandem.unsure && tandem.safe_relayed_by !== "you") {
      tellOnce({ key: `safe ${tandem.id}`, title: "DECLARED SAFE", what, say: `By ${tandem.safe_by} at ${wallTime(tandem.safe_at, s.zone)}, relayed by ${tandem.safe_relayed_by}.`, loud: false });
    }
  }
}

/** @param {Told} told */
function tellOnce(told) {
  if (kept(told.key) || ui.told.some(({ key }) => key === told.key)) return;
  ui.told.push(told);
}

/** A stream that is no longer this tablet's takes its call along without a word. @type {Record<string, {title: string, say: string}>} */
const GOODBYES = {
  cancelled: { title: "CALL CANCELLED", say: "You need not go. You are free for the next one." },
  reassigned: { title: "CALL REASSIGNED", say: "The desk gave it to another unit. It is no longer yours." },
  handed_back: { title: "Handed back", say: "The call is no longer yours. The desk has it." },
  handed_over: { title: "Handed over", say: "The other crew has accepted. The call is theirs now." },
  closed: { title: "CALL CLOSED", say: "It is no longer yours. Talk to the desk if you are with somebody." },
};

/** @param {Change} change */
function boardChanged(change) {
  const { id, before, after } = change;
  if (after?.status === "PENDING" && before?.status !== "PENDING" && line.state === "live" && Date.now() - opened > 10_000) {
    memory.came.set(id, Date.now());
    newcomers.add(id);
  }
  if (before?.status === "PENDING" && after?.status !== "PENDING" && change.gone !== "dropped") {
    const units = after?.units ?? [];
    if (units.includes(self.unitId)) return;
    const asked = device.pending().some(({ kind, args }) => /^call\.(self_dispatch|poach)$/.test(kind) && args.call === Number(id));
    const words = units.length ? `${callSign(units[0])} took it` : after ? "Taken" : change.gone?.includes("cancel") ? "Cancelled" : "No longer waiting";
    if (!asked) memory.went(id, before, words);
  }
}

/** Calls that came since the last look; a free crew hears those that it may take, once. @type {Set<string>} */
const newcomers = new Set();
function greet() {
  if (!newcomers.size) return;
  const eligible = s.rows.some((row) => newcomers.has(row.id) && row.can);
  newcomers.clear();
  if (eligible && !s.call && s.agency?.notify_units_of_eligible !== false && !ui.locked) tone.sound("chime");
}

// --- the screen -----------------------------------------------------------------------------------------------------------

let due = false;
function schedule() {
  if (due) return;
  due = true;
  // A hidden page paints nothing, but it still rings.
  if (document.hidden) setTimeout(draw, 50);
  else requestAnimationFrame(draw);
}

/** Requests for backup of other crews, and of this one by another way, that were shown to this page. @type {Set<string>} */
const heardOf = new Set();

/** What the button needs to know of the app, and what documents say of others' requests. */
function tellBackup() {
  const signedOn = !ui.gate && self.personId !== null && !self.away;
  const bodies = signedOn ? replica.all("backup", `unit.${self.unitId}`).map(({ body }) => body) : [];
  const open = bodies.filter((body) => !body.closed_at && body.state !== "CLOSED");
  const silent = open.find((body) => body.silent);
  const others = open.filter((body) => !body.silent).map((body) => otherBackup(body));
  for (const { press, own } of others) {
    if (heardOf.has(press)) continue;
    heardOf.add(press);
    // Beside somebody who asked in silence this tablet makes no sound of backup, not of another crew's either.
    if (!own && !silent && !backup.silent) tone.sound("offer");
  }
  backup.know({ person: signedOn ? self.personId : null, call: s.call ? Number(s.call.id) : null, others, silentElsewhere: silent?.state ?? "" });
}

/** @param {Record<string, any>} body */
function otherBackup(body) {
  const told = body.police ? `${body.police.arrived_at ? "arrived" : "sent"}: ${body.police.unit ?? ""}` : body.seen_at ? "seen by a dispatcher" : "not seen yet";
  return { press: String(body.press), who: body.call_sign ?? "A crew", own: body.unit === self.unitId, origin: body.origin, level: body.level, service: body.service, drill: Boolean(body.drill), age: s.now - Date.parse(body.pressed_at ?? body.received_at), away: away(s.here, body.point ? [body.point.lon, body.point.lat] : null), told };
}

/** What had the focus before an overlay came. @type {HTMLElement|null} */
let before = null;
let over = "";

function draw() {
  due = false;
  if (ended) return;
  s = snapshot();
  tellBackup();
  if (s.unit && s.unit.call_sign !== self.name) {
    self.name = s.unit.call_sign;
    void remember();
  }
  if (ui.gate) {
    pictures.clear();
    return drawGate(ui.gate);
  }
  greet();
  tellOfPartner();
  buzz();
  // What the server has is not needed here any longer than its call.
  void attachments?.forget((held) => held.state === "sent" && String(held.call) !== s.call?.id);
  lookAtDevice();
  if (ui.toast && ui.toast.until < Date.now()) ui.toast = null;
  if (!s.call && ui.tab === "call") ui.tab = "board";
  const top = overlay(s, act, ui, reasons);
  tone.ring(top?.alarm ?? null);
  // An alarm comes before a sheet, but clearing on a locked screen is the sheet.
  const shown = top ? null : sheet(s, act, ui, reasons, parts.sheets);
  if (ui.sheet && !shown && !top) ui.sheet = null;
  const layer = ui.unlocking && ui.locked ? null : (top?.view ?? shown);
  document.title = top ? `● ${top.alarm === "call" ? "NEW CALL" : top.alarm === "stop" ? "STOP" : "Look"}` : `${s.unit?.call_sign ?? ui.name} · CARE`;
  root.dataset.tab = ui.tab;
  root.dataset.call = s.call ? "yes" : "no";
  root.dataset.locked = String(ui.locked);
  const away = Boolean(layer);
  render(
    root,
    topBar(s, act, ui),
    h("div", { class: "notices", key: "notices" }, presence(s, act), notice(act, ui)),
    ui.locked
      ? h("main", { class: "stage locked", key: "locked", inert: away }, lockView(s, act, ui))
      : h(
          "main",
          { class: "stage", key: "stage", inert: away },
          s.call && myCall(s, act, ui, parts.at("onCall", s, act, ui), parts.at("inCall", s, act, ui)),
          h(
            "section",
            { class: "panel map", "aria-label": "Map", key: "map" },
            h("div", { class: "ground", opaque: true, mounted: (/** @type {HTMLElement} */ el) => map.attach(el) }),
            h(
              "div",
              { class: "map-tools" },
              h("button", { class: "btn round", type: "button", onclick: () => map.zoom(1), "aria-label": "Closer" }, icon("add")),
              h("button", { class: "btn round", type: "button", onclick: () => map.zoom(-1), "aria-label": "Farther" }, icon("remove")),
              h("button", { class: "btn round", type: "button", onclick: () => map.recenter(), "aria-label": s.call ? "Show me and the call" : "Show my area" }, icon("my_location")),
            ),
            !s.here && h("p", { class: "map-note" }, "This tablet's position is not known"),
          ),
          board(s, act, ui, parts.at("onBoard", s, act, ui)),
          tabs(),
        ),
    statusBarOf(away),
    layer && h("div", { class: "layer", key: "layer" }, layer),
    ui.toast && h("p", { class: `toast ${ui.toast.bad ? "bad" : ""}`, role: "alert", key: "toast" }, icon(ui.toast.bad ? "error_outline" : "check"), h("span", null, ui.toast.words), h("button", { class: "btn", type: "button", onclick: closeToast }, "OK")),
  );
  if (!ui.locked) showMap();
  focusOn(top?.key ?? (shown ? `sheet ${ui.sheet?.name}` : ""));
}

/** @param {import("./gate.js").Gate} gate */
function drawGate(gate) {
  tone.ring(null);
  document.title = "CARE";
  delete root.dataset.locked;
  // Of whomever: who is signed off reads nothing, but what they did is counted.
  const waiting = device.status().pending;
  render(root, gateView(gate, { line: s.line, waiting, durable: ui.durable, now: Date.now(), tablet: self.name || "CARE" }, act));
}

/** What the crew should know about this tablet itself, the gravest first. */
function lookAtDevice() {
  ui.durable = device.durable;
  ui.persisted = device.persisted;
  ui.follows = !device.writer;
  ui.until = device.lease.until && Date.parse(device.lease.until);
  ui.hasPin = device.people().some(({ person }) => person === String(self.personId));
  /** @type {Notice[]} */
  const all = [...troubles.values()];
  if (!ui.durable) all.push({ key: "durable", bad: true, words: "This browser keeps nothing: what is not sent is lost when this page closes." });
  if (ui.follows) all.push({ key: "follows", bad: false, words: "CARE is open in another window too. That one sends; this one follows it." });
  if (device.status().lastResult.status === 426) all.push({ key: "outdated", bad: false, words: "The server needs a newer CARE. What you do still reaches it; the newer one comes when you are free." });
  if (ui.durable && !ui.hasPin && self.personId !== null) all.push({ key: "pin", bad: false, words: "Without signal this tablet opens with your PIN only. You have none yet.", action: { words: "Choose a PIN", act: () => act.sheet("pin") } });
  if (ui.durable && !ui.persisted) all.push({ key: "persisted", bad: false, words: "The browser may clear what is kept here. Put CARE on this tablet's home screen.", action: { words: "More", act: () => act.sheet("line") } });
  // On a call there is room for what is grave only.
  ui.notices = ui.locked ? [] : all.filter(({ key, bad }) => (bad || !s.call) && (troubles.has(key) || localKept(`noticed ${key}`) !== new Date().toDateString()));
}

/** @param {boolean} away */
function statusBarOf(away) {
  const bar = statusBar(s, act, ui);
  bar.props.key = "bar";
  bar.props["data-under"] = away ? "yes" : null;
  return bar;
}

function closeToast() {
  ui.toast = null;
  schedule();
}

const upright = matchMedia("(orientation: portrait) and (min-width: 600px)");
upright.addEventListener("change", schedule);

function tabs() {
  /** @type {[Ui["tab"], string, string][]} */
  const all = [
    ["board", `Board ${s.counts.care + s.counts.police}`, "list"],
    ["map", "Map", "map"],
  ];
  if (s.call) all.unshift(["call", "My call", "assessment"]);
  // Upright on a tablet my call has its own place above the tabs.
  const shown = ui.tab === "call" && upright.matches ? "board" : ui.tab;
  return h(
    "nav",
    { class: "tabs", "aria-label": "What to see", key: "tabs" },
    all.map(([name, words, picture]) => h("button", { class: `tab tab-${name}`, key: name, type: "button", "aria-pressed": String(shown === name), onclick: () => act.tab(name) }, icon(picture), h("span", null, words))),
  );
}

function showMap() {
  const here = s.here;
  map.show({
    me: here,
    meAgeMs: position.at ? Date.now() - position.at : 0,
    call: s.call?.point ? { id: s.call.id, point: s.call.point } : null,
    staging: s.tandems.flatMap(({ ended_at, staging }) => (!ended_at && staging ? [staging] : []))[0] ?? null,
    waiting: s.rows.flatMap((row) => (row.call.point && !row.gone ? [{ id: row.id, point: row.call.point, queue: row.call.queue, label: row.call.type.label, may: Boolean(row.can), picked: row.id === ui.picked }] : [])),
    units: s.units.flatMap(({ id, body }) => {
      const known = positions.get(Number(id));
      return known && body.status !== "OFF_SHIFT" ? [{ id: Number(id), point: known.point, callSign: body.call_sign, status: body.status, ageMs: Date.now() - known.at }] : [];
    }),
    areas: replica.all("area", "reference.").map(({ id, body }) => ({ id, name: body.name, own: s.unit?.areas?.includes(Number(id)) ?? false, coordinates: body.polygon.coordinates })),
  });
}

/**
 * Move the focus into what came over the screen, and back when it goes. A press that was meant for what lay below must not
 * answer an alarm: the alarm itself gets the focus, not its button.
 * @param {string} key
 */
function focusOn(key) {
  if (key === over) return;
  if (!over && document.activeElement instanceof HTMLElement) before = document.activeElement;
  over = key;
  if (!key) {
    if (before?.isConnected) before.focus();
    before = null;
    return;
  }
  const wanted = /** @type {HTMLElement|null} */ (root.querySelector(".layer #sheet-title, .layer section"));
  wanted?.setAttribute("tabindex", "-1");
  if (!wanted?.contains(document.activeElement)) wanted?.focus({ preventScroll: true });
}

addEventListener("keydown", (event) => {
  const keypad = ui.gate ? ui.gate.name === "pin" && Boolean(ui.gate.chosen) : ui.sheet?.name === "pin" || (ui.unlocking && ui.byPin);
  if (keypad && /^(\d|Backspace)$/.test(event.key)) act.digit(event.key);
  else if (keypad && event.key === "Enter" && (ui.gate?.digits ?? ui.pin.digits).length >= LEAST_DIGITS) {
    // The key that has the focus must not be pressed as well.
    event.preventDefault();
    void act.pinDone();
  } else if (event.key === "Escape" && ui.sheet) act.close();
});

// --- this device ----------------------------------------------------------------------------------------------------------

/** Where the crew is, for what it tells from here; nothing where that is not known, or was too long ago. */
function hereNow() {
  const { point, at, accuracy } = position;
  if (!point || Date.now() - at > HERE_MS) return {};
  return { point: { lon: Math.round(point[0] * 1e6) / 1e6, lat: Math.round(point[1] * 1e6) / 1e6 }, accuracy: Math.min(Math.round(accuracy), 100_000) };
}

/** When this tablet last said that its crew is well, ms of this device's clock. */
let wellAt = 0;
/** Any touch is a sign that the crew is well; it is told while a clock runs, once a minute or when it has run out. */
function wellIfAsked() {
  if (ui.gate || ended || !s.unit || !shouldTell(s.welfare, wellAt, Date.now())) return;
  wellAt = Date.now();
  navigator.vibrate?.(0);
  void perform("unit.check_in", {});
}

let buzzedAt = 0;
/** A crew that is asked whether it is well feels it. */
function buzz() {
  if (!s.welfare || s.welfare.state === "running" || Date.now() - buzzedAt < BUZZ_EVERY_MS) return;
  buzzedAt = Date.now();
  navigator.vibrate?.([400, 200, 400]);
}

let touchedAt = Date.now();
function touched() {
  touchedAt = Date.now();
  wellIfAsked();
  position.touchedAt = clock.now();
  if (!ui.sound) {
    void tone.prepare().then((sound) => {
      ui.sound = sound;
      schedule();
    });
  }
}
for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, touched, { capture: true, passive: true });

function awake() {
  line.wake();
  wakeOpening();
  if (!document.hidden) void stayLit();
  schedule();
}
addEventListener("online", awake);
// Nobody should read "Live" in a basement until silence has been noticed.
addEventListener("offline", () => line.cut());
addEventListener("resize", schedule);
addEventListener("pageshow", awake);
document.addEventListener("visibilitychange", awake);
addEventListener("beforeunload", (event) => {
  // What is in memory only would be lost.
  if (!device.durable && device.pending().length && !ended) event.preventDefault();
});

/** A crew with a call reads it at a glance: the screen stays on. */
async function stayLit() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Low battery, or no such thing: the system decides.
  }
}

async function whereOthersAre() {
  if (document.hidden || ui.locked || line.state === "offline") return;
  try {
    const answer = await background("/api/positions/");
    const got = Date.now();
    positions = new Map(answer.positions.map((/** @type {any} */ row) => [row.unit, { point: row.point, at: got - (row.age_s ?? (Date.parse(answer.now) - Date.parse(row.at)) / 1000) * 1000 }]));
    schedule();
  } catch {
    // Next time.
  }
}

/** The unit's stream is gone: the shift was ended elsewhere, or somebody else has signed on here. */
async function whoIsHere() {
  if (ended || self.away || signsPending()) return;
  try {
    const me = await fetchJson("/api/tablets/me/");
    if (signsPending()) return;
    if (me.person !== self.personId || me.shift === null) void end("signed_off");
  } catch (error) {
    const { status, problem } = /** @type {NoAnswer} */ (error);
    if (status === 401) void end(problem.code);
  }
}

/** Whether somebody has signed on or off here, and the server has not heard of it. */
const signsPending = () => device.pending().some(({ kind }) => kind === "tablet.sign_on" || kind === "tablet.sign_off" || kind === "shift.sign_off");

/** The server knows this device or this session no more. What was done and not sent stays; nothing else. @param {string} why */
async function end(why) {
  if (why === "no_answer" || ended) return;
  tone.ring(null);
  hush();
  if (why === "tablet_revoked") return outOfUse();
  ended = true;
  line.stop();
  position.stop();
  self.away = true;
  await remember();
  device.lock();
  render(root);
  location.replace(why === "tablet_unknown" ? "/tablet/pair/" : "/tablet/sign-on/");
}

/** Without signal: whoever has signed off here is gone from the screen, and what they did sends itself. */
async function leaveHere() {
  self.away = true;
  await remember();
  device.lock();
  ui.sheet = null;
  ui.locked = ui.unlocking = false;
  keep("locked", null);
  ui.gate = { ...opening(), name: "signed_off" };
  schedule();
}

/** A supervisor took this tablet out of use: a last try to send, and nothing stays. */
async function outOfUse() {
  ui.sheet = null;
  ui.gate = { ...opening(), name: "gone", say: "Removing everything from it…" };
  schedule();
  await device.purge().catch(() => {});
  gone();
}

function gone() {
  backup.gone();
  forgetInstallation();
  line.stop();
  position.stop();
  keep("locked", null);
  ui.gate = { ...opening(), name: "gone" };
  schedule();
}

// --- opening ---------------------------------------------------------------------------------------------------------------

/** @param {import("./sync/device.js").DeviceChange} change */
function deviceChanged(change) {
  switch (change.type) {
    case "action": {
      const { action } = change;
      if (action.state === "applied") recent.push(action);
      if (action.settledAt) attachments?.wake();
      if (action.state === "refused") refused(action);
      break;
    }
    case "wiped":
      troubles.set("wiped", { key: "wiped", bad: true, words: "The browser has emptied this tablet's memory. What this page still knew is kept anew; look whether anything is missing." });
      break;
    case "quota":
      troubles.set("quota", { key: "quota", bad: true, words: "This tablet's memory is full. Say by radio what you do, until it has sent what waits." });
      break;
    case "outdated":
      updates.due();
      break;
    case "purged":
      gone();
      break;
    case "lease":
      leaseOver();
      break;
  }
  schedule();
}

/** The time of the sign-on is over: what it had opened closes. */
function leaseOver() {
  if (ended || ui.gate || !device.locked) return;
  ui.sheet = null;
  ui.gate = { ...opening(), name: "sign_on" };
  hush();
}

/** Who this tablet is, for when there is no signal to ask. */
async function remember() {
  await device.keep("self", { ...self });
}

/** @param {number} ms @returns {Promise<null>} */
const after = (ms) => new Promise((resolve) => setTimeout(() => resolve(null), ms));
/** @type {() => void} */
let wakeOpening = () => {};
/** @param {number} ms @returns {Promise<null>} */
const pause = (ms) =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ms);
    wakeOpening = () => {
      clearTimeout(timer);
      resolve(null);
    };
  });

/**
 * Ask the server which tablet this is and who is signed on at it, and fetch the key to what it holds.
 * @returns {Promise<boolean>} whether the app can begin
 */
async function ask() {
  // Who signed on or off without signal is told first: the server's answer would be about the one before.
  if (signsPending()) await device.exchange();
  const me = await fetchJson("/api/tablets/me/");
  if (self.tabletId && self.tabletId !== me.tablet) {
    // This browser was paired as another tablet: what it holds is that one's.
    await device.purge();
    forgetInstallation();
    location.reload();
    return false;
  }
  if (me.person === null) {
    location.replace("/tablet/sign-on/");
    return false;
  }
  Object.assign(self, { unitId: me.unit, personId: me.person, tabletId: me.tablet, away: false });
  ui.name = me.name;
  // A browser that keeps nothing needs no key to it.
  const sentAt = Date.now();
  const given = device.durable ? await fetchJson("/api/tablets/key/", { installation: device.installation }) : { key: "", key_id: "", lease_until: me.signed_on_until, seal: { kid: "", public: "" } };
  // A clock that is wrong is known to be before anything is done by it.
  if (given.now) clock.offer(given.now, sentAt, Date.now());
  void backup.renew();
  await device.unlock({ person: me.person, key: given.key, own: given.own, keyId: given.key_id, leaseUntil: given.lease_until, seal: given.seal });
  await remember();
  return true;
}

/** Offer to open by PIN, where somebody may. @returns {boolean} */
function offerPin() {
  const people = device.people();
  if (!people.length) return false;
  const chosen = people.length === 1 ? people[0]?.person : people.find(({ person }) => person === String(self.personId) && !self.away)?.person;
  ui.gate = {
    ...opening(),
    name: "pin",
    people: people.map(({ person, name, leaseUntil }) => ({ person, name, until: Date.parse(leaseUntil) - clock.offset })),
    chosen: chosen ?? "",
  };
  schedule();
  return true;
}

/** @param {unknown} error @returns {string} */
function pinProblem(error) {
  const { code, left, message } = /** @type {{code?: string, left?: number, message?: string}} */ (error);
  if (code !== "pin_wrong") return message ?? "It did not open. Try again.";
  return left === 0 ? "Wrong, too often. Sign on with your password when there is signal." : `Wrong PIN. ${left === 1 ? "One try" : `${left} tries`} left.`;
}

/** @param {import("./gate.js").Gate} gate */
async function openByPin(gate) {
  if (gate.busy || gate.digits.length < LEAST_DIGITS) return;
  gate.busy = true;
  schedule();
  try {
    const { person } = await device.unlockWithPin(gate.chosen, gate.digits);
    if (ui.gate !== gate) return;
    const other = self.personId !== Number(person) || self.away;
    Object.assign(self, { personId: Number(person), away: false });
    if (other) await perform("tablet.sign_on", {});
    await remember();
    begin();
  } catch (error) {
    gate.problem = pinProblem(error);
  }
  gate.digits = "";
  gate.busy = false;
  schedule();
}

async function unlockByPin() {
  if (ui.busy || ui.pin.digits.length < LEAST_DIGITS) return;
  ui.busy = true;
  schedule();
  try {
    await device.unlockWithPin(String(self.personId), ui.pin.digits);
    act.unlocked();
  } catch (error) {
    ui.problem = pinProblem(error);
  }
  ui.pin.digits = "";
  ui.busy = false;
  schedule();
}

async function choosePin() {
  const { digits, first } = ui.pin;
  const why = whyNotPin(digits);
  if (!first) {
    ui.problem = why;
    ui.pin = { digits: "", first: why ? "" : digits };
    return schedule();
  }
  if (digits !== first) {
    ui.pin = { digits: "", first: "" };
    ui.problem = "The two differ. Begin again.";
    return schedule();
  }
  ui.busy = true;
  schedule();
  try {
    const name = s.unit?.people?.find(({ id }) => id === self.personId)?.name ?? ui.name;
    await device.setPin(String(self.personId), digits, { name });
    act.close();
    ui.toast = { words: "Your PIN opens this tablet without signal, until your sign-on is over.", bad: false, until: Date.now() + 6_000 };
  } catch (error) {
    ui.pin = { digits: "", first: "" };
    ui.problem = /** @type {Error} */ (error).message || "It was not kept. Try again.";
  }
  ui.busy = false;
  schedule();
}

/** What was erased on purpose is not missed. */
function forgetInstallation() {
  document.cookie = "installation=; path=/tablet/; max-age=0; samesite=strict";
}

/**
 * Note which installation this is where a browser that clears its stores leaves it, and tell whether it was another.
 * @param {string} installation
 */
function installationBefore(installation) {
  const before = /(?:^|; )installation=([^;]+)/.exec(document.cookie)?.[1];
  document.cookie = `installation=${installation}; path=/tablet/; max-age=31536000; samesite=strict${location.protocol === "https:" ? "; secure" : ""}`;
  return ui.durable && device.fresh && before !== undefined && before !== installation;
}

let begun = false;
/** Somebody may use the tablet: open it. */
function begin() {
  ui.gate = null;
  if (!begun) {
    begun = true;
    position.start();
    void stayLit();
    void whereOthersAre();
    setInterval(() => void whereOthersAre(), 15_000);
  }
  line.wake();
  void wake.look();
  schedule();
}

async function open() {
  const icons = loadIcons();
  Object.assign(self, device.kept("self"));
  if (installationBefore(device.installation)) {
    troubles.set("wiped", { key: "wiped", bad: true, words: "The browser has emptied this tablet's memory. What was not sent is lost: tell the desk by radio what you did." });
  }
  void updates.start();
  setInterval(() => {
    if (!ui.gate && !ui.locked && Date.now() - touchedAt > LOCK_AFTER_MS) act.lock();
    leaseOver();
    schedule();
  }, 1000);
  await icons;
  schedule();
  // Another window of ours has the key already, and has given it.
  if (!device.locked && self.personId !== null && !self.away) begin();
  for (let tries = 0; ui.gate || tries === 0; tries++) {
    try {
      if (!(await ask())) return;
      begin();
      break;
    } catch (error) {
      const { status, problem } = /** @type {NoAnswer} */ (error);
      if (status === 401) return end(problem.code);
      if (ui.gate?.name === "opening" && !offerPin() && self.personId !== null) ui.gate = { ...opening(), name: "no_pin" };
      if (!ui.gate) break;
      schedule();
      await pause(Math.min(10_000, 1000 * 2 ** tries));
    }
  }
  ui.sound = await tone.prepare();
}

for (const change of early) deviceChanged(change);
early = null;
line.start();
void open();
