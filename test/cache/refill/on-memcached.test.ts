/** The promises about refilling on the machine's own memcached, by leases and by locks. Time is its own. */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import type { CacheOptions } from '../../../lib/cache/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { heldLoader, until } from '../support/setup.js';

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

for (const protocol of ['auto', 'classic'] as const) {
  describeReal(`refilling on memcached, protocol ${protocol}`, () => {
    let server: RealMemcached;
    const pools: MemcachedPool[] = [];

    beforeAll(async () => {
      server = await RealMemcached.start();
    });
    afterAll(async () => {
      await Promise.all(pools.map((pool) => pool.close()));
      await server.stop();
    });

    /** Caches of two processes, with a namespace of this test's own. */
    let count = 0;
    const two = async (options: CacheOptions = {}) => {
      const namespace = `test${count++}`;
      const caches = [0, 1].map(() => {
        const pool = new MemcachedPool({ nodes: server.address, protocol, commandTimeout: '20s' });
        pools.push(pool);
        return new MemcachedCache(pool, { namespace, jitter: 0, ...options });
      }) as [MemcachedCache, MemcachedCache];
      for (const cache of caches) await cache.getOrSet('warm', () => 1);
      return [...caches, `${namespace}#k`] as const;
    };

    it('a cold key is loaded once for two processes of fifty callers', async () => {
      const [one, other] = await two();
      const loader = jest.fn(async () => {
        await wait(100);
        return 'v';
      });
      const asked = [one, other].flatMap((cache) =>
        Array.from({ length: 50 }, () => cache.getOrSet('k', loader)),
      );
      expect(await Promise.all(asked)).toEqual(Array(100).fill('v'));
      expect(loader).toHaveBeenCalledTimes(1);
    });

    it('a stub is shown to nobody, not even to a plain get, and an empty value is one', async () => {
      const [one, other, stored] = await two();
      const { loader, calls, answer } = heldLoader<string>();
      const asked = one.getOrSet('k', loader);
      await until(() => calls() > 0);
      expect(await other.get('k')).toBeUndefined();
      expect(await pools.at(-1)!.get(stored)).toBeUndefined();
      expect(await pools.at(-1)!.getMany([stored])).toEqual(new Map());
      answer('');
      await asked;
      expect(await other.getOrSet('k', () => 'x')).toBe('');
    });

    it('a delete during the load is not undone', async () => {
      const [one, other] = await two();
      const { loader, calls, answer } = heldLoader<string>();
      const asked = one.getOrSet('k', loader);
      await until(() => calls() > 0);
      expect(await other.delete('k')).toBe(true);
      await wait(50);
      answer('older');
      expect(await asked).toBe('older');
      expect(await other.get('k')).toBeUndefined();
      expect(one.stats().leasesLost).toBe(1);
    });

    it('a loader that fails lets the one that waits load', async () => {
      const [one, other] = await two();
      const { loader, calls, fail } = heldLoader<string>();
      const first = one.getOrSet('k', loader);
      await until(() => calls() > 0);
      const second = other.getOrSet('k', () => 'v');
      fail(new Error('no database'));
      await expect(first).rejects.toThrow('no database');
      expect(await second).toBe('v');
      expect(other.stats()).toMatchObject({ lostRan: 0, won: 1 });
    });

    it('a stale value is served to all while one refreshes it', async () => {
      const [one, other] = await two({ ttl: '1s', stale: '1m' });
      await one.getOrSet('k', () => 'old');
      await wait(2_100);
      const { loader, calls, answer } = heldLoader<string>();
      for (const cache of [one, other, one]) expect(await cache.getOrSet('k', loader)).toBe('old');
      await until(() => calls() > 0);
      answer('new');
      await until(() => one.stats().sets + other.stats().sets === 3);
      expect(await other.getOrSet('k', () => 'x')).toBe('new');
      expect(calls()).toBe(1);
    });

    it('values of an ended tag, or of another generation, are refilled by one', async () => {
      const [one, other] = await two();
      const options = { tags: ['t'] };
      for (const end of [() => other.deleteByTag('t'), () => other.clear()]) {
        await one.getOrSet('k', () => 'old', options);
        expect(await end()).toBe(true);
        const loader = jest.fn(async () => {
          await wait(50);
          return 'new';
        });
        expect(await Promise.all([one, other].map((cache) => cache.getOrSet('k', loader, options)))).toEqual([
          'new',
          'new',
        ]);
        expect(loader).toHaveBeenCalledTimes(1);
      }
    });

    it('many keys are loaded once for two processes', async () => {
      const [one, other] = await two();
      const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
      const loaded: string[] = [];
      const loader = async (missing: string[]) => {
        loaded.push(...missing);
        await wait(50);
        return new Map(missing.map((key) => [key, key]));
      };
      const found = await Promise.all([one, other].map((cache) => cache.getOrSetMany(keys, loader)));
      for (const values of found) expect([...values.keys()]).toEqual(keys);
      expect(loaded.sort()).toEqual([...keys].sort());
    });
  });
}
