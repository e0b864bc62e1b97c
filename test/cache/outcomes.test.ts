import type { CacheMessage } from '../../lib/cache/outcomes.js';
import { cacheChannel } from '../../lib/core/base/channels.js';
import { MemcachedConnectionError } from '../../lib/core/base/errors.js';
import { operations, setup } from './support/setup.js';

/** What is published while `run` runs. */
async function published(run: () => Promise<unknown>): Promise<CacheMessage[]> {
  const messages: CacheMessage[] = [];
  const listener = (message: unknown): void => void messages.push(message as CacheMessage);
  cacheChannel.subscribe(listener);
  try {
    await run().catch(() => undefined);
  } finally {
    cacheChannel.unsubscribe(listener);
  }
  return messages;
}

const words = (messages: CacheMessage[]): string[] =>
  messages.map(({ operation, outcome }) => `${operation} ${outcome}`);

describe('cacheChannel', () => {
  it('hears one outcome for every call', async () => {
    const { cache } = setup();
    const calls: [run: () => Promise<unknown>, ...heard: string[]][] = [
      [() => cache.get('k'), 'get miss'],
      [() => cache.set('k', 'v'), 'set done'],
      [() => cache.get('k'), 'get hit'],
      [() => cache.set('f', () => 1), 'set uncached'],
      [() => cache.setMany([['a', 1]]), 'setMany done'],
      [
        () =>
          cache.setMany([
            ['f', () => 1],
            ['g', 1],
          ]),
        'setMany uncached',
      ],
      [() => cache.getMany(['a', 'k']), 'getMany hit'],
      [() => cache.getMany(['a', 'none']), 'getMany miss'],
      [() => cache.getOrSet('k', () => 1), 'getOrSet hit'],
      [() => cache.getOrSet('l', () => 1), 'getOrSet miss'],
      [
        () => Promise.all([1, 2].map(() => cache.getOrSet('m', () => 1))),
        'getOrSet miss',
        'getOrSet lost-waited',
      ],
      [() => Promise.all([1, 2].map(() => cache.getOrSet('m', () => 1))), 'getOrSet hit', 'getOrSet hit'],
      [() => cache.getOrSet('n', () => Promise.reject(new Error('x'))), 'getOrSet miss'],
      [() => cache.delete('k'), 'delete done'],
      [() => cache.deleteMany(['k', 'l']), 'deleteMany done'],
      [() => cache.clear(), 'clear done'],
    ];
    for (const [run, ...heard] of calls) expect(words(await published(run))).toEqual(heard);
  });

  it.each(operations)('hears that %s failed, or was not even tried', async (name, run) => {
    const { cache, pool } = setup();
    pool.fail = () => new MemcachedConnectionError('closed');
    expect(words(await published(() => run(cache)))).toEqual([`${name} error`]);
    const off = setup({ enabled: false }).cache;
    expect(words(await published(() => run(off)))).toEqual([`${name} bypass`]);
  });

  it('carries names, numbers and milliseconds, never a key', async () => {
    const { cache, pool, clock } = setup({ namespace: 'shop' });
    const view = cache.namespace('catalog');
    await view.set('secret-key', 1);
    pool.hold((request) => request.verb === 'getMany');
    const messages = await published(async () => {
      const reading = view.getMany(['secret-key', 'other']);
      await pool.holding();
      clock.advance(7);
      pool.release();
      await reading;
    });
    expect(messages).toEqual([
      {
        pool: 'fake',
        namespace: 'shop/catalog',
        operation: 'getMany',
        outcome: 'miss',
        milliseconds: 7,
        keys: 2,
        hits: 1,
      },
    ]);
  });
});

describe('stats', () => {
  it('count per namespace, as a snapshot', async () => {
    const { cache } = setup();
    const before = cache.stats();
    await cache.set('k', 'v');
    await cache.get('k');
    await cache.get('none');
    await cache.getMany(['k', 'none', 'none']);
    await cache.getOrSet('l', () => 1);
    await cache.deleteMany(['k', 'l']);
    await cache.namespace('n').get('k');
    expect(before.hits).toBe(0);
    expect(cache.stats()).toEqual({
      hits: 2,
      misses: 3,
      errors: 0,
      sets: 2,
      uncached: 0,
      refused: 0,
      deletes: 2,
      unconfirmedDeletes: 0,
      clears: 0,
      loads: 1,
      loadErrors: 0,
      waits: 0,
      stale: 0,
      graced: 0,
      won: 0,
      lostWaited: 0,
      lostRan: 0,
      leasesLost: 0,
      nearHits: 0,
    });
  });
});
