// The page of one person, and the way to it: each button asks what is missing, does one thing, and shows the page anew.

import { el } from "../../dispatch/desk/dom.js";
import { act, askAndDo, choices, facts, instant, named, whyNot } from "./doing.js";

/** @typedef {import("../../dispatch/desk/dialogs.js").Field} Field */
/** @typedef {import("../../dispatch/desk/dialogs.js").Question} Question */
/** @typedef {DOMStringMap} Told what the button says of what it is for */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const head = document.getElementById("record");
const client = Number(head?.dataset["client"]);
const plan = Number(head?.dataset["plan"]);
const name = head?.dataset["name"] ?? "";
const MONTHS_AHEAD = 6;
/** @type {Record<string, string>} what the page says of itself when it comes anew, by what was done */
const DONE = {
  "care_plan.approve": "Approved: the care plan is in force.",
  "care_plan.end": "Ended.",
  "care_plan.write": "Written. It is in force when somebody else has approved it.",
  "care_referral.make": "Referred.",
  "care_referral.tell": "Entered.",
  "client.add_caution": "Added.",
  "client.add_strategy": "Added.",
  "client.add_way": "Added.",
  "client.confirm_deceased": "Confirmed. Everything that was planned has stopped.",
  "client.merge": "They are one record now.",
  "client.not_deceased": "Taken back. What was closed stays closed.",
  "client.say_deceased": "Kept. Nothing stops before somebody else has confirmed it.",
  "client.unlink": "The call is no longer theirs.",
  "client.unmerge": "They are two records again.",
  "client.update": "Corrected.",
  "consent.end": "The consent has ended.",
  "consent.record": "The consent is in force.",
  "consent.revoke": "Revoked. Nothing goes out on it any more.",
  "contact.seen": "Seen.",
  "disclosure.make": "The copy is in the accounting.",
  "follow_up.add": "Added.",
  "plan.assign": "Kept: who sees to the plan.",
  "plan.close": "The plan is closed.",
  "plan.decline": "Kept: they declined.",
  "plan.open": "The plan is open.",
  "plan.pause": "Paused. It is counted anew from the release.",
  "plan.resume": "The plan goes on.",
};

/** @typedef {{kind: string, args: Record<string, any>, as?: Record<string, any>}} Thing `as`: what is said as it is, empty or null */

/** @type {Record<string, string | null | undefined>} what was pressed last, so that it is found when the page comes anew */
let pressed = {};

/** @param {HTMLElement} element */
function remember(element) {
  const { do: what, id, kind: under } = element.dataset;
  pressed = { what, id, under, section: element.closest("section")?.getAttribute("aria-labelledby") };
}

/**
 * Show the page anew: it is read, and entered, once more. It then says what was done, and the keys go on from where they were.
 *
 * @param {string} kind
 */
function again(kind) {
  main.dataset["busy"] = "";
  history.replaceState({ ...pressed, done: kind }, "");
  location.reload();
}

/** Say what was done before the page came anew, and put the focus back where it was, or at the heading of that. */
function goOn() {
  const before = history.state;
  if (!before?.done) return;
  history.replaceState(null, "");
  say(DONE[before.done] ?? "Done.", "good");
  const same = [...document.querySelectorAll(/** @type {"button"} */ ("button[data-do]"))].find(({ dataset }) => dataset["do"] === before.what && dataset["id"] === before.id && dataset["kind"] === before.under);
  const heading = document.getElementById(before.section ?? "");
  if (heading) heading.tabIndex = -1;
  (same ?? heading)?.focus({ preventScroll: true });
}

/**
 * @param {string} words
 * @param {string} tone
 */
function say(words, tone) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector(".row-outcome"));
  if (!place) return;
  place.textContent = words;
  place.className = `row-outcome ${tone}`;
  place.hidden = false;
}

/**
 * Do it, say how it went, and show the page anew.
 *
 * @param {Thing} thing
 */
async function does({ kind, args, as = {} }) {
  main.dataset["busy"] = "";
  say("Sending, not confirmed yet …", "");
  const outcome = await act(kind, args, as);
  if (outcome.done) return again(kind);
  delete main.dataset["busy"];
  say(`Not done. ${outcome.words}`, "bad");
}

/**
 * Ask, do it while the question stands, and show the page anew.
 *
 * @param {Omit<Question, "send">} question
 * @param {(answer: Record<string, string>) => Thing} thing
 * @param {(body: any, kind: string) => void} [then]
 */
async function asks(question, thing, then = (_, kind) => again(kind)) {
  let done = "";
  const body = await askAndDo(question, (answer) => {
    const { kind, args, as = {} } = thing(answer);
    done = kind;
    return act(kind, args, as);
  });
  if (body !== null) then(body, done);
}

/**
 * Ask before something that cannot be taken back as easily as it is said.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} confirm
 * @param {string} kind
 * @param {Record<string, any>} args
 */
function sure(title, text, confirm, kind, args) {
  return asks({ title, text, confirm, danger: true, fields: [] }, () => ({ kind, args }));
}

/** @param {number} months */
function dayIn(months) {
  const day = new Date();
  day.setMonth(day.getMonth() + months);
  return day.toLocaleDateString("en-CA");
}

/** @param {string | undefined} text one a line */
function lines(text) {
  return (text ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
}

const YES_NO = [
  { value: "no", label: "No" },
  { value: "yes", label: "Yes" },
];

/** @type {Field[]} */
const WHO = [
  { kind: "line", name: "name", label: "Name", optional: true, limit: 200 },
  { kind: "text", name: "aliases", label: "Other names, one a line", optional: true, limit: 2000, lines: 2 },
  { kind: "text", name: "looks", label: "What they look like, where there is no name", optional: true, limit: 2000 },
  { kind: "line", name: "born_on", label: "Born (1980, 1980-05 or 1980-05-17)", optional: true, limit: 10 },
  { kind: "line", name: "language", label: "Language (en, es, vi …)", optional: true, limit: 35 },
  { kind: "pick", name: "interpreter", label: "Do they need an interpreter?", choices: YES_NO, optional: true },
  { kind: "line", name: "pronouns", label: "Pronouns", optional: true, limit: 30 },
];
/** @type {Field[]} */
const HOURS = [
  { kind: "time", name: "visits_from", label: "Visited from, if not in the programme’s hours", optional: true },
  { kind: "time", name: "visits_until", label: "Visited until", optional: true },
];

/**
 * What somebody's answers say of a person, as the actions take it; empty where nothing is said.
 *
 * @param {Record<string, string>} answer
 * @returns {Record<string, any>}
 */
function person({ aliases, interpreter, visits_from, visits_until, ...said }) {
  return { ...said, aliases: lines(aliases), interpreter: interpreter === "yes", visits_from: visits_from || null, visits_until: visits_until || null };
}

/**
 * What the button says of a field.
 *
 * @param {Told} told
 * @param {string} field
 */
function known(told, field) {
  return told[field.replace(/_(.)/g, (_, letter) => letter.toUpperCase())] ?? "";
}

/** @type {Record<string, (told: Told) => Promise<void>>} */
const DOES = {
  create: async (told) => {
    const fields = WHO.map((field) => ({ ...field, value: known(told, field.name) }));
    const phone = /** @type {Field} */ ({ kind: "line", name: "phone", label: "Phone", value: told["phone"] ?? "", optional: true, limit: 30 });
    const question = { title: "A new record", text: "Only where none of those that look alike is theirs.", confirm: "Make it", fields: [...fields, phone] };
    await asks(
      question,
      (answer) => ({ kind: "client.create", args: person(answer) }),
      (body) => (told["intake"] ? void DOES["link-intake"]?.({ intake: told["intake"], clientId: String(body.client), made: "1" }) : location.assign(`/care/people/${body.client}/`)),
    );
  },
  update: async (told) => {
    const fields = [...WHO, ...HOURS].map((field) => ({ ...field, value: known(told, field.name) }));
    await asks({ title: `Correct what is known of ${name}`, confirm: "Correct", fields }, (answer) => {
      const now = person(answer);
      const before = person(Object.fromEntries(fields.map((field) => [field.name, field.value])));
      const changed = Object.keys(now).filter((field) => JSON.stringify(now[field]) !== JSON.stringify(before[field]));
      // Both hours are said, or neither.
      const said = changed.some((field) => field.startsWith("visits")) ? [...changed, "visits_from", "visits_until"] : changed;
      // What is emptied is said too: only what did not change is left out.
      return { kind: "client.update", args: { client }, as: Object.fromEntries(said.map((field) => [field, now[field]])) };
    });
  },
  "link-intake": async (told) => {
    const there = () => location.assign(`/care/people/${told["clientId"]}/`);
    const question = {
      title: told["made"] ? "The record is made. Close the referral with it?" : "Close the referral with this record",
      text: "Whoever referred hears only that it is closed. What they wrote, and your note, stand on the record from then on.",
      confirm: "Close",
      fields: /** @type {Field[]} */ ([{ kind: "text", name: "note", label: "What came of it", optional: true, limit: 2000 }]),
    };
    let closed = false;
    await asks(
      question,
      (answer) => ({ kind: "intake.close", args: { intake: Number(told["intake"]), client: Number(told["clientId"]), note: answer["note"] } }),
      () => {
        closed = true;
        there();
      },
    );
    // The record that was made is there, whatever becomes of the referral.
    if (told["made"] && !closed) there();
  },
  seen: (told) => does({ kind: "contact.seen", args: { contact: Number(told["id"]) } }),
  unlink: (told) => sure(`It was not ${name}?`, "The call is no longer theirs: its crew cannot read this record any more.", "It was somebody else", "client.unlink", { contact: Number(told["id"]) }),
  "open-plan": () => {
    const fields = /** @type {Field[]} */ ([{ kind: "line", name: "steps", label: "Days after (1, 7, 30)", optional: true, limit: 60 }]);
    return asks({ title: `Plan second responses for ${name}`, text: "Days are counted from today, in visiting hours. Without days it is the programme’s own.", confirm: "Open the plan", fields }, (answer) => {
      const steps = (answer["steps"] ?? "").split(/[^0-9]+/).filter(Boolean).map(Number);
      return { kind: "plan.open", args: { client, steps: steps.length ? steps : null } };
    });
  },
  "decline-plan": () => sure(`${name} does not want to be seen again?`, "It is kept, and nothing is planned.", "They declined", "plan.decline", { client }),
  pause: () => {
    const fields = /** @type {Field[]} */ ([{ kind: "choice", name: "reason", label: "Where they are", choices: choices(facts.words["pauses"]) }]);
    return asks({ title: `Pause the plan for ${name}`, text: "It is counted anew from the release.", confirm: "Pause", fields }, (answer) => ({ kind: "plan.pause", args: { plan, reason: answer["reason"] } }));
  },
  resume: () => {
    const fields = /** @type {Field[]} */ ([{ kind: "datetime-local", name: "released_at", label: "Released; now where it is empty", optional: true }]);
    return asks({ title: `When was ${name} released?`, confirm: "Go on", fields }, (answer) => ({ kind: "plan.resume", args: { plan, released_at: instant(answer["released_at"]) } }));
  },
  "assign-plan": (told) => {
    const fields = /** @type {Field[]} */ ([{ kind: "pick", name: "person", label: "Person", choices: named(facts.people), value: told["person"] ?? "", optional: true }]);
    return asks({ title: `Who keeps the plan for ${name}?`, confirm: "Assign", fields }, (answer) => ({ kind: "plan.assign", args: { plan }, as: { person: answer["person"] ? Number(answer["person"]) : null } }));
  },
  "close-plan": () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "choice", name: "reason", label: "Why", choices: choices(facts.words["closes"]) },
      { kind: "text", name: "note", label: "Note", optional: true, limit: 2000 },
    ]);
    return asks({ title: `Close the plan for ${name} early`, confirm: "Close the plan", danger: true, fields }, (answer) => ({ kind: "plan.close", args: { plan, reason: answer["reason"], note: answer["note"] } }));
  },
  "add-follow-up": () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "date", name: "date", label: "Day", value: dayIn(0) },
      { kind: "line", name: "reason", label: "What for", optional: true, limit: 2000 },
      { kind: "line", name: "address", label: "Where, if not where they are known to be", optional: true, limit: 200 },
      { kind: "pick", name: "person", label: "Person", choices: named(facts.people), optional: true },
      { kind: "pick", name: "unit", label: "Unit", choices: named(facts.units), optional: true },
    ]);
    return asks({ title: `See ${name} again on a day`, confirm: "Add", fields }, (answer) => ({
      kind: "follow_up.add",
      args: { client, ...answer, person: answer["person"] ? Number(answer["person"]) : null, unit: answer["unit"] ? Number(answer["unit"]) : null },
    }));
  },
  "referral-step": (told) => {
    const next = (told["next"] ?? "").split(" ");
    const fields = /** @type {Field[]} */ ([
      { kind: "choice", name: "state", label: "What was heard", choices: choices(facts.words["referrals"]).filter(({ value }) => next.includes(value)) },
      { kind: "date", name: "on", label: "On", value: dayIn(0) },
      { kind: "line", name: "said_by", label: "Who said so", limit: 200 },
      { kind: "pick", name: "warm", label: "Did somebody of us go along?", choices: YES_NO, optional: true },
      { kind: "text", name: "note", label: "Note", optional: true, limit: 2000 },
    ]);
    return asks({ title: `What was heard of ${told["to"] ?? "the referral"}?`, confirm: "Enter", fields }, ({ warm, ...answer }) => ({
      kind: "care_referral.tell",
      args: { care_referral: Number(told["id"]), ...answer, warm: warm ? warm === "yes" : null },
    }));
  },
  refer: () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "line", name: "to", label: "To", limit: 300 },
      { kind: "pick", name: "warm", label: "Does somebody go along?", choices: [{ value: "no", label: "No" }, { value: "yes", label: "Yes, a warm handover" }], value: "no" },
    ]);
    return asks({ title: `Refer ${name} to a service`, confirm: "Refer", fields }, (answer) => ({ kind: "care_referral.make", args: { client, to: answer["to"], warm: answer["warm"] === "yes" } }));
  },
  revoke: (told) => sure("Revoke this consent?", "From now on nothing goes out on it. What went out before stays accounted for.", "Revoke", "consent.revoke", { consent: Number(told["id"]) }),
  "end-consent": (told) => sure("Has it happened?", "The consent ends with it.", "It has happened", "consent.end", { consent: Number(told["id"]) }),
  "add-strategy": (told) => {
    const fields = /** @type {Field[]} */ ([{ kind: "text", name: "text", label: "In a sentence", limit: 2000 }]);
    return asks({ title: told["title"] ?? "", confirm: "Add", fields }, (answer) => ({ kind: "client.add_strategy", args: { client, kind: told["kind"], text: answer["text"] } }));
  },
  "end-strategy": (told) => does({ kind: "client.end_strategy", args: { strategy: Number(told["id"]) } }),
  "strategy-up": async (told) => {
    const list = /** @type {HTMLElement | null} */ (document.querySelector(`[data-strategies] [data-id="${told["id"]}"]`)?.closest("[data-strategies]") ?? null);
    if (!list) return;
    const order = [...list.querySelectorAll(/** @type {"li"} */ ("li[data-id]"))].map((row) => Number(row.dataset["id"]));
    const at = order.indexOf(Number(told["id"]));
    order.splice(at - 1, 2, Number(told["id"]), /** @type {number} */ (order[at - 1]));
    await does({ kind: "client.order_strategies", args: { client, kind: list.dataset["strategies"], strategies: order } });
  },
  "write-care-plan": () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "text", name: "text", label: "Plan", limit: 10_000, lines: 9 },
      { kind: "date", name: "review_on", label: "Look at it again on", value: dayIn(MONTHS_AHEAD) },
    ]);
    return asks({ title: `A care plan for ${name}`, text: "It is in force when somebody else has approved it.", confirm: "Write", fields }, (answer) => ({ kind: "care_plan.write", args: { client, ...answer } }));
  },
  "approve-care-plan": (told) => does({ kind: "care_plan.approve", args: { care_plan: Number(told["id"]) } }),
  "end-care-plan": (told) => sure("End the care plan?", "Crews no longer see it.", "End it", "care_plan.end", { care_plan: Number(told["id"]) }),
  "drop-care-plan": (told) => sure("Take this draft away?", "Nobody is asked to approve it any more. It stays in the history.", "Take it away", "care_plan.end", { care_plan: Number(told["id"]) }),
  "add-way": () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "pick", name: "kind", label: "Kind", choices: choices(facts.words["ways"]) },
      { kind: "line", name: "value", label: "Number, address, or where they usually are", limit: 300 },
      { kind: "pick", name: "may_say", label: "What may be said there", choices: choices(facts.words["maySay"]), value: "NOTHING" },
      { kind: "pick", name: "leave_message", label: "May a message be left?", choices: YES_NO, value: "no" },
      { kind: "time", name: "hours_from", label: "From", optional: true },
      { kind: "time", name: "hours_until", label: "Until", optional: true },
      { kind: "line", name: "note", label: "Note", optional: true, limit: 2000 },
    ]);
    return asks({ title: `How ${name} can be reached`, confirm: "Add", fields }, (answer) => ({ kind: "client.add_way", args: { client, ...answer, leave_message: answer["leave_message"] === "yes" } }));
  },
  "end-way": (told) => does({ kind: "client.end_way", args: { way: Number(told["id"]) } }),
  "add-caution": () => {
    const fields = /** @type {Field[]} */ ([
      { kind: "line", name: "text", label: "Behaviour", limit: 185 },
      { kind: "number", name: "days", label: "For how many days", value: "30" },
    ]);
    const text = "A behaviour, never a diagnosis and never what happened before. Dispatch sees it too, until it ends.";
    return asks({ title: "What should a crew expect?", text, confirm: "Add", fields }, (answer) => ({ kind: "client.add_caution", args: { client, text: answer["text"], days: Number(answer["days"]) } }));
  },
  "end-caution": (told) => does({ kind: "client.end_caution", args: { caution: Number(told["id"]) } }),
  "say-deceased": () => sure(`Has ${name} died?`, "A second person confirms it. Then everything that was planned stops.", "They have died", "client.say_deceased", { client }),
  "confirm-deceased": () => sure(`Confirm that ${name} has died?`, "Everything that was planned stops, and nobody is reminded any more.", "Confirm", "client.confirm_deceased", { client }),
  "not-deceased": () => sure("It is not so?", "What was closed stays closed: open a plan anew where there should be one.", "It is not so", "client.not_deceased", { client }),
  merge: (told) => {
    const into = told["intoName"] ?? name;
    const question = { title: `Are ${into} and ${told["name"]} the same person?`, text: `Everything of ${told["name"]} goes into the record of ${into}. It can be taken back whole.`, confirm: "They are the same", danger: true, fields: [] };
    const thing = { kind: "client.merge", args: { kept: Number(told["into"] ?? client), absorbed: Number(told["id"]) } };
    return told["into"] ? asks(question, () => thing, () => location.assign(`/care/people/${told["into"]}/`)) : asks(question, () => thing);
  },
  unmerge: (told) => sure(`Are ${told["name"]} and ${name} two people?`, "Each gets back what was theirs.", "Take the merge back", "client.unmerge", { merge: Number(told["id"]) }),
};

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement | null} */ (event.target instanceof Element ? event.target.closest("button[data-do]") : null);
  // What is pressed while something is sent, or the page comes anew, does nothing.
  if (!button || main.dataset["busy"] !== undefined) return;
  remember(button);
  void DOES[button.dataset["do"] ?? ""]?.(button.dataset);
});

/**
 * Send a form that stands on the page, and say in it what is wrong.
 *
 * @param {string} id
 * @param {string} kind
 * @param {(data: FormData) => Record<string, any>} args
 * @param {(body: any) => void} then
 */
function onForm(id, kind, args, then) {
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById(id));
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type="submit"]'));
    const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
    if (button.getAttribute("aria-disabled") === "true") return;
    // Not disabled: that would take the focus away.
    button.setAttribute("aria-disabled", "true");
    problem.hidden = true;
    remember(form);
    const outcome = await act(kind, { client: Number(form.dataset["client"]), ...args(new FormData(form)) });
    button.removeAttribute("aria-disabled");
    if (outcome.done) return then(outcome.body);
    const { missing = {}, sections = [] } = outcome.facts;
    const lacks = Object.keys(missing).map((element) => labelOf(form, element)).filter(Boolean);
    const wide = sections.map((/** @type {string} */ section) => facts.words["sections"]?.[section]).filter(Boolean);
    const more = lacks.length ? ` Missing: ${lacks.join("; ")}.` : wide.length ? ` Not: ${wide.join("; ")}.` : "";
    problem.textContent = `${whyNot(outcome, (field) => labelOf(form, field))}${more}`;
    problem.hidden = false;
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} field an element of a consent too, which may be said in one of several fields
 * @returns {string | undefined} what it is called on the page
 */
function labelOf(form, field) {
  const found = form.querySelector(`[name="${field}"], [name="${field}_on"]`);
  if (found instanceof HTMLInputElement && found.type === "checkbox" && found.closest("fieldset")) return found.closest("fieldset")?.querySelector("legend")?.textContent ?? undefined;
  return found?.closest("label, div")?.querySelector("label, span")?.textContent ?? undefined;
}

onForm("break-glass", "client.break_glass", (data) => ({ reason: data.get("reason") }), () => location.reload());
onForm(
  "consent",
  "consent.record",
  (data) => ({ ...Object.fromEntries(data), sections: data.getAll("sections"), right_to_revoke_told: data.has("right_to_revoke_told") }),
  () => again("consent.record"),
);
onForm(
  "disclosure",
  "disclosure.make",
  (data) => {
    const [basis, consent] = String(data.get("ground")).split(":");
    const given = consent ? { consent: Number(consent) } : { recipient: data.get("recipient"), purpose: data.get("purpose") };
    return { basis, what: data.getAll("what"), ...given };
  },
  (body) => showCopy(body.copy),
);

/** Offer what the ground lets out and no more, and ask only for what it does not say itself. */
function narrow() {
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("disclosure"));
  const ground = /** @type {HTMLSelectElement | null} */ (form?.querySelector('[name="ground"]') ?? null);
  const chosen = ground?.selectedOptions[0];
  if (!form || !ground || !chosen) return;
  const [basis] = ground.value.split(":");
  const width = (chosen.dataset["width"] ?? "").split(" ");
  for (const box of form.querySelectorAll(/** @type {"input"} */ ('input[name="what"]'))) {
    box.disabled = !width.includes(box.value);
    if (box.disabled) box.checked = false;
  }
  for (const [field, asked] of /** @type {[string, boolean][]} */ ([["recipient", basis !== "CONSENT" && basis !== "TO_THE_PERSON"], ["purpose", basis !== "CONSENT"]])) {
    const input = /** @type {HTMLInputElement} */ (form.querySelector(`[name="${field}"]`));
    input.required = asked;
    input.disabled = !asked;
    /** @type {HTMLElement} */ (input.parentElement).hidden = !asked;
  }
}

document.getElementById("d-basis")?.addEventListener("change", narrow);
narrow();
goOn();

/**
 * Show the copy that goes out, with its notice before everything else, to be printed.
 *
 * @param {any} copy
 */
function showCopy(copy) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("copy"));
  const { notice, record, consent, ...rest } = copy;
  const parts = Object.entries(record).map(([section, content]) => el("section", {}, el("h3", {}, facts.words["sections"]?.[section] ?? section), said(content, "", section)));
  dialog.replaceChildren(
    el(
      "div",
      { class: "copy" },
      // The beginning is what is read first: a dialog that begins with its first button begins at its end.
      el("h2", { id: "copy-title", tabindex: -1, autofocus: true }, "The copy that goes out"),
      el("p", { class: "notice loud" }, notice.long),
      said(rest),
      consent ? el("section", {}, el("h3", {}, "The consent"), said(consent)) : null,
      ...parts,
      el("div", { class: "ask-acts" }, el("button", { class: "button", type: "button", click: () => window.print() }, "Print"), el("button", { class: "button main", type: "button", click: () => again("disclosure.make") }, "Done")),
    ),
  );
  dialog.oncancel = () => again("disclosure.make");
  dialog.showModal();
}

/** @type {Record<string, Record<string, string> | undefined>} words for the codes of a copy, by what they are the answer to */
const CODES = {
  ...facts.words,
  ...facts.labels,
  basis: facts.words["bases"],
  how: facts.words["hows"],
  result: facts.words["results"],
  may_say: facts.words["maySay"],
  kind: { ...facts.words["ways"], ...facts.words["strategies"] },
  FOLLOW_UPS: { ...facts.words["plans"], ...facts.words["followUps"], ...facts.words["outcomes"] },
  CARE_REFERRALS: facts.words["referrals"],
};
const DAY = /** @type {const} */ ({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/**
 * @param {string} text
 * @param {string} key what it is the answer to
 * @param {string} section where in the copy it stands
 */
function inWords(text, key, section) {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return new Date(text).toLocaleString("en-GB", DAY);
  if (!/^[A-Z][A-Z0-9_]+$/.test(text)) return text;
  const own = ["state", "outcome"].includes(key) ? CODES[section] : CODES[key];
  // What has no words of its own is an answer that speaks for itself, as long as nobody shouts it. What somebody typed stays.
  return own?.[text] ?? (TYPED.has(key) ? text : text.charAt(0) + text.slice(1).toLowerCase().replaceAll("_", " "));
}
const TYPED = new Set(["name", "aliases", "to", "from", "purpose", "recipient", "discloser", "patient", "description", "signed_by", "said_by", "text", "text_version", "value", "looks", "language", "pronouns", "where", "guardian", "expires_upon"]);

/**
 * @param {any} value
 * @param {string} [key] what it is the answer to
 * @param {string} [section] where in the copy it stands
 * @returns {Node | string}
 */
function said(value, key = "", section = "") {
  if (Array.isArray(value)) return value.length ? el("ul", {}, ...value.map((one) => el("li", {}, said(one, key, section)))) : "none";
  if (value !== null && typeof value === "object") return el("dl", {}, ...Object.entries(value).flatMap(([name, one]) => [el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, said(one, name, section))]));
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null || value === "" ? "not said" : inWords(String(value), key, section);
}
