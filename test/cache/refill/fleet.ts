/**
 * Several processes over one memcached, played by caches that each have a pool of their own. Time is a clock
 * moved by hand, for the caches and for the server; only sockets take their own.
 */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import type { CacheOptions } from '../../../lib/cache/options.js';
import type { MemcachedPoolOptions } from '../../../lib/core/pool/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached, type TestMemcachedOptions } from '../../../lib/testing/index.js';

export class Fleet {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  readonly #pools: MemcachedPool[] = [];

  private constructor(
    public server: TestMemcached,
    readonly options: CacheOptions,
  ) {}

  static async start(
    options: CacheOptions = {},
    serverOptions: Omit<TestMemcachedOptions, 'clock'> = {},
  ): Promise<Fleet> {
    const clock = new ManualClock();
    const server = await TestMemcached.start({ ...serverOptions, clock });
    const fleet = new Fleet(server, { jitter: 0, ...options });
    Object.assign(fleet, { clock });
    return fleet;
  }

  /** Another process. Its chance is none, so that polls come at known times. */
  process(
    options: CacheOptions = {},
    random: () => number = () => 0.5,
    poolOptions: MemcachedPoolOptions = {},
  ): MemcachedCache {
    const pool = this.pool(poolOptions);
    const log = {
      log: (line: string) => void this.lines.push(line),
      warn: (line: string) => void this.lines.push(line),
    };
    return new MemcachedCache(pool, { ...this.options, ...options }, { clock: this.clock, random, log });
  }

  pool(options: MemcachedPoolOptions = {}): MemcachedPool {
    const pool = new MemcachedPool({ nodes: this.server.address, commandTimeout: '20s', ...options });
    this.#pools.push(pool);
    return pool;
  }

  /** Lets sockets have their time, and the clock none: until nothing has reached the server for a while. */
  async rest(): Promise<void> {
    let seen = -1;
    for (let quiet = 0; quiet < 4; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, 8));
      const { length } = this.server.commands;
      if (length !== seen) quiet = 0;
      seen = length;
    }
  }

  /** Moves the clock on until the promise settles, and by no more than `most`. */
  async passing<T>(promise: Promise<T>, step = 10, most = 120_000): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    for (let passed = 0; ; passed += step) {
      for (let turn = 0; turn < 30 && !settled; turn++) await this.clock.settle();
      if (settled || passed >= most) break;
      this.clock.advance(step);
    }
    if (!settled) throw new Error(`Nothing came of it within ${most} ms.`);
    return promise;
  }

  /** Another server answers at the same address from now on, with nothing in it. */
  async replaceServer(options: Omit<TestMemcachedOptions, 'clock' | 'port'>): Promise<void> {
    const { port } = this.server;
    await this.server.close();
    this.server = await TestMemcached.start({ ...options, port, clock: this.clock });
  }

  /** The commands the server has seen for a key since the last call. */
  commands(key: string): string[] {
    const seen = this.server.commands.filter((line) => line.split(' ')[1]?.endsWith(`#${key}`) === true);
    this.server.clearCommands();
    return seen;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    await this.server.close();
  }
}
