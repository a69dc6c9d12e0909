/**
 * This browser's part of the device: its database, its cryptography, its locks.
 */

import { newId } from "./actions.js";
import { Device } from "./sync/device.js";
import { clock } from "./times.js";

/** The app's idea of what documents hold; raised when a document's body changes so that older ones must come again. */
export const SCHEMA = 1;

/**
 * Open what this tablet keeps. A browser that opens no database gets a device that keeps nothing, and says so.
 * @param {object} options
 * @param {import("./http.js").FetchJson} options.fetchJson
 * @param {string} options.version of the app
 * @param {(change: import("./sync/device.js").DeviceChange) => void} options.onChange
 * @returns {Promise<Device>}
 */
export async function openHere({ fetchJson, version, onChange }) {
  const parts = {
    subtle: globalThis.crypto.subtle,
    locks: navigator.locks,
    channel: typeof BroadcastChannel === "function" ? new BroadcastChannel("care") : undefined,
    fetchJson,
    clock,
    random: Math.random,
    uuid: newId,
    schema: SCHEMA,
    appVersion: version,
    onChange,
    persist: async () => (await navigator.storage?.persist?.()) ?? false,
  };
  try {
    return await Device.open({ ...parts, indexedDB: globalThis.indexedDB });
  } catch {
    return Device.open({ ...parts, indexedDB: undefined });
  }
}
