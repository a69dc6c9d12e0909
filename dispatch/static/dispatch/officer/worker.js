/**
 * The officer's service worker: keeps the page and its modules, so that a referral can be drafted where there is no signal.
 *
 * The page holds nobody's data, and comes from the network wherever there is one: what is kept is for when there is none.
 * What the API answers never passes through it.
 *
 * Django puts `self.SHELL` before it: the version and the files.
 */

/** @typedef {{version: string, files: string[]}} Shell */
/**
 * @typedef {object} Worker
 * @property {Shell} SHELL
 * @property {() => Promise<void>} skipWaiting
 * @property {{claim: () => Promise<void>}} clients
 * @property {(name: string, handler: (event: any) => void) => void} addEventListener
 */

const worker = /** @type {Worker} */ (/** @type {unknown} */ (self));
const shell = worker.SHELL;
const OURS = "officer ";
const NAME = `${OURS}${shell.version}`;
const PAGE = "/officer/";
// A phone at the edge of a cell answers for a long time and then not at all.
const WAIT_MS = 4_000;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  // Signed out: the next one at this phone begins without the page of the last.
  if (event.data?.t === "forget") event.waitUntil(forget());
});
worker.addEventListener("fetch", (event) => {
  const request = /** @type {Request} */ (event.request);
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate" && url.pathname === PAGE) event.respondWith(page(request));
  else if (shell.files.includes(url.pathname)) event.respondWith(file(request, url.pathname));
});

async function install() {
  const cache = await caches.open(NAME);
  await cache.addAll(shell.files.map((path) => new Request(path, { cache: "reload", credentials: "omit" })));
  await worker.skipWaiting();
}

async function activate() {
  const cache = await caches.open(NAME);
  for (const name of await caches.keys()) {
    if (!name.startsWith(OURS) || name === NAME) continue;
    // The page that was kept goes on being kept until the network brings the next one.
    const kept = await (await caches.open(name)).match(PAGE);
    if (kept && !(await cache.match(PAGE))) await cache.put(PAGE, kept);
    await caches.delete(name);
  }
  await worker.clients.claim();
}

async function forget() {
  await (await caches.open(NAME)).delete(PAGE);
}

/** @param {Request} request */
async function page(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(PAGE);
  try {
    const response = await (kept ? Promise.race([fetch(request), late()]) : fetch(request));
    if (response.ok && !response.redirected && response.type === "basic") await cache.put(PAGE, response.clone());
    // Sent elsewhere to sign in: what was kept is of a session that has ended.
    else if (response.type === "opaqueredirect" || response.redirected || response.status === 403) await cache.delete(PAGE);
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/**
 * @param {Request} request
 * @param {string} path
 */
async function file(request, path) {
  return (await (await caches.open(NAME)).match(path)) ?? fetch(request);
}

/** @returns {Promise<never>} */
function late() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("no signal")), WAIT_MS));
}
