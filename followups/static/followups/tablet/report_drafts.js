/**
 * The reports of who is signed on here: what the server has, what was saved and not sent yet, and what is being typed, as
 * one. No browser.
 *
 * A report has a name of its own from the first touch, made here, and counts its revisions; the latest one counts, wherever
 * it was typed. What is typed is saved when the fingers rest, and at once when they leave: what waits in the outbox survives
 * this page, this sign-on and this battery. Of one report one save waits at most (`slot`, sync/outbox.js).
 */

import { newId } from "../../tablets/actions.js";
import { blank, spoken, whole } from "./report_body.js";

/** @typedef {import("../../tablets/actions.js").Action} Action */
/** @typedef {import("../../tablets/parts.js").Kit} Kit */
/** @typedef {import("../../tablets/wire.js").OwnCall} OwnCall */
/** @typedef {import("./report_body.js").Body} Body */

/**
 * What a report is about. Before the server has heard of an on-view call its assignment has no number, and `onView` is what
 * this tablet called it.
 * @typedef {{assignment: number|null, onView: string|null, call: number|null, words: string}} About
 */

/** How far what stands on a report came. `typing`: not on the disk yet. `aside`: the server could not read it, and a supervisor looks at it. @typedef {"typing"|"waiting"|"sending"|"sent"|"aside"} Kept */

/**
 * A report as its author sees it.
 * @typedef {object} Report
 * @property {string} key
 * @property {About} about
 * @property {"DRAFT"|"RETURNED"|"SIGNED"} state
 * @property {Body} body
 * @property {number} revision
 * @property {number} seconds in which it was in somebody's hands
 * @property {string|null} dueAt null: the server has not said it yet
 * @property {string|null} openedAt
 * @property {string} note why it came back
 * @property {Kept} kept
 * @property {{id: string, text: string, at: string, sent: boolean}[]} addenda those that were made on this tablet
 */

/**
 * What is being typed.
 * @typedef {object} Working
 * @property {string} key
 * @property {string} author
 * @property {About} about
 * @property {number[]} after what must have arrived before
 * @property {Body} body
 * @property {number} revision
 * @property {number} seconds
 * @property {number} touchedAt ms of the server's clock
 * @property {boolean} dirty
 * @property {number} dirtyAt ms, when the oldest unsaved touch was
 * @property {number} saving how many saves are on their way to the disk
 * @property {boolean} signed
 * @property {boolean} held whether the server had it while it was typed here
 * @property {string} openedAt
 * @property {Action[]} addenda
 * @property {ReturnType<typeof setTimeout>|undefined} timer
 */

/** Fingers rest when nothing was touched for so long; whoever types on is saved now and then all the same. In ms. */
export const PACE = { quiet: 2_000, longest: 10_000 };

/** Between two touches a form counts as in somebody's hands for so long, in ms. */
const IN_HAND = 30_000;

/** Nobody writes longer at one report; in seconds. */
const A_DAY = 86_400;

/** Calls that need no report. */
const NO_REPORT = new Set(["DUPLICATE", "CANCELLED"]);

const KINDS = new Set(["encounter.save", "encounter.sign", "encounter.addendum"]);

export class Drafts {
  #kit;
  #pace;
  #uuid;
  /** @type {Map<string, Working>} */
  #working = new Map();
  /** Calls that others ended while the crew was there: whether a report is owed is for the crew to say. @type {{assignment: number, about: About, at: number}[]} */
  #ended = [];

  /**
   * @param {Pick<Kit, "device"|"replica"|"perform"|"facts"|"now"|"redraw">} kit
   * @param {{quiet: number, longest: number}} [pace] ms
   * @param {() => string} [uuid]
   */
  constructor(kit, pace = PACE, uuid = newId) {
    this.#kit = kit;
    this.#pace = pace;
    this.#uuid = uuid;
    kit.replica.listen((changes) => {
      for (const { c, id, before, after, gone, stream } of changes) {
        const working = c === "encounter" ? this.#working.get(id) : undefined;
        if (working) working.held = true;
        if (c === "call" && before && !after && gone && stream.startsWith("unit.")) this.#callWent(before, gone);
      }
      // Whoever signs off takes what they typed along, also where nothing is drawn any more.
      this.#dropOthers(kit.device.person);
    });
  }

  /**
   * All reports of who is signed on here that are not done with, those that are due first at the top.
   * @returns {Report[]}
   */
  all() {
    const person = this.#kit.device.person;
    this.#dropOthers(person);
    if (person === null) return [];
    /** @type {Map<string, Report & {signing: Action|null, held: boolean}>} */
    const reports = new Map();
    for (const { id, body } of this.#kit.replica.all("encounter", `responder.${person}`)) {
      reports.set(id, {
        key: id,
        about: { assignment: body.assignment, onView: body.on_view ?? null, call: body.call ?? null, words: placeWords(body.type, body.address) },
        state: body.state,
        body: whole(body.body),
        revision: body.revision,
        seconds: body.seconds ?? 0,
        dueAt: body.due_at ?? null,
        openedAt: body.opened_at ?? null,
        note: body.return_note ?? "",
        kept: "sent",
        addenda: [],
        signing: null,
        held: true,
      });
    }
    const apart = new Set(this.#kit.device.apart());
    for (const action of new Set([...apart, ...this.#kit.facts()])) {
      // What was kept after its author had gone cannot be read here.
      if (typeof action.args["encounter"] !== "string") continue;
      // What was taken in is in the document already: it comes with the answer, where its author is there to read it.
      const said = action.state === "waiting" || action.state === "sending" || apart.has(action);
      if (!KINDS.has(action.kind) || action.actor !== person || !said) continue;
      this.#lay(reports, action);
    }
    const aside = this.#aside();
    for (const working of [...this.#working.values()]) {
      const known = reports.get(working.key);
      working.held ||= known?.held ?? false;
      if (!known && working.held && !working.dirty && !working.saving && !working.signed) {
        // Signed on another tablet, or nobody wants it any more: it has left this one.
        this.#working.delete(working.key);
        continue;
      }
      // Only what says so opens it again: it came back, or the server could not read what was signed.
      if (working.signed && !working.saving && known?.held && !known.signing) {
        const setAside = aside.get(working.key) === working.revision;
        if (setAside) this.#touched(working);
        working.signed = !setAside && !(known.state === "RETURNED" && known.revision >= working.revision);
      }
      if (known && !working.dirty && known.revision > working.revision) Object.assign(working, { body: known.body, revision: known.revision, seconds: Math.max(working.seconds, known.seconds) });
      const typed = !known || working.dirty || working.revision >= known.revision;
      reports.set(working.key, {
        dueAt: null,
        openedAt: working.openedAt,
        note: "",
        kept: "sent",
        signing: null,
        held: false,
        ...known,
        key: working.key,
        about: merged(known?.about, working.about),
        state: working.signed ? "SIGNED" : (known?.state ?? "DRAFT"),
        body: typed ? working.body : /** @type {Report} */ (known).body,
        revision: Math.max(working.revision, known?.revision ?? 0),
        seconds: Math.max(working.seconds, known?.seconds ?? 0),
        addenda: working.addenda.map(asAddendum),
        ...(working.dirty || working.saving ? { kept: /** @type {Kept} */ ("typing") } : (known?.revision ?? 0) < working.revision && aside.get(working.key) === working.revision ? { kept: /** @type {Kept} */ ("aside") } : {}),
      });
    }
    const all = [...reports.values()].map(({ signing: _signing, held: _held, ...report }) => ({ ...report, about: this.#placed(report.about) }));
    return all.sort((a, b) => Number(a.state === "SIGNED") - Number(b.state === "SIGNED") || (a.dueAt ?? "~").localeCompare(b.dueAt ?? "~") || (a.openedAt ?? "~").localeCompare(b.openedAt ?? "~"));
  }

  /** @param {string} key */
  report(key) {
    return this.all().find((report) => report.key === key) ?? null;
  }

  /**
   * The report of a call, where this person has begun one.
   * @param {{assignment: number|null, onView: string|null}} about
   */
  of({ assignment, onView }) {
    const all = this.all();
    const same = (/** @type {Report} */ { about }) => (assignment !== null && about.assignment === assignment) || (onView !== null && about.onView === onView);
    return all.find((report) => report.state !== "SIGNED" && same(report)) ?? all.find(same) ?? null;
  }

  /** Calls that others ended while the crew was with somebody, and of which it has written nothing. */
  ended() {
    return this.#ended.filter(({ assignment }) => !this.of({ assignment, onView: null }));
  }

  /** @param {number} assignment of which there is nothing to write */
  notNeeded(assignment) {
    this.#ended = this.#ended.filter((one) => one.assignment !== assignment);
    this.#kit.redraw();
  }

  /**
   * Begin a report, or go on with the one that there is.
   * @param {About} about
   * @param {{after?: number[], body?: Body}} [options]
   * @returns {string|null} its key; null while nobody is signed on
   */
  begin(about, { after = [], body = blank() } = {}) {
    const known = this.of(about);
    if (known) return this.resume(known.key);
    const author = this.#kit.device.person;
    if (author === null) return null;
    const now = this.#kit.now();
    const key = this.#uuid();
    this.#working.set(key, { key, author, about, after, body, revision: 0, seconds: 0, touchedAt: now, dirty: true, dirtyAt: now, saving: 0, signed: false, held: false, openedAt: new Date(now).toISOString(), addenda: [], timer: undefined });
    // That there is one is known from now on, also where it is never typed on here.
    void this.save(key);
    return key;
  }

  /**
   * Take a report in hand.
   * @param {string} key
   */
  resume(key) {
    const report = this.report(key);
    const author = this.#kit.device.person;
    if (!report || author === null) return null;
    const now = this.#kit.now();
    const working = this.#working.get(key);
    if (working) working.touchedAt = now;
    else {
      const { about, body, revision, seconds, state } = report;
      const addenda = [...new Set([...this.#kit.device.apart(), ...this.#kit.facts()])].filter(({ kind, args, actor }) => kind === "encounter.addendum" && args["encounter"] === key && actor === author);
      this.#working.set(key, { key, author, about, after: [], body, revision, seconds, touchedAt: now, dirty: false, dirtyAt: 0, saving: 0, signed: state === "SIGNED", held: false, openedAt: report.openedAt ?? "", addenda, timer: undefined });
    }
    return key;
  }

  /**
   * Change what stands on a report; it is saved when the fingers rest.
   * @param {string} key
   * @param {(body: Body) => Body} change
   */
  edit(key, change) {
    if (!this.#working.has(key)) this.resume(key);
    const working = this.#working.get(key);
    if (!working || working.signed) return;
    const now = this.#kit.now();
    working.seconds += Math.min(Math.max(0, now - working.touchedAt), IN_HAND) / 1000;
    working.touchedAt = now;
    working.body = change(working.body);
    this.#touched(working);
    this.#kit.redraw();
  }

  /**
   * Keep what was typed, now.
   * @param {string} key
   */
  async save(key) {
    const working = this.#working.get(key);
    if (!working?.dirty || working.signed) return;
    const { revision, args } = this.#said(working);
    working.saving += 1;
    const taken = await this.#kit.perform("encounter.save", args, { after: working.after, slot: slotOf(key), actor: working.author });
    working.saving -= 1;
    this.#kit.redraw();
    if (taken) return;
    // It could not be kept, and the crew was told. What is typed stands here still, and is tried again.
    if (working.revision === revision) this.#touched(working);
  }

  /** Keep everything that was typed: the page may be gone in a moment. */
  leave() {
    return Promise.all([...this.#working.keys()].map((key) => this.save(key)));
  }

  /**
   * Sign a report. From now on it is locked, and only added to.
   * @param {string} key
   * @returns {Promise<boolean>} whether it was kept
   */
  async sign(key) {
    this.resume(key);
    const working = this.#working.get(key);
    if (!working || working.signed) return false;
    working.signed = true;
    // Before anybody looks at it: one that came back would be open again until it has its next revision.
    working.saving += 1;
    const { args } = this.#said(working);
    const taken = await this.#kit.perform("encounter.sign", args, { after: working.after, actor: working.author });
    working.saving -= 1;
    if (!taken) Object.assign(working, { signed: false, dirty: true });
    this.#kit.redraw();
    return taken !== null;
  }

  /**
   * Add to a report that was signed here.
   * @param {string} key
   * @param {string} text
   * @returns {Promise<boolean>} whether it was kept
   */
  async add(key, text) {
    this.resume(key);
    const working = this.#working.get(key);
    if (!working) return false;
    const signing = this.#kit.facts().find(({ kind, args, state }) => kind === "encounter.sign" && args["encounter"] === key && state !== "applied");
    const taken = await this.#kit.perform("encounter.addendum", { encounter: key, ...which(working.about), text }, { after: signing ? [signing.seq] : [], actor: working.author });
    if (taken) working.addenda.push(taken);
    this.#kit.redraw();
    return taken !== null;
  }

  /**
   * The crew has cleared its call: where it was with somebody, a report is owed, and waits from now on.
   * @param {OwnCall & {id: string}} call
   * @param {Action} clearing
   */
  owe(call, clearing) {
    const { assignment } = call;
    const disposition = String(clearing.args["disposition"] ?? "");
    if (clearing.actor !== this.#kit.device.person || NO_REPORT.has(disposition)) return;
    if (!assignment.primary || !assignment.on_scene_at) return;
    const about = aboutOf(call);
    if (this.of(about)) return;
    this.begin(about, { after: afterOf(call), body: blank(disposition) });
  }

  /**
   * Lay what was done over what the server has.
   * @param {Map<string, Report & {signing: Action|null, held: boolean}>} reports
   * @param {Action} action
   */
  #lay(reports, action) {
    const { kind, args, state } = action;
    const key = /** @type {string} */ (args["encounter"]);
    const known = reports.get(key);
    if (kind === "encounter.addendum") {
      if (known) known.addenda.push(asAddendum(action));
      return;
    }
    const revision = Number(args["revision"]);
    const about = { assignment: /** @type {number|null} */ (args["assignment"] ?? null), onView: /** @type {string|null} */ (args["on_view"] ?? null), call: null, words: "" };
    const signing = kind === "encounter.sign" ? action : null;
    const sent = state === "applied";
    // A signing that waits counts whatever stands there; one that was taken in may have come back since.
    if (known && known.revision >= revision && (!signing || sent)) {
      known.about = merged(known.about, about);
      return;
    }
    reports.set(key, {
      dueAt: null,
      openedAt: action.happened_at,
      note: "",
      addenda: [],
      ...known,
      held: sent || (known?.held ?? false),
      key,
      about: merged(known?.about, about),
      state: signing ? "SIGNED" : (known?.state ?? "DRAFT"),
      body: whole(args["body"]),
      revision,
      seconds: Number(args["seconds"] ?? 0),
      kept: sent ? "sent" : state === "sending" ? "sending" : "waiting",
      signing: signing ?? known?.signing ?? null,
    });
  }

  /**
   * What goes over the wire of what stands there now, as its next revision.
   * @param {Working} working
   */
  #said(working) {
    clearTimeout(working.timer);
    const known = this.report(working.key);
    // What they typed last and cannot read here again has a revision too.
    const revision = Math.max(working.revision, known?.revision ?? 0) + this.#kit.device.unread(slotOf(working.key)) + 1;
    Object.assign(working, { revision, dirty: false });
    return { revision, args: argsOf({ ...working, about: merged(known?.about, working.about) }) };
  }

  /** @param {Working} working */
  #touched(working) {
    if (!working.dirty) working.dirtyAt = this.#kit.now();
    working.dirty = true;
    this.#later(working);
  }

  /** @param {Working} working */
  #later(working) {
    clearTimeout(working.timer);
    const left = working.dirtyAt + this.#pace.longest - this.#kit.now();
    working.timer = setTimeout(() => void this.save(working.key), Math.max(0, Math.min(this.#pace.quiet, left)));
    // Node would wait for it.
    /** @type {{unref?: () => void}} */ (/** @type {unknown} */ (working.timer)).unref?.();
  }

  /**
   * Nobody sees what another one typed: it is kept for them, and forgotten here.
   * @param {string|null} person
   */
  #dropOthers(person) {
    for (const working of [...this.#working.values()]) {
      if (working.author === person) continue;
      this.#working.delete(working.key);
      clearTimeout(working.timer);
      if (!working.dirty || working.signed) continue;
      const { key, author, after, revision } = working;
      void this.#kit.perform("encounter.save", argsOf({ ...working, revision: revision + 1 }), { after, slot: slotOf(key), actor: author });
    }
    if (person === null) this.#ended = [];
  }

  /**
   * @param {OwnCall} call
   * @param {string} gone why
   */
  #callWent(call, gone) {
    const { assignment } = call;
    if (!assignment?.on_scene_at || !assignment.primary || gone === "dropped" || gone.includes("joined")) return;
    const clearing = this.#kit.facts().find(({ kind, args, state }) => kind === "assignment.clear" && (args["assignment"] === assignment.id || (call.on_view_key && args["on_view"] === call.on_view_key)) && state !== "refused");
    if (clearing) this.owe({ ...call, id: "" }, clearing);
    else this.#ended = [...this.#ended.filter((one) => one.assignment !== assignment.id), { assignment: assignment.id, about: aboutOf(call), at: this.#kit.now() }];
  }

  /** The latest revision of each report that the server set aside. */
  #aside() {
    /** @type {Map<string, number>} */
    const aside = new Map();
    for (const { kind, args } of this.#kit.device.trays().quarantined) {
      if (kind === "encounter.save" || kind === "encounter.sign") aside.set(String(args["encounter"]), Math.max(Number(args["revision"]), aside.get(String(args["encounter"])) ?? 0));
    }
    return aside;
  }

  /**
   * With the call that it is of, where this tablet still has it.
   * @param {About} about
   * @returns {About}
   */
  #placed(about) {
    if (about.words && about.call !== null) return about;
    const { assignment, onView } = about;
    const held = this.#kit.replica.all("call", "unit.").find(({ body }) => (assignment !== null && body.assignment?.id === assignment) || (onView !== null && body.on_view_key === onView));
    return held ? { ...about, call: Number(held.id), words: about.words || placeWords(held.body.type?.label, held.body.address) } : about;
  }
}

/**
 * What a report of this call is about. Where the crew came upon something is known when the server has said it.
 * @param {OwnCall & {id?: string}} call
 * @returns {About}
 */
export function aboutOf(call) {
  const { assignment, on_view_key: key, local } = call;
  return { assignment: local ? null : assignment.id, onView: key ?? null, call: local || !call.id ? null : Number(call.id), words: placeWords(call.type.label, local ? "" : call.address) };
}

/**
 * What of this call must have reached the server before a report of it.
 * @param {OwnCall} call
 * @returns {number[]}
 */
export const afterOf = ({ local }) => (local && local.state !== "applied" ? [local.seq] : []);

/** @param {string} key */
const slotOf = (key) => `report ${key}`;

/** Which call a report is of, as it goes over the wire. @param {About} about */
const which = ({ assignment, onView }) => (assignment === null ? { on_view: onView } : { assignment });

/**
 * @param {Working} working
 * @returns {Record<string, unknown>}
 */
const argsOf = ({ key, about, revision, seconds, body }) => ({ encounter: key, ...which(about), revision, seconds: Math.min(Math.round(seconds), A_DAY), body: spoken(body) });

/**
 * @param {string|undefined} type
 * @param {string|undefined} address
 */
const placeWords = (type, address) => [type, address].filter(Boolean).join(", ");

/**
 * @param {About|undefined} known
 * @param {About} more
 * @returns {About}
 */
function merged(known, more) {
  return { assignment: known?.assignment ?? more.assignment, onView: known?.onView ?? more.onView, call: known?.call ?? more.call, words: known?.words || more.words };
}

/** @param {Action} action */
const asAddendum = ({ id, args, happened_at, state }) => ({ id, text: String(args["text"]), at: happened_at, sent: state === "applied" });
