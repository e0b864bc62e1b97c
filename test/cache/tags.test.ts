/** Tags: values that depend on the same thing end together, on every node, for every process. */
import { Fleet, type Process } from './support/fleet.js';
import { setup, until } from './support/setup.js';

let fleet: Fleet;
let here: Process;
let there: Process;

async function start(options: Parameters<typeof Fleet.start>[0] = {}): Promise<void> {
  fleet = await Fleet.start(options);
  here = fleet.process({ ttl: '1h', stale: '1h' });
  there = fleet.process({ ttl: '1h', stale: '1h' });
}
afterEach(() => fleet.stop());

const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
const all = (value: unknown) => keys.map((key) => [key, value] as const);

describe.each([
  { name: 'with leases', options: {} },
  { name: 'on a classic server', options: { protocol: 'classic' } as const },
])('deleteByTag $name', ({ options }) => {
  beforeEach(() => start({ nodes: 3, ...options }));

  it('ends all values with the tag on all nodes, for everybody, and no other value', async () => {
    expect(await here.cache.setMany(all('tagged'), { tags: ['a', 'b'] })).toBe(true);
    await here.cache.set('other', 'stays', { tags: ['c'] });
    await here.cache.set('plain', 'stays');
    expect((await there.cache.getMany(keys)).size).toBe(40);
    expect(await there.cache.deleteByTag('a')).toBe(true);
    for (const { cache } of [here, there]) {
      expect(await cache.getMany(keys)).toEqual(new Map());
      expect(await cache.get('k1', { tags: ['a', 'b'] })).toBeUndefined();
      expect(await cache.get('other')).toBe('stays');
      expect(await cache.get('plain')).toBe('stays');
    }
  });

  it('ends what carries any of several tags', async () => {
    await here.cache.set('x', 1, { tags: ['a'] });
    await here.cache.set('y', 2, { tags: ['b', 'z'] });
    await here.cache.set('w', 3, { tags: ['z'] });
    expect(await here.cache.deleteByTag(['a', 'b'])).toBe(true);
    expect(await there.cache.getMany(['x', 'y', 'w'])).toEqual(new Map([['w', 3]]));
  });

  it('lets what is stored after it be seen', async () => {
    await here.cache.set('k', 'old', { tags: ['a'] });
    await there.cache.get('k');
    await here.cache.deleteByTag('a');
    expect(await there.cache.set('k', 'new', { tags: ['a'] })).toBe(true);
    expect(await here.cache.get('k')).toBe('new');
    expect(await there.cache.get('k', { tags: ['a'] })).toBe('new');
  });
});

describe('tags', () => {
  beforeEach(() => start());

  it('cost no round trip when they are named, and one when they are found', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v', { tags: ['a', 'b'] });
    const turns = async (read: () => Promise<unknown>): Promise<number> => {
      pool.forget();
      await read();
      return pool.turns();
    };
    expect(await turns(() => cache.get('k', { tags: ['a', 'b'] }))).toBe(1);
    expect(await turns(() => cache.get('k'))).toBe(2);
    expect(await turns(() => cache.getMany(['k', 'l'], { tags: ['a', 'b'] }))).toBe(1);
    expect(await turns(() => cache.set('k', 'w', { tags: ['a', 'b'] }))).toBe(1);
  });

  it('can be any text', async () => {
    for (const tag of ['a,b=c;d:e', 'ümlaut 🙂', ' ', '%2C', 'x'.repeat(250)]) {
      await here.cache.set('k', tag, { tags: [tag] });
      expect(await there.cache.get('k')).toBe(tag);
      await here.cache.deleteByTag(tag);
      expect(await there.cache.get('k')).toBeUndefined();
    }
  });

  it.each([
    { what: 'an empty one', tags: [''] },
    { what: 'a number', tags: [5] },
    { what: 'one of 251 characters', tags: ['a'.repeat(251)] },
    { what: 'half a surrogate pair', tags: ['\ud800'] },
    { what: 'more than 64', tags: Array.from({ length: 65 }, (_, i) => `${i}`) },
  ])('refuses $what', async ({ tags }) => {
    const wrong = expect.objectContaining({ code: 'MEMCACHED_ARGUMENT' });
    await expect(here.cache.deleteByTag(tags as string[])).rejects.toEqual(wrong);
    await expect(here.cache.expireByTag(tags as string[])).rejects.toEqual(wrong);
    await expect(here.cache.set('k', 1, { tags: tags as string[] })).rejects.toEqual(wrong);
    await expect(here.cache.get('k', { tags: tags as string[] })).rejects.toEqual(wrong);
  });

  it('of one namespace are not those of another', async () => {
    const other = here.cache.namespace('other');
    await here.cache.set('k', 1, { tags: ['a'] });
    await other.set('k', 2, { tags: ['a'] });
    await here.cache.deleteByTag('a');
    expect(await here.cache.get('k')).toBeUndefined();
    expect(await other.get('k')).toBe(2);
  });

  it('that were evicted make their values a miss', async () => {
    await here.cache.set('k', 'v', { tags: ['a'] });
    await here.pool.delete('cache~tag:a');
    expect(await there.cache.get('k')).toBeUndefined();
    expect(await there.cache.set('k', 'w', { tags: ['a'] })).toBe(true);
    expect(await here.cache.get('k')).toBe('w');
  });

  it('keep bytes, texts, null and objects what they are', async () => {
    for (const value of ['text', Buffer.from('b'), new Uint8Array([1]), null, { a: [1] }, 0]) {
      await here.cache.set('k', value, { tags: ['a'], stale: '1m' });
      expect(await there.cache.get('k')).toEqual(value);
    }
  });

  it('are remembered in a bounded number, and forgetting one is no harm', async () => {
    await here.cache.set('k', 'v', { tags: ['first'] });
    for (let i = 0; i < 5_100; i += 50) {
      const tags = Array.from({ length: 50 }, (_, j) => `t${i + j}`);
      await here.cache.get('nothing', { tags });
    }
    expect(await here.cache.get('k')).toBe('v');
    await there.cache.deleteByTag('first');
    expect(await here.cache.get('k')).toBeUndefined();
  });
});

describe('a load beside deleteByTag', () => {
  beforeEach(() => start());

  const loading = (
    options: { tags: string[] | (() => string[]) },
    ending: (tag: string) => Promise<unknown>,
  ) => {
    let answer!: (value: string) => void;
    const loaded = new Promise<string>((resolve) => {
      answer = resolve;
    });
    let begun = false;
    const asked = here.cache.getOrSet(
      'k',
      () => {
        begun = true;
        return loaded;
      },
      { ...options, stale: 0 },
    );
    return (async () => {
      await until(() => begun);
      await ending('a');
      answer('before');
      expect(await asked).toBe('before');
      return there.cache.get('k');
    })();
  };

  it.each([
    { how: 'named', tags: ['a'] },
    { how: 'told by the value', tags: () => ['a'] },
  ])('of a value whose tags are $how is not seen after it', async ({ tags }) => {
    expect(await loading({ tags }, (tag) => there.cache.deleteByTag(tag))).toBeUndefined();
    expect(await loading({ tags }, (tag) => there.cache.expireByTag(tag))).toBeUndefined();
    expect(await loading({ tags }, (tag) => here.cache.deleteByTag(tag))).toBeUndefined();
  });

  it.each([
    { how: 'named', tags: ['a'] },
    { how: 'told by the value', tags: () => ['a'] },
  ])('of a value whose tags are $how is stored when nothing was ended', async ({ tags }) => {
    expect(await loading({ tags }, async () => undefined)).toBe('before');
    await here.cache.delete('k');
    // A tag of its own that this process has seen before is no victim of another's end.
    expect(await loading({ tags }, () => there.cache.deleteByTag('another'))).toBe('before');
  });

  it('that a later caller begins does not join one from before', async () => {
    let loads = 0;
    let answer!: () => void;
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const load = async () => {
      const mine = ++loads;
      if (mine === 1) await gate;
      return mine;
    };
    const options = { tags: ['a'], losers: 'run' } as const;
    const first = here.cache.getOrSet('k', load, options);
    await until(() => loads === 1);
    await here.cache.deleteByTag('a');
    expect(await here.cache.getOrSet('k', load, options)).toBe(2);
    answer();
    expect(await first).toBe(1);
  });
});

describe('expireByTag', () => {
  beforeEach(() => start({ nodes: 2 }));

  it('makes values stale: gone to get, served by getOrSet while one reader refreshes', async () => {
    await here.cache.setMany(all('old'), { tags: ['a'] });
    expect(await there.cache.expireByTag('a')).toBe(true);
    expect(await here.cache.getMany(keys)).toEqual(new Map());
    let loads = 0;
    const read = () => there.cache.getOrSet('k1', () => `new ${++loads}`, { tags: ['a'] });
    expect(await read()).toBe('old');
    await until(() => loads === 1);
    for (let value = 'old'; value !== 'new 1'; ) value = await read();
    expect(loads).toBe(1);
    expect(await here.cache.get('k1')).toBe('new 1');
  });

  it('keeps values servable through eight expiries and no longer, nor through a deleteByTag', async () => {
    const serve = () => here.cache.getOrSet('k', () => 'new', { tags: ['a'], softTimeout: 0 });
    await here.cache.set('k', 'old', { tags: ['a'] });
    for (let i = 0; i < 8; i++) await there.cache.expireByTag('a');
    expect(await serve()).toBe('old');
    await here.cache.set('k', 'old', { tags: ['a'] });
    for (let i = 0; i < 9; i++) await there.cache.expireByTag('a');
    expect(await serve()).toBe('new');
    await here.cache.set('k', 'old', { tags: ['a'] });
    await there.cache.expireByTag('a');
    await there.cache.deleteByTag('a');
    expect(await serve()).toBe('new');
  });

  it('counts when many expire the same tag at once', async () => {
    await here.cache.set('k', 'old', { tags: ['a'] });
    const done = Array.from({ length: 12 }, (_, i) => (i % 2 ? here : there).cache.expireByTag('a'));
    expect(await Promise.all(done)).toEqual(Array(12).fill(true));
    expect(await here.cache.get('k')).toBeUndefined();
  });

  it('of a tag that no value has is confirmed', async () => {
    expect(await here.cache.expireByTag('nobody')).toBe(true);
    expect(await here.cache.deleteByTag([])).toBe(true);
  });
});

describe('an end of a tag that a node does not confirm', () => {
  beforeEach(() => start({ nodes: 2 }));

  it.each(['deleteByTag', 'expireByTag'] as const)(
    '%s › answers false, is logged once, and is made up for when the node is used again',
    async (end) => {
      await here.cache.setMany(all('v'), { tags: ['a'] });
      await here.cache.getMany(keys, { tags: ['a'] });
      const broken = fleet.servers.map((server) =>
        server.misbehave.answer('SERVER_ERROR out of order\r\n').forCommand('ms'),
      );
      expect(await here.cache[end]('a')).toBe(false);
      expect(here.lines.filter((line) => line.includes('not confirmed'))).toHaveLength(2);
      for (const one of broken) await one.stop();
      expect(await here.cache.getMany(keys)).toEqual(new Map());
      expect(await there.cache.getMany(keys)).toEqual(new Map());
      expect(await here.cache.set('k1', 'new', { tags: ['a'] })).toBe(true);
      expect(await there.cache.get('k1')).toBe('new');
    },
  );
});
