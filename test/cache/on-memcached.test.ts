import { once } from 'node:events';
import { connect } from 'node:net';
import { MemcachedCache } from '../../lib/cache/cache.js';
import type { CacheOptions } from '../../lib/cache/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { type Backend, onEachBackend } from '../nest/support/backends.js';
import { ClearRace } from './support/clear-race.js';

const entries = Array.from({ length: 300 }, (_, i) => [`k${i}`, { i }] as const);
const keys = entries.map(([key]) => key);

/** What must be closed after a test. */
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A process of its own, as far as memcached can tell. */
function asProcess(
  nodes: readonly Backend[],
  options: CacheOptions = {},
  poolOptions: ConstructorParameters<typeof MemcachedPool>[0] = {},
): { cache: MemcachedCache; pool: MemcachedPool } {
  const addresses = nodes.map(({ address }) => address);
  const pool = new MemcachedPool({ nodes: addresses, blacklistTime: 200, ...poolOptions });
  open.push(pool);
  return { cache: new MemcachedCache(pool, { jitter: 0, ...options }), pool };
}

/** Writes raw bytes, as a stranger would. */
async function raw(node: Backend, text: string): Promise<void> {
  const [host, port] = node.address.split(':') as [string, string];
  const socket = connect({ host, port: Number(port) });
  socket.end(text);
  socket.resume();
  await once(socket, 'close');
}

onEachBackend((start) => {
  let nodes: Backend[];
  beforeEach(async () => {
    nodes = await Promise.all([start(), start()]);
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it('values of every kind come back equal, on a hit as on a miss', async () => {
    const { cache } = asProcess(nodes);
    const all: unknown[] = [
      'text',
      '',
      'grüße 🎈',
      5,
      -0,
      Number.NaN,
      null,
      false,
      12n,
      { a: [1, { b: undefined }] },
      Buffer.from([0, 13, 10, 255]),
      new Uint8Array([1]),
      new Date(1),
      new Map<unknown, unknown>([[1, new Set(['x'])]]),
      'x'.repeat(100_000),
      Buffer.alloc(500_000, 7),
    ];
    for (const [index, value] of all.entries()) {
      expect(await cache.getOrSet(`k${index}`, () => value)).toStrictEqual(value);
      expect(await cache.get(`k${index}`)).toStrictEqual(value);
    }
    expect(cache.stats()).toMatchObject({ hits: all.length, loads: all.length, errors: 0, uncached: 0 });
  });

  it('many keys are spread over the nodes, found, deleted and cleared', async () => {
    const { cache, pool } = asProcess(nodes);
    const other = asProcess(nodes).cache;
    expect(await cache.setMany(entries)).toBe(true);
    expect(new Set(keys.map((key) => pool.nodeOf(`cache#${key}`))).size).toBe(2);
    expect(await other.getMany(keys)).toEqual(new Map(entries));
    expect(await other.deleteMany(keys.slice(0, 10))).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(290);
    expect(await other.clear()).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(0);
    expect(await cache.set('k1', 'new')).toBe(true);
    expect(await other.get('k1')).toBe('new');
  });

  it('keys of any length and any character are safe', async () => {
    const { cache } = asProcess(nodes);
    const odd = [
      'a b',
      'x'.repeat(5_000),
      'k\r\nflush_all\r\n',
      'größe',
      '\ud800',
      `/${'?a=1&'.repeat(200)}`,
    ];
    for (const key of odd) expect(await cache.set(key, key.length)).toBe(true);
    for (const key of odd) expect(await cache.get(key)).toBe(key.length);
  });

  it('a value too large is left uncached and nothing old remains', async () => {
    const { cache } = asProcess(nodes);
    await cache.set('k', 'old');
    expect(await cache.set('k', Buffer.alloc(2_000_000))).toBe(false);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'x'.repeat(2_000_000))).toHaveLength(2_000_000);
  });

  it('poison is a miss, and healed by the next load', async () => {
    const { cache, pool } = asProcess(nodes);
    const node = nodes.find(({ address }) => address === pool.nodeOf('cache#k'))!;
    await cache.set('k', 'v');
    for (const poison of [
      'set cache#k 15 0 3\r\nabc\r\n',
      'set cache#k 0 0 0\r\n\r\n',
      'set cache#k 10 0 2\r\n{]\r\n',
    ]) {
      await raw(node, poison);
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.getMany(['k'])).toEqual(new Map());
      expect(await cache.getOrSet('k', () => 'healed')).toBe('healed');
      expect(await cache.get('k')).toBe('healed');
    }
  });

  it('an evicted or overwritten generation brings nothing old back', async () => {
    const { cache, pool } = asProcess(nodes);
    await cache.setMany(entries);
    for (const { address: node } of nodes) await pool.delete('cache~generation', { node });
    expect((await cache.getMany(keys)).size).toBe(0);
    expect(await cache.setMany(entries.slice(0, 5))).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(5);
    for (const { address: node } of nodes) await pool.set('cache~generation', 1, { node });
    expect((await cache.getMany(keys)).size).toBe(0);
    expect(await cache.setMany(entries.slice(0, 5))).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(5);
  });

  it('one load serves a hundred callers', async () => {
    const { cache } = asProcess(nodes);
    let loads = 0;
    const load = async (): Promise<{ n: number }> => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      return { n: ++loads };
    };
    const answers = await Promise.all(Array.from({ length: 100 }, () => cache.getOrSet('k', load)));
    expect(answers).toEqual(Array(100).fill({ n: 1 }));
  });

  it('a node that stops costs its own keys only, and nothing rejects; it is used again when it is back', async () => {
    const { cache, pool } = asProcess(nodes);
    await cache.setMany(entries);
    const [gone] = nodes;
    await gone!.stop();
    const theirs = keys.filter((key) => pool.nodeOf(`cache#${key}`) === gone!.address);
    const found = await cache.getMany(keys);
    expect(keys.filter((key) => !found.has(key))).toEqual(theirs);
    expect(await cache.getOrSet(theirs[0]!, () => 'loaded')).toBe('loaded');
    expect(await cache.set(theirs[0]!, 'x')).toBe(false);
    expect(await cache.delete(theirs[0]!)).toBe(false);
    expect(await cache.clear()).toBe(false);
    await gone!.restart();
    while (!(await cache.set(theirs[0]!, 'back'))) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await cache.get(theirs[0]!)).toBe('back');
    expect(await cache.clear()).toBe(true);
  });

  it('works with the classic protocol and over nodes that share one key space', async () => {
    const classic = asProcess(nodes, {}, { protocol: 'classic' }).cache;
    expect(await classic.setMany(entries)).toBe(true);
    expect((await classic.getMany(keys)).size).toBe(300);
    expect(await classic.clear()).toBe(true);
    expect(await classic.getOrSet('k', () => 'v')).toBe('v');
    expect(await classic.get('k')).toBe('v');
    const shared = asProcess(nodes.slice(0, 1), {}, { distribution: 'round-robin' }).cache;
    const other = asProcess(nodes.slice(0, 1), {}, { distribution: 'round-robin' }).cache;
    expect(await shared.setMany(entries)).toBe(true);
    expect((await other.getMany(keys)).size).toBe(300);
    expect(await other.clear()).toBe(true);
    expect((await shared.getMany(keys)).size).toBe(0);
  });

  it('nothing older than a clear is seen while three processes set, load and clear side by side', async () => {
    const caches = [asProcess(nodes).cache, asProcess(nodes).cache, asProcess(nodes).cache];
    const race = new ClearRace(keys.slice(0, 6));
    await Promise.all(caches.map((cache) => race.run(cache, 300)));
    expect(race.wrong).toBe(0);
    for (const cache of caches) {
      expect(cache.stats().hits).toBeGreaterThan(20);
      expect(cache.stats().errors).toBe(0);
    }
  });
});

describe('what is sent', () => {
  it('for a hit is the generation and the value, for a hundred hits of one turn the generation once', async () => {
    const server = await TestMemcached.start();
    open.push(server);
    const { cache } = asProcess([server]);
    await cache.set('k', 'v');
    const before = server.commands.length;
    await cache.get('k');
    expect(server.commands.slice(before).map((line) => line.split(' ').slice(0, 2))).toEqual([
      ['mg', 'cache~generation'],
      ['mg', 'cache#k'],
    ]);
    const again = server.commands.length;
    await Promise.all(keys.slice(0, 100).map((key) => cache.get(key)));
    expect(server.commands.slice(again).filter((line) => line.includes('~generation'))).toHaveLength(1);
  });

  it('takes no longer than its timeout when the server hangs', async () => {
    const server = await TestMemcached.start();
    open.push(server);
    const { cache } = asProcess([server], { timeout: 40 });
    await cache.set('k', 'v');
    server.misbehave.hang();
    const began = performance.now();
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await cache.delete('k')).toBe(false);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
