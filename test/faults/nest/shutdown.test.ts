/**
 * The end of an application that serves, with memcached well, frozen and killed: nobody who asked in time stays
 * without an answer, and what remains ends by itself. Times are those of the machine and only guard against a hang.
 */
import { createInterface } from 'node:readline';
import { expectEnd, read, startChild } from '../../nest/support/child.js';
import { CapturedLog } from '../../nest/support/log.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/stage.js';
import { type Page, PLATFORMS, textOf, Website } from './support/website.js';

jest.setTimeout(60_000);

const CROWD = 50;

type Fault = (server: RealMemcached) => unknown;

const FAULTS: [string, Fault][] = [
  ['is well', () => {}],
  ['is frozen', (server) => freeze(server)],
  ['is killed', (server) => server.stop()],
];

let log: CapturedLog;
let server: RealMemcached;
beforeEach(async () => {
  log = new CapturedLog();
  server = await RealMemcached.start();
});
afterEach(async () => {
  await server.stop();
  log.restore();
});

describeReal.each(PLATFORMS)('app.close() on %s', (platform) => {
  it.each(FAULTS)('answers the fifty requests in flight when memcached %s', async (_, befall) => {
    const site = await Website.open(platform, { nodes: server.address, closeTimeout: '1s' });
    let made: () => void = () => {};
    site.press.ownTime = new Promise((resolve) => {
      made = resolve;
    });
    const paths = Array.from({ length: CROWD }, (_, i) => (i % 2 === 0 ? `/product/${i}` : `/page/${i}`));
    const answers = paths.map((path) => read(`${site.url}${path}`));
    await until(() => paths.every((path) => site.press.runs(path) === 1));
    await befall(server);
    const closed = site.close();
    made();
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      const path = paths[i]!;
      expect(JSON.parse(answer) as Page).toEqual({ path, run: 1, text: textOf(path) });
    }
    await closed;
    expect(site.pool.nodes()).toMatchObject([{ sockets: 0 }]);
    expect(log.with('did not close')).toEqual([]);
  });

  it('answers requests that still wait for a frozen memcached, each with its own page', async () => {
    const site = await Website.open(platform, { nodes: server.address, closeTimeout: '1s' });
    await read(`${site.url}/product/1`);
    await freeze(server);
    const paths = Array.from({ length: CROWD }, (_, i) => `/product/${i}`);
    const answers = paths.map((path) => read(`${site.url}${path}`));
    await until(() => site.requests === CROWD + 1);
    const closed = site.close();
    const pages = (await Promise.all(answers)).map((answer) => JSON.parse(answer) as Page);
    expect(pages.map(({ path, text }) => [path, text])).toEqual(paths.map((path) => [path, textOf(path)]));
    await closed;
    expect(site.pool.nodes()).toMatchObject([{ sockets: 0 }]);
  });
});

describeReal('SIGTERM', () => {
  it.each([
    ['is frozen', FAULTS[1]![1]],
    ['is killed', FAULTS[2]![1]],
  ])(
    'with fifty requests in flight: all are answered, and the process ends by itself, when memcached %s',
    async (_, befall) => {
      const child = startChild(server.address, 'serve');
      const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
      const { value: url } = await lines.next();
      const answers = Array.from({ length: CROWD }, () => read(`${url}/last-minute/${CROWD}`));
      expect(await lines.next()).toMatchObject({ value: 'all here' });
      await befall(server);
      child.kill('SIGTERM');
      expect(new Set(await Promise.all(answers))).toEqual(new Set(['{"stored":false}']));
      await expectEnd(child);
    },
  );
});
