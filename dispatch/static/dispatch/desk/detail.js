// The left of the desk: one call in full. Who said what and when, what the policy decided, who goes, what is wrong.

import { age, clock, wallTime } from "../../tablets/times.js";
import * as commands from "./commands.js";
import { byId, el, fill, icon, key } from "./dom.js";
import { earlierRows } from "./intake.js";
import { DISQUALIFIERS, alarmWords, ms, ringing, say, who } from "./model.js";
import { mark, messageRows, thread } from "./messages.js";
import { keepOnly, photoRows } from "./photos.js";
import { all, facts, lineState, one, replica, zone } from "./store.js";
import { tandemRows } from "./tandem.js";

/** @typedef {import("./model.js").Doc} Doc */

const words = facts.words;
/** @type {[string, string][]} */
const TIMES = [
  ["assigned_at", "assigned"], ["delivered_at", "received by the tablet"], ["acknowledged_at", "acknowledged"], ["en_route_at", "en route"], ["staged_at", "staged"],
  ["on_scene_at", "on scene"], ["transporting_at", "transporting"], ["at_destination_at", "at destination"], ["hand_back_asked_at", "asked to hand back"], ["cancel_told_at", "told of the cancellation"],
];

/** @type {string | null} */
let shown = null;
/** @type {Doc | null} what it was when it was last here */
let last = null;

/** @returns {string | null} */
export const openCall = () => shown;

/** @param {string | null} call */
export function show(call) {
  if (call !== shown) {
    last = null;
    byId("detail-scroll").scrollTop = 0;
  }
  shown = call;
  draw();
}

/**
 * Bring a part into sight: "answers", "decision".
 *
 * @param {string} part
 */
export function reveal(part) {
  const node = part ? document.querySelector(`#detail [data-part="${part}"]`) : null;
  node?.scrollIntoView({ block: "center" });
  if (part === "answers") /** @type {HTMLElement | null} */ (node?.querySelector("button") ?? null)?.focus();
}

/** Draw the call as it is now. */
export function draw() {
  mark(shown);
  if (shown === null) return;
  const now = clock.now();
  const call = one("call", shown);
  if (call) last = call;
  const about = call ?? last;
  if (!about) return;
  byId("detail").classList.toggle("closed", !call);
  const minute = Math.floor(now / 60_000);
  part("detail-head", [about, minute, Boolean(call)], () => head(about, Boolean(call), now));
  part("detail-acts", [about["status"], about["queue"], about["offered_at"], about["number"], Boolean(call)], () => (call ? acts(call) : []));
  part("detail-cautions", [about["cautions"], minute], () => cautions(about, now));
  part("detail-alarms", [about["alarms"], about["stops"], Math.floor(now / 1000)], () => alarms(about, now));
  part("detail-units", [about["status"], about["assignments"], about["outside_units"], about["police_units"], about["hand_overs"], minute], () => assignments(about, now));
  part("detail-tandem", [about["tandem"], about["status"], about["assignments"], Boolean(call), minute], () => tandemRows(about, Boolean(call), now));
  part("detail-messages", [thread(about.id).map((row) => [row.id, row["delivered_at"], row["read_at"]]), about["units"], Boolean(call)], () => messageRows(about, Boolean(call)));
  part("detail-narrative", [about["narrative"]], () => (about["narrative"] ? [el("blockquote", {}, about["narrative"])] : []));
  part("detail-caller", [about["caller_phone"], about["caller_wish"], about["language"], about["interpreter"], about["sign_language"], about["source"]], () => caller(about));
  part("detail-answers", [about["answers_by"], Boolean(call)], () => answers(about, Boolean(call)));
  part("detail-decision", [about["decision"], about["care_available"], about["flags"]], () => decision(about));
  const notes = all("note").filter((note) => String(note["call"]) === about.id).sort((a, b) => ms(b["at"]) - ms(a["at"]));
  part("detail-notes", [notes.map((note) => note.id)], () => noteRows(notes));
  const attached = all("attachment").filter((row) => String(row["call"]) === about.id).sort((a, b) => ms(a["at"]) - ms(b["at"]));
  keepOnly(attached);
  part("detail-photos", attached.map((row) => [row.id, row["state"], row["caption"]]), () => photoRows(attached));
  const premise = replica.get("premise", about.id, "desk.");
  part("detail-premise", [premise], () => earlier(premise));
}

/**
 * @param {string} id
 * @param {any[]} state
 * @param {() => (Node | string | null | false)[]} content
 */
function part(id, state, content) {
  const node = byId(id);
  fill(node, `${shown}|${JSON.stringify(state)}`, content);
  node.hidden = node.childNodes.length === 0;
}

/** @param {string} iso */
const at = (iso) => wallTime(iso, zone(), { seconds: true });

/**
 * @param {Doc} call
 * @param {boolean} open
 * @param {number} now
 */
function head(call, open, now) {
  const state = !open
    ? lineState.name === "offline" ? "not known: this page is offline" : "no longer open"
    : call["status"] === "ASSIGNED" ? `with ${call["units"].map((/** @type {Doc} */ unit) => unit["call_sign"]).join(", ")}` : `waits for ${call["queue"] === "CARE" ? "CARE" : "police"}`;
  const tone = call["queue"] === "CARE" ? "care" : "police";
  // Somebody may have asked for a partner whom the policy did not.
  const beside = (call["tandem"] ?? []).filter((/** @type {any} */ one) => !one.ended_at).map((/** @type {any} */ one) => say(words.partners, one.partner));
  const going = beside.length ? `CARE + ${beside.join(" + ")}` : say(words.responses, call["response"]);
  return [
    el("div", { class: "kick" }, el("span", { class: `tag ${tone}` }, going), el("span", {}, `Priority ${call["priority"]}`), el("span", { class: "soft" }, call["own_number"] && call["own_number"] !== call["number"] ? `${call["number"]} (ours ${call["own_number"]})` : call["number"])),
    el("h2", {}, call["type"]["label"]),
    el("p", { class: "where" }, call["address"], call["place_kind"] !== "UNKNOWN" ? el("span", {}, say(words.places, call["place_kind"]).toLowerCase()) : null),
    el("p", { class: "soft" }, `${state} · received ${at(call["received_at"])}, ${age(now - ms(call["received_at"]))} ago`),
    referred(call, now),
    call["cad_closed_at"] ? el("p", { class: "caution" }, el("b", {}, "CAD closed it"), ` at ${at(call["cad_closed_at"])}. The crew keeps it until it clears.`) : null,
  ];
}

/**
 * @param {Doc} call
 * @param {number} now
 */
function referred(call, now) {
  const referral = call["referral"];
  if (!referral) return null;
  const due = referral.due_at ? `, expects the unit ${ms(referral.due_at) > now ? `in ${age(ms(referral.due_at) - now)}` : `since ${age(now - ms(referral.due_at))}`}` : "";
  const by = say(words.sources, referral.source);
  return el("p", { class: referral.staying ? "caution" : "soft" }, el("b", {}, `Referred: ${by}`), el("span", {}, [referral.staying ? `waits there for ${age(now - ms(referral.since))}${due}` : referral.handed_over_at ? "handed over" : "", referral.searched === "YES" ? "" : "not searched"].filter(Boolean).join(" · ")));
}

/** @param {Doc} call */
function acts(call) {
  const police = call["queue"] === "POLICE" && call["status"] === "PENDING";
  /** @type {[string, string, () => unknown, boolean][]} */
  const list = [
    [call["status"] === "ASSIGNED" ? "Send another…" : "Send…", "S", () => commands.send(call), true],
    [call["offered_at"] ? "Withdraw" : "Offer", "O", () => commands.offer(call), police],
    ["Note", "A", () => commands.note(call), true],
    ["Overrule", "V", () => commands.overrule(call), true],
    ["Change", "E", () => commands.change(call), true],
    ["Outside unit", "H", () => commands.outside(call), true],
    ["CAD's number", "", () => commands.link(call), Boolean(call["own_number"]) && call["number"] === call["own_number"]],
    ["Same as…", "", () => commands.join(call), Boolean(call["own_number"])],
    ["Cancel", "X", () => commands.cancel(call), true],
  ];
  return list
    .filter(([, , , on]) => on)
    .map(([label, cap, run], order) => el("button", { type: "button", class: `button${order === 0 ? " main" : ""}${cap === "X" ? " danger" : ""}`, "data-focus": cap || label, click: run }, `${label} `, cap ? key(cap) : null));
}

/**
 * @param {Doc} call
 * @param {number} now
 */
function cautions(call, now) {
  return call["cautions"]
    .filter((/** @type {any} */ one) => ms(one.expires_at) > now)
    .map((/** @type {any} */ one) => el("p", { class: "caution" }, icon("warning"), el("span", {}, el("b", {}, "Caution: "), one.text, ` · until ${new Date(one.expires_at).toLocaleDateString()}`)));
}

/**
 * @param {Doc} call
 * @param {number} now
 */
function alarms(call, now) {
  const due = ringing([call], now).map((alarm) => {
    const said = alarmWords(alarm);
    return el(
      "div",
      { class: "detail-alarm" },
      el("p", {}, el("b", {}, said.title), ` ${said.next}`, el("small", {}, ` for ${age(now - alarm.due)}`)),
      el("button", { type: "button", class: "button", "data-focus": `alarm-${alarm.id}`, click: () => commands.does("alarm.acknowledge", { alarm: Number(alarm.id) }, "Seen.") }, "I see it"),
    );
  });
  const stops = (call["stops"] ?? []).map((/** @type {any} */ stop) =>
    el("p", { class: stop.acknowledged_at ? "soft" : "caution" },
      el("b", {}, "STOP"), ` sent ${at(stop.raised_at)}: ${stop.reasons.map((/** @type {string} */ code) => say(words.reasons, code)).join(" ")} `,
      stop.acknowledged_at ? `Acknowledged ${at(stop.acknowledged_at)}.` : "Not acknowledged yet."),
  );
  return [...due, ...stops];
}

/**
 * @param {Doc} call
 * @param {number} now
 */
function assignments(call, now) {
  const rows = call["assignments"].map((/** @type {Doc} */ row) => {
    const unit = one("unit", row["unit"]);
    const steps = TIMES.filter(([name]) => row[name]).map(([name, label]) =>
      el("li", { class: name === "delivered_at" || name === "acknowledged_at" ? "sure" : "" }, el("time", {}, at(row[name])), el("span", {}, label, name === "acknowledged_at" && row["acknowledged_by"] ? ` by ${who(row["acknowledged_by"], facts)}` : "")),
    );
    const reach = commands.reassignable(row);
    const poach = row["poach"];
    // A crew that went there without signal: the desk makes it the holder, or a take does.
    const waits = call["status"] === "PENDING";
    return el(
      "div",
      { class: "holder" },
      el("h3", {}, row["call_sign"], el("span", { class: "tag act" }, say(words.statuses, row["status"])), row["primary"] ? null : el("span", { class: "soft" }, waits ? "on scene, does not hold it" : "assists")),
      el("p", { class: "soft" }, [say(words.origins, row["origin"]), row["radio_asked_by"] ? `BY RADIO, asked by ${row["radio_asked_by"]}` : "", row["destination"] ? `to ${row["destination"]}` : ""].filter(Boolean).join(" · ")),
      poach ? el("p", { class: poach.state === "ASKED" ? "caution" : "soft" }, poachWords(poach)) : null,
      el("ol", { class: "times" }, ...steps),
      el(
        "div",
        { class: "holder-acts" },
        waits ? el("button", { type: "button", class: "button main", "data-focus": `give-${row["id"]}`, click: () => commands.does("call.dispatch", { call: Number(call.id), unit: row["unit"] }, `${row["call_sign"]} holds it now.`) }, "Make it theirs") : null,
        unit ? el("button", { type: "button", class: "button", "data-focus": `radio-${row["id"]}`, click: () => commands.radio(unit) }, icon("rss_feed"), "By radio ", key("R")) : null,
        row["hand_back_asked_at"] ? el("button", { type: "button", class: "button", click: () => commands.does("hand_back.accept", { assignment: row["id"] }, "Taken back. It waits in its queue again.") }, "Accept the hand-back") : null,
        el("button", { type: "button", class: "button", disabled: !reach.may, "data-focus": `reassign-${row["id"]}`, title: reach.may ? null : `From ${at(new Date(reach.from).toISOString())}, unless it acknowledges`, click: () => commands.reassign(call, row) }, reach.may ? "Reassign…" : `Reassign from ${wallTime(reach.from, zone(), { seconds: true })}`),
      ),
    );
  });
  const others = [];
  if (call["police_units"].length) others.push(el("p", {}, el("b", {}, "Police: "), call["police_units"].join(", ")));
  if (call["outside_units"].length) others.push(el("p", {}, el("b", {}, "Named on it: "), call["outside_units"].map((/** @type {Doc} */ unit) => unit["call_sign"]).join(", ")));
  for (const over of call["hand_overs"] ?? []) {
    others.push(el("p", { class: "caution" }, `Handing over to ${one("unit", over.to_unit)?.["call_sign"] ?? "another unit"}: not accepted for ${age(now - ms(over.asked_at))}.`));
  }
  return [...rows, ...others];
}

/** @param {{state: string, reason: string}} poach */
function poachWords(poach) {
  const state = { ASKED: "Taken from police. OURS, CAD NOT CONFIRMED", CAD_CONFIRMED: "Taken from police. CAD confirmed", CAD_REJECTED: "Taken from police. CAD REJECTED IT", NO_CAD: "Taken from police" }[poach.state] ?? poach.state;
  return `${state}. “${poach.reason}”`;
}

/** @param {Doc} call */
function caller(call) {
  const wish = call["caller_wish"] !== "NOT_SAID" ? say(words.wishes, call["caller_wish"]) : "";
  const needs = [call["language"], call["interpreter"] ? "interpreter needed" : "", call["sign_language"] ? "ASL needed" : ""].filter(Boolean).join(", ");
  return [
    el(
      "dl",
      { class: "pairs" },
      el("dt", {}, "Came by"), el("dd", {}, say(words.sources, call["source"])),
      call["caller_phone"] ? el("dt", {}, "Phone") : null, call["caller_phone"] ? el("dd", {}, el("a", { href: `tel:${call["caller_phone"]}` }, call["caller_phone"])) : null,
      wish ? el("dt", {}, "Wish") : null, wish ? el("dd", {}, el("b", {}, wish)) : null,
      needs ? el("dt", {}, "Language") : null, needs ? el("dd", {}, needs) : null,
    ),
  ];
}

/**
 * @param {Doc} call
 * @param {boolean} open
 */
function answers(call, open) {
  return [
    el("h3", { "data-part": "answers" }, "Screening"),
    ...DISQUALIFIERS.map((name, order) => {
      const given = call["answers_by"][name];
      const value = given?.value ?? "NOT_ASKED";
      return el(
        "div",
        { class: "ans detail-ans", "data-disqualifier": name },
        el("span", { class: "ans-name" }, say(words.disqualifiers, name), " ", key(String(order + 1)), el("small", {}, given ? `${who(given.by, facts)}, ${at(given.at)}${given.called_back ? ", called back" : ""}` : "not asked")),
        ...["YES", "NO", "UNKNOWN", "NOT_RELEVANT"].map((one) =>
          el("button", { type: "button", disabled: !open, "aria-pressed": String(one === value), "data-value": one, "data-focus": `${name}-${one}`, title: say(words.answers, one), click: () => commands.answer(call, name, one) }, one === "NOT_RELEVANT" ? "not relevant" : one.toLowerCase()),
        ),
      );
    }),
  ];
}

/** @param {Doc} call */
function decision(call) {
  const made = call["decision"];
  if (!made) return [];
  return [
    el("h3", { "data-part": "decision" }, made.overrule_code ? "Overruled" : "The policy's decision"),
    el("p", {}, el("b", {}, say(words.responses, made.response)), made.care_available ? "" : ", but CARE is not available", el("span", { class: "soft" }, ` · ${at(made.at)}${made.policy ? `, ${made.policy}` : ""}`)),
    made.overrule_code ? el("p", {}, `Why: ${say(words.overrules, made.overrule_code)}`) : null,
    el("ul", { class: "reasons" }, ...made.reasons.map((/** @type {string} */ code) => el("li", {}, say(words.reasons, code)))),
    ...(call["flags"] ?? []).map((/** @type {any} */ flag) => el("p", { class: "soft" }, icon("flag"), ` ${say(words.flags, flag.code)}, ${at(flag.at)}`)),
  ];
}

/** @param {Doc[]} notes newest first */
function noteRows(notes) {
  if (notes.length === 0) return [];
  return [
    el("h3", {}, `Notes ${notes.length}`),
    ...notes.map((note) => el("div", { class: "note" }, el("time", {}, at(note["at"])), el("p", {}, note["text"], el("small", {}, ` ${note["origin"] === "CAD" ? "CAD" : who(note["by"], facts)}`)))),
  ];
}

/** @param {any} premise */
function earlier(premise) {
  if (!premise || premise.here.length + premise.nearby.length === 0) return [];
  return [
    el("h3", {}, "Earlier here ", el("small", {}, `as of ${at(premise.as_of)}`)),
    ...earlierRows(premise.here),
    ...(premise.nearby.length ? [el("h3", {}, "Nearby"), ...earlierRows(premise.nearby)] : []),
  ];
}
