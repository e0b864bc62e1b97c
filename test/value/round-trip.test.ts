import { runInNewContext } from 'node:vm';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { bodyOf, codec, nested, roundTrip, typeOf } from './support.js';

function bare(properties: object): object {
  return Object.assign(Object.create(null), properties);
}

const protoKey = JSON.parse('{"__proto__":{"admin":true},"a":1}') as object;

/** One of every kind, with the type it must have in the flags. */
const kinds: [name: string, value: unknown, type: number][] = [
  ['empty text', '', 1],
  ['ASCII text', 'hello', 1],
  ['all ASCII characters', String.fromCharCode(...Array(128).keys()), 1],
  ['text of 1 MiB', 'x'.repeat(1 << 20), 1],
  ['text made of parts', `${'ab'.repeat(50)}${Math.PI}${'cd'.repeat(50)}`, 1],
  ['Latin text', 'Grüße', 2],
  ['text beyond Latin', '価格 1.200 €', 2],
  ['text with emoji', '👩‍👩‍👧 ok', 2],
  ['text that starts with a byte order mark', '\ufeffabc', 2],
  ['text with U+FFFD', 'a\ufffdb', 2],
  ['text with half a surrogate pair', 'a\ud83d', 9],
  ['text with half a surrogate pair and more', '\udc00 é', 10],
  ['text that looks like a number', '12', 1],
  ['text that looks like JSON', '{"$":"undefined"}', 1],
  ['text with CRLF and END', 'a\r\nEND\r\nVALUE k 0 1\r\n', 1],
  ['an empty Buffer', Buffer.alloc(0), 3],
  ['a Buffer', Buffer.from([0, 1, 127, 128, 255]), 3],
  ['a Buffer of 1 MiB', Buffer.alloc(1 << 20, 7), 3],
  ['an empty Uint8Array', new Uint8Array(0), 4],
  ['a Uint8Array', new Uint8Array([0, 128, 255]), 4],
  ['a Uint8Array that is part of another', new Uint8Array([1, 2, 3, 4]).subarray(1, 3), 4],
  ['0', 0, 5],
  ['-0', -0, 5],
  ['a whole number', 42, 5],
  ['a negative number', -42, 5],
  ['a fraction', 0.1, 5],
  ['the largest number', Number.MAX_VALUE, 5],
  ['the smallest number', Number.MIN_VALUE, 5],
  ['MAX_SAFE_INTEGER', Number.MAX_SAFE_INTEGER, 5],
  ['2 ** 53', 2 ** 53, 5],
  ['-(2 ** 60)', -(2 ** 60), 5],
  ['2 ** 63', 2 ** 63, 5],
  ['2 ** 64', 2 ** 64, 5],
  ['1e21', 1e21, 5],
  ['1e-7', 1e-7, 5],
  ['NaN', Number.NaN, 5],
  ['Infinity', Number.POSITIVE_INFINITY, 5],
  ['-Infinity', Number.NEGATIVE_INFINITY, 5],
  ['true', true, 6],
  ['false', false, 6],
  ['null', null, 7],
  ['0n', 0n, 8],
  ['a bigint', -12345678901234567890n, 8],
  ['a bigint of 10 000 digits', -(10n ** 10_000n), 8],
  ['an empty object', {}, 9],
  ['an empty array', [], 9],
  ['a plain object', { id: 1, name: 'x', tags: ['a', 'b'], price: 1.5, gone: null, ok: true }, 9],
  ['a plain array', [1, 'a', null, [true, {}]], 9],
  ['a plain object with Latin text', { name: 'Zoë' }, 10],
  ['a plain object with a key beyond ASCII', { ключ: 1 }, 10],
  ['an object with half a surrogate pair in a key and a value', { '\ud800': '\udfff' }, 9],
  ['an object with the keys $ and v', { $: 'date', v: 1 }, 9],
  ['an object with odd keys', { '': 1, 'a b': 2, 7: 3, constructor: 4, toString: 5, toJSON: 6 }, 9],
  ['an object with the own key __proto__', protoKey, 9],
  ['a Date', new Date(1_700_000_000_123), 11],
  ['the first and the last Date', [new Date(-8.64e15), new Date(8.64e15)], 11],
  [
    'a Map',
    new Map<unknown, unknown>([
      ['a', 1],
      [2, new Map()],
      [{ k: 1 }, undefined],
    ]),
    11,
  ],
  ['a Map with arrays as keys and values', new Map([[[1], [2, [3]]]]), 11],
  ['a Set', new Set<unknown>(['a', 2, new Set([null]), undefined]), 11],
  ['an object without a prototype', bare({ a: 1 }), 11],
  ['an object without a prototype, with the key __proto__', bare({ ['__proto__']: 1 }), 11],
  ['an object with undefined', { a: undefined, b: 1 }, 11],
  ['an array with undefined', [undefined, 1, undefined], 11],
  [
    'an array with -0, NaN and Infinity',
    [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    11,
  ],
  ['an object with a bigint', { n: 2n ** 70n, m: -1n }, 11],
  ['an object with bytes', { b: Buffer.from('äö'), u: new Uint8Array([1, 2, 255]), e: Buffer.alloc(0) }, 11],
  ['an object with a Date beside the keys $ and v', { $: 'set', v: [1], at: new Date(0), in: { $: 1n } }, 11],
  ['an object with a Date beside the key __proto__', { at: new Date(0), deep: protoKey }, 11],
  ['an object with -0 and text beyond ASCII', { n: -0, t: '✓' }, 11],
];

describe.each(kinds)('%s', (_name, value, type) => {
  it('comes back equal', () => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  it('comes back equal inside objects, arrays, Maps and Sets', () => {
    const whole = {
      list: [value, { deeper: [value] }],
      map: new Map<unknown, unknown>([
        ['value', value],
        [value, 'key'],
      ]),
      set: new Set([value]),
      at: new Date(5),
    };
    expect(roundTrip(whole)).toStrictEqual(whole);
  });

  it('comes back equal inside plain data', () => {
    const whole = { list: [[value], value], one: { two: value } };
    expect(roundTrip(whole)).toStrictEqual(whole);
  });

  it('is stored under its type', () => {
    expect(typeOf(value)).toBe(type);
  });

  it('comes back equal compressed, whatever the algorithm', () => {
    for (const algorithm of ['deflate', 'gzip', 'brotli'] as const) {
      const packing = createCodec({ compression: { algorithm, above: 0 } });
      expect(roundTrip(value, packing)).toStrictEqual(value);
      expect(roundTrip([value, 'x'.repeat(99)], packing)).toStrictEqual([value, 'x'.repeat(99)]);
    }
  });

  it('has flags above 0, and as text only ASCII', () => {
    const encoded = codec.encode(value);
    expect(encoded.flags).toBeGreaterThan(0);
    expect(encoded.flags).toBeLessThan(2 ** 31);
    expect(bodyOf(encoded).length).toBe(encoded.bytes);
    if (typeof encoded.body === 'string') expect(encoded.body).toMatch(/^[\x00-\x7f]*$/);
  });
});

describe('encode', () => {
  it('leaves the value as it was', () => {
    const value = Object.freeze({
      at: Object.freeze(new Date(1)),
      list: Object.freeze([-0, undefined]),
      $: 'x',
    });
    roundTrip(value);
    expect(value).toStrictEqual({ at: new Date(1), list: [-0, undefined], $: 'x' });
  });

  it('stores what a getter gives', () => {
    const value = {
      get a() {
        return 'got';
      },
      at: new Date(1),
    };
    expect(roundTrip(value)).toStrictEqual({ a: 'got', at: new Date(1) });
  });

  it('leaves out what is not enumerable, as equality does', () => {
    const value = Object.defineProperty({ a: 1 }, 'hidden', { value: () => 1 });
    Object.defineProperty(value, Symbol('hidden'), { value: 1 });
    expect(roundTrip(value)).toStrictEqual({ a: 1 });
    expect(typeOf(value)).toBe(9);
  });

  it('stores a part that is shared twice', () => {
    const part = { a: [1] };
    expect(roundTrip([part, { part }])).toStrictEqual([part, { part }]);
  });

  it('takes plain data of another context of node:vm', () => {
    const foreign: unknown = runInNewContext(
      '({ a: [1, { b: 2 }], at: new Date(3), m: new Map([[1, new Set([2])]]) })',
    );
    expect(roundTrip(foreign)).toStrictEqual({
      a: [1, { b: 2 }],
      at: new Date(3),
      m: new Map([[1, new Set([2])]]),
    });
  });

  it('takes objects made from an empty prototype, as query parsers make them, for objects without one', () => {
    const query = Object.assign(Object.create(Object.create(null)), { page: '2' });
    expect(roundTrip({ query })).toStrictEqual({ query });
  });

  it('goes as deep as maxDepth, also with Maps and dates', () => {
    const deep = createCodec({ maxDepth: 1000 });
    expect(roundTrip(nested(1000), deep)).toStrictEqual(nested(1000));
    expect(roundTrip(nested(1000, new Date(7)), deep)).toStrictEqual(nested(1000, new Date(7)));
    let maps: unknown = 1;
    for (let i = 0; i < 1000; i++)
      maps = i % 2 ? new Map([[1, maps]]) : Object.assign(Object.create(null), { maps });
    let found = roundTrip(maps, deep);
    for (let i = 999; i >= 0; i--)
      found = i % 2 ? (found as Map<number, unknown>).get(1) : (found as { maps: unknown }).maps;
    expect(found).toBe(1);
  });
});

describe('a value with the key __proto__', () => {
  it('changes no prototype on its way', () => {
    for (const value of [protoKey, { at: new Date(0), protoKey }]) {
      const back = roundTrip(value) as { protoKey?: object };
      const inner = back.protoKey ?? back;
      expect(Object.getPrototypeOf(inner)).toBe(Object.prototype);
      expect(Object.hasOwn(inner, '__proto__')).toBe(true);
      expect((inner as { admin?: boolean }).admin).toBeUndefined();
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('an invalid Date', () => {
  // jest finds no invalid Date equal to any other, itself included.
  it('comes back as an invalid Date', () => {
    const { at } = roundTrip({ at: new Date(Number.NaN) }) as { at: Date };
    expect(at).toBeInstanceOf(Date);
    expect(at.getTime()).toBeNaN();
  });
});

describe('decode', () => {
  it('gives Buffers as Buffers and Uint8Arrays as Uint8Arrays with memory of their own', () => {
    const { b, u } = roundTrip({ b: Buffer.from('b'), u: new Uint8Array([1]) }) as Record<string, Uint8Array>;
    expect(Buffer.isBuffer(b)).toBe(true);
    expect(Buffer.isBuffer(u)).toBe(false);
    expect(u!.buffer.byteLength).toBe(1);
    expect(Object.getPrototypeOf(roundTrip(new Uint8Array(3)))).toBe(Uint8Array.prototype);
  });

  it('reads text of other programs as UTF-8', () => {
    expect(codec.decode(0, Buffer.from('añb'), 0, 4)).toBe('añb');
    expect(codec.decode(0, Buffer.from('abc'), 1, 3)).toBe('bc');
    expect(codec.decode(0, Buffer.from(''), 0, 0)).toBe('');
  });
});
