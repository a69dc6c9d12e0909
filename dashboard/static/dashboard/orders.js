// What a supervisor can order a tablet to do at its next contact. Nothing is ordered with one press.

import { ask } from "../dispatch/desk/dialogs.js";
import { NoAnswer, jsonFetcher } from "../tablets/http.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });

/** @type {Map<string, string>} one id for an order that got no answer: given again, it counts once */
const ids = new Map();

/**
 * Ask whether it is meant, and give the order.
 * @param {"resync" | "purge"} what
 * @param {{tablet: number, name: string, lost: string}} of `lost` says what has not come from it yet
 * @returns {Promise<{done: boolean, words: string} | null>} null when the supervisor went back
 */
export async function order(what, { tablet, name, lost }) {
  const question =
    what === "resync"
      ? {
          title: `Fill ${name} anew?`,
          text: `At its next contact it lets go of what it shows and gets all of it again. ${lost} It goes on working meanwhile. Nothing that it has not sent is lost.`,
          confirm: "Fill it anew",
          fields: [],
        }
      : {
          title: `Erase ${name}?`,
          text: `At its next contact it erases what it shows, sends the reports that still wait on it, which are kept here for you, and says what is gone.\n\n${lost} Photos that it has not sent are lost, and so is what the server takes in none of several tries; it says how many reports that was. Until it has contact nothing happens to it; when its lease is over, what it holds cannot be read.\n\nIt stays paired: its crew can sign on again. Revoke it, too, when it is in strange hands.`,
          danger: true,
          confirm: "Order it to erase itself",
          fields: [],
        };
  if ((await ask(question)) === null) return null;
  const key = `${what} ${tablet}`;
  const id = ids.get(key) ?? crypto.randomUUID();
  ids.set(key, id);
  try {
    await fetchJson(`/api/actions/tablet.${what}/`, { id, args: { tablet } });
    ids.delete(key);
    return { done: true, words: what === "resync" ? "Ordered: it is filled anew at its next contact." : "Ordered: it erases itself at its next contact." };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.status !== 0) ids.delete(key);
    return { done: false, words: error.status === 0 ? "No answer from the server. Order it again: it counts once." : error.message };
  }
}
