// Where they are: the position with how good it is and the way they went, the address of their call as something else,
// and who is near. No tiles: outlines of the service areas, and a scale.

import * as L from "../../leaflet/leaflet-src.esm.js";
import { age } from "../../tablets/times.js";
import { extent } from "../../tablets/places.js";

/** @typedef {import("./words.js").Alarm} Alarm */
/** @typedef {{id: string | number, name: string, polygon: any}} Area */
/** @typedef {{call_sign: string, point: [number, number], at: string}} Unit */

const STALE_MS = 120_000;

export class BackupMap {
  #map;
  #areas;
  #holder;
  #drawnAreas = "";
  /** @type {any} */
  #outlines;
  /** @type {any} */
  #things;
  #drawn = "";
  #shown = "";

  /**
   * @param {HTMLElement} holder
   * @param {() => Area[]} areas
   */
  constructor(holder, areas) {
    this.#holder = holder;
    this.#areas = areas;
    this.#map = L.map(holder, { zoomControl: false, attributionControl: false, zoomSnap: 0.25, keyboard: false });
    L.control.zoom({ position: "bottomright" }).addTo(this.#map);
    L.control.scale({ metric: false, maxWidth: 120 }).addTo(this.#map);
    this.#outlines = L.layerGroup().addTo(this.#map);
    this.#things = L.layerGroup().addTo(this.#map);
    this.#map.setView([47.6062, -122.3321], 13);
    new ResizeObserver(() => {
      this.#map.invalidateSize({ pan: false });
      this.#shown = "";
    }).observe(holder);
  }

  /**
   * @param {Alarm} alarm
   * @param {Unit[]} units
   * @param {number} now ms
   */
  draw(alarm, units, now) {
    this.#drawAreas();
    const place = alarm.position;
    const old = place ? Math.floor((now - Date.parse(place.at)) / 5_000) : 0;
    const key = JSON.stringify([alarm.key, place, alarm.call?.point, alarm.track.length, old, units]);
    if (key === this.#drawn && this.#shown === alarm.key) return;
    this.#drawn = key;
    this.#things.clearLayers();
    /** @type {[number, number][]} */
    const focus = [];
    const track = alarm.track.map(([lon, lat]) => /** @type {[number, number]} */ ([lat, lon]));
    if (track.length > 1) L.polyline(track, { className: "bk-track", interactive: false }).addTo(this.#things);
    for (const unit of units.filter((one) => one.call_sign !== alarm.unit?.call_sign)) {
      const span = now - Date.parse(unit.at);
      const words = span > STALE_MS ? `${unit.call_sign} · ${age(span)} ago` : unit.call_sign;
      this.#put([unit.point[1], unit.point[0]], `m-unit${span > STALE_MS ? " stale" : ""}`, words);
    }
    const point = alarm.call?.point;
    if (point) {
      this.#put([point[1], point[0]], "bk-call", `call: ${alarm.call?.address}`);
      focus.push([point[1], point[0]]);
    }
    if (place) {
      const at = /** @type {[number, number]} */ ([place.lat, place.lon]);
      if (place.accuracy !== null) L.circle(at, { radius: place.accuracy, className: "bk-wide", interactive: false }).addTo(this.#things);
      const good = place.accuracy === null ? "" : `within ${extent(place.accuracy)} · `;
      this.#put(at, "bk-here", `${alarm.unit?.call_sign ?? "pressed here"}\n${good}${age(now - Date.parse(place.at))} ago`, 900);
      focus.push(at);
    }
    this.#fit(alarm, focus, units);
  }

  /**
   * @param {Alarm} alarm
   * @param {[number, number][]} focus
   * @param {Unit[]} units
   */
  #fit(alarm, focus, units) {
    const place = focus.at(-1);
    const known = this.#shown === alarm.key;
    // Not moved under somebody's cursor while they look, unless they would lose the crew.
    if (known && (!place || this.#map.getBounds().pad(-0.1).contains(place))) return;
    if (this.#holder.clientWidth === 0) return;
    this.#shown = alarm.key;
    const near = new Set(alarm.near.slice(0, 2).map((one) => one.call_sign));
    const points = [...focus];
    for (const unit of units) if (near.has(unit.call_sign)) points.push([unit.point[1], unit.point[0]]);
    if (points.length > 0) this.#map.fitBounds(L.latLngBounds(points), { paddingTopLeft: [50, 40], paddingBottomRight: [150, 40], maxZoom: 16, animate: false });
    else if (this.#outlines.getLayers().length > 0) {
      const all = this.#outlines.getLayers().filter((/** @type {any} */ layer) => layer.getBounds);
      this.#map.fitBounds(all.reduce((/** @type {any} */ sum, /** @type {any} */ layer) => sum.extend(layer.getBounds()), L.latLngBounds([])), { padding: [14, 14], animate: false });
    }
  }

  #drawAreas() {
    const list = this.#areas();
    const key = list.map((area) => area.id).join();
    if (key === this.#drawnAreas) return;
    this.#drawnAreas = key;
    this.#outlines.clearLayers();
    for (const area of list) {
      const shape = L.geoJSON(area.polygon, { style: { className: "m-area", interactive: false } }).addTo(this.#outlines);
      this.#mark(shape.getBounds().getCenter(), "m-name", area.name, -900).addTo(this.#outlines);
    }
  }

  /**
   * @param {[number, number]} at
   * @param {string} classes
   * @param {string} text
   * @param {number} [above]
   */
  #put(at, classes, text, above = 0) {
    this.#mark(at, classes, text, above).addTo(this.#things);
  }

  /**
   * @param {any} at
   * @param {string} classes
   * @param {string} text
   * @param {number} above
   */
  #mark(at, classes, text, above) {
    const words = document.createElement("span");
    words.textContent = text;
    return L.marker(at, { icon: L.divIcon({ className: `m ${classes}`, html: words, iconSize: [0, 0] }), interactive: false, keyboard: false, zIndexOffset: above });
  }
}
