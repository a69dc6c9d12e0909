/**
 * Photos and signatures on the screen: taken, written, shown small on the call and large on a tap, with what became of each.
 */

import { NotAttached, TYPES } from "./attachments.js";
import { h, icon } from "./dom.js";
import { wallTime } from "./times.js";

/** @typedef {import("./attachments.js").Attachments} Attachments */
/** @typedef {import("./attachments.js").Shown} Shown */
/** @typedef {import("./attachments.js").Purpose} Purpose */
/** @typedef {import("./sync/cipher.js").Bytes} Bytes */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./app.js").Act} Act */
/** @typedef {import("./app.js").Ui} Ui */

/** A picture that was taken and not attached yet. @typedef {{bytes: Bytes, type: string, thumb: Bytes|null, url: string}} Taken */

// A photo is for reading a door or seeing a room, and goes over a phone's line: this is enough of it.
const LONGEST = 2560;
const SMALL = 320;
const QUALITY = 0.85;
// The ink of a signature, written with a finger or in gloves, in pixels of the canvas.
const INK = 6;

/** @type {Record<string, string>} */
const WHY = {
  not_a_picture: "it is no photo",
  damaged: "it is damaged",
  too_many_pixels: "it is too large",
  too_large: "it is too large",
  never_came: "it never arrived",
};

/**
 * What became of one, in words.
 * @param {Shown} shown
 * @param {boolean} offline
 */
export function stateWords({ state, part, code, here }, offline) {
  switch (state) {
    case "ready":
      return "at the desk";
    case "sent":
      return "sent";
    case "sending":
      return offline ? `waiting to send, ${Math.floor(part * 100)} % there` : `sending, ${Math.floor(part * 100)} %`;
    case "refused":
      return `could not be used: ${WHY[code] ?? "the server did not take it"}`;
    default:
      return here ? "waiting to send" : "not here yet";
  }
}

/**
 * Take a file of the camera for a photo: smaller, upright, and without where and when it was taken.
 * @param {File} file
 * @returns {Promise<Taken>}
 * @throws {NotAttached}
 */
export async function taken(file) {
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new NotAttached(TYPES.includes(file.type) ? "The photo is damaged. Take it again." : "This is no photo that can be sent. Take it with the camera.");
  }
  try {
    const bytes = await drawn(image, LONGEST, "image/jpeg");
    const thumb = await drawn(image, SMALL, "image/jpeg");
    return { bytes, type: "image/jpeg", thumb, url: URL.createObjectURL(new Blob([thumb], { type: "image/jpeg" })) };
  } finally {
    image.close();
  }
}

/**
 * @param {ImageBitmap|HTMLCanvasElement} image
 * @param {number} longest
 * @param {string} type
 */
async function drawn(image, longest, type) {
  const scale = Math.min(1, longest / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const paper = canvas.getContext("2d");
  if (!paper) throw new NotAttached("This tablet has no room for a photo now. Try again.");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(image, 0, 0, canvas.width, canvas.height);
  return bytesOf(canvas, type);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} type
 * @returns {Promise<Bytes>}
 */
async function bytesOf(canvas, type) {
  const blob = await new Promise((/** @type {(blob: Blob|null) => void} */ resolve) => canvas.toBlob(resolve, type, QUALITY));
  if (!blob) throw new NotAttached("This tablet has no room for a photo now. Try again.");
  return new Uint8Array(await blob.arrayBuffer());
}

/**
 * The addresses under which pictures are shown: made of what this device holds, else asked of the server.
 */
export class Pictures {
  #attachments;
  #headers;
  #onChange;
  /** @type {Map<string, string|null>} null while it is fetched, and where there is none */
  #urls = new Map();

  /**
   * @param {{attachments: Attachments|null, headers: Record<string, string>, onChange: () => void}} options
   */
  constructor({ attachments, headers, onChange }) {
    this.#attachments = attachments;
    this.#headers = headers;
    this.#onChange = onChange;
  }

  /**
   * The address of a picture, as soon as there is one.
   * @param {Shown} shown
   * @param {boolean} large
   * @returns {string|null}
   */
  url({ sha256, state }, large) {
    // What the server says later may be had when the picture is ready: another key then.
    const key = `${sha256}|${large}|${state === "ready"}`;
    const known = this.#urls.get(key);
    if (known !== undefined) return known;
    this.#urls.set(key, null);
    void this.#load(sha256, state === "ready", large).then((blob) => {
      if (!blob || !this.#urls.has(key)) return;
      this.#urls.set(key, URL.createObjectURL(blob));
      this.#onChange();
    });
    return null;
  }

  /** The line is back: what could not be fetched is tried again. */
  retry() {
    for (const [key, url] of this.#urls) if (url === null) this.#urls.delete(key);
  }

  /** Nobody may look any more. */
  clear() {
    for (const url of this.#urls.values()) if (url) URL.revokeObjectURL(url);
    this.#urls.clear();
  }

  /**
   * @param {string} sha256
   * @param {boolean} ready
   * @param {boolean} large
   * @returns {Promise<Blob|null>}
   */
  async #load(sha256, ready, large) {
    try {
      const local = large ? await this.#attachments?.picture(sha256) : null;
      if (local) return new Blob([local.bytes], { type: local.type });
      const thumb = large ? null : await this.#attachments?.thumbnail(sha256);
      if (thumb) return new Blob([thumb], { type: "image/jpeg" });
      if (!ready) return null;
      const answer = await fetch(`/api/attachments/${sha256}/${large ? "" : "?small=1"}`, { headers: this.#headers, credentials: "same-origin", cache: "no-store", redirect: "error" });
      return answer.ok ? await answer.blob() : null;
    } catch {
      return null;
    }
  }
}

/**
 * The photos and signatures of the call.
 * @param {Snapshot} s
 * @param {Act} act
 */
export function photoList(s, act) {
  if (!s.attached.length) return null;
  const offline = s.line.state === "offline";
  return h(
    "ul",
    { class: "photos", "aria-label": "Photos and signatures" },
    s.attached.map((one) => {
      const url = act.pictureUrl(one, false);
      const name = one.purpose === "SIGNATURE" ? "Signature" : "Photo";
      const words = stateWords(one, offline);
      return h(
        "li",
        { key: `${one.sha256}${one.purpose}` },
        h(
          "button",
          { class: "btn photo", type: "button", onclick: () => act.sheet("picture", { code: `${one.sha256}|${one.purpose}` }), "aria-haspopup": "dialog" },
          url ? h("img", { src: url, alt: "", width: "88", height: "66" }) : h("span", { class: "no-photo" }, icon(one.purpose === "SIGNATURE" ? "edit" : "image")),
          h("span", null, h("b", null, name), h("span", { class: one.state === "ready" || one.state === "sent" ? "soft" : "unsure" }, words), one.caption && h("span", { class: "photo-caption" }, one.caption)),
        ),
      );
    }),
  );
}

/** @typedef {import("./sheets.js").Sheet} Sheet */

/** @type {Record<"attach"|"photo"|"signature"|"picture", Sheet>} */
export const PHOTO_SHEETS = {
  attach: (s, act, ui) => {
    if (!s.call) return null;
    return [
      "Photo or signature",
      [
        h(
          "div",
          { class: "list" },
          camera("photo_camera", "Take a photo", { capture: "environment" }, act),
          camera("image", "Choose a photo of this tablet", {}, act),
          h("button", { class: "btn tall", type: "button", onclick: () => act.sheet("signature") }, icon("edit"), h("span", null, "Signature")),
        ),
        h("p", { class: "soft" }, "The desk and the crews on this call see it. Where and when a photo was taken is removed from it."),
        ui.busy && h("p", { role: "status" }, "One moment…"),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
    ];
  },

  photo: (s, act, ui) => {
    const draft = act.draft();
    if (!s.call || !draft) return null;
    return [
      "Attach this photo",
      [
        h("img", { class: "draft", src: draft.url, alt: "The photo that was taken" }),
        h("label", { for: "caption" }, "What it shows, if that is not plain"),
        h("input", { id: "caption", name: "caption", type: "text", maxlength: "300", autocomplete: "off" }),
        h("p", { class: "soft" }, "No health details: those belong in the encounter."),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
      h("button", { class: "btn next", type: "button", disabled: ui.busy, onclick: act.attachPhoto }, "Attach the photo"),
    ];
  },

  signature: (s, act, ui) => {
    if (!s.call) return null;
    return [
      "Signature",
      [
        h("canvas", { class: "sign", width: "1600", height: "500", opaque: true, mounted: pad, "aria-label": "Write here with a finger" }),
        h("label", { for: "caption" }, "Who signs, and for what"),
        h("input", { id: "caption", name: "caption", type: "text", maxlength: "300", autocomplete: "off" }),
        h("p", { class: "problem", role: "alert" }, ui.problem),
      ],
      [
        h("button", { class: "btn", type: "button", onclick: () => blank(/** @type {HTMLCanvasElement} */ (document.querySelector("canvas.sign"))) }, "Begin again"),
        h("button", { class: "btn next", type: "button", disabled: ui.busy, onclick: act.attachSignature }, "Attach the signature"),
      ],
    ];
  },

  picture: (s, act, ui) => {
    const one = s.attached.find(({ sha256, purpose }) => `${sha256}|${purpose}` === ui.sheet?.code);
    if (!one) return null;
    const url = act.pictureUrl(one, true) ?? act.pictureUrl(one, false);
    return [
      one.purpose === "SIGNATURE" ? "Signature" : "Photo",
      [
        url ? h("img", { class: "draft", src: url, alt: one.caption || "The picture" }) : h("p", { class: "soft" }, one.state === "refused" ? "There is no picture to show." : "The picture is not on this tablet."),
        one.caption && h("p", null, one.caption),
        h("p", { class: "soft" }, `${wallTime(new Date(one.at).toISOString(), s.zone)} · ${stateWords(one, s.line.state === "offline")}`),
        one.state === "refused" && h("p", null, one.here ? "Take it again. It is kept here until you close this." : "Take it again."),
      ],
      one.state === "refused" && one.here && h("button", { class: "btn next", type: "button", onclick: () => act.forgetPicture(one) }, "I have read it"),
    ];
  },
};

/**
 * @param {string} name
 * @param {string} words
 * @param {Record<string, string>} more
 * @param {Act} act
 */
function camera(name, words, more, act) {
  /** @param {Event} event */
  const onchange = (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const file = input.files?.[0];
    input.value = "";
    if (file) act.photo(file);
  };
  return h("label", { class: "btn tall camera" }, icon(name), h("span", null, words), h("input", { type: "file", class: "unseen", accept: TYPES.join(","), onchange, ...more }));
}

/** What was written on which canvas. @type {WeakMap<HTMLCanvasElement, {strokes: number}>} */
const written = new WeakMap();

/** Make a canvas one to write on. @param {HTMLCanvasElement} canvas */
function pad(canvas) {
  blank(canvas);
  /** @type {Map<number, {x: number, y: number}>} */
  const pens = new Map();
  /** @param {PointerEvent} event */
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * canvas.width, y: ((event.clientY - box.top) / box.height) * canvas.height };
  };
  /**
   * @param {{x: number, y: number}} from
   * @param {{x: number, y: number}} to
   */
  const line = (from, to) => {
    const paper = canvas.getContext("2d");
    if (!paper) return;
    Object.assign(paper, { strokeStyle: "#000", lineWidth: INK, lineCap: "round", lineJoin: "round" });
    paper.beginPath();
    paper.moveTo(from.x, from.y);
    paper.lineTo(to.x, to.y);
    paper.stroke();
    const ink = written.get(canvas);
    if (ink) ink.strokes += Math.hypot(to.x - from.x, to.y - from.y);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pens.set(event.pointerId, at(event));
  };
  canvas.onpointermove = (event) => {
    const from = pens.get(event.pointerId);
    if (!from) return;
    const to = at(event);
    line(from, to);
    pens.set(event.pointerId, to);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => pens.delete(event.pointerId);
}

/** @param {HTMLCanvasElement|null} canvas */
function blank(canvas) {
  const paper = canvas?.getContext("2d");
  if (!canvas || !paper) return;
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  written.set(canvas, { strokes: 0 });
}

/**
 * What was signed.
 * @returns {Promise<Taken>}
 * @throws {NotAttached} nothing was
 */
export async function signed() {
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.querySelector("canvas.sign"));
  // Less than a tenth of the field's width is a touch and no name.
  if (!canvas || (written.get(canvas)?.strokes ?? 0) < canvas.width / 10) throw new NotAttached("Nobody has signed yet.");
  const thumb = await drawn(canvas, SMALL, "image/jpeg");
  return { bytes: await bytesOf(canvas, "image/png"), type: "image/png", thumb, url: "" };
}
