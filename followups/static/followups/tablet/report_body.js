/**
 * What a report holds, whole, as it is typed: people met, what was needed, done and came of it. No browser, no clock, no
 * network.
 *
 * On the wire a missing key is its empty value (followups/serializers/encounters.py), so that what is not said is not sent.
 */

/** @typedef {{known_as: "UNKNOWN"|"DESCRIBED"|"NAMED", name: string, aliases: string[], looks: string, born_on: string, language: string, phone: string}} NewClient */

/** @typedef {{doses: number, outcome: ""|"RECOVERED"|"NO_RESPONSE"|"EMS_TOOK_OVER"|"REFUSED"}} Naloxone */

/** `supervisor_said_yes`: to drive a minor whom nobody accompanies; null where nobody was asked. @typedef {{destination: string, where: string, supervisor_said_yes: boolean|null}} Transport */

/** `guardian_there`: they came along. @typedef {{age: number|null, guardian: string, guardian_there: boolean, guardian_told: boolean, own_consent: boolean}} Minor */

/** @typedef {{about: string, made_to: string, made_at: string|null, number: string}} Mandated */

/** `to` says where in words too, because a directory changes. @typedef {{position: number, resource: number|null, to: string, need: string, warm: boolean, declined: boolean}} Referral */

/** @typedef {{kind: string, value: string, may_say: string, leave_message: boolean, hours_from: string|null, hours_until: string|null}} SafeContact */

/** What to expect of somebody, and for how many days it is told to crews. @typedef {{text: string, days: number}} Caution */

/**
 * @typedef {object} Met
 * @property {number} position stays with the person for as long as the report lives
 * @property {{id: number}|{new: NewClient}|null} client null: nobody knows who it was
 * @property {string[]} needs
 * @property {string[]} behaviours
 * @property {string[]} done
 * @property {string[]} supplies
 * @property {Naloxone|null} naloxone
 * @property {Transport|null} transport
 * @property {string[]} outcomes
 * @property {{used: boolean, language: string}|null} interpreter
 * @property {Minor|null} minor
 * @property {Mandated|null} mandated
 * @property {Referral[]} referrals
 * @property {number} next the first position that no referral of theirs ever had
 * @property {"YES"|"NO"|"NOT_ASKED"} follow_up
 * @property {SafeContact|null} safe_contact
 * @property {Caution[]} cautions
 * @property {string} left_to
 */

/** `next`: the first position that nobody on this report ever had. @typedef {{nobody_found: boolean, notes: string, met: Met[], next: number}} Body */

/** The most that the server takes (followups/serializers/encounters.py). */
export const LIMITS = { positions: 100, notes: 8000, looks: 1000, name: 200, code: 60, phone: 40, language: 35, met: 20, aliases: 20, referrals: 20, doses: 50 };

/** From this age on somebody consents to their own treatment (RCW 71.34.530). */
export const OWN_CONSENT_AGE = 13;

/** Below this age somebody is a minor. */
export const OF_AGE = 18;

/** How long a crew has to make a report that the law asks for, in ms (RCW 26.44.030). */
export const MANDATED_WITHIN = 48 * 3_600_000;

/** Dispositions that say already that nobody was met. */
const NOBODY = new Set(["UNABLE_TO_LOCATE", "GONE_ON_ARRIVAL"]);

/**
 * @param {number} position
 * @returns {Met}
 */
export function somebody(position) {
  return {
    position,
    client: null,
    needs: [],
    behaviours: [],
    done: [],
    supplies: [],
    naloxone: null,
    transport: null,
    outcomes: [],
    interpreter: null,
    minor: null,
    mandated: null,
    referrals: [],
    next: 0,
    follow_up: "NOT_ASKED",
    safe_contact: null,
    cautions: [],
    left_to: "",
  };
}

/** @returns {Minor} */
export const minor = () => ({ age: null, guardian: "", guardian_there: false, guardian_told: false, own_consent: false });

/** @returns {NewClient} */
export const newClient = () => ({ known_as: "UNKNOWN", name: "", aliases: [], looks: "", born_on: "", language: "", phone: "" });

/**
 * A report on which nothing stands yet.
 * @param {string} [disposition] how the call was cleared, where it was
 * @returns {Body}
 */
export function blank(disposition = "") {
  return { nobody_found: NOBODY.has(disposition), notes: "", met: [], next: 0 };
}

/**
 * A body as it came over the wire, with everything that it leaves out.
 * @param {any} given
 * @returns {Body}
 */
export function whole(given) {
  return counted({
    ...blank(),
    ...given,
    met: (given?.met ?? []).map((/** @type {any} */ met, /** @type {number} */ i) => ({
      ...somebody(i),
      ...met,
      next: Math.max(met.next ?? 0, after(met.referrals ?? [])),
      client: met.client?.new ? { new: { ...newClient(), ...met.client.new } } : (met.client ?? null),
      naloxone: met.naloxone ? { doses: 0, outcome: "", ...met.naloxone } : null,
      transport: met.transport ? { destination: "", where: "", supervisor_said_yes: null, ...met.transport } : null,
      minor: met.minor ? { ...minor(), ...met.minor } : null,
      mandated: met.mandated ? { about: "", made_to: "", made_at: null, number: "", ...met.mandated } : null,
      safe_contact: met.safe_contact ? { ...safeContact(), ...met.safe_contact } : null,
    })),
  });
}

/** @param {Body} body */
const counted = (body) => ({ ...body, next: Math.max(body.next, after(body.met)) });

/** @param {unknown} value */
const isEmpty = (value) => value === null || value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0);

/**
 * A body as it goes over the wire: without what it does not say. Of a person the position always goes.
 * @param {Body} body
 * @returns {Record<string, unknown>}
 */
export function spoken(body) {
  const { met, next, ...rest } = body;
  return {
    ...without(rest),
    ...nextSpoken(met, next),
    ...(met.length
      ? {
          met: met.map(({ position, follow_up, client, cautions, next: further, ...said }) => ({
            position,
            ...without(said),
            ...nextSpoken(said.referrals, further),
            ...(client && "new" in client ? { client: { new: newSpoken(client.new) } } : client ? { client } : {}),
            ...(follow_up === "NOT_ASKED" ? {} : { follow_up }),
            ...(cautions.some(({ text }) => text.trim()) ? { cautions: cautions.filter(({ text }) => text.trim()) } : {}),
          })),
        }
      : {}),
  };
}

/**
 * What stands there says where to go on, unless the last one was taken off.
 * @param {readonly {position: number}[]} placed
 * @param {number} next
 */
const nextSpoken = (placed, next) => (next > after(placed) ? { next } : {});

/**
 * A day of birth that is half typed goes when it is one: what cannot be read would keep the whole draft from being kept.
 * @param {NewClient} client
 */
const newSpoken = ({ born_on: born, ...client }) => ({ ...without(client), ...(isBirthday(born) ? { born_on: born.trim() } : {}), known_as: knownAs(client) });

/** @param {Record<string, unknown>} given */
const without = (given) => Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value)));

/**
 * How well somebody is known follows from what was written of them.
 * @param {Pick<NewClient, "name"|"looks">} client
 * @returns {NewClient["known_as"]}
 */
export function knownAs({ name, looks }) {
  return name.trim() ? "NAMED" : looks.trim() ? "DESCRIBED" : "UNKNOWN";
}

/** @returns {SafeContact} */
export const safeContact = () => ({ kind: "PHONE", value: "", may_say: "NOTHING", leave_message: false, hours_from: null, hours_until: null });

/**
 * Take a choice up, or take it back.
 * @param {string[]} chosen
 * @param {string} code
 */
export function toggled(chosen, code) {
  return chosen.includes(code) ? chosen.filter((one) => one !== code) : [...chosen, code];
}

/**
 * One more person, with a place that nobody on this report ever had.
 * @param {Body} body
 * @param {number} [position]
 * @returns {Body}
 */
export function withSomebody(body, position = nextPosition(body.met, body.next)) {
  return counted({ ...body, nobody_found: false, met: [...body.met, somebody(position)] });
}

/**
 * One more referral of somebody, with a place that none of theirs ever had.
 * @param {Met} met
 * @param {Omit<Referral, "position">} referral
 * @returns {Pick<Met, "referrals"|"next">}
 */
export function referred({ referrals, next }, referral) {
  const position = nextPosition(referrals, next);
  return { referrals: [...referrals, { position, ...referral }], next: Math.max(next, position + 1) };
}

/**
 * A position that was never given: what was signed under one stays what it was. Where all are used up, one that is free.
 * @param {readonly {position: number}[]} placed
 * @param {number} next the first that was never given, as far as that is known
 */
export function nextPosition(placed, next) {
  const fresh = Math.max(next, after(placed));
  if (fresh < LIMITS.positions) return fresh;
  const taken = new Set(placed.map(({ position }) => position));
  return Array.from({ length: LIMITS.positions }, (_, i) => i).findLast((position) => !taken.has(position)) ?? 0;
}

/** @param {readonly {position: number}[]} placed */
const after = (placed) => placed.reduce((most, { position }) => Math.max(most, position + 1), 0);

/**
 * Change one person of a report.
 * @param {Body} body
 * @param {number} position
 * @param {Partial<Met>} more
 * @returns {Body}
 */
export function withMet(body, position, more) {
  return { ...body, met: body.met.map((met) => (met.position === position ? { ...met, ...more } : met)) };
}

/** Whether anything at all stands on it. @param {Body} body */
export const isBlank = (body) => !body.nobody_found && !body.notes.trim() && body.met.length === 0;

/**
 * What keeps a report from being signed, in words; nothing where it may be.
 * @param {Body} body
 * @returns {{position: number|null, words: string}[]}
 */
export function missing(body) {
  /** @type {{position: number|null, words: string}[]} */
  const all = [];
  if (!body.nobody_found && body.met.length === 0) all.push({ position: null, words: "Say whom you met, or that nobody was found." });
  for (const [i, met] of body.met.entries()) {
    const who = body.met.length > 1 ? `Person ${i + 1}: ` : "";
    /** @param {string} words */
    const say = (words) => all.push({ position: met.position, words: `${who}${words}` });
    if (!met.needs.length && !met.outcomes.length && !met.done.length) say("choose at least what was needed, done or came of it.");
    if (met.naloxone && met.naloxone.doses > 0 && !met.naloxone.outcome) say("say what came of the naloxone.");
    if (met.client && "new" in met.client && met.client.new.born_on && !isBirthday(met.client.new.born_on)) say("a date of birth is like 1984-05-31, or 1984.");
    if (met.mandated && !met.mandated.about.trim()) say("say what the mandated report is about.");
    if (met.mandated?.made_at && !met.mandated.made_to) say("say to whom the mandated report was made.");
    if (met.follow_up === "YES" && met.safe_contact && !met.safe_contact.value.trim()) say("say where they can be found, or leave it out.");
    if (met.safe_contact && Boolean(met.safe_contact.hours_from) !== Boolean(met.safe_contact.hours_until)) say("the hours have a beginning and an end.");
    for (const { resource, to } of met.referrals) if (resource === null && !to.trim()) say("say where they were referred to.");
  }
  return all.map(({ position, words }) => ({ position, words: words.charAt(0).toUpperCase() + words.slice(1) }));
}

/**
 * A day, or as much of it as is known: 1984-05-31, 1984-05, 1984.
 * @param {string} text
 */
export function isBirthday(text) {
  const given = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text.trim());
  if (!given) return false;
  const [, year, month = "01", day = "01"] = given;
  const at = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return Number(year) >= 1880 && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(`${year}-${month}-${day}`);
}

/**
 * What somebody is called on this report.
 * @param {Met} met
 * @param {number} place from 1 on
 * @param {ReadonlyMap<number, string>} [known] names of people by id
 */
export function called({ client }, place, known) {
  const name = client && ("id" in client ? known?.get(client.id) : client.new.name.trim() || client.new.looks.trim());
  return name || `Person ${place}`;
}

/**
 * One line about a report, for a list: who, and nothing of what was needed.
 * @param {Body} body
 */
export function inShort(body) {
  if (body.nobody_found) return "Nobody found";
  if (!body.met.length) return body.notes.trim() ? "Notes only" : "Nothing written yet";
  return body.met.length === 1 ? "One person" : `${body.met.length} people`;
}
