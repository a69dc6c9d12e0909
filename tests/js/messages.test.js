import assert from "node:assert/strict";
import { test } from "node:test";

import { thread } from "../../tablets/static/tablets/messages.js";

const body = (more) => ({ call: 7, unit: 2, origin: "DESK", text: "Wait", canned: "", by: "Dispatcher One", at: "2026-11-21T20:00:00Z", delivered_at: null, read_at: null, read_by: "", ...more });
const fact = (kind, args, state = "waiting", happened_at = "2026-11-21T20:05:00.000Z", answer = null) => ({ id: "x", kind, args, state, happened_at, answer });

test("a thread is in the order in which it was said, of one call only", () => {
  const documents = [
    { id: "11", body: body({ at: "2026-11-21T20:03:00Z", text: "second" }) },
    { id: "10", body: body({ text: "first" }) },
    { id: "12", body: body({ call: 8, text: "another call's" }) },
  ];

  assert.deepEqual(thread("7", documents, [], {}).map(({ text }) => text), ["first", "second"]);
});

test("what was not sent yet stands in the thread and says so", () => {
  const all = thread("7", [], [fact("message.send", { call: 7, canned: "DELAYED" })], { DELAYED: "We are delayed." });

  assert.deepEqual(all.map(({ text, mark, own }) => [text, mark, own]), [["We are delayed.", "waiting", true]]);
});

test("one whose answer was lost is shown once", () => {
  const documents = [{ id: "10", body: body({ origin: "UNIT", text: "Hello", at: "2026-11-21T20:05:00Z" }) }];

  assert.equal(thread("7", documents, [fact("message.send", { call: 7, text: "Hello" })], {}).length, 1);
  const answered = fact("message.send", { call: 7, text: "Hello" }, "applied", "2026-11-21T20:05:00.400Z", { message: 10 });
  assert.equal(thread("7", documents, [answered], {}).length, 1);
});

test("how far each one came, and what nobody here has read", () => {
  const documents = [
    { id: "1", body: body({ origin: "UNIT" }) },
    { id: "2", body: body({ origin: "UNIT", delivered_at: "2026-11-21T20:01:00Z" }) },
    { id: "3", body: body({ origin: "UNIT", delivered_at: "2026-11-21T20:01:00Z", read_at: "2026-11-21T20:02:00Z" }) },
    { id: "4", body: body({}) },
    { id: "5", body: body({ read_at: "2026-11-21T20:02:00Z" }) },
    { id: "6", body: body({}) },
  ];

  const all = thread("7", documents, [fact("message.read", { message: 6 })], {});

  assert.deepEqual(all.map(({ mark }) => mark).slice(0, 3), ["sent", "delivered", "read"]);
  assert.deepEqual(all.filter(({ unread }) => unread).map(({ id }) => id), ["4"]);
});
