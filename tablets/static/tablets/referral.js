/**
 * Who referred the crew's call, and whether they wait there: an officer who stands beside somebody wants to know when.
 */

import { h, icon } from "./dom.js";
import { age, minutes } from "./times.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./wire.js").BoardReferral} BoardReferral */

/** What a crew says most; the desk can say any other number for it. */
export const ETA_MINUTES = [5, 10, 15, 20, 30];
/** @type {Record<string, string>} */
const BY = { OFFICER: "officer", 988: "988", HOTLINE: "hotline", PROVIDER: "provider", "311_WEB": "311", DIRECT_LINE: "direct line" };

/**
 * "by officer · waits there", as a row of the board says it.
 * @param {BoardReferral|null|undefined} referral
 */
export function referredWords(referral) {
  if (!referral) return "";
  return `by ${BY[referral.source] ?? "referral"}${referral.staying ? " · waits there" : ""}`;
}

/**
 * When the unit will be there by its own word: what it said last counts at once, also before the server knows.
 * @param {{id: string, referral?: import("./wire.js").CallReferral|null}} call
 * @param {readonly import("./actions.js").Action[]} facts oldest first
 * @returns {{dueAt: number|null, unsure: boolean}}
 */
export function dueOf(call, facts) {
  const told = facts.filter(({ kind, args, state }) => kind === "referral.eta" && args["call"] === Number(call.id) && state !== "refused" && state !== "applied").at(-1);
  if (told) return { dueAt: Date.parse(told.happened_at) + Number(told.args["minutes"]) * 60_000, unsure: true };
  return { dueAt: call.referral?.due_at ? Date.parse(call.referral.due_at) : null, unsure: false };
}

/**
 * @param {Snapshot} s
 * @param {Act} act
 */
export function officerWaits(s, act) {
  const { call, standing } = s;
  const referral = call?.referral;
  if (!call || !referral || !standing) return null;
  const left = s.pending.some(({ kind, args }) => kind === "referral.handed_over" && args["call"] === Number(call.id));
  if (!referral.staying || left) {
    return h("p", { class: "soft", key: "referral" }, `Referred ${referredWords({ ...referral, staying: false })}${referral.handed_over_at || left ? ", handed over" : ""}.`);
  }
  const there = ["ON_SCENE", "TRANSPORTING", "AT_DESTINATION"].includes(standing.assignment.status);
  const { dueAt, unsure } = dueOf(call, s.pending);
  const known = dueAt === null ? "" : dueAt > s.now ? `You said ${minutes(dueAt - s.now)}` : `You said you would be there ${age(s.now - dueAt)} ago`;
  return h(
    "div",
    { class: "banner ask waits", key: "referral", role: "group", "aria-label": "Who waits there" },
    icon("local_police"),
    h("span", null, h("b", null, `${referral.source === "OFFICER" ? "Officer" : "Somebody"} waits there for ${age(s.now - Date.parse(referral.since))}`), referral.searched === "YES" ? null : h("span", null, referral.searched === "NO" ? "Not searched." : "Not known whether searched."), !there && known ? h("span", null, `${known}${unsure ? (s.line.state === "offline" ? " · waiting to send" : " · sending…") : ""}.`) : null),
    there
      ? h("button", { class: "btn", type: "button", onclick: act.handedOver }, "Officer may leave")
      : h("span", { class: "etas", role: "group", "aria-label": "When will you be there?" }, h("b", null, "There in"), ETA_MINUTES.map((count) => h("button", { class: "btn", type: "button", key: count, onclick: () => act.eta(count) }, `${count} min`))),
  );
}
