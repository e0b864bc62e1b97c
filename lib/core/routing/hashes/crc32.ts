/**
 * CRC-32 as in IEEE 802.3, and the 15 bits of it that memcached clients use.
 */

const TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  TABLE[i] = crc;
}

/** The plain CRC-32; twemproxy calls it `crc32a`. */
export function crc32(bytes: Uint8Array, length: number): number {
  let crc = -1;
  for (let i = 0; i < length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Bits 16 to 30 of the CRC-32. This is libmemcached's `HASH_CRC`, twemproxy's `crc32`, and what vbuckets
 * are numbered by.
 */
export function crc32Upper(bytes: Uint8Array, length: number): number {
  return (crc32(bytes, length) >>> 16) & 0x7fff;
}
