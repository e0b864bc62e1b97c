/**
 * Under which key a call is cached for which none was written, and what becomes of one that cannot be made.
 */
import { Injectable } from '@nestjs/common';
import { Cacheable } from '../../../lib/index.js';
import type { StartBackend } from '../support/backends.js';
import { useApplications } from './applications.js';
import { Answers, Catalog, Product } from './fixtures.js';

export function keys(start: StartBackend): void {
  const nest = useApplications(start);
  const { boot } = nest;

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
      expect(nest.log.with('Prices.of()')).toEqual([
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

    it('runs uncached, warning once, when the key function throws', async () => {
      @Injectable()
      class Odd {
        calls = 0;
        @Cacheable({ key: (product: { id: string }) => product.id.trim() })
        async find(_product: { id: string }) {
          return ++this.calls;
        }
      }
      const app = await boot({ providers: [Odd] });
      const nothing = JSON.parse('{}') as { id: string };
      await app.get(Odd).find(nothing);
      await app.get(Odd).find(nothing);
      expect(app.get(Odd).calls).toBe(2);
      expect(
        nest.log.with('Odd.find() ran uncached: "key", "condition" or "scope" threw (Cannot read'),
      ).toHaveLength(1);
    });
  });
}
