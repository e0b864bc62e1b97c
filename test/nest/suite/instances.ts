/**
 * Whom `@Cacheable` reaches: every instance an application has, however it was made, and no other.
 */
import {
  type CallHandler,
  type ExecutionContext,
  Global,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  type OnModuleInit,
  UseInterceptors,
} from '@nestjs/common';
import { ExternalContextCreator, ModuleRef } from '@nestjs/core';
import { defer, lastValueFrom, map, type Observable } from 'rxjs';
import { Cacheable, MemcachedCache, MemcachedPoolModule } from '../../../lib/index.js';
import { freshNamespace, type StartBackend } from '../support/backends.js';
import { inNewRequest, useApplications } from './applications.js';
import { Catalog, keyOf, Scoped, Transient } from './fixtures.js';

export function instances(start: StartBackend): void {
  const nest = useApplications(start);
  const { boot, pool } = nest;

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
          return { nodes: nest.backend.address, cache: { namespace: freshNamespace() } };
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

    it('reaches methods that are called through an external proxy, as resolvers are', async () => {
      @Injectable()
      class Loud implements NestInterceptor {
        intercept(_: ExecutionContext, next: CallHandler) {
          return next.handle().pipe(map((found) => ({ ...found, loud: true })));
        }
      }
      @Injectable()
      class Resolver extends Catalog {
        @UseInterceptors(Loud)
        @Cacheable({ key: keyOf })
        override async find(id: string) {
          return super.find(id);
        }
      }
      const app = await boot({ providers: [Resolver, Loud] });
      const resolver = app.get(Resolver);
      const field = app.get(ExternalContextCreator).create(resolver, resolver.find as () => unknown, 'find');
      for (const _ of [1, 2]) expect(await field('a')).toEqual({ id: 'a', call: 1, loud: true });
      expect(resolver.calls).toBe(1);
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
  });

  describe('@Cacheable without a cache', () => {
    it('runs instances uncached and in silence that were made by hand, where no application runs', async () => {
      const catalog = new Catalog();
      await catalog.find('a');
      await catalog.find('a');
      expect(catalog.calls).toBe(2);
      expect(nest.log.lines).toEqual([]);
    });

    it('warns once about an instance made by hand beside a running application', async () => {
      class ByHand {
        @Cacheable({ key: () => 'x' })
        async find() {}
      }
      await boot({});
      await new ByHand().find();
      await new ByHand().find();
      expect(nest.log.with('ByHand.find() runs uncached')).toHaveLength(1);
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
      expect(nest.log.with('sesions')).toEqual([line]);
      await app.get(Misled).find();
      await app.get(Misled).find();
      expect(app.get(Misled).calls).toBe(2);
      expect(nest.log.with('sesions')).toHaveLength(1);
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
      expect(nest.log.with('import MemcachedPoolModule.forRoot()')).toHaveLength(1);
    });
  });
}
