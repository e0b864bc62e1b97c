import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { MemcachedCache, MemcachedPool, MemcachedPoolModule } from '../../lib/index.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { freePort } from '../support/real-memcached.js';
import { type Backend, freshNamespace, onEachBackend } from './support/backends.js';
import { expectEnd, read, startChild } from './support/child.js';
import { CapturedLog } from './support/log.js';

let log: CapturedLog;
beforeEach(() => {
  log = new CapturedLog();
});
afterEach(() => log.restore());

async function boot(nodes: string) {
  const module = MemcachedPoolModule.forRoot({ nodes, cache: { namespace: freshNamespace() } });
  const app = await Test.createTestingModule({ imports: [module], providers: [LastWords] }).compile();
  return app.init();
}

/** Uses the cache in both shutdown hooks of the application. */
@Injectable()
class LastWords implements OnModuleDestroy, OnApplicationShutdown {
  readonly heard: boolean[] = [];
  constructor(private readonly cache: MemcachedCache) {}
  async onModuleDestroy() {
    this.heard.push(await this.cache.set('destroy', 1));
  }
  async onApplicationShutdown() {
    this.heard.push(await this.cache.set('shutdown', 1));
  }
}

onEachBackend((start) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.stop());

  it('serves the shutdown hooks of the application, then closes', async () => {
    const app = await boot(backend.address);
    await app.close();
    expect(app.get(LastWords).heard).toEqual([true, true]);
    await expect(app.get(MemcachedPool).get('key')).rejects.toMatchObject({ code: 'MEMCACHED_CLOSED' });
    expect(app.get(MemcachedPool).nodes()).toMatchObject([{ sockets: 0 }]);
  });

  it('lets what is in flight settle', async () => {
    const app = await boot(backend.address);
    const pool = app.get(MemcachedPool);
    const flights = Array.from({ length: 50 }, (_, i) => pool.set(`flight-${i}`, i));
    await app.close();
    await expect(Promise.all(flights)).resolves.toHaveLength(50);
  });

  it('answers the requests in flight when SIGTERM comes, and the process ends by itself', async () => {
    const child = startChild(backend.address, 'serve');
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const { value: url } = await lines.next();
    const answers = Array.from({ length: 50 }, () => read(`${url}/last-minute/50`));
    expect(await lines.next()).toMatchObject({ value: 'all here' });
    child.kill('SIGTERM');
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['{"stored":true,"read":1}']));
    await expectEnd(child);
  }, 30_000);
});

it('closes when the pool was never used, and twice', async () => {
  const app = await boot(`127.0.0.1:${await freePort()}`);
  await app.close();
  await app.close();
  expect(log.with('did not close')).toEqual([]);
});

it('says in the log, and to nobody else, that the pool did not close cleanly', async () => {
  const module = MemcachedPoolModule.forRoot();
  const broken = { close: () => Promise.reject(new Error('no luck')) };
  const builder = Test.createTestingModule({ imports: [module] });
  const app = await builder.overrideProvider(MemcachedPool).useValue(broken).compile();
  await app.init();
  await expect(app.close()).resolves.toBeUndefined();
  expect(log.with('The pool did not close cleanly: Error: no luck')).toHaveLength(1);
});

it('logs one line for each change of a node, and none in between', async () => {
  const server = await TestMemcached.start();
  const app = await Test.createTestingModule({
    imports: [MemcachedPoolModule.forRoot({ nodes: server.address, blacklistTime: 50, connectTimeout: 100 })],
  }).compile();
  const pool = app.get(MemcachedPool);
  const changed = () => once(pool, 'nodeState');
  await Promise.all([changed(), pool.set('key', 1)]);
  await Promise.all([changed(), server.stop(), ask(pool)]);
  for (let i = 0; i < 20; i++) await ask(pool);
  await Promise.all([changed(), server.restart()]);
  await app.close();
  const { address } = server;
  expect(log.with(address)).toEqual([
    `log: ${address} is up (was idle)`,
    expect.stringMatching(`^warn: ${address} is blacklisted \\(was up\\): `),
    `log: ${address} is up (was blacklisted)`,
  ]);
  await server.close();
});

it.each([
  [
    'does not answer',
    async () => {
      const server = await TestMemcached.start();
      server.misbehave.hang();
      return server;
    },
  ],
  ['is not there', async () => ({ address: `127.0.0.1:${await freePort()}`, close: async () => {} })],
])(
  'the process ends by itself after app.close() when memcached %s',
  async (_, start) => {
    const server = await start();
    const child = startChild(server.address, 'close');
    expect(await once(createInterface(child.stdout!), 'line')).toEqual(['closed']);
    await expectEnd(child);
    await server.close();
  },
  30_000,
);

async function ask(pool: MemcachedPool): Promise<void> {
  await pool.get('key').catch(() => undefined);
}
