/** Values beyond their time: who is served, who refreshes, and what happens when that fails. */
import { heldLoader, until } from '../support/setup.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
const start = async (...options: Parameters<typeof Fleet.start>): Promise<Fleet> => {
  fleet = await Fleet.start(...options);
  return fleet;
};
afterEach(() => fleet.stop());

const fails = () => Promise.reject(new Error('no database'));
const never = (): never => {
  throw new Error('must not load');
};

for (const protocol of ['all', 'classic'] as const) {
  describe(`on a server that speaks ${protocol === 'all' ? 'meta' : 'classic'}`, () => {
    const begin = (options: Parameters<typeof Fleet.start>[0]) => start(options, { protocol });

    it('a stale value is served to all, while one of two processes refreshes it', async () => {
      await begin({ ttl: '10s', stale: '1m' });
      const [one, other] = [fleet.process(), fleet.process()];
      await one.getOrSet('k', () => 'old');
      fleet.clock.advance(11_000);
      const { loader, calls, answer } = heldLoader<string>();
      const asked = [one, other].flatMap((cache) =>
        Array.from({ length: 10 }, () => cache.getOrSet('k', loader)),
      );
      expect(await Promise.all(asked)).toEqual(Array(20).fill('old'));
      await until(() => calls() > 0);
      for (const cache of [one, other]) expect(await cache.getOrSet('k', loader)).toBe('old');
      answer('new');
      await fleet.rest();
      for (const cache of [one, other]) expect(await cache.getOrSet('k', never)).toBe('new');
      expect(calls()).toBe(1);
      expect(one.stats().stale + other.stats().stale).toBe(22);
    });

    it('a fresh value is nobody’s to refresh', async () => {
      await begin({ ttl: '10s', stale: '1m' });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'v');
      fleet.clock.advance(8_000);
      expect(await cache.getOrSet('k', never)).toBe('v');
      expect(cache.stats()).toMatchObject({ hits: 1, stale: 0 });
    });

    it('a stale value is not served to who forbids it: one loads, and the others wait for it', async () => {
      await begin({ ttl: '10s', stale: '1m' });
      const [one, other] = [fleet.process(), fleet.process({ stale: 0 })];
      await one.getOrSet('k', () => 'old');
      fleet.clock.advance(12_000);
      const { loader, calls, answer } = heldLoader<string>();
      const strict = [1, 2].map(() => other.getOrSet('k', loader));
      await until(() => calls() > 0);
      expect(await one.getOrSet('k', never)).toBe('old');
      answer('new');
      expect(await Promise.all(strict)).toEqual(['new', 'new']);
      expect(await one.getOrSet('k', never)).toBe('new');
    });

    it('is gone when ttl and stale are over', async () => {
      await begin({ ttl: '10s', stale: '20s' });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old');
      fleet.clock.advance(31_000);
      expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    });

    it('a loader that fails is not tried again for a while; what is stale is served', async () => {
      await begin({ ttl: '10s', stale: '1h' });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old');
      fleet.clock.advance(11_000);
      const loader = jest.fn(fails);
      for (let read = 0; read < 20; read++) {
        expect(await cache.getOrSet('k', loader)).toBe('old');
        await fleet.rest();
      }
      expect(loader).toHaveBeenCalledTimes(1);
      expect(cache.stats()).toMatchObject({ stale: 1, graced: 19, loadErrors: 1 });
      fleet.clock.advance(1_100);
      await fleet.rest();
      await cache.getOrSet('k', loader);
      await fleet.rest();
      expect(loader).toHaveBeenCalledTimes(2);
      // The second pause is longer.
      fleet.clock.advance(1_100);
      await fleet.rest();
      await cache.getOrSet('k', loader);
      expect(loader).toHaveBeenCalledTimes(2);
      expect(fleet.lines).toEqual([expect.stringContaining('no database')]);
    });

    it('after a failure another process may refresh at once', async () => {
      await begin({ ttl: '10s', stale: '1h' });
      const [one, other] = [fleet.process(), fleet.process()];
      await one.getOrSet('k', () => 'old');
      await other.getOrSet('k', never);
      fleet.clock.advance(11_000);
      await one.getOrSet('k', fails);
      await fleet.rest();
      expect(await other.getOrSet('k', () => 'new')).toBe('old');
      await fleet.rest();
      expect(await other.getOrSet('k', never)).toBe('new');
      expect(await one.getOrSet('k', never)).toBe('new');
    });

    it('a loader within its soft timeout is waited for, a slower one goes on and fills', async () => {
      await begin({ ttl: '10s', stale: '1h', softTimeout: 200 });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old');
      fleet.clock.advance(11_000);
      expect(await cache.getOrSet('k', () => 'quick')).toBe('quick');
      fleet.clock.advance(11_000);
      const { loader, calls, answer } = heldLoader<string>();
      const asked = cache.getOrSet('k', loader);
      await until(() => calls() > 0);
      fleet.clock.advance(200);
      expect(await asked).toBe('quick');
      answer('slow');
      await fleet.rest();
      expect(await cache.getOrSet('k', never)).toBe('slow');
    });

    it('a loader that fails within its soft timeout gives the stale value', async () => {
      await begin({ ttl: '10s', stale: '1h', softTimeout: 200 });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old');
      fleet.clock.advance(11_000);
      expect(await cache.getOrSet('k', fails)).toBe('old');
      expect(cache.stats()).toMatchObject({ graced: 1, hits: 1 });
    });

    it('ahead of its end a value is refreshed by one, and served to all', async () => {
      await begin({ ttl: '100s', refreshAhead: 0.2 });
      const [one, other] = [fleet.process(), fleet.process()];
      await one.getOrSet('k', () => 'old');
      fleet.clock.advance(70_000);
      expect(await one.getOrSet('k', never)).toBe('old');
      fleet.clock.advance(15_000);
      const { loader, calls, answer } = heldLoader<string>();
      for (const cache of [one, other, one]) expect(await cache.getOrSet('k', loader)).toBe('old');
      await until(() => calls() > 0);
      answer('new');
      await fleet.rest();
      expect(await other.getOrSet('k', never)).toBe('new');
      expect(calls()).toBe(1);
      expect(one.stats().stale + other.stats().stale).toBe(0);
    });

    it('deleted here during a refresh in the background stays deleted', async () => {
      await begin({ ttl: '10s', stale: '1h' });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old');
      fleet.clock.advance(11_000);
      const { loader, calls, answer } = heldLoader<string>();
      await cache.getOrSet('k', loader);
      await until(() => calls() > 0);
      await cache.delete('k');
      answer('of before the delete');
      await fleet.rest();
      expect(await cache.get('k')).toBeUndefined();
    });

    it('undefined from a refresh ends the value', async () => {
      await begin({ ttl: '10s', stale: '1h' });
      const cache = fleet.process();
      await cache.getOrSet('k', () => 'old' as string | undefined);
      fleet.clock.advance(11_000);
      await cache.getOrSet('k', () => undefined);
      await fleet.rest();
      expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    });
  });
}

describe('the right to refresh', () => {
  const stale = { ttl: '10s', stale: '1h', loadTimeout: '3s' } as const;

  it('whose winner has died is made anew when it has been taken for too long', async () => {
    await start(stale);
    const [one, other] = [fleet.process(), fleet.process()];
    await one.getOrSet('k', () => 'old');
    fleet.clock.advance(11_000);
    expect(await fleet.pool().leases.read('cache#k', { lock: '5s', refreshBelow: '2h' })).toMatchObject({
      won: true,
    });
    const loader = jest.fn(() => 'new');
    for (let second = 0; second <= 5; second++) {
      for (const cache of [one, other]) expect(await cache.getOrSet('k', loader)).toBe('old');
      fleet.clock.advance(1_000);
    }
    expect(loader).not.toHaveBeenCalled();
    for (const cache of [one, other]) await cache.getOrSet('k', loader);
    await fleet.rest();
    expect(loader).toHaveBeenCalledTimes(1);
    for (const cache of [one, other]) expect(await cache.getOrSet('k', never)).toBe('new');
  });

  it('keeps the life of the value it is given back for', async () => {
    await start({ ttl: '10s', stale: '20s' });
    const cache = fleet.process();
    await cache.getOrSet('k', () => 'old');
    fleet.clock.advance(15_000);
    await cache.getOrSet('k', fails);
    await fleet.rest();
    expect(await cache.getOrSet('k', fails)).toBe('old');
    fleet.clock.advance(16_000);
    await expect(cache.getOrSet('k', fails)).rejects.toThrow('no database');
  });

  it('ahead of its end is not given back where stale values are not served: the value stays fresh', async () => {
    await start({ ttl: '100s', refreshAhead: 0.2 });
    const [one, other] = [fleet.process(), fleet.process()];
    await one.getOrSet('k', () => 'old');
    fleet.clock.advance(85_000);
    expect(await one.getOrSet('k', fails)).toBe('old');
    await fleet.rest();
    expect(await other.getOrSet('k', never)).toBe('old');
    expect(other.stats()).toMatchObject({ hits: 1, stale: 0, misses: 0 });
  });

  it('comes earlier where the loader took long', async () => {
    const take = async (random: number): Promise<number> => {
      const cache = fleet.process({}, () => random);
      const slow = heldLoader<string>();
      const asked = cache.getOrSet(`k${random}`, slow.loader);
      await until(() => slow.calls() > 0);
      fleet.clock.advance(10_000);
      slow.answer('old');
      await asked;
      fleet.clock.advance(75_000);
      const loader = jest.fn(() => 'new');
      expect(await cache.getOrSet(`k${random}`, loader)).toBe('old');
      await fleet.rest();
      return loader.mock.calls.length;
    };
    await start({ ttl: '100s', refreshAhead: 0.2, loadTimeout: '60s' });
    expect([await take(0.99), await take(0.1)]).toEqual([0, 1]);
  });

  it('on an invalidated value is won by one reader, and all are served', async () => {
    await start({ ttl: '10m', stale: '1h' });
    const [one, other] = [fleet.process(), fleet.process()];
    await one.getOrSet('k', () => 'old');
    expect(await other.invalidate('k')).toBe(true);
    const { loader, calls, answer } = heldLoader<string>();
    for (const cache of [one, other, one]) expect(await cache.getOrSet('k', loader)).toBe('old');
    await until(() => calls() > 0);
    answer('new');
    await fleet.rest();
    for (const cache of [one, other]) expect(await cache.getOrSet('k', never)).toBe('new');
    expect(calls()).toBe(1);
  });

  it('on a value of an expired tag is won by one reader, and all are served', async () => {
    await start({ ttl: '10m', stale: '1h' });
    const [one, other] = [fleet.process(), fleet.process()];
    const options = { tags: ['t'] };
    await one.getOrSet('k', () => 'old', options);
    expect(await other.expireByTag('t')).toBe(true);
    const { loader, calls, answer } = heldLoader<string>();
    for (const cache of [one, other, one]) expect(await cache.getOrSet('k', loader, options)).toBe('old');
    await until(() => calls() > 0);
    answer('new');
    await fleet.rest();
    for (const cache of [one, other]) expect(await cache.getOrSet('k', never, options)).toBe('new');
    expect(calls()).toBe(1);
  });
});

describe('how long a value lives', () => {
  it('may be said of it by functions, its tags too', async () => {
    await start({ ttl: '1h' });
    const cache = fleet.process();
    const options = {
      ttl: (value: { seconds: number }) => value.seconds * 1_000,
      tags: (value: { seconds: number }) => [`s${value.seconds}`],
    };
    const loader = jest.fn(() => ({ seconds: 10 }));
    await cache.getOrSet('k', loader, options);
    fleet.clock.advance(9_000);
    await cache.getOrSet('k', loader, options);
    expect(loader).toHaveBeenCalledTimes(1);
    fleet.clock.advance(2_000);
    await cache.getOrSet('k', loader, options);
    expect(loader).toHaveBeenCalledTimes(2);
    await cache.deleteByTag('s10');
    await cache.getOrSet('k', loader, options);
    expect(loader).toHaveBeenCalledTimes(3);
  });

  it('is negativeTtl for null', async () => {
    await start({ ttl: '1h', negativeTtl: '5s' });
    const cache = fleet.process();
    const loader = jest.fn(() => null);
    await cache.getOrSet('k', loader);
    expect(await cache.getOrSet('k', loader)).toBeNull();
    expect(loader).toHaveBeenCalledTimes(1);
    fleet.clock.advance(6_000);
    await cache.getOrSet('k', loader);
    expect(loader).toHaveBeenCalledTimes(2);
  });

  it('is a mistake of the program when a function says it wrong, and nothing is held for it', async () => {
    await start();
    const cache = fleet.process();
    const wrong = { ttl: () => 'soon' as '1s' };
    await expect(cache.getOrSet('k', () => 'v', wrong)).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT' });
    await fleet.rest();
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
    expect(cache.stats()).toMatchObject({ won: 2, lostWaited: 0 });
  });

  it('ends at once for what `unless` keeps out, which still reaches all who wait', async () => {
    await start();
    const cache = fleet.process();
    const loader = jest.fn(async () => [] as number[]);
    const options = { unless: (value: number[]) => value.length === 0 };
    const asked = [1, 2].map(() => cache.getOrSet('k', loader, options));
    expect(await Promise.all(asked)).toEqual([[], []]);
    await fleet.rest();
    await cache.getOrSet('k', loader, options);
    expect(loader).toHaveBeenCalledTimes(2);
  });
});

describe('options that cannot be', () => {
  it.each([
    [{ ttl: -1 }],
    [{ stale: 'soon' }],
    [{ refreshAhead: 2 }],
    [{ softTimeout: -1 }],
    [{ negativeTtl: Number.NaN }],
    [{ losers: 'sulk' }],
    [{ leases: 'maybe' }],
    [{ waitTimeout: {} }],
    [{ tags: 'one' }],
    [{ tags: [''] }],
  ])('%j are refused before anything is sent', async (options) => {
    await start();
    const loader = jest.fn();
    const asked = fleet.process().getOrSet('k', loader, options as object);
    await expect(asked).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT' });
    expect(loader).not.toHaveBeenCalled();
    expect(fleet.server.commands).toEqual([]);
  });
});
