/**
 * The report of a call: opened from the call, after it was cleared, or from what is owed; kept while it is typed; signed once.
 */

import { tool } from "../../tablets/call.js";
import { h, icon } from "../../tablets/dom.js";
import { wallDay, wallTime } from "../../tablets/times.js";
import { atCall } from "./person.js";
import { nameOf } from "./person_words.js";
import { inShort, missing } from "./report_body.js";
import { Drafts, aboutOf, afterOf } from "./report_drafts.js";
import { formOf } from "./report_form.js";
import { dueWords, keptWords, told } from "./report_words.js";

/** @typedef {import("../../tablets/parts.js").Kit} Kit */
/** @typedef {import("../../tablets/parts.js").Part} Part */
/** @typedef {import("../../tablets/snapshot.js").Snapshot} Snapshot */
/** @typedef {import("../../tablets/app.js").Act} Act */
/** @typedef {import("../../tablets/app.js").Ui} Ui */
/** @typedef {import("./report_drafts.js").Report} Report */

/** @type {Kit} */
let kit;
/** @type {Drafts} */
let drafts;
/** What of the form is open, for the report that is. @type {{key: string, view: import("./report_form.js").View, problems: string[]}} */
let shown = { key: "", view: { position: 0, open: new Set(), find: "" }, problems: [] };
/** What is being added to signed ones, by report, and by whom. @type {{person: string|null, texts: Map<string, string>}} */
let adding = { person: null, texts: new Map() };

function forgetOthers() {
  if (adding.person === kit.device.person) return;
  adding = { person: kit.device.person, texts: new Map() };
  shown = { key: "", view: { position: 0, open: new Set(), find: "" }, problems: [] };
}

/** @param {string} key */
function viewOf(key) {
  if (shown.key !== key) shown = { key, view: { position: drafts.report(key)?.body.met[0]?.position ?? 0, open: new Set(), find: "" }, problems: [] };
  return shown;
}

/**
 * @param {string|null} key
 * @param {Act} act
 */
function open(key, act) {
  if (!key) return;
  drafts.resume(key);
  viewOf(key);
  act.sheet("report", { code: key });
}

/** When the shift of who is signed on here is to end. @param {Snapshot} s */
const shiftEnds = (s) => s.unit?.people?.find(({ id }) => id === s.personId)?.planned_end_at ?? null;

/** @param {Snapshot} s */
const line = (s) => ({ offline: s.line.state === "offline", durable: kit.device.durable });

/**
 * The choices of the agency, by field.
 * @returns {Record<string, import("./report_form.js").Choice[]>}
 */
const choices = () => Object.assign({}, ...kit.replica.all("choices", "care.").map(({ body }) => body));

/** Who is known to be there, for "who": those at the call, and those whom the unit was sent to see. @param {Report} report */
function people({ about, body }) {
  const known = about.call === null ? [] : atCall(kit.replica, about.call);
  const visited = kit.replica.all("follow_up", "unit.").filter(({ body: followUp }) => about.call !== null && followUp.call === about.call);
  /** @type {Map<number, string>} */
  const all = new Map(known.map(({ id, body: client }) => [id, nameOf(client)]));
  for (const { body: followUp } of visited) {
    const client = kit.replica.get("client", followUp.client, "unit.");
    if (client) all.set(followUp.client, nameOf(client));
  }
  // Who stands on the report stays on it, also when the call has left this tablet.
  for (const { client } of body.met) {
    if (client && "id" in client && !all.has(client.id)) {
      const held = kit.replica.get("client", client.id, "unit.");
      all.set(client.id, held ? nameOf(held) : "Somebody known");
    }
  }
  return [...all].map(([id, name]) => ({ id, name }));
}

/** @param {string} key @param {Act} act */
async function sign(key, act) {
  const report = drafts.report(key);
  if (!report || report.state === "SIGNED") return;
  const problems = missing(report.body);
  const view = viewOf(key);
  view.problems = problems.map(({ words }) => words);
  const first = problems.find(({ position }) => position !== null)?.position;
  if (first !== undefined && first !== null) view.view.position = first;
  if (problems.length) return kit.redraw();
  navigator.vibrate?.(40);
  await drafts.sign(key);
  act.redraw();
}

/** @param {string} key */
async function add(key) {
  const text = adding.texts.get(key)?.trim();
  if (text && (await drafts.add(key, text))) adding.texts.delete(key);
  kit.redraw();
}

/**
 * A report that is signed: what it says stands, and may be added to.
 * @param {Report} report
 * @param {Snapshot} s
 * @returns {ReturnType<import("../../tablets/sheets.js").Sheet>}
 */
function signed(report, s) {
  const text = adding.texts.get(report.key) ?? "";
  const waits = report.kept !== "sent";
  return [
    titleOf(report),
    [
      h("p", { class: `banner ${waits ? "ask" : "good"}` }, icon(waits ? "hourglass_empty" : "lock"), h("span", null, h("b", null, keptWords(report, line(s))), h("span", null, "It is locked. What you add stands beside it."))),
      report.body.met.length === 0 && h("p", null, inShort(report.body)),
      told(report.body, choices(), new Map(people(report).map(({ id, name }) => [id, name]))).map(({ who, lines }, i) => h("section", { class: "report-told", key: `told-${i}` }, h("h3", null, who), h("dl", null, lines.map(([heading, words]) => [h("dt", null, heading), h("dd", null, words)])))),
      report.body.notes && h("p", { class: "say" }, report.body.notes),
      report.addenda.length > 0 &&
        h("ul", { class: "report-addenda", "aria-label": "Added" }, report.addenda.map(({ id, text: added, at, sent }) => h("li", { key: `addendum-${id}` }, h("p", null, added), h("small", { class: sent ? "soft" : "unsure" }, `${wallTime(at, s.zone)} · ${sent ? "sent" : s.line.state === "offline" ? "waiting to send" : "sending…"}`)))),
      h("div", { class: "report-field wide-field" }, h("label", { for: "report-add" }, "Add to it"), h("textarea", { id: "report-add", name: "report-add", rows: "3", maxlength: "8000", autocomplete: "off", value: text, oninput: (/** @type {Event} */ event) => {
        adding.texts.set(report.key, /** @type {HTMLTextAreaElement} */ (event.target).value);
        kit.redraw();
      } })),
    ],
    h("button", { class: "btn next", type: "button", disabled: !text.trim(), onclick: () => void add(report.key) }, "Add to the report"),
  ];
}

/** @param {Report} report */
const titleOf = ({ about }) => (about.words ? `Report: ${about.words}` : "Report");

/**
 * @param {Report} report
 * @param {Snapshot} s
 * @param {Act} act
 */
function row(report, s, act) {
  const { words, late } = dueWords(report, { now: s.now, zone: s.zone, shiftEnds: shiftEnds(s) });
  const isSigned = report.state === "SIGNED";
  return h(
    "li",
    { key: `report-${report.key}`, class: `report-row ${isSigned ? "over" : late ? "late" : report.state === "RETURNED" ? "returned" : ""}` },
    h(
      "button",
      { class: "report-row-main", type: "button", onclick: () => open(report.key, act), "aria-haspopup": "dialog" },
      h("b", null, report.about.words || "A call"),
      h("span", { class: late && !isSigned ? "late-words" : "soft" }, isSigned ? "signed" : report.state === "RETURNED" ? `came back: ${report.note}` : words),
      h("span", { class: "soft" }, [inShort(report.body), report.openedAt ? `begun ${wallDay(report.openedAt, s.zone, s.now)}` : ""].filter(Boolean).join(" · ")),
      h("span", { class: report.kept === "sent" ? "soft" : "unsure" }, keptWords(report, line(s))),
    ),
  );
}

/** @type {Part} */
export const part = {
  name: "report",

  start(given) {
    kit = given;
    drafts = new Drafts(kit);
    kit.replica.listen(forgetOthers);
    // Whatever takes the page away says so first; a battery does not, and what rested two seconds is kept.
    addEventListener("pagehide", () => void drafts.leave());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) void drafts.leave();
    });
  },

  stays: ["report", "reports"],

  onCall(s, act) {
    const { call, standing } = s;
    if (!call || !standing) return null;
    if (standing.clearing) drafts.owe({ ...call, assignment: standing.assignment }, standing.clearing);
    const about = aboutOf(call);
    const report = drafts.of(about);
    if (!report && !standing.assignment.on_scene_at) return null;
    return tool("contact_page", report?.state === "SIGNED" ? "Report signed" : report ? "Report" : "Write report", () => open(report?.key ?? drafts.begin(about, { after: afterOf(call) }), act));
  },

  onBoard(s, act) {
    const all = drafts.all().filter(({ state }) => state !== "SIGNED");
    const ended = drafts.ended();
    const first = all[0];
    const count = all.length + ended.length;
    if (!count) return null;
    const late = all.some((report) => dueWords(report, { now: s.now, zone: s.zone, shiftEnds: shiftEnds(s) }).late);
    const back = all.filter(({ state }) => state === "RETURNED").length;
    const words = !first ? `A report of ${ended[0]?.about.words || "the last call"}?` : count === 1 ? `${back ? "Report came back" : late ? "Report overdue" : "Write report"}: ${first.about.words || "last call"}` : `Reports due ${count}${late ? ", overdue" : back ? `, ${back} came back` : ""}`;
    return h("button", { class: `btn way-report ${late ? "way-late" : ""}`, type: "button", key: "reports", onclick: () => (count === 1 && first ? open(first.key, act) : act.sheet("reports")), "aria-haspopup": "dialog" }, icon("contact_page"), h("span", null, words));
  },

  sheets: {
    report: (s, act, ui) => {
      const key = ui.sheet?.code ?? "";
      const report = drafts.report(key);
      if (!report) return ["Report", h("p", null, "This report is done with: the server has it.")];
      if (report.state === "SIGNED") return signed(report, s);
      const { view, problems } = viewOf(key);
      const { words, late } = dueWords(report, { now: s.now, zone: s.zone, shiftEnds: shiftEnds(s) });
      const form = formOf({
        body: report.body,
        edit: (change) => {
          viewOf(key).problems = [];
          drafts.edit(key, change);
        },
        choices: choices(),
        people: people(report),
        services,
        view,
        redraw: kit.redraw,
        now: kit.now,
      });
      return [
        titleOf(report),
        [report.state === "RETURNED" && h("p", { class: "banner bad", key: "returned" }, icon("undo"), h("span", null, h("b", null, "A supervisor sent it back"), h("span", null, report.note))), form],
        [
          problems.length > 0 && h("div", { class: "problem", role: "alert" }, problems.map((problem) => h("p", null, problem))),
          h(
            "div",
            { class: "report-foot" },
            h("p", { class: "report-kept", role: "status" }, h("b", { class: late ? "late-words" : "" }, words), h("span", { class: report.kept === "sent" ? "soft" : "unsure" }, keptWords(report, line(s)))),
            h("button", { class: "btn next", type: "button", onclick: () => void sign(key, act) }, "Sign report"),
          ),
        ],
      ];
    },

    reports: (s, act) => {
      const all = drafts.all();
      const ended = drafts.ended();
      return [
        "Reports",
        [
          !all.length && !ended.length && h("p", { class: "soft" }, "You owe no report."),
          h("ul", { class: "reports", "aria-label": "Reports" }, all.map((report) => row(report, s, act))),
          ended.length > 0 && h("h3", null, "Ended by others while you were there"),
          ended.map(({ assignment, about }) =>
            h(
              "div",
              { class: "report-ended", key: `ended-${assignment}` },
              h("b", null, about.words),
              h("div", { class: "choose" }, h("button", { class: "btn", type: "button", onclick: () => open(drafts.begin(about), act) }, "Write report"), h("button", { class: "btn", type: "button", onclick: () => drafts.notNeeded(assignment) }, "None is needed")),
            ),
          ),
        ],
      ];
    },
  },

  trays: {
    names: { "encounter.save": "Report, as it stands", "encounter.sign": "Report signed", "encounter.addendum": "Added to a report" },
    next: { choice_unknown: "A supervisor looks at it: nothing is lost." },
    // Nobody does it: it is what typing leaves behind.
    quiet: ["encounter.save"],
  },
};

/** Lines of the directory, for referrals. @type {{from: unknown, names: {id: number, name: string}[]}} */
let directory = { from: null, names: [] };
function services() {
  const held = kit.replica.all("resource", "directory.");
  // Thousands of lines, and a form is drawn with each letter.
  const mark = `${held.length} ${held.reduce((most, { n }) => Math.max(most, n), 0)}`;
  if (directory.from !== mark) directory = { from: mark, names: held.map(({ id, body }) => ({ id: Number(id), name: body.organization ? `${body.name}, ${body.organization}` : body.name })) };
  return directory.names;
}
