import { createHash } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32, crc32Upper } from '../../lib/core/routing/hashes/crc32.js';
import { fnv1ax32, fnv1ax64, fnv1x32, fnv1x64 } from '../../lib/core/routing/hashes/fnv.js';
import { type ByteHash, hashKey } from '../../lib/core/routing/hashes/key-bytes.js';
import { byteHash, KEY_HASH_NAMES, keyHash } from '../../lib/core/routing/hashes/key-hash.js';
import { md5, md5Words } from '../../lib/core/routing/hashes/md5.js';
import { Murmur3Prefix, packLowBytes } from '../../lib/core/routing/hashes/murmur.js';
import { oneAtATime } from '../../lib/core/routing/hashes/one-at-a-time.js';
import { type Placement, vectors } from './support/vectors.js';

/** Any string a program can hold, halves of surrogate pairs included. */
const anyString = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })), { maxLength: 400 })
  .map((units) => String.fromCharCode(...units));

const anyBytes = fc.uint8Array({ maxLength: 400 });

function over(hash: ByteHash, text: string): number {
  const bytes = Buffer.from(text);
  return hash(bytes, bytes.length);
}

describe('hashKey', () => {
  test('hands over the UTF-8 bytes of any string', () => {
    fc.assert(
      fc.property(anyString, (key) => {
        let seen: Buffer | undefined;
        hashKey((bytes, length) => {
          seen = Buffer.from(bytes.subarray(0, length));
          return 0;
        }, key);
        expect(seen).toEqual(Buffer.from(key));
      }),
    );
  });

  test('hands over all of a key longer than any server takes', () => {
    for (const length of [341, 342, 400, 1_024, 5_000]) {
      expect(hashKey((_, bytes) => bytes, '€'.repeat(length))).toBe(length * 3);
      expect(hashKey((_, bytes) => bytes, 'k'.repeat(length))).toBe(length);
    }
  });

  test('uses the same memory again for keys a server would take', () => {
    const memory = new Set<Uint8Array>();
    for (const key of ['', 'a', 'k'.repeat(250), 'é'.repeat(125)]) {
      hashKey((bytes) => memory.add(bytes).size, key);
    }
    expect(memory.size).toBe(1);
  });
});

describe('md5', () => {
  test('agrees with OpenSSL for every length', () => {
    const words = new Uint32Array(4);
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const expected = createHash('md5').update(bytes).digest();
        expect(md5(bytes, bytes.length)).toBe(expected.readUInt32LE(0));
        md5Words(bytes, bytes.length, words);
        expect([...words]).toEqual([0, 4, 8, 12].map((at) => expected.readUInt32LE(at)));
      }),
    );
    for (let length = 0; length <= 200; length++) {
      const bytes = Buffer.alloc(length, 0xa5);
      expect(md5(bytes, length)).toBe(createHash('md5').update(bytes).digest().readUInt32LE(0));
    }
  });

  test('reads no byte behind the length', () => {
    const bytes = Buffer.from('foobar and what is left of an earlier key');
    expect(md5(bytes, 6)).toBe(over(md5, 'foobar'));
  });
});

describe('crc32', () => {
  test('agrees with zlib', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) =>
        expect(crc32(bytes, bytes.length)).toBe(zlibCrc32(Buffer.from(bytes))),
      ),
    );
    expect(over(crc32, '123456789')).toBe(0xcbf43926);
  });

  test('its upper part is bits 16 to 30', () => {
    expect(over(crc32Upper, '123456789')).toBe(0xcbf4 & 0x7fff);
  });
});

describe('fnv', () => {
  /** The hashes as they are in C, in 64 bits, with `char` signed. */
  function reference(text: string, offset: bigint, prime: bigint, multiplyFirst: boolean): number {
    let hash = offset;
    for (const byte of Buffer.from(text)) {
      const signed = BigInt.asUintN(64, BigInt((byte << 24) >> 24));
      hash = multiplyFirst ? (hash * prime) ^ signed : (hash ^ signed) * prime;
      hash = BigInt.asUintN(64, hash);
    }
    return Number(BigInt.asUintN(32, hash));
  }

  test('is the lower half of the C code in 64 bits, whatever the bytes', () => {
    const offset64 = 0xcbf29ce484222325n;
    const prime64 = 0x100000001b3n;
    fc.assert(
      fc.property(anyString, (key) => {
        expect(over(fnv1x64, key)).toBe(reference(key, offset64, prime64, true));
        expect(over(fnv1ax64, key)).toBe(reference(key, offset64, prime64, false));
        expect(over(fnv1x32, key)).toBe(reference(key, 0x811c9dc5n, 0x01000193n, true));
        expect(over(fnv1ax32, key)).toBe(reference(key, 0x811c9dc5n, 0x01000193n, false));
      }),
    );
  });

  test('agrees with the published values for ASCII', () => {
    expect(over(fnv1ax32, 'foobar')).toBe(0xbf9cf968);
    expect(over(fnv1x32, 'foobar')).toBe(0x31f0b262);
    // Lower half of 85944171f73967e8.
    expect(over(fnv1ax64, 'foobar')).toBe(0xf73967e8);
  });
});

describe('one-at-a-time', () => {
  test('agrees with the published values for ASCII', () => {
    expect(over(oneAtATime, 'a')).toBe(0xca2e9442);
    expect(over(oneAtATime, 'The quick brown fox jumps over the lazy dog')).toBe(0x519e91f5);
  });

  test('extends bytes of 0x80 and more with their sign', () => {
    const plain = (bytes: Uint8Array) => {
      let hash = 0;
      for (const byte of bytes) {
        hash = (hash + byte) | 0;
        hash = (hash + (hash << 10)) | 0;
        hash ^= hash >>> 6;
      }
      hash = (hash + (hash << 3)) | 0;
      hash ^= hash >>> 11;
      return (hash + (hash << 15)) >>> 0;
    };
    expect(over(oneAtATime, 'cafe')).toBe(plain(Buffer.from('cafe')));
    expect(over(oneAtATime, 'café')).not.toBe(plain(Buffer.from('café')));
  });
});

describe('murmur3', () => {
  function words(bytes: Uint8Array): Int32Array {
    const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / 4) * 4);
    padded.set(bytes);
    return Int32Array.from({ length: padded.length / 4 }, (_, i) => padded.readInt32LE(i * 4));
  }
  function murmur3(prefix: Uint8Array, rest: Uint8Array): number {
    return new Murmur3Prefix(words(prefix), prefix.length).finish(words(rest), rest.length);
  }

  test.each([
    ['', 0],
    ['test', 0xba6bd213],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ])('of %j is as published', (text, expected) => {
    expect(murmur3(Buffer.alloc(0), Buffer.from(text))).toBe(expected);
  });

  test('of text is as in pymemcache 3.5.2, by characters and not by UTF-8', () => {
    const { murmur3_32: published } = vectors<{ murmur3_32: Placement[] }>('pymemcache-rendezvous.json');
    const whole = new Murmur3Prefix(new Int32Array(1), 0);
    const packed = new Int32Array(64);
    expect(published.map(([text]) => [text, whole.finish(packed, packLowBytes(text, packed))])).toEqual(
      published,
    );
    expect(published.some(([text]) => text === 'café')).toBe(true);
  });

  test('of text takes the lower eight bits of every code point, pairs of surrogates as one', () => {
    const packed = new Int32Array(2);
    expect(packLowBytes('a\u20ac\u{1f388}b\ud812c', packed)).toBe(6);
    expect([...packed]).toEqual([0x62_88_ac_61, 0x63_12]);
  });

  test('does not depend on where the prefix ends', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (prefix, rest) => {
        const whole = Buffer.concat([prefix, rest]);
        expect(murmur3(prefix, rest)).toBe(murmur3(Buffer.alloc(0), whole));
      }),
    );
  });
});

describe('keyHash', () => {
  test.each(KEY_HASH_NAMES)('%s is an unsigned 32-bit number for any key', (name) => {
    const hash = keyHash(name);
    fc.assert(
      fc.property(anyString, (key) => {
        const number = hash(key);
        expect(Number.isInteger(number) && number >= 0 && number <= 0xffffffff).toBe(true);
        expect(number).toBe(over(byteHash(name), key));
      }),
    );
  });

  test.each([
    ['{a}1', 'a'],
    ['x{user:7}y', 'user:7'],
    ['{a}{b}', 'a'],
    ['{{a}}', '{a'],
    ['{}empty', '{}empty'],
    ['{open', '{open'],
    ['}a{b', '}a{b'],
    ['none', 'none'],
  ])('with the tag {} hashes of %j only %j', (key, hashed) => {
    expect(keyHash('md5', '{}')(key)).toBe(keyHash('md5')(hashed));
  });
});
