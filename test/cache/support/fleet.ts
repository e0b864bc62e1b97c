/**
 * Some in-process memcacheds, and processes that share them: each has a pool and a cache of its own. All run by
 * one clock that is moved by hand; chance is none.
 */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import type { CacheOptions } from '../../../lib/cache/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import type { TestMemcachedOptions } from '../../../lib/testing/options.js';
import { TestMemcached } from '../../../lib/testing/server.js';

/** What one process has. */
export interface Process {
  cache: MemcachedCache;
  pool: MemcachedPool;
  /** Lines the cache has logged, each with its level. */
  lines: string[];
}

export interface FleetOptions extends TestMemcachedOptions {
  /** @defaultValue 1 */
  nodes?: number;
}

export class Fleet {
  readonly clock = new ManualClock();
  readonly servers: TestMemcached[] = [];
  readonly #pools: MemcachedPool[] = [];

  static async start({ nodes = 1, ...options }: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet();
    for (let i = 0; i < nodes; i++) {
      fleet.servers.push(await TestMemcached.start({ ...options, clock: fleet.clock }));
    }
    return fleet;
  }

  get server(): TestMemcached {
    return this.servers[0]!;
  }

  /** @param clock - another one than the servers' */
  process(options: CacheOptions = {}, clock = this.clock): Process {
    const nodes = this.servers.map((server) => server.address);
    const pool = new MemcachedPool({ nodes, clock, poolSize: 1, distribution: 'rendezvous' });
    this.#pools.push(pool);
    const lines: string[] = [];
    const log = {
      log: (line: string) => void lines.push(`log ${line}`),
      warn: (line: string) => void lines.push(`warn ${line}`),
    };
    return { cache: new MemcachedCache(pool, options, { clock, random: () => 0, log }), pool, lines };
  }

  /** Commands of all servers since the last call that do something to a key with `part` in its name. */
  commands(part = ''): string[] {
    const found = this.servers.flatMap((server) => server.commands).filter((line) => line.includes(part));
    for (const server of this.servers) server.clearCommands();
    return found;
  }

  async stop(): Promise<void> {
    // A clock that stands still would keep a pool waiting for what its servers never answer.
    await Promise.all(this.#pools.map((pool) => pool.close()));
    await Promise.all(this.servers.map((server) => server.close()));
  }
}
