/**
 * Being woken by requests for backup while the app is in the background or the screen is off (RFC 8030).
 *
 * Asked for by a tap, never by itself: the browser shows its own question then. What wakes the tablet is shown by the
 * service worker. It is one more way to hear of a request, and no request waits for it.
 */

/** @typedef {import("./http.js").FetchJson} FetchJson */
/** `"none"`: not here (this browser, this address or this site cannot). `"forbidden"`: somebody said no to the browser's question.
 * @typedef {"none"|"off"|"on"|"forbidden"} WakeState
 */

const PATH = "/api/push-subscriptions/";
const SCOPE = "/tablet/";

export class Wake {
  /** @type {WakeState} */
  state = "none";

  #fetchJson;
  #onChange;
  #scope;
  /** The public key that this site wakes with. */
  #key = "";

  /**
   * @param {object} options
   * @param {FetchJson} options.fetchJson
   * @param {() => void} [options.onChange]
   * @param {string} [options.scope] whose worker is woken
   */
  constructor({ fetchJson, onChange, scope = SCOPE }) {
    this.#scope = scope;
    this.#fetchJson = fetchJson;
    this.#onChange = onChange ?? (() => {});
  }

  /**
   * See how it stands. Where the browser has a subscription the server is told of it once more: it may have forgotten it,
   * or have had it from whoever used this browser before. Without an answer everything stays as it was.
   */
  async look() {
    const manager = await pushManager(this.#scope);
    if (!manager) return this.#now("none");
    try {
      this.#key = (await this.#fetchJson(PATH)).public_key ?? "";
      if (!this.#key) return this.#now("none");
      const had = Notification.permission === "granted" ? await this.#ours(manager) : null;
      if (had) await this.#say(had);
      this.#now(had ? "on" : Notification.permission === "denied" ? "forbidden" : "off");
    } catch {
      // The next look tells.
    }
  }

  /**
   * Have this tablet woken from now on; called in a tap, which the browser wants for its question.
   * @returns {Promise<string>} what went wrong, or nothing
   */
  async turnOn() {
    try {
      if ((await Notification.requestPermission()) !== "granted") {
        this.#now(Notification.permission === "denied" ? "forbidden" : "off");
        return "The browser was not allowed to show notifications.";
      }
      const manager = await pushManager(this.#scope);
      if (!manager) return "This browser cannot be woken.";
      this.#key = (await this.#fetchJson(PATH)).public_key ?? "";
      const had = (await this.#ours(manager)) ?? (await manager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(this.#key) }));
      await this.#say(had);
      this.#now("on");
      return "";
    } catch {
      return "It could not be set up. Try again when there is signal.";
    }
  }

  /**
   * Have this tablet woken no longer.
   * @returns {Promise<string>} what went wrong, or nothing
   */
  async turnOff() {
    try {
      const had = await (await pushManager(this.#scope))?.getSubscription();
      if (had) {
        // The browser first: without signal it is woken no longer either, and the server hears so from the push service.
        await had.unsubscribe();
        this.#now("off");
        await this.#fetchJson(PATH, { endpoint: had.endpoint }, "DELETE").catch(() => {});
      }
      return "";
    } catch {
      return "It could not be taken back. Try again.";
    }
  }

  /**
   * What this browser has subscribed to with the site's present key. One with another key is ended: nothing comes by it.
   * @param {PushManager} manager
   */
  async #ours(manager) {
    const had = await manager.getSubscription();
    if (!had) return null;
    const key = had.options.applicationServerKey;
    if (key && base64(new Uint8Array(key)) === this.#key) return had;
    await had.unsubscribe();
    return null;
  }

  /** @param {PushSubscription} subscription */
  async #say(subscription) {
    const { endpoint, keys } = subscription.toJSON();
    await this.#fetchJson(PATH, { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"] });
  }

  /** @param {WakeState} state */
  #now(state) {
    if (state === this.state) return;
    this.state = state;
    this.#onChange();
  }
}

/**
 * @param {string} scope
 * @returns {Promise<PushManager|null>} null where there is none, or no worker yet that could be woken
 */
async function pushManager(scope) {
  if (!("serviceWorker" in navigator) || typeof PushManager === "undefined" || typeof Notification === "undefined") return null;
  const registration = await navigator.serviceWorker.getRegistration(scope).catch(() => undefined);
  return registration?.active ? registration.pushManager : null;
}

/** @param {string} text base64 for addresses, without padding */
const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
