/**
 * The three decorators. What a call costs, who loads and how long it lives is the cache's business; here it is
 * only decided under which key, and what becomes of the method's answer.
 *
 * Invariant: a decorated method answers as it would without a cache, except that it may not run. A key that
 * cannot be made is never replaced by another one: the call runs uncached, with one warning.
 */
import { MemcachedOptionError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import { afterwards, cachedObservable, cachedPromise, declaresObservable } from './answer.js';
import {
  type CacheableOptions,
  type CacheDecorator,
  type CacheEvictOptions,
  type CachePutOptions,
  type CheckedOptions,
  checkCacheable,
  checkCacheEvict,
  checkCachePut,
  entryOf,
} from './decorator-options.js';
import { digest } from './default-key.js';
import { mustNotWait } from './loading.js';
import { type Call, mustBeMethod, placeOf, wrap } from './method.js';
import { defaultKeyOf, type Plan, tellOnce } from './slot.js';

/**
 * The method runs only when the cache has no answer for these arguments; concurrent callers share one run.
 * An error is not cached, nor is `undefined`; `null` is an answer. When the cache fails, the method runs.
 *
 * The entry is shared by everyone who gets the same key: put whatever the answer depends on, such as the
 * user, into the key.
 */
export function Cacheable<A extends unknown[] = unknown[], C extends unknown[] = unknown[]>(
  options: CacheableOptions<A, C> = {},
): CacheDecorator<A, C> {
  return (target, method, descriptor) => {
    const where = placeOf('Cacheable', target, method);
    mustBeMethod(where, target, descriptor);
    const checked = checkCacheable(where, { ...options });
    const plan = planOf(where, target, method, checked);
    const declared = declaresObservable(target, method) ? 'observable' : 'promise';
    const cached = (checked.returns ?? declared) === 'observable' ? cachedObservable : cachedPromise;
    const entry = entryOf(checked);
    wrap(target, descriptor, plan, (call) => {
      const key = keysOf(plan, checked, call)?.[0];
      if (key === undefined || mustNotWait(plan, call.cache, key)) return call.proceed();
      return cached(plan, call, key, entry);
    });
  };
}

/**
 * The method always runs, and its answer replaces the entry. An answer that cannot be stored, `undefined`
 * included, removes the entry: an old value is worse than none. When the method fails, the entry stays.
 */
export function CachePut<A extends unknown[] = unknown[], C extends unknown[] = unknown[]>(
  options: CachePutOptions<A, C>,
): CacheDecorator<A, C> {
  return (target, method, descriptor) => {
    const where = placeOf('CachePut', target, method);
    mustBeMethod(where, target, descriptor);
    const checked = checkCachePut(where, { ...options });
    if (checked.key === undefined) throw new MemcachedOptionError(`${where} needs a "key".`);
    const plan = planOf(where, target, method, checked);
    const entry = entryOf(checked);
    wrap(target, descriptor, plan, (call) => {
      const keys = keysOf(plan, checked, call);
      if (keys === undefined) return call.proceed();
      return afterwards(plan, call, (answer) => call.cache.set(keys[0]!, answer, entry));
    });
  };
}

/**
 * The method always runs; the entries named by `key` (or all of them) are removed before its caller gets the
 * answer.
 */
export function CacheEvict<A extends unknown[] = unknown[], C extends unknown[] = unknown[]>(
  options: CacheEvictOptions<A, C>,
): CacheDecorator<A, C> {
  return (target, method, descriptor) => {
    const where = placeOf('CacheEvict', target, method);
    mustBeMethod(where, target, descriptor);
    const checked = checkCacheEvict(where, { ...options });
    if ((checked.key === undefined) === (checked.all === undefined)) {
      throw new MemcachedOptionError(`${where} needs either a "key" or "all: true".`);
    }
    const plan = planOf(where, target, method, checked);
    wrap(target, descriptor, plan, (call) => {
      const keys = keysOf(plan, checked, call);
      if (keys === undefined) return call.proceed();
      const evict = () => (checked.all ? call.cache.clear() : call.cache.deleteMany(keys));
      return afterwards(plan, call, evict, checked.when === 'always' ? evict : undefined);
    });
  };
}

function planOf(
  where: string,
  target: object,
  method: string | symbol,
  options: CheckedOptions & { all?: true | undefined },
): Plan {
  const usesDefaultKey = options.key === undefined && options.all === undefined;
  if (usesDefaultKey && typeof method === 'symbol') {
    throw new MemcachedOptionError(
      `${where} needs a "key": the method's name is a symbol, which makes none.`,
    );
  }
  const { pool, namespace } = options;
  return {
    where,
    owner: target.constructor,
    method: String(method),
    pool,
    namespace,
    usesDefaultKey,
    told: new Set(),
  };
}

/** `undefined`: this call leaves the cache alone. */
function keysOf(plan: Plan, options: CheckedOptions, call: Call): string[] | undefined {
  const { instance, args } = call;
  try {
    if (options.condition !== undefined && !Reflect.apply(options.condition, instance, args))
      return undefined;
    if (plan.usesDefaultKey) return [`${defaultKeyOf(plan, instance.constructor)}:${digest(args)}`];
    const made = options.key === undefined ? [] : Reflect.apply(options.key, instance, args);
    const keys: unknown[] = Array.isArray(made) ? made : [made];
    const odd = keys.findIndex((key) => typeof key !== 'string' || key === '');
    if (odd === -1) return keys as string[];
    tellOnce(plan, 'key', `ran uncached: "key" gave ${describe(keys[odd])}, not a string that is not empty.`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const way = plan.usesDefaultKey ? 'its arguments make no key' : '"key" or "condition" threw';
    tellOnce(plan, 'key', `ran uncached: ${way} (${reason}).${plan.usesDefaultKey ? ' Write a "key".' : ''}`);
  }
  return undefined;
}
