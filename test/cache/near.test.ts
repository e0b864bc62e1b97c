/** The near cache: hot values without a round trip, never longer than a moment, never another's to change. */

import { MemcachedCache } from '../../lib/cache/cache.js';
import { ALWAYS_FRESH } from '../../lib/cache/envelope.js';
import { NearStore } from '../../lib/cache/near.js';
import type { CacheOptions } from '../../lib/cache/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import { Fleet, type FleetOptions, type Process } from './support/fleet.js';

let fleet: Fleet;
let here: Process;
let there: Process;

const options: CacheOptions = { ttl: '1h', near: true };
const start = async (fleetOptions: FleetOptions = {}, cacheOptions = options) => {
  fleet = await Fleet.start(fleetOptions);
  here = fleet.process(cacheOptions);
  there = fleet.process({ ttl: '1h' });
};
afterEach(() => fleet.stop());

/** Reads a key until it counts as hot and is kept. */
async function heat(key = 'k', cache = here.cache): Promise<void> {
  for (let i = 0; i < 3; i++) await cache.get(key);
}
const nearHits = () => here.cache.stats().nearHits;

describe('near', () => {
  beforeEach(() => start());

  it('keeps what is read again and again, and memcached is not asked for it', async () => {
    await here.cache.set('k', 'v');
    await heat();
    fleet.commands();
    const before = nearHits();
    expect(await here.cache.get('k')).toBe('v');
    expect(await here.cache.getOrSet('k', () => 'loaded')).toBe('v');
    expect(fleet.commands()).toEqual([]);
    expect(nearHits()).toBe(before + 2);
    expect(here.cache.stats()).toMatchObject({ misses: 0 });
  });

  it('keeps what getOrSet reads again and again', async () => {
    for (let i = 0; i < 4; i++) await here.cache.getOrSet('k', () => 'v');
    expect(nearHits()).toBeGreaterThan(0);
  });

  it('keeps nothing that is read once, or rarely', async () => {
    await here.cache.set('k', 'v');
    for (let i = 0; i < 4; i++) {
      await here.cache.get('k');
      fleet.clock.advance(3_000);
    }
    expect(nearHits()).toBe(0);
  });

  it('is off unless it is asked for', async () => {
    await there.cache.set('k', 'v');
    await heat('k', there.cache);
    fleet.commands();
    await there.cache.get('k');
    expect(fleet.commands('cache#k')).toHaveLength(1);
    expect(there.cache.stats().nearHits).toBe(0);
  });

  it.each([
    ['set', () => here.cache.set('k', 'new'), 'new'],
    ['setMany', () => here.cache.setMany([['k', 'new']]), 'new'],
    ['set with a version', () => here.cache.set('k', 'new', { version: 1 }), 'new'],
    ['delete', () => here.cache.delete('k'), undefined],
    ['deleteMany', () => here.cache.deleteMany(['k']), undefined],
    ['invalidate', () => here.cache.invalidate('k', { stale: '1m' }), undefined],
    ['clear', () => here.cache.clear(), undefined],
    ['deleteByTag', () => here.cache.deleteByTag('a'), undefined],
    ['expireByTag', () => here.cache.expireByTag(['z', 'a']), undefined],
    ['a set through a view', () => here.cache.namespace('x').set('k', 'other'), 'old'],
    ['a forced load', () => here.cache.getOrSet('k', () => 'new', { forceFresh: true, tags: ['a'] }), 'new'],
  ])('is seen through at once after %s in this process', async (_name, change, expected) => {
    await here.cache.set('k', 'old', { tags: ['a'] });
    await heat();
    expect(nearHits()).toBeGreaterThan(0);
    await change();
    expect(await here.cache.get('k')).toBe(expected);
  });

  it('sees changes of other processes when its moment is over', async () => {
    await here.cache.set('k', 'old');
    await heat();
    await there.cache.set('k', 'new');
    expect(await here.cache.get('k')).toBe('old');
    fleet.clock.advance(1_000);
    expect(await here.cache.get('k')).toBe('new');
    await heat();
    await there.cache.clear();
    fleet.clock.advance(1_000);
    expect(await here.cache.get('k')).toBeUndefined();
  });

  it('gives each caller a value of its own', async () => {
    await here.cache.set('k', { list: [1], bytes: Buffer.from('a'), at: new Date(0) });
    await heat();
    const before = nearHits();
    for (let i = 0; i < 3; i++) {
      const value = (await here.cache.get('k')) as { list: number[]; bytes: Buffer; at: Date };
      expect(value).toEqual({ list: [1], bytes: Buffer.from('a'), at: new Date(0) });
      value.list.push(2);
      value.bytes[0] = 0;
      value.at.setTime(1);
    }
    expect(nearHits()).toBe(before + 3);
  });

  it('keeps null and empty values, and makes instances of a type', async () => {
    class User {
      name = '';
      hello(): string {
        return this.name;
      }
    }
    for (const value of [null, '', 0, false]) {
      await here.cache.set('k', value);
      await heat();
      const before = nearHits();
      expect(await here.cache.get('k')).toBe(value);
      expect(nearHits()).toBe(before + 1);
    }
    await here.cache.set('u', { name: 'a' });
    await heat('u');
    expect((await here.cache.get<User>('u', { type: User }))!.hello()).toBe('a');
  });

  it('never outlives the value, nor its ttl where stale follows', async () => {
    await here.cache.set('k', 'v', { ttl: '2s', stale: '1h' });
    await here.cache.set('l', 'v', { ttl: '2s' });
    for (const key of ['k', 'l']) {
      await heat(key);
      expect(await here.cache.get(key)).toBe('v');
    }
    fleet.clock.advance(2_000);
    expect(await here.cache.get('k')).toBeUndefined();
    expect(await here.cache.get('l')).toBeUndefined();
  });

  it('keeps to the ttl however long its moment is', async () => {
    await fleet.stop();
    await start({}, { ttl: '1h', near: { ttl: '1m' } });
    await here.cache.set('k', 'v', { ttl: '3s', stale: '1h' });
    await heat();
    expect(nearHits()).toBeGreaterThan(0);
    fleet.clock.advance(3_000);
    expect(await here.cache.get('k')).toBeUndefined();
  });

  it('leaves what does not carry the tag that ended', async () => {
    await here.cache.set('k', 'v', { tags: ['a'] });
    await heat();
    const before = nearHits();
    await here.cache.deleteByTag('other');
    expect(await here.cache.get('k')).toBe('v');
    expect(nearHits()).toBe(before + 1);
  });

  it('keeps no more bytes than it was given', async () => {
    await fleet.stop();
    await start({}, { ttl: '1h', near: { maxBytes: '64k', ttl: '1m' } });
    const value = 'x'.repeat(2_000);
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    await here.cache.setMany(
      [...keys, 'large'].map((key) => [key, key === 'large' ? value.repeat(4) : value]),
    );
    for (const key of keys) await heat(key);
    const before = nearHits();
    for (const key of keys.toReversed()) await here.cache.get(key);
    const kept = nearHits() - before;
    // Of values of some 4 kB each.
    expect(kept).toBeGreaterThan(8);
    expect(kept).toBeLessThan(17);
    await heat('large');
    expect(nearHits() - before).toBe(kept);
  });

  it('is one memory for a cache and its views', () => {
    expect(() => here.cache.namespace('x', { near: { maxBytes: '1m' } })).toThrow(
      expect.objectContaining({ code: 'MEMCACHED_OPTION' }),
    );
    expect(() => here.cache.namespace('x', { near: { ttl: '5s' } })).not.toThrow();
    expect(() => new MemcachedCache(here.pool, { near: 5 as never })).toThrow(/"near" must be true, false/);
    expect(() => new MemcachedCache(here.pool, { near: { ttl: '2h' } })).toThrow(/near: option "ttl"/);
  });
});

describe('on a server that can more', () => {
  beforeEach(() => start({ serverVersion: '1.6.45' }));

  it('near drops what was read while a write of this process was on its way', async () => {
    await here.cache.set('k', 'old');
    // What the server can do is asked first, which leaves time for reads.
    const setting = here.cache.set('k', 'new', { version: 1 });
    await heat();
    expect(await setting).toBe(true);
    expect(await here.cache.get('k')).toBe('new');
  });
});

describe('the memory', () => {
  beforeEach(() => start());

  const entry = (value: unknown) => ({
    namespace: 'ns',
    value,
    stamp: 'stamp',
    freshness: ALWAYS_FRESH,
    cas: 1n,
    until: 0,
  });

  it('takes nothing from a read that began before its key was changed', () => {
    const store = new NearStore(65_536);
    const since = store.now;
    store.drop('k');
    store.put('k', entry('old'), since);
    store.put('l', entry('v'), since);
    expect(store.get('k')).toBeUndefined();
    expect(store.get('l')).toMatchObject({ value: 'v' });
    store.put('k', entry('new'), store.now);
    expect(store.get('k')).toMatchObject({ value: 'new' });
  });

  it('takes nothing from a read that began before a change it no longer remembers', () => {
    const store = new NearStore(65_536);
    const since = store.now;
    store.drop('k');
    for (let i = 0; i < 1_000; i++) store.drop(`other ${i}`);
    store.put('k', entry('old'), since);
    expect(store.get('k')).toBeUndefined();
    store.put('k', entry('new'), store.now);
    expect(store.get('k')).toMatchObject({ value: 'new' });
  });

  it('takes nothing from a read that began before many keys were dropped at once', () => {
    const store = new NearStore(65_536);
    const since = store.now;
    store.dropWhere(() => true);
    store.put('k', entry('old'), since);
    expect(store.get('k')).toBeUndefined();
  });
});

describe('without meta', () => {
  beforeEach(() => start({ protocol: 'classic' }));

  it('near keeps nothing, for nobody says what is hot', async () => {
    await here.cache.set('k', 'v');
    await heat();
    expect(await here.cache.get('k')).toBe('v');
    expect(nearHits()).toBe(0);
  });
});

describeReal('near on memcached', () => {
  it('keeps what is hot and sees a change of another process within its moment', async () => {
    await start();
    const server = await RealMemcached.start();
    const pools = [1, 2].map(() => new MemcachedPool({ nodes: server.address, commandTimeout: '20s' }));
    const cache = new MemcachedCache(pools[0]!, { ttl: '1h', near: { ttl: 100 } });
    const other = new MemcachedCache(pools[1]!, { ttl: '1h' });
    await cache.set('k', 'v');
    for (let i = 0; i < 100 && cache.stats().nearHits === 0; i++) expect(await cache.get('k')).toBe('v');
    expect(cache.stats().nearHits).toBeGreaterThan(0);
    await other.set('k', 'new');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await cache.get('k')).toBe('new');
    for (const value of ['newer', 'newest']) {
      const before = cache.stats().nearHits;
      for (let i = 0; i < 100 && cache.stats().nearHits === before; i++) await cache.getOrSet('k', () => 'x');
      expect(cache.stats().nearHits).toBeGreaterThan(before);
      await other.set('k', value);
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(await cache.getOrSet('k', () => 'x')).toBe(value);
    }
    await Promise.all(pools.map((pool) => pool.close()));
    await server.stop();
  });
});
