/**
 * `@CacheEvict`: the method always runs; what it makes wrong is removed, or marked as stale.
 *
 * Invariant: with `when: 'success'` and `'always'` that is done before the caller has the answer.
 */
import { MemcachedOptionError } from '../../core/base/errors.js';
import { afterwards, beforehand } from './answer.js';
import { type AnyFunction, checkCacheEvict, keyMaker, written } from './checks.js';
import type { CacheEvictDecorator } from './fits.js';
import { keysOf } from './keys.js';
import { type Call, mustBeMethod, placeOf, wrap } from './method.js';
import { planOf, withConfig } from './plan.js';
import type { CacheEvictOptions } from './types.js';

/**
 * The method always runs; the entries named by `key` and those that carry one of the `tags` (or all of the
 * namespace) are removed before its caller gets the answer. `how: 'expire'` leaves them servable as stale.
 */
export function CacheEvict<O extends CacheEvictOptions>(options: O): CacheEvictDecorator<O> {
  return (target, method, descriptor) => {
    const where = placeOf('CacheEvict', target, method);
    mustBeMethod(where, target, descriptor);
    const own = written(checkCacheEvict(where, { ...options }));
    const { all, tags, when, how } = own;
    mustNameSomething(where, own);
    const plan = planOf(where, target, method, own, true);
    const key = keyMaker(where, own.key, descriptor.value!);
    const settings = withConfig({ ...own, key, keyless: key === undefined });
    const evict = async (call: Call, keys: string[]): Promise<void> => {
      const { cache } = call;
      const { stale } = settings(call.instance.constructor);
      const work: Promise<unknown>[] = [];
      if (all) work.push(cache.clear());
      if (keys.length > 0 && how === 'expire')
        work.push(...keys.map((each) => cache.invalidate(each, { stale })));
      else if (keys.length > 0) work.push(cache.deleteMany(keys));
      const named = tagsOf(tags, call);
      if (named.length > 0) work.push(how === 'expire' ? cache.expireByTag(named) : cache.deleteByTag(named));
      await Promise.all(work);
    };
    wrap(target, descriptor, plan, own.pool, {
      prepare: (call) => keysOf(plan, settings(call.instance.constructor), call),
      answer(call, keys) {
        if (keys === undefined) return call.proceed();
        const work = () => evict(call, keys);
        if (when === 'before') return beforehand(plan, call, work);
        return afterwards(plan, call, work, when === 'always' ? work : undefined);
      },
    });
  };
}

function mustNameSomething(where: string, { key, all, tags, how }: { [option: string]: unknown }): void {
  if (key !== undefined && all !== undefined) {
    throw new MemcachedOptionError(`${where} needs either a "key" or "all: true", not both.`);
  }
  if (key === undefined && all === undefined && tags === undefined) {
    throw new MemcachedOptionError(`${where} needs a "key", "tags" or "all: true".`);
  }
  if (all !== undefined && how === 'expire') {
    throw new MemcachedOptionError(`${where}: "all" deletes; give the entries a tag and expire that.`);
  }
}

function tagsOf(
  tags: readonly string[] | AnyFunction | undefined,
  { instance, args }: Call,
): readonly string[] {
  if (typeof tags !== 'function') return tags ?? [];
  return Reflect.apply(tags, instance, args) as readonly string[];
}
