/**
 * What `@CachePut` and `@CacheEvict` do to entries, and when.
 */
import { lastValueFrom } from 'rxjs';
import { MemcachedCache } from '../../../lib/index.js';
import type { StartBackend } from '../support/backends.js';
import { useApplications } from './applications.js';
import { Catalog, keyOf, Product } from './fixtures.js';

export function writes(start: StartBackend): void {
  const nest = useApplications(start);
  const { boot, pool } = nest;

  describe('@CachePut', () => {
    it('runs the method every time and replaces the entry', async () => {
      const app = await boot({ providers: [Catalog] });
      const catalog = app.get(Catalog);
      await catalog.find('a');
      expect(await catalog.update('a', 'blue')).toEqual({ id: 'a', call: 2, colour: 'blue' });
      expect(await catalog.find('a')).toEqual({ id: 'a', call: 2, colour: 'blue' });
    });

    it('removes the entry when there is nothing to put, or what there is cannot be stored', async () => {
      const app = await boot({ providers: [Catalog] });
      const catalog = app.get(Catalog);
      for (const answer of [undefined, new Product('a', 1)]) {
        await catalog.find('a');
        expect(await catalog.replace('a', answer)).toBe(answer);
        expect(await app.get(MemcachedCache).get(keyOf('a'))).toBeUndefined();
      }
    });

    it('keeps the entry when the method fails', async () => {
      const app = await boot({ providers: [Catalog] });
      await app.get(Catalog).find('a');
      await expect(app.get(Catalog).replace('a', Promise.reject(new Error('no luck')))).rejects.toThrow(
        'no luck',
      );
      expect(await app.get(MemcachedCache).get(keyOf('a'))).toEqual({ id: 'a', call: 1 });
    });

    it('puts the last value of an Observable before it completes', async () => {
      const app = await boot({ providers: [Catalog] });
      expect(await lastValueFrom(app.get(Catalog).updateLater('a'))).toBe(2);
      expect(await app.get(MemcachedCache).get(keyOf('a'))).toBe(2);
    });
  });

  describe('@CacheEvict', () => {
    it('removes the keys before its caller has the answer', async () => {
      const app = await boot({ providers: [Catalog] });
      const [catalog, cache] = [app.get(Catalog), app.get(MemcachedCache)];
      await cache.setMany([
        [keyOf('a'), 1],
        ['catalog', 1],
        ['other', 1],
      ]);
      await catalog.remove('a');
      expect(await cache.getMany([keyOf('a'), 'catalog', 'other'])).toEqual(new Map([['other', 1]]));
    });

    it('removes everything in a namespace, and nothing beside it', async () => {
      const app = await boot({ providers: [Catalog] });
      const [catalog, cache] = [app.get(Catalog), app.get(MemcachedCache)];
      await catalog.inNamespace('a');
      await cache.set('other', 1);
      await catalog.removeAll();
      expect(await cache.namespace('products').get('a')).toBeUndefined();
      expect(await cache.get('other')).toBe(1);
    });

    it('keeps the entries when the method fails, unless it says "always"', async () => {
      const app = await boot({ providers: [Catalog] });
      const [catalog, cache] = [app.get(Catalog), app.get(MemcachedCache)];
      await cache.set('key', 1);
      await expect(catalog.failOnSuccess()).rejects.toThrow('no luck');
      expect(await cache.get('key')).toBe(1);
      await expect(catalog.failAlways()).rejects.toThrow('no luck');
      expect(await cache.get('key')).toBeUndefined();
    });

    it('removes the keys before an Observable completes', async () => {
      const app = await boot({ providers: [Catalog] });
      const [catalog, cache] = [app.get(Catalog), app.get(MemcachedCache)];
      await cache.set('key', 1);
      expect(await lastValueFrom(catalog.removeLater())).toBe('done');
      expect(await cache.get('key')).toBeUndefined();
      await cache.set('key', 1);
      await expect(lastValueFrom(catalog.failLater())).rejects.toThrow('no luck');
      expect(await cache.get('key')).toBeUndefined();
    });

    it('answers as the method does when memcached is gone', async () => {
      const dead = await start();
      const app = await boot({ imports: [pool({ nodes: dead.address })], providers: [Catalog] });
      await dead.stop();
      await expect(app.get(Catalog).remove('a')).resolves.toBe('removed a');
      await expect(app.get(Catalog).update('a', 'blue')).resolves.toMatchObject({ colour: 'blue' });
    });
  });
}
