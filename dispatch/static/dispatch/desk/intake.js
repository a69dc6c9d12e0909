// The left of the desk: a new call. The policy's decision and its reasons follow every key; nothing is sent before Enter.

import { NoAnswer } from "../../tablets/http.js";
import { clock } from "../../tablets/times.js";
import { does, sendUnit } from "./commands.js";
import { byId, el, fill, key, setText } from "./dom.js";
import * as map from "./map.js";
import { DISQUALIFIERS, candidates, say } from "./model.js";
import { callTypes, facts, fetchJson, positions, units, zone } from "./store.js";
import { tell } from "./toasts.js";

/** @typedef {import("./model.js").Doc} Doc */
/** @typedef {import("./model.js").Point} Point */

const words = facts.words;
const PREVIEW_MS = 250;

/** @type {Record<string, string>} */
const LETTERS = { y: "YES", n: "NO", u: "UNKNOWN", r: "NOT_RELEVANT" };

/** @type {{type: string, point: Point | null, answers: Record<string, string>, wish: string, markers: Set<string>}} */
const draft = { type: "", point: null, answers: {}, wish: "NOT_SAID", markers: new Set() };
/** @type {any} the policy's answer to what is in the form, or null */
let verdict = null;
/** Whether the verdict is of what the form holds now. */
let fresh = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
let asked = 0;
let sending = false;
let suggested = -1;

const where = /** @type {HTMLInputElement} */ (byId("new-address"));
const what = /** @type {HTMLInputElement} */ (byId("new-type"));
const says = /** @type {HTMLTextAreaElement} */ (byId("new-narrative"));
const place = /** @type {HTMLSelectElement} */ (byId("new-place"));
const priority = /** @type {HTMLSelectElement} */ (byId("new-priority"));
const source = /** @type {HTMLSelectElement} */ (byId("new-source"));
const phone = /** @type {HTMLInputElement} */ (byId("new-phone"));
const language = /** @type {HTMLInputElement} */ (byId("new-language"));
const interpreter = /** @type {HTMLInputElement} */ (byId("new-interpreter"));
const sign = /** @type {HTMLInputElement} */ (byId("new-sign"));
const list = byId("new-types");

/** Fill in the choices and begin to listen. */
export function begin() {
  for (const [value, label] of Object.entries(words.places)) place.append(el("option", { value }, label));
  for (const [value, label] of Object.entries(words.sources)) {
    // A crew's own contacts and planned second responses are not calls to the desk.
    if (!["ON_VIEW", "SECOND_RESPONSE"].includes(value)) source.append(el("option", { value, selected: value === "DIRECT_LINE" }, label));
  }
  place.value = "UNKNOWN";
  priority.value = "3";
  byId("new-answers").append(...DISQUALIFIERS.map((name, at) => answerRow(name, at + 1)));
  byId("new-wish").append(
    ...["NOT_SAID", "NO_POLICE", "WANTS_POLICE"].map((value) => chip("wish", value, say(words.wishes, value), () => setWish(value))),
  );
  byId("new-markers").append(
    ...Object.entries(words.markers ?? {}).map(([value, label]) => chip("marker", value, label, () => toggleMarker(value))),
  );
  byId("new-wish-again").addEventListener("click", () => setWish("NO_POLICE_CONFIRMED"));
  byId("new-pick").addEventListener("click", pickPlace);
  byId("new-send").addEventListener("click", () => void send());
  byId("new-queue").addEventListener("click", () => void queue());
  byId("new-clear").addEventListener("click", () => clear());
  for (const field of [where, what, says, place, priority, source, phone, language, interpreter, sign]) {
    field.addEventListener("input", () => changed());
  }
  what.addEventListener("input", () => {
    draft.type = exact(what.value)?.["code"] ?? "";
    suggested = -1;
    suggest();
  });
  what.addEventListener("focus", () => suggest());
  what.addEventListener("blur", () => setTimeout(() => suggest(false), 120));
  what.addEventListener("keydown", typeKeys);
  byId("intake").addEventListener("keydown", enterSends);
  drawChoices();
  draw();
}

/**
 * @param {string} name
 * @param {number} digit
 */
function answerRow(name, digit) {
  const label = say(words.disqualifiers, name);
  const row = el(
    "div",
    { class: "ans", role: "radiogroup", "aria-label": label, "data-disqualifier": name },
    el("span", { class: "ans-name" }, label, " ", key(String(digit))),
    ...["YES", "NO", "UNKNOWN", "NOT_RELEVANT"].map((value) =>
      el("button", { type: "button", role: "radio", "aria-checked": "false", tabindex: -1, "data-value": value, title: say(words.answers, value), click: () => setAnswer(name, value, false) },
        value === "NOT_RELEVANT" ? "not relevant" : value.toLowerCase()),
    ),
  );
  row.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const value = LETTERS[event.key.toLowerCase()];
    if (value) {
      event.preventDefault();
      event.stopPropagation();
      setAnswer(name, value, true);
      return;
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const buttons = /** @type {HTMLElement[]} */ ([...row.querySelectorAll("button")]);
      const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      buttons[(at + step + buttons.length) % buttons.length]?.focus();
    }
  });
  return row;
}

/**
 * @param {string} group
 * @param {string} value
 * @param {string} label
 * @param {() => void} click
 */
function chip(group, value, label, click) {
  return el("button", { type: "button", class: "chip", "data-group": group, "data-value": value, "aria-pressed": "false", click }, label);
}

/**
 * @param {string} name
 * @param {string} value
 * @param {boolean} onward whether the next question takes the focus
 */
function setAnswer(name, value, onward) {
  draft.answers[name] = value;
  drawChoices();
  if (onward) {
    const next = DISQUALIFIERS[DISQUALIFIERS.indexOf(name) + 1];
    if (next) focusAnswer(DISQUALIFIERS.indexOf(next) + 1);
    else place.focus();
  }
  changed();
}

/** @param {string} value */
function setWish(value) {
  draft.wish = value;
  drawChoices();
  if (value === "NO_POLICE") byId("new-wish-again").focus();
  changed();
}

/** @param {string} value */
function toggleMarker(value) {
  if (!draft.markers.delete(value)) draft.markers.add(value);
  drawChoices();
  changed();
}

function drawChoices() {
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#new-answers .ans"))) {
    const value = draft.answers[row.dataset["disqualifier"] ?? ""];
    const buttons = /** @type {HTMLElement[]} */ ([...row.querySelectorAll("button")]);
    for (const button of buttons) {
      const on = button.dataset["value"] === value;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on || (!value && button === buttons[1]) ? 0 : -1;
    }
  }
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#intake .chip"))) {
    const value = button.dataset["value"] ?? "";
    const wish = draft.wish === "NO_POLICE_CONFIRMED" ? "NO_POLICE" : draft.wish;
    button.setAttribute("aria-pressed", String(button.dataset["group"] === "wish" ? value === wish : draft.markers.has(value)));
  }
  byId("new-wish-ask").hidden = draft.wish !== "NO_POLICE";
  byId("new-wish-kept").hidden = draft.wish !== "NO_POLICE_CONFIRMED";
}

/** Put the cursor where a new call begins. */
export function focusNew() {
  const first = !where.value ? where : !draft.type ? what : !says.value ? says : null;
  (first ?? where).focus();
}

/** @param {"where" | "what" | "says" | "place" | "phone"} name */
export function focusField(name) {
  ({ where, what, says, place, phone })[name].focus();
}

/** @param {number} digit 1-4 */
export function focusAnswer(digit) {
  const name = DISQUALIFIERS[digit - 1];
  const row = document.querySelector(`#new-answers [data-disqualifier="${name}"]`);
  /** @type {HTMLElement | null} */ (row?.querySelector('button[tabindex="0"]') ?? null)?.focus();
}

/** Take the place of the call from the map. */
export function pickPlace() {
  const button = byId("new-pick");
  button.setAttribute("aria-pressed", "true");
  setText(byId("new-pick-words"), "click the map");
  map.pick((point) => {
    draft.point = point;
    map.pick(null);
    map.showPin(point);
    button.setAttribute("aria-pressed", "false");
    changed();
    where.focus();
  });
}

/** @param {boolean} [open] */
function suggest(open = document.activeElement === what) {
  const typed = what.value.trim().toLowerCase();
  const found = typed === "" ? callTypes() : matching(typed);
  const shown = open && exact(what.value) === undefined ? found.slice(0, 8) : [];
  list.hidden = shown.length === 0;
  what.setAttribute("aria-expanded", String(shown.length > 0));
  if (suggested >= shown.length) suggested = -1;
  list.replaceChildren(
    ...shown.map((type, at) =>
      el(
        "li",
        { role: "option", id: `new-type-${at}`, "aria-selected": String(at === suggested), mousedown: (/** @type {Event} */ event) => event.preventDefault(), click: () => choose(type) },
        el("i", { class: `color ${String(type["color"]).toLowerCase()}` }),
        el("span", {}, type["label"]),
        el("small", {}, { GREEN: "CARE", YELLOW: "police, CARE at discretion", RED: "police only" }[/** @type {"GREEN"} */ (type["color"])]),
      ),
    ),
  );
  if (suggested >= 0) what.setAttribute("aria-activedescendant", `new-type-${suggested}`);
  else what.removeAttribute("aria-activedescendant");
}

/** @param {string} typed lower case */
function matching(typed) {
  const parts = typed.split(/\s+/);
  const hits = callTypes().filter((type) => {
    const text = `${type["label"]} ${type["code"]}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
  /** @param {Doc} type */
  const begins = (type) => (type["label"].toLowerCase().startsWith(typed) ? 0 : 1);
  return hits.sort((a, b) => begins(a) - begins(b));
}

/** @param {string} text */
function exact(text) {
  const wanted = text.trim().toLowerCase();
  return callTypes().find((type) => type["label"].toLowerCase() === wanted || type["code"].toLowerCase() === wanted);
}

/** @param {Doc} type */
function choose(type) {
  what.value = type["label"];
  draft.type = type["code"];
  suggested = -1;
  suggest(false);
  changed();
}

/** @param {KeyboardEvent} event */
function typeKeys(event) {
  const shown = list.hidden ? [] : [...list.children];
  if (shown.length === 0) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    suggested = (suggested + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length;
    suggest();
  } else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey && what.value.trim() !== "")) {
    if (event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
    }
    shown[Math.max(0, suggested)]?.dispatchEvent(new MouseEvent("click"));
    if (event.key === "Enter") says.focus();
  } else if (event.key === "Escape") {
    event.stopPropagation();
    suggest(false);
  }
}

/** @param {KeyboardEvent} event */
function enterSends(event) {
  if (event.key !== "Enter" || event.defaultPrevented || event.isComposing || event.shiftKey) return;
  const target = event.target;
  if (target instanceof HTMLButtonElement && target.getAttribute("role") !== "radio") return;
  event.preventDefault();
  event.stopPropagation();
  if (event.ctrlKey || event.metaKey) void queue();
  else void send();
}

function changed() {
  fresh = false;
  clearTimeout(soon);
  soon = setTimeout(preview, PREVIEW_MS);
  draw();
}

async function preview() {
  if (!draft.type) {
    verdict = null;
    draw();
    return;
  }
  const mine = ++asked;
  try {
    const answer = await fetchJson("/api/decision-preview/", {
      type: draft.type,
      address: where.value.trim(),
      ...(draft.point ? { point: { lon: draft.point[0], lat: draft.point[1] } } : {}),
      place_kind: place.value,
      answers: draft.answers,
      caller_wish: draft.wish,
      caller_phone: phone.value.trim(),
      markers: [...draft.markers],
    });
    if (mine !== asked) return;
    verdict = answer;
    fresh = true;
  } catch (error) {
    if (mine !== asked) return;
    verdict = { problem: error instanceof NoAnswer && error.status !== 0 ? error.message : "No answer from the server: the policy is not known." };
  }
  draw();
}

/** @returns {{unit: Doc, ok: boolean, why: string} | undefined} the nearest unit that fits */
function nearest() {
  const area = verdict?.area?.id ?? (draft.point ? map.areaOf(draft.point)?.id : undefined) ?? null;
  return candidates(units(), { point: draft.point, area }, positions).find((one) => one.ok);
}

/** Draw the verdict and what Enter will do. */
export function draw() {
  const unit = nearest();
  const area = draft.point ? map.areaOf(draft.point) : undefined;
  const pickWords = draft.point ? (area ? area["name"] : "outside our areas") : "pick on the map";
  if (byId("new-pick").getAttribute("aria-pressed") !== "true") setText(byId("new-pick-words"), pickWords);
  byId("new-pick").classList.toggle("set", draft.point !== null);
  drawVerdict(unit);
  const care = verdict && !verdict.problem && verdict.queue === "CARE" && verdict.care_available;
  const may = Boolean(care && unit);
  const button = byId("new-send");
  button.dataset["does"] = may ? "send" : "queue";
  setText(byId("new-send-words"), sending ? "Sending …" : may ? sendWords(unit) : verdict?.queue === "POLICE" ? "Queue for police" : "Queue");
  byId("new-queue").hidden = !may;
  button.disabled = sending;
}

/** @param {{unit: Doc} | undefined} unit */
function sendWords(unit) {
  const call = unit?.unit["call_sign"] ?? "";
  return verdict.response === "CARE+POLICE" ? `Send ${call}, with police` : verdict.response === "CARE+EMS" ? `Send ${call}, with EMS` : `Send ${call}`;
}

/** @param {{unit: Doc, why: string} | undefined} unit */
function drawVerdict(unit) {
  const card = byId("verdict");
  const state = JSON.stringify([verdict, fresh, unit?.unit.id, unit?.why, draft.type]);
  fill(card, state, () => {
    if (!draft.type) return [el("b", {}, "What is it about?"), el("p", {}, "Choose a type: the policy answers as you type.")];
    if (!verdict) return [el("b", {}, "Asking the policy …")];
    if (verdict.problem) return [el("b", {}, "Not known"), el("p", {}, verdict.problem)];
    const response = say(words.responses, verdict.response);
    // Without a place on the map the server cannot know the area; that is not the same as outside.
    const lines = verdict.reasons.map((/** @type {string} */ code) =>
      code === "OUTSIDE_AREAS" && !draft.point ? "It has no place on the map yet, so its area is not known: press G and click." : say(words.reasons, code),
    );
    const going = !verdict.care_available
      ? verdict.queue === "CARE" ? "Until CARE can come it waits in the CARE queue." : "CARE cannot come now."
      : unit && verdict.queue === "CARE"
        ? `${unit.unit["call_sign"]}: ${unit.why}.`
        : verdict.queue === "CARE"
          ? "No unit is free: it waits in the CARE queue."
          : "";
    return [
      el("b", {}, verdict.response === "CARE" ? "CARE alone" : response),
      el("ul", {}, ...lines.map((/** @type {string} */ line) => el("li", {}, line)), going ? el("li", { class: "going" }, going) : null),
      verdict.policy ? el("small", {}, `By ${policyName(verdict.policy)}${verdict.area ? ` · ${verdict.area.name}` : ""}`) : null,
    ];
  });
  const tone = !verdict || verdict.problem || !draft.type ? "open" : verdict.response === "CARE" ? (verdict.care_available ? "care" : "warn") : verdict.queue === "POLICE" ? "police" : "warn";
  card.className = `verdict ${tone}${draft.type && !fresh && verdict ? " stale" : ""}`;
  drawEarlier();
}

/** @param {any} policy */
function policyName(policy) {
  return typeof policy === "string" ? policy : `${policy.name} v${policy.version}`;
}

function drawEarlier() {
  const here = verdict?.premise?.here ?? [];
  const nearby = verdict?.premise?.nearby ?? [];
  const cautions = verdict?.cautions ?? [];
  const block = byId("earlier");
  block.hidden = here.length + nearby.length + cautions.length === 0;
  fill(byId("earlier-rows"), JSON.stringify([here, nearby, cautions]), () => [
    ...cautions.map((/** @type {any} */ one) => el("p", { class: "caution" }, el("b", {}, "Caution: "), one.text, ` (until ${day(one.expires_at)})`)),
    ...earlierRows(here),
    ...(nearby.length ? [el("h3", {}, "Nearby"), ...earlierRows(nearby)] : []),
  ]);
}

/**
 * Earlier calls, newest first: operational facts only.
 *
 * @param {any[]} rows
 * @returns {HTMLElement[]}
 */
export function earlierRows(rows) {
  return rows.map((row) =>
    el("div", { class: "past" }, el("b", {}, day(row.at)), el("span", {}, row.type), el("small", {}, row.disposition ? say(words.dispositions, row.disposition) : "")),
  );
}

/** @param {string} iso */
function day(iso) {
  const at = new Date(iso);
  const year = at.getFullYear() === new Date(clock.now()).getFullYear() ? {} : { year: /** @type {const} */ ("numeric") };
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone(), day: "numeric", month: "short", ...year }).format(at);
}

/** @returns {HTMLElement | null} the first thing that is missing */
function missing() {
  if (!where.value.trim()) return where;
  if (!draft.type) return what;
  return null;
}

async function create() {
  const lack = missing();
  if (lack) {
    lack.focus();
    tell(lack === where ? "Where is it? An address, a corner or a landmark." : "What is it about? Choose a type from the list.", { kind: "info" });
    return null;
  }
  if (draft.wish === "NO_POLICE") {
    byId("new-wish-again").focus();
    tell("Ask a second time whether the caller wants no police.", { kind: "info" });
    return null;
  }
  sending = true;
  draw();
  const body = await does(
    "call.create",
    {
      source: source.value,
      type: draft.type,
      priority: Number(priority.value),
      address: where.value.trim(),
      point: draft.point ? { lon: draft.point[0], lat: draft.point[1] } : undefined,
      place_kind: place.value,
      answers: draft.answers,
      narrative: says.value.trim() || undefined,
      caller_phone: phone.value.trim() || undefined,
      caller_wish: draft.wish,
      language: language.value.trim() || undefined,
      interpreter: interpreter.checked || undefined,
      sign_language: sign.checked || undefined,
      markers: draft.markers.size ? [...draft.markers] : undefined,
    },
    "",
  );
  sending = false;
  draw();
  return body;
}

/** Make the call and send the nearest fitting unit, or queue it when none goes alone. */
export async function send() {
  if (sending) return;
  if (byId("new-send").dataset["does"] !== "send" || !fresh) {
    // What the button says is not yet what the form holds: wait for the policy rather than guess.
    if (draft.type && !fresh) await preview();
    if (byId("new-send").dataset["does"] !== "send") return queue();
  }
  const unit = nearest();
  const body = await create();
  if (!body) return;
  clear();
  if (unit) await sendUnit({ id: String(body.call ?? body.id) }, unit.unit.id);
}

/** Make the call and leave it in its queue. */
export async function queue() {
  if (sending) return;
  const body = await create();
  if (!body) return;
  tell(`Queued${body.number ? ` as ${body.number}` : ""}.`, { kind: "good" });
  clear();
}

/** Empty the form. */
export function clear() {
  for (const field of [where, what, says, phone, language]) field.value = "";
  interpreter.checked = sign.checked = false;
  place.value = "UNKNOWN";
  priority.value = "3";
  Object.assign(draft, { type: "", point: null, answers: {}, wish: "NOT_SAID" });
  draft.markers.clear();
  verdict = null;
  map.pick(null);
  map.showPin(null);
  byId("new-pick").setAttribute("aria-pressed", "false");
  drawChoices();
  changed();
  where.focus();
}

/** @returns {string} what is in the form, in a few words; empty when it is empty */
export function summary() {
  return [what.value.trim(), where.value.trim()].filter(Boolean).join(", ");
}

