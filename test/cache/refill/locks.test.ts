/** Where no leases are granted: a lock beside the value. What leases promise too is in the tests beside this. */
import { lockKey } from '../../../lib/cache/refill/by-lock.js';
import { heldLoader, until } from '../support/setup.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
const start = async (options: Parameters<typeof Fleet.start>[0] = {}): Promise<Fleet> => {
  fleet = await Fleet.start(options, { protocol: 'classic' });
  return fleet;
};
afterEach(() => fleet.stop());

const fails = (): never => {
  throw new Error('must not be loaded');
};
const isLock = (line: string): boolean => line.includes('~lock:');
const warm = async () => {
  const caches = [fleet.process(), fleet.process()] as const;
  for (const cache of caches) await cache.getOrSet('warm', () => 1);
  return caches;
};

describe('a lock', () => {
  it('is won by one of two processes; the other is given the value', async () => {
    await start();
    const [one, other] = await warm();
    const { loader, calls, answer } = heldLoader<string>();
    const asked = [one, other].flatMap((cache) =>
      Array.from({ length: 5 }, () => cache.getOrSet('k', loader)),
    );
    await until(() => calls() > 0);
    await fleet.rest();
    answer('v');
    expect(await fleet.passing(Promise.all(asked))).toEqual(Array(10).fill('v'));
    expect(calls()).toBe(1);
    expect(one.stats().lostWaited + other.stats().lostWaited).toBe(9);
  });

  it('is not taken for a value that is there', async () => {
    await start();
    const [one, other] = await warm();
    await one.getOrSet('k', () => 'v');
    await fleet.rest();
    fleet.server.clearCommands();
    expect(await other.getOrSet('k', () => 'x')).toBe('v');
    expect(fleet.server.commands.filter(isLock)).toEqual([]);
  });

  it('won after the value was filled gives it back, and nothing is loaded again', async () => {
    await start();
    const [one, other] = await warm();
    // The other one's first look misses; then the value is there before it asks for the lock.
    const delayed = fleet.server.misbehave.delay(1).forCommand('get').once();
    const loader = jest.fn(() => 'loaded again');
    const asked = other.getOrSet('k', loader);
    await fleet.rest();
    expect(await one.set('k', 'v')).toBe(true);
    fleet.clock.advance(1);
    await delayed.stop();
    expect(await fleet.passing(asked)).toBe('v');
    expect(loader).not.toHaveBeenCalled();
    await fleet.rest();
    expect(await one.delete('k')).toBe(true);
    expect(await one.getOrSet('k', () => 'w')).toBe('w');
  });

  it.each([
    ['its loader fails', () => Promise.reject(new Error('no database'))],
    ['its loader gives undefined', () => undefined],
    ['its value cannot be stored', () => new (class Product {})()],
    ['its value is stored', () => 'v'],
  ])('is let go when %s', async (_name, loader) => {
    await start();
    const [one, other] = await warm();
    await Promise.resolve(one.getOrSet<unknown>('k', loader)).catch(() => undefined);
    await fleet.rest();
    await one.delete('k');
    expect(await other.getOrSet('k', () => 'mine')).toBe('mine');
    expect(other.stats()).toMatchObject({ lostWaited: 0, lostRan: 0, won: 1 });
  });

  it('of a dead one ends by its time', async () => {
    await start({ loadTimeout: '3s', waitTimeout: '3s' });
    const [one, other] = await warm();
    const { loader, calls } = heldLoader<string>();
    // Its process hangs so hard that not even its timers run: what it would do at 3 s is cut off.
    void one.getOrSet('k', loader, { loadTimeout: 0 }).catch(() => undefined);
    await until(() => calls() > 0);
    fleet.clock.advance(301_000);
    expect(
      await fleet.passing(
        other.getOrSet('k', () => 'v'),
        20,
        2_000,
      ),
    ).toBe('v');
    expect(other.stats()).toMatchObject({ lostRan: 0 });
  });

  it('of a dead one costs all other processes together one load', async () => {
    await start({ loadTimeout: '1s', waitTimeout: '6s' });
    const others = [...(await warm()), ...(await warm())];
    expect(await fleet.pool().add(lockKey('cache', 'cache#k'), 'a token', { ttl: '3s' })).toBe(true);
    const load = jest.fn(
      () => new Promise<string>((resolve) => fleet.clock.setTimeout(() => resolve('v'), 800)),
    );
    const asked = others.flatMap((cache) => [cache.getOrSet('k', load), cache.getOrSet('k', load)]);
    expect(await fleet.passing(Promise.all(asked), 20, 6_000)).toEqual(Array(8).fill('v'));
    expect(load).toHaveBeenCalledTimes(1);
    expect(others.map((cache) => cache.stats().lostRan)).toEqual([0, 0, 0, 0]);
  });

  describe('nobody has heard of', () => {
    const cut = (command: string) => fleet.server.misbehave.cutAfter(0).forCommand(command).once();
    /** Longer than waiters pause, shorter than a lock is held. */
    const SOON = 2_000;

    it('keeps nobody waiting: its taking was not answered', async () => {
      await start();
      const [one, other] = await warm();
      cut('add');
      expect(await one.getOrSet('k', () => 'unstored')).toBe('unstored');
      expect(await fleet.pool().get(lockKey('cache', 'cache#k'))).toBeDefined();
      const waits = other.getOrSet('k', fails);
      expect(await one.getOrSet('k', () => 'v')).toBe('v');
      expect(await fleet.passing(waits, 20, SOON)).toBe('v');
      await fleet.rest();
      expect(await fleet.pool().get(lockKey('cache', 'cache#k'))).toBeUndefined();
    });

    it('keeps nobody waiting: nor was the question whether it was taken', async () => {
      await start();
      const [one] = await warm();
      cut('add');
      await one.getOrSet('k', () => 'unstored');
      fleet.server.clearCommands();
      const asked = one.getOrSet('k', () => 'unstored');
      await until(() => fleet.server.commands.some((line) => line.startsWith('add ')));
      // A read is tried once more.
      fleet.server.misbehave.cutAfter(0).forCommand('get').times(2);
      expect(await asked).toBe('unstored');
      expect(fleet.server.commands.filter((line) => line.startsWith('get ') && isLock(line))).toHaveLength(2);
      expect(await one.getOrSet('k', () => 'v')).toBe('v');
      expect(await one.get('k')).toBe('v');
    });

    it('keeps nobody waiting: its giving back was not sent', async () => {
      await start();
      const [one] = await warm();
      // Before it is let go it is looked at; a read is tried once more.
      const loader = (): Promise<never> => {
        fleet.server.misbehave.cutAfter(0).forCommand('get').times(2);
        return Promise.reject(new Error('no database'));
      };
      await expect(one.getOrSet('k', loader)).rejects.toThrow('no database');
      await fleet.rest();
      expect(await one.getOrSet('k', () => 'v')).toBe('v');
      expect(await one.get('k')).toBe('v');
    });

    it('is not taken from another who has it by now', async () => {
      await start();
      const [one, other] = await warm();
      cut('add');
      await one.getOrSet('k', () => 'unstored');
      await fleet.pool().delete(lockKey('cache', 'cache#k'));
      const { loader, calls, answer } = heldLoader<string>();
      const asked = other.getOrSet('k', loader);
      await until(() => calls() > 0);
      const waits = one.getOrSet('k', fails);
      await fleet.rest();
      answer('theirs');
      expect(await asked).toBe('theirs');
      expect(await fleet.passing(waits, 20, SOON)).toBe('theirs');
    });
  });

  it('that has ended and is another’s is neither used nor deleted', async () => {
    await start();
    const [one, other] = await warm();
    const first = heldLoader<string>();
    const slow = one.getOrSet('k', first.loader, { loadTimeout: 0 });
    await until(() => first.calls() > 0);
    fleet.clock.advance(301_000);
    const second = heldLoader<string>();
    const later = other.getOrSet('k', second.loader);
    await until(() => second.calls() > 0);
    first.answer('too late');
    expect(await slow).toBe('too late');
    await fleet.rest();
    expect(await one.get('k')).toBeUndefined();
    expect(one.stats()).toMatchObject({ leasesLost: 1 });
    second.answer('in time');
    expect(await later).toBe('in time');
    expect(await one.get('k')).toBe('in time');
  });

  it.each([
    ['delete', undefined],
    ['set', 'newer'],
  ] as const)('is lost by a %s made elsewhere during the load', async (change, remains) => {
    await start();
    const [one, other] = await warm();
    const { loader, calls, answer } = heldLoader<string>();
    const asked = one.getOrSet('k', loader);
    await until(() => calls() > 0);
    expect(await (change === 'delete' ? other.delete('k') : other.set('k', 'newer'))).toBe(true);
    await fleet.rest();
    answer('older');
    expect(await asked).toBe('older');
    expect(await other.get('k')).toBe(remains);
  });

  it('does not make a stale value win over one that was set meanwhile', async () => {
    await start({ ttl: '10s', stale: '1h' });
    const [one] = await warm();
    await one.getOrSet('k', () => 'old');
    fleet.clock.advance(11_000);
    const { loader, calls, answer } = heldLoader<string>();
    expect(await one.getOrSet('k', loader)).toBe('old');
    await until(() => calls() > 0);
    // By another program, which knows nothing of locks.
    await fleet.pool().set('cache#k', 'foreign');
    answer('refreshed');
    await fleet.rest();
    expect(await fleet.pool().get('cache#k')).toBe('foreign');
    expect(one.stats()).toMatchObject({ leasesLost: 1 });
  });

  it("is not asked for with leases: 'off'", async () => {
    await start({ leases: 'off' });
    await warm();
    expect(fleet.server.commands.filter(isLock)).toEqual([]);
  });
});

describe('what a server grants', () => {
  it.each([
    ['leases', 'all', 'locks', 'classic'],
    ['locks', 'classic', 'leases', 'all'],
  ] as const)(
    'is asked anew after another one took its place: %s (%s), then %s (%s)',
    async (_, before, then, after) => {
      fleet = await Fleet.start({}, { protocol: before });
      // By the clock that stands still no socket has lasted, so none is opened before it is needed.
      const process = () => fleet.process({}, undefined, { clock: fleet.clock });
      const caches = [process(), process()];
      // Once to ask what the server grants, and once to go by that.
      for (const cache of [...caches, ...caches]) await cache.getOrSet('warm', () => 1);
      await fleet.replaceServer({ protocol: after });
      await fleet.rest();
      const { loader, calls, answer } = heldLoader<string>();
      const asked = caches.map((cache) => cache.getOrSet('k', loader));
      await until(() => calls() > 0);
      await fleet.rest();
      answer('v');
      expect(await fleet.passing(Promise.all(asked))).toEqual(['v', 'v']);
      expect(calls()).toBe(1);
      expect(fleet.server.commands.some(isLock)).toBe(then === 'locks');
    },
  );
});
