/** When a pool stops using a node, what callers get meanwhile, and how the node comes back. */
import type { NodeStateChange } from '../../lib/core/pool/types.js';
import { asked, handshakes, makeBusy, openSecond, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const BLACKLISTED = { code: 'MEMCACHED_BLACKLISTED', sent: 'no' };

describe('blacklisting', () => {
  test('a refused connect blacklists at once', async () => {
    const server = await stage.server();
    await server.stop();
    const pool = stage.pool(server);
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_CONNECTION', node: server.address });
    await expect(pool.get('a')).rejects.toMatchObject(BLACKLISTED);
    expect(pool.nodes()[0]).toMatchObject({ state: 'blacklisted', sockets: 0, pending: 0 });
  });

  test('a connect that is never answered blacklists after connectTimeout', async () => {
    const server = await stage.server();
    server.misbehave.hang();
    const pool = stage.pool(server, { connectTimeout: 300, commandTimeout: 10_000 });
    const call = watch(pool.get('a'));
    await until(() => server.commands.length === 1);
    await stage.pass(299);
    expect(call.state).toBe('pending');
    await stage.pass(1);
    expect(call).toMatchObject({ state: 'rejected', error: { code: 'MEMCACHED_TIMEOUT', sent: 'no' } });
    expect(pool.nodes()[0]!.state).toBe('blacklisted');
  });

  test('a silent socket blacklists after commandTimeout and is destroyed', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.hang();
    const call = watch(pool.get('a'));
    await until(() => asked(server).length === 1);
    await stage.pass(499);
    expect(call.state).toBe('pending');
    await stage.pass(1);
    expect(call).toMatchObject({ error: { code: 'MEMCACHED_TIMEOUT', sent: 'maybe' } });
    expect(pool.nodes()[0]).toMatchObject({ state: 'blacklisted', sockets: 0, pending: 0 });
    await until(() => server.connections === 0);
  });

  /** Gets at a steady pace, so that something always arrives; each answer comes after `delay(round)`. */
  async function steadily(rounds: number, delay: (round: number) => number) {
    const { server, pool } = await stage.pair();
    const calls = [];
    const states: string[] = [];
    for (let round = 0; round < rounds && pool.nodes()[0]!.state !== 'blacklisted'; round++) {
      const late = server.misbehave.delay(delay(round)).once();
      calls.push(watch(pool.get('a')));
      await until(() => asked(server).length === round + 1);
      await late.stop();
      await stage.pass(100);
      await quiet(3);
      states.push(pool.nodes()[0]!.state);
    }
    return { pool, calls, states };
  }

  test('a server that answers, but late, is blacklisted at the third sweep with timeouts', async () => {
    const { pool, calls, states } = await steadily(40, (round) => (round < 10 ? 300 : 700));
    expect(pool.nodes()[0]).toMatchObject({
      state: 'blacklisted',
      reason: expect.stringMatching(/answers later than 500 ms/),
      sockets: 0,
    });
    // Round 10 is the first that is late, known 500 ms after it; two more sweeps follow.
    expect(states.indexOf('blacklisted')).toBe(10 + 4 + 2);
    expect(calls.filter(({ state }) => state === 'resolved')).toHaveLength(10);
  });

  test('answers in time between late ones keep the node', async () => {
    const { pool, calls } = await steadily(60, (round) => (round % 6 === 5 ? 550 : 300));
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    const late = calls.filter(({ error }) => (error as { code?: string })?.code === 'MEMCACHED_TIMEOUT');
    expect(late.length).toBeGreaterThanOrEqual(8);
  });

  test('SERVER_ERROR never blacklists', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.answer('SERVER_ERROR out of memory storing object\r\n').times(50);
    for (let i = 0; i < 50; i++) {
      await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_SERVER', sent: 'maybe' });
    }
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    expect(await pool.get('a')).toBeUndefined();
  });

  test('a server that closes idle connections is not blacklisted for it, and the next call is right', async () => {
    const { server, pool } = await stage.pair();
    for (let round = 0; round < 5; round++) {
      await pool.set('a', round);
      await server.restart();
      await until(() => pool.nodes()[0]!.sockets === 0);
      expect(pool.nodes()[0]!.state).toBe('up');
      expect(await pool.get('a')).toBe(round);
    }
  });

  test('three connections lost under requests, without an answer between them, blacklist the node', async () => {
    const { server, pool } = await stage.pair({ retries: 0 });
    server.misbehave.cutAfter(0).forCommand('md');
    for (let strike = 0; strike < 3; strike++) {
      expect(pool.nodes()[0]!.state).toBe('up');
      await expect(pool.delete('a')).rejects.toMatchObject({ code: 'MEMCACHED_CONNECTION', sent: 'maybe' });
    }
    await expect(pool.delete('a')).rejects.toMatchObject(BLACKLISTED);
  });

  test('while blacklisted nothing is tried, and one probe comes per blacklist time', async () => {
    const { server, pool } = await stage.pair({ blacklistTime: 4_000, connectTimeout: 500 });
    await server.stop();
    await until(() => pool.nodes()[0]!.sockets === 0);
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_CONNECTION' });
    await server.restart();
    server.misbehave.hang();
    server.clearCommands();
    await stage.pass(3_999);
    await quiet();
    expect(handshakes(server)).toBe(0);
    for (let probe = 1; probe <= 3; probe++) {
      await stage.pass(probe === 1 ? 1 : 4_000);
      await until(() => handshakes(server) === probe);
      await stage.pass(500);
      expect(pool.nodes()[0]!.state).toBe('blacklisted');
      await expect(pool.get('a')).rejects.toMatchObject(BLACKLISTED);
    }
    expect(server.connections).toBeLessThanOrEqual(1);
  });

  test('a hundred calls at the very end of the blacklist time make one probe, and none of them waits', async () => {
    const { server, pool } = await stage.pair({ blacklistTime: 4_000 });
    await server.stop();
    await until(() => pool.nodes()[0]!.sockets === 0);
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_CONNECTION' });
    await server.restart();
    const held = server.misbehave.freeze();
    server.clearCommands();
    const before = server.stats.total_connections as number;
    await stage.pass(3_999);
    const calls = Array.from({ length: 50 }, () => pool.get('a'));
    stage.clock.advance(1);
    calls.push(...Array.from({ length: 50 }, () => pool.get('a')));
    const ends = await Promise.allSettled(calls);
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: BLACKLISTED });
    await until(() => (server.stats.total_connections as number) === before + 1);
    await held.stop();
    await until(() => pool.nodes()[0]!.state === 'up');
    expect(await pool.get('a')).toBeUndefined();
    expect(server.stats.total_connections).toBe(before + 1);
  });

  test('the return of a node is seen without a call and without a restart', async () => {
    const { server, pool } = await stage.pair();
    const changes: NodeStateChange[] = [];
    pool.on('nodeState', (change) => changes.push(change));
    await pool.set('a', 1);
    await server.stop();
    await until(() => pool.nodes()[0]!.sockets === 0);
    await Promise.allSettled(Array.from({ length: 20 }, () => pool.get('a')));
    await server.restart();
    await stage.pass(4_000);
    await until(() => pool.nodes()[0]!.state === 'up');
    expect(await pool.get('a')).toBe(1);
    expect(changes).toMatchObject([
      {
        pool: 'default',
        node: server.address,
        from: 'up',
        to: 'blacklisted',
        reason: expect.stringContaining('ECONNREFUSED'),
      },
      { pool: 'default', node: server.address, from: 'blacklisted', to: 'up', reason: '' },
    ]);
  });

  test('a listener that throws harms nobody', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { server, pool } = await stage.pair();
    pool.on('nodeState', () => {
      throw new Error('from the listener');
    });
    await server.stop();
    await until(() => pool.nodes()[0]!.sockets === 0);
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_CONNECTION' });
    expect(warned).toHaveBeenCalledTimes(1);
    expect(warned.mock.calls[0]![0]).toMatch(/nodeState.*from the listener/);
    warned.mockRestore();
  });

  test('a frozen server with several sockets is left alone, probed and taken back', async () => {
    const { server, pool } = await stage.pair();
    await openSecond(server, pool);
    const frozen = server.misbehave.freeze();
    await stage.pass(600);
    const call = watch(pool.get('a'));
    await stage.pass(500);
    expect(call).toMatchObject({ error: { code: 'MEMCACHED_TIMEOUT' } });
    expect(pool.nodes()[0]).toMatchObject({ state: 'blacklisted', sockets: 0 });
    // A probe that fails as well must not be the last.
    await stage.pass(4_000);
    await quiet();
    await stage.pass(500);
    expect(pool.nodes()[0]!.state).toBe('blacklisted');
    await frozen.stop();
    await stage.pass(4_000);
    await until(() => pool.nodes()[0]!.state === 'up');
    expect(await pool.get('a')).toBeUndefined();
  });

  test('an extra socket that was refused neither blacklists the node nor keeps it from coming back', async () => {
    const server = await stage.server({ maxConnections: 1 });
    const pool = stage.pool(server);
    await pool.connect();
    const { ended } = await makeBusy(server, pool);
    const small = watch(pool.get('small'));
    await until(() => (server.stats.rejected_connections as number) === 1);
    await quiet();
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    // Now the only socket goes as well: a first one must be opened although extras are held back.
    await server.stop();
    await until(() => ended.state === 'rejected' && small.state === 'rejected');
    await until(() => pool.nodes()[0]!.state === 'blacklisted');
    await server.restart();
    await stage.pass(4_000);
    await until(() => pool.nodes()[0]!.state === 'up');
    expect(await pool.get('small')).toBeUndefined();
  });

  test('nodes() › says why, since when and until when', async () => {
    const { server, pool } = await stage.pair({ blacklistTime: '10s' });
    expect(pool.nodes()).toEqual([
      {
        name: server.address,
        state: 'up',
        reason: '',
        since: stage.clock.wallNow(),
        until: undefined,
        sockets: 1,
        pending: 0,
        protocol: 'meta',
        weight: 1,
      },
    ]);
    await server.stop();
    await until(() => pool.nodes()[0]!.sockets === 0);
    const failing = watch(pool.get('a'));
    expect(pool.nodes()[0]!.pending).toBe(1);
    await until(() => failing.state === 'rejected');
    const now = stage.clock.wallNow();
    expect(pool.nodes()[0]).toMatchObject({
      state: 'blacklisted',
      since: now,
      until: now + 10_000,
      pending: 0,
    });
    expect(pool.nodes()[0]!.reason).toMatch(/^Cannot connect to .*ECONNREFUSED/);
  });
});
