/**
 * What the decorators promise of versions: a result older than what is stored is handed to its caller, and not stored.
 */
import { Injectable } from '@nestjs/common';
import { Cacheable, CacheableMany, CachePut, MemcachedCache, withCache } from '../../lib/index.js';
import { useApplications } from './suite/applications.js';
import { onEachBackend } from './support/backends.js';

interface Row {
  id: string;
  version: number;
}

/** What the database, or a replica that lags behind, says next. */
let now = 0;
const versionOf = (row: Row) => row.version;

/** A class for each test: what is said once is said once for a class. */
function makeRows() {
  @Injectable()
  class Rows {
    @Cacheable({ key: 'row:{0}', version: versionOf })
    async find(id: string): Promise<Row> {
      return { id, version: now };
    }

    @CacheableMany({ key: 'row:{0}', version: versionOf })
    async findMany(ids: string[]): Promise<Row[]> {
      return ids.map((id) => ({ id, version: now }));
    }

    @CachePut({ key: 'row:{0}', version: (row: Row, _id: string, bonus: number) => row.version + bonus })
    async put(id: string, _bonus: number): Promise<Row> {
      return { id, version: now };
    }

    @Cacheable({ key: 'row:{0}', version: 3 })
    async constant(id: string): Promise<Row> {
      return { id, version: now };
    }

    @Cacheable({ key: 'row:{0}', version: () => 0.5 })
    async wrong(id: string): Promise<Row> {
      return { id, version: now };
    }
  }
  return Rows;
}

onEachBackend((start) => {
  const nest = useApplications(start);
  let rows: InstanceType<ReturnType<typeof makeRows>>;
  let cache: MemcachedCache;
  beforeEach(async () => {
    now = 0;
    const Rows = makeRows();
    const app = await nest.boot({ providers: [Rows] });
    rows = app.get(Rows);
    cache = app.get(MemcachedCache);
  });
  const stored = async (id: string) => (await cache.get<Row>(`row:${id}`))?.version;
  const anew = <T>(call: () => Promise<T>) => withCache({ forceFresh: true }, call);

  it('@Cacheable stores no result older than what is stored', async () => {
    now = 5;
    expect(await rows.find('a')).toEqual({ id: 'a', version: 5 });
    now = 4;
    expect(await anew(() => rows.find('a'))).toEqual({ id: 'a', version: 4 });
    expect(await stored('a')).toBe(5);
    now = 6;
    await anew(() => rows.find('a'));
    expect(await stored('a')).toBe(6);
    expect(cache.stats().refused).toBe(1);
  });

  it('@CacheableMany judges each result for itself', async () => {
    now = 3;
    await rows.findMany(['a']);
    now = 5;
    await rows.findMany(['b']);
    now = 4;
    await anew(() => rows.findMany(['a', 'b', 'c']));
    expect([await stored('a'), await stored('b'), await stored('c')]).toEqual([4, 5, 4]);
  });

  it('@CachePut asks a function of the result and the arguments', async () => {
    now = 5;
    await rows.put('a', 2);
    await rows.put('a', 1);
    expect(cache.stats().refused).toBe(1);
    now = 7;
    await rows.put('a', 0);
    expect(await stored('a')).toBe(7);
  });

  it('a number counts for all results', async () => {
    await cache.set('row:a', { version: 4 }, { version: 4 });
    await cache.set('row:b', { version: 2 }, { version: 2 });
    now = 9;
    for (const id of ['a', 'b']) await anew(() => rows.constant(id));
    expect([await stored('a'), await stored('b')]).toEqual([4, 9]);
  });

  it('a function that gives no version leaves the result uncached, with one line', async () => {
    expect(await rows.wrong('a')).toEqual({ id: 'a', version: 0 });
    expect(await rows.wrong('a')).toEqual({ id: 'a', version: 0 });
    expect(await stored('a')).toBeUndefined();
    expect(nest.log.with('"version" must be a whole number')).toHaveLength(1);
  });
});
