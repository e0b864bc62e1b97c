/**
 * Which requests may be answered from the cache, and under which key.
 *
 * Invariant: a request that says who it is from is cached for that one alone, or not at all. Two requests share
 * a key only when route, host, URL, scope and all headers that the route varies by are the same.
 */
import type { MemcachedCache } from '../../cache/cache.js';
import { scopedKey, scopeNamed } from '../scopes.js';
import { type Directives, parseCacheControl } from './headers.js';
import type { HttpCacheOptions, HttpCacheRequest } from './http-cache.js';

const METHODS = ['GET', 'HEAD'];

/** A part of a file is no page; methods that change something have none. */
export function mayBeCached(method: string, request: HttpCacheRequest): boolean {
  return METHODS.includes(method) && request.headers.range === undefined;
}

/** Whether the request says who it is from: by its headers, or by what a guard found out. */
function isPersonal(request: HttpCacheRequest & { readonly user?: unknown }): boolean {
  const { authorization, cookie } = request.headers;
  return (
    authorization !== undefined ||
    cookie !== undefined ||
    (request.user !== undefined && request.user !== null)
  );
}

export type Whose =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'scope'; readonly scope: string }
  /** `why`, where it is worth a line in the log. */
  | { readonly kind: 'nobody'; readonly why?: string };

export function whoseIs(request: HttpCacheRequest, options: HttpCacheOptions, root: MemcachedCache): Whose {
  const { scope } = options;
  if (scope === undefined) return { kind: isPersonal(request) ? 'nobody' : 'everybody' };
  const resolve = typeof scope === 'function' ? scope : scopeNamed(root, scope);
  if (resolve === undefined) return { kind: 'nobody', why: `there is no scope named "${String(scope)}"` };
  try {
    const made: unknown = resolve(request);
    if (made === undefined) return { kind: 'nobody' };
    if (typeof made === 'string' && made !== '') return { kind: 'scope', scope: made };
    return { kind: 'nobody', why: `"scope" gave a ${typeof made}, not a string that is not empty` };
  } catch (error) {
    return { kind: 'nobody', why: `"scope" threw (${String(error)})` };
  }
}

/** The key of a URL on a route. The parts before the URL hold no slash, so none can be taken for another. */
export function keyOfUrl(route: string, request: HttpCacheRequest, url: string): string {
  const { host } = request.headers;
  return `${encodeURIComponent(route)}/${encodeURIComponent(String(host ?? '').toLowerCase())}/${url}`;
}

/** `key` for this request: its headers that count, and its scope. */
export function keyFor(
  key: string,
  request: HttpCacheRequest,
  vary: readonly string[] | undefined,
  whose: Whose,
): string {
  const values = (vary ?? []).map((name) =>
    encodeURIComponent(String(request.headers[name.toLowerCase()] ?? '')),
  );
  const varied = values.length === 0 ? key : `~${values.join(',')}~${key}`;
  return scopedKey(whose.kind === 'scope' ? whose.scope : undefined, varied);
}

/** What a client asks of caches; nothing where the route does not let it. */
export function askedBy(request: HttpCacheRequest, options: HttpCacheOptions): 'fresh' | 'none' | undefined {
  if (!options.clientControl) return undefined;
  const asked: Directives = parseCacheControl(request.headers['cache-control']);
  if (asked.has('no-store')) return 'none';
  return asked.has('no-cache') || asked.get('max-age') === '0' ? 'fresh' : undefined;
}
