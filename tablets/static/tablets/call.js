/**
 * My call: what was said, what is known, what changed since, and what the crew can do about it.
 */

import { check } from "./board.js";
import { h, icon } from "./dom.js";
import { away } from "./places.js";
import { photoList } from "./photos.js";
import { officerWaits } from "./referral.js";
import { isUnheld } from "./snapshot.js";
import { mayBeSame } from "./on_view.js";
import { canSpeak } from "./speak.js";
import { messagesTool } from "./messages.js";
import { tandemBanners, withdrawButton } from "./tandem.js";
import { age, spent, wallDay, wallTime } from "./times.js";
import { DISQUALIFIERS, wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @param {import("./dom.js").Child} [brought] tools of other apps
 * @param {import("./dom.js").Child} [known] what other apps know of this call
 */
export function myCall(s, act, ui, brought, known) {
  const { call, standing } = s;
  if (!call || !standing) return null;
  const { assignment, told } = standing;
  const pending = told.get(assignment.status);
  const unsure = pending && pending.state !== "applied";
  const earlier = s.premise ? s.premise.here.length : 0;
  return h(
    "section",
    { class: "panel call", "aria-label": "My call", key: "call" },
    h(
      "div",
      { class: "call-text", tabindex: "0", role: "group", "aria-label": "Call details" },
      tandemBanners(s, act, act.reasons()),
      h(
        "p",
        { class: "kick" },
        responseTag(call),
        h("span", null, `Priority ${call.priority}`),
        h(
          "button",
          { class: "kick-time", type: "button", onclick: () => act.sheet("times"), "aria-haspopup": "dialog" },
          cap(spent(assignment, s.now)),
          unsure && h("span", { class: "unsure" }, s.line.state === "offline" ? " · waiting to send" : " · sending…"),
        ),
      ),
      h("h1", null, call.type.label),
      h("p", { class: "where" }, h("span", null, call.address), h("span", { class: "soft" }, away(s.here, call.point))),
      banners(s),
      known,
      officerWaits(s, act),
      sameCall(s, act, ui),
      call.local || call.own_number ? null : call.narrative ? h("blockquote", { class: "say" }, call.narrative) : h("p", { class: "soft" }, "CAD sent no narrative."),
      !call.local && h("ul", { class: "checks" }, DISQUALIFIERS.map(([code, , no, yes, unknown]) => settled(code, call.answers[code]) ? check(call.answers[code], no, yes, unknown) : ask(code, call, s, act))),
      h("p", { class: "soft" }, about(s)),
      others(s),
      photoList(s, act),
      notes(s),
    ),
    !call.local && withdrawButton(s, act),
    h(
      "div",
      { class: "tools" },
      tool("history", s.premise ? `History ${earlier}` : "History", () => act.sheet("history")),
      call.own_number || call.local ? null : call.caller_phone
        ? h("a", { class: "btn tool", href: `tel:${call.caller_phone.replace(/[^+\d]/g, "")}` }, icon("phone"), h("span", null, "Call back"))
        : h("button", { class: "btn tool", type: "button", disabled: true, title: "No number" }, icon("phone"), h("span", null, "No number")),
      call.point && h("a", { class: "btn tool", href: navigation(call.point, call.address), rel: "noreferrer", target: "_blank" }, icon("near_me"), h("span", null, "Navigate")),
      canSpeak() && tool(ui.speaking ? "close" : "hearing", ui.speaking ? "Stop" : "Read aloud", act.speak),
      !call.local && messagesTool(s, act),
      !call.local && tool("edit", "Note", () => act.sheet("note")),
      !call.local && act.mayAttach() && tool("photo_camera", "Photo", () => act.sheet("attach")),
      brought,
    ),
  );
}

/**
 * Who goes. A call that was taken from police still says so: the recommendation was theirs.
 * @param {NonNullable<Snapshot["call"]>} call
 */
export function responseTag(call) {
  // Somebody may have asked for a partner whom the policy did not.
  const beside = (call.tandem ?? []).filter(({ ended_at }) => !ended_at).map(({ partner }) => (partner === "EMS" ? "EMS" : "police"));
  // What the policy makes of answers that nobody gave is not whom the crew has with it.
  const met = call.source === "ON_VIEW";
  const words = beside.length ? `CARE + ${beside.join(" + ")}` : call.poach ? "Taken from police" : wordsOf(met ? "ON_VIEW" : call.response);
  return h("span", { class: `tag ${(met || call.response === "CARE") && !beside.length ? "care" : "with"}` }, words.toUpperCase());
}

/** @param {string} text */
const cap = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * @param {string} name
 * @param {string} words
 * @param {() => void} onclick
 */
export const tool = (name, words, onclick) => h("button", { class: "btn tool", type: "button", onclick }, icon(name), h("span", null, words));

/**
 * @param {string} _code
 * @param {string|undefined} value
 */
const settled = (_code, value) => value === "NO" || value === "YES" || value === "NOT_RELEVANT";

/**
 * A question that nobody has settled: the crew may, by calling back.
 * @param {string} code
 * @param {NonNullable<Snapshot["call"]>} call
 * @param {Snapshot} s
 * @param {Act} act
 */
function ask(code, call, s, act) {
  const [, , no, yes, unknown] = /** @type {string[]} */ (DISQUALIFIERS.find(([name]) => name === code));
  const told = s.pending
    .filter(({ kind, args }) => kind === "call.answer" && args.call === Number(call.id) && args.disqualifier === code)
    .at(-1);
  if (told) {
    return h("li", { class: "unk" }, icon("help_outline"), h("span", null, `${told.args.value === "NO" ? no : yes} · `, h("span", { class: "unsure" }, s.line.state === "offline" ? "waiting to send" : "sending…")));
  }
  const words = call.answers[code] === "UNKNOWN" ? unknown : unknown?.replace("not known", "not asked");
  return h("li", { class: "unk" }, h("button", { class: "settle", type: "button", onclick: () => act.sheet("answer", { code }), "aria-haspopup": "dialog" }, icon("help_outline"), h("span", null, words), h("u", null, "settle")));
}

/**
 * A call waits so near that it may be the same: offered, never done by itself.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
function sameCall(s, act, ui) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  if (call.local || !call.own_number || ui.answered.has(`same ${call.id}`)) return null;
  const waiting = s.rows.filter(({ gone }) => !gone).map(({ id, call: row }) => ({ id, point: row.point, row }));
  const same = mayBeSame(call, waiting, s.agency?.["join_nearby_m"] ?? 0)[0];
  if (!same) return null;
  const asked = s.pending.some(({ kind, args }) => kind === "call.join" && args["call"] === Number(call.id));
  return h(
    "div",
    { class: "banner ask same", role: "status" },
    icon("content_copy"),
    h("span", null, h("b", null, `The same as ${same.row.type.label}?`), h("span", null, `It waits at ${same.row.address}, ${away(call.point, same.point)}.`)),
    asked
      ? h("span", { class: "unsure" }, s.line.state === "offline" ? "waiting to send" : "sending…")
      : h("div", { class: "choose" }, h("button", { class: "btn", type: "button", onclick: () => act.join(same.id) }, "Same call"), h("button", { class: "btn", type: "button", onclick: act.notSame }, "Another call")),
  );
}

/** @param {Snapshot} s */
function banners(s) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  const { assignment } = call;
  const all = [];
  if (isUnheld(call)) all.push(banner("ask", "hourglass_empty", "NOT YOURS YET", "You are there, and nobody holds it. The desk decides, or take it from the board."));
  if (call.poach) {
    const [look, name, words] = POACH[call.poach.state] ?? ["ask", "hourglass_empty", wordsOf(call.poach.state)];
    all.push(banner(look, name, words, call.poach.state === "ASKED" ? "It is yours. CAD has not said yes yet." : ""));
  }
  for (const caution of call.cautions) {
    all.push(banner("bad", "warning", `Caution: ${caution.text}`, `until ${wallDay(caution.expires_at, s.zone, s.now)}${call.cautions_as_of ? ` · as of ${wallTime(call.cautions_as_of, s.zone)}` : ""}`));
  }
  if (call.police_units.length) all.push(banner("police", "local_police", `Police: ${call.police_units.join(", ")}`, call.police_assigned_at ? `since ${age(s.now - Date.parse(call.police_assigned_at))}` : ""));
  if (assignment.cancel_told_at) all.push(banner("bad", "cancel", "Cancelled while you are with it", "You stay responsible. Clear when you are done."));
  else if (call.cad_closed_at) all.push(banner("ask", "link_off", "Closed in CAD", `${age(s.now - Date.parse(call.cad_closed_at))} ago. It stays yours until you clear.`));
  if (assignment.hand_back_asked_at) all.push(banner("ask", "hourglass_empty", "Hand back asked", `${age(s.now - Date.parse(assignment.hand_back_asked_at))} ago, not accepted yet. It is still yours.`));
  if (call.hand_over) {
    const to = s.units.find(({ id }) => Number(id) === call.hand_over?.to_unit)?.body.call_sign ?? "The other unit";
    all.push(banner("ask", "hourglass_empty", `${to} was asked to take over`, `${age(s.now - Date.parse(call.hand_over.asked_at))} ago, not accepted yet. It is still yours.`));
  }
  if (call.interpreter || call.language) all.push(banner("info", "translate", call.interpreter ? `Interpreter needed${call.language ? `: ${language(call.language)}` : ""}` : `Speaks ${language(call.language)}`, ""));
  if (call.sign_language) all.push(banner("info", "translate", "Sign language needed", ""));
  if (call.caller_wish && call.caller_wish !== "NOT_SAID") all.push(banner("info", "person", wordsOf(call.caller_wish), ""));
  if (assignment.radio_asked_by) all.push(banner("info", "support_agent", "By radio", `asked by ${assignment.radio_asked_by}`));
  return all.length > 0 && h("div", { class: "banners" }, all);
}

/** @type {Record<string, [look: string, icon: string, words: string]>} */
const POACH = {
  ASKED: ["ask", "hourglass_empty", "OURS (CAD NOT CONFIRMED)"],
  CAD_CONFIRMED: ["good", "verified", "CAD CONFIRMED"],
  CAD_REJECTED: ["bad", "highlight_off", "CAD REJECTED: the desk decides"],
  NO_CAD: ["good", "check_circle", "OURS"],
};

/**
 * @param {string} look
 * @param {string} name
 * @param {string} words
 * @param {string} more
 */
function banner(look, name, words, more) {
  return h("p", { class: `banner ${look}`, role: "status" }, icon(name), h("span", null, h("b", null, words), more && h("span", null, more)));
}

/** @param {string} tag BCP 47 */
function language(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** @param {Snapshot} s */
function about(s) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  const parts = [wordsOf(call.type.color), wordsOf(call.place_kind), `by ${wordsOf(call.source)}`, `received ${wallTime(call.received_at, s.zone)}`, call.number ? `number ${call.number}` : "no number yet"];
  return cap(parts.filter(Boolean).join(" · "));
}

/** @param {Snapshot} s */
function others(s) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  const beside = [
    ...call.units.filter((unit) => unit.unit !== s.unitId).map((unit) => `${unit.call_sign}${unit.primary ? " (primary)" : ""}, ${wordsOf(unit.status).toLowerCase()}`),
    ...call.outside_units.map((unit) => unit.call_sign),
  ];
  if (!beside.length) return null;
  return h("p", { class: "with" }, icon("people"), h("span", null, h("b", null, call.assignment.primary ? "With you: " : "You assist: "), beside.join(" · ")));
}

/** @param {Snapshot} s */
function notes(s) {
  const call = /** @type {NonNullable<Snapshot["call"]>} */ (s.call);
  const mine = s.pending.filter((action) => action.kind === "call.note" && action.args.call === Number(call.id));
  // One whose answer was lost may be among the documents already: until it is answered it counts as not sent, once.
  const known = s.notes.filter(({ body }) => !mine.some(({ args, happened_at }) => args.text === body.text && Date.parse(happened_at) === Date.parse(body.at)));
  if (!known.length && !mine.length) return null;
  const who = { CAD: "CAD", DESK: "Desk", UNIT: "" };
  return h(
    "ol",
    { class: "notes", "aria-label": "Notes" },
    known.map(({ id, body }) =>
      h("li", { key: id }, h("time", { datetime: body.at }, wallTime(body.at, s.zone)), h("span", null, who[body.origin] && h("b", null, `${who[body.origin]}: `), body.text)),
    ),
    mine.map((action) =>
      h(
        "li",
        { key: action.id },
        h("time", null, wallTime(action.happened_at, s.zone)),
        h("span", null, String(action.args.text), " ", h("span", { class: "unsure" }, s.line.state === "offline" ? "waiting to send" : "sending…")),
      ),
    ),
  );
}

/**
 * The device's own map, told where to go.
 * @param {import("./wire.js").Point} point
 * @param {string} address
 */
export function navigation([lon, lat], address) {
  // Apple's devices know no geo: links.
  return /iPad|iPhone|Macintosh/.test(navigator.userAgent)
    ? `https://maps.apple.com/?daddr=${lat},${lon}`
    : `geo:${lat},${lon}?q=${lat},${lon}(${encodeURIComponent(address)})`;
}
