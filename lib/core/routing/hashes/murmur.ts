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
 * same beginning cost only their ends, and one end is unpacked once for many beginnings.
 */
export class Murmur3Prefix {
  readonly #hash: number;
  /** The last one to three bytes of the prefix, which do not fill a word yet. */
  readonly #rest: number;
  readonly #length: number;

  /** @param words - the prefix, four bytes to a word, lowest first; the bits behind its end are 0 */
  constructor(words: Int32Array, length: number) {
    const whole = length >>> 2;
    let hash = 0;
    for (let i = 0; i < whole; i++) hash = absorb(hash, words[i]!);
    this.#hash = hash;
    this.#rest = (length & 3) === 0 ? 0 : words[whole]!;
    this.#length = length;
  }

  /** The hash of the prefix followed by the `length` bytes in `words`, packed as the prefix is. */
  finish(words: Int32Array, length: number): number {
    const offset = this.#length & 3;
    const shift = offset * 8;
    const whole = length >>> 2;
    let hash = this.#hash;
    let carry = this.#rest;
    for (let i = 0; i < whole; i++) {
      const word = words[i]!;
      hash = absorb(hash, carry | (word << shift));
      carry = shift === 0 ? 0 : word >>> (32 - shift);
    }
    let left = offset;
    if ((length & 3) !== 0) {
      const word = words[whole]!;
      left += length & 3;
      carry |= word << shift;
      if (left >= 4) {
        hash = absorb(hash, carry);
        carry = shift === 0 ? 0 : word >>> (32 - shift);
        left -= 4;
      }
    }
    if (left > 0) hash ^= scramble(carry);
    hash ^= this.#length + length;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

/**
 * Packs the lower eight bits of every code point, which is what pymemcache hashes, four to a word; returns
 * how many there were. The last word is filled up with zeros.
 */
export function packLowBytes(text: string, words: Int32Array): number {
  let length = 0;
  let word = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code >= 0xd800 && code < 0xdc00) {
      code = text.codePointAt(i)!;
      if (code > 0xffff) i++;
    }
    word |= (code & 0xff) << ((length & 3) * 8);
    if ((++length & 3) === 0) {
      words[(length >>> 2) - 1] = word;
      word = 0;
    }
  }
  words[length >>> 2] = word;
  return length;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function absorb(hash: number, word: number): number {
  const mixed = hash ^ scramble(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
