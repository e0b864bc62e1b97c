import { runInNewContext } from 'node:vm';
import { MemcachedValueError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { RefusedValueError } from '../../lib/core/value/refusals.js';
import { codec, nested, roundTrip, thrownBy } from './support.js';

class Product {
  name = 'tea';
  #secret = 1;
  readSecret(): number {
    return this.#secret;
  }
}
class Names extends Array<string> {}
class Moment extends Date {}
class Registry extends Map<string, number> {}
class Packet extends Uint8Array {}

function holey(): unknown[] {
  const list: unknown[] = [1, 2, 3];
  delete list[1];
  return list;
}

function cyclic(): object {
  const value: { list: unknown[] } = { list: [] };
  value.list.push(value);
  return value;
}

/** Each with the kind that the error names. */
const refused: [kind: string, value: unknown][] = [
  ['a function', () => 1],
  ['a function', class {}],
  ['a symbol', Symbol('s')],
  ['an instance of Product', new Product()],
  ['an instance of Names', Names.from(['a'])],
  ['an instance of Moment', new Moment()],
  ['an instance of Registry', new Registry()],
  ['an instance of Packet', new Packet(2)],
  ['an instance of Error', new Error('boom')],
  ['an instance of TypeError', new TypeError('boom')],
  ['an instance of RegExp', /x/],
  ['an instance of Number', Object(1)],
  ['an instance of String', Object('x')],
  ['an instance of Boolean', Object(false)],
  ['an instance of BigInt', Object(1n)],
  ['an instance of Symbol', Object(Symbol('s'))],
  ['an instance of Promise', Promise.resolve(1)],
  ['an instance of WeakMap', new WeakMap()],
  ['an instance of URL', new URL('http://localhost/')],
  ['an instance of Float64Array', new Float64Array(1)],
  ['an instance of Int8Array', new Int8Array(1)],
  ['an instance of ArrayBuffer', new ArrayBuffer(1)],
  ['an instance of DataView', new DataView(new ArrayBuffer(1))],
  ['an instance of an unnamed class', Object.create({ inherited: 1 })],
  ['an instance of Date', Object.create(Date.prototype)],
  ['an instance of Uint8Array', Object.create(Uint8Array.prototype)],
  ['an instance of Foreign', runInNewContext('new (class Foreign {})()')],
  [
    'an instance of Map',
    runInNewContext(
      'class Map2 extends Map {}; Object.defineProperty(Map2, "name", { value: "Map" }); new Map2()',
    ),
  ],
  ['an instance of Object', runInNewContext('(function () { return arguments; })(1)')],
  ['an instance of Object', Math],
  ['an object with a toJSON method', { toJSON: () => 1 }],
  ['an object with a toJSON method', Object.defineProperty({}, 'toJSON', { value: () => 1 })],
  ['an object with a toJSON method', Object.assign(Object.create(null), { at: new Date(), toJSON: () => 1 })],
  ['an object with a toJSON method', Object.defineProperty([1], 'toJSON', { value: () => 1 })],
  ['an object with symbols as keys', { [Symbol('s')]: 1 }],
  ['a sparse array', holey()],
  ['a sparse array', new Array(1000)],
  ['an array with properties of its own', 'abc'.match(/b/)],
  ['an array with properties of its own', Object.assign([1], { [Symbol('s')]: 1 })],
  ['a Date with properties of its own', Object.assign(new Date(), { zone: 'UTC' })],
  ['a Map with properties of its own', Object.assign(new Map(), { size2: 1 })],
  ['a Set with properties of its own', Object.assign(new Set(), { [Symbol('s')]: 1 })],
  ['a value that contains itself', cyclic()],
  ['a value nested so deep', nested(501)],
  ['a value nested so deep', nested(100_000)],
  [
    'a value that cannot be read',
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap');
        },
      },
    ),
  ],
  [
    'a value that cannot be read',
    {
      get a() {
        throw new Error('getter');
      },
    },
  ],
];

describe.each(refused)('%s (%#)', (kind, value) => {
  it('is refused by its kind, wherever it stands', () => {
    const places = [
      value,
      [1, value],
      { a: { b: value } },
      new Map([['k', value]]),
      { at: new Date(), set: new Set([value]) },
    ];
    for (const whole of places) {
      const error = thrownBy(() => codec.encode(whole));
      expect(error).toBeInstanceOf(MemcachedValueError);
      expect(error).toMatchObject({ code: 'MEMCACHED_VALUE', name: 'MemcachedValueError', sent: 'no', kind });
      expect(error.message).toMatch(/^Cannot store .+: .+\.$/);
    }
  });
});

describe('encode', () => {
  it('refuses undefined, which is a miss', () => {
    expect(thrownBy(() => codec.encode(undefined)).message).toBe(
      'Cannot store undefined: a miss is undefined too. Store null, or delete the key.',
    );
  });

  it('says where the part stands and what to do', () => {
    const error = thrownBy(() => codec.encode({ order: { items: [{ product: new Product() }] } }));
    expect(error.message).toBe(
      'Cannot store an instance of Product (at value.order.items[0].product): it would come back as a plain ' +
        'object. Pass "type" with the class to have it rebuilt by the cache, "plain: true" if plain data will do, ' +
        'or store its data.',
    );
  });

  it('shows neither contents nor the keys of a dictionary', () => {
    const secret = 'hunter2-token-9f8e7d';
    const value = { sessions: { [secret]: { password: secret, onExpiry: () => secret } } };
    const error = thrownBy(() => codec.encode(value)) as RefusedValueError;
    expect(error.message).toContain('(at value.sessions[...].onExpiry)');
    expect(`${error.message} ${error.kind} ${error.stack}`).not.toContain(secret);
  });

  it('keeps the message short for a part that stands deep', () => {
    const error = thrownBy(() => codec.encode(nested(300, () => 1)));
    expect(error.message.length).toBeLessThan(250);
    expect(error.message).toContain('(at ...');
  });

  it('passes on as the cause what a getter threw', () => {
    const cause = new Error('getter');
    const value = {
      get a() {
        throw cause;
      },
    };
    expect(thrownBy(() => codec.encode(value)).cause).toBe(cause);
  });

  it('refuses a level more than maxDepth', () => {
    const shallow = createCodec({ maxDepth: 3 });
    expect(roundTrip(nested(3), shallow)).toStrictEqual(nested(3));
    expect(() => shallow.encode(nested(4))).toThrow('it is over 3 levels (maxDepth)');
    expect(() => shallow.encode(new Map([[1, nested(3)]]))).toThrow('it is over 3 levels (maxDepth)');
  });

  it('refuses JSON longer than any reader would parse', () => {
    const small = createCodec({ maxDecompressedSize: 1024 });
    expect(roundTrip({ a: 'x'.repeat(1024 - 8) }, small)).toStrictEqual({ a: 'x'.repeat(1024 - 8) });
    for (const value of [
      { a: 'x'.repeat(1024 - 7) },
      { a: '\n'.repeat(600) },
      { a: 'é'.repeat(600) },
      { a: new Date(), b: 'x'.repeat(1024) },
      { a: Buffer.alloc(900) },
    ]) {
      expect(() => small.encode(value)).toThrow('its JSON is over 1024 bytes (maxDecompressedSize)');
    }
  });

  it('ends for a small value whose text would have no end', () => {
    const small = createCodec({ maxDecompressedSize: '256k' });
    let value: unknown = 'x';
    for (let i = 0; i < 200; i++) value = [value, value];
    for (const endless of [value, { at: new Date(), value }, new Map([[1, value]])]) {
      expect(() => small.encode(endless)).toThrow('its JSON is over 262144 bytes (maxDecompressedSize)');
    }
    expect(() => codec.encode(new Array(1_000_000_000))).toThrow('its JSON is over');
  });
});

describe('plain: true', () => {
  const plain = { plain: true };

  it('takes instances as their own enumerable properties', () => {
    const value = {
      product: new Product(),
      list: Names.from(['a']),
      on: new Moment(5),
      by: new Registry([['a', 1]]),
    };
    expect(roundTrip(value, codec, plain)).toStrictEqual({
      product: { name: 'tea' },
      list: ['a'],
      on: new Date(5),
      by: new Map([['a', 1]]),
    });
    expect(roundTrip(new Product(), codec, plain)).toStrictEqual({ name: 'tea' });
    expect(codec.encode(new Product(), plain).flags).toBe(9);
  });

  it('takes what toJSON gives', () => {
    const value = { at: new URL('http://localhost/'), own: { toJSON: () => ({ a: new Date(1) }) } };
    expect(roundTrip(value, codec, plain)).toStrictEqual({
      at: 'http://localhost/',
      own: { a: new Date(1) },
    });
    expect(roundTrip({ toJSON: () => 1n }, codec, plain)).toBe(1n);
  });

  it('leaves functions and symbols out', () => {
    const value = { a: 1, call: () => 1, [Symbol('s')]: 1, sign: Symbol('t'), $: 'x' };
    expect(roundTrip(value, codec, plain)).toStrictEqual({ a: 1, $: 'x' });
    expect(roundTrip('abc'.match(/b/), codec, plain)).toStrictEqual(['b']);
  });

  it('keeps a key $ or __proto__ of an instance', () => {
    const instance = Object.assign(new Product(), { $: 'date' });
    Object.defineProperty(instance, '__proto__', { value: { a: 1 }, enumerable: true });
    const back = roundTrip(instance, codec, plain) as object;
    expect(Object.entries(back)).toStrictEqual([
      ['name', 'tea'],
      ['$', 'date'],
      ['__proto__', { a: 1 }],
    ]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it('changes nothing for plain data', () => {
    const value = { a: [1, undefined, new Date(1), Buffer.from('x')] };
    expect(roundTrip(value, codec, plain)).toStrictEqual(value);
  });

  it.each([
    new Error('boom'),
    /x/,
    Object(1),
    Object('x'),
    new Float64Array(1),
    new ArrayBuffer(1),
    Promise.resolve(1),
    new WeakMap(),
    new Map().values(),
  ])('still refuses what has no plain data (%#)', (value) => {
    expect(() => codec.encode({ value }, plain)).toThrow('it has no plain data.');
  });

  it('still refuses undefined, functions and what has no end', () => {
    for (const value of [
      undefined,
      () => 1,
      [() => 1],
      { toJSON: () => undefined },
      { toJSON: () => () => 1 },
      cyclic(),
    ]) {
      expect(() => codec.encode(value, plain)).toThrow(MemcachedValueError);
    }
    const endless = { toJSON: () => endless };
    expect(() => codec.encode(endless, plain)).toThrow('contains itself');
  });
});
