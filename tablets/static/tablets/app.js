/**
 * The tablet app: wires the replica, the line, the crew's actions and the screen together.
 */

import { Actions } from "./actions.js";
import { STEP_WORDS, statusBar, topBar } from "./bars.js";
import { board } from "./board.js";
import { myCall } from "./call.js";
import { h, icon, loadIcons, render } from "./dom.js";
import { jsonFetcher } from "./http.js";
import { Line } from "./line.js";
import { MapView } from "./map.js";
import { lockView, overlay } from "./overlays.js";
import { Position } from "./position.js";
import { Replica } from "./replica.js";
import { awayWords, sheet } from "./sheets.js";
import { Memory, look } from "./snapshot.js";
import { hush, isSpeaking, speak } from "./speak.js";
import { farewell } from "./standing.js";
import { age, clock } from "./times.js";
import * as tone from "./tone.js";
import { wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Row} Row */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./http.js").NoAnswer} NoAnswer */
/** @typedef {import("./replica.js").Change} Change */

/** Something that happened to the crew and that they have to see. @typedef {{key: string, title: string, what: string, say: string, loud: boolean}} Told */

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
 * @property {Action[]} refused
 * @property {{words: string, bad: boolean, until: number}|null} toast
 */

/** @typedef {typeof act} Act */

// A second tap of the same finger must not take the step after the one that was meant.
const GUARD_MS = 900;
const LOCK_AFTER_MS = 10 * 60_000;
const STILL_MS = 2_500;
const SHOWN_FOR_MS = 15_000;

const config = JSON.parse(document.getElementById("config")?.textContent ?? "{}");
/** @type {Record<string, string>} */
const reasons = config.words.reasons;
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

/** @type {{unitId: number, personId: number|null, tabletId: number}} */
const self = { unitId: 0, personId: null, tabletId: 0 };

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
  theme: localStorage.getItem("theme") ?? "system",
  guard: 0,
  told: [],
  answered: new Set(),
  refused: [],
  toast: null,
};

const replica = new Replica();
const memory = new Memory();
/** Actions that were answered a moment ago and may not show in a document yet. @type {Action[]} */
let recent = [];
/** Where other units are. @type {Map<number, {point: import("./wire.js").Point, at: number}>} */
let positions = new Map();
const opened = Date.now();
let ended = false;

const actions = new Actions({
  fetchJson,
  now: () => clock.iso(),
  onChange: (action) => {
    if (action.state === "applied") recent.push(action);
    if (action.state === "refused") refused(action);
    schedule();
  },
});
const position = new Position({ fetchJson: background, clock, onChange: () => schedule() });
const map = new MapView({ tiles: config.tiles, onPick: (id) => act.pick(id) });
const line = new Line({
  replica,
  fetchJson: background,
  clock,
  onState: () => {
    if (line.state !== "offline") actions.wake();
    schedule();
  },
  onSignedOff: (why) => end(why),
});

/** @returns {Snapshot} */
function snapshot() {
  const settledAfter = Date.now() - SHOWN_FOR_MS;
  recent = recent.filter((action) => action.settledAt > settledAfter);
  return look({
    replica,
    self,
    line: { state: line.state, since: line.since, heardAt: line.heardAt, opening: line.heardAt === null && Date.now() - opened < 8_000 },
    facts: [...recent, ...actions.pending()],
    pending: actions.pending(),
    now: clock.now(),
    here: position.point,
    memory,
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
  actions.do(kind, { assignment: s.call.assignment.id, ...more });
}

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
      actions.do("call.note", { call: Number(s.call.id), text });
      act.close();
    }
    schedule();
  },

  /** @param {string} value */
  answer(value) {
    if (!s.call || !ui.sheet?.code) return;
    actions.do("call.answer", { call: Number(s.call.id), disqualifier: ui.sheet.code, value, called_back: true });
    act.close();
  },

  /** @param {Row} row */
  take(row) {
    if (guarded()) return;
    if (row.can === "POACH") return act.sheet("poach", { code: row.id });
    if (ui.sheet) act.close();
    guard();
    actions.do("call.self_dispatch", { call: Number(row.id) });
  },

  poach() {
    const id = ui.sheet?.code;
    const why = reason("Choose a reason, or write one.");
    if (id && why) {
      guard();
      actions.do("call.poach", { call: Number(id), reason: why.slice(0, 200) });
      act.close();
    }
    schedule();
  },

  /**
   * @param {string} id
   * @param {boolean} accept
   */
  offer(id, accept) {
    if (guarded()) return;
    guard();
    ui.answered.add(`offer ${id}`);
    actions.do(accept ? "hand_over.accept" : "hand_over.decline", { hand_over: Number(id) });
  },

  /** @param {number} id */
  stopSeen(id) {
    guard();
    ui.answered.add(`stop ${id}`);
    actions.do("stop.acknowledge", { stop: id });
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
    actions.do("unit.duty", { duty });
  },

  outOfService() {
    const why = reason("Choose a reason, or write one.");
    if (why) {
      guard();
      actions.do("unit.duty", { duty: "OUT_OF_SERVICE", reason: why.slice(0, 100) });
      act.close();
    }
    schedule();
  },

  /** @param {string} choice */
  async signOff(choice) {
    ui.busy = true;
    ui.problem = "";
    schedule();
    const { state, answer, problem } = await actions.do("shift.sign_off", { choice }).done;
    ui.busy = false;
    if (state === "applied" && answer.ended !== false) end("signed_off");
    else ui.problem = problem?.message ?? "The shift has not ended yet.";
    schedule();
  },

  async leave() {
    try {
      await fetchJson("/api/tablets/sign-off/", {});
      end("signed_off");
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
    ui.problem = "";
    schedule();
  },
  close() {
    ui.sheet = null;
    ui.problem = "";
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

  lock() {
    ui.locked = true;
    ui.unlocking = false;
    ui.sheet = null;
    keep("locked", "1");
    hush();
    schedule();
  },
  askUnlock() {
    // The demo's people have no passwords; its doors are open, and this one is no exception.
    if (config.demo) return act.unlocked();
    ui.unlocking = true;
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
      ui.problem = status === 0 ? "No signal: unlocking needs the server. Statuses work below." : problem.message;
    }
    ui.busy = false;
    schedule();
  },

  /** What an action is called. @param {Action} action */
  nameOf(action) {
    const step = action.kind.split(".")[1] ?? "";
    const names = /** @type {Record<string, string>} */ ({
      "call.self_dispatch": "Take",
      "call.poach": "Take from police",
      "call.note": "Note",
      "call.answer": "Answer",
      "unit.duty": wordsOf(String(action.args.duty ?? "")),
      "stop.acknowledge": "STOP read",
      "assignment.deliver": "Reached this tablet",
      "shift.sign_off": "End my shift",
      "hand_over.accept": "Take over",
      "hand_over.decline": "Decline",
    });
    return names[action.kind] ?? STEP_WORDS[step]?.replace("…", "") ?? wordsOf(step.toUpperCase());
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
    ui.refused = [];
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
  if (action.kind === "assignment.deliver") return;
  const say = act.sayOf(action);
  if (action.kind === "call.self_dispatch" || action.kind === "call.poach") {
    const row = s.rows.find(({ id }) => id === String(action.args.call));
    if (row) memory.went(row.id, row.call, say);
  }
  if (action.kind.startsWith("hand_over.")) ui.answered.add(`offer ${action.args.hand_over}`);
  ui.refused.push(action);
  ui.toast = { words: `${act.nameOf(action)} not done: ${say}`, bad: true, until: Date.now() + 9_000 };
  tone.sound("chime");
}

// --- what the documents say -----------------------------------------------------------------------------------------------

replica.listen((changes) => {
  for (const change of changes) {
    if (change.c === "call" && change.stream === `unit.${self.unitId}`) ownCallChanged(change);
    if (change.c === "call" && change.stream.startsWith("area.")) boardChanged(change);
    if (change.gone === "dropped" && change.c === "unit" && change.stream === `unit.${self.unitId}`) void whoIsHere();
  }
  schedule();
});

/** @param {Change} change */
function ownCallChanged(change) {
  const { before, after } = change;
  if (!after) {
    const assignment = before.assignment;
    const cleared = [...recent, ...actions.pending()].some(
      ({ kind, args }) => (kind === "assignment.clear" && args.assignment === assignment.id) || kind === "shift.sign_off",
    );
    hush();
    const bye = ended ? null : farewell(change.gone ?? "", cleared);
    if (ui.sheet && !["menu", "row", "poach", "out_of_service"].includes(ui.sheet.name)) ui.sheet = null;
    const words = bye && GOODBYES[bye.how];
    if (bye && words) ui.told.push({ key: `gone ${assignment.id}`, what: `${before.type.label}, ${before.address}`, ...words, loud: bye.loud });
    return;
  }
  if (!before) {
    ui.tab = "call";
    ui.sheet = null;
  }
  const { assignment, poach } = after;
  if (!assignment.delivered_at && !before) actions.do("assignment.deliver", { assignment: assignment.id });
  const what = `${after.type.label}, ${after.address}`;
  if (assignment.cancel_told_at && !before?.assignment.cancel_told_at) {
    tellOnce({ key: `cancel ${assignment.id} ${assignment.cancel_told_at}`, title: "CALL CANCELLED", what, say: "You are with it already, so it stays yours. Clear when you are done.", loud: true });
  }
  if (poach?.state === "CAD_REJECTED" && before?.poach?.state !== "CAD_REJECTED") {
    tellOnce({ key: `rejected ${assignment.id}`, title: "CAD REJECTED IT", what, say: "Police keep this call in CAD. The desk decides: talk to them before you go on.", loud: true });
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
    const asked = actions.pending().some(({ kind, args }) => /^call\.(self_dispatch|poach)$/.test(kind) && args.call === Number(id));
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

/** What had the focus before an overlay came. @type {HTMLElement|null} */
let before = null;
let over = "";

function draw() {
  due = false;
  if (ended) return;
  s = snapshot();
  greet();
  if (ui.toast && ui.toast.until < Date.now()) ui.toast = null;
  if (!s.call && ui.tab === "call") ui.tab = "board";
  const top = overlay(s, act, ui, reasons);
  tone.ring(top?.alarm ?? null);
  // An alarm comes before a sheet, but clearing on a locked screen is the sheet.
  const shown = top ? null : sheet(s, act, ui, reasons);
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
    ui.locked
      ? h("main", { class: "stage locked", key: "locked", inert: away }, lockView(s, act, ui))
      : h(
          "main",
          { class: "stage", key: "stage", inert: away },
          s.call && myCall(s, act, ui),
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
          board(s, act, ui),
          tabs(),
        ),
    statusBarOf(away),
    layer && h("div", { class: "layer", key: "layer" }, layer),
    ui.toast && h("p", { class: `toast ${ui.toast.bad ? "bad" : ""}`, role: "alert", key: "toast" }, icon(ui.toast.bad ? "error_outline" : "check"), h("span", null, ui.toast.words), h("button", { class: "btn", type: "button", onclick: closeToast }, "OK")),
  );
  if (!ui.locked) showMap();
  focusOn(top?.key ?? (shown ? `sheet ${ui.sheet?.name}` : ""));
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
  if (event.key === "Escape" && ui.sheet) act.close();
});

// --- this device ----------------------------------------------------------------------------------------------------------

let touchedAt = Date.now();
function touched() {
  touchedAt = Date.now();
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
  actions.wake();
  if (!document.hidden) void stayLit();
  schedule();
}
addEventListener("online", awake);
addEventListener("resize", schedule);
addEventListener("pageshow", awake);
document.addEventListener("visibilitychange", awake);
addEventListener("beforeunload", (event) => {
  // What is in memory only would be lost.
  if (actions.pending().length && !ended) event.preventDefault();
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
  if (ended) return;
  try {
    const me = await fetchJson("/api/tablets/me/");
    if (me.person !== self.personId || me.shift === null) end("signed_off");
  } catch (error) {
    const { status, problem } = /** @type {NoAnswer} */ (error);
    if (status === 401) end(problem.code);
  }
}

/** The server knows this device or this session no more: nothing of it stays. @param {string} why */
function end(why) {
  if (why === "no_answer") return;
  ended = true;
  line.stop();
  actions.stop();
  position.stop();
  tone.ring(null);
  hush();
  replica.drop(replica.streams());
  render(root);
  location.replace(why === "tablet_unknown" || why === "tablet_revoked" ? "/tablet/pair/" : "/tablet/sign-on/");
}

async function open() {
  await loadIcons();
  for (let tries = 0; ; tries++) {
    try {
      const me = await fetchJson("/api/tablets/me/");
      if (me.person === null) return location.replace("/tablet/sign-on/");
      Object.assign(self, { unitId: me.unit, personId: me.person, tabletId: me.tablet });
      ui.name = me.name;
      break;
    } catch (error) {
      if (/** @type {NoAnswer} */ (error).status === 401) return location.replace("/tablet/pair/");
      await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 1000 * 2 ** tries)));
    }
  }
  ui.sound = await tone.prepare();
  line.start();
  position.start();
  void stayLit();
  void whereOthersAre();
  setInterval(() => void whereOthersAre(), 15_000);
  setInterval(() => {
    if (!ui.locked && Date.now() - touchedAt > LOCK_AFTER_MS) act.lock();
    schedule();
  }, 1000);
  draw();
}

void open();
