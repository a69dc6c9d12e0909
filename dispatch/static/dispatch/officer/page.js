/**
 * The officer's phone: refer somebody to CARE, one question a screen, and see when a unit is on its way.
 *
 * Drafting works without signal; sending does not, and says so: a request that nobody has decided is not a request.
 */

import { newId } from "../../tablets/actions.js";
import { h, icon, loadIcons, render } from "../../tablets/dom.js";
import { NoAnswer, jsonFetcher } from "../../tablets/http.js";
import { Line } from "../../tablets/line.js";
import { Replica } from "../../tablets/replica.js";
import { age, clock } from "../../tablets/times.js";
import { inOrder, isNews, mayHandOver, mayWithdraw, words } from "./cards.js";
import * as drafts from "./drafts.js";
import { ANSWERS, KINDS, answered, args, fitting, nextOpen, steps } from "./questions.js";

/** @typedef {import("./cards.js").Card} Card */

const MOST_TYPES = 8;
const TICK_MS = 1_000;
const YES_NO = [["YES", "Yes"], ["NO", "No"], ["UNKNOWN", "Not known"]];

/** @type {{person: number, agency: number, words: {places: Record<string, string>}}} */
const facts = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("officer-facts")).textContent ?? "");
const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const root = /** @type {HTMLElement} */ (document.getElementById("officer"));
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
// What the page asks by itself does not keep a session alive: only gestures do (CJIS AC-11).
const fetchQuietly = jsonFetcher({ headers: { "X-CSRFToken": csrf, "X-Background": "1" } });
const replica = new Replica();

/** @type {Record<string, any>} */
let said = {};
let draftId = newId();
/** @type {string|null} the screen that is open; null: the list */
let step = null;
/** @type {"" | "sending" | "offline" | "unknown"} */
let sending = "";
/** What the server said no to, as a sentence. */
let problem = "";
/** What was decided at once, of the referral that was just sent. @type {Card|null} */
let decided = null;
let typed = "";
/** @type {"" | "asking" | "none"} */
let locating = "";
/** Cards that a button was pressed on, and what that said. @type {Map<string, string>} */
const pressed = new Map();
let waiting = false;
let over = false;

const line = new Line({
  replica,
  fetchJson: fetchQuietly,
  clock,
  onState: soon,
  onSignedOff: () => void leave(),
});

const mine = () => /** @type {Card[]} */ (replica.all("referral", `officer.${facts.person}`).map((held) => ({ ...held.body, id: held.id })));
const types = () => replica.all("call_type", `reference.${facts.agency}`).map((held) => ({ id: held.id, body: held.body }));

// The phone knows before the line does.
const isOffline = () => line.state === "offline" || !navigator.onLine;

/** Nothing of an officer stays on a phone where nobody is signed in. */
async function leave() {
  if (over) return;
  over = true;
  await drafts.erase();
  navigator.serviceWorker?.controller?.postMessage({ t: "forget" });
  location.assign("/");
}

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

/** @param {Record<string, any>} more */
function say(more) {
  said = { ...said, ...more };
  problem = "";
  sending = sending === "sending" ? sending : "";
  void drafts.keep({ id: draftId, person: facts.person, step: step ?? "", said });
  soon();
}

/** @param {string|null} to */
function go(to) {
  step = to;
  problem = "";
  if (to) void drafts.keep({ id: draftId, person: facts.person, step: to, said });
  draw();
  root.querySelector("h1")?.focus();
  window.scrollTo(0, 0);
}

function onwards() {
  const all = steps(said);
  const at = all.indexOf(step ?? "");
  go(all[Math.min(at + 1, all.length - 1)] ?? "kind");
}

function back() {
  const all = steps(said);
  const at = all.indexOf(step ?? "");
  go(at > 0 ? (all[at - 1] ?? null) : null);
}

function begin() {
  decided = null;
  go("kind");
}

async function discard() {
  said = {};
  typed = "";
  draftId = newId();
  sending = "";
  problem = "";
  await drafts.erase();
  go(null);
}

async function send() {
  if (sending === "sending") return;
  sending = "sending";
  problem = "";
  draw();
  try {
    const answer = await fetchJson("/api/actions/referral.make/", { id: draftId, args: args(said) });
    decided = { ...answer, id: String(answer.referral) };
    await discard();
    void line.pull();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.status === 401) return leave();
    const again = error.status === 0 || error.status === 429 || error.status >= 500;
    sending = again ? (navigator.onLine ? "unknown" : "offline") : "";
    if (!again) {
      // The same id would get the same no.
      draftId = newId();
      problem = sentence(error);
      say({});
      problem = sentence(error);
    }
  }
  draw();
}

/**
 * @param {Card} card
 * @param {"referral.handed_over"|"referral.withdraw"} kind
 */
async function press(card, kind) {
  const id = newId();
  pressed.set(card.id, "Sending…");
  soon();
  try {
    await fetchJson(`/api/actions/${kind}/`, { id, args: { referral: Number(card.id) }, ...(kind === "referral.handed_over" ? { happened_at: clock.iso() } : {}) });
    pressed.delete(card.id);
    void line.pull();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.status === 401) return leave();
    pressed.set(card.id, error.status === 0 ? "NOT SENT: no signal. Say it to the crew or on the radio." : error.message);
  }
  soon();
}

/** @param {NoAnswer} error */
function sentence(error) {
  const fields = error.problem.facts?.["fields"];
  const more = fields ? Object.values(fields).flat().map(String) : [];
  return [error.message, ...more].join(" ");
}

function locate() {
  if (!navigator.geolocation) {
    locating = "none";
    return soon();
  }
  locating = "asking";
  soon();
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      locating = "";
      say({ point: { lon: coords.longitude, lat: coords.latitude, accuracy: Math.round(coords.accuracy), at: Date.now() } });
    },
    () => {
      locating = "none";
      soon();
    },
    { enableHighAccuracy: true, maximumAge: 10_000, timeout: 15_000 },
  );
}

// --- the screens ----------------------------------------------------------------------------------------------------------

function draw() {
  render(root, top(), step === null ? list() : question(step));
}

function top() {
  const offline = isOffline();
  return h(
    "header",
    { class: "o-top", key: "top" },
    h("b", null, "Refer to CARE"),
    h("span", { class: offline ? "o-line bad" : "o-line", role: "status" }, offline ? `○ no signal${line.heardAt ? ` ${age(Date.now() - line.heardAt)}` : ""}` : line.state === "live" ? "● live" : "● connected"),
  );
}

function list() {
  const now = clock.now();
  const cards = mine();
  const draft = Object.keys(said).length > 0;
  const shown = decided && !cards.some((card) => card.id === decided?.id) ? [decided, ...cards] : cards;
  return h(
    "main",
    { class: "o-list", id: "main", key: "list" },
    h("h1", { class: "unseen", key: "title" }, "What you have referred"),
    h("button", { class: "o-big main", type: "button", onclick: draft ? () => go(nextOpen(said)) : begin }, icon(draft ? "edit" : "add_circle_outline"), draft ? "Go on with the draft" : "Refer somebody"),
    draft ? h("p", { class: "o-draft" }, h("b", null, "Not sent yet. "), "It is on this phone only. ", h("button", { class: "o-link", type: "button", onclick: () => void discard() }, "Throw it away")) : null,
    isOffline() ? h("p", { class: "o-note bad", role: "status" }, `No signal: ${shown.length ? "what is below may be old" : "what became of your referrals is not on this phone"}. You can write a referral and send it when there is signal.`) : null,
    shown.length === 0 && line.heardAt !== null
      ? h("p", { class: "o-note" }, "Nothing is open. What you refer appears here: received, on the way, arrived, closed. What CARE does for a person is never told.")
      : null,
    shown.length === 0 && line.heardAt === null && line.state !== "offline" ? h("p", { class: "o-note", role: "status" }, "Looking for what you referred…") : null,
    inOrder(shown).map((card) => cardOf(card, now)),
    h("a", { class: "o-foot", href: "/officer/debriefs/" }, "Calls that CARE took from police: your comment"),
    h("button", { class: "o-foot", type: "button", onclick: () => void signOut() }, "Sign out"),
  );
}

/**
 * @param {Card} card
 * @param {number} now
 */
function cardOf(card, now) {
  const told = words(card, now);
  return h(
    "article",
    { class: `o-card ${told.tone}`, key: card.id, "data-referral": card.id, "aria-label": `${card["what"]}: ${told.title}` },
    h("p", { class: "o-state" }, icon(told.icon), h("b", null, told.title)),
    told.next ? h("p", { class: "o-next" }, told.next) : null,
    (card["reasons"] ?? []).map((/** @type {string} */ reason) => h("p", { class: "o-why", key: reason }, reason)),
    card["suggested"]?.length
      ? h("ul", { class: "o-ways", "aria-label": "What else you can do" }, card["suggested"].map((/** @type {{code: string, words: string}} */ way) => h("li", { key: way.code }, way.words)))
      : null,
    h("p", { class: "o-what" }, card["what"], card["number"] ? ` · ${card["number"]}` : "", ` · ${age(now - Date.parse(card["received_at"]))} ago`),
    pressed.has(card.id) ? h("p", { class: "o-why bad", role: "alert" }, pressed.get(card.id)) : null,
    mayHandOver(card) ? h("button", { class: "o-big go", type: "button", onclick: () => void press(card, "referral.handed_over") }, "HANDED OVER") : null,
    mayWithdraw(card) ? h("button", { class: "o-link", type: "button", onclick: () => confirm("Take this referral back?") && void press(card, "referral.withdraw") }, "Withdraw") : null,
  );
}

/** @param {string} at */
function question(at) {
  const all = steps(said);
  const last = at === "check";
  const ready = answered(at, said);
  return h(
    "main",
    { class: "o-ask", id: "main", key: at },
    h("p", { class: "o-count" }, `${all.indexOf(at) + 1} of ${all.length}`),
    SCREENS[at]?.() ?? null,
    problem ? h("p", { class: "o-note bad", role: "alert" }, problem) : null,
    h(
      "div",
      { class: "o-bar" },
      // With the buttons, where it cannot be scrolled out of sight.
      last && (sending === "offline" || sending === "unknown") ? notSent() : null,
      h("button", { class: "o-big", type: "button", onclick: back }, "Back"),
      last
        ? h("button", { class: "o-big main", type: "button", disabled: sending === "sending" || nextOpen(said) !== "check", onclick: () => void send() }, sending === "sending" ? "Sending…" : sending ? "Send again" : "Send")
        : h("button", { class: "o-big main", type: "button", disabled: !ready, onclick: onwards }, "Next"),
    ),
  );
}

function notSent() {
  return h(
    "p",
    { class: "o-note bad", role: "alert" },
    h("b", null, sending === "offline" ? "NOT SENT: no signal. " : "NOT CONFIRMED: no answer. "),
    "It stays on this phone until you send it. If it cannot wait, use your radio.",
  );
}

/** @type {Record<string, () => ReturnType<typeof h>[]>} */
const SCREENS = {
  kind: () => [
    title("What do you refer?"),
    h(
      "div",
      { class: "o-choices", key: "choices" },
      KINDS.map(([kind, label, more]) =>
        h("button", { class: "o-choice", type: "button", key: kind, "aria-pressed": String(said["kind"] === kind), onclick: () => (say({ kind }), onwards()) }, h("b", null, label), h("span", null, more)),
      ),
    ),
  ],
  number: () => [
    title("Which call are you on?"),
    field("number", "The call's number, as dispatch gave it", { autocapitalize: "characters", enterkeyhint: "next" }),
  ],
  what: () => {
    const found = fitting(types(), typed, MOST_TYPES);
    return [
      title("What is it?"),
      h("label", { class: "o-label", key: "label", for: "o-type" }, "Choose, or type a word"),
      h("input", { class: "o-field", key: "field", id: "o-type", type: "search", value: typed, autocomplete: "off", oninput: (/** @type {any} */ event) => ((typed = event.target.value), soon()) }),
      types().length === 0
        ? h("p", { class: "o-note", key: "none" }, "The list of types is not on this phone yet. Open this page once with signal.")
        : found.length === 0
          ? h("p", { class: "o-note", key: "none" }, "No type has that word.")
          : h(
              "div",
              { class: "o-choices", key: "choices", role: "group", "aria-label": "Types" },
              found.map((type) =>
                h(
                  "button",
                  { class: "o-choice", type: "button", key: type.id, "aria-pressed": String(said["what"] === type.body["code"]), onclick: () => (say({ what: type.body["code"], label: type.body["label"] }), onwards()) },
                  h("b", null, type.body["label"]),
                  type.body["color"] === "GREEN" ? null : h("span", null, type.body["color"] === "RED" ? "Police only" : "Police first; CARE only where the policy allows it"),
                ),
              ),
            ),
    ];
  },
  where: () => [
    title(said["kind"] === "PERSON" ? "Where can they be found?" : "Where?"),
    h(
      "button",
      { class: "o-choice", type: "button", key: "here", "aria-pressed": String(Boolean(said["point"])), onclick: locate },
      h("b", null, locating === "asking" ? "Looking for the position…" : said["point"] ? `Here: position taken, ${within(said["point"])}` : "Here, where I stand"),
      locating === "none" ? h("span", null, "The phone does not say where it is. Type an address.") : null,
    ),
    field("address", "Address or corner", { enterkeyhint: "next" }),
    h(
      "div",
      { class: "o-chips", key: "places", role: "group", "aria-label": "What kind of place" },
      Object.entries(facts.words.places)
        .filter(([code]) => code !== "UNKNOWN")
        .map(([code, label]) => h("button", { class: "o-chip", type: "button", key: code, "aria-pressed": String(said["place_kind"] === code), onclick: () => say({ place_kind: said["place_kind"] === code ? "UNKNOWN" : code }) }, label)),
    ),
  ],
  safe: () => [
    title("Is it safe?"),
    ...ANSWERS.map(([name, asked, more]) =>
      h(
        "fieldset",
        { class: "o-yes-no", key: name, "data-question": name },
        h("legend", null, asked, more ? h("small", null, ` ${more}`) : null),
        YES_NO.map(([value, label]) => h("button", { class: "o-chip", type: "button", key: value, "aria-pressed": String(said[name] === value), onclick: () => say({ [name]: value }) }, label)),
      ),
    ),
  ],
  staying: () => [
    title("Do you stay until CARE is there?"),
    h(
      "div",
      { class: "o-choices", key: "choices" },
      h("button", { class: "o-choice", type: "button", key: "yes", "aria-pressed": String(said["staying"] === true), onclick: () => (say({ staying: true }), onwards()) }, h("b", null, "I am staying"), h("span", null, "The unit is asked when it will be there, and you are told.")),
      h("button", { class: "o-choice", type: "button", key: "no", "aria-pressed": String(said["staying"] === false), onclick: () => (say({ staying: false }), onwards()) }, h("b", null, "I am leaving"), h("span", null, "The unit comes without you.")),
    ),
  ],
  contact: () => [title("How can the person be reached?"), field("contact", "Phone, or where they usually are", {})],
  check: () => [
    title("Right so?"),
    h(
      "dl",
      { class: "o-check", key: "all" },
      summary().map(([name, value, at]) => h("div", { key: name, onclick: () => go(at) }, h("dt", null, name), h("dd", null, value))),
    ),
    field("text", "Anything the crew should know", { rows: 3 }),
    h("p", { class: "o-note", key: "note" }, "The crew and the desk read it. You hear how far the unit is, never what was done for the person."),
  ],
};

/** How good a position is, as people here measure. @param {{accuracy: number}} point in metres */
const within = ({ accuracy }) => `within ${Math.max(10, Math.ceil((accuracy * 3.281) / 10) * 10)} ft`;

/** @returns {[string, string, string][]} */
function summary() {
  const words = Object.fromEntries(YES_NO);
  const kind = KINDS.find(([code]) => code === said["kind"])?.[1] ?? "";
  const where = [said["address"], said["point"] ? `position ${within(said["point"])}` : "", facts.words.places[said["place_kind"]] ?? ""].filter(Boolean).join(", ");
  return /** @type {[string, string, string][]} */ (
    [
      ["What", [kind, said["kind"] === "CALL" ? said["number"] : ""].filter(Boolean).join(" "), "kind"],
      ["Type", said["label"] ?? "", "what"],
      ["Where", where || "not said", "where"],
      ["Searched", words[said["searched"]], "safe"],
      ["Weapons", words[said["weapons"]], "safe"],
      ["Threats", words[said["threats"]], "safe"],
      ["Ambulance", words[said["medical"]], "safe"],
      said["kind"] === "PERSON" ? ["Contact", said["contact"] ?? "", "contact"] : ["You", said["staying"] ? "stay until CARE is there" : "leave", "staying"],
    ].filter(([, value]) => value)
  );
}

/** @param {string} words */
function title(words) {
  return h("h1", { class: "o-title", tabindex: "-1", key: "title" }, words);
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Record<string, any>} more
 */
function field(name, label, more) {
  const id = `o-${name}`;
  return h(
    "div",
    { class: "o-typed", key: name },
    h("label", { class: "o-label", for: id }, label),
    h(more["rows"] ? "textarea" : "input", { class: "o-field", id, value: said[name] ?? "", autocomplete: "off", maxlength: name === "text" ? 2000 : name === "number" ? 40 : 200, ...more, oninput: (/** @type {any} */ event) => say({ [name]: event.target.value }) }),
  );
}

// --- beginning and end ------------------------------------------------------------------------------------------------------

async function signOut() {
  if (Object.keys(said).length > 0 && !confirm("The draft is thrown away when you sign out.")) return;
  over = true;
  await drafts.erase();
  navigator.serviceWorker?.controller?.postMessage({ t: "forget" });
  /** @type {HTMLFormElement} */ (document.getElementById("sign-out")).submit();
}

let touchedAt = 0;
function touched() {
  if (Date.now() - touchedAt < 60_000) return;
  touchedAt = Date.now();
  fetchJson("/api/session/", {}).catch(() => (touchedAt = 0));
}

replica.listen((changes) => {
  for (const change of changes) {
    if (change.c !== "referral" || !change.after) continue;
    const [before, after] = [change.before, change.after].map((body) => body && { ...body, id: change.id });
    if (isNews(before, after)) navigator.vibrate?.([300, 150, 300]);
  }
  soon();
});
window.addEventListener("online", () => line.wake());
window.addEventListener("offline", soon);
document.addEventListener("visibilitychange", () => document.hidden || line.wake());
for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, touched, { capture: true, passive: true });
setInterval(soon, TICK_MS);

const kept = await drafts.load(facts.person).catch(() => null);
if (kept) {
  said = kept.said;
  draftId = kept.id;
}
void loadIcons();
draw();
line.start();
void navigator.serviceWorker?.register("/officer/sw.js", { scope: "/officer/" }).catch(() => {});
