// Reports, as supervisors see to them: read one, send it back, say that one is not owed, that one was made to the authorities.

import { begin, bind, help } from "../../dispatch/desk/keys.js";
import { LiveList, here, step } from "../../dispatch/live_list.js";
import { REFRESH_MS, askToDo, doTo, doers, instant } from "../board/doing.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
/** @type {{madeTo: [string, string][]}} */
const facts = JSON.parse(document.getElementById("facts")?.textContent ?? '{"madeTo": []}');
const root = /** @type {HTMLElement} */ (document.getElementById("list"));
const list = new LiveList({ root, address: () => String(root.dataset["fragment"]), everyMs: REFRESH_MS, drawn: roving });

/** @returns {HTMLElement[]} */
function rows() {
  return [...root.querySelectorAll(/** @type {"li"} */ ("li.row"))];
}

/** One row is reached by Tab, the others from there by keys. */
function roving() {
  const all = rows();
  const current = here(all) ?? all[0];
  for (const row of all) row.tabIndex = row === current ? 0 : -1;
}

/** @param {HTMLElement} row */
async function read(row) {
  const said = /** @type {HTMLElement} */ (row.querySelector(".row-said"));
  const button = /** @type {HTMLButtonElement} */ (row.querySelector('[data-do="read"]'));
  if (button.disabled) return;
  if (said.hidden) {
    // Nothing that was read stays in the page when it is put away: it is asked for again, and that is in the record, too.
    button.disabled = true;
    const answer = await fetch(`/care/reports/${row.dataset["report"]}/`, {
      method: "POST",
      headers: { "X-CSRFToken": csrf },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    }).catch(() => null);
    button.disabled = false;
    said.innerHTML = answer?.ok ? await answer.text() : "";
    if (!answer?.ok) said.textContent = answer ? "It cannot be opened here." : "No answer from the server.";
    said.hidden = false;
    row.dataset["busy"] = "";
  } else {
    said.hidden = true;
    said.replaceChildren();
    delete row.dataset["busy"];
  }
  button.textContent = said.hidden ? "Read it" : "Put away";
  button.setAttribute("aria-expanded", String(!said.hidden));
}

/**
 * @param {HTMLElement} row
 * @param {string} kind
 * @param {Record<string, any>} args
 * @param {string} words
 */
async function does(row, kind, args, words) {
  if (await doTo(row, kind, { encounter: row.dataset["report"], ...args }, words)) over(row);
}

/** @typedef {import("../../dispatch/desk/dialogs.js").Question} Question */

/**
 * @param {HTMLElement} row
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => {kind: string, args: Record<string, any>, words: string}} what
 */
async function asks(row, question, what) {
  if (await askToDo(row, question, what)) over(row);
}

/** @param {HTMLElement} row */
function over(row) {
  row.classList.add("over");
  setTimeout(() => void list.look(), 600);
}

/** @type {Record<string, (row: HTMLElement) => Promise<void>>} */
const DOES = {
  read,
  seen: (row) => does(row, "encounter.seen", {}, "Kept: you have looked at it."),
  back: (row) => {
    const question = {
      title: `Send the report of ${row.dataset["name"]} back?`,
      text: "Its author signs it again. What was signed first is kept.",
      confirm: "Send back",
      fields: /** @type {Question["fields"]} */ ([{ kind: "text", name: "note", label: "What is to be looked at", limit: 2000 }]),
    };
    return asks(row, question, (answer) => ({ kind: "encounter.return", args: { encounter: row.dataset["report"], note: answer["note"] }, words: "Sent back." }));
  },
  excuse: (row) => {
    const question = {
      title: `Is the report of ${row.dataset["name"]} not owed?`,
      text: "It leaves its author's tablet. What it says is kept.",
      confirm: "Not owed",
      danger: true,
      fields: /** @type {Question["fields"]} */ ([{ kind: "line", name: "note", label: "Why", limit: 400, suggestions: ["The partner wrote it", "The crew did not meet anybody"] }]),
    };
    return asks(row, question, (answer) => ({ kind: "encounter.excuse", args: { encounter: row.dataset["report"], note: answer["note"] }, words: "Not owed any more." }));
  },
  made: (row) => {
    const question = {
      title: `It was reported: ${row.dataset["name"]}`,
      confirm: "It was made",
      fields: /** @type {Question["fields"]} */ ([
        { kind: "choice", name: "made_to", label: "To whom", choices: facts.madeTo.map(([value, label]) => ({ value, label })) },
        { kind: "datetime-local", name: "made_at", label: "When" },
        { kind: "line", name: "number", label: "Its number there", limit: 60, optional: true },
      ]),
    };
    return asks(row, question, (answer) => ({
      kind: "encounter.report_made",
      args: { encounter: row.dataset["report"], met: Number(row.dataset["met"]), made_to: answer["made_to"], made_at: instant(answer["made_at"]), number: answer["number"] },
      words: "Kept. The clock has stopped.",
    }));
  },
};

root.addEventListener("focusin", roving);
const doHere = doers(root, DOES, rows);

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next report", () => step(rows(), 1));
bind("Move", "k ArrowUp", "Report before", () => step(rows(), -1));
bind("Move", ".", "Show what is new", () => list.show());
bind("This report", "e Enter", "Read it, or put it away", () => doHere("read"));
bind("This report", "s", "Looked at, or made", () => doHere("seen", "made"));
bind("This report", "b", "Send back", () => doHere("back"));
bind("This report", "x", "Not owed", () => doHere("excuse"));
bind("Page", "?", "All keys", help);
begin();
roving();
