/**
 * The same suite with Keyv 6. It was written for Keyv 5: where 6 gives another answer by its own contract,
 * the suite's test is replaced here by one that says what 6 promises.
 */
import keyvTestSuite from '@keyv/test-suite';
import { Keyv } from 'keyv6';
import * as vitest from 'vitest';
import { memcachedKeyv } from '../../lib/keyv/store.ts';
import { onEveryServer } from './servers.mjs';

const { beforeEach, describe, expect, it } = vitest;

const OTHERWISE_IN_6 = new Set([
  '.deleteMany([keys]) with nonexistent keys resolves to false', // an answer for each key
  'value can not be symbol', // an event and `false` instead of a rejection
  'value can be BigInt using other serializer/deserializer', // the options have other names
]);

const suite = { ...vitest, it: (name, body) => OTHERWISE_IN_6.has(name) || it(name, body) };

onEveryServer('Keyv 6', (cache, server) => {
  const keyvOf = (options) => new Keyv({ store: memcachedKeyv(cache()), ...options });

  keyvTestSuite(suite, Keyv, () => memcachedKeyv(cache()));

  describe('by its own contract', () => {
    beforeEach(() => keyvOf().clear());

    it('deleteMany answers for each key', async () => {
      const keyv = keyvOf();
      expect(await keyv.deleteMany(['a', 'b'])).toEqual([false, false]);
      await keyv.set('a', 1);
      await keyv.set('b', 1);
      expect(await keyv.deleteMany(['a', 'b'])).toEqual([true, true]);
    });

    it('a symbol is refused without a rejection', async () => {
      const keyv = keyvOf();
      keyv.on('error', () => {});
      expect(await keyv.set('a', Symbol('value'))).toBe(false);
    });

    it('another serialisation is taken as it is', async () => {
      const big = {
        stringify: (data) => `n${data.value}`,
        parse: (text) => ({ value: BigInt(text.slice(1)) }),
      };
      const keyv = keyvOf({ serialization: big });
      await keyv.set('a', 9223372036854775807n);
      expect(await keyv.get('a')).toBe(9223372036854775807n);
    });

    it('setMany and getMany keep an end of its own for each entry', async () => {
      const keyv = keyvOf({ namespace: 'ns' });
      const start = Date.now();
      const now = vitest.vi.spyOn(Date, 'now').mockReturnValue(start);
      try {
        const entries = [
          { key: 'a', value: 1, ttl: 20 },
          { key: 'b', value: 2 },
        ];
        expect(await keyv.setMany(entries)).toEqual([true, true]);
        expect(await keyv.getMany(['b', 'a'])).toEqual([2, 1]);
        now.mockReturnValue(start + 21);
        expect(await keyv.getMany(['b', 'a'])).toEqual([2, undefined]);
      } finally {
        now.mockRestore();
      }
    });

    it('getRaw gives the end of the entry', async () => {
      const keyv = keyvOf();
      const before = Date.now();
      await keyv.set('a', 1, 60_000);
      const { value, expires } = await keyv.getRaw('a');
      expect(value).toBe(1);
      expect(expires).toBeGreaterThanOrEqual(before + 60_000);
    });

    it('a key that begins like the namespace is another key', async () => {
      const keyv = keyvOf({ namespace: 'ns' });
      await keyv.set('a', 'short');
      expect(await keyv.get('ns:a')).toBeUndefined();
      await keyv.set('ns:a', 'long');
      expect(await keyv.get('a')).toBe('short');
    });

    it('without an error listener a server that is gone is a miss, not a rejection', async () => {
      const keyv = keyvOf({ namespace: 'ns' });
      await keyv.set('a', 1);
      await server().stop();
      expect(await keyv.get('a')).toBeUndefined();
      expect(await keyv.getMany(['a'])).toEqual([undefined]);
      expect(await keyv.set('a', 1)).toBe(false);
      expect(await keyv.delete('a')).toBe(false);
      await keyv.clear();
      await server().restart();
      await vitest.vi.waitFor(async () => expect(await keyv.set('a', 2)).toBe(true), {
        timeout: 15_000,
        interval: 100,
      });
      expect(await keyv.get('a')).toBe(2);
    });
  });
});
