/**
 * The lane of a request for backup: beside the outbox, and sharing nothing with it.
 *
 * A press is sent the moment it is made, by socket and HTTP in parallel, while it is being written down, not after that.
 * Then it is sent again after 1, 1, 2, 3 and 5 s and every 5 s from there on, for ever, across reloads and restarts, until
 * the server says CLOSED. Each time says where the tablet is now. Sending twice is harmless: the key makes it one request.
 *
 * What is shown is never more hopeful than the last answer of the server. Nothing here reads a document or asks the app.
 */

/** @typedef {"EMERGENCY"|"URGENT"|"NON_URGENT"} Level */
/** @typedef {"POLICE"|"EMS"} Service */
/** @typedef {"SENDING"|"RECEIVED"|"SEEN"|"POLICE_SENT"|"POLICE_ARRIVED"|"CLOSED"} State */
/** @typedef {{lon: number, lat: number, accuracy: number, at: string}} Fix */
/** @typedef {{unit: string, sent_at: string, due_at: string|null, arrived_at: string|null}} Police */

/**
 * What the server says of a press.
 * @typedef {object} Answer
 * @property {string} key
 * @property {State} state
 * @property {number} at when it said so, ms of its clock
 * @property {Level|null} level
 * @property {string} seenBy
 * @property {Police|null} police
 * @property {boolean} cancelAsked
 * @property {string} closedAs
 * @property {number|null} consoles how many dispatchers' screens are open
 * @property {string} mergedInto
 */

/**
 * A press as it is kept: times, how urgent, where; see store.js.
 * @typedef {object} Kept
 * @property {string} key
 * @property {number} pressedAt ms of the server's clock
 * @property {number} pressedLocal ms of this device's clock
 * @property {Service} service
 * @property {boolean} silent
 * @property {boolean} drill
 * @property {Level} raised as it was raised: EMERGENCY, but where something less was meant from the first
 * @property {Level} level as the server has it, or as it was raised
 * @property {Fix|null} position
 * @property {number} tries
 * @property {number} again how often it was pressed again and became one with this
 * @property {State} state what the server said last
 * @property {number} stateAt when, ms of its clock
 * @property {number} heardLocal when, ms of this device's clock; 0: it never answered
 * @property {{level: Level, told: boolean}|null} asked another level
 * @property {{reason: string, told: boolean}|null} cancel
 */

/**
 * @typedef {object} Press a press in this page
 * @property {Kept} kept
 * @property {Answer|null} answer the last one, if this page heard it
 * @property {number} pressedMono ms of the clock that only goes forward; NaN when it was pressed in another page
 * @property {number} dueMono when it is sent next
 * @property {number} step how many times this page has sent it
 * @property {boolean} keyWrong the server does not take this tablet's credential
 * @property {boolean} durable whether it outlives this page
 */

/**
 * A press as the screen shows it.
 * @typedef {object} View
 * @property {string} key
 * @property {State} state
 * @property {boolean} unconfirmed no receipt in time: use the radio
 * @property {number} age ms since it was pressed
 * @property {number} tries
 * @property {number} again
 * @property {number|null} heard ms since the server answered; null: never
 * @property {boolean} stale it answered once, and no longer does
 * @property {Level} level
 * @property {Level|""} asked another level, not granted yet
 * @property {Service} service
 * @property {boolean} silent
 * @property {boolean} drill
 * @property {string} seenBy
 * @property {Police|null} police
 * @property {""|"SENDING"|"ASKED"} cancel
 * @property {string} closedAs
 * @property {number|null} consoles
 * @property {boolean} keyWrong
 * @property {boolean} durable
 * @property {Fix|null} position
 */

/**
 * What this tablet knows of itself now.
 * @typedef {{position?: Fix|null, battery?: number|null, person?: number|null, call?: number|null}} Here
 */

/** @typedef {(path: string, body: Record<string, unknown>, signal: AbortSignal) => Promise<{status: number, body: unknown}>} Post */

const WAITS = [1000, 1000, 2000, 3000, 5000];
export const CONFIRM_MS = 3_000;
// Three answers missed: what is shown may be old.
const STALE_MS = 16_000;
// A dead network answers nothing for a long time, and a browser opens six connections to a server: not all may hang on this.
const MOST_IN_FLIGHT = 4;
const LOCK = "care-backup";
const STATES = new Set(["RECEIVED", "SEEN", "POLICE_SENT", "POLICE_ARRIVED", "CLOSED"]);
const LEVELS = ["NON_URGENT", "URGENT", "EMERGENCY"];

/**
 * Read an answer of the server; null when it is none, whatever answered: a hotel's login page is no receipt.
 * @param {unknown} said
 * @returns {Answer|null}
 */
export function read(said) {
  if (typeof said !== "object" || said === null) return null;
  const body = /** @type {Record<string, any>} */ (said);
  const at = typeof body["now"] === "string" ? Date.parse(body["now"]) : NaN;
  if (typeof body["key"] !== "string" || !STATES.has(body["state"]) || Number.isNaN(at)) return null;
  const police = body["police"];
  return {
    key: body["key"],
    state: body["state"],
    at,
    level: LEVELS.includes(body["level"]) ? body["level"] : null,
    seenBy: text(body["seen_by"]),
    police:
      typeof police === "object" && police !== null
        ? { unit: text(police.unit), sent_at: text(police.sent_at), due_at: text(police.due_at) || null, arrived_at: text(police.arrived_at) || null }
        : null,
    cancelAsked: body["cancel"] === "ASKED",
    closedAs: text(body["closed_as"]),
    consoles: Number.isInteger(body["consoles"]) && body["consoles"] >= 0 ? body["consoles"] : null,
    mergedInto: text(body["merged_into"]),
  };
}

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value.slice(0, 100) : "");

export class Lane {
  #store;
  #clock;
  #timers;
  #post;
  #say;
  #uuid;
  #here;
  #channel;
  #locks;
  #onChange;
  #onKeyWrong;

  /** @type {Map<string, Press>} */
  #presses = new Map();
  /** What is over: nothing brings it back. @type {Set<string>} */
  #over = new Set();
  #sender = false;
  #stopped = false;
  /** @type {unknown} */
  #timer = null;
  /** Which request for the lock counts. */
  #turn = 0;
  /** @type {AbortController|null} */
  #queued = null;
  /** @type {(() => void)|null} */
  #release = null;
  /** @type {AbortController[]} */
  #inFlight = [];

  /**
   * @param {object} options
   * @param {import("./store.js").PressStore} options.store
   * @param {Pick<import("../times.js").Clock, "local"|"monotonic"|"now">} options.clock
   * @param {{set: (work: () => void, ms: number) => unknown, clear: (timer: any) => void}} options.timers
   * @param {Post} options.post
   * @param {(message: Record<string, unknown>) => boolean} options.say on the socket, if there is one
   * @param {() => string} options.uuid
   * @param {() => Here} options.here
   * @param {Pick<BroadcastChannel, "postMessage"|"onmessage"|"close">|undefined} [options.channel] to the other windows
   * @param {Pick<LockManager, "request">|undefined} [options.locks]
   * @param {() => void} [options.onChange]
   * @param {() => void} [options.onKeyWrong] the server does not take the credential: get another, if possible
   */
  constructor({ store, clock, timers, post, say, uuid, here, channel, locks, onChange, onKeyWrong }) {
    this.#store = store;
    this.#clock = clock;
    this.#timers = timers;
    this.#post = post;
    this.#say = say;
    this.#uuid = uuid;
    this.#here = here;
    this.#channel = channel;
    this.#locks = locks;
    this.#onChange = onChange ?? (() => {});
    this.#onKeyWrong = onKeyWrong ?? (() => {});
  }

  /** Take up what an earlier page left, and go on until `stop()`. */
  async start() {
    if (this.#channel) {
      this.#channel.onmessage = ({ data }) => this.#told(data);
      // Another window may know more than the disk: names are not kept there.
      this.#channel.postMessage({ t: "who" });
    }
    await this.#load();
    this.#lead();
  }

  stop() {
    this.#stopped = true;
    this.#sender = false;
    this.#timers.clear(this.#timer);
    this.#queued?.abort();
    this.#release?.();
    this.#channel?.close();
  }

  /** Whether this window does the sending. */
  get sender() {
    return this.#sender;
  }

  /** Whether a request is open. */
  get open() {
    return [...this.#presses.values()].some(({ kept }) => kept.state !== "CLOSED");
  }

  /**
   * Ask for backup. When this returns it is on its way.
   * @param {{silent?: boolean, service?: Service, drill?: boolean, level?: Level}} [choice]
   * @returns {string} its key
   */
  press({ silent = false, service = "POLICE", drill = false, level = "EMERGENCY" } = {}) {
    /** @type {Kept} */
    const kept = {
      key: this.#uuid(),
      pressedAt: Math.round(this.#clock.now()),
      pressedLocal: this.#clock.local(),
      service,
      silent,
      drill,
      raised: level,
      level,
      position: null,
      tries: 0,
      again: 0,
      state: "SENDING",
      stateAt: 0,
      heardLocal: 0,
      asked: null,
      cancel: null,
    };
    const press = held(kept);
    press.pressedMono = this.#clock.monotonic();
    this.#presses.set(kept.key, press);
    this.#sendNow(press);
    return kept.key;
  }

  /**
   * Say how urgent it is. More urgent holds at once; less is for a dispatcher to grant.
   * @param {string} key
   * @param {Level} level
   */
  level(key, level) {
    const press = this.#presses.get(key);
    if (!press || press.kept.state === "CLOSED") return;
    press.kept.asked = { level, told: false };
    this.#sendNow(press);
  }

  /**
   * Ask to cancel. It stays open until a dispatcher confirms: who is made to cancel is not left alone.
   * @param {string} key
   * @param {string} reason one of a few words, never free text: see store.js
   */
  cancel(key, reason) {
    const press = this.#presses.get(key);
    if (!press || press.kept.state === "CLOSED") return;
    press.kept.cancel = { reason, told: false };
    this.#sendNow(press);
  }

  /** One that is over has been read. @param {string} key */
  dismiss(key) {
    if (this.#presses.get(key)?.kept.state !== "CLOSED") return;
    this.#presses.delete(key);
    this.#tell();
  }

  /** Try now: the network is back, the page is seen again, timers slept. @param {{visible?: boolean}} [now] */
  wake({ visible = false } = {}) {
    if (this.#stopped || !this.open) return;
    // What is in front of somebody sends: hidden pages are throttled to a timer a minute.
    if (!this.#sender && visible) return this.#lead(true);
    if (!this.#sender) return;
    for (const press of this.#all()) this.#send(press);
    this.#arm();
    this.#onChange();
  }

  /** Take an answer that came over the socket. @param {unknown} message */
  heard(message) {
    const answer = read(message);
    const press = answer && this.#presses.get(answer.key);
    if (press) this.#take(press, answer);
  }

  /** What is open, and what was just closed; the newest first. @returns {View[]} */
  views() {
    return [...this.#presses.values()].map((press) => this.#view(press)).sort((a, b) => a.age - b.age);
  }

  /** @param {Press} press @returns {View} */
  #view({ kept, answer, pressedMono, keyWrong, durable }) {
    const byWall = this.#clock.local() - kept.pressedLocal;
    const byMono = Number.isNaN(pressedMono) ? -1 : this.#clock.monotonic() - pressedMono;
    // A press of another page by a clock that was set back since: how old it is nobody knows, but it is not new.
    const age = byMono < 0 && byWall < 0 ? CONFIRM_MS : Math.max(byWall, byMono);
    const heard = kept.heardLocal ? Math.max(0, this.#clock.local() - kept.heardLocal) : null;
    const open = kept.state !== "CLOSED";
    return {
      key: kept.key,
      state: kept.state,
      unconfirmed: kept.state === "SENDING" && age >= CONFIRM_MS,
      age,
      tries: kept.tries,
      again: kept.again,
      heard,
      stale: open && heard !== null && heard >= STALE_MS,
      level: kept.level,
      asked: kept.asked && kept.asked.level !== kept.level ? kept.asked.level : "",
      service: kept.service,
      silent: kept.silent,
      drill: kept.drill,
      seenBy: answer?.seenBy ?? "",
      police: answer?.police ?? null,
      cancel: kept.cancel ? (kept.cancel.told ? "ASKED" : "SENDING") : answer?.cancelAsked ? "ASKED" : "",
      closedAs: answer?.closedAs ?? "",
      consoles: answer?.consoles ?? null,
      keyWrong,
      durable,
      position: kept.position,
    };
  }

  #all() {
    return [...this.#presses.values()].filter(({ kept }) => kept.state !== "CLOSED");
  }

  // --- sending --------------------------------------------------------------------------------------------------------------

  /** Somebody did something in this window: it sends from here on, whichever did before. @param {Press} press */
  #sendNow(press) {
    press.step = 0;
    const follows = !this.#sender;
    // The lock comes later, if it comes at all. Nobody waits for it.
    this.#sender = true;
    if (follows) this.#lead(true);
    this.#send(press);
    this.#arm();
    this.#onChange();
  }

  /** @param {Press} press */
  #send(press) {
    const { kept } = press;
    const here = this.#safely(this.#here) ?? {};
    if (here.position) kept.position = here.position;
    kept.tries += 1;
    press.dueMono = this.#clock.monotonic() + (WAITS[press.step] ?? /** @type {number} */ (WAITS.at(-1)));
    press.step += 1;
    const { key, service, silent, drill } = kept;
    const body = {
      key,
      // Whatever was asked since, it is told as it was raised: another level goes its own way.
      level: kept.raised,
      service,
      silent,
      drill,
      pressed_at: new Date(kept.pressedAt).toISOString(),
      seen_state: kept.state,
      ...(kept.position ? { position: kept.position } : {}),
      ...(typeof here.battery === "number" ? { battery: here.battery } : {}),
      ...(typeof here.person === "number" ? { person: here.person } : {}),
      ...(typeof here.call === "number" ? { call: here.call } : {}),
    };
    this.#safely(() => this.#say({ t: "backup", ...body }));
    void this.#ask(press, "/api/backup/", body);
    const { cancel, asked } = kept;
    if (cancel && !cancel.told) void this.#tellServer(press, "/api/backup/cancel/", { key, reason: cancel.reason }, () => press.kept.cancel);
    if (asked && !asked.told) void this.#tellServer(press, "/api/backup/level/", { key, level: asked.level }, () => (press.kept.asked?.level === asked.level ? press.kept.asked : null));
    void this.#keep(press);
    this.#tell();
  }

  /**
   * @param {Press} press
   * @param {string} path
   * @param {Record<string, unknown>} body
   * @returns {Promise<boolean>} whether it was answered
   */
  async #ask(press, path, body) {
    const ending = new AbortController();
    this.#inFlight.push(ending);
    while (this.#inFlight.length > MOST_IN_FLIGHT) this.#inFlight.shift()?.abort();
    try {
      const { status, body: said } = await this.#post(path, body, ending.signal);
      const answer = status === 200 ? read(said) : null;
      if (answer?.key === press.kept.key) {
        this.#take(press, answer);
        return true;
      }
      if (status === 401 && /** @type {any} */ (said)?.code === "backup_key_wrong") {
        press.keyWrong = true;
        this.#onKeyWrong();
        this.#onChange();
      }
    } catch {
      // No answer: the next one is on its way already.
    } finally {
      this.#inFlight = this.#inFlight.filter((one) => one !== ending);
    }
    return false;
  }

  /**
   * Say what was asked after the press, with each time until it is answered.
   * @param {Press} press
   * @param {string} path
   * @param {Record<string, unknown>} body
   * @param {() => {told: boolean}|null} wish if it is still wished for when the answer comes
   */
  async #tellServer(press, path, body, wish) {
    if (!(await this.#ask(press, path, body))) return;
    const wished = wish();
    if (wished) wished.told = true;
    this.#settle(press);
  }

  #arm() {
    this.#timers.clear(this.#timer);
    if (!this.#sender || this.#stopped) return;
    const due = Math.min(...this.#all().map(({ dueMono }) => dueMono));
    if (due === Infinity) return;
    this.#timer = this.#timers.set(
      () => {
        const now = this.#clock.monotonic();
        // Browsers round: a timer may come a little early.
        for (const press of this.#all()) if (press.dueMono <= now + 5) this.#send(press);
        this.#arm();
        this.#onChange();
      },
      Math.max(0, due - this.#clock.monotonic()),
    );
  }

  // --- answers --------------------------------------------------------------------------------------------------------------

  /**
   * @param {Press} press
   * @param {Answer} answer
   */
  #take(press, answer) {
    const { kept } = press;
    if (this.#presses.get(kept.key) !== press || kept.state === "CLOSED") return;
    // One that was on its way for long, and another has overtaken it.
    if (answer.at < kept.stateAt) return;
    press.answer = answer;
    press.keyWrong = false;
    kept.state = answer.state;
    kept.stateAt = answer.at;
    kept.heardLocal = this.#clock.local();
    if (answer.level) kept.level = answer.level;
    if (answer.cancelAsked && kept.cancel) kept.cancel.told = true;
    const first = answer.mergedInto !== kept.key ? this.#presses.get(answer.mergedInto) : undefined;
    if (first && first.kept.state !== "CLOSED") {
      // It has rung again, and is followed as what it became one with.
      first.kept.again += 1 + kept.again;
      void this.#keep(first);
      this.#end(press, { shown: false });
    } else if (answer.state === "CLOSED") this.#end(press, { shown: true });
    this.#settle(press);
  }

  /** @param {Press} press */
  #settle(press) {
    if (this.#presses.has(press.kept.key)) void this.#keep(press);
    this.#tell();
    this.#arm();
    this.#onChange();
  }

  /**
   * @param {Press} press
   * @param {{shown: boolean}} options
   */
  #end({ kept }, { shown }) {
    this.#over.add(kept.key);
    if (!shown) this.#presses.delete(kept.key);
    void this.#store.delete(kept.key);
  }

  // --- what outlives the page, and other windows ----------------------------------------------------------------------------

  /** @param {Press} press */
  async #keep(press) {
    if (this.#over.has(press.kept.key)) return;
    press.durable = await this.#store.put(structuredClone(press.kept));
    // It may have ended while it was being written.
    if (this.#over.has(press.kept.key)) await this.#store.delete(press.kept.key);
  }

  async #load() {
    for (const kept of await this.#store.all()) {
      if (this.#presses.has(kept.key) || this.#over.has(kept.key)) continue;
      const press = held(kept);
      press.durable = true;
      this.#presses.set(kept.key, press);
    }
    this.#onChange();
  }

  /**
   * Become the window that sends: when no other is, or instead of the one that is.
   * @param {boolean} [steal]
   */
  #lead(steal = false) {
    if (this.#stopped) return;
    const turn = ++this.#turn;
    this.#queued?.abort();
    this.#queued = null;
    if (!this.#locks) return void this.#resume();
    const begin = () => {
      if (this.#stopped || turn !== this.#turn) return Promise.resolve();
      void this.#resume();
      return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
        this.#release = () => resolve();
      });
    };
    let request;
    try {
      if (steal) request = this.#locks.request(LOCK, { steal: true }, begin);
      else {
        this.#queued = new AbortController();
        request = this.#locks.request(LOCK, { signal: this.#queued.signal }, begin);
      }
    } catch {
      return void this.#resume();
    }
    Promise.resolve(request).catch((/** @type {Error} */ error) => {
      if (this.#stopped || turn !== this.#turn) return;
      // A browser without working locks: every window sends, and the key makes it one request.
      if (error?.name !== "AbortError") return void this.#resume();
      this.#sender = false;
      this.#timers.clear(this.#timer);
      this.#lead();
    });
  }

  /** This window sends now: whatever an earlier one or a dead one has left. */
  async #resume() {
    const already = this.#sender;
    this.#sender = true;
    await this.#load();
    if (!this.#sender || this.#stopped) return;
    const now = this.#clock.monotonic();
    // After its own press it has sent already.
    for (const press of this.#all()) if (!already || press.dueMono <= now) this.#send(press);
    this.#arm();
  }

  #tell() {
    this.#safely(() => this.#channel?.postMessage({ t: "presses", presses: [...this.#presses.values()].map(({ kept, answer, keyWrong, durable }) => ({ kept, answer, keyWrong, durable })), over: [...this.#over] }));
  }

  /** Another window says what it knows. @param {any} data */
  #told(data) {
    if (data?.t === "who" && this.#sender && this.#presses.size) this.#tell();
    if (data?.t !== "presses") return;
    for (const key of data.over) this.#over.add(key);
    for (const theirs of data.presses) {
      const ours = this.#presses.get(theirs.kept.key);
      if (!ours && theirs.kept.state === "CLOSED") continue;
      if (!ours) {
        this.#presses.set(theirs.kept.key, { ...held(theirs.kept), ...theirs });
        continue;
      }
      const newer = theirs.kept.stateAt > ours.kept.stateAt || (theirs.kept.stateAt === ours.kept.stateAt && theirs.kept.tries >= ours.kept.tries);
      if (!newer || ours.kept.state === "CLOSED") continue;
      // What was asked in this window a moment ago is not theirs to forget; an answer under way finds the same object.
      const { cancel, asked } = ours.kept;
      Object.assign(ours, theirs, { kept: { ...theirs.kept, cancel: theirs.kept.cancel ?? cancel, asked: theirs.kept.asked ?? asked } });
    }
    const shown = new Set(data.presses.map((/** @type {Press} */ { kept }) => kept.key));
    for (const key of data.over) if (!shown.has(key)) this.#presses.delete(key);
    if (this.#sender) this.#arm();
    this.#onChange();
  }

  /**
   * Nothing that fails beside it may keep a press from going out.
   * @template T
   * @param {() => T} work
   * @returns {T|undefined}
   */
  #safely(work) {
    try {
      return work();
    } catch {
      return undefined;
    }
  }
}

/** @param {Kept} kept @returns {Press} */
const held = (kept) => ({ kept, answer: null, pressedMono: NaN, dueMono: 0, step: 0, keyWrong: false, durable: false });
