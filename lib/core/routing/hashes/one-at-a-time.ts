/**
 * Bob Jenkins' one-at-a-time hash as libhashkit has it: libmemcached's default. Bytes of 0x80 and more are
 * extended with their sign, as on x86 (see `fnv.ts`).
 */
export function oneAtATime(bytes: Uint8Array, length: number): number {
  let hash = 0;
  for (let i = 0; i < length; i++) {
    hash = (hash + ((bytes[i]! << 24) >> 24)) | 0;
    hash = (hash + (hash << 10)) | 0;
    hash ^= hash >>> 6;
  }
  hash = (hash + (hash << 3)) | 0;
  hash ^= hash >>> 11;
  return (hash + (hash << 15)) >>> 0;
}
