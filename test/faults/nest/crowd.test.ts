/**
 * A hundred visitors of one cold page at once, and a page whose entry ends while memcached stands still.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ManualClock } from '../../../lib/testing/index.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/stage.js';
import { type Page, PLATFORMS, textOf, Website } from './support/website.js';

jest.setTimeout(60_000);

const CROWD = 100;
/** A slow machine must not make a miss of a hit. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

let server: RealMemcached;
let site: Website;
beforeEach(async () => {
  server = await RealMemcached.start();
});
afterEach(async () => {
  await server.stop();
  await site.close();
});

/** A hundred requests for one page, all of them in before the handler is done. */
async function crowdAt(path: string, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
  let made: () => void = () => {};
  site.press.ownTime = new Promise((resolve) => {
    made = resolve;
  });
  const before = site.requests;
  const answers = Promise.all(Array.from({ length: CROWD }, () => site.ask<Page>(path)));
  await until(() => site.requests === before + CROWD);
  await meanwhile();
  await until(() => site.press.runs(path) > 0);
  made();
  for (const answer of await answers) {
    expect(answer).toEqual({ status: 200, body: { path, run: 1, text: textOf(path) } });
  }
  expect(site.press.runs(path)).toBe(1);
}

describeReal.each(PLATFORMS)('on %s', (platform) => {
  it('a hundred requests for one cold page run its handler once', async () => {
    site = await Website.open(platform, { ...PATIENT, nodes: server.address });
    await crowdAt('/product/3');
    expect(await site.ask('/product/3')).toMatchObject({ body: { run: 1 } });
  });

  it('a hundred requests for one page run its handler once while memcached is frozen', async () => {
    const clock = new ManualClock();
    site = await Website.open(platform, { nodes: server.address, clock });
    await site.ask('/product/1');
    await freeze(server);
    await crowdAt('/product/3', async () => {
      // The page and its generation.
      await until(() => site.pool.nodes()[0]!.pending >= 2);
      clock.advance(500);
    });
  });

  it('an entry of @CacheTTL(500) ends although memcached stood still when its time was over', async () => {
    site = await Website.open(platform, { ...PATIENT, nodes: server.address });
    expect(await site.ask('/brief/1')).toMatchObject({ body: { run: 1 } });
    await freeze(server);
    await wait(600);
    server.signal('SIGCONT');
    expect(await site.ask('/brief/1')).toMatchObject({ status: 200, body: { run: 2 } });
  });
});
