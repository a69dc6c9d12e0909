// Photos and signatures of the call that is open: small beside the notes, large on a click or Enter.

import { wallTime } from "../../tablets/times.js";
import { el, icon, key } from "./dom.js";
import { who } from "./model.js";
import { facts, zone } from "./store.js";

/** @typedef {import("./model.js").Doc} Doc */

/** @type {Record<string, string>} */
const WHY = {
  not_a_picture: "what the tablet sent is no picture",
  damaged: "it is damaged",
  too_many_pixels: "it is too large",
  too_large: "it is too large",
  never_came: "it never arrived",
};

/** Addresses of pictures that were fetched; null where that failed. @type {Map<string, Promise<string | null>>} */
const fetched = new Map();

/**
 * Forget pictures of calls that are not open any more.
 *
 * @param {Doc[]} rows what is open
 */
export function keepOnly(rows) {
  const names = new Set(rows.map((row) => String(row["sha256"])));
  for (const [name, address] of fetched) {
    if (names.has(name.split("?")[0] ?? "")) continue;
    fetched.delete(name);
    void address.then((url) => url && URL.revokeObjectURL(url));
  }
}

/**
 * The rows of a call's attachments, oldest first.
 *
 * @param {Doc[]} rows
 */
export function photoRows(rows) {
  if (rows.length === 0) return [];
  return [
    el("h3", {}, `Photos and signatures ${rows.length}`),
    el("div", { class: "photos" }, ...rows.map((row) => thumbnail(row))),
  ];
}

/** @param {Doc} row */
function thumbnail(row) {
  const name = row["purpose"] === "SIGNATURE" ? "Signature" : "Photo";
  const ready = row["state"] === "READY";
  const frame = el("span", { class: "photo-frame" }, icon(row["purpose"] === "SIGNATURE" ? "edit" : "image"));
  if (ready) void show(frame, row, "?small=1");
  const words = ready ? wallTime(row["at"], zone(), { seconds: true }) : row["state"] === "REFUSED" ? `cannot be shown: ${WHY[String(row["code"])] ?? "the tablet's file cannot be used"}` : "the tablet has not sent it yet";
  return el(
    "button",
    { type: "button", class: "photo", disabled: !ready, "data-focus": `photo-${row.id}`, click: () => open(row, name) },
    frame,
    el("span", {}, el("b", {}, name), el("small", { class: ready ? "soft" : "caution" }, words), row["caption"] ? el("span", {}, row["caption"]) : null),
  );
}

/**
 * @param {Doc} row
 * @param {string} name
 */
function open(row, name) {
  const before = document.activeElement;
  const frame = el("div", { class: "picture-frame" }, "Fetching it…");
  const dialog = /** @type {HTMLDialogElement} */ (
    el(
      "dialog",
      { class: "dialog wide picture", "aria-label": name },
      frame,
      el("p", {}, el("b", {}, `${name} `), `${wallTime(row["at"], zone(), { seconds: true })}, ${who(row["by"], facts)}`, row["caption"] ? el("span", {}, ` · ${row["caption"]}`) : null),
      el("button", { type: "button", class: "button", click: () => dialog.close() }, "Back ", key("Esc")),
    )
  );
  dialog.onkeydown = (event) => event.stopPropagation(); // the page's keys sleep while it is open
  dialog.onclose = () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  };
  document.body.append(dialog);
  dialog.showModal();
  void show(frame, row, "");
}

/**
 * @param {HTMLElement} frame
 * @param {Doc} row
 * @param {string} size
 */
async function show(frame, row, size) {
  const name = `${row["sha256"]}${size}`;
  let address = fetched.get(name);
  if (!address) {
    address = fetchPicture(String(row["sha256"]), size);
    fetched.set(name, address);
  }
  const url = await address;
  if (!url) {
    fetched.delete(name);
    if (!size) frame.replaceChildren("It could not be fetched. Close this and open it again.");
    return;
  }
  frame.replaceChildren(el("img", { src: url, alt: row["caption"] || "The picture" }));
}

/**
 * @param {string} sha256
 * @param {string} size
 * @returns {Promise<string | null>}
 */
async function fetchPicture(sha256, size) {
  try {
    // Pictures come by themselves, so fetching them does not keep a session alive: an `img` of its own would.
    const answer = await fetch(`/api/attachments/${sha256}/${size}`, { headers: { "X-Background": "1" }, credentials: "same-origin", cache: "no-store", redirect: "error" });
    return answer.ok ? URL.createObjectURL(await answer.blob()) : null;
  } catch {
    return null;
  }
}
