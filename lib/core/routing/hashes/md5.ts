/**
 * MD5 (RFC 1321) of short texts, for placing keys on a ring; it protects nothing.
 *
 * Why not `node:crypto`: for a 20-byte key `createHash` takes 2 400 ns of CPU and the one-shot
 * `crypto.hash` 2 000 (740 as hex), nearly all of it for crossing into C++ and for the result's memory; here it
 * is 270 and no garbage. It also works where OpenSSL runs in FIPS mode, which has no MD5. The steps are
 * written out because loops over tables, or a function per step, cost 1.3 to 4 times as much (Node 20).
 */

/** The block in work: sixteen little-endian words. */
const block = new Int32Array(16);
/** The digest so far: four words. */
const state = new Int32Array(4);

/** The first four bytes of the digest as a little-endian number: how ketama hashes a key. */
export function md5(bytes: Uint8Array, length: number): number {
  digest(bytes, length);
  return state[0]! >>> 0;
}

/** All sixteen bytes of the digest as four little-endian numbers, written into `words`. */
export function md5Words(bytes: Uint8Array, length: number, words: Uint32Array): void {
  digest(bytes, length);
  words.set(state);
}

function digest(bytes: Uint8Array, length: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  let at = 0;
  for (; at + 64 <= length; at += 64) {
    for (let word = 0; word < 16; word++) block[word] = wordAt(bytes, at + word * 4);
    compress();
  }
  // The last bytes, one bit, zeros, and the length in bits, of which the upper half stays 0.
  const words = (length - at) >>> 2;
  for (let word = 0; word < words; word++) block[word] = wordAt(bytes, at + word * 4);
  let last = 0x80 << ((length & 3) * 8);
  for (let i = at + words * 4, shift = 0; i < length; i++, shift += 8) last |= bytes[i]! << shift;
  block[words] = last;
  block.fill(0, words + 1);
  if (words >= 14) {
    compress();
    block.fill(0);
  }
  block[14] = length << 3;
  compress();
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Mixes {@link block} into {@link state}. */
function compress(): void {
  const w0 = block[0]!;
  const w1 = block[1]!;
  const w2 = block[2]!;
  const w3 = block[3]!;
  const w4 = block[4]!;
  const w5 = block[5]!;
  const w6 = block[6]!;
  const w7 = block[7]!;
  const w8 = block[8]!;
  const w9 = block[9]!;
  const w10 = block[10]!;
  const w11 = block[11]!;
  const w12 = block[12]!;
  const w13 = block[13]!;
  const w14 = block[14]!;
  const w15 = block[15]!;
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  // round 1
  a = (((a + (d ^ (b & (c ^ d)))) | 0) + ((w0 + 0xd76aa478) | 0)) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (((d + (c ^ (a & (b ^ c)))) | 0) + ((w1 + 0xe8c7b756) | 0)) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (((c + (b ^ (d & (a ^ b)))) | 0) + ((w2 + 0x242070db) | 0)) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (((b + (a ^ (c & (d ^ a)))) | 0) + ((w3 + 0xc1bdceee) | 0)) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (((a + (d ^ (b & (c ^ d)))) | 0) + ((w4 + 0xf57c0faf) | 0)) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (((d + (c ^ (a & (b ^ c)))) | 0) + ((w5 + 0x4787c62a) | 0)) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (((c + (b ^ (d & (a ^ b)))) | 0) + ((w6 + 0xa8304613) | 0)) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (((b + (a ^ (c & (d ^ a)))) | 0) + ((w7 + 0xfd469501) | 0)) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (((a + (d ^ (b & (c ^ d)))) | 0) + ((w8 + 0x698098d8) | 0)) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (((d + (c ^ (a & (b ^ c)))) | 0) + ((w9 + 0x8b44f7af) | 0)) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (((c + (b ^ (d & (a ^ b)))) | 0) + ((w10 + 0xffff5bb1) | 0)) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (((b + (a ^ (c & (d ^ a)))) | 0) + ((w11 + 0x895cd7be) | 0)) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (((a + (d ^ (b & (c ^ d)))) | 0) + ((w12 + 0x6b901122) | 0)) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (((d + (c ^ (a & (b ^ c)))) | 0) + ((w13 + 0xfd987193) | 0)) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (((c + (b ^ (d & (a ^ b)))) | 0) + ((w14 + 0xa679438e) | 0)) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (((b + (a ^ (c & (d ^ a)))) | 0) + ((w15 + 0x49b40821) | 0)) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  // round 2
  a = (((a + (c ^ (d & (b ^ c)))) | 0) + ((w1 + 0xf61e2562) | 0)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (((d + (b ^ (c & (a ^ b)))) | 0) + ((w6 + 0xc040b340) | 0)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (((c + (a ^ (b & (d ^ a)))) | 0) + ((w11 + 0x265e5a51) | 0)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (((b + (d ^ (a & (c ^ d)))) | 0) + ((w0 + 0xe9b6c7aa) | 0)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (((a + (c ^ (d & (b ^ c)))) | 0) + ((w5 + 0xd62f105d) | 0)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (((d + (b ^ (c & (a ^ b)))) | 0) + ((w10 + 0x02441453) | 0)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (((c + (a ^ (b & (d ^ a)))) | 0) + ((w15 + 0xd8a1e681) | 0)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (((b + (d ^ (a & (c ^ d)))) | 0) + ((w4 + 0xe7d3fbc8) | 0)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (((a + (c ^ (d & (b ^ c)))) | 0) + ((w9 + 0x21e1cde6) | 0)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (((d + (b ^ (c & (a ^ b)))) | 0) + ((w14 + 0xc33707d6) | 0)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (((c + (a ^ (b & (d ^ a)))) | 0) + ((w3 + 0xf4d50d87) | 0)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (((b + (d ^ (a & (c ^ d)))) | 0) + ((w8 + 0x455a14ed) | 0)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (((a + (c ^ (d & (b ^ c)))) | 0) + ((w13 + 0xa9e3e905) | 0)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (((d + (b ^ (c & (a ^ b)))) | 0) + ((w2 + 0xfcefa3f8) | 0)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (((c + (a ^ (b & (d ^ a)))) | 0) + ((w7 + 0x676f02d9) | 0)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (((b + (d ^ (a & (c ^ d)))) | 0) + ((w12 + 0x8d2a4c8a) | 0)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  // round 3
  a = (((a + (b ^ c ^ d)) | 0) + ((w5 + 0xfffa3942) | 0)) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (((d + (a ^ b ^ c)) | 0) + ((w8 + 0x8771f681) | 0)) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (((c + (d ^ a ^ b)) | 0) + ((w11 + 0x6d9d6122) | 0)) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (((b + (c ^ d ^ a)) | 0) + ((w14 + 0xfde5380c) | 0)) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (((a + (b ^ c ^ d)) | 0) + ((w1 + 0xa4beea44) | 0)) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (((d + (a ^ b ^ c)) | 0) + ((w4 + 0x4bdecfa9) | 0)) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (((c + (d ^ a ^ b)) | 0) + ((w7 + 0xf6bb4b60) | 0)) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (((b + (c ^ d ^ a)) | 0) + ((w10 + 0xbebfbc70) | 0)) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (((a + (b ^ c ^ d)) | 0) + ((w13 + 0x289b7ec6) | 0)) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (((d + (a ^ b ^ c)) | 0) + ((w0 + 0xeaa127fa) | 0)) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (((c + (d ^ a ^ b)) | 0) + ((w3 + 0xd4ef3085) | 0)) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (((b + (c ^ d ^ a)) | 0) + ((w6 + 0x04881d05) | 0)) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (((a + (b ^ c ^ d)) | 0) + ((w9 + 0xd9d4d039) | 0)) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (((d + (a ^ b ^ c)) | 0) + ((w12 + 0xe6db99e5) | 0)) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (((c + (d ^ a ^ b)) | 0) + ((w15 + 0x1fa27cf8) | 0)) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (((b + (c ^ d ^ a)) | 0) + ((w2 + 0xc4ac5665) | 0)) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  // round 4
  a = (((a + (c ^ (b | ~d))) | 0) + ((w0 + 0xf4292244) | 0)) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (((d + (b ^ (a | ~c))) | 0) + ((w7 + 0x432aff97) | 0)) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (((c + (a ^ (d | ~b))) | 0) + ((w14 + 0xab9423a7) | 0)) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (((b + (d ^ (c | ~a))) | 0) + ((w5 + 0xfc93a039) | 0)) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (((a + (c ^ (b | ~d))) | 0) + ((w12 + 0x655b59c3) | 0)) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (((d + (b ^ (a | ~c))) | 0) + ((w3 + 0x8f0ccc92) | 0)) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (((c + (a ^ (d | ~b))) | 0) + ((w10 + 0xffeff47d) | 0)) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (((b + (d ^ (c | ~a))) | 0) + ((w1 + 0x85845dd1) | 0)) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (((a + (c ^ (b | ~d))) | 0) + ((w8 + 0x6fa87e4f) | 0)) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (((d + (b ^ (a | ~c))) | 0) + ((w15 + 0xfe2ce6e0) | 0)) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (((c + (a ^ (d | ~b))) | 0) + ((w6 + 0xa3014314) | 0)) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (((b + (d ^ (c | ~a))) | 0) + ((w13 + 0x4e0811a1) | 0)) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (((a + (c ^ (b | ~d))) | 0) + ((w4 + 0xf7537e82) | 0)) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (((d + (b ^ (a | ~c))) | 0) + ((w11 + 0xbd3af235) | 0)) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (((c + (a ^ (d | ~b))) | 0) + ((w2 + 0x2ad7d2bb) | 0)) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (((b + (d ^ (c | ~a))) | 0) + ((w9 + 0xeb86d391) | 0)) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
}
