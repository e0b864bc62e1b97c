/** Which node a call goes to, and where it goes while that one is blacklisted. */
import type { MemcachedPoolOptions } from '../../lib/core/pool/options.js';
import type { MemcachedPool } from '../../lib/core/pool/pool.js';
import type { TestMemcached } from '../../lib/testing/index.js';
import { type Placement, vectors } from '../routing/support/vectors.js';
import { asked, Stage, until } from './support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

async function cluster(count: number, options: MemcachedPoolOptions = {}) {
  const servers = await stage.servers(count);
  const pool = stage.pool(
    servers.map((server) => server.address),
    options,
  );
  await pool.connect();
  return { servers, pool };
}

/** Stops a server and has the pool notice. */
async function kill(server: TestMemcached, pool: MemcachedPool): Promise<void> {
  const status = () => pool.nodes().find((node) => node.name === server.address)!;
  await server.stop();
  await until(() => status().sockets === 0);
  await pool.get('probe', { node: server.address }).catch(() => {});
  await until(() => status().state === 'blacklisted');
}

const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);

describe('ketama', () => {
  test('sends each key to the node that nodeOf() names', async () => {
    const { servers, pool } = await cluster(3);
    for (const key of keys) await pool.set(key, key);
    for (const server of servers) {
      const own = keys.filter((key) => pool.nodeOf(key) === server.address);
      expect(own.length).toBeGreaterThan(0);
      expect(asked(server).map((line) => line.split(' ')[1])).toEqual(own);
    }
    expect(await pool.getMany(keys)).toEqual(new Map(keys.map((key) => [key, key])));
  });

  test("onBlacklisted: 'fail' › keys of a dead node fail at once, those of others never notice", async () => {
    const { servers, pool } = await cluster(3);
    for (const key of keys) await pool.set(key, key);
    const dead = servers[1]!;
    await kill(dead, pool);
    for (const key of keys) {
      if (pool.nodeOf(key) === dead.address) {
        await expect(pool.get(key)).rejects.toMatchObject({
          code: 'MEMCACHED_BLACKLISTED',
          node: dead.address,
        });
      } else {
        expect(await pool.get(key)).toBe(key);
      }
    }
    await expect(pool.getMany(keys)).rejects.toMatchObject({
      code: 'MEMCACHED_PARTIAL',
      node: dead.address,
      sent: 'no',
    });
  });

  test("onBlacklisted: 'next' › keys of a dead node move and come home, all others stay", async () => {
    const { servers, pool } = await cluster(3, { onBlacklisted: 'next' });
    const home = new Map(keys.map((key) => [key, pool.nodeOf(key)]));
    const dead = servers[1]!;
    await kill(dead, pool);
    for (const key of keys) {
      await pool.set(key, key);
      expect(await pool.get(key)).toBe(key);
      if (home.get(key) === dead.address) expect(pool.nodeOf(key)).not.toBe(dead.address);
      else expect(pool.nodeOf(key)).toBe(home.get(key));
    }
    await dead.restart();
    await stage.pass(4_000);
    await until(() => pool.nodes().every(({ state }) => state === 'up'));
    expect(new Map(keys.map((key) => [key, pool.nodeOf(key)]))).toEqual(home);
  });

  test.each(['fail', 'next'] as const)(
    'with onBlacklisted %p and every node blacklisted › fails at once and names them all',
    async (onBlacklisted) => {
      const { servers, pool } = await cluster(2, { onBlacklisted });
      for (const server of servers) await kill(server, pool);
      const call = pool.get('a').catch((error: Error) => error);
      expect(await call).toMatchObject({ code: 'MEMCACHED_UNAVAILABLE', sent: 'no' });
      for (const server of servers) expect(((await call) as Error).message).toContain(server.address);
    },
  );

  test('a weight is a share of the keys', async () => {
    const servers = await stage.servers(2);
    const [light, heavy] = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const pool = stage.pool([light!, { ...heavy!, weight: 3 }]);
    const many = Array.from({ length: 2_000 }, (_, i) => `key-${i}`);
    const share = many.filter((key) => pool.nodeOf(key) === servers[1]!.address).length / many.length;
    expect(share).toBeGreaterThan(0.6);
    expect(share).toBeLessThan(0.9);
  });
});

describe('round-robin', () => {
  const counts = (servers: TestMemcached[]) => servers.map((server) => asked(server).length);

  test('advances once per tick: calls of one tick travel together', async () => {
    const { servers, pool } = await cluster(3, { distribution: 'round-robin' });
    for (let tick = 0; tick < 3; tick++) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => pool.get(`k${i}`)));
    }
    expect(counts(servers)).toEqual([20, 20, 20]);
  });

  test('gives each node its turn', async () => {
    const { servers, pool } = await cluster(3, { distribution: 'round-robin' });
    for (let tick = 0; tick < 30; tick++) await pool.get('a');
    expect(counts(servers)).toEqual([10, 10, 10]);
  });

  test('skips a blacklisted node, and uses it again when it is back', async () => {
    const { servers, pool } = await cluster(3, { distribution: 'round-robin' });
    await kill(servers[0]!, pool);
    for (const server of servers) server.clearCommands();
    for (let tick = 0; tick < 30; tick++) await pool.get('a');
    expect(counts(servers)[0]).toBe(0);
    expect(Math.min(...counts(servers).slice(1))).toBeGreaterThanOrEqual(14);
    await servers[0]!.restart();
    await stage.pass(4_000);
    await until(() => pool.nodes()[0]!.state === 'up');
    for (let tick = 0; tick < 30; tick++) await pool.get('a');
    expect(counts(servers)[0]).toBeGreaterThanOrEqual(9);
  });

  test('a get whose node dies under it is answered by another', async () => {
    const { servers, pool } = await cluster(2, { distribution: 'round-robin' });
    for (let tick = 0; tick < 2; tick++) {
      servers[0]!.misbehave.cutAfter(0).forCommand('mg').once();
      expect(await pool.get('a')).toBeUndefined();
    }
    expect(counts(servers)).toEqual([1, 2]);
  });

  test('with every node blacklisted fails at once', async () => {
    const { servers, pool } = await cluster(2, { distribution: 'round-robin' });
    for (const server of servers) await kill(server, pool);
    await expect(pool.get('a')).rejects.toMatchObject({ code: 'MEMCACHED_UNAVAILABLE', sent: 'no' });
  });

  test('nodeOf() names nobody: any node takes any key', async () => {
    const { pool } = await cluster(2, { distribution: 'round-robin' });
    expect(pool.nodeOf('a')).toBeUndefined();
  });
});

test('a pool over real addresses places keys as libmemcached does', () => {
  const { configs } = vectors<{
    configs: {
      name: string;
      distribution: number;
      keyHash: number;
      servers: { host: string; port: number; weight: number }[];
      vectors: Placement[];
    }[];
  }>('libmemcached-ketama.json');
  // 5 is MEMCACHED_DISTRIBUTION_CONSISTENT_WEIGHTED, and 1 MD5: what 'ketama' agrees with unless told otherwise.
  const alike = configs.filter(({ distribution, keyHash }) => distribution === 5 && keyHash === 1);
  expect(alike.length).toBeGreaterThan(0);
  for (const { servers, vectors: all } of alike) {
    const expected = all.filter(([key]) => /^[!-~]{1,250}$/.test(key));
    expect(expected.length).toBeGreaterThan(10);
    const pool = stage.pool(servers.map(({ host, port, weight }) => ({ host, port, weight })));
    const names = pool.nodes().map(({ name }) => name);
    expect(expected.map(([key]) => [key, names.indexOf(pool.nodeOf(key)!)])).toEqual(expected);
  }
});
