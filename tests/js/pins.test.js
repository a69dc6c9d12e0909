import assert from "node:assert/strict";
import { test } from "node:test";

import { whyNotPin } from "../../tablets/static/tablets/pins.js";

for (const [pin, why] of [
  ["12345", /At least 6/],
  ["1234567890123", /At most 12/],
  ["12a456", /digits only/],
  ["111111", /few different/],
  ["121212", /few different/],
  ["123123", /repeats/],
  ["123321", /repeats/],
  ["123456", /counts/],
  ["890123", /counts/],
  ["987654", /counts/],
  ["246802", /counts/],
  ["241285", /date/],
  ["122485", /date/],
  ["851224", /date/],
  ["24121985", /date/],
  ["19851224", /date/],
  ["159753", /many people/],
]) {
  test(`${pin} will not do`, () => assert.match(whyNotPin(pin), why));
}

for (const pin of ["739481", "604917", "5820736", "918273645512"]) {
  test(`${pin} will do`, () => assert.equal(whyNotPin(pin), ""));
}

test("not so many are refused that choosing becomes a riddle", () => {
  let refused = 0;
  for (let n = 0; n < 1_000_000; n += 7) if (whyNotPin(String(n).padStart(6, "0"))) refused += 1;

  assert.ok(refused / (1_000_000 / 7) < 0.12, `${refused}`);
});
