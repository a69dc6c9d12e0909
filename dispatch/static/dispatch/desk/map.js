// The desk's map: outlines of the service areas, calls that wait, units with the age of their positions. No tiles.

import * as L from "../../leaflet/leaflet-src.esm.js";
import { inside } from "../../tablets/places.js";
import { age, clock } from "../../tablets/times.js";
import { byId } from "./dom.js";
import { ms } from "./model.js";
import { areas, calls, facts, positions, units } from "./store.js";

/** @typedef {import("./model.js").Doc} Doc */
/** @typedef {import("./model.js").Point} Point */

const STALE_MS = 120_000;

/** @type {any} */
let map;
/** @type {any} */
let outlines;
/** @type {Map<string, any>} */
const marks = new Map();
let drawnAreas = "";
let fitted = false;
/** @type {((point: Point) => void) | null} */
let picking = null;
/** @type {string | null} */
let chosen = null;
/** @type {any} */
let pin = null;
/** @type {(call: string) => void} */
let onOpen = () => {};

/** @param {{open: (call: string) => void}} tells */
export function begin({ open }) {
  onOpen = open;
  map = L.map("map", { zoomControl: false, attributionControl: false, zoomSnap: 0.25, keyboard: false, preferCanvas: false });
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ metric: false, maxWidth: 120 }).addTo(map);
  outlines = L.layerGroup().addTo(map);
  map.setView([facts.center[1], facts.center[0]], 13);
  map.on("click", (/** @type {any} */ event) => {
    if (picking) picking([Number(event.latlng.lng.toFixed(6)), Number(event.latlng.lat.toFixed(6))]);
  });
  document.addEventListener("care-show-unit", (event) => {
    const place = positions.get(/** @type {CustomEvent} */ (event).detail);
    if (place) map.panTo([place.point[1], place.point[0]]);
  });
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(byId("map"));
}

/**
 * Take the next click on the map as a place, until told to stop.
 *
 * @param {((point: Point) => void) | null} take
 */
export function pick(take) {
  picking = take;
  byId("map").classList.toggle("picking", take !== null);
}

/**
 * Show the place of the call that is being taken.
 *
 * @param {Point | null} point
 */
export function showPin(point) {
  pin?.remove();
  pin = null;
  if (!point) return;
  pin = L.marker([point[1], point[0]], { icon: mark("m-pin", "new"), interactive: false, zIndexOffset: 900 }).addTo(map);
  if (!map.getBounds().pad(-0.1).contains([point[1], point[0]])) map.panTo([point[1], point[0]]);
}

/**
 * @param {Point} point
 * @returns {Doc | undefined} the service area that a point is in
 */
export function areaOf(point) {
  return areas().find((area) => inside(point, area["polygon"]));
}

/** @param {Doc | null} call */
export function choose(call) {
  chosen = call?.id ?? null;
  if (call?.["point"] && !map.getBounds().pad(-0.1).contains([call["point"][1], call["point"][0]])) {
    map.panTo([call["point"][1], call["point"][0]]);
  }
  draw();
}

/** Show all of the areas. */
export function home() {
  const layers = outlines.getLayers().filter((/** @type {any} */ layer) => layer.getBounds);
  if (layers.length === 0) return;
  const bounds = layers.reduce((/** @type {any} */ all, /** @type {any} */ layer) => all.extend(layer.getBounds()), L.latLngBounds([]));
  map.fitBounds(bounds, { padding: [14, 14] });
}

/** Draw what has changed. */
export function draw() {
  drawAreas();
  fitOnce();
  const now = clock.now();
  /** @type {Set<string>} */
  const wanted = new Set();
  for (const call of calls()) {
    if (!call["point"]) continue;
    const kind = call["status"] === "ASSIGNED" ? "out" : String(call["queue"]).toLowerCase();
    const on = call.id === chosen;
    put(`call-${call.id}`, call["point"], `m-call ${kind}${on ? " on" : ""}`, on ? call["type"]["label"] : "", wanted, on ? 800 : kind === "out" ? 100 : 300, () => onOpen(call.id));
  }
  for (const call of calls()) {
    for (const tandem of call["tandem"] ?? []) {
      if (tandem.staging && !tandem.ended_at) put(`stage-${tandem.id}`, tandem.staging, "m-stage", call.id === chosen ? "staging" : "", wanted, 350, () => onOpen(call.id));
    }
  }
  for (const unit of units()) {
    const place = positions.get(unit.id);
    if (!place || unit["status"] === "OFF_SHIFT") continue;
    const old = now - ms(place.at);
    const tone = unit["status"] === "AVAILABLE" && unit["crew"] >= unit["crew_minimum"] ? "free" : unit["call"] !== null ? "busy" : "off";
    const words = old > STALE_MS ? `${unit["call_sign"]} · ${age(old)} ago` : unit["call_sign"];
    put(`unit-${unit.id}`, place.point, `m-unit ${tone}${old > STALE_MS ? " stale" : ""}`, words, wanted, 600, () => unit["call"] !== null && onOpen(String(unit["call"])));
  }
  for (const [key, mark] of marks) {
    if (wanted.has(key)) continue;
    mark.remove();
    marks.delete(key);
  }
}

function drawAreas() {
  const list = areas();
  const key = list.map((area) => `${area.id}:${area["valid_from"]}:${area["polygon"].coordinates.length}`).join("|");
  if (key === drawnAreas) return;
  drawnAreas = key;
  outlines.clearLayers();
  for (const area of list) {
    const shape = L.geoJSON(area["polygon"], { style: { className: "m-area", interactive: false } }).addTo(outlines);
    L.marker(shape.getBounds().getCenter(), { icon: mark("m-name", area["name"]), interactive: false, keyboard: false, zIndexOffset: -900 }).addTo(outlines);
  }
}

/** Begin where something happens, once there is something; until then, with all of the areas. */
function fitOnce() {
  if (fitted || areas().length === 0) return;
  /** @type {any[]} */
  const points = [];
  for (const call of calls()) if (call["point"]) points.push([call["point"][1], call["point"][0]]);
  for (const { point } of positions.values()) points.push([point[1], point[0]]);
  if (points.length < 2) {
    home();
    return;
  }
  fitted = true;
  map.fitBounds(L.latLngBounds(points), { paddingTopLeft: [40, 50], paddingBottomRight: [96, 40], maxZoom: 16 });
}

/**
 * @param {string} classes
 * @param {string} text
 * @returns {any}
 */
function mark(classes, text) {
  const holder = document.createElement("span");
  holder.textContent = text;
  return L.divIcon({ className: `m ${classes}`, html: holder, iconSize: [0, 0] });
}

/**
 * @param {string} key
 * @param {Point} point
 * @param {string} classes
 * @param {string} text
 * @param {Set<string>} wanted
 * @param {number} above
 * @param {() => void} click
 */
function put(key, point, classes, text, wanted, above, click) {
  wanted.add(key);
  const at = [point[1], point[0]];
  const look = `${classes}|${text}`;
  const had = marks.get(key);
  if (had) {
    if (had.careAt !== at.join()) had.setLatLng(at);
    if (had.careLook !== look) had.setIcon(mark(classes, text));
    had.setZIndexOffset(above);
    had.careClick = click;
    had.careAt = at.join();
    had.careLook = look;
    return;
  }
  const made = /** @type {any} */ (L.marker(/** @type {any} */ (at), { icon: mark(classes, text), keyboard: false, zIndexOffset: above }).addTo(map));
  made.careClick = click;
  made.careAt = at.join();
  made.careLook = look;
  made.on("click", () => {
    if (picking) picking(point);
    else made.careClick();
  });
  marks.set(key, made);
}
