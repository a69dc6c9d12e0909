/**
 * What other apps bring to the tablet: it is shown where it belongs, and takes nothing with it when it does not load.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Parts, loadParts } from "../../tablets/static/tablets/parts.js";
import { sheet } from "../../tablets/static/tablets/sheets.js";
import { byPeople, flagWords, nameOf, nextStep } from "../../tablets/static/tablets/trays.js";

// Screens draw icons from the page's sprite.
globalThis.document ??= { querySelector: () => null };

const module = (text) => `data:text/javascript,${encodeURIComponent(text)}`;

test("parts load in the order in which they are named, and one that fails is named and left out", async () => {
  const broken = module("throw new Error('no signal');");
  const empty = module("export const other = 1;");

  const { parts, failed } = await loadParts([broken, module("export const part = { name: 'a' };"), empty, module("export const part = { name: 'b' };")]);

  assert.deepEqual(parts.map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(failed, [broken, empty]);
});

test("a part is started with the app's kit, and shows what it has at each place", () => {
  const given = [];
  const parts = new Parts([{ name: "a", start: (kit) => given.push(kit), onCall: (s) => `tool for ${s.id}` }, { name: "b", onBoard: () => "way", inCall: () => "who is there" }]);
  const kit = { redraw() {} };

  parts.start(kit);

  assert.deepEqual(given, [kit]);
  assert.deepEqual(parts.at("onCall", { id: 7 }).filter(Boolean), ["tool for 7"]);
  assert.deepEqual(parts.at("onBoard", { id: 7 }).filter(Boolean), ["way"]);
  assert.deepEqual(parts.at("inCall", { id: 7 }).filter(Boolean), ["who is there"]);
});

test("a part's screen opens like any other, and one of the app's own is never replaced", () => {
  const parts = new Parts([{ name: "a", stays: ["form"], sheets: { form: () => ["A form", "its body"], note: () => ["Not this one", ""] } }]);
  const act = { close() {}, redraw() {}, note() {} };
  const title = (name) => sheet({}, act, { sheet: { name }, problem: "" }, {}, parts.sheets)?.children[0].children[0].children[0].text;

  assert.equal(title("form"), "A form");
  assert.equal(title("note"), "Note on the call");
  assert.equal(title("nothing"), undefined);
  assert.deepEqual([parts.stays("form"), parts.stays("note")], [true, false]);
});

test("what a part's actions are called is said wherever actions are listed", () => {
  new Parts([{ name: "a", trays: { names: { "thing.done": "Thing" }, next: { thing_gone: "Do it elsewhere." }, flags: { thing_late: "It was late" }, quiet: ["thing.saved"] } }]);

  assert.equal(nameOf({ kind: "thing.done", args: {} }), "Thing");
  assert.equal(nextStep({ problem: { code: "thing_gone" } }), "Do it elsewhere.");
  assert.equal(flagWords("thing_late"), "It was late");
  assert.deepEqual(byPeople([{ kind: "thing.done" }, { kind: "thing.saved" }]), [{ kind: "thing.done" }]);
});
