/** Stale marks: the value stays for whoever may be served stale, the next reader refreshes it. */
import { MemcachedCache } from '../../lib/cache/cache.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import { Fleet, type Process } from './support/fleet.js';
import { heldLoader, setup, until } from './support/setup.js';

describe('invalidate', () => {
  let fleet: Fleet;
  let here: Process;
  let there: Process;

  beforeEach(async () => {
    fleet = await Fleet.start();
    here = fleet.process({ ttl: '1h', stale: '1h' });
    there = fleet.process({ ttl: '1h', stale: '1h' });
  });
  afterEach(() => fleet.stop());

  it('keeps the value servable as stale while one reader refreshes it, and gone to get', async () => {
    await here.cache.set('k', 'old');
    expect(await there.cache.invalidate('k')).toBe(true);
    expect(await here.cache.get('k')).toBeUndefined();
    expect(await here.cache.getMany(['k'])).toEqual(new Map());
    let loads = 0;
    const read = () => here.cache.getOrSet('k', () => `new ${++loads}`);
    expect(await read()).toBe('old');
    await until(() => loads === 1);
    for (let value = 'old'; value !== 'new 1'; ) value = await read();
    expect(loads).toBe(1);
    expect(await there.cache.get('k')).toBe('new 1');
  });

  it('does so with values of every kind, fresh for ever but for the mark', async () => {
    const plain = fleet.process({ ttl: '1h' });
    for (const value of ['text', { an: 'object' }, ['h', 1], Buffer.from('bytes'), 7]) {
      await plain.cache.set('k', value);
      expect(await plain.cache.get('k')).toEqual(value);
      await plain.cache.invalidate('k', { stale: '1h' });
      expect(await plain.cache.get('k')).toBeUndefined();
      const right = await plain.pool.leases.read('cache#k', { lock: '5s' });
      expect(right).toMatchObject({ won: true, stale: true });
      expect(await plain.cache.get('k')).toBeUndefined();
      expect(await plain.cache.getOrSet('k', () => 'new', { losers: 'run' })).toBe('new');
    }
  });

  it('is not what makes a refresh: who asks for one before the end has it, whatever was stored', async () => {
    const plain = fleet.process({ ttl: '1h' });
    const early = fleet.process({ ttl: '1h', refreshAhead: 0.9 });
    for (const value of ['text', { an: 'object' }]) {
      await plain.cache.set('k', value);
      fleet.clock.advance(30 * 60_000);
      let loads = 0;
      expect(await early.cache.getOrSet<unknown>('k', () => ++loads)).toEqual(value);
      await until(() => loads === 1);
    }
  });

  it('lets a read by get or getMany leave the refresh to the next getOrSet', async () => {
    await here.cache.set('k', 'old');
    await here.cache.invalidate('k');
    for (let i = 0; i < 3; i++) {
      await there.cache.get('k');
      await there.cache.getMany(['k']);
    }
    let loads = 0;
    expect(await there.cache.getOrSet('k', () => `new ${++loads}`)).toBe('old');
    await until(() => loads === 1);
  });

  it('serves nothing stale for longer than it was told', async () => {
    await here.cache.set('k', 'old');
    await here.cache.invalidate('k', { stale: '10s' });
    fleet.clock.advance(11_000);
    expect(await there.cache.getOrSet('k', () => 'new')).toBe('new');
  });

  it('is a delete where nothing stale may be served', async () => {
    await here.cache.set('k', 'old');
    expect(await here.cache.invalidate('k', { stale: 0 })).toBe(true);
    expect(await here.pool.get('cache#k')).toBeUndefined();
  });

  it('of a key that is not there is confirmed, and leaves nothing there', async () => {
    expect(await here.cache.invalidate('k')).toBe(true);
    expect(await there.cache.get('k')).toBeUndefined();
  });

  it('outdates a load that has begun here: it is not stored, and nobody joins it', async () => {
    await here.cache.set('other', 1);
    let answer!: (value: string) => void;
    let loads = 0;
    const load = () => {
      loads++;
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    };
    const asked = here.cache.getOrSet('k', load);
    await until(() => loads === 1);
    await here.cache.invalidate('k');
    answer('before');
    expect(await asked).toBe('before');
    expect(await there.cache.get('k')).toBeUndefined();
  });

  it('that is not confirmed answers false and is counted', async () => {
    await here.cache.set('k', 'old');
    await here.pool.leases.granted('cache#k');
    fleet.server.misbehave.answer('SERVER_ERROR out of order\r\n').forCommand('md');
    expect(await here.cache.invalidate('k')).toBe(false);
    expect(here.cache.stats().unconfirmedDeletes).toBe(1);
  });
});

it('invalidate › is a delete on a server without leases', async () => {
  const fleet = await Fleet.start({ protocol: 'classic' });
  const { cache, pool } = fleet.process({ stale: '1h' });
  await cache.set('k', 'old');
  expect(await cache.invalidate('k')).toBe(true);
  expect(await pool.get('cache#k')).toBeUndefined();
  await fleet.stop();
});

it('invalidate › is a delete over a pool that knows no leases', async () => {
  const { cache, pool } = setup({ stale: '1h' });
  await cache.set('k', 'old');
  expect(await cache.invalidate('k')).toBe(true);
  expect(pool.keys()).not.toContain('cache#k');
});

describe('a value with stale', () => {
  it('is gone to get when its ttl is over, by the clock of the server', async () => {
    const fleet = await Fleet.start();
    const { cache, pool } = fleet.process({ ttl: '10s', stale: '1m' });
    await cache.set('k', 'v');
    await cache.setMany([['l', 'v']]);
    fleet.clock.advance(9_000);
    expect(await cache.get('k')).toBe('v');
    const ahead = new ManualClock({ wallNow: fleet.clock.wallNow() + 3_600_000 });
    expect(await fleet.process({}, ahead).cache.get('k')).toBe('v');
    fleet.clock.advance(2_000);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getMany(['k', 'l'])).toEqual(new Map());
    expect(await pool.get('cache#k')).toBeDefined();
    await fleet.stop();
  });

  it('is gone to get when its ttl is over, by its own time where the server does not tell', async () => {
    const fleet = await Fleet.start({ protocol: 'classic' });
    const { cache, pool } = fleet.process({ ttl: '10s', stale: '1m' });
    await cache.set('k', 'v');
    fleet.clock.advance(9_000);
    expect(await cache.get('k')).toBe('v');
    fleet.clock.advance(2_000);
    expect(await cache.get('k')).toBeUndefined();
    expect(await pool.get('cache#k')).toBeDefined();
    await fleet.stop();
  });
});

describeReal('on memcached', () => {
  let server: RealMemcached;
  let pools: MemcachedPool[];
  let caches: MemcachedCache[];

  beforeAll(async () => {
    server = await RealMemcached.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    pools = [1, 2].map(() => new MemcachedPool({ nodes: server.address, commandTimeout: '20s' }));
    caches = pools.map((pool) => new MemcachedCache(pool, { ttl: '1h', stale: '1h', jitter: 0 }));
  });
  afterEach(async () => {
    await pools[0]!.flushAll();
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('invalidate serves stale to all and refreshes once', async () => {
    const [here, there] = caches as [MemcachedCache, MemcachedCache];
    await here.set('k', 'old');
    expect(await there.invalidate('k')).toBe(true);
    expect(await here.get('k')).toBeUndefined();
    let loads = 0;
    const { loader, answer } = heldLoader<string>();
    const load = () => {
      loads++;
      return loader();
    };
    const read = (cache: MemcachedCache) => cache.getOrSet('k', load);
    expect(await Promise.all([read(here), read(there), read(here)])).toEqual(['old', 'old', 'old']);
    await until(() => loads === 1);
    answer('new 1');
    for (let value = 'old'; value !== 'new 1'; ) value = await read(there);
    expect(loads).toBe(1);
  });

  it('tags end and expire values for another process', async () => {
    const [here, there] = caches as [MemcachedCache, MemcachedCache];
    await here.set('k', 'v', { tags: ['a', 'b'] });
    await here.set('l', 'v', { tags: ['b'] });
    expect(await there.getMany(['k', 'l'], { tags: ['b'] })).toEqual(
      new Map(Object.entries({ k: 'v', l: 'v' })),
    );
    expect(await there.deleteByTag('a')).toBe(true);
    expect(await here.getMany(['k', 'l'])).toEqual(new Map([['l', 'v']]));
    expect(await there.expireByTag('b')).toBe(true);
    expect(await here.get('l')).toBeUndefined();
    expect(await here.getOrSet('l', () => 'new', { tags: ['b'] })).toBe('v');
  });
});
