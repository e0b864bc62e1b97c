import * as fc from 'fast-check';
import { MemcachedValueError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { codec, roundTrip } from './support.js';

const scalar = fc.oneof(
  fc.string({ unit: 'grapheme-ascii' }),
  fc.string({ unit: 'grapheme' }),
  // Any units at all, half surrogate pairs included.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
// Not `constructor`: jest reads the class of an object from it.
const key = fc.oneof(
  fc.string(),
  fc.constantFrom('$', 'v', '__proto__', 'prototype', 'toJSON', 'length', '0', 'hasOwnProperty'),
);

function objectOf(entries: [string, unknown][], prototype: object | null): object {
  const object = Object.create(prototype) as object;
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

const { stored } = fc.letrec<{ stored: unknown; part: unknown }>((tie) => ({
  stored: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('part')),
  part: fc.oneof(
    fc.array(fc.option(tie('stored'), { nil: undefined })),
    fc
      .array(fc.tuple(key, fc.option(tie('stored'), { nil: undefined })))
      .map((e) => objectOf(e, Object.prototype)),
    fc.array(fc.tuple(key, tie('stored'))).map((entries) => objectOf(entries, null)),
    fc.array(fc.tuple(tie('stored'), tie('stored'))).map((entries) => new Map(entries)),
    fc.array(tie('stored')).map((elements) => new Set(elements)),
  ),
}));

describe('decode(encode(value))', () => {
  it('equals the value, for every kind in every place', () => {
    fc.assert(
      fc.property(stored, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('equals the value through compression', () => {
    const packing = (['deflate', 'gzip', 'brotli'] as const).map((algorithm) =>
      createCodec({ compression: { algorithm, above: 16 } }),
    );
    fc.assert(
      fc.property(stored, fc.constantFrom(...packing), (value, by) => {
        expect(roundTrip([value, value, value], by)).toStrictEqual([value, value, value]);
      }),
      { numRuns: 200 },
    );
  });

  it('equals the value, or encode throws MemcachedValueError, for anything', () => {
    const anything = fc.anything({
      withBoxedValues: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      // Of its own making there would be invalid dates, which jest finds equal to nothing.
      values: [scalar, fc.constantFrom(undefined, /x/, Symbol('s'), () => 1, new URL('http://localhost/'))],
    });
    let encoded = 0;
    fc.assert(
      fc.property(anything, (value) => {
        try {
          codec.encode(value);
        } catch (error) {
          if (error instanceof MemcachedValueError) return;
          throw error;
        }
        encoded++;
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 1000 },
    );
    expect(encoded).toBeGreaterThan(100);
  });

  it('is text that JSON.parse reads, for plain data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { body, flags } = codec.encode([value]);
        if (flags === 11) return;
        expect(JSON.parse(body.toString())).toStrictEqual([value]);
      }),
      { numRuns: 300 },
    );
  });
});
