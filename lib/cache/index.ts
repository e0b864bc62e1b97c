export { MemcachedCache } from './cache.js';
export type { NearOptions } from './near-options.js';
export type {
  CacheOptions,
  CacheReadOptions,
  CacheWriteOptions,
  GetOrSetOptions,
  LoadContext,
  Loader,
  LoadManyContext,
  ManyLoader,
} from './options.js';
export type { CacheMessage, CacheOperation, CacheOutcome, CacheStats } from './outcomes.js';
export type { CacheCallOptions, CacheHooks, CacheLeases, CacheLog, CachePool, ClassOf } from './ports.js';
