/**
 * What is seen of a request for backup: the red screen while nobody has confirmed it, a band with how far it is, and what
 * other crews asked for. A silent one has none of it.
 */

import { h, icon } from "../dom.js";
import { extent } from "../places.js";
import { age } from "../times.js";

/** @typedef {import("./lane.js").View} View */
/** @typedef {import("./lane.js").Level} Level */
/** @typedef {import("../dom.js").VNode} VNode */
/** @typedef {import("../dom.js").Child} Child */

/**
 * What another crew asked for, or this one by another way than this tablet.
 * @typedef {object} Other
 * @property {string} press
 * @property {string} who its call sign
 * @property {boolean} own of this tablet's own unit
 * @property {string} origin
 * @property {Level} level
 * @property {string} service
 * @property {boolean} drill
 * @property {number} age ms
 * @property {string} away "0.4 mi NW", or nothing
 * @property {string} told how far it is
 */

/**
 * What the screen itself knows.
 * @typedef {object} Showing
 * @property {Set<string>} small presses and others whose band was made small
 * @property {string} behind the press whose red screen was put away
 * @property {string} cancelling the press that is about to be cancelled
 * @property {string} reason
 * @property {boolean} quiet whether the words of a silent press were asked for
 * @property {string} hint
 * @property {number} now ms of the server's clock
 */

/**
 * @typedef {object} Acts
 * @property {(key: string, level: Level) => void} level
 * @property {(key: string) => void} ems
 * @property {(key: string) => void} cancel
 * @property {(reason: string) => void} reason
 * @property {() => void} cancelSure
 * @property {() => void} cancelNot
 * @property {(key: string) => void} fold
 * @property {(key: string) => void} behind
 * @property {(key: string) => void} dismiss
 * @property {() => void} quiet
 */

/** Fixed words: they are kept in the open on this tablet. */
export const REASONS = ["Pressed by mistake", "It is settled", "Said by radio why"];
export const NO_REPLACEMENT = "This does not replace your radio or 911.";

/** @type {Record<string, string>} */
const LEVEL_WORDS = { EMERGENCY: "EMERGENCY", URGENT: "Urgent", NON_URGENT: "Not urgent" };
/** @type {Record<string, string>} */
const SERVICE_WORDS = { POLICE: "Police", EMS: "EMS" };
/** @type {Record<string, string>} */
const ORIGIN_WORDS = { TABLET: "on another tablet", RADIO: "by radio", WELFARE: "because nobody answered the welfare check", WITHDRAW: "on withdrawing" };

/** @param {View} view */
export const isOpen = (view) => view.state !== "CLOSED";

/**
 * What a silent request has come to, in one mark.
 * @param {View[]} views
 * @param {string} [elsewhere] the state of a silent one of this unit that was raised on another tablet
 * @returns {import("./button.js").Mark}
 */
export function markOf(views, elsewhere = "") {
  const view = views.find((one) => one.silent && isOpen(one));
  const state = view?.state ?? elsewhere;
  if (view && (view.unconfirmed || view.stale || view.keyWrong)) return "unconfirmed";
  /** @type {Record<string, import("./button.js").Mark>} */
  const marks = { SENDING: "sending", RECEIVED: "received", SEEN: "seen", POLICE_SENT: "sent", POLICE_ARRIVED: "sent" };
  return marks[state] ?? "";
}

/** Whether this press fills the screen with red now. @param {View} view @param {Showing} showing */
export const isRed = (view, showing) => view.unconfirmed && !view.silent && showing.behind !== view.key;

/** @param {View} view */
const service = (view) => SERVICE_WORDS[view.service] ?? "Police";

/**
 * When help is there, in the words of a crew.
 * @param {View} view
 * @param {number} now
 */
function due({ police }, now) {
  if (!police) return "";
  const left = police.due_at ? Date.parse(police.due_at) - now : NaN;
  return [police.unit, Number.isNaN(left) ? "" : left > 60_000 ? `in ${Math.ceil(left / 60_000)} min` : "due now"].filter(Boolean).join(", ");
}

/**
 * The one sentence that says how far it is; never more than the server said.
 * @param {View} view
 * @param {number} now
 */
export function headline(view, now) {
  if (view.state === "CLOSED") return `CLOSED${view.closedAs ? `: ${view.closedAs.toLowerCase().replaceAll("_", " ")}` : ""}`;
  if (view.unconfirmed) return "NOT CONFIRMED: USE RADIO / CALL 911";
  if (view.cancel === "ASKED") return "CANCEL ASKED: open until a dispatcher confirms";
  return stateWords(view, now);
}

/**
 * @param {View} view
 * @param {number} now
 */
function stateWords(view, now) {
  if (view.state === "SENDING") return "SENDING…";
  if (view.state === "RECEIVED") return "RECEIVED, not seen yet";
  if (view.state === "SEEN") return view.seenBy ? `SEEN BY ${view.seenBy}` : "SEEN by a dispatcher";
  if (view.state === "POLICE_ARRIVED") return `${service(view).toUpperCase()} ARRIVED`;
  return `${service(view).toUpperCase()} SENT${view.police ? `: ${due(view, now)}` : ""}`;
}

/** @param {View} view */
const still = (view) => `Still trying: ${view.tries} ${view.tries === 1 ? "try" : "tries"}.`;

/**
 * @param {View} view
 * @param {number} now
 */
function steps(view, now) {
  const order = ["SENDING", "RECEIVED", "SEEN", "POLICE_SENT"];
  const at = view.state === "POLICE_ARRIVED" ? 3 : order.indexOf(view.state);
  /** @type {[string, string][]} */
  const all = [
    [at === 0 ? "Sending" : "Sent", `${view.tries} ${view.tries === 1 ? "try" : "tries"}`],
    ["Received", "by the server"],
    ["Seen", at >= 2 && view.seenBy ? view.seenBy : "by a dispatcher"],
    [view.state === "POLICE_ARRIVED" ? `${service(view)} arrived` : `${service(view)} sent`, at >= 3 ? due(view, now) || "on the way" : "unit, arrival"],
  ];
  return h(
    "ol",
    { class: "backup-steps", "aria-label": "How far it is" },
    all.map(([name, more], i) => h("li", { class: i === at ? "now" : i < at ? "done" : "", "aria-current": i === at ? "step" : null }, h("b", null, i < at || (i === at && i > 0) ? `✓ ${name}` : name), h("small", null, more))),
  );
}

/** @param {View} view */
function where({ position }) {
  return position ? `Your position, within ${extent(position.accuracy)}, is in the message.` : "Your position is not known: say where you are.";
}

/** What is wrong with it beside the state, gravest first. @param {View} view */
function troubles(view) {
  return [
    view.keyWrong && "The server does not know this tablet's key, so this may never arrive. USE RADIO / CALL 911.",
    view.consoles === 0 && isOpen(view) && "No dispatcher's screen is open. USE RADIO / CALL 911.",
    view.stale && `No answer for ${age(view.heard ?? 0)}: what stands here is as old. Use radio. ${still(view)}`,
    !view.durable && view.state === "SENDING" && "Keep this page open: this browser keeps nothing.",
  ].filter((words) => typeof words === "string");
}

/**
 * The red screen. The corner of the button stays free.
 * @param {View} view
 * @param {Showing} showing
 * @param {Acts} acts
 * @returns {VNode}
 */
export function redScreen(view, showing, acts) {
  return h(
    "section",
    { class: "backup-red", key: `red ${view.key}`, role: "alertdialog", "aria-labelledby": "backup-red-title", "aria-describedby": "backup-red-say" },
    h(
      "div",
      { class: "backup-red-text" },
      view.drill && h("p", { class: "backup-test" }, "TEST"),
      h("h1", { id: "backup-red-title" }, h("span", null, "NOT CONFIRMED"), h("span", null, "USE RADIO\u00a0/ CALL 911")),
      h("p", { id: "backup-red-say" }, h("b", null, `${service(view)} backup pressed ${age(view.age)} ago. ${still(view)}`)),
      h("p", null, where(view)),
      view.keyWrong && h("p", null, "The server does not know this tablet's key, so this may never arrive."),
      h("p", null, NO_REPLACEMENT),
    ),
    h(
      "div",
      { class: "backup-red-foot" },
      steps(view, showing.now),
      h("div", { class: "backup-red-tools" }, h("button", { class: "btn", type: "button", onclick: () => acts.behind(view.key) }, "Show the app"), h("button", { class: "btn", type: "button", onclick: () => (acts.behind(view.key), acts.cancel(view.key)) }, "Cancel…")),
    ),
  );
}

/**
 * How far a loud request is, over the whole width; small or with everything that can be asked.
 * @param {View} view
 * @param {Showing} showing
 * @param {Acts} acts
 * @returns {VNode}
 */
export function band(view, showing, acts) {
  const small = showing.small.has(view.key) || !isOpen(view);
  const bad = troubles(view);
  const look = view.unconfirmed || bad.length ? "bad" : view.state === "SENDING" || view.state === "RECEIVED" || view.cancel === "ASKED" ? "open" : view.state === "SEEN" ? "seen" : "good";
  const cancelling = showing.cancelling === view.key;
  return h(
    "section",
    { class: `backup-band ${isOpen(view) ? look : "over"}`, key: `band ${view.key}`, "aria-label": "Your request for backup" },
    h(
      "div",
      { class: "backup-head" },
      icon(isOpen(view) ? { bad: "error_outline", open: "hourglass_empty", seen: "visibility", good: view.service === "EMS" ? "local_hospital" : "local_police" }[look] : "check"),
      h(
        "div",
        { class: "backup-say" },
        h("b", { role: "status" }, view.drill && h("em", { class: "backup-test" }, "TEST"), headline(view, showing.now)),
        h("span", null, [view.cancel === "ASKED" && isOpen(view) && !view.unconfirmed ? stateWords(view, showing.now) : "", LEVEL_WORDS[view.level], service(view), `pressed ${age(view.age)} ago`, view.again ? `pressed again ${view.again === 1 ? "once" : `${view.again} times`}` : "", view.unconfirmed ? still(view) : "", view.cancel === "SENDING" ? "asking to cancel…" : ""].filter(Boolean).join(" · ")),
      ),
      isOpen(view)
        ? h("button", { class: "btn", type: "button", onclick: () => acts.fold(view.key), "aria-expanded": String(!small) }, small ? "More" : "Less")
        : h("button", { class: "btn", type: "button", onclick: () => acts.dismiss(view.key) }, "OK"),
    ),
    bad.map((words) => h("p", { class: "backup-bad", role: "alert" }, words)),
    !small && steps(view, showing.now),
    !small && (cancelling ? cancelView(showing, acts) : asks(view, acts)),
    isOpen(view) && h("p", { class: "backup-note" }, `${view.position || small ? "" : `${where(view)} `}${NO_REPLACEMENT}`),
  );
}

/**
 * What can be asked beside it. Less than an emergency is the dispatcher's to grant, and shown as asked until then.
 * @param {View} view
 * @param {Acts} acts
 */
function asks(view, acts) {
  /** @param {Level} level @param {string} words */
  const level = (level, words) =>
    h("button", { class: "btn", type: "button", "aria-pressed": String(view.level === level || view.asked === level), onclick: () => acts.level(view.key, level) }, h("span", null, words), view.asked === level && h("small", null, "asked: the desk decides"), view.level === level && h("small", null, "✓ now"));
  return h(
    "div",
    { class: "backup-asks", role: "group", "aria-label": "What to ask for" },
    level("EMERGENCY", "Emergency"),
    level("URGENT", "Urgent"),
    level("NON_URGENT", "Not urgent"),
    view.service !== "EMS" && h("button", { class: "btn", type: "button", onclick: () => acts.ems(view.key) }, "EMS too"),
    view.cancel === "" && h("button", { class: "btn", type: "button", onclick: () => acts.cancel(view.key) }, "Cancel…"),
  );
}

/**
 * @param {Showing} showing
 * @param {Acts} acts
 */
function cancelView(showing, acts) {
  return h(
    "div",
    { class: "backup-asks", role: "group", "aria-label": "Why cancel" },
    REASONS.map((reason) => h("button", { class: "btn choice", type: "button", "aria-pressed": String(showing.reason === reason), onclick: () => acts.reason(reason) }, reason)),
    h("button", { class: "btn next", type: "button", disabled: !showing.reason, onclick: acts.cancelSure }, "Ask to cancel"),
    h("button", { class: "btn", type: "button", onclick: acts.cancelNot }, "Keep it open"),
  );
}

/**
 * A silent request in words, after somebody tapped its mark: nothing red, nothing large.
 * @param {View} view
 * @param {Showing} showing
 * @param {Acts} acts
 */
export function quietWords(view, showing, acts) {
  return h(
    "section",
    { class: "backup-words", key: `quiet ${view.key}`, "aria-label": "Silent" },
    h("p", null, h("b", null, `${view.drill ? "TEST · " : ""}${headline(view, showing.now)}`), h("span", null, `${age(view.age)} ago · ${LEVEL_WORDS[view.level]}${view.unconfirmed || view.stale ? ` · ${still(view)}` : ""}`)),
    troubles(view).map((words) => h("p", null, words)),
    showing.cancelling === view.key ? cancelView(showing, acts) : h("div", { class: "backup-asks" }, view.cancel === "" && isOpen(view) && h("button", { class: "btn", type: "button", onclick: () => acts.cancel(view.key) }, "Cancel…"), h("button", { class: "btn", type: "button", onclick: acts.quiet }, "Close")),
    h("p", null, NO_REPLACEMENT),
  );
}

/**
 * What another crew asked for, or this one by another way.
 * @param {Other} other
 * @param {Showing} showing
 * @param {Acts} acts
 * @returns {VNode}
 */
export function otherBand(other, showing, acts) {
  const small = showing.small.has(other.press);
  const what = SERVICE_WORDS[other.service] === "EMS" ? "EMS" : "POLICE";
  return h(
    "section",
    { class: `backup-band other ${small ? "small" : ""}`, key: `other ${other.press}`, "aria-label": `${other.who} asked for backup` },
    h(
      "div",
      { class: "backup-head" },
      icon("campaign"),
      h(
        "div",
        { class: "backup-say" },
        h("b", { role: small ? null : "alert" }, other.drill && h("em", { class: "backup-test" }, "TEST"), `${other.own ? "YOUR UNIT" : other.who} ASKED FOR ${what}${other.own ? ` ${ORIGIN_WORDS[other.origin] ?? ""}` : ""}`),
        h("span", null, [`${age(other.age)} ago`, other.away, other.level === "EMERGENCY" ? "" : LEVEL_WORDS[other.level], other.told, other.own ? "" : "Stay clear unless sent"].filter(Boolean).join(" · ")),
      ),
      !small && h("button", { class: "btn", type: "button", onclick: () => acts.fold(other.press) }, "Read"),
    ),
  );
}
