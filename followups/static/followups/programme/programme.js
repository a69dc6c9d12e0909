// The page of what an agency decides of care after the call: limits, choices, and their keys.

import { begin, bind, help } from "../../dispatch/desk/keys.js";
import { step } from "../../dispatch/live_list.js";
import { DOES, add, inHand, rows } from "./choices.js";
import "./limits.js";

/**
 * Do the first of these that the choice in hand offers.
 *
 * @param {...string} whats
 * @returns {boolean}
 */
function doHere(...whats) {
  const row = inHand();
  const what = whats.find((one) => row?.querySelector(`[data-do="${one}"]`));
  if (!row || !what) return false;
  void DOES[what]?.(row);
  return true;
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[data-help]")) help();
  const row = /** @type {HTMLElement | null} */ (target?.closest(".choice") ?? null);
  const what = /** @type {HTMLElement | null} */ (target?.closest("[data-do]") ?? null)?.dataset["do"];
  if (row && what) void DOES[what]?.(row);
});

bind("Move", "j ArrowDown", "Next choice", () => (rows().length ? step(rows(), 1) : false));
bind("Move", "k ArrowUp", "Choice before", () => (rows().length ? step(rows(), -1) : false));
bind("This choice", "u Alt+ArrowUp", "Up", () => doHere("up"));
bind("This choice", "d Alt+ArrowDown", "Down", () => doHere("down"));
bind("This choice", "e Enter", "Change", () => doHere("change"));
bind("This choice", "r", "Retire, or bring back", () => doHere("retire", "back"));
bind("These choices", "a", "Add one", add);
bind("Page", "?", "All keys", help);
begin();
