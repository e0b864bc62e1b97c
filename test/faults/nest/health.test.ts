/**
 * The health route and the log while memcached is absent, frozen and back. Time is moved by hand, so that the
 * bounds are exact.
 */
import { ManualClock } from '../../../lib/testing/index.js';
import { CapturedLog } from '../../nest/support/log.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { PLATFORMS, Website } from './support/website.js';

jest.setTimeout(60_000);

describeReal.each(PLATFORMS)('the health route on %s', (platform) => {
  it('starts without memcached and says so at once', async () => {
    const log = new CapturedLog();
    const server = await RealMemcached.start();
    await server.stop();
    const site = await Website.open(platform, { nodes: server.address, clock: new ManualClock() });
    expect(await site.health()).toMatchObject({ status: 503, body: { status: 'error' } });
    expect(await site.ask('/product/1')).toMatchObject({ status: 200, body: { run: 1 } });
    await site.close();
    log.restore();
  });
});
