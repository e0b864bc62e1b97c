/**
 * The bytes of a key, as the hashes want them: UTF-8, written into memory that is used over and over.
 *
 * Invariant: the bytes are gone with the next key; a hash must not keep them.
 */

/** A 32-bit hash over the first `length` of `bytes`, as an unsigned number. */
export type ByteHash = (bytes: Uint8Array, length: number) => number;

const encoder = new TextEncoder();
// Keys have at most 250 bytes; whoever asks about a longer one gets memory of its own, given back after.
const scratch = new Uint8Array(1024);

/** Hashes the UTF-8 form of `key`. An ASCII key costs no allocation. */
export function hashKey(hash: ByteHash, key: string): number {
  const length = key.length;
  const bytes = length * 3 <= scratch.length ? scratch : new Uint8Array(length * 3);
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i);
    seen |= code;
    bytes[i] = code;
  }
  return hash(bytes, seen < 0x80 ? length : encoder.encodeInto(key, bytes).written);
}
