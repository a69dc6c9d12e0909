/**
 * What comes over everything else until somebody has answered it: STOP, a call that went, a new call, an offer; and the
 * lock screen, on which statuses work and no call can be read.
 */

import { STEP_WORDS } from "./bars.js";
import { check } from "./board.js";
import { responseTag } from "./call.js";
import { h, icon } from "./dom.js";
import { keypad } from "./gate.js";
import { away } from "./places.js";
import { offered } from "./standing.js";
import { age, spent, wallTime } from "./times.js";
import { DISQUALIFIERS, wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./app.js").Told} Told */
/** @typedef {import("./tone.js").Alarm} Alarm */
/** @typedef {import("./dom.js").VNode} VNode */

/** @typedef {{key: string, alarm: Alarm|null, view: VNode}} Overlay */

/**
 * The one thing that comes before everything else now, and how it sounds; null when there is none.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @param {Record<string, string>} reasons
 * @returns {Overlay|null}
 */
export function overlay(s, act, ui, reasons) {
  const stop = s.call?.stops.find(({ id, acknowledged_at }) => !acknowledged_at && !ui.answered.has(`stop ${id}`));
  if (s.call && stop) return { key: `stop ${stop.id}`, alarm: "stop", view: stopView(s, stop, act, ui, reasons) };
  const told = ui.told[0];
  if (told) return { key: told.key, alarm: told.loud ? "gone" : null, view: toldView(told, act, ui) };
  const assignment = s.standing?.assignment;
  if (s.call && assignment?.status === "ASSIGNED") return { key: `call ${assignment.id}`, alarm: "call", view: newCall(s, act, ui) };
  const offer = s.offers.find(({ id }) => !ui.answered.has(`offer ${id}`));
  if (offer) return { key: `offer ${offer.id}`, alarm: "offer", view: offerView(s, offer, act, ui) };
  return null;
}

/**
 * @param {Snapshot} s
 * @param {import("./wire.js").Stop} stop
 * @param {Act} act
 * @param {Ui} ui
 * @param {Record<string, string>} reasons
 */
function stopView(s, stop, act, ui, reasons) {
  return h(
    "section",
    { class: "full stop", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "over-title" },
    h("div", { class: "full-text" },
      h("h1", { id: "over-title" }, "STOP"),
      ui.locked
        ? h("p", { class: "big" }, "The risk of your call has changed. Unlock to read why.")
        : [
            h("ul", { class: "big" }, stop.reasons.map((code) => h("li", null, reasons[code] ?? wordsOf(code)))),
            h("p", null, `${s.call?.type.label}, ${s.call?.address}`),
          ],
      h("p", null, `${age(s.now - Date.parse(stop.raised_at))} ago. Stay back until you have talked to the desk.`),
    ),
    h("div", { class: "answers" }, ui.locked ? h("button", { class: "btn on-stop", type: "button", onclick: act.askUnlock }, "Unlock") : h("button", { class: "btn on-stop", type: "button", onclick: () => act.stopSeen(stop.id) }, "I have read it")),
  );
}

/**
 * @param {Told} told
 * @param {Act} act
 * @param {Ui} ui
 */
function toldView(told, act, ui) {
  return h(
    "section",
    { class: `full ${told.loud ? "gone-loud" : "gone-quiet"}`, role: "alertdialog", "aria-modal": "true", "aria-labelledby": "over-title" },
    h("div", { class: "full-text" }, h("h1", { id: "over-title" }, told.title), !ui.locked && h("p", { class: "big" }, told.what), h("p", null, told.say)),
    h("div", { class: "answers" }, h("button", { class: "btn on-stop", type: "button", onclick: () => act.toldSeen(told.key) }, "Understood")),
  );
}

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
function newCall(s, act, ui) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  const details = ui.locked
    ? [h("h1", { id: "over-title" }, "A new call"), h("p", { class: "say" }, "Unlock to read it. You can acknowledge it from here.")]
    : [
        h("p", { class: "kick" }, responseTag(call), h("span", null, `Priority ${call.priority}`)),
        h("h1", { id: "over-title" }, call.type.label),
        h("p", { class: "where" }, h("span", null, call.address), h("span", { class: "soft" }, away(s.here, call.point))),
        call.cautions.map((caution) => h("p", { class: "banner bad" }, icon("warning"), h("b", null, `Caution: ${caution.text}`))),
        call.narrative && h("blockquote", { class: "say" }, call.narrative),
        h("ul", { class: "checks" }, DISQUALIFIERS.map(([code, , no, yes, unknown]) => check(call.answers[code], no, yes, unknown))),
      ];
  return h(
    "section",
    { class: "alert", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "over-title" },
    h("div", { class: "alert-text" }, h("h2", null, `${call.assignment.origin === "DISPATCHED" ? "New call for" : "Your call,"} ${s.unit?.call_sign ?? "you"} · ${age(s.now - Date.parse(call.assignment.assigned_at))}`), details),
    h(
      "div",
      { class: "answers two" },
      h("button", { class: "btn yes", type: "button", onclick: () => act.acknowledge(true) }, "Acknowledge, en route"),
      h("button", { class: "btn", type: "button", onclick: () => act.acknowledge(false) }, "Acknowledge"),
    ),
  );
}

/**
 * @param {Snapshot} s
 * @param {{id: string, body: import("./wire.js").OfferBody}} offer
 * @param {Act} act
 * @param {Ui} ui
 */
function offerView(s, { id, body }, act, ui) {
  return h(
    "section",
    { class: "alert asks", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "over-title" },
    h(
      "div",
      { class: "alert-text" },
      h("h2", null, `${body.from_call_sign} asks you to take over · ${age(s.now - Date.parse(body.asked_at))}`),
      ui.locked
        ? h("h1", { id: "over-title" }, "A call")
        : [
            h("h1", { id: "over-title" }, body.type.label),
            h("p", { class: "where" }, h("span", null, body.address), h("span", { class: "soft" }, away(s.here, body.point))),
            h("p", null, `Priority ${body.priority} · ${body.from_call_sign} is ${wordsOf(body.status).toLowerCase()}. It stays theirs until you accept.`),
          ],
    ),
    h(
      "div",
      { class: "answers two" },
      h("button", { class: "btn yes", type: "button", onclick: () => act.offer(id, true) }, "Accept"),
      h("button", { class: "btn", type: "button", onclick: () => act.offer(id, false) }, "Decline"),
    ),
  );
}

/**
 * The lock screen: statuses, the time, nothing of a call.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
export function lockView(s, act, ui) {
  const own = s.standing;
  return h(
    "section",
    { class: `lock ${ui.unlocking && ui.byPin ? "lock-pin" : ""}`, "aria-label": "Locked" },
    h("p", { class: "lock-time" }, wallTime(s.now, s.zone)),
    h("p", { class: "lock-state cap" }, own ? spent(own.assignment, s.now) || wordsOf(own.assignment.status) : s.unit ? wordsOf(s.unit.duty) : ""),
    ui.unlocking && ui.byPin
      ? [keypad({ label: "Your PIN", digits: ui.pin.digits, problem: ui.problem, busy: ui.busy, done: "Open" }, act), h("button", { class: "btn", type: "button", onclick: act.leaveUnlock }, "Back")]
      : ui.unlocking
        ? h(
            "form",
            { class: "unlock", onsubmit: act.unlock, novalidate: true },
            h("label", { for: "unlock" }, "Password of whoever is signed on"),
            h("input", { id: "unlock", name: "password", type: "password", autocomplete: "current-password", "aria-describedby": "unlock-problem", mounted: (/** @type {HTMLElement} */ el) => el.focus() }),
            h("p", { class: "problem", id: "unlock-problem", role: "alert" }, ui.problem),
            h("div", { class: "choose" }, h("button", { class: "btn go", type: "submit", disabled: ui.busy }, ui.busy ? "Unlocking…" : "Unlock"), h("button", { class: "btn", type: "button", onclick: act.leaveUnlock }, "Back")),
          )
        : h("button", { class: "btn unlock-button", type: "button", onclick: act.askUnlock }, icon("lock"), h("span", null, "Unlock")),
    own && !ui.unlocking && h("p", { class: "soft" }, `${STEP_WORDS[offered(own.assignment.status, false).next]?.replace("…", "")} works below without unlocking.`),
  );
}
