// The middle of the desk: what waits, by queue, and what is out with a unit. Rows stay where they are under the pointer.

import { clock } from "../../tablets/times.js";
import { offer, send } from "./commands.js";
import { byId, el, keyed, setText } from "./dom.js";
import { OLD_MS, brief, cad, ms, parted, say, unsettled, whyNotTaken } from "./model.js";
import { agency, calls, facts, feed, replica } from "./store.js";

/** @typedef {import("./model.js").Doc} Doc */
/** @typedef {"care" | "police" | "out"} QueueName */

const words = facts.words;
const NAMES = /** @type {QueueName[]} */ (["care", "police", "out"]);
// After the pointer has left, or the last key, rows may move again.
const CALM_MS = 900;

/**
 * What a list shows while it is held: the order that was seen, and calls that have gone meanwhile.
 * @type {Record<QueueName, {shown: string[], fresh: Set<string>, gone: Map<string, {call: Doc, why: string}>}>}
 */
const lists = {
  care: { shown: [], fresh: new Set(), gone: new Map() },
  police: { shown: [], fresh: new Set(), gone: new Map() },
  out: { shown: [], fresh: new Set(), gone: new Map() },
};
/** @type {Map<string, string>} why a call left the desk, as the server named it */
const left = new Map();
let held = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let calm;
/** @type {string | null} */
let chosen = null;
/** @type {(call: Doc | null) => void} */
let onChoose = () => {};
/** @type {(call: Doc, part: string) => void} */
let onOpen = () => {};

/**
 * @param {{choose: (call: Doc | null) => void, open: (call: Doc, part: string) => void}} tells
 */
export function begin({ choose, open }) {
  onChoose = choose;
  onOpen = open;
  const whole = byId("queues");
  whole.addEventListener("pointerenter", () => hold());
  whole.addEventListener("pointermove", () => hold());
  whole.addEventListener("pointerleave", () => release(CALM_MS));
  for (const name of NAMES) byId(`${name}-fresh`).addEventListener("click", showFresh);
  replica.listen((changes) => {
    for (const change of changes) {
      if (change.c === "call" && change.gone !== undefined) left.set(change.id, change.gone);
    }
  });
}

function hold() {
  held = true;
  clearTimeout(calm);
  // A pointer that was put down over the list holds it no longer than this.
  calm = setTimeout(() => release(0), 15_000);
}

/** @param {number} after */
function release(after) {
  clearTimeout(calm);
  calm = setTimeout(() => {
    held = false;
    draw();
  }, after);
}

/** Show what has come while the rows were held. */
export function showFresh() {
  for (const name of NAMES) lists[name].shown = [];
  draw({ anew: true });
}

/**
 * Draw the queues as they are now.
 *
 * @param {{anew?: boolean}} [how]
 */
export function draw({ anew = false } = {}) {
  const now = clock.now();
  const open = calls();
  const byCall = new Map(open.map((call) => [call.id, call]));
  const parts = parted(open, now);
  const link = cad(agency(), feed(), now);
  for (const name of NAMES) {
    const list = lists[name];
    const wanted = parts[name];
    if (held && !anew) holdRows(list, wanted, byCall);
    else {
      list.shown = wanted.map((call) => call.id);
      list.fresh.clear();
      list.gone.clear();
    }
    const rows = list.shown.map((id) => {
      const gone = list.gone.get(id);
      return gone ? { ...gone.call, gone: gone.why } : /** @type {Doc} */ (byCall.get(id));
    });
    heading(name, wanted, list.fresh.size, now, link);
    keyed(byId(`${name}-rows`), rows, (call) => call.id, () => makeRow(), (node, call) => drawRow(node, call, name, now, link));
    byId(`${name}-none`).hidden = rows.length > 0;
  }
}

/**
 * @param {{shown: string[], fresh: Set<string>, gone: Map<string, {call: Doc, why: string}>}} list
 * @param {Doc[]} wanted
 * @param {Map<string, Doc>} byCall
 */
function holdRows(list, wanted, byCall) {
  const ids = new Set(wanted.map((call) => call.id));
  for (const id of list.shown) {
    if (ids.has(id)) {
      list.gone.delete(id);
      continue;
    }
    if (list.gone.has(id)) continue;
    const call = byCall.get(id) ?? lastSeen.get(id);
    if (call) list.gone.set(id, { call, why: goneWords(id, byCall.get(id)) });
  }
  list.shown = list.shown.filter((id) => ids.has(id) || list.gone.has(id));
  const shown = new Set(list.shown);
  list.fresh = new Set([...ids].filter((id) => !shown.has(id)));
}

/** @type {Map<string, Doc>} */
const lastSeen = new Map();

/**
 * @param {string} id
 * @param {Doc | undefined} call
 */
function goneWords(id, call) {
  if (call?.["status"] === "ASSIGNED") return `with ${call["units"].map((/** @type {Doc} */ unit) => unit["call_sign"]).join(", ")}`;
  if (call) return call["queue"] === "CARE" ? "now in the CARE queue" : "now in the police queue";
  return say(words.gone, left.get(id) ?? "closed").toLowerCase();
}

/**
 * @param {QueueName} name
 * @param {Doc[]} wanted
 * @param {number} fresh
 * @param {number} now
 * @param {{known: boolean, age: number, down: boolean}} link
 */
function heading(name, wanted, fresh, now, link) {
  setText(byId(`${name}-count`), String(wanted.length));
  const chip = byId(`${name}-fresh`);
  chip.hidden = fresh === 0;
  if (fresh > 0) setText(chip.firstElementChild, `${fresh} new`);
  let side = "";
  if (name === "police") {
    const may = wanted.filter((call) => whyNotTaken(call, agency(), link).length === 0).length;
    if (wanted.length) side = `${may} CARE may take`;
  } else if (wanted.length) {
    const oldest = Math.min(...wanted.map((call) => ms(call["received_at"])));
    side = `oldest ${Math.max(0, Math.floor((now - oldest) / 60_000))} min`;
  }
  setText(byId(`${name}-side`), side);
}

/** @returns {HTMLElement} */
function makeRow() {
  const row = el(
    "li",
    { class: "q", tabindex: -1 },
    el("span", { class: "w" }),
    el("button", { type: "button", class: "q-main", "data-focus": "row" }, el("b"), el("small")),
    el("span", { class: "st" }, el("span", { class: "st-first" }), el("span", { class: "st-second" })),
    el("button", { type: "button", class: "button q-act" }),
  );
  row.addEventListener("click", (event) => {
    const call = lastSeen.get(row.dataset["key"] ?? "");
    if (!call || row.classList.contains("gone")) return;
    select(call.id, { scroll: false });
    const button = event.target instanceof Element ? event.target.closest(".q-act") : null;
    if (button) void primary(call);
    else onOpen(call, "");
  });
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {Doc} call
 * @param {QueueName} name
 * @param {number} now
 * @param {{known: boolean, age: number, down: boolean}} link
 */
function drawRow(row, call, name, now, link) {
  lastSeen.set(call.id, call);
  const [wait, main, state, button] = /** @type {HTMLElement[]} */ ([...row.children]);
  if (!wait || !main || !state || !button) return;
  const waited = now - ms(call["received_at"]);
  const minutes = Math.max(0, Math.floor(waited / 60_000));
  setText(wait, minutes < 100 ? String(minutes) : `${Math.floor(minutes / 60)} h`);
  wait.title = `received ${new Date(ms(call["received_at"])).toLocaleString()}`;
  wait.classList.toggle("old", waited > OLD_MS && name !== "out");
  setText(/** @type {Element} */ (main.firstElementChild), call["type"]["label"]);
  const language = call["sign_language"] ? "ASL" : call["language"];
  setText(
    /** @type {Element} */ (main.lastElementChild),
    [call["referral"]?.staying ? "officer waits there" : call["referral"] ? "referred" : "", call["address"], `P${call["priority"]}`, language].filter(Boolean).join(" · "),
  );
  const { tone, first, second } = status(call, name, link);
  setText(/** @type {Element} */ (state.firstElementChild), first);
  setText(/** @type {Element} */ (state.lastElementChild), second);
  state.firstElementChild?.setAttribute("class", `st-first ${tone}`);
  const act = action(call, name, link);
  setText(button, act.words);
  button.hidden = act.words === "";
  row.classList.toggle("gone", call["gone"] !== undefined);
  row.classList.toggle("sel", call.id === chosen);
  row.classList.toggle("urgent", call["priority"] <= 2 && name !== "out");
  if (call.id === chosen) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

/**
 * @param {Doc} call
 * @param {QueueName} name
 * @param {{known: boolean, age: number, down: boolean}} link
 */
function status(call, name, link) {
  if (call["gone"] !== undefined) return { tone: "soft", first: call["gone"], second: "" };
  if (name === "out") {
    const rows = call["assignments"];
    const primary = rows.find((/** @type {Doc} */ row) => row["primary"]) ?? rows[0];
    if (!primary) return { tone: "soft", first: "", second: "" };
    const more = rows.length > 1 ? ` + ${rows.length - 1}` : "";
    return { tone: "act", first: primary["call_sign"] + more, second: say(words.statuses, primary["status"]) };
  }
  const there = call["assignments"]?.[0];
  if (there) return { tone: "warn", first: `${there["call_sign"]} is there`, second: "nobody holds it" };
  const why = brief(call["reasons"]);
  const shut = call["care_available"] ? "" : why.find((text) => /unit|busy|closed|hours/.test(text)) ?? "CARE not available";
  const response = call["response"] === "CARE" ? "CARE alone" : say(words.responses, call["response"]);
  if (name === "care") {
    return { tone: call["response"] === "CARE" ? "care" : "warn", first: response, second: shut || (why[0] ?? "") };
  }
  if (call["offered_at"]) return { tone: "care", first: "Offered to CARE", second: why[0] ?? "" };
  const against = whyNotTaken(call, agency(), link);
  if (against.length === 0) return { tone: "care", first: "CARE may take", second: why[0] ?? "" };
  const told = against.includes("poach_disqualified") || why.length ? why[0] : undefined;
  // Where the link is down, the banner says so once for all of them.
  const taken = brief(against.filter((code) => !link.down || code !== "poach_feed_old"))[0] ?? (against.includes("poach_priority") ? `priority ${call["priority"]}` : undefined);
  return { tone: "soft", first: told ?? taken ?? response, second: told && taken !== told ? (taken ?? "") : "" };
}

/**
 * What the button of a row does.
 *
 * @param {Doc} call
 * @param {QueueName} name
 * @param {{known: boolean, age: number, down: boolean}} link
 * @returns {{words: string, does: "send" | "offer" | "answers" | "open"}}
 */
function action(call, name, link) {
  if (call["gone"] !== undefined) return { words: "", does: "open" };
  if (name === "out") return { words: "Open", does: "open" };
  if (name === "care") return { words: call["response"].includes("POLICE") ? "Tandem…" : "Send…", does: "send" };
  if (call["offered_at"]) return { words: "Withdraw", does: "offer" };
  if (whyNotTaken(call, agency(), link).length === 0) {
    return unsettled(call).length > 0 ? { words: "Ask", does: "answers" } : { words: "Offer", does: "offer" };
  }
  return { words: "Why", does: "open" };
}

/** @param {Doc} call */
async function primary(call) {
  const name = /** @type {QueueName} */ (call["status"] === "ASSIGNED" ? "out" : String(call["queue"]).toLowerCase());
  const { does } = action(call, name, cad(agency(), feed(), clock.now()));
  if (does === "send") await send(call);
  else if (does === "offer") await offer(call);
  else onOpen(call, does === "answers" ? "answers" : "decision");
}

/** @returns {Doc | null} the call that keys act on */
export function selected() {
  return chosen === null ? null : (calls().find((call) => call.id === chosen) ?? null);
}

/**
 * @param {string | null} id
 * @param {{scroll?: boolean}} [how]
 */
export function select(id, { scroll = true } = {}) {
  chosen = id;
  for (const row of document.querySelectorAll("#queues .q")) {
    const on = row instanceof HTMLElement && row.dataset["key"] === id;
    row.classList.toggle("sel", on);
    if (on) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    if (on && scroll) row.scrollIntoView({ block: "nearest" });
  }
  onChoose(selected());
}

/**
 * Move the selection by keys; the rows hold still meanwhile.
 *
 * @param {1 | -1} step
 */
export function move(step) {
  hold();
  release(4_000);
  held = true;
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#queues .q:not(.gone)")]);
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.dataset["key"] === chosen);
  const next = rows[at < 0 ? (step === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  if (!next) return;
  select(next.dataset["key"] ?? null);
  /** @type {HTMLElement | null} */ (next.querySelector(".q-main"))?.focus({ preventScroll: true });
}

/** Do what the button of the selected row does. */
export async function actOnSelected() {
  const call = selected();
  if (call) await primary(call);
}

