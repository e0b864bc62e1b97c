/**
 * What the options of the decorators promise: keys, scopes, tags, lifetimes, errors, defaults of a class, and
 * what a caller says.
 */
import { Injectable, Scope } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import { firstValueFrom, lastValueFrom, type Observable, of, throwError } from 'rxjs';
import {
  Cacheable,
  CacheConfig,
  CacheEvict,
  CachePut,
  MemcachedCache,
  scopedKey,
  withCache,
} from '../../lib/index.js';
import { useApplications } from './suite/applications.js';
import { onEachBackend } from './support/backends.js';

interface Price {
  id: string;
  cents: number;
}

let tenant: string | undefined;
const asked: unknown[] = [];

/** A class for each test: what is said once is said once for a class. */
function makePrices() {
  @Injectable()
  class Prices {
    calls: string[] = [];

    @Cacheable({ key: 'price:{0}:{1.currency}' })
    async find(id: string, _in: { currency?: string | undefined }): Promise<Price> {
      return this.#made(id);
    }

    @Cacheable({ key: (id: string, page?: number) => `page:${id}:${page}` })
    async page(id: string, _page?: number) {
      return this.#made(id);
    }

    @Cacheable({ key: (product: Price) => `of:${product}` })
    async of(product: Price) {
      return this.#made(product.id);
    }

    // @ts-expect-error one call has one key
    @Cacheable({ key: (id: string) => [`list:${id}`] })
    async listed(id: string) {
      return this.#made(id);
    }

    @Cacheable({ key: 'later:{0}', returns: 'observable' })
    later(id: string | undefined): Observable<Price> {
      return of(this.#made(String(id)));
    }

    @Cacheable({ key: 'positive:{0}', unless: (price: Price, _id: string, min: number) => price.cents < min })
    async atLeast(id: string, _min: number) {
      return this.#made(id);
    }

    @Cacheable({ key: 'odd:{0}', unless: () => boom() })
    async withBrokenUnless(id: string) {
      return this.#made(id);
    }

    @Cacheable({ key: 'mine:{0}', scope: (_id: string, user?: string) => user })
    async mine(id: string, user?: string) {
      return { ...this.#made(id), user };
    }

    @Cacheable({ key: 'mine:{0}' })
    async everybodys(id: string) {
      return this.#made(id);
    }

    @CacheEvict({ key: 'mine:{0}', scope: (_id: string, user?: string) => user })
    async dropMine(_id: string, _user?: string) {}

    @Cacheable({ key: 'tenant:{0}', scope: 'tenant' })
    async ofTenant(id: string) {
      return { ...this.#made(id), tenant };
    }

    @Cacheable({
      key: () => 'failing',
      onError: (error: unknown, id: string) => ({ id, error: String(error) }),
    })
    async failing(id: string): Promise<unknown> {
      this.calls.push(id);
      throw new Error('no luck');
    }

    @Cacheable({ key: () => 'failing-later', returns: 'observable', onError: () => 'instead' })
    failingLater(): Observable<unknown> {
      this.calls.push('later');
      return throwError(() => new Error('no luck'));
    }

    @Cacheable({ key: () => 'never', condition: () => false, onError: () => 'instead' })
    async failingUncached(): Promise<unknown> {
      throw new Error('no luck');
    }

    @Cacheable({
      key: 'tagged:{0}',
      tags: (price: Price, id: string) => [`price:${price.id}`, `id:${id}`],
      stale: '1h',
    })
    async tagged(id: string) {
      return this.#made(id);
    }

    @CacheEvict({ tags: (id: string) => [`price:${id}`] })
    async dropTag(_id: string) {}

    @CacheEvict({ tags: ['id:a'], how: 'expire' })
    async expireTag() {}

    @CacheEvict({ key: 'tagged:{0}', how: 'expire', stale: '1h' })
    async expireKey(_id: string) {}

    @CacheEvict({ key: () => 'key', when: 'before' })
    async dropBefore(see: () => Promise<unknown>) {
      return see();
    }

    @CacheEvict({ key: () => 'key', when: 'before', returns: 'observable' })
    dropBeforeLater(see: () => Promise<unknown>): Observable<Promise<unknown>> {
      return of(see());
    }

    @CachePut({
      key: 'put:{0}',
      unless: (price: Price) => price.cents === 0,
      tags: (price: Price) => [price.id],
    })
    async put(id: string, cents: number): Promise<Price> {
      return { id, cents };
    }

    @Cacheable({
      key: 'lasting:{0}',
      ttl: (price: Price, id: string) => {
        asked.push([price.cents, id]);
        return '1h';
      },
    })
    async lasting(id: string): Promise<Price> {
      return this.#made(id);
    }

    #made(id: string): Price {
      this.calls.push(id);
      return { id, cents: this.calls.length };
    }
  }
  return Prices;
}

function boom(): never {
  throw new Error('boom');
}

class Outer extends Error {}

onEachBackend((start) => {
  const nest = useApplications(start);
  const { boot, pool } = nest;
  const withTenants = () =>
    boot({ imports: [pool({ scope: { tenant: () => tenant } })], providers: [Prices] });
  let Prices: ReturnType<typeof makePrices>;
  let prices: InstanceType<typeof Prices>;
  let cache: MemcachedCache;

  beforeEach(async () => {
    tenant = undefined;
    Prices = makePrices();
    const app = await withTenants();
    prices = app.get(Prices);
    cache = app.get(MemcachedCache);
  });

  describe('keys', () => {
    afterEach(() => {
      process.env.NODE_ENV = 'test';
    });

    it('are made of the template and the arguments', async () => {
      await prices.find('a:b', { currency: 'eur' });
      await prices.find('a:b', { currency: 'eur' });
      await prices.find('a', { currency: 'b:eur' });
      expect(prices.calls).toEqual(['a:b', 'a']);
      expect(await cache.get('price:a%3Ab:eur')).toMatchObject({ id: 'a:b' });
    });

    const mistakes: [string, () => Promise<unknown>, string][] = [
      ['a part of a template is undefined', () => prices.find('a', {}), 'its part {1.currency} is undefined'],
      ['a part of a template is empty', () => prices.find('', { currency: 'eur' }), 'its part {0} is ""'],
      [
        'undefined stands in it',
        () => prices.page('a'),
        'it gave "page:a:undefined", in which undefined stands for',
      ],
      [
        'an object stands in it',
        () => prices.of({ id: 'a', cents: 1 }),
        '[object Object] stands for an argument',
      ],
      ['it is a list', () => prices.listed('a'), 'it gave an array, not a string that is not empty'],
      [
        'an Observable is asked for',
        () => lastValueFrom(prices.later(undefined)),
        'its part {0} is undefined',
      ],
    ];

    it.each(mistakes)('are an error in development when %s', async (_, call, sentence) => {
      await expect(call()).rejects.toMatchObject({
        code: 'MEMCACHED_KEY',
        message: expect.stringContaining(sentence),
      });
      await expect(call()).rejects.toThrow('@Cacheable on Prices.');
      expect(prices.calls).toEqual([]);
    });

    it.each(mistakes)(
      'leave the call uncached in production, with one line, when %s',
      async (_, call, sentence) => {
        process.env.NODE_ENV = 'production';
        await call();
        await call();
        expect(prices.calls).toHaveLength(2);
        expect(nest.log.with('ran uncached: "key": ')).toHaveLength(1);
        expect(nest.log.with(sentence)).toHaveLength(1);
      },
    );

    it('may hold the word "undefined" where an argument does', async () => {
      await prices.page('undefined', 1);
      await prices.page('undefined', 1);
      expect(prices.calls).toHaveLength(1);
    });
  });

  describe('unless', () => {
    it('keeps a result out of the cache that all who wait are handed', async () => {
      const answers = await Promise.all([1, 2, 3].map(() => prices.atLeast('a', 100)));
      expect(answers).toEqual(Array(3).fill({ id: 'a', cents: 1 }));
      await prices.atLeast('a', 0);
      await prices.atLeast('a', 100);
      expect(prices.calls).toHaveLength(2);
    });

    it('keeps the result out with one line when it throws', async () => {
      expect(await prices.withBrokenUnless('a')).toEqual({ id: 'a', cents: 1 });
      expect(await prices.withBrokenUnless('a')).toEqual({ id: 'a', cents: 2 });
      expect(
        nest.log.with('left a result uncached: "ttl", "tags", "version" or "unless" threw (Error: boom)'),
      ).toHaveLength(1);
    });
  });

  it('a lifetime may depend on the result and the arguments', async () => {
    asked.length = 0;
    await prices.lasting('a');
    await prices.lasting('a');
    expect(prices.calls).toHaveLength(1);
    expect(new Set(asked.map(String))).toEqual(new Set(['1,a']));
  });

  describe('scopes', () => {
    it('keep entries apart, from each other and from those without one', async () => {
      expect(await prices.mine('a', 'ann')).toMatchObject({ user: 'ann' });
      expect(await prices.mine('a', 'bob')).toMatchObject({ user: 'bob' });
      expect(await prices.everybodys('a')).not.toHaveProperty('user');
      expect(await prices.mine('a', 'ann')).toEqual({ id: 'a', cents: 1, user: 'ann' });
      expect(prices.calls).toHaveLength(3);
    });

    it('leave the cache alone when they are undefined', async () => {
      await prices.mine('a');
      await prices.mine('a');
      expect(prices.calls).toHaveLength(2);
    });

    it('are named in the module and resolved for each call', async () => {
      for (const now of ['x', 'y', 'x']) {
        tenant = now;
        expect(await prices.ofTenant('a')).toMatchObject({ tenant: now });
      }
      expect(prices.calls).toHaveLength(2);
      expect(await cache.get(scopedKey('x', 'tenant:a'))).toMatchObject({ tenant: 'x' });
    });

    it('are evicted each for itself', async () => {
      await prices.mine('a', 'ann');
      await prices.mine('a', 'bob');
      await prices.dropMine('a', 'ann');
      expect(await cache.get(scopedKey('ann', 'mine:a'))).toBeUndefined();
      expect(await cache.get(scopedKey('bob', 'mine:a'))).toBeDefined();
    });

    it('never make a key that looks like one without', () => {
      const keys = [
        scopedKey('a', 'k'),
        scopedKey(undefined, '@1:a:k'),
        scopedKey('a:k', ''),
        scopedKey(undefined, '@0:k'),
        scopedKey(undefined, '@k'),
      ];
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.slice(1)).not.toContain(keys[0]);
    });

    it('refuse to boot when the module does not know their name', async () => {
      await expect(boot({ providers: [Prices] })).rejects.toThrow(
        '@Cacheable on Prices.ofTenant(): there is no scope named "tenant"; the module\'s option "scope" has none.',
      );
    });
  });

  describe('onError', () => {
    it('answers for a method that failed, and that answer is not cached', async () => {
      const instead = { id: 'a', error: 'Error: no luck' };
      expect(await Promise.all([prices.failing('a'), prices.failing('a')])).toEqual([instead, instead]);
      expect(prices.calls).toHaveLength(1);
      expect(await prices.failing('a')).toEqual(instead);
      expect(prices.calls).toHaveLength(2);
    });

    it('answers for Observables, and for calls that run uncached', async () => {
      expect(await firstValueFrom(prices.failingLater())).toBe('instead');
      expect(await prices.failingUncached()).toBe('instead');
    });
  });

  describe('tags', () => {
    it('end the entries that carry them', async () => {
      await prices.tagged('a');
      await prices.tagged('b');
      await prices.dropTag('a');
      await prices.tagged('a');
      await prices.tagged('b');
      expect(prices.calls).toEqual(['a', 'b', 'a']);
    });

    it('expired, leave the entries to be served while they are refreshed', async () => {
      for (const expire of [() => prices.expireTag(), () => prices.expireKey('a')]) {
        const old = await prices.tagged('a');
        await expire();
        expect(await prices.tagged('a')).toEqual(old);
        for (let tries = 0; (await prices.tagged('a')).cents === old.cents; tries++)
          expect(tries).toBeLessThan(500);
      }
      expect(prices.calls).toHaveLength(3);
    });
  });

  it('@CacheEvict before the method has dropped the entry when it runs', async () => {
    for (const drop of [
      () => prices.dropBefore(() => cache.get('key')),
      async () => lastValueFrom(prices.dropBeforeLater(() => cache.get('key'))),
    ]) {
      await cache.set('key', 1);
      expect(await drop()).toBeUndefined();
    }
  });

  it('@CachePut removes the entry of a result that "unless" keeps out', async () => {
    await prices.put('a', 5);
    expect(await cache.get('put:a')).toEqual({ id: 'a', cents: 5 });
    expect(await prices.put('a', 0)).toEqual({ id: 'a', cents: 0 });
    expect(await cache.get('put:a')).toBeUndefined();
    await prices.put('a', 5);
    await cache.deleteByTag('a');
    expect(await cache.get('put:a')).toBeUndefined();
  });

  describe('withCache', () => {
    const find = (id: string) => prices.everybodys(id);

    it('makes methods run anew and replace their entries', async () => {
      await find('a');
      expect(await withCache({ forceFresh: true }, () => find('a'))).toEqual({ id: 'a', cents: 2 });
      expect(await find('a')).toEqual({ id: 'a', cents: 2 });
    });

    it('makes methods run and leaves their entries alone', async () => {
      await find('a');
      expect(await withCache({ skip: true }, () => find('a'))).toEqual({ id: 'a', cents: 2 });
      expect(await find('a')).toEqual({ id: 'a', cents: 1 });
    });

    it('holds for calls within calls and for Observables, the inner one counting, and for nobody else', async () => {
      await find('a');
      await lastValueFrom(prices.later('a'));
      const seen = await withCache({ forceFresh: true }, async () => {
        await null;
        const later = withCache({ skip: true }, () => prices.later('a'));
        return Promise.all([find('a'), withCache({}, () => find('a'))]).then(async (answers) => [
          ...answers,
          await lastValueFrom(later),
        ]);
      });
      expect(seen[0]).toEqual({ id: 'a', cents: 3 });
      expect(seen[2]).toEqual({ id: 'a', cents: 4 });
      expect(await lastValueFrom(prices.later('a'))).toEqual({ id: 'a', cents: 2 });
    });

    it('refuses what it does not know', () => {
      expect(() => withCache({ fresh: true } as never, () => 1)).toThrow('not "fresh": true');
      expect(() => withCache({ skip: 'yes' } as never, () => 1)).toThrow('not "skip": "yes"');
    });
  });

  describe('@CacheConfig', () => {
    @CacheConfig({ namespace: 'base', ttl: '1h' })
    class Base {
      calls = 0;
      @Cacheable({ key: 'k:{0}' })
      async find(_id: string) {
        return ++this.calls;
      }
      @Cacheable({ key: 'own:{0}', namespace: 'own' })
      async own(_id: string) {
        return ++this.calls;
      }
      @CacheEvict({ key: 'k:{0}' })
      async drop(_id: string) {}
    }

    @Injectable()
    @CacheConfig({ namespace: 'users' })
    class Users extends Base {}

    @Injectable()
    @CacheConfig({ namespace: 'orders', pool: 'sessions' })
    class Orders extends Base {}

    it('holds for all methods of a class that do not say otherwise, inherited ones included', async () => {
      const app = await boot({
        imports: [pool(), pool({ name: 'sessions' })],
        providers: [Base, Users, Orders],
      });
      for (const type of [Base, Users, Orders]) {
        expect(await app.get(type).find('a')).toBe(1);
        expect(await app.get(type).find('a')).toBe(1);
      }
      expect(await app.get(Users).own('a')).toBe(2);
      expect(await app.get(Base).own('a')).toBe(2);
      const found = app.get(MemcachedCache);
      expect(await found.namespace('users').get('k:a')).toBe(1);
      expect(await found.namespace('orders').get('k:a')).toBeUndefined();
      await app.get(Users).drop('a');
      expect(await found.namespace('users').get('k:a')).toBeUndefined();
      expect(await found.namespace('base').get('k:a')).toBe(1);
    });

    it('warns at boot about a pool that does not exist', async () => {
      @Injectable()
      @CacheConfig({ pool: 'sesions' })
      class Misled {
        @Cacheable({ key: 'all' })
        async find() {}
      }
      await boot({ providers: [Misled] });
      expect(nest.log.with('Misled.find() runs uncached: there is no pool named "sesions"')).toHaveLength(1);
    });

    it('reaches instances of each request', async () => {
      @Injectable({ scope: Scope.REQUEST })
      @CacheConfig({ namespace: 'scoped' })
      class Scoped extends Base {}
      const app = await boot({ providers: [Scoped] });
      for (const _ of [1, 2]) {
        const scoped = await app.resolve(Scoped, ContextIdFactory.create());
        expect(await scoped.find('a')).toBe(1);
      }
    });
  });

  it('a decorator above or below others sees what it would see without', async () => {
    const seen: string[] = [];
    const Noting = (name: string) => (_: object, __: string, descriptor: PropertyDescriptor) => {
      const inner = descriptor.value;
      descriptor.value = async function (...args: unknown[]) {
        seen.push(name);
        try {
          return await inner.apply(this, args);
        } catch (cause) {
          throw new Outer('wrapped', { cause });
        }
      };
    };
    @Injectable()
    class Decorated {
      @Noting('above')
      @Cacheable({ key: (id: string) => `decorated:${id}` })
      @Noting('below')
      async find(id: string) {
        if (id === 'bad') throw new Error('no luck');
        return id;
      }
    }
    const app = await boot({ providers: [Decorated] });
    await app.get(Decorated).find('a');
    await app.get(Decorated).find('a');
    expect(seen).toEqual(['above', 'below', 'above']);
    await expect(app.get(Decorated).find('bad')).rejects.toThrow(Outer);
  });
});
