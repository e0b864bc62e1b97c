/**
 * Pages and the health route while memcached refuses connections: before the start, after a kill, and until it is
 * back. The pool's clock stands still unless a test moves it, so whatever answers here did not wait for a timeout.
 */
import { ManualClock } from '../../../lib/testing/index.js';
import { CapturedLog } from '../../nest/support/log.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/stage.js';
import { noiseIn } from './support/news.js';
import { PLATFORMS, Website } from './support/website.js';

jest.setTimeout(60_000);

/** The default of the pool. */
const BLACKLIST_TIME = 4_000;

let log: CapturedLog;
let clock: ManualClock;
let server: RealMemcached;
let site: Website;
beforeEach(async () => {
  log = new CapturedLog();
  clock = new ManualClock();
  server = await RealMemcached.start();
});
afterEach(async () => {
  await site.close();
  await server.stop();
  log.restore();
});

describeReal.each(PLATFORMS)('without a memcached, on %s,', (platform) => {
  async function open(connect: 'lazy' | 'eager'): Promise<void> {
    site = await Website.open(platform, { nodes: server.address, connect, clock, random: () => 0.5 });
  }

  async function expectPagesUncached(firstRun: number): Promise<void> {
    for (const run of [firstRun, firstRun + 1]) {
      for (const path of ['/product/1', '/page/1']) {
        expect(await site.ask(path)).toMatchObject({ status: 200, body: { path, run } });
      }
    }
    expect(await site.ask('/product/1', 'DELETE')).toMatchObject({ status: 200, body: { removed: '1' } });
    expect(await site.health()).toMatchObject({
      status: 503,
      body: { status: 'error', details: { memcached: { nodes: [{ state: 'blacklisted' }] } } },
    });
  }

  /** With the next probe, due when the blacklist time is over. */
  async function expectBack(run: number): Promise<void> {
    await server.restart();
    clock.advance(BLACKLIST_TIME);
    await until(async () => (await site.health()).status === 200);
    for (let i = 0; i < 3; i++) expect(await site.ask('/product/1')).toMatchObject({ body: { run } });
  }

  it.each(['lazy', 'eager'] as const)(
    'the application starts, serves, says so, and caches once there is one (%s)',
    async (connect) => {
      await server.stop();
      await open(connect);
      expect(log.with('Starting without memcached')).toHaveLength(connect === 'eager' ? 1 : 0);
      await expectPagesUncached(1);
      await expectBack(3);
    },
  );

  it('pages answer at once after it was killed, and the log has one line for each change', async () => {
    await open('lazy');
    log.lines.length = 0;
    for (const path of ['/product/1', '/page/1'])
      expect(await site.ask(path)).toMatchObject({ body: { run: 1 } });
    await server.stop();
    await expectPagesUncached(2);
    await expectBack(4);
    expect(log.with(' (was ')).toEqual([
      `log: ${server.address} is up (was idle)`,
      expect.stringContaining(`${server.address} is blacklisted (was up): `),
      `log: ${server.address} is up (was blacklisted)`,
    ]);
    expect(noiseIn(log.lines)).toEqual([]);
  });

  it('a page that waits for a frozen memcached answers when that is killed', async () => {
    await open('lazy');
    expect(await site.ask('/product/1')).toMatchObject({ body: { run: 1 } });
    await freeze(server);
    const question = site.ask('/product/1');
    await until(() => site.pool.nodes()[0]!.pending > 0);
    await server.stop();
    expect(await question).toMatchObject({ status: 200, body: { run: 2 } });
  });
});
