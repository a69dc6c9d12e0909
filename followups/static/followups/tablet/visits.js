/**
 * Second responses that were assigned to this unit, and no others: who, when, how they may be reached, and an attempt in
 * three taps, with signal or without.
 */

import { navigation } from "../../tablets/call.js";
import { h, icon } from "../../tablets/dom.js";
import { away } from "../../tablets/places.js";
import { wallDay } from "../../tablets/times.js";
import { card } from "./person.js";
import { nameOf, wayWords } from "./person_words.js";
import { chip, section } from "./report_form.js";
import { AGAINST, GO, HOW, PLACES, RESULTS, attemptWords, going, refusedGoing, screening, visits, whenWords } from "./visits_words.js";

/** @typedef {import("../../tablets/parts.js").Kit} Kit */
/** @typedef {import("../../tablets/parts.js").Part} Part */
/** @typedef {import("../../tablets/snapshot.js").Snapshot} Snapshot */
/** @typedef {import("../../tablets/app.js").Act} Act */
/** @typedef {import("../../tablets/app.js").Ui} Ui */
/** @typedef {import("./person_words.js").ClientBody} ClientBody */
/** @typedef {import("./visits_words.js").Visit} Visit */

/**
 * An attempt as it is being said, or the way to it. `partner`: null where nobody was there, undefined where nobody said; `place`
 * and `against`: of where it is, before the crew goes.
 * @typedef {{how: string, result: string, note: string, next: string, partner: number|null|undefined, place: string, against: string}} Saying
 */

/** @type {Kit} */
let kit;
/** What is being said, by follow-up, and by whom: nobody finds another one's words. @type {{person: string|null, of: Map<string, Saying>}} */
let saying = { person: null, of: new Map() };
/** Whom the crew is just asking to go to, until that is kept: a second tap of the same finger asks nothing more. */
let leaving = "";

const mine = () => visits(kit.replica.all("follow_up", "unit."), kit.facts(), kit.device.person);

/** @param {Visit} visit @returns {ClientBody|null} */
const clientOf = ({ body }) => kit.replica.get("client", body.client, "unit.");

function forgetOthers() {
  if (saying.person !== kit.device.person) saying = { person: kit.device.person, of: new Map() };
}

/** @param {string} id */
function said(id) {
  forgetOthers();
  const known = saying.of.get(id) ?? { how: "", result: "", note: "", next: "", partner: undefined, place: "", against: "" };
  saying.of.set(id, known);
  return known;
}

/** Who else is on board. @param {Snapshot} s */
const others = (s) => (s.unit?.people ?? []).filter(({ id }) => id !== s.personId);

/**
 * A visit is two people: who the other one was, where one may know it.
 * @param {Saying} words
 * @param {Snapshot} s
 */
const partnerOf = ({ partner }, s) => (partner !== undefined ? partner : others(s).length === 1 ? (others(s)[0]?.id ?? null) : undefined);

/**
 * @param {string} id
 * @param {Snapshot} s
 * @param {Act} act
 */
async function done(id, s, act) {
  const words = said(id);
  const { how, result, note, next } = words;
  if (!how || !result) return;
  const partner = how === "VISIT" ? partnerOf(words, s) : null;
  if (how === "VISIT" && partner === undefined) return;
  saying.of.delete(id);
  navigator.vibrate?.(40);
  act.sheet("visits");
  const taken = await kit.perform("follow_up.attempt", { follow_up: Number(id), how, result, ...(note.trim() ? { note: note.trim() } : {}), ...(next.trim() ? { next_step: next.trim() } : {}), ...(partner ? { partner } : {}) });
  // It could not be kept, and the crew was told: what was said stands there for another try.
  if (!taken) saying.of.set(id, words);
}

/**
 * @param {Visit} visit
 * @param {Snapshot} s
 * @param {Act} act
 */
async function go(visit, s, act) {
  const { id } = visit;
  if (leaving || going(visit, s, kit.facts())?.state !== "open") return;
  leaving = id;
  const { place, against } = said(id);
  navigator.vibrate?.(40);
  act.sheet("visit", { code: id });
  for (const { seq } of refusedGoing(id, s)) void kit.device.dismiss(seq);
  await kit.perform(GO, { follow_up: Number(id), ...(place ? { place_kind: place } : {}), ...(against ? { answers: screening(against) } : {}) });
  leaving = "";
  kit.redraw();
}

/**
 * The way there: one large button with what it does, or why it does nothing; then how it stands.
 * @param {Visit} visit
 * @param {Snapshot} s
 * @param {Act} act
 */
function way(visit, s, act) {
  const now = going(visit, s, kit.facts());
  if (!now) return null;
  const { state, head, say } = now;
  if (state === "mine") return h("div", { class: "banner good visit-way", key: "way" }, icon("check"), h("span", null, h("b", null, head), h("span", null, say)), h("button", { class: "btn", type: "button", onclick: () => showCall(act) }, "Show the call"));
  if (state === "coming") return h("p", { class: "banner good", key: "way", role: "status" }, icon("check"), h("span", null, h("b", null, head), h("span", null, say)));
  if (state === "asked" || state === "ran_out") return h("p", { class: `banner ${state === "asked" ? "ask" : "bad"}`, key: "way", role: "status" }, icon(state === "asked" ? "hourglass_empty" : "warning"), h("span", null, h("b", null, head), h("span", null, say)));
  const offline = s.line.state === "offline";
  return h(
    "div",
    { class: "visit-go", key: "way" },
    refusedGoing(visit.id, s).slice(-1).map(({ seq, why, next }) => h("p", { class: "banner bad", key: `refused-${seq}`, role: "status" }, icon("warning"), h("span", null, h("b", null, `Not done: ${why}`), h("span", null, next)))),
    h("button", { class: `btn tall ${offline ? "ask" : "take"}`, type: "button", disabled: state === "cannot" || leaving !== "", onclick: () => act.sheet("visit_go", { code: visit.id }), "aria-describedby": "visit-go-say", "aria-haspopup": "dialog" }, icon("directions_walk"), h("span", null, offline ? "Ask to go there…" : "Go there now…")),
    h("p", { id: "visit-go-say", class: state === "cannot" || head ? "visit-not" : "soft" }, (state === "cannot" || head) && icon(state === "cannot" ? "info_outline" : "link_off"), h("span", null, head && h("b", null, head), head && " ", say)),
  );
}

/** @param {Act} act */
function showCall(act) {
  act.close();
  act.tab("call");
}

/**
 * @param {Visit} visit
 * @param {Snapshot} s
 * @param {Act} act
 */
function row(visit, s, act) {
  const { id, body, attempts, over } = visit;
  const client = clientOf(visit);
  const { words, look } = whenWords(body, s);
  const last = attempts.at(-1);
  const at = going(visit, s, kit.facts())?.state ?? "";
  const state = ["mine", "asked", "ran_out"].includes(at) ? at : "";
  return h(
    "li",
    { key: `visit-${id}`, class: `visit ${over ? "over" : look}` },
    h(
      "button",
      { class: "visit-main", type: "button", onclick: () => act.sheet("visit", { code: id }), "aria-haspopup": "dialog" },
      h("span", { class: "visit-title" }, h("b", null, client ? nameOf(client) : "Somebody met before"), body.risk === 1 && h("em", { class: "visit-risk" }, "first within a day")),
      h("span", { class: `visit-when ${look}` }, icon(over ? "check" : look === "late" ? "warning" : "schedule"), h("span", null, over ? "done here" : words)),
      h("span", { class: "soft" }, [body.address, away(s.here, body.point)].filter(Boolean).join(" · ") || "no address"),
      state && h("span", { class: state === "mine" ? "visit-mine" : "unsure" }, state === "mine" ? "your call now" : state === "asked" ? "asked to go, not decided yet" : "asked to go, ran out"),
      last && h("span", { class: last.sent ? "soft" : "unsure" }, `${attemptWords(last.how, last.result)}, ${wallDay(last.at, s.zone, s.now)}${last.sent ? "" : s.line.state === "offline" ? " · waiting to send" : " · sending…"}`),
    ),
  );
}

/**
 * How they may be reached: numbers and places that do something at a tap, and the rules under each.
 * @param {ClientBody} client
 */
function ways(client) {
  if (!client.ways.length) return h("p", { class: "banner ask" }, icon("info_outline"), h("span", null, h("b", null, "No safe way is known."), h("span", null, "To whoever answers: nothing of CARE, and not why.")));
  return h(
    "ul",
    { class: "visit-ways", "aria-label": "How to reach them" },
    client.ways.map((way) => {
      const { where, rules } = wayWords(way);
      const link = way.kind === "PHONE" ? { href: `tel:${way.value.replace(/[^+\d]/g, "")}`, words: "Call", icon: "phone" } : way.point ? { href: navigation(way.point, way.value), words: "Navigate", icon: "near_me" } : null;
      return h("li", null, h("div", null, h("b", null, where), h("p", { class: "visit-rules" }, rules.join(" "))), link && h("a", { class: "btn", href: link.href, ...(way.kind === "PHONE" ? {} : { rel: "noreferrer", target: "_blank" }) }, icon(link.icon), h("span", null, link.words)));
    }),
  );
}

/**
 * @param {Visit} visit
 * @param {Snapshot} s
 */
function attempt(visit, s) {
  const words = said(visit.id);
  /** @param {Partial<Saying>} more */
  const say = (more) => {
    Object.assign(words, more);
    kit.redraw();
  };
  const partner = partnerOf(words, s);
  return [
    section("What you tried", HOW.map(([code, label, name]) => chip(label, words.how === code, () => say({ how: code }), { icon: name, key: code }))),
    words.how && section("What came of it", RESULTS.map(([code, label]) => chip(label, words.result === code, () => say({ result: code }), { key: code }))),
    words.result === "DECEASED" && h("p", { class: "banner ask", key: "deceased" }, icon("info_outline"), h("span", null, "A coordinator confirms it with a second person. Until then nothing is told to anybody.")),
    words.how === "VISIT" &&
      words.result &&
      section("Who was with you: a visit is two people", [
        others(s).map(({ id, name }) => chip(name, partner === id, () => say({ partner: id }), { icon: "person", key: `partner-${id}` })),
        chip("Nobody", partner === null, () => say({ partner: null }), { key: "alone" }),
      ]),
    words.result && h("div", { class: "report-fields", key: "notes" }, field(`visit-note-${visit.id}`, "Note, if there is one", words.note, (note) => say({ note })), field(`visit-next-${visit.id}`, "What should happen next, if you know", words.next, (next) => say({ next }))),
  ];
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} value
 * @param {(value: string) => void} set
 */
const field = (id, label, value, set) => h("div", { class: "report-field", key: `field-${id}` }, h("label", { for: id }, label), h("input", { id, name: id, type: "text", autocomplete: "off", maxlength: "2000", value, oninput: (/** @type {Event} */ event) => set(/** @type {HTMLInputElement} */ (event.target).value) }));

/** @type {Part} */
export const part = {
  name: "visits",

  start(given) {
    kit = given;
    kit.replica.listen(forgetOthers);
  },

  stays: ["visits", "visit", "visit_go"],

  onBoard(s, act) {
    const all = mine().filter(({ over }) => !over);
    if (!all.length) return null;
    const looks = all.map(({ body }) => whenWords(body, s).look);
    const late = looks.filter((look) => look === "late").length;
    const now = looks.filter((look) => look !== "later").length;
    const words = late ? `Visits ${all.length}, ${late} overdue` : now ? `Visits ${all.length}, ${now} now` : `Visits ${all.length}`;
    return h("button", { class: `btn ${late ? "way-late" : ""}`, type: "button", key: "visits", onclick: () => act.sheet("visits"), "aria-haspopup": "dialog" }, icon("event"), h("span", null, words));
  },

  sheets: {
    visits: (s, act) => {
      const all = mine();
      return [
        "Visits of your unit",
        all.length
          ? h("ul", { class: "visits", "aria-label": "Visits" }, all.map((visit) => row(visit, s, act)))
          : h("p", { class: "soft" }, "No second response is assigned to your unit now. A coordinator assigns them; they come here by themselves."),
      ];
    },

    visit: (s, act, ui) => {
      const visit = mine().find(({ id }) => id === ui.sheet?.code);
      if (!visit) return ["No longer yours", h("p", null, "Somebody else sees to it now, or it was seen to.")];
      const client = clientOf(visit);
      const { body, attempts } = visit;
      const { words, look } = whenWords(body, s);
      const saidNow = said(visit.id);
      const ready = saidNow.how && saidNow.result && (saidNow.how !== "VISIT" || partnerOf(saidNow, s) !== undefined);
      return [
        client ? nameOf(client) : "Second response",
        [
          h("p", { class: `visit-when ${look}` }, icon(look === "late" ? "warning" : "schedule"), h("b", null, words), h("span", { class: "soft" }, body.step === null ? "a single visit" : `day ${body.step} after we met them`)),
          body.reason && h("p", { class: "say" }, body.reason),
          body.address && h("p", { class: "where" }, h("span", null, body.address), h("span", { class: "soft" }, away(s.here, body.point)), body.point && h("a", { class: "btn", href: navigation(body.point, body.address), rel: "noreferrer", target: "_blank" }, icon("near_me"), h("span", null, "Navigate"))),
          way(visit, s, act),
          client && ways(client),
          client && card({ ...client, plan: null }, s),
          attempts.length > 0 && h("ul", { class: "visit-attempts", "aria-label": "Tried before" }, attempts.map(({ how, result, at, sent }) => h("li", { class: sent ? "" : "unsure" }, `${wallDay(at, s.zone, s.now)}: ${attemptWords(how, result)}${sent ? "" : s.line.state === "offline" ? " · waiting to send" : " · sending…"}`))),
          attempt(visit, s),
        ],
        h("button", { class: "btn next", type: "button", disabled: !ready, onclick: () => void done(visit.id, s, act) }, ready ? `Done: ${attemptWords(saidNow.how, saidNow.result).toLowerCase().replace(":", ",")}` : "Say what you tried, and what came of it"),
      ];
    },

    visit_go: (s, act, ui) => {
      const visit = mine().find(({ id }) => id === ui.sheet?.code);
      if (!visit) return ["No longer yours", h("p", null, "Somebody else sees to it now, or it was seen to.")];
      const client = clientOf(visit);
      const { body } = visit;
      const words = said(visit.id);
      /** @param {Partial<Saying>} more */
      const say = (more) => {
        Object.assign(words, more);
        kit.redraw();
      };
      const now = going(visit, s, kit.facts());
      const open = now?.state === "open";
      const offline = s.line.state === "offline";
      return [
        client ? `Go to ${nameOf(client)}` : "Go there",
        [
          h("p", { class: "where" }, h("span", null, body.address), h("span", { class: "soft" }, away(s.here, body.point))),
          now?.head && h("p", { class: "banner ask" }, icon(open ? "link_off" : "info_outline"), h("span", null, h("b", null, now.head), h("span", null, now.say))),
          section("What kind of place it is", PLACES.map(([code, label]) => chip(label, words.place === code, () => say({ place: words.place === code ? "" : code }), { key: code }))),
          section("Does anything speak against going without police?", AGAINST.map(([code, label]) => chip(label, words.against === code, () => say({ against: words.against === code ? "" : code }), { key: code }))),
          h("p", { class: "soft" }, "What nobody knows is not a no: where the policy says so, police come too and you wait for them. CAD hears “CARE visit”, no name and no reason."),
        ],
        h("button", { class: "btn next", type: "button", disabled: !open || leaving !== "", onclick: () => void go(visit, s, act) }, open && offline ? "Ask to go there" : "Go there now"),
      ];
    },
  },

  trays: {
    names: { "follow_up.attempt": "Visit or call to somebody met", [GO]: "Go to somebody" },
    asks: [GO],
    next: {
      follow_up_not_found: "Somebody else sees to it now. Talk to the coordinator.",
      follow_up_ended: "There is nothing more to do.",
      follow_up_waits: "Nobody goes until they are released.",
      follow_up_nowhere: "Ask the coordinator where they are.",
      follow_up_sent: "Talk to the desk if nobody is there.",
      visit_needs_two: "Wait for your partner, or reach them by phone.",
      visit_not_for_care: "Talk to the desk before anybody goes.",
      [`${GO} take_expired`]: "Open the visit and ask again.",
    },
    flags: { follow_up_ended: "It had ended when this arrived", visit_alone: "A visit is two people" },
  },
};
