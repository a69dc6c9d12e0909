/**
 * What stands before the app: opening it, signing on without signal by PIN, signing on again after a shift's time, and a
 * tablet that was taken out of use. Nothing of a call is on any of these screens.
 */

import { backupPlace } from "./bars.js";
import { h, icon } from "./dom.js";
import { LEAST_DIGITS, MOST_DIGITS } from "./pins.js";
import { age } from "./times.js";
import { lineWords } from "./trays.js";

/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */
/** @typedef {import("./dom.js").VNode} VNode */
/** @typedef {import("./dom.js").Child} Child */

/**
 * @typedef {object} Person who may open this tablet without signal
 * @property {string} person
 * @property {string} name
 * @property {number} until ms of this device's clock
 */

/**
 * opening: looking for the server. pin: without signal, somebody with a PIN may go on. no_pin: nobody has one.
 * signed_off: what is left to send goes by itself. sign_on: the time of the last sign-on is over. gone: this tablet is
 * no tablet of the agency any more.
 * @typedef {{name: "opening"|"pin"|"no_pin"|"signed_off"|"sign_on"|"gone", people: Person[], chosen: string, digits: string, problem: string, busy: boolean, say: string}} Gate
 */

/** @type {() => Gate} */
export const opening = () => ({ name: "opening", people: [], chosen: "", digits: "", problem: "", busy: false, say: "" });

/**
 * @param {Gate} gate
 * @param {{line: import("./trays.js").LineWords, waiting: number, durable: boolean, now: number, tablet: string}} known
 * @param {Act} act
 * @returns {VNode}
 */
export function gateView(gate, known, act) {
  const { look, words, unsent } = lineWords(known.line, known.waiting, known.now);
  return h(
    "div",
    { class: "gate", key: "gate" },
    h("header", { class: "top" }, h("b", { class: "who" }, known.tablet), h("span", { class: "space" }), gate.name !== "gone" && h("span", { class: `line ${look}`, role: "status" }, h("i", { "aria-hidden": "true" }), h("span", null, words), unsent && h("span", { class: "unsent" }, unsent))),
    h("main", { class: "gate-body" }, h("section", { class: `gate-card gate-${gate.name}`, "aria-labelledby": "gate-title" }, VIEWS[gate.name](gate, known, act))),
    h("footer", { class: "gate-foot" }, backupPlace()),
  );
}

/** @param {string} words */
const title = (words) => h("h1", { id: "gate-title" }, words);

/** @param {{waiting: number}} known */
const kept = ({ waiting }) => (waiting ? h("p", { class: "banner ask" }, icon("hourglass_empty"), h("span", null, h("b", null, `${waiting} not sent yet.`), h("span", null, "It is kept here and sends itself."))) : null);

/** @type {Record<Gate["name"], (gate: Gate, known: Parameters<typeof gateView>[1], act: Act) => Child>} */
const VIEWS = {
  opening: (gate, known) => [title("Opening…"), h("p", { class: "soft", role: "status" }, gate.say || (known.line.state === "offline" && !known.line.opening ? "Looking for signal." : ""))],

  pin: (gate, known, act) => {
    const person = gate.people.find((one) => one.person === gate.chosen);
    if (!person) {
      return [
        title("Who are you?"),
        h("p", { class: "soft" }, "No signal. Who has signed on at this tablet and chose a PIN can go on."),
        h("div", { class: "list" }, gate.people.map((one) => h("button", { class: "btn tall", type: "button", onclick: () => act.choosePerson(one.person) }, icon("person"), h("span", null, one.name), h("small", { class: "soft" }, `for another ${age(one.until - known.now)}`)))),
        kept(known),
        again(act),
      ];
    }
    return [
      title(person.name),
      keypad({ label: "Your PIN", digits: gate.digits, problem: gate.problem, busy: gate.busy, done: "Open" }, act),
      gate.people.length > 1 && h("button", { class: "btn", type: "button", onclick: () => act.choosePerson("") }, "Somebody else"),
    ];
  },

  no_pin: (_gate, known, act) => [
    title("No signal"),
    h("p", null, "This tablet was opened anew, and nobody chose a PIN on it. It opens by itself when the signal is back."),
    h("p", { class: "soft" }, "What you did before is kept, and sends itself. Until then: use your radio."),
    kept(known),
    again(act),
  ],

  signed_off: (_gate, known, act) => [
    title("You are signed off"),
    known.waiting
      ? [kept(known), h("p", { class: "soft" }, known.durable ? "It goes with the first signal, whoever signs on next. Nobody here can read it." : "Keep this page open until it is sent.")]
      : h("p", null, "Everything you did has been sent."),
    h("button", { class: "btn go big", type: "button", onclick: act.signOnHere }, "Sign on"),
  ],

  sign_on: (_gate, known, act) => [
    title("Sign on again"),
    h("p", null, "The time of your sign-on is over. What you did is kept and will be sent."),
    kept(known),
    h("button", { class: "btn go big", type: "button", onclick: act.signOnHere }, "Sign on"),
  ],

  gone: (gate) => [
    title("This tablet is out of use"),
    h("p", null, gate.say || "A supervisor has taken it out of use. Nothing of any call is on it any more."),
    h("p", { class: "soft" }, "Give it to your supervisor. They can make a code that brings it back."),
    h("a", { class: "btn big", href: "/tablet/pair/" }, "I have a code"),
  ],
};

/** @param {Act} act */
const again = (act) => h("button", { class: "btn", type: "button", onclick: act.tryAgain }, icon("autorenew"), h("span", null, "Try again"));

/**
 * Digits large enough for a glove. What was typed shows as dots.
 * @param {{label: string, digits: string, problem: string, busy: boolean, done: string}} given
 * @param {Act} act
 */
export function keypad({ label, digits, problem, busy, done }, act) {
  const ready = digits.length >= LEAST_DIGITS && !busy;
  /**
   * @param {string} digit
   */
  const key = (digit) => h("button", { class: "btn key", type: "button", disabled: busy, onclick: () => act.digit(digit) }, digit);
  return h(
    "div",
    { class: "keypad", role: "group", "aria-label": label },
    h("p", { class: "label" }, label),
    h(
      "p",
      { class: "dots", role: "status", "aria-label": `${digits.length} digits typed` },
      Array.from({ length: Math.max(LEAST_DIGITS, digits.length) }, (_, i) => h("i", { class: i < digits.length ? "full" : "" })),
    ),
    h("p", { class: "problem", role: "alert" }, busy ? "" : problem),
    h(
      "div",
      { class: "keys" },
      [..."123456789"].map(key),
      h("button", { class: "btn key", type: "button", disabled: busy || !digits, onclick: () => act.digit("back"), "aria-label": "Delete the last digit" }, icon("arrow_back")),
      key("0"),
      h("button", { class: "btn key go", type: "button", disabled: !ready, onclick: act.pinDone }, busy ? "…" : done),
    ),
  );
}

/**
 * What a key of a real keyboard means to the keypad.
 * @param {string} digits
 * @param {string} key a digit, "back" or "Backspace"
 */
export function typedDigit(digits, key) {
  if (key === "back" || key === "Backspace") return digits.slice(0, -1);
  return /^\d$/.test(key) && digits.length < MOST_DIGITS ? digits + key : digits;
}
