import { MemcachedConnectionError, MemcachedDecodeError } from '../../lib/core/base/errors.js';
import { ClearRace } from './support/clear-race.js';
import { heldLoader, isGeneration, ofValues, setup, until } from './support/setup.js';

const nodes = ['a:1', 'b:1', 'c:1'];
const entries = Array.from({ length: 60 }, (_, i) => [`k${i}`, i] as const);
const keys = entries.map(([key]) => key);

describe('clear', () => {
  it('drops every value of the namespace on every node, and nothing else', async () => {
    const { cache, pool } = setup({}, { nodes });
    const other = cache.namespace('other');
    await cache.setMany(entries);
    await other.setMany(entries);
    pool.forget();
    expect(await cache.clear()).toBe(true);
    expect(pool.requests.map(({ verb, node }) => [verb, node])).toEqual(nodes.map((node) => ['set', node]));
    expect(await cache.getMany(keys)).toEqual(new Map());
    expect((await other.getMany(keys)).size).toBe(60);
    expect(cache.stats().clears).toBe(1);
  });

  it('is seen by every other process, at its next read', async () => {
    const { cache, elsewhere } = setup({}, { nodes });
    const other = elsewhere();
    await cache.setMany(entries);
    expect((await other.getMany(keys)).size).toBe(60);
    await cache.clear();
    expect((await other.getMany(keys)).size).toBe(0);
    expect(await other.get('k1')).toBeUndefined();
    expect(await other.getOrSet('k1', () => 'new')).toBe('new');
    expect(await cache.get('k1')).toBe('new');
  });

  it('lets what is stored after it be seen, also what another process stores at once', async () => {
    const { cache, elsewhere } = setup({}, { nodes });
    const other = elsewhere();
    await other.setMany(entries);
    await cache.clear();
    expect(await other.set('k1', 'new')).toBe(true);
    expect(
      await other.setMany([
        ['k2', 'new'],
        ['k3', 'new'],
      ]),
    ).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(3);
    expect(other.stats().sets).toBe(63);
  });

  it('ends a value that was loaded before it and is stored after it, here and elsewhere', async () => {
    const { cache, elsewhere } = setup({}, { nodes });
    const other = elsewhere();
    for (const clearing of [cache, other]) {
      const { loader, calls, answer } = heldLoader<string>();
      const asked = cache.getOrSet('k', loader);
      await until(() => calls() > 0);
      await clearing.clear();
      answer('before');
      expect(await asked).toBe('before');
      expect(await cache.get('k')).toBeUndefined();
      expect(await other.get('k')).toBeUndefined();
    }
  });

  it('ends a value whose write is on its way', async () => {
    const { cache, pool } = setup();
    await cache.set('warm', 1);
    pool.hold((request) => request.verb === 'set' && ofValues(request));
    const setting = cache.set('k', 'before');
    await pool.holding();
    await cache.clear();
    pool.release();
    await setting;
    expect(await cache.get('k')).toBeUndefined();
  });

  it('ends a value of a set that began before it and had no generation yet', async () => {
    const { cache, pool } = setup();
    pool.hold((request) => request.verb === 'get');
    const settings = [cache.set('k', 'before'), cache.setMany([['l', 'before']])];
    await pool.holding();
    await cache.clear();
    pool.release();
    expect(await Promise.all(settings)).toEqual([true, true]);
    expect(await cache.getMany(['k', 'l'])).toEqual(new Map());
  });

  it('twice at once leaves one generation', async () => {
    const { cache, elsewhere } = setup({}, { nodes });
    await cache.setMany(entries);
    await Promise.all([cache.clear(), elsewhere().clear(), cache.clear()]);
    expect((await cache.getMany(keys)).size).toBe(0);
    await cache.setMany(entries);
    expect((await elsewhere().getMany(keys)).size).toBe(60);
  });

  it.each([
    ['in one process', 1],
    ['in four processes', 4],
  ])(
    'never lets an older value be seen while sets, loads and clears run side by side %s',
    async (_, count) => {
      const { pool, elsewhere } = setup({}, { nodes });
      const caches = Array.from({ length: count }, () => elsewhere());
      const race = new ClearRace(keys.slice(0, 6));
      await Promise.all(Array.from({ length: 4 }, (_, i) => race.run(caches[i % count]!, 200)));
      expect(race.wrong).toBe(0);
      expect(caches[0]!.stats().hits).toBeGreaterThan(20);
      expect(pool.requests.length).toBeGreaterThan(600);
    },
  );
});

describe('a clear that a node does not confirm', () => {
  const down = new MemcachedConnectionError('gone', { node: 'b:1', sent: 'maybe' });

  it('answers false, is logged once, and is made up for when the node is used again', async () => {
    const { cache, pool, lines, elsewhere } = setup({}, { nodes });
    await cache.setMany(entries);
    pool.fail = (request) => (request.node === 'b:1' ? down : undefined);
    expect(await cache.clear()).toBe(false);
    expect(await cache.clear()).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^warn A clear is not confirmed at b:1/)]);
    pool.fail = () => undefined;
    expect((await cache.getMany(keys)).size).toBe(0);
    expect((await elsewhere().getMany(keys)).size).toBe(0);
    expect(await cache.set('k1', 1)).toBe(true);
    expect((await cache.getMany(keys)).size).toBe(1);
  });

  it('keeps the values of that node unseen here until then', async () => {
    const { cache, pool } = setup({}, { nodes });
    await cache.setMany(entries);
    pool.fail = (request, key) => (request.node === 'b:1' && isGeneration(key) ? down : undefined);
    expect(await cache.clear()).toBe(false);
    expect((await cache.getMany(keys)).size).toBe(0);
    expect(await cache.setMany(entries)).toBe(false);
  });
});

describe('a generation', () => {
  it('that was evicted never brings back what was stored before the clear', async () => {
    const { cache, pool, elsewhere } = setup();
    const values: Promise<unknown>[] = [];
    for (let i = 0; i < 5; i++) {
      await cache.set('k', i);
      await cache.clear();
      pool.evict(isGeneration);
      values.push(cache.get('k'), elsewhere().get('k'));
      await Promise.all(values);
      await elsewhere().set('other', i);
      values.push(cache.get('k'), elsewhere().get('k'));
    }
    expect(await Promise.all(values)).toEqual(Array(20).fill(undefined));
  });

  it('that was evicted makes everything a miss, and the next write makes a new one', async () => {
    const { cache, pool } = setup({}, { nodes });
    await cache.setMany(entries);
    pool.evict(isGeneration);
    expect((await cache.getMany(keys)).size).toBe(0);
    expect(await cache.set('k1', 'new')).toBe(true);
    expect(await cache.get('k1')).toBe('new');
    expect(await cache.getOrSet('k2', () => 'new')).toBe('new');
    expect(await cache.get('k2')).toBe('new');
    expect(cache.stats().errors).toBe(0);
  });

  it('is made once when many begin at the same time, also in two processes', async () => {
    const { cache, pool, elsewhere } = setup();
    const other = elsewhere();
    const writes = Array.from({ length: 20 }, (_, i) => (i % 2 ? cache : other).set(`k${i}`, i));
    expect(await Promise.all(writes)).toEqual(Array(20).fill(true));
    expect(pool.requests.filter(({ verb }) => verb === 'add')).toHaveLength(2);
    expect((await cache.getMany(keys)).size).toBe(20);
  });

  it('is not made by reads alone', async () => {
    const { cache, pool } = setup();
    await cache.get('k');
    await cache.getMany(['k']);
    expect(pool.keys()).toEqual([]);
  });

  it('is never used twice, even when the clock stands still', async () => {
    const { cache, pool } = setup();
    const seen = new Set<unknown>();
    for (let i = 0; i < 100; i++) {
      await cache.clear();
      seen.add(pool.peek(isGeneration));
    }
    expect(seen.size).toBe(100);
    for (const one of seen) expect(Number.parseInt(String(one), 36)).toBe(Date.UTC(2024, 0, 1));
  });

  it('that cannot be read makes everything a miss and stops every write', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.fail = (_, key) => (isGeneration(key) ? new MemcachedConnectionError('gone') : undefined);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getMany(['k'])).toEqual(new Map());
    expect(await cache.set('k', 'w')).toBe(false);
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  });

  it('that somebody else has overwritten, or that cannot be decoded, is replaced by the next write', async () => {
    const { cache, pool } = setup();
    for (const foreign of ['1', 7, '', { a: 1 }]) {
      await cache.set('k', 'v');
      pool.poke(pool.keys().find(isGeneration)!, foreign);
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.set('k', 'w')).toBe(true);
      expect(await cache.get('k')).toBe('w');
    }
    let broken = true;
    pool.fail = ({ verb }, key) =>
      verb === 'get' && isGeneration(key) && broken ? new MemcachedDecodeError('poison') : undefined;
    expect(await cache.set('k', 'x')).toBe(true);
    broken = false;
    expect(await cache.get('k')).toBe('x');
  });

  it('lies where its key is routed to when nodes cannot be addressed', async () => {
    const { cache, pool, elsewhere } = setup({}, { nodes, addressable: false });
    await cache.setMany(entries);
    expect(pool.keys().filter(isGeneration)).toHaveLength(1);
    expect((await elsewhere().getMany(keys)).size).toBe(60);
    pool.forget();
    expect(await cache.clear()).toBe(true);
    expect(pool.requests).toHaveLength(1);
    expect(pool.requests[0]?.options).not.toHaveProperty('node');
    expect((await elsewhere().getMany(keys)).size).toBe(0);
  });

  it('of one node is not asked for the values of another', async () => {
    const { cache, pool } = setup({}, { nodes });
    await cache.setMany(entries);
    pool.fail = (request) =>
      request.node === 'b:1' ? new MemcachedConnectionError('gone', { node: 'b:1' }) : undefined;
    const found = await cache.getMany(keys);
    expect(found.size).toBeGreaterThan(20);
    expect(found.size).toBeLessThan(60);
  });
});
