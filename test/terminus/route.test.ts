/**
 * A health route as users write it, over HTTP on both platforms, while nodes stop, hang and come back.
 */
import { Controller, Get, Inject } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { MemcachedPoolModule } from '../../lib/nest/module.js';
import { MemcachedHealthIndicator } from '../../lib/terminus/indicator.js';
import { TestMemcached } from '../../lib/testing/server.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';

/** A slow machine must not make a dead node of a living one. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(MemcachedHealthIndicator) private readonly memcached: MemcachedHealthIndicator,
  ) {}

  @Get()
  quiet() {
    return this.health.check([() => this.memcached.check('memcached')]);
  }

  @Get('ping')
  ping() {
    return this.health.check([() => this.memcached.check('memcached', { ping: true, timeout: '20s' })]);
  }

  @Get('soon')
  soon() {
    return this.health.check([() => this.memcached.check('memcached', { ping: true, timeout: '1s' })]);
  }

  @Get('unknown')
  unknown() {
    return this.health.check([() => this.memcached.check('memcached', { pool: 'unknown' })]);
  }
}

interface Health {
  status: number;
  body: { status: string; details: { memcached: { message?: string; nodes: Record<string, unknown>[] } } };
}

async function startApp(platform: string, nodes: string[]) {
  const testing = await Test.createTestingModule({
    imports: [
      MemcachedPoolModule.forRoot({ ...PATIENT, nodes, blacklistTime: 100 }),
      TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [HealthController],
    providers: [MemcachedHealthIndicator],
  }).compile();
  const app = testing.createNestApplication<NestFastifyApplication>(
    platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const ask = async (path = ''): Promise<Health> => {
    const response = await fetch(`${url}/health${path}`);
    return { status: response.status, body: (await response.json()) as Health['body'] };
  };
  return { app, ask, pool: app.get(MemcachedPool) };
}

const SERVERS = [
  ['in-process', true, () => TestMemcached.start()],
  ['real', hasMemcached, () => RealMemcached.start()],
] as const;
const WORLDS = SERVERS.flatMap((server) =>
  ['express', 'fastify'].map((platform) => [platform, ...server] as const),
);

describe.each(WORLDS)('the health route on %s, with %s nodes', (platform, _, isThere, start) => {
  const promise = isThere ? it : it.skip;
  let servers: (TestMemcached | RealMemcached)[] = [];
  let world: Awaited<ReturnType<typeof startApp>>;

  beforeEach(async () => {
    if (!isThere) return;
    servers = [await start(), await start()];
    world = await startApp(
      platform,
      servers.map(({ address }) => address),
    );
  });
  afterEach(async () => {
    await world?.app.close();
    for (const server of servers) await server.stop();
  });

  promise('is 200 and ok before anybody has asked the nodes for anything', async () => {
    const { status, body } = await world.ask();
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.details.memcached.nodes).toMatchObject([{ state: 'idle' }, { state: 'idle' }]);
  });

  promise(
    'goes from ok over degraded, with 200, to error, with 503, and back',
    async () => {
      expect(await world.ask('/ping')).toMatchObject({ status: 200, body: { status: 'ok' } });
      await servers[1]!.stop();
      // The first one to notice is the ping; then the pool knows, and nobody needs to ask.
      expect(await world.ask('/ping')).toMatchObject({ status: 200, body: { status: 'degraded' } });
      const degraded = await world.ask();
      expect(degraded).toMatchObject({ status: 200, body: { status: 'degraded' } });
      expect(degraded.body.details.memcached).toMatchObject({
        message: `1 of 2 nodes out of use: ${servers[1]!.address}`,
        nodes: [
          { name: servers[0]!.address, state: 'up', reason: '' },
          { name: servers[1]!.address, state: 'blacklisted', reason: expect.stringMatching(/./), sockets: 0 },
        ],
      });
      await servers[0]!.stop();
      expect(await world.ask('/ping')).toMatchObject({ status: 503, body: { status: 'error' } });
      for (const server of servers) await server.restart();
      // Each node is probed every 100 ms; the bound only guards against a hang.
      for (let left = 400; (await world.ask()).body.status !== 'ok'; left--) {
        expect(left).toBeGreaterThan(0);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    30_000,
  );

  promise('answers with a sentence, not with 500, when the pool is not known', async () => {
    const { status, body } = await world.ask('/unknown');
    expect(status).toBe(503);
    expect(body.details.memcached.message).toMatch(/no pool named "unknown"/);
  });
});

describe('the health route with a node that hangs', () => {
  it('waits for the ping no longer than its timeout', async () => {
    const servers = [await TestMemcached.start(), await TestMemcached.start()];
    const { app, ask } = await startApp(
      'express',
      servers.map(({ address }) => address),
    );
    try {
      await ask('/ping');
      servers[0]!.misbehave.hang();
      const { status, body } = await ask('/soon');
      expect([status, body.status]).toEqual([200, 'degraded']);
      expect(body.details.memcached.nodes).toMatchObject([
        { reason: expect.stringMatching(/./) },
        { reason: '' },
      ]);
    } finally {
      await app.close();
      for (const server of servers) await server.stop();
    }
  });
});
