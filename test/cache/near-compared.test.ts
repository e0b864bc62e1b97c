/** A near copy whose moment is over: memcached is asked whether it is still the same, by `get` and by `getOrSet`. */
import type { CacheOptions } from '../../lib/cache/options.js';
import { Fleet, type FleetOptions, type Process } from './support/fleet.js';
import { heldLoader, until } from './support/setup.js';

let fleet: Fleet;
let here: Process;
let there: Process;

const options: CacheOptions = { ttl: '1h', near: true };
const start = async (fleetOptions: FleetOptions = {}) => {
  loader.mockClear();
  fleet = await Fleet.start(fleetOptions);
  here = fleet.process(options);
  there = fleet.process({ ttl: '1h' });
};
afterEach(() => fleet.stop());

/** Reads a key until it counts as hot and is kept. */
async function heat(): Promise<void> {
  for (let i = 0; i < 3; i++) await here.cache.get('k');
}
const nearHits = () => here.cache.stats().nearHits;
/** Lets what nobody waits for come to its end: until no server has heard anything for a while. */
async function settled(): Promise<void> {
  for (let heard = -1, quiet = 0; quiet < 4; quiet++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { length } = fleet.server.commands;
    if (length !== heard) quiet = 0;
    heard = length;
  }
}

const loader = jest.fn(() => 'loaded');
const refilling: [name: string, read: (key: string) => Promise<unknown>][] = [
  ['getOrSet', (key) => here.cache.getOrSet(key, loader, { tags: ['a'] })],
  ['getOrSetMany', async (key) => (await many(key)).get(key)],
];
const many = (key: string) =>
  here.cache.getOrSetMany([key], (missing) => new Map(missing.map((each) => [each, loader()])), {
    tags: ['a'],
  });

describe.each([
  { name: '1.6.45, by its CAS id', serverVersion: '1.6.45' as const, sent: false },
  { name: '1.6.18, by reading it', serverVersion: '1.6.18' as const, sent: true },
])('a moment later near asks $name', ({ serverVersion, sent }) => {
  beforeEach(() => start({ serverVersion }));

  it('whether the value is still the same', async () => {
    const value = 'v'.repeat(500);
    await here.cache.set('k', value, { tags: ['a'] });
    await heat();
    fleet.clock.advance(1_000);
    expect(await here.cache.get('k')).toBe(value);
    fleet.clock.advance(1_000);
    const bytes = Number(fleet.server.stats.bytes_written);
    expect(await here.cache.get('k', { tags: ['a'] })).toBe(value);
    expect(Number(fleet.server.stats.bytes_written) - bytes > 500).toBe(sent);
    const before = nearHits();
    expect(await here.cache.get('k')).toBe(value);
    expect(nearHits()).toBe(before + 1);
  });

  it.each(refilling)('whether the value is still the same, in %s', async (_name, read) => {
    const value = 'v'.repeat(500);
    await here.cache.set('k', value, { tags: ['a'] });
    await heat();
    // What the server can do is found out beside the first of these.
    fleet.clock.advance(1_000);
    expect(await read('k')).toBe(value);
    await settled();
    fleet.clock.advance(1_000);
    const bytes = Number(fleet.server.stats.bytes_written);
    const { hits, nearHits } = here.cache.stats();
    fleet.commands();
    expect(await read('k')).toBe(value);
    expect(Number(fleet.server.stats.bytes_written) - bytes > 500).toBe(sent);
    expect(fleet.commands('#k ')).toEqual([
      expect.stringMatching(sent ? /^mg \S+ N32 f c t h l v O\d+$/ : /^mg \S+ N32 f c t h l v C\d+ O\d+$/),
    ]);
    expect(here.cache.stats()).toMatchObject({ hits: hits + 1, nearHits, misses: 0 });
    expect(await read('k')).toBe(value);
    expect(here.cache.stats()).toMatchObject({ hits: hits + 2, nearHits: nearHits + 1, misses: 0 });
    expect(loader).not.toHaveBeenCalled();
  });

  it.each([
    ['set', () => there.cache.set('k', 'new'), 'new'],
    ['delete', () => there.cache.delete('k'), 'loaded'],
    ['invalidate', () => there.cache.invalidate('k', { stale: '1m' }), 'loaded'],
    ['clear', () => there.cache.clear(), 'loaded'],
    ['deleteByTag', () => there.cache.deleteByTag('a'), 'loaded'],
    ['expireByTag', () => there.cache.expireByTag('a'), 'loaded'],
  ])('and sees a %s of another process, in getOrSet and getOrSetMany', async (_name, change, expected) => {
    for (const [, read] of refilling) {
      await here.cache.set('k', 'v', { tags: ['a'] });
      await heat();
      fleet.clock.advance(1_000);
      expect(await read('k')).toBe('v');
      await settled();
      const before = nearHits();
      expect(await read('k')).toBe('v');
      expect(nearHits()).toBe(before + 1);
      await change();
      fleet.clock.advance(1_000);
      expect(await read('k')).toBe(expected);
      fleet.clock.advance(1_000);
      expect(await read('k')).toBe(expected);
    }
  });

  it('and sees what was stored again under the same version', async () => {
    for (const [name, read] of [['get', (key: string) => here.cache.get(key)] as const, ...refilling]) {
      await here.cache.set('k', `old ${name}`, { version: 2 });
      await heat();
      for (let round = 0; round < 2; round++) {
        fleet.clock.advance(1_000);
        expect(await read('k')).toBe(`old ${name}`);
        await settled();
      }
      expect(await there.cache.set('k', `new ${name}`, { version: 2 })).toBe(true);
      fleet.clock.advance(1_000);
      expect(await read('k')).toBe(`new ${name}`);
    }
  });

  it('and gives each of those who ask together a value of its own', async () => {
    await here.cache.set('k', { list: [1] });
    await heat();
    for (let round = 0; round < 3; round++) {
      fleet.clock.advance(1_000);
      const ask = () => here.cache.getOrSet<{ list: number[] }>('k', () => ({ list: [] }));
      for (const value of await Promise.all([ask(), ask(), ask()])) {
        expect(value).toEqual({ list: [1] });
        value.list.push(2);
      }
      await settled();
    }
  });

  it('and one reader of all refreshes what is near its end, while the copy is served', async () => {
    const options = { ttl: '10s', refreshAhead: 0.4 } as const;
    await here.cache.set('k', 'old', { ttl: '10s' });
    await heat();
    fleet.clock.advance(1_000);
    expect(await here.cache.getOrSet('k', loader, options)).toBe('old');
    await settled();
    fleet.clock.advance(6_000);
    fleet.commands();
    expect(await here.cache.getOrSet('k', loader, options)).toBe('old');
    expect(fleet.commands('#k ')[0]).toMatch(
      sent ? /^mg \S+ N32 R4 f c t h l v O/ : /^mg \S+ N32 R4 .*C\d+ O/,
    );
    await settled();
    expect(loader).toHaveBeenCalledTimes(1);
    expect(here.cache.stats()).toMatchObject({ won: 1, leasesLost: 0 });
    expect(await there.cache.get('k')).toBe('loaded');
    fleet.clock.advance(1_000);
    expect(await here.cache.getOrSet('k', loader, options)).toBe('loaded');
    expect(loader).toHaveBeenCalledTimes(1);
  });

  it('and serves the copy while another process refreshes it', async () => {
    const options = { ttl: '10s', refreshAhead: 0.4 } as const;
    await here.cache.set('k', 'old', { ttl: '10s' });
    await heat();
    fleet.clock.advance(1_000);
    await here.cache.getOrSet('k', loader, options);
    await settled();
    fleet.clock.advance(6_000);
    expect(await there.pool.leases.read('cache#k', { lock: '5s', refreshBelow: '4s' })).toMatchObject({
      won: true,
    });
    expect(await here.cache.getOrSet('k', loader, options)).toBe('old');
    expect(loader).not.toHaveBeenCalled();
  });

  it('and does not serve a copy of what is stale by now as fresh, nor without leave', async () => {
    await here.cache.set('k', 'old', { ttl: '4s', stale: '1h' });
    await heat();
    fleet.clock.advance(1_000);
    expect(await here.cache.getOrSet('k', loader)).toBe('old');
    await settled();
    fleet.clock.advance(4_000);
    const held = heldLoader<string>();
    expect(await here.cache.getOrSet('k', held.loader, { stale: '1h' })).toBe('old');
    expect(here.cache.stats()).toMatchObject({ stale: 1 });
    await until(() => held.calls() > 0);
    held.answer('new');
    await settled();
    expect(await here.cache.getOrSet('k', loader)).toBe('new');
    fleet.clock.advance(4_000_000);
    expect(await here.cache.getOrSet('k', loader)).toBe('loaded');
  });

  it.each([
    ['set', () => there.cache.set('k', 'new'), 'new'],
    ['delete', () => there.cache.delete('k'), undefined],
    ['invalidate', () => there.cache.invalidate('k', { stale: '1m' }), undefined],
    ['clear', () => there.cache.clear(), undefined],
    ['deleteByTag', () => there.cache.deleteByTag('a'), undefined],
  ])('and sees a %s of another process', async (_name, change, expected) => {
    await here.cache.set('k', 'v', { tags: ['a'] });
    await heat();
    expect(nearHits()).toBeGreaterThan(0);
    await change();
    fleet.clock.advance(1_000);
    expect(await here.cache.get('k')).toBe(expected);
    expect(await here.cache.get('k')).toBe(expected);
  });
});

describe('on a server that can more', () => {
  beforeEach(() => start({ serverVersion: '1.6.45' }));

  it('near does not confirm a copy of what is stale by now', async () => {
    await here.cache.set('k', 'v', { ttl: '3s', stale: '1h' });
    await heat();
    expect(nearHits()).toBeGreaterThan(0);
    fleet.clock.advance(4_000);
    expect(await here.cache.get('k')).toBeUndefined();
  });
});
