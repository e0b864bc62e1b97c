/** How a pool begins, changes its nodes and ends. */
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import type { NodeStateChange } from '../../lib/core/pool/types.js';
import { asked, makeBusy, quiet, Stage, until, watch } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const CLOSED = { code: 'MEMCACHED_CLOSED', sent: 'no' };

describe('connect', () => {
  test('opens the first socket of every node', async () => {
    const servers = await stage.servers(3);
    const pool = stage.pool(servers.map(({ address }) => address));
    await pool.connect();
    expect(pool.nodes().map(({ state, sockets }) => [state, sockets])).toEqual([
      ['up', 1],
      ['up', 1],
      ['up', 1],
    ]);
    await pool.connect();
    expect(servers.map(({ connections }) => connections)).toEqual([1, 1, 1]);
  });

  test('is content with one node, and rejects with every reason when there is none', async () => {
    const servers = await stage.servers(2);
    const nodes = servers.map(({ address }) => address);
    await servers[0]!.stop();
    const pool = stage.pool(nodes);
    await pool.connect();
    expect(pool.nodes().map(({ state }) => state)).toEqual(['blacklisted', 'up']);
    await servers[1]!.stop();
    const none = stage.pool(nodes).connect();
    await expect(none).rejects.toMatchObject({ code: 'MEMCACHED_UNAVAILABLE' });
    await expect(none).rejects.toThrow(new RegExp(nodes.join('.*')));
  });

  test('says that the pool is closed', async () => {
    const { pool } = await stage.pair();
    await pool.close();
    await expect(pool.connect()).rejects.toMatchObject(CLOSED);
  });
});

describe('events', () => {
  test('come once per change of state, however many calls fail', async () => {
    const server = await stage.server();
    const pool = stage.pool(server, { name: 'sessions' });
    const changes: NodeStateChange[] = [];
    pool.on('nodeState', (change) => changes.push(change));
    await Promise.all(Array.from({ length: 50 }, () => pool.get('a')));
    await server.stop();
    for (let i = 0; i < 3; i++) await Promise.allSettled(Array.from({ length: 50 }, () => pool.get('a')));
    await until(() => pool.nodes()[0]!.state === 'blacklisted');
    // Two probes that fail are no news.
    for (let i = 0; i < 2; i++) {
      await stage.pass(4_000);
      await quiet(5);
    }
    await server.restart();
    await stage.pass(4_000);
    await until(() => pool.nodes()[0]!.state === 'up');
    await pool.get('a');
    expect(changes.map(({ from, to }) => `${from} -> ${to}`)).toEqual([
      'idle -> up',
      'up -> blacklisted',
      'blacklisted -> up',
    ]);
    expect(changes.every(({ pool: name, node }) => name === 'sessions' && node === server.address)).toBe(
      true,
    );
  });
});

describe('setNodes', () => {
  test('keeps the sockets and the state of nodes that stay', async () => {
    const servers = await stage.servers(3);
    const [a, b, c] = servers.map(({ address }) => address);
    const pool = stage.pool([a!, b!]);
    await pool.connect();
    pool.setNodes([b!, c!]);
    await pool.connect();
    await until(() => servers[0]!.connections === 0);
    expect(servers[1]!.stats.total_connections).toBe(1);
    expect(pool.nodes().map(({ name }) => name)).toEqual([b, c]);
  });

  test('takes nodes given as equal objects for the same ones', async () => {
    const server = await stage.server({ auth: { user: 'alice', password: 's3cret' } });
    const node = () => ({
      host: '127.0.0.1',
      port: server.port,
      auth: { user: 'alice', password: 's3cret' },
      tls: false,
    });
    const pool = stage.pool([node()]);
    await pool.connect();
    pool.setNodes([node()]);
    expect(await pool.get('a')).toBeUndefined();
    expect(server.stats.total_connections).toBe(1);
  });

  test('changes nothing when the list cannot be', async () => {
    const { server, pool } = await stage.pair();
    for (const bad of [[], ['not an address'], [server.address, { host: 'a', port: 0 }]]) {
      expect(() => pool.setNodes(bad)).toThrow(expect.objectContaining({ code: 'MEMCACHED_OPTION' }));
    }
    expect(pool.nodes().map(({ name, state }) => [name, state])).toEqual([[server.address, 'up']]);
    expect(await pool.get('a')).toBeUndefined();
  });

  test('lets a node that is gone finish what it has', async () => {
    const [old, next] = await stage.servers(2);
    const pool = stage.pool(old!);
    await pool.set('a', 'old');
    old!.misbehave.delay(100);
    const call = watch(pool.get('a'));
    pool.setNodes(next!.address);
    await until(() => asked(old!).length === 2);
    await stage.pass(100);
    await until(() => call.state === 'resolved');
    expect(call.value).toBe('old');
    await until(() => old!.connections === 0);
  });

  test('cuts a node that is gone and hangs after closeTimeout', async () => {
    const [old, next] = await stage.servers(2);
    const pool = stage.pool(old!, { closeTimeout: 1_000, commandTimeout: 60_000 });
    await pool.connect();
    old!.misbehave.hang();
    const call = watch(pool.get('a'));
    await until(() => asked(old!).length === 1);
    pool.setNodes(next!.address);
    await stage.pass(1_000);
    expect(call.error).toMatchObject({ code: 'MEMCACHED_CONNECTION', sent: 'maybe' });
    await until(() => old!.connections === 0);
    expect(await pool.get('a')).toBeUndefined();
  });

  test('gives no wrong answer while nodes come and go under load', async () => {
    const servers = await stage.servers(3);
    const lists = [
      [0, 1],
      [1, 2],
      [0, 2],
      [0, 1, 2],
    ].map((list) => list.map((i) => servers[i]!.address));
    const pool = stage.pool(lists[0]!);
    const wrong: unknown[] = [];
    let right = 0;
    for (let round = 0; round < 60; round++) {
      const calls = Array.from({ length: 20 }, (_, i) => {
        const key = `k${(round * 7 + i) % 50}`;
        return round % 2 ? pool.set(key, key) : pool.get(key).then((value) => (value ?? key) === key);
      });
      if (round % 5 === 0) pool.setNodes(lists[(round / 5) % lists.length]!);
      for (const end of await Promise.allSettled(calls)) {
        if (end.status === 'rejected' || end.value === false) wrong.push(end);
        else right++;
      }
    }
    expect(wrong).toEqual([]);
    expect(right).toBe(60 * 20);
  });

  test('fails calls by name for a node that is gone', async () => {
    const [old, next] = await stage.servers(2);
    const pool = stage.pool(old!);
    pool.setNodes(next!.address);
    await expect(pool.get('a', { node: old!.address })).rejects.toMatchObject({
      code: 'MEMCACHED_UNAVAILABLE',
      node: old!.address,
      sent: 'no',
    });
  });
});

describe('close', () => {
  test('lets fifty calls in flight settle, and refuses later ones at once', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.delay(100);
    const calls = Array.from({ length: 50 }, (_, i) => watch(pool.set(`k${i}`, i)));
    const closing = watch(pool.close());
    await expect(pool.get('a')).rejects.toMatchObject(CLOSED);
    await expect(pool.getMany(['a'])).rejects.toMatchObject(CLOSED);
    await expect(pool.set('a', 1)).rejects.toMatchObject(CLOSED);
    await expect(pool.flushAll()).rejects.toMatchObject({ code: 'MEMCACHED_PARTIAL' });
    expect(() => pool.setNodes('127.0.0.1:1')).toThrow(expect.objectContaining(CLOSED));
    await until(() => asked(server).length === 50);
    expect(closing.state).toBe('pending');
    await stage.pass(100);
    await until(() => closing.state === 'resolved');
    expect(calls.every(({ state }) => state === 'resolved')).toBe(true);
    await until(() => server.connections === 0);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('called twice is one close', async () => {
    const { pool } = await stage.pair();
    const first = pool.close();
    expect(pool.close()).toBe(first);
    await first;
    await pool.close();
  });

  test('ends after closeTimeout when the server hangs, and leaves nothing behind', async () => {
    const { server, pool } = await stage.pair({ closeTimeout: 300, commandTimeout: 60_000 });
    server.misbehave.freeze();
    // More than the buffers of a loopback connection take, so that some wait for a socket.
    const calls = Array.from({ length: 30 }, () => watch(pool.set('a', Buffer.alloc(900_000))));
    await quiet();
    const closing = watch(pool.close());
    await stage.pass(299);
    expect(closing.state).toBe('pending');
    await stage.pass(1);
    expect(closing.state).toBe('resolved');
    for (const { error } of calls) expect(error).toMatchObject({ code: 'MEMCACHED_CONNECTION' });
    expect(stage.clock.pendingTimers).toBe(0);
    const connections = server.stats.total_connections;
    await quiet();
    expect(server.stats.total_connections).toBe(connections);
  });

  test('of a pool that never connected, or is blacklisted, ends at once', async () => {
    const server = await stage.server();
    const never = stage.pool(server);
    await never.close();
    await server.stop();
    const dead = stage.pool(server);
    await dead.get('a').catch(() => {});
    await dead.close();
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('while a socket is being opened closes that one too', async () => {
    const server = await stage.server();
    server.misbehave.hang();
    const pool = stage.pool(server, { closeTimeout: 100, connectTimeout: 5_000 });
    const call = watch(pool.get('a'));
    await until(() => server.connections === 1);
    const closing = watch(pool.close());
    await stage.pass(100);
    expect(closing.state).toBe('resolved');
    expect(call.error).toMatchObject({ code: 'MEMCACHED_CONNECTION', sent: 'no' });
    await until(() => server.connections === 0);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('with several sockets closes all of them', async () => {
    const { server, pool } = await stage.pair({ closeTimeout: 100 });
    await makeBusy(server, pool);
    watch(pool.get('behind'));
    await until(() => pool.nodes()[0]!.sockets === 2);
    const closing = watch(pool.close());
    await stage.pass(100);
    await until(() => closing.state === 'resolved' && server.connections === 0);
    expect(stage.clock.pendingTimers).toBe(0);
  });
});

test('a pool without options is one for the local memcached, and costs nothing until it is used', async () => {
  const pool = new MemcachedPool();
  expect(pool.nodes()).toMatchObject([{ name: '127.0.0.1:11211', state: 'idle', sockets: 0, weight: 1 }]);
  await pool.close();
});
