// The live line of coordinators' pages: it carries that something changed; what it is about is asked for, and entered.

import { jsonFetcher } from "../../tablets/http.js";
import { Line } from "../../tablets/line.js";
import { Replica } from "../../tablets/replica.js";
import { clock } from "../../tablets/times.js";

// Several changes of one moment are one question.
const SOON_MS = 400;
const OURS = ["coordinators.", "supervisors."];

/**
 * Listen, and say when anything that coordinators hear of has changed.
 *
 * @param {() => void} changed
 */
export function listen(changed) {
  const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
  const replica = new Replica();
  let soon = 0;
  let begun = false;
  replica.listen((changes) => {
    // What is there already when the line begins is on the page.
    if (!begun || !changes.some(({ stream }) => OURS.some((ours) => stream.startsWith(ours)))) return;
    clearTimeout(soon);
    soon = window.setTimeout(changed, SOON_MS);
  });
  const line = new Line({
    replica,
    clock,
    fetchJson: jsonFetcher({ headers: { "X-CSRFToken": csrf, "X-Background": "1" } }),
    onState: ({ state }) => {
      document.documentElement.dataset["line"] = state;
      if (state === "live") begun = true;
    },
    // Requests for backup have a watch of their own on the pages of those whom they concern.
    onBackup: () => {},
    onSignedOff: () => location.assign("/"),
  });
  line.start();
}
