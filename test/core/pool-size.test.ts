/** How many sockets a node has, which one takes a request, and when one goes. */
import { makeBusy, openSecond, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe('poolSize', () => {
  test('opens nothing before the first call', async () => {
    const server = await stage.server();
    const pool = stage.pool(server);
    await quiet();
    expect(server.stats.total_connections).toBe(0);
    expect(pool.nodes()[0]).toMatchObject({ state: 'idle', sockets: 0, protocol: undefined });
  });

  test('a thousand small calls at once share one socket', async () => {
    const { server, pool } = await stage.pair({ poolSize: 8 });
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => pool.set(`k${i}`, i)));
    const values = await Promise.all(Array.from({ length: 1_000 }, (_, i) => pool.get(`k${i}`)));
    expect(values).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(server.stats.total_connections).toBe(1);
  });

  test('a second socket opens when the first is busy with something long, and small calls pass it', async () => {
    const { server, pool } = await stage.pair();
    const { ended } = await makeBusy(server, pool);
    const behind = watch(pool.get('small'));
    await until(() => pool.nodes()[0]!.sockets === 2);
    await pool.set('small', 1);
    expect(await pool.get('small')).toBe(1);
    expect([ended.state, behind.state]).toEqual(['pending', 'pending']);
    expect(server.connections).toBe(2);
  });

  test('never more than poolSize are open, however much is long', async () => {
    const { server, pool } = await stage.pair({ poolSize: 3 });
    await makeBusy(server, pool);
    for (let sockets = 2; sockets <= 3; sockets++) {
      watch(pool.get('small'));
      await until(() => pool.nodes()[0]!.sockets === sockets);
      await makeBusy(server, pool);
    }
    const more = Array.from({ length: 20 }, () => watch(pool.get('small')));
    await quiet();
    expect(more.every(({ state }) => state === 'pending')).toBe(true);
    expect(server.stats.total_connections).toBe(3);
  });

  test('with poolSize 1 small calls wait behind what is long', async () => {
    const { server, pool } = await stage.pair({ poolSize: 1 });
    const { ended } = await makeBusy(server, pool);
    const small = watch(pool.get('small'));
    await quiet();
    expect([small.state, ended.state]).toEqual(['pending', 'pending']);
    expect(server.connections).toBe(1);
  });

  test('a socket unused for idleTimeout is closed, the first never', async () => {
    const { server, pool } = await stage.pair({ idleTimeout: '10s' });
    await openSecond(server, pool);
    expect(server.connections).toBe(2);
    await stage.pass(9_999);
    expect(pool.nodes()[0]!.sockets).toBe(2);
    await stage.pass(1);
    expect(pool.nodes()[0]).toMatchObject({ sockets: 1, state: 'up' });
    await stage.pass(100_000);
    await until(() => server.connections === 1);
    expect(pool.nodes()[0]!.sockets).toBe(1);
    expect(await pool.get('a')).toBeUndefined();
  });

  test('an idle socket goes when it has been unused for idleTimeout, not at the next multiple of it', async () => {
    const { server, pool } = await stage.pair({ idleTimeout: '10s' });
    await stage.pass(4_000);
    await openSecond(server, pool);
    await stage.pass(6_000);
    expect(pool.nodes()[0]!.sockets).toBe(2);
    await stage.pass(3_999);
    expect(pool.nodes()[0]!.sockets).toBe(2);
    await stage.pass(1);
    expect(pool.nodes()[0]!.sockets).toBe(1);
  });

  test('a lost extra socket is not replaced before it is needed, a lost first one is', async () => {
    const server = await stage.server({ idleTimeout: '20s' });
    const pool = stage.pool(server);
    await pool.connect();
    await openSecond(server, pool);
    expect(server.stats.total_connections).toBe(2);
    // The server closes both; one is enough to know whether it lives.
    await stage.pass(20_000);
    await until(() => server.stats.total_connections === 3 && pool.nodes()[0]!.sockets === 1);
    await quiet();
    expect(server.stats.total_connections).toBe(3);
    expect(pool.nodes()[0]!.state).toBe('up');
  });

  test('a call never opens two sockets, although a hundred come before the first is open', async () => {
    const server = await stage.server();
    const pool = stage.pool(server, { poolSize: 10 });
    await Promise.all(Array.from({ length: 100 }, (_, i) => pool.get(`k${i}`)));
    expect(server.stats.total_connections).toBe(1);
  });
});
