/**
 * Sheets: what needs a choice or a sentence. Each closes without doing anything.
 */

import { rowDetails } from "./board.js";
import { h, icon } from "./dom.js";
import { away } from "./places.js";
import { isTake } from "./requests.js";
import { MESSAGE_SHEETS } from "./messages.js";
import { PHOTO_SHEETS } from "./photos.js";
import { isTandem, offered } from "./standing.js";
import { TANDEM_SHEETS, askButtons } from "./tandem.js";
import { keypad } from "./gate.js";
import { LOCAL_STEPS } from "./on_view.js";
import { age, wallDay, wallTime } from "./times.js";
import { byPeople, flagWords, lineSentence, nameOf, nextStep, oldest } from "./trays.js";
import { STEP_WORDS, isGuarded } from "./bars.js";
import { DISPOSITIONS, DISQUALIFIERS, HAND_BACK_REASONS, OUT_OF_SERVICE_REASONS, POACH_REASONS, wordsOf } from "./words.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").VNode} VNode */
/** @typedef {import("./dom.js").Child} Child */

/** Chosen dispositions, reasons and the like live in `ui.sheet.chosen` until they are sent. */

/**
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 * @param {Record<string, string>} reasons
 * @param {Record<string, Sheet>} [brought] by other apps
 * @returns {VNode|null}
 */
export function sheet(s, act, ui, reasons, brought = {}) {
  const open = ui.sheet;
  if (!open) return null;
  const made = (SHEETS[open.name] ?? brought[open.name])?.(s, act, ui, reasons);
  if (!made) return null;
  const [title, body, foot] = made;
  return h(
    "section",
    { class: `sheet sheet-${open.name}`, role: "dialog", "aria-modal": "true", "aria-labelledby": "sheet-title", key: `sheet-${open.name}` },
    h("div", { class: "sheet-head" }, h("h2", { id: "sheet-title", tabindex: "-1" }, title), h("button", { class: "btn close", type: "button", onclick: act.close }, icon("close"), h("span", null, "Close"))),
    h("div", { class: "sheet-body" }, body),
    foot && h("div", { class: "sheet-foot" }, foot),
  );
}

/**
 * @typedef {(s: Snapshot, act: Act, ui: Ui, reasons: Record<string, string>) => [title: string, body: Child, foot?: Child]|null} Sheet
 */

/**
 * @param {string} words
 * @param {boolean} chosen
 * @param {() => void} onclick
 * @param {string} [name]
 */
const choice = (words, chosen, onclick, name) =>
  h("button", { class: "btn choice", type: "button", "aria-pressed": String(chosen), onclick }, name && icon(name), h("span", null, words));

/**
 * A field for words. Not to be completed: what stands in any other field a browser writes to its disk as it is, so that it
 * can bring the page back after a crash.
 * @param {string} id
 * @param {string} label
 * @param {Record<string, any>} [props]
 */
const words = (id, label, props = {}) => [h("label", { for: id }, label), h("textarea", { id, name: id, rows: "3", autocomplete: "off", ...props })];

/** @type {Record<string, Sheet>} */
const SHEETS = {
  ...PHOTO_SHEETS,
  ...TANDEM_SHEETS,
  ...MESSAGE_SHEETS,

  clear: (s, act, ui) => {
    if (!s.call) return null;
    const chosen = ui.sheet?.chosen ?? "";
    return [
      "How did it end?",
      [
        h("div", { class: "grid", role: "group", "aria-label": "Disposition" }, DISPOSITIONS.map(([code, name]) => choice(wordsOf(code), chosen === code, () => act.choose(code), name))),
        words("text", "Note on the call, if there is one", { maxlength: "4000", rows: "1" }),
        h("p", { class: "soft" }, "This is all that CAD and officers get. What care came of it is written elsewhere."),
      ],
      h("button", { class: "btn next", type: "button", disabled: !chosen, onclick: act.clear }, chosen ? `Clear: ${wordsOf(chosen)}` : "Choose how it ended"),
    ];
  },

  on_view: (s, act, ui) => [
    "On-view: what is it?",
    [
      h("div", { class: "grid", role: "group", "aria-label": "What" }, Object.entries(act.onViewWords()).map(([code, label]) => h("button", { class: "btn choice", type: "button", "aria-disabled": isGuarded(ui), onclick: () => act.onView(code) }, h("span", null, label)))),
      h("p", { class: s.here ? "soft" : "problem" }, s.here ? "One tap: you are on scene and busy, here, from now on." : "This tablet's position is not known: say by radio where you are."),
      s.line.state === "offline" && h("p", { class: "problem" }, "No signal: dispatch hears nothing of it until there is one. Use the radio too."),
      h("p", { class: "label" }, "Only a check, and you go on"),
      h("div", { class: "row-of", role: "group", "aria-label": "Check" }, [choice("Presence check", false, () => act.check("PRESENCE"), "visibility"), choice("Premise check", false, () => act.check("PREMISE"), "store")]),
      h("p", { class: "problem", role: "alert" }, ui.problem),
    ],
  ],

  more: (s, act, ui) => {
    if (!s.call || !s.standing) return null;
    const { next, beside, more } = offered(s.standing.assignment.status, isTandem(s.call));
    const steps = [...beside, ...more].filter((step) => step !== next && (!s.call?.local || LOCAL_STEPS.has(step)));
    return ["More", h("div", { class: "list" }, steps.map((step) => h("button", { class: "btn tall", type: "button", "aria-disabled": isGuarded(ui), onclick: () => act.step(step) }, STEP_WORDS[step])), askButtons(s, act, ui))];
  },

  transport: (_s, act, ui) => [
    "Transport",
    [
      h("label", { for: "destination" }, "Where to"),
      h("input", { id: "destination", name: "destination", type: "text", maxlength: "200", autocomplete: "off", oninput: act.redraw }),
      h("p", { class: "label", id: "persons-label" }, "How many people"),
      h("div", { class: "row-of", role: "group", "aria-labelledby": "persons-label" }, ["1", "2", "3", "4"].map((n) => choice(n, (ui.sheet?.chosen || "1") === n, () => act.choose(n)))),
      h("label", { for: "miles" }, "Odometer at the start, in miles"),
      h("input", { id: "miles", name: "miles", type: "text", inputmode: "decimal", autocomplete: "off" }),
      h("p", { class: "problem", role: "alert" }, ui.problem),
    ],
    h("button", { class: "btn next", type: "button", onclick: act.transport }, "Start transport"),
  ],

  at_destination: (_s, act, ui) => [
    "At the destination",
    [h("label", { for: "miles" }, "Odometer now, in miles"), h("input", { id: "miles", name: "miles", type: "text", inputmode: "decimal", autocomplete: "off" }), h("p", { class: "problem", role: "alert" }, ui.problem)],
    h("button", { class: "btn next", type: "button", onclick: act.atDestination }, "At destination"),
  ],

  hand_back: (s, act, ui) => {
    const here = ["ON_SCENE", "TRANSPORTING", "AT_DESTINATION"].includes(s.standing?.assignment.status ?? "");
    return [
      "Hand the call back",
      [
        h("p", null, here ? "You are with somebody: the call stays yours until the desk accepts." : "The call goes back to its queue with the time it has waited. The desk is told."),
        h("div", { class: "grid", role: "group", "aria-label": "Reason" }, HAND_BACK_REASONS.map((reason) => choice(reason, ui.sheet?.chosen === reason, () => act.choose(reason)))),
        words("text", "Or in your words", { maxlength: "200", rows: "2", oninput: act.redraw }),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
      h("button", { class: "btn next", type: "button", onclick: act.handBack }, "Hand back"),
    ];
  },

  hand_over: (s, act, ui) => {
    const offline = s.line.state === "offline";
    const near = s.units.filter(({ body }) => body.status !== "OFF_SHIFT").map(({ id, body }) => ({ id, body, why: whyNotAsked(body) }));
    near.sort((a, b) => Number(Boolean(a.why)) - Number(Boolean(b.why)));
    const free = near.some(({ why }) => !why);
    return [
      "Hand the call over",
      [
        h("p", null, "It stays yours until the other crew accepts."),
        offline && h("p", { class: "banner ask" }, icon("link_off"), h("span", null, h("b", null, "No signal: they are asked when it is back."), h("span", null, "Use the radio if it cannot wait. Units are as last seen."))),
        !free && h("p", { class: "banner ask" }, icon("info_outline"), h("b", null, "No other unit can take it now. Hand it back instead, or talk to the desk.")),
        h(
          "div",
          { class: "list" },
          near.map(({ id, body, why }) =>
            why
              ? h("p", { class: "btn choice cannot", key: id }, h("span", null, `${body.call_sign} · ${why}`))
              : choice(`${body.call_sign} · ${wordsOf(body.status).toLowerCase()} · ${body.crew} on board`, ui.sheet?.chosen === id, () => act.choose(id)),
          ),
        ),
      ],
      free && h("button", { class: "btn next", type: "button", disabled: !ui.sheet?.chosen, onclick: act.handOver }, ui.sheet?.chosen ? "Ask them to take over" : "Choose a unit"),
    ];
  },

  note: (_s, act, ui) => [
    "Note on the call",
    [words("text", "What others should know now", { maxlength: "4000", rows: "5", mounted: (/** @type {HTMLElement} */ el) => el.focus() }), h("p", { class: "soft" }, "Everybody on this call and the desk read it. No health details: those belong in the encounter."), h("p", { class: "problem", role: "alert" }, ui.problem)],
    h("button", { class: "btn next", type: "button", onclick: act.note }, "Add note"),
  ],

  answer: (s, act, ui) => {
    const entry = DISQUALIFIERS.find(([code]) => code === ui.sheet?.code);
    if (!s.call || !entry) return null;
    const [, name] = entry;
    return [
      `Is there a ${name}?`,
      [
        h("p", null, "Call back and ask. Your answer is kept under your name, and the desk's decision runs again."),
        s.call.caller_phone ? h("a", { class: "btn tall", href: `tel:${s.call.caller_phone.replace(/[^+\d]/g, "")}` }, icon("phone"), h("span", null, `Call ${s.call.caller_phone}`)) : h("p", { class: "soft" }, "The caller left no number."),
        h(
          "div",
          { class: "list" },
          choice(`No ${name}`, false, () => act.answer("NO")),
          choice(`Yes: ${name}`, false, () => act.answer("YES")),
          choice("There was, not relevant now", false, () => act.answer("NOT_RELEVANT")),
          choice("Asked, still not known", false, () => act.answer("UNKNOWN")),
        ),
      ],
    ];
  },

  history: (s) => {
    const premise = s.premise;
    if (!premise) return ["Earlier calls here", h("p", null, "Nothing is known of earlier calls here.")];
    /** @param {import("./wire.js").PastCall[]} past */
    const list = (past) =>
      h("ul", { class: "past" }, past.map((call) => h("li", null, h("b", null, wordsOf(call.type) === call.type ? call.type : call.type), h("span", null, wallDay(call.at, s.zone, s.now)), h("span", { class: "soft" }, call.disposition ? wordsOf(call.disposition) : "open"))));
    return [
      "Earlier calls here",
      [
        h("p", { class: "soft" }, `Operational facts only, as of ${wallDay(premise.as_of, s.zone, s.now)}.`),
        premise.here.length ? list(premise.here) : h("p", null, "No earlier call at this address."),
        premise.nearby.length > 0 && [h("h3", null, `Nearby, within ${s.agency?.premise_nearby_m ?? 25} m`), list(premise.nearby)],
      ],
    ];
  },

  times: (s) => {
    if (!s.standing) return null;
    const { assignment, told } = s.standing;
    /** @type {[string, string|null, string][]} */
    const times = [
      ["Received", s.call?.received_at ?? null, ""],
      ["Assigned", assignment.assigned_at, "ASSIGNED"],
      ["Reached this tablet", assignment.delivered_at, ""],
      ["Acknowledged", assignment.acknowledged_at, "ACKNOWLEDGED"],
      ["En route", assignment.en_route_at, "EN_ROUTE"],
      ["Staged", assignment.staged_at, "STAGED"],
      ["On scene", assignment.on_scene_at, "ON_SCENE"],
      ["Transporting", assignment.transporting_at, "TRANSPORTING"],
      ["At destination", assignment.at_destination_at, "AT_DESTINATION"],
    ];
    return [
      "Times of this call",
      h(
        "ul",
        { class: "past times" },
        times.filter(([, at]) => at).map(([name, at, status]) => {
          const fact = told.get(status);
          const sure = !fact ? icon("check") : null;
          return h("li", null, h("b", null, name), h("span", null, wallTime(at ?? "", s.zone, { seconds: true })), h("span", { class: fact ? "unsure" : "no" }, sure, fact ? (fact.state === "applied" ? "sent" : s.line.state === "offline" ? "waiting to send" : "sending…") : "on record"));
        }),
      ),
    ];
  },

  poach: (s, act, ui) => {
    const row = s.rows.find(({ id }) => id === ui.sheet?.code);
    if (!row) return null;
    if (!row.can) return ["Take from police", h("p", { class: "banner bad" }, icon("info_outline"), h("b", null, row.why || "No longer possible"))];
    return [
      "Take from police",
      [
        h("p", { class: "where" }, h("span", null, `${row.call.type.label}, ${row.call.address}`), h("span", { class: "soft" }, row.away)),
        s.line.state === "offline" && h("p", { class: "banner ask" }, icon("link_off"), h("span", null, h("b", null, "No signal: this only asks."), h("span", null, `It is good for ${s.agency?.["poach_life_s"] ?? 30} s, and not yours until the desk has said so.`))),
        h("p", null, "Why? A debrief follows. Police stay on the call until CAD or a dispatcher takes them off."),
        h("div", { class: "grid", role: "group", "aria-label": "Reason" }, POACH_REASONS.map((reason) => choice(reason, ui.sheet?.chosen === reason, () => act.choose(reason)))),
        words("text", "Or in your words", { maxlength: "200", rows: "2", oninput: act.redraw }),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
      h("button", { class: "btn next police", type: "button", onclick: act.poach }, "Ask to take it"),
    ];
  },

  row: (s, act, ui, reasons) => {
    const row = s.rows.find(({ id }) => id === ui.sheet?.code);
    if (!row) return ["No longer waiting", h("p", null, "This call is not on your board any more.")];
    return [row.call.type.label, rowDetails(row, s, reasons, act)];
  },

  out_of_service: (_s, act, ui) => [
    "Out of service",
    [
      h("div", { class: "grid", role: "group", "aria-label": "Reason" }, OUT_OF_SERVICE_REASONS.map((reason) => choice(reason, ui.sheet?.chosen === reason, () => act.choose(reason)))),
      words("text", "Or in your words", { maxlength: "100", rows: "2", oninput: act.redraw }),
      h("p", { class: "problem", role: "alert" }, ui.problem),
    ],
    h("button", { class: "btn next", type: "button", onclick: act.outOfService }, "Out of service"),
  ],

  at_scene: (s, act, ui) => {
    const row = s.rows.find(({ id }) => id === ui.sheet?.code);
    const where = row ? `${row.call.type.label}, ${row.call.address}` : "";
    return [
      "We are there already",
      [
        where && h("p", { class: "where" }, h("span", null, where), h("span", { class: "soft" }, row?.away)),
        h("p", null, "The call is not yours, but you stand there. The desk and whoever holds the call are told, with the time of now."),
        h("p", null, "If another unit holds it, you assist. If nobody does, the desk decides whose it is."),
        s.line.state === "offline" && h("p", { class: "banner ask" }, icon("link_off"), h("span", null, h("b", null, "No signal: nobody knows it yet."), h("span", null, "Say it by radio as well."))),
      ],
      h("button", { class: "btn next", type: "button", onclick: act.atScene }, "On scene anyway"),
    ];
  },

  line: (s, act, ui) => {
    const { refused, quarantined, flagged } = s.trays;
    const waiting = byPeople(s.pending);
    const heard = s.line.heardAt;
    /**
     * @param {string} heading
     * @param {import("./trays.js").Entry[]} entries
     * @param {(entry: import("./trays.js").Entry) => Child} say
     * @param {string} [explained]
     */
    const tray = (heading, entries, say, explained) =>
      entries.length > 0 && [
        h("h3", null, `${heading} · ${entries.length}${entries === waiting ? `, oldest ${age(oldest(waiting, s.now))}` : ""}`),
        explained && h("p", { class: "soft" }, explained),
        h("ul", { class: "past tray" }, entries.map((entry) => h("li", { key: entry.id }, h("b", null, nameOf(entry)), h("span", { class: "soft" }, `${age(s.now - Date.parse(entry.happened_at))} ago`), h("div", { class: "tray-say" }, act.aboutOf(entry) && h("p", { class: "soft" }, act.aboutOf(entry)), say(entry))))),
      ];
    return [
      "Connection",
      [
        h("p", { class: `banner ${s.line.state === "live" && !waiting.length && !refused.length ? "good" : "ask"}` }, icon(s.line.state === "offline" ? "link_off" : waiting.length ? "hourglass_empty" : refused.length ? "info_outline" : "check"), h("span", null, lineSentence(s.line, { waiting: waiting.length, durable: ui.durable, refused: refused.length }, Date.now()))),
        ui.follows && h("p", { class: "banner info" }, icon("info_outline"), h("span", null, "CARE is open in another window of this tablet too. That one sends; this one follows.")),
        tray("Not done", refused, (entry) => [h("p", null, act.sayOf(entry)), h("p", { class: "next-step" }, nextStep(entry)), stillThere(entry, act)]),
        refused.length > 0 && h("button", { class: "btn", type: "button", onclick: act.forgetRefused }, "I have seen these"),
        tray("Waiting to send", waiting, (entry) => h("p", { class: "unsure" }, entry.state === "sending" ? "sending…" : s.line.state === "offline" ? "goes with the first signal" : entry.tries > 1 ? `tried ${entry.tries} times` : "goes now")),
        tray("Kept for a supervisor", quarantined, (entry) => h("p", null, entry.problem?.message || "The server could not read it. Nothing is lost: a supervisor looks at it.", entry.ticket && h("span", { class: "soft" }, ` Number ${entry.ticket}.`)), "It arrived, and a person has to look at it. You need not do it again."),
        tray("Done, and a supervisor looks at it", flagged, (entry) => h("p", null, (entry.flags ?? []).map(flagWords).join(". "))),
        (quarantined.length > 0 || flagged.length > 0) && h("button", { class: "btn", type: "button", onclick: act.forgetOthers }, "I have seen these"),
        h("h3", null, "This tablet"),
        h(
          "ul",
          { class: "past times" },
          h("li", null, h("b", null, "Last heard from the server"), h("span", null, heard === null ? "not since it was opened" : `${age(Date.now() - heard)} ago`), h("span", { class: "soft" }, heard === null ? "" : wallTime(heard, s.zone, { seconds: true }))),
          h("li", null, h("b", null, "What it keeps"), h("span", { class: ui.durable ? "" : "warn" }, !ui.durable ? "nothing: this page only" : ui.persisted ? "safe until it is sent" : "the browser may clear it"), h("span", { class: "soft" }, ui.durable && !ui.persisted ? "put CARE on the home screen" : "")),
          h("li", null, h("b", null, "Without signal it opens"), h("span", null, ui.hasPin ? "with your PIN" : "not: you have no PIN"), h("span", { class: "soft" }, ui.hasPin && ui.until ? `until ${wallTime(ui.until, s.zone)}` : "")),
          h("li", null, h("b", null, "Version"), h("span", null, ui.version), h("span", { class: "soft" }, ui.newer ? "a newer one waits until you are free" : "")),
        ),
        !ui.hasPin && ui.durable && h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("pin") }, icon("lock"), h("span", null, "Choose a PIN…")),
      ],
    ];
  },

  pin: (_s, act, ui) => {
    const again = ui.pin.first !== "";
    return [
      again ? "The same PIN once more" : "Choose a PIN",
      [
        h("p", null, again ? "Type it again, so that no slip locks you out." : "It opens this tablet without signal, for you and for the rest of your sign-on. At least six digits that nobody guesses."),
        keypad({ label: again ? "Again" : "New PIN", digits: ui.pin.digits, problem: ui.problem, busy: ui.busy, done: again ? "Save" : "Next" }, act),
      ],
    ];
  },

  menu: (s, act, ui) => [
    `${s.unit?.call_sign ?? "This tablet"}`,
    [
      h("p", { class: "soft" }, [...(s.unit?.people ?? []).map(({ name }) => name), ...(s.unit?.capabilities ?? []).map((code) => wordsOf(code))].join(" · ")),
      h("h3", null, "Screen"),
      h("div", { class: "row-of", role: "group", "aria-label": "Theme" }, ["day", "night", "system"].map((theme) => choice(theme.charAt(0).toUpperCase() + theme.slice(1), ui.theme === theme, () => act.theme(theme)))),
      h("div", { class: "list" }, h("button", { class: "btn tall", type: "button", onclick: act.lock }, icon("lock"), h("span", null, "Lock this tablet")), h("button", { class: "btn tall", type: "button", onclick: act.sound }, icon("notifications_active"), h("span", null, "Try the alarm")), h("button", { class: "btn tall", type: "button", onclick: act.drill }, icon("campaign"), h("span", null, "Try the backup button: the next press is a TEST")), wakeChoice(act, ui), h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("line") }, icon("wifi"), h("span", null, "Connection, and what is not sent…")), ui.durable && h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("pin") }, icon("security"), h("span", null, ui.hasPin ? "Another PIN…" : "Choose a PIN to open it without signal…"))),
      h("h3", null, "Shift"),
      h(
        "div",
        { class: "list" },
        h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("sign_off") }, icon("logout"), h("span", null, "End my shift…")),
        h("button", { class: "btn tall", type: "button", onclick: act.leave }, icon("person"), h("span", null, "Leave this tablet, stay on shift")),
      ),
      h("p", { class: "problem", role: "alert" }, ui.problem),
    ],
  ],

  sign_off: (s, act, ui) => {
    const offline = s.line.state === "offline";
    if (!s.call) {
      return ["End my shift", [h("p", null, "You hold no call. After this the tablet gets nothing until somebody signs on."), offline && h("p", { class: "warn" }, "No signal: it counts from now, and is sent when the signal is back."), h("p", { class: "problem", role: "alert" }, ui.problem)], h("button", { class: "btn next", type: "button", disabled: ui.busy, onclick: () => act.signOff("NOTHING_OPEN") }, ui.busy ? "Ending…" : "End my shift")];
    }
    const more = (s.unit?.people?.length ?? 1) > 1;
    return [
      "End my shift",
      [
        h("p", null, more ? "Your unit holds a call. Your partner keeps it, and the unit gets no new one alone. Or choose what becomes of it:" : "You hold a call. What becomes of it?"),
        h(
          "div",
          { class: "list" },
          more && h("button", { class: "btn tall", type: "button", disabled: ui.busy, onclick: () => act.signOff("NOTHING_OPEN") }, icon("people"), h("span", null, "My partner keeps it")),
          h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("clear") }, icon("check_circle_outline"), h("span", null, "Clear it first…")),
          h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("hand_over") }, icon("group_add"), h("span", null, "Hand it over first…")),
          h("button", { class: "btn tall", type: "button", disabled: ui.busy, onclick: () => act.signOff("LEAVE_WITH_DESK") }, icon("support_agent"), h("span", null, "Leave it with the desk")),
        ),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
    ];
  },
};

/**
 * Whether others' requests for backup wake this tablet while its screen is off; nothing where they cannot.
 * @param {Act} act
 * @param {Ui} ui
 */
function wakeChoice(act, ui) {
  if (ui.wake === "none") return null;
  if (ui.wake === "forbidden") return h("p", { class: "soft" }, "This browser forbids notifications: no backup request can wake this tablet. Allow them in the browser's settings for this site.");
  const words = ui.wake === "on" ? "Backup requests wake this tablet: stop that" : "Wake this tablet for backup requests";
  return h("button", { class: "btn tall", type: "button", disabled: ui.busy, onclick: act.wake }, icon(ui.wake === "on" ? "notifications_off" : "notifications_active"), h("span", null, words));
}

/**
 * A crew that lost a call may stand before it all the same.
 * @param {import("./trays.js").Entry} entry
 * @param {Act} act
 */
function stillThere(entry, act) {
  if (!isTake(entry)) return null;
  return h("button", { class: "btn", type: "button", onclick: () => act.sheet("at_scene", { code: String(entry.args["call"]) }), "aria-haspopup": "dialog" }, icon("location_on"), h("span", null, "We are there already…"));
}

/**
 * Why a unit cannot be asked to take a call over; empty when it can. A meal may be interrupted.
 * @param {import("./wire.js").UnitBody} unit
 */
function whyNotAsked(unit) {
  if (unit.call !== null) return "has a call";
  if (unit.crew < unit.crew_minimum) return `${unit.crew} on board, needs ${unit.crew_minimum}`;
  return unit.duty === "AVAILABLE" || unit.duty === "MEAL" ? "" : wordsOf(unit.duty).toLowerCase();
}

/** @param {Snapshot} s */
export function awayWords(s) {
  return s.call ? away(s.here, s.call.point) : "";
}
