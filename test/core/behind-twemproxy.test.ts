/** What a proxy cannot do fails alone, clearly and before anything is sent. */
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { type Running, targets } from './support/targets.js';

const { available, start } = targets.find(({ name }) => name === 'memcached behind twemproxy')!;
const promise = available ? test : test.skip;

describe('behind twemproxy', () => {
  let running: Running;
  let pool: MemcachedPool;
  beforeAll(async () => {
    if (!available) return;
    running = await start();
    pool = new MemcachedPool({ commandTimeout: '10s', ...running.options });
  });
  afterAll(async () => {
    await pool?.close();
    await running?.stop();
  });

  promise.each<[string, () => Promise<unknown>]>([
    ['gat', () => pool.gat('a', '1m')],
    ['leases.read', async () => pool.leases.read('a', { lock: '2s' })],
    ['stats', () => pool.stats()],
    ['flushAll', () => pool.flushAll()],
  ])('%s › is not to be had, however often it is asked; its neighbours are right', async (name, call) => {
    await pool.set('a', 1);
    for (let i = 0; i < 5; i++) {
      const [refused, neighbour] = await Promise.allSettled([call(), pool.get('a')]);
      expect(neighbour).toMatchObject({ value: 1 });
      const { reason } = refused as PromiseRejectedResult;
      const error = (reason as { failed?: Map<string, unknown> }).failed?.values().next().value ?? reason;
      expect(error).toMatchObject({ code: 'MEMCACHED_UNSUPPORTED', sent: 'no' });
      expect((error as Error).message).toMatch(
        name === 'leases.read' ? /has no metaGet/ : new RegExp(`has no ${name}: it is a proxy`),
      );
    }
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1, pending: 0, protocol: 'classic' });
  });

  promise('version › is a server’s behind it', async () => {
    expect([...(await pool.version()).values()][0]).toMatch(/^\d+\.\d+/);
  });
});
