/**
 * Where a press outlives the page: a small database of its own, beside what else this tablet keeps.
 *
 * It is not encrypted, on purpose. The key to everything else is released by the server or by a PIN, and is gone when a
 * sign-on is over; a press has to go on after a restart in front of a lock screen that nobody opens. So nothing is kept
 * here that would need a key: an identifier that was made up for the press, times, how urgent it is, which service, and
 * where the tablet was. No name, no call, no word that anybody typed.
 */

/** @typedef {import("./lane.js").Kept} Kept */

/**
 * What a lane asks of its store. None of these may keep a press from being sent: they say whether it was kept, and never throw.
 * @typedef {object} PressStore
 * @property {() => Promise<Kept[]>} all
 * @property {(press: Kept) => Promise<boolean>} put
 * @property {(key: string) => Promise<void>} delete
 */

const NAME = "care-backup";
const PRESSES = "presses";

/** @implements {PressStore} */
export class Presses {
  #indexedDB;
  #name;
  /** @type {Promise<IDBDatabase>|null} */
  #opening = null;

  /**
   * @param {IDBFactory|null|undefined} indexedDB
   * @param {string} [name]
   */
  constructor(indexedDB, name = NAME) {
    this.#indexedDB = indexedDB;
    this.#name = name;
  }

  async all() {
    try {
      return /** @type {Kept[]} */ (await this.#do("readonly", (store) => store.getAll()));
    } catch {
      return [];
    }
  }

  /** @param {Kept} press */
  async put(press) {
    try {
      await this.#do("readwrite", (store) => store.put(press));
      return true;
    } catch {
      return false;
    }
  }

  /** @param {string} key */
  async delete(key) {
    try {
      await this.#do("readwrite", (store) => store.delete(key));
    } catch {
      // It comes back with the next start, is sent once more, and the server says again that it is closed.
    }
  }

  /**
   * @param {"readonly"|"readwrite"} mode
   * @param {(store: IDBObjectStore) => IDBRequest} work
   */
  async #do(mode, work) {
    const db = await this.#open();
    return new Promise((resolve, reject) => {
      let transaction;
      try {
        transaction = db.transaction(PRESSES, mode, mode === "readwrite" ? { durability: "strict" } : {});
      } catch (error) {
        // Erased or closed under us: the next one opens it anew.
        this.#opening = null;
        return reject(error);
      }
      const request = work(transaction.objectStore(PRESSES));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  #open() {
    this.#opening ??= new Promise((/** @type {(db: IDBDatabase) => void} */ resolve, reject) => {
      if (!this.#indexedDB) throw new Error("This browser opens no database.");
      const request = this.#indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(PRESSES, { keyPath: "key" });
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const db = request.result;
        db.onversionchange = db.onclose = () => {
          db.close();
          this.#opening = null;
        };
        resolve(db);
      };
    });
    this.#opening.catch(() => {
      this.#opening = null;
    });
    return this.#opening;
  }
}
