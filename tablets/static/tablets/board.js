/**
 * The board: what waits in this unit's areas, how long, how far, and on each row why it may or may not be taken.
 */

import { staleWords } from "./bars.js";
import { h, icon, memo } from "./dom.js";
import { referredWords } from "./referral.js";
import { byDistance } from "./snapshot.js";
import { waiting } from "./times.js";
import { DISQUALIFIERS, wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Row} Row */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").VNode} VNode */

/** @type {Map<string, VNode>} */
let described = new Map();

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @param {import("./dom.js").Child[]} [brought] ways to screens of other apps
 */
export function board(s, act, ui, brought = []) {
  const shown = s.rows.filter((row) => ui.filter === "all" || (ui.filter === "may" ? row.can || row.asked : row.call.queue === ui.filter));
  if (ui.nearest) shown.sort(byDistance(s.here));
  /** @type {typeof described} */
  const next = new Map();
  const rows = shown.map((row) => {
    const wait = row.gone ? "" : waiting(row.call.received_at, s.now);
    const offline = s.line.state === "offline";
    const asked = row.asked ? `${row.asked.head} ${row.asked.say}` : "";
    const deps = [row.call, row.can, row.why, row.away, wait, asked, row.gone, row.fresh, ui.picked === row.id, ui.locked, offline];
    const vnode = memo(deps, () => rowOf(row, wait, offline, act, ui), described.get(row.id));
    next.set(row.id, vnode);
    return vnode;
  });
  described = next;
  return h(
    "section",
    { class: "panel board", "aria-label": "Board" },
    h(
      "div",
      { class: "filters", role: "group", "aria-label": "Which calls" },
      filter("CARE", "CARE", s.counts.care, "care", act, ui),
      filter("POLICE", "POLICE", s.counts.police, "police", act, ui),
      filter("may", "May take", s.counts.may, "", act, ui),
      h(
        "button",
        { class: "filter nearest", type: "button", "aria-pressed": String(ui.nearest), onclick: act.nearest, disabled: !s.here, title: "Nearest first" },
        icon("near_me"),
        h("span", { class: "unseen" }, "Nearest first"),
      ),
    ),
    staleWords(s) && h("p", { class: "stale", role: "status" }, icon("link_off"), h("span", null, `Board ${staleWords(s)}.${rows.length ? " You can ask for a call; it is yours when the desk has said so." : ""}`)),
    s.cadDown && h("p", { class: "stale", role: "status" }, icon("link_off"), h("span", null, "CAD is silent: nothing can be taken from police.")),
    rows.length
      ? h("ul", { class: "rows", "aria-label": "Waiting calls", onpointerdown: act.still, onscroll: act.still }, rows)
      : nothing(s, act, ui),
    brought.some(Boolean) && h("div", { class: "ways", role: "group", "aria-label": "More screens" }, brought),
  );
}

/**
 * @param {Ui["filter"]} name
 * @param {string} words
 * @param {number} count
 * @param {string} look
 * @param {Act} act
 * @param {Ui} ui
 */
function filter(name, words, count, look, act, ui) {
  return h(
    "button",
    { class: `filter ${look}`, type: "button", "aria-pressed": String(ui.filter === name), onclick: () => act.filter(name) },
    h("span", null, words),
    h("b", null, count),
  );
}

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
function nothing(s, act, ui) {
  if (!s.agency || !s.unit) {
    return h("div", { class: "nothing" }, h("p", null, s.line.state === "offline" && !s.line.opening ? "Not connected yet. The board comes with the first contact." : "Getting the board…"));
  }
  if (s.rows.length) {
    const other = `${s.rows.length} other ${s.rows.length === 1 ? "call waits" : "calls wait"}.`;
    return h(
      "div",
      { class: "nothing" },
      icon("filter_alt"),
      h("p", null, ui.filter === "may" ? `Nothing that you may take. ${other}` : `Nothing waits for ${ui.filter === "CARE" ? "CARE" : "police"}. ${other}`),
      h("button", { class: "btn", type: "button", onclick: () => act.filter(ui.filter) }, "Show all"),
    );
  }
  if (s.line.state === "offline") {
    // Without signal nobody knows what waits now, and nothing comes.
    return h("div", { class: "nothing" }, icon("link_off"), h("p", null, "Nothing was waiting when the signal went."), h("p", { class: "soft" }, "New calls cannot reach you here: listen to the radio."));
  }
  return h("div", { class: "nothing" }, icon("check_circle_outline"), h("p", null, "Nothing is waiting in your area."), h("p", { class: "soft" }, "New calls come by themselves."));
}

/**
 * @param {Row} row
 * @param {string} wait
 * @param {boolean} offline
 * @param {Act} act
 * @param {Ui} ui
 */
function rowOf(row, wait, offline, act, ui) {
  const { call } = row;
  const open = DISQUALIFIERS.filter(([code]) => call.answers[code] !== "NO" && call.answers[code] !== "NOT_RELEVANT" && call.answers[code] !== "YES");
  return h(
    "li",
    { key: row.id, class: `row ${call.queue.toLowerCase()} ${row.gone ? "gone" : ""} ${ui.picked === row.id ? "picked" : ""}`, id: `row-${row.id}` },
    h(
      "button",
      { class: "row-main", type: "button", onclick: () => act.pick(row.id), "aria-haspopup": "dialog" },
      h("span", { class: "row-title" }, h("b", null, call.type.label), row.fresh && h("em", { class: "new" }, "new"), call.offered_at && h("em", { class: "offer" }, "desk offers"), call.referral && h("em", { class: "offer" }, referredWords(call.referral))),
      h("span", { class: "row-facts" }, [wait, row.away].filter(Boolean).join(" · ")),
      h("span", { class: "row-where" }, `P${call.priority} · ${call.address}`),
      (call.caution || (open.length > 0 && row.can)) &&
        h("span", { class: "row-warn" }, icon(call.caution ? "warning" : "help_outline"), call.caution ? "Caution" : open.length === 4 ? "No question answered" : open.map(([, , , , unknown]) => unknown).join(" · ")),
    ),
    row.asked
      ? h("button", { class: `asked ${row.asked.state}`, type: "button", onclick: () => act.pick(row.id), "aria-haspopup": "dialog" }, h("b", null, row.asked.head), h("span", null, row.asked.say))
      : offline && row.can
        ? h("button", { class: "btn ask", type: "button", onclick: () => act.take(row) }, row.can === "POACH" ? "Ask to take…" : "Ask to take")
        : row.can === "SELF_DISPATCH"
          ? h("button", { class: "btn take", type: "button", onclick: () => act.take(row) }, "Take")
          : row.can === "POACH"
            ? h("button", { class: "btn poach", type: "button", onclick: () => act.take(row), "aria-haspopup": "dialog" }, "Take from police…")
            : h("p", { class: `why ${row.gone ? "taken" : ""}`, ...(row.gone ? { role: "status" } : {}) }, row.why),
  );
}

/**
 * What is known of a waiting call, and everything that stands against taking it.
 * @param {Row} row
 * @param {Snapshot} s
 * @param {Record<string, string>} reasons
 * @param {Act} act
 */
export function rowDetails(row, s, reasons, act) {
  const { call } = row;
  return [
    h("p", { class: "kick" }, h("span", { class: `tag ${call.queue.toLowerCase()}` }, `${call.queue} queue`), h("span", null, `Priority ${call.priority}`), h("span", { class: "soft" }, waiting(call.received_at, s.now))),
    h("p", { class: "where" }, h("span", null, call.address), h("span", { class: "soft" }, row.away)),
    h("ul", { class: "checks" }, DISQUALIFIERS.map(([code, , no, yes, unknown]) => check(call.answers[code], no, yes, unknown))),
    h("p", { class: "soft cap" }, [wordsOf(call.type.color), wordsOf(call.place_kind), `recommended: ${wordsOf(call.response)}`, `number ${call.number}`].filter(Boolean).join(" · ")),
    call.reasons.length > 0 && h("ul", { class: "reasons" }, call.reasons.map((code) => h("li", null, reasons[code] ?? wordsOf(code)))),
    row.whys.length > 0 && !row.gone && h("div", { class: "against" }, h("b", null, "Why you cannot take it"), h("ul", null, row.whys.map((why) => h("li", null, why)))),
    row.gone && h("p", { class: "against" }, h("b", null, row.gone)),
    row.asked && h("p", { class: "banner ask" }, icon("hourglass_empty"), h("span", null, h("b", null, row.asked.head), h("span", null, row.asked.say))),
    row.can &&
      (!row.asked || row.asked.state === "ran_out") &&
      h(
        "div",
        { class: "choose" },
        s.line.state === "offline"
          ? h("button", { class: "btn ask tall", type: "button", onclick: () => act.take(row) }, row.asked ? "Ask again" : row.can === "POACH" ? "Ask to take it from police…" : "Ask to take it")
          : h("button", { class: `btn ${row.can === "POACH" ? "poach" : "take"} tall`, type: "button", onclick: () => act.take(row) }, row.can === "POACH" ? "Take from police…" : "Take this call"),
      ),
    // Who stands there says so, whoever holds it: the desk has to know.
    mayBeThere(row, s) &&
      h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("at_scene", { code: row.id }), "aria-haspopup": "dialog" }, icon("location_on"), h("span", null, "We are there already…")),
  ];
}

/**
 * A crew without a call that asked for this one, or cannot ask, may stand before it all the same.
 * @param {Row} row
 * @param {Snapshot} s
 */
const mayBeThere = (row, s) => (!s.call || Boolean(s.standing?.clearing)) && !row.gone && row.asked?.state !== "on_scene" && (Boolean(row.asked) || s.line.state === "offline");

/**
 * @param {string|undefined} value
 * @param {string} no
 * @param {string} yes
 * @param {string} unknown
 */
export function check(value, no, yes, unknown) {
  if (value === "NO") return h("li", { class: "no" }, icon("check"), no);
  if (value === "NOT_RELEVANT") return h("li", { class: "unk" }, icon("info_outline"), `${yes}, not relevant`);
  if (value === "YES") return h("li", { class: "yes" }, icon("warning"), yes);
  return h("li", { class: "unk" }, icon("help_outline"), value === "NOT_ASKED" || value === undefined ? unknown.replace("not known", "not asked") : unknown);
}
