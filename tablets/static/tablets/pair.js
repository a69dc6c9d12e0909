/**
 * Trade a one-time code for this tablet's token. The token goes into a cookie that no script can read.
 */

import { backup } from "./backup/here.js";
import { NoAnswer, jsonFetcher } from "./http.js";

const fetchJson = jsonFetcher({ headers: { "X-Tablet": "1" } });
const form = /** @type {HTMLFormElement} */ (document.getElementById("pair"));
const code = /** @type {HTMLInputElement} */ (document.getElementById("code"));
const problem = /** @type {HTMLElement} */ (document.getElementById("problem"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));

/** @param {string} text */
function tidy(text) {
  const plain = text.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 24);
  return (plain.match(/.{1,4}/g) ?? []).join("-");
}

async function pair() {
  problem.textContent = "";
  code.removeAttribute("aria-invalid");
  if (!code.value.trim()) {
    problem.textContent = "Type the code first.";
    code.focus();
    return;
  }
  button.disabled = true;
  button.textContent = "Pairing…";
  try {
    await fetchJson("/api/tablets/pair/", { code: code.value });
    backup.paired();
    location.replace("/tablet/sign-on/");
    return;
  } catch (error) {
    const { status, problem: why } = /** @type {NoAnswer} */ (error);
    problem.textContent = status === 0 ? "No answer from the server. Check the connection and try again." : why.message;
    code.setAttribute("aria-invalid", "true");
    code.focus();
  }
  button.disabled = false;
  button.textContent = "Pair";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void pair();
});
code.addEventListener("input", () => {
  if (code.selectionStart === code.value.length) code.value = tidy(code.value);
});

// A code that was scanned came in the fragment. It is used once; it need not stay in the history.
const scanned = decodeURIComponent(location.hash.slice(1));
if (scanned) {
  history.replaceState(null, "", location.pathname);
  code.value = tidy(scanned);
  void pair();
} else {
  code.focus();
}
