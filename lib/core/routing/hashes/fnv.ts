/**
 * The four FNV hashes of libhashkit, which libmemcached and twemproxy share.
 *
 * Two quirks are part of them. The "64 bit" ones deliver their lower half, and the lower half of a product
 * depends on the lower halves of its factors only, so they run in 32 bits with the lower halves of the
 * 64-bit constants. And bytes pass through C's `char`, which x86 extends with its sign: a byte of 0x80 or
 * more flips the upper 24 bits too. (On arm64 `char` has no sign; those builds place keys that are not ASCII
 * elsewhere.)
 */

const OFFSET_32 = 0x811c9dc5;
const PRIME_32 = 0x01000193;
const OFFSET_64_LOWER = 0x84222325;
const PRIME_64_LOWER = 0x1b3;

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function multiplyFirst(offset: number, prime: number, bytes: Uint8Array, length: number): number {
  let hash = offset;
  for (let i = 0; i < length; i++) hash = Math.imul(hash, prime) ^ signed(bytes[i]!);
  return hash >>> 0;
}

function multiplyLast(offset: number, prime: number, bytes: Uint8Array, length: number): number {
  let hash = offset;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ signed(bytes[i]!), prime);
  return hash >>> 0;
}

export function fnv1x32(bytes: Uint8Array, length: number): number {
  return multiplyFirst(OFFSET_32, PRIME_32, bytes, length);
}

export function fnv1ax32(bytes: Uint8Array, length: number): number {
  return multiplyLast(OFFSET_32, PRIME_32, bytes, length);
}

export function fnv1x64(bytes: Uint8Array, length: number): number {
  return multiplyFirst(OFFSET_64_LOWER, PRIME_64_LOWER, bytes, length);
}

export function fnv1ax64(bytes: Uint8Array, length: number): number {
  return multiplyLast(OFFSET_64_LOWER, PRIME_64_LOWER, bytes, length);
}
