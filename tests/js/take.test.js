import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { mayTake } from "../../tablets/static/tablets/take.js";

/** The same file is read by tests/dispatch: Python and JavaScript give the same answers. */
const vectors = JSON.parse(readFileSync(new URL("../vectors/take.json", import.meta.url), "utf8"));

test("there are vectors", () => {
  assert.ok(vectors.length >= 10);
});

for (const { name, call, unit, limits, feed_age_s: feedAge, expected } of vectors) {
  test(name, () => {
    assert.deepEqual(mayTake(call, unit, limits, feedAge), expected);
  });
}
