/** A cache over the pool in memory, with a clock moved by hand and chance that is none. */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import type { CacheOptions } from '../../../lib/cache/options.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { FakePool, type FakePoolOptions, type FakeRequest } from '../../support/fake-pool.js';

export interface Setup {
  cache: MemcachedCache;
  pool: FakePool;
  clock: ManualClock;
  /** Lines the cache has logged, each with its level. */
  lines: string[];
  /** The same nodes as another process sees them. */
  elsewhere(options?: CacheOptions): MemcachedCache;
}

export function setup(
  options: CacheOptions = {},
  poolOptions: FakePoolOptions = {},
  random: () => number = () => 0,
): Setup {
  const clock = new ManualClock();
  const pool = new FakePool({ clock, ...poolOptions });
  const lines: string[] = [];
  const log = {
    log: (line: string) => void lines.push(`log ${line}`),
    warn: (line: string) => void lines.push(`warn ${line}`),
  };
  const cache = new MemcachedCache(pool, options, { clock, random, log });
  const elsewhere = (other: CacheOptions = options): MemcachedCache =>
    new MemcachedCache(pool, other, { clock, random });
  return { cache, pool, clock, lines, elsewhere };
}

export const isGeneration = (key: string): boolean => key.endsWith('~generation');
export const ofValues = (request: FakeRequest): boolean => !request.keys.some(isGeneration);

/** A loader that answers when told to. */
export function heldLoader<T>(): {
  loader: () => Promise<T>;
  calls(): number;
  answer(value: T): void;
  fail(error: unknown): void;
} {
  let calls = 0;
  let answer!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  promise.catch(() => undefined);
  const loader = (): Promise<T> => {
    calls++;
    return promise;
  };
  return { loader, calls: () => calls, answer, fail };
}

/** Waits until `holds`; what bounds it is the test's own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Every operation of a cache, by name, with what it answers when memcached cannot be used. */
export const operations: [name: string, run: (cache: MemcachedCache) => Promise<unknown>, failed: unknown][] =
  [
    ['get', (cache) => cache.get('k'), undefined],
    ['getMany', (cache) => cache.getMany(['k', 'l']), new Map()],
    ['set', (cache) => cache.set('k', { n: 1 }), false],
    [
      'setMany',
      (cache) =>
        cache.setMany([
          ['k', 1],
          ['l', 2],
        ]),
      false,
    ],
    ['delete', (cache) => cache.delete('k'), false],
    ['deleteMany', (cache) => cache.deleteMany(['k', 'l']), false],
    ['getOrSet', (cache) => cache.getOrSet('k', () => 'loaded'), 'loaded'],
    ['clear', (cache) => cache.clear(), false],
  ];
