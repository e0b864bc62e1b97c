/**
 * `@CachePut`: the method always runs, and its answer replaces the entry.
 *
 * Invariant: where the answer cannot be stored the entry is removed: an old value is worse than none. When the
 * method fails, the entry stays.
 */
import type { CacheWriteOptions } from '../../cache/options.js';
import { MemcachedOptionError } from '../../core/base/errors.js';
import { afterwards } from './answer.js';
import { checkCachePut, keyMaker, written } from './checks.js';
import { entryFor, entryOf } from './entry.js';
import type { CachePutDecorator } from './fits.js';
import { keyOf } from './keys.js';
import { mustBeMethod, placeOf, wrap } from './method.js';
import { planOf, withConfig } from './plan.js';
import type { CachePutOptions } from './types.js';

/**
 * The method always runs, and its answer replaces the entry. An answer that is kept out by `unless` or cannot be
 * stored, `undefined` included, removes the entry. When the method fails, the entry stays.
 */
export function CachePut<O extends CachePutOptions>(options: O): CachePutDecorator<O> {
  return (target, method, descriptor) => {
    const where = placeOf('CachePut', target, method);
    mustBeMethod(where, target, descriptor);
    const own = written(checkCachePut(where, { ...(options as object) }));
    if (own.key === undefined) throw new MemcachedOptionError(`${where} needs a "key".`);
    const plan = planOf(where, target, method, own);
    const settings = withConfig({ ...own, key: keyMaker(where, own.key, descriptor.value!) });
    wrap(target, descriptor, plan, own.pool, {
      prepare: (call) => keyOf(plan, settings(call.instance.constructor), call),
      answer(call, key) {
        if (key === undefined) return call.proceed();
        const all = settings(call.instance.constructor);
        const { ttl, tags, unless, version, ...entry } = entryFor(plan, entryOf(all), all, call);
        return afterwards(plan, call, async (result) => {
          if (unless?.(result, key)) return call.cache.delete(key);
          const negative = result === null ? all.negativeTtl : undefined;
          const write: CacheWriteOptions = {
            stale: entry.stale,
            type: entry.type,
            plain: entry.plain,
            timeout: entry.timeout,
            ttl: negative ?? (typeof ttl === 'function' ? ttl(result) : ttl),
            tags: typeof tags === 'function' ? tags(result) : tags,
            version: typeof version === 'function' ? version(result) : version,
          };
          return call.cache.set(key, result, write);
        });
      },
    });
  };
}
