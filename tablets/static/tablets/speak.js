/**
 * Reading a call aloud to who is driving.
 */

import { DISQUALIFIERS, wordsOf } from "./words.js";

/** Whether this device can speak. */
export function canSpeak() {
  return "speechSynthesis" in window;
}

/** Whether it is speaking now. */
export function isSpeaking() {
  return canSpeak() && speechSynthesis.speaking;
}

/** Be quiet. */
export function hush() {
  if (canSpeak()) speechSynthesis.cancel();
}

/**
 * Read a call aloud, what matters at the door first.
 * @param {import("./wire.js").OwnCall} call
 * @param {string} away
 * @param {() => void} onEnd
 */
export function speak(call, away, onEnd) {
  hush();
  const utterance = new SpeechSynthesisUtterance(sentences(call, away).join(" "));
  utterance.lang = "en-US";
  utterance.rate = 0.95;
  utterance.onend = utterance.onerror = onEnd;
  speechSynthesis.speak(utterance);
}

/**
 * What is read, sentence by sentence.
 * @param {import("./wire.js").OwnCall} call
 * @param {string} away
 * @returns {string[]}
 */
export function sentences(call, away) {
  const lines = [`${call.type.label}, priority ${call.priority}.`, `${call.address}${away ? `, ${spokenAway(away)}` : ""}.`];
  for (const caution of call.cautions) lines.push(`Caution: ${caution.text}.`);
  for (const [code, , , yes, unknown] of DISQUALIFIERS) {
    const value = call.answers[code];
    if (value === "YES") lines.push(`${yes}.`);
    else if (value !== "NO" && value !== "NOT_RELEVANT") lines.push(`${unknown}.`);
  }
  if (call.response !== "CARE") lines.push(`${wordsOf(call.response).replace("+", "and")}.`);
  if (call.narrative) lines.push(call.narrative);
  return lines;
}

/** @param {string} away */
function spokenAway(away) {
  /** @type {Record<string, string>} */
  const winds = { N: "north", NE: "north-east", E: "east", SE: "south-east", S: "south", SW: "south-west", W: "west", NW: "north-west" };
  return away.replace(/ mi\b/, " miles").replace(/ ft\b/, " feet").replace(/ ([NS]?[EW]?)$/, (_, wind) => ` ${winds[wind] ?? wind}`);
}
