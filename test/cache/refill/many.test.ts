/** Many keys with one loader. */
import type { LoadManyContext } from '../../../lib/cache/options.js';
import type { CacheMessage } from '../../../lib/cache/outcomes.js';
import { cacheChannel } from '../../../lib/core/base/channels.js';
import { heldLoader, until } from '../support/setup.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
const start = async (...options: Parameters<typeof Fleet.start>): Promise<Fleet> => {
  fleet = await Fleet.start(...options);
  return fleet;
};
afterEach(() => fleet.stop());

const asMap = (keys: string[], prefix = 'v') => new Map(keys.map((key) => [key, `${prefix}-${key}`]));

for (const protocol of ['all', 'classic'] as const) {
  describe(`getOrSetMany on a server that speaks ${protocol === 'all' ? 'meta' : 'classic'}`, () => {
    const begin = (options: Parameters<typeof Fleet.start>[0] = {}) => start(options, { protocol });

    it('calls the loader once, with exactly the missing keys, and answers in the order of the keys', async () => {
      await begin();
      const cache = fleet.process();
      await cache.setMany([
        ['a', 'had-a'],
        ['c', 'had-c'],
      ]);
      const loader = jest.fn(async (missing: string[], _context: LoadManyContext) => asMap(missing));
      const found = await cache.getOrSetMany(['b', 'a', 'd', 'c', 'b'], loader);
      expect([...found]).toEqual([
        ['b', 'v-b'],
        ['a', 'had-a'],
        ['d', 'v-d'],
        ['c', 'had-c'],
      ]);
      expect(loader).toHaveBeenCalledTimes(1);
      expect(loader.mock.calls[0]![0].sort()).toEqual(['b', 'd']);
      expect(loader.mock.calls[0]![1].keys).toEqual(['b', 'a', 'd', 'c']);
      expect(await cache.getOrSetMany(['a', 'b', 'c', 'd'], loader)).toEqual(
        new Map([
          ['a', 'had-a'],
          ['b', 'v-b'],
          ['c', 'had-c'],
          ['d', 'v-d'],
        ]),
      );
      expect(loader).toHaveBeenCalledTimes(1);
      expect(cache.stats()).toMatchObject({ hits: 6, misses: 2, loads: 1 });
    });

    it('leaves out what the loader does not answer with, and keeps nobody from loading it', async () => {
      await begin();
      const [one, other] = [fleet.process(), fleet.process()];
      const found = await one.getOrSetMany(['a', 'b'], async () => new Map([['a', 1]]));
      expect(found).toEqual(new Map([['a', 1]]));
      await fleet.rest();
      expect(await other.getOrSet('b', () => 2)).toBe(2);
      expect(other.stats()).toMatchObject({ won: 1 });
    });

    it('shares each key with whoever loads it in this process, and loads only the others', async () => {
      await begin();
      const cache = fleet.process();
      const { loader, calls, answer } = heldLoader<string>();
      const single = cache.getOrSet('a', loader);
      await until(() => calls() > 0);
      const many = jest.fn(async (missing: string[]) => asMap(missing));
      const batch = cache.getOrSetMany(['a', 'b'], many);
      await until(() => many.mock.calls.length > 0);
      expect(many.mock.calls[0]![0]).toEqual(['b']);
      answer('single');
      expect(await single).toBe('single');
      expect(await batch).toEqual(
        new Map([
          ['a', 'single'],
          ['b', 'v-b'],
        ]),
      );
    });

    it('is joined by whoever asks for one of its keys', async () => {
      await begin();
      const cache = fleet.process();
      const held = heldLoader<Map<string, string>>();
      const batch = cache.getOrSetMany(['a', 'b'], held.loader);
      await until(() => held.calls() > 0);
      const single = cache.getOrSet('b', () => 'mine');
      held.answer(asMap(['a', 'b']));
      expect(await single).toBe('v-b');
      await batch;
    });

    it('loads in one of two processes; the other waits for those keys and loads the rest', async () => {
      await begin();
      const [one, other] = [fleet.process(), fleet.process()];
      const held = heldLoader<Map<string, string>>();
      const first = one.getOrSetMany(['a', 'b'], held.loader);
      await until(() => held.calls() > 0);
      const rest = jest.fn(async (missing: string[]) => asMap(missing, 'other'));
      const second = other.getOrSetMany(['b', 'c'], rest);
      await until(() => rest.mock.calls.length > 0);
      held.answer(asMap(['a', 'b'], 'one'));
      expect(await first).toEqual(asMap(['a', 'b'], 'one'));
      expect(await fleet.passing(second)).toEqual(
        new Map([
          ['b', 'one-b'],
          ['c', 'other-c'],
        ]),
      );
      expect(rest.mock.calls.map(([missing]) => missing)).toEqual([['c']]);
    });

    it('takes over a key whose winner lets go, by a call of its own', async () => {
      await begin();
      const [one, other] = [fleet.process(), fleet.process()];
      const held = heldLoader<string>();
      const first = one.getOrSet('b', held.loader);
      await until(() => held.calls() > 0);
      const loader = jest.fn(async (missing: string[]) => asMap(missing));
      const second = other.getOrSetMany(['a', 'b'], loader);
      await until(() => loader.mock.calls.length > 0);
      held.fail(new Error('no database'));
      await expect(first).rejects.toThrow('no database');
      expect(await fleet.passing(second)).toEqual(asMap(['a', 'b']));
      expect(loader.mock.calls.map(([missing]) => missing)).toEqual([['a'], ['b']]);
    });

    it('serves stale values and refreshes them in a call apart from the missing ones', async () => {
      await begin({ ttl: '10s', stale: '1m' });
      const cache = fleet.process();
      await cache.getOrSetMany(['a', 'b'], async (missing) => asMap(missing, 'old'));
      fleet.clock.advance(11_000);
      const loader = jest.fn(async (missing: string[]) => asMap(missing, 'new'));
      expect(await cache.getOrSetMany(['a', 'b', 'c'], loader)).toEqual(
        new Map([
          ['a', 'old-a'],
          ['b', 'old-b'],
          ['c', 'new-c'],
        ]),
      );
      await fleet.rest();
      const handed = loader.mock.calls.map(([missing]) => missing.sort());
      expect(handed).toContainEqual(['c']);
      expect(handed.flat().sort()).toEqual(['a', 'b', 'c']);
      expect(await cache.getOrSetMany(['a', 'b'], loader)).toEqual(asMap(['a', 'b'], 'new'));
    });

    it("rejects with the loader's error, and holds nothing for it", async () => {
      await begin();
      const [one, other] = [fleet.process(), fleet.process()];
      const fails = async (): Promise<Map<string, string>> => {
        throw new Error('no database');
      };
      await expect(one.getOrSetMany(['a', 'b'], fails)).rejects.toThrow('no database');
      await fleet.rest();
      expect(await other.getOrSetMany(['a', 'b'], async (missing) => asMap(missing))).toEqual(
        asMap(['a', 'b']),
      );
      expect(one.stats()).toMatchObject({ loads: 1, loadErrors: 1 });
    });

    it('reads a thousand keys and more without waiting for each', async () => {
      await begin();
      const cache = fleet.process();
      const keys = Array.from({ length: 1_200 }, (_, index) => `k${index}`);
      const loader = jest.fn(async (missing: string[]) => asMap(missing));
      expect((await cache.getOrSetMany(keys, loader)).size).toBe(1_200);
      expect(loader).toHaveBeenCalledTimes(1);
      expect((await cache.getOrSetMany(keys, loader)).size).toBe(1_200);
      expect(loader).toHaveBeenCalledTimes(1);
      expect(cache.stats()).toMatchObject({ errors: 0, sets: 1_200 });
    });
  });
}

describe('getOrSetMany', () => {
  it('reads all keys of a node in one write', async () => {
    await start();
    const cache = fleet.process();
    await cache.getOrSet('warm', () => 1);
    fleet.server.clearCommands();
    await cache.getOrSetMany(['a', 'b', 'c'], async (missing) => asMap(missing));
    const seen = fleet.server.commands.map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(seen.slice(0, 4).sort()).toEqual([
      'mg cache#a',
      'mg cache#b',
      'mg cache#c',
      'mg cache~generation',
    ]);
    expect(seen.slice(4)).toEqual(['ms cache#a', 'ms cache#b', 'ms cache#c']);
  });

  it('gives a loader that answers with no Map a sentence to go by', async () => {
    await start();
    const wrong = async () => ({ a: 1 }) as unknown as Map<string, number>;
    await expect(fleet.process().getOrSetMany(['a'], wrong)).rejects.toThrow(/must answer with a Map/);
  });

  it('answers nothing for nothing, without a load', async () => {
    await start();
    const loader = jest.fn();
    expect(await fleet.process().getOrSetMany([], loader)).toEqual(new Map());
    expect(loader).not.toHaveBeenCalled();
  });

  it('rejects at once when the caller gives up, and tells the loader', async () => {
    await start();
    const gaveUp = new AbortController();
    let told: AbortSignal | undefined;
    const asked = fleet.process().getOrSetMany(
      ['a', 'b'],
      (_missing, { signal }) => {
        told = signal;
        return new Promise<Map<string, string>>(() => undefined);
      },
      { signal: gaveUp.signal },
    );
    await until(() => told !== undefined);
    gaveUp.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(told!.aborted).toBe(true);
  });

  it('without memcached loads all of them at once', async () => {
    await start();
    const cache = fleet.process();
    await fleet.server.stop();
    const loader = jest.fn(async (missing: string[]) => asMap(missing));
    expect(await cache.getOrSetMany(['a', 'b'], loader)).toEqual(asMap(['a', 'b']));
    expect(loader).toHaveBeenCalledTimes(1);
  });

  it("takes each loser's fallback", async () => {
    await start();
    const [one, other] = [fleet.process(), fleet.process()];
    const held = heldLoader<string>();
    const first = one.getOrSet('a', held.loader);
    await until(() => held.calls() > 0);
    const loader = async (missing: string[]) => asMap(missing);
    const options = { losers: 'fallback', fallback: 'none' } as const;
    expect(await other.getOrSetMany(['a', 'b'], loader, options)).toEqual(
      new Map([
        ['a', 'none'],
        ['b', 'v-b'],
      ]),
    );
    held.answer('v');
    await first;
  });

  it('skips the cache, or loads all anew, when told to', async () => {
    await start();
    const cache = fleet.process();
    await cache.setMany(asMap(['a', 'b'], 'old'));
    const loader = jest.fn(async (missing: string[]) => asMap(missing, 'new'));
    expect(await cache.getOrSetMany(['a', 'b'], loader, { skip: true })).toEqual(asMap(['a', 'b'], 'new'));
    expect(await cache.getMany(['a', 'b'])).toEqual(asMap(['a', 'b'], 'old'));
    expect(await cache.getOrSetMany(['a', 'b'], loader, { forceFresh: true })).toEqual(
      asMap(['a', 'b'], 'new'),
    );
    expect(await cache.getMany(['a', 'b'])).toEqual(asMap(['a', 'b'], 'new'));
    expect(loader).toHaveBeenCalledTimes(2);
  });

  it('is published once, with how many keys there were and how many were found', async () => {
    await start();
    const cache = fleet.process();
    await cache.set('a', 1);
    const messages: CacheMessage[] = [];
    const listener = (message: unknown): void => void messages.push(message as CacheMessage);
    cacheChannel.subscribe(listener);
    try {
      await cache.getOrSetMany(['a', 'b'], async () => new Map([['b', 2]]));
    } finally {
      cacheChannel.unsubscribe(listener);
    }
    expect(messages).toMatchObject([{ operation: 'getOrSetMany', outcome: 'miss', keys: 2, hits: 1 }]);
  });
});
