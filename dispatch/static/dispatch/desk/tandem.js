// CARE and a partner on one call: what was said, what is missing, and what the desk does about it.

import { age, clock, wallTime } from "../../tablets/times.js";
import { does, named } from "./commands.js";
import { ask } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { pick } from "./map.js";
import { ms, say } from "./model.js";
import { facts, one, zone } from "./store.js";
import { tell } from "./toasts.js";

/** @typedef {import("./model.js").Doc} Doc */

const words = facts.words;

/** @param {{partner: string}} tandem */
const partner = (tandem) => (tandem.partner === "EMS" ? "EMS" : "police");
/** @param {string} iso */
const at = (iso) => wallTime(iso, zone(), { seconds: true });
/** @param {any} tandem */
const unsafe = (tandem) => tandem.state === "ASKED" || tandem.state === "PARTNER_THERE";

/**
 * The rows of the call's tandems.
 *
 * @param {Doc} call
 * @param {boolean} open
 * @param {number} now
 */
export function tandemRows(call, open, now) {
  /** @type {any[]} */
  const known = call["tandem"] ?? [];
  const asked = new Set(known.filter((tandem) => !tandem.ended_at).map((tandem) => tandem.partner));
  const missing = ["POLICE", "EMS"].filter((name) => !asked.has(name));
  const rows = known.map((tandem) => row(call, tandem, open, now));
  if (!rows.length && call["status"] !== "ASSIGNED") return [];
  return [
    el("h3", { "data-part": "tandem" }, "Tandem"),
    ...rows,
    open && missing.length
      ? el("div", { class: "holder-acts" }, ...missing.map((name) => el("button", { type: "button", class: "button", "data-focus": `tandem-ask-${name}`, click: () => askFor(call, name) }, `Ask for ${say(words.partners, name)}…`)))
      : null,
  ];
}

/**
 * @param {Doc} call
 * @param {any} tandem
 * @param {boolean} open
 * @param {number} now
 */
function row(call, tandem, open, now) {
  const who = partner(tandem);
  const late = tandem.state === "ASKED" && ms(tandem.due_at) <= now;
  const said = [
    `${({ POLICY: "Asked for by the policy", DESK: "Asked for by the desk", CREW: "Asked for by the crew", WITHDRAW: "The crew WITHDREW" })[/** @type {"DESK"} */ (tandem.asked_as)] ?? "Asked for"} ${at(tandem.asked_at)}`,
    tandem.partner_unit ? `unit ${tandem.partner_unit}` : unsafe(tandem) ? "no unit named" : "",
    tandem.partner_arrived_at ? `there ${at(tandem.partner_arrived_at)}` : "",
    say(words.goes_first, tandem.first).toLowerCase(),
    tandem.staging_note ? `staging: ${tandem.staging_note}` : "",
    tandem.staging ? "staging point on the map" : "",
  ].filter(Boolean).join(" · ");
  const id = tandem.id;
  /**
   * @param {string} name
   * @param {string} label
   * @param {() => unknown} run
   * @param {string} [look]
   */
  const button = (name, label, run, look = "button") => el("button", { type: "button", class: look, "data-focus": `tandem-${id}-${name}`, click: run }, label);
  return el(
    "div",
    { class: "holder", "data-tandem": tandem.partner },
    el("h3", {}, `CARE + ${say(words.partners, tandem.partner)}`, el("span", { class: `tag ${unsafe(tandem) ? "act" : ""}` }, say(words.tandems, tandem.state))),
    late ? el("p", { class: "caution" }, icon("warning"), ` No ${who} for ${age(now - ms(tandem.asked_at))}. The crew is told.`) : null,
    el("p", { class: "soft" }, said),
    tandem.safe_at && !unsafe(tandem) ? el("p", {}, el("b", {}, `Declared safe ${at(tandem.safe_at)}`), ` by ${tandem.safe_by}, relayed by ${tandem.safe_relayed_by}`) : null,
    tandem.partner_released_at ? el("p", {}, `Released ${at(tandem.partner_released_at)}`) : null,
    tandem.officer ? el("p", {}, `Agreed by ${tandem.officer}`) : null,
    unsafe(tandem) ? el("ul", { class: "reasons" }, ...tandem.reasons.map((/** @type {string} */ code) => el("li", {}, say(words.reasons, code)))) : null,
    open && !tandem.ended_at
      ? el(
          "div",
          { class: "holder-acts" },
          unsafe(tandem) ? button("safe", "Declared safe…", () => declared(call, tandem), "button main") : null,
          tandem.state === "ASKED" ? button("there", `${say(words.partners, tandem.partner)} there`, () => does("tandem.partner_there", { tandem: id }, "Noted, and sent to the crew.")) : null,
          tandem.state !== "ASKED" && !tandem.partner_released_at ? button("release", "Released…", () => released(call, tandem)) : null,
          unsafe(tandem) && call["assignments"].length ? button("alone", "CARE alone…", () => alone(call, tandem)) : null,
          button("plan", "Plan…", () => plan(call, tandem)),
          button("staging", "Staging point", () => place(id)),
          button("only", `${say(words.partners, tandem.partner)} only`, () => only(call, tandem), "button danger"),
        )
      : null,
  );
}

/** Take the next click on the map as the staging point. @param {number} tandem */
function place(tandem) {
  tell("Click the map where the crew should wait.", { kind: "info" });
  pick((point) => {
    pick(null);
    void does("tandem.plan", { tandem, staging: { lon: point[0], lat: point[1] } }, "Sent to the crew's map.");
  });
}

/**
 * @param {Doc} call
 * @param {string} name
 */
async function askFor(call, name) {
  const answer = await ask({
    title: `Ask for ${say(words.partners, name)} on ${named(call)}`,
    text: "The crew is told to stage until the scene is declared safe.",
    confirm: "Ask",
    fields: planFields({ first: "PARTNER", partner_unit: "", staging_note: "" }),
  });
  if (answer) await does("tandem.ask", { call: Number(call.id), partner: name, ...answer }, "Asked for. Sent to the crew: it is to stage.");
}

/**
 * @param {Doc} call
 * @param {any} tandem
 */
async function plan(call, tandem) {
  const answer = await ask({ title: `Plan with ${partner(tandem)} on ${named(call)}`, confirm: "Tell the crew", fields: planFields(tandem) });
  if (answer) await does("tandem.plan", { tandem: tandem.id, ...answer }, "Sent to the crew.");
}

/**
 * @param {{first: string, partner_unit: string, staging_note: string}} now
 * @returns {import("./dialogs.js").Field[]}
 */
function planFields(now) {
  return [
    { kind: "choice", name: "first", label: "Who goes in first", value: now.first, choices: Object.entries(words.goes_first).map(([value, label]) => ({ value, label })) },
    { kind: "line", name: "partner_unit", label: "Their unit", optional: true, limit: 20, value: now.partner_unit },
    { kind: "line", name: "staging_note", label: "Where to stage", optional: true, limit: 200, value: now.staging_note },
  ];
}

/**
 * @param {Doc} call
 * @param {any} tandem
 */
async function declared(call, tandem) {
  const answer = await ask({
    title: `Declared safe: ${named(call)}`,
    text: `Who of ${partner(tandem)} said it? The crew sees that name, yours, and the time.`,
    confirm: "Relay",
    fields: [{ kind: "line", name: "said_by", label: "Name", limit: 100 }],
  });
  if (answer) await does("tandem.safe", { tandem: tandem.id, said_by: answer["said_by"] }, "Relayed to the crew's tablet.");
}

/**
 * @param {Doc} call
 * @param {any} tandem
 */
async function released(call, tandem) {
  const early = unsafe(tandem);
  const answer = await ask({
    title: `Released: ${named(call)}`,
    text: early ? `Nobody has declared it safe: the crew goes on staging, and ${partner(tandem)} are asked for anew.` : "The crew stays. The time counts as theirs saved.",
    confirm: "Released",
    danger: early,
    fields: [{ kind: "number", name: "ago", label: "How many minutes ago", value: "0", limit: 3 }],
  });
  if (!answer) return;
  const left = new Date(clock.now() - Math.max(0, Number(answer["ago"]) || 0) * 60_000).toISOString();
  await does("tandem.release", { tandem: tandem.id, at: left }, early ? "Noted. The crew is to go on staging." : "Released. CARE stays.");
}

/**
 * Send CARE in alone, by radio: its crew asks, a named officer agrees, and the server looks whether the policy lets them.
 *
 * @param {Doc} call
 * @param {any} tandem
 */
async function alone(call, tandem) {
  /** @type {Doc[]} */
  const units = call["assignments"];
  const people = units.flatMap((row) => (one("unit", row["unit"])?.["people"] ?? []).map((/** @type {Doc} */ person) => person["name"]));
  const answer = await ask({
    title: `CARE alone: ${named(call)}`,
    text: `Only where the crew asks for it and an officer agrees, by name. The policy may say no. Nobody waits for ${partner(tandem)} any more.`,
    confirm: "CARE alone",
    danger: true,
    fields: [
      { kind: "choice", name: "unit", label: "Which crew asks", value: units.length === 1 ? String(units[0]?.["unit"]) : "", choices: units.map((row) => ({ value: String(row["unit"]), label: row["call_sign"] })) },
      { kind: "line", name: "asked_by", label: "Who of the crew asked", suggestions: people, limit: 100 },
      { kind: "line", name: "officer", label: "Which officer agrees", limit: 100 },
    ],
  });
  if (!answer) return;
  await does("tandem.care_alone", { tandem: tandem.id, unit: Number(answer["unit"]), asked_by: answer["asked_by"], officer: answer["officer"] }, "Sent to the crew: it goes alone.");
}

/**
 * @param {Doc} call
 * @param {any} tandem
 */
async function only(call, tandem) {
  const answer = await ask({
    title: `${say(words.partners, tandem.partner)} only: ${named(call)}`,
    text: "Full screen on the crew's tablet, as soon as it hears of it. Say it on the radio too.",
    confirm: "Stop the crew",
    danger: true,
    fields: [{ kind: "line", name: "said_by", label: "Who says so", optional: true, limit: 100 }],
  });
  if (answer) await does("tandem.partner_only", { tandem: tandem.id, ...answer }, "Stop sent to the crew. Say it on the radio too.");
}
