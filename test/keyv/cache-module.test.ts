/**
 * The store under Nest's CacheModule: over HTTP with both platforms, on the in-process memcached and on the
 * real one.
 */
import { Keyv } from 'keyv';
import { memcachedKeyv } from '../../lib/keyv/store.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';
import { type PagesApp, type Platform, startPages, visit } from './support/pages-app.js';

const SERVERS = [
  ['the in-process memcached', () => TestMemcached.start()],
  ['a real memcached', () => RealMemcached.start()],
] as const;
const PLATFORMS: Platform[] = ['express', 'fastify'];
const WORLDS = SERVERS.flatMap(([name, start]) =>
  PLATFORMS.map((platform) => [platform, name, start] as const),
);

describe.each(WORLDS)('CacheModule on %s over %s', (platform, name, start) => {
  const promise = name === 'a real memcached' && !hasMemcached ? it.skip : it;
  let server: TestMemcached | RealMemcached;
  let pages: PagesApp;

  beforeAll(async () => {
    if (promise === it.skip) return;
    server = await start();
    pages = await startPages(platform, server.address);
  });
  afterAll(async () => {
    await pages?.app.close();
    await server?.stop();
  });

  promise('answers the second request without running the handler', async () => {
    expect(await visit(pages, '/page?q=twice')).toEqual({ body: { q: 'twice', call: 1 }, from: 'MISS' });
    expect(await visit(pages, '/page?q=twice')).toEqual({ body: { q: 'twice', call: 1 }, from: 'HIT' });
    expect(pages.pages.calls.get('twice')).toBe(1);
  });

  promise('keeps long URLs apart that differ in their last character only', async () => {
    const long = `/page?q=${encodeURIComponent('ü '.repeat(200))}`;
    expect(long.length).toBeGreaterThan(250);
    await visit(pages, `${long}a`);
    await visit(pages, `${long}b`);
    expect(await visit(pages, `${long}a`)).toMatchObject({
      body: { q: `${'ü '.repeat(200)}a` },
      from: 'HIT',
    });
    expect(await visit(pages, `${long}b`)).toMatchObject({
      body: { q: `${'ü '.repeat(200)}b` },
      from: 'HIT',
    });
  });

  promise(
    'ends an entry of @CacheTTL(500) after 500 ms, not after the seconds memcached counts in',
    async () => {
      const start = Date.now();
      const now = jest.spyOn(Date, 'now').mockReturnValue(start);
      try {
        expect(await visit(pages, '/brief')).toEqual({ body: { call: 1 }, from: 'MISS' });
        now.mockReturnValue(start + 500);
        expect(await visit(pages, '/brief')).toEqual({ body: { call: 1 }, from: 'HIT' });
        now.mockReturnValue(start + 501);
        expect(await visit(pages, '/brief')).toEqual({ body: { call: 2 }, from: 'MISS' });
      } finally {
        now.mockRestore();
      }
    },
  );

  promise('gives wrap, ttl, mset, mget and mdel what they need', async () => {
    const { manager } = pages;
    const load = jest.fn(async () => ({ loaded: true }));
    expect(await manager.wrap('wrapped', load)).toEqual({ loaded: true });
    expect(await manager.wrap('wrapped', load)).toEqual({ loaded: true });
    expect(load).toHaveBeenCalledTimes(1);
    expect(await manager.ttl('wrapped')).toBeGreaterThan(Date.now() + 50_000);
    await manager.mset([
      { key: 'one', value: 1 },
      { key: 'two', value: 2, ttl: 5_000 },
    ]);
    expect(await manager.mget(['two', 'none', 'one'])).toEqual([2, undefined, 1]);
    await manager.mdel(['one', 'two']);
    expect(await manager.mget(['one', 'two'])).toEqual([undefined, undefined]);
  });

  promise('clears its own entries and nothing else of the cache', async () => {
    await visit(pages, '/page?q=cleared');
    await pages.cache.set('user:1', 'of the application');
    await pages.manager.clear();
    expect(await visit(pages, '/page?q=cleared')).toMatchObject({ from: 'MISS' });
    expect(await pages.cache.get('user:1')).toBe('of the application');
  });

  promise('serves the page when the stored entry is not one of Keyv', async () => {
    await pages.cache.namespace('keyv').set('/page?q=poisoned', '{"value": truncat');
    expect(await visit(pages, '/page?q=poisoned')).toMatchObject({ body: { q: 'poisoned', call: 1 } });
  });

  promise('shares its entries with a second application', async () => {
    const other = await startPages(platform, server.address);
    try {
      await visit(pages, '/page?q=shared');
      expect(await visit(other, '/page?q=shared')).toEqual({ body: { q: 'shared', call: 1 }, from: 'HIT' });
      expect(other.pages.calls.get('shared')).toBeUndefined();
    } finally {
      await other.app.close();
    }
  });

  promise('stands behind a store in memory, and answers what that one has lost', async () => {
    const memory = new Keyv();
    const two = await startPages(platform, server.address, (cache) => [memory, memcachedKeyv(cache)]);
    try {
      await visit(two, '/page?q=in-both');
      await memory.clear();
      expect(await visit(two, '/page?q=in-both')).toMatchObject({ body: { call: 1 }, from: 'HIT' });
    } finally {
      await two.app.close();
    }
  });

  promise('keeps a Date a Date when Keyv is told not to serialise', async () => {
    const plain = (store: ReturnType<typeof memcachedKeyv>) =>
      new Keyv({ store, serialize: undefined, deserialize: undefined });
    const own = await startPages(platform, server.address, (cache) => [plain(memcachedKeyv(cache))]);
    try {
      const value = { at: new Date(0), id: 1n, raw: Buffer.from([0, 255]) };
      await own.manager.set('rich', value, 5_000);
      expect(await own.manager.get('rich')).toStrictEqual(value);
    } finally {
      await own.app.close();
    }
  });

  promise('leaves the pool open for whoever still needs it until the application has stopped', async () => {
    const closing = await startPages(platform, server.address);
    await visit(closing, '/page?q=kept');
    await closing.app.close();
    expect(closing.late.seen).toEqual([true, { q: 'kept', call: 1 }]);
    expect(await closing.cache.set('after', 'the end')).toBe(false);
  });

  promise('serves pages while memcached is away, and caches again when it is back', async () => {
    await server.stop();
    expect(await visit(pages, '/page?q=away')).toMatchObject({ body: { call: 1 }, from: 'MISS' });
    expect(await visit(pages, '/page?q=away')).toMatchObject({ body: { call: 2 }, from: 'MISS' });
    await server.restart();
    // Only a guard against a hang: the node is probed every 100 ms.
    for (let left = 200; (await visit(pages, '/page?q=back')).from !== 'HIT'; left--) {
      expect(left).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
