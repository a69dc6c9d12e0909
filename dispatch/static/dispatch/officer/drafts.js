/**
 * The one referral that is being written, kept on the phone until it is sent or its officer signs out.
 *
 * IndexedDB, and a database of its own: it is deleted whole, so that nothing of it is left.
 */

const NAME = "care officer";
const STORE = "draft";
const KEY = "referral";

/**
 * @typedef {object} Draft
 * @property {string} id the action's id: sent again after a lost answer, it counts once
 * @property {number} person whose it is
 * @property {string} step
 * @property {Record<string, any>} said
 */

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} run
 * @returns {Promise<T>}
 */
async function within(mode, run) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = run(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/**
 * Return what this person was writing. What another one left is erased.
 * @param {number} person
 * @returns {Promise<Draft|null>}
 */
export async function load(person) {
  const draft = /** @type {Draft|undefined} */ (await within("readonly", (store) => store.get(KEY)));
  if (draft && draft.person !== person) {
    await erase();
    return null;
  }
  return draft ?? null;
}

/**
 * @param {Draft} draft
 */
export async function keep(draft) {
  await within("readwrite", (store) => store.put(draft, KEY));
}

/** Leave nothing of it. */
export async function erase() {
  await new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = request.onerror = request.onblocked = () => resolve(undefined);
  });
}
