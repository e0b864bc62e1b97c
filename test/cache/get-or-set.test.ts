import { MemcachedTimeoutError } from '../../lib/core/base/errors.js';
import type { FakeRequest } from '../support/fake-pool.js';
import { heldLoader, isGeneration, ofValues, setup, until } from './support/setup.js';

class Product {
  constructor(readonly id: number) {}
}

describe('getOrSet', () => {
  it('loads on a miss, stores it, and does not load on the hit', async () => {
    const { cache } = setup();
    const loader = jest.fn(async () => ({ n: 1 }));
    expect(await cache.getOrSet('k', loader)).toEqual({ n: 1 });
    expect(await cache.get('k')).toEqual({ n: 1 });
    expect(await cache.getOrSet('k', loader)).toEqual({ n: 1 });
    expect(loader).toHaveBeenCalledTimes(1);
  });

  it('loads once for a hundred concurrent callers', async () => {
    const { cache, pool } = setup();
    const { loader, calls, answer } = heldLoader<{ n: number }>();
    const asked = Array.from({ length: 100 }, () => cache.getOrSet('k', loader));
    await until(() => calls() > 0);
    asked.push(cache.getOrSet('k', loader));
    answer({ n: 1 });
    expect(await Promise.all(asked)).toEqual(Array(101).fill({ n: 1 }));
    expect(calls()).toBe(1);
    expect(pool.requests.filter((request) => request.verb === 'get' && ofValues(request))).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ loads: 1, waits: 100, misses: 101, hits: 0, sets: 1 });
  });

  it('loads different keys at the same time', async () => {
    const { cache } = setup();
    const one = heldLoader<string>();
    const other = heldLoader<string>();
    const asked = [cache.getOrSet('a', one.loader), cache.getOrSet('b', other.loader)];
    await until(() => one.calls() + other.calls() === 2);
    one.answer('1');
    other.answer('2');
    expect(await Promise.all(asked)).toEqual(['1', '2']);
  });

  it('is joined while the loaded value is being stored', async () => {
    const { cache, pool } = setup();
    await cache.set('warm', 1);
    pool.hold((request) => request.verb === 'set');
    const loader = jest.fn(() => 'v');
    const first = cache.getOrSet('k', loader);
    await pool.holding();
    const second = cache.getOrSet('k', loader);
    pool.release();
    expect(await Promise.all([first, second])).toEqual(['v', 'v']);
    expect(loader).toHaveBeenCalledTimes(1);
  });

  it('reads value and generation in one round trip', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.forget();
    await cache.getOrSet('k', () => 'other');
    expect(pool.turns()).toBe(1);
  });

  it("hands a loader's error to all who wait, and stores nothing", async () => {
    const { cache, pool } = setup();
    const { loader, calls, fail } = heldLoader<string>();
    const asked = [1, 2, 3].map(() => cache.getOrSet('k', loader));
    await until(() => calls() > 0);
    fail(new Error('no database'));
    const settled = await Promise.allSettled(asked);
    expect(settled.map((one) => (one as PromiseRejectedResult).reason.message)).toEqual(
      Array(3).fill('no database'),
    );
    expect(pool.keys().filter((key) => !isGeneration(key))).toEqual([]);
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
    expect(cache.stats()).toMatchObject({ loads: 2, loadErrors: 1, errors: 0 });
  });

  it('turns what a loader throws at once into a rejection', async () => {
    const { cache } = setup();
    const thrown = new TypeError('oops');
    const asked = cache.getOrSet('k', () => {
      throw thrown;
    });
    await expect(asked).rejects.toBe(thrown);
  });

  it('stores null and not undefined', async () => {
    const { cache } = setup();
    const none = jest.fn(() => undefined);
    const nothing = jest.fn(() => null);
    for (let i = 0; i < 2; i++) {
      expect(await cache.getOrSet('undefined', none)).toBeUndefined();
      expect(await cache.getOrSet('null', nothing)).toBeNull();
    }
    expect(none).toHaveBeenCalledTimes(2);
    expect(nothing).toHaveBeenCalledTimes(1);
    expect(cache.stats().uncached).toBe(0);
  });

  it('hands every caller a value of its own, on a miss and on a hit', async () => {
    const { cache } = setup();
    const held = { list: [1], when: new Date(0) };
    for (const load of [() => held, () => ({ list: [9], when: new Date(9) })]) {
      const asked = [1, 2, 3].map(async () => {
        const mine = await cache.getOrSet('k', load);
        mine.list.push(2);
        mine.when.setTime(7);
        return mine.list.length;
      });
      expect(await Promise.all(asked)).toEqual([2, 2, 2]);
    }
    expect(held).toEqual({ list: [1], when: new Date(0) });
    expect(await cache.get('k')).toEqual({ list: [1], when: new Date(0) });
  });

  it('returns on a miss what it returns on a hit', async () => {
    const { cache } = setup();
    const deep = { date: new Date(1), map: new Map([['a', [1n]]]), bytes: Buffer.from('b'), none: undefined };
    const product = new Product(1);
    const nested = { product, toJSON: undefined };
    for (const [key, load, options] of [
      ['deep', () => deep, {}],
      ['type', () => product, { type: Product }],
      ['types', () => [product, new Product(2)], { type: Product }],
      ['data', () => ({ id: 3 }), { type: Product }],
      ['plain', () => nested, { plain: true }],
      ['both', () => product, { plain: true, type: Product }],
    ] as const) {
      const miss = await cache.getOrSet<unknown>(key, load, options);
      const hit = await cache.getOrSet<unknown>(key, () => 'loaded again', options);
      expect(hit).toStrictEqual(miss);
    }
  });

  it('gives what cannot be stored to all who wait, uncached, with one warning', async () => {
    const { cache, lines } = setup();
    const product = new Product(1);
    const load = jest.fn(async () => product);
    const answers = await Promise.all([cache.getOrSet('k', load), cache.getOrSet('k', load)]);
    answers.push(await cache.getOrSet('k', load));
    for (const answer of answers) expect(answer).toBe(product);
    expect(load).toHaveBeenCalledTimes(2);
    expect(lines).toEqual([expect.stringContaining('an instance of Product')]);
  });

  it('survives poison: a getter that throws, a toJSON that throws, what contains itself', async () => {
    const { cache } = setup();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const getter = {
      get bad(): never {
        throw new Error('getter');
      },
    };
    class Json {
      toJSON(): never {
        throw new Error('toJSON');
      }
    }
    for (const poison of [cycle, getter, new Json(), () => 1, Symbol('s')]) {
      for (const plain of [false, true]) {
        const answer = await cache.getOrSet('k', () => poison, { plain });
        if (typeof poison === 'object') expect(answer).toBe(poison);
      }
    }
    expect(cache.stats().sets).toBe(0);
  });

  it('heals a value that cannot be read back', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'old');
    pool.poke(pool.keys().find((key) => !isGeneration(key))!, { garbage: true });
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    expect(await cache.get('k')).toBe('new');
  });

  it('does not write after a read that timed out', async () => {
    const { cache, pool } = setup();
    await cache.set('warm', 1);
    pool.fail = (request) =>
      request.verb === 'get' && ofValues(request) ? new MemcachedTimeoutError('late') : undefined;
    pool.forget();
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
    expect(pool.requests.map((request) => request.verb)).toEqual(['get', 'get']);
  });

  it('passes the key and a signal to the loader', async () => {
    const { cache } = setup();
    await cache.getOrSet('user:1', ({ key, signal }) => {
      expect(key).toBe('user:1');
      expect(signal.aborted).toBe(false);
      return 1;
    });
    expect.assertions(2);
  });
});

describe('a change during a load', () => {
  const changes: [string, (cache: ReturnType<typeof setup>['cache']) => Promise<unknown>, unknown][] = [
    ['delete', (cache) => cache.delete('k'), undefined],
    ['deleteMany', (cache) => cache.deleteMany(['k']), undefined],
    ['set', (cache) => cache.set('k', 'set'), 'set'],
    ['setMany', (cache) => cache.setMany([['k', 'set']]), 'set'],
    ['clear', (cache) => cache.clear(), undefined],
  ];

  it.each(changes)('by %s keeps the loaded value out of the cache', async (_name, change, remains) => {
    const { cache } = setup();
    const { loader, calls, answer } = heldLoader<string>();
    const asked = cache.getOrSet('k', loader);
    await until(() => calls() > 0);
    await change(cache);
    answer('loaded before');
    expect(await asked).toBe('loaded before');
    expect(await cache.get('k')).toBe(remains);
  });

  it.each(changes)('by %s is seen by every later caller', async (_name, change, remains) => {
    const { cache } = setup();
    const { loader, calls, answer } = heldLoader<string>();
    const early = cache.getOrSet('k', loader);
    await until(() => calls() > 0);
    await change(cache);
    expect(await cache.getOrSet('k', () => 'loaded after')).toBe(remains ?? 'loaded after');
    answer('loaded before');
    await early;
    expect(await cache.get('k')).toBe(remains ?? 'loaded after');
  });

  it.each(changes)('by %s comes after a write that is under way', async (_name, change, remains) => {
    const { cache, pool } = setup();
    await cache.set('warm', 1);
    pool.hold((request) => request.verb === 'set' && ofValues(request));
    const asked = cache.getOrSet('k', () => 'loaded before');
    await pool.holding();
    const changing = change(cache);
    await new Promise<void>((resolve) => setImmediate(resolve));
    pool.release();
    await Promise.all([asked, changing]);
    expect(await cache.get('k')).toBe(remains);
  });

  it.each(changes)(
    'by %s is seen by who asks after it, though a read that began beside it brings the older value',
    async (_name, change, remains) => {
      const { cache, pool } = setup();
      await cache.set('k', 'old');
      const isRead = (request: FakeRequest): boolean => request.verb === 'get';
      pool.hold((request) => !isRead(request));
      pool.holdAnswers((request) => ofValues(request) && isRead(request));
      const changing = change(cache);
      const early = cache.getOrSet('k', () => 'new');
      await pool.holding(2);
      pool.release((request) => !isRead(request));
      await changing;
      expect(await cache.getOrSet('k', () => 'new')).toBe(remains ?? 'new');
      pool.release();
      await early;
    },
  );

  it('made twice still outdates the first load', async () => {
    const { cache } = setup();
    const first = heldLoader<string>();
    const second = heldLoader<string>();
    const early = cache.getOrSet('k', first.loader);
    await until(() => first.calls() > 0);
    await cache.delete('k');
    const later = cache.getOrSet('k', second.loader);
    await until(() => second.calls() > 0);
    await cache.delete('k');
    second.answer('second');
    first.answer('first');
    await Promise.all([early, later]);
    expect(await cache.get('k')).toBeUndefined();
  });
});

describe('a load that takes long', () => {
  it('is aborted after loadTimeout, not joined any more and not stored', async () => {
    const { cache, clock, lines } = setup({ loadTimeout: '2s' });
    const { loader, calls, answer } = heldLoader<string>();
    let signal: AbortSignal | undefined;
    const slow = cache.getOrSet('k', (context) => {
      signal = context.signal;
      return loader();
    });
    await until(() => calls() > 0);
    clock.advance(1_999);
    expect(signal?.aborted).toBe(false);
    clock.advance(1);
    expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
    expect(await cache.getOrSet('k', () => 'quick')).toBe('quick');
    answer('slow');
    expect(await slow).toBe('slow');
    expect(await cache.get('k')).toBe('quick');
    expect(lines).toEqual([expect.stringContaining('loadTimeout')]);
  });

  it('leaves no timer behind', async () => {
    const { cache, clock } = setup();
    await cache.getOrSet('k', () => 1);
    await expect(cache.getOrSet('l', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a caller that gives up', () => {
  it('rejects alone; the others get their value', async () => {
    const { cache } = setup();
    const { loader, calls, answer } = heldLoader<string>();
    const impatient = new AbortController();
    const one = cache.getOrSet('k', loader, { signal: impatient.signal });
    const other = cache.getOrSet('k', loader);
    await until(() => calls() > 0);
    impatient.abort(new Error('enough'));
    await expect(one).rejects.toThrow('enough');
    answer('v');
    expect(await other).toBe('v');
    expect(await cache.get('k')).toBe('v');
  });

  it('as the last one aborts the load, which nobody joins any more', async () => {
    const { cache } = setup();
    const { loader, calls } = heldLoader<string>();
    const impatient = new AbortController();
    let signal: AbortSignal | undefined;
    const asked = cache.getOrSet(
      'k',
      (context) => {
        signal = context.signal;
        return loader();
      },
      { signal: impatient.signal },
    );
    await until(() => calls() > 0);
    impatient.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(signal?.reason).toMatchObject({ message: 'enough' });
    expect(await cache.getOrSet('k', () => 'mine')).toBe('mine');
  });

  it('before the cache was read starts no load', async () => {
    const { cache, pool } = setup();
    await cache.set('warm', 1);
    pool.hold(() => true);
    const impatient = new AbortController();
    const loader = jest.fn(() => 'v');
    const asked = cache.getOrSet('k', loader, { signal: impatient.signal });
    await pool.holding();
    impatient.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    pool.release();
    await expect(cache.getOrSet('k', loader, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    expect(await cache.get('k')).toBeUndefined();
    expect(loader).not.toHaveBeenCalled();
  });
});
