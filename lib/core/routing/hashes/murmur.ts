/**
 * Austin Appleby's murmur hashes: the second as libhashkit and twemproxy use it for keys, the third as
 * pymemcache uses it to score a node.
 */

/** MurmurHash2 with libhashkit's seed, which is made from the length. twemproxy calls it `murmur`. */
export function murmur2(bytes: Uint8Array, length: number): number {
  const multiplier = 0x5bd1e995;
  let hash = Math.imul(0xdeadbeef, length) ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (i < length) {
    for (let shift = 0; i < length; i++, shift += 8) hash ^= bytes[i]! << shift;
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/**
 * MurmurHash3 (x86, 32 bit, seed 0) stopped after the first bytes of a text, so that many texts with the
 * same beginning cost only their ends.
 */
export class Murmur3Prefix {
  readonly #hash: number;
  /** The last one to three bytes of the prefix, which do not fill a word yet. */
  readonly #rest: number;
  readonly #length: number;

  constructor(prefix: Uint8Array) {
    const whole = prefix.length & ~3;
    let hash = 0;
    for (let i = 0; i < whole; i += 4) {
      hash = absorb(
        hash,
        prefix[i]! | (prefix[i + 1]! << 8) | (prefix[i + 2]! << 16) | (prefix[i + 3]! << 24),
      );
    }
    let rest = 0;
    for (let i = whole; i < prefix.length; i++) rest |= prefix[i]! << ((i - whole) * 8);
    this.#hash = hash;
    this.#rest = rest;
    this.#length = prefix.length;
  }

  /** The hash of the prefix followed by the first `length` of `bytes`. */
  finish(bytes: Uint8Array, length: number): number {
    let hash = this.#hash;
    let word = this.#rest;
    let shift = (this.#length & 3) * 8;
    for (let i = 0; i < length; i++) {
      word |= bytes[i]! << shift;
      shift += 8;
      if (shift === 32) {
        hash = absorb(hash, word);
        word = 0;
        shift = 0;
      }
    }
    if (shift > 0) hash ^= scramble(word);
    hash ^= this.#length + length;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function absorb(hash: number, word: number): number {
  const mixed = hash ^ scramble(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
