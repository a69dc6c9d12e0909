// The board of second responses: say what was tried, give it to somebody, move it, send a unit, end it; by taps or by keys.

import { ask } from "../../dispatch/desk/dialogs.js";
import { begin, bind, help } from "../../dispatch/desk/keys.js";
import { LiveList, here, step } from "../../dispatch/live_list.js";
import { REFRESH_MS, askToDo, choices, doTo, facts, instant, named } from "./doing.js";
import { listen } from "./line.js";
import * as map from "./map.js";
import { offer } from "./remind.js";

/** @typedef {import("../../dispatch/desk/dialogs.js").Field} Field */

const root = /** @type {HTMLElement} */ (document.getElementById("list"));
let query = location.search;
const list = new LiveList({ root, address: () => `${root.dataset["fragment"]}${query}`, everyMs: REFRESH_MS, drawn });

function drawn() {
  roving();
  map.show(rows());
}

/** @returns {HTMLElement[]} */
function rows() {
  return [...root.querySelectorAll(/** @type {"li"} */ (".row"))];
}

// Tab reaches one row and what is in it; the others are for keys.
function roving() {
  const all = rows();
  const current = here(all) ?? all[0];
  for (const row of all) {
    row.tabIndex = row === current ? 0 : -1;
    row.classList.toggle("here", row === here(all));
  }
}

/**
 * @param {HTMLElement} row
 * @returns {{follow_up: number, plan: number, name: string}}
 */
function of(row) {
  return { follow_up: Number(row.dataset["followUp"]), plan: Number(row.dataset["plan"]), name: row.dataset["name"] ?? "" };
}

/** @typedef {import("../../dispatch/desk/dialogs.js").Question} Question */

/**
 * Ask, do it, and ask for the list anew.
 *
 * @param {HTMLElement} row
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => {kind: string, args: Record<string, any>, words: string}} what
 */
async function asks(row, question, what) {
  if (await askToDo(row, question, what)) setTimeout(() => void list.look(), 400);
}

// What the policy asks about every call. What nobody knows is no no: police come too, and CARE waits for them.
const SCREENED = ["WEAPON", "VIOLENCE", "MEDICAL", "POLICE_ONLY"];
const AGAINST = [
  { value: "NOTHING", label: "Nothing does", detail: "no weapon, no threat, no medical emergency, nothing for police" },
  { value: "UNKNOWN", label: "Nobody knows", detail: "police come too, and CARE waits for them" },
  { value: "WEAPON", label: "A weapon is there" },
  { value: "VIOLENCE", label: "Somebody threatens" },
  { value: "MEDICAL", label: "A medical emergency" },
];

/**
 * @param {string} against
 * @returns {Record<string, string>} an answer to each question of the screening
 */
function screening(against) {
  return Object.fromEntries(SCREENED.map((name) => [name, against === "UNKNOWN" ? "UNKNOWN" : name === against ? "YES" : "NO"]));
}

/** @type {Record<string, {title: string, how: string}>} */
const TRIES = {
  visit: { title: "Visit to", how: "VISIT" },
  phone: { title: "Phone call to", how: "PHONE" },
  provider: { title: "Asked a provider about", how: "PROVIDER" },
};

/**
 * What came of an attempt: how was the first tap, this is the second, "Record" the third.
 *
 * @param {HTMLElement} row
 * @param {string} what
 */
async function attempt(row, what) {
  const { follow_up, name } = of(row);
  const { title, how } = /** @type {{title: string, how: string}} */ (TRIES[what]);
  /** @type {Field[]} */
  const fields = [{ kind: "choice", name: "result", label: "What came of it", choices: choices(facts.words["results"]) }];
  // A visit is two people.
  if (how === "VISIT") fields.push({ kind: "pick", name: "partner", label: "With whom", choices: named(facts.people.filter(([id]) => id !== facts.me)), optional: true });
  fields.push({ kind: "text", name: "note", label: "Note", optional: true, limit: 2000 }, { kind: "line", name: "next_step", label: "Next step", optional: true, limit: 200 });
  await asks(row, { title: `${title} ${name}`, confirm: "Record", fields }, (answer) => ({
    kind: "follow_up.attempt",
    args: { follow_up, how, result: answer["result"], note: answer["note"], next_step: answer["next_step"], partner: answer["partner"] ? Number(answer["partner"]) : null },
    words: `Recorded: ${facts.words["results"]?.[answer["result"] ?? ""]?.toLowerCase()}.`,
  }));
}

/** @type {Record<string, (row: HTMLElement) => Promise<void>>} */
const DOES = {
  visit: (row) => attempt(row, "visit"),
  phone: (row) => attempt(row, "phone"),
  provider: (row) => attempt(row, "provider"),
  assign: async (row) => {
    const { follow_up, name } = of(row);
    const question = {
      title: `Who sees to ${name}?`,
      text: "A unit has it on its tablet, without signal too. Leave both empty to give it back.",
      confirm: "Assign",
      fields: /** @type {Field[]} */ ([
        { kind: "pick", name: "person", label: "Person", choices: named(facts.people), value: row.dataset["person"] ?? "", optional: true },
        { kind: "pick", name: "unit", label: "Unit", choices: named(facts.units), value: row.dataset["unit"] ?? "", optional: true },
      ]),
    };
    await asks(row, question, (answer) => {
      const person = answer["person"] ? Number(answer["person"]) : null;
      const unit = answer["unit"] ? Number(answer["unit"]) : null;
      return { kind: "follow_up.assign", args: { follow_up, person, unit }, words: person || unit ? "Assigned." : "Nobody has it now." };
    });
  },
  move: async (row) => {
    const { follow_up, name } = of(row);
    const question = {
      title: `Move ${name} to another day`,
      confirm: "Move",
      fields: /** @type {Field[]} */ ([
        { kind: "date", name: "date", label: "Day", value: row.dataset["date"] ?? "" },
        { kind: "line", name: "reason", label: "Why", limit: 200 },
      ]),
    };
    await asks(row, question, (answer) => ({ kind: "follow_up.move", args: { follow_up, date: answer["date"], reason: answer["reason"] }, words: "Moved." }));
  },
  send: async (row) => {
    const { follow_up, name } = of(row);
    const question = {
      title: `Send a unit to ${name}`,
      text: "It becomes a call on that unit’s tablet, with the welfare clock. CAD hears “CARE visit”, no name and no reason. A visit is two people.",
      confirm: "Send",
      fields: /** @type {Field[]} */ ([
        { kind: "choice", name: "unit", label: "Unit", choices: named(facts.units) },
        { kind: "pick", name: "place", label: "What kind of place it is", choices: choices(facts.words["places"]), value: "" },
        { kind: "choice", name: "against", label: "Does anything speak against CARE going alone?", choices: AGAINST },
      ]),
    };
    await asks(row, question, (answer) => ({
      kind: "follow_up.send",
      args: { follow_up, unit: Number(answer["unit"]), place_kind: answer["place"], answers: screening(answer["against"] ?? "") },
      words: "Sent. The unit’s tablet will ring.",
    }));
  },
  finish: async (row) => {
    const { follow_up, name } = of(row);
    const question = {
      title: `How did it end with ${name}?`,
      text: "This second response is done; the plan goes on with its next step.",
      confirm: "Finish",
      fields: /** @type {Field[]} */ ([{ kind: "choice", name: "outcome", label: "Outcome", choices: choices(facts.words["outcomes"]) }]),
    };
    await asks(row, question, (answer) => ({ kind: "follow_up.finish", args: { follow_up, outcome: answer["outcome"] }, words: "Done." }));
  },
  cancel: async (row) => {
    const { follow_up, name } = of(row);
    const fields = /** @type {Field[]} */ ([{ kind: "line", name: "reason", label: "Why", limit: 200 }]);
    await asks(row, { title: `Cancel the second response to ${name}?`, confirm: "Cancel it", danger: true, fields }, (answer) => ({ kind: "follow_up.cancel", args: { follow_up, reason: answer["reason"] }, words: "Cancelled." }));
  },
  plan: async (row) => {
    const { plan, name } = of(row);
    const first = await ask({
      title: `The plan for ${name}`,
      confirm: "Next",
      fields: [
        {
          kind: "choice", name: "what", label: "What happens with it",
          choices: [{ value: "close", label: "Close it early", detail: "nothing of it is due any more" }, ...choices(facts.words["pauses"]).map(({ value, label }) => ({ value, label: `Pause it: ${label.toLowerCase()}`, detail: "counted anew from the release" }))],
        },
      ],
    });
    if (!first) return;
    if (first["what"] !== "close") {
      if (await doTo(row, "plan.pause", { plan, reason: first["what"] }, "Paused.")) setTimeout(() => void list.look(), 400);
      return;
    }
    const question = {
      title: `Close the plan for ${name} early`,
      confirm: "Close the plan",
      danger: true,
      fields: /** @type {Field[]} */ ([
        { kind: "choice", name: "reason", label: "Why", choices: choices(facts.words["closes"]) },
        { kind: "text", name: "note", label: "Note", optional: true, limit: 1000 },
      ]),
    };
    await asks(row, question, (answer) => ({ kind: "plan.close", args: { plan, reason: answer["reason"], note: answer["note"] }, words: "The plan is closed." }));
  },
  resume: async (row) => {
    const { plan, name } = of(row);
    const question = {
      title: `When was ${name} released?`,
      text: "What is left of the plan is counted from then.",
      confirm: "Go on",
      fields: /** @type {Field[]} */ ([{ kind: "datetime-local", name: "released_at", label: "Released; now where it is empty", optional: true }]),
    };
    await asks(row, question, (answer) => ({ kind: "plan.resume", args: { plan, released_at: instant(answer["released_at"]) }, words: "The plan goes on." }));
  },
};

/** @param {string} search */
function go(search) {
  query = search;
  history.replaceState(null, "", `${location.pathname}${search}`);
  void list.look({ whole: true });
}

function narrow() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(/** @type {HTMLFormElement} */ (document.getElementById("filters")))) if (value) asked.append(name, String(value));
  go(asked.size ? `?${asked}` : "?");
}

root.addEventListener("change", (event) => {
  if (event.target instanceof Element && event.target.closest("#filters")) narrow();
});
root.addEventListener("submit", (event) => {
  event.preventDefault();
  narrow();
});
root.addEventListener("focusin", () => {
  roving();
  map.point(here(rows()));
});
root.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const row = /** @type {HTMLElement | null} */ (target?.closest(".row") ?? null);
  const button = /** @type {HTMLElement | null} */ (target?.closest("[data-do]") ?? null);
  const link = /** @type {HTMLAnchorElement | null} */ (target?.closest("a.plain") ?? null);
  if (row && button) void DOES[button.dataset["do"] ?? ""]?.(row);
  else if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    window.scrollTo({ top: 0 });
    go(new URL(link.href).search);
  }
});

/** @param {string} what */
function doHere(what) {
  const row = here(rows());
  if (!row?.querySelector(`[data-do="${what}"]`)) return false;
  void DOES[what]?.(row);
  return true;
}

/** @param {string} show */
function show(show) {
  const radio = /** @type {HTMLInputElement | null} */ (root.querySelector(`#filters input[name="show"][value="${show}"]`));
  if (!radio) return;
  radio.checked = true;
  narrow();
}

document.querySelector("[data-help]")?.addEventListener("click", help);
bind("Move", "j ArrowDown", "Next", () => step(rows(), 1));
bind("Move", "k ArrowUp", "Before", () => step(rows(), -1));
bind("Move", "o", "Open the record", () => {
  const link = /** @type {HTMLAnchorElement | null | undefined} */ (here(rows())?.querySelector(".row-what a"));
  if (!link) return false;
  link.click();
  return true;
});
bind("Move", ".", "Show what is new", () => list.show());
bind("Which", "1", "To do", () => show(""));
bind("Which", "2", "Overdue", () => show("overdue"));
bind("Which", "3", "Today", () => show("today"));
bind("Which", "4", "Coming", () => show("coming"));
bind("Which", "5", "Paused", () => show("waiting"));
bind("Tried", "v", "Visited", () => doHere("visit"));
bind("Tried", "p", "Phoned", () => doHere("phone"));
bind("Tried", "r", "Asked a provider", () => doHere("provider"));
bind("Do", "a", "Assign", () => doHere("assign"));
bind("Do", "m", "Move to another day", () => doHere("move"));
bind("Do", "s", "Send a unit", () => doHere("send"));
bind("Do", "f", "Finish", () => doHere("finish"));
bind("Do", "c", "The plan: pause, close, go on", () => doHere("plan") || doHere("resume") || doHere("cancel"));
bind("Page", "?", "All keys", help);
begin();
map.begin({
  choose: (key) => {
    const row = rows().find((one) => one.dataset["key"] === key);
    row?.focus();
    row?.scrollIntoView({ block: "center" });
  },
});
drawn();
listen(() => void list.look());

void offer(/** @type {HTMLButtonElement} */ (document.getElementById("remind")));
