import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { Actions } from "../../tablets/static/tablets/actions.js";
import { NoAnswer } from "../../tablets/static/tablets/http.js";

const NO_ANSWER = new NoAnswer(0, { code: "no_answer", message: "No answer." });
const NOON = "2026-11-21T20:00:00.000Z";

/** Actions against a list of answers: an error is thrown, anything else is answered; the last one goes on for ever. */
function actionsAgainst(answers) {
  const sent = [];
  const states = [];
  const fetchJson = async (path, body) => {
    await wait(1);
    sent.push({ path, ...body });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const given = typeof answer === "function" ? answer(path, body) : answer;
    if (given instanceof Error) throw given;
    return given;
  };
  const actions = new Actions({
    fetchJson,
    now: () => NOON,
    onChange: ({ kind, state }) => states.push(`${kind} ${state}`),
    pace: { least: 1, most: 4 },
  });
  return { actions, sent, states };
}

test("an action is sent with its id, its arguments and when it happened", async () => {
  const { actions, sent, states } = actionsAgainst([{ status: "applied", flags: ["late"] }]);

  const action = await actions.do("assignment.arrive", { assignment: 4 }).done;

  assert.equal(action.state, "applied");
  assert.deepEqual(action.answer.flags, ["late"]);
  const [{ id, ...rest }] = sent;
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(rest, { path: "/api/actions/assignment.arrive/", args: { assignment: 4 }, happened_at: NOON });
  assert.deepEqual(states, ["assignment.arrive waiting", "assignment.arrive sending", "assignment.arrive applied"]);
  assert.deepEqual(actions.pending(), []);
});

test("without an answer the same id is sent again, and nothing says that it was sent", async () => {
  const failures = [NO_ANSWER, new NoAnswer(502, { code: "no_answer", message: "" }), new NoAnswer(503, { code: "busy", message: "" }, 0)];
  const { actions, sent, states } = actionsAgainst([...failures, new NoAnswer(429, { code: "too_many_requests", message: "" }), { status: "applied" }]);

  const action = await actions.do("assignment.arrive", { assignment: 4 }).done;

  assert.equal(action.state, "applied");
  assert.equal(sent.length, 5);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 1);
  assert.equal(states.filter((state) => state.endsWith("applied")).length, 1);
  assert.equal(states.at(-1), "assignment.arrive applied");
});

test("a refusal is kept with its reason and is not sent again", async () => {
  const taken = { code: "call_already_taken", message: "Another unit took this call first.", facts: { unit: "CARE 14" } };
  const { actions, sent } = actionsAgainst([new NoAnswer(409, taken)]);

  const action = await actions.do("call.poach", { call: 9, reason: "NEAR" }).done;

  assert.equal(action.state, "refused");
  assert.deepEqual(action.problem, taken);
  assert.equal(sent.length, 1);
});

test("actions arrive in the order in which they happened", async () => {
  const { actions, sent } = actionsAgainst([NO_ANSWER, { status: "applied" }]);

  const all = ["assignment.acknowledge", "assignment.en_route", "assignment.arrive"].map((kind) => actions.do(kind, {}).done);
  await Promise.all(all);

  const kinds = sent.map(({ path }) => path.split("/")[3]);
  assert.deepEqual(kinds, ["assignment.acknowledge", "assignment.acknowledge", "assignment.en_route", "assignment.arrive"]);
});

test("one action at which the server fails does not hold back the others for ever", async () => {
  const broken = (path) => (path.includes("call.note") ? new NoAnswer(500, { code: "error", message: "" }) : { status: "applied" });
  const { actions } = actionsAgainst([broken]);

  const stuck = actions.do("call.note", {});
  const fine = await actions.do("assignment.clear", {}).done;

  assert.equal(fine.state, "applied");
  assert.deepEqual(actions.pending().map(({ kind }) => kind), ["call.note"]);
  assert.notEqual(stuck.state, "applied");
  actions.stop();
});

test("waking sends what waits at once", async () => {
  let up = false;
  const fetchJson = async () => {
    if (!up) throw NO_ANSWER;
    return { status: "applied" };
  };
  const actions = new Actions({ fetchJson, now: () => NOON, pace: { least: 60_000, most: 60_000 } });
  const action = actions.do("assignment.arrive", {});
  await wait(5);
  assert.equal(action.state, "waiting");
  up = true;

  actions.wake();

  assert.equal((await action.done).state, "applied");
});
