/**
 * What `@CacheableMany` promises: one run for what is missing, and each result under the id it belongs to.
 */
import { Injectable } from '@nestjs/common';
import { Cacheable, CacheableMany, MemcachedCache, withCache } from '../../lib/index.js';
import { useApplications } from './suite/applications.js';
import { onEachBackend } from './support/backends.js';

interface Product {
  id: string;
  run: number;
}

const keyOf = (id: string) => `product:${id}`;

@Injectable()
class Catalog {
  /** With what each run was asked. */
  runs: unknown[] = [];
  answer: unknown;

  @Cacheable({ key: keyOf })
  async find(id: string): Promise<Product> {
    return { id, run: this.runs.push(id) };
  }

  @CacheableMany({ key: keyOf })
  async findMany(ids: readonly string[]): Promise<(Product | null | undefined)[]> {
    const run = this.runs.push(ids);
    return ids.map((id) => (id === 'none' ? undefined : id === 'null' ? null : { id, run }));
  }

  @CacheableMany({ key: keyOf, id: (product: Product) => product.id })
  async findAnyOrder(ids: string[]): Promise<Product[]> {
    const run = this.runs.push(ids);
    return ids
      .filter((id) => id !== 'none')
      .reverse()
      .map((id) => ({ id, run }));
  }

  @CacheableMany({ key: 'number:{0}:{1}', returns: 'map' })
  async findMap(ids: number[], locale: string): Promise<Map<number, string>> {
    this.runs.push([ids, locale]);
    return new Map(ids.filter((id) => id > 0).map((id) => [id, `${locale}${id}`]));
  }

  @CacheableMany({ key: keyOf })
  async wrongArray(_ids: string[]): Promise<unknown[]> {
    return this.answer as unknown[];
  }

  @CacheableMany({ key: keyOf, returns: 'map' })
  async wrongMap(_ids: string[]): Promise<Map<string, unknown>> {
    return this.answer as Map<string, unknown>;
  }

  @CacheableMany({ key: keyOf, onError: (_error: unknown, ids: string[]) => ids.map(() => 'instead') })
  async failing(ids: string[]): Promise<string[]> {
    this.runs.push(ids);
    throw new Error('no luck');
  }

  @CacheableMany({
    key: keyOf,
    unless: (product: Product) => product.id === 'a',
    tags: (product: Product) => [`tag:${product.id}`],
  })
  async judged(ids: string[]): Promise<Product[]> {
    const run = this.runs.push(ids);
    return ids.map((id) => ({ id, run }));
  }

  @CacheableMany({ key: keyOf, scope: (_ids: string[], user?: string) => user })
  async mine(ids: string[], user?: string): Promise<string[]> {
    this.runs.push([ids, user]);
    return ids.map((id) => `${user} ${id}`);
  }

  @CacheableMany({ key: 'loop:{0}' })
  async byOne(ids: string[]): Promise<Product[]> {
    return Promise.all(ids.map((id) => this.one(id)));
  }

  @Cacheable({ key: 'loop:{0}' })
  async one(id: string): Promise<Product> {
    return { id, run: this.runs.push(id) };
  }
}

onEachBackend((start) => {
  const nest = useApplications(start);
  let catalog: Catalog;
  let cache: MemcachedCache;
  beforeEach(async () => {
    const app = await nest.boot({ providers: [Catalog] });
    catalog = app.get(Catalog);
    cache = app.get(MemcachedCache);
  });

  it('runs the method once, with exactly the ids that are missing', async () => {
    await catalog.find('b');
    expect(await catalog.findMany(['a', 'b', 'c'])).toEqual([
      { id: 'a', run: 2 },
      { id: 'b', run: 1 },
      { id: 'c', run: 2 },
    ]);
    expect(catalog.runs).toEqual(['b', ['a', 'c']]);
    expect(await catalog.findMany(['c', 'a'])).toEqual([
      { id: 'c', run: 2 },
      { id: 'a', run: 2 },
    ]);
    expect(await catalog.find('c')).toEqual({ id: 'c', run: 2 });
    expect(catalog.runs).toHaveLength(2);
  });

  it('does not run the method for no ids, and once for an id that comes twice', async () => {
    expect(await catalog.findMany([])).toEqual([]);
    expect(catalog.runs).toEqual([]);
    const [one, other, again] = await catalog.findMany(['a', 'b', 'a']);
    expect([one?.id, other?.id, again?.id]).toEqual(['a', 'b', 'a']);
    expect(catalog.runs).toEqual([['a', 'b']]);
  });

  it('keeps null, and asks again for what does not exist', async () => {
    expect(await catalog.findMany(['null', 'none', 'a'])).toEqual([null, undefined, { id: 'a', run: 1 }]);
    expect(await catalog.findMany(['null', 'none', 'a'])).toEqual([null, undefined, { id: 'a', run: 1 }]);
    expect(catalog.runs).toEqual([['null', 'none', 'a'], ['none']]);
  });

  it('takes results in any order where they say whose they are', async () => {
    expect(await catalog.findAnyOrder(['a', 'none', 'b'])).toEqual([
      { id: 'a', run: 1 },
      { id: 'b', run: 1 },
    ]);
    expect(await catalog.findAnyOrder(['b', 'a'])).toEqual([
      { id: 'b', run: 1 },
      { id: 'a', run: 1 },
    ]);
    expect(catalog.runs).toHaveLength(1);
  });

  it('takes and gives a Map by id', async () => {
    expect(await catalog.findMap([2, -1, 1], 'de')).toEqual(
      new Map([
        [2, 'de2'],
        [1, 'de1'],
      ]),
    );
    expect([...(await catalog.findMap([1, 3, 2], 'de')).keys()]).toEqual([1, 3, 2]);
    await catalog.findMap([1], 'en');
    expect(catalog.runs).toEqual([
      [[2, -1, 1], 'de'],
      [[3], 'de'],
      [[1], 'en'],
    ]);
  });

  it.each<[string, unknown, string]>([
    ['too few results', ['only one'], 'the method returned 1 results for 2 ids. Return one for each id'],
    [
      'a Map',
      new Map(),
      "the method returned a Map where an array was expected. Write returns: 'map' for a Map.",
    ],
    ['nothing', undefined, 'the method returned undefined where an array was expected'],
  ])(
    'fails with a sentence, and stores nothing, when the method returned %s',
    async (_, answer, sentence) => {
      catalog.answer = answer;
      await expect(catalog.wrongArray(['a', 'b'])).rejects.toThrow(
        `@CacheableMany on Catalog.wrongArray(): ${sentence}`,
      );
      expect(await cache.getMany(['a', 'b'].map(keyOf))).toEqual(new Map());
    },
  );

  it('fails with a sentence when the method returned no Map', async () => {
    catalog.answer = ['a'];
    await expect(catalog.wrongMap(['a'])).rejects.toThrow('returned an array where a Map was expected');
    await expect(catalog.findMany('a' as never)).rejects.toThrow(
      'the first argument must be a list of ids, not "a"',
    );
  });

  it('hands on the error of the method, or what onError makes of it, and stores nothing', async () => {
    expect(await catalog.failing(['a', 'b'])).toEqual(['instead', 'instead']);
    expect(await catalog.failing(['a', 'b'])).toEqual(['instead', 'instead']);
    expect(catalog.runs).toHaveLength(2);
  });

  it('judges and tags each result for itself', async () => {
    await catalog.judged(['a', 'b', 'c']);
    await cache.deleteByTag('tag:c');
    await catalog.judged(['a', 'b', 'c']);
    expect(catalog.runs).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ]);
  });

  it('keeps scopes apart', async () => {
    expect(await catalog.mine(['a'], 'ann')).toEqual(['ann a']);
    expect(await catalog.mine(['a'], 'bob')).toEqual(['bob a']);
    expect(await catalog.mine(['a'], 'ann')).toEqual(['ann a']);
    await catalog.mine(['a']);
    await catalog.mine(['a']);
    expect(catalog.runs).toHaveLength(4);
  });

  it('never waits for itself where it finds its ids one by one', async () => {
    expect(await catalog.byOne(['a', 'b'])).toEqual([
      { id: 'a', run: 1 },
      { id: 'b', run: 2 },
    ]);
    await catalog.one('a');
    expect(catalog.runs).toEqual(['a', 'b']);
  });

  it('shares one run among concurrent calls', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => catalog.findMany(['a', 'b'])));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(catalog.runs).toEqual([['a', 'b']]);
  });

  it('follows what the caller says', async () => {
    await catalog.findMany(['a']);
    expect(await withCache({ skip: true }, () => catalog.findMany(['a']))).toEqual([{ id: 'a', run: 2 }]);
    expect(await catalog.findMany(['a'])).toEqual([{ id: 'a', run: 1 }]);
    expect(await withCache({ forceFresh: true }, () => catalog.findMany(['a']))).toEqual([
      { id: 'a', run: 3 },
    ]);
    expect(await catalog.findMany(['a'])).toEqual([{ id: 'a', run: 3 }]);
  });

  it('runs for all ids when memcached is gone', async () => {
    const dead = await start();
    const app = await nest.boot({ imports: [nest.pool({ nodes: dead.address })], providers: [Catalog] });
    await dead.stop();
    expect(await app.get(Catalog).findMany(['a', 'none'])).toEqual([{ id: 'a', run: 1 }, undefined]);
  });
});
