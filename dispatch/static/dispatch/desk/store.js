// What the page holds and what it can do: documents over the live line, positions, and actions through the REST door.

import { NoAnswer, jsonFetcher } from "../../tablets/http.js";
import { Line } from "../../tablets/line.js";
import { Replica } from "../../tablets/replica.js";
import { clock } from "../../tablets/times.js";
import { byId } from "./dom.js";

/** @typedef {import("./model.js").Doc} Doc */
/** @typedef {import("./model.js").Words} Words */
/** @typedef {import("./model.js").Point} Point */

const POSITIONS_MS = 5_000;
// How long an action that got no answer is tried again, with the same id, before a person is told.
const TRY_MS = 20_000;

/**
 * @type {{agency: number, me: {id: number, name: string, roles: string[]}, people: Record<string, string>,
 *   tablets: Record<string, string>, words: Words, demo: boolean, center: Point}}
 */
export const facts = JSON.parse(byId("desk-facts").textContent);

/** @type {string} */
const csrf = byId("csrf").content;

export const replica = new Replica();
export const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
// What the page asks by itself does not keep a session alive: only gestures do (CJIS AC-11).
export const fetchQuietly = jsonFetcher({ headers: { "X-CSRFToken": csrf, "X-Background": "1" } });
/** @type {Map<string, {point: Point, at: string, accuracy_m: number | null}>} */
export const positions = new Map();
/** @type {Map<string, string>} when a tablet of a unit was last heard of */
export const contacts = new Map();
/** @type {Map<string, number>} how full the battery of a unit's tablet was when it was last heard of, in percent; the emptiest */
export const batteries = new Map();

const desk = `desk.${facts.agency}`;
const reference = `reference.${facts.agency}`;

/**
 * Everything of a collection, each body with its id.
 *
 * @param {string} collection
 * @param {string} [stream]
 * @returns {Doc[]}
 */
export function all(collection, stream = desk) {
  return replica.all(collection, stream).map((held) => ({ ...held.body, id: held.id }));
}

/**
 * @param {string} collection
 * @param {string | number | null | undefined} id
 * @returns {Doc | undefined}
 */
export function one(collection, id) {
  if (id === null || id === undefined) return undefined;
  const body = replica.get(collection, String(id), desk);
  return body ? { ...body, id: String(id) } : undefined;
}

/** @returns {Doc[]} */
export const calls = () => all("call");
/** @returns {Doc[]} */
export const units = () =>
  all("unit").sort((a, b) => a["call_sign"].localeCompare(b["call_sign"], "en", { numeric: true }));
/** @returns {Doc | undefined} */
export const agency = () => all("agency", reference)[0];
/** @returns {Doc | undefined} */
export const feed = () => all("feed", reference)[0];
/** @returns {Doc[]} */
export const areas = () => all("area", reference);
/** @returns {Doc[]} */
export const callTypes = () =>
  all("call_type", reference).sort((a, b) => a["label"].localeCompare(b["label"], "en"));
/** @returns {Doc | undefined} the dispatch policy in force by the page's corrected clock */
export function policy() {
  const now = clock.now();
  return all("policy", reference)
    .filter((one) => Date.parse(one["in_force_from"]) <= now)
    .sort((a, b) => Date.parse(b["in_force_from"]) - Date.parse(a["in_force_from"]))[0];
}
/** @returns {string} */
export const zone = () => agency()?.["timezone"] ?? "UTC";
/** @returns {boolean} */
export const isSupervisor = () => facts.me.roles.includes("SUPERVISOR");

/** @type {{name: "live" | "polling" | "offline", since: number}} */
export const lineState = { name: "offline", since: Date.now() };
/** @type {Set<() => void>} */
const stateListeners = new Set();
/** @param {() => void} listener */
export const onLineState = (listener) => stateListeners.add(listener);

/** @type {Set<() => void>} */
const backupListeners = new Set();
/** @param {() => void} listener called when the line says that something happened to a request for backup */
export const onBackup = (listener) => backupListeners.add(listener);

const line = new Line({
  replica,
  fetchJson: fetchQuietly,
  clock,
  onState: ({ state, since }) => {
    Object.assign(lineState, { name: state, since });
    for (const listener of stateListeners) listener();
  },
  onBackup: () => {
    for (const listener of backupListeners) listener();
  },
  onSignedOff: () => {
    // Nothing of the desk stays on a screen whose session has ended.
    location.assign("/");
  },
});

/** Begin to listen, and to ask where units are. */
export function start() {
  line.start();
  window.addEventListener("online", () => line.wake());
  document.addEventListener("visibilitychange", () => document.hidden || line.wake());
  void askPositions();
  setInterval(askPositions, POSITIONS_MS);
}

async function askPositions() {
  if (document.hidden) return;
  try {
    const sent = Date.now();
    const answer = await fetchQuietly("/api/positions/");
    clock.offer(answer.now, sent, Date.now());
    positions.clear();
    for (const { unit, ...where } of answer.positions) positions.set(String(unit), where);
    contacts.clear();
    batteries.clear();
    for (const { unit, seen_at: seen, battery } of answer.tablets ?? []) {
      if (battery !== null && battery !== undefined) batteries.set(String(unit), Math.min(battery, batteries.get(String(unit)) ?? 100));
      if (seen > (contacts.get(String(unit)) ?? "")) contacts.set(String(unit), seen);
    }
  } catch {
    // The line says that we are offline; positions keep their age.
  }
}

/**
 * @typedef {object} Outcome
 * @property {boolean} applied
 * @property {boolean} known whether the server answered at all
 * @property {string} message why not, as a sentence
 * @property {any} body
 */

/**
 * Do one action through the REST door. Without an answer it is tried again with the same id, so that it happens once.
 *
 * @param {string} kind
 * @param {Record<string, any>} args
 * @returns {Promise<Outcome>}
 */
export async function act(kind, args) {
  const id = crypto.randomUUID();
  const body = { id, args: Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) };
  const until = Date.now() + TRY_MS;
  for (let wait = 500; ; wait = Math.min(wait * 2, 4_000)) {
    try {
      const answer = await fetchJson(`/api/actions/${kind}/`, body);
      // What it changed comes over the line; without one, ask.
      if (lineState.name !== "live") void line.pull();
      return { applied: answer.status !== "refused", known: true, message: answer.message ?? "", body: answer };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const again = error.status === 0 || error.status === 429 || error.status >= 500;
      if (!again) return { applied: false, known: true, message: sentence(error.problem), body: error.problem };
      if (Date.now() + wait > until) {
        const message = "No answer from the server. It is not known whether this was done: look, or say it on the radio.";
        return { applied: false, known: false, message, body: error.problem };
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(wait, error.retryAfter * 1000)));
    }
  }
}

/**
 * @param {{message: string, facts?: Record<string, any>}} problem
 * @returns {string}
 */
function sentence(problem) {
  const fields = problem.facts?.["fields"];
  const more = fields ? Object.entries(fields).map(([name, why]) => `${name}: ${[why].flat().join(" ")}`) : [];
  const taken = problem.facts?.["by"] ?? problem.facts?.["unit"];
  return [problem.message, typeof taken === "string" ? `(${taken})` : "", ...more].filter(Boolean).join(" ");
}
