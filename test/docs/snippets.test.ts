/**
 * Every TypeScript block of the README and of docs/ compiles as it is printed, and does what the text beside
 * it says. A block is known by the word behind its ```ts.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { CACHE_MANAGER } from '@nestjs/cache-manager';
import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { MemcachedCache } from '../../lib/cache/cache.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { scopedKey } from '../../lib/nest/scopes.js';
import { TestMemcached } from '../../lib/testing/server.js';
import { compile, readSnippets, run, type Snippet } from './support/snippets.js';

const snippets = readSnippets();
const named = new Map(snippets.map((snippet) => [snippet.name, snippet]));

/** Runs when the snippets do: what they import is what they would get. */
const read = (name: string): unknown => require(name);

describe('the snippets', () => {
  // Compiles them all as one program.
  it('compile', () => {
    expect(compile(snippets)).toEqual([]);
  }, 120_000);

  it('have a name each', () => {
    expect(snippets.map(({ name, where }) => name || where)).toEqual([...named.keys()]);
  });

  it('are run below, all of them', () => {
    expect([...named.keys()].sort()).toEqual([...ran].sort());
  });
});

const ran = new Set<string>();

/** Boots a snippet's AppModule on memcacheds inside the process, one for each address it names. */
function application(
  name: string,
  promise: string,
  body: (app: INestApplication, exported: Record<string, Type>, servers: TestMemcached[]) => Promise<void>,
): void {
  ran.add(name);
  it(`${name}: ${promise}`, async () => {
    const { snippet, servers } = await withServers(named.get(name)!);
    let app: INestApplication | undefined;
    try {
      const exported = run(snippet, read) as Record<string, Type>;
      const testing = await Test.createTestingModule({ imports: [exported.AppModule!] }).compile();
      app = testing.createNestApplication({ logger: false });
      await app.listen(0, '127.0.0.1');
      await body(app, exported, servers);
    } finally {
      await app?.close();
      for (const server of servers) await server.stop();
    }
  }, 30_000);
}

/** A slow machine must not make a miss of a hit. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

function patient(snippet: Snippet): Snippet {
  const nodes = /nodes: (\[[^\]]*\]|'[^']*'|server\.address)/g;
  const times = `connectTimeout: '${PATIENT.connectTimeout}', commandTimeout: '${PATIENT.commandTimeout}'`;
  return { ...snippet, code: snippet.code.replaceAll(nodes, `$&, ${times}`) };
}

async function withServers(snippet: Snippet) {
  const servers: TestMemcached[] = [];
  let { code } = patient(snippet);
  for (const address of new Set(code.match(/127\.0\.0\.1:112\d\d/g))) {
    const server = await TestMemcached.start();
    servers.push(server);
    code = code.replaceAll(address, server.address);
  }
  return { snippet: { ...snippet, code }, servers };
}

async function visit(app: INestApplication, path: string) {
  const response = await fetch(`${await app.getUrl()}${path}`);
  return { status: response.status, body: await response.json() };
}

describe('docs/decorators.md', () => {
  application('decorators', 'the entries of one class, shared and ended', async (app, { CatalogService }) => {
    const catalog = app.get(CatalogService!);
    const found = await catalog.find('a');
    expect(await catalog.findMany(['a', 'b'])).toEqual([found, { id: 'b', shop: 'south', price: 2 }]);
    await catalog.change('a', 99);
    expect(await catalog.find('a')).toMatchObject({ price: 99 });
    await catalog.change('a', -1);
    expect(await catalog.find('a')).toMatchObject({ price: 3 });
    expect(await catalog.fresh('a')).toMatchObject({ price: 4 });
    await catalog.reprice('north');
    expect(await catalog.find('a')).toMatchObject({ price: 4 });
    for (let left = 400; (await catalog.find('a')).price === 4; left--) expect(left).toBeGreaterThan(0);
    await catalog.remove('a');
    expect(await catalog.find('a')).toMatchObject({ price: 6 });
  });

  application('scopes', 'each tenant has an entry of its own', async (app, { ReportService, ...rest }) => {
    const tenants = rest.tenants as unknown as AsyncLocalStorage<string>;
    const find = (tenant: string) => tenants.run(tenant, () => app.get(ReportService!).find('x'));
    for (const tenant of ['a', 'b', 'a']) expect(await find(tenant)).toEqual({ id: 'x', of: tenant });
    const cache = app.get(MemcachedCache);
    expect(await cache.get(scopedKey('a', 'report:x'))).toEqual({ id: 'x', of: 'a' });
  });
});

describe('docs/http.md', () => {
  application('http', 'responses are shared as the routes say', async (app) => {
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${await app.getUrl()}${path}`, { headers });
      return { outcome: response.headers.get('x-cache'), headers: response.headers, status: response.status };
    };
    const first = await get('/news');
    expect(first.outcome).toBe('MISS');
    expect(first.headers.get('cache-control')).toBe('max-age=60, stale-while-revalidate=600');
    expect((await get('/news')).outcome).toBe('HIT');
    expect((await get('/news', { 'if-none-match': first.headers.get('etag')! })).status).toBe(304);
    expect((await get('/news', { 'accept-language': 'de' })).outcome).toBe('MISS');
    expect((await get('/news', { cookie: 'id=1' })).outcome).toBe('BYPASS');
    await app.get(MemcachedCache).namespace('http').deleteByTag('news');
    expect((await get('/news')).outcome).toBe('MISS');
    expect((await get('/inbox/a', { authorization: 'ann' })).outcome).toBe('MISS');
    expect((await get('/inbox/a', { authorization: 'bob' })).outcome).toBe('MISS');
    expect((await get('/inbox/a', { authorization: 'ann' })).outcome).toBe('HIT');
    expect((await get('/inbox/a')).outcome).toBe('BYPASS');
  });
});

describe('the README', () => {
  application('cacheable', 'find runs once, and a hit is what the miss was', async (app, { UserService }) => {
    const users = app.get(UserService!);
    const found = await users.find('7');
    expect(found).toStrictEqual({ id: '7', readAt: expect.any(Date) });
    expect(await users.find('7')).toStrictEqual(found);
    const [one, other] = await Promise.all([users.find('8'), users.find('8')]);
    expect(one).toStrictEqual(other);
  });

  ran.add('injected');
  it('injected: the cache loads once, counts in the pool, clears its own', async () => {
    const server = await TestMemcached.start();
    const pool = new MemcachedPool({ ...PATIENT, nodes: server.address });
    const { PriceService } = run(named.get('injected')!, read) as Record<string, Type>;
    const prices = new PriceService!(pool, new MemcachedCache(pool));
    expect(await prices.price('lamp')).toEqual({ article: 'lamp', cents: 1_999 });
    expect([await prices.views('lamp'), await prices.views('lamp')]).toEqual([1, 2]);
    expect(await prices.forgetPrices()).toBe(true);
    expect(await pool.incr('views:lamp')).toBe(3);
    await pool.close();
    await server.stop();
  });

  it('config: nodes and times come from the environment', async () => {
    const server = await TestMemcached.start();
    process.env.MEMCACHED_NODES = server.address;
    process.env.MEMCACHED_TIMEOUT = '20s';
    try {
      const { AppModule } = run(named.get('config')!, read) as Record<string, Type>;
      const testing = await Test.createTestingModule({ imports: [AppModule!] }).compile();
      expect([...(await testing.get(MemcachedPool).version()).keys()]).toEqual([server.address]);
      await testing.close();
    } finally {
      delete process.env.MEMCACHED_NODES;
      delete process.env.MEMCACHED_TIMEOUT;
      await server.stop();
    }
  });
  ran.add('config');

  application('cache-module', 'the page is cached and clear() leaves the rest', async (app) => {
    const first = await visit(app, '/news');
    const manager = app.get(CACHE_MANAGER);
    // CacheInterceptor does not wait for what it writes.
    for (let left = 400; (await manager.get('/news')) === undefined; left--) expect(left).toBeGreaterThan(0);
    expect(await visit(app, '/news')).toEqual(first);
    await app.get(MemcachedCache).set('mine', 1);
    await manager.clear();
    expect(await manager.get('/news')).toBeUndefined();
    expect(await app.get(MemcachedCache).get('mine')).toBe(1);
  });

  application('terminus', 'up, then degraded with 200, then down with 503', async (app, _, servers) => {
    expect(await visit(app, '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    for (const [server, status, word] of [
      [servers[0]!, 200, 'degraded'],
      [servers[1]!, 503, 'error'],
    ] as const) {
      await server.stop();
      // Whatever fails blacklists its node.
      const keys = Array.from({ length: 50 }, (__, i) => `key ${i}`);
      await app.get(MemcachedCache).getMany(keys);
      await app.get(MemcachedCache).getMany(keys);
      expect(await visit(app, '/health')).toMatchObject({ status, body: { status: word } });
    }
  });

  application(
    'pools',
    'each name has a pool and a cache of its own',
    async (app, { SessionService }, servers) => {
      const { sessions, cache } = app.get(SessionService!);
      expect([...(await sessions.version()).keys()]).toEqual([servers[1]!.address]);
      expect([...(await app.get(MemcachedPool).version()).keys()]).toEqual([servers[0]!.address]);
      await cache.set('key', 'of the sessions');
      expect(await app.get(MemcachedCache).get('key')).toBeUndefined();
    },
  );

  // A test in the README is a test here.
  ran.add('testing');
  run(patient(named.get('testing')!), read);
});

describe('cache.md', () => {
  const pools: MemcachedPool[] = [];
  let server: TestMemcached;
  const connect = async (): Promise<MemcachedPool> => {
    server = await TestMemcached.start();
    pools.push(new MemcachedPool({ ...PATIENT, nodes: server.address }));
    return pools.at(-1)!;
  };
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.close();
    await server.stop();
  });

  ran.add('invalidate');
  it('invalidate: a mark leaves the old value to getOrSet, a tag deletes, a tag expires', async () => {
    const cache = new MemcachedCache(await connect());
    const { ArticleService } = run(named.get('invalidate')!, read) as Record<string, Type>;
    const articles = new ArticleService!(cache);
    const article = { id: '7', author: 'ann' };
    for (const change of [() => articles.changed('7'), () => articles.renamed('ann')]) {
      expect(await articles.find('7')).toEqual(article);
      while ((await cache.get('article:7')) === undefined) await articles.find('7');
      await change();
      expect(await cache.get('article:7')).toBeUndefined();
      expect(await articles.find('7')).toEqual(article);
      expect(cache.stats().stale).toBeGreaterThan(0);
    }
    await articles.removed('ann');
    expect(await cache.get('article:7')).toBeUndefined();
  });

  ran.add('refill');
  it('refill: a price is loaded once, and that there is none is a value too', async () => {
    const cache = new MemcachedCache(await connect());
    const { price } = run(named.get('refill')!, read) as {
      price(cache: MemcachedCache, article: string): Promise<number | null>;
    };
    expect([await price(cache, 'lamp'), await price(cache, 'lamp')]).toEqual([1_999, 1_999]);
    expect([await price(cache, 'ghost'), await price(cache, 'ghost')]).toEqual([null, null]);
    expect(cache.stats()).toMatchObject({ loads: 2, won: 2, hits: 2 });
  });

  ran.add('many');
  it('many: only what is missing is loaded', async () => {
    const cache = new MemcachedCache(await connect());
    const { names } = run(named.get('many')!, read) as {
      names(cache: MemcachedCache, ids: string[]): Promise<Map<string, string>>;
    };
    expect([...(await names(cache, ['a', 'b'])).values()]).toEqual(['the name of a', 'the name of b']);
    expect((await names(cache, ['b', 'c'])).size).toBe(2);
    expect(cache.stats()).toMatchObject({ loads: 2, hits: 1, misses: 3 });
  });

  ran.add('versions');
  it('versions: an older row is refused, a newer one is not', async () => {
    const cache = new MemcachedCache(await connect());
    const { find, changed } = run(named.get('versions')!, read) as {
      find(cache: MemcachedCache, id: string): Promise<{ version: number } | null>;
      changed(cache: MemcachedCache, row: { id: string; version: number }): Promise<boolean>;
    };
    expect(await find(cache, '1')).toEqual({ id: '1', version: 7 });
    expect(await changed(cache, { id: '1', version: 6 })).toBe(false);
    expect(await changed(cache, { id: '1', version: 8 })).toBe(true);
    expect(await find(cache, '1')).toEqual({ id: '1', version: 8 });
    expect(cache.stats()).toMatchObject({ refused: 1, loads: 1 });
  });

  ran.add('near');
  it('near: what is read again and again is kept', async () => {
    const { settings } = run(named.get('near')!, read) as {
      settings(pool: MemcachedPool): Promise<MemcachedCache>;
    };
    const cache = await settings(await connect());
    expect(cache.stats().nearHits).toBeGreaterThanOrEqual(2);
  });
});
