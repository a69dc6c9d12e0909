// What both halves of the programme's page share: it is asked for anew after a change, and what is wrong stands at its field.

/**
 * Ask for the page as it is now.
 *
 * @returns {Promise<Document | null>} null where no answer came
 */
export async function renewed() {
  const answer = await fetch(location.pathname, { credentials: "same-origin", cache: "no-store", redirect: "error" }).catch(() => null);
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

/**
 * Put what the page says now in the place of what it said.
 *
 * @param {Document} page
 * @param {string[]} ids of elements
 */
export function redraw(page, ids) {
  for (const id of ids) {
    const now = page.getElementById(id);
    if (now) document.getElementById(id)?.replaceWith(now);
  }
}

/**
 * Say what is wrong beneath a field, or, with no words, that nothing is.
 *
 * @param {HTMLElement} place
 * @param {string} words
 * @param {HTMLElement[]} fields what it is about
 */
export function complain(place, words, fields) {
  place.textContent = words;
  place.hidden = !words;
  for (const field of fields) {
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

/**
 * Say how something went, where screen readers hear it.
 *
 * @param {HTMLElement} place
 * @param {string} words
 * @param {"" | "good" | "bad"} tone
 */
export function say(place, words, tone) {
  place.textContent = words;
  place.className = `said-line ${tone}`;
}
