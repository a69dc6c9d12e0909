// The code of a new choice, as it is suggested: it stays for ever, so it says what the choice is.

const LENGTH = 60;
// Room for a number behind it.
const ROOM = 4;

/**
 * A code that nothing else has, made of what the choice is called; empty where that has neither Latin letters nor digits.
 *
 * @param {string} label
 * @param {string} field what begins the code where the label begins with a digit
 * @param {Set<string>} taken
 * @returns {string}
 */
export function codeFor(label, field, taken) {
  const plain = label.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replace(/['’]/g, "").replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  if (!plain) return "";
  const base = (/^[A-Z]/.test(plain) ? plain : `${field}_${plain}`).slice(0, LENGTH - ROOM).replace(/_+$/, "");
  let code = base;
  for (let number = 2; taken.has(code); number += 1) code = `${base}_${number}`;
  return code;
}
