/**
 * What a Nest application imports. What needs an optional package (Keyv, Terminus) has an entry of its own,
 * and so has the in-process server for tests.
 */
export * from './cache/index.js';
export * from './core/index.js';
export { CacheEvict } from './nest/decorators/cache-evict.js';
export { CachePut } from './nest/decorators/cache-put.js';
export { Cacheable } from './nest/decorators/cacheable.js';
export { CacheableMany } from './nest/decorators/cacheable-many.js';
export { CacheConfig } from './nest/decorators/config.js';
export { type CacheControl, withCache } from './nest/decorators/control.js';
export type {
  AsyncMethod,
  CacheableDecorator,
  CacheableManyDecorator,
  CacheEvictDecorator,
  CachePutDecorator,
  ManyMethod,
} from './nest/decorators/fits.js';
export type {
  CacheableManyOptions,
  CacheableOptions,
  CacheConfigOptions,
  CacheEvictOptions,
  CachePutOptions,
} from './nest/decorators/types.js';
export { MemcachedHealth, type MemcachedHealthSummary, type MemcachedNodeHealth } from './nest/health.js';
export { HttpCache, type HttpCacheOptions, type HttpCacheRequest } from './nest/http/http-cache.js';
export { MemcachedCacheInterceptor } from './nest/http/interceptor.js';
export { MemcachedPoolModule } from './nest/module.js';
export type {
  MemcachedModuleExtras,
  MemcachedModuleOptions,
  MemcachedOptionsFactory,
  MemcachedRootAsyncOptions,
  MemcachedRootOptions,
} from './nest/options.js';
export { MemcachedPoolRegistry } from './nest/registry.js';
export { type ScopeResolver, type Scopes, scopedKey } from './nest/scopes.js';
export {
  DEFAULT_POOL,
  getMemcachedCacheToken,
  getMemcachedPoolToken,
  InjectMemcachedCache,
  InjectMemcachedPool,
} from './nest/tokens.js';
