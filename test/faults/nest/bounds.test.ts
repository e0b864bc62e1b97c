/**
 * How long a page waits for a memcached that does not answer, and what is logged of it. The pool's time is moved by
 * hand: "within one command timeout" is held to the millisecond on any machine.
 */
import { ManualClock } from '../../../lib/testing/index.js';
import { CapturedLog } from '../../nest/support/log.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/stage.js';
import { type Answer, PLATFORMS, Website } from './support/website.js';

jest.setTimeout(60_000);

/** The defaults of the pool. */
const COMMAND_TIMEOUT = 500;
const BLACKLIST_TIME = 4_000;

let log: CapturedLog;
let clock: ManualClock;
let server: RealMemcached;
let site: Website;

describeReal.each(PLATFORMS)('with a frozen memcached, on %s,', (platform) => {
  beforeEach(async () => {
    log = new CapturedLog();
    clock = new ManualClock();
    server = await RealMemcached.start();
    site = await Website.open(platform, { nodes: server.address, clock, random: () => 0.5 });
    log.lines.length = 0;
  });
  afterEach(async () => {
    await server.stop();
    await site.close();
    log.restore();
  });

  /** Every page and the health route once, so that sockets, generations and entries are there; then no answer. */
  async function visitAndFreeze(): Promise<void> {
    for (const path of ['/product/1', '/page/1', '/health']) {
      expect(await site.ask(path)).toMatchObject({ status: 200 });
    }
    await until(() => site.pool.nodes()[0]!.pending === 0);
    await freeze(server);
  }

  /** The question has got as far as it gets: as many commands as this are on their way and nothing moves. */
  async function asked(commands: number): Promise<void> {
    await until(() => site.pool.nodes()[0]!.pending >= commands);
    await clock.settle(5);
  }

  async function expectAnsweredAt(milliseconds: number, question: Promise<Answer<unknown>>): Promise<void> {
    let answered = false;
    void question.finally(() => {
      answered = true;
    });
    clock.advance(milliseconds - 1);
    await clock.settle(10);
    expect(answered).toBe(false);
    clock.advance(1);
    await question;
  }

  it.each([
    ['a cached method', 'GET', '/product/1', { run: 2 }],
    ['a page behind CacheInterceptor', 'GET', '/page/1', { run: 2 }],
    ['a page that evicts', 'DELETE', '/product/1', { removed: '1' }],
  ])('%s answers after one command timeout', async (_, method, path, body) => {
    await visitAndFreeze();
    const question = site.ask(path, method);
    await asked(1);
    await expectAnsweredAt(COMMAND_TIMEOUT, question);
    expect(await question).toMatchObject({ status: 200, body });
  });

  it('/health knows it after one command timeout, and at once from then on', async () => {
    await visitAndFreeze();
    const question = site.health();
    await asked(1);
    await expectAnsweredAt(COMMAND_TIMEOUT, question);
    expect(await question).toMatchObject({
      status: 503,
      body: { details: { memcached: { nodes: [{ name: server.address, state: 'blacklisted' }] } } },
    });
    expect(await site.health()).toMatchObject({ status: 503, body: { status: 'error' } });
  });

  it('a page whose memcached freezes while it is made answers a command timeout after it is made', async () => {
    await visitAndFreeze();
    server.signal('SIGCONT');
    let made: () => void = () => {};
    site.press.ownTime = new Promise((resolve) => {
      made = resolve;
    });
    const question = site.ask('/product/2');
    await until(() => site.press.runs('/product/2') === 1);
    await freeze(server);
    clock.advance(10_000);
    made();
    await asked(1);
    await expectAnsweredAt(COMMAND_TIMEOUT, question);
    expect(await question).toMatchObject({ status: 200, body: { path: '/product/2', run: 1 } });
  });

  it('a page that was asked while it froze is not made to wait a second time for what it made', async () => {
    await visitAndFreeze();
    let made: () => void = () => {};
    site.press.ownTime = new Promise((resolve) => {
      made = resolve;
    });
    const question = site.ask('/product/2');
    await asked(1);
    clock.advance(COMMAND_TIMEOUT);
    await until(() => site.press.runs('/product/2') === 1);
    made();
    expect(await question).toMatchObject({ status: 200, body: { run: 1 } });
  });

  it('the first pages of all answer after one command timeout when it was frozen before the start', async () => {
    await freeze(server);
    const question = site.ask('/product/1');
    await asked(1);
    await expectAnsweredAt(COMMAND_TIMEOUT, question);
    expect(await question).toMatchObject({ status: 200, body: { run: 1 } });
  });

  it('a hundred pages wait together, later ones not at all, and the log has one line for each change', async () => {
    await visitAndFreeze();
    log.lines.length = 0;
    const paths = Array.from({ length: 100 }, (_, i) => `/product/${i}`);
    const before = site.requests;
    const questions = Promise.all(paths.map((path) => site.ask(path)));
    await until(() => site.requests === before + 100);
    await asked(101);
    clock.advance(COMMAND_TIMEOUT);
    await questions;
    for (const path of paths) expect(await site.ask(path)).toMatchObject({ status: 200, body: { path } });
    expect(log.lines).toEqual([
      expect.stringMatching(`^warn: ${server.address} is blacklisted \\(was up\\): `),
      expect.stringMatching(`^warn: The cache cannot use memcached at ${server.address};`),
    ]);
    server.signal('SIGCONT');
    clock.advance(BLACKLIST_TIME);
    await until(async () => (await site.health()).status === 200);
    expect(log.lines.slice(2)).toEqual([`log: ${server.address} is up (was blacklisted)`]);
    expect(await site.ask('/product/1')).toMatchObject({ status: 200, body: { run: 1 } });
  });
});
