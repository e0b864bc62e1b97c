/**
 * What the cache needs of others: a pool, somewhere to write a line, a clock. `MemcachedPool` has all of
 * {@link CachePool} as it is; nothing else of the pool may be used in this room.
 */
import type { Clock } from '../core/base/clock.js';
import type { Duration } from '../core/base/durations.js';
import type { Ability } from '../core/pool/abilities.js';
import type { Lease, LeaseOutcome, LeaseReader, LeaseReadOptions, PeekOptions } from '../core/pool/leases.js';
import type { CallOptions, CasOutcome, LeaseRead, StoreOptions, Versioned } from '../core/pool/types.js';

export type { ClassOf } from '../core/value/rebuild.js';

/** The right to refill a key, as memcached's meta protocol grants it. */
export interface CacheLeases {
  /**
   * What {@link granted}, or {@link able} of the ability, has found out for a node, or for where the key goes;
   * `undefined` before it has.
   */
  known(key: string, node?: string, ability?: Ability): boolean | undefined;
  granted(key: string, options?: CallOptions): Promise<boolean>;
  read<T = unknown>(key: string, options: LeaseReadOptions): Promise<LeaseRead<T> | undefined>;
  fill(lease: Lease, value: unknown, options?: StoreOptions): Promise<LeaseOutcome>;
  release(lease: Lease, options?: CallOptions): Promise<LeaseOutcome>;
  rearm(lease: Lease, ttlSeconds: number | undefined, options?: CallOptions): Promise<LeaseOutcome>;
  invalidate(key: string, ttl: Duration, options?: CallOptions): Promise<LeaseOutcome>;
  able(ability: Ability, key: string, options?: CallOptions): Promise<boolean>;
  peek<T = unknown>(key: string, options?: PeekOptions): Promise<LeaseRead<T> | undefined>;
  readTo(reader: LeaseReader, options: LeaseReadOptions): void;
  peekTo(reader: LeaseReader, options: PeekOptions): void;
  peekMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, LeaseRead<T>>>;
}

export interface CachePool {
  readonly name: string;
  get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined>;
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>>;
  set(key: string, value: unknown, options?: StoreOptions): Promise<void>;
  setMany(entries: Iterable<readonly [string, unknown]>, options?: StoreOptions): Promise<void>;
  add(key: string, value: unknown, options?: StoreOptions): Promise<boolean>;
  delete(key: string, options?: CallOptions): Promise<boolean>;
  deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number>;
  nodes(): readonly { readonly name: string }[];
  /**
   * Name of the node that a command for `key` would go to now; `undefined` where any node takes any key, or
   * where keys cannot be put on a node of choice. Without it there is one generation per namespace, kept where
   * its key is routed to.
   */
  nodeOf?(key: string): string | undefined;
  /** Without it one reader in each process refills, and nobody knows of the other processes. */
  readonly leases?: CacheLeases;
  gets?<T = unknown>(key: string, options?: CallOptions): Promise<Versioned<T> | undefined>;
  cas?(key: string, value: unknown, token: bigint, options?: StoreOptions): Promise<CasOutcome>;
}

/** Where the cache writes its lines: a Nest logger, `console`. Lines hold no values and no whole keys. */
export interface CacheLog {
  log(line: string): void;
  warn(line: string): void;
}

/** What a cache is handed beside its options. */
export interface CacheHooks {
  /** @defaultValue nothing is logged */
  log?: CacheLog | undefined;
  /** For tests. @defaultValue the system's clock */
  clock?: Clock | undefined;
  /** For tests: numbers from 0 up to 1, for jitter. @defaultValue Math.random */
  random?: (() => number) | undefined;
}

/** Taken by every call of the cache. */
export interface CacheCallOptions {
  /**
   * Longest time for each command of this call. A call is one round trip, or two when the namespace is new
   * on the node or was cleared by somebody else.
   * @defaultValue the cache's `timeout`, else the pool's `commandTimeout`
   */
  timeout?: Duration | undefined;
  /** Rejects this call at once with its `reason` when aborted. */
  signal?: AbortSignal | undefined;
}
