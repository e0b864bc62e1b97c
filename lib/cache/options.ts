/**
 * What a cache and its calls can be told, with the defaults.
 *
 * Invariant: options of a cache are checked when it is made (MemcachedOptionError), those of a call before
 * anything is sent (MemcachedArgumentError); both are mistakes in the program and do reject, unlike
 * anything memcached does.
 */
import { type Duration, toMilliseconds } from '../core/base/durations.js';
import { MemcachedArgumentError } from '../core/base/errors.js';
import {
  boolean,
  checkOptions,
  describe,
  duration,
  fraction,
  type OptionRules,
  oneOf,
  text,
} from '../core/base/options.js';
import { type CheckedNear, type NearOptions, nearRule } from './near-options.js';
import type { CacheCallOptions, ClassOf } from './ports.js';

export interface CacheOptions {
  /**
   * Keeps this cache's keys apart from those of others on the same nodes, and is what `clear()` drops.
   * Any string; what a key cannot carry is escaped.
   * @defaultValue 'cache'
   */
  namespace?: string | undefined;
  /**
   * How long a value lives when its call does not say: milliseconds or `'10m'`, rounded up to whole seconds.
   * 0 is until memcached needs the room.
   * @defaultValue '5m'
   */
  ttl?: Duration | undefined;
  /**
   * By how much of itself a TTL is shortened at most, 0 to 1, by chance: values stored together do not
   * expire together. A TTL never becomes longer than what was asked for.
   * @defaultValue 0.1
   */
  jitter?: number | string | undefined;
  /**
   * `false`: every read is a miss, every write answers `false`, loaders always run; memcached is not asked.
   * A view of a cache that is off is off.
   * @defaultValue true
   */
  enabled?: boolean | string | undefined;
  /**
   * What becomes of keys that memcached cannot carry (over 250 bytes with the namespace, or holding spaces or
   * control characters). `'digest'`: they are stored under a readable start and a SHA-256. `'strict'`: the
   * call rejects with MemcachedKeyError.
   * @defaultValue 'digest'
   */
  keys?: 'strict' | 'digest' | undefined;
  /**
   * Longest time for each command to memcached.
   * @defaultValue the pool's `commandTimeout`
   */
  timeout?: Duration | undefined;
  /**
   * How long a loader may take. When it passes, the signal it was given aborts, its value will not be stored,
   * and later callers start a load of their own; those already waiting go on waiting for it. 0 is for ever.
   * The right to refill a key is held for this long and two seconds more; for five minutes when it is 0.
   * @defaultValue '30s'
   */
  loadTimeout?: Duration | undefined;
  /**
   * How long after its `ttl` a value may still be served, by `getOrSet`: while somebody refreshes it, and when
   * the loader fails. memcached keeps it for `ttl` and `stale` together. Without a `ttl` there is no end to
   * come after.
   * @defaultValue 0
   */
  stale?: Duration | undefined;
  /**
   * In the last part of its life, this fraction of the `ttl`, one reader refreshes a value in the background
   * while all are served. Where the loader took long, it begins earlier, by chance.
   * @defaultValue 0
   */
  refreshAhead?: number | string | undefined;
  /**
   * When a loader takes longer, callers get the stale value, if there is one; the load goes on and fills the
   * cache. 0: a stale value is served at once.
   * @defaultValue 0
   */
  softTimeout?: Duration | undefined;
  /**
   * How long `null` lives.
   * @defaultValue the `ttl`
   */
  negativeTtl?: Duration | undefined;
  /**
   * One refill per expiry among all processes. `'auto'`: by the server's leases where it grants them, else by
   * a lock beside the value. `'off'`: one per process.
   * @defaultValue 'auto'
   */
  leases?: 'auto' | 'off' | undefined;
  /**
   * Keeps hot values in the process for a moment, within a bound of bytes: `true`, or an object with `maxBytes`,
   * `ttl` and `hotWithin`. What other processes change is seen when that moment is over. Needs the meta
   * protocol.
   * @defaultValue false
   */
  near?: boolean | NearOptions | undefined;
  /**
   * What a reader does when somebody else holds the right to refill and nothing stale may be served: `'wait'`
   * for the value, `'run'` its own loader, or take the call's `fallback`.
   * @defaultValue 'wait'
   */
  losers?: 'wait' | 'run' | 'fallback' | undefined;
  /**
   * How long a loser waits before it runs its own loader. As long as the right to refill is held and a load
   * takes after it, a winner that dies costs all processes together one load more; a shorter one spares callers
   * that wait, at the cost of a load in each process. Loads of its own process are waited for no longer than
   * `loadTimeout`.
   * @defaultValue twice the `loadTimeout` and three seconds; 30 s when that is 0
   */
  waitTimeout?: Duration | undefined;
}

/** Options complete and in milliseconds. */
export interface CheckedCacheOptions {
  namespace: string;
  ttl: number;
  jitter: number;
  enabled: boolean;
  keys: 'strict' | 'digest';
  timeout: number | undefined;
  loadTimeout: number;
  stale: number;
  refreshAhead: number;
  softTimeout: number;
  negativeTtl: number | undefined;
  leases: 'auto' | 'off';
  losers: 'wait' | 'run' | 'fallback';
  waitTimeout: number | undefined;
  near: CheckedNear | false;
}

/** Taken by calls that read. */
export interface CacheReadOptions extends CacheCallOptions {
  /**
   * Makes what was stored an instance of this class again, without calling its constructor: a value, or each
   * element when the value is an array. Only what stands in a class's own properties survives.
   */
  type?: ClassOf | undefined;
  /**
   * The tags a value is expected to have: their versions are read in the same round trip. Those that are found
   * in a value beyond these cost one more.
   * @defaultValue none
   */
  tags?: readonly string[] | undefined;
}

/** Taken by calls that write. */
export interface CacheWriteOptions extends CacheReadOptions {
  /** @defaultValue the cache's `ttl` */
  ttl?: Duration | undefined;
  /**
   * Stores instances of any class, at any depth, as plain data: what their `toJSON()` gives, else their own
   * properties. A hit is that data; so is what `getOrSet` returns on a miss.
   * @defaultValue false: such a value is left uncached
   */
  plain?: boolean | undefined;
  /** How long after its `ttl` the value may still be served as stale. @defaultValue the cache's `stale` */
  stale?: Duration | undefined;
  /**
   * What the value depends on: `deleteByTag` and `expireByTag` end it together with all others of that tag.
   * @defaultValue none
   */
  tags?: readonly string[] | undefined;
  /**
   * A version of the value that only grows, as a row's, a whole number from 0 to 2^63 - 1: a write older than what
   * is stored is refused, and `set` then answers `false`. Of the same version the last write counts. Ignored, with
   * one line in the log, where there is no meta protocol.
   * @defaultValue none: the last write counts
   */
  version?: bigint | number | undefined;
}

/** Taken by `getOrSet` and, for each of its values, by `getOrSetMany`. `T`: what is loaded. */
export interface GetOrSetOptions<T = unknown> extends CacheCallOptions {
  /** Milliseconds or `'10m'`, or what a function makes of the value. @defaultValue the cache's `ttl` */
  ttl?: Duration | ((value: T) => Duration) | undefined;
  /** See {@link CacheWriteOptions.tags}; or what a function makes of the value. @defaultValue none */
  tags?: readonly string[] | ((value: T) => readonly string[]) | undefined;
  /**
   * See {@link CacheWriteOptions.version}: a loaded value that is older than what is stored goes to who waits for it
   * and does not take its place. Or what a function makes of the value; `undefined` is a value without one.
   * @defaultValue none: what is loaded is stored
   */
  version?: bigint | number | ((value: T) => bigint | number | undefined) | undefined;
  /** See {@link CacheReadOptions.type}. @defaultValue none */
  type?: ClassOf | undefined;
  /** See {@link CacheWriteOptions.plain}. @defaultValue false */
  plain?: boolean | undefined;
  /** @defaultValue the cache's `stale` */
  stale?: Duration | undefined;
  /** @defaultValue the cache's `refreshAhead` */
  refreshAhead?: number | undefined;
  /** @defaultValue the cache's `softTimeout` */
  softTimeout?: Duration | undefined;
  /** @defaultValue the cache's `loadTimeout` */
  loadTimeout?: Duration | undefined;
  /** @defaultValue the cache's `negativeTtl` */
  negativeTtl?: Duration | undefined;
  /** @defaultValue the cache's `leases` */
  leases?: 'auto' | 'off' | undefined;
  /** @defaultValue the cache's `losers` */
  losers?: 'wait' | 'run' | 'fallback' | undefined;
  /** @defaultValue the cache's `waitTimeout` */
  waitTimeout?: Duration | undefined;
  /** What a loser gets where `losers` is `'fallback'`. Never stored. @defaultValue undefined */
  fallback?: T | undefined;
  /**
   * Asked about each value that was loaded, with its key: when it says `true`, the value is handed to all who
   * wait for it and is not stored, as `undefined` is not. When it throws, that is the loader's failure.
   * @defaultValue everything is stored
   */
  unless?: ((value: T, key: string) => boolean) | undefined;
  /** The cache is not read: the loader runs, and its value is stored. @defaultValue false */
  forceFresh?: boolean | undefined;
  /** The cache is left alone: the loader runs, for this call only. @defaultValue false */
  skip?: boolean | undefined;
}

/** What a loader is called with. */
export interface LoadContext {
  /** Aborts when `loadTimeout` has passed or when every caller that waited has given up. */
  readonly signal: AbortSignal;
  readonly key: string;
}

export type Loader<T> = (context: LoadContext) => T | Promise<T>;

/** What a loader of many is called with. */
export interface LoadManyContext {
  /** Aborts when `loadTimeout` has passed or when the caller has given up. */
  readonly signal: AbortSignal;
  /** All keys that were asked for, those that were found included. */
  readonly keys: readonly string[];
}

/** Called once with the keys that are missing; a key that is not in its answer is not cached. */
export type ManyLoader<T> = (
  missing: string[],
  context: LoadManyContext,
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

/** Ten years: what memcached can express in 2026 (its last second is 2038-01-19). */
export const LONGEST_TTL = 315_360_000_000;
const LONGEST_WAIT = 2_147_483_647;

const DEFAULTS: CheckedCacheOptions = {
  namespace: 'cache',
  ttl: 300_000,
  jitter: 0.1,
  enabled: true,
  keys: 'digest',
  timeout: undefined,
  loadTimeout: 30_000,
  stale: 0,
  refreshAhead: 0,
  softTimeout: 0,
  negativeTtl: undefined,
  leases: 'auto',
  losers: 'wait',
  waitTimeout: undefined,
  near: false,
};

/**
 * @param inherited - what an option that is not given falls back to: a view's are those of its parent
 * @throws MemcachedOptionError naming the option.
 */
export function checkCacheOptions(
  where: string,
  given: CacheOptions | undefined,
  inherited: CheckedCacheOptions = DEFAULTS,
): CheckedCacheOptions {
  const rules: OptionRules<CheckedCacheOptions> = {
    namespace: text<string>(inherited.namespace),
    ttl: duration(inherited.ttl, 0, LONGEST_TTL),
    jitter: fraction(inherited.jitter, 0, 1),
    enabled: boolean(inherited.enabled),
    keys: oneOf(inherited.keys, ['strict', 'digest']),
    timeout: { ...duration(1, 1, LONGEST_WAIT), fallback: inherited.timeout },
    loadTimeout: duration(inherited.loadTimeout, 0, LONGEST_WAIT),
    stale: duration(inherited.stale, 0, LONGEST_TTL),
    refreshAhead: fraction(inherited.refreshAhead, 0, 1),
    softTimeout: duration(inherited.softTimeout, 0, LONGEST_WAIT),
    negativeTtl: { ...duration(0, 0, LONGEST_TTL), fallback: inherited.negativeTtl },
    leases: oneOf(inherited.leases, ['auto', 'off']),
    losers: oneOf(inherited.losers, ['wait', 'run', 'fallback']),
    waitTimeout: { ...duration(0, 0, LONGEST_WAIT), fallback: inherited.waitTimeout },
    near: nearRule(inherited.near),
  };
  return checkOptions<CheckedCacheOptions>(where, given, rules);
}

/**
 * Milliseconds of an option of one call, or `otherwise` when it was not given.
 * @throws MemcachedArgumentError
 */
export function callDuration<T>(
  name: string,
  given: Duration | undefined,
  otherwise: T,
  min = 0,
  max = LONGEST_WAIT,
): number | T {
  if (given === undefined) return otherwise;
  const milliseconds = toMilliseconds(given);
  if (milliseconds !== undefined && milliseconds >= min && milliseconds <= max) return milliseconds;
  throw new MemcachedArgumentError(
    `"${name}" must be milliseconds from ${min} to ${max} or a string like '10m', not ${describe(given)}.`,
  );
}

/** @throws MemcachedArgumentError */
export function callTtl(given: Duration | undefined, otherwise: number, name = 'ttl'): number {
  return callDuration(name, given, otherwise, 0, LONGEST_TTL);
}

/** @throws MemcachedArgumentError */
export function callFraction(name: string, given: number | undefined, otherwise: number): number {
  if (given === undefined || (typeof given === 'number' && given >= 0 && given <= 1)) {
    return given ?? otherwise;
  }
  throw new MemcachedArgumentError(`"${name}" must be a number from 0 to 1, not ${describe(given)}.`);
}

/** @throws MemcachedArgumentError */
export function callWord<W extends string>(
  name: string,
  given: W | undefined,
  otherwise: W,
  words: readonly W[],
): W {
  if (given === undefined || words.includes(given)) return given ?? otherwise;
  const known = words.map((word) => `'${word}'`).join(', ');
  throw new MemcachedArgumentError(`"${name}" must be one of ${known}, not ${describe(given)}.`);
}

/**
 * `ttl` shortened by chance, by at most the share `jitter`. Never 0 unless `ttl` is: to memcached 0 is for
 * ever.
 */
export function shortened(ttl: number, jitter: number, random: () => number): number {
  return ttl === 0 || jitter === 0 ? ttl : Math.max(1, ttl * (1 - jitter * random()));
}
