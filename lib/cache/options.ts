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
   * @defaultValue '30s'
   */
  loadTimeout?: Duration | undefined;
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
}

/** Taken by calls that read. */
export interface CacheReadOptions extends CacheCallOptions {
  /**
   * Makes what was stored an instance of this class again, without calling its constructor: a value, or each
   * element when the value is an array. Only what stands in a class's own properties survives.
   */
  type?: ClassOf | undefined;
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
}

export interface GetOrSetOptions extends CacheWriteOptions {
  /** @defaultValue the cache's `loadTimeout` */
  loadTimeout?: Duration | undefined;
}

/** What a loader is called with. */
export interface LoadContext {
  /** Aborts when `loadTimeout` has passed or when every caller that waited has given up. */
  readonly signal: AbortSignal;
  readonly key: string;
}

export type Loader<T> = (context: LoadContext) => T | Promise<T>;

/** Ten years: what memcached can express in 2026 (its last second is 2038-01-19). */
const LONGEST_TTL = 315_360_000_000;
const LONGEST_WAIT = 2_147_483_647;

const DEFAULTS: CheckedCacheOptions = {
  namespace: 'cache',
  ttl: 300_000,
  jitter: 0.1,
  enabled: true,
  keys: 'digest',
  timeout: undefined,
  loadTimeout: 30_000,
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
export function callTtl(given: Duration | undefined, otherwise: number): number {
  return callDuration('ttl', given, otherwise, 0, LONGEST_TTL);
}

/**
 * `ttl` shortened by chance, by at most the share `jitter`. Never 0 unless `ttl` is: to memcached 0 is for
 * ever.
 */
export function shortened(ttl: number, jitter: number, random: () => number): number {
  return ttl === 0 || jitter === 0 ? ttl : Math.max(1, ttl * (1 - jitter * random()));
}
