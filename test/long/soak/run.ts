/**
 * `npm run soak -- --minutes 20 --seed 7`: many callers on several servers while faults come and go and servers are
 * killed and frozen. Fails, with the seed, on a value that was never written to its key, a call that outlives its
 * deadline, an error that is none of memcached's, and on growth of sockets, timers, listeners or memory.
 */
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { seeded } from '../../faults/support/random.js';
import { Worker } from './worker.js';
import { Chaos, createWorld, pause, type World } from './world.js';

const { values: given } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(given.minutes ?? 2);
const seed = Number(given.seed ?? Math.floor(Math.random() * 1_000_000));

const SERVERS = 3;
const WORKERS = 12;
/** How much later than its deadline a call may settle on a machine whose loop was not late. */
const SLACK = 500;
const MEGABYTE = 1_048_576;

const collectGarbage = (globalThis as { gc?: () => void }).gc;
if (collectGarbage === undefined) throw new Error('Start it with npm run soak: it needs --expose-gc.');

class Overseer {
  readonly codes = new Map<string, number>();
  readonly #over = new AbortController();
  readonly signal = this.#over.signal;
  readonly #live = new Set<{ what: string; due: number }>();
  calls = 0;
  isOver = false;
  /** The first thing that was wrong. */
  wrong: Error | undefined;
  /** Longest time the loop was late within the last seconds, and ever. */
  #lags: { at: number; lag: number }[] = [];
  worstLag = 0;
  #beat = performance.now();
  readonly #timer = setInterval(() => this.#tick(), 20);

  async call<T>(what: string, within: number, call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const live = { what, due: start + within };
    this.#live.add(live);
    this.calls++;
    try {
      return await call();
    } finally {
      this.#live.delete(live);
      const late = performance.now() - live.due;
      if (late > this.#allowance())
        this.fail(new Error(`${what} settled ${Math.round(late)} ms after its deadline`));
    }
  }

  failed(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  fail(error: unknown): void {
    this.wrong ??= error as Error;
    this.isOver = true;
  }

  stop(): void {
    this.isOver = true;
    clearInterval(this.#timer);
  }

  #allowance(): number {
    return SLACK + this.#lags.reduce((sum, { lag }) => sum + lag, 0);
  }

  #tick(): void {
    const now = performance.now();
    const lag = now - this.#beat - 20;
    this.#beat = now;
    this.worstLag = Math.max(this.worstLag, lag);
    this.#lags = this.#lags.filter(({ at }) => now - at < 5_000);
    if (lag > 10) this.#lags.push({ at: now, lag });
    for (const { what, due } of this.#live) {
      if (now - due > this.#allowance() + 5_000) this.fail(new Error(`${what} never settled`));
    }
  }
}

const heaps: number[] = [];

async function observe(world: World, overseer: Overseer, chaos: Chaos, start: number): Promise<void> {
  for (let second = 0; !overseer.isOver; second++) {
    await pause(1_000);
    for (const { pool } of world.clients) {
      for (const { name, sockets, pending } of pool.nodes()) {
        if (sockets > 4) overseer.fail(new Error(`${name} has ${sockets} sockets`));
        if (pending > 2_000) overseer.fail(new Error(`${name} has ${pending} requests outstanding`));
      }
    }
    if (second % 10 !== 9) continue;
    collectGarbage!();
    heaps.push(process.memoryUsage().heapUsed);
    const faults = chaos.faults;
    const failures = [...overseer.codes.values()].reduce((sum, count) => sum + count, 0);
    const seconds = Math.round((performance.now() - start) / 1_000);
    console.log(
      `${seconds} s: ${overseer.calls} calls, ${failures} failed, ${faults} faults, heap ${(heaps.at(-1)! / MEGABYTE).toFixed(1)} MB, loop at most ${Math.round(overseer.worstLag)} ms late`,
    );
  }
}

/** Within blacklistTime + 2 s of the last fault everything is right. */
async function expectRightAgain(world: World): Promise<void> {
  const end = performance.now() + 2_400 + 2_000;
  for (const { pool, protocol, serverOf } of world.clients) {
    for (const node of serverOf.keys()) {
      const key = `${protocol}:${node}:after`;
      const isRight = async () => {
        await pool.set(key, 'right', { node });
        return (await pool.get(key, { node })) === 'right';
      };
      while (!(await isRight().catch(() => false))) {
        if (performance.now() > end)
          throw new Error(`${node} is not used again: ${JSON.stringify(pool.nodes())}`);
        await pause(50);
      }
    }
  }
}

/** Growth that is no noise: the last third of the samples against the second. */
function expectSteadyHeap(): void {
  const third = Math.floor(heaps.length / 3);
  if (third === 0) return;
  const average = (list: number[]) => list.reduce((sum, each) => sum + each, 0) / list.length;
  const [before, after] = [average(heaps.slice(third, 2 * third)), average(heaps.slice(-third))];
  if (after - before > 10 * MEGABYTE) {
    throw new Error(
      `The heap grew from ${Math.round(before / MEGABYTE)} to ${Math.round(after / MEGABYTE)} MB.`,
    );
  }
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

async function soak(): Promise<void> {
  const filesBefore = openFiles();
  const random = seeded(seed);
  const overseer = new Overseer();
  process.on('unhandledRejection', (reason) => overseer.fail(reason));
  const world = await createWorld(SERVERS);
  const chaos = new Chaos(world, seeded(Math.floor(random() * 1e9)));
  const start = performance.now();
  try {
    const workers = world.clients.flatMap((client) =>
      Array.from(
        { length: WORKERS },
        (_, i) => new Worker(`w${i}`, client, seeded(Math.floor(random() * 1e9)), overseer),
      ),
    );
    chaos.start();
    const running = workers.map((worker) => worker.run().catch((error) => overseer.fail(error)));
    const observing = observe(world, overseer, chaos, start);
    while (!overseer.isOver && performance.now() - start < minutes * 60_000) await pause(100);
    overseer.isOver = true;
    await Promise.all([...running, observing]);
    await chaos.stop();
    if (overseer.wrong === undefined) {
      await expectRightAgain(world);
      expectSteadyHeap();
      const listeners = getEventListeners(overseer.signal, 'abort').length;
      if (listeners > 0) throw new Error(`${listeners} abort listeners were left behind.`);
    }
  } catch (error) {
    overseer.fail(error);
  } finally {
    overseer.stop();
    for (const { pool } of world.clients) await pool.close();
    for (const { proxies } of world.clients) for (const proxy of proxies) proxy.close();
    for (const { memcached } of world.servers) await memcached.stop();
  }
  await pause(1_300);
  const left = process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout|Pipe.*Connect/.test(kind));
  if (left.length > 0) overseer.fail(new Error(`These were left behind: ${left.join(', ')}.`));
  const files = openFiles();
  if (files > filesBefore + 2)
    overseer.fail(new Error(`${files} files are open, ${filesBefore} were at the start.`));

  console.log(`Faults: ${[...chaos.done].map(([name, count]) => `${name} ${count}`).join(', ')}.`);
  console.log(`Failures: ${[...overseer.codes].map(([code, count]) => `${code} ${count}`).join(', ')}.`);
  console.log(`Loop at most ${Math.round(overseer.worstLag)} ms late.`);
  if (overseer.wrong !== undefined) {
    console.error(overseer.wrong);
    console.error(
      `Wrong after ${overseer.calls} calls. Again: npm run soak -- --minutes ${minutes} --seed ${seed}`,
    );
    process.exitCode = 1;
    return;
  }
  console.log(
    `${overseer.calls} calls in ${minutes} minutes under ${chaos.faults} faults, none wrong (seed ${seed}).`,
  );
}

await soak();
