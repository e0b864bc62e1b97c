/** The largest value that fits is stored, one byte more is refused: to the byte, as the server counts. */
import type { MemcachedPoolOptions } from '../../lib/core/pool/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';

const MIB = 1_048_576;
const promise = hasMemcached ? test : test.skip;
const patient: MemcachedPoolOptions = { connectTimeout: '10s', commandTimeout: '20s' };

describe.each([
  ['1m', MIB, []],
  ['8m', 8 * MIB, ['-I', '8m', '-m', '128']],
])('on a server with -I %s', (size, bytes, args: string[]) => {
  let server: RealMemcached;
  let pool: MemcachedPool;
  beforeAll(async () => {
    if (!hasMemcached) return;
    server = await RealMemcached.start({ args });
    pool = new MemcachedPool({ nodes: server.address, maxItemSize: size, ...patient });
  });
  afterAll(async () => {
    await pool?.close();
    await server?.stop();
  });

  promise.each([
    ['a short key', 'k'],
    ['a long key', 'k'.repeat(250)],
    ['a key beyond ASCII', 'ключ:日本'],
  ])('%s › the largest value fits, one byte more is refused before a byte is written', async (_name, key) => {
    const room = bytes - 59 - 4 - Buffer.byteLength(key);
    const largest = Buffer.alloc(room, 7);
    await pool.set(key, largest);
    expect((await pool.get<Buffer>(key))!.equals(largest)).toBe(true);
    await expect(pool.set(key, Buffer.alloc(room + 1))).rejects.toMatchObject({
      code: 'MEMCACHED_TOO_LARGE',
      sent: 'no',
      message: expect.stringContaining(`at most ${room} fit (maxItemSize ${bytes})`),
    });
    expect((await pool.get<Buffer>(key))!.equals(largest)).toBe(true);
  });

  promise('large values of many callers at once come back to whom they belong', async () => {
    const values = Array.from({ length: 8 }, (_, i) => Buffer.alloc(bytes / 2, i + 1));
    await Promise.all(values.map((value, i) => pool.set(`large:${i}`, value)));
    const read = await Promise.all(values.map((_, i) => pool.get<Buffer>(`large:${i}`)));
    for (const [i, value] of read.entries()) expect(value!.equals(values[i]!)).toBe(true);
  });
});

promise('a value larger than the server takes fails that call alone; its neighbours are right', async () => {
  const server = await RealMemcached.start();
  const pool = new MemcachedPool({ nodes: server.address, maxItemSize: '8m', ...patient });
  const [before, large, after] = await Promise.allSettled([
    pool.set('before', 1),
    pool.set('large', Buffer.alloc(2 * MIB)),
    pool.set('after', 2).then(() => pool.getMany(['before', 'after'])),
  ]);
  expect(before.status).toBe('fulfilled');
  expect(large).toMatchObject({
    reason: { code: 'MEMCACHED_TOO_LARGE', sent: 'maybe', node: server.address },
  });
  expect(after).toMatchObject({
    value: new Map([
      ['before', 1],
      ['after', 2],
    ]),
  });
  expect(pool.nodes()[0]).toMatchObject({ state: 'up' });
  await pool.close();
  await server.stop();
});

promise('an append beyond the largest item is not stored, and what was there stays', async () => {
  const server = await RealMemcached.start();
  const pool = new MemcachedPool({ nodes: server.address, ...patient });
  await pool.set('a', 'x'.repeat(900_000));
  expect(await pool.append('a', 'y'.repeat(200_000))).toBe(false);
  expect(await pool.get('a')).toHaveLength(900_000);
  expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
  await pool.close();
  await server.stop();
});
