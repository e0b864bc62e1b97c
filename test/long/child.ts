/**
 * Scenarios that are measured in a process of their own, so that nothing else is: `child.ts <scenario> <nodes>`. Prints
 * one line of JSON. The process must then end by itself, and dies of the first rejection that nobody handles.
 */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MemcachedPoolOptions } from '../../lib/core/pool/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';

const [scenario, nodes] = process.argv.slice(2) as [string, string];
const collectGarbage = (globalThis as { gc?: () => void }).gc!;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const files = () => readdirSync('/proc/self/fd').length;

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

async function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  );
}

function count(ends: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const end of ends) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}

/** Runs with a pool, closes it, and says what the whole left behind. */
async function withPool(
  options: Partial<MemcachedPoolOptions>,
  measure: (pool: MemcachedPool) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  // What is loaded or opened once, by the first pool of a process, is no leak.
  const first = new MemcachedPool({ nodes });
  await endOf(first.get('k'));
  await first.close();
  const filesBefore = files();
  const pool = new MemcachedPool({ nodes, ...options });
  const measured = await measure(pool);
  const listeners = pool.eventNames().length;
  await pool.close();
  await pause(50);
  const timers = process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP/.test(kind));
  return { ...measured, listeners, timers, files: files() - filesBefore };
}

const scenarios: Record<string, () => Promise<Record<string, unknown>>> = {
  /** Every kind of call, again and again, on a node that does not answer. */
  'calls-on-a-dead-node': () =>
    withPool({}, async (pool) => {
      const before = heap();
      const ends: string[] = [];
      let most = 0;
      for (let round = 0; round < 100; round++) {
        const calls = Array.from({ length: 1_000 }, (_, i) => {
          const key = `k${i}`;
          const kinds = [
            () => pool.get(key),
            () => pool.set(key, { some: 'value', i }),
            () => pool.incr(key, 1, { initial: 1 }),
            () => pool.getMany([key, 'other']),
            () => pool.get(key, { timeout: 200 }),
          ];
          return endOf(kinds[i % kinds.length]!());
        });
        if (round % 25 === 0) most = Math.max(most, heap() - before);
        ends.push(...(await Promise.all(calls)));
      }
      return { ends: count(ends), most, after: heap() - before };
    }),

  /** As many calls at once as nobody should make. */
  'hundred-thousand-at-once': () =>
    withPool({ commandTimeout: '3s' }, async (pool) => {
      await pool.connect().catch(() => {});
      const before = heap();
      const delay = monitorEventLoopDelay({ resolution: 5 });
      const calls = Array.from({ length: 100_000 }, (_, i) => endOf(pool.set(`k${i}`, 'x'.repeat(1_000))));
      // The caller's own hundred thousand turns of a loop are not the client's.
      delay.enable();
      await pause(0);
      const most = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before;
      const ends = count(await Promise.all(calls));
      delay.disable();
      return {
        ends,
        most,
        after: heap() - before,
        delay: delay.max / 1e6,
      };
    }),

  /** Ten megabytes in one call, beside small ones. */
  'ten-megabytes': () =>
    withPool({ commandTimeout: '20s', connectTimeout: '20s' }, async (pool) => {
      const entries = Array.from({ length: 100 }, (_, i): [string, Buffer] => [
        `large:${i}`,
        Buffer.alloc(100_000, i),
      ]);
      await pool.setMany(entries);
      const keys = entries.map(([key]) => key);
      await pool.getMany(keys);
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      for (let round = 0; round < 10; round++) await pool.getMany(keys);
      delay.disable();
      return { delay: delay.max / 1e6 };
    }),

  /** Two minutes beside a node that is gone, and nothing to do. */
  'two-minutes-blacklisted': () =>
    withPool({}, async (pool) => {
      await endOf(pool.get('k'));
      await pause(1_000);
      const before = process.cpuUsage();
      await pause(120_000);
      const { user, system } = process.cpuUsage(before);
      return { state: pool.nodes()[0]!.state, cpu: (user + system) / 1_000 };
    }),

  /** The same time without a pool, for comparison. */
  'two-minutes-of-nothing': async () => {
    await pause(1_000);
    const before = process.cpuUsage();
    await pause(120_000);
    const { user, system } = process.cpuUsage(before);
    return { cpu: (user + system) / 1_000 };
  },
};

console.log(JSON.stringify(await scenarios[scenario]!()));
