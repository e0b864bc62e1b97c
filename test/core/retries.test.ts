/** What is sent a second time and what never is, because it may have been applied. */
import type { MemcachedPool } from '../../lib/core/pool/pool.js';
import type { TestMemcached } from '../../lib/testing/index.js';
import { asked, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const LOST = { code: 'MEMCACHED_CONNECTION', sent: 'maybe' };

/** How often a command reached the server. */
const times = (server: TestMemcached, start: string) =>
  asked(server).filter((line) => line.startsWith(start)).length;

describe('retries', () => {
  test.each<[string, (pool: MemcachedPool) => Promise<unknown>, unknown]>([
    ['get', (pool) => pool.get('a'), 1],
    ['gets', async (pool) => (await pool.gets('a'))?.value, 1],
    ['getMany', async (pool) => [...(await pool.getMany(['a', 'b']))], [['a', 1]]],
    ['version', async (pool) => [...(await pool.version()).values()], ['1.6.18']],
    ['stats', async (pool) => (await pool.stats()).size, 1],
  ])('%s › is repeated when the connection died under it', async (_name, call, expected) => {
    const { server, pool } = await stage.pair();
    await pool.set('a', 1);
    server.misbehave.cutAfter(0).once();
    expect(await call(pool)).toEqual(expected);
    expect(server.stats.total_connections).toBe(2);
  });

  test.each<[string, string, (pool: MemcachedPool) => Promise<unknown>]>([
    ['set', 'ms', (pool) => pool.set('n', 1)],
    ['add', 'ms', (pool) => pool.add('n', 1)],
    ['replace', 'ms', (pool) => pool.replace('n', 1)],
    ['append', 'ms', (pool) => pool.append('n', '1')],
    ['prepend', 'ms', (pool) => pool.prepend('n', '1')],
    ['cas', 'ms', (pool) => pool.cas('n', 1, 1n)],
    ['delete', 'md', (pool) => pool.delete('n')],
    ['touch', 'mg', (pool) => pool.touch('n', '1m')],
    ['gat', 'mg', (pool) => pool.gat('n', '1m')],
    ['incr', 'ma', (pool) => pool.incr('n')],
    ['decr', 'ma', (pool) => pool.decr('n')],
    ['flushAll', 'flush_all', (pool) => pool.flushAll()],
    ['leases.read', 'mg', (pool) => pool.leases.read('n', { lock: 2_000 })],
  ])('%s › is not repeated when the connection died after it was written', async (_name, start, call) => {
    const { server, pool } = await stage.pair({ retries: 5 });
    await pool.set('n', 10);
    server.clearCommands();
    server.misbehave.cutAfter(0).once();
    const error: unknown = await call(pool).catch((failure: unknown) => failure);
    const failed = (error as { failed?: Map<string, unknown> }).failed;
    expect(failed === undefined ? error : [...failed.values()][0]).toMatchObject(LOST);
    await quiet();
    expect(times(server, start)).toBe(1);
  });

  test('incr › counts once, whatever the caller is told', async () => {
    const { server, pool } = await stage.pair();
    await pool.set('n', 10);
    server.misbehave.cutAfter(0).forCommand('ma').once();
    await expect(pool.incr('n')).rejects.toMatchObject(LOST);
    expect(await pool.get('n')).toBe(11);
  });

  test('incr with initial › is not repeated either, at any of its steps', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.cutAfter(0).forCommand('ms').once();
    await expect(pool.incr('n', 1, { initial: 5 })).rejects.toMatchObject(LOST);
    expect(await pool.get('n')).toBe(5);
    server.misbehave.cutAfter(0).forCommand('ma').once();
    await expect(pool.incr('n', 1, { initial: 5 })).rejects.toMatchObject(LOST);
    expect(await pool.get('n')).toBe(6);
  });

  test('incr › never counts twice while connections die under it', async () => {
    const { server, pool } = await stage.pair();
    await pool.set('n', 10);
    // The answer to the get is nonsense: the connection ends while incr is still in this turn's buffer.
    const spoilt = server.misbehave.answer('nonsense\r\n').once();
    const counted: Promise<unknown>[] = [];
    const get = pool.get('n', { timeout: 5_000 }).then(
      () => undefined,
      () => undefined,
    );
    const before = server.stats.total_connections as number;
    const dispatching = new Promise<void>((resolve) => {
      const tick = () => {
        if ((server.stats.total_connections as number) > before) return resolve();
        if (counted.length < 200) counted.push(pool.incr('n').catch((error: unknown) => error));
        setImmediate(tick);
      };
      tick();
    });
    await Promise.all([get, dispatching]);
    await spoilt.stop();
    const ends = await Promise.all(counted);
    const numbers = ends.filter((end) => typeof end === 'number');
    const lost = ends.filter((end) => typeof end !== 'number');
    for (const error of lost) expect(error).toMatchObject({ sent: 'maybe' });
    // Nothing is counted twice: whoever was told a number was told one of its own.
    expect(new Set(numbers).size).toBe(numbers.length);
    const total = await pool.get<number>('n');
    expect(total).toBeGreaterThanOrEqual(10 + numbers.length);
    expect(total).toBeLessThanOrEqual(10 + ends.length);
  });

  test('retries: 0 repeats nothing', async () => {
    const { server, pool } = await stage.pair({ retries: 0 });
    server.misbehave.cutAfter(0).once();
    await expect(pool.get('a')).rejects.toMatchObject(LOST);
    expect(times(server, 'mg a')).toBe(1);
  });

  test('retries: 2 repeats twice and no more', async () => {
    const { server, pool } = await stage.pair({ retries: 2 });
    server.misbehave.cutAfter(0).forCommand('version').times(3);
    const call = watch(pool.version());
    await until(() => call.state !== 'pending');
    expect(times(server, 'version')).toBe(3);
    expect(call.error).toMatchObject({ code: 'MEMCACHED_PARTIAL' });
  });

  test('what was not sent goes to another node that may have it, incr too', async () => {
    const servers = await stage.servers(2);
    await servers[0]!.stop();
    const pool = stage.pool(
      servers.map(({ address }) => address),
      { distribution: 'round-robin' },
    );
    expect(await Promise.all([pool.incr('n', 1, { initial: 1 }), pool.set('a', 1)])).toEqual([1, undefined]);
    expect(pool.nodes().map(({ state }) => state)).toEqual(['blacklisted', 'up']);
  });

  test('a call for one named node is not sent to another', async () => {
    const servers = await stage.servers(2);
    await servers[0]!.stop();
    const pool = stage.pool(
      servers.map(({ address }) => address),
      { onBlacklisted: 'next' },
    );
    await expect(pool.get('a', { node: servers[0]!.address })).rejects.toMatchObject({
      code: 'MEMCACHED_CONNECTION',
      node: servers[0]!.address,
    });
    expect(asked(servers[1]!)).toEqual([]);
  });

  test('a retry keeps to the time of the call', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.delay(300).forCommand('mg').once();
    server.misbehave.cutAfter(0).forCommand('mg').once();
    // After the first get and the handshake of the second connection: the second get.
    server.misbehave.hang().forCommand('mg').nth(3);
    const call = watch(pool.get('a'));
    await until(() => asked(server).length === 1);
    await stage.pass(300);
    await until(() => asked(server).length === 2);
    await stage.pass(199);
    expect(call.state).toBe('pending');
    await stage.pass(1);
    expect(call.error).toMatchObject({ code: 'MEMCACHED_TIMEOUT', sent: 'maybe' });
    expect(stage.clock.now()).toBe(1_500);
  });

  test('a timeout is never retried: its time is over', async () => {
    const { server, pool } = await stage.pair({ retries: 5 });
    server.misbehave.hang().forCommand('mg').once();
    const call = watch(pool.get('a'));
    await until(() => asked(server).length === 1);
    await stage.pass(500);
    expect(call.error).toMatchObject({ code: 'MEMCACHED_TIMEOUT' });
    await quiet();
    expect(times(server, 'mg a')).toBe(1);
  });

  test('SERVER_ERROR is the answer, and is not retried', async () => {
    const { server, pool } = await stage.pair({ retries: 5 });
    server.misbehave.answer('SERVER_ERROR busy\r\n').once();
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_SERVER' });
    expect(times(server, 'mg a')).toBe(1);
  });

  test('cost at most a hundred at once and a tenth of the traffic after that', async () => {
    const { server, pool } = await stage.pair({ retries: 1 });
    let calls = 0;
    // Every connection dies under the gets it carries; a delete in between shows the node alive.
    for (let round = 0; round < 12; round++) {
      const cut = server.misbehave.cutAfter(0).forCommand('mg').once();
      await Promise.allSettled(Array.from({ length: 50 }, () => pool.get('a')));
      calls += 50;
      await cut.stop();
      await pool.delete('b').catch(() => {});
      calls++;
    }
    const sent = times(server, 'mg a');
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(calls + 100 + calls / 10);
    expect(sent).toBeLessThan(12 * 100);
  });
});
