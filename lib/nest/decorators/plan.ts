/**
 * What a decorator knows of its method before it is called for the first time.
 *
 * Invariant: whatever `@CacheConfig` may change is asked for by class, and late.
 */
import { MemcachedOptionError } from '../../core/base/errors.js';
import { DEFAULT_POOL } from '../tokens.js';
import { perClass } from './config.js';
import { declaresObservable } from './method.js';
import type { ClassLike, Place, Plan } from './slot.js';
import type { CacheConfigOptions } from './types.js';

interface PlanOptions {
  pool?: string | undefined;
  namespace?: string | undefined;
  scope?: unknown;
  key?: unknown;
  returns?: unknown;
}

/** @param keyless - no key is made of the arguments where none was written */
export function planOf(
  where: string,
  target: object,
  method: string | symbol,
  options: PlanOptions,
  keyless = false,
): Plan {
  const usesDefaultKey = options.key === undefined && !keyless;
  if (usesDefaultKey && typeof method === 'symbol') {
    throw new MemcachedOptionError(
      `${where} needs a "key": the method's name is a symbol, which makes none.`,
    );
  }
  const place = perClass((config): Place => {
    const { pool = DEFAULT_POOL, namespace, scope } = config;
    return {
      pool: options.pool ?? pool,
      namespace: options.namespace ?? namespace,
      scope: options.scope ?? scope,
    };
  });
  return {
    where,
    owner: target.constructor,
    method: String(method),
    observable:
      options.returns === undefined ? declaresObservable(target, method) : options.returns === 'observable',
    place,
    usesDefaultKey,
    told: new Set(),
  };
}

/** The options of a method with those of the class where it says nothing itself. */
export function withConfig<T extends object>(options: T): (type: ClassLike) => T & CacheConfigOptions {
  return perClass((config) => ({ ...config, ...options }));
}
