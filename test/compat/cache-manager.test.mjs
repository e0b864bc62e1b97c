/** cache-manager over this store: right on Keyv 5, and a warning on Keyv 6, which it does not understand. */
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { Keyv as Keyv6 } from 'keyv6';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memcachedKeyv } from '../../lib/keyv/store.ts';
import { onEveryServer } from './servers.mjs';

onEveryServer('cache-manager', (cache) => {
  let warnings;
  beforeEach(() => {
    warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  });
  afterEach(() => {
    warnings.mockRestore();
  });
  const warned = () =>
    warnings.mock.calls.filter(([, options]) => options?.code === 'MEMCACHED_KEYV_6').length;

  describe('with Keyv 5', () => {
    it('wrap calls its function once, and ttl knows the end', async () => {
      const manager = createCache({ stores: [new Keyv({ store: memcachedKeyv(cache()) })], ttl: 60_000 });
      await manager.clear();
      const load = vi.fn(async () => ({ loaded: true }));
      expect(await manager.wrap('key', load)).toEqual({ loaded: true });
      expect(await manager.wrap('key', load)).toEqual({ loaded: true });
      expect(load).toHaveBeenCalledTimes(1);
      expect(await manager.ttl('key')).toBeGreaterThan(Date.now() + 50_000);
      expect(warned()).toBe(0);
    });
  });

  describe('with Keyv 6', () => {
    it('warns once that wrap never finds anything', async () => {
      const manager = createCache({ stores: [new Keyv6({ store: memcachedKeyv(cache()) })], ttl: 60_000 });
      expect(warned()).toBe(0);
      await manager.set('key', 'value');
      await manager.get('key');
      await manager.get('key');
      expect(warned()).toBe(1);
    });

    it('warns through the second Keyv 6 that Nest puts around the first', async () => {
      const inner = new Keyv6({ store: memcachedKeyv(cache()) });
      const manager = createCache({ stores: [new Keyv6({ store: inner })] });
      await manager.get('key');
      expect(warned()).toBe(1);
    });

    it('does not warn when Keyv 6 is used by itself', async () => {
      const keyv = new Keyv6({ store: memcachedKeyv(cache()) });
      await keyv.set('key', 'value');
      expect(await keyv.get('key')).toBe('value');
      expect(warned()).toBe(0);
    });
  });
});
