// The map beside the board: the ground that the tablets have, the areas, and a mark for each row that has a place.

import * as L from "../../leaflet/leaflet-src.esm.js";
import { facts } from "./doing.js";

const GROUND = "/tablet/ground.json";

/** @type {any} */
let map;
/** @type {Map<string, any>} */
const pins = new Map();
let moved = false;
/** @type {[number, number][]} the places of the rows that are shown */
let points = [];
/** @type {(key: string) => void} */
let onChoose = () => {};

/** @param {{choose: (key: string) => void}} tells `choose` is called with the row whose mark was pressed */
export function begin({ choose }) {
  onChoose = choose;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  map = L.map("map", { zoomControl: false, attributionControl: false, zoomSnap: 0.25, keyboard: false, zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still, minZoom: 9, maxZoom: 19 });
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ metric: false, maxWidth: 120 }).addTo(map);
  map.setView([47.606, -122.332], 13);
  const outlines = facts.areas.map(([, polygons]) => polygons.map((/** @type {any} */ rings) => rings.map((/** @type {any} */ ring) => ring.map(at))));
  for (const outline of outlines) L.polygon(outline, { className: "m-area", interactive: false }).addTo(map);
  map.on("dragstart", () => (moved = true));
  // Until it has its place on the page it cannot tell what fits.
  new ResizeObserver(() => {
    map.invalidateSize({ pan: false });
    fit();
  }).observe(/** @type {HTMLElement} */ (document.getElementById("map")));
  void draw();
}

async function draw() {
  const drawing = await fetch(GROUND, { credentials: "same-origin" }).then((answer) => answer.json(), () => null);
  // The areas and the marks are enough to work with.
  if (!drawing) return;
  const pane = map.createPane("ground");
  pane.style.setProperty("z-index", "150");
  pane.style.setProperty("pointer-events", "none");
  const options = { pane: "ground", renderer: L.svg({ pane: "ground", padding: 0.5 }), interactive: false };
  L.polygon(drawing.land.map((/** @type {any} */ rings) => rings.map((/** @type {any} */ ring) => ring.map(at))), { ...options, className: "land" }).addTo(map);
  L.polyline(drawing.lines.map((/** @type {any} */ line) => line.map(at)), { ...options, className: "street" }).addTo(map);
}

/**
 * Show the marks of these rows: numbered as they stand in the list, so that one finds the other.
 *
 * @param {HTMLElement[]} rows
 */
export function show(rows) {
  /** @type {Set<string>} */
  const wanted = new Set();
  points = [];
  for (const row of rows) {
    const { lat, lon, key = "", group = "", name = "" } = row.dataset;
    if (!lat || !lon) continue;
    const point = /** @type {[number, number]} */ ([Number(lat), Number(lon)]);
    points.push(point);
    wanted.add(key);
    const look = `pin ${group}`;
    const had = pins.get(key);
    if (had?.careLook === look && had.careAt === point.join()) continue;
    had?.remove();
    pins.set(key, made(key, point, look, name));
  }
  for (const [key, pin] of pins) {
    if (wanted.has(key)) continue;
    pin.remove();
    pins.delete(key);
  }
  const without = rows.length - points.length;
  const words = document.getElementById("map-words");
  if (words) words.textContent = without ? `${without} of ${rows.length} ${without === 1 ? "has" : "have"} no place on the map.` : "";
  fit();
}

/** Show all of the places, until somebody looks elsewhere. */
function fit() {
  if (!moved && points.length && map.getSize().y > 0) map.fitBounds(points, { padding: [36, 36], maxZoom: 16 });
}

/**
 * @param {string} key
 * @param {[number, number]} point
 * @param {string} look
 * @param {string} name
 */
function made(key, point, look, name) {
  const holder = document.createElement("span");
  holder.textContent = look.includes("overdue") ? "!" : "";
  const pin = /** @type {any} */ (L.marker(point, { icon: L.divIcon({ className: look, html: holder, iconSize: [0, 0] }), keyboard: false, title: name, alt: name }));
  pin.careLook = look;
  pin.careAt = point.join();
  pin.addTo(map).on("click", () => onChoose(key));
  // The rows are reached by keys; the marks repeat them.
  pin.getElement()?.setAttribute("aria-hidden", "true");
  pin.getElement()?.removeAttribute("role");
  return pin;
}

/**
 * Show which row somebody is at.
 *
 * @param {HTMLElement | null} row
 */
export function point(row) {
  for (const [key, pin] of pins) pin.getElement()?.classList.toggle("here", key === row?.dataset["key"]);
  const pin = row ? pins.get(row.dataset["key"] ?? "") : null;
  if (pin && !map.getBounds().pad(-0.1).contains(pin.getLatLng())) map.panTo(pin.getLatLng());
}

/**
 * @param {[number, number]} place longitude and latitude
 * @returns {[number, number]}
 */
function at(place) {
  return [place[1], place[0]];
}
