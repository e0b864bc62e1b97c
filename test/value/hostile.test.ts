import { deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { MemcachedDecodeError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { codec, decodeBody, thrownBy } from './support.js';

/** Bodies that get far into one decoder or another. */
const bodies = [
  '',
  ' ',
  '0',
  '-0',
  '12',
  '9 ',
  '9007199254740993',
  'true',
  'TRUE',
  'null',
  'undefined',
  'NaN',
  '1e999',
  '0x1f',
  'é',
  '\ud800',
  '{',
  '{}',
  '[',
  '[]',
  '"',
  '"a"',
  '{"a":1}x',
  '[1,]',
  '[[[[',
  '{"__proto__":{"a":1}}',
  '{"toString":1}',
  '{"$":"date","v":1}',
  '{"$":"date","v":"1"}',
  '{"$":"date","v":8640000000000001}',
  '{"$":"date","v":1.5}',
  '{"$":"date"}',
  '{"$":"map","v":[1]}',
  '{"$":"map","v":{}}',
  '{"$":"map","v":[[1,2]]}',
  '{"$":"set","v":"abc"}',
  '{"$":"set","v":null}',
  '{"$":"buffer","v":"a"}',
  '{"$":"buffer","v":"!!!!"}',
  '{"$":"bytes","v":[1]}',
  '{"$":"bytes","v":"AAAA="}',
  '{"$":"bigint","v":"1.5"}',
  '{"$":"bigint","v":1}',
  '{"$":"number","v":"abc"}',
  '{"$":"number","v":NaN}',
  '{"$":"bare","v":[]}',
  '{"$":"bare","v":null}',
  '{"$":"object","v":1}',
  '{"$":"object"}',
  '{"$":1}',
  '{"$":null}',
  '{"$":{}}',
  '{"$":"constructor"}',
  '{"$":"__proto__","v":{}}',
  '{"$":"undefined"}',
  '{"$":"custom","v":1}',
].map((text) => Buffer.from(text));
const raw = [
  [0xff],
  [0x80, 0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0x78, 0x9c],
  [0x1f, 0x8b, 8],
  [0],
].map((bytes) => Buffer.from(bytes));
const strict = createCodec({
  maxDepth: 8,
  serializer: { name: 'picky', serialize: () => '', deserialize: (bytes) => JSON.parse(bytes.toString()) },
});

function expectOnlyDecodeErrors(flags: number, body: Buffer, by = codec): void {
  for (const read of [by.decode, by.decodeOwned]) {
    try {
      if (read.call(by, flags, body, 0, body.length) === undefined) throw new Error('undefined is a miss');
    } catch (error) {
      if (!(error instanceof MemcachedDecodeError)) throw error;
    }
  }
}

describe('decode', () => {
  it('throws nothing but MemcachedDecodeError for any body under any known flags', () => {
    for (let flags = 0; flags <= 64; flags++) {
      for (const body of flags < 16 ? [...bodies, ...raw] : raw) expectOnlyDecodeErrors(flags, body);
    }
    for (const body of [...bodies, ...raw]) {
      expectOnlyDecodeErrors(11, body, strict);
      expectOnlyDecodeErrors(15, body, strict);
    }
  });

  it('throws nothing but MemcachedDecodeError for any compressed body', () => {
    for (let type = 0; type < 16; type++) {
      for (const body of bodies) {
        expectOnlyDecodeErrors(type | (1 << 4), deflateSync(body));
        expectOnlyDecodeErrors(type | (2 << 4), gzipSync(body));
      }
    }
  });

  it('throws nothing but MemcachedDecodeError for random flags and bytes', () => {
    const flags = fc.oneof(
      fc.integer({ min: 0, max: 63 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.maxSafeNat(),
    );
    const body = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.string(), fc.json());
    fc.assert(
      fc.property(flags, body, (flag, given) => expectOnlyDecodeErrors(flag, Buffer.from(given as string))),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but MemcachedDecodeError when an own body is cut, changed or longer', () => {
    const values = [
      'text',
      'Grüße',
      12,
      true,
      null,
      5n,
      { a: 1 },
      { a: 'é' },
      { at: new Date(), m: new Map([[1, 2n]]) },
    ];
    const packing = createCodec({ compression: { above: 0 } });
    for (const value of [...values, values, 'x'.repeat(500)]) {
      for (const by of [codec, packing]) {
        const { body, flags } = by.encode(value);
        const bytes = Buffer.from(body as string);
        for (let at = 0; at < bytes.length; at++) {
          expectOnlyDecodeErrors(flags, bytes.subarray(0, at));
          const changed = Buffer.from(bytes);
          changed[at]! ^= 0x85;
          expectOnlyDecodeErrors(flags, changed);
        }
        expectOnlyDecodeErrors(flags, Buffer.concat([bytes, bytes]));
      }
    }
  });

  it.each([
    ['a Java client', 0x800],
    ['a Couchbase client', 0x0200_0000],
    ['another client', 16],
    ['a newer version of this package', 12],
    ['another client', 2 ** 31 + 1],
    ['another client', 2 ** 40],
    ['another client', 9 | 64],
  ])('says that %s may have written flags %d', (who, flags) => {
    const message = thrownBy(() => decodeBody(flags, 'text')).message;
    expect(message).toContain(`has flags ${flags}, which this version never writes; ${who}`);
  });

  it('takes no number, boolean, null or bigint for compressed', () => {
    for (const type of [5, 6, 7, 8]) {
      expect(() => decodeBody(type | 16, deflateSync('1'))).toThrow('which this version never writes');
    }
  });

  it('never patches up bytes that are not UTF-8', () => {
    for (const flags of [0, 1, 2, 10, 11]) {
      const body = Buffer.concat([Buffer.from('"Grü'), Buffer.from([0xe9]), Buffer.from('e"')]);
      expect(() => decodeBody(flags, body)).toThrow(MemcachedDecodeError);
    }
  });

  it.each([
    { $: 'date', v: 8.64e15 + 1 },
    { $: 'date', v: 1.5 },
    { $: 'date', v: '1' },
    { $: 'buffer', v: 'AAA' },
    { $: 'buffer', v: 'A===' },
    { $: 'bytes', v: 'AA!=' },
    { $: 'bytes', v: 'AAAA\n' },
    { $: 'number', v: '01' },
    { $: 'bigint', v: '0b1' },
    { $: 'map', v: [1] },
    { $: 'set', v: {} },
    { $: 'bare', v: [] },
    { $: 'object' },
    { $: 'constructor' },
    { $: 5 },
  ])('takes no tag it does not know, and no data that is not right for a tag (%j)', (tag) => {
    for (const whole of [tag, [tag], { a: { b: tag } }, { $: 'set', v: [tag] }]) {
      expect(() => decodeBody(11, JSON.stringify(whole))).toThrow('has a tag that cannot be read');
    }
  });

  it('reads what was appended to ASCII text', () => {
    expect(decodeBody(1, 'abc → é')).toBe('abc → é');
  });

  it('shows nothing of a body in its errors', () => {
    const secret = 'hunter2secret';
    const texts = [
      `{"password":"${secret}"`,
      `"${secret}"x`,
      secret,
      `{"$":"${secret}"}`,
      `{"$":"date","v":"${secret}"}`,
    ];
    for (let flags = 0; flags < 64; flags++) {
      for (const text of texts) {
        try {
          decodeBody(flags, text);
        } catch (error) {
          const { message, stack, cause } = error as Error;
          expect(`${message} ${stack} ${String(cause)}`).not.toContain('hunter2');
        }
      }
    }
  });

  it('refuses tagged JSON nested deeper than maxDepth', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}{"$":"undefined"}${']'.repeat(levels)}`;
    expect(decodeBody(11, deep(8), strict)).toEqual([[[[[[[[undefined]]]]]]]]);
    expect(() => decodeBody(11, deep(9), strict)).toThrow('nested deeper than this codec accepts (maxDepth)');
    expect(() => decodeBody(11, deep(200_000))).toThrow(MemcachedDecodeError);
    const objects = (levels: number) => `${'{"a":'.repeat(levels)}{"$":"undefined"}${'}'.repeat(levels)}`;
    expect(decodeBody(11, objects(8), strict)).toBeDefined();
    expect(() => decodeBody(11, objects(9), strict)).toThrow('maxDepth');
    expect(() => decodeBody(11, `{"$":"set","v":[${deep(8)}]}`, strict)).toThrow('maxDepth');
  });

  it('refuses JSON longer than maxDecompressedSize without parsing it', () => {
    const small = createCodec({ maxDecompressedSize: 1024 });
    const text = `[${' '.repeat(1023)}]`;
    for (const flags of [9, 10, 11]) {
      expect(() => decodeBody(flags, text, small)).toThrow(
        'more than this codec parses (maxDecompressedSize 1024)',
      );
    }
    expect(decodeBody(9, text.replace(' ', ''), small)).toStrictEqual([]);
  });

  it('changes no prototype for tagged data with the key __proto__', () => {
    const text = '{"__proto__":{"$":"date","v":1},"a":{"$":"bare","v":{"__proto__":{"$":"set","v":[]}}}}';
    const back = decodeBody(11, text) as { a: object };
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(back.a)).toBeNull();
    expect(Object.getOwnPropertyDescriptor(back, '__proto__')!.value).toStrictEqual(new Date(1));
    expect(Object.getOwnPropertyDescriptor(back.a, '__proto__')!.value).toStrictEqual(new Set());
    expect(({} as { v?: unknown }).v).toBeUndefined();
  });
});
