// Requests for backup on a page that shows something else: a supervisor's.

import { jsonFetcher } from "../../tablets/http.js";
import { byId } from "../desk/dom.js";
import * as alarm from "./alarm.js";

/** @type {{kind: "SUPERVISOR", areas: import("./map.js").Area[], units: Record<string, string>}} */
const facts = JSON.parse(byId("backup-facts").textContent);
const fetchQuietly = jsonFetcher({ headers: { "X-CSRFToken": byId("csrf").content, "X-Background": "1" } });
const POSITIONS_MS = 5_000;
/** @type {import("./map.js").Unit[]} */
let units = [];

async function askPositions() {
  // Only while somebody asks for backup: this page shows no map otherwise.
  if (document.hidden || alarm.open().length === 0) return;
  const answer = await fetchQuietly("/api/positions/").catch(() => null);
  if (!answer) return;
  units = answer.positions.map((/** @type {any} */ one) => ({ call_sign: facts.units[one.unit] ?? "", point: one.point, at: one.at }));
}

alarm.begin({ kind: facts.kind, areas: () => facts.areas, units: () => units });
setInterval(askPositions, POSITIONS_MS);
