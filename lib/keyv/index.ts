export { memcachedKeyv } from './store.js';
export type { KeyvBackend, KeyvStoreEntry, MemcachedKeyvOptions, MemcachedKeyvStore } from './types.js';
