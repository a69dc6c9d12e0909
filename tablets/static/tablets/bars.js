/**
 * The two bars that never move: who and how connected above, the next status below.
 */

import { h, icon } from "./dom.js";
import { LOCAL_STEPS } from "./on_view.js";
import { isTandem, offered } from "./standing.js";
import { age, minutes, spent } from "./times.js";
import { byPeople, lineWords, oldest } from "./trays.js";
import { clockWords } from "./welfare.js";
import { wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").VNode} VNode */

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
export function topBar(s, act, ui) {
  const people = s.unit?.people ?? [];
  const me = people.find((person) => person.id === s.personId);
  const short = Boolean(s.unit && people.length < s.unit.crew_minimum);
  return h(
    "header",
    { class: "top" },
    h(
      "button",
      { class: "who", type: "button", onclick: () => act.sheet("menu"), "aria-haspopup": "dialog", disabled: ui.locked },
      icon("menu"),
      h("b", null, s.unit?.call_sign ?? ui.name),
    ),
    s.trays.refused.length > 0 && h("button", { class: "count bad", type: "button", disabled: ui.locked, onclick: () => act.sheet("line"), "aria-haspopup": "dialog" }, `${s.trays.refused.length} not done`),
    s.unit && h("span", { class: `crew wide ${short ? "warn" : ""}` }, short ? `${people.length} on board: ${s.unit.crew_minimum} needed` : `${people.length} on board`),
    me && h("span", { class: "soft wide" }, `on shift ${age(s.now - Date.parse(me.started_at)).replace(/^\d+ s$/, "just now")}`),
    h("span", { class: "space" }),
    !ui.sound && h("button", { class: "silent", type: "button", onclick: act.sound }, icon("volume_off"), h("span", null, "Alarm silent: tap")),
    cad(s),
    connection(s, act, ui),
  );
}

/** @param {Snapshot} s */
function cad(s) {
  // Without a line of our own nothing is known of CAD's.
  if (!s.agency?.has_cad || s.line.state === "offline") return null;
  if (s.cadDown) {
    const silent = s.feedAge === null ? "" : ` ${age(s.feedAge * 1000)}`;
    return h("span", { class: "cad down", role: "status" }, icon("link_off"), `CAD LINK DOWN${silent}`);
  }
  return h("span", { class: "cad soft wide" }, `CAD ${age((s.feedAge ?? 0) * 1000)}`);
}

/**
 * How the line is, always in this place; a tap says more.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
function connection(s, act, ui) {
  const waiting = byPeople(s.pending);
  const { look, words, unsent } = lineWords(s.line, waiting.length, Date.now(), oldest(waiting, s.now));
  return h(
    "button",
    { class: `line ${look}`, type: "button", disabled: ui.locked, onclick: () => act.sheet("line"), "aria-haspopup": "dialog" },
    h("i", { "aria-hidden": "true" }),
    h("span", { role: "status", "aria-live": "polite" }, words),
    unsent && h("span", { class: "unsent" }, unsent),
  );
}

/**
 * What the crew should know about this tablet itself: one line at most, the gravest first.
 * @param {Act} act
 * @param {Ui} ui
 */
export function notice(act, ui) {
  const worst = ui.notices[0];
  if (!worst) return null;
  return h(
    "div",
    { class: `notice ${worst.bad ? "bad" : ""}`, role: "status", key: `notice ${worst.key}` },
    icon(worst.bad ? "warning" : "info_outline"),
    h("span", null, worst.words),
    worst.action && h("button", { class: "btn", type: "button", onclick: worst.action.act }, worst.action.words),
    h("button", { class: "btn", type: "button", onclick: () => act.noticed(worst.key) }, "OK"),
  );
}

/**
 * What a button says that takes no tap now: the finger that pressed the one before it may still be there.
 * @param {Ui} ui
 * @returns {"true"|null}
 */
export const isGuarded = (ui) => (Date.now() < ui.guard ? "true" : null);

/** What each step is called on its button. @type {Record<string, string>} */
export const STEP_WORDS = {
  acknowledge: "Acknowledge",
  en_route: "En route",
  stage: "Staged",
  arrive: "On scene",
  transport: "Transport…",
  at_destination: "At destination",
  clear: "Clear…",
  hand_back: "Hand back…",
  hand_over: "Hand over…",
};

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
export function statusBar(s, act, ui) {
  return h("footer", { class: "bar", "aria-label": "Status" }, s.call ? callButtons(s, act, ui) : dutyButtons(s, act, ui), backupPlace());
}

/** The place of the backup button, which stands over every page by itself: see backup/here.js. */
export const backupPlace = () => h("span", { class: "backup-room", key: "backup" });

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @returns {VNode[]}
 */
function callButtons(s, act, ui) {
  const own = s.standing;
  if (!s.call || !own) return [];
  const { assignment, told, clearing } = own;
  if (clearing) {
    const words = clearing.state === "applied" ? "received" : s.line.state === "offline" ? "waiting to send" : "sending…";
    return [h("p", { key: "clearing", class: "state grow" }, h("b", null, `Cleared: ${wordsOf(String(clearing.args.disposition))}`), h("small", { class: "warn" }, words)), onViewButton(act, ui)];
  }
  const { next, ...others } = offered(assignment.status, isTandem(s.call));
  // Before the server knows of an encounter nobody can be asked to take it.
  const { beside, more } = s.call.local ? { beside: others.beside.filter((step) => LOCAL_STEPS.has(step)), more: /** @type {string[]} */ ([]) } : others;
  const pending = told.get(assignment.status);
  const mark = !pending || pending.state === "applied" ? "" : s.line.state === "offline" ? " · waiting to send" : " · sending…";
  return [
    h(
      "button",
      // A key of its own for each step: a second tap meant for this one never lands on the one that follows.
      { key: `next-${next}`, class: "btn next", type: "button", onclick: () => act.step(next), "aria-disabled": isGuarded(ui) },
      h("span", null, STEP_WORDS[next] ?? next),
      h("small", { class: mark ? "unsure" : "" }, `${spent(assignment, s.now) || wordsOf(assignment.status)}${mark}`),
      s.welfare && h("small", { class: `welfare ${s.welfare.state}` }, icon("timer"), clockWords(s.welfare)),
    ),
    ...beside.map((step, i) =>
      h(
        "button",
        { key: step, class: `btn beside beside-${i}`, type: "button", onclick: () => act.step(step), "aria-disabled": isGuarded(ui) },
        STEP_WORDS[step],
      ),
    ),
    h("button", { key: "more", class: "btn more-steps", type: "button", onclick: () => act.sheet("more"), "aria-haspopup": "dialog", hidden: more.length === 0 && beside.length < 2 }, "More…"),
  ];
}

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @returns {VNode[]}
 */
function dutyButtons(s, act, ui) {
  if (!s.unit) return [h("p", { key: "nothing", class: "state grow" }, s.line.opening ? "Opening…" : "Nobody is signed on here")];
  const pending = s.pending.filter((action) => action.kind === "unit.duty").at(-1);
  const duty = /** @type {string} */ (pending?.args.duty ?? s.unit.duty);
  const mark = pending ? (s.line.state === "offline" ? "waiting to send" : "sending…") : "";
  const span = s.unit.duty_since && !pending ? minutes(s.now - Date.parse(s.unit.duty_since)) : "";
  const state = h(
    "p",
    { key: "duty", class: `state grow duty-${duty.toLowerCase()}`, role: "status" },
    h("i", { "aria-hidden": "true" }),
    h("b", null, wordsOf(duty)),
    h("small", { class: mark ? "unsure" : "" }, mark || [span, s.unit.duty_reason].filter(Boolean).join(" · ")),
  );
  /**
   * @param {string} name
   * @param {string} words
   */
  const button = (name, words) =>
    h(
      "button",
      {
        key: name,
        class: `btn ${name === "AVAILABLE" ? "next" : "beside"}`,
        type: "button",
        "aria-disabled": isGuarded(ui),
        onclick: () => (name === "OUT_OF_SERVICE" ? act.sheet("out_of_service") : act.duty(name)),
      },
      h("span", null, words),
      name === "AVAILABLE" && h("small", null, `${wordsOf(duty)}${span ? ` ${span}` : ""}${mark ? ` · ${mark}` : ""}${s.unit?.duty_reason ? ` · ${s.unit.duty_reason}` : ""}`),
    );
  if (duty !== "AVAILABLE") {
    return [button("AVAILABLE", "Available again"), ...["MEAL", "REPORT", "OUT_OF_SERVICE"].filter((name) => name !== duty).map((name) => button(name, name === "OUT_OF_SERVICE" ? "Out of service…" : wordsOf(name)))];
  }
  return [state, onViewButton(act, ui), button("MEAL", "Meal"), button("REPORT", "Report"), button("OUT_OF_SERVICE", "Out of service…")];
}

/**
 * @param {Act} act
 * @param {Ui} ui
 */
function onViewButton(act, ui) {
  return h("button", { key: "on-view", class: "btn on-view", type: "button", disabled: ui.locked, onclick: () => act.sheet("on_view"), "aria-haspopup": "dialog" }, icon("directions_walk"), h("span", null, "On-view…"));
}

/**
 * What everybody on board must read: dispatch does not know where they are, or asks whether they are well.
 * @param {Snapshot} s
 * @param {Act} act
 */
export function presence(s, act) {
  const unknown = s.call?.local && s.call.local.state !== "applied";
  const asks = s.welfare && s.welfare.state !== "running";
  if (!unknown && !asks && !s.welfare?.asked) return null;
  const offline = s.line.state === "offline";
  return h(
    "div",
    { class: "presence", key: "presence" },
    unknown && h("p", { class: "unknown", role: "alert" }, icon("campaign"), h("b", null, "DISPATCH DOES NOT KNOW YOU ARE HERE: RADIO")),
    asks &&
      h(
        "button",
        { class: `well ${s.welfare?.state}`, type: "button", onclick: act.well },
        icon("timer"),
        h("b", null, "Tap anywhere: all well?"),
        h("span", null, offline ? "No signal: the desk cannot see your answer. Use the radio." : s.welfare?.state === "missed" ? "The desk is alarmed. Backup comes if nobody hears from you." : ""),
      ),
    s.welfare?.asked && h("p", { class: "asked-for", role: "status" }, icon("local_police"), h("b", null, "Backup was asked for you, because you did not answer."), h("span", null, "All well? Say so by radio.")),
  );
}

/**
 * @param {Snapshot} s
 */
export function staleWords(s) {
  return s.line.state === "offline" && s.line.heardAt !== null ? `as of ${age(Date.now() - s.line.heardAt)} ago` : "";
}
