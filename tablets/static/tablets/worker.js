/**
 * The app's service worker: keeps one release of the pages and modules, so that the app starts without a network.
 *
 * It serves what it keeps and nothing else. What the API answers never passes through it, and what a crew did is not its
 * business: that lies in IndexedDB, which no release of this touches. A new release waits until the page says that the
 * crew is neither on a call nor typing (update.js). Requests for backup that wake this tablet (wake.js) it shows.
 *
 * Django puts `self.PRECACHE` before it: the version, the pages, and each file with its hash.
 */

/** @typedef {{version: string, pages: string[], files: Record<string, string>, tiles: string[]}} Release */
/** What of a worker's world is used here; the compiler's own library for it does not go with the one for pages.
 * @typedef {object} Worker
 * @property {Release} PRECACHE
 * @property {() => Promise<void>} skipWaiting
 * @property {{claim: () => Promise<void>, matchAll: (which: {type: "window", includeUncontrolled: true}) => Promise<{url: string, focus: () => Promise<unknown>}[]>, openWindow: (address: string) => Promise<unknown>}} clients
 * @property {{showNotification: (title: string, options: NotificationOptions & {renotify: boolean}) => Promise<void>}} registration
 * @property {(name: string, handler: (event: any) => void) => void} addEventListener
 */

const worker = /** @type {Worker} */ (/** @type {unknown} */ (self));
const release = worker.PRECACHE;
const OURS = "care ";
const NAME = `${OURS}${release.version}`;
const TILES = "tiles";
const HOME = "/tablet/";
// About 15 MB of map: the streets of a few square miles, at the scales that a crew looks at.
const MOST_TILES = 800;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data?.t === "take over") event.waitUntil(worker.skipWaiting());
});
worker.addEventListener("push", (event) => event.waitUntil(rung(event.data)));
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show());
});
worker.addEventListener("fetch", (event) => {
  const request = /** @type {Request} */ (event.request);
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin === location.origin) {
    // What the server says of a request for backup is its word only, now: nothing kept may ever stand for it.
    if (url.pathname.startsWith("/api/")) return;
    const kept = request.mode === "navigate" ? release.pages.includes(url.pathname) : url.pathname in release.files;
    if (kept) event.respondWith(fromKept(url.pathname, request));
  } else if (release.tiles.includes(url.origin)) {
    event.respondWith(fromTiles(request));
  }
});

/**
 * Keep the whole release, or fail and be tried again: half of one, or a page of one with a module of another, would be
 * an app that does not start. The hashes see to it, whichever web process answers.
 */
async function install() {
  const cache = await caches.open(NAME);
  const earlier = await Promise.all((await caches.keys()).filter((name) => name.startsWith(OURS) && name !== NAME).map((name) => caches.open(name)));
  await Promise.all([...Object.entries(release.files).map(([path, hash]) => keepFile(cache, earlier, path, hash)), ...release.pages.map((path) => keepPage(cache, path))]);
}

/**
 * @param {Cache} cache
 * @param {Cache[]} earlier releases; what has not changed is not fetched again
 * @param {string} path
 * @param {string} hash
 */
async function keepFile(cache, earlier, path, hash) {
  for (const other of [cache, ...earlier]) {
    const had = await other.match(path);
    if (had && (await hashOf(had.clone())) === hash) return cache.put(path, had);
  }
  const response = await fetch(path, { cache: "reload", credentials: "omit", integrity: hash });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return cache.put(path, response);
}

/**
 * @param {Cache} cache
 * @param {string} path
 */
async function keepPage(cache, path) {
  const response = await fetch(path, { cache: "reload", credentials: "omit" });
  if (!response.ok || response.redirected) throw new Error(`${path}: ${response.status}`);
  if (response.headers.get("X-Release") !== release.version) throw new Error(`${path} is of another release`);
  return cache.put(path, response);
}

async function activate() {
  for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== NAME) await caches.delete(name);
  await worker.clients.claim();
}

/**
 * @param {string} path
 * @param {Request} request
 */
async function fromKept(path, request) {
  const kept = await (await caches.open(NAME)).match(path);
  return kept ?? fetch(request);
}

/**
 * Show a request for backup to whoever asked to be woken (wake.js). What cannot be read is shown all the same: nothing else
 * is sent here.
 * @param {{json: () => any}|null} data
 */
function rung(data) {
  /** @type {{press?: string, level?: string, service?: string, unit?: string, silent?: boolean, drill?: boolean}} */
  let said = {};
  try {
    said = data?.json() ?? {};
  } catch {
    // It wakes without words.
  }
  const who = `${said.service === "EMS" ? "EMS" : "Police"} backup for ${said.unit || "a unit"}`;
  const level = said.level === "EMERGENCY" ? "EMERGENCY: " : "";
  return worker.registration.showNotification(`${said.drill ? "TEST: " : ""}${level}${who}`, {
    body: "Open CARE to see where. Other units: stay clear unless sent.",
    tag: `backup ${said.press ?? ""}`,
    // The next step of the same request rings again. Nobody beside a crew under duress is to hear it.
    renotify: !said.silent,
    silent: Boolean(said.silent),
    requireInteraction: true,
    icon: "/static/tablets/icon-192.png",
  });
}

/** Bring the app to the front, or open it. */
async function show() {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows.find(({ url }) => new URL(url).pathname.startsWith(HOME));
  await (open ? open.focus() : worker.clients.openWindow(HOME));
}

/**
 * A tile that was seen before comes from here; a new one is kept, and the oldest makes room. A server of tiles that lets
 * no other site read its answers is asked as ever, and nothing is kept: a browser counts such an answer as megabytes.
 * @param {Request} request
 */
async function fromTiles(request) {
  const cache = await caches.open(TILES);
  const had = await cache.match(request.url);
  if (had) return had;
  /** @type {Response} */
  let response;
  try {
    response = await fetch(request.url, { mode: "cors", credentials: "omit" });
  } catch {
    return fetch(request);
  }
  if (response.ok) {
    await cache.put(request.url, response.clone());
    const all = await cache.keys();
    for (const old of all.slice(0, Math.max(0, all.length - MOST_TILES))) await cache.delete(old);
  }
  return response;
}

/** @param {Response} response */
async function hashOf(response) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
