/**
 * Short notes between the crew and the desk about its call. Quiet: a number, no sound.
 */

import { isGuarded } from "./bars.js";
import { h, icon } from "./dom.js";
import { wallTime } from "./times.js";

/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./wire.js").MessageBody} MessageBody */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").Child} Child */

/**
 * One message as the crew sees it. `mark`: how far the crew's own one came; what it got and has not read is `unread`.
 * @typedef {{id: string, text: string, by: string, at: string, own: boolean, mark: "waiting"|"sent"|"delivered"|"read", unread: boolean}} Shown
 */

/**
 * The thread of a call, oldest first: what the server has, and what waits here to be sent.
 * @param {string} call
 * @param {readonly {id: string, body: MessageBody}[]} documents
 * @param {readonly Action[]} facts what the crew did and the documents may not show
 * @param {Record<string, string>} canned
 * @returns {Shown[]}
 */
export function thread(call, documents, facts, canned) {
  const read = new Set(facts.filter(({ kind }) => kind === "message.read").map(({ args }) => String(args["message"])));
  const known = documents.filter(({ body }) => String(body.call) === call);
  /** @type {Shown[]} */
  const all = known.map(({ id, body }) => ({
    id,
    text: body.text,
    by: body.by,
    at: body.at,
    own: body.origin === "UNIT",
    mark: body.read_at ? "read" : body.delivered_at ? "delivered" : "sent",
    unread: body.origin === "DESK" && !body.read_at && !read.has(id),
  }));
  for (const { id, kind, args, state, answer, happened_at } of facts) {
    if (kind !== "message.send" || String(args["call"]) !== call || state === "refused") continue;
    // Answered, or its answer was lost: the document is here already, and it counts once.
    const shown = known.some(({ id: held, body }) => String(answer?.message) === held || (body.origin === "UNIT" && Date.parse(body.at) === Date.parse(happened_at)));
    const text = args["canned"] ? (canned[String(args["canned"])] ?? String(args["canned"])) : String(args["text"]);
    if (!shown) all.push({ id, text, by: "you", at: happened_at, own: true, mark: state === "applied" ? "sent" : "waiting", unread: false });
  }
  return all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || Number(a.id) - Number(b.id) || 0);
}

/** @param {Snapshot} s */
export const unread = (s) => s.messages.filter((message) => message.unread).length;

/** @type {Record<Shown["mark"], string>} */
const MARKS = { waiting: "waiting to send", sent: "sent", delivered: "on the desk's screen", read: "read" };

/**
 * @param {Snapshot} s
 * @param {Act} act
 */
export function messagesTool(s, act) {
  const count = unread(s);
  const words = count ? `${count} new` : s.messages.length ? `Messages ${s.messages.length}` : "Messages";
  return h("button", { class: `btn tool ${count ? "has-new" : ""}`, type: "button", onclick: act.messages, "aria-haspopup": "dialog" }, icon(count ? "mail" : "chat"), h("span", null, words));
}

/** @type {Record<string, (s: Snapshot, act: Act, ui: Ui) => [title: string, body: Child, foot?: Child]|null>} */
export const MESSAGE_SHEETS = {
  messages: (s, act, ui) => {
    if (!s.call) return null;
    return [
      "Messages with the desk",
      [
        s.messages.length
          ? h(
              "ol",
              { class: "thread", "aria-label": "Messages" },
              s.messages.map((message) =>
                h(
                  "li",
                  { class: message.own ? "own" : "theirs", key: `m-${message.id}` },
                  h("p", null, message.text),
                  h("small", { class: message.mark === "waiting" ? "unsure" : "" }, [wallTime(message.at, s.zone), message.own ? (message.mark === "waiting" && s.line.state !== "offline" ? "sending…" : MARKS[message.mark]) : "Desk"].join(" · ")),
                ),
              ),
            )
          : h("p", { class: "soft" }, "Nothing was written about this call. Messages make no sound: what cannot wait is for the radio."),
        h("div", { class: "grid canned", role: "group", "aria-label": "Phrases" }, Object.entries(act.canned()).map(([code, words]) => h("button", { class: "btn choice", type: "button", key: code, "aria-disabled": isGuarded(ui), onclick: () => act.sendMessage({ canned: code }) }, words))),
        h("label", { for: "text" }, "Or in your words"),
        h("textarea", { id: "text", name: "text", rows: "2", maxlength: "500", autocomplete: "off" }),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
      h("button", { class: "btn next", type: "button", "aria-disabled": isGuarded(ui), onclick: act.writeMessage }, "Send"),
    ];
  },
};
