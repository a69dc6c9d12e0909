/**
 * Keys and what they close: documents at rest, sealed boxes that only the server opens, and PINs.
 *
 * A key that opens anything is in memory only and cannot be taken out of it. `subtle` is WebCrypto's; null where a page
 * may not use it (no TLS): then nothing is kept at rest either (MemoryStore), and what is "closed" here stays as it is.
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** What only the server opens. @typedef {{kid: string, epk: string, iv: string, ct: string}} Sealed */

/** To whom to seal: a P-256 point, uncompressed. @typedef {{kid: string, public: string}} SealTo */

/** Something closed with a key of ours. @typedef {{iv: Bytes, ct: Bytes}} Closed */

/**
 * The keys of one sign-on, in memory.
 * @typedef {object} Keys
 * @property {string} person
 * @property {string} keyId
 * @property {CryptoKey} shared opens this installation's documents
 * @property {CryptoKey} own opens what is this person's alone
 * @property {{key: CryptoKey, closed: Closed}} vault the raw keys, to wrap them under a PIN
 */

/**
 * The keys under a PIN, as they are kept.
 * @typedef {{salt: Bytes, rounds: number, closed: Closed}} Wrap
 */

/** PBKDF2 rounds for a PIN. A PIN is short: this, the device's own key and the few tries are what it has. */
export const PIN_ROUNDS = 1_000_000;

/** The key was dropped before the work was done. */
export class NoKey extends Error {
  constructor() {
    super("There is no key.");
  }
}

const utf8 = new TextEncoder();

export class Cipher {
  #subtle;

  /** @param {SubtleCrypto|null} subtle */
  constructor(subtle) {
    this.#subtle = subtle;
  }

  /** Whether anything can be closed at all. */
  get able() {
    return this.#subtle !== null;
  }

  /**
   * Make a person's keys out of what the server released. `own` may be missing: then it is derived.
   * @param {{person: string, keyId: string, key: Bytes, own?: Bytes|undefined}} released
   * @returns {Promise<Keys>}
   */
  async keys({ person, keyId, key, own }) {
    const subtle = this.#need();
    const personal = own ?? (await this.#derive(key, new Uint8Array(0), `care-field own 1|${person}`));
    const vaultKey = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const both = new Uint8Array(64);
    both.set(key);
    both.set(personal, 32);
    return {
      person,
      keyId,
      shared: await this.#aes(key),
      own: await this.#aes(personal),
      vault: { key: vaultKey, closed: await this.#encrypt(vaultKey, both, "vault") },
    };
  }

  /**
   * Close something that JSON can say.
   * @param {CryptoKey|null} key
   * @param {unknown} value
   * @param {string} about what it is bound to: it opens for nothing else
   * @returns {Promise<Closed|{plain: unknown}>}
   */
  async close(key, value, about) {
    if (!this.#subtle) return { plain: value };
    if (!key) throw new NoKey();
    return this.#encrypt(key, utf8.encode(JSON.stringify(value)), about);
  }

  /**
   * Open what `close` closed.
   * @param {CryptoKey|null} key
   * @param {Closed|{plain: unknown}} closed
   * @param {string} about
   * @returns {Promise<any>}
   * @throws {NoKey|Error} there is no key; or it is another, or something was changed
   */
  async open(key, closed, about) {
    if ("plain" in closed) return closed.plain;
    if (!key) throw new NoKey();
    return JSON.parse(new TextDecoder().decode(await this.#decrypt(key, closed, about)));
  }

  /**
   * Close bytes, for what is no JSON.
   * @param {CryptoKey} key
   * @param {Bytes} bytes
   * @param {string} about
   */
  closeBytes(key, bytes, about) {
    return this.#encrypt(key, bytes, about);
  }

  /**
   * @param {CryptoKey} key
   * @param {Closed} closed
   * @param {string} about
   */
  openBytes(key, closed, about) {
    return this.#decrypt(key, closed, about);
  }

  /**
   * Seal an action's arguments for the server: an ephemeral P-256 key, ECDH with the server's, HKDF-SHA256 (salt: the
   * ephemeral point), AES-256-GCM bound to the action's id. Nobody opens it here, not even who sealed it.
   * @param {Record<string, unknown>} args
   * @param {string} id the action's
   * @param {SealTo} to
   * @returns {Promise<Sealed>}
   */
  async seal(args, id, to) {
    const subtle = this.#need();
    const server = await subtle.importKey("raw", fromBase64(to.public), { name: "ECDH", namedCurve: "P-256" }, false, []);
    const pair = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const point = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
    const shared = new Uint8Array(await subtle.deriveBits({ name: "ECDH", public: server }, pair.privateKey, 256));
    const key = await this.#aes(await this.#derive(shared, point, `care-field seal 1|${to.kid}`));
    const { iv, ct } = await this.#encrypt(key, utf8.encode(JSON.stringify(args)), id);
    return { kid: to.kid, epk: toBase64Url(point), iv: toBase64Url(iv), ct: toBase64Url(ct) };
  }

  /**
   * Make this device's own key, without which no PIN opens anything. It stays in this browser.
   * @returns {Promise<CryptoKey>}
   */
  async deviceKey() {
    return this.#need().generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  }

  /**
   * Wrap a person's keys under a PIN and this device.
   * @param {Keys} keys
   * @param {string} pin
   * @param {CryptoKey} device
   * @returns {Promise<Wrap>}
   */
  async wrap(keys, pin, device) {
    const raw = await this.#decrypt(keys.vault.key, keys.vault.closed, "vault");
    const salt = random(16);
    const key = await this.#pinKey(pin, salt, PIN_ROUNDS, device);
    return { salt, rounds: PIN_ROUNDS, closed: await this.#encrypt(key, raw, `pin|${keys.person}|${keys.keyId}`) };
  }

  /**
   * Open a person's keys with the PIN; null when it is another PIN.
   * @param {Wrap} wrap
   * @param {string} pin
   * @param {CryptoKey} device
   * @param {{person: string, keyId: string}} whose
   * @returns {Promise<Keys|null>}
   */
  async unwrap(wrap, pin, device, { person, keyId }) {
    const key = await this.#pinKey(pin, wrap.salt, wrap.rounds, device);
    let raw;
    try {
      raw = await this.#decrypt(key, wrap.closed, `pin|${person}|${keyId}`);
    } catch {
      return null;
    }
    return this.keys({ person, keyId, key: raw.slice(0, 32), own: raw.slice(32) });
  }

  /**
   * @param {string} pin
   * @param {Bytes} salt
   * @param {number} rounds
   * @param {CryptoKey} device
   */
  async #pinKey(pin, salt, rounds, device) {
    const subtle = this.#need();
    const base = await subtle.importKey("raw", utf8.encode(pin), "PBKDF2", false, ["deriveBits"]);
    const bits = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds }, base, 256);
    return this.#aes(new Uint8Array(await subtle.sign("HMAC", device, bits)));
  }

  /**
   * @param {Bytes} secret
   * @param {Bytes} salt
   * @param {string} info
   * @returns {Promise<Bytes>}
   */
  async #derive(secret, salt, info) {
    const subtle = this.#need();
    const base = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
    return new Uint8Array(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: utf8.encode(info) }, base, 256));
  }

  /** @param {Bytes} raw */
  #aes(raw) {
    return this.#need().importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  }

  /**
   * @param {CryptoKey} key
   * @param {Bytes} bytes
   * @param {string} about
   * @returns {Promise<Closed>}
   */
  async #encrypt(key, bytes, about) {
    const iv = random(12);
    const ct = await this.#need().encrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(about) }, key, bytes);
    return { iv, ct: new Uint8Array(ct) };
  }

  /**
   * @param {CryptoKey} key
   * @param {Closed} closed
   * @param {string} about
   * @returns {Promise<Bytes>}
   */
  async #decrypt(key, { iv, ct }, about) {
    return new Uint8Array(await this.#need().decrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(about) }, key, ct));
  }

  /** @returns {SubtleCrypto} */
  #need() {
    if (!this.#subtle) throw new Error("This page may not use WebCrypto.");
    return this.#subtle;
  }
}

/**
 * @param {number} length
 * @returns {Bytes}
 */
function random(length) {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

/**
 * Read base64, with or without padding, of either alphabet.
 * @param {string} text
 * @returns {Bytes}
 */
export function fromBase64(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

/**
 * Write base64url without padding.
 * @param {Bytes} bytes
 */
export function toBase64Url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
