/**
 * The map: this tablet, its call, what waits, other units, the edges of the areas.
 *
 * Without a tile server the ground is what the agency's own outlines draw (tablets/ground.py); without those, a plain grid
 * of known width with rings around this tablet: it says how far, and pretends to no streets.
 */

import * as L from "../leaflet/leaflet-src.esm.js";

import { minutes } from "./times.js";

/** @typedef {import("./wire.js").Point} Point */
/** @typedef {{id: string, point: Point, queue: string, label: string, may: boolean, picked: boolean}} Waiting */
/** @typedef {{id: number, point: Point, callSign: string, status: string, ageMs: number}} Beside */
/**
 * @typedef {object} Scene
 * @property {Point|null} me
 * @property {number} meAgeMs
 * @property {{id: string, point: Point}|null} call
 * @property {Point|null} [staging] where to wait until the scene is declared safe
 * @property {Waiting[]} waiting
 * @property {Beside[]} units
 * @property {{id: string, name: string, own: boolean, coordinates: Point[][][]}[]} areas
 */

/** What /tablet/ground.json holds. @typedef {{land: Point[][][], lines: Point[][]}} Drawing */

const GROUND = "/tablet/ground.json";
const MILE_M = 1609.344;
const STEPS_MI = [0.125, 0.25, 0.5, 1, 2, 5, 10, 25, 50];
const RINGS = /** @type {const} */ ([[0.25, "¼ mi"], [0.5, "½ mi"], [1, "1 mi"]]);
// Where nothing is known yet, the map has to begin somewhere.
const BEGIN = /** @type {[number, number]} */ ([47.605, -122.332]);

/** @param {Point} point */
const at = ([lon, lat]) => L.latLng(lat, lon);

/** @param {string} name */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class Ground extends L.GridLayer {
  /** @param {L.Coords} coords */
  createTile(coords) {
    const size = this.getTileSize();
    const tile = document.createElement("canvas");
    const ratio = Math.min(2, devicePixelRatio || 1);
    tile.width = size.x * ratio;
    tile.height = size.y * ratio;
    const pen = tile.getContext("2d");
    if (!pen) return tile;
    pen.scale(ratio, ratio);
    const map = /** @type {L.Map} */ (this._map);
    const corner = coords.scaleBy(size);
    const north = map.unproject(corner, coords.z);
    const south = map.unproject(corner.add(size), coords.z);
    const perPixel = ((north.lat - south.lat) * 69.05) / size.y;
    const step = (STEPS_MI.find((miles) => miles / perPixel >= 44) ?? 50) / 69.05;
    // Squares on the ground at the latitude of the whole view: one width for every tile.
    const wide = step / Math.cos((BEGIN[0] * Math.PI) / 180);
    pen.strokeStyle = color("--grid");
    for (let k = Math.ceil(south.lat / step); k * step <= north.lat; k++) {
      const y = map.project(L.latLng(k * step, 0), coords.z).y - corner.y;
      line(pen, 0, y, size.x, y, k % 4 === 0);
    }
    for (let k = Math.ceil(north.lng / wide); k * wide <= south.lng; k++) {
      const x = map.project(L.latLng(0, k * wide), coords.z).x - corner.x;
      line(pen, x, 0, x, size.y, k % 4 === 0);
    }
    return tile;
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {boolean} strong
 */
function line(pen, x1, y1, x2, y2, strong) {
  pen.lineWidth = strong ? 2 : 1;
  pen.beginPath();
  pen.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  pen.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
  pen.stroke();
}

export class MapView {
  /** @type {L.Map|null} */
  #map = null;
  /** @type {L.GridLayer|null} */
  #ground = null;
  /** @type {Map<string, {layer: L.Layer, stamp: string}>} */
  #layers = new Map();
  /** Land and streets, drawn without tiles. @type {Promise<Drawing>|null} */
  #drawing = null;
  #moved = false;
  #fitted = "";
  /** @type {Scene|null} */
  #scene = null;

  /**
   * @param {object} options
   * @param {{url: string, attribution: string}} options.tiles
   * @param {(id: string) => void} options.onPick a waiting call was tapped
   */
  constructor({ tiles, onPick }) {
    this.tiles = tiles;
    this.onPick = onPick;
    // The ground is painted in the theme's color.
    new MutationObserver(() => this.#ground?.redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** @param {HTMLElement} element */
  attach(element) {
    // The panel is made anew after the lock screen: what was drawn on the old one is gone with it.
    this.#map?.remove();
    this.#layers.clear();
    this.#fitted = "";
    this.#moved = false;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#map = L.map(element, {
      zoomControl: false,
      attributionControl: Boolean(this.tiles.attribution),
      zoomAnimation: !still,
      fadeAnimation: !still,
      markerZoomAnimation: !still,
      inertia: !still,
      minZoom: 9,
      maxZoom: 19,
      zoomSnap: 0.5,
      keyboard: true,
    }).setView(BEGIN, 14);
    this.#ground = this.tiles.url
      ? L.tileLayer(this.tiles.url, { attribution: this.tiles.attribution, maxZoom: 19 })
      : new Ground({ keepBuffer: 1 });
    this.#ground.addTo(this.#map);
    void this.#draw(this.#map);
    L.control.scale({ metric: false, imperial: true, maxWidth: 140 }).addTo(this.#map);
    this.#map.on("dragstart", () => (this.#moved = true));
    const map = this.#map;
    new ResizeObserver((_, observer) => {
      if (map !== this.#map) return observer.disconnect();
      map.invalidateSize({ animate: false });
      if (!this.#moved) this.#fit();
    }).observe(element);
    if (this.#scene) this.show(this.#scene);
  }

  /**
   * Land and streets below everything else, also below tiles: where a tile was never seen there is still a ground.
   * @param {L.Map} map
   */
  async #draw(map) {
    this.#drawing ??= fetch(GROUND).then((response) => response.json());
    /** @type {Drawing} */
    let drawing;
    try {
      drawing = await this.#drawing;
    } catch {
      // Neither signal nor kept: the grid stays, and the next time asks again.
      this.#drawing = null;
      return;
    }
    if (map !== this.#map || !(drawing.land.length || drawing.lines.length)) return;
    const pane = map.createPane("land");
    pane.style.setProperty("z-index", "150");
    pane.style.setProperty("pointer-events", "none");
    const renderer = L.svg({ pane: "land", padding: 0.5 });
    const options = { pane: "land", renderer, interactive: false, smoothFactor: 1 };
    L.polygon(drawing.land.map((rings) => rings.map((ring) => ring.map(at))), { ...options, className: "land" }).addTo(map);
    L.polyline(drawing.lines.map((line) => line.map(at)), { ...options, className: "street" }).addTo(map);
    // The grid says how far; the scale and the rings around this tablet say it as well.
    if (!this.tiles.url && this.#ground) map.removeLayer(this.#ground);
    map.getContainer().dataset["ground"] = drawing.land.length ? "land" : "lines";
  }

  /** Show what matters again, after somebody has moved the map. */
  recenter() {
    this.#moved = false;
    this.#fitted = "";
    this.#fit();
  }

  /** @param {1|-1} by */
  zoom(by) {
    this.#moved = true;
    this.#map?.setZoom(this.#map.getZoom() + by);
  }

  /** @param {Scene} scene */
  show(scene) {
    this.#scene = scene;
    if (!this.#map) return;
    /** @type {Set<string>} */
    const seen = new Set();
    /**
     * @param {string} key
     * @param {string} stamp
     * @param {() => L.Layer} make
     */
    const keep = (key, stamp, make) => {
      seen.add(key);
      const had = this.#layers.get(key);
      if (had?.stamp === stamp) return;
      if (had) this.#map?.removeLayer(had.layer);
      const layer = make();
      this.#layers.set(key, { layer, stamp });
      if (this.#map) layer.addTo(this.#map);
    };
    for (const area of scene.areas) {
      keep(`area ${area.id}`, `${area.own} ${area.name} ${area.coordinates.length} ${area.coordinates[0]?.[0]?.length}`, () => {
        const rings = area.coordinates.map((polygon) => polygon.map((ring) => ring.map(at)));
        const shape = L.polygon(rings, { className: `edge ${area.own ? "edge-own" : ""}`, interactive: false });
        const title = marker(shape.getBounds().getCenter(), "area-name", area.name, false);
        return L.layerGroup([shape, title]);
      });
    }
    if (scene.me) {
      const me = scene.me;
      const old = scene.meAgeMs > 60_000;
      keep("rings", me.map((x) => x.toFixed(4)).join(), () =>
        L.layerGroup(
          RINGS.flatMap(([miles, name]) => [
            L.circle(at(me), { radius: miles * MILE_M, className: "ring", interactive: false }),
            marker(L.latLng(me[1] + (miles * MILE_M) / 111_320, me[0]), "ring-name", name, false),
          ]),
        ),
      );
      keep("me", `${me} ${old ? minutes(scene.meAgeMs) : ""}`, () =>
        marker(at(me), `me ${old ? "old" : ""}`, old ? `you, ${minutes(scene.meAgeMs)} ago` : "you", false).setZIndexOffset(20_000),
      );
    }
    for (const call of scene.waiting) {
      const name = `spot ${call.queue === "CARE" ? "spot-care" : "spot-police"} ${call.may ? "may" : ""} ${call.picked ? "picked" : ""}`;
      keep(`call ${call.id}`, `${name} ${call.point} ${call.label}`, () => {
        const spot = marker(at(call.point), name, call.picked ? call.label : "", true, call.label);
        // What may be taken is not hidden under what may not.
        spot.setZIndexOffset((call.picked ? 30_000 : 0) + (call.may ? 2_000 : 0) + (call.queue === "CARE" ? 1_000 : 0));
        spot.on("click", () => this.onPick(call.id));
        return spot;
      });
    }
    for (const unit of scene.units) {
      const old = unit.ageMs > 60_000 ? ` · ${minutes(unit.ageMs)}` : "";
      keep(`unit ${unit.id}`, `${unit.point} ${unit.callSign} ${unit.status} ${old}`, () =>
        marker(at(unit.point), `unit ${old ? "old" : ""}`, `${unit.callSign}${old}`, false).setZIndexOffset(10_000),
      );
    }
    if (scene.call) {
      const call = scene.call;
      keep("own call", `${call.id} ${call.point}`, () => marker(at(call.point), "pin", "call", false).setZIndexOffset(25_000));
    }
    if (scene.staging) {
      const staging = scene.staging;
      keep("staging", String(staging), () => marker(at(staging), "staging", "stage here", false).setZIndexOffset(26_000));
    }
    for (const [key, { layer }] of this.#layers) {
      if (seen.has(key)) continue;
      this.#map.removeLayer(layer);
      this.#layers.delete(key);
    }
    if (!this.#moved) this.#fit();
  }

  #fit() {
    const map = this.#map;
    const scene = this.#scene;
    if (!map || !scene || map.getSize().x === 0) return;
    const about = scene.call ? `call ${scene.call.id} ${Boolean(scene.me)} ${scene.staging ?? ""}` : `areas ${scene.areas.length} ${Boolean(scene.me)}`;
    const wanted = `${about} ${map.getSize()}`;
    if (wanted === this.#fitted) return;
    this.#fitted = wanted;
    if (scene.call) {
      const points = [at(scene.call.point), ...(scene.me ? [at(scene.me)] : []), ...(scene.staging ? [at(scene.staging)] : [])];
      // Names stand at the right of their marks, and the buttons lie over the top.
      map.fitBounds(L.latLngBounds(points).pad(0.1), { maxZoom: 16, paddingTopLeft: [40, 76], paddingBottomRight: [110, 28], animate: false });
    } else {
      const own = scene.areas.filter((area) => area.own);
      const corners = (own.length ? own : scene.areas).flatMap((area) => area.coordinates.flatMap((polygon) => (polygon[0] ?? []).map(at)));
      if (corners.length) map.fitBounds(L.latLngBounds(corners), { padding: [16, 16], animate: false });
      else if (scene.me) map.setView(at(scene.me), 15, { animate: false });
    }
  }
}

/**
 * A marker made of elements only: no markup is parsed, so a name from CAD stays a name.
 * @param {L.LatLng} where
 * @param {string} name
 * @param {string} text
 * @param {boolean} interactive
 * @param {string} [title]
 */
function marker(where, name, text, interactive, title) {
  const element = document.createElement("div");
  element.className = "mark-body";
  const shape = document.createElement("i");
  element.append(shape);
  if (text) {
    const label = document.createElement("span");
    label.textContent = text;
    element.append(label);
  }
  const icon = L.divIcon({ className: `mark ${name}`, html: element, iconSize: [0, 0] });
  return L.marker(where, { icon, interactive, keyboard: interactive, ...(title ? { title, alt: title } : {}) });
}
