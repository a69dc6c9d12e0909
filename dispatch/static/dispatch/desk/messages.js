// Short notes with a crew about its call. Quiet: they make no sound, and a mark says how far each one came.

import { wallTime } from "../../tablets/times.js";
import { does, named } from "./commands.js";
import { ask } from "./dialogs.js";
import { el } from "./dom.js";
import { ms } from "./model.js";
import { act, all, facts, one, zone } from "./store.js";

/** @typedef {import("./model.js").Doc} Doc */

const words = facts.words;
/** What this page has said it showed. @type {Set<string>} */
const told = new Set();

/** @param {string} call */
export const thread = (call) => all("message").filter((row) => String(row["call"]) === call).sort((a, b) => ms(a["at"]) - ms(b["at"]) || Number(a.id) - Number(b.id));

/**
 * What a crew wrote is delivered when a console holds it, and read when its call is open before somebody.
 *
 * @param {string | null} open the call that is shown now
 */
export function mark(open) {
  for (const row of all("message")) {
    if (row["origin"] !== "UNIT" || row["read_at"]) continue;
    const read = String(row["call"]) === open && document.visibilityState === "visible" && document.hasFocus();
    const kind = read ? "message.read" : "message.deliver";
    if (told.has(`${kind} ${row.id}`) || (!read && row["delivered_at"])) continue;
    told.add(`${kind} ${row.id}`);
    void act(kind, { message: Number(row.id) });
  }
}

/** How many of a crew's messages nobody at the desk has read. @param {string} call */
export const unread = (call) => thread(call).filter((row) => row["origin"] === "UNIT" && !row["read_at"]).length;

/**
 * @param {Doc} call
 * @param {boolean} open
 */
export function messageRows(call, open) {
  const rows = thread(call.id);
  const units = call["units"] ?? [];
  if (!rows.length && !(open && units.length)) return [];
  const several = units.length > 1;
  return [
    el("h3", { "data-part": "messages" }, `Messages ${rows.length || ""}`),
    ...rows.map((row) => {
      const sign = one("unit", row["unit"])?.["call_sign"] ?? "the crew";
      const own = row["origin"] === "DESK";
      const came = row["read_at"] ? `read ${at(row["read_at"])}` : row["delivered_at"] ? `on its tablet ${at(row["delivered_at"])}` : "not on its tablet yet";
      return el("div", { class: `note message ${own ? "own" : "theirs"}` }, el("time", {}, at(row["at"])), el("p", {}, row["text"], el("small", {}, own ? `${row["by"]} to ${sign} · ${came}` : row["by"])));
    }),
    open && units.length
      ? el("div", { class: "holder-acts" }, ...units.map((/** @type {Doc} */ unit) => el("button", { type: "button", class: "button", "data-focus": `message-${unit["unit"]}`, click: () => write(call, unit) }, several ? `Write to ${unit["call_sign"]}…` : "Write…")))
      : null,
  ];
}

/** @param {string} iso */
const at = (iso) => wallTime(iso, zone(), { seconds: true });

/**
 * @param {Doc} call
 * @param {Doc} unit
 */
async function write(call, unit) {
  const answer = await ask({
    title: `To ${unit["call_sign"]}: ${named(call)}`,
    text: "Its tablet makes no sound of it. What cannot wait is for the radio.",
    confirm: "Send",
    fields: [
      { kind: "text", name: "text", label: "In your words", optional: true, limit: 500 },
      { kind: "choice", name: "canned", label: "Or a phrase", optional: true, choices: Object.entries(words.canned).map(([value, label]) => ({ value, label })) },
    ],
  });
  if (!answer || (!answer["text"] && !answer["canned"])) return;
  const what = answer["text"] ? { text: answer["text"] } : { canned: answer["canned"] };
  await does("message.send", { call: Number(call.id), unit: unit["unit"], ...what }, "Sent.");
}
