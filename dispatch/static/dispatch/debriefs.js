// The officer's debriefs: sends a comment on a debrief, once, and says whether it was taken.

import { NoAnswer, jsonFetcher } from "../tablets/http.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form.comment"))) {
  // One id for the life of the form: sent again after a lost answer, it counts once.
  const id = crypto.randomUUID();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form, id);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} id
 */
async function send(form, id) {
  const debrief = Number(/** @type {HTMLElement} */ (form.closest("[data-debrief]")).dataset["debrief"]);
  const text = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("text")).value.trim();
  const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  problem.hidden = true;
  try {
    await fetchJson(`/api/actions/${form.dataset["kind"]}/`, { id, args: { debrief, text } });
    const said = document.createElement("p");
    said.className = "said";
    said.append(`Sent: ${text}`);
    form.replaceWith(said);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    problem.textContent = error.status === 0 ? "No answer from the server. Press again: it will count once." : error.message;
    problem.hidden = false;
    button.disabled = false;
  }
}
