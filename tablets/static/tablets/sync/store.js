/**
 * What outlives the page: six stores in IndexedDB, and one way to change them, a transaction that does all of it or
 * nothing. Where a browser has no IndexedDB to give, the same in memory.
 *
 * Nothing here encrypts. Whoever calls does that first: a transaction that waits for anything but its own requests ends.
 */

/** @typedef {"documents"|"streams"|"outbox"|"answers"|"attachments"|"meta"} StoreName */

/**
 * Inside one transaction. Only these may be awaited while it runs.
 * @typedef {object} Work
 * @property {(store: StoreName, key: Key) => Promise<any>} get
 * @property {(store: StoreName) => Promise<any[]>} all in the order of the keys
 * @property {(store: StoreName) => Promise<number>} count
 * @property {(store: StoreName, record: any) => void} put
 * @property {(store: StoreName, key: Key) => void} delete
 * @property {(store: StoreName) => void} clear
 * @property {(stream: string) => Promise<void>} clearStream deletes the documents of one stream
 */

/** @typedef {string|number|(string|number)[]} Key */

/** @type {Record<StoreName, string|string[]>} */
const KEYS = {
  documents: ["stream", "c", "id"],
  streams: "name",
  outbox: "seq",
  answers: "seq",
  attachments: "sha256",
  meta: "key",
};

export const STORES = /** @type {StoreName[]} */ (Object.keys(KEYS));

/** Version of the stores. A step to a newer one may rebuild what the server can send again; see `upgrade`. */
export const VERSION = 1;

/**
 * The store could not do it. `quota`: there is no room. `gone`: the browser or somebody erased it. `outdated`: a newer
 * version of the app has it open. `storage`: anything else.
 */
export class StoreError extends Error {
  /**
   * @param {"quota"|"gone"|"outdated"|"storage"} code
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(code, message, cause) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Bring a database from `from` (0: new) to this version. The outbox, its answers and the attachments are made once and
 * never touched again, whatever else is rebuilt: what is in them exists nowhere else.
 * @param {IDBDatabase} db
 * @param {number} from
 * @param {readonly number[]} [rebuilding] versions that changed the shape of what the server can send again
 */
export function upgrade(db, from, rebuilding = []) {
  if (from > 0 && rebuilding.some((version) => version > from)) {
    for (const name of ["documents", "streams"]) if (db.objectStoreNames.contains(name)) db.deleteObjectStore(name);
  }
  for (const name of STORES) {
    if (db.objectStoreNames.contains(name)) continue;
    const store = db.createObjectStore(name, { keyPath: KEYS[name] });
    if (name === "documents") store.createIndex("stream", "stream");
  }
}

export class Store {
  /** Whether what is put here outlives the page. */
  durable = true;
  /** Called when the database was erased or taken over under us. @type {(why: "gone"|"outdated") => void} */
  onLost = () => {};

  #indexedDB;
  #name;
  #version;
  #rebuilding;
  /** @type {IDBDatabase|null} */
  #db = null;
  /** @type {Promise<IDBDatabase>|null} */
  #opening = null;
  #closed = false;

  /**
   * @param {object} options
   * @param {IDBFactory} options.indexedDB
   * @param {string} options.name
   * @param {number} [options.version]
   * @param {readonly number[]} [options.rebuilding]
   */
  constructor({ indexedDB, name, version = VERSION, rebuilding = [] }) {
    this.#indexedDB = indexedDB;
    this.#name = name;
    this.#version = version;
    this.#rebuilding = rebuilding;
  }

  /**
   * Do `work` in one transaction over `names`, and return what it returned once that is kept.
   * @template T
   * @param {readonly StoreName[]} names
   * @param {"readonly"|"readwrite"} mode
   * @param {(work: Work) => Promise<T>|T} work
   * @param {{strict?: boolean}} [options] strict: not before it is on the disk, as far as the browser can tell
   * @returns {Promise<T>}
   */
  async run(names, mode, work, { strict = false } = {}) {
    const db = await this.#open();
    return new Promise((resolve, reject) => {
      /** @type {IDBTransaction} */
      let transaction;
      try {
        transaction = db.transaction([...names], mode, mode === "readwrite" ? { durability: strict ? "strict" : "relaxed" } : {});
      } catch (error) {
        // The connection is closing: the database was erased, and nobody told us yet.
        this.#lose("gone");
        reject(new StoreError("gone", "The store on this device was erased.", error));
        return;
      }
      /** @type {T} */
      let result;
      /** @type {unknown} */
      let failure;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(asStoreError(failure ?? transaction.error));
      /** @param {unknown} error */
      const fail = (error) => {
        failure ??= error;
        try {
          transaction.abort();
        } catch {
          // It has ended already; how it ended is what counts.
          reject(asStoreError(failure));
        }
      };
      try {
        Promise.resolve(work(workIn(transaction, fail))).then((value) => {
          result = value;
        }, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Erase the database itself. */
  async erase() {
    this.#db?.close();
    this.#db = null;
    this.#opening = null;
    await new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
      const request = this.#indexedDB.deleteDatabase(this.#name);
      request.onsuccess = () => resolve();
      request.onerror = () => reject(asStoreError(request.error));
    });
  }

  close() {
    this.#closed = true;
    this.#db?.close();
    this.#db = null;
  }

  /** @returns {Promise<IDBDatabase>} */
  async #open() {
    if (this.#closed) throw new StoreError("storage", "The store is closed.");
    if (this.#db) return this.#db;
    this.#opening ??= new Promise((/** @type {(db: IDBDatabase) => void} */ resolve, reject) => {
      const request = this.#indexedDB.open(this.#name, this.#version);
      request.onupgradeneeded = (event) => upgrade(request.result, event.oldVersion, this.#rebuilding);
      request.onsuccess = () => resolve(this.#opened(request.result));
      request.onerror = () => reject(request.error?.name === "VersionError" ? new StoreError("outdated", "A newer version of the app keeps this store.", request.error) : asStoreError(request.error));
    }).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /**
   * At once, and not a moment later: who erases or upgrades the database waits for us to let go.
   * @param {IDBDatabase} db
   */
  #opened(db) {
    db.onversionchange = (event) => {
      db.close();
      if (this.#db === db) this.#lose(event.newVersion === null ? "gone" : "outdated");
    };
    db.onclose = () => {
      if (this.#db === db) this.#lose("gone");
    };
    if (this.#closed) db.close();
    else this.#db = db;
    return db;
  }

  /** @param {"gone"|"outdated"} why */
  #lose(why) {
    if (!this.#db) return;
    this.#db = null;
    this.onLost(why);
  }
}

/**
 * @param {IDBTransaction} transaction
 * @param {(error: unknown) => void} fail
 * @returns {Work}
 */
function workIn(transaction, fail) {
  /**
   * @template T
   * @param {IDBRequest<T>} request
   * @returns {Promise<T>}
   */
  const answer = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  /** A write that fails ends the whole, and nobody has to wait for it. @param {() => IDBRequest} write */
  const write = (write) => {
    try {
      const request = write();
      request.onerror = () => fail(request.error);
    } catch (error) {
      fail(error);
    }
  };
  const objectStore = (/** @type {StoreName} */ name) => transaction.objectStore(name);
  return {
    get: (store, key) => answer(objectStore(store).get(key)),
    all: (store) => answer(objectStore(store).getAll()),
    count: (store) => answer(objectStore(store).count()),
    put: (store, record) => write(() => objectStore(store).put(record)),
    delete: (store, key) => write(() => objectStore(store).delete(key)),
    clear: (store) => write(() => objectStore(store).clear()),
    clearStream: async (stream) => {
      const keys = await answer(objectStore("documents").index("stream").getAllKeys(stream));
      for (const key of keys) write(() => objectStore("documents").delete(key));
    },
  };
}

/** @param {unknown} error */
function asStoreError(error) {
  if (error instanceof StoreError) return error;
  const { name = "", message = "" } = /** @type {Partial<Error>} */ (error ?? {});
  if (name === "QuotaExceededError") return new StoreError("quota", "This device has no room left.", error);
  return new StoreError("storage", `The store on this device failed: ${message || name || "no reason given"}.`, error);
}

/**
 * The same stores, for a page that may not use IndexedDB or WebCrypto (no TLS): nothing outlives the page.
 * @implements {Pick<Store, "run"|"erase"|"close"|"durable"|"onLost">}
 */
export class MemoryStore {
  durable = false;
  /** @type {(why: "gone"|"outdated") => void} */
  onLost = () => {};
  /** @type {Map<StoreName, Map<string, any>>} */
  #stores = new Map(STORES.map((name) => [name, new Map()]));
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /**
   * @template T
   * @param {readonly StoreName[]} _names
   * @param {"readonly"|"readwrite"} _mode
   * @param {(work: Work) => Promise<T>|T} work
   * @returns {Promise<T>}
   */
  run(_names, _mode, work) {
    const done = this.#turn.then(async () => {
      const before = new Map([...this.#stores].map(([name, records]) => [name, new Map(records)]));
      try {
        return await work(this.#work());
      } catch (error) {
        this.#stores = before;
        throw error;
      }
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  async erase() {
    for (const records of this.#stores.values()) records.clear();
  }

  close() {}

  /** @returns {Work} */
  #work() {
    const of = (/** @type {StoreName} */ name) => /** @type {Map<string, any>} */ (this.#stores.get(name));
    const keyOf = (/** @type {StoreName} */ name, /** @type {any} */ record) => {
      const path = KEYS[name];
      return JSON.stringify(Array.isArray(path) ? path.map((part) => record[part]) : record[path]);
    };
    return {
      get: async (store, key) => of(store).get(JSON.stringify(key)),
      all: async (store) => [...of(store).values()].sort((a, b) => (typeof a.seq === "number" ? a.seq - b.seq : 0)),
      count: async (store) => of(store).size,
      put: (store, record) => void of(store).set(keyOf(store, record), structuredClone(record)),
      delete: (store, key) => void of(store).delete(JSON.stringify(key)),
      clear: (store) => of(store).clear(),
      clearStream: async (stream) => {
        for (const [key, record] of of("documents")) if (record.stream === stream) of("documents").delete(key);
      },
    };
  }
}
