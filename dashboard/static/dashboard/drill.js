// Start a drill: a request for backup that is marked TEST everywhere, and rings like a real one.

import { wake } from "../dispatch/backup/alarm.js";
import { NoAnswer, jsonFetcher } from "../tablets/http.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
const form = /** @type {HTMLFormElement} */ (document.getElementById("drill"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
/** One id until it is known what became of it: pressed again, it counts once. @type {string | null} */
let id = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void start(Number(new FormData(form).get("unit")));
});

/** @param {number} unit */
async function start(unit) {
  button.disabled = true;
  problem.hidden = true;
  id ??= crypto.randomUUID();
  try {
    await fetchJson("/api/actions/backup.raise_by_radio/", { id, args: { unit, drill: true, asked_by: "Drill" } });
    id = null;
    form.reset();
    wake();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.status !== 0) id = null;
    problem.textContent = error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message;
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}
