/**
 * Shows what wakes the browser of somebody who sees to second responses: how many are due, and nothing of anybody. A supervisor
 * is woken by requests for backup too. It keeps no page and answers no request.
 */

/** @typedef {object} Worker
 * @property {{matchAll: (which: {type: "window", includeUncontrolled: true}) => Promise<{url: string, focus: () => Promise<unknown>}[]>, openWindow: (address: string) => Promise<unknown>}} clients
 * @property {{showNotification: (title: string, options: NotificationOptions & {renotify: boolean}) => Promise<void>}} registration
 * @property {(name: string, handler: (event: any) => void) => void} addEventListener
 */

const worker = /** @type {Worker} */ (/** @type {unknown} */ (self));
const BOARD = "/care/";
const DESK = "/desk/";
const ICON = "/static/tablets/icon-192.png";

worker.addEventListener("push", (event) => event.waitUntil(told(event.data)));
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.tag.startsWith("backup") ? DESK : BOARD));
});

/** @param {{json: () => any}|null} data */
function told(data) {
  /** @type {{type?: string, text?: string, tag?: string, press?: string, level?: string, service?: string, unit?: string, silent?: boolean, drill?: boolean}} */
  let said = {};
  try {
    said = data?.json() ?? {};
  } catch {
    // It wakes without words.
  }
  if (!said.press) {
    // Said once more it stands in the place of the first, and does not ring again.
    return worker.registration.showNotification("CARE Field", { body: said.text || "There is something to see to.", tag: said.tag || "care", renotify: false, icon: ICON });
  }
  const who = `${said.service === "EMS" ? "EMS" : "Police"} backup for ${said.unit || "a unit"}`;
  return worker.registration.showNotification(`${said.drill ? "TEST: " : ""}${said.level === "EMERGENCY" ? "EMERGENCY: " : ""}${who}`, {
    body: "Open the desk to see where.",
    tag: `backup ${said.press}`,
    renotify: !said.silent,
    silent: Boolean(said.silent),
    requireInteraction: true,
    icon: ICON,
  });
}

/**
 * Bring a page of this site to the front, or open one.
 * @param {string} address
 */
async function show(address) {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows.find(({ url }) => new URL(url).pathname.startsWith(address));
  await (open ? open.focus() : worker.clients.openWindow(address));
}
