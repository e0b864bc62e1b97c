/** One behaviour, many servers: what a caller of MemcachedPool sees must not depend on who answers. */
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { type Running, targets } from './support/targets.js';

describe.each(targets)('commands on $name', ({ available, start, proxy }) => {
  const promise = available ? test : test.skip;
  const direct = available && proxy !== true ? test : test.skip;
  let running: Running;
  let pool: MemcachedPool;
  /** A key nobody else uses. */
  let key: string;
  let counter = 0;

  beforeAll(async () => {
    if (!available) return;
    running = await start();
    pool = new MemcachedPool({ commandTimeout: '10s', connectTimeout: '10s', ...running.options });
  });
  afterAll(async () => {
    await pool?.close();
    await running?.stop();
  });
  beforeEach(() => {
    key = `key:${++counter}`;
  });

  promise('get › is undefined for a key that is not there', async () => {
    expect(await pool.get(key)).toBeUndefined();
  });

  promise.each([
    ['text', 'hello'],
    ['empty text', ''],
    ['text beyond ASCII', 'häß日本 😀'],
    ['text like an answer', 'VALUE a 0 1\r\nx\r\nEND\r\nSTORED\r\nVA 1\r\n'],
    ['a number', 42.5],
    ['a bigint', 2n ** 80n],
    ['true', true],
    ['null', null],
    ['an object', { a: [1, { b: 'ü' }], c: null }],
    ['a tree of Dates and Maps', { at: new Date(0), m: new Map([['k', new Set([1n])]]) }],
    ['a Buffer', Buffer.from([0, 13, 10, 255])],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['a large Buffer', Buffer.alloc(500_000, 7)],
    ['a large text', 'é'.repeat(100_000)],
  ])('set and get › bring %s back equal', async (_name, value) => {
    await pool.set(key, value);
    expect(await pool.get(key)).toStrictEqual(value);
  });

  promise('get › gives each of a crowd its own: values, misses, empty texts, large values', async () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `${key}:${'long'.repeat(i % 50)}:${i}`);
    const stored = (i: number) => {
      if (i % 100 === 3) return Buffer.alloc(300_000, i);
      return i % 5 === 0 ? '' : { of: i };
    };
    const values = keys.map((_, i) => (i % 7 === 0 ? undefined : stored(i)));
    await pool.setMany(new Map(keys.flatMap((each, i) => (i % 7 === 0 ? [] : [[each, values[i]]]))));
    for (let round = 0; round < 3; round++) {
      expect(await Promise.all(keys.map((each) => pool.get(each)))).toStrictEqual(values);
    }
    // Whoever asks again as soon as it is answered: turns of every size.
    const reader = async (from: number) => {
      for (let step = 0; step < 20; step++) {
        const i = (from + step * 37) % keys.length;
        expect(await pool.get(keys[i]!)).toStrictEqual(values[i]);
      }
    };
    await Promise.all(keys.map((_, i) => reader(i)));
    const twice = [...keys, ...keys];
    expect(await Promise.all(twice.map((each) => pool.get(each)))).toStrictEqual([...values, ...values]);
  });

  promise('set › replaces what was there', async () => {
    await pool.set(key, 'a');
    await pool.set(key, { b: 1 });
    expect(await pool.get(key)).toEqual({ b: 1 });
  });

  promise('set › keeps an item for its ttl', async () => {
    await pool.set(key, 'short', { ttl: 500 });
    await pool.set(`${key}:long`, 'long', { ttl: '31d' });
    expect(await pool.get(`${key}:long`)).toBe('long');
    await waitUntil(async () => (await pool.get(key)) === undefined);
  });

  promise('add › stores only what is missing, replace only what is there', async () => {
    expect(await pool.replace(key, 1)).toBe(false);
    expect(await pool.add(key, 2)).toBe(true);
    expect(await pool.add(key, 3)).toBe(false);
    expect(await pool.get(key)).toBe(2);
    expect(await pool.replace(key, 4)).toBe(true);
    expect(await pool.get(key)).toBe(4);
  });

  promise('append and prepend › add to a text, and say false where there is none', async () => {
    expect(await pool.append(key, 'x')).toBe(false);
    expect(await pool.prepend(key, 'x')).toBe(false);
    await pool.set(key, 'b');
    expect(await pool.append(key, 'ç')).toBe(true);
    expect(await pool.prepend(key, Buffer.from('a'))).toBe(true);
    expect(await pool.get(key)).toBe('abç');
  });

  promise('cas › stores only over the version that was read', async () => {
    await pool.set(key, 'a');
    const read = await pool.gets(key);
    expect(read).toEqual({ value: 'a', cas: expect.any(BigInt) });
    expect(await pool.cas(key, 'b', read!.cas)).toBe('stored');
    expect(await pool.cas(key, 'c', read!.cas)).toBe('exists');
    expect(await pool.cas(`${key}:none`, 'c', read!.cas)).toBe('missing');
    expect(await pool.get(key)).toBe('b');
    expect(await pool.gets(`${key}:none`)).toBeUndefined();
  });

  promise('cas › takes a token that went through JSON', async () => {
    await pool.set(key, 'a');
    const token = String((await pool.gets(key))!.cas) as unknown as bigint;
    expect(await pool.cas(key, 'b', token)).toBe('stored');
  });

  promise('delete › says whether there was something', async () => {
    await pool.set(key, 1);
    expect(await pool.delete(key)).toBe(true);
    expect(await pool.delete(key)).toBe(false);
    expect(await pool.get(key)).toBeUndefined();
  });

  promise('touch › gives a new lifetime, and says false where there is nothing', async () => {
    await pool.set(key, 1, { ttl: '1h' });
    expect(await pool.touch(key, 500)).toBe(true);
    expect(await pool.touch(`${key}:none`, 500)).toBe(false);
    await waitUntil(async () => (await pool.get(key)) === undefined);
  });

  direct('gat › reads and gives a new lifetime', async () => {
    await pool.set(key, 'v', { ttl: '1h' });
    expect(await pool.gat(key, 500)).toBe('v');
    expect(await pool.gat(`${key}:none`, 500)).toBeUndefined();
    await waitUntil(async () => (await pool.get(key)) === undefined);
  });

  promise('incr and decr › count a number that was set', async () => {
    await pool.set(key, 10);
    expect(await pool.incr(key)).toBe(11);
    expect(await pool.incr(key, 5)).toBe(16);
    expect(await pool.decr(key, 10)).toBe(6);
    expect(await pool.get(key)).toBe(6);
    expect(await pool.decr(key, 100)).toBe(0);
    expect(await pool.incr(key, 7n)).toBe(7n);
  });

  promise('incr › is undefined for a missing key, and makes it with an initial value', async () => {
    expect(await pool.incr(key)).toBeUndefined();
    expect(await pool.incr(key, 3, { initial: 100, ttl: '1m' })).toBe(100);
    expect(await pool.incr(key, 3, { initial: 100 })).toBe(103);
    expect(await pool.get(key)).toBe(103);
    expect(await pool.decr(`${key}:big`, 1n, { initial: 2n ** 63n })).toBe(2n ** 63n);
    expect(await pool.decr(`${key}:big`, 1n)).toBe(2n ** 63n - 1n);
  });

  promise('incr › makes a missing counter once for many callers', async () => {
    const counts = await Promise.all(Array.from({ length: 20 }, () => pool.incr(key, 1, { initial: 1 })));
    expect([...counts].sort((a, b) => a! - b!)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  promise('incr › rejects a number it cannot hold and carries the exact one', async () => {
    await pool.set(key, Number.MAX_SAFE_INTEGER);
    await expect(pool.incr(key)).rejects.toMatchObject({
      code: 'MEMCACHED_UNSAFE_NUMBER',
      value: 9_007_199_254_740_992n,
    });
    expect(await pool.incr(key, 1n)).toBe(9_007_199_254_740_993n);
  });

  promise('incr › of what is no number fails alone, its neighbours are right', async () => {
    await pool.set(key, 'text');
    await pool.set(`${key}:n`, 1);
    const [failed, count, text] = await Promise.allSettled([
      pool.incr(key),
      pool.incr(`${key}:n`),
      pool.get(key),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'MEMCACHED_SERVER' } });
    expect([count, text]).toMatchObject([{ value: 2 }, { value: 'text' }]);
  });

  promise.each([0, 1, 2, 3_000])('getMany and setMany › work with %i keys', async (count) => {
    const entries = Array.from({ length: count }, (_, i) => [`${key}:${i}`, { i, text: 'ü' }] as const);
    await pool.setMany(entries, { ttl: '1h' });
    const keys = [
      ...entries.map(([name]) => name),
      `${key}:none`,
      ...entries.slice(0, 5).map(([name]) => name),
    ];
    expect(await pool.getMany(keys)).toEqual(new Map(entries));
  });

  promise('deleteMany › counts what was there', async () => {
    await pool.setMany([
      [`${key}:a`, 1],
      [`${key}:b`, 2],
    ]);
    expect(await pool.deleteMany([`${key}:a`, `${key}:b`, `${key}:c`])).toBe(2);
    expect(await pool.deleteMany([])).toBe(0);
  });

  promise('keys › of 250 bytes, in unicode and with names of Object are just keys', async () => {
    const keys = [
      'k'.repeat(250),
      '日本語',
      'é'.repeat(125),
      '__proto__',
      'constructor',
      '12345',
      'a\u00a0b',
    ];
    for (const [index, name] of keys.entries()) await pool.set(name, index);
    expect(await pool.getMany(keys)).toEqual(new Map(keys.map((name, index) => [name, index])));
    for (const [index, name] of keys.entries()) expect(await pool.get(name)).toBe(index);
  });

  promise.each([
    ['an empty key', ''],
    ['251 bytes', 'k'.repeat(251)],
    ['251 bytes of UTF-8', `${'é'.repeat(125)}x`],
    ['a space', 'a b'],
    ['a line end', 'a\r\nflush_all'],
    ['a null', 'a\0'],
    ['a delete character', 'a\x7f'],
    ['half a surrogate pair', 'a\ud800'],
  ])('keys › with %s are refused before anything is sent', async (_name, bad) => {
    await expect(pool.get(bad)).rejects.toMatchObject({ code: 'MEMCACHED_KEY', sent: 'no' });
    await expect(pool.set(bad, 1)).rejects.toMatchObject({ code: 'MEMCACHED_KEY' });
    await expect(pool.getMany(['ok', bad])).rejects.toMatchObject({ code: 'MEMCACHED_KEY' });
  });

  promise.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 'soon', '-5s', 4e12])(
    'a ttl of %p › is refused',
    async (ttl) => {
      await expect(pool.set(key, 1, { ttl })).rejects.toMatchObject({
        code: 'MEMCACHED_ARGUMENT',
        sent: 'no',
      });
    },
  );

  promise('a value too large › is refused before a byte is written, the largest fits', async () => {
    const room = 1_048_576 - 59 - 4 - key.length;
    await pool.set(key, Buffer.alloc(room, 1));
    expect(await pool.get<Buffer>(key)).toHaveLength(room);
    await expect(pool.set(key, Buffer.alloc(room + 1, 1))).rejects.toMatchObject({
      code: 'MEMCACHED_TOO_LARGE',
      sent: 'no',
    });
    expect(await pool.get<Buffer>(key)).toHaveLength(room);
  });

  promise.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a class instance', new (class Product {})()],
  ])('set › refuses %s', async (_name, value) => {
    await expect(pool.set(key, value)).rejects.toMatchObject({ code: 'MEMCACHED_VALUE', sent: 'no' });
  });

  promise.each([1.5, -1, Number.NaN, 1e21, 2n ** 64n, '1' as never])(
    'incr › refuses a delta of %p',
    async (delta) => {
      await expect(pool.incr(key, delta as number)).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT' });
    },
  );

  promise('pipelining › gives each of a thousand callers its own value', async () => {
    await pool.setMany(Array.from({ length: 1_000 }, (_, i) => [`${key}:${i}`, `value ${i}`] as const));
    const values = await Promise.all(Array.from({ length: 1_000 }, (_, i) => pool.get(`${key}:${i}`)));
    expect(values).toEqual(Array.from({ length: 1_000 }, (_, i) => `value ${i}`));
  });

  direct('stats, version and flushAll › ask every node', async () => {
    await pool.set(key, 1);
    const [[node, stats]] = [...(await pool.stats())] as [[string, Record<string, string>]];
    expect(Number(stats.curr_items)).toBeGreaterThan(0);
    expect((await pool.version()).get(node)).toMatch(/^\d+\.\d+/);
    await pool.flushAll();
    expect(await pool.get(key)).toBeUndefined();
  });

  promise('signal › rejects at once with its reason and leaves the others right', async () => {
    await pool.setMany(Array.from({ length: 40 }, (_, i) => [`${key}:${i}`, i] as const));
    const abort = new AbortController();
    const calls = Array.from({ length: 40 }, (_, i) =>
      pool.get(`${key}:${i}`, i % 2 === 0 ? { signal: abort.signal } : {}),
    );
    abort.abort();
    const ended = await Promise.allSettled(calls);
    expect(ended.filter((end) => end.status === 'rejected')).toHaveLength(20);
    expect(ended[1]).toMatchObject({ value: 1 });
    expect(ended[0]).toMatchObject({ reason: { name: 'AbortError' } });
    expect(await pool.get(`${key}:7`)).toBe(7);
  });
});

/** Waits for what only the server's own clock can bring about; gives up long after it must have come. */
async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
