/**
 * What `@CacheConfig` says about all cached methods of a class.
 *
 * Invariant: a class's decorator runs after those of its methods, so nothing of it is read before the first
 * call (or the boot). What is nearest counts: the method, its instance's class, the classes that one extends.
 */
import { MemcachedOptionError } from '../../core/base/errors.js';
import { checkCacheConfig, written } from './checks.js';
import { type ClassLike, declarePool, lineage } from './slot.js';
import type { CacheConfigOptions } from './types.js';

const configs = new WeakMap<object, CacheConfigOptions>();

/** Options of all cached methods of a class, inherited ones included, except for what they say themselves. */
export function CacheConfig(options: CacheConfigOptions): ClassDecorator {
  return (type) => {
    const where = `@CacheConfig on ${typeof type === 'function' ? type.name : 'something'}`;
    if (typeof type !== 'function') throw new MemcachedOptionError(`${where}: it can only stand on a class.`);
    const config = written(checkCacheConfig(where, { ...options }));
    configs.set(type.prototype, config);
    if (config.pool !== undefined) declarePool(type.prototype, config.pool);
  };
}

/** What `make` makes of the configuration of each class, made once for each. */
export function perClass<T>(make: (config: CacheConfigOptions) => T): (type: ClassLike) => T {
  const made = new WeakMap<object, T>();
  // Nearly always the only one.
  let lastType: ClassLike | undefined;
  let last: T;
  return (type) => {
    if (type === lastType) return last;
    const found = made.get(type);
    if (found !== undefined) {
      lastType = type;
      last = found;
      return found;
    }
    const { prototype } = type as { prototype?: unknown };
    const nearestLast = lineage(prototype).reverse();
    const fresh = make(Object.assign({}, ...nearestLast.map((step) => configs.get(step))));
    made.set(type, fresh);
    return fresh;
  };
}
