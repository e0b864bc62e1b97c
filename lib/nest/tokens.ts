/**
 * The injection tokens, and the decorators that ask for them.
 *
 * Invariant: the same name gives the same token everywhere, in a second copy of this package too
 * (`Symbol.for`). The default pool and its cache are asked for by their classes.
 */
import { Inject } from '@nestjs/common';
import { MemcachedCache } from '../cache/cache.js';
import { MemcachedPool } from '../core/pool/pool.js';

/** The name of a pool that was given none. */
export const DEFAULT_POOL = 'default';

/** What a pool is injected by. @param name - as in `forRoot({ name })` */
export function getMemcachedPoolToken(name: string = DEFAULT_POOL): typeof MemcachedPool | symbol {
  return name === DEFAULT_POOL ? MemcachedPool : Symbol.for(`nestjs-memcached-pool:pool:${name}`);
}

/** What the cache of a pool is injected by. @param name - of the pool, as in `forRoot({ name })` */
export function getMemcachedCacheToken(name: string = DEFAULT_POOL): typeof MemcachedCache | symbol {
  return name === DEFAULT_POOL ? MemcachedCache : Symbol.for(`nestjs-memcached-pool:cache:${name}`);
}

/** Injects a pool by its name; without one the default pool, as `constructor(pool: MemcachedPool)` does. */
export function InjectMemcachedPool(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getMemcachedPoolToken(name));
}

/** Injects the cache of a pool by the pool's name; without one the cache of the default pool. */
export function InjectMemcachedCache(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getMemcachedCacheToken(name));
}
