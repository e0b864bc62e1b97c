/** Every call ends within its time, and what arrives too late goes to nobody. */
import { asked, makeBusy, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const TIMEOUT = { code: 'MEMCACHED_TIMEOUT' };

describe('commandTimeout', () => {
  test('ends a call to the millisecond, and says how long, where, and that it may have been applied', async () => {
    const { server, pool } = await stage.pair({ commandTimeout: 700 });
    server.misbehave.hang();
    const call = watch(pool.set('a', 1));
    await until(() => asked(server).length === 1);
    await stage.pass(699);
    expect(call.state).toBe('pending');
    await stage.pass(1);
    expect(call.error).toMatchObject({
      ...TIMEOUT,
      sent: 'maybe',
      node: server.address,
      message: `${server.address} did not answer within 700 ms (commandTimeout).`,
    });
  });

  test('counts the wait for a socket; nothing was sent then', async () => {
    const server = await stage.server();
    server.misbehave.hang();
    const pool = stage.pool(server, { commandTimeout: 200, connectTimeout: 5_000 });
    const call = watch(pool.get('a'));
    await until(() => server.commands.length === 1);
    await stage.pass(200);
    expect(call.error).toMatchObject({ ...TIMEOUT, sent: 'no' });
    expect(pool.nodes()[0]).toMatchObject({ pending: 0, state: 'idle' });
  });

  test('ends every call in its own time, not all with the first', async () => {
    const { server, pool } = await stage.pair({ connectTimeout: 5_000 });
    const { ended } = await makeBusy(server, pool);
    const calls = [];
    for (let i = 0; i < 3; i++) {
      calls.push(watch(pool.get(`k${i}`, { timeout: 5_000 })));
      await stage.pass(100);
    }
    expect(calls.map(({ state }) => state)).not.toContain('rejected');
    expect(ended.state).toBe('pending');
    await stage.pass(200);
    expect(ended.error).toMatchObject(TIMEOUT);
  });

  test('takes an answer that is there already, however late the process looks', async () => {
    const { pool } = await stage.pair();
    await pool.set('a', 1);
    const call = pool.get('a');
    await new Promise<void>((resolve) => process.nextTick(resolve));
    // The process stalls for a minute; the answer has come meanwhile.
    const end = performance.now() + 50;
    while (performance.now() < end);
    await new Promise<void>((resolve) => setImmediate(resolve));
    stage.clock.advance(60_000);
    expect(await call).toBe(1);
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
  });

  test('ends calls for many keys with what was read and what was not', async () => {
    const [good, bad] = await stage.servers(2);
    const pool = stage.pool([good!.address, bad!.address]);
    await pool.connect();
    const entries = Array.from({ length: 100 }, (_, i) => [`k${i}`, i] as const);
    await pool.setMany(entries);
    bad!.misbehave.hang();
    const call = watch(pool.getMany(entries.map(([key]) => key)));
    await until(() => asked(bad!).some((line) => line.startsWith('get ')));
    await quiet();
    await stage.pass(500);
    expect(call.error).toMatchObject({ code: 'MEMCACHED_PARTIAL', node: bad!.address, sent: 'maybe' });
    const { values, failed } = call.error as { values: Map<string, unknown>; failed: Map<string, unknown> };
    expect(values.size + failed.size).toBe(100);
    for (const [key, value] of values) expect([pool.nodeOf(key), `k${value}`]).toEqual([good!.address, key]);
    for (const [key, error] of failed) {
      expect(pool.nodeOf(key)).toBe(bad!.address);
      expect(error).toMatchObject({
        node: bad!.address,
        message: expect.stringContaining('not a byte came for 500 ms'),
      });
    }
  });
});

describe('late answers', () => {
  test('go to nobody: every later call gets its own', async () => {
    const { server, pool } = await stage.pair();
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    for (const key of keys) await pool.set(key, key);
    server.clearCommands();
    server.misbehave.delay(450);
    const calls = [];
    for (const [i, key] of keys.entries()) {
      // Every second one gives up before its answer comes.
      calls.push(watch(pool.get(key, i % 2 ? { timeout: 100 } : {})));
      await until(() => asked(server).length === i + 1);
      await stage.pass(20);
    }
    for (let step = 0; step < 9; step++) await stage.pass(50);
    await until(() => pool.nodes()[0]!.pending === 0);
    for (const [i, call] of calls.entries()) {
      if (i % 2) expect(call.error).toMatchObject(TIMEOUT);
      else expect(call.value).toBe(keys[i]);
    }
    expect(server.stats.total_connections).toBe(1);
  });
});

describe('a call with its own timeout or signal', () => {
  test('ends sooner than commandTimeout without harm to the socket', async () => {
    const { server, pool } = await stage.pair();
    const slow = server.misbehave.delay(300);
    const short = watch(pool.get('a', { timeout: '100ms' }));
    const long = watch(pool.get('b'));
    await until(() => asked(server).length === 2);
    await stage.pass(100);
    expect(short.error).toMatchObject({
      ...TIMEOUT,
      sent: 'maybe',
      message: `${server.address} did not answer within 100 ms.`,
    });
    expect(long.state).toBe('pending');
    await stage.pass(200);
    await until(() => long.state === 'resolved');
    await slow.stop();
    expect(await pool.get('a')).toBeUndefined();
    expect(server.stats.total_connections).toBe(1);
    expect(pool.nodes()[0]!.state).toBe('up');
  });

  test('may last longer than commandTimeout while something arrives', async () => {
    const { server, pool } = await stage.pair();
    await pool.set('slow', 'value');
    const delays = server.misbehave.delay(400);
    const slow = watch(pool.gat('slow', 0, { timeout: 2_000 }));
    await until(() => asked(server).length === 2);
    await delays.stop();
    const late = server.misbehave.delay(750);
    const slower = watch(pool.get('slow', { timeout: 2_000 }));
    await until(() => asked(server).length === 3);
    await stage.pass(400);
    await until(() => slow.state === 'resolved');
    await stage.pass(350);
    await until(() => slower.state === 'resolved');
    await late.stop();
    expect([slow.value, slower.value]).toEqual(['value', 'value']);
  });

  test('aborts at once with the reason of its signal; its neighbours and the socket stay', async () => {
    const { server, pool } = await stage.pair();
    await pool.set('a', 1);
    const held = server.misbehave.delay(100);
    const abort = new AbortController();
    const gone = watch(pool.get('a', { signal: abort.signal }));
    const stays = watch(pool.get('a'));
    const reason = new Error('the user left');
    abort.abort(reason);
    for (let ticks = 0; ticks < 4; ticks++) await Promise.resolve();
    expect(gone).toMatchObject({ state: 'rejected', error: reason });
    await until(() => asked(server).length === 3);
    await stage.pass(100);
    await until(() => stays.state === 'resolved');
    await held.stop();
    expect(stays.value).toBe(1);
    expect(server.stats.total_connections).toBe(1);
  });

  test('sends nothing when the signal is aborted already', async () => {
    const { server, pool } = await stage.pair();
    for (const call of [
      pool.get('a', { signal: AbortSignal.abort() }),
      pool.set('a', 1, { signal: AbortSignal.abort() }),
      pool.getMany(['a', 'b'], { signal: AbortSignal.abort() }),
      pool.incr('a', 1, { initial: 1, signal: AbortSignal.abort() }),
      pool.version({ signal: AbortSignal.abort() }),
    ]) {
      await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    }
    await quiet();
    expect(asked(server)).toEqual([]);
    expect(pool.nodes()[0]!.pending).toBe(0);
  });

  test('leaves no timer and no listener behind', async () => {
    const { pool } = await stage.pair();
    const abort = new AbortController();
    const removed = jest.spyOn(abort.signal, 'removeEventListener');
    const before = stage.clock.pendingTimers;
    await pool.set('a', 1, { timeout: 100, signal: abort.signal });
    await pool.get('a', { timeout: 100, signal: abort.signal });
    await pool.incr('n', 1, { initial: 1, timeout: 100, signal: abort.signal });
    await pool.getMany(['a', 'b'], { timeout: 100, signal: abort.signal });
    expect(removed).toHaveBeenCalledTimes(4);
    // The sweep of the node may be set; nothing else.
    expect(stage.clock.pendingTimers).toBeLessThanOrEqual(before + 1);
  });

  test('many calls with one signal put one listener on it: Node takes more for a leak', async () => {
    const { pool } = await stage.pair();
    const abort = new AbortController();
    const added = jest.spyOn(abort.signal, 'addEventListener');
    const calls = Array.from({ length: 40 }, (_, i) => pool.get(`k${i}`, { signal: abort.signal }));
    expect(added).toHaveBeenCalledTimes(1);
    abort.abort();
    for (const call of calls) await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  test.each([0, -1, Number.NaN, 'soon', '0ms'])('a timeout of %p is refused', async (timeout) => {
    const { pool } = await stage.pair();
    for (const call of [pool.get('a', { timeout }), pool.getMany(['a'], { timeout })]) {
      await expect(call).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT', sent: 'no' });
    }
  });
});

describe('a silent socket', () => {
  test('is destroyed although another one of the node answers; the node stays', async () => {
    const { server, pool } = await stage.pair();
    await makeBusy(server, pool);
    watch(pool.get('behind'));
    await until(() => pool.nodes()[0]!.sockets === 2);
    await server.misbehave.nothing();
    const frozen = server.misbehave.hang().forCommand('mg').once();
    const mute = watch(pool.get('mute'));
    await until(() => asked(server).some((line) => line.startsWith('mg mute')));
    await frozen.stop();
    // The first socket goes on with its bytes all the while.
    for (let step = 0; step < 5; step++) {
      await stage.pass(100);
      await quiet(5);
    }
    expect(mute.error).toMatchObject(TIMEOUT);
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    watch(pool.get('behind'));
    await until(() => pool.nodes()[0]!.sockets === 2);
    expect(await pool.get('next')).toBeUndefined();
  });

  test('is not destroyed by short timeouts of calls alone', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.hang();
    const calls = Array.from({ length: 10 }, () => watch(pool.get('a', { timeout: 50 })));
    await until(() => asked(server).length === 10);
    await stage.pass(499);
    expect(calls.every(({ state }) => state === 'rejected')).toBe(true);
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    // A whole commandTimeout without a byte is another matter.
    await stage.pass(1);
    expect(pool.nodes()[0]).toMatchObject({ state: 'blacklisted', sockets: 0, pending: 0 });
  });
});
