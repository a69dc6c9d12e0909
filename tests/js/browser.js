/**
 * What every browser has and Debian's Node 18 does not: loaded before the tests (`node --import`).
 */
import { webcrypto } from "node:crypto";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto);
