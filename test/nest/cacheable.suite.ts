/**
 * What `@Cacheable`, `@CachePut` and `@CacheEvict` promise inside an application. Run twice: compiled with the
 * metadata that Nest's own compilers emit, and without it, as esbuild compiles. So every injection here names
 * its token.
 */
import 'reflect-metadata';
import {
  type DynamicModule,
  Global,
  Inject,
  Injectable,
  Module,
  type OnModuleInit,
  Scope,
  SetMetadata,
} from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { defer, firstValueFrom, lastValueFrom, Observable, of, throwError } from 'rxjs';
import {
  Cacheable,
  CacheEvict,
  CachePut,
  MemcachedCache,
  MemcachedOptionError,
  MemcachedPoolModule,
  type MemcachedRootOptions,
} from '../../lib/index.js';
import { type Backend, freshNamespace, type StartBackend } from './support/backends.js';
import { CapturedLog } from './support/log.js';

type Parts = NonNullable<Parameters<typeof Test.createTestingModule>[0]>;

export function cacheableSuite(start: StartBackend, compiled: { withMetadata: boolean }): void {
  let backend: Backend;
  let log: CapturedLog;
  const running: TestingModule[] = [];

  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.stop());
  beforeEach(() => {
    log = new CapturedLog();
  });
  afterEach(async () => {
    for (const app of running.splice(0)) await app.close();
    log.restore();
  });

  function pool(options: MemcachedRootOptions = {}): DynamicModule {
    const cache = { namespace: freshNamespace(), ...options.cache };
    return MemcachedPoolModule.forRoot({ nodes: backend.address, ...options, cache });
  }

  async function boot({ imports = [pool()], ...parts }: Parts): Promise<TestingModule> {
    const app = await Test.createTestingModule({ imports, ...parts }).compile();
    await app.init();
    running.push(app);
    return app;
  }

  describe('@Cacheable', () => {
    it('runs the method once for the same arguments, and again for others', async () => {
      const app = await boot({ providers: [Catalog] });
      const catalog = app.get(Catalog);
      expect(await catalog.find('a')).toEqual({ id: 'a', call: 1 });
      expect(await catalog.find('a')).toEqual({ id: 'a', call: 1 });
      expect(await catalog.find('b')).toEqual({ id: 'b', call: 2 });
    });

    it('works inside the onModuleInit of another provider', async () => {
      @Injectable()
      class Warmer implements OnModuleInit {
        constructor(@Inject(Catalog) readonly catalog: Catalog) {}
        async onModuleInit() {
          await this.catalog.find('a');
          await this.catalog.find('a');
        }
      }
      const app = await boot({ providers: [Warmer, Catalog] });
      expect(app.get(Catalog).calls).toBe(1);
    });

    it('works while other providers are still being made', async () => {
      const warmed = {
        provide: 'WARMED',
        inject: [Catalog],
        useFactory: async (catalog: Catalog) => [await catalog.find('a'), await catalog.find('a')],
      };
      const late = MemcachedPoolModule.forRootAsync({
        useFactory: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return { nodes: backend.address, cache: { namespace: freshNamespace() } };
        },
      });
      const app = await boot({ imports: [late], providers: [warmed, Catalog] });
      expect(app.get(Catalog).calls).toBe(1);
    });

    it('shares entries between the instances of a request-scoped provider', async () => {
      Scoped.calls = 0;
      const app = await boot({ providers: [Scoped] });
      const [first, second] = [await inNewRequest(app, Scoped), await inNewRequest(app, Scoped)];
      expect(first).not.toBe(second);
      await first.find('a');
      await second.find('a');
      expect(Scoped.calls).toBe(1);
    });

    it('shares entries between the instances of a transient provider', async () => {
      Transient.calls = 0;
      @Injectable()
      class One {
        constructor(@Inject(Transient) readonly transient: Transient) {}
      }
      @Injectable()
      class Other {
        constructor(@Inject(Transient) readonly transient: Transient) {}
      }
      const app = await boot({ providers: [One, Other, Transient] });
      expect(app.get(One).transient).not.toBe(app.get(Other).transient);
      await app.get(One).transient.find('a');
      await app.get(Other).transient.find('a');
      expect(Transient.calls).toBe(1);
    });

    it('reaches request-scoped providers of a feature module when the pool is not global', async () => {
      Scoped.calls = 0;
      @Module({ providers: [Scoped] })
      class Feature {}
      const app = await boot({ imports: [pool({ isGlobal: false }), Feature] });
      await (await inNewRequest(app, Scoped)).find('a');
      await (await inNewRequest(app, Scoped)).find('a');
      expect(Scoped.calls).toBe(1);
    });

    it('reaches instances that useFactory made, also inside the onModuleInit of others', async () => {
      @Injectable()
      class Warmer implements OnModuleInit {
        constructor(@Inject('MADE') readonly catalog: Catalog) {}
        async onModuleInit() {
          await this.catalog.find('a');
        }
      }
      const made = { provide: 'MADE', useFactory: () => new Catalog() };
      const app = await boot({ providers: [Warmer, made] });
      await app.get<Catalog>('MADE').find('a');
      expect(app.get<Catalog>('MADE').calls).toBe(1);
    });

    it('reaches instances of useFactory in global modules before their own onModuleInit', async () => {
      class Eager extends Catalog implements OnModuleInit {
        async onModuleInit() {
          await this.find('a');
        }
      }
      @Global()
      @Module({ providers: [{ provide: 'MADE', useFactory: () => new Eager() }], exports: ['MADE'] })
      class Shared {}
      const app = await boot({ imports: [pool(), Shared] });
      await app.get<Eager>('MADE').find('a');
      expect(app.get<Eager>('MADE').calls).toBe(1);
    });

    it('reaches instances given by useValue, and those that ModuleRef.create makes', async () => {
      const value = new Catalog();
      const app = await boot({ providers: [{ provide: 'GIVEN', useValue: value }] });
      await value.find('a');
      const created = await app.get(ModuleRef).create(Catalog);
      await created.find('a');
      expect([value.calls, created.calls]).toEqual([1, 0]);
    });

    it('keeps two applications in one process apart', async () => {
      const one = await boot({ providers: [Catalog] });
      const other = await boot({ providers: [Catalog] });
      await one.get(Catalog).find('a');
      expect(await other.get(Catalog).find('a')).toEqual({ id: 'a', call: 1 });
      expect([one.get(Catalog).calls, other.get(Catalog).calls]).toEqual([1, 1]);
      await one.close();
      await other.get(Catalog).find('a');
      expect(other.get(Catalog).calls).toBe(1);
    });

    it('gives a value that two applications share to the later one', async () => {
      const value = new Catalog();
      const shared = { provide: 'GIVEN', useValue: value };
      const first = await boot({ providers: [shared] });
      const second = await boot({ providers: [shared] });
      await first.close();
      await value.find('a');
      await value.find('a');
      expect(value.calls).toBe(1);
      expect(await second.get(MemcachedCache).get(keyOf('a'))).toEqual({ id: 'a', call: 1 });
    });

    it('keeps the name, the length and the metadata of the method', () => {
      expect(Catalog.prototype.marked.name).toBe('marked');
      expect(Catalog.prototype.marked).toHaveLength(2);
      expect(Reflect.getMetadata('below', Catalog.prototype.marked)).toBe(1);
      expect(Reflect.getMetadata('above', Catalog.prototype.marked)).toBe(2);
    });

    it('leaves instances looking as they were', async () => {
      const app = await boot({ providers: [Catalog] });
      await app.get(Catalog).find('a');
      expect(Reflect.ownKeys({ ...app.get(Catalog) })).toEqual(['calls']);
      expect(Object.keys(app.get(Catalog))).toEqual(['calls']);
    });

    it('reaches instances that are frozen', async () => {
      let calls = 0;
      @Injectable()
      class Frozen {
        constructor() {
          Object.freeze(this);
        }
        @Cacheable({ key: () => 'frozen' })
        async find() {
          return ++calls;
        }
      }
      const app = await boot({ providers: [Frozen] });
      await app.get(Frozen).find();
      await app.get(Frozen).find();
      expect(calls).toBe(1);
    });

    it('holds for calls through this', async () => {
      const app = await boot({ providers: [Catalog] });
      await app.get(Catalog).findTwice('a');
      expect(app.get(Catalog).calls).toBe(1);
    });

    it('is inherited by a subclass, which may override and call it', async () => {
      @Injectable()
      class Loud extends Catalog {
        override async find(id: string) {
          const found = await super.find(id);
          return { ...found, id: found.id.toUpperCase() };
        }
      }
      const app = await boot({ providers: [Loud] });
      expect(await app.get(Loud).find('a')).toEqual({ id: 'A', call: 1 });
      expect(await app.get(Loud).find('a')).toEqual({ id: 'A', call: 1 });
      await app.get(Loud).byDefaultKey({ a: 1 });
      await app.get(Loud).byDefaultKey({ a: 1 });
      expect(app.get(Loud).calls).toBe(2);
    });

    it('never waits for itself where a method is cached under the key of one that it calls', async () => {
      @Injectable()
      class Loud extends Catalog {
        @Cacheable({ key: keyOf })
        override async find(id: string) {
          await null;
          const found = await super.find(id);
          return { ...found, id: found.id.toUpperCase() };
        }
      }
      @Injectable()
      class Front {
        constructor(@Inject(Loud) readonly catalog: Loud) {}
        @Cacheable({ key: keyOf, returns: 'observable' })
        find(id: string): Observable<unknown> {
          return defer(() => this.catalog.find(id));
        }
      }
      const app = await boot({ providers: [Loud, Front] });
      expect(await lastValueFrom(app.get(Front).find('a'))).toEqual({ id: 'A', call: 1 });
      expect(await app.get(Loud).find('a')).toEqual({ id: 'A', call: 1 });
      expect(app.get(Loud).calls).toBe(1);
    });

    it('keeps a subclass working that injects properties of its own', async () => {
      @Injectable()
      class Wired extends Catalog {
        @Inject('WORD') readonly word!: string;
        @Cacheable({ key: () => 'word' })
        async say() {
          this.calls++;
          return this.word;
        }
      }
      const app = await boot({ providers: [Wired, { provide: 'WORD', useValue: 'hello' }] });
      expect([await app.get(Wired).say(), await app.get(Wired).say()]).toEqual(['hello', 'hello']);
      await app.get(Wired).find('a');
      await app.get(Wired).find('a');
      expect(app.get(Wired).calls).toBe(2);
    });

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
      running.push(app);
      expect(await app.get(Catalog).find('a')).toBe('replaced');
    });
  });

  describe('@Cacheable without a cache', () => {
    it('runs instances uncached and in silence that were made by hand, where no application runs', async () => {
      const catalog = new Catalog();
      await catalog.find('a');
      await catalog.find('a');
      expect(catalog.calls).toBe(2);
      expect(log.lines).toEqual([]);
    });

    it('warns once about an instance made by hand beside a running application', async () => {
      class ByHand {
        @Cacheable({ key: () => 'x' })
        async find() {}
      }
      await boot({});
      await new ByHand().find();
      await new ByHand().find();
      expect(log.with('ByHand.find() runs uncached')).toHaveLength(1);
    });

    it('warns once, when the application boots, about a pool that does not exist', async () => {
      @Injectable()
      class Misled {
        calls = 0;
        @Cacheable({ key: () => 'x', pool: 'sesions' })
        async find() {
          this.calls++;
        }
      }
      const app = await boot({ imports: [pool(), pool({ name: 'sessions' })], providers: [Misled] });
      const line =
        'warn: @Cacheable on Misled.find() runs uncached: there is no pool named "sesions"; ' +
        'this application has "default", "sessions".';
      expect(log.with('sesions')).toEqual([line]);
      await app.get(Misled).find();
      await app.get(Misled).find();
      expect(app.get(Misled).calls).toBe(2);
      expect(log.with('sesions')).toHaveLength(1);
    });

    it('warns once in an application that did not import the module', async () => {
      @Injectable()
      class Alone {
        calls = 0;
        @Cacheable({ key: () => 'x' })
        async find() {
          this.calls++;
        }
      }
      const app = await boot({ imports: [], providers: [Alone] });
      await app.get(Alone).find();
      await app.get(Alone).find();
      expect(app.get(Alone).calls).toBe(2);
      expect(log.with('import MemcachedPoolModule.forRoot()')).toHaveLength(1);
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
      expect(log.with('gave more than one value')).toHaveLength(1);
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
      expect(log.with(sentence)).toEqual([`error: ${sentence}`]);
    });
  });

  describe('@Cacheable without a key', () => {
    it('tells calls apart by class, method and arguments', async () => {
      const app = await boot({ providers: [Catalog, Answers] });
      const catalog = app.get(Catalog);
      await catalog.byDefaultKey({ a: 1, b: [new Date(0)] });
      await catalog.byDefaultKey({ b: [new Date(0)], a: 1 });
      expect(catalog.calls).toBe(1);
      await catalog.byDefaultKey({ a: 1, b: [new Date(1)] });
      await catalog.byDefaultKey();
      await catalog.byDefaultKey(undefined);
      expect(catalog.calls).toBe(4);
      await app.get(Answers).byDefaultKey({ a: 1, b: [new Date(0)] });
      expect(app.get(Answers).calls).toEqual({ byDefaultKey: 1 });
    });

    it('tells subclasses of one class apart', async () => {
      @Injectable()
      class Users extends Catalog {}
      @Injectable()
      class Orders extends Catalog {}
      const app = await boot({ providers: [Users, Orders] });
      await app.get(Users).byDefaultKey(1);
      await app.get(Orders).byDefaultKey(1);
      expect([app.get(Users).calls, app.get(Orders).calls]).toEqual([1, 1]);
    });

    it('tells a method apart from the one that it overrides', async () => {
      @Injectable()
      class Doubled extends Catalog {
        @Cacheable()
        override async byDefaultKey(...args: unknown[]) {
          return (await super.byDefaultKey(...args)) * 2;
        }
        plain(...args: unknown[]) {
          return super.byDefaultKey(...args);
        }
      }
      const app = await boot({ providers: [Doubled] });
      const doubled = app.get(Doubled);
      expect(await doubled.byDefaultKey('a')).toBe(2);
      expect([await doubled.plain('a'), await doubled.byDefaultKey('a')]).toEqual([1, 2]);
      expect(doubled.calls).toBe(1);
    });

    it('runs uncached, warning once, for arguments that make no key', async () => {
      @Injectable()
      class Prices {
        calls = 0;
        @Cacheable()
        async of(product: Product) {
          this.calls++;
          return product.price;
        }
      }
      const app = await boot({ providers: [Prices] });
      await app.get(Prices).of(new Product('a', 1));
      await app.get(Prices).of(new Product('a', 1));
      expect(app.get(Prices).calls).toBe(2);
      expect(log.with('Prices.of()')).toEqual([
        'warn: @Cacheable on Prices.of() ran uncached: its arguments make no key (argument 1 is a Product). Write a "key".',
      ]);
    });

    it('refuses to boot with two classes of one name that would share their keys', async () => {
      const nameless = () => {
        @Injectable()
        class Repository {
          @Cacheable()
          async find(id: string) {
            return id;
          }
        }
        return Repository;
      };
      await expect(boot({ providers: [nameless(), nameless()] })).rejects.toThrow(
        'there are two classes named Repository with a method find() that has no "key"',
      );
    });

    it('refuses to boot with two instances from factories that would share their keys', async () => {
      const make = (provide: string) => ({ provide, useFactory: () => new Catalog() });
      await expect(boot({ providers: [make('EU'), make('US')] })).rejects.toThrow(
        'there are two instances of the class Catalog with a method byDefaultKey() that has no "key"',
      );
      const alias = { provide: 'US', useExisting: 'EU' };
      await expect(boot({ providers: [make('EU'), alias] })).resolves.toBeDefined();
    });

    it('runs uncached, warning once, when the key function throws or gives no string', async () => {
      @Injectable()
      class Odd {
        calls = 0;
        @Cacheable({ key: (product: { id: string }) => product.id.trim() })
        async throws(_product: { id: string }) {
          return ++this.calls;
        }
        @Cacheable({ key: (product: { id: string }) => product.id })
        async gives(_product: { id: string }) {
          return ++this.calls;
        }
      }
      const app = await boot({ providers: [Odd] });
      const nothing = JSON.parse('{}') as { id: string };
      for (let i = 0; i < 2; i++) {
        await app.get(Odd).throws(nothing);
        await app.get(Odd).gives(nothing);
      }
      expect(app.get(Odd).calls).toBe(4);
      expect(log.with('Odd.throws() ran uncached: "key" or "condition" threw')).toHaveLength(1);
      expect(
        log.with('Odd.gives() ran uncached: "key" gave undefined, not a string that is not empty'),
      ).toHaveLength(1);
    });
  });

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

async function inNewRequest<T>(app: TestingModule, type: new () => T): Promise<T> {
  return app.resolve(type, ContextIdFactory.create());
}

const keyOf = (id: string) => `product:${id}`;

class Product {
  constructor(
    readonly id: string,
    readonly price: number,
  ) {}
}

@Injectable()
class Catalog {
  calls = 0;

  @Cacheable({ key: keyOf, ttl: '10m' })
  async find(id: string) {
    return { id, call: ++this.calls };
  }

  async findTwice(id: string) {
    return [await this.find(id), await this.find(id)];
  }

  @Cacheable()
  async byDefaultKey(..._args: unknown[]) {
    return ++this.calls;
  }

  @Cacheable({ key: (id: string) => id, namespace: 'products' })
  async inNamespace(id: string) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, pool: 'sessions' })
  async inSessions(id: string) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, condition: (_id: string, fresh: boolean) => !fresh })
  async unlessFresh(id: string, _fresh: boolean) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, type: Product })
  async product(id: string) {
    this.calls++;
    return new Product(id, 12);
  }

  @SetMetadata('above', 2)
  @Cacheable({ key: keyOf })
  @SetMetadata('below', 1)
  async marked(id: string, _locale: string) {
    return id;
  }

  @CachePut({ key: keyOf })
  async update(id: string, colour: string) {
    return { id, call: ++this.calls, colour };
  }

  @CachePut({ key: keyOf })
  async replace(_id: string, answer: unknown) {
    return answer;
  }

  @CachePut({ key: keyOf })
  updateLater(_id: string): Observable<number> {
    return of(1, 2);
  }

  @CacheEvict({ key: (id: string) => [keyOf(id), 'catalog'] })
  async remove(id: string) {
    return `removed ${id}`;
  }

  @CacheEvict({ all: true, namespace: 'products' })
  async removeAll() {}

  @CacheEvict({ key: () => 'key' })
  async failOnSuccess() {
    throw new Error('no luck');
  }

  @CacheEvict({ key: () => 'key', when: 'always' })
  async failAlways() {
    throw new Error('no luck');
  }

  @CacheEvict({ key: () => 'key' })
  removeLater(): Observable<string> {
    return of('done');
  }

  @CacheEvict({ key: () => 'key', when: 'always' })
  failLater(): Observable<string> {
    return throwError(() => new Error('no luck'));
  }
}

@Injectable()
class Answers {
  calls: Record<string, number> = {};

  @Cacheable({ key: (name: string) => name })
  async give<T>(name: string, answer: T): Promise<T> {
    this.count(name);
    return answer;
  }

  @Cacheable({ key: () => 'fail' })
  async fail(): Promise<string> {
    this.count('fail');
    throw new Error('no luck');
  }

  @Cacheable()
  async byDefaultKey(..._args: unknown[]) {
    this.count('byDefaultKey');
    return 1;
  }

  private count(name: string) {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
  }
}

@Injectable()
class Streams {
  calls = 0;

  @Cacheable({ key: (id: string) => id, returns: 'observable' })
  marked(id: string): Observable<string> {
    return of(`${id}${++this.calls}`);
  }

  @Cacheable({ key: (id: string) => id })
  declared(id: string): Observable<string> {
    return of(`${id}${++this.calls}`);
  }

  @Cacheable({ key: () => 'fail', returns: 'observable' })
  failing(): Observable<string> {
    this.calls++;
    return throwError(() => new Error('no luck'));
  }
}

@Injectable({ scope: Scope.REQUEST })
class Scoped {
  static calls = 0;
  @Cacheable({ key: (id: string) => id })
  async find(id: string) {
    Scoped.calls++;
    return id;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient {
  static calls = 0;
  @Cacheable({ key: (id: string) => id })
  async find(id: string) {
    Transient.calls++;
    return id;
  }
}
