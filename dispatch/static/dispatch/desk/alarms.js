// What the desk must not miss: a strip over everything, rung once per alarm, computed from due_at by the page's own
// corrected clock. What the page no longer hears of, it says as well.

import { age, clock } from "../../tablets/times.js";
import { does, radio, reassign, reassignable } from "./commands.js";
import { byId, el, icon, key, keyed, setText } from "./dom.js";
import { alarmWords, cad, grouped, ringing } from "./model.js";
import { agency, calls, feed, lineState, one } from "./store.js";

/** @typedef {ReturnType<typeof ringing>[number] & {all: string[]}} Ringing */

const MUTE = "care-desk-muted";
// A line that is not live for shorter than this is a blink.
const BLINK_MS = 4_000;

/** @type {Set<string>} */
const rung = new Set();
/** Seen by this dispatcher before the server has answered. @type {Set<string>} */
const seen = new Set();
/** @type {Ringing[]} */
let now = [];
/** @type {AudioContext | null} */
let audio = null;
let muted = read();
/** @type {(call: string) => void} */
let onOpen = () => {};

/** @param {{open: (call: string) => void}} tells */
export function begin({ open }) {
  onOpen = open;
  byId("mute").addEventListener("click", mute);
  // A browser plays no sound before somebody has touched the page.
  const unlock = () => {
    audio ??= new AudioContext();
    void audio.resume().then(showSound);
  };
  addEventListener("pointerdown", unlock, { capture: true });
  addEventListener("keydown", unlock, { capture: true });
  showSound();
}

/** Turn the sound off or on. */
export function mute() {
  muted = !muted;
  try {
    localStorage.setItem(MUTE, muted ? "1" : "");
  } catch {
    // not kept
  }
  showSound();
}

function read() {
  try {
    return localStorage.getItem(MUTE) === "1";
  } catch {
    return false;
  }
}

function showSound() {
  const button = byId("mute");
  const asleep = !muted && (audio === null || audio.state !== "running");
  const text = muted ? "Sound OFF" : asleep ? "Sound waits for a key" : "Sound on";
  button.classList.toggle("loud", muted || asleep);
  button.setAttribute("aria-pressed", String(muted));
  setText(button.querySelector("span"), text);
  button.querySelector("use").setAttribute("href", `/static/uswds/img/sprite.svg#${muted ? "volume_off" : "notifications_active"}`);
}

function ring() {
  if (muted || audio === null || audio.state !== "running") return;
  const start = audio.currentTime;
  for (const [at, pitch] of /** @type {[number, number][]} */ ([[0, 880], [0.18, 660], [0.36, 880]])) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = "triangle";
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start + at);
    volume.gain.exponentialRampToValueAtTime(0.35, start + at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + at + 0.16);
    tone.connect(volume).connect(audio.destination);
    tone.start(start + at);
    tone.stop(start + at + 0.17);
  }
}

/** Draw the alarms and the state of the two links. */
export function draw() {
  const instant = clock.now();
  now = grouped(ringing(calls(), instant).filter((alarm) => !seen.has(alarm.id)));
  const fresh = now.filter((alarm) => !rung.has(alarm.id));
  if (fresh.length > 0) {
    for (const alarm of fresh) rung.add(alarm.id);
    ring();
    const first = fresh[0];
    if (first) setText(byId("alarm-read"), `Alarm: ${alarmWords(first).title}`);
  }
  const strip = byId("alarms");
  strip.hidden = now.length === 0;
  keyed(byId("alarms-rows"), now.slice(0, 3), (alarm) => alarm.id, make, (node, alarm) => update(node, alarm, instant));
  const more = byId("alarms-more");
  more.hidden = now.length <= 3;
  setText(more, `and ${now.length - 3} more`);
  // A request for backup has the title while it rings.
  if (!document.body.classList.contains("bk-title")) document.title = now.length > 0 ? `(${now.length}) ALARM · 911 desk` : "911 desk · CARE Field";
  links(instant);
}

/**
 * @param {Ringing} alarm
 * @returns {HTMLElement}
 */
function make(alarm) {
  return el(
    "li",
    { class: "alarm" },
    icon("error"),
    el("button", { type: "button", class: "alarm-what", click: () => onOpen(alarm.call.id) }, el("b"), el("span")),
    el("span", { class: "alarm-age" }),
    el("button", { type: "button", class: "button alarm-other", hidden: true, click: () => again(alarm.id) }, "Reassign… "),
    el("button", { type: "button", class: "button alarm-radio", hidden: true, click: () => radioCheck(alarm.id) }, icon("rss_feed"), "Radio check"),
    el("button", { type: "button", class: "button alarm-see", click: () => acknowledge(alarm.id) }, "I see it ", key("Space")),
  );
}

/**
 * @param {HTMLElement} node
 * @param {Ringing} alarm
 * @param {number} instant
 */
function update(node, alarm, instant) {
  const said = alarmWords(alarm);
  const what = node.querySelector(".alarm-what");
  if (!what?.firstElementChild || !what.lastElementChild) return;
  setText(what.firstElementChild, said.title);
  setText(what.lastElementChild, said.next);
  setText(/** @type {Element} */ (node.querySelector(".alarm-age")), age(instant - alarm.due));
  const other = /** @type {HTMLElement} */ (node.querySelector(".alarm-other"));
  other.hidden = !alarm.assignment || alarm.assignment["acknowledged_at"] !== null || !reassignable(alarm.assignment).may;
  /** @type {HTMLElement} */ (node.querySelector(".alarm-radio")).hidden = alarm.kind !== "WELFARE_MISSED";
  const cap = node.querySelector(".alarm-see kbd");
  if (cap instanceof HTMLElement) cap.hidden = now[0]?.id !== alarm.id;
}

/** @param {string} id */
async function again(id) {
  const alarm = now.find((one) => one.id === id);
  if (alarm?.assignment) await reassign(alarm.call, alarm.assignment);
}

/** @param {string} id */
async function radioCheck(id) {
  const unit = one("unit", now.find((alarm) => alarm.id === id)?.assignment?.["unit"]);
  if (unit) await radio(unit);
}

/** @param {string} id */
async function acknowledge(id) {
  const all = now.find((one) => one.id === id)?.all ?? [id];
  for (const one of all) seen.add(one);
  draw();
  for (const one of all) {
    // What the server did not take rings on.
    if ((await does("alarm.acknowledge", { alarm: Number(one) }, "")) === null) {
      seen.delete(one);
      rung.delete(one);
      draw();
    }
  }
}

/** @returns {boolean} whether there was one to see */
export function acknowledgeFirst() {
  const first = now[0];
  if (!first) return false;
  void acknowledge(first.id);
  return true;
}

/** @param {number} instant */
function links(instant) {
  const name = lineState.name;
  const lost = Date.now() - lineState.since;
  const dot = byId("line");
  dot.className = `line ${name}`;
  setText(byId("line-words"), name === "live" ? "Live" : name === "polling" ? "Slow: asking every few seconds" : `Offline ${age(lost)}`);
  const link = cad(agency(), feed(), instant);
  const cadWords = byId("cad");
  cadWords.hidden = !link.known;
  setText(cadWords, link.age === Infinity ? "CAD never heard" : `CAD ${age(link.age)}`);
  cadWords.classList.toggle("bad", link.down);
  const off = name === "offline" && lost > BLINK_MS;
  const banner = byId("links");
  banner.hidden = !off && !link.down;
  const [head, text] = banner.querySelectorAll("b, span");
  if (off) {
    setText(head, "THIS PAGE IS OFFLINE");
    setText(text, `Nothing on it is newer than ${age(lost)}. Use the radio. It goes on by itself when the line is back.`);
  } else if (link.down) {
    setText(head, "CAD LINK DOWN");
    setText(text, `Nothing heard for ${link.age === Infinity ? "this whole session" : age(link.age)}. Taking calls from police is off. Ages of calls go on counting.`);
  }
}
