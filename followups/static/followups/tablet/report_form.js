/**
 * The form of a report: what happens on most calls in large choices, the rest behind one tap, everything on one page.
 */

import { h, icon } from "../../tablets/dom.js";
import { LANGUAGES, language } from "./person_words.js";
import { LIMITS, MANDATED_WITHIN, OF_AGE, OWN_CONSENT_AGE, called, minor as aMinor, newClient, nextPosition, referred, safeContact, somebody, toggled, withMet, withSomebody } from "./report_body.js";
import { CAUTION_DAYS, FOLLOW_UP, LEFT_TO, MAY_SAY, NALOXONE, WAYS } from "./report_words.js";

/** @typedef {import("../../tablets/dom.js").Child} Child */
/** @typedef {import("./report_body.js").Body} Body */
/** @typedef {import("./report_body.js").Met} Met */
/** @typedef {import("./report_body.js").NewClient} NewClient */

/** One thing that may be chosen; `part2`: the law protects it more than the rest. @typedef {{code: string, label: string, risk?: boolean, substance_use?: boolean}} Choice */

/**
 * What the form needs to know and may do.
 * @typedef {object} Form
 * @property {Body} body
 * @property {(change: (body: Body) => Body) => void} edit
 * @property {Record<string, Choice[]>} choices by field
 * @property {{id: number, name: string}[]} people who are known to be at this call
 * @property {() => {id: number, name: string}[]} services of the directory
 * @property {View} view
 * @property {() => void} redraw
 * @property {() => number} now ms of the server's clock
 */

/** What of the form is open: nothing of it is sent. @typedef {{position: number, open: Set<string>, find: string}} View */

/** How many choices of a field are shown before the rest is asked for: the first are the frequent ones. */
const SHOWN = 12;

/**
 * Of what was done, which asks for more: an agency whose choices have these codes is asked below them, any other always.
 * @type {{code: string, there: (met: Met) => boolean, first: Partial<Met>, none: Partial<Met>}[]}
 */
const ASKS = [
  { code: "NALOXONE", there: ({ naloxone: given }) => given !== null, first: { naloxone: { doses: 1, outcome: "" } }, none: { naloxone: null } },
  { code: "SUPPLIES", there: ({ supplies }) => supplies.length > 0, first: {}, none: { supplies: [] } },
  { code: "TRANSPORTED", there: ({ transport: ride }) => ride !== null, first: {}, none: { transport: null } },
];

/** Outcomes that are about a referral. */
const REFERRED = new Set(["REFERRAL_MADE", "REFERRAL_DECLINED"]);

/** How many services a search shows. */
const FOUND = 6;

/**
 * @param {Form} form
 * @returns {Child}
 */
export function formOf(form) {
  const { body, choices } = form;
  const met = body.met.find(({ position }) => position === form.view.position) ?? body.met[0] ?? somebody(nextPosition([], body.next));
  const ready = Object.values(choices).some((all) => all.length);
  return [
    tabs(form, met),
    !ready && h("p", { class: "banner ask" }, icon("hourglass_empty"), h("span", null, h("b", null, "The choices have not reached this tablet yet."), h("span", null, "Write notes; what you write is kept."))),
    body.nobody_found ? h("p", { class: "banner info" }, icon("search"), h("span", null, "Nobody found. Add notes if there is something to say, and sign.")) : person(form, met),
    area("report-notes", "Notes", body.notes, (notes) => form.edit((was) => ({ ...was, notes })), { maxlength: LIMITS.notes, rows: "3", placeholder: "What a colleague must know that the choices do not say" }),
  ];
}

/**
 * @param {Form} form
 * @param {Met} met who is looked at
 */
function tabs(form, met) {
  const { body, view } = form;
  const known = new Map(form.people.map(({ id, name }) => [id, name]));
  return h(
    "div",
    { class: `report-tabs ${body.met.length > 1 ? "several" : ""}`, role: "group", "aria-label": "Whom you met", key: "tabs" },
    body.nobody_found
      ? null
      : (body.met.length ? body.met : [met]).map((one, i) => chip(called(one, i + 1, known), one.position === met.position, () => show(form, one.position), { icon: "person", key: `met-${one.position}` })),
    body.met.length > 0 &&
      body.met.length < LIMITS.met &&
      chip("Another person", false, () => {
        const position = nextPosition(body.met, body.next);
        form.edit((was) => withSomebody(was));
        view.position = position;
      }, { icon: "add", key: "another" }),
    (body.nobody_found || body.met.every(isUntouched)) && chip("Nobody found", body.nobody_found, () => form.edit((was) => ({ ...was, nobody_found: !was.nobody_found, met: [] })), { icon: "search", key: "nobody" }),
  );
}

/** @param {Met} met */
const isUntouched = ({ client, needs, behaviours, done, supplies, naloxone, transport, outcomes, mandated, referrals }) =>
  !client && ![needs, behaviours, done, supplies, outcomes, referrals].some((chosen) => chosen.length) && !naloxone && !transport && !mandated;

/**
 * @param {Form} form
 * @param {number} position
 */
function show(form, position) {
  form.view.position = position;
  form.redraw();
}

/**
 * One person, from who they are to what comes next.
 * @param {Form} form
 * @param {Met} met
 */
function person(form, met) {
  /** @param {Partial<Met>} more */
  const set = (more) => change(form, met, more);
  /**
   * @param {string} label
   * @param {string} field
   * @param {"needs"|"behaviours"|"done"|"supplies"|"outcomes"} name
   * @param {(code: string, on: boolean) => Partial<Met>} [more] what else follows from a choice
   */
  const many = (label, field, name, more = () => ({})) =>
    group(form, label, field, met[name], (code) => set({ [name]: toggled(met[name], code), ...more(code, !met[name].includes(code)) }));
  /** @param {string} code */
  const asked = (code) => met.done.includes(code) || !(form.choices["DONE"] ?? []).some((choice) => choice.code === code) || Boolean(ASKS.find((ask) => ask.code === code)?.there(met));
  return h(
    "div",
    { class: "report-person", key: `person-${met.position}` },
    who(form, met, set),
    many("What was needed", "NEED", "needs"),
    many("What you saw", "BEHAVIOUR", "behaviours"),
    many("What you did", "DONE", "done", (code, on) => ASKS.find((ask) => ask.code === code)?.[on ? "first" : "none"] ?? {}),
    asked("NALOXONE") && naloxone(met, set),
    asked("SUPPLIES") && many("Supplies given", "SUPPLY", "supplies"),
    asked("TRANSPORTED") && transport(form, met, set),
    many("What came of it", "OUTCOME", "outcomes", (code, on) => {
      if (on && REFERRED.has(code)) form.view.open.add(`referral ${met.position}`);
      return {};
    }),
    section("Where they were when you left", LEFT_TO.map(([code, words]) => chip(words, met.left_to === code, () => set({ left_to: met.left_to === code ? "" : code })))),
    followUp(met, set),
    extras(form, met, set),
    form.body.met.length > 1 && h("button", { class: "btn report-drop", type: "button", onclick: () => form.edit((was) => ({ ...was, met: was.met.filter(({ position }) => position !== met.position) })) }, icon("delete"), h("span", null, "Take this person off the report")),
  );
}

/**
 * Change one person; the first touch of an empty form is what puts somebody on it.
 * @param {Form} form
 * @param {Met} met
 * @param {Partial<Met>} more
 */
function change(form, met, more) {
  form.view.position = met.position;
  form.edit((was) => withMet(was.met.some(({ position }) => position === met.position) ? was : withSomebody(was, met.position), met.position, more));
}

/**
 * @param {Form} form
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function who(form, met, set) {
  const { client } = met;
  const fresh = client && "new" in client ? client.new : null;
  /** @param {Partial<NewClient>} more */
  const say = (more) => set({ client: { new: { ...(fresh ?? newClient()), ...more } } });
  const at = met.position;
  return section("Who", [
    form.people.map(({ id, name }) => chip(name, client !== null && "id" in client && client.id === id, () => set({ client: client && "id" in client && client.id === id ? null : { id } }), { icon: "person", key: `known-${id}` })),
    chip("Not known", client === null, () => set({ client: null }), { key: "unknown" }),
    chip("Name or describe…", fresh !== null, () => set({ client: fresh ? null : { new: newClient() } }), { key: "fresh" }),
    fresh &&
      h(
        "div",
        { class: "report-fields", key: "fresh-fields" },
        line(`name-${at}`, "Name", fresh.name, (name) => say({ name }), { maxlength: LIMITS.name }),
        line(`aliases-${at}`, "Also called", fresh.aliases.join(", "), (text) => say({ aliases: text.split(",").map((one) => one.trim()).filter(Boolean).slice(0, LIMITS.aliases) }), { maxlength: LIMITS.name }, true),
        line(`looks-${at}`, "Looks like", fresh.looks, (looks) => say({ looks }), { maxlength: LIMITS.looks }),
        line(`born-${at}`, "Born (1984-05-31, or 1984)", fresh.born_on, (born) => say({ born_on: born.trim() }), { maxlength: 10, inputmode: "numeric" }),
        line(`phone-${at}`, "Phone", fresh.phone, (phone) => say({ phone: phone.trim() }), { maxlength: LIMITS.phone, inputmode: "tel" }),
        tongue(`language-${at}`, "Language", fresh.language, "English, or not known", (tag) => say({ language: tag })),
      ),
  ]);
}

/**
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function naloxone(met, set) {
  const doses = met.naloxone?.doses ?? 0;
  /** @param {number} n */
  const give = (n) => set({ naloxone: n <= 0 ? null : { outcome: met.naloxone?.outcome ?? "", doses: Math.min(n, LIMITS.doses) } });
  return section("Naloxone given", [
    h(
      "div",
      { class: "report-count", key: "doses" },
      h("button", { class: "btn", type: "button", "aria-label": "One dose fewer", disabled: doses === 0, onclick: () => give(doses - 1) }, icon("remove")),
      h("output", { "aria-live": "polite" }, h("b", null, String(doses)), doses === 1 ? " dose" : " doses"),
      h("button", { class: "btn", type: "button", "aria-label": "One dose more", onclick: () => give(doses + 1) }, icon("add")),
    ),
    met.naloxone && NALOXONE.map(([code, words]) => chip(words, met.naloxone?.outcome === code, () => set({ naloxone: { doses, outcome: code } }), { key: code })),
  ]);
}

/**
 * @param {Form} form
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function transport(form, met, set) {
  const { transport: ride } = met;
  /** @param {Partial<import("./report_body.js").Transport>} more */
  const say = (more) => set({ transport: { destination: "", where: "", supervisor_said_yes: null, ...ride, ...more } });
  return [
    group(form, "Taken by us to", "DESTINATION", ride ? [ride.destination] : [], (code) => (ride?.destination === code ? set({ transport: null }) : say({ destination: code }))),
    ride && h("div", { class: "report-fields", key: "ride" }, line(`where-${met.position}`, "Where exactly, if it must be said", ride.where, (where) => say({ where }), { maxlength: LIMITS.name })),
    // Nobody is refused a ride by a form: it asks, and a supervisor sees the answer.
    ride &&
      met.minor &&
      !met.minor.guardian_there &&
      section("A minor alone in our vehicle: did a supervisor say yes?", [
        chip("Yes", ride.supervisor_said_yes === true, () => say({ supervisor_said_yes: true })),
        chip("No", ride.supervisor_said_yes === false, () => say({ supervisor_said_yes: false })),
      ]),
  ];
}

/**
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function followUp(met, set) {
  const way = met.safe_contact;
  /** @param {Partial<import("./report_body.js").SafeContact>} more */
  const say = (more) => set({ safe_contact: { ...(way ?? safeContact()), ...more } });
  const at = met.position;
  return [
    section("May we come again, in the next days?", FOLLOW_UP.map(([code, words]) => chip(words, met.follow_up === code, () => set({ follow_up: code, ...(code === "YES" ? {} : { safe_contact: null }) })))),
    met.follow_up === "YES" &&
      h(
        "div",
        { class: "report-inner", key: "safe" },
        section("Where they can be reached safely", WAYS.map(([kind, words]) => chip(words, way?.kind === kind, () => (way?.kind === kind ? set({ safe_contact: null }) : say({ kind, ...(kind === "SHELTER" && way?.may_say === "REASON" ? { may_say: "NOTHING" } : {}) }))))),
        way && [
          h("div", { class: "report-fields", key: "way" }, line(`way-${at}`, WAYS.find(([kind]) => kind === way.kind)?.[2] ?? "Where", way.value, (value) => say({ value }), { maxlength: LIMITS.name, ...(way.kind === "PHONE" ? { inputmode: "tel" } : {}) })),
          section("What may be said to whoever answers", [
            MAY_SAY.filter(([code]) => way.kind !== "SHELTER" || code !== "REASON").map(([code, words]) => chip(words, way.may_say === code, () => say({ may_say: code }), { key: code })),
            way.kind === "PHONE" && chip("May leave a message", way.leave_message, () => say({ leave_message: !way.leave_message }), { key: "message", icon: way.leave_message ? "check" : "check_box_outline_blank" }),
          ]),
          way.kind === "SHELTER" && h("p", { class: "soft", key: "shelter" }, "At a shelter nobody is told why we come, whatever is written here."),
          h(
            "div",
            { class: "report-fields", key: "hours" },
            line(`from-${at}`, "Not before", way.hours_from ?? "", (from) => say({ hours_from: from || null }), { type: "time", step: "900" }),
            line(`until-${at}`, "Not after", way.hours_until ?? "", (until) => say({ hours_until: until || null }), { type: "time", step: "900" }),
          ),
        ],
      ),
  ];
}

/**
 * What is rare: each behind a tap, and open where something stands in it.
 * @param {Form} form
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function extras(form, met, set) {
  const { open } = form.view;
  /** @type {[name: string, words: string, there: boolean, first: () => void, drop: () => void][]} */
  const all = [
    ["interpreter", "Interpreter", met.interpreter !== null, () => set({ interpreter: { used: true, language: knownLanguage(met) } }), () => set({ interpreter: null })],
    ["minor", "A minor", met.minor !== null, () => set({ minor: aMinor() }), () => set({ minor: null })],
    ["mandated", "Mandated report", met.mandated !== null, () => set({ mandated: { about: "", made_to: "", made_at: null, number: "" } }), () => set({ mandated: null })],
    ["referral", "Referral", met.referrals.length > 0, () => {}, () => set({ referrals: [] })],
    ["caution", "Caution", met.cautions.length > 0, () => set({ cautions: [{ text: "", days: 90 }] }), () => set({ cautions: [] })],
  ];
  const shown = new Set(all.flatMap(([name, , there]) => (there || open.has(`${name} ${met.position}`) ? [name] : [])));
  return [
    section(
      "More",
      all.map(([name, words, there, first, drop]) =>
        chip(words, shown.has(name), () => {
          const key = `${name} ${met.position}`;
          if (shown.has(name)) {
            open.delete(key);
            if (there) drop();
          } else {
            open.add(key);
            first();
          }
          form.redraw();
        }, { icon: shown.has(name) ? "remove" : "add", key: name }),
      ),
    ),
    shown.has("interpreter") && met.interpreter && inner("interpreter", tongue(`interpreter-${met.position}`, "Interpreter used, for which language", met.interpreter.language, "not said", (tag) => set({ interpreter: { used: true, language: tag } }))),
    shown.has("minor") && met.minor && minor(met, met.minor, set),
    shown.has("mandated") && met.mandated && mandated(form, met, met.mandated, set),
    shown.has("referral") && referrals(form, met, set),
    shown.has("caution") && caution(met, set),
  ];
}

/** @param {Met} met */
const knownLanguage = ({ client }) => (client && "new" in client ? client.new.language : "");

/**
 * @param {Met} met
 * @param {import("./report_body.js").Minor} known
 * @param {(more: Partial<Met>) => void} set
 */
function minor(met, known, set) {
  /** @param {Partial<typeof known>} more */
  const say = (more) => set({ minor: { ...known, ...more } });
  return inner(
    "minor",
    line(`age-${met.position}`, "Age", known.age === null ? "" : String(known.age), (text) => say({ age: /^\d{1,2}$/.test(text.trim()) && Number(text) < OF_AGE ? Number(text) : null }), { inputmode: "numeric", maxlength: 2 }),
    line(`guardian-${met.position}`, "Parent or guardian", known.guardian, (guardian) => say({ guardian }), { maxlength: LIMITS.name }),
    h(
      "div",
      { class: "report-chips", key: "minor-chips" },
      chip("Guardian was there", known.guardian_there, () => say({ guardian_there: !known.guardian_there }), { icon: known.guardian_there ? "check" : "check_box_outline_blank" }),
      chip("Guardian told", known.guardian_told, () => say({ guardian_told: !known.guardian_told }), { icon: known.guardian_told ? "check" : "check_box_outline_blank" }),
      (known.age === null || known.age >= OWN_CONSENT_AGE) && chip("Consented themself", known.own_consent, () => say({ own_consent: !known.own_consent }), { icon: known.own_consent ? "check" : "check_box_outline_blank" }),
    ),
    h("p", { class: "soft" }, `From ${OWN_CONSENT_AGE} on they may consent to care themselves.`),
  );
}

/**
 * @param {Form} form
 * @param {Met} met
 * @param {import("./report_body.js").Mandated} known
 * @param {(more: Partial<Met>) => void} set
 */
function mandated(form, met, known, set) {
  /** @param {Partial<typeof known>} more */
  const say = (more) => set({ mandated: { ...known, ...more } });
  return inner(
    "mandated",
    area(`mandated-${met.position}`, "What the report is about", known.about, (about) => say({ about }), { maxlength: LIMITS.notes, rows: "2" }),
    h("div", { class: "report-chips", key: "made" }, chip("Made already", known.made_at !== null, () => say({ made_at: known.made_at === null ? new Date(form.now()).toISOString() : null }), { icon: known.made_at === null ? "check_box_outline_blank" : "check" })),
    known.made_at === null
      ? h("p", { class: "warn" }, `The law gives ${MANDATED_WITHIN / 3_600_000} hours. Supervisors see it until it is made.`)
      : [
          group(form, "Made to", "MANDATED_TO", known.made_to ? [known.made_to] : [], (code) => say({ made_to: known.made_to === code ? "" : code })),
          h("div", { class: "report-fields", key: "number" }, line(`number-${met.position}`, "Their number of it", known.number, (number) => say({ number }), { maxlength: LIMITS.code })),
        ],
  );
}

/**
 * @param {Form} form
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function referrals(form, met, set) {
  const { view } = form;
  const wanted = view.find.trim().toLowerCase();
  const found = wanted.length < 2 ? [] : form.services().filter(({ name }) => name.toLowerCase().includes(wanted)).slice(0, FOUND);
  /** @param {{resource: number|null, to: string}} to */
  const add = (to) => {
    view.find = "";
    set(referred(met, { need: met.needs[0] ?? "", warm: false, declined: false, ...to }));
  };
  return inner(
    "referral",
    met.referrals.map((one) => {
      /** @param {Partial<typeof one>} more */
      const say = (more) => set({ referrals: met.referrals.map((other) => (other.position === one.position ? { ...other, ...more } : other)) });
      return h(
        "div",
        { class: "report-referral", key: `referral-${one.position}` },
        h("b", null, one.to),
        h(
          "div",
          { class: "report-chips" },
          chip("Handed over in person", one.warm, () => say({ warm: !one.warm }), { icon: one.warm ? "check" : "check_box_outline_blank" }),
          chip("They declined", one.declined, () => say({ declined: !one.declined }), { icon: one.declined ? "check" : "check_box_outline_blank" }),
          chip("Take off", false, () => set({ referrals: met.referrals.filter(({ position }) => position !== one.position) }), { icon: "delete" }),
        ),
      );
    }),
    met.referrals.length < LIMITS.referrals && line(`refer-${met.position}`, "Referred to: search the directory, or write where", view.find, (text) => {
      view.find = text;
      form.redraw();
    }, { maxlength: LIMITS.name }),
    wanted.length >= 2 &&
      h(
        "div",
        { class: "report-chips", key: "found" },
        found.map(({ id, name }) => chip(name, false, () => add({ resource: id, to: name }), { icon: "add", key: `service-${id}` })),
        chip(`“${view.find.trim()}”, as written`, false, () => add({ resource: null, to: view.find.trim() }), { icon: "add", key: "written" }),
      ),
  );
}

/**
 * @param {Met} met
 * @param {(more: Partial<Met>) => void} set
 */
function caution(met, set) {
  const known = met.cautions[0] ?? { text: "", days: 90 };
  /** @param {Partial<typeof known>} more */
  const say = (more) => set({ cautions: [{ ...known, ...more }, ...met.cautions.slice(1)] });
  return inner(
    "caution",
    line(`caution-${met.position}`, "What a crew should expect", known.text, (text) => say({ text }), { maxlength: LIMITS.name, placeholder: "Threw things when approached from behind" }),
    h("p", { class: "soft" }, "Behaviour only: no diagnosis, no history. Dispatch sees it, with today's date, until it expires."),
    h("div", { class: "report-chips", key: "days" }, CAUTION_DAYS.map(([days, words]) => chip(words, known.days === days, () => say({ days })))),
  );
}

// --- parts of forms ---------------------------------------------------------------------------------------------------------

/**
 * A choice among several: pressed or not, large enough for a glove.
 * @param {string} words
 * @param {boolean} chosen
 * @param {() => void} onclick
 * @param {{icon?: string, key?: string}} [more]
 */
export const chip = (words, chosen, onclick, more = {}) =>
  h("button", { class: "btn chip", type: "button", "aria-pressed": String(chosen), onclick, ...(more.key ? { key: more.key } : {}) }, more.icon && icon(more.icon), h("span", null, words));

/**
 * Choices under what they answer.
 * @param {string} label
 * @param {Child} chips
 */
export function section(label, chips) {
  return h("section", { class: "report-section", key: `section ${label}`, role: "group", "aria-label": label }, h("h3", null, label), h("div", { class: "report-chips" }, chips));
}

/**
 * The agency's choices of one field; nothing where it has none. The frequent ones are shown, and whatever is chosen.
 * @param {Form} form
 * @param {string} label
 * @param {string} field
 * @param {readonly string[]} chosen
 * @param {(code: string) => void} pick
 */
function group(form, label, field, chosen, pick) {
  const all = form.choices[field] ?? [];
  const gone = chosen.filter((code) => code && !all.some((choice) => choice.code === code)).map((code) => ({ code, label: code.charAt(0) + code.slice(1).toLowerCase().replaceAll("_", " ") }));
  if (!all.length && !gone.length) return null;
  const { open } = form.view;
  const whole = open.has(field) || all.length <= SHOWN + 2;
  const shown = whole ? all : all.filter(({ code }, i) => i < SHOWN || chosen.includes(code));
  return section(label, [
    [...shown, ...gone].map(({ code, label: words }) => chip(words, chosen.includes(code), () => pick(code), { key: code })),
    !whole &&
      h("button", { class: "btn chip more", type: "button", key: "more", onclick: () => {
        open.add(field);
        form.redraw();
      } }, `${all.length - shown.length} more…`),
  ]);
}

/**
 * @param {string} name
 * @param {...Child} children
 */
const inner = (name, ...children) => h("div", { class: "report-inner", key: `inner-${name}` }, children);

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement|HTMLTextAreaElement} */ (event.target).value;

/**
 * A field for a few words. Not to be completed: a browser writes what stands in any other field to its disk as it is.
 * @param {string} id
 * @param {string} label
 * @param {string} value
 * @param {(value: string) => void} set
 * @param {Record<string, any>} [props]
 * @param {boolean} [settles] whether it is read when it is left: what is typed there is put in order
 */
function line(id, label, value, set, props = {}, settles = false) {
  const reads = settles ? { onchange: (/** @type {Event} */ event) => set(valueOf(event)) } : { oninput: (/** @type {Event} */ event) => set(valueOf(event)) };
  return h("div", { class: "report-field", key: `field-${id}` }, h("label", { for: id }, label), h("input", { id, name: id, type: "text", autocomplete: "off", value, ...reads, ...props }));
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} value
 * @param {(value: string) => void} set
 * @param {Record<string, any>} [props]
 */
function area(id, label, value, set, props = {}) {
  return h("div", { class: "report-field wide-field", key: `field-${id}` }, h("label", { for: id }, label), h("textarea", { id, name: id, autocomplete: "off", value, oninput: (/** @type {Event} */ event) => set(valueOf(event)), ...props }));
}


/**
 * A language: BCP 47 underneath, its name on screen.
 * @param {string} id
 * @param {string} label
 * @param {string} tag
 * @param {string} none what no language is called
 * @param {(tag: string) => void} set
 */
function tongue(id, label, tag, none, set) {
  const all = [["", none], ...LANGUAGES, ...(tag && !LANGUAGES.some(([code]) => code === tag) ? [[tag, language(tag)]] : [])];
  return h(
    "div",
    { class: "report-field", key: `field-${id}` },
    h("label", { for: id }, label),
    h("select", { id, name: id, autocomplete: "off", onchange: (/** @type {Event} */ event) => set(/** @type {HTMLSelectElement} */ (event.target).value) }, all.map(([code, words]) => h("option", { value: code, key: `option-${code}`, selected: code === tag }, words))),
  );
}
