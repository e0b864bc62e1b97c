/** What is outstanding is bounded, in count and in bytes, and refused at once beyond that. */
import { asked, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const EXHAUSTED = { code: 'MEMCACHED_POOL_EXHAUSTED', sent: 'no' };

/** A value that counts how often it was turned into bytes. */
function counted(): { value: unknown; encodings: () => number } {
  let encodings = 0;
  return {
    value: {
      get part() {
        encodings++;
        return 1;
      },
    },
    encodings: () => encodings,
  };
}

describe('maxPending', () => {
  test('refuses at once when so many requests are outstanding, with nothing encoded or sent', async () => {
    const { server, pool } = await stage.pair({ maxPending: 10 });
    server.misbehave.hang();
    const calls = Array.from({ length: 10 }, (_, i) => watch(pool.get(`k${i}`)));
    const { value, encodings } = counted();
    await expect(pool.set('one-too-many', value)).rejects.toMatchObject({
      ...EXHAUSTED,
      node: server.address,
      message: `${server.address}: 10 requests outstanding (maxPending 10).`,
    });
    await expect(pool.getMany(['a', 'b'])).rejects.toMatchObject({ code: 'MEMCACHED_PARTIAL' });
    await until(() => asked(server).length === 10);
    await quiet();
    expect(encodings()).toBe(0);
    expect(asked(server)).toHaveLength(10);
    expect(calls.every(({ state }) => state === 'pending')).toBe(true);
  });

  test('counts requests that wait for a socket as well', async () => {
    const server = await stage.server();
    const pool = stage.pool(server, { maxPending: 3 });
    const calls = Array.from({ length: 3 }, () => pool.get('a'));
    await expect(pool.get('a')).rejects.toMatchObject(EXHAUSTED);
    expect(await Promise.all(calls)).toEqual([undefined, undefined, undefined]);
  });

  test('counts requests whose callers have given up, until their answer comes', async () => {
    const { server, pool } = await stage.pair({ maxPending: 2 });
    server.misbehave.delay(200);
    const calls = [watch(pool.get('a', { timeout: 50 })), watch(pool.get('b', { timeout: 50 }))];
    await until(() => asked(server).length === 2);
    await stage.pass(50);
    expect(calls.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    expect(pool.nodes()[0]!.pending).toBe(2);
    await expect(pool.get('c')).rejects.toMatchObject(EXHAUSTED);
    await stage.pass(150);
    await until(() => pool.nodes()[0]!.pending === 0);
    await server.misbehave.nothing();
    expect(await pool.get('c')).toBeUndefined();
  });

  test('gives places back when calls give up before anything was sent', async () => {
    const server = await stage.server();
    server.misbehave.hang();
    const pool = stage.pool(server, { maxPending: 2, connectTimeout: 10_000, commandTimeout: 10_000 });
    const abort = new AbortController();
    const calls = [pool.get('a', { signal: abort.signal }), pool.get('b', { signal: abort.signal })];
    abort.abort();
    await Promise.allSettled(calls);
    expect(pool.nodes()[0]!.pending).toBe(0);
    const next = watch(pool.get('c'));
    await quiet();
    expect(next.state).toBe('pending');
  });

  test('does not stop one call for many more keys than that', async () => {
    const { pool } = await stage.pair({ maxPending: 20 });
    const entries = Array.from({ length: 300 }, (_, i) => [`k${i}`, i] as const);
    await pool.setMany(entries);
    expect(await pool.getMany(entries.map(([key]) => key))).toEqual(new Map(entries));
    expect(await pool.deleteMany(entries.map(([key]) => key))).toBe(300);
  });
});

describe('maxPendingBytes', () => {
  test('refuses at once when so many bytes are outstanding', async () => {
    const { server, pool } = await stage.pair({ maxPendingBytes: '10k' });
    server.misbehave.hang();
    watch(pool.set('a', Buffer.alloc(6_000)));
    await expect(pool.set('b', Buffer.alloc(6_000))).rejects.toMatchObject({
      ...EXHAUSTED,
      message: `${server.address}: 6000 bytes outstanding (maxPendingBytes 10240).`,
    });
    watch(pool.set('c', Buffer.alloc(4_000)));
    expect(pool.nodes()[0]!.pending).toBe(2);
  });

  test('bytes are free again when answered', async () => {
    const { pool } = await stage.pair({ maxPendingBytes: '10k' });
    for (let i = 0; i < 20; i++) await pool.set('a', Buffer.alloc(9_000, i));
    expect(await pool.get('a')).toEqual(Buffer.alloc(9_000, 19));
  });
});

test('nothing stays counted after connections were lost in every way', async () => {
  const { server, pool } = await stage.pair({ maxPending: 50, maxPendingBytes: '1m' });
  const ways = [
    () => server.misbehave.cutAfter(0).once(),
    () => server.misbehave.cutAfter(3, { reset: true }).once(),
    () => server.misbehave.answer('nonsense\r\n').once(),
    () => server.misbehave.double().once(),
    () => server.misbehave.wrongOpaque().once(),
  ];
  for (const spoil of ways) {
    spoil();
    await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) =>
        i % 2 ? pool.get(`k${i}`) : pool.set(`k${i}`, 'x'.repeat(1_000)),
      ),
    );
    await until(() => pool.nodes()[0]!.pending === 0);
    // An answer in time, so that strikes do not add up.
    await pool.get('in-time');
  }
  expect(pool.nodes()[0]).toMatchObject({ pending: 0, state: 'up' });
  await Promise.all(Array.from({ length: 50 }, () => pool.set('a', 'x'.repeat(20_000))));
});
