/**
 * `@Cacheable`: the method runs only when the cache has no answer. What a call costs, who loads and how long it
 * lives is the cache's business; here it is only decided under which key, and what becomes of the answer.
 *
 * Invariant: a decorated method answers as it would without a cache, except that it may not run.
 */
import { cachedObservable, cachedPromise, uncached } from './answer.js';
import { checkCacheable, keyMaker, written } from './checks.js';
import { perClass } from './config.js';
import { entryFor, entryOf, onErrorOf } from './entry.js';
import type { CacheableDecorator } from './fits.js';
import { keyOf } from './keys.js';
import { mustNotWait } from './loading.js';
import { mustBeMethod, placeOf, wrap } from './method.js';
import { planOf } from './plan.js';
import type { CacheableOptions } from './types.js';

/**
 * The method runs only when the cache has no answer for these arguments; concurrent callers, of all processes,
 * share one run. An error is not cached, nor is `undefined`; `null` is an answer. When the cache fails, the
 * method runs.
 *
 * The entry is shared by everyone who gets the same key: put whatever the answer depends on into the key, and
 * for whom it is into the `scope`.
 */
export function Cacheable<O extends CacheableOptions>(options?: O): CacheableDecorator<O> {
  return (target, method, descriptor) => {
    const where = placeOf('Cacheable', target, method);
    mustBeMethod(where, target, descriptor);
    const own = written(checkCacheable(where, { ...options }));
    const plan = planOf(where, target, method, own);
    const cached = plan.observable ? cachedObservable : cachedPromise;
    const key = keyMaker(where, own.key, descriptor.value!);
    const settings = perClass((config) => {
      const all = { ...config, ...own, key };
      return { all, entry: entryOf(all) };
    });
    wrap(target, descriptor, plan, own.pool, {
      prepare: (call) => keyOf(plan, settings(call.instance.constructor).all, call),
      answer(call, key) {
        const { all, entry } = settings(call.instance.constructor);
        const onError = onErrorOf(all.onError, call);
        if (key === undefined || mustNotWait(plan, call.cache, key)) return uncached(call, onError);
        return cached(plan, call, key, entryFor(plan, entry, all, call), onError);
      },
    });
  };
}
