import fc from 'fast-check';
import { ALWAYS_FRESH, seal, unseal, unsealUnder } from '../../lib/cache/envelope.js';
import { copy, fromData, toData } from '../../lib/cache/shape.js';
import { createCodec } from '../../lib/core/value/default-codec.js';

const data = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  maxDepth: 4,
});

type EqualityTester = (one: unknown, other: unknown) => boolean | undefined;

/** Jest finds no two invalid dates equal: their NaN differs from itself. */
const sameDates: EqualityTester = (one, other) =>
  one instanceof Date && other instanceof Date ? Object.is(one.getTime(), other.getTime()) : undefined;
// Jest has it since 29.4, its types do not.
(expect as unknown as { addEqualityTesters(testers: EqualityTester[]): void }).addEqualityTesters([
  sameDates,
]);

/** Holes and half surrogate pairs are refused. */
function isStorable(value: unknown): boolean {
  try {
    createCodec().encode([value]);
    return true;
  } catch {
    return false;
  }
}

/** Every object inside of a value. */
function* objects(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  if (value instanceof Map) for (const [k, v] of value) yield* [...objects(k), ...objects(v)];
  else if (value instanceof Set) for (const one of value) yield* objects(one);
  else if (!ArrayBuffer.isView(value)) for (const one of Object.values(value)) yield* objects(one);
}

describe('a copy', () => {
  it('equals what it was made from and shares nothing with it', () => {
    fc.assert(
      fc.property(data, (value) => {
        fc.pre(isStorable(value));
        const made = copy(value);
        expect(made).toStrictEqual(value);
        const originals = new Set(objects(value));
        for (const object of objects(made)) expect(originals.has(object)).toBe(false);
      }),
    );
  });

  it('of bytes has memory of its own', () => {
    const bytes = Buffer.from('abc');
    const made = copy(bytes) as Buffer;
    bytes[0] = 0;
    expect(made.toString()).toBe('abc');
  });

  it.each([
    ['a class', new (class Thing {})()],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['symbols as keys', { [Symbol('s')]: 1 }],
    ['an error', new Error('x')],
    ['a typed array', new Float64Array(2)],
    ['a derived Date', new (class Day extends Date {})()],
    ['a derived Map', new (class Index extends Map {})()],
    ['a derived array', new (class List extends Array {})()],
    ['a promise', Promise.resolve()],
  ])('is refused for %s, alone and inside', (_kind, value) => {
    expect(() => copy(value)).toThrow();
    expect(() => copy([{ value }])).toThrow();
    expect(toData(value, {})).toEqual({ data: value, copied: false });
  });

  it('is refused for what nests without end, without overflowing the stack', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    for (const value of [cycle, deep]) {
      expect(toData(value, {}).copied).toBe(false);
      expect(toData(value, { plain: true }).copied).toBe(false);
    }
  });

  it('of __proto__ as data sets no prototype', () => {
    const made = copy(JSON.parse('{"__proto__": {"admin": true}}')) as { admin?: boolean };
    expect(made.admin).toBeUndefined();
    expect(Object.keys(made)).toEqual(['__proto__']);
  });
});

describe('an array', () => {
  it('with a hole is not copied, even where another property makes up the number', () => {
    const holed = new Array(2).fill(1, 1);
    for (const sparse of [holed, Object.assign(holed.slice(), { x: 1 })]) {
      expect(0 in sparse).toBe(false);
      expect(toData(sparse, {})).toEqual({ data: sparse, copied: false });
      expect(toData(sparse, {}).data).toBe(sparse);
    }
  });

  it('is copied with what is undefined in it, as a codec would', () => {
    expect(copy([undefined, 1, [2]])).toStrictEqual([undefined, 1, [2]]);
  });
});

describe('plain', () => {
  it('turns instances into data and leaves out functions and symbols', () => {
    class Money {
      readonly #secret = 1;
      constructor(readonly cents: number) {}
      get secret(): number {
        return this.#secret;
      }
    }
    const value = {
      money: new Money(5),
      call: () => 1,
      none: undefined,
      list: [1],
      url: new URL('http://a/'),
    };
    expect(toData(value, { plain: true })).toEqual({
      data: { money: { cents: 5 }, none: undefined, list: [1], url: 'http://a/' },
      copied: true,
    });
  });
});

describe('type', () => {
  it('never calls the constructor or a setter', () => {
    const calls: string[] = [];
    class Account {
      balance = 1;
      constructor() {
        calls.push('constructor');
      }
      set name(_: string) {
        calls.push('setter');
      }
    }
    const made = fromData({ balance: 2, name: 'x' }, Account) as Account;
    expect(made).toBeInstanceOf(Account);
    expect(made.balance).toBe(2);
    expect(calls).toEqual([]);
  });

  it('leaves alone what is no data: null, text, dates', () => {
    class Account {}
    for (const value of [null, 'text', 5, new Date(0), new Map()]) {
      expect(fromData(value, Account)).toBe(value);
    }
  });
});

describe('an envelope', () => {
  const generation = 'lx2c0000.abcdefgh';

  const part = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const freshness = fc.record(
    { staleSeconds: part, freshUntil: part, cost: part, version: fc.bigInt(0n, 2n ** 63n - 1n) },
    { requiredKeys: ['staleSeconds', 'freshUntil', 'cost'] },
  );

  it('gives back the stamp, the freshness and the value it was made of', () => {
    fc.assert(
      fc.property(data, freshness, (value, fresh) => {
        fc.pre(value !== undefined);
        const sealed = seal(generation, fresh, value);
        expect(unseal(sealed)).toStrictEqual({ stamp: generation, freshness: { ...fresh }, value });
      }),
    );
  });

  it('opens what stands under the stamp that was expected, and nothing else', () => {
    fc.assert(
      fc.property(data, fc.oneof(freshness, fc.constant(ALWAYS_FRESH)), (value, fresh) => {
        fc.pre(value !== undefined);
        const sealed = seal(generation, fresh, value);
        const opened = unsealUnder(generation, sealed);
        expect(opened).toStrictEqual({ stamp: generation, freshness: { ...fresh }, value });
        for (const other of [
          `${generation}x`,
          generation.slice(0, -1),
          'mx2c0000.abcdefgh',
          `${generation},t=1`,
        ])
          expect(unsealUnder(other, sealed)).toBeUndefined();
      }),
    );
    for (const bad of [
      `2${generation}:v`,
      [`2${generation}`, 1],
      [`1${generation}`],
      [`1${generation}`, undefined],
      [`1${generation}`, 1, 2],
      `1${generation}`,
      `1${generation};!:v`,
    ])
      expect(unsealUnder(generation, bad)).toBeUndefined();
  });

  it('costs a value without tags and freshness nothing beyond its generation', () => {
    expect(seal(generation, ALWAYS_FRESH, 'v')).toBe(`1${generation}:v`);
    expect(seal(generation, ALWAYS_FRESH, { a: 1 })).toEqual([`1${generation}`, { a: 1 }]);
    const bytes = seal(generation, ALWAYS_FRESH, Buffer.from('v')) as Buffer;
    expect(bytes.toString('latin1')).toBe(`1${generation}:bv`);
    expect(seal(generation, { ...ALWAYS_FRESH, staleSeconds: 40 }, 'v')).toBe(`1${generation};14:v`);
    expect(seal(generation, { ...ALWAYS_FRESH, version: 0n }, 'v')).toBe(`1${generation};0!0:v`);
  });

  it('never opens what was not sealed', () => {
    fc.assert(fc.property(data, (value) => void expect(unseal(value)?.stamp).not.toBe(generation)));
    const cut = (seal(generation, ALWAYS_FRESH, Buffer.from('value')) as Buffer).subarray(
      0,
      generation.length + 1,
    );
    for (const bad of [
      cut,
      `1${generation};:v`,
      `1${generation};1.2.3.4:v`,
      `1${generation};-1:v`,
      `1${generation};1!:v`,
      `1${generation};!1:v`,
      `1${generation};1!a:v`,
      `1${generation};1!-1:v`,
      `1${generation};1!1!1:v`,
      `1${generation};1!${'9'.repeat(20)}:v`,
      [`1${generation}`],
    ]) {
      expect(unseal(bad)).toBeUndefined();
    }
  });
});
