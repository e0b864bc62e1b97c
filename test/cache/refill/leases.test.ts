/** One refill per expiry among all processes, and every way in which a right to refill can go astray. */
import type { MemcachedCache } from '../../../lib/cache/cache.js';
import type { CacheStats } from '../../../lib/cache/outcomes.js';
import { MemcachedConnectionError } from '../../../lib/core/base/errors.js';
import { Leases } from '../../../lib/core/pool/leases.js';
import { heldLoader, until } from '../support/setup.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
const start = async (...options: Parameters<typeof Fleet.start>): Promise<Fleet> => {
  fleet = await Fleet.start(...options);
  return fleet;
};
afterEach(() => fleet.stop());

const fails = () => Promise.reject(new Error('no database'));
/** Takes so many milliseconds of the fleet's clock. */
const slowLoader = (milliseconds: number) =>
  jest.fn(() => new Promise<string>((resolve) => fleet.clock.setTimeout(() => resolve('v'), milliseconds)));
const total = (caches: readonly MemcachedCache[], name: keyof CacheStats): number =>
  caches.reduce((sum, cache) => sum + cache.stats()[name], 0);

describe('a key that is there', () => {
  it('is read once for all who ask in one turn; each is given a value of its own', async () => {
    await start();
    const cache = fleet.process();
    await cache.set('k', { a: 1 });
    await cache.getOrSet('k', fails);
    fleet.server.clearCommands();
    const found = await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('k', fails)));
    expect(found).toEqual(Array(20).fill({ a: 1 }));
    expect(new Set(found).size).toBe(20);
    expect(fleet.server.commands.filter((line) => line.includes('#k '))).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ hits: 21, misses: 0 });
  });

  it('and is loaded by nobody joins a load of before it was changed', async () => {
    await start();
    const cache = fleet.process();
    await cache.getOrSet('warm', () => 'v');
    const before = heldLoader<string>();
    const asked = cache.getOrSet('k', before.loader);
    const changed = cache.set('k', 'new');
    await changed;
    const later = cache.getOrSet('k', () => 'not asked for');
    before.answer('old');
    expect(await Promise.all([asked, later])).toEqual(['old', 'new']);
    expect(await cache.get('k')).toBe('new');
    // It did not even try.
    expect(cache.stats().leasesLost).toBe(0);
  });
});

describe('a cold key', () => {
  it('is loaded by one of two processes; the other is given the value', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const asked = [one, other].flatMap((cache) =>
      Array.from({ length: 20 }, () => cache.getOrSet('k', loader)),
    );
    await until(() => calls() > 0);
    await fleet.rest();
    answer('v');
    expect(await fleet.passing(Promise.all(asked))).toEqual(Array(40).fill('v'));
    expect(calls()).toBe(1);
    const [first, second] = [one.stats(), other.stats()];
    expect([first.won + second.won, first.lostWaited + second.lostWaited]).toEqual([1, 39]);
  });

  it('shows its stub to nobody, and counts it as a miss', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader);
    await until(() => calls() > 0);
    expect(await other.get('k')).toBeUndefined();
    expect(await other.getMany(['k'])).toEqual(new Map());
    expect(await fleet.pool().get('cache#k')).toBeUndefined();
    expect(other.stats()).toMatchObject({ hits: 0, misses: 2 });
    answer('');
    expect(await asked).toBe('');
    expect(await other.get('k')).toBe('');
    expect(await other.getOrSet('k', () => 'loaded again')).toBe('');
  });

  it('is let go at once when its loader fails: the one that waits loads', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const failing = heldLoader<string>();
    const first = one.getOrSet('k', failing.loader);
    await until(() => failing.calls() > 0);
    const second = other.getOrSet('k', () => 'v');
    await fleet.rest();
    failing.fail(new Error('no database'));
    await expect(first).rejects.toThrow('no database');
    expect(await fleet.passing(second, 10, 300)).toBe('v');
    expect(other.stats()).toMatchObject({ won: 1, lostRan: 0 });
  });

  it.each([
    ['undefined', undefined],
    ['an instance of a class', new (class Product {})()],
  ])('is let go when the loader gives %s', async (_name, given) => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    expect(await one.getOrSet('k', () => given)).toBe(given);
    await fleet.rest();
    expect(await other.getOrSet('k', () => 'v')).toBe('v');
    expect(other.stats()).toMatchObject({ won: 1, lostWaited: 0 });
  });

  it('whose winner has died is loaded by another when its time is over', async () => {
    await start({ loadTimeout: '30s' });
    const other = fleet.process();
    expect(await fleet.pool().leases.read('cache#k', { lock: '5s' })).toMatchObject({ won: true });
    const asked = other.getOrSet('k', () => 'v');
    expect(await fleet.passing(asked, 50, 6_000)).toBe('v');
    expect(fleet.clock.now()).toBeGreaterThan(3_900);
    expect(other.stats()).toMatchObject({ won: 1, lostRan: 0 });
  });

  it.each([
    ['by default', {}],
    ['with a waitTimeout beyond the lock', { waitTimeout: '6s' }],
  ])('whose winner has died costs all other processes together one load, %s', async (_name, options) => {
    await start({ loadTimeout: '1s', ...options });
    expect(await fleet.pool().leases.read('cache#k', { lock: '3s' })).toMatchObject({ won: true });
    const others = Array.from({ length: 5 }, () => fleet.process());
    const load = slowLoader(900);
    const asked = others.flatMap((cache) => [cache.getOrSet('k', load), cache.getOrSet('k', load)]);
    expect(await fleet.passing(Promise.all(asked), 20, 6_000)).toEqual(Array(10).fill('v'));
    expect(load).toHaveBeenCalledTimes(1);
    expect(total(others, 'won')).toBe(1);
    expect(total(others, 'lostRan')).toBe(0);
    expect(total(others, 'lostWaited')).toBe(9);
  });

  it('whose stub is about to end when it is taken from a dead one is still loaded once', async () => {
    await start({ loadTimeout: '1s' });
    // A lock of these ends after three seconds; this one is looked upon as abandoned in its last.
    await fleet.pool().leases.read('cache#k', { lock: '4s' });
    const others = Array.from({ length: 4 }, () => fleet.process());
    const load = slowLoader(900);
    const asked = Promise.all(others.map((cache) => cache.getOrSet('k', load)));
    expect(await fleet.passing(asked, 20, 6_000)).toEqual(Array(4).fill('v'));
    expect(load).toHaveBeenCalledTimes(1);
    expect(total(others, 'leasesLost')).toBe(0);
  });

  it('whose winner has died costs each process a load with a waitTimeout that ends before the lock', async () => {
    await start({ loadTimeout: '1s', waitTimeout: '1s' });
    await fleet.pool().leases.read('cache#k', { lock: '3s' });
    const others = Array.from({ length: 3 }, () => fleet.process());
    const load = slowLoader(800);
    const asked = Promise.all(others.map((cache) => cache.getOrSet('k', load)));
    await fleet.passing(asked, 20, 2_000);
    expect(load).toHaveBeenCalledTimes(3);
  });

  it('deleted elsewhere during the load stays deleted', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader);
    await until(() => calls() > 0);
    expect(await other.delete('k')).toBe(true);
    answer('loaded before the delete');
    expect(await asked).toBe('loaded before the delete');
    expect(await other.get('k')).toBeUndefined();
    expect(one.stats()).toMatchObject({ leasesLost: 1, sets: 0, errors: 0 });
  });

  it('set elsewhere during the load keeps what was set', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader);
    await until(() => calls() > 0);
    expect(await other.set('k', 'newer')).toBe(true);
    answer('older');
    expect(await asked).toBe('older');
    expect(await one.get('k')).toBe('newer');
  });

  it('is let go when the loader takes longer than it may', async () => {
    await start({ loadTimeout: '1s' });
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const slow = one.getOrSet('k', loader);
    await until(() => calls() > 0);
    fleet.clock.advance(1_000);
    await fleet.rest();
    expect(await other.getOrSet('k', () => 'quick')).toBe('quick');
    answer('slow');
    expect(await slow).toBe('slow');
    expect(await other.get('k')).toBe('quick');
  });

  it('is let go when everybody who waited has given up before the load', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    await one.set('warm', 1);
    const impatient = new AbortController();
    const loader = jest.fn(() => 'never');
    const asked = one.getOrSet('k', loader, { signal: impatient.signal });
    impatient.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await fleet.rest();
    expect(await other.getOrSet('k', () => 'v')).toBe('v');
    expect(loader).not.toHaveBeenCalled();
    expect(other.stats()).toMatchObject({ won: 1 });
  });
});

describe('a value that nobody may see any more', () => {
  it('of an older generation is refilled by one of all', async () => {
    await start();
    const [one, other, third] = [fleet.process(), fleet.process(), fleet.process()];
    await one.set('k', 'old');
    await third.clear();
    const { loader, calls, answer } = heldLoader<string>();
    const asked = [one, other].map((cache) => cache.getOrSet('k', loader));
    await until(() => calls() > 0);
    await fleet.rest();
    answer('new');
    expect(await fleet.passing(Promise.all(asked))).toEqual(['new', 'new']);
    expect(calls()).toBe(1);
  });

  it('by its tag is refilled by one of all, and not kept from others by a dead one', async () => {
    await start({ loadTimeout: '3s' });
    const [one, other] = [fleet.process(), fleet.process()];
    await one.getOrSet('k', () => 'old', { tags: ['t'], ttl: '1h' });
    expect(await other.deleteByTag('t')).toBe(true);
    // One marks it and wins it, and is never heard of again.
    const { leases } = fleet.pool();
    const seen = (await leases.read('cache#k', { lock: '5s' }))!;
    await leases.rearm({ key: 'cache#k', node: seen.node, cas: seen.cas! }, 5);
    expect(await leases.read('cache#k', { lock: '5s' })).toMatchObject({ won: true, stale: true });
    const asked = other.getOrSet('k', () => 'new', { tags: ['t'], loadTimeout: '30s' });
    expect(await fleet.passing(asked, 50, 7_000)).toBe('new');
    expect(other.stats()).toMatchObject({ lostRan: 0 });
  });

  it('marked stale, with nobody left who refills it, costs all processes together one load', async () => {
    await start({ loadTimeout: '1s' });
    const dead = fleet.process();
    await dead.set('k', 'old', { ttl: '1h' });
    await dead.invalidate('k', { stale: '1h' });
    const { leases } = fleet.pool();
    expect(await leases.read('cache#k', { lock: '3s' })).toMatchObject({ won: true, stale: true });
    const others = Array.from({ length: 4 }, () => fleet.process());
    const load = slowLoader(800);
    const asked = Promise.all(others.map((cache) => cache.getOrSet('k', load)));
    expect(await fleet.passing(asked, 20, 6_000)).toEqual(Array(4).fill('v'));
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('that is no value at all is replaced', async () => {
    await start();
    const cache = fleet.process();
    await cache.set('warm', 1);
    const pool = fleet.pool();
    for (const garbage of ['text', { an: 'object' }, ['1nonsense', 1], 7, Buffer.from('1x:b')]) {
      await pool.set('cache#k', garbage);
      expect(await cache.getOrSet('k', () => 'v')).toBe('v');
      expect(await cache.get('k')).toBe('v');
    }
  });
});

describe('losers', () => {
  const lose = async (options = {}) => {
    await start(options);
    const winner = fleet.process();
    const held = heldLoader<string>();
    const asked = winner.getOrSet('k', held.loader);
    await until(() => held.calls() > 0);
    const other = fleet.process();
    await other.getOrSet('warm', () => 1);
    return { held, asked, other };
  };

  it("'run' run their own loader, and leave the filling to the winner", async () => {
    const { held, asked, other } = await lose({ losers: 'run' });
    expect(await other.getOrSet('k', () => 'mine')).toBe('mine');
    expect(other.stats()).toMatchObject({ lostRan: 1, sets: 1 });
    held.answer('winner');
    await asked;
    expect(await other.get('k')).toBe('winner');
  });

  it("'fallback' take their fallback, each its own, and never store it", async () => {
    const { held, asked, other } = await lose();
    const fallback = { none: true };
    const loader = jest.fn();
    const options = { losers: 'fallback', fallback } as const;
    const [mine, none] = await Promise.all([
      other.getOrSet('k', loader, options),
      other.getOrSet('k', loader, { losers: 'fallback' }),
    ]);
    expect(mine).toBe(fallback);
    expect(none).toBeUndefined();
    expect(loader).not.toHaveBeenCalled();
    const waits = other.getOrSet('k', loader);
    await fleet.rest();
    held.answer('v');
    await asked;
    expect(await fleet.passing(waits)).toBe('v');
  });

  it("who wait are not given another's fallback", async () => {
    const { held, asked, other } = await lose();
    const both = [
      other.getOrSet('k', () => 'x', { losers: 'fallback', fallback: 'f' }),
      other.getOrSet('k', () => 'x'),
    ];
    await fleet.rest();
    held.answer('v');
    await asked;
    expect(await fleet.passing(Promise.all(both))).toEqual(['f', 'v']);
  });

  it("'wait' no longer than waitTimeout, then run their own loader", async () => {
    const { other } = await lose({ waitTimeout: '1s' });
    const loader = jest.fn(() => 'mine');
    const asked = other.getOrSet('k', loader);
    await fleet.rest();
    fleet.clock.advance(900);
    await fleet.rest();
    expect(loader).not.toHaveBeenCalled();
    expect(await fleet.passing(asked, 10, 200)).toBe('mine');
    expect(other.stats()).toMatchObject({ lostRan: 1, errors: 0 });
    // The winner is still silent: what the loser loaded is stored in its place.
    expect(await other.get('k')).toBe('mine');
  });

  it('of one process who have waited enough share one load', async () => {
    const { other } = await lose({ waitTimeout: '1s' });
    const { loader, calls, answer } = heldLoader<string>();
    const early = other.getOrSet('k', loader);
    await fleet.rest();
    fleet.clock.advance(500);
    await fleet.rest();
    const late = other.getOrSet('k', loader);
    while (calls() === 0) {
      fleet.clock.advance(10);
      await fleet.clock.settle(10);
    }
    // The late one has waited for more than a second now, and the load for half of one.
    fleet.clock.advance(600);
    await fleet.rest();
    answer('mine');
    expect(await fleet.passing(Promise.all([early, late]), 10, 200)).toEqual(['mine', 'mine']);
    expect(calls()).toBe(1);
  });

  it('of a process whose loader hangs wait for it no longer than it may take, then load', async () => {
    await start({ loadTimeout: '1s', waitTimeout: '1h' });
    const cache = fleet.process();
    const hung = heldLoader<string>();
    const first = cache.getOrSet('k', hung.loader);
    await until(() => hung.calls() > 0);
    const second = cache.getOrSet('k', () => 'mine');
    await fleet.rest();
    expect(await fleet.passing(second, 10, 1_500)).toBe('mine');
    hung.answer('too late');
    expect(await first).toBe('too late');
    expect(await cache.get('k')).toBe('mine');
  });

  it('of a process whose loader hangs wait for another one that has the right by then', async () => {
    await start({ loadTimeout: '1s', waitTimeout: '4s' });
    const [cache, other] = [fleet.process(), fleet.process()];
    const [hung, held] = [heldLoader<string>(), heldLoader<string>()];
    const first = cache.getOrSet('k', hung.loader);
    await until(() => hung.calls() > 0);
    const loader = jest.fn(() => 'mine');
    const second = cache.getOrSet('k', loader);
    await fleet.rest();
    await other.delete('k');
    fleet.clock.advance(900);
    const third = other.getOrSet('k', held.loader);
    await until(() => held.calls() > 0);
    fleet.clock.advance(100);
    await fleet.rest();
    held.answer('theirs');
    expect(await third).toBe('theirs');
    expect(await fleet.passing(second, 10, 1_000)).toBe('theirs');
    expect(loader).not.toHaveBeenCalled();
    hung.answer('too late');
    await first;
  });

  it('poll with growing pauses', async () => {
    const { other, held, asked } = await lose({ waitTimeout: '10s' });
    await fleet.rest();
    fleet.commands('k');
    const waits = other.getOrSet('k', () => 'x');
    for (let passed = 0; passed < 3_000; passed += 10) {
      fleet.clock.advance(10);
      for (let turn = 0; turn < 10; turn++) await fleet.clock.settle();
    }
    const polls = fleet.commands('k').length;
    expect(polls).toBeGreaterThan(8);
    expect(polls).toBeLessThan(25);
    held.answer('v');
    await asked;
    expect(await fleet.passing(waits)).toBe('v');
  });
});

describe('a call within its own loader', () => {
  it('of the same key does not wait for ever', async () => {
    await start({ waitTimeout: '1s' });
    const cache = fleet.process();
    const nested = cache.getOrSet('k', async () => `outer of ${await cache.getOrSet('k', () => 'inner')}`);
    expect(await fleet.passing(nested, 20, 5_000)).toBe('outer of inner');
  });
});

describe('a read that failed', () => {
  it('is followed by one load and no write', async () => {
    await start();
    const cache = fleet.process({ timeout: 30 });
    await cache.getOrSet('k', () => 1);
    fleet.server.misbehave.hang();
    const loader = jest.fn(() => 'v');
    expect(await cache.getOrSet('other', loader)).toBe('v');
    expect(loader).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ sets: 1, errors: 1 });
  });

  it('whose answer never came keeps nobody waiting for what it may have won', async () => {
    await start();
    const cache = fleet.process({}, undefined, { commandTimeout: 200, blacklistTime: 100 });
    await cache.getOrSet('warm', () => 1);
    const hung = fleet.server.misbehave.hang();
    expect(await cache.getOrSet('k', () => 'first')).toBe('first');
    await hung.stop();
    // Reachable again: and nobody's stub lies where the value was to be.
    while ((await cache.get('warm')) === undefined) await fleet.rest();
    expect(await fleet.pool().leases.read('cache#k', { lock: '5s' })).toMatchObject({
      won: false,
      taken: true,
    });
    expect(
      await fleet.passing(
        cache.getOrSet('k', () => 'second'),
        10,
        15,
      ),
    ).toBe('second');
    expect(await cache.get('k')).toBe('second');
  });

  it('keeps nobody waiting for what it may have won, though freeing that fails at first', async () => {
    await start();
    const cache = fleet.process();
    await cache.getOrSet('warm', () => 1);
    // The value's read twice: a read is tried once more.
    fleet.server.misbehave.cutAfter(0).forCommand('mg').times(2);
    expect(await cache.getOrSet('k', () => 'unstored')).toBe('unstored');
    // A write that never arrives: the server would have done it before it could cut its answer.
    const lost = new MemcachedConnectionError('cut', { node: fleet.server.address, sent: 'maybe' });
    const unfreed = jest.spyOn(Leases.prototype, 'rearm').mockRejectedValueOnce(lost);
    expect(await cache.getOrSet('k', () => 'unstored')).toBe('unstored');
    expect(unfreed).toHaveBeenCalledTimes(1);
    unfreed.mockRestore();
    expect(
      await fleet.passing(
        cache.getOrSet('k', () => 'stored'),
        20,
        1_000,
      ),
    ).toBe('stored');
    expect(await cache.get('k')).toBe('stored');
  });

  it('whose answer comes late gives back what it won', async () => {
    await start();
    const [one, other] = [fleet.process({ timeout: 40 }), fleet.process()];
    await one.getOrSet('warm', () => 1);
    await other.getOrSet('warm', () => 1);
    const late = fleet.server.misbehave.delay(1_000).forCommand('mg').once();
    // The generation's read or the value's: either way nothing is stored.
    expect(await one.getOrSet('k', () => 'v')).toBe('v');
    fleet.clock.advance(1_000);
    await late.stop();
    await fleet.rest();
    expect(
      await fleet.passing(
        other.getOrSet('k', () => 'other'),
        20,
        1_000,
      ),
    ).toBe('other');
  });
});

describe('forceFresh', () => {
  it('loads though there is a value, stores it, and others are served meanwhile', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    await one.set('k', 'old');
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader, { forceFresh: true });
    await until(() => calls() > 0);
    expect(await other.getOrSet('k', fails)).toBe('old');
    answer('new');
    expect(await asked).toBe('new');
    expect(await other.get('k')).toBe('new');
  });

  it('is not joined to a load that has begun, and what that loads does not come after it', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const older = heldLoader<string>();
    const elsewhere = other.getOrSet('k', older.loader);
    await until(() => older.calls() > 0);
    const here = one.getOrSet('k', () => 'unused').catch(() => undefined);
    await fleet.rest();
    expect(
      await fleet.passing(
        one.getOrSet('k', () => 'fresh', { forceFresh: true }),
        10,
        500,
      ),
    ).toBe('fresh');
    older.answer('older');
    await elsewhere;
    await fleet.passing(here as Promise<unknown>);
    expect(await other.get('k')).toBe('fresh');
  });

  it('does not undo a delete', async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    await one.set('k', 'old');
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader, { forceFresh: true });
    await until(() => calls() > 0);
    await other.delete('k');
    answer('new');
    await asked;
    expect(await other.get('k')).toBeUndefined();
  });
});

describe('skip', () => {
  it('leaves the cache alone', async () => {
    await start();
    const cache = fleet.process();
    await cache.set('k', 'cached');
    fleet.server.clearCommands();
    expect(await cache.getOrSet('k', () => 'loaded', { skip: true })).toBe('loaded');
    expect(fleet.server.commands).toEqual([]);
    expect(await cache.get('k')).toBe('cached');
  });
});

describe("leases: 'off'", () => {
  it('shares a load within the process only', async () => {
    await start({ leases: 'off' });
    const [one, other] = [fleet.process(), fleet.process()];
    const { loader, calls, answer } = heldLoader<string>();
    const asked = [one, one, other].map((cache) => cache.getOrSet('k', loader));
    await until(() => calls() === 2);
    answer('v');
    expect(await Promise.all(asked)).toEqual(['v', 'v', 'v']);
    expect(one.stats().won + other.stats().won).toBe(0);
  });
});
