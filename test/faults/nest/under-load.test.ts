/**
 * A website under traffic while its memcacheds are absent, come, are killed, come back, freeze and wake. Times
 * are those of the machine, so they only guard against a hang; exact bounds are held in `bounds.test.ts`.
 */
import { MemcachedCache } from '../../../lib/index.js';
import { CapturedLog } from '../../nest/support/log.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/stage.js';
import { Load } from './support/load.js';
import { noiseIn } from './support/news.js';
import { type Health, PLATFORMS, Website } from './support/website.js';

jest.setTimeout(180_000);

/** So many that, wherever their keys fall by chance, each of two memcacheds holds a good part of them. */
const PATHS = Array.from({ length: 40 }, (_, i) => [`/product/${i}`, `/page/${i}`]).flat();

let log: CapturedLog;
let servers: RealMemcached[];
let site: Website;
let load: Load | undefined;
beforeEach(() => {
  log = new CapturedLog();
});
afterEach(async () => {
  // Of a test that failed, too: a website under traffic does not close.
  await load?.stop();
  await site.close();
  for (const server of servers) await server.stop();
  log.restore();
});

/** Pages and their health route, on as many memcacheds, of which none runs yet. */
async function open(platform: (typeof PLATFORMS)[number], count: number): Promise<void> {
  servers = await Promise.all(Array.from({ length: count }, () => RealMemcached.start()));
  for (const server of servers) await server.stop();
  const nodes = servers.map((server) => server.address);
  site = await Website.open(platform, { nodes, blacklistTime: 200 });
  // What Nest says when it starts.
  log.lines.length = 0;
}

async function healthSays(status: Health['status']): Promise<void> {
  await until(async () => (await site.health()).body.status === status);
}

async function cacheServes(more: number): Promise<void> {
  const { hits } = site.app.get(MemcachedCache).stats();
  await until(() => site.app.get(MemcachedCache).stats().hits >= hits + more);
}

describeReal.each(PLATFORMS)('pages under load on %s', (platform) => {
  it('are all answered, and rightly, whatever becomes of the only memcached', async () => {
    await open(platform, 1);
    let changes = 0;
    site.pool.on('nodeState', () => changes++);
    const [server] = servers as [RealMemcached];
    load = new Load(site, PATHS);
    await load.serves(300);
    await healthSays('error');
    await server.restart();
    await healthSays('ok');
    await cacheServes(300);
    await server.stop();
    await healthSays('error');
    await load.serves(300);
    await server.restart();
    await healthSays('ok');
    await cacheServes(300);
    await freeze(server);
    await healthSays('error');
    await load.serves(300);
    server.signal('SIGCONT');
    await healthSays('ok');
    await cacheServes(300);
    expect(await load.stop()).toEqual({ wrong: [], failures: 0, unanswered: 0 });
    expect(log.with(' (was ')).toHaveLength(changes);
    expect(noiseIn(log.lines)).toEqual([]);
  });

  it('are all answered, and rightly, while one of two memcacheds is killed, back, frozen and awake', async () => {
    await open(platform, 2);
    for (const server of servers) await server.restart();
    load = new Load(site, PATHS);
    await cacheServes(100);
    await servers[1]!.stop();
    await healthSays('degraded');
    await cacheServes(100);
    await servers[1]!.restart();
    await healthSays('ok');
    await freeze(servers[0]!);
    await healthSays('degraded');
    await cacheServes(100);
    servers[0]!.signal('SIGCONT');
    await healthSays('ok');
    expect(await load.stop()).toEqual({ wrong: [], failures: 0, unanswered: 0 });
    expect(noiseIn(log.lines)).toEqual([]);
  });
});
