/**
 * What the client flags of an item say about its bytes. This table is public: other programs may read and
 * write values by it, so a number, once given, keeps its meaning for ever.
 *
 *     bits 0-3   type of the value
 *     bits 4-5   compression of its bytes: 0 none, 1 deflate (zlib), 2 gzip, 3 brotli
 *     the rest   0
 *
 *     type  value            bytes
 *      0    foreign text     not written by this package; UTF-8
 *      1    string           ASCII
 *      2    string           UTF-8
 *      3    Buffer           as they are
 *      4    Uint8Array       as they are
 *      5    number           decimal text, as `String(n)` writes it; exact below 2^64; spaces behind it do not count
 *      6    boolean          `true` or `false`
 *      7    null             `null`
 *      8    bigint           decimal text below 2^64, hexadecimal (`0x`, `-0x`) beyond; spaces behind it likewise
 *      9    plain JSON       ASCII
 *     10    plain JSON       UTF-8
 *     11    tagged JSON      UTF-8; Date, bigint, bytes, Map, Set ... as written in `tagged.ts`
 *     12-14 free
 *     15    anything         what the configured serializer makes
 *
 * Invariant: own writes never have flags 0, so that text of other programs is told apart from ours.
 */
import { MemcachedDecodeError } from '../base/errors.js';

export const FOREIGN_TEXT = 0;
export const ASCII_TEXT = 1;
export const UTF8_TEXT = 2;
export const BUFFER = 3;
export const UINT8_ARRAY = 4;
export const NUMBER = 5;
export const BOOLEAN = 6;
export const NULL = 7;
export const BIGINT = 8;
export const ASCII_JSON = 9;
export const UTF8_JSON = 10;
export const TAGGED_JSON = 11;
export const CUSTOM = 15;

export const TYPE_MASK = 0x0f;
export const COMPRESSION_SHIFT = 4;
export const KNOWN_MASK = 0x3f;

/** The error for flags that are not in the table, with a guess at who wrote them. */
export function unknownFlags(flags: number): MemcachedDecodeError {
  return new MemcachedDecodeError(
    `The stored value has flags ${flags}, which this version never writes; ${writerOf(flags)} may have written it. ` +
      'Read it with the client that wrote it, or keep the two apart with a key prefix.',
  );
}

function writerOf(flags: number): string {
  if (flags >= 0 && flags <= KNOWN_MASK) {
    const type = flags & TYPE_MASK;
    if (type > TAGGED_JSON && type < CUSTOM) return 'a newer version of this package';
    return 'another client (flags 16 is text from pylibmc, or a compressed value from php-memcached)';
  }
  // Couchbase "common flags" keep the format in the top byte; spymemcached keeps the type in the second.
  if (flags >= 0x0100_0000 && flags < 0x0500_0000) return 'a Couchbase client';
  if (flags < 0x1_0000 && flags % 0x100 === 0) return 'a Java client (spymemcached or xmemcached)';
  return 'another client, or a newer version of this package,';
}
