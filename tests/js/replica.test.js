import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { Replica } from "../../tablets/static/tablets/replica.js";

/** @param {object[]} documents @param {object} [more] */
const part = (number, documents, more = {}) => ({ number, documents, ...more });
const call = (id, n, body = { address: `street ${n}` }) => ({ c: "call", id, n, b: body });
const gone = (id, n, why) => ({ c: "call", id, n, gone: why });
const answer = (streams, dropped = []) => ({ now: "2026-11-21T12:00:00Z", streams, dropped });
const frame = (s, prev, n, d) => ({ t: "frame", s, prev, n, d });

const digestOf = (documents) => {
  let sum = 0n;
  for (const { c, id, n } of documents) {
    sum += createHash("sha256").update(`${c}|${id}|${n}`).digest().readBigUInt64BE(0);
  }
  return (sum % (1n << 64n)).toString(16).padStart(16, "0");
};

test("a pull and the frames after it make up what is held", () => {
  const replica = new Replica();

  const more = replica.pull(answer({ "area.3": part(5, [call("1", 4), call("2", 5)]) }));

  assert.equal(more, false);
  assert.equal(replica.frame(frame("area.3", 5, 6, [call("3", 6), gone("1", 6, "call.cancelled")])), true);
  assert.deepEqual(replica.all("call", "area.").map((held) => held.id).sort(), ["2", "3"]);
  assert.deepEqual(replica.numbers(), { "area.3": 6 });
});

test("a gap changes nothing and is told", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 4)]) }));

  assert.equal(replica.frame(frame("area.3", 6, 7, [gone("1", 7, "call.cancelled")])), false);

  assert.equal(replica.get("call", "1").address, "street 4");
  assert.deepEqual(replica.numbers(), { "area.3": 5 });
});

test("a frame of a stream that was never pulled is a gap", () => {
  assert.equal(new Replica().frame(frame("area.3", 0, 1, [call("1", 1)])), false);
});

test("a frame that comes twice, or after the pull that brought it, changes nothing", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(7, [call("1", 7)]) }));
  const heard = [];
  replica.listen((changes) => heard.push(changes));

  assert.equal(replica.frame(frame("area.3", 5, 6, [call("1", 6)])), true);

  assert.deepEqual(heard, []);
  assert.equal(replica.get("call", "1").address, "street 7");
});

test("an older version never replaces a newer one", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 5)]) }));
  replica.frame(frame("area.3", 5, 9, [call("1", 9)]));

  replica.pull(answer({ "area.3": part(7, [call("1", 7), gone("1", 6, "call.cancelled")]) }));

  assert.equal(replica.get("call", "1").address, "street 9");
  assert.deepEqual(replica.numbers(), { "area.3": 9 });
});

test("streams that are no longer this reader's go with everything in them", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 5)]), "unit.7": part(2, [call("1", 2)]) }));
  const heard = [];
  replica.listen((changes) => heard.push(...changes));

  replica.pull(answer({}, [{ stream: "unit.7", why: "shift_ended" }]));
  replica.keep([]);

  assert.deepEqual(replica.all("call"), []);
  assert.deepEqual(replica.numbers(), {});
  assert.deepEqual(heard.map(({ stream, id, gone: why }) => [stream, id, why]), [
    ["unit.7", "1", "dropped"],
    ["area.3", "1", "dropped"],
  ]);
});

test("listeners hear what was before, what is after and why it went", () => {
  const replica = new Replica();
  const heard = [];
  replica.pull(answer({ "unit.7": part(1, [call("1", 1, { status: "A" })]) }));
  const unlisten = replica.listen((changes) => heard.push(...changes));

  replica.frame(frame("unit.7", 1, 2, [call("1", 2, { status: "B" })]));
  replica.frame(frame("unit.7", 2, 3, [gone("1", 3, "call.reassigned")]));
  unlisten();
  replica.frame(frame("unit.7", 3, 4, [call("2", 4)]));

  assert.deepEqual(heard, [
    { stream: "unit.7", c: "call", id: "1", before: { status: "A" }, after: { status: "B" } },
    { stream: "unit.7", c: "call", id: "1", before: { status: "B" }, gone: "call.reassigned" },
  ]);
});

test("a reset in pages keeps what is held on screen until the last page, then only what came", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(90, [call("1", 80), call("2", 90)]) }));
  const heard = [];
  replica.listen((changes) => heard.push(...changes));

  const more = replica.pull(answer({ "area.3": part(3, [call("1", 3)], { reset: true, more: true }) }));

  assert.equal(more, true);
  assert.equal(replica.all("call").length, 2);
  assert.equal(replica.get("call", "1").address, "street 3");
  assert.equal(replica.pull(answer({ "area.3": part(4, [call("9", 4)]) })), false);
  assert.deepEqual(replica.all("call").map((held) => held.id).sort(), ["1", "9"]);
  assert.deepEqual(replica.numbers(), { "area.3": 4 });
  assert.deepEqual(heard.map((change) => [change.id, change.gone ?? "came"]), [["1", "came"], ["9", "came"], ["2", "reset"]]);
});

test("a digest that agrees is trusted, one that differs has the stream sent whole", async () => {
  const replica = new Replica();
  const documents = [call("1", 4), call("2", 5)];
  const good = answer({ "area.3": part(5, documents, { digest: digestOf(documents), count: 2 }) });
  replica.pull(good);

  assert.deepEqual(await replica.check(good), []);
  assert.deepEqual(replica.wants(), { "area.3": { number: 5, floor: 0 } });

  const bad = answer({ "area.3": part(5, [], { digest: "00000000000000aa", count: 2 }) });
  replica.pull(bad);
  assert.deepEqual(await replica.check(bad), ["area.3"]);
  assert.deepEqual(replica.wants(), {});
  assert.equal(replica.frame(frame("area.3", 5, 6, [call("3", 6)])), false);

  const whole = [call("1", 4), call("7", 5)];
  const again = answer({ "area.3": part(5, whole, { digest: digestOf(whole), count: 2 }) });
  replica.pull(again);
  assert.deepEqual(await replica.check(again), []);
  assert.deepEqual(replica.all("call").map((held) => held.id).sort(), ["1", "7"]);
});

test("the floor that the server says is said again", () => {
  const replica = new Replica();

  replica.pull(answer({ "area.3": part(5, [], { floor: 2 }) }));

  assert.deepEqual(replica.wants(), { "area.3": { number: 5, floor: 2 } });
});

test("any order of lost, doubled and late frames converges with the next pull", () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let round = 0; round < 200; round++) {
    const replica = new Replica();
    replica.pull(answer({ "area.3": part(0, []) }));
    /** @type {Map<string, object>} */
    const truth = new Map();
    const frames = [];
    for (let n = 1; n <= 30; n++) {
      const id = String(1 + Math.floor(random() * 6));
      const document = random() < 0.3 && truth.has(id) ? gone(id, n, "x") : call(id, n);
      truth.set(id, document);
      frames.push(frame("area.3", n - 1, n, [document]));
    }
    const sent = frames.flatMap((one) => (random() < 0.2 ? [] : random() < 0.2 ? [one, one] : [one]));
    if (random() < 0.5) sent.sort(() => random() - 0.5);
    for (const one of sent) {
      if (!replica.frame(one) && random() < 0.5) {
        const since = replica.numbers()["area.3"] ?? 0;
        const upTo = Math.max(since, Math.floor(random() * 31));
        const changed = new Map();
        for (const { d } of frames.slice(0, upTo)) for (const document of d) changed.set(document.id, document);
        replica.pull(answer({ "area.3": part(upTo, [...changed.values()].filter(({ n }) => n > since)) }));
      }
    }
    const since = replica.numbers()["area.3"] ?? 0;

    replica.pull(answer({ "area.3": part(30, [...truth.values()].filter(({ n }) => n > since)) }));

    const live = [...truth.values()].filter((document) => !document.gone);
    const wanted = live.map(({ id, n }) => `${id}@${n}`).sort();
    assert.deepEqual(replica.all("call").map(({ id, n }) => `${id}@${n}`).sort(), wanted);
  }
});

test("a stream that was to be sent whole and is in no answer has gone", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 4)]), "unit.1": part(2, [call("2", 2)]) }));
  replica.distrust("area.3");
  const asked = replica.wants();

  assert.deepEqual(Object.keys(asked), ["unit.1"]);
  assert.deepEqual(replica.leftBehind(asked, answer({ "unit.1": part(2, []) })), ["area.3"]);
  assert.deepEqual(replica.leftBehind(asked, answer({ "unit.1": part(2, []), "area.3": part(5, [call("1", 4)]) })), []);
});

test("after a reset the same number may be another version, and what is the same is not told", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 4, { address: "old" }), call("2", 5)]) }));
  const told = [];
  replica.listen((changes) => told.push(...changes));

  replica.pull(answer({ "area.3": part(5, [call("1", 4, { address: "new" }), call("2", 5)], { reset: true }) }));

  assert.deepEqual(told, [{ stream: "area.3", c: "call", id: "1", before: { address: "old" }, after: { address: "new" } }]);
});

test("what is computed changes nothing before it is committed", () => {
  const replica = new Replica();
  replica.pull(answer({ "area.3": part(5, [call("1", 4)]) }));

  const plans = replica.planPull(answer({ "area.3": part(7, [gone("1", 6, "call.closed"), call("2", 7)]) }));
  const frames = replica.planFrame(frame("area.3", 5, 6, [call("9", 6)]));
  replica.planDrop(["area.3"]);

  assert.deepEqual([replica.numbers(), replica.all("call").map(({ id }) => id)], [{ "area.3": 5 }, ["1"]]);
  assert.deepEqual(frames.map(({ from, state }) => [from, state.number]), [[5, 6]]);
  replica.commit(plans);
  assert.deepEqual([replica.numbers(), replica.all("call").map(({ id }) => id)], [{ "area.3": 7 }, ["2"]]);
});

test("what a store kept in the middle of a reset goes on from there", () => {
  const first = new Replica();
  first.pull(answer({ "area.3": part(5, [call("1", 4), call("2", 5)]) }));
  first.pull(answer({ "area.3": part(4, [call("1", 4)], { reset: true, more: true }) }));
  const second = new Replica();

  second.restore([{ name: "area.3", ...first.state("area.3"), held: first.heldIn("area.3") }]);
  second.pull(answer({ "area.3": part(6, [call("3", 6)]) }));

  assert.deepEqual(second.all("call").map(({ id }) => id).sort(), ["1", "3"]);
});
