/**
 * The service worker from the page's side: begin it, and let a new release in when it disturbs nobody.
 *
 * A release that has come waits. It is let in by a page that is quiet (no call, nothing open, nothing typed), and every
 * page of this device then loads itself anew, each as soon as it is quiet too. What a crew did lies in IndexedDB and is
 * not touched by any of it.
 */

const LOOK_EVERY_MS = 30 * 60_000;
const TRY_EVERY_MS = 5_000;
const ADDRESS = "/tablet/sw.js";

export class Updates {
  /** Whether a newer release is here and waits for a quiet moment. */
  waiting = false;

  #quiet;
  #onChange;
  /** @type {ServiceWorkerRegistration|null} */
  #registration = null;
  #replaced = false;

  /**
   * @param {object} options
   * @param {() => boolean} options.quiet whether the page may be loaded anew now
   * @param {() => void} [options.onChange]
   */
  constructor({ quiet, onChange }) {
    this.#quiet = quiet;
    this.#onChange = onChange ?? (() => {});
  }

  /** Begin. Does nothing where a browser has no service workers, or not on this address (http, but for localhost). */
  async start() {
    const workers = navigator.serviceWorker;
    if (!workers) return;
    // The first worker of all takes a page over that it did not serve: nothing is newer then.
    let controlled = Boolean(workers.controller);
    workers.addEventListener("controllerchange", () => {
      if (controlled) this.#replaced = true;
      controlled = true;
      this.#step();
    });
    try {
      this.#registration = await workers.register(ADDRESS, { scope: "/tablet/", updateViaCache: "none" });
    } catch {
      // No network, and none was ever kept; or the release is being changed on the server. The next start tries again.
      return;
    }
    setInterval(() => this.look(), LOOK_EVERY_MS);
    setInterval(() => this.#step(), TRY_EVERY_MS);
    this.#step();
  }

  /** This page is too old for what another window of the app has made of the store: it is loaded anew when quiet. */
  due() {
    this.#replaced = true;
    this.#step();
  }

  /** Ask the server for a newer release. */
  look() {
    void this.#registration?.update().catch(() => {});
  }

  #step() {
    const waits = this.#replaced || Boolean(this.#registration?.waiting && navigator.serviceWorker.controller);
    if (waits !== this.waiting) {
      this.waiting = waits;
      this.#onChange();
    }
    if (!waits || !this.#quiet()) return;
    if (this.#replaced) location.reload();
    else this.#registration?.waiting?.postMessage({ t: "take over" });
  }
}
