/**
 * What a Nest application imports. What needs an optional package (Keyv, Terminus) has an entry of its own,
 * and so has the in-process server for tests.
 */
export * from './cache/index.js';
export * from './core/index.js';
export { Cacheable, CacheEvict, CachePut } from './nest/cacheable.js';
export type {
  AsyncMethod,
  CacheableOptions,
  CacheDecorator,
  CacheEvictOptions,
  CachePutOptions,
} from './nest/decorator-options.js';
export { MemcachedHealth, type MemcachedHealthSummary, type MemcachedNodeHealth } from './nest/health.js';
export { MemcachedPoolModule } from './nest/module.js';
export type {
  MemcachedModuleExtras,
  MemcachedModuleOptions,
  MemcachedOptionsFactory,
  MemcachedRootAsyncOptions,
  MemcachedRootOptions,
} from './nest/options.js';
export { MemcachedPoolRegistry } from './nest/registry.js';
export {
  DEFAULT_POOL,
  getMemcachedCacheToken,
  getMemcachedPoolToken,
  InjectMemcachedCache,
  InjectMemcachedPool,
} from './nest/tokens.js';
