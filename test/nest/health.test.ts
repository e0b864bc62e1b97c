import { Test, type TestingModule } from '@nestjs/testing';
import { MemcachedHealth, MemcachedPoolModule, MemcachedPoolRegistry } from '../../lib/index.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { CapturedLog } from './support/log.js';

let servers: TestMemcached[];
let app: TestingModule;
let log: CapturedLog;

beforeEach(async () => {
  log = new CapturedLog();
  servers = await Promise.all([TestMemcached.start(), TestMemcached.start(), TestMemcached.start()]);
  const [one, two, three] = servers.map((server) => server.address) as [string, string, string];
  app = await Test.createTestingModule({
    imports: [
      MemcachedPoolModule.forRoot({ nodes: [one, two] }),
      MemcachedPoolModule.forRoot({ name: 'sessions', nodes: three }),
    ],
  }).compile();
  await app.init();
});
afterEach(async () => {
  await app.close();
  for (const server of servers) await server.close();
  log.restore();
});

/** Has the pools find out for themselves. */
async function look(): Promise<MemcachedHealth> {
  const registry = app.get(MemcachedPoolRegistry);
  for (const name of registry.names()) {
    await registry
      .pool(name)
      .version()
      .catch(() => undefined);
  }
  return app.get(MemcachedHealth);
}

describe('MemcachedHealth.summary', () => {
  it('is up before anything was asked: nobody knows better', () => {
    const { status, nodes } = app.get(MemcachedHealth).summary();
    expect(status).toBe('up');
    expect(nodes.map((node) => node.state)).toEqual(['idle', 'idle', 'idle']);
  });

  it('shows every node with its pool, over all pools or over one', async () => {
    const health = await look();
    expect(health.summary()).toMatchObject({
      status: 'up',
      nodes: [
        { pool: 'default', name: servers[0]!.address, state: 'up', sockets: 1, pending: 0, reason: '' },
        { pool: 'default', name: servers[1]!.address, state: 'up' },
        { pool: 'sessions', name: servers[2]!.address, state: 'up' },
      ],
    });
    expect(health.summary('sessions').nodes.map((node) => node.name)).toEqual([servers[2]!.address]);
  });

  it('is degraded while some nodes are blacklisted, and down when all are', async () => {
    await look();
    await servers[0]!.stop();
    const health = await look();
    expect(health.summary().status).toBe('degraded');
    expect(health.summary('default')).toMatchObject({
      status: 'degraded',
      nodes: [
        { state: 'blacklisted', reason: expect.stringContaining(servers[0]!.address) },
        { state: 'up' },
      ],
    });
    expect(health.summary('sessions').status).toBe('up');

    await servers[1]!.stop();
    await look();
    expect([health.summary('default').status, health.summary().status]).toEqual(['down', 'degraded']);

    await servers[2]!.stop();
    await look();
    expect(health.summary().status).toBe('down');
  });

  it('says which pools there are when asked for one that is not', () => {
    expect(() => app.get(MemcachedHealth).summary('session')).toThrow(
      'There is no pool named "session"; this application has "default", "sessions".',
    );
  });
});
