// Choices of a report: each press is one action; what is typed stays in its form until the server has taken it.

import { el } from "../../dispatch/desk/dom.js";
import { here } from "../../dispatch/live_list.js";
import { act } from "../board/doing.js";
import { codeFor } from "./codes.js";
import { complain, redraw, renewed, say } from "./page.js";

const LABEL_LENGTH = 100;
/** Which field a no is about that names none. @type {Record<string, string>} */
const ABOUT = { choice_not_ours: "label", choice_unlabelled: "label", choice_taken: "code" };
const CODE_RULE = "A code is made of capital letters, digits and _, and begins with a letter.";

const fields = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.choices")]);

/** @returns {HTMLElement[]} the rows that are open to see */
export function rows() {
  return fields.filter((field) => field.open).flatMap(rowsOf);
}

/** @param {HTMLElement} field */
function rowsOf(field) {
  return /** @type {HTMLElement[]} */ ([...field.querySelectorAll(".choice")]);
}

/** @param {HTMLElement} row */
function listOf(row) {
  return /** @type {HTMLElement[]} */ ([...(row.parentElement?.children ?? [])]);
}

/** Which choice takes the place of one that goes. @param {HTMLElement} row */
function beside(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling ?? row;
  return /** @type {HTMLElement} */ (next).dataset["code"];
}

/** @param {HTMLElement} inside */
function fieldOf(inside) {
  return /** @type {HTMLElement} */ (inside.closest("details.choices"));
}

/** @param {HTMLElement} field */
function saidOf(field) {
  return /** @type {HTMLElement} */ (field.querySelector(":scope > .said-line"));
}

/**
 * Ask for the list of a field anew. What is being typed in one of its rows stays there.
 *
 * @param {HTMLElement} field
 * @returns {Promise<boolean>}
 */
async function look(field) {
  const page = await renewed();
  if (!page) return false;
  const name = field.dataset["field"];
  const typed = rowsOf(field).flatMap((row) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll("form")]).map((form) => ({ key: row.dataset["key"], form })));
  redraw(page, [`list-${name}`, `many-${name}`]);
  for (const { key, form } of typed) {
    const row = rowsOf(field).find((one) => one.dataset["key"] === key);
    if (row) opened(row, form);
  }
  roving();
  return true;
}

/**
 * The action was done: show the list as it is now, keep the focus where the hand is, and say it.
 *
 * @param {HTMLElement} field
 * @param {string | undefined} code of the choice that it was about
 * @param {string} words with "{place}" where its place is said
 * @param {{code: string | undefined, button?: string}} [hand] the choice that has the focus now, or its button
 */
async function done(field, code, words, hand) {
  if (!(await look(field))) return say(saidOf(field), "Done. Load the page anew to see the list as it is.", "good");
  const of = (/** @type {string | undefined} */ which) => rowsOf(field).find((one) => one.dataset["code"] === which);
  const row = of(code);
  const held = hand && of(hand.code);
  if (held) /** @type {HTMLElement} */ ((hand.button && held.querySelector(`[data-do="${hand.button}"]`)) || held).focus();
  const all = row ? listOf(row) : [];
  say(saidOf(field), words.replace("{place}", row ? `${all.indexOf(row) + 1} of ${all.length}` : ""), "good");
}

/**
 * @param {HTMLElement} row
 * @param {Record<string, any>} change
 * @param {string} words
 * @param {string | undefined} next the choice that has the focus then
 */
async function put(row, change, words, next) {
  const field = fieldOf(row);
  const { code } = row.dataset;
  if (row.dataset["busy"] !== undefined) return;
  row.dataset["busy"] = "";
  say(saidOf(field), "Sending, not confirmed yet …", "");
  const outcome = await act("choice.put", { field: field.dataset["field"], code, ...change });
  delete row.dataset["busy"];
  if (outcome.done) return done(field, code, words, { code: next });
  say(saidOf(field), `Not done. ${outcome.words}`, "bad");
}

/**
 * @param {HTMLElement} row
 * @param {1 | -1} by
 */
async function move(row, by) {
  const field = fieldOf(row);
  const { code, label } = row.dataset;
  const all = listOf(row);
  const from = all.indexOf(row);
  const codes = all.map((one) => one.dataset["code"] ?? "");
  const to = from + by;
  if (row.dataset["retired"] || to < 0 || to >= codes.length || field.dataset["busy"] !== undefined) return;
  codes.splice(to, 0, ...codes.splice(from, 1));
  // One at a time: the next order is one of what the list is after this one.
  field.dataset["busy"] = "";
  const outcome = await act("choice.order", { field: field.dataset["field"], codes });
  if (outcome.done) await done(field, code, `${label} is {place}.`, { code, button: by < 0 ? "up" : "down" });
  else {
    if (outcome.code === "choices_differ") await look(field);
    say(saidOf(field), `Not done. ${outcome.words}`, "bad");
  }
  delete field.dataset["busy"];
}

/** @param {HTMLElement} row */
function change(row) {
  const open = row.querySelector("form");
  if (open) return shut(row);
  const { code = "", label = "", risk, substanceUse } = row.dataset;
  const id = `change-${row.dataset["key"]}`;
  const form = el(
    "form",
    { class: "choice-form", "aria-label": `Change: ${label}`, novalidate: true },
    el(
      "div",
      {},
      el("label", { class: "over", for: id }, "As the tablet says it; the code stays"),
      el("input", { class: "field", id, name: "label", maxlength: LABEL_LENGTH, autocomplete: "off", value: label, "aria-describedby": `${id}-wrong` }),
      el("p", { class: "problem", id: `${id}-wrong`, "data-wrong": "label", hidden: true }),
    ),
    el("div", { class: "choice-flags" }, flag("risk", "Marks risk", Boolean(risk)), flag("substance_use", "Marks substance use", Boolean(substanceUse))),
    el("button", { class: "button main", type: "submit" }, "Keep"),
    el("button", { class: "button", type: "button", click: () => shut(row, true) }, "Leave it"),
    el("p", { class: "problem", role: "alert", "data-wrong": "", hidden: true }),
  );
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut(/** @type {HTMLElement} */ (form.closest(".choice")), true);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const holder = /** @type {HTMLElement} */ (form.closest(".choice"));
    const field = fieldOf(holder);
    const told = toldBy(form);
    // What was not changed stays what somebody else may have made of it.
    const was = { label, risk: Boolean(risk), substance_use: Boolean(substanceUse) };
    const changed = Object.fromEntries(Object.entries(told).filter(([name, value]) => value !== was[/** @type {keyof typeof was} */ (name)]));
    if (!Object.keys(changed).length) return shut(holder, true);
    if (!(await sent(form, { field: field.dataset["field"], code }, changed))) return;
    form.remove();
    await done(field, code, `Kept: ${told.label}.`, { code, button: "change" });
  });
  opened(row, form);
  /** @type {HTMLInputElement} */ (form.querySelector("input")).select();
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement} form
 */
function opened(row, form) {
  row.append(form);
  row.querySelector('[data-do="change"]')?.setAttribute("aria-expanded", "true");
}

/**
 * @param {HTMLElement} row
 * @param {boolean} [focus] the hand was in the form
 */
function shut(row, focus = false) {
  row.querySelector("form")?.remove();
  const button = /** @type {HTMLElement | null} */ (row.querySelector('[data-do="change"]'));
  button?.setAttribute("aria-expanded", "false");
  if (focus) button?.focus();
}

/**
 * @param {string} name
 * @param {string} words
 * @param {boolean} checked
 */
function flag(name, words, checked) {
  return el("label", { class: "check" }, el("input", { type: "checkbox", name, checked }), ` ${words}`);
}

/** @param {HTMLElement} form */
function toldBy(form) {
  const data = new FormData(/** @type {HTMLFormElement} */ (form));
  return { label: String(data.get("label") ?? "").trim(), risk: data.has("risk"), substance_use: data.has("substance_use") };
}

/**
 * Send what a form says of a choice, and say in it what is wrong.
 *
 * @param {HTMLElement} form
 * @param {Record<string, any>} args
 * @param {Record<string, any>} told said as it is, empty too
 * @returns {Promise<boolean>}
 */
async function sent(form, args, told) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type="submit"]'));
  const places = /** @type {HTMLElement[]} */ ([...form.querySelectorAll("[data-wrong]")]);
  const input = (/** @type {HTMLElement} */ place) => /** @type {HTMLElement[]} */ ([...form.querySelectorAll(`.field[name="${place.dataset["wrong"]}"]`)]);
  for (const place of places) complain(place, "", input(place));
  button.disabled = true;
  const outcome = await act("choice.put", args, told);
  button.disabled = false;
  if (outcome.done) return true;
  /** @type {Record<string, string>} */
  const wrong = { ...outcome.fields, ...(outcome.fields["code"] ? { code: CODE_RULE } : {}) };
  const about = ABOUT[outcome.code];
  if (about) wrong[about] = outcome.words;
  const marked = places.filter((place) => wrong[place.dataset["wrong"] ?? ""]);
  for (const place of marked) complain(place, wrong[place.dataset["wrong"] ?? ""] ?? "", input(place));
  const first = marked.map(input).flat()[0];
  if (first) first.focus();
  else complain(/** @type {HTMLElement} */ (form.querySelector('[data-wrong=""]')), `Not done. ${outcome.words}`, []);
  return false;
}

/**
 * The form at the end of a field: its code follows the words until somebody writes one.
 *
 * @param {HTMLElement} field
 */
function adding(field) {
  const form = /** @type {HTMLFormElement} */ (field.querySelector("form.add"));
  const label = /** @type {HTMLInputElement} */ (form.querySelector('[name="label"]'));
  const code = /** @type {HTMLInputElement} */ (form.querySelector('[name="code"]'));
  let own = code.value !== "";
  label.addEventListener("input", () => {
    if (!own) code.value = codeFor(label.value, field.dataset["field"] ?? "", new Set(rowsOf(field).map((row) => row.dataset["code"] ?? "")));
  });
  code.addEventListener("input", () => {
    code.value = code.value.toUpperCase().replace(/[\s-]/g, "_");
    own = code.value !== "";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { label: words, risk, substance_use } = toldBy(form);
    const chosen = code.value.trim();
    if (!(await sent(form, { field: field.dataset["field"], risk, substance_use, new: true }, { label: words, code: chosen }))) return;
    form.reset();
    own = false;
    await done(field, chosen, `Added: ${words}. It is {place}.`);
    label.focus();
  });
}

/** @returns {HTMLElement | null} the row that keys are about: none while something is typed in it */
export function inHand() {
  return document.activeElement?.closest("form") ? null : here(rows());
}

/** Go to where a choice is added to the field in hand. */
export function add() {
  const field = fields.find((one) => one.open && one.contains(document.activeElement));
  /** @type {HTMLElement | null | undefined} */ (field?.querySelector('form.add [name="label"]'))?.focus();
  return field !== undefined;
}

/** One row of each field is reached by Tab, the others from there by keys. */
export function roving() {
  for (const field of fields) {
    const all = rowsOf(field);
    const current = here(all) ?? all[0];
    for (const row of all) row.tabIndex = row === current ? 0 : -1;
  }
}

/** @type {Record<string, (row: HTMLElement) => unknown>} */
export const DOES = {
  up: (row) => move(row, -1),
  down: (row) => move(row, 1),
  change,
  retire: (row) => put(row, { retired: true }, `Retired: ${row.dataset["label"]}. Reports that have it keep it.`, beside(row)),
  back: (row) => put(row, { retired: false }, `Offered again: ${row.dataset["label"]}. It is {place}.`, row.dataset["code"]),
};

for (const field of fields) {
  adding(field);
  field.addEventListener("focusin", roving);
}
roving();
