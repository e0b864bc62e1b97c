/**
 * The two contracts a Keyv store stands between: what Keyv 5 and 6 call, and what the store needs of a
 * cache. Structural on purpose: nothing of keyv is imported, so no version of it has to be installed.
 */
import type { Duration } from '../core/base/durations.js';

/** What the store asks of a cache; `MemcachedCache` has it. */
export interface KeyvBackend {
  get<T>(key: string): Promise<T | undefined>;
  set(key: string, value: unknown, options: { ttl: number }): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  getMany<T>(keys: Iterable<string>): Promise<Map<string, T>>;
  setMany(entries: Iterable<readonly [string, unknown]>, options: { ttl: number }): Promise<boolean>;
  deleteMany(keys: Iterable<string>): Promise<boolean>;
  clear(): Promise<boolean>;
  namespace(name: string): KeyvBackend;
}

export interface MemcachedKeyvOptions {
  /**
   * The part of the cache this store keeps its entries in, and what `clear()` drops. Two stores with the
   * same name on the same cache see the same entries.
   * @defaultValue 'keyv'
   */
  namespace?: string | undefined;
  /**
   * How long an entry lives for which Keyv names no time: milliseconds or `'10m'`, rounded up to whole
   * seconds. 0 is until memcached needs the room.
   * @defaultValue 0
   */
  ttl?: Duration | undefined;
  /**
   * Keyv promises that `delete()` tells whether the entry was there, and memcached cannot tell that for an
   * entry that a `clear()` has dropped: so `delete()` reads first. `false` saves that round trip; `delete()`
   * then resolves to whether the entry is known to be gone now. cache-manager ignores the answer.
   * @defaultValue true
   */
  exactDelete?: boolean | undefined;
}

/** One entry of `setMany`: Keyv hands the time to live in milliseconds. */
export interface KeyvStoreEntry {
  key: string;
  value: unknown;
  ttl?: number | undefined;
}

/**
 * A store for Keyv 5.6 and 6.1, and through it for cache-manager and `CacheModule`.
 *
 * Where the two versions declare different answers the method is declared twice; the answer given is the
 * one both understand.
 */
export interface MemcachedKeyvStore {
  /** Set by Keyv. Entries of one namespace are neither seen nor cleared from another. */
  namespace: string | undefined;
  /** Read by Keyv 5. */
  opts: Record<string, unknown>;
  get<Value>(key: string): Promise<Value | undefined>;
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]>;
  /** Whether the entry is confirmed to be stored. */
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  setMany(entries: KeyvStoreEntry[]): Promise<boolean[]>;
  setMany(entries: KeyvStoreEntry[]): Promise<void>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  /** Drops the entries of the current namespace, never those of the rest of the cache. */
  clear(): Promise<void>;
  /** Keyv and `CacheModule` call it when they are done; the pool stays open, it belongs to its module. */
  disconnect(): Promise<void>;
  /** `'error'` tells of a delete or clear that is not confirmed, and of an entry that was refused. */
  on(event: string, listener: (...args: never[]) => void): this;
}
