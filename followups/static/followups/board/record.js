// The page of one person, and the way to it: each button asks what is missing, does one thing, and shows the page anew.

import { ask } from "../../dispatch/desk/dialogs.js";
import { el } from "../../dispatch/desk/dom.js";
import { act, choices, facts, named } from "./doing.js";

/** @typedef {import("../../dispatch/desk/dialogs.js").Field} Field */
/** @typedef {DOMStringMap} Told what the button says of what it is for */

const head = document.getElementById("record");
const client = Number(head?.dataset["client"]);
const plan = Number(head?.dataset["plan"]);
const name = head?.dataset["name"] ?? "";
const MONTHS_AHEAD = 6;

/**
 * Do it, say how it went, and show the page anew: it is read, and entered, once more.
 *
 * @param {string} kind
 * @param {Record<string, any>} args what is empty is left out
 * @param {(body: any) => void} [then]
 * @param {Record<string, any>} [as] what is said as it is, empty or null
 */
async function does(kind, args, then = () => location.reload(), as = {}) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector(".row-outcome"));
  const outcome = await act(kind, args, as);
  if (outcome.done) return then(outcome.body);
  if (!place) return;
  place.textContent = `Not done. ${outcome.words}`;
  place.className = "row-outcome bad";
  place.hidden = false;
  place.scrollIntoView({ block: "center" });
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
async function sure(title, text, confirm, kind, args) {
  if (await ask({ title, text, confirm, danger: true, fields: [] })) await does(kind, args);
}

/** @param {number} months */
function dayIn(months) {
  const day = new Date();
  day.setMonth(day.getMonth() + months);
  return day.toLocaleDateString("en-CA");
}

/** @type {Field[]} */
const WHO = [
  { kind: "line", name: "name", label: "Name", optional: true, limit: 200 },
  { kind: "text", name: "looks", label: "What they look like, where there is no name", optional: true, limit: 2000 },
  { kind: "line", name: "born_on", label: "Born (1980, 1980-05 or 1980-05-17)", optional: true, limit: 10 },
  { kind: "line", name: "language", label: "Language (en, es, vi …)", optional: true, limit: 35 },
  { kind: "line", name: "pronouns", label: "Pronouns", optional: true, limit: 30 },
];

/** @type {Record<string, (told: Told) => Promise<void>>} */
const DOES = {
  create: async (told) => {
    const fields = WHO.map((field) => ({ ...field, value: told[field.name === "born_on" ? "bornOn" : field.name] ?? "" }));
    const answer = await ask({ title: "A new record", text: "Only where none of those that look alike is theirs.", confirm: "Make it", fields: [...fields, { kind: "line", name: "phone", label: "Phone", value: told["phone"] ?? "", optional: true, limit: 30 }] });
    if (answer) await does("client.create", answer, (body) => location.assign(`/care/people/${body.client}/`));
  },
  update: async (told) => {
    const given = Object.fromEntries(WHO.map((field) => [field.name, told[field.name === "born_on" ? "bornOn" : field.name] ?? ""]));
    const answer = await ask({ title: `Correct what is known of ${name}`, confirm: "Correct", fields: WHO.map((field) => ({ ...field, value: given[field.name] ?? "" })) });
    if (!answer) return;
    const changed = Object.fromEntries(Object.entries(answer).filter(([field, value]) => value !== given[field]));
    // What is emptied is said too: only what did not change is left out.
    if (Object.keys(changed).length) await does("client.update", { client }, undefined, changed);
  },
  "link-intake": async (told) => {
    const answer = await ask({ title: "Close the referral with this record", text: "Whoever referred hears only that it is closed.", confirm: "Close", fields: [{ kind: "text", name: "note", label: "What came of it", optional: true, limit: 2000 }] });
    if (answer) await does("intake.close", { intake: Number(told["intake"]), client: Number(told["clientId"]), note: answer["note"] }, () => location.assign(`/care/people/${told["clientId"]}/`));
  },
  seen: (told) => does("contact.seen", { contact: Number(told["id"]) }),
  unlink: (told) => sure(`It was not ${name}?`, "The call is no longer theirs: its crew cannot read this record any more.", "It was somebody else", "client.unlink", { contact: Number(told["id"]) }),
  "open-plan": async () => {
    const answer = await ask({ title: `Plan second responses for ${name}`, text: "Days are counted from today, in visiting hours. Without days it is the programme’s own.", confirm: "Open the plan", fields: [{ kind: "line", name: "steps", label: "Days after (1, 7, 30)", optional: true, limit: 60 }] });
    if (!answer) return;
    const steps = (answer["steps"] ?? "").split(/[^0-9]+/).filter(Boolean).map(Number);
    await does("plan.open", { client, steps: steps.length ? steps : null });
  },
  "decline-plan": () => sure(`${name} does not want to be seen again?`, "It is kept, and nothing is planned.", "They declined", "plan.decline", { client }),
  pause: async () => {
    const answer = await ask({ title: `Pause the plan for ${name}`, text: "It is counted anew from the release.", confirm: "Pause", fields: [{ kind: "choice", name: "reason", label: "Where they are", choices: choices(facts.words["pauses"]) }] });
    if (answer) await does("plan.pause", { plan, reason: answer["reason"] });
  },
  resume: async () => {
    const answer = await ask({ title: `When was ${name} released?`, confirm: "Go on", fields: [{ kind: "datetime-local", name: "released_at", label: "Released; now where it is empty", optional: true }] });
    if (answer) await does("plan.resume", { plan, released_at: answer["released_at"] ? new Date(answer["released_at"]).toISOString() : null });
  },
  "assign-plan": async () => {
    const answer = await ask({ title: `Who keeps the plan for ${name}?`, confirm: "Assign", fields: [{ kind: "pick", name: "person", label: "Person", choices: named(facts.people), optional: true }] });
    if (answer) await does("plan.assign", { plan }, undefined, { person: answer["person"] ? Number(answer["person"]) : null });
  },
  "close-plan": async () => {
    const answer = await ask({
      title: `Close the plan for ${name} early`, confirm: "Close the plan", danger: true,
      fields: [{ kind: "choice", name: "reason", label: "Why", choices: choices(facts.words["closes"]) }, { kind: "text", name: "note", label: "Note", optional: true, limit: 2000 }],
    });
    if (answer) await does("plan.close", { plan, reason: answer["reason"], note: answer["note"] });
  },
  "add-follow-up": async () => {
    const answer = await ask({
      title: `See ${name} again on a day`, confirm: "Add",
      fields: [
        { kind: "date", name: "date", label: "Day", value: dayIn(0) },
        { kind: "line", name: "reason", label: "What for", optional: true, limit: 2000 },
        { kind: "line", name: "address", label: "Where, if not where they are known to be", optional: true, limit: 200 },
        { kind: "pick", name: "person", label: "Person", choices: named(facts.people), optional: true },
        { kind: "pick", name: "unit", label: "Unit", choices: named(facts.units), optional: true },
      ],
    });
    if (answer) await does("follow_up.add", { client, ...answer, person: answer["person"] ? Number(answer["person"]) : null, unit: answer["unit"] ? Number(answer["unit"]) : null });
  },
  "referral-step": async (told) => {
    const answer = await ask({
      title: "What was heard of the referral", confirm: "Enter",
      fields: [
        { kind: "choice", name: "state", label: "State", choices: choices(facts.words["referrals"]).filter(({ value }) => value !== "MADE") },
        { kind: "date", name: "on", label: "On", value: dayIn(0) },
        { kind: "line", name: "said_by", label: "Who said so", limit: 200 },
        { kind: "text", name: "note", label: "Note", optional: true, limit: 2000 },
      ],
    });
    if (answer) await does("care_referral.tell", { care_referral: Number(told["id"]), ...answer });
  },
  refer: async () => {
    const answer = await ask({
      title: `Refer ${name} to a service`, confirm: "Refer",
      fields: [
        { kind: "line", name: "to", label: "To", limit: 300 },
        { kind: "pick", name: "warm", label: "Does somebody go along?", choices: [{ value: "no", label: "No" }, { value: "yes", label: "Yes, a warm handover" }], value: "no" },
      ],
    });
    if (answer) await does("care_referral.make", { client, to: answer["to"], warm: answer["warm"] === "yes" });
  },
  revoke: (told) => sure("Revoke this consent?", "From now on nothing goes out on it. What went out before stays accounted for.", "Revoke", "consent.revoke", { consent: Number(told["id"]) }),
  "end-consent": (told) => sure("Has it happened?", "The consent ends with it.", "It has happened", "consent.end", { consent: Number(told["id"]) }),
  "add-strategy": async (told) => {
    const answer = await ask({ title: told["title"] ?? "", confirm: "Add", fields: [{ kind: "text", name: "text", label: "In a sentence", limit: 2000 }] });
    if (answer) await does("client.add_strategy", { client, kind: told["kind"], text: answer["text"] });
  },
  "end-strategy": (told) => does("client.end_strategy", { strategy: Number(told["id"]) }),
  "strategy-up": async (told) => {
    const list = /** @type {HTMLElement | null} */ (document.querySelector(`[data-strategies] [data-id="${told["id"]}"]`)?.closest("[data-strategies]") ?? null);
    if (!list) return;
    const order = [...list.querySelectorAll(/** @type {"li"} */ ("li[data-id]"))].map((row) => Number(row.dataset["id"]));
    const at = order.indexOf(Number(told["id"]));
    order.splice(at - 1, 2, Number(told["id"]), /** @type {number} */ (order[at - 1]));
    await does("client.order_strategies", { client, kind: list.dataset["strategies"], strategies: order });
  },
  "write-care-plan": async () => {
    const answer = await ask({ title: `A care plan for ${name}`, text: "It is in force when somebody else has approved it.", confirm: "Write", fields: [{ kind: "text", name: "text", label: "Plan", limit: 10_000 }, { kind: "date", name: "review_on", label: "Look at it again on", value: dayIn(MONTHS_AHEAD) }] });
    if (answer) await does("care_plan.write", { client, ...answer });
  },
  "approve-care-plan": (told) => does("care_plan.approve", { care_plan: Number(told["id"]) }),
  "end-care-plan": (told) => sure("End the care plan?", "Crews no longer see it.", "End it", "care_plan.end", { care_plan: Number(told["id"]) }),
  "add-way": async () => {
    const answer = await ask({
      title: `How ${name} can be reached`, confirm: "Add",
      fields: [
        { kind: "pick", name: "kind", label: "Kind", choices: choices(facts.words["ways"]) },
        { kind: "line", name: "value", label: "Number, address, or where they usually are", limit: 300 },
        { kind: "pick", name: "may_say", label: "What may be said there", choices: choices(facts.words["maySay"]), value: "NOTHING" },
        { kind: "pick", name: "leave_message", label: "May a message be left?", choices: [{ value: "no", label: "No" }, { value: "yes", label: "Yes" }], value: "no" },
        { kind: "time", name: "hours_from", label: "From", optional: true },
        { kind: "time", name: "hours_until", label: "Until", optional: true },
        { kind: "line", name: "note", label: "Note", optional: true, limit: 2000 },
      ],
    });
    if (answer) await does("client.add_way", { client, ...answer, leave_message: answer["leave_message"] === "yes" });
  },
  "end-way": (told) => does("client.end_way", { way: Number(told["id"]) }),
  "add-caution": async () => {
    const answer = await ask({
      title: "What should a crew expect?", text: "A behaviour, never a diagnosis and never what happened before. Dispatch sees it too, until it ends.", confirm: "Add",
      fields: [{ kind: "line", name: "text", label: "Behaviour", limit: 185 }, { kind: "number", name: "days", label: "For how many days", value: "30" }],
    });
    if (answer) await does("client.add_caution", { client, text: answer["text"], days: Number(answer["days"]) });
  },
  "end-caution": (told) => does("client.end_caution", { caution: Number(told["id"]) }),
  "say-deceased": () => sure(`Has ${name} died?`, "A second person confirms it. Then everything that was planned stops.", "They have died", "client.say_deceased", { client }),
  "confirm-deceased": () => sure(`Confirm that ${name} has died?`, "Everything that was planned stops, and nobody is reminded any more.", "Confirm", "client.confirm_deceased", { client }),
  "not-deceased": () => sure("It is not so?", "What was closed stays closed: open a plan anew where there should be one.", "It is not so", "client.not_deceased", { client }),
  merge: (told) => sure(`Are ${name} and ${told["name"]} the same person?`, `Everything of ${told["name"]} goes into this record. It can be taken back whole.`, "They are the same", "client.merge", { kept: client, absorbed: Number(told["id"]) }),
  unmerge: (told) => sure(`Are ${told["name"]} and ${name} two people?`, "Each gets back what was theirs.", "Take the merge back", "client.unmerge", { merge: Number(told["id"]) }),
};

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement | null} */ (event.target instanceof Element ? event.target.closest("[data-do]") : null);
  if (button) void DOES[button.dataset["do"] ?? ""]?.(button.dataset);
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
    button.disabled = true;
    problem.hidden = true;
    const outcome = await act(kind, { client: Number(form.dataset["client"]), ...args(new FormData(form)) });
    button.disabled = false;
    if (outcome.done) return then(outcome.body);
    problem.textContent = outcome.words;
    problem.hidden = false;
  });
}

onForm("break-glass", "client.break_glass", (data) => ({ reason: data.get("reason") }), () => location.reload());
onForm("consent", "consent.record", (data) => ({ ...Object.fromEntries(data), sections: data.getAll("sections"), right_to_revoke_told: data.has("right_to_revoke_told") }), () => location.reload());
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

/**
 * Show the copy that goes out, with its notice before everything else, to be printed.
 *
 * @param {any} copy
 */
function showCopy(copy) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("copy"));
  const { notice, record, consent, ...rest } = copy;
  const parts = Object.entries(record).map(([section, content]) => el("section", {}, el("h3", {}, facts.words["sections"]?.[section] ?? section), said(content)));
  dialog.replaceChildren(
    el(
      "div",
      { class: "copy" },
      el("h2", { id: "copy-title" }, "The copy that goes out"),
      el("p", { class: "notice loud" }, notice.long),
      said(rest),
      consent ? el("section", {}, el("h3", {}, "The consent"), said(consent)) : null,
      ...parts,
      el("div", { class: "ask-acts" }, el("button", { class: "button", type: "button", click: () => window.print() }, "Print"), el("button", { class: "button main", type: "button", click: () => location.reload() }, "Done")),
    ),
  );
  dialog.oncancel = () => location.reload();
  dialog.showModal();
}

/**
 * @param {any} value
 * @returns {Node | string}
 */
function said(value) {
  if (Array.isArray(value)) return value.length ? el("ul", {}, ...value.map((one) => el("li", {}, said(one)))) : "none";
  if (value !== null && typeof value === "object") return el("dl", {}, ...Object.entries(value).flatMap(([key, one]) => [el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, said(one))]));
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null || value === "" ? "not said" : String(value);
}
