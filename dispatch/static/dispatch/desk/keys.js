// Keys: every action of the desk has one. While somebody types, only those with Alt and the function keys act.

import { byId, el, key } from "./dom.js";

/** @typedef {{keys: string[], words: string, group: string, run: (event: KeyboardEvent) => void | boolean, typing?: boolean}} Binding */

/** @type {Binding[]} */
const bindings = [];

/**
 * @param {string} group
 * @param {string} keys "s", "Alt+1", several parted by spaces; the first is shown
 * @param {string} words
 * @param {(event: KeyboardEvent) => void | boolean} run returns false when it did nothing
 * @param {{typing?: boolean}} [how] whether it acts while somebody types
 */
export function bind(group, keys, words, run, { typing = false } = {}) {
  bindings.push({ keys: keys.split(" "), words, group, run, typing });
}

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const base = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const digit = event.altKey && /^Digit\d$/.test(event.code) ? event.code.slice(5) : base;
  return [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", digit].filter(Boolean).join("+");
}

/** Begin to listen. */
export function begin() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const target = event.target;
    const typing =
      target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && !["radio", "checkbox"].includes(target.type));
    const button = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const name = nameOf(event);
    // Enter on a button is that button's.
    if (button && name === "Enter") return;
    for (const binding of bindings) {
      if (!binding.keys.includes(name) || (typing && !binding.typing)) continue;
      if (binding.run(event) === false) continue;
      event.preventDefault();
      return;
    }
  });
}

/** Show all keys, by what they are for. */
export function help() {
  /** @type {HTMLDialogElement} */
  const dialog = byId("help");
  const groups = [...new Set(bindings.map((binding) => binding.group))];
  dialog.replaceChildren(
    el(
      "div",
      { class: "help" },
      el("h2", { id: "help-title" }, "All keys"),
      el("p", {}, "While you type in a field, those with Alt and the function keys act."),
      el(
        "div",
        { class: "help-groups" },
        ...groups.map((group) =>
          el(
            "section",
            {},
            el("h3", {}, group),
            el("dl", {}, ...bindings.filter((one) => one.group === group && one.words).flatMap((one) => [el("dt", {}, ...caps(one.keys)), el("dd", {}, one.words)])),
          ),
        ),
      ),
      el("form", { method: "dialog" }, el("button", { class: "button main" }, "Close ", key("Esc"))),
    ),
  );
  dialog.showModal();
}

/** @param {string[]} keys */
function caps(keys) {
  return keys.slice(0, 2).flatMap((name, at) => [at > 0 ? " or " : "", key(name.replace("ArrowDown", "↓").replace("ArrowUp", "↑").replace(/^([a-z])$/, (letter) => letter.toUpperCase()).replace(/\+([a-z])$/, (_, letter) => `+${letter.toUpperCase()}`))]);
}
