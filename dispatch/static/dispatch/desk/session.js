// How long this sign-in lasts without a gesture, and the warning before it ends. What the page asks by itself does not
// count, so gestures are told to the server: at most one a minute.

import { age, clock } from "../../tablets/times.js";
import { byId, setText } from "./dom.js";
import { fetchJson, fetchQuietly } from "./store.js";

const TELL_MS = 60_000;
const WARN_MS = 3 * 60_000;

let told = 0;
/** @type {number | null} */
let ends = null;

/** Begin to watch. */
export function begin() {
  for (const gesture of ["pointerdown", "keydown", "wheel"]) addEventListener(gesture, touched, { capture: true, passive: true });
  void ask(fetchQuietly, undefined);
}

function touched() {
  if (Date.now() - told < TELL_MS) return;
  told = Date.now();
  void ask(fetchJson, {});
}

/**
 * @param {import("../../tablets/http.js").FetchJson} fetcher
 * @param {object | undefined} body
 */
async function ask(fetcher, body) {
  try {
    const answer = await fetcher("/api/session/", body);
    ends = answer.ends_at ? Date.parse(answer.ends_at) : null;
  } catch {
    told = 0; // the next gesture tries again
  }
}

/** Draw the warning when it is due. */
export function draw() {
  const left = ends === null ? Infinity : ends - clock.now();
  const warning = byId("session");
  warning.hidden = left > WARN_MS;
  if (left <= WARN_MS) setText(warning, left > 0 ? `This page signs you out in ${age(left)}. Touch any key to stay.` : "Your sign-in has ended. Sign in again.");
}
