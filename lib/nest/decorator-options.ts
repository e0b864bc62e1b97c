/**
 * What `@Cacheable`, `@CachePut` and `@CacheEvict` can be told, and the types that hold a key function against
 * the method below it.
 *
 * Invariant: options are checked when the class is loaded; a decorator that is in place is a right one.
 */
import type { Observable } from 'rxjs';
import type { GetOrSetOptions } from '../cache/options.js';
import type { ClassOf } from '../cache/ports.js';
import { type Duration, toMilliseconds } from '../core/base/durations.js';
import { checkOptions, like, type OptionRules, oneOf, text } from '../core/base/options.js';
import { DEFAULT_POOL } from './tokens.js';

/** Where the entries are kept, and when the cache is left alone. `C`: parameters of the condition. */
export interface PlaceOptions<C extends unknown[]> {
  /** Name of the pool. @defaultValue the default pool */
  pool?: string | undefined;
  /** A namespace of its own within the pool's cache; `@CacheEvict({ all: true })` empties it as a whole. */
  namespace?: string | undefined;
  /** Asked before each call, with the method's arguments; `false` leaves the cache alone. */
  condition?: ((...args: C) => boolean) | undefined;
}

export interface EntryOptions {
  /** How long an entry lives: milliseconds or `'10m'`. 0 is never. @defaultValue the cache's `ttl` */
  ttl?: Duration | undefined;
  /** Class that a hit is rebuilt as; without it class instances are not cached. */
  type?: ClassOf | undefined;
  /** Accept that a hit is plain data where the method returned class instances. @defaultValue false */
  plain?: boolean | undefined;
}

/** `A`: parameters of the key function, `C`: of the condition. Each may have fewer than the method. */
export interface CacheableOptions<A extends unknown[] = unknown[], C extends unknown[] = unknown[]>
  extends PlaceOptions<C>,
    EntryOptions {
  /**
   * The key of a call, from the method's arguments.
   * @defaultValue `Class.method:` and a digest of the arguments; arguments that hold class instances or
   * functions have none, and such a call runs uncached
   */
  key?: ((...args: A) => string) | undefined;
  /**
   * What the method returns. `'observable'`: its last value is cached and handed on.
   * @defaultValue what the declared return type says, where the compiler emits it; else `'promise'`
   */
  returns?: 'promise' | 'observable' | undefined;
  /**
   * How long the method may take to have its answer stored. 0 is for ever.
   * @defaultValue the cache's `loadTimeout`
   */
  loadTimeout?: Duration | undefined;
}

export interface CachePutOptions<A extends unknown[] = unknown[], C extends unknown[] = unknown[]>
  extends PlaceOptions<C>,
    EntryOptions {
  /** The key that the result is stored under, from the method's arguments. */
  key: (...args: A) => string;
}

interface EvictOptions<C extends unknown[]> extends PlaceOptions<C> {
  /**
   * `'success'`: only when the method did not fail. `'always'`: also when it failed, since it may have done
   * half its work.
   * @defaultValue 'success'
   */
  when?: 'success' | 'always' | undefined;
}

export type CacheEvictOptions<A extends unknown[] = unknown[], C extends unknown[] = unknown[]> =
  | (EvictOptions<C> & {
      /** The key or keys that are no longer right, from the method's arguments. */
      key: (...args: A) => string | readonly string[];
      all?: undefined;
    })
  | (EvictOptions<C> & {
      key?: undefined;
      /** Everything in the namespace, or without one everything in the pool's cache. */
      all: true;
    });

/** A method that answers later: the only kind a cache can stand before. */
export type AsyncMethod = (...args: never[]) => Promise<unknown> | Observable<unknown>;

/**
 * `unknown` when a function of parameters `A` can be called with what `M` is called with; it may leave out the
 * last ones. The two are inferred apart: in one shared list `key: (id) => ...` would not fit `find(id, locale)`.
 */
export type Fits<M extends (...args: never[]) => unknown, A extends unknown[]> = number extends A['length']
  ? Parameters<M> extends A
    ? unknown
    : Misfit
  : Parameters<M> extends [...A, ...unknown[]]
    ? unknown
    : Misfit;

interface Misfit {
  'the parameters of "key" or "condition" are not those of the method': never;
}

export type CacheDecorator<A extends unknown[], C extends unknown[]> = <M extends AsyncMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> & Fits<M, A> & Fits<M, C>,
) => void;

/** The options as the decorators work with them. Functions are called with the instance as `this`. */
export interface CheckedOptions {
  pool: string;
  namespace: string | undefined;
  condition: ((...args: unknown[]) => unknown) | undefined;
  key: ((...args: unknown[]) => unknown) | undefined;
}

type Given = { [option: string]: unknown };

const isFunction = (given: unknown) => typeof given === 'function';

const PLACE: OptionRules<CheckedOptions> = {
  pool: text(DEFAULT_POOL),
  namespace: text(undefined),
  condition: like<CheckedOptions['condition']>(undefined, 'a function of the arguments', isFunction),
  key: like<CheckedOptions['key']>(undefined, 'a function of the arguments that gives a string', isFunction),
};

const DURATION = like<Duration | undefined>(
  undefined,
  "milliseconds of 0 or more, or a string like '10m'",
  (given) => toMilliseconds(given) !== undefined,
);

const ENTRY: OptionRules<EntryOptions> = {
  ttl: DURATION,
  type: like<ClassOf | undefined>(undefined, 'a class', isFunction),
  plain: like<boolean | undefined>(undefined, 'true or false', (given) => typeof given === 'boolean'),
};

type LoadOptions = Pick<CacheableOptions, 'returns' | 'loadTimeout'>;

const LOAD: OptionRules<LoadOptions> = {
  returns: like<LoadOptions['returns']>(
    undefined,
    "'promise' or 'observable'",
    (given) => given === 'promise' || given === 'observable',
  ),
  loadTimeout: DURATION,
};

export function checkCacheable(where: string, given: Given) {
  return checkOptions(where, given, { ...PLACE, ...ENTRY, ...LOAD });
}

export function checkCachePut(where: string, given: Given) {
  return checkOptions(where, given, { ...PLACE, ...ENTRY });
}

export function checkCacheEvict(where: string, given: Given) {
  return checkOptions(where, given, {
    ...PLACE,
    all: like<true | undefined>(undefined, 'true', (all) => all === true),
    when: oneOf('success', ['success', 'always']),
  });
}

/** What the cache is told about an entry: only what was written, so that the cache's defaults hold. */
export function entryOf(
  options: EntryOptions & { loadTimeout?: Duration | undefined },
): Pick<GetOrSetOptions, 'type' | 'plain' | 'loadTimeout'> & EntryOptions {
  const entry: ReturnType<typeof entryOf> = {};
  for (const name of ['ttl', 'type', 'plain', 'loadTimeout'] as const) {
    if (options[name] !== undefined) Object.assign(entry, { [name]: options[name] });
  }
  return entry;
}
