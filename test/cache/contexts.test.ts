/**
 * What a caller keeps in an AsyncLocalStorage (its tenant, its request, its trace) is there for all that the cache
 * runs on its behalf, however many others ask in the same turn.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { MemcachedCache } from '../../lib/cache/cache.js';
import type { CacheMessage } from '../../lib/cache/outcomes.js';
import { cacheChannel } from '../../lib/core/base/channels.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import { heldLoader, until } from './support/setup.js';

const TENANTS = ['a', 'b', 'c', 'd'];

for (const protocol of ['auto', 'classic'] as const) {
  describeReal(`contexts of callers, protocol ${protocol}`, () => {
    const tenants = new AsyncLocalStorage<string>();
    const tenant = () => tenants.getStore();
    let server: RealMemcached;
    let pool: MemcachedPool;
    let cache: MemcachedCache;
    let count = 0;

    beforeAll(async () => {
      server = await RealMemcached.start();
      pool = new MemcachedPool({ nodes: server.address, protocol, commandTimeout: '20s' });
    });
    afterAll(async () => {
      await pool.close();
      await server.stop();
    });
    beforeEach(async () => {
      cache = new MemcachedCache(pool, { namespace: `test${count++}`, jitter: 0 });
      await cache.getOrSet('warm', () => 1);
    });

    test('each loader runs in that of its caller', async () => {
      for (let round = 0; round < 3; round++) {
        const loads = TENANTS.map((of) =>
          tenants.run(of, () => cache.getOrSet(`${of}${round}`, async () => tenant())),
        );
        expect(await Promise.all(loads)).toEqual(TENANTS);
      }
    });

    test('the loader of many keys too', async () => {
      const loads = TENANTS.map((of) =>
        tenants.run(of, () =>
          cache.getOrSetMany(
            [`${of}1`, `${of}2`],
            async (keys) => new Map(keys.map((key) => [key, tenant()])),
          ),
        ),
      );
      for (const [index, found] of (await Promise.all(loads)).entries()) {
        expect([...found.values()]).toEqual([TENANTS[index], TENANTS[index]]);
      }
    });

    test('who has waited long enough for another one loads in its own', async () => {
      const { loader, calls, answer } = heldLoader<string>();
      const slow = tenants.run('a', () => cache.getOrSet('k', loader));
      await until(() => calls() > 0);
      const other = tenants.run('b', () => cache.getOrSet('k', async () => tenant(), { waitTimeout: 50 }));
      expect(await other).toBe('b');
      answer('late');
      expect(await slow).toBe('late');
    });

    test('who listens to outcomes hears them in that of the caller', async () => {
      const heard: string[] = [];
      const listen = (message: unknown) => {
        const { operation, outcome } = message as CacheMessage;
        heard.push(`${tenant()} ${operation} ${outcome}`);
      };
      cacheChannel.subscribe(listen);
      try {
        await cache.set('k', 1);
        heard.length = 0;
        await Promise.all(
          TENANTS.flatMap((of) =>
            tenants.run(of, () => [cache.get('k'), cache.getOrSet('k', () => 2), cache.get(`no ${of}`)]),
          ),
        );
      } finally {
        cacheChannel.unsubscribe(listen);
      }
      const expected = TENANTS.flatMap((of) => [`${of} get hit`, `${of} get miss`, `${of} getOrSet hit`]);
      expect(heard.sort()).toEqual(expected.sort());
    });
  });
}
