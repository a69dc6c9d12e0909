// Limits: what differs from what is in force is shown as not kept, sent together, and stays typed when the server says no.

import { act } from "../board/doing.js";
import { complain, redraw, renewed, say } from "./page.js";

/** Which limit a no is about that names no field. @type {Record<string, string>} */
const ABOUT = { hours_invalid: "visits", steps_invalid: "steps" };

const form = /** @type {HTMLFormElement} */ (document.getElementById("limits"));
const said = /** @type {HTMLElement} */ (document.getElementById("limits-said"));
const keep = /** @type {HTMLButtonElement} */ (form.querySelector('button[type="submit"]'));
const back = /** @type {HTMLButtonElement} */ (document.getElementById("limits-back"));
const limits = /** @type {HTMLElement[]} */ ([...form.querySelectorAll("[data-limit]")]);
const fields = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[data-kind]")]);

/**
 * Whether something else is typed than what is in force, which is what the page was drawn with.
 *
 * @param {HTMLInputElement} field
 */
function isChanged(field) {
  return field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value.trim() !== field.defaultValue;
}

/** @param {HTMLElement} limit */
function fieldsOf(limit) {
  return fields.filter((field) => limit.contains(field));
}

/** @param {Element} field */
function limitOf(field) {
  return /** @type {HTMLElement} */ (field.closest("[data-limit]"));
}

/**
 * @param {HTMLElement} limit
 * @param {string} words none: nothing is wrong with it
 * @param {HTMLInputElement[]} [about]
 */
function mark(limit, words, about = fieldsOf(limit)) {
  complain(/** @type {HTMLElement} */ (limit.querySelector(".problem")), words, about);
}

/**
 * What is sent of a field, or why nothing can be.
 *
 * @param {HTMLInputElement} field
 * @returns {{value: any} | {problem: string}}
 */
function read(field) {
  const text = field.value.trim();
  switch (field.dataset["kind"]) {
    case "yes":
      return { value: field.checked };
    case "time":
      return text ? { value: text } : { problem: "Name an hour." };
    case "days": {
      const days = text.split(/[\s,;]+/).filter(Boolean);
      return days.every(isWhole) ? { value: days.map(Number) } : { problem: "Write days as whole numbers with commas between them: 1, 7, 30." };
    }
    default:
      return isWhole(text) ? { value: Number(text) } : { problem: "Write a whole number." };
  }
}

/** @param {string} text */
function isWhole(text) {
  return /^\d{1,9}$/.test(text);
}

/** Show what is typed and not kept. */
function show() {
  const changed = limits.filter((limit) => fieldsOf(limit).some(isChanged));
  for (const limit of limits) /** @type {HTMLElement} */ (limit.querySelector(".limit-unkept")).hidden = !changed.includes(limit);
  back.hidden = changed.length === 0;
  keep.textContent = changed.length > 1 ? `Keep ${changed.length} limits` : "Keep limits";
}

/** @returns {boolean} whether anything is marked; the first that is has the focus now */
function goToWrong() {
  const first = fields.find((field) => field.getAttribute("aria-invalid") === "true");
  if (!first) return false;
  say(said, "Nothing is kept yet: mend what is marked.", "bad");
  first.focus();
  first.scrollIntoView({ block: "nearest" });
  return true;
}

/** @param {HTMLInputElement[]} sent what differs from what is in force */
async function send(sent) {
  /** @type {Record<string, any>} */
  const args = {};
  for (const limit of limits) mark(limit, "");
  for (const field of sent) {
    const answer = read(field);
    if ("value" in answer) args[field.name] = answer.value;
    else mark(limitOf(field), answer.problem, [field]);
  }
  if (goToWrong()) return;
  keep.disabled = true;
  say(said, "Sending, not kept yet …", "");
  const outcome = await act("programme.set", args);
  keep.disabled = false;
  if (outcome.done) return kept(sent);
  for (const field of sent.filter(({ name }) => outcome.fields[name])) {
    const bounds = /** @type {HTMLElement | null} */ (limitOf(field).querySelector("[data-bounds]"))?.dataset["bounds"];
    mark(limitOf(field), bounds ? `This cannot be. Possible: ${bounds}.` : (outcome.fields[field.name] ?? ""), [field]);
  }
  const about = limits.find((limit) => limit.dataset["limit"] === ABOUT[outcome.code]);
  if (about) mark(about, outcome.words, sent.filter((field) => about.contains(field)));
  if (!goToWrong()) say(said, `Not kept. ${outcome.words}`, "bad");
}

/**
 * What was sent is in force, and whatever somebody else has kept meanwhile. What is typed and was not sent stays typed.
 *
 * @param {HTMLInputElement[]} sent
 */
async function kept(sent) {
  const page = await renewed();
  if (!page) return say(said, "Kept. Load the page anew to see what is in force.", "good");
  for (const field of fields) {
    const now = /** @type {HTMLInputElement} */ (page.getElementById(field.id));
    const follows = sent.includes(field) || !isChanged(field);
    [field.defaultValue, field.defaultChecked] = [now.defaultValue, now.defaultChecked];
    if (follows) [field.value, field.checked] = [now.defaultValue, now.defaultChecked];
  }
  redraw(page, limits.map((limit) => `force-${limit.dataset["limit"]}`));
  show();
  say(said, "Kept, and in force from now on. Plans that there are keep their days and hours.", "good");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const changed = fields.filter(isChanged);
  if (changed.length) void send(changed);
  else say(said, "Nothing was changed.", "");
});

form.addEventListener("input", (event) => {
  if (event.target instanceof Element) mark(limitOf(event.target), "");
  say(said, "", "");
  show();
});

back.addEventListener("click", () => {
  form.reset();
  for (const limit of limits) mark(limit, "");
  show();
  say(said, "Put back: this is what is in force.", "");
  keep.focus();
});

// What a browser filled in by itself after a reload is typed, too.
show();
