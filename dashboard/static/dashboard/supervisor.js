// The supervisor's page: does what its buttons say through the REST door, and asks for a part again when it has changed.

import { wake } from "../dispatch/backup/alarm.js";
import { cad } from "../dispatch/desk/model.js";
import { NoAnswer, jsonFetcher } from "../tablets/http.js";
import { Line } from "../tablets/line.js";
import { Replica } from "../tablets/replica.js";
import { age, clock } from "../tablets/times.js";
import { order } from "./orders.js";

const csrf = /** @type {HTMLMetaElement} */ (document.getElementById("csrf")).content;
const fetchJson = jsonFetcher({ headers: { "X-CSRFToken": csrf } });
const replica = new Replica();
// Ages on the page ("2 minutes ago") are written by the server: they are asked for this often.
const REFRESH_MS = 30_000;
/** @type {Record<string, string[]>} which parts show what changed in a collection */
const PARTS = { tablet: ["tablets"], unit: ["shifts"], debrief: ["debriefs"], flag: ["flagged"], call: ["outcomes"] };

/** @type {Record<string, string>} */
const query = { outcomes: new URLSearchParams(location.search).get("span") ? `span=${new URLSearchParams(location.search).get("span")}` : "" };
/** @type {Set<string>} */
const due = new Set();
let soon = 0;

/** @param {string} part */
function reload(part) {
  due.add(part);
  clearTimeout(soon);
  soon = setTimeout(() => void reloadDue(), 250);
}

async function reloadDue() {
  for (const part of [...due]) {
    const section = document.querySelector(`[data-part="${part}"]`);
    // What somebody types is not taken from under their hands.
    if (!section || (section.contains(document.activeElement) && document.activeElement?.matches("input, textarea, select"))) continue;
    due.delete(part);
    const response = await fetch(`/supervisor/${part}/?${query[part] ?? ""}`, { headers: { "X-Background": "1" }, credentials: "same-origin", cache: "no-store", redirect: "error" }).catch(() => null);
    if (!response?.ok) continue;
    const open = [...section.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    section.innerHTML = await response.text();
    const counted = /** @type {HTMLElement | null} */ (section.querySelector("[data-n]"))?.dataset["n"];
    const beside = document.querySelector(`[data-count="${part}"]`);
    if (counted !== undefined && beside) beside.textContent = counted;
    for (const summary of section.querySelectorAll("details > summary")) {
      if (open.includes(summary.textContent)) summary.parentElement?.setAttribute("open", "");
    }
  }
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("[data-reload]") : null;
  if (!(link instanceof HTMLElement)) return;
  event.preventDefault();
  const part = link.dataset["reload"] ?? "";
  query[part] = link.dataset["query"] ?? "";
  link.blur();
  reload(part);
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-order]") : null;
  if (button instanceof HTMLElement) void give(button);
});

/** @param {HTMLElement} button */
async function give(button) {
  const { order: what, tablet, name, lost } = button.dataset;
  const told = await order(what === "purge" ? "purge" : "resync", { tablet: Number(tablet), name: name ?? "", lost: lost ?? "" });
  const place = /** @type {HTMLElement | null} */ (button.parentElement?.querySelector(".row-outcome") ?? null);
  if (told === null || !place) return;
  place.textContent = told.words;
  place.className = `row-outcome ${told.done ? "good" : "bad"}`;
  place.hidden = false;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (form.id === "pair-form") {
    event.preventDefault();
    void pair(form);
  } else if (form.dataset["act"]) {
    event.preventDefault();
    void act(form);
  }
});

/** @type {WeakMap<HTMLFormElement, string>} one id for as long as a form stands: pressed again, it counts once */
const ids = new WeakMap();

/** @param {HTMLFormElement} form */
async function act(form) {
  const sure = form.dataset["sure"];
  if (sure && !window.confirm(sure)) return;
  const id = ids.get(form) ?? crypto.randomUUID();
  ids.set(form, id);
  /** @type {Record<string, any>} */
  const args = { [form.dataset["id"] ?? "id"]: Number(form.dataset["value"]) };
  for (const [name, value] of new FormData(form)) if (value) args[name] = value;
  const part = form.closest("[data-part]");
  await doing(form, async () => {
    await fetchJson(`/api/actions/${form.dataset["act"]}/`, { id, args });
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    if (part instanceof HTMLElement) reload(part.dataset["part"] ?? "");
  });
}

/** @param {HTMLFormElement} form */
async function pair(form) {
  const data = new FormData(form);
  await doing(form, async () => {
    const answer = await fetchJson("/api/tablets/pairing-codes/", { unit: Number(data.get("unit")), name: String(data.get("name")).trim() });
    form.reset();
    showCode(answer);
  });
}

/** @param {{code: string, expires_at: string, url: string, qr_svg: string}} answer */
function showCode(answer) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("pairing"));
  const holder = document.createElement("div");
  holder.className = "qr";
  // As HTML: an inline SVG names no namespace, and as XML it would be an element that nothing draws.
  const drawn = new DOMParser().parseFromString(answer.qr_svg, "text/html").querySelector("svg");
  if (!drawn) throw new Error("the server sent no QR code");
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", "QR code of the address below");
  holder.append(document.importNode(drawn, true));
  const title = make("h2", "Scan it with the tablet");
  title.id = "pairing-title";
  const code = make("output", answer.code);
  const until = make("p", `Or open ${new URL(answer.url).origin}/tablet/pair/ there and type this. It works once, until ${new Date(answer.expires_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}, and is not shown again.`);
  const shut = make("button", "Done");
  shut.className = "button main";
  shut.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(title, holder, code, until, shut);
  dialog.onclose = () => dialog.replaceChildren();
  dialog.showModal();
}

/**
 * @param {string} tag
 * @param {string} text
 * @returns {HTMLElement}
 */
function make(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

/**
 * @param {HTMLFormElement} form
 * @param {() => Promise<void>} work
 */
async function doing(form, work) {
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector("button"));
  const problem = /** @type {HTMLElement | null} */ (form.querySelector(".problem"));
  if (button) button.disabled = true;
  if (problem) problem.hidden = true;
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (problem) {
      problem.textContent = error.status === 0 ? "No answer from the server. Press again: it counts once." : error.message;
      problem.hidden = false;
    }
  } finally {
    if (button) button.disabled = false;
  }
}

replica.listen((changes) => {
  for (const change of changes) {
    // A call that is still open has not become anything yet.
    if (change.c === "call" && change.gone === undefined) continue;
    for (const part of PARTS[change.c] ?? []) reload(part);
  }
});
const line = new Line({
  replica,
  clock,
  fetchJson: jsonFetcher({ headers: { "X-CSRFToken": csrf, "X-Background": "1" } }),
  onState: ({ state }) => {
    const words = document.getElementById("line");
    if (!words) return;
    words.textContent = state === "live" ? "live" : state === "polling" ? "slow: asks every few seconds" : "offline: this page is not new";
    words.classList.toggle("live", state === "live");
  },
  onBackup: wake,
  onSignedOff: () => location.assign("/"),
});
line.start();

// Said on every screen, and by this page's own clock: a feed that is silent says nothing, not even that.
function sayCad() {
  const banner = document.getElementById("cad");
  if (!banner) return;
  const link = cad(replica.all("agency", "reference.")[0]?.body, replica.all("feed", "reference.")[0]?.body, clock.now());
  banner.hidden = !link.down;
  banner.textContent = link.age === Infinity ? "CAD LINK DOWN: nothing was heard of it yet." : `CAD LINK DOWN: nothing heard for ${age(link.age)}.`;
}
setInterval(sayCad, 1000);

setInterval(() => {
  if (!document.hidden) for (const part of ["kept", "tablets", "shifts", "accounts"]) reload(part);
}, REFRESH_MS);
