/** Writes with a version: whatever order they come in, the latest stays. */
import { Fleet, type Process } from './support/fleet.js';

let fleet: Fleet;
let here: Process;
let there: Process;

const start = async (options: Parameters<typeof Fleet.start>[0]) => {
  fleet = await Fleet.start(options);
  here = fleet.process();
  there = fleet.process();
};
afterEach(() => fleet.stop());

describe.each(['1.6.45', '1.6.18'] as const)('a version on a server of %s', (serverVersion) => {
  beforeEach(() => start({ serverVersion, nodes: 2 }));

  it('refuses what is older than what is stored, and takes what is as new or newer', async () => {
    expect(await here.cache.set('k', 'two', { version: 2 })).toBe(true);
    expect(await there.cache.set('k', 'one', { version: 1 })).toBe(false);
    expect(await here.cache.get('k')).toBe('two');
    expect(await there.cache.set('k', 'two again', { version: 2 })).toBe(true);
    expect(await there.cache.set('k', 'three', { version: 3n })).toBe(true);
    expect(await here.cache.get('k')).toBe('three');
    expect(there.cache.stats()).toMatchObject({ sets: 2, refused: 1, errors: 0, uncached: 0 });
  });

  it('that is the latest stays, whatever order many writes come in', async () => {
    const versions = Array.from({ length: 40 }, (_, i) => (i * 17) % 40);
    const done = versions.map((version) => (version % 2 ? here : there).cache.set('k', version, { version }));
    const stored = await Promise.all(done);
    const confirmed = versions.filter((_, i) => stored[i]);
    expect(await here.cache.get('k')).toBe(Math.max(...confirmed));
    expect(await here.cache.set('k', 39, { version: 39 })).toBe(true);
    expect(await there.cache.get('k')).toBe(39);
  });

  it('holds for setMany, for each key alone', async () => {
    await here.cache.set('a', 'new', { version: 9 });
    const entries = [
      ['a', 'old'],
      ['b', 'old'],
    ] as const;
    expect(await there.cache.setMany(entries, { version: 5 })).toBe(false);
    expect(await here.cache.getMany(['a', 'b'])).toEqual(
      new Map([
        ['a', 'new'],
        ['b', 'old'],
      ]),
    );
  });

  it('is forgotten with the value: by a delete, by its end, by a clear', async () => {
    const set = (version: number) => here.cache.set('k', version, { version, ttl: '10s' });
    await set(9);
    await there.cache.delete('k');
    expect(await set(1)).toBe(true);
    await set(9);
    fleet.clock.advance(11_000);
    expect(await set(1)).toBe(true);
    await set(9);
    await there.cache.clear();
    expect(await set(1)).toBe(true);
    expect(await there.cache.get('k')).toBe(1);
  });

  it('replaces a value without one, and a stub that a lease left', async () => {
    await here.cache.set('k', 'plain');
    expect(await here.cache.set('k', 'v', { version: 1 })).toBe(true);
    await there.pool.leases.read('cache#l', { lock: '10s' });
    expect(await here.cache.set('l', 'v', { version: 1 })).toBe(true);
    expect(await there.cache.getMany(['k', 'l'])).toEqual(new Map(Object.entries({ k: 'v', l: 'v' })));
  });

  it('stays with a value that is marked stale, and leaves the right to refill it to the next reader', async () => {
    await here.cache.set('k', 'two', { version: 2 });
    await here.cache.invalidate('k', { stale: '1m' });
    expect(await there.cache.set('k', 'one', { version: 1 })).toBe(false);
    expect(await there.cache.getOrSet('k', () => 'loaded', { losers: 'run' })).toBe('loaded');
    expect(there.cache.stats()).toMatchObject({ won: 1, lostRan: 0 });
  });

  it('of many digits is compared to the last of them', async () => {
    const version = 2n ** 63n - 1n;
    expect(await here.cache.set('k', 'v', { version })).toBe(true);
    expect(await there.cache.set('k', 'w', { version: version - 1n })).toBe(false);
    expect(await there.cache.set('k', 'x', { version })).toBe(true);
    expect(await here.cache.get('k')).toBe('x');
  });

  it('of a write that was called before a clear is gone with it', async () => {
    const setting = here.cache.set('k', 'v', { version: 1 });
    const clearing = here.cache.clear();
    expect(await Promise.all([setting, clearing])).toEqual([true, true]);
    expect(await there.cache.get('k')).toBeUndefined();
  });

  it('goes with tags and stale', async () => {
    await here.cache.set('k', 'v', { version: 1, tags: ['a'], stale: '1m' });
    expect(await there.cache.get('k')).toBe('v');
    await there.cache.deleteByTag('a');
    expect(await here.cache.get('k')).toBeUndefined();
    // What was ended holds no version back.
    expect(await here.cache.set('k', 'w', { version: 0, tags: ['a'] })).toBe(true);
    expect(await there.cache.get('k')).toBe('w');
  });

  it('leaves a value that cannot be stored uncached, and no older one behind', async () => {
    await here.cache.set('k', 'v', { version: 1 });
    expect(await here.cache.set('k', new (class Money {})(), { version: 2 })).toBe(false);
    expect(await there.cache.get('k')).toBeUndefined();
  });

  it.each([-1, 1.5, Number.NaN, '1', 1n << 63n])('refuses to be %p', async (version) => {
    await expect(here.cache.set('k', 1, { version: version as number })).rejects.toMatchObject({
      code: 'MEMCACHED_ARGUMENT',
    });
  });

  it('answers false when memcached cannot be asked', async () => {
    await here.cache.set('k', 1, { version: 1 });
    for (const server of fleet.servers) server.misbehave.answer('SERVER_ERROR out of order\r\n');
    expect(await here.cache.set('k', 2, { version: 2 })).toBe(false);
    expect(here.cache.stats().errors).toBe(1);
  });
});

describe('a version on a server without meta', () => {
  beforeEach(() => start({ protocol: 'classic' }));

  it('is ignored, with one line', async () => {
    expect(await here.cache.set('k', 'two', { version: 2 })).toBe(true);
    expect(await here.cache.set('k', 'one', { version: 1 })).toBe(true);
    expect(await there.cache.get('k')).toBe('one');
    expect(here.lines).toEqual([expect.stringMatching(/^warn The option "version" is ignored/)]);
  });
});
