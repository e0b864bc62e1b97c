/**
 * Key hashes by name, spelled as in twemproxy's configuration, and the hash tag that narrows them.
 * libmemcached's `crc` is `crc32` here and its `default` is `one_at_a_time`; the rest is called the same.
 */
import { crc32, crc32Upper } from './crc32.js';
import { fnv1ax32, fnv1ax64, fnv1x32, fnv1x64 } from './fnv.js';
import { type ByteHash, hashKey } from './key-bytes.js';
import { md5 } from './md5.js';
import { murmur2 } from './murmur.js';
import { oneAtATime } from './one-at-a-time.js';

const HASHES = {
  md5,
  one_at_a_time: oneAtATime,
  crc32: crc32Upper,
  crc32a: crc32,
  fnv1_64: fnv1x64,
  fnv1a_64: fnv1ax64,
  fnv1_32: fnv1x32,
  fnv1a_32: fnv1ax32,
  murmur: murmur2,
} as const satisfies Record<string, ByteHash>;

export type KeyHashName = keyof typeof HASHES;

export const KEY_HASH_NAMES = Object.keys(HASHES) as readonly KeyHashName[];

export function byteHash(name: KeyHashName): ByteHash {
  return HASHES[name];
}

/** Turns a key into an unsigned 32-bit number. */
export type KeyHash = (key: string) => number;

/**
 * @param hashTag - two characters: of a key that has something between the first and the next second of
 *   them, only that is hashed, so that `user:{7}:name` and `user:{7}:mail` meet on one node
 */
export function keyHash(name: KeyHashName, hashTag?: string): KeyHash {
  const hash = byteHash(name);
  if (hashTag === undefined) return (key) => hashKey(hash, key);
  const open = hashTag[0]!;
  const close = hashTag[1]!;
  return (key) => hashKey(hash, tagOf(key, open, close));
}

function tagOf(key: string, open: string, close: string): string {
  const start = key.indexOf(open);
  if (start === -1) return key;
  const end = key.indexOf(close, start + 1);
  return end - start > 1 ? key.slice(start + 1, end) : key;
}
