// The 911 desk: puts its parts together, and moves with the clock.

import { clock } from "../../tablets/times.js";
import * as backup from "../backup/alarm.js";
import * as alarms from "./alarms.js";
import * as commands from "./commands.js";
import * as detail from "./detail.js";
import { byId, setText } from "./dom.js";
import * as intake from "./intake.js";
import * as keys from "./keys.js";
import * as map from "./map.js";
import { opening } from "./model.js";
import * as queues from "./queues.js";
import * as session from "./session.js";
import { areas, onBackup, one, onLineState, policy, positions, replica, start, units as allUnits, zone } from "./store.js";
import * as units from "./units.js";

const TICK_MS = 1_000;
let waiting = false;

/**
 * @param {import("./model.js").Doc} call
 * @param {string} part
 */
function open(call, part) {
  showLeft(call.id);
  detail.reveal(part);
}

/** @param {string} call */
function openId(call) {
  if (!one("call", call)) return;
  queues.select(call);
  showLeft(call);
}

/** @param {string | null} call null: the new call */
function showLeft(call) {
  byId("intake").hidden = call !== null;
  byId("detail").hidden = call === null;
  const draft = intake.summary();
  const back = byId("back");
  setText(back.querySelector("span"), draft ? `New call: ${draft}` : "New call");
  back.classList.toggle("draft", draft !== "");
  detail.show(call);
}

function draw() {
  waiting = false;
  queues.draw();
  units.draw();
  alarms.draw();
  detail.draw();
  map.draw();
  intake.draw();
  session.draw();
  top();
}

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(draw);
}

function top() {
  const now = clock.now();
  const hours = opening(areas(), zone(), now);
  setText(byId("hours"), areas().length ? hours.words : "");
  byId("hours").classList.toggle("bad", areas().length > 0 && hours.open.length === 0);
  byId("hours").title = hours.shut.length ? `Closed: ${hours.shut.map((area) => area["name"]).join(", ")}` : "";
  const debriefs = commands.openDebriefs().length;
  byId("debriefs").hidden = debriefs === 0;
  setText(byId("debriefs-count"), debriefs === 1 ? "1 debrief" : `${debriefs} debriefs`);
  const inForce = policy();
  setText(byId("policy"), inForce ? inForce["name"] : "");
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone(), hour: "2-digit", minute: "2-digit", second: "2-digit" });
  setText(byId("clock"), parts.format(clock.now()));
}

/**
 * @param {(call: import("./model.js").Doc) => unknown} run
 * @returns {() => boolean}
 */
function onCall(run) {
  return () => {
    const call = (detail.openCall() !== null ? one("call", detail.openCall()) : undefined) ?? queues.selected();
    if (!call) return false;
    void run(call);
    return true;
  };
}

function radio() {
  const call = one("call", detail.openCall());
  const unit = one("unit", call?.["assignments"][0]?.["unit"]) ?? units.selected();
  if (!unit) return false;
  void commands.radio(unit);
  return true;
}

function radioBackup() {
  const call = one("call", detail.openCall());
  const unit = one("unit", call?.["assignments"][0]?.["unit"]) ?? units.selected();
  if (!unit) return false;
  void commands.radioBackup(unit, "");
  return true;
}

function bindKeys() {
  keys.bind("Backup", "F2 Space", "I see it: a request for backup, from anywhere", () => false);
  keys.bind("Backup", "Shift+F2", "quiet, until it rings again", () => false);
  keys.bind("Backup", "Alt+r", "a crew asks for backup on the radio", radioBackup);
  keys.bind("Backup", "Alt+r", "", radioBackup, { typing: true });
  keys.bind("Alarms", "Space F2", "see the first alarm (F2 while you type)", () => alarms.acknowledgeFirst());
  keys.bind("Alarms", "F2", "", () => alarms.acknowledgeFirst(), { typing: true });
  keys.bind("Alarms", "m", "sound off, sound on", () => alarms.mute());
  keys.bind("New call", "n Alt+n", "new call", () => newCall());
  keys.bind("New call", "Alt+n", "", () => newCall(), { typing: true });
  for (const [letter, name, words] of /** @type {[string, "where" | "what" | "says" | "place" | "phone", string][]} */ ([
    ["l", "where", "where"], ["t", "what", "what"], ["c", "says", "what the caller says"], ["k", "place", "kind of place"], ["p", "phone", "phone"],
  ])) {
    const go = () => {
      showLeft(null);
      intake.focusField(name);
    };
    keys.bind("New call", `${letter} Alt+${letter}`, words, go);
    keys.bind("New call", `Alt+${letter}`, "", go, { typing: true });
  }
  keys.bind("New call", "g Alt+g", "pick the place on the map", () => {
    showLeft(null);
    intake.pickPlace();
  });
  keys.bind("New call", "Alt+g", "", () => intake.pickPlace(), { typing: true });
  for (const digit of [1, 2, 3, 4]) {
    const go = () => {
      if (detail.openCall() === null) intake.focusAnswer(digit);
      else /** @type {HTMLElement | null} */ (document.querySelectorAll("#detail-answers .ans")[digit - 1]?.querySelector("button"))?.focus();
    };
    keys.bind("New call", `${digit} Alt+${digit}`, `question ${digit}; then Y, N, U (unknown), R (not relevant)`, go);
    keys.bind("New call", `Alt+${digit}`, "", go, { typing: true });
  }
  keys.bind("New call", "Enter", "send the nearest fitting unit (Shift+Enter: a new line)", () => false);
  keys.bind("New call", "Ctrl+Enter", "queue it", () => false);
  keys.bind("Queues", "ArrowDown j", "next call", () => queues.move(1));
  keys.bind("Queues", "ArrowUp", "call before", () => queues.move(-1));
  keys.bind("Queues", "Enter", "open it", () => {
    const call = queues.selected();
    if (!call) return false;
    open(call, "");
    return true;
  });
  keys.bind("Queues", ".", "show what is new", () => queues.showFresh());
  keys.bind("Queues", "d", "do what its button says", () => void queues.actOnSelected());
  keys.bind("Call", "s", "send a unit", onCall(commands.send));
  keys.bind("Call", "o", "offer to CARE, or withdraw", onCall(commands.offer));
  keys.bind("Call", "a", "add a note", onCall(commands.note));
  keys.bind("Call", "v", "overrule the policy", onCall(commands.overrule));
  keys.bind("Call", "e", "change", onCall(commands.change));
  keys.bind("Call", "h", "outside unit: attach, release", onCall(commands.outside));
  keys.bind("Call", "x", "cancel", onCall(commands.cancel));
  keys.bind("Call", "r", "by radio, for its unit", radio);
  keys.bind("Page", "Escape", "back to the new call", () => {
    if (document.activeElement instanceof HTMLElement && document.activeElement !== document.body) document.activeElement.blur();
    showLeft(null);
  }, { typing: true });
  keys.bind("Page", "u", "units", () => /** @type {HTMLElement | null} */ (document.querySelector("#units-rows .u-main"))?.focus());
  keys.bind("Page", "w", "comment on a debrief", () => void commands.debrief());
  keys.bind("Page", "0", "the whole map", () => map.home());
  keys.bind("Page", "b", "day, night", () => void document.dispatchEvent(new CustomEvent("care-change-theme")));
  keys.bind("Page", "?", "all keys", () => keys.help());
}

function newCall() {
  showLeft(null);
  intake.focusNew();
}

// First: whatever else of the page fails, this is up.
backup.begin({
  kind: "DESK",
  areas: () => areas().map((area) => ({ id: area.id, name: area["name"], polygon: area["polygon"] })),
  units: () => allUnits().flatMap((unit) => {
    const place = positions.get(unit.id);
    return place && unit["status"] !== "OFF_SHIFT" ? [{ call_sign: String(unit["call_sign"]), point: place.point, at: place.at }] : [];
  }),
});
onBackup(backup.wake);
map.begin({ open: openId });
intake.begin();
queues.begin({ choose: (call) => map.choose(call), open });
units.begin({ open: openId });
alarms.begin({ open: openId });
bindKeys();
keys.begin();
byId("back").addEventListener("click", newCall);
byId("debriefs").addEventListener("click", () => void commands.debrief());
byId("help-open").addEventListener("click", () => keys.help());
replica.listen(soon);
onLineState(soon);
session.begin();
setInterval(draw, TICK_MS);
start();
draw();
