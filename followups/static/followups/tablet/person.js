/**
 * Somebody whom the crew is with, on its call's screen: what to expect first, then what helps. No history.
 */

import { h, icon } from "../../tablets/dom.js";
import { cautionWords, inForce, language, nameOf, planWords } from "./person_words.js";

/** @typedef {import("../../tablets/parts.js").Kit} Kit */
/** @typedef {import("../../tablets/parts.js").Part} Part */
/** @typedef {import("../../tablets/snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./person_words.js").ClientBody} ClientBody */

/** @type {Kit} */
let kit;

/**
 * Who is known to be at a call.
 * @param {import("../../tablets/replica.js").Replica} replica
 * @param {string|number} call
 * @returns {{id: number, body: ClientBody}[]}
 */
export function atCall(replica, call) {
  return replica.all("client", "unit.").flatMap(({ id, body }) => (body.calls?.includes(Number(call)) ? [{ id: Number(id), body }] : []));
}

/**
 * @param {ClientBody} body
 * @param {Pick<Snapshot, "now"|"zone">} s
 */
export function card(body, { now, zone }) {
  const facts = [body.pronouns, body.language && language(body.language), body.interpreter && "interpreter needed", body.born_on && `born ${body.born_on}`, body.name && body.looks].filter(Boolean);
  const plan = planWords(body, now, zone);
  /**
   * @param {string} heading
   * @param {string[]} list
   * @param {string} look
   */
  const told = (heading, list, look) => list.length > 0 && h("div", { class: `person-list ${look}` }, h("p", { class: "person-told" }, heading), h("ol", { "aria-label": heading }, list.map((text) => h("li", null, text))));
  return [
    inForce(body, now).map((caution) => h("p", { class: "banner bad" }, icon("warning"), h("span", null, h("b", null, caution.text), h("span", null, cautionWords(caution, now, zone))))),
    facts.length > 0 && h("p", { class: "soft" }, facts.join(" · ")),
    body.aliases && body.aliases.length > 0 && h("p", { class: "soft" }, `Also called ${body.aliases.join(", ")}`),
    h("div", { class: "person-lists" }, told("What helps", body.helps, "helps"), told("Avoid", body.avoid, "avoid"), told("As usual", body.baseline, ""), told("When it gets worse", body.elevated, "")),
    body.care_plan && h("div", { class: "person-list" }, h("p", { class: "person-told" }, "Agreed with them"), h("p", { class: "person-plan" }, body.care_plan.text)),
    plan && h("p", { class: "banner info" }, icon("event"), h("span", null, plan)),
  ];
}

/** @type {Part} */
export const part = {
  name: "person",

  start(given) {
    kit = given;
  },

  inCall(s) {
    const { call } = s;
    if (!call || call.local) return null;
    return atCall(kit.replica, call.id).map(({ id, body }) =>
      h("section", { class: "person", key: `person-${id}`, "aria-label": `Known here: ${nameOf(body)}` }, h("p", { class: "person-head" }, icon("person"), h("b", null, nameOf(body)), h("span", { class: "soft" }, body.known_as === "NAMED" ? "known to CARE" : "known by looks")), card(body, s)),
    );
  },
};
