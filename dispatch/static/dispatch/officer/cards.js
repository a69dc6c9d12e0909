/**
 * What became of each referral, in words: received, on the way, arrived, closed, or not. No page, no network.
 */

import { age, minutes } from "../../tablets/times.js";

/** @typedef {Record<string, any> & {id: string}} Card */
/** @typedef {{title: string, next: string, tone: "calm"|"go"|"there"|"bad"|"over", icon: string}} Words */

const OVER = ["CLOSED", "NOT_ELIGIBLE", "NOT_COMING"];

/**
 * @param {Card} card
 * @param {number} now ms
 * @returns {Words}
 */
export function words(card, now) {
  const staying = card["staying"] && !card["handed_over_at"];
  switch (card["state"]) {
    case "RECEIVED":
      if (card["kind"] === "PERSON") return { title: "Received, for later contact", next: "No unit is sent.", tone: "calm", icon: "check_circle" };
      return {
        title: "Received",
        next: staying ? "Stay until a unit is with you." : "A unit takes it from CARE's board.",
        tone: "calm",
        icon: "check_circle",
      };
    case "ON_THE_WAY": {
      const due = card["due_at"] ? Date.parse(card["due_at"]) - now : null;
      if (card["late"]) return { title: `Late${due !== null && due < 0 ? `: expected ${age(-due)} ago` : ""}`, next: "The desk has been told too. Ask on the radio if you must leave.", tone: "bad", icon: "warning" };
      if (due === null) return { title: "On the way", next: "The unit has not said when it will be there.", tone: "go", icon: "directions_car" };
      return { title: due > 0 ? `On the way: ${minutes(due)}` : "On the way: any moment", next: "By the unit's own word.", tone: "go", icon: "directions_car" };
    }
    case "ARRIVED":
      return card["handed_over_at"]
        ? { title: "Handed over", next: "CARE is there. You may leave.", tone: "there", icon: "check_circle" }
        : { title: "Arrived", next: staying ? "Press when the person is with CARE." : "CARE is there.", tone: "there", icon: "location_on" };
    case "NOT_COMING":
      return { title: "Not coming", next: "", tone: "bad", icon: "error" };
    case "NOT_ELIGIBLE":
      return { title: "Not for CARE", next: "", tone: "bad", icon: "cancel" };
    default:
      return { title: "Closed", next: "", tone: "over", icon: "check" };
  }
}

/**
 * Open ones first, the newest of each kind at the top.
 * @param {Card[]} cards
 */
export function inOrder(cards) {
  return [...cards].sort(
    (a, b) => Number(OVER.includes(a["state"])) - Number(OVER.includes(b["state"])) || Date.parse(b["received_at"]) - Date.parse(a["received_at"]),
  );
}

/** @param {Card} card */
export function mayHandOver(card) {
  return card["staying"] === true && !card["handed_over_at"] && card["state"] === "ARRIVED";
}

/** @param {Card} card */
export function mayWithdraw(card) {
  return ["RECEIVED", "ON_THE_WAY"].includes(card["state"]);
}

/**
 * What must be said at once, with a vibration: a card that changed for the worse, or to "there".
 * @param {Card|undefined} before
 * @param {Card} after
 */
export function isNews(before, after) {
  if (!before) return false;
  if (!before["late"] && after["late"]) return true;
  if (before["state"] === after["state"]) return false;
  return ["ARRIVED", "NOT_COMING"].includes(after["state"]) || (before["state"] === "ON_THE_WAY" && after["state"] === "RECEIVED");
}
