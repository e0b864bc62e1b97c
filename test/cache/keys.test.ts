import fc from 'fast-check';
import { Keyspace, toNamespace } from '../../lib/cache/keys.js';
import { MemcachedKeyError } from '../../lib/core/base/errors.js';
import { toWireKey } from '../../lib/core/command/keys.js';
import { setup } from './support/setup.js';

/** Keys and names that try to look like each other. */
const tricky = fc.oneof(
  fc.string({
    minLength: 1,
    maxLength: 12,
    unit: fc.constantFrom('a', '#', '~', '%', '/', ':', 's', '0', ' ', 'é'),
  }),
  fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }),
  fc.constantFrom('generation', '~generation', 'sha256:', '%0023', '\ud800', '\ud801', '\ufffd', '__proto__'),
);
const path = fc.array(tricky, { minLength: 1, maxLength: 3 });
const toPath = (names: string[]): string =>
  names.reduce<string | undefined>((parent, name) => toNamespace(parent, name), undefined)!;

describe('stored keys', () => {
  it('of plain keys are readable', () => {
    expect(new Keyspace('shop/catalog', 'digest').stored('user:1')).toBe('shop/catalog#user:1');
    expect(new Keyspace('shop', 'digest').stored('größe')).toBe('shop#größe');
  });

  it('can always be sent', () => {
    fc.assert(
      fc.property(path, tricky, (names, key) => {
        const keys = new Keyspace(toPath(names), 'digest');
        toWireKey(keys.stored(key));
        toWireKey(keys.generation);
      }),
    );
  });

  it('of two different pairs of namespace and key never meet, nor a generation', () => {
    const seen = new Map<string, string>();
    const note = (stored: string, from: string): void => {
      expect(seen.get(stored) ?? from).toBe(from);
      seen.set(stored, from);
    };
    fc.assert(
      fc.property(path, tricky, (names, key) => {
        const keys = new Keyspace(toPath(names), 'digest');
        note(keys.stored(key), JSON.stringify([names, key]));
        note(keys.generation, JSON.stringify(names));
      }),
      { numRuns: 2_000 },
    );
    // What somebody may try: a key that is written as the digest of another.
    const keys = new Keyspace('n', 'digest');
    const digest = keys.stored('a key with spaces');
    expect(digest.startsWith('n#')).toBe(true);
    expect(keys.stored(digest.slice(2))).not.toBe(digest);
  });

  it('of a strict cache are refused when memcached cannot carry them', async () => {
    const { cache } = setup({ keys: 'strict' });
    await expect(cache.get('with space')).rejects.toThrow(MemcachedKeyError);
    await expect(cache.set('x'.repeat(250), 1)).rejects.toThrow(MemcachedKeyError);
    expect(await cache.set('x'.repeat(200), 1)).toBe(true);
  });

  it.each([
    ['a URL of 2 000 characters', `/products?ids=${'1,'.repeat(1_000)}`],
    ['a space', 'a b'],
    ['line ends', 'a\r\nset b 0 0 1\r\n'],
    ['unicode', 'größe 🎈'],
    ['half a surrogate pair', 'a\ud800'],
    ['the name of a prototype', '__proto__'],
  ])('work with %s', async (_kind, key) => {
    const { cache } = setup();
    expect(await cache.set(key, { key })).toBe(true);
    expect(await cache.get(key)).toEqual({ key });
    expect((await cache.getMany([key])).get(key)).toEqual({ key });
    expect(await cache.get(`${key}!`)).toBeUndefined();
    expect(await cache.delete(key)).toBe(true);
    expect(await cache.get(key)).toBeUndefined();
  });
});
