// Reminders on this device: asked for by a button, never by itself. What comes says how many follow-ups are due, and of whom nothing.

import { jsonFetcher } from "../../tablets/http.js";
import { Wake } from "../../tablets/wake.js";

const SCOPE = "/care/";
/** @type {Record<string, string>} */
const WORDS = {
  off: "Remind me on this device",
  on: "No reminders on this device",
};

/**
 * Show the button where this browser and this site can remind, and do what it says.
 *
 * @param {HTMLButtonElement} button
 */
export async function offer(button) {
  if (!("serviceWorker" in navigator)) return;
  const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
  const wake = new Wake({ fetchJson: jsonFetcher({ headers: { "X-CSRFToken": csrf } }), scope: SCOPE, onChange: say });

  function say() {
    button.hidden = !(wake.state in WORDS);
    button.textContent = WORDS[wake.state] ?? "";
    button.setAttribute("aria-pressed", String(wake.state === "on"));
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    const wrong = await (wake.state === "on" ? wake.turnOff() : wake.turnOn());
    button.disabled = false;
    if (wrong) button.textContent = wrong;
  });
  await navigator.serviceWorker.register(`${SCOPE}sw.js`, { scope: SCOPE }).catch(() => {});
  await Promise.race([navigator.serviceWorker.ready, new Promise((resolve) => setTimeout(resolve, 5000))]);
  await wake.look();
}
