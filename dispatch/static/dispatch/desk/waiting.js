// Calls that wait, in the order of the desk's queues.

import { clock } from "../../tablets/times.js";
import { parted } from "./model.js";
import { calls } from "./store.js";

/** @returns {import("./model.js").Doc[]} */
export function waiting() {
  const parts = parted(calls(), clock.now());
  return [...parts.care, ...parts.police];
}
