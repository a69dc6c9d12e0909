// Questions to the dispatcher: one small form in a dialog, all of it by keys.

import { byId, el, key } from "./dom.js";

/**
 * @typedef {object} Choice
 * @property {string} value
 * @property {string} label
 * @property {string} [detail]
 * @property {string} [side]
 * @property {boolean} [weak] shown, may be chosen, but something speaks against it
 */
/**
 * @typedef {object} Field
 * @property {"choice" | "pick" | "text" | "line" | "number" | "date" | "time" | "datetime-local"} kind "pick" is a choice among
 *   many: a list to open
 * @property {string} name
 * @property {string} label
 * @property {Choice[]} [choices] for "choice", where the first nine have the keys 1-9, and for "pick"
 * @property {boolean} [optional]
 * @property {string} [value]
 * @property {string[]} [suggestions] for "line"
 * @property {number} [limit] characters
 * @property {number} [lines] for "text": so many are shown, and Enter begins a new one
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {boolean} [danger]
 * @property {string} confirm
 * @property {Field[]} fields
 * @property {(answer: Record<string, string>) => Promise<string>} [send] does it while the question stands, and returns why it
 *   was not done, or nothing: what was typed is there still
 */

/**
 * Ask, and return the answers by field, or null when the dispatcher went back.
 *
 * @param {Question} question
 * @returns {Promise<Record<string, string> | null>}
 */
export function ask(question) {
  /** @type {HTMLDialogElement} */
  const dialog = byId("ask");
  const before = document.activeElement;
  const only = question.fields.length === 1 && question.fields[0]?.kind === "choice" ? question.fields[0] : null;
  let sending = false;
  return new Promise((resolve) => {
    const problem = el("p", { class: "ask-problem", role: "alert", hidden: true });
    const meanwhile = el("p", { class: "ask-text", role: "status", hidden: true }, "Sending, not confirmed yet …");
    const lines = question.fields.some((field) => field.lines);
    const form = el(
      "form",
      { class: "ask-form", method: "dialog", novalidate: true },
      el("h2", { id: "ask-title" }, question.title),
      question.text ? el("p", { class: "ask-text" }, question.text) : null,
      ...question.fields.map((field) => drawn(field, only !== null)),
      problem,
      meanwhile,
      el(
        "div",
        { class: "ask-acts" },
        el("button", { type: "button", class: "button", click: () => finish(null) }, "Back ", key("Esc")),
        el("button", { type: "submit", class: question.danger ? "button main stop" : "button main" }, `${question.confirm} `, question.fields.length ? key(lines ? "Ctrl+Enter" : "Enter") : null),
      ),
    );
    /** @param {Record<string, string> | null} answer */
    const finish = (answer) => {
      // What is on its way is not called back by going back.
      if (sending) return;
      dialog.oncancel = dialog.onkeydown = null;
      dialog.close();
      dialog.replaceChildren();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
      resolve(answer);
    };
    const submit = async () => {
      if (sending) return;
      const answer = read(form, question.fields);
      const missing = question.fields.find((field) => !field.optional && !answer[field.name]);
      if (missing) {
        problem.textContent = missing.kind === "choice" || missing.kind === "pick" ? `Choose: ${missing.label.toLowerCase()}.` : `Fill in: ${missing.label.toLowerCase()}.`;
        problem.hidden = false;
        first(form, missing.name)?.focus();
        return;
      }
      if (question.send) {
        problem.hidden = true;
        busy(true);
        const wrong = await question.send(answer).finally(() => busy(false));
        if (wrong) {
          problem.textContent = wrong;
          problem.hidden = false;
          problem.scrollIntoView({ block: "nearest" });
          return;
        }
      }
      finish(answer);
    };
    /** @param {boolean} is */
    const busy = (is) => {
      sending = is;
      meanwhile.hidden = !is;
      // Not disabled: that would take the focus away.
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", String(is));
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void submit();
    });
    dialog.oncancel = (event) => {
      event.preventDefault();
      finish(null);
    };
    dialog.onkeydown = (event) => {
      event.stopPropagation(); // the page's keys sleep while it asks
      const typing = event.target instanceof HTMLTextAreaElement || (event.target instanceof HTMLInputElement && event.target.type !== "radio");
      const newLine = event.shiftKey || (event.target instanceof HTMLTextAreaElement && event.target.dataset["lines"] !== undefined && !event.ctrlKey);
      if (event.key === "Enter" && !newLine && event.target instanceof HTMLTextAreaElement) {
        event.preventDefault();
        void submit();
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
      const holder = event.target instanceof Element ? event.target.closest("fieldset") : null;
      const scope = holder ?? form.querySelector("fieldset");
      const radio = /** @type {HTMLInputElement | null} */ (scope?.querySelector(`input[data-digit="${event.key}"]`) ?? null);
      if (!radio) return;
      event.preventDefault();
      radio.checked = true;
      radio.focus();
      if (only && radio.dataset["weak"] === undefined) void submit();
    };
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.replaceChildren(form);
    dialog.showModal();
    const begin = question.fields[0];
    if (begin) first(form, begin.name)?.focus();
  });
}

/**
 * @param {Field} field
 * @param {boolean} alone
 * @returns {HTMLElement}
 */
function drawn(field, alone) {
  if (field.kind === "choice") {
    return el(
      "fieldset",
      { class: "ask-choices" },
      el("legend", alone ? { class: "unseen" } : {}, field.label),
      ...(field.choices ?? []).map((choice, at) =>
        el(
          "label",
          { class: choice.weak ? "ask-choice weak" : "ask-choice" },
          el("input", {
            type: "radio", name: field.name, value: choice.value, "data-digit": at < 9 ? at + 1 : null,
            "data-weak": choice.weak, checked: field.value === choice.value || (alone && at === 0 && !choice.weak),
          }),
          at < 9 ? key(String(at + 1)) : el("span", { class: "no-key" }),
          el("span", { class: "ask-label" }, el("b", {}, choice.label), choice.detail ? el("small", {}, choice.detail) : null),
          choice.side ? el("span", { class: "ask-side" }, choice.side) : null,
        ),
      ),
    );
  }
  const id = `ask-${field.name}`;
  const limits = { id, name: field.name, class: "field", autocomplete: "off", maxlength: field.limit ?? null };
  let input;
  if (field.kind === "text") input = el("textarea", { ...limits, rows: field.lines ?? 3, "data-lines": field.lines ?? null }, field.value ?? "");
  else if (field.kind === "pick") {
    const choices = (field.choices ?? []).map(({ value, label }) => el("option", { value, selected: value === field.value }, label));
    input = el("select", { id, name: field.name, class: "field" }, el("option", { value: "" }, ""), ...choices);
  } else input = el("input", { ...limits, type: field.kind === "line" ? "text" : field.kind, value: field.value ?? null, list: field.suggestions ? `${id}-list` : null });
  return el(
    "div",
    { class: "ask-field" },
    el("label", { class: "over", for: id }, field.optional ? `${field.label} (may stay empty)` : field.label),
    input,
    field.suggestions ? el("datalist", { id: `${id}-list` }, ...field.suggestions.map((value) => el("option", { value }))) : null,
  );
}

/**
 * @param {HTMLElement} form
 * @param {string} name
 * @returns {HTMLElement | null}
 */
function first(form, name) {
  return form.querySelector(`[name="${name}"]:checked`) ?? form.querySelector(`[name="${name}"]`);
}

/**
 * @param {HTMLElement} form
 * @param {Field[]} fields
 * @returns {Record<string, string>}
 */
function read(form, fields) {
  const data = new FormData(/** @type {HTMLFormElement} */ (form));
  return Object.fromEntries(fields.map((field) => [field.name, String(data.get(field.name) ?? "").trim()]));
}
