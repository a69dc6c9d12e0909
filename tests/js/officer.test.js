// The officer's page: which questions are asked, what is sent of the answers, and what a card says.

import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

// The pages are served as one tree, which on disk is one directory for each app.
register(
  `data:text/javascript,${encodeURIComponent(`
    export async function resolve(name, context, next) {
      const at = name.match(/^\\.\\.\\/\\.\\.\\/tablets\\/(.*)$/);
      if (!at || !context.parentURL?.includes("/dispatch/static/")) return next(name, context);
      return next(new URL("../../../../tablets/static/tablets/" + at[1], context.parentURL).href, context);
    }
  `)}`,
);
const { inOrder, isNews, mayHandOver, mayWithdraw, words } = await import("../../dispatch/static/dispatch/officer/cards.js");
const { answered, args, fitting, nextOpen, steps } = await import("../../dispatch/static/dispatch/officer/questions.js");

const NOW = Date.parse("2026-06-03T19:00:00Z");
const SAID = { kind: "ON_VIEW", what: "WELFARE", address: " PIKE ST ", searched: "YES", weapons: "NO", threats: "NO", medical: "UNKNOWN", staying: true };

/** @param {Record<string, any>} more */
const card = (more) => ({ id: "1", kind: "ON_VIEW", what: "Welfare", state: "RECEIVED", due_at: null, late: false, received_at: "2026-06-03T18:50:00Z", reasons: [], suggested: [], staying: true, handed_over_at: null, ...more });

test("each kind has its own screens", () => {
  assert.deepEqual(steps({ kind: "CALL" }), ["kind", "number", "what", "where", "safe", "staying", "check"]);
  assert.deepEqual(steps({ kind: "ON_VIEW" }), ["kind", "what", "where", "safe", "staying", "check"]);
  assert.deepEqual(steps({ kind: "PERSON" }), ["kind", "what", "where", "safe", "contact", "check"]);
});

test("nothing goes on without the answers that are required", () => {
  assert.equal(nextOpen({}), "kind");
  assert.equal(nextOpen(SAID), "check");
  for (const name of ["searched", "weapons", "threats", "medical"]) assert.equal(nextOpen({ ...SAID, [name]: undefined }), "safe");
  assert.equal(nextOpen({ ...SAID, address: "  " }), "where");
  assert.equal(nextOpen({ ...SAID, address: "", point: { lon: 1, lat: 2 } }), "check");
  assert.equal(nextOpen({ ...SAID, staying: undefined }), "staying");
  assert.equal(nextOpen({ ...SAID, kind: "CALL" }), "number");
  assert.equal(answered("contact", { address: "", contact: " " }), false);
});

test("what is sent is what belongs to the kind", () => {
  const point = { lon: -122.3, lat: 47.6, accuracy: 8, at: 1 };
  assert.deepEqual(args({ ...SAID, number: "26-1", contact: "x", point, label: "Welfare check", text: "" }), {
    ...{ kind: "ON_VIEW", what: "WELFARE", address: "PIKE ST", point: { lon: -122.3, lat: 47.6 }, place_kind: "UNKNOWN" },
    ...{ searched: "YES", weapons: "NO", threats: "NO", medical: "UNKNOWN", staying: true },
  });
  const later = args({ ...SAID, kind: "PERSON", contact: "206" });
  assert.deepEqual([later["contact"], later["staying"]], ["206", false]);
  assert.equal(args({ ...SAID, kind: "CALL", number: " 26-1 " })["number"], "26-1");
});

test("types that CARE takes come first, and every typed word must fit", () => {
  const types = [["Shots", "RED"], ["Welfare check", "GREEN"], ["Trespass", "YELLOW"], ["Check for person down", "GREEN"]].map(([label, color], id) => ({ id: String(id), body: { label, color } }));
  assert.deepEqual(fitting(types, "", 9).map(({ body }) => body["label"]), ["Check for person down", "Welfare check", "Trespass", "Shots"]);
  assert.deepEqual(fitting(types, "down  PERSON", 9).map(({ id }) => id), ["3"]);
  assert.equal(fitting(types, "", 2).length, 2);
});

test("a card says how far it is and what to do", () => {
  assert.equal(words(card({}), NOW).next, "Stay until a unit is with you.");
  assert.equal(words(card({ state: "ON_THE_WAY" }), NOW).title, "On the way");
  assert.equal(words(card({ state: "ON_THE_WAY", due_at: "2026-06-03T19:08:00Z" }), NOW).title, "On the way: 8 min");
  assert.equal(words(card({ state: "ON_THE_WAY", due_at: "2026-06-03T18:55:00Z", late: true }), NOW).title, "Late: expected 5 min ago");
  assert.equal(words(card({ state: "ARRIVED" }), NOW).title, "Arrived");
  assert.equal(words(card({ state: "ARRIVED", handed_over_at: "x" }), NOW).title, "Handed over");
  assert.equal(words(card({ kind: "PERSON" }), NOW).next, "No unit is sent.");
  for (const state of ["RECEIVED", "ON_THE_WAY", "ARRIVED", "NOT_COMING", "NOT_ELIGIBLE", "CLOSED"]) assert.ok(words(card({ state }), NOW).title);
});

test("handing over is offered to who stays, once the unit is there", () => {
  assert.equal(mayHandOver(card({ state: "ARRIVED" })), true);
  assert.equal(mayHandOver(card({ state: "ARRIVED", handed_over_at: "x" })), false);
  assert.equal(mayHandOver(card({ state: "ARRIVED", staying: false })), false);
  assert.equal(mayHandOver(card({ state: "ON_THE_WAY" })), false);
  assert.deepEqual(["RECEIVED", "ON_THE_WAY", "ARRIVED", "CLOSED"].map((state) => mayWithdraw(card({ state }))), [true, true, false, false]);
});

test("what changes for the worse, or to there, is felt", () => {
  assert.equal(isNews(undefined, card({})), false);
  assert.equal(isNews(card({ state: "ON_THE_WAY" }), card({ state: "ON_THE_WAY", late: true })), true);
  assert.equal(isNews(card({ state: "ON_THE_WAY" }), card({ state: "RECEIVED" })), true);
  assert.equal(isNews(card({}), card({ state: "NOT_COMING" })), true);
  assert.equal(isNews(card({}), card({ state: "ON_THE_WAY" })), false);
});

test("open ones stand above those that are over", () => {
  const cards = [card({ id: "1", state: "CLOSED", received_at: "2026-06-03T19:00:00Z" }), card({ id: "2" }), card({ id: "3", received_at: "2026-06-03T18:55:00Z" })];
  assert.deepEqual(inOrder(cards).map(({ id }) => id), ["3", "2", "1"]);
});
