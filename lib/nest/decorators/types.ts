/**
 * What the decorators can be told.
 *
 * Invariant: each option stands here once, with its default; how functions among them are held against the
 * method below is `fits.ts`, what is refused when the class is loaded is `checks.ts`.
 */
import type { ClassOf } from '../../cache/ports.js';
import type { Duration } from '../../core/base/durations.js';

/** A function of the user's, whose parameters the decorator's type compares with those of the method. */
export type Told<R> = { compared(...args: unknown[]): R }['compared'];

/** Where the entries are kept, for whom, and when the cache is left alone. */
export interface PlaceOptions {
  /** Name of the pool. @defaultValue that of `@CacheConfig`, else the default pool */
  pool?: string | undefined;
  /**
   * A namespace of its own within the pool's cache; `@CacheEvict({ all: true })` empties it as a whole.
   * @defaultValue that of `@CacheConfig`, else none
   */
  namespace?: string | undefined;
  /**
   * Whose entry it is: a function of the arguments, or a name that the module's option `scope` knows. Entries
   * of different scopes never meet, nor do they meet entries without one. `undefined` leaves the cache alone.
   * @defaultValue that of `@CacheConfig`, else everybody shares the entry
   */
  scope?: string | Told<string | undefined> | undefined;
  /** Asked before each call, with the method's arguments; `false` leaves the cache alone. */
  condition?: Told<boolean> | undefined;
}

export interface EntryOptions {
  /** How long an entry lives, or what a function makes of the result. 0 is never. @defaultValue the cache's `ttl` */
  ttl?: Duration | Told<Duration> | undefined;
  /** How long after its `ttl` an entry may be served while it is refreshed. @defaultValue the cache's `stale` */
  stale?: Duration | undefined;
  /** How long `null` lives. @defaultValue the cache's `negativeTtl` */
  negativeTtl?: Duration | undefined;
  /** What the entry depends on, for `@CacheEvict({ tags })`; or a function of the result and the arguments. */
  tags?: readonly string[] | Told<readonly string[]> | undefined;
  /** Asked with the result and the arguments; `true` keeps the result out of the cache. */
  unless?: Told<boolean> | undefined;
  /**
   * The version of the result, or what a function makes of the result and the arguments: a whole number that only
   * grows, as a row's. A result older than what is stored is not stored, where there is the meta protocol.
   * @defaultValue what comes last is stored
   */
  version?: bigint | number | Told<bigint | number | undefined> | undefined;
  /** Class that a hit is rebuilt as; without it class instances are not cached. */
  type?: ClassOf | undefined;
  /** Accept that a hit is plain data where the method returned class instances. @defaultValue false */
  plain?: boolean | undefined;
}

/** How an entry is loaded. */
export interface LoadOptions {
  /**
   * In this last part of its `ttl`, 0 to 1, an entry is refreshed in the background.
   * @defaultValue the cache's `refreshAhead`
   */
  refreshAhead?: number | undefined;
  /** A method slower than this lets callers have the stale entry. @defaultValue the cache's `softTimeout` */
  softTimeout?: Duration | undefined;
  /**
   * How long the method may take to have its answer stored. 0 is for ever.
   * @defaultValue the cache's `loadTimeout`
   */
  loadTimeout?: Duration | undefined;
  /** `'off'`: one run per process instead of one in all. @defaultValue the cache's `leases` */
  leases?: 'auto' | 'off' | undefined;
  /** What a reader does while another process runs the method. @defaultValue the cache's `losers` */
  losers?: 'wait' | 'run' | 'fallback' | undefined;
  /** How long such a reader waits. @defaultValue the cache's `waitTimeout` */
  waitTimeout?: Duration | undefined;
  /** What it is given where `losers` is `'fallback'`. Never stored. */
  fallback?: unknown;
  /** Longest time for each command to memcached. @defaultValue the cache's `timeout` */
  timeout?: Duration | undefined;
  /**
   * Called with the error and the arguments when the method failed and there is nothing stale to serve; its
   * value is the caller's, and is not cached.
   * @defaultValue the error is the caller's
   */
  onError?: Told<unknown> | undefined;
}

export interface CacheableOptions extends PlaceOptions, EntryOptions, LoadOptions {
  /**
   * The key of a call: a function of the method's arguments, or a template like `'user:{0}:{1.id}'`.
   * @defaultValue `Class.method:` and a digest of the arguments; arguments that hold class instances or
   * functions have none, and such a call runs uncached
   */
  key?: string | Told<string> | undefined;
  /**
   * What the method returns. `'observable'`: its last value is cached and handed on.
   * @defaultValue what the declared return type says, where the compiler emits it; else `'promise'`
   */
  returns?: 'promise' | 'observable' | undefined;
}

export interface CacheableManyOptions extends PlaceOptions, EntryOptions, LoadOptions {
  /**
   * The key of one id: a function of it and of the method's other arguments, or a template whose `{0}` is the
   * id. With the key of a method that finds one, both share their entries. Needed.
   */
  key: string | Told<string>;
  /**
   * What the method returns. `'map'`: a Map by id.
   * @defaultValue `'array'`
   */
  returns?: 'array' | 'map' | undefined;
  /**
   * The id of a result. With it the method's array may have any order, and lack what does not exist.
   * @defaultValue the array has one result for each id, in their order; `undefined` where there is none
   */
  id?: Told<unknown> | undefined;
}

export interface CachePutOptions extends PlaceOptions, EntryOptions {
  /** The key that the result is stored under: a function of the arguments or a template. Needed. */
  key: string | Told<string>;
}

export interface EvictOptions extends PlaceOptions {
  /** Everything that has one of these tags is no longer right; or a function of the arguments. */
  tags?: readonly string[] | Told<readonly string[]> | undefined;
  /**
   * `'success'`: after the method, when it did not fail. `'always'`: also when it failed, since it may have
   * done half its work. `'before'`: before it runs, for what must not be served meanwhile; who reads then may
   * bring the old back.
   * @defaultValue 'success'
   */
  when?: 'before' | 'success' | 'always' | undefined;
  /**
   * `'expire'`: what is evicted may be served as stale, by those who allow it, until the next reader has
   * refreshed it.
   * @defaultValue 'delete'
   */
  how?: 'delete' | 'expire' | undefined;
  /**
   * With `how: 'expire'`, how long the entry named by `key` may still be served. 0 deletes it.
   * @defaultValue that of `@CacheConfig`, else the cache's `stale`
   */
  stale?: Duration | undefined;
  /**
   * What the method returns; matters only with `when: 'before'`.
   * @defaultValue what the declared return type says, where the compiler emits it; else `'promise'`
   */
  returns?: 'promise' | 'observable' | undefined;
}

export type CacheEvictOptions =
  | (EvictOptions & {
      /** The key or keys that are no longer right: a function of the arguments or a template. */
      key: string | Told<string | readonly string[]>;
      all?: undefined;
    })
  | (EvictOptions & {
      key?: undefined;
      /** Everything in the namespace, or without one everything in the pool's cache. */
      all: true;
    })
  | (EvictOptions & { key?: undefined; all?: undefined; tags: readonly string[] | Told<readonly string[]> });

/** For all cached methods of a class. What a method says itself counts more. */
export interface CacheConfigOptions
  extends Pick<PlaceOptions, 'pool' | 'namespace'>,
    Pick<EntryOptions, 'stale' | 'negativeTtl' | 'plain'>,
    Omit<LoadOptions, 'fallback' | 'onError'> {
  /** A function of the arguments, or a name that the module's option `scope` knows. @defaultValue none */
  scope?: string | ((...args: unknown[]) => string | undefined) | undefined;
  /** How long an entry lives. 0 is never. @defaultValue the cache's `ttl` */
  ttl?: Duration | undefined;
}
