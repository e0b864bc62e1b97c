/**
 * What a cached method answers: promises and Observables, hits and misses, with memcached and without.
 */
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { firstValueFrom, lastValueFrom, Observable, of } from 'rxjs';
import { Cacheable, MemcachedCache, MemcachedOptionError } from '../../../lib/index.js';
import type { StartBackend } from '../support/backends.js';
import { useApplications } from './applications.js';
import { Answers, Catalog, Product, Streams } from './fixtures.js';

export function answers(start: StartBackend, compiled: { withMetadata: boolean }): void {
  const nest = useApplications(start);
  const { boot, pool } = nest;

  describe('@Cacheable', () => {
    it('caches null, but neither undefined nor errors', async () => {
      const app = await boot({ providers: [Answers] });
      const answers = app.get(Answers);
      for (const answer of [null, undefined]) {
        expect(await answers.give(String(answer), answer)).toBe(answer);
        expect(await answers.give(String(answer), answer)).toBe(answer);
      }
      await expect(answers.fail()).rejects.toThrow('no luck');
      await expect(answers.fail()).rejects.toThrow('no luck');
      expect(answers.calls).toEqual({ null: 1, undefined: 2, fail: 2 });
    });

    it('runs the method once for a hundred concurrent callers, in a namespace too', async () => {
      const app = await boot({ providers: [Catalog] });
      const catalog = app.get(Catalog);
      await Promise.all(Array.from({ length: 100 }, () => catalog.find('a')));
      await Promise.all(Array.from({ length: 100 }, () => catalog.inNamespace('a')));
      expect(catalog.calls).toBe(2);
    });

    it('hands its options on: namespace, ttl, pool', async () => {
      const app = await boot({ imports: [pool(), pool({ name: 'sessions' })], providers: [Catalog] });
      await app.get(Catalog).inNamespace('a');
      await app.get(Catalog).inSessions('a');
      const cache = app.get(MemcachedCache);
      expect(await cache.get('a')).toBeUndefined();
      expect(await cache.namespace('products').get('a')).toBe('a');
      await app.get(Catalog).inSessions('a');
      expect(app.get(Catalog).calls).toBe(2);
    });

    it('leaves the cache alone when the condition says so', async () => {
      const app = await boot({ providers: [Catalog] });
      await app.get(Catalog).unlessFresh('a', true);
      await app.get(Catalog).unlessFresh('a', false);
      await app.get(Catalog).unlessFresh('a', false);
      await app.get(Catalog).unlessFresh('a', true);
      expect(app.get(Catalog).calls).toBe(3);
    });

    it('rebuilds instances of the class named by "type"', async () => {
      const app = await boot({ providers: [Catalog] });
      const fresh = await app.get(Catalog).product('a');
      const cached = await app.get(Catalog).product('a');
      expect(cached).toBeInstanceOf(Product);
      expect(cached).toEqual(fresh);
      expect(app.get(Catalog).calls).toBe(1);
    });

    it('runs the method when memcached is gone', async () => {
      const dead = await start();
      const app = await boot({ imports: [pool({ nodes: dead.address })], providers: [Catalog] });
      await app.get(Catalog).find('a');
      await dead.stop();
      expect(await app.get(Catalog).find('a')).toEqual({ id: 'a', call: 2 });
    });

    it('always runs the method when the cache is switched off', async () => {
      const off = pool({ cache: { enabled: false } });
      const app = await boot({ imports: [off], providers: [Catalog] });
      await app.get(Catalog).find('a');
      await app.get(Catalog).find('a');
      expect(app.get(Catalog).calls).toBe(2);
    });

    it('follows a cache that a test put in the place of the real one', async () => {
      const replacement = { getOrSet: async () => 'replaced' };
      const module = Test.createTestingModule({ imports: [pool()], providers: [Catalog] });
      const app = await module.overrideProvider(MemcachedCache).useValue(replacement).compile();
      nest.running.push(app);
      expect(await app.get(Catalog).find('a')).toBe('replaced');
    });
  });

  describe('@Cacheable of Observables', () => {
    it('caches the last value of a method marked as observable, and runs it only when subscribed', async () => {
      const app = await boot({ providers: [Streams] });
      const streams = app.get(Streams);
      const unsubscribed = streams.marked('a');
      expect(streams.calls).toBe(0);
      expect(await firstValueFrom(unsubscribed)).toBe('a1');
      expect(await lastValueFrom(streams.marked('a'))).toBe('a1');
      expect(streams.calls).toBe(1);
    });

    it('hands on the error of an Observable and caches nothing', async () => {
      const app = await boot({ providers: [Streams] });
      await expect(lastValueFrom(app.get(Streams).failing())).rejects.toThrow('no luck');
      await expect(lastValueFrom(app.get(Streams).failing())).rejects.toThrow('no luck');
      expect(app.get(Streams).calls).toBe(2);
    });

    it('warns once when more than one value came', async () => {
      @Injectable()
      class Chatty {
        @Cacheable({ key: (id: string) => id, returns: 'observable' })
        many(_id: string): Observable<number> {
          return of(1, 2, 3);
        }
      }
      const app = await boot({ providers: [Chatty] });
      expect(await lastValueFrom(app.get(Chatty).many('a'))).toBe(3);
      expect(await lastValueFrom(app.get(Chatty).many('b'))).toBe(3);
      expect(nest.log.with('gave more than one value')).toHaveLength(1);
    });

    const unmarked = compiled.withMetadata
      ? 'recognises a declared Observable'
      : 'refuses a declared Observable';
    it(`${unmarked} where the compiler ${compiled.withMetadata ? 'notes' : 'does not note'} return types`, async () => {
      const app = await boot({ providers: [Streams] });
      const streams = app.get(Streams);
      if (compiled.withMetadata) {
        expect(await lastValueFrom(streams.declared('a'))).toBe('a1');
        expect(await lastValueFrom(streams.declared('a'))).toBe('a1');
        expect(streams.calls).toBe(1);
      } else {
        const answer: unknown = streams.declared('a');
        await expect(answer).rejects.toThrow('Streams.declared(): the method returned an Observable');
      }
    });

    it('fails at the first call of a method that is not marked, naming the option, once in the log', async () => {
      @Injectable()
      class Unmarked {
        @Cacheable({ key: () => 'x', returns: 'promise' })
        stream(): Observable<number> {
          return of(1);
        }
      }
      const app = await boot({ providers: [Unmarked] });
      const sentence =
        "@Cacheable on Unmarked.stream(): the method returned an Observable where a Promise was expected. Write returns: 'observable'.";
      await expect(app.get(Unmarked).stream()).rejects.toThrow(new MemcachedOptionError(sentence));
      // Whoever expects an Observable does not await: this rejection must not end the process.
      app.get(Unmarked).stream();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(nest.log.with(sentence)).toEqual([`error: ${sentence}`]);
    });
  });
}
