/**
 * What was done here and is on its way to the server. Each action is on the disk before anybody is told that it was taken
 * up, has its place in this tablet's lane for ever, and leaves only with an answer. What was answered is kept a week and
 * offered again when the server was restored from a backup; the action's id recognises what it still knows.
 *
 * Arguments are sealed to the server, so that they can be sent when nobody here may read them any more. A copy under the
 * key of who did it serves the screen.
 *
 * What is typed is saved again and again. An action that names a `slot` takes the place of an earlier one of that slot, as
 * long as that one was never offered to the server: once it was, its place and its words are for ever.
 */

import { StoreError } from "./store.js";

/** @typedef {import("../actions.js").Action} Action */
/** @typedef {import("../replica.js").StreamPlan} StreamPlan */
/** @typedef {import("../replica.js").Replica} Replica */
/** @typedef {import("../wire.js").ActionAnswer} ActionAnswer */
/** @typedef {import("../wire.js").Envelope} Envelope */
/** @typedef {import("./cipher.js").Cipher} Cipher */
/** @typedef {import("./cipher.js").Closed} Closed */
/** @typedef {import("./cipher.js").Keys} Keys */
/** @typedef {import("./cipher.js").Sealed} Sealed */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Work} Work */

/**
 * An action as it is kept: in `outbox` until there is an answer, then in `answers`.
 * @typedef {object} Row
 * @property {number} seq
 * @property {string} id
 * @property {string} kind
 * @property {number} v
 * @property {Sealed|null} sealed
 * @property {Record<string, unknown>} [args] only where nothing outlives the page
 * @property {Closed|{plain: unknown}|null} copy null: done when there was no key to keep one
 * @property {number[]} after
 * @property {string} actor
 * @property {string} happened_at
 * @property {boolean} jumped
 * @property {string|null} gone
 * @property {Settled|null} settled
 * @property {string} [slot] what a later action may replace it by
 * @property {boolean} [offered] whether it may have reached the server: written before it is sent
 */

/**
 * @typedef {object} Settled
 * @property {"applied"|"refused"|"quarantined"} status
 * @property {string} code
 * @property {string[]} flags
 * @property {string|null} ticket
 * @property {Closed|{plain: unknown}|null} verdict the rest of the answer, for who did it
 * @property {number} at ms of the server's clock
 * @property {boolean} dismissed
 * @property {boolean} [unseen] it was applied, and its documents could not be kept: nobody could read here
 * @property {boolean} [apart] it was applied, and the documents that are for who did it alone did not come: they were not signed on
 */

/** @typedef {{row: Row, action: Action & {done: Promise<Action>}}} Entry */

/** @typedef {Pick<Store, "run"|"durable">} AnyStore */

/** Acknowledged actions are kept this long, in ms. */
export const KEPT_FOR = 7 * 24 * 3_600_000;

/** The most that one action's arguments may weigh as JSON, in bytes: sealed, several must fit one exchange. */
export const ARGS_LIMIT = 48_000;

export class Outbox {
  #store;
  #cipher;
  #onAction;
  /** @type {Map<number, Row>} */
  #rows = new Map();
  /** By their ids: an action is one object for its whole life. @type {Map<string, Action & {done: Promise<Action>}>} */
  #actions = new Map();
  /** @type {Map<string, (action: Action) => void>} */
  #settlers = new Map();
  /** Whose actions may be read now. @type {Keys|null} */
  #keys = null;
  /** The next place in the lane, when nothing is kept. */
  #next = 1;
  /** What `all` and `open` say, until something changes. @type {Entry[]|null} */
  #sorted = null;
  /** @type {Entry[]|null} */
  #open = null;

  /**
   * @param {object} options
   * @param {AnyStore} options.store
   * @param {Cipher} options.cipher
   * @param {(action: Action) => void} options.onAction
   */
  constructor({ store, cipher, onAction }) {
    this.#store = store;
    this.#cipher = cipher;
    this.#onAction = onAction;
  }

  /** Read what is kept; what it says is not read before `reveal`. */
  async load() {
    const [waiting, settled, lane] = await this.#store.run(["outbox", "answers", "meta"], "readonly", (work) => Promise.all([work.all("outbox"), work.all("answers"), work.get("meta", "lane")]));
    this.#rows = new Map([...settled, ...waiting].map((row) => [row.seq, row]));
    this.#changed();
    this.#next = lane?.next ?? 1;
    for (const row of this.#rows.values()) this.#show(row);
  }

  /**
   * Look again at these places: another tab changed them.
   * @param {readonly number[]} seqs
   */
  async follow(seqs) {
    const rows = await this.#store.run(["outbox", "answers"], "readonly", (work) =>
      Promise.all(seqs.map(async (seq) => /** @type {Row|undefined} */ ((await work.get("outbox", seq)) ?? (await work.get("answers", seq))))),
    );
    for (const row of rows) {
      if (!row) continue;
      this.#hold(row);
      await this.#read(row);
    }
  }

  /**
   * Open what this person did here, or close everything (null).
   * @param {Keys|null} keys
   * @param {boolean} [all] whether everything may be read: nothing is closed where nothing outlives the page
   */
  async reveal(keys, all = false) {
    this.#keys = keys;
    for (const row of this.#rows.values()) {
      const action = this.#show(row);
      if (!keys && !all) Object.assign(action, { args: {}, answer: null, problem: action.problem && { code: action.problem.code, message: action.problem.message } });
      else if (isOpen(row)) await this.#read(row);
    }
  }

  /**
   * Take one action up. It is on the disk when this resolves. Of one whose place a later one of its slot took, `done` never
   * settles: nobody was told of it.
   * @param {Omit<Row, "seq"|"sealed"|"copy"|"gone"|"settled"|"args"|"offered">} made
   * @param {Record<string, unknown>} args
   * @param {object} with_
   * @param {import("./cipher.js").SealTo|null} with_.sealTo
   * @param {string} with_.installation
   * @param {() => Record<string, unknown>} with_.time the record of what time it is, kept beside it
   * @returns {Promise<Action & {done: Promise<Action>}>}
   */
  async add(made, args, { sealTo, installation, time }) {
    const keys = this.#keys;
    const own = keys?.person === made.actor ? keys.own : null;
    const sealed = sealTo ? await this.#cipher.seal(args, made.id, sealTo) : null;
    const copy = own || !this.#cipher.able ? await this.#cipher.close(own, args, `action|${made.id}`) : null;
    /** @type {Omit<Row, "seq">} */
    const rest = { ...made, sealed, copy, gone: null, settled: null, ...(sealed ? {} : { args }) };
    const row = await this.#store.run(
      ["outbox", "meta"],
      "readwrite",
      async (work) => {
        const lane = await work.get("meta", "lane");
        if (lane?.installation !== installation) throw new StoreError("gone", "The store on this device was erased.");
        const last = made.slot === undefined ? undefined : (await work.all("outbox")).filter(({ slot, actor }) => slot === made.slot && actor === made.actor).at(-1);
        // Between what its author can read here and what they cannot, neither takes the other's place, nor stands before it.
        const replaced = last && !last.offered && last.copy !== null && copy !== null ? last : undefined;
        const seq = /** @type {number} */ (replaced?.seq ?? lane.next);
        const kept = { ...rest, seq, after: made.after.filter((place) => place < seq) };
        work.put("outbox", kept);
        if (!replaced) work.put("meta", { ...lane, next: lane.next + 1 });
        work.put("meta", time());
        return kept;
      },
      { strict: true },
    );
    this.#hold(row);
    const action = this.#show(row);
    action.args = args;
    this.#onAction(action);
    return action;
  }

  /** The lowest place still kept here: what can be offered again begins there. */
  get first() {
    return this.all()[0]?.row.seq ?? this.#next;
  }

  /** How many have no answer, and since when the oldest waits. */
  get waiting() {
    let count = 0;
    /** @type {string|null} */
    let oldest = null;
    for (const { row } of this.open()) {
      if (row.settled) continue;
      count += 1;
      if (oldest === null || row.happened_at < oldest) oldest = row.happened_at;
    }
    return { count, oldest_at: oldest };
  }

  /**
   * Everything that is kept, oldest first.
   * @returns {readonly Entry[]}
   */
  all() {
    this.#sorted ??= [...this.#rows.values()].sort((a, b) => a.seq - b.seq).map((row) => ({ row, action: this.#show(row) }));
    return this.#sorted;
  }

  /**
   * What waits, and what came of it that nobody has put away, oldest first. Not the long rest that simply was done.
   * @returns {readonly Entry[]}
   */
  open() {
    this.#open ??= this.all().filter(({ row }) => isOpen(row));
    return this.#open;
  }

  /**
   * What to send, in order: as many as these limits allow, at least one. From now on none of it is replaced: what is sent
   * may be done, also when nobody answers.
   * @param {{count: number, bytes: number}} limits
   * @param {{unsure?: boolean}} [options] unsure: nobody may be there to hear it, so that what can still be replaced stays, and what is behind it
   * @returns {Promise<Envelope[]>}
   */
  async batch(limits, { unsure = false } = {}) {
    for (;;) {
      const rows = this.#fitting(limits, unsure);
      const open = rows.filter(({ slot, offered }) => slot !== undefined && !offered);
      if (!open.length) return rows.map(envelopeOf);
      const now = await this.#store.run(
        ["outbox"],
        "readwrite",
        async (work) => {
          // Another tab may have put a later one there since.
          const kept = (await Promise.all(open.map(({ seq }) => work.get("outbox", seq)))).filter(Boolean).map((row) => ({ .../** @type {Row} */ (row), offered: true }));
          for (const row of kept) work.put("outbox", row);
          return kept;
        },
        { strict: true },
      );
      // Gone from under us: the lane was erased, and what is sent now is nobody's.
      if (!now.length) return [];
      for (const row of now) {
        this.#hold(row);
        await this.#read(row);
      }
    }
  }

  /**
   * @param {{count: number, bytes: number}} limits
   * @param {boolean} unsure
   * @returns {Row[]}
   */
  #fitting({ count, bytes }, unsure) {
    const rows = [];
    let room = bytes;
    for (const { row } of this.open()) {
      if (row.settled) continue;
      if (unsure && row.slot !== undefined && !row.offered) break;
      room -= new TextEncoder().encode(JSON.stringify(envelopeOf(row))).length + 1;
      if (rows.length >= count || (room < 0 && rows.length)) break;
      rows.push(row);
    }
    return rows;
  }

  /**
   * Show which actions are under way, or that none is any more.
   * @param {readonly Envelope[]} envelopes
   */
  sending(envelopes) {
    const seqs = new Set(envelopes.map(({ seq }) => seq));
    for (const { row, action } of this.open()) {
      const state = row.settled ? action.state : seqs.has(row.seq) ? "sending" : "waiting";
      if (state === action.state) continue;
      action.state = state;
      if (state === "sending") action.tries += 1;
      this.#onAction(action);
    }
  }

  /**
   * Compute what answers make of the rows, and change nothing. Answers to what is not waiting change nothing.
   * @param {readonly ActionAnswer[]} answers
   * @param {number} at ms of the server's clock
   * @param {object} [brought] which documents that say it are kept in the same breath
   * @param {boolean} [brought.shared] those that everybody here reads
   * @param {string|null} [brought.reader] whose own
   * @returns {Promise<Row[]>}
   */
  async settle(answers, at, { shared = true, reader = null } = {}) {
    const rows = [];
    for (const { seq, status, code = "", flags = [], ticket = null, answer, message, facts } of answers) {
      const row = this.#rows.get(seq);
      if (!row || row.settled) continue;
      const own = this.#keys?.person === row.actor ? this.#keys.own : null;
      // Without the key of who did it, only what names nobody is kept.
      const verdict =
        own || !this.#cipher.able ? await this.#cipher.close(own, { answer, message, facts }, `answer|${row.id}`) : { plain: { message } };
      const applied = status === "applied";
      const missing = { ...(applied && !shared ? { unseen: true } : {}), ...(applied && this.#cipher.able && row.actor !== reader ? { apart: true } : {}) };
      rows.push({ ...row, settled: { status, code, flags: [...flags], ticket: ticket === null ? null : String(ticket), verdict, at, dismissed: false, ...missing } });
    }
    return rows;
  }

  /**
   * Compute what becomes of rows whose effect was not on the screen, now that the documents which say it are.
   * @param {{shared: boolean, reader: string|null}} brought as for `settle`
   * @returns {Row[]} to be kept and committed
   */
  seen({ shared, reader }) {
    return this.open().flatMap(({ row }) => {
      const { settled } = row;
      if (!(shared && settled?.unseen) && !(settled?.apart && row.actor === reader)) return [];
      return [{ ...row, settled: { ...settled, unseen: Boolean(settled.unseen) && !shared, apart: Boolean(settled.apart) && row.actor !== reader } }];
    });
  }

  /**
   * Compute which waiting actions lose what they are about, or get it back, when these plans are done.
   * @param {readonly StreamPlan[]} plans
   * @param {Replica} replica
   * @param {readonly Row[]} settled rows that are answered in the same breath
   * @returns {Row[]}
   */
  orphans(plans, replica, settled) {
    const answered = new Set(settled.map(({ seq }) => seq));
    // What is replaced as it is typed is written by `add` alone: another tab's later words must not be put back.
    const waiting = this.open().filter(({ row }) => !row.settled && !answered.has(row.seq) && row.slot === undefined);
    if (!waiting.length) return [];
    /** @type {Map<number, Row>} */
    const rows = new Map();
    for (const { name, steps } of plans) {
      for (const step of steps) {
        const key = "put" in step ? `${step.put.c}|${step.put.id}` : step.key;
        const [c, id] = split(key);
        const body = "put" in step ? step.put.body : replica.heldIn(name).find((held) => held.c === c && held.id === id)?.body;
        for (const { row, action } of waiting) {
          const link = linkOf(action.args, c, id, body);
          if (!link) continue;
          const gone = "put" in step ? null : step.gone;
          if (gone !== null && link === "named" && heldAfter(plans, replica, key)) continue;
          if ((rows.get(row.seq) ?? row).gone !== gone) rows.set(row.seq, { ...row, gone });
        }
      }
    }
    return [...rows.values()];
  }

  /**
   * Take back what was answered from this place on: the server no longer knows of it.
   * @param {number} from
   * @returns {Row[]} to be kept and committed
   */
  reopen(from) {
    return this.all()
      .filter(({ row }) => row.settled && row.seq >= from)
      .map(({ row }) => ({ ...row, settled: null, ...(row.slot === undefined ? {} : { offered: true }) }));
  }

  /**
   * What was answered longer ago than is kept: from the oldest on, and never out of the middle of the lane.
   * @param {number} now ms of the server's clock
   * @returns {number[]}
   */
  expired(now) {
    const seqs = [];
    for (const { row } of this.all()) {
      if (!row.settled || now - row.settled.at < KEPT_FOR) break;
      seqs.push(row.seq);
    }
    return seqs;
  }

  /**
   * Write rows where they belong, inside a transaction.
   * @param {Work} work
   * @param {readonly Row[]} rows
   */
  static write(work, rows) {
    for (const row of rows) {
      work.put(row.settled ? "answers" : "outbox", row);
      work.delete(row.settled ? "outbox" : "answers", row.seq);
    }
  }

  /**
   * Show what was kept: rows as they are now, and places that were given up.
   * @param {readonly Row[]} rows
   * @param {readonly number[]} [expired]
   */
  async commit(rows, expired = []) {
    for (const seq of expired) {
      this.#actions.delete(this.#rows.get(seq)?.id ?? "");
      this.#rows.delete(seq);
    }
    for (const row of rows) this.#rows.set(row.seq, row);
    this.#changed();
    for (const row of rows) await this.#read(row);
  }

  /**
   * The lane was erased under us: what waits begins another one, from the first place.
   * @returns {Row[]}
   */
  moved() {
    const waiting = this.open().filter(({ row }) => !row.settled);
    const places = new Map(waiting.map(({ row }, i) => [row.seq, i + 1]));
    return waiting.map(({ row }, i) => ({ ...row, seq: i + 1, after: row.after.flatMap((seq) => places.get(seq) ?? []) }));
  }

  /** Forget everything: it was erased. */
  clear() {
    this.#rows.clear();
    this.#changed();
    this.#actions.clear();
    this.#keys = null;
    this.#next = 1;
  }

  /**
   * Hold a row as it is on the disk.
   * @param {Row} row
   */
  #hold(row) {
    const before = this.#rows.get(row.seq);
    if (before && before.id !== row.id) {
      this.#actions.delete(before.id);
      this.#settlers.delete(before.id);
    }
    this.#rows.set(row.seq, row);
    this.#changed();
    this.#next = Math.max(this.#next, row.seq + 1);
  }

  #changed() {
    this.#sorted = null;
    this.#open = null;
  }

  /**
   * Fill in what may be read of a row, and tell what changed.
   * @param {Row} row
   */
  async #read(row) {
    const action = this.#show(row);
    const own = this.#keys?.person === row.actor ? this.#keys.own : null;
    const may = own !== null || !this.#cipher.able;
    try {
      if (may && row.copy) action.args = await this.#cipher.open(own, row.copy, `action|${row.id}`);
    } catch {
      // Closed with a key that is no more (the installation's keys were renewed): it is still sent.
      action.args = {};
    }
    const before = `${action.state} ${action.gone}`;
    action.gone = row.gone;
    if (row.settled) {
      const { status, code, flags, ticket, verdict, at } = row.settled;
      let said;
      try {
        said = verdict && (may || "plain" in verdict) ? await this.#cipher.open(own, verdict, `answer|${row.id}`) : null;
      } catch {
        said = null;
      }
      Object.assign(action, { state: status, flags, ticket, answer: said?.answer ?? null });
      action.problem = status === "applied" ? null : { code, message: said?.message ?? code, ...(said?.facts ? { facts: said.facts } : {}) };
      action.settledAt = action.settledAt || Math.min(at, Date.now());
    } else if (action.state !== "sending" && action.state !== "waiting") {
      Object.assign(action, { state: "waiting", answer: null, problem: null, flags: [], ticket: null, settledAt: 0 });
    }
    if (before === `${action.state} ${action.gone}`) return;
    if (row.settled) {
      action.settledAt = Date.now();
      this.#settlers.get(action.id)?.(action);
      this.#settlers.delete(action.id);
    }
    this.#onAction(action);
  }

  /**
   * The action of a row, as the screen knows it.
   * @param {Row} row
   */
  #show(row) {
    const known = this.#actions.get(row.id);
    if (known) return Object.assign(known, { seq: row.seq, after: row.after });
    const { seq, id, kind, actor, after, happened_at, gone, settled } = row;
    const done = settled ? null : new Promise((/** @type {(action: Action) => void} */ resolve) => this.#settlers.set(id, resolve));
    /** @type {Action} */
    const action = {
      id,
      kind,
      args: {},
      happened_at,
      state: settled?.status ?? "waiting",
      tries: 0,
      answer: null,
      problem: settled && settled.status !== "applied" ? { code: settled.code, message: settled.code } : null,
      settledAt: settled?.at ?? 0,
      seq,
      actor,
      after,
      flags: settled?.flags ?? [],
      ticket: settled?.ticket ?? null,
      gone,
    };
    const shown = Object.assign(action, { done: done ?? Promise.resolve(action) });
    this.#actions.set(id, shown);
    return shown;
  }
}

/**
 * Whether anybody may still look at it: a week of what simply was done is kept, and not opened at each sign-on.
 * @param {Row} row
 */
function isOpen({ settled }) {
  return !settled || Boolean(settled.unseen) || Boolean(settled.apart) || (!settled.dismissed && (settled.status !== "applied" || settled.flags.length > 0));
}

/**
 * @param {Row} row
 * @returns {Envelope}
 */
function envelopeOf({ seq, id, kind, v, sealed, args, after, actor, happened_at, jumped }) {
  return { seq, id, kind, v, ...(sealed ? { sealed } : { args: args ?? {} }), after, actor, happened_at, ...(jumped ? { jumped: true } : {}) };
}

/**
 * How an action hangs on a document: it names it, or it is about this crew's part in it, or not at all.
 * @param {Record<string, unknown>} args
 * @param {string} c
 * @param {string} id
 * @param {any} body
 * @returns {"named"|"part"|null}
 */
function linkOf(args, c, id, body) {
  if (c === "offer") return args.hand_over !== undefined && String(args.hand_over) === id ? "part" : null;
  if (c !== "call") return null;
  if (args.assignment !== undefined && body?.assignment?.id === args.assignment) return "part";
  if (args.stop !== undefined && body?.stops?.some((/** @type {any} */ stop) => stop.id === args.stop)) return "part";
  return args.call !== undefined && String(args.call) === id ? "named" : null;
}

/**
 * Whether any stream still holds a document when these plans are done.
 * @param {readonly StreamPlan[]} plans
 * @param {Replica} replica
 * @param {string} key
 */
function heldAfter(plans, replica, key) {
  const [c, id] = split(key);
  const holders = new Set(replica.all(c).filter((held) => held.id === id).map(({ stream }) => stream));
  for (const { name, steps } of plans) {
    for (const step of steps) {
      if ("put" in step ? `${step.put.c}|${step.put.id}` !== key : step.key !== key) continue;
      if ("put" in step) holders.add(name);
      else holders.delete(name);
    }
  }
  return holders.size > 0;
}

/**
 * The collection and the id in a key. An id may hold the separator; a collection does not.
 * @param {string} key
 * @returns {[string, string]}
 */
export function split(key) {
  const at = key.indexOf("|");
  return [key.slice(0, at), key.slice(at + 1)];
}
