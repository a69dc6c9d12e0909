/**
 * CARE and a partner on one call: whether the crew stages, why, who goes first, and who said that it is safe. No browser, no
 * clock of its own.
 *
 * What the crew itself was told counts at once; nothing here is ever more hopeful than what somebody said.
 */

import { isGuarded } from "./bars.js";
import { h, icon } from "./dom.js";
import { minutes, wallTime } from "./times.js";

/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./wire.js").TandemBody} TandemBody */
/** @typedef {import("./wire.js").OwnCall} OwnCall */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").Child} Child */

/**
 * A tandem as the crew knows it: the server's, with its own words on top. `unsure`: what it said and the server does not
 * know yet.
 * @typedef {TandemBody & {unsure: Action|null}} Known
 */

/** Which of the crew's words move a tandem, and what they mean for it. @type {Record<string, (known: TandemBody, fact: Action) => Partial<TandemBody>|null>} */
const MOVES = {
  "tandem.partner_there": (known, { happened_at }) => (known.state === "ASKED" ? { state: "PARTNER_THERE", partner_arrived_at: happened_at } : null),
  "tandem.safe": (known, { args, happened_at }) =>
    isUnsafe(known) && (!known.withdrawn_at || Date.parse(happened_at) >= Date.parse(known.withdrawn_at)) ? { state: "SAFE", safe_at: happened_at, safe_by: String(args["said_by"]), safe_relayed_by: "you" } : null,
  "tandem.release": (known, { happened_at }) =>
    known.state === "SAFE" ? { state: "CARE_STAYS", partner_released_at: happened_at } : isUnsafe(known) ? { state: "ASKED", partner_arrived_at: null } : null,
  "tandem.partner_only": (known, { happened_at }) => (known.ended_at ? null : { state: "PARTNER_ONLY", ended_at: happened_at }),
};

/** Whether nobody has said that CARE may go in. @param {{state: string}} tandem */
export const isUnsafe = ({ state }) => state === "ASKED" || state === "PARTNER_THERE";

/**
 * What is known of a call's tandems, one of each partner at most.
 * @param {Pick<OwnCall, "tandem"|"reasons"> & {id: string}} call
 * @param {readonly Action[]} facts what the crew did and the documents may not show, oldest first
 * @returns {Known[]}
 */
export function tandemsOf(call, facts) {
  const known = (call.tandem ?? []).map((tandem) => /** @type {Known} */ ({ ...tandem, unsure: null }));
  for (const fact of facts) {
    if (fact.state === "refused") continue;
    if (fact.kind === "tandem.withdraw" && fact.args["call"] === Number(call.id)) withdraw(known, fact);
    const at = known.findIndex(({ id }) => id === fact.args["tandem"]);
    const tandem = known[at];
    const moved = tandem && MOVES[fact.kind]?.(tandem, fact);
    // What the server took in and did not follow is not so.
    if (moved && fact.state === "applied" && fact.answer?.state !== moved.state) continue;
    if (tandem && moved) known[at] = { ...tandem, ...moved, unsure: fact.state === "applied" ? tandem.unsure : fact };
  }
  return known;
}

/**
 * The crew left for its own safety: whatever was safe is not, also before the server has heard of it.
 * @param {Known[]} known
 * @param {Action} fact
 */
function withdraw(known, fact) {
  const at = known.findIndex(({ partner, ended_at }) => partner === "POLICE" && !ended_at);
  const tandem = known[at];
  if (tandem?.withdrawn_at && Date.parse(tandem.withdrawn_at) >= Date.parse(fact.happened_at)) return;
  const unsure = fact.state === "applied" ? null : fact;
  const state = tandem && tandem.partner_arrived_at && !tandem.partner_released_at ? "PARTNER_THERE" : "ASKED";
  /** @type {Partial<Known>} */
  const again = { state, asked_as: "WITHDRAW", first: "PARTNER", safe_at: null, safe_by: "", safe_relayed_by: "", partner_released_at: null, withdrawn_at: fact.happened_at, unsure };
  if (tandem) known[at] = { ...tandem, ...again, reasons: [...new Set(["CREW_WITHDREW", ...tandem.reasons])] };
  else {
    known.push(/** @type {Known} */ ({
      ...{ id: 0, partner: "POLICE", reasons: ["CREW_WITHDREW"], staging: null, staging_note: "", partner_unit: "", officer: "", asked_at: fact.happened_at, asked_by: "", due_at: "", ended_at: null },
      ...{ partner_assigned_at: null, partner_arrived_at: null },
      ...again,
    }));
  }
}

/**
 * Whether the crew is to wait nearby: somebody comes first, and nobody has declared the scene safe.
 * @param {readonly TandemBody[]} tandems
 */
export const mustStage = (tandems) => tandems.some((tandem) => !tandem.ended_at && isUnsafe(tandem) && tandem.first !== "CARE");

/** @param {{partner: string}} tandem */
export const partnerOf = ({ partner }) => (partner === "EMS" ? "EMS" : "police");
/** @param {string} text */
const cap = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * The one line that counts, and how it looks: what somebody said, never more.
 * @param {TandemBody} tandem
 * @param {string|null} [asOf] without signal: the time of day that the server was last heard of, or an empty text
 * @returns {{look: "stage"|"safe"|"over", words: string}}
 */
export function headline(tandem, asOf = null) {
  const who = partnerOf(tandem);
  // It may have been taken back since: nothing here says that they may go in now.
  if (asOf !== null && tandem.state === "SAFE") return { look: "over", words: asOf ? `SAFE as of ${asOf}: ask by radio` : "SAFE was said: ask by radio" };
  switch (tandem.state) {
    case "ASKED":
    case "PARTNER_THERE": {
      const there = tandem.state === "PARTNER_THERE" ? `${cap(who)} there, not declared safe` : `${cap(who)} not there`;
      if (tandem.first === "CARE") return { look: "stage", words: `NOT DECLARED SAFE: you go first, ${who} wait` };
      return { look: "stage", words: tandem.first === "TOGETHER" ? `STAGE: go in together with ${who}` : `STAGE: ${there}` };
    }
    case "SAFE":
      return { look: "safe", words: "SAFE: you may go in" };
    case "CARE_STAYS":
      return { look: "safe", words: `${cap(who)} released, you stay` };
    case "CARE_ALONE":
      return { look: "over", words: "CARE alone, agreed" };
    default:
      return { look: "stage", words: `DO NOT GO IN: ${who} only` };
  }
}

/**
 * Who said what, when, and what is not known: the lines under the headline.
 * @param {Known} tandem
 * @param {{now: number, zone: string, offline: boolean, asOf: number|null, reasons: Record<string, string>}} given `asOf`: when the server was last heard of, ms
 * @returns {string[]}
 */
export function lines(tandem, { now, zone, offline, asOf, reasons }) {
  const who = partnerOf(tandem);
  /** @param {string|number} instant */
  const at = (instant) => wallTime(instant, zone);
  const all = [];
  if (offline) all.push(asOf === null ? "Not heard from the desk." : `As of ${at(asOf)}. What was said since does not reach you: ask by radio.`);
  if (tandem.unsure) all.push(`${tandem.unsure.kind === "tandem.withdraw" ? "You withdrew" : "You said so"} at ${at(tandem.unsure.happened_at)}: ${offline ? "waiting to send" : "sending…"}`);
  if (tandem.safe_at && !isUnsafe(tandem)) all.push(`Declared safe ${at(tandem.safe_at)} by ${tandem.safe_by}${tandem.safe_relayed_by ? `, relayed by ${tandem.safe_relayed_by}` : ""}.`);
  if (tandem.officer) all.push(`Agreed by ${tandem.officer}.`);
  if (tandem.partner_released_at) all.push(`Released ${at(tandem.partner_released_at)}.`);
  if (isUnsafe(tandem)) {
    if (tandem.state === "PARTNER_THERE" && tandem.partner_arrived_at) all.push(`${cap(who)} there since ${at(tandem.partner_arrived_at)}.`);
    else if (tandem.due_at && now >= Date.parse(tandem.due_at)) all.push(`NO ${who.toUpperCase()} after ${minutes(now - Date.parse(tandem.asked_at))}: talk to the desk.`);
    else if (tandem.partner_assigned_at) all.push(`${tandem.partner_unit || cap(who)} sent ${at(tandem.partner_assigned_at)}.`);
    else all.push(`Asked for ${at(tandem.asked_at)}. No unit named yet.`);
    if (tandem.first === "PARTNER") all.push(`${cap(who)} go${tandem.partner === "EMS" ? "es" : ""} in first.`);
    if (tandem.partner_unit && tandem.state === "PARTNER_THERE") all.push(`Unit ${tandem.partner_unit}.`);
    if (tandem.staging_note) all.push(`Stage: ${tandem.staging_note}`);
    all.push(...tandem.reasons.map((code) => reasons[code] ?? code));
  }
  return all;
}

/**
 * Partners whom the crew may ask for now: those who were not, by anybody.
 * @param {readonly TandemBody[]} tandems
 * @param {readonly Action[]} asked what the crew has asked for and nobody has decided
 */
export const askable = (tandems, asked) =>
  ["POLICE", "EMS"].filter((partner) => !tandems.some((tandem) => tandem.partner === partner && !tandem.ended_at) && !asked.some(({ args }) => args["partner"] === partner));

/** What the crew has asked for on its call, and nobody has decided. @param {Snapshot} s */
const askedFor = (s) => s.pending.filter(({ kind, args }) => kind === "tandem.ask" && args["call"] === Number(s.call?.id));

/**
 * What "More" offers of partners.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Ui} ui
 */
export function askButtons(s, act, ui) {
  if (!s.call || s.call.local) return [];
  return askable(s.tandems, askedFor(s)).map((partner) =>
    h("button", { class: "btn tall", type: "button", key: `ask-${partner}`, "aria-disabled": isGuarded(ui), onclick: () => act.askPartner(partner) }, `Ask for ${partnerOf({ partner })}: we stage`),
  );
}

/**
 * What stands above everything else of the call, and what the crew can say about it.
 * @param {Snapshot} s
 * @param {Act} act
 * @param {Record<string, string>} reasons
 */
export function tandemBanners(s, act, reasons) {
  const offline = s.line.state === "offline";
  const asOf = s.line.heardAt === null ? null : s.now - (Date.now() - s.line.heardAt);
  const asked = askedFor(s).map(({ args }) => {
    const who = partnerOf({ partner: String(args["partner"]) });
    return h(
      "div",
      { class: "tandem tandem-stage tandem-unsure", role: "status", key: `tandem-asked-${who}` },
      h("p", { class: "tandem-head" }, icon("hourglass_empty"), h("b", null, `${who.toUpperCase()} NOT ASKED FOR YET`)),
      h("ul", null, h("li", null, offline ? "You asked: waiting to send. Ask by radio." : "You asked: sending…")),
    );
  });
  const known = s.tandems.map((tandem) => {
    const { look, words } = headline(tandem, offline ? (asOf === null ? "" : wallTime(asOf, s.zone)) : null);
    const said = lines(tandem, { now: s.now, zone: s.zone, offline, asOf, reasons });
    return h(
      "div",
      { class: `tandem tandem-${look} ${tandem.unsure ? "tandem-unsure" : ""}`, role: "status", key: `tandem-${tandem.partner}` },
      h("p", { class: "tandem-head" }, icon(look === "safe" ? "check_circle" : look === "stage" ? "do_not_disturb" : tandem.state === "SAFE" ? "help_outline" : "people"), h("b", null, words)),
      h(
        "div",
        { class: "tandem-said" },
        h("ul", null, said.map((line) => h("li", null, line))),
        !tandem.ended_at && tandem.id > 0 && h("button", { class: "btn", type: "button", onclick: () => act.sheet("tandem", { code: String(tandem.id) }), "aria-haspopup": "dialog" }, tandem.state === "ASKED" ? "They are there…" : isUnsafe(tandem) ? "They say…" : "Released…"),
      ),
    );
  });
  return [...known, ...asked];
}

/**
 * One tap, no question: the crew leaves, and says so while it goes.
 * @param {Snapshot} s
 * @param {Act} act
 */
export function withdrawButton(s, act) {
  const status = s.standing?.assignment.status ?? "";
  if (!["EN_ROUTE", "STAGED", "ON_SCENE", "TRANSPORTING"].includes(status)) return null;
  const done = s.tandems.some(({ withdrawn_at, state }) => withdrawn_at && isUnsafe({ state }));
  if (done && status === "STAGED") return null;
  return h("button", { class: "btn withdraw", type: "button", key: "withdraw", onclick: act.withdraw }, icon("logout"), h("span", null, "WITHDRAW"), h("small", null, "Danger: backup and police first"));
}

/** @type {Record<string, (s: Snapshot, act: Act, ui: Ui, reasons: Record<string, string>) => [title: string, body: Child, foot?: Child]|null>} */
export const TANDEM_SHEETS = {
  tandem: (s, act, ui) => {
    const tandem = s.tandems.find(({ id }) => String(id) === ui.sheet?.code);
    if (!tandem) return null;
    const who = partnerOf(tandem);
    const unsafe = isUnsafe(tandem);
    /**
     * @param {string} kind
     * @param {string} words
     */
    const one = (kind, words) => h("button", { class: "btn tall", type: "button", "aria-disabled": isGuarded(ui), onclick: () => act.tandem(kind) }, words);
    return [
      `CARE and ${who}`,
      [
        h("p", { class: "problem", role: "alert" }, ui.problem),
        h(
          "div",
          { class: "list" },
          tandem.state === "ASKED" && one("partner_there", `${cap(who)} are here`),
          unsafe && [
            h("label", { for: "said_by" }, `Who of ${who} says so, by name`),
            h("input", { id: "said_by", name: "said_by", type: "text", maxlength: "100", autocomplete: "off" }),
            one("safe", "They declared the scene safe"),
          ],
          !unsafe && tandem.state === "SAFE" && one("release", `${cap(who)} leave now, we stay`),
          tandem.state === "PARTNER_THERE" && one("release", `${cap(who)} left again`),
          one("partner_only", `${cap(who)} only: we stay out`),
          unsafe && one("care_alone", "CARE alone: they agree, and so do we"),
        ),
        h("p", { class: "soft" }, `Without ${who}, CARE goes alone only where a named officer agrees and the policy has nothing against it.`),
      ],
    ];
  },
};
