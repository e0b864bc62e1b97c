/** Loads with a version: what a loader brings never takes the place of something later. */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import type { GetOrSetOptions } from '../../../lib/cache/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { heldLoader, until } from '../support/setup.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
let one: MemcachedCache;
let other: MemcachedCache;

interface Row {
  version: number;
}
const row = (version: number): Row => ({ version });
const options: GetOrSetOptions<Row> = {
  ttl: '10s',
  stale: '1h',
  version: ({ version }) => version,
};
const start = async (...parts: Parameters<typeof Fleet.start>) => {
  fleet = await Fleet.start(...parts);
  [one, other] = [fleet.process(), fleet.process()];
};

describe.each(['1.6.45', '1.6.18'] as const)('on a server of %s', (serverVersion) => {
  beforeEach(() => start({}, { serverVersion }));
  afterEach(() => fleet.stop());

  it('an older one does not replace what is stale, which is served on; a later one does', async () => {
    await one.getOrSet('k', () => row(5), options);
    fleet.clock.advance(11_000);
    expect(await one.getOrSet('k', () => row(4), options)).toEqual(row(5));
    await fleet.rest();
    expect(one.stats()).toMatchObject({ refused: 1, sets: 1, leasesLost: 0, loads: 2, loadErrors: 0 });
    expect(await other.getOrSet('k', () => row(6), options)).toEqual(row(5));
    await fleet.rest();
    expect(await one.get('k')).toEqual(row(6));
  });

  it('an older one is refused again and again, each time a while later', async () => {
    await one.getOrSet('k', () => row(5), options);
    fleet.clock.advance(11_000);
    const loader = jest.fn(() => row(4));
    for (let reads = 0; reads < 5; reads++) {
      expect(await one.getOrSet('k', loader, options)).toEqual(row(5));
      await fleet.rest();
    }
    expect(loader).toHaveBeenCalledTimes(1);
    fleet.clock.advance(1_000);
    await fleet.rest();
    for (let reads = 0; reads < 3; reads++) {
      expect(await one.getOrSet('k', loader, options)).toEqual(row(5));
      await fleet.rest();
    }
    expect(loader).toHaveBeenCalledTimes(2);
    expect(one.stats()).toMatchObject({ refused: 2 });
  });

  it('of the same version are stored, and fresh again', async () => {
    await one.getOrSet('k', () => row(5), options);
    fleet.clock.advance(11_000);
    await one.getOrSet('k', () => row(5), options);
    await fleet.rest();
    const loader = jest.fn(() => row(6));
    expect(await other.getOrSet('k', loader, options)).toEqual(row(5));
    await fleet.rest();
    expect(loader).not.toHaveBeenCalled();
  });

  it('an older one does not replace what is refreshed ahead of its end', async () => {
    const early = { ...options, stale: 0, refreshAhead: 0.5 };
    await one.getOrSet('k', () => row(5), early);
    fleet.clock.advance(6_000);
    expect(await one.getOrSet('k', () => row(4), early)).toEqual(row(5));
    await fleet.rest();
    expect(one.stats()).toMatchObject({ refused: 1, won: 2 });
    expect(await other.get('k')).toEqual(row(5));
  });

  it('an older one is not what a caller is given who waited for it a moment', async () => {
    await one.getOrSet('k', () => row(5), options);
    fleet.clock.advance(11_000);
    const soft = { ...options, softTimeout: '1s' };
    expect(await one.getOrSet('k', () => row(4), soft)).toEqual(row(5));
    expect(one.stats()).toMatchObject({ refused: 1, stale: 1 });
    expect(await other.getOrSet('k', () => row(6), soft)).toEqual(row(6));
  });

  it('an older one is given to whoever forced it, and is not stored', async () => {
    await one.set('k', row(5), { version: 5, ttl: '10s', stale: '1h' });
    expect(await one.getOrSet('k', () => row(4), { ...options, forceFresh: true })).toEqual(row(4));
    expect(await other.get('k')).toEqual(row(5));
    expect(await one.getOrSet('k', () => row(6), { ...options, forceFresh: true })).toEqual(row(6));
    expect(await other.get('k')).toEqual(row(6));
  });

  it.each([
    ['a refresh that failed', () => one.getOrSet<Row>('k', () => Promise.reject(new Error('no')), options)],
    ['an invalidation', () => other.invalidate('k', { stale: '1h' })],
    ['the expiry of its tag', () => other.expireByTag('t')],
  ])('an older one is refused after %s too', async (_name, happens) => {
    await one.getOrSet('k', () => row(5), { ...options, tags: ['t'] });
    fleet.clock.advance(11_000);
    await happens();
    await fleet.rest();
    const asked = other.getOrSet('k', () => row(4), { ...options, tags: ['t'] });
    expect(await asked).toEqual(row(5));
    await fleet.rest();
    expect(other.stats()).toMatchObject({ refused: 1, sets: 0 });
    expect(await other.getOrSet('k', () => row(4), options)).toEqual(row(5));
  });

  it.each([
    ['a delete', () => other.delete('k')],
    ['the end of its tag', () => other.deleteByTag('t')],
    ['a clear', () => other.clear()],
    ['its own end', async () => fleet.clock.advance(4_000_000)],
  ])('an older one is stored after %s', async (_name, happens) => {
    const tagged = { ...options, tags: ['t'] };
    await one.getOrSet('k', () => row(5), tagged);
    await happens();
    expect(await other.getOrSet('k', () => row(4), tagged)).toEqual(row(4));
    expect(await one.get('k')).toEqual(row(4));
  });

  it('of a process that nobody gave the right are refused where something later was set', async () => {
    const alone = { ...options, leases: 'off' } as const;
    const held = heldLoader<Row>();
    const asked = one.getOrSet('k', held.loader, alone);
    await until(() => held.calls() > 0);
    expect(await other.set('k', row(5), { version: 5 })).toBe(true);
    held.answer(row(4));
    expect(await asked).toEqual(row(4));
    expect(one.stats()).toMatchObject({ refused: 1, sets: 0 });
    expect(await one.get('k')).toEqual(row(5));
    expect(await one.getOrSet('k', () => row(6), { ...alone, forceFresh: true })).toEqual(row(6));
    expect(await other.get('k')).toEqual(row(6));
  });

  it('of a loser that waited enough hold against what the winner brings later', async () => {
    const held = heldLoader<Row>();
    const slow = one.getOrSet('k', held.loader, options);
    await until(() => held.calls() > 0);
    const impatient = other.getOrSet('k', () => row(5), { ...options, waitTimeout: '1s' });
    expect(await fleet.passing(impatient)).toEqual(row(5));
    held.answer(row(4));
    expect(await slow).toEqual(row(4));
    expect(await other.get('k')).toEqual(row(5));
  });

  it('hold for set as well: whoever comes last', async () => {
    await one.getOrSet('k', () => row(5), options);
    expect(await other.set('k', row(4), { version: 4 })).toBe(false);
    expect(await other.set('k', row(6), { version: 6 })).toBe(true);
    fleet.clock.advance(400_000);
    expect(await one.getOrSet('k', () => row(5), options)).toEqual(row(5));
  });

  it('hold for each of many keys alone', async () => {
    const many = (version: number) =>
      one.getOrSetMany<Row>(['a', 'b'], (keys) => new Map(keys.map((key) => [key, row(version)])), options);
    await one.set('a', row(5), { version: 5, ttl: '10s', stale: '1h' });
    await one.set('b', row(3), { version: 3, ttl: '10s', stale: '1h' });
    fleet.clock.advance(11_000);
    await many(4);
    await fleet.rest();
    expect(one.stats()).toMatchObject({ refused: 1 });
    fleet.clock.advance(1_000);
    expect(await other.getOrSet('a', () => row(0), options)).toEqual(row(5));
    expect(await other.getOrSet('b', () => row(0), options)).toEqual(row(4));
  });

  it('may be known before: one for whatever is loaded', async () => {
    await one.getOrSet('k', () => 'new', { version: 2n });
    const old = { version: 1, forceFresh: true };
    await one.getOrSet('k', () => 'old', old);
    expect(await other.get('k')).toBe('new');
    await one.getOrSetMany(['k'], () => new Map([['k', 'old']]), old);
    expect(await other.get('k')).toBe('new');
    await one.getOrSet('k', () => 'newer', { version: 3, forceFresh: true });
    expect(await other.get('k')).toBe('newer');
  });

  it('may be missing: what has none replaces whatever is there', async () => {
    await one.set('k', row(5), { version: 5 });
    const none: GetOrSetOptions<Row | null> = { version: (found) => found?.version, forceFresh: true };
    expect(await one.getOrSet<Row | null>('k', () => null, none)).toBeNull();
    expect(await other.get('k')).toBeNull();
    await one.getOrSet<Row | null>('k', () => row(1), none);
    expect(await other.get('k')).toEqual(row(1));
  });

  it.each([-1, 1.5, '1', Number.NaN, 1n << 63n])('cannot be %p, which is told', async (version) => {
    const loader = jest.fn(() => row(1));
    const wrong = { code: 'MEMCACHED_ARGUMENT' };
    await expect(one.getOrSet('k', loader, { version: version as number })).rejects.toMatchObject(wrong);
    await expect(
      one.getOrSetMany(['k'], () => new Map(), { version: version as number }),
    ).rejects.toMatchObject(wrong);
    expect(loader).not.toHaveBeenCalled();
    await expect(one.getOrSet('k', loader, { version: () => version as number })).rejects.toMatchObject(
      wrong,
    );
    await fleet.rest();
    expect(await other.getOrSet('k', () => row(2))).toEqual(row(2));
  });
});

describe('without meta', () => {
  beforeEach(() => start({}, { protocol: 'classic' }));
  afterEach(() => fleet.stop());

  it.each(['auto', 'off'] as const)('are ignored, with one line (leases %s)', async (leases) => {
    const refill = { ...options, stale: 0, leases };
    for (const version of [5, 4, 3]) {
      expect(await one.getOrSet('k', () => row(version), refill)).toEqual(row(version));
      await fleet.rest();
      expect(await other.get('k')).toEqual(row(version));
      fleet.clock.advance(11_000);
    }
    expect(one.stats()).toMatchObject({ sets: 3, refused: 0 });
    expect(fleet.lines).toEqual([expect.stringMatching(/^The option "version" is ignored/)]);
  });
});

describeReal('on memcached', () => {
  it('an older one does not replace what is stale, nor what was set meanwhile', async () => {
    const server = await RealMemcached.start();
    const pools = [1, 2].map(() => new MemcachedPool({ nodes: server.address, commandTimeout: '20s' }));
    const [here, there] = pools.map((pool) => new MemcachedCache(pool, { ttl: '1h', stale: '1h' }));
    const refill = { version: ({ version }: Row) => version };
    await here!.getOrSet('k', () => row(5), refill);
    await there!.invalidate('k', { stale: '1h' });
    expect(await here!.getOrSet('k', () => row(4), { ...refill, softTimeout: '20s' })).toEqual(row(5));
    expect(here!.stats()).toMatchObject({ refused: 1 });
    // Behind what gave the right to refill back, on the same socket: without it the other may come too early.
    await pools[0]!.get('another');
    expect(await there!.getOrSet('k', () => row(6), { ...refill, softTimeout: '20s' })).toEqual(row(6));
    expect(await there!.set('k', row(5), { version: 5 })).toBe(false);
    await Promise.all(pools.map((pool) => pool.close()));
    await server.stop();
  });
});
