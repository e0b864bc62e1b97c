/** What faults may cost, measured: time per call, memory, the event loop, processor time. `npm run check:long`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { describeReal, freePort, RealMemcached } from '../support/real-memcached.js';

jest.setTimeout(300_000);

const MEGABYTE = 1_048_576;

interface Measured {
  ends: Record<string, number>;
  most: number;
  after: number;
  delay: number;
  cpu: number;
  state: string;
  listeners: number;
  timers: string[];
  files: number;
}

/** What the child measured; it must have ended by itself, without a warning. */
async function measure(scenario: string, nodes = ''): Promise<Measured> {
  const loader = pathToFileURL(join(__dirname, '../nest/support/typescript-loader.mjs')).href;
  const args = [
    '--expose-gc',
    '--unhandled-rejections=strict',
    '--import',
    loader,
    join(__dirname, 'child.ts'),
  ];
  const child = spawn(process.execPath, [...args, scenario, nodes], { stdio: ['ignore', 'pipe', 'pipe'] });
  const hung = setTimeout(() => child.kill('SIGKILL'), 200_000);
  const [printed, warned, end] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  clearTimeout(hung);
  expect([warned, end]).toEqual(['', [0, null]]);
  return JSON.parse(printed) as Measured;
}

const NOTHING_LEFT = { listeners: 0, timers: [], files: 0 };

describeReal('with a frozen server', () => {
  let server: RealMemcached;
  beforeEach(async () => {
    server = await RealMemcached.start();
    server.signal('SIGSTOP');
  });
  afterEach(() => server.stop());

  it('a hundred thousand calls fail in order, hold little memory and leave nothing behind', async () => {
    const measured = await measure('calls-on-a-dead-node', server.address);
    expect(measured).toMatchObject(NOTHING_LEFT);
    expect(Object.values(measured.ends).reduce((sum, each) => sum + each, 0)).toBe(100_000);
    expect(measured.ends.ok).toBeUndefined();
    expect(measured.most).toBeLessThan(30 * MEGABYTE);
    expect(measured.after).toBeLessThan(10 * MEGABYTE);
  });

  it('a hundred thousand at once are bounded by maxPending, and the event loop goes on', async () => {
    const measured = await measure('hundred-thousand-at-once', server.address);
    expect(measured).toMatchObject(NOTHING_LEFT);
    expect(measured.most).toBeLessThan(200 * MEGABYTE);
    expect(measured.after).toBeLessThan(10 * MEGABYTE);
    expect(measured.delay).toBeLessThan(300);
  });
});

describeReal('with a server that is well', () => {
  let server: RealMemcached;
  beforeAll(async () => {
    server = await RealMemcached.start({ args: ['-m', '512'] });
  });
  afterAll(() => server.stop());

  it('a hundred thousand sets at once settle without holding the event loop for 300 ms', async () => {
    const measured = await measure('hundred-thousand-at-once', server.address);
    expect(measured).toMatchObject(NOTHING_LEFT);
    expect(Object.keys(measured.ends).sort()).toEqual(
      expect.arrayContaining(['MEMCACHED_POOL_EXHAUSTED', 'ok']),
    );
    expect(measured.delay).toBeLessThan(300);
  });

  it('a call for ten megabytes does not hold the event loop for 300 ms', async () => {
    const measured = await measure('ten-megabytes', server.address);
    expect(measured).toMatchObject(NOTHING_LEFT);
    expect(measured.delay).toBeLessThan(300);
  });
});

it('two minutes beside a node that is gone cost no processor time to speak of', async () => {
  const [blacklisted, nothing] = await Promise.all([
    measure('two-minutes-blacklisted', `127.0.0.1:${await freePort()}`),
    measure('two-minutes-of-nothing'),
  ]);
  expect(blacklisted).toMatchObject({ ...NOTHING_LEFT, state: 'blacklisted' });
  // Some thirty probes, a few milliseconds each at most.
  expect(blacklisted.cpu - nothing.cpu).toBeLessThan(300);
});

describeReal('with two nodes under a thousand calls a second', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'one gets %s: after a second p95 is under 250 ms, the other node is untouched, and the way back is short',
    async (signal) => {
      const servers = [await RealMemcached.start(), await RealMemcached.start()];
      const pool = new MemcachedPool({ nodes: servers.map(({ address }) => address) });
      const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
      await pool.setMany(keys.map((key) => [key, key]));
      const calls: { start: number; took: number; node: string; end: unknown }[] = [];
      const pending = new Set<Promise<void>>();
      const call = async (key: string) => {
        const start = performance.now();
        const end = await pool.get(key).catch((error: { code: string }) => error.code);
        calls.push({ start, took: performance.now() - start, node: pool.nodeOf(key)!, end });
      };
      const load = setInterval(() => {
        for (let i = 0; i < 10; i++) {
          const made = call(keys[Math.floor(Math.random() * keys.length)]!);
          pending.add(made);
          void made.finally(() => pending.delete(made));
        }
      }, 10);
      await pause(1_000);
      const struck = performance.now();
      servers[0]!.signal(signal);
      await pause(8_000);
      const back = performance.now();
      if (signal === 'SIGSTOP') servers[0]!.signal('SIGCONT');
      else await servers[0]!.restart();
      await pause(7_000);
      clearInterval(load);
      await Promise.all(pending);
      await pool.close();
      for (const server of servers) await server.stop();

      const other = calls.filter(({ node }) => node === servers[1]!.address);
      expect(other.filter(({ end }) => !keys.includes(end as string))).toEqual([]);
      const later = calls.filter(({ start }) => start > struck + 1_000 && start < back);
      expect(percentile(later, 0.95)).toBeLessThan(250);
      expect(percentile(other, 0.95)).toBeLessThan(250);
      const lost = calls.filter(({ node }) => node === servers[0]!.address);
      // Never a miss while it was away; after a restart it is empty, and says so.
      expect(lost.filter(({ start, end }) => start > struck && start < back && end === undefined)).toEqual(
        [],
      );
      const wellFrom = back + 4_400 + 2_000;
      expect(
        lost.filter(({ start, end }) => start > wellFrom && String(end).startsWith('MEMCACHED_')),
      ).toEqual([]);
      expect(lost.filter(({ start }) => start > wellFrom).length).toBeGreaterThan(0);
    },
  );
});

function percentile(calls: { took: number }[], share: number): number {
  const sorted = calls.map(({ took }) => took).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
