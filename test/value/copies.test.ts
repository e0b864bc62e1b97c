import { createCodec } from '../../lib/core/value/default-codec.js';
import { bodyOf, codec } from './support.js';

const BUFFER = 3;
const UINT8_ARRAY = 4;

/** A buffer as a connection reads into: much larger than the value, and used again. */
function lentBuffer(body: Uint8Array): { lent: Buffer; start: number; end: number } {
  const lent = Buffer.from(new ArrayBuffer(body.length + 32)).fill(0x7a);
  lent.set(body, 16);
  return { lent, start: 16, end: 16 + body.length };
}

function sharesMemory(value: Uint8Array, buffer: Buffer): boolean {
  return value.buffer === buffer.buffer;
}

/** How often bytes are copied by the ways there are, while `run` runs. */
function countCopies(run: () => unknown): number {
  const typed = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const spies = [
    jest.spyOn(Buffer.prototype, 'copy'),
    jest.spyOn(Buffer, 'from'),
    jest.spyOn(Buffer, 'concat'),
    jest.spyOn(Buffer.prototype, 'fill'),
    jest.spyOn(Buffer.prototype, 'slice'),
    jest.spyOn(typed, 'set'),
    jest.spyOn(typed, 'slice'),
    jest.spyOn(ArrayBuffer.prototype, 'slice'),
  ];
  try {
    run();
    return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('decode', () => {
  it.each([0, 1, 100, 5000, 100_000])('copies %d bytes once, out of the buffer it was lent', (length) => {
    const { lent, start, end } = lentBuffer(Buffer.alloc(length, 7));
    for (const flags of [BUFFER, UINT8_ARRAY]) {
      let value!: Uint8Array;
      const copies = countCopies(() => {
        value = codec.decode(flags, lent, start, end) as Uint8Array;
      });
      expect(copies).toBe(1);
      expect(sharesMemory(value, lent)).toBe(false);
      expect(value).toHaveLength(length);
    }
  });

  it('gives values that do not change with the buffer', () => {
    const packing = createCodec({ compression: { above: 0 } });
    const values = [
      'text',
      'Grüße',
      Buffer.from('bytes'),
      new Uint8Array([1, 2]),
      12,
      2 ** 70,
      7n,
      { a: ['é'] },
      { a: 'b' },
      { b: Buffer.from('x'), m: new Map([[1, new Uint8Array([9])]]) },
      Buffer.alloc(500, 'ab'),
      'ab'.repeat(500),
    ];
    for (const by of [codec, packing]) {
      for (const value of values) {
        const encoded = by.encode(value);
        const { lent, start, end } = lentBuffer(bodyOf(encoded));
        const back = by.decode(encoded.flags, lent, start, end);
        lent.fill(0x21);
        expect(back).toStrictEqual(value);
      }
    }
  });

  it('gives a serializer bytes that do not change with the buffer', () => {
    let kept: Buffer | undefined;
    const keeping = createCodec({
      serializer: {
        name: 'keeping',
        serialize: () => 'abc',
        deserialize: (bytes) => {
          kept = bytes;
          return {};
        },
      },
    });
    const { lent, start, end } = lentBuffer(Buffer.from('abc'));
    keeping.decode(15, lent, start, end);
    lent.fill(0);
    expect(kept!.toString()).toBe('abc');
    keeping.decodeOwned(15, lent, start, end);
    expect(sharesMemory(kept!, lent)).toBe(true);
  });

  it('does not write to the buffer', () => {
    for (const value of [Buffer.from('ab'), '9 ', { at: new Date(1) }, 'é']) {
      const encoded = codec.encode(value);
      const { lent, start, end } = lentBuffer(bodyOf(encoded));
      const before = Buffer.from(lent);
      codec.decode(encoded.flags, lent, start, end);
      codec.decodeOwned(encoded.flags, lent, start, end);
      expect(lent.equals(before)).toBe(true);
    }
  });
});

describe('decodeOwned', () => {
  it('hands out a view, without a copy', () => {
    const { lent, start, end } = lentBuffer(Buffer.alloc(100_000, 7));
    for (const flags of [BUFFER, UINT8_ARRAY]) {
      let value!: Uint8Array;
      expect(
        countCopies(() => {
          value = codec.decodeOwned(flags, lent, start, end) as Uint8Array;
        }),
      ).toBe(0);
      expect(sharesMemory(value, lent)).toBe(true);
      expect(value.byteOffset).toBe(start);
      expect(value).toHaveLength(end - start);
      expect(Buffer.isBuffer(value)).toBe(flags === BUFFER);
    }
  });

  it('reads everything else as decode does', () => {
    const packing = createCodec({ compression: { above: 0 } });
    for (const value of [
      'text',
      'é',
      5,
      true,
      null,
      7n,
      { a: 1 },
      [new Date(1)],
      'ab'.repeat(99),
      Buffer.alloc(99),
    ]) {
      const encoded = packing.encode(value);
      const { lent, start, end } = lentBuffer(bodyOf(encoded));
      expect(packing.decodeOwned(encoded.flags, lent, start, end)).toStrictEqual(value);
    }
  });
});

describe('encode', () => {
  it('does not copy bytes', () => {
    const value = Buffer.alloc(100_000);
    expect(countCopies(() => codec.encode(value))).toBe(0);
    expect(codec.encode(value).body).toBe(value);
  });
});
