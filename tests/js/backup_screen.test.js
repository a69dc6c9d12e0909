/**
 * What is said of a request for backup, and the two seconds of pressing before it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { HOLD_MS, Hold, handlers } from "../../tablets/static/tablets/backup/button.js";

/** Icons ask the page for their file; there is none here. */
globalThis.document ??= /** @type {any} */ ({ querySelector: () => null });
const { NO_REPLACEMENT, band, headline, isRed, markOf, otherBand, quietWords, redScreen } = await import("../../tablets/static/tablets/backup/screen.js");

const NOW = Date.parse("2026-06-03T12:00:00Z");
const view = (more = {}) => ({ key: "k", state: "SENDING", unconfirmed: false, age: 1000, tries: 2, again: 0, heard: null, stale: false, level: "EMERGENCY", asked: "", service: "POLICE", silent: false, drill: false, seenBy: "", police: null, cancel: "", closedAs: "", consoles: null, keyWrong: false, durable: true, position: null, ...more });
const showing = (more = {}) => ({ small: new Set(), behind: "", cancelling: "", reason: "", quiet: false, hint: "", now: NOW, ...more });
const done = [];
const acts = Object.fromEntries(["level", "ems", "cancel", "reason", "cancelSure", "cancelNot", "fold", "behind", "dismiss", "quiet"].map((name) => [name, (...given) => done.push([name, ...given])]));
const words = (node) => (node.tag ? node.children.map(words).join(" ") : node.text).replace(/\s+/g, " ").trim();
const all = (node, tag) => [...(node.tag === tag ? [node] : []), ...node.children.flatMap((child) => all(child, tag))];
const button = (node, text) => all(node, "button").find((one) => words(one).startsWith(text));

/** A hold with a clock and a timer moved by hand; `late` timers never come. */
function holding({ late = false } = {}) {
  const world = { now: 0, said: [], timer: null };
  world.hold = new Hold({
    now: () => world.now,
    timers: { set: (work, ms) => (world.timer = { work, at: world.now + ms }), clear: () => (world.timer = null) },
    onDone: () => world.said.push("done"),
    onEarly: () => world.said.push("early"),
  });
  world.go = (ms) => {
    world.now += ms;
    if (!late && world.timer && world.timer.at <= world.now) world.timer.work();
  };
  const element = { captured: [], setPointerCapture: (id) => element.captured.push(id) };
  const on = handlers(world.hold, () => {});
  world.pointer = (name, pointerId = 1, more = {}) => on[`onpointer${name}`]({ pointerId, button: 0, currentTarget: element, ...more });
  world.key = (name, key, more = {}) => {
    const event = { key, repeat: false, prevented: 0, stopped: 0, preventDefault: () => (event.prevented += 1), stopPropagation: () => (event.stopped += 1), ...more };
    on[`onkey${name}`](event);
    return event;
  };
  world.on = on;
  return world;
}

test("two seconds of pressing do it, without letting go", () => {
  const world = holding();
  world.pointer("down");
  world.go(HOLD_MS - 1);
  assert.deepEqual(world.said, []);
  world.go(1);
  world.pointer("up");
  assert.deepEqual(world.said, ["done"]);
});

test("let go too early it says so, and nothing is sent", () => {
  const world = holding();
  for (const how of ["up", "cancel"]) {
    world.pointer("down");
    world.go(HOLD_MS - 1);
    world.pointer(how);
    world.go(HOLD_MS);
  }
  assert.deepEqual(world.said, ["early", "early"]);
});

test("two seconds are two seconds by the clock, whether or not a timer comes", () => {
  const world = holding({ late: true });
  world.pointer("down");
  world.go(HOLD_MS);
  assert.equal(world.hold.part, 1);
  world.pointer("up");
  assert.deepEqual(world.said, ["done"]);
});

test("a second finger, another mouse button and a focus that goes elsewhere end nothing", () => {
  const world = holding();
  world.pointer("down", 9, { button: 2 });
  assert.equal(world.hold.holding, false);
  world.pointer("down", 1);
  world.pointer("down", 2);
  world.pointer("up", 2);
  world.on.onblur();
  world.go(HOLD_MS);
  assert.deepEqual(world.said, ["done"]);
});

test("Space and Enter press as well, and no other part of the page hears them", () => {
  for (const key of [" ", "Enter"]) {
    const world = holding();
    const down = world.key("down", key);
    world.go(1000);
    world.key("down", key, { repeat: true });
    world.go(1000);
    world.key("up", key);
    assert.deepEqual([world.said, down.prevented, down.stopped], [["done"], 1, 1]);
  }
  const world = holding();
  assert.equal(world.key("down", "Tab").prevented, 0);
  world.key("down", "Enter");
  world.on.onblur();
  assert.deepEqual(world.said, ["early"]);
});

test("the headline says what the server said, and never more", () => {
  const police = { unit: "2K3", sent_at: "2026-06-03T11:59:00Z", due_at: "2026-06-03T12:03:30Z", arrived_at: null };
  assert.deepEqual(
    [{}, { unconfirmed: true }, { state: "RECEIVED" }, { state: "SEEN" }, { state: "SEEN", seenBy: "Dispatcher 3" }, { state: "POLICE_SENT" }, { state: "POLICE_SENT", police }, { state: "POLICE_SENT", police: { ...police, due_at: null } }, { state: "POLICE_SENT", service: "EMS", police: { ...police, unit: "M1", due_at: "2026-06-03T12:00:30Z" } }, { state: "POLICE_ARRIVED" }, { state: "SEEN", cancel: "ASKED" }, { state: "SEEN", cancel: "SENDING", seenBy: "D" }, { state: "CLOSED", closedAs: "FALSE_ALARM" }].map((more) => headline(view(more), NOW)),
    ["SENDING…", "NOT CONFIRMED: USE RADIO / CALL 911", "RECEIVED, not seen yet", "SEEN by a dispatcher", "SEEN BY Dispatcher 3", "POLICE SENT", "POLICE SENT: 2K3, in 4 min", "POLICE SENT: 2K3", "EMS SENT: M1, due now", "POLICE ARRIVED", "CANCEL ASKED: open until a dispatcher confirms", "SEEN BY D", "CLOSED: false alarm"],
  );
});

test("the red screen says what to do, how often it was tried, and that it goes on", () => {
  const said = words(redScreen(view({ unconfirmed: true, age: 5000, tries: 4, keyWrong: true, drill: true, position: { lon: 1, lat: 2, accuracy: 6.4, at: "" } }), showing(), acts));

  for (const part of ["TEST", "NOT CONFIRMED", "USE RADIO / CALL 911", "pressed 5 s ago", "Still trying: 4 tries.", "within 21 ft", "may never arrive", NO_REPLACEMENT]) assert.ok(said.includes(part), part);
});

test("it is red while nothing was confirmed; put away it stays red in the band, and a silent one is never", () => {
  assert.equal(isRed(view({ unconfirmed: true }), showing()), true);
  assert.equal(isRed(view({ unconfirmed: true }), showing({ behind: "k" })), false);
  assert.equal(isRed(view({ unconfirmed: true, silent: true }), showing()), false);
  const put = band(view({ unconfirmed: true, tries: 7 }), showing({ behind: "k", small: new Set(["k"]) }), acts);
  assert.match(put.props.class, /\bbad\b/);
  assert.match(words(put), /NOT CONFIRMED: USE RADIO \/ CALL 911.*Still trying: 7 tries/);
});

test("each open request says that it replaces neither radio nor 911", () => {
  for (const state of ["SENDING", "RECEIVED", "SEEN", "POLICE_SENT", "POLICE_ARRIVED"]) {
    for (const small of [new Set(), new Set(["k"])]) assert.ok(words(band(view({ state }), showing({ small }), acts)).includes(NO_REPLACEMENT));
    assert.ok(words(quietWords(view({ state, silent: true }), showing(), acts)).includes(NO_REPLACEMENT));
  }
});

test("what is wrong beside the state is said in the band", () => {
  const said = (more) => words(band(view({ state: "RECEIVED", ...more }), showing(), acts));
  assert.match(said({ consoles: 0 }), /No dispatcher's screen is open\. USE RADIO \/ CALL 911\./);
  assert.doesNotMatch(said({ consoles: 1 }), /screen is open/);
  assert.match(said({ stale: true, heard: 40_000, tries: 12 }), /No answer for 40 s.*Still trying: 12 tries\./);
  assert.match(said({ keyWrong: true }), /does not know this tablet's key/);
  assert.match(said({ state: "SENDING", durable: false }), /Keep this page open/);
  assert.match(said({}), /position is not known: say where you are/);
});

test("a lower level is shown as asked, and what holds as held", () => {
  const shown = band(view({ state: "SEEN", level: "EMERGENCY", asked: "URGENT" }), showing(), acts);
  assert.equal(words(button(shown, "Emergency")), "Emergency ✓ now");
  assert.equal(words(button(shown, "Urgent")), "Urgent asked: the desk decides");
  done.length = 0;
  button(shown, "Not urgent").props.onclick();
  button(shown, "EMS too").props.onclick();
  assert.deepEqual(done, [["level", "k", "NON_URGENT"], ["ems", "k"]]);
  assert.equal(button(band(view({ service: "EMS" }), showing(), acts), "EMS too"), undefined);
});

test("a cancel takes a reason and a second step, and is asked once", () => {
  const first = band(view({ state: "SEEN" }), showing({ cancelling: "k" }), acts);
  assert.equal(button(first, "Ask to cancel").props.disabled, true);
  const chosen = band(view({ state: "SEEN" }), showing({ cancelling: "k", reason: "It is settled" }), acts);
  assert.equal(button(chosen, "Ask to cancel").props.disabled, false);
  assert.equal(button(chosen, "It is settled").props["aria-pressed"], "true");
  assert.equal(button(band(view({ state: "SEEN", cancel: "ASKED" }), showing(), acts), "Cancel…"), undefined);
});

test("a silent request is a mark and nothing else, and no more hopeful than it is", () => {
  const silent = (more) => markOf([view({ silent: true, ...more })]);
  assert.deepEqual(
    [silent({}), silent({ unconfirmed: true }), silent({ state: "RECEIVED" }), silent({ state: "SEEN" }), silent({ state: "POLICE_SENT" }), silent({ state: "POLICE_ARRIVED" }), silent({ state: "SEEN", stale: true }), silent({ state: "CLOSED" }), markOf([view({ state: "SEEN" })]), markOf([], "SEEN"), markOf([], "anything")],
    ["sending", "unconfirmed", "received", "seen", "sent", "sent", "unconfirmed", "", "", "seen", ""],
  );
});

test("another crew's request says who, where, and to stay clear; our own by another way says which", () => {
  const other = { press: "p", who: "CARE 14", own: false, origin: "TABLET", level: "EMERGENCY", service: "POLICE", drill: false, age: 125_000, away: "0.4 mi NW", told: "not seen yet" };
  assert.match(words(otherBand(other, showing(), acts)), /CARE 14 ASKED FOR POLICE 2 min ago · 0\.4 mi NW · not seen yet · Stay clear unless sent/);
  const own = words(otherBand({ ...other, own: true, origin: "WELFARE", service: "EMS", drill: true }, showing(), acts));
  assert.match(own, /TEST YOUR UNIT ASKED FOR EMS because nobody answered the welfare check/);
  assert.doesNotMatch(own, /Stay clear/);
});
