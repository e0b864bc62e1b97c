/** Behind a proxy that knows no leases: two caches over two pools, as two processes would be, through twemproxy. */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { type Running, targets } from '../../core/support/targets.js';

const { available, start } = targets.find(({ name }) => name === 'memcached behind twemproxy')!;
const promise = available ? test : test.skip;

describe('behind twemproxy', () => {
  let running: Running;
  let pools: MemcachedPool[] = [];
  let caches: MemcachedCache[];
  beforeAll(async () => {
    if (!available) return;
    running = await start();
    pools = [0, 1].map(() => new MemcachedPool({ commandTimeout: '10s', ...running.options }));
    caches = pools.map((pool) => new MemcachedCache(pool, { loadTimeout: '30s', jitter: 0 }));
    // What the proxy can do is found out.
    for (const cache of caches) await cache.getOrSet('warm', () => 1);
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
    await running?.stop();
  });

  promise('one of two processes loads a cold key, by its lock, and the other one waits for it', async () => {
    for (let round = 0; round < 5; round++) {
      let loads = 0;
      const loader = async () => {
        loads++;
        await new Promise((resolve) => setTimeout(resolve, 60));
        return { round };
      };
      const answers = caches.flatMap((cache) =>
        Array.from({ length: 20 }, () => cache.getOrSet(`cold:${round}`, loader)),
      );
      expect(await Promise.all(answers)).toEqual(new Array(40).fill({ round }));
      expect(loads).toBe(1);
    }
    expect(caches.reduce((sum, cache) => sum + cache.stats().lostWaited, 0)).toBeGreaterThan(0);
  });

  promise('the lock is let go at once when the loader fails', async () => {
    const [one, other] = caches;
    await expect(one!.getOrSet('failing', () => Promise.reject(new Error('no database')))).rejects.toThrow(
      'no database',
    );
    expect(await other!.getOrSet('failing', () => 'mine')).toBe('mine');
    expect(await one!.get('failing')).toBe('mine');
  });

  promise('values of a tag, and of a namespace that was cleared, are gone', async () => {
    const [one, other] = caches;
    await one!.set('tagged', 1, { tags: ['t'] });
    expect(await other!.get('tagged')).toBe(1);
    expect(await other!.deleteByTag('t')).toBe(true);
    expect(await one!.get('tagged')).toBeUndefined();
    await one!.set('plain', 1);
    expect(await other!.clear()).toBe(true);
    expect(await one!.get('plain')).toBeUndefined();
  });
});
