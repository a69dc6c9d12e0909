// The lists beside the board: take notice, take over, close; by taps or by keys.

import { begin, bind, help } from "../../dispatch/desk/keys.js";
import { LiveList, here, step } from "../../dispatch/live_list.js";
import { REFRESH_MS, askToDo, doTo, doers } from "./doing.js";
import { listen } from "./line.js";

const root = /** @type {HTMLElement} */ (document.getElementById("list"));
const list = new LiveList({ root, address: () => String(root.dataset["fragment"]), everyMs: REFRESH_MS, drawn: roving });

/** @returns {HTMLElement[]} */
function rows() {
  return [...root.querySelectorAll(/** @type {"li"} */ ("li.row"))];
}

function roving() {
  const all = rows();
  const current = here(all) ?? all[0];
  for (const row of all) row.tabIndex = row === current ? 0 : -1;
}

/** @typedef {import("../../dispatch/desk/dialogs.js").Question} Question */

/**
 * @param {HTMLElement} row
 * @param {string} kind
 * @param {Record<string, any>} args
 * @param {string} words
 */
async function does(row, kind, args, words) {
  if (await doTo(row, kind, args, words)) over(row);
}

/**
 * @param {HTMLElement} row
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => {kind: string, args: Record<string, any>, words: string}} what
 */
async function asks(row, question, what) {
  if (await askToDo(row, question, what)) over(row);
}

/**
 * It is settled, and stands there until the list is drawn anew: nothing of it can be pressed twice.
 *
 * @param {HTMLElement} row
 */
function over(row) {
  row.classList.add("over");
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  setTimeout(() => void list.look(), 600);
}

/** @type {Record<string, (row: HTMLElement) => Promise<void>>} */
const DOES = {
  seen: (row) => does(row, "contact.seen", { contact: Number(row.dataset["contact"]) }, "Seen."),
  unlink: (row) => {
    const question = { title: `It was not ${row.dataset["name"]}?`, text: "The call is no longer theirs: its crew cannot read the record any more.", confirm: "It was somebody else", danger: true, fields: [] };
    return asks(row, question, () => ({ kind: "client.unlink", args: { contact: Number(row.dataset["contact"]) }, words: "The call is no longer theirs." }));
  },
  take: (row) => does(row, "intake.take", { intake: Number(row.dataset["intake"]) }, "Yours. Whoever referred sees that it was received."),
  close: (row) => {
    const question = {
      title: `Close “${row.dataset["name"]}”`,
      text: "Whoever referred hears only that it is closed.",
      confirm: "Close",
      fields: /** @type {Question["fields"]} */ ([
        { kind: "text", name: "note", label: "What came of it", limit: 2000 },
        { kind: "number", name: "client", label: "Number of the record that it led to", optional: true },
      ]),
    };
    return asks(row, question, (answer) => ({
      kind: "intake.close",
      args: { intake: Number(row.dataset["intake"]), note: answer["note"], client: answer["client"] ? Number(answer["client"]) : null },
      words: "Closed.",
    }));
  },
  opened: (row) => does(row, "break_glass.seen", { break_glass: Number(row.dataset["opened"]) }, "Kept: you have looked at it."),
};

root.addEventListener("focusin", roving);
const doHere = doers(root, DOES, rows);

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next", () => step(rows(), 1));
bind("Move", "k ArrowUp", "Before", () => step(rows(), -1));
bind("Move", "o", "Open the record", () => {
  const link = /** @type {HTMLAnchorElement | null | undefined} */ (here(rows())?.querySelector('.row-what a[href^="/care/people/"]'));
  if (!link) return false;
  link.click();
  return true;
});
bind("Move", ".", "Show what is new", () => list.show());
bind("Do", "s", "Seen, or take it", () => doHere("seen", "take", "opened"));
bind("Do", "x", "Close, or somebody else", () => doHere("close", "unlink"));
bind("Page", "?", "All keys", help);
begin();
roving();
listen(() => void list.look());
