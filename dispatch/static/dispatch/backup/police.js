// The page of a police dispatcher: requests for backup in their sectors, and nothing else.

import { byId, el, keyed, setText } from "../desk/dom.js";
import * as alarm from "./alarm.js";

/** @type {{kind: "POLICE", person: number, areas: import("./map.js").Area[]}} */
const facts = JSON.parse(byId("backup-facts").textContent);
const KEPT = `care-police-sectors-${facts.person}`;
/** @type {Set<number>} none: all */
const sectors = new Set(read());

function read() {
  try {
    /** @type {unknown} */
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    const known = new Set(facts.areas.map((area) => Number(area.id)));
    return Array.isArray(kept) ? kept.filter((id) => known.has(id)) : [];
  } catch {
    return [];
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...sectors]));
  } catch {
    // Chosen for this page only.
  }
  draw();
  alarm.wake();
}

/** @param {number} id */
function turn(id) {
  if (!sectors.delete(id)) sectors.add(id);
  if (sectors.size === facts.areas.length) sectors.clear();
  keep();
}

function draw() {
  const holder = byId("sectors");
  const items = [{ id: 0, name: "All sectors" }, ...facts.areas.map((area) => ({ id: Number(area.id), name: area.name }))];
  keyed(holder, items, (one) => String(one.id), (one) => el("button", { type: "button", class: "chip", click: () => { if (one.id) turn(one.id); else { sectors.clear(); keep(); } } }, one.name), (node, one) => {
    const on = one.id === 0 ? sectors.size === 0 : sectors.has(one.id);
    node.setAttribute("aria-pressed", String(on));
  });
  const names = facts.areas.filter((area) => sectors.has(Number(area.id))).map((area) => area.name);
  setText(byId("sectors-words"), names.length ? `An emergency in ${names.join(", ")} rings here at once. After 30 seconds without an answer, every request rings at every police desk.` : "Every emergency rings here at once, wherever it is.");
  setText(byId("calm-where"), names.length ? names.join(", ") : "all sectors");
}

alarm.begin({
  kind: "POLICE",
  sectors: () => [...sectors],
  areas: () => facts.areas,
  onOpen: (open) => (byId("calm").hidden = open.length > 0),
});
draw();
