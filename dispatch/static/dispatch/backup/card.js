// One request for backup in full: who, where, since when, how far it is, and what can be done about it.

import { age } from "../../tablets/times.js";
import { el, fill, icon, key as cap, setText } from "../desk/dom.js";
import { BackupMap } from "./map.js";
import * as words from "./words.js";

/** @typedef {import("./words.js").Alarm} Alarm */
/**
 * @typedef {object} Tells
 * @property {() => import("./map.js").Area[]} areas
 * @property {() => import("./map.js").Unit[]} units
 * @property {boolean} closes whether this console may set levels and close: police dispatchers say who comes
 * @property {(key: string) => void} see
 * @property {(key: string) => void} hush
 * @property {(key: string, kind: string, args: Record<string, any>) => Promise<boolean>} does
 * @property {(key: string) => boolean} rings
 * @property {(key: string) => {words: string, bad: boolean} | null} told
 */

const TONES = /** @type {Record<string, string>} */ ({ silent: "volume_off", cancel: "cancel", warn: "warning", test: "science" });
const FACTS = /** @type {[string, string][]} */ ([
  ["who", "Who"], ["unit", "Unit now"], ["place", "Where"], ["call", "Their call"], ["care", "CARE near"], ["police", "Police near"], ["rung", "Rung"], ["tablet", "Tablet"],
]);

/**
 * @param {Tells} tells
 * @returns {{node: HTMLElement, update: (alarm: Alarm, now: number, consoles: {label: string, kind: string}[]) => void}}
 */
export function makeCard(tells) {
  /** @type {Alarm | null} */
  let alarm = null;
  /** @type {BackupMap | null} */
  let map = null;
  /** @type {string | null} the question that is open: police, level, end */
  let asking = null;
  /** Whether the whole card stays open after police were sent. @type {boolean | null} */
  let wide = null;
  const key = () => alarm?.key ?? "";

  const title = el("h2", { class: "bk-title-words" });
  const since = el("p", { class: "bk-since" });
  const brief = el("p", { class: "bk-brief" });
  const see = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "bk-see", click: () => tells.see(key()) }, el("span", {}, "I see it"), cap("Space"), el("small", {}, "or F2, from anywhere")));
  const hush = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "button bk-hush", click: () => tells.hush(key()) }, "Quiet until it rings again ", cap("Shift+F2")));
  const more = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "button bk-more", click: () => { wide = !isWide(); redraw(); } }));
  const sign = el("span", { class: "bk-sign" }, icon("local_police"));
  const said = el("p", { class: "bk-said", role: "status", hidden: true });
  const head = el("header", { class: "bk-head" }, sign, el("div", { class: "bk-words" }, title, since, brief), el("div", { class: "bk-answer" }, see, hush, more));
  const notes = el("ul", { class: "bk-notes" });
  const steps = el("ol", { class: "bk-steps" });
  const facts = el("dl", { class: "bk-facts" }, ...FACTS.flatMap(([name, label]) => [el("dt", { "data-of": name }, label), el("dd", { "data-fact": name })]));
  const mapHolder = el("div", { class: "bk-map", role: "application", "aria-label": "Map of where they are" });
  const actions = el("div", { class: "bk-acts" });
  const body = el("div", { class: "bk-body" }, el("div", { class: "bk-left" }, steps, facts), mapHolder, actions);
  const node = el("article", { class: "bk-one" }, head, notes, said, body);

  /** @type {{now: number, consoles: {label: string, kind: string}[]}} */
  let last = { now: 0, consoles: [] };

  function isWide() {
    if (!alarm) return false;
    return wide ?? (alarm.level !== "NON_URGENT" && ["unseen", "seen"].includes(words.stage(alarm)));
  }

  function redraw() {
    if (alarm) update(alarm, last.now, last.consoles);
  }

  /**
   * @param {Alarm} next
   * @param {number} now
   * @param {{label: string, kind: string}[]} consoles
   */
  function update(next, now, consoles) {
    if (next.key !== alarm?.key) {
      asking = null;
      wide = null;
    }
    alarm = next;
    last = { now, consoles };
    const at = words.stage(next);
    node.className = `bk-one at-${at}${next.drill ? " is-drill" : ""}${next.level === "NON_URGENT" ? " is-calm" : ""}${isWide() ? " is-wide" : ""}`;
    sign.querySelector("use")?.setAttribute("href", `/static/uswds/img/sprite.svg#${next.service === "EMS" ? "local_hospital" : "local_police"}`);
    setText(title, words.title(next));
    setText(since, words.when(next, now));
    since.classList.toggle("late", next.late);
    setText(brief, summary(next, now, tells.areas()));
    see.hidden = at !== "unseen";
    see.disabled = next.own === true;
    const rings = tells.rings(next.key);
    hush.hidden = !rings || (at === "unseen" && next.own !== true);
    more.hidden = at === "unseen";
    setText(more, isWide() ? "Less" : "Map and all of it");
    more.setAttribute("aria-expanded", String(isWide()));
    const found = words.notes(next, now, consoles);
    notes.hidden = found.length === 0;
    fill(notes, JSON.stringify(found), () => found.map((note) => el("li", { class: `bk-note note-${note.tone}` }, icon(TONES[note.tone] ?? "warning"), el("span", {}, note.words))));
    const outcome = tells.told(next.key);
    said.hidden = outcome === null;
    said.classList.toggle("bad", outcome?.bad === true);
    setText(said, outcome?.words ?? "");
    body.classList.toggle("shut", !isWide());
    const way = words.steps(next, now);
    fill(steps, JSON.stringify(way), () => way.map((one) => el("li", { class: one.done ? "done" : "" }, icon(one.done ? "check_circle" : "radio_button_unchecked"), el("b", {}, one.word), el("small", {}, one.detail))));
    drawFacts(next, now);
    drawActs(next);
    mapHolder.hidden = !isWide();
    if (isWide() && node.isConnected) {
      map ??= new BackupMap(mapHolder, tells.areas);
      map.draw(next, tells.units(), now);
    }
  }

  /**
   * @param {Alarm} next
   * @param {number} now
   */
  function drawFacts(next, now) {
    const good = [words.area(next, tells.areas()), words.position(next, now)].filter(Boolean).join(", ");
    const place = next.position ? `${good}\n${words.coordinates(next)}` : good;
    const contact = next.origin === "TABLET" ? `heard ${age(now - Date.parse(next.last_heard_at))} ago${next.battery === null ? "" : `, battery ${next.battery} %`}` : "";
    /** @type {Record<string, string>} */
    const values = {
      who: next.people.length ? next.people.join(", ") : "Nobody is known to be on it", unit: words.unitNow(next, now), place,
      call: next.call ? `${words.call(next)}\n${next.call.number}` : words.call(next),
      care: words.near(next, "CARE") || "None with a position newer than 10 min", police: words.near(next, "POLICE"),
      rung: words.rung(next, now), tablet: contact,
    };
    for (const [name] of FACTS) {
      const value = /** @type {HTMLElement} */ (facts.querySelector(`[data-fact="${name}"]`));
      const label = /** @type {HTMLElement} */ (facts.querySelector(`[data-of="${name}"]`));
      setText(value, values[name] ?? "");
      label.hidden = value.hidden = !values[name];
    }
  }

  /** @param {Alarm} next */
  function drawActs(next) {
    const at = words.stage(next);
    const says = words.service(next);
    const shape = JSON.stringify([next.key, at, asking, next.level, next.asked_level, next.cancel !== null, next.drill, next.police?.unit]);
    fill(actions, shape, () => {
      if (asking === "police") return policeForm(next);
      if (asking === "level") return levelForm(next);
      if (asking === "end") return endForm(next);
      if (at === "unseen") return [el("p", { class: "bk-first" }, "First: say that you see it. Then send police.")];
      return [
        next.asked_level && tells.closes ? act(`Lower to ${words.LEVELS[next.asked_level] ?? next.asked_level}`, () => tells.does(key(), "backup.level", { level: next.asked_level }), "") : null,
        at === "seen" ? ask("police", `${says} sent …`, "main") : null,
        at === "sent" ? act(`${says} there`, () => tells.does(key(), "backup.police_arrived", {}), "main") : null,
        at === "sent" || at === "there" ? ask("police", `Other ${says === "EMS" ? "EMS unit" : "police unit"} …`, "") : null,
        next.cancel && tells.closes ? act("Confirm the cancel", () => tells.does(key(), "backup.confirm_cancel", {}), "") : null,
        tells.closes ? ask("end", "It is over …", at === "there" ? "main" : "") : null,
        tells.closes ? ask("level", "Change the level …", "") : null,
        tells.closes ? null : el("p", { class: "bk-first" }, "The 911 desk confirms a cancel, and closes it."),
      ];
    });
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} look
   */
  function ask(name, text, look) {
    return el("button", { type: "button", class: `button ${look}`, "data-focus": name, click: () => { asking = name; redraw(); focusFirst(); } }, text);
  }

  /**
   * @param {string} text
   * @param {() => Promise<boolean>} run
   * @param {string} look
   */
  function act(text, run, look) {
    return el("button", { type: "button", class: `button ${look}`, "data-focus": text, click: async (/** @type {Event} */ event) => {
      const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
      button.disabled = true;
      if (await run()) asking = null;
      button.disabled = false;
      redraw();
    } }, text);
  }

  const goBack = () => el("button", { type: "button", class: "button", "data-focus": "back", click: () => { asking = null; redraw(); focusFirst(); } }, "Back ");

  function focusFirst() {
    /** @type {HTMLElement | null} */ (actions.querySelector("input, select, button"))?.focus();
  }

  /** @param {Alarm} next */
  function policeForm(next) {
    const says = words.service(next);
    const unit = /** @type {HTMLInputElement} */ (el("input", { id: "bk-unit", class: "field", maxlength: "20", autocomplete: "off", required: true, "data-focus": "unit" }));
    const due = /** @type {HTMLInputElement} */ (el("input", { id: "bk-due", class: "field", type: "number", min: "0", max: "600", autocomplete: "off", "data-focus": "due" }));
    const send = act(`${says} sent`, async () => {
      if (!unit.value.trim()) {
        unit.focus();
        return false;
      }
      return tells.does(key(), "backup.police_sent", { unit: unit.value.trim(), ...(due.value ? { due_in_s: Math.round(Number(due.value) * 60) } : {}) });
    }, "main");
    const form = el("form", { class: "bk-form", submit: (/** @type {Event} */ event) => { event.preventDefault(); send.click(); } },
      el("label", { class: "over", for: "bk-unit" }, `Which ${says === "EMS" ? "EMS" : "police"} unit`), unit,
      el("label", { class: "over", for: "bk-due" }, "There in minutes (may stay empty)"), due, el("button", { hidden: true }));
    return [form, el("div", { class: "bk-pair" }, send, goBack())];
  }

  /** @param {Alarm} next */
  function levelForm(next) {
    return [
      el("p", { class: "bk-ask" }, "How urgent is it?"),
      ...["EMERGENCY", "URGENT", "NON_URGENT"].filter((level) => level !== next.level).map((level) => act(words.LEVELS[level] ?? level, () => tells.does(key(), "backup.level", { level }), "")),
      goBack(),
    ];
  }

  /** @param {Alarm} next */
  function endForm(next) {
    const note = /** @type {HTMLInputElement} */ (el("input", { id: "bk-note", class: "field", maxlength: "1000", autocomplete: "off", "data-focus": "note" }));
    const ends = next.drill ? ["DRILL_OVER"] : ["RESOLVED", "FALSE_ALARM"];
    return [
      el("p", { class: "bk-ask" }, next.drill ? "Has everybody answered?" : "How did it end? The crew is told."),
      el("label", { class: "over", for: "bk-note" }, "Note (may stay empty)"), note,
      ...ends.map((end) => act(words.ENDS[end] ?? end, () => tells.does(key(), "backup.resolve", { as: end, note: note.value.trim() }), end === "FALSE_ALARM" ? "" : "main")),
      goBack(),
    ];
  }

  return { node, update };
}

/**
 * The one line that is read first.
 *
 * @param {Alarm} alarm
 * @param {number} now
 * @param {import("./map.js").Area[]} areas
 * @returns {string}
 */
function summary(alarm, now, areas) {
  const measured = [words.area(alarm, areas), words.coordinates(alarm)].filter(Boolean).join(", ");
  const where = alarm.call?.address ?? (measured || "place not known");
  const near = words.near(alarm, "CARE");
  const doing = alarm.unit?.status ? words.unitNow(alarm, now).toLowerCase() : "";
  return [where, doing, near ? `nearest ${near}` : ""].filter(Boolean).join(" · ");
}
