/**
 * The code that is suggested for a new choice of a report: it stays for ever.
 */

import assert from "node:assert/strict";
import test from "node:test";

import { codeFor } from "../../followups/static/followups/programme/codes.js";

const CODE = /^[A-Z][A-Z0-9_]{0,59}$/;

for (const [label, code] of [
  ["A quiet place", "A_QUIET_PLACE"],
  ["  Café, crème & brûlée! ", "CAFE_CREME_BRULEE"],
  ["Somebody’s pet", "SOMEBODYS_PET"],
  ["24-hour shelter", "NEED_24_HOUR_SHELTER"],
  ["食べ物", ""],
  ["…", ""],
]) {
  test(`“${label}” is suggested as “${code}”`, () => {
    assert.equal(codeFor(String(label), "NEED", new Set()), code);
  });
}

test("a code that something has, offered or retired, is not suggested again", () => {
  assert.equal(codeFor("Shelter", "NEED", new Set(["SHELTER"])), "SHELTER_2");
  assert.equal(codeFor("Shelter", "NEED", new Set(["SHELTER", "SHELTER_2"])), "SHELTER_3");
});

test("what is suggested for the longest label is a code that the server takes", () => {
  const label = "Wants to be seen again by somebody else ".repeat(3);
  const taken = new Set();
  for (let number = 0; number < 120; number += 1) taken.add(codeFor(label, "MANDATED_TO", taken));
  assert.equal(taken.size, 120);
  for (const code of taken) assert.match(code, CODE);
});
