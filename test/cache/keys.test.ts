import fc from 'fast-check';
import { Keyspace, toNamespace } from '../../lib/cache/keys.js';
import { MemcachedKeyError } from '../../lib/core/base/errors.js';
import { toDigestedWireKey, toWireKey } from '../../lib/core/command/keys.js';
import { heldLoader, setup, until } from './support/setup.js';

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

/** What it gives, or that it refuses. */
function attempt(work: () => string): string {
  try {
    return work();
  } catch {
    return 'refused';
  }
}

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

  it('are told apart within their namespace, whoever asks', () => {
    const namespace = fc.oneof(path.map(toPath), fc.constantFrom('n'.repeat(90), 'sha256:', 'a/sha256:b'));
    fc.assert(
      fc.property(namespace, fc.array(tricky, { minLength: 2, maxLength: 30 }), (name, written) => {
        const keys = new Keyspace(name, 'digest');
        const owners = new Map<string, string>();
        for (const key of [...written, 'a b', 'c d', 'x'.repeat(250), 'y'.repeat(250), keys.stored('a b')]) {
          const stored = keys.stored(key);
          const own = keys.ownOfLast(key, stored);
          keys.stored('another');
          expect(keys.ownOf(stored)).toBe(own);
          expect(owners.get(own) ?? stored).toBe(stored);
          owners.set(own, stored);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are the same whether all of a key is looked at or only what is behind the namespace', () => {
    fc.assert(
      fc.property(path.map(toPath), tricky, (name, key) => {
        for (const mode of ['digest', 'strict'] as const) {
          const whole = `${name}#${key}`;
          const stored = attempt(() => new Keyspace(name, mode).stored(key));
          const wire = attempt(() => (mode === 'strict' ? toWireKey(whole) : toDigestedWireKey(whole)));
          expect(attempt(() => toWireKey(stored))).toBe(wire);
        }
      }),
      { numRuns: 1_000 },
    );
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

  it('that are digests share no load, and a write outdates theirs', async () => {
    const { cache } = setup({ namespace: 'n'.repeat(90) });
    const slow = heldLoader<string>();
    const asked = [cache.getOrSet('a b', slow.loader), cache.getOrSet('c d', () => 'of c d')];
    await until(() => slow.calls() === 1);
    expect(await asked[1]).toBe('of c d');
    expect(await cache.set('a b', 'written')).toBe(true);
    slow.answer('loaded before');
    expect(await asked[0]).toBe('loaded before');
    expect(await cache.get('a b')).toBe('written');
  });
});
