/**
 * What the store promises to whichever Keyv calls it, against a cache that can be told to fail.
 */
import { runInThisContext } from 'node:vm';
import { memcachedKeyv } from '../../lib/keyv/store.js';
import { MemoryCache } from './support/memory-cache.js';

function storeOn(cache: MemoryCache, options = {}) {
  return memcachedKeyv(cache, options);
}

describe('memcachedKeyv', () => {
  let cache: MemoryCache;
  beforeEach(() => {
    cache = new MemoryCache();
  });
  const root = () => cache.namespaces.get('keyv')!;

  describe('lifetime', () => {
    it.each([
      [1, 2_000],
      [500, 2_000],
      [1_000, 2_000],
      [1_001, 3_000],
      [0.5, 2_000],
      [60 * 86_400_000, 60 * 86_400_000 + 1_000],
      [10 * 365 * 86_400_000, 10 * 365 * 86_400_000],
      [20 * 365 * 86_400_000, 0],
      [0, 0],
      [undefined, 0],
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 0],
    ])(
      'of %p ms is handed on as %p ms: whole seconds, and one more than memcached might cut off',
      async (ttl, stored) => {
        await storeOn(cache).set('a', 'x', ttl);
        expect(root().lifetimes.get('a')).toBe(stored);
      },
    );

    it('that is over already removes the entry instead of storing it', async () => {
      const store = storeOn(cache);
      await store.set('a', 'x');
      expect(await store.set('a', 'y', -1)).toBe(true);
      expect(await store.get('a')).toBeUndefined();
    });

    it('of the option is taken where Keyv names none, and only there', async () => {
      const store = storeOn(cache, { ttl: '10m' });
      await store.set('none', 'x');
      await store.set('own', 'x', 3_000);
      await store.set('never', 'x', Number.POSITIVE_INFINITY);
      expect(Object.fromEntries(root().lifetimes)).toEqual({ none: 600_000, own: 4_000, never: 0 });
    });

    it('is kept for each entry of setMany', async () => {
      const store = storeOn(cache);
      const stored = await store.setMany([
        { key: 'a', value: 1, ttl: 1_500 },
        { key: 'b', value: 2 },
        { key: 'c', value: 3, ttl: 2_000 },
        { key: 'd', value: 4, ttl: -1 },
      ]);
      expect(stored).toEqual([true, true, true, true]);
      expect(Object.fromEntries(root().lifetimes)).toEqual({ a: 3_000, b: 0, c: 3_000 });
    });
  });

  describe('namespace', () => {
    it('keeps the entries of two namespaces apart, for a key that looks like the other one as well', async () => {
      const store = storeOn(cache);
      store.namespace = 'one';
      await store.set('one:foo', 'of one');
      store.namespace = 'two';
      await store.set('two:one:foo', 'of two');
      expect(await store.get('one:foo')).toBe('of two');
      store.namespace = 'one';
      expect(await store.get('one:foo')).toBe('of one');
    });

    it('adds the prefix Keyv 6 leaves to the store, and does not double the one of Keyv 5', async () => {
      const store = storeOn(cache);
      store.namespace = 'ns';
      await store.set('ns:a', 1);
      await store.set('b', 2);
      expect([...root().namespaces.get('ns')!.entries.keys()]).toEqual(['ns:a', 'ns:b']);
    });

    it('takes a bare key under Keyv 6 for what it is, even when it begins like the namespace', async () => {
      const store = storeOn(cache);
      expect('capabilities' in store && store.capabilities).toBeUndefined();
      store.namespace = 'ns';
      await store.set('a', 'plain');
      expect(await store.get('ns:a')).toBeUndefined();
    });

    it('is cleared alone', async () => {
      const store = storeOn(cache);
      await store.set('a', 0);
      store.namespace = 'one';
      await store.set('one:a', 1);
      store.namespace = 'two';
      await store.set('two:a', 2);
      await store.clear();
      expect(await store.get('two:a')).toBeUndefined();
      store.namespace = 'one';
      expect(await store.get('one:a')).toBe(1);
      store.namespace = undefined;
      expect(await store.get('a')).toBe(0);
    });

    it('of the store itself is an option, and the rest of the cache is out of its reach', async () => {
      await cache.set('user:1', 'of the application', { ttl: 0 });
      const store = storeOn(cache, { namespace: 'pages' });
      await store.set('a', 1);
      await store.clear();
      expect(await store.get('user:1')).toBeUndefined();
      expect(await cache.get('user:1')).toBe('of the application');
      expect([...cache.namespaces.keys()]).toEqual(['pages']);
    });
  });

  describe('answers', () => {
    it('getMany in the order of the keys, with a hole where nothing is', async () => {
      const store = storeOn(cache);
      await store.set('a', 1);
      await store.set('c', 3);
      const values = await store.getMany(['c', 'b', 'a', 'c']);
      expect(values).toStrictEqual([3, undefined, 1, 3]);
      expect(Object.keys(values)).toHaveLength(4);
    });

    it('delete with whether the entry was there', async () => {
      const store = storeOn(cache);
      await store.set('a', 1);
      expect([await store.delete('a'), await store.delete('a')]).toEqual([true, false]);
    });

    it('deleteMany with whether all of them were there', async () => {
      const store = storeOn(cache);
      await store.set('a', 1);
      expect(await store.deleteMany(['a', 'b'])).toBe(false);
      await store.set('a', 1);
      await store.set('b', 1);
      expect(await store.deleteMany(['a', 'b'])).toBe(true);
      expect(root().entries.size).toBe(0);
    });

    it('delete with whether the entry is gone, in one call, when exactDelete is off', async () => {
      const store = storeOn(cache, { exactDelete: false });
      expect(await store.delete('never there')).toBe(true);
      expect(cache.calls).toBe(1);
      expect(await store.deleteMany(['never', 'there'])).toBe(true);
      expect(cache.calls).toBe(2);
    });

    it('has and hasMany as get would', async () => {
      const store = storeOn(cache);
      await store.set('a', '');
      expect(await store.has('a')).toBe(true);
      expect(await store.has('b')).toBe(false);
      expect(await store.hasMany(['b', 'a'])).toEqual([false, true]);
    });

    it.each([
      ['as Keyv writes it', (expires?: number) => JSON.stringify({ value: 1, expires })],
      ['that Keyv did not serialise', (expires?: number) => ({ value: 1, expires })],
    ])('has says no to an entry %s whose end has passed', async (_, entry) => {
      const store = storeOn(cache);
      await store.set('over', entry(Date.now() - 1), 1_000);
      await store.set('not yet', entry(Date.now() + 60_000), 60_000);
      await store.set('never', entry());
      expect(await store.hasMany(['over', 'not yet', 'never'])).toEqual([false, true, true]);
      expect(await store.has('over')).toBe(false);
    });

    it('has says yes to an entry that cannot be read, in whatever way it was serialised', async () => {
      const store = storeOn(cache);
      await store.set('cut', '{"value":');
      await store.set('other', 'n42');
      expect(await store.hasMany(['cut', 'other'])).toEqual([true, true]);
    });

    it('disconnect leaves the cache in use', async () => {
      const store = storeOn(cache);
      await store.set('a', 1);
      await store.disconnect();
      expect(await store.get('a')).toBe(1);
    });
  });

  describe.each(['down', 'throwing'] as const)('when the cache is %s', (state) => {
    it('every method answers as a miss or not done, and none rejects', async () => {
      const store = storeOn(cache);
      cache.state = state;
      expect(await store.get('a')).toBeUndefined();
      expect(await store.getMany(['a', 'b'])).toStrictEqual([undefined, undefined]);
      expect(await store.has('a')).toBe(false);
      expect(await store.hasMany(['a'])).toEqual([false]);
      expect(await store.set('a', 1)).toBe(false);
      expect(await store.setMany([{ key: 'a', value: 1 }])).toEqual([false]);
      expect(await store.delete('a')).toBe(false);
      expect(await store.deleteMany(['a'])).toBe(false);
      expect(await store.clear()).toBeUndefined();
    });

    it('listeners hear of what may remain, and one that throws harms nobody', async () => {
      const store = storeOn(cache, { exactDelete: false });
      const heard: string[] = [];
      store.on('error', () => {
        throw new Error('nobody listens to me');
      });
      store.on('error', (error: Error) => heard.push(error.message));
      cache.state = state;
      await store.delete('the-key');
      await store.deleteMany(['a', 'b']);
      await store.clear();
      expect(heard.filter((message) => message.includes('not confirmed'))).toHaveLength(3);
    });
  });

  it('still deletes when the read before it found nothing', async () => {
    const store = storeOn(cache);
    await store.set('a', 1);
    jest.spyOn(root(), 'get').mockResolvedValueOnce(undefined);
    expect(await store.delete('a')).toBe(false);
    expect(root().entries.size).toBe(0);
  });

  describe('taken by a Keyv 6', () => {
    /** As a file of a package would read what only Keyv 6 reads. */
    const takenIn = (filename: string, store: object) =>
      (runInThisContext('(store) => store.capabilities', { filename }) as (store: object) => unknown)(store);
    let warn: jest.SpiedFunction<typeof process.emitWarning>;
    beforeEach(() => {
      warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    });
    afterEach(() => warn.mockRestore());

    it.each([
      '/app/node_modules/@nestjs/cache-manager/dist/cache.providers.js',
      '/app/node_modules/.pnpm/cache-manager@7.2.9/node_modules/cache-manager/dist/index.mjs',
      'C:\\app\\node_modules\\cache-manager\\dist\\index.cjs',
    ])('warns at boot, once, when %s is behind it', async (filename) => {
      const store = storeOn(cache);
      takenIn(filename, store);
      await store.get('a');
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn.mock.calls[0]).toEqual([
        expect.stringMatching(/Install keyv \^5\.6/),
        { type: 'MemcachedKeyvWarning', code: 'MEMCACHED_KEYV_6' },
      ]);
    });

    it('does not warn of the application itself, whatever its folders are called', async () => {
      const store = storeOn(cache);
      takenIn('/app/src/cache-manager/index.js', store);
      await store.get('a');
      expect(warn).not.toHaveBeenCalled();
    });
  });

  it('refuses an option it does not know, naming the near one', () => {
    expect(() => storeOn(cache, { namspace: 'x' })).toThrow(/namspace.*Did you mean "namespace"/);
    expect(() => storeOn(cache, { namespace: '' })).toThrow(/"namespace" must be a string that is not empty/);
  });
});
