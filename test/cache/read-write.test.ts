import {
  MemcachedArgumentError,
  MemcachedKeyError,
  MemcachedOptionError,
} from '../../lib/core/base/errors.js';
import { isGeneration, ofValues, setup } from './support/setup.js';

class Product {
  constructor(
    readonly id: number,
    readonly name: string,
  ) {}
  get label(): string {
    return `${this.id} ${this.name}`;
  }
}

const values: [kind: string, value: unknown][] = [
  ['text', 'plain text'],
  ['empty text', ''],
  ['text that looks like an envelope', '1lx2.abcdefgh:text'],
  ['text beyond ASCII', 'grüße 🎈'],
  ['a number', 42.5],
  ['zero', 0],
  ['false', false],
  ['null', null],
  ['a bigint', 12n],
  ['an object', { a: 1, b: [true, null, { c: 'd' }] }],
  ['an array of two', ['1lx2.abcdefgh', 2]],
  ['a Buffer', Buffer.from([0, 1, 2, 255])],
  ['an empty Buffer', Buffer.alloc(0)],
  ['a Uint8Array', new Uint8Array([3, 4, 5])],
  ['a Date', new Date(5)],
  [
    'a Map',
    new Map<unknown, unknown>([
      ['a', new Date(1)],
      [2, new Set([3n])],
    ]),
  ],
  ['an object with __proto__ of its own', JSON.parse('{"__proto__": {"admin": true}}')],
];

describe('set and get', () => {
  it.each(values)('give back %s as it was', async (_kind, value) => {
    const { cache } = setup();
    expect(await cache.set('k', value)).toBe(true);
    expect(await cache.get('k')).toStrictEqual(value);
  });

  it('miss what was never set', async () => {
    const { cache } = setup();
    expect(await cache.get('k')).toBeUndefined();
  });

  it('hand each reader a value of its own', async () => {
    const { cache } = setup();
    await cache.set('k', { list: [1] });
    const [one, other] = await Promise.all([
      cache.get<{ list: number[] }>('k'),
      cache.get<{ list: number[] }>('k'),
    ]);
    one?.list.push(2);
    expect(other).toEqual({ list: [1] });
    expect(await cache.get('k')).toEqual({ list: [1] });
  });

  it('store the value as it was when set was called', async () => {
    const { cache, elsewhere } = setup();
    await cache.set('warm', 1);
    await elsewhere().clear(); // so that the write has to be repeated
    const value = { n: 1, bytes: Buffer.from('a') };
    const setting = cache.set('k', value);
    value.n = 2;
    value.bytes[0] = 0;
    await setting;
    expect(await cache.get('k')).toEqual({ n: 1, bytes: Buffer.from('a') });
  });

  it('keep undefined out and drop the older value', async () => {
    const { cache } = setup();
    await cache.set('k', 'old');
    expect(await cache.set('k', undefined)).toBe(false);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('take nothing for a value that was not written by a cache', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    const stored = pool.keys().find((key) => !isGeneration(key))!;
    for (const foreign of ['hello', '', 'cache', 5, null, ['x', 1], [1, 2], [], {}, Buffer.from('abc')]) {
      pool.poke(stored, foreign);
      expect(await cache.get('k')).toBeUndefined();
    }
  });

  it('need one round trip each once the namespace is known', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    for (const call of [() => cache.get('k'), () => cache.set('k', 'w'), () => cache.getMany(['k', 'l'])]) {
      pool.forget();
      await call();
      expect(pool.turns()).toBe(1);
    }
  });

  it('read the generation once for a hundred reads of one turn', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.forget();
    await Promise.all(Array.from({ length: 100 }, () => cache.get('k')));
    expect(pool.requests.filter((request) => !ofValues(request))).toHaveLength(1);
    expect(pool.requests.filter(ofValues)).toHaveLength(100);
  });
});

describe('TTL', () => {
  it('is five minutes unless told otherwise', async () => {
    const { cache, clock } = setup();
    await cache.set('k', 'v');
    clock.advance(299_999);
    expect(await cache.get('k')).toBe('v');
    clock.advance(1);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('of a call goes before the one of the cache, rounded up to a second', async () => {
    const { cache, clock } = setup({ ttl: '1h' });
    await cache.set('k', 'v', { ttl: 500 });
    clock.advance(999);
    expect(await cache.get('k')).toBe('v');
    clock.advance(1);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('of 0 never ends, whatever the jitter', async () => {
    const { cache, pool } = setup({ ttl: 0, jitter: 1 }, {}, () => 0.999);
    await cache.set('k', 'v');
    expect(pool.requests.filter(ofValues).at(-1)?.options?.ttl).toBe(0);
  });

  it('is shortened by no more than the jitter, and never to 0', async () => {
    for (const [random, jitter, ttl] of [
      [0, 0.5, 10_000],
      [0.5, 0.5, 7_500],
      [1, 0.5, 5_000],
      [1, 1, 1],
      [1, 0, 10_000],
    ] as const) {
      const { cache, pool } = setup({ ttl: '10s', jitter }, {}, () => random);
      await cache.set('k', 'v');
      expect(pool.requests.filter(ofValues).at(-1)?.options?.ttl).toBe(ttl);
    }
  });

  it('differs within a batch', async () => {
    let n = 0;
    const { cache, pool } = setup({ ttl: '10s', jitter: 0.5 }, {}, () => (n++ % 10) / 10);
    await cache.setMany(Array.from({ length: 40 }, (_, i) => [`k${i}`, i] as const));
    const writes = pool.requests.filter((request) => request.verb === 'setMany');
    expect(new Set(writes.map((request) => request.options?.ttl)).size).toBe(8);
  });

  it('that is none rejects before anything is sent', async () => {
    const { cache, pool } = setup();
    for (const ttl of [-1, Number.NaN, Number.POSITIVE_INFINITY, 'soon', '11000d']) {
      await expect(cache.set('k', 'v', { ttl })).rejects.toThrow(MemcachedArgumentError);
      await expect(cache.setMany([['k', 'v']], { ttl })).rejects.toThrow(MemcachedArgumentError);
      await expect(cache.getOrSet('k', () => 'v', { ttl })).rejects.toThrow(MemcachedArgumentError);
    }
    expect(pool.requests).toHaveLength(0);
  });
});

describe('delete', () => {
  it('answers true when the key is gone, also when it never was', async () => {
    const { cache } = setup();
    await cache.set('k', 'v');
    expect(await cache.delete('k')).toBe(true);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.delete('k')).toBe(true);
  });
});

describe('many keys', () => {
  it('are written, found in the order they were asked for, and deleted', async () => {
    const { cache } = setup({}, { nodes: ['a:1', 'b:1', 'c:1'] });
    const entries = Array.from({ length: 30 }, (_, i) => [`k${i}`, { i }] as const);
    expect(await cache.setMany(entries)).toBe(true);
    const asked = ['k3', 'none', 'k1', 'k29', 'k1'];
    const found = await cache.getMany(asked);
    expect([...found]).toEqual([
      ['k3', { i: 3 }],
      ['k1', { i: 1 }],
      ['k29', { i: 29 }],
    ]);
    expect(await cache.deleteMany(['k3', 'none'])).toBe(true);
    expect([...(await cache.getMany(asked)).keys()]).toEqual(['k1', 'k29']);
  });

  it('answer at once when there are none', async () => {
    const { cache, pool } = setup();
    expect(await cache.setMany([])).toBe(true);
    expect(await cache.getMany([])).toEqual(new Map());
    expect(await cache.deleteMany([])).toBe(true);
    expect(pool.requests).toHaveLength(0);
  });

  it('keep the last value of a key that comes twice', async () => {
    const { cache } = setup();
    await cache.setMany([
      ['k', 1],
      ['l', 2],
      ['k', 3],
    ]);
    expect(await cache.get('k')).toBe(3);
  });

  it('leave out only what cannot be stored', async () => {
    const { cache } = setup();
    await cache.set('b', 'old');
    const done = await cache.setMany([
      ['a', 1],
      ['b', () => 1],
      ['c', 3],
    ]);
    expect(done).toBe(false);
    expect([...(await cache.getMany(['a', 'b', 'c']))]).toEqual([
      ['a', 1],
      ['c', 3],
    ]);
  });
});

describe('type and plain', () => {
  it('make an instance of the class again, with its methods, and of each element of an array', async () => {
    const { cache } = setup();
    const product = new Product(1, 'tea');
    await cache.set('k', product, { type: Product });
    await cache.set('l', [product, null], { type: Product });
    const found = await cache.get<Product>('k', { type: Product });
    expect(found).toStrictEqual(product);
    expect(found?.label).toBe('1 tea');
    expect(await cache.get('l', { type: Product })).toStrictEqual([product, null]);
    expect((await cache.getMany(['k'], { type: Product })).get('k')).toStrictEqual(product);
    expect(await cache.get('k')).toStrictEqual({ id: 1, name: 'tea' });
  });

  it('never set a prototype from data', async () => {
    const { cache } = setup();
    await cache.set('k', JSON.parse('{"__proto__": {"admin": true}, "id": 1}'));
    const found = await cache.get<Product & { admin?: boolean }>('k', { type: Product });
    expect(found).toBeInstanceOf(Product);
    expect(found?.admin).toBeUndefined();
  });

  it('store instances as plain data at any depth when plain says so', async () => {
    const { cache } = setup();
    const price = { toJSON: () => '4.20', cents: 420n };
    Object.setPrototypeOf(price, class Money {}.prototype);
    expect(await cache.set('k', { product: new Product(1, 'tea'), price }, { plain: true })).toBe(true);
    expect(await cache.get('k')).toStrictEqual({ product: { id: 1, name: 'tea' }, price: '4.20' });
  });

  it('are needed for an instance, which else is left uncached with one warning per class', async () => {
    const { cache, lines } = setup();
    class Other {}
    await cache.set('k', 'old');
    for (const value of [new Product(1, 'a'), new Product(2, 'b'), new Other(), new Other()]) {
      expect(await cache.set('k', value)).toBe(false);
    }
    expect(await cache.get('k')).toBeUndefined();
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn A value of the namespace "cache" is left uncached. .*an instance of Product/,
      ),
      expect.stringMatching(/is left uncached. .*an instance of Other/),
    ]);
    expect(cache.stats()).toMatchObject({ uncached: 4, errors: 0 });
  });

  it('warn once about values that are too large, and drop what was there', async () => {
    const { cache, lines } = setup({}, { maxItemBytes: 1_000 });
    await cache.set('k', 'old');
    expect(await cache.set('k', 'x'.repeat(2_000))).toBe(false);
    expect(await cache.set('k', 'y'.repeat(2_000))).toBe(false);
    expect(await cache.get('k')).toBeUndefined();
    expect(lines).toHaveLength(1);
  });
});

describe('namespaces', () => {
  it('see nothing of each other and share the pool', async () => {
    const { cache } = setup();
    const catalog = cache.namespace('catalog');
    await cache.set('k', 'root');
    await catalog.set('k', 'catalog');
    await catalog.namespace('prices').set('k', 'prices');
    expect(await cache.get('k')).toBe('root');
    expect(await catalog.get('k')).toBe('catalog');
    expect(await cache.namespace('catalog').namespace('prices').get('k')).toBe('prices');
  });

  it('are the same when the name is the same: values, counters and loads', async () => {
    const { cache } = setup();
    await cache.namespace('n').set('k', 'v');
    expect(await cache.namespace('n').get('k')).toBe('v');
    expect(cache.namespace('n').stats()).toMatchObject({ sets: 1, hits: 1 });
    let loads = 0;
    const load = async (): Promise<number> => ++loads;
    await Promise.all([cache.namespace('n').getOrSet('l', load), cache.namespace('n').getOrSet('l', load)]);
    expect(loads).toBe(1);
  });

  it('take the options of the cache they were made from, except for those given', async () => {
    const { cache, pool } = setup({ ttl: '1h', timeout: 70 });
    await cache.namespace('a').set('k', 1);
    await cache.namespace('b', { ttl: '1m', timeout: 30 }).set('k', 1);
    const [a, b] = pool.requests.filter((request) => request.verb === 'set').map(({ options }) => options);
    expect(a).toMatchObject({ ttl: 3_600_000, timeout: 70 });
    expect(b).toMatchObject({ ttl: 60_000, timeout: 30 });
  });

  it('refuse a name that is none, and options nobody knows', () => {
    const { cache } = setup();
    expect(() => cache.namespace('')).toThrow(MemcachedOptionError);
    expect(() => cache.namespace('a', { tll: 1 } as object)).toThrow('"ttl"');
    expect(() => setup({ jitter: 2 })).toThrow('"jitter"');
    expect(() => setup({ ttl: -1 })).toThrow('"ttl"');
  });
});

describe('a cache that is off', () => {
  it('misses, confirms nothing, runs every loader and asks nobody', async () => {
    const { cache, pool } = setup({ enabled: false });
    let loads = 0;
    const load = (): number => ++loads;
    expect(cache.enabled).toBe(false);
    expect(await cache.set('k', 'v')).toBe(false);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getMany(['k'])).toEqual(new Map());
    expect(await Promise.all([cache.getOrSet('k', load), cache.getOrSet('k', load)])).toEqual([1, 2]);
    expect(await cache.delete('k')).toBe(false);
    expect(await cache.clear()).toBe(false);
    expect(await cache.namespace('n', { enabled: true }).set('k', 'v')).toBe(false);
    expect(pool.requests).toHaveLength(0);
  });

  it('can be switched by text, as from the environment', () => {
    expect(setup({ enabled: 'false' }).cache.enabled).toBe(false);
  });

  it('still shapes what a loader returns', async () => {
    const { cache } = setup({ enabled: false });
    const product = new Product(1, 'tea');
    const plain = await cache.getOrSet('k', () => product, { plain: true });
    expect(plain).toStrictEqual({ id: 1, name: 'tea' });
  });
});

describe('mistakes of the program', () => {
  it('reject: a key that is no string or empty, a timeout that is none, a loader that is no function', async () => {
    const { cache, pool } = setup();
    for (const key of [undefined, null, 5, {}, ''] as string[]) {
      await expect(cache.get(key)).rejects.toThrow(MemcachedKeyError);
      await expect(cache.set(key, 1)).rejects.toThrow(MemcachedKeyError);
      await expect(cache.delete(key)).rejects.toThrow(MemcachedKeyError);
      await expect(cache.getMany(['a', key])).rejects.toThrow(MemcachedKeyError);
      await expect(cache.getOrSet(key, () => 1)).rejects.toThrow(MemcachedKeyError);
    }
    await expect(cache.get('k', { timeout: 0 })).rejects.toThrow(MemcachedArgumentError);
    await expect(cache.getOrSet('k', 5 as never)).rejects.toThrow(MemcachedArgumentError);
    expect(pool.requests).toHaveLength(0);
  });

  it('are not hidden by a cache that is off', async () => {
    const { cache } = setup({ enabled: false });
    await expect(cache.get('')).rejects.toThrow(MemcachedKeyError);
    await expect(cache.set('k', 1, { ttl: -1 })).rejects.toThrow(MemcachedArgumentError);
  });
});

describe('an abort', () => {
  it('rejects its own call with the reason, and at once', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    for (const held of [ofValues, (): boolean => true]) {
      const caller = new AbortController();
      pool.hold(held);
      const calls = [
        cache.get('k', { signal: caller.signal }),
        cache.getMany(['k'], { signal: caller.signal }),
        cache.set('k', 'w', { signal: caller.signal }),
        cache.delete('k', { signal: caller.signal }),
      ];
      await pool.holding(4);
      caller.abort(new Error('enough'));
      for (const call of calls) await expect(call).rejects.toThrow('enough');
      pool.release();
    }
    expect(cache.stats().errors).toBe(0);
  });

  it('rejects at once also while only the generation is outstanding', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.hold((request) => !ofValues(request));
    const caller = new AbortController();
    const { signal } = caller;
    const calls = [
      cache.get('k', { signal }),
      cache.getMany(['k'], { signal }),
      cache.set('k', 'w', { signal }),
      cache.setMany([['k', 'w']], { signal }),
    ];
    await pool.holding();
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    caller.abort(new Error('enough'));
    for (const call of calls) await expect(call).rejects.toThrow('enough');
  });
});
