/**
 * Resources: where somebody may be helped, found without signal as well. By need, in words, open now, by age and language;
 * tap to dial, tap to go there.
 */

import { navigation, tool } from "../../tablets/call.js";
import { h, icon, memo } from "../../tablets/dom.js";
import { bearing, miles } from "../../tablets/places.js";
import { find, isAsked, languagesOf, moment, nothingAsked } from "./directory_find.js";
import { dayWords, hoursWords, languageWords, openings } from "./directory_words.js";

/** @typedef {import("../../tablets/parts.js").Kit} Kit */
/** @typedef {import("../../tablets/parts.js").Part} Part */
/** @typedef {import("../../tablets/snapshot.js").Snapshot} Snapshot */
/** @typedef {import("../../tablets/app.js").Act} Act */
/** @typedef {import("../../tablets/dom.js").VNode} VNode */
/** @typedef {import("../../tablets/dom.js").Child} Child */
/** @typedef {import("./directory_find.js").Resource} Resource */
/** @typedef {import("./directory_find.js").Found} Found */

// More are shown when asked for: nobody reads fifty.
const SHOWN = 40;
// What is found is reckoned anew when the crew has moved so far, in degrees: some 100 m.
const STEP = 0.001;

/** @type {Kit} */
let kit;
/** What was asked stays while the app is open: a crew comes back to its list after a call. */
let question = nothingAsked();
let shown = SHOWN;
let choosesLanguage = false;

/** What the directory has, kept until a document of it changes. @type {{all: {id: string, body: Resource}[], languages: string[]}|null} */
let held = null;
/** What was found for what was asked, a minute ago at most. @type {{key: string, found: Found[]}} */
let last = { key: "", found: [] };
/** What is on the wall, to the minute. @type {{key: string, at: import("./directory_find.js").Moment}|null} */
let minute = null;
/** @type {Map<string, VNode>} */
let described = new Map();

function directory() {
  if (!held) {
    const all = kit.replica.all("resource", "directory.").map(({ id, body }) => ({ id, body }));
    held = { all, languages: languagesOf(all) };
    last = { key: "", found: [] };
  }
  return held;
}

/** @param {Snapshot} s */
function found(s) {
  const { all } = directory();
  const now = at(s);
  const here = s.here ? s.here.map((degrees) => Math.round(degrees / STEP)).join() : "";
  const key = JSON.stringify([question, minute?.key, here]);
  if (key !== last.key) last = { key, found: find(all, question, { at: now, here: s.here }) };
  return last.found;
}

/** @param {Snapshot} s */
function at(s) {
  const now = kit.now();
  const key = `${Math.floor(now / 60_000)} ${s.zone}`;
  if (minute?.key !== key) minute = { key, at: moment(now, s.zone, kit.words["holidays"] ?? []) };
  return minute.at;
}

/** @returns {{code: string, words: string, icon: string}[]} */
const needs = () => kit.words["needs"] ?? [];

/** @param {Partial<typeof question>} more */
function ask(more) {
  question = { ...question, ...more };
  shown = SHOWN;
  kit.redraw();
}

/** @type {Part} */
export const part = {
  name: "directory",
  start(given) {
    kit = given;
    kit.replica.listen((changes) => {
      if (changes.some(({ c }) => c === "resource")) held = null;
    });
  },
  stays: ["directory", "resource"],
  onCall: (_s, act) => tool("support", "Resources", () => act.sheet("directory")),
  // With a call it stands among the tools of that.
  onBoard: (s, act) => !s.call && h("button", { class: "btn", type: "button", key: "directory", onclick: () => act.sheet("directory"), "aria-haspopup": "dialog" }, icon("support"), h("span", null, "Resources")),
  sheets: {
    directory: (s, act) => ["Resources", [search(s), result(s, act)]],
    resource: (s, act, ui) => {
      const one = directory().all.find(({ id }) => id === ui.sheet?.code);
      const foot = h("button", { class: "btn", type: "button", onclick: () => act.sheet("directory") }, icon("arrow_back"), h("span", null, "Back to the list"));
      return one ? [one.body.name, details(one.body, s), foot] : ["No longer in the directory", h("p", null, "Its source has taken it out."), foot];
    },
  },
};

/** @param {Snapshot} s */
function search(s) {
  const chosen = needs().find(({ code }) => code === question.need);
  /** @param {string} words @param {boolean} pressed @param {() => void} onclick @param {string} [name] */
  const toggle = (words, pressed, onclick, name) => h("button", { class: "btn choice", type: "button", "aria-pressed": String(pressed), onclick }, name && icon(name), h("span", null, words));
  return h(
    "div",
    { class: "dir-search", key: "search", role: "search" },
    h(
      "div",
      { class: "dir-line" },
      h("label", { class: "unseen", for: "dir-text" }, "Search the directory"),
      h("input", { id: "dir-text", type: "search", placeholder: "Name, street, words…", maxlength: "80", autocomplete: "off", enterkeyhint: "search", value: question.text, oninput: (/** @type {Event} */ event) => ask({ text: /** @type {HTMLInputElement} */ (event.target).value }) }),
      toggle("Open now", question.open, () => ask({ open: !question.open }), "schedule"),
      h("label", { class: "dir-age" }, h("span", null, "Age"), h("input", { type: "text", inputmode: "numeric", maxlength: "3", autocomplete: "off", value: question.age, oninput: (/** @type {Event} */ event) => ask({ age: /** @type {HTMLInputElement} */ (event.target).value.replace(/\D/g, "") }) })),
      directory().languages.length > 0 &&
        h("button", { class: "btn choice", type: "button", "aria-expanded": String(choosesLanguage), "aria-pressed": String(Boolean(question.language)), onclick: () => chooseLanguage(!choosesLanguage) }, icon("translate"), h("span", null, question.language ? languageWords(question.language) : "Language")),
    ),
    choosesLanguage &&
      h(
        "div",
        { class: "grid dir-languages", role: "group", "aria-label": "Language" },
        toggle("Any language", !question.language, () => chooseLanguage(false, "")),
        directory().languages.map((language) => toggle(languageWords(language), question.language === language, () => chooseLanguage(false, language))),
      ),
    chosen
      ? h("button", { class: "btn choice dir-chosen", type: "button", "aria-pressed": "true", onclick: () => ask({ need: "" }) }, icon(chosen.icon), h("span", null, chosen.words), h("span", { class: "dir-other" }, icon("close"), "another need"))
      : !question.text.trim() && h("div", { class: "dir-needs", role: "group", "aria-label": "Need" }, needs().map(({ code, words, icon: name }) => toggle(words, false, () => ask({ need: code }), name))),
    !s.here && isAsked(question) && h("p", { class: "soft" }, "This tablet's position is not known: nothing is sorted by distance."),
  );
}

/** @param {boolean} open @param {string} [language] */
function chooseLanguage(open, language = question.language) {
  choosesLanguage = open;
  ask({ language });
}

/** @param {Snapshot} s @param {Act} act */
function result(s, act) {
  const { all } = directory();
  if (!all.length) return h("div", { class: "nothing", key: "nothing" }, icon("hourglass_empty"), h("p", null, "The directory has not reached this tablet yet."), h("p", { class: "soft" }, s.line.state === "offline" ? "It comes when there is signal." : "It comes by itself, after your calls."));
  if (!isAsked(question)) return h("p", { class: "soft", key: "count" }, `${all.length} ${all.length === 1 ? "resource" : "resources"}, on this tablet also without signal. Tap a need, or search.`);
  const list = found(s);
  if (!list.length) return nothing();
  /** @type {typeof described} */
  const next = new Map();
  const today = at(s).date;
  const rows = list.slice(0, shown).map((one) => {
    const words = hoursWords(one.hours, today);
    const far = s.here && one.body.point && one.distance !== null ? `${miles(one.distance)}${one.distance > 20 ? ` ${bearing(s.here, one.body.point)}` : ""}` : "";
    const vnode = memo([one.body, words.look, words.words, far], () => rowOf(one, words, far, act), described.get(one.id));
    next.set(one.id, vnode);
    return vnode;
  });
  described = next;
  return h(
    "div",
    { class: "dir-result", key: "result" },
    h("p", { class: "soft", role: "status" }, list.length === 1 ? "1 found." : `${list.length} found, open ones first${s.here ? ", then the nearest" : ""}.`),
    h("ul", { class: "dir-rows", "aria-label": "Resources" }, rows),
    list.length > shown &&
      h("button", { class: "btn", type: "button", onclick: () => {
        shown += SHOWN;
        kit.redraw();
      } }, `Show ${Math.min(SHOWN, list.length - shown)} more`),
  );
}

function nothing() {
  /** @type {[boolean, string, Partial<typeof question>][]} */
  const filters = [
    [question.open, "Closed ones too", { open: false }],
    [Boolean(question.age), "Any age", { age: "" }],
    [Boolean(question.language), "Any language", { language: "" }],
    [Boolean(question.need) && Boolean(question.text.trim()), "Any need", { need: "" }],
    [Boolean(question.text.trim()), "Without the words", { text: "" }],
  ];
  return h(
    "div",
    { class: "nothing", key: "none", role: "status" },
    icon("search"),
    h("p", null, "Nothing in the directory fits all of this."),
    h("div", { class: "choose" }, filters.filter(([on]) => on).map(([, words, more]) => h("button", { class: "btn", type: "button", onclick: () => ask(more) }, words)), h("button", { class: "btn", type: "button", onclick: () => ask(nothingAsked()) }, "Begin anew")),
  );
}

/**
 * @param {Found} one
 * @param {{look: string, icon: string, words: string}} hours
 * @param {string} far
 * @param {Act} act
 */
function rowOf({ id, body }, hours, far, act) {
  const phone = body.phones?.[0];
  return h(
    "li",
    { key: id, class: `dir-row ${hours.look}` },
    h(
      "button",
      { class: "dir-main", type: "button", onclick: () => act.sheet("resource", { code: id }), "aria-haspopup": "dialog" },
      h("b", null, body.name),
      h("span", { class: `dir-hours ${hours.look}` }, icon(hours.icon), h("span", null, hours.words), far && h("span", { class: "dir-far" }, far)),
      h("span", { class: "soft dir-line-of" }, [body.organization, body.place, body.address ?? "No address: by phone or where somebody is"].filter(Boolean).join(" · ")),
      body.alert && h("span", { class: "dir-alert" }, icon("warning"), h("span", null, body.alert)),
    ),
    phone && dial(phone, true),
    body.point && h("a", { class: "btn", href: navigation(body.point, body.address ?? body.name), rel: "noreferrer", target: "_blank", "aria-label": `Navigate to ${body.name}` }, icon("directions")),
  );
}

/**
 * @param {NonNullable<Resource["phones"]>[number]} phone
 * @param {boolean} [small]
 */
function dial({ number, shown: written, extension, type, words }, small = false) {
  const said = `${written ?? number}${extension ? ` ext. ${extension}` : ""}`;
  // Most telephones wait a little at a comma, and then dial what is behind it.
  const href = `${type?.toLowerCase() === "text" ? "sms" : "tel"}:${number}${extension && /^\d+$/.test(extension) ? `,${extension}` : ""}`;
  if (small) return h("a", { class: "btn", href, "aria-label": `Call ${said}` }, icon("phone"));
  return h("a", { class: "btn tall", href }, icon(type?.toLowerCase() === "text" ? "chat" : "phone"), h("span", null, h("b", null, said), h("small", null, [words, type?.toLowerCase()].filter(Boolean).join(" · "))));
}

/** @param {Resource} body @param {Snapshot} s @returns {Child} */
function details(body, s) {
  const [one] = find([{ id: "", body }], nothingAsked(), { at: at(s), here: s.here });
  if (!one) return null;
  const hours = hoursWords(one.hours, at(s).date);
  const days = openings(body.schedules ?? []);
  const [least, most] = body.ages ?? [null, null];
  const ages = least === null ? (most === null ? "" : `up to ${most} years`) : most === null ? `from ${least} years` : `${least} to ${most} years`;
  /** @param {string} name @param {Child} words */
  const fact = (name, words) => words && h("div", { class: "dir-fact" }, h("dt", null, name), h("dd", null, words));
  return [
    body.alert && h("p", { class: "banner bad" }, icon("warning"), h("b", null, body.alert)),
    h("p", { class: `dir-hours big ${hours.look}` }, icon(hours.icon), h("b", null, hours.words)),
    body.about && h("p", null, body.about),
    h("div", { class: "list dir-doing" }, body.phones?.map((phone) => dial(phone)), body.point && h("a", { class: "btn tall", href: navigation(body.point, body.address ?? body.name), rel: "noreferrer", target: "_blank" }, icon("directions"), h("span", null, h("b", null, "Navigate"), h("small", null, [one.distance !== null && s.here ? `${miles(one.distance)} ${bearing(s.here, body.point)}` : "", body.address].filter(Boolean).join(" · "))))),
    h(
      "dl",
      { class: "dir-facts" },
      fact("Organization", body.organization),
      fact("Where", [body.place, body.address].filter(Boolean).join(", ")),
      fact("For whom", [body.eligibility, ages && `Age: ${ages}.`].filter(Boolean).join(" ")),
      fact("How", body.how),
      fact("Cost", body.fees),
      fact("Hours", (days.length > 0 || body.hours || body.unclear) && h("ul", null, days.map(({ name, times }) => h("li", null, h("span", null, name), h("span", null, times))), body.hours && h("li", { class: "dir-said" }, body.hours), body.unclear && h("li", { class: "dir-said soft" }, "Its source says more about its hours than this tablet can reckon with: ask."))),
      fact("Languages", (body.languages ?? []).map(languageWords).join(", ")),
      fact("Needs", (body.needs ?? []).map((code) => needs().find((need) => need.code === code)?.words ?? code).join(", ")),
      fact("Website", body.url && h("a", { href: body.url, rel: "noreferrer", target: "_blank" }, body.url)),
      fact("Known", `As of ${dayWords(body.as_of)}, from ${body.source}. Ask before you send somebody.`),
    ),
  ];
}
