// Short sentences about what was just done, at the foot of the page; a refusal stays longer and is read out at once.

import { byId, el, icon } from "./dom.js";

const STAY_MS = { good: 4_000, bad: 14_000, wait: 600_000, info: 6_000 };
const ICONS = { good: "check_circle", bad: "error", wait: "hourglass_empty", info: "info" };

/**
 * Say something. `after` holds it back, for what is usually over before.
 *
 * @param {string} text
 * @param {{kind: "good" | "bad" | "wait" | "info", after?: number}} how
 * @returns {{end: () => void}}
 */
export function tell(text, { kind, after = 0 }) {
  /** @type {HTMLElement | null} */
  let node = null;
  const end = () => {
    clearTimeout(start);
    node?.remove();
  };
  const show = () => {
    node = el(
      "div",
      { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" },
      icon(ICONS[kind]),
      el("span", {}, text),
      kind === "bad" ? el("button", { type: "button", class: "toast-shut", "aria-label": "Close", click: end }, icon("close")) : null,
    );
    const holder = byId("toasts");
    holder.append(node);
    while (holder.children.length > 4) holder.firstElementChild.remove();
    setTimeout(end, STAY_MS[kind]);
  };
  const start = setTimeout(show, after);
  return { end };
}
