// What a crew's tablet says of who referred its call, and of when the crew said that it will be there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dueOf, referredWords } from "../../tablets/static/tablets/referral.js";

const DUE = "2026-06-03T19:10:00.000Z";
/** @param {Record<string, any>} more @returns {any} */
const fact = (more) => ({ kind: "referral.eta", args: { call: 7, minutes: 5 }, happened_at: "2026-06-03T19:00:00.000Z", state: "waiting", ...more });
/** @type {any} */
const CALL = { id: "7", referral: { id: 1, source: "OFFICER", staying: true, since: DUE, searched: "YES", due_at: DUE, handed_over_at: null } };

test("a board says by whom, and that they wait", () => {
  assert.equal(referredWords({ source: "OFFICER", staying: true, since: DUE }), "by officer · waits there");
  assert.equal(referredWords({ source: "988", staying: false, since: DUE }), "by 988");
  assert.equal(referredWords(null), "");
});

test("what the crew has just said counts before the server knows it", () => {
  assert.deepEqual(dueOf(CALL, []), { dueAt: Date.parse(DUE), unsure: false });
  assert.deepEqual(dueOf(CALL, [fact({}), fact({ args: { call: 7, minutes: 20 } })]), { dueAt: Date.parse("2026-06-03T19:20:00Z"), unsure: true });
  assert.deepEqual(dueOf(CALL, [fact({ args: { call: 8, minutes: 20 } }), fact({ state: "refused" })]), { dueAt: Date.parse(DUE), unsure: false });
  assert.deepEqual(dueOf({ id: "7" }, []), { dueAt: null, unsure: false });
});
