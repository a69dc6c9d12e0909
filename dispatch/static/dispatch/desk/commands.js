// What a dispatcher does to a call or for a unit: the question, the action, and what is said afterwards.

import { clock } from "../../tablets/times.js";
import { ask } from "./dialogs.js";
import { candidates, ms, sameAs, say } from "./model.js";
import { act, agency, all, callTypes, calls, facts, isSupervisor, one, positions, units } from "./store.js";
import { tell } from "./toasts.js";

/** @typedef {import("./model.js").Doc} Doc */
/** @typedef {import("./dialogs.js").Choice} Choice */

const words = facts.words;
// A position older than this is not where a crew came upon somebody.
const FRESH_MS = 120_000;

/**
 * Do an action and say how it went. Returns the answer's body when it was applied.
 *
 * @param {string} kind
 * @param {Record<string, any>} args
 * @param {string} done
 * @returns {Promise<any | null>}
 */
export async function does(kind, args, done) {
  const slow = tell("Sending, not confirmed yet …", { kind: "wait", after: 800 });
  const outcome = await act(kind, args);
  slow.end();
  if (outcome.applied) {
    if (done) tell(done, { kind: "good" });
    return outcome.body;
  }
  tell(outcome.known ? `Not done. ${outcome.message}` : outcome.message, { kind: "bad" });
  return null;
}

/**
 * @param {Doc} call
 * @returns {string}
 */
export function named(call) {
  return `${call["type"]["label"]}, ${call["address"]}`;
}

/**
 * @param {any} place
 * @param {(unit: Doc) => boolean} [keep]
 * @returns {Choice[]}
 */
function unitChoices(place, keep = () => true) {
  return candidates(units(), place, positions)
    .filter(({ unit }) => keep(unit))
    .map(({ unit, ok, why }) => ({
      value: unit.id,
      label: unit["call_sign"],
      detail: say(words.statuses, unit["status"]),
      side: why,
      weak: !ok,
    }));
}

/** @param {Doc} call */
export async function send(call) {
  if (call["status"] === "ASSIGNED") return void (await sendAnother(call));
  const answer = await ask({
    title: `Send to ${named(call)}`,
    text: sendText(call),
    confirm: "Send",
    fields: [{ kind: "choice", name: "unit", label: "Unit", choices: unitChoices(call) }],
  });
  if (answer) await sendUnit(call, String(answer["unit"]));
}

/** @param {Doc} call */
async function sendAnother(call) {
  const held = new Set(call["assignments"].map((/** @type {Doc} */ row) => String(row["unit"])));
  const answer = await ask({
    title: `Send another unit to ${named(call)}`,
    text: "It assists the unit that has the call. To replace that unit, use Reassign.",
    confirm: "Send",
    fields: [{ kind: "choice", name: "unit", label: "Unit", choices: unitChoices(call, (unit) => !held.has(unit.id)) }],
  });
  if (answer) await sendUnit(call, String(answer["unit"]));
}

/** @param {Doc} call */
function sendText(call) {
  if (call["response"] === "CARE") return "";
  return `The policy says ${say(words.responses, call["response"])}. ${call["response"].includes("+") ? "Nobody goes alone." : "Sending CARE needs an overrule first."}`;
}

/**
 * @param {Doc} call
 * @param {string} unit
 */
export async function sendUnit(call, unit) {
  const sign = one("unit", unit)?.["call_sign"] ?? "The unit";
  return does("call.dispatch", { call: Number(call.id), unit: Number(unit) }, `Sent to ${sign}. Its tablet will ring.`);
}

/** @param {Doc} call */
export async function offer(call) {
  if (call["offered_at"]) return does("call.withdraw_offer", { call: Number(call.id) }, "The offer is withdrawn.");
  return does("call.offer", { call: Number(call.id) }, "Offered to CARE's units.");
}

/** @param {Doc} call */
export async function overrule(call) {
  const yes = Object.entries(call["answers"] ?? {}).filter(([, value]) => value === "YES");
  if (yes.length > 0 && !isSupervisor()) {
    const what = yes.map(([name]) => say(words.disqualifiers, name).toLowerCase()).join(", ");
    tell(`Only a supervisor may overrule past a yes (${what}).`, { kind: "bad" });
    return;
  }
  const answer = await ask({
    title: `Overrule the policy on ${named(call)}`,
    text: `It says: ${say(words.responses, call["response"])}. Your name and the reason are kept.`,
    confirm: "Overrule",
    danger: true,
    fields: [
      {
        kind: "choice", name: "response", label: "Who should go",
        choices: Object.entries(words.responses).filter(([code]) => code !== call["response"]).map(([value, label]) => ({ value, label })),
      },
      { kind: "choice", name: "code", label: "Why", choices: Object.entries(words.overrules).map(([value, label]) => ({ value, label })) },
    ],
  });
  if (answer) await does("call.overrule", { call: Number(call.id), response: answer["response"], code: answer["code"] }, "Overruled, in your name.");
}

/** @param {Doc} call */
export async function cancel(call) {
  const out = call["assignments"].length > 0;
  const answer = await ask({
    title: `Cancel ${named(call)}`,
    text: out ? "Units on their way are told loudly. A crew on scene keeps the call until it clears." : "It leaves its queue.",
    confirm: "Cancel the call",
    danger: true,
    fields: [{ kind: "choice", name: "reason", label: "Why", choices: Object.entries(words.cancels).map(([value, label]) => ({ value, label })) }],
  });
  if (answer) await does("call.cancel", { call: Number(call.id), reason: answer["reason"] }, "The call is cancelled.");
}

/** @param {Doc} call */
export async function note(call) {
  const answer = await ask({
    title: `Note on ${named(call)}`,
    text: "It goes to the crew as you write it, and stays.",
    confirm: "Add",
    fields: [{ kind: "text", name: "text", label: "Note", limit: 2000 }],
  });
  if (answer) await does("call.note", { call: Number(call.id), text: answer["text"] }, "Noted.");
}

/**
 * @param {Doc} call
 * @param {string} disqualifier
 * @param {string} value
 */
export async function answer(call, disqualifier, value) {
  await does("call.answer", { call: Number(call.id), disqualifier, value, called_back: false }, "");
}

/**
 * @param {Doc} call
 * @param {Doc} assignment
 */
export async function reassign(call, assignment) {
  const answer = await ask({
    title: `Send another unit instead of ${assignment["call_sign"]}`,
    text: `${named(call)}. ${assignment["call_sign"]} is told that the call is no longer its own.`,
    confirm: "Reassign",
    danger: true,
    fields: [
      { kind: "choice", name: "unit", label: "Unit", choices: unitChoices(call, (unit) => unit.id !== String(assignment["unit"])) },
      {
        kind: "choice", name: "reason", label: "Why",
        choices: Object.entries(words.reassigns).map(([value, label]) => ({ value, label })),
      },
    ],
  });
  if (answer) {
    const sign = one("unit", answer["unit"])?.["call_sign"] ?? "another unit";
    await does("call.reassign", { assignment: assignment["id"], unit: Number(answer["unit"]), reason: answer["reason"] }, `Reassigned to ${sign}.`);
  }
}

/**
 * Whether the desk may reassign yet, and when.
 *
 * @param {Doc} assignment
 * @returns {{may: boolean, from: number}}
 */
export function reassignable(assignment) {
  const from = ms(assignment["assigned_at"]) + (agency()?.["reassign_s"] ?? 90) * 1000;
  return { may: assignment["acknowledged_at"] !== null || clock.now() >= from, from };
}

/** @type {Record<string, string>} what a crew would tap next, by where it is */
const NEXT = {
  ASSIGNED: "acknowledge en_route arrive clear",
  ACKNOWLEDGED: "en_route stage arrive clear",
  EN_ROUTE: "arrive stage clear",
  STAGED: "arrive en_route clear",
  ON_SCENE: "clear transport hand_back",
  TRANSPORTING: "at_destination clear",
  AT_DESTINATION: "clear transport",
};

/** @type {Record<string, string>} */
const STEPS = {
  acknowledge: "Acknowledged", en_route: "En route", stage: "Staged", arrive: "On scene", transport: "Transporting",
  at_destination: "At the destination", clear: "Clear", hand_back: "Hand back",
};

/**
 * What a crew says on the radio, done for it: marked BY RADIO with who asked.
 *
 * @param {Doc} unit
 */
export async function radio(unit) {
  const call = one("call", unit["call"]);
  const assignment = call?.["assignments"].find((/** @type {Doc} */ row) => String(row["unit"]) === unit.id);
  const people = unit["people"].map((/** @type {Doc} */ person) => person["name"]);
  /** @type {Choice[]} */
  const choices = [{ value: "backup", label: "BACKUP: police or EMS, now …" }];
  choices.push({ value: "check_in", label: "All well: radio check", detail: assignment?.["welfare_due_at"] ? "the crew answers; its clock starts again" : "" });
  if (assignment) {
    for (const step of (NEXT[assignment["status"]] ?? "").split(" ")) choices.push({ value: step, label: STEPS[step] ?? step });
    choices.push({ value: "withdraw", label: "WITHDRAW: danger there", detail: "URGENT backup, and police first" });
    choices.push({ value: "note", label: "Note" });
  } else {
    choices.push({ value: "take", label: "Takes a call …" }, { value: "on_view", label: "On-view: came upon somebody …" });
    for (const duty of ["AVAILABLE", "MEAL", "REPORT", "OUT_OF_SERVICE"]) {
      if (duty !== unit["duty"]) choices.push({ value: `duty:${duty}`, label: say(words.statuses, duty) });
    }
  }
  const first = await ask({
    title: `${unit["call_sign"]} by radio`,
    text: call ? `On ${named(call)}: ${say(words.statuses, unit["status"])}.` : say(words.statuses, unit["status"]),
    confirm: "Next",
    fields: [
      { kind: "choice", name: "what", label: "What the crew says", choices },
      { kind: "line", name: "asked_by", label: "Who asked", value: people[0] ?? "", suggestions: people, limit: 100 },
    ],
  });
  if (!first) return;
  const what = String(first["what"]);
  const said = { unit: Number(unit.id), asked_by: first["asked_by"] };
  const done = `${unit["call_sign"]}: ${(STEPS[what] ?? "").toLowerCase()}, by radio.`;
  if (what === "check_in") return void (await does("unit.check_in", said, `${unit["call_sign"]} is well, by radio.`));
  if (what === "backup") return radioBackup(unit, first["asked_by"] ?? "");
  if (what === "on_view") return radioOnView(unit, said);
  if (what === "take") return radioTake(unit, said);
  if (what.startsWith("duty:")) return radioDuty(unit, what.slice(5), said);
  if (what === "withdraw") return void (await does("tandem.withdraw", { call: Number(call?.id), ...said }, `${unit["call_sign"]} withdrew, by radio. Backup is asked for.`));
  if (what === "note") return radioNote(/** @type {Doc} */ (call), said);
  if (!assignment) return;
  if (what === "clear") return radioClear(unit, assignment, said);
  if (what === "transport") return radioTransport(assignment, said, done);
  if (what === "hand_back") return radioHandBack(assignment, said, done);
  await does(`assignment.${what}`, { assignment: assignment["id"], ...said }, done);
}

/**
 * Raise a request for backup that a crew made on the radio.
 *
 * @param {Doc} unit
 * @param {string} by who asked, when that was said already
 */
export async function radioBackup(unit, by) {
  const people = unit["people"].map((/** @type {Doc} */ person) => person["name"]);
  const answer = await ask({
    title: `${unit["call_sign"]} asks for backup`,
    text: "It rings every console at once. EMERGENCY until the crew says otherwise.",
    danger: true,
    confirm: "Raise it",
    fields: [
      {
        kind: "choice", name: "level", label: "How urgent", value: "EMERGENCY",
        choices: [{ value: "EMERGENCY", label: "Emergency" }, { value: "URGENT", label: "Urgent" }, { value: "NON_URGENT", label: "Not urgent", detail: "a report, lost property: it does not escalate" }],
      },
      { kind: "choice", name: "service", label: "Who", value: "POLICE", choices: [{ value: "POLICE", label: "Police" }, { value: "EMS", label: "EMS" }] },
      ...(by ? [] : /** @type {import("./dialogs.js").Field[]} */ ([{ kind: "line", name: "asked_by", label: "Who asked", value: people[0] ?? "", suggestions: people, limit: 100 }])),
    ],
  });
  if (!answer) return;
  const asked = { unit: Number(unit.id), level: answer["level"], service: answer["service"], asked_by: by || answer["asked_by"] };
  await does("backup.raise_by_radio", asked, `Backup for ${unit["call_sign"]} is raised.`);
}

/**
 * @param {Doc} unit
 * @param {Record<string, any>} said
 */
async function radioOnView(unit, said) {
  const kinds = [...Object.entries(words.on_view), ...Object.entries(words.checks)];
  const answer = await ask({
    title: `${unit["call_sign"]} came upon somebody`,
    text: "It is on scene and busy from now on. A check is over as soon as it is said.",
    confirm: "Note it",
    fields: [
      { kind: "choice", name: "what", label: "What", choices: kinds.map(([value, label]) => ({ value, label })) },
      { kind: "line", name: "note", label: "Where, and what they say", optional: true, limit: 400 },
    ],
  });
  if (!answer) return;
  const what = String(answer["what"]);
  const place = positions.get(unit.id);
  const point = place && clock.now() - ms(place.at) < FRESH_MS ? { lon: place.point[0], lat: place.point[1] } : undefined;
  if (what in words.checks) await does("call.check", { what, point, ...said }, `${unit["call_sign"]}: ${say(words.checks, what).toLowerCase()}, by radio.`);
  else await does("call.on_view", { what, point, note: answer["note"] || undefined, ...said }, `${unit["call_sign"]} is on scene of what it came upon, by radio.`);
}

/**
 * Say under which number CAD has an encounter.
 *
 * @param {Doc} call
 */
export async function link(call) {
  const answer = await ask({
    title: `CAD's number for ${named(call)}`,
    text: `Ours is ${call["own_number"]}; it is kept.`,
    confirm: "Link",
    fields: [{ kind: "line", name: "number", label: "CAD's number", limit: 40 }],
  });
  if (answer) await does("call.link", { call: Number(call.id), number: answer["number"] }, `Linked to ${answer["number"]}.`);
}

/**
 * Say that an encounter is the same as another call.
 *
 * @param {Doc} call
 */
export async function join(call) {
  const near = sameAs(call, calls(), agency());
  if (near.length === 0) return void tell(`No open call is within ${agency()?.["join_nearby_m"] ?? 0} m of it.`, { kind: "info" });
  const answer = await ask({
    title: `${call["own_number"]} is the same as…`,
    text: "It closes as a duplicate; its crew goes on with the other call, which keeps its number.",
    confirm: "Join",
    fields: [{ kind: "choice", name: "into", label: "Call", value: String(near[0]?.id), choices: near.map((other) => ({ value: other.id, label: other["type"]["label"], detail: `${other["number"]} · ${other["address"]}` })) }],
  });
  if (answer) await does("call.join", { call: Number(call.id), into: Number(answer["into"]) }, "Joined. The crew is on the other call.");
}

/**
 * @param {Doc} unit
 * @param {Doc} assignment
 * @param {Record<string, any>} said
 */
async function radioClear(unit, assignment, said) {
  const answer = await ask({
    title: `${unit["call_sign"]} clears`,
    text: "How the call ended, operationally. Nothing about anybody's health.",
    confirm: "Clear",
    fields: [{ kind: "choice", name: "disposition", label: "Disposition", choices: Object.entries(words.dispositions).map(([value, label]) => ({ value, label })) }],
  });
  if (answer) {
    const how = say(words.dispositions, String(answer["disposition"])).toLowerCase();
    await does("assignment.clear", { assignment: assignment["id"], disposition: answer["disposition"], ...said }, `${unit["call_sign"]} is clear: ${how}.`);
  }
}

/**
 * @param {Doc} assignment
 * @param {Record<string, any>} said
 * @param {string} done
 */
async function radioTransport(assignment, said, done) {
  const answer = await ask({
    title: `${assignment["call_sign"]} transports`,
    confirm: "Transporting",
    fields: [
      { kind: "line", name: "destination", label: "Where to", limit: 200 },
      { kind: "number", name: "persons", label: "How many people", value: "1" },
      { kind: "number", name: "miles", label: "Miles on the odometer", optional: true },
    ],
  });
  if (answer) {
    const args = { destination: answer["destination"], persons: Number(answer["persons"]), miles_start: answer["miles"] || undefined };
    await does("assignment.transport", { assignment: assignment["id"], ...args, ...said }, done);
  }
}

/**
 * @param {Doc} assignment
 * @param {Record<string, any>} said
 * @param {string} done
 */
async function radioHandBack(assignment, said, done) {
  const answer = await ask({
    title: `${assignment["call_sign"]} hands the call back`,
    text: "On scene the crew stays responsible until somebody accepts.",
    confirm: "Hand back",
    fields: [{ kind: "line", name: "reason", label: "Why", limit: 60 }],
  });
  if (answer) await does("assignment.hand_back", { assignment: assignment["id"], reason: answer["reason"], ...said }, done);
}

/**
 * @param {Doc} unit
 * @param {string} duty
 * @param {Record<string, any>} said
 */
async function radioDuty(unit, duty, said) {
  let reason;
  if (duty === "OUT_OF_SERVICE") {
    const answer = await ask({
      title: `${unit["call_sign"]} goes out of service`,
      confirm: "Out of service",
      fields: [{ kind: "line", name: "reason", label: "Why", limit: 100 }],
    });
    if (!answer) return;
    reason = answer["reason"];
  }
  await does("unit.duty", { duty, reason, ...said }, `${unit["call_sign"]}: ${say(words.statuses, duty).toLowerCase()}, by radio.`);
}

/**
 * @param {Doc} call
 * @param {Record<string, any>} said
 */
async function radioNote(call, said) {
  const answer = await ask({ title: "Note by radio", confirm: "Add", fields: [{ kind: "text", name: "text", label: "What they say", limit: 2000 }] });
  if (answer) await does("call.note", { call: Number(call.id), text: answer["text"], ...said }, "Noted, by radio.");
}

/**
 * @param {Doc} unit
 * @param {Record<string, any>} said
 */
async function radioTake(unit, said) {
  const { waiting } = await import("./waiting.js");
  const rows = waiting();
  const answer = await ask({
    title: `${unit["call_sign"]} takes a call`,
    confirm: "Take",
    fields: [
      {
        kind: "choice", name: "call", label: "Call",
        choices: rows.map((call) => ({ value: call.id, label: call["type"]["label"], detail: `${call["address"]} · P${call["priority"]}`, side: call["queue"] === "POLICE" ? "from police" : "CARE queue" })),
      },
      { kind: "line", name: "reason", label: "Why, when it is taken from police", optional: true, limit: 200 },
    ],
  });
  const call = answer ? rows.find((row) => row.id === answer["call"]) : undefined;
  if (!answer || !call) return;
  const done = `${unit["call_sign"]} has ${named(call)}, by radio.`;
  if (call["queue"] === "POLICE") await does("call.poach", { call: Number(call.id), reason: answer["reason"] || "asked by radio", ...said }, done);
  else await does("call.self_dispatch", { call: Number(call.id), ...said }, done);
}

/**
 * Attach a unit that has no tablet here, by name, or release one.
 *
 * @param {Doc} call
 */
export async function outside(call) {
  const attached = new Set(call["outside_units"].map((/** @type {Doc} */ row) => String(row["unit"])));
  const choices = units()
    .filter((unit) => unit["outside"])
    .map((unit) => ({ value: unit.id, label: unit["call_sign"], detail: attached.has(unit.id) ? "attached: release it" : "attach it by name" }));
  if (choices.length === 0) return void tell("There is no outside unit to attach.", { kind: "bad" });
  const answer = await ask({
    title: `Outside unit on ${named(call)}`,
    text: "It has no tablet here: tell it yourself. This only notes that it was asked.",
    confirm: "Do it",
    fields: [{ kind: "choice", name: "unit", label: "Unit", choices }],
  });
  if (!answer) return;
  const kind = attached.has(String(answer["unit"])) ? "call.release_outside" : "call.attach_outside";
  await does(kind, { call: Number(call.id), unit: Number(answer["unit"]) }, kind === "call.attach_outside" ? "Attached." : "Released.");
}

/**
 * Change what the desk owns: all of it without a CAD, else what CAD does not know.
 *
 * @param {Doc} call
 */
export async function change(call) {
  const ours = !agency()?.["has_cad"];
  const answer = await ask({
    title: `Change ${named(call)}`,
    text: ours ? "" : "Type, priority and address are CAD's: change them there.",
    confirm: "Change",
    fields: [
      { kind: "choice", name: "place_kind", label: "Place", value: call["place_kind"], choices: Object.entries(words.places).map(([value, label]) => ({ value, label })) },
      ...(ours
        ? /** @type {import("./dialogs.js").Field[]} */ ([
            { kind: "line", name: "type", label: "Type", value: call["type"]["code"], suggestions: callTypes().map((type) => type["code"]) },
            { kind: "number", name: "priority", label: "Priority, 1 is the most urgent", value: String(call["priority"]) },
            { kind: "line", name: "address", label: "Address", value: call["address"], limit: 200 },
          ])
        : []),
    ],
  });
  if (!answer) return;
  /** @type {Record<string, any>} */
  const args = { call: Number(call.id) };
  if (answer["place_kind"] !== call["place_kind"]) args["place_kind"] = answer["place_kind"];
  if (ours && answer["type"] !== call["type"]["code"]) args["type"] = answer["type"];
  if (ours && Number(answer["priority"]) !== call["priority"]) args["priority"] = Number(answer["priority"]);
  if (ours && answer["address"] !== call["address"]) args["address"] = answer["address"];
  if (Object.keys(args).length > 1) await does("call.update", args, "Changed. The policy has run again.");
}

/** @returns {Doc[]} debriefs that still want a dispatcher's comment, the oldest first */
export function openDebriefs() {
  return all("debrief")
    .filter((row) => !row["dispatcher_comment"])
    .sort((a, b) => ms(a["opened_at"]) - ms(b["opened_at"]));
}

/** Comment on a call that CARE took from police, as the dispatcher who saw it. */
export async function debrief() {
  const open = openDebriefs();
  if (open.length === 0) return void tell("No debrief wants a comment from the desk.", { kind: "info" });
  const answer = await ask({
    title: "Debrief of a call taken from police",
    text: "Your comment is kept in your name; the supervisor reads it before closing.",
    confirm: "Send the comment",
    fields: [
      {
        kind: "choice", name: "debrief", label: "Call", value: String(open[0]?.id),
        choices: open.map((row) => ({ value: row.id, label: row["number"], detail: `${row["call_sign"]}: ${row["reason"]}` })),
      },
      { kind: "text", name: "text", label: "What you saw, and would do again or otherwise", limit: 2000 },
    ],
  });
  if (answer) await does("debrief.comment", { debrief: Number(answer["debrief"]), text: answer["text"] }, "The comment is kept.");
}
