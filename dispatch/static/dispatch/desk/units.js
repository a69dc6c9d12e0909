// The right of the desk: units by status, with the age of what is known of each.

import { miles } from "../../tablets/places.js";
import { age, clock } from "../../tablets/times.js";
import { radio } from "./commands.js";
import { byId, el, icon, keyed, setText } from "./dom.js";
import { farFromCall, ms, ringing, say, welfare } from "./model.js";
import { agency, batteries, calls, contacts, facts, one, positions, units } from "./store.js";

/** @typedef {import("./model.js").Doc} Doc */

const words = facts.words;
// Units with an alarm first, then free ones, then those on a call, then the others; within, by call sign.
const GROUPS = ["AVAILABLE", "ASSIGNED", "ACKNOWLEDGED", "EN_ROUTE", "STAGED", "ON_SCENE", "TRANSPORTING", "AT_DESTINATION", "REPORT", "MEAL", "OUT_OF_SERVICE", "OUTSIDE", "OFF_SHIFT"];
const TONES = /** @type {Record<string, string>} */ ({
  AVAILABLE: "free", REPORT: "off", MEAL: "off", OUT_OF_SERVICE: "off", OFF_SHIFT: "away", OUTSIDE: "away", ASSIGNED: "late",
});
// A tablet of a crew on shift that was not heard of for this long has no signal.
const SILENT_MS = 60_000;
// With less than this, in percent, a tablet will soon be heard of no more.
const LOW_BATTERY = 20;
// A position older than this says where a unit was.
const STALE_MS = 120_000;

/** @type {(call: string) => void} */
let onOpen = () => {};
/** @type {string | null} */
let chosen = null;

/** @param {{open: (call: string) => void}} tells */
export function begin({ open }) {
  onOpen = open;
}

/**
 * @param {Doc} unit
 * @param {Map<string, string>} silent
 */
function group(unit, silent) {
  if (silent.has(unit.id)) return -1;
  const status = unit["status"];
  // Short of crew it is no free unit, whatever it says of itself.
  if (unit["call"] === null && unit["crew"] > 0 && unit["crew"] < unit["crew_minimum"]) return GROUPS.indexOf("REPORT");
  return GROUPS.indexOf(status) === 0 ? 0 : unit["call"] !== null ? 1 : GROUPS.indexOf(status);
}

/** Draw the units as they are now. */
export function draw() {
  const now = clock.now();
  const alarms = ringing(calls(), now);
  const silent = new Map(alarms.map((alarm) => [String(alarm.assignment?.["unit"]), alarm.kind]));
  const rows = units().sort((a, b) => group(a, silent) - group(b, silent));
  const on = rows.filter((unit) => !["OFF_SHIFT", "OUTSIDE"].includes(unit["status"]));
  setText(byId("units-side"), `${on.filter((unit) => unit["status"] === "AVAILABLE" && unit["crew"] >= unit["crew_minimum"]).length} free of ${on.length} on shift`);
  keyed(byId("units-rows"), rows.filter((unit) => !unit["outside"]), (unit) => unit.id, make, (node, unit) => update(node, unit, now, silent));
  byId("units-none").hidden = rows.length > 0;
}

/** @returns {HTMLElement} */
function make() {
  const row = el(
    "li",
    { class: "u" },
    el("button", { type: "button", class: "u-main", "data-focus": "unit" }, el("b"), el("span", { class: "s" }, el("i", { class: "dot" }), el("span")), el("span", { class: "u-age" }), el("small")),
    el("button", { type: "button", class: "u-radio", title: "By radio", "aria-label": "By radio" }, icon("rss_feed")),
  );
  row.addEventListener("click", (event) => {
    const unit = one("unit", row.dataset["key"]);
    if (!unit) return;
    chosen = unit.id;
    const asked = event.target instanceof Element && event.target.closest(".u-radio");
    if (asked) void radio(unit);
    else if (unit["call"] !== null) onOpen(String(unit["call"]));
    document.dispatchEvent(new CustomEvent("care-show-unit", { detail: unit.id }));
    draw();
  });
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {Doc} unit
 * @param {number} now
 * @param {Map<string, string>} silent
 */
function update(row, unit, now, silent) {
  const [main, radioButton] = /** @type {HTMLElement[]} */ ([...row.children]);
  const [sign, state, since, more] = /** @type {HTMLElement[]} */ ([...(main?.children ?? [])]);
  if (!sign || !state || !since || !more || !radioButton) return;
  const call = one("call", unit["call"]);
  const assignment = call?.["assignments"].find((/** @type {Doc} */ one) => String(one["unit"]) === unit.id);
  const seen = contacts.get(unit.id);
  const quiet = unit["crew"] > 0 && seen !== undefined && now - ms(seen) > SILENT_MS;
  setText(sign, unit["call_sign"]);
  let { label, tone } = { label: say(words.statuses, unit["status"]), tone: TONES[unit["status"]] ?? "busy" };
  if (assignment && unit["status"] === "ASSIGNED") {
    label = silent.has(unit.id) ? (assignment["delivered_at"] ? "Not acknowledged" : "Not delivered") : assignment["delivered_at"] ? "Tablet rings" : "Sending";
    tone = silent.has(unit.id) ? "late" : "busy";
  } else if (assignment?.["origin"] === "ON_VIEW" && unit["status"] === "ON_SCENE") label = "On-view";
  if (unit["crew"] > 0 && unit["crew"] < unit["crew_minimum"] && !call) {
    label = `${unit["crew"]} of ${unit["crew_minimum"]} on board`;
    tone = "late";
  }
  setText(/** @type {Element} */ (state.lastElementChild), label);
  state.firstElementChild?.setAttribute("class", `dot ${tone}`);
  setText(since, unit["since"] ? age(now - ms(unit["since"])) : "");
  since.title = unit["since"] ? new Date(ms(unit["since"])).toLocaleTimeString() : "";
  const place = positions.get(unit.id);
  const parts = [];
  if (call) parts.push(`${call["type"]["label"]}, ${call["address"]}`);
  const crew = welfare(assignment, agency(), now);
  const distance = farFromCall(assignment, call, place, agency());
  const battery = batteries.get(unit.id);
  const low = unit["crew"] > 0 && battery !== undefined && battery < LOW_BATTERY;
  if (crew) parts.unshift(crew.asked ? "BACKUP ASKED FOR: no sign of the crew" : crew.state === "running" ? `check-in in ${age(crew.left)}` : `NO SIGN for ${age(-crew.left)}`);
  if (distance !== null) parts.push(`${miles(distance)} from the call`);
  if (low) parts.push(`battery ${battery} %`);
  if (assignment?.["hand_back_asked_at"]) parts.push("asks to hand it back");
  if (unit["status"] === "OUT_OF_SERVICE") parts.push(unit["duty_reason"]);
  if (unit["status"] === "MEAL") parts.push("may be interrupted");
  if (quiet) parts.push(`no signal for ${age(now - ms(seen))}`);
  else if (place && unit["crew"] > 0) parts.push(`position ${age(now - ms(place.at))} old`);
  if (!call && unit["crew"] > 0 && !quiet && !place) parts.push("no position yet");
  setText(more, parts.join(" · "));
  more.classList.toggle("old", quiet || low || distance !== null || (crew !== null && crew.state !== "running") || (place !== undefined && now - ms(place.at) > STALE_MS));
  row.classList.toggle("sel", chosen === unit.id);
  row.classList.toggle("away", tone === "away");
  radioButton.hidden = unit["crew"] === 0;
}

/** @returns {Doc | undefined} the unit that keys act on: the chosen one, or that of the open call */
export function selected() {
  return one("unit", chosen);
}
