import { deserialize, serialize } from 'node:v8';
import { MemcachedDecodeError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import type { Serializer } from '../../lib/core/value/options.js';
import { bodyOf, codec, decodeBody, roundTrip, thrownBy, typeOf } from './support.js';

const v8: Serializer = { name: 'v8', serialize, deserialize };
const withV8 = createCodec({ serializer: v8 });
const withSerialize = (made: () => unknown) =>
  createCodec({ serializer: { ...v8, serialize: made as Serializer['serialize'] } });

describe('a serializer', () => {
  it('takes the place of JSON', () => {
    const value = {
      list: [1, undefined, -0],
      at: new Date(5),
      pattern: /x/g,
      map: new Map([[1, new Set([2])]]),
    };
    expect(typeOf(value, withV8)).toBe(15);
    // Made in another context of node:vm, so jest would not take the prototypes for the same.
    expect(roundTrip(value, withV8)).toEqual(value);
    expect(typeOf(new Date(), withV8)).toBe(15);
  });

  it('is not asked for text, numbers, booleans, null, bigints and bytes', () => {
    for (const value of ['a', 'é', 1, true, null, 5n, Buffer.from('b'), new Uint8Array(2)]) {
      expect(withV8.encode(value)).toStrictEqual(codec.encode(value));
      expect(roundTrip(value, withV8)).toStrictEqual(value);
    }
    expect(() => withV8.encode(undefined)).toThrow('a miss is undefined too');
  });

  it('reads what was written as JSON before it came', () => {
    const encoded = codec.encode({ a: new Date(1) });
    expect(decodeBody(encoded.flags, bodyOf(encoded), withV8)).toStrictEqual({ a: new Date(1) });
  });

  it('may give text', () => {
    const json = createCodec({
      serializer: { name: 'json', serialize: JSON.stringify, deserialize: (b) => JSON.parse(b.toString()) },
    });
    expect(json.encode({ a: 1 })).toStrictEqual({ body: '{"a":1}', bytes: 7, flags: 15 });
    expect(roundTrip({ a: 'é✓' }, json)).toStrictEqual({ a: 'é✓' });
  });

  it('has its bytes compressed', () => {
    const packing = createCodec({ serializer: v8, compression: true });
    const value = { text: 'x'.repeat(20_000) };
    const encoded = packing.encode(value);
    expect(encoded.flags).toBe(15 | (1 << 4));
    expect(roundTrip(value, packing)).toEqual(value);
  });

  it('is named when it refuses a value', () => {
    const error = thrownBy(() => withV8.encode({ call: () => 1 }));
    expect(error).toMatchObject({ code: 'MEMCACHED_VALUE', kind: 'a value' });
    expect((error.cause as Error).message).toContain('could not be cloned');
    expect(error.message).toBe('Cannot store a value: the serializer "v8" refused it.');
  });

  it.each([undefined, null, 5, {}, new ArrayBuffer(2), 'half a pair: \ud800'])('must not give %p', (made) => {
    expect(() => withSerialize(() => made).encode({})).toThrow(
      'the serializer "v8" made neither a Uint8Array nor a string that UTF-8 can carry of it.',
    );
  });

  it('is named when it cannot read a value', () => {
    const error = thrownBy(() => decodeBody(15, 'garbage', withV8));
    expect(error).toBeInstanceOf(MemcachedDecodeError);
    expect(error.message).toBe('The serializer "v8" could not read the stored value.');
    expect(error.cause).toBeDefined();
  });

  it('must not give undefined, which is a miss', () => {
    const none = createCodec({ serializer: { ...v8, deserialize: () => undefined } });
    expect(() => decodeBody(15, 'x', none)).toThrow(MemcachedDecodeError);
  });

  it('is asked for where there is none', () => {
    const { body, flags } = withV8.encode({ a: 1 });
    expect(() => decodeBody(flags, body as Buffer)).toThrow('Pass the same "serializer" everywhere.');
  });
});
