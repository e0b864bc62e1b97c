/**
 * Whose an entry is: the names that the module's option `scope` knows, and how a scope stands in a key.
 *
 * Invariant: a key with a scope is never the same as one of another scope, or as one without.
 */
import type { MemcachedCache } from '../cache/cache.js';

/**
 * Says for whom the current call or request is, such as a tenant's or a user's id; `undefined` when it is for
 * nobody in particular, and then the cache is left alone. The interceptor of HTTP routes hands it the request;
 * called for a method it gets nothing, and knows from an AsyncLocalStorage of the application's own.
 */
export type ScopeResolver = (request?: unknown) => string | undefined;

/** `@` */
const AT = 0x40;

/** By name. */
export type Scopes = Readonly<Record<string, ScopeResolver>>;

/** Of the pool's own cache, so that two applications never meet. */
const scopesByCache = new WeakMap<MemcachedCache, Scopes>();

export function declareScopes(cache: MemcachedCache, scopes: Scopes): void {
  scopesByCache.set(cache, scopes);
}

/** What `name` stands for in the application that `cache` belongs to. */
export function scopeNamed(cache: MemcachedCache, name: string): ScopeResolver | undefined {
  const scopes = scopesByCache.get(cache);
  return scopes !== undefined && Object.hasOwn(scopes, name) ? scopes[name] : undefined;
}

/** For messages: what there is to choose from. */
export function whatScopesThereAre(cache: MemcachedCache): string {
  const names = Object.keys(scopesByCache.get(cache) ?? {});
  return names.length === 0 ? `the module's option "scope" has none` : `there is ${names.join(', ')}`;
}

/**
 * The key that a decorated method with this scope uses, to get at its entry by hand:
 * `cache.delete(scopedKey('tenant-7', 'prices'))`.
 */
export function scopedKey(scope: string | undefined, key: string): string {
  if (scope !== undefined) return `@${scope.length}:${scope}:${key}`;
  // No scope is 0 long, so what looks like one and is none stays apart.
  return key.charCodeAt(0) === AT ? `@0:${key}` : key;
}
