/**
 * `MemcachedCacheInterceptor`: GET routes answered from the cache, in the place of `CacheInterceptor`.
 *
 * Invariant: a response reaches only those it was made for, and a failing cache is a handler that runs. The
 * handler runs at most once for a request; what it throws is never stored. Who loads, who waits and what is
 * served meanwhile is the cache's business.
 */
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { lastValueFrom, type Observable, of } from 'rxjs';
import type { MemcachedCache } from '../../cache/cache.js';
import type { GetOrSetOptions } from '../../cache/options.js';
import { fromData } from '../../cache/shape.js';
import { systemClock } from '../../core/base/clock.js';
import { type Duration, toMilliseconds } from '../../core/base/durations.js';
import { MemcachedError } from '../../core/base/errors.js';
import { controlOf } from '../decorators/control.js';
import { viewOf } from '../decorators/slot.js';
import { DEFAULT_POOL, getMemcachedCacheToken } from '../tokens.js';
import { makeCacheControl, matches, mergeVary, millisecondsOf, parseCacheControl } from './headers.js';
import type { HttpCacheOptions, HttpCacheRequest } from './http-cache.js';
import {
  type Headers,
  headersSince,
  isAnswer,
  isGone,
  isPage,
  type Loaded,
  type Page,
  refuses,
  toPage,
} from './page.js';
import { askedBy, keyFor, keyOfUrl, mayBeCached, type Whose, whoseIs } from './request.js';
import { type Route, routeOf } from './route.js';

/** What of a response both platforms have. */
interface HttpResponse {
  readonly statusCode: number;
  readonly headersSent?: boolean;
  readonly sent?: boolean;
  getHeaders(): Readonly<Record<string, string | number | string[] | undefined>>;
}

/** One request on its way through. */
interface Visit {
  readonly context: ExecutionContext;
  readonly next: CallHandler;
  readonly route: Route;
  readonly options: HttpCacheOptions;
  readonly request: HttpCacheRequest;
  readonly response: HttpResponse;
  /** As the response stood before the handler ran. */
  readonly before: Headers;
  readonly cache: MemcachedCache;
  readonly whose: Whose;
  readonly ttl: number;
  readonly stale: number;
  /** The answer is on its way; a handler that runs now has no part in it. */
  answered: boolean;
  /** What this request's own run of the handler came to. */
  run: { readonly body: unknown } | { readonly error: unknown } | undefined;
}

interface Prepared {
  readonly visit: Visit;
  readonly key: string;
  readonly entry: GetOrSetOptions<Loaded>;
}

const OWN: Loaded = { own: true };

@Injectable()
export class MemcachedCacheInterceptor implements NestInterceptor {
  readonly #host: HttpAdapterHost;
  readonly #moduleRef: ModuleRef;
  readonly #logger = new Logger('MemcachedCacheInterceptor');
  /** What was said about a route already; each thing is said once. */
  readonly #told = new Set<string>();
  readonly #caches = new Map<string, MemcachedCache | undefined>();

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(ModuleRef) moduleRef: ModuleRef) {
    this.#host = host;
    this.#moduleRef = moduleRef;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const route = routeOf(context);
    if (route.options === undefined || !this.isRequestCacheable(context)) return next.handle();
    const prepared = await this.#prepare(context, next, route, route.options);
    return prepared === undefined ? next.handle() : of(await this.#answer(prepared));
  }

  /** What a request is kept under, for subclasses; `undefined`: it is not cached. Host, scope and `vary` are added. */
  protected trackBy(context: ExecutionContext): string | undefined | Promise<string | undefined> {
    const { key, name } = routeOf(context);
    if (typeof key === 'function') return key(context);
    const request = context.switchToHttp().getRequest<HttpCacheRequest>();
    return key ?? keyOfUrl(name, request, String(this.#host.httpAdapter.getRequestUrl(request)));
  }

  /** For subclasses: whether the method, and what else the request says, is such that an answer can be kept. */
  protected isRequestCacheable(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<HttpCacheRequest>();
    return mayBeCached(String(this.#host.httpAdapter.getRequestMethod(request)), request);
  }

  /** Wall-clock milliseconds. */
  protected now(): number {
    return systemClock.wallNow();
  }

  /** `undefined`: the cache has no part in this request. */
  async #begin(
    context: ExecutionContext,
    next: CallHandler,
    route: Route,
    options: HttpCacheOptions,
  ): Promise<Visit | undefined> {
    const root = this.#cacheOf(options.pool ?? DEFAULT_POOL, route);
    if (root === undefined || !root.enabled) return undefined;
    const request = context.switchToHttp().getRequest<HttpCacheRequest>();
    const response = context.switchToHttp().getResponse<HttpResponse>();
    const whose = whoseIs(request, options, root);
    if (options.private !== false) this.#vary(response, ['Authorization', 'Cookie']);
    if (options.vary !== undefined) this.#vary(response, options.vary);
    const before = namesAndValues(response);
    const own = before['cache-control'];
    const aside = controlOf()?.skip === true || askedBy(request, options) === 'none';
    if (whose.kind === 'nobody' && whose.why !== undefined)
      this.#tell(route, 'scope', `ran uncached: ${whose.why}`);
    if (
      whose.kind === 'nobody' ||
      aside ||
      response.statusCode !== 200 ||
      refuses(own, whose.kind === 'scope')
    ) {
      this.#set(response, 'X-Cache', 'BYPASS');
      return undefined;
    }
    const cache = viewOf(root, options.namespace ?? 'http');
    const directives = parseCacheControl(own);
    const told = millisecondsOf(directives, 's-maxage') ?? millisecondsOf(directives, 'max-age');
    const ttl = toMilliseconds(options.ttl) ?? told ?? (await ttlOf(route, context)) ?? cache.defaults.ttl;
    const revalidate = millisecondsOf(directives, 'stale-while-revalidate');
    // A handler that is given the response cannot run once that has been sent.
    const stale = route.takesResponse
      ? 0
      : (toMilliseconds(options.stale) ?? revalidate ?? cache.defaults.stale);
    const visit = { context, next, route, options, request, response, before, cache, whose, ttl, stale };
    return { ...visit, answered: false, run: undefined };
  }

  /** `undefined`: the handler runs. What the application's own functions throw is no reason not to answer. */
  async #prepare(
    context: ExecutionContext,
    next: CallHandler,
    route: Route,
    options: HttpCacheOptions,
  ): Promise<Prepared | undefined> {
    try {
      const visit = await this.#begin(context, next, route, options);
      const key = visit && (await this.trackBy(context));
      if (!visit || !key) return undefined;
      return {
        visit,
        key: keyFor(key, visit.request, options.vary, visit.whose),
        entry: this.#entryOf(visit),
      };
    } catch (error) {
      this.#tell(
        route,
        'options',
        `ran uncached: its key, "ttl" or "tags" could not be made (${String(error)})`,
      );
      return undefined;
    }
  }

  async #answer({ visit, key, entry }: Prepared): Promise<unknown> {
    let loaded: Loaded;
    try {
      // Nothing comes back where losers get a fallback: there is none for a page.
      loaded = (await visit.cache.getOrSet<Loaded>(key, () => this.#load(visit, key), entry)) ?? OWN;
    } catch (error) {
      // The handler's own error, or that of the one this request waited for.
      if (visit.run !== undefined || !(error instanceof MemcachedError)) throw error;
      this.#tell(visit.route, 'cache', `ran uncached: ${error.message}`);
      loaded = OWN;
    }
    visit.answered = true;
    if (isPage(loaded)) return this.#send(visit, loaded);
    if ('error' in loaded) throw loaded.error;
    this.#set(visit.response, 'X-Cache', 'BYPASS');
    if (visit.run === undefined) return lastValueFrom(visit.next.handle(), { defaultValue: undefined });
    if ('error' in visit.run) throw visit.run.error;
    return visit.run.body;
  }

  #entryOf({ options, route, request, stale }: Visit): GetOrSetOptions<Loaded> {
    const { refreshAhead, softTimeout, loadTimeout, tags } = options;
    const control = controlOf();
    const forceFresh = control?.forceFresh === true || askedBy(request, options) === 'fresh';
    return {
      stale,
      refreshAhead: route.takesResponse ? 0 : refreshAhead,
      softTimeout: route.takesResponse ? 0 : softTimeout,
      loadTimeout,
      tags: typeof tags === 'function' ? tags(request) : tags,
      ttl: (loaded) => (isPage(loaded) ? loaded.ttl : 0),
      unless: (loaded) => !isPage(loaded),
      ...(forceFresh && { forceFresh }),
    };
  }

  /** Runs the handler for all who wait. */
  async #load(visit: Visit, key: string): Promise<Loaded> {
    const { next, response, before, options, route, whose, cache } = visit;
    try {
      const body: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      const own = visit.answered ? before : namesAndValues(response);
      visit.run = { body };
      const made = {
        body,
        status: visit.answered ? 200 : response.statusCode,
        sent: !visit.answered && (response.headersSent === true || response.sent === true),
        headers: visit.answered ? {} : withoutOurs(headersSince(before, own)),
        cacheControl: own['cache-control'],
      };
      const told = parseCacheControl(made.headers['cache-control']);
      const ttl = millisecondsOf(told, 's-maxage') ?? millisecondsOf(told, 'max-age') ?? visit.ttl;
      const { type, plain } = options;
      const loaded = toPage(made, { scoped: whose.kind === 'scope', type, plain }, this.now(), ttl);
      if ('why' in loaded && loaded.why !== undefined)
        this.#tell(route, 'body', `is not cached: ${loaded.why}`);
      return loaded;
    } catch (error) {
      visit.run = { error };
      if (!isAnswer(error)) throw error;
      // Or those who may be served stale would see for long what is there no more.
      if (isGone(error) && visit.stale > 0) void cache.delete(key);
      return { error };
    }
  }

  /** Puts a page on the response; the body is the answer of the interceptor. */
  #send(visit: Visit, page: Page): unknown {
    const { response, request, options, whose, before, stale, run } = visit;
    const age = Math.max(0, this.now() - page.at);
    const mine = run !== undefined;
    if (!mine) this.#repeat(response, page.headers);
    const etag = single(page.headers.etag ?? before.etag) ?? page.etag;
    if (etag !== undefined) this.#set(response, 'ETag', etag);
    const own = page.headers['cache-control'] ?? before['cache-control'];
    if (own === undefined && options.cacheControl !== false) {
      const isPrivate = options.private ?? whose.kind === 'scope';
      this.#set(response, 'Cache-Control', makeCacheControl(isPrivate, page.ttl, stale));
    }
    this.#set(response, 'X-Cache', mine ? 'MISS' : page.ttl > 0 && age >= page.ttl ? 'STALE' : 'HIT');
    if (!mine) this.#set(response, 'Age', String(Math.floor(age / 1_000)));
    if (matches(request.headers['if-none-match'], etag)) {
      this.#host.httpAdapter.status(response, 304);
      return undefined;
    }
    return fromData(page.body, options.type);
  }

  #cacheOf(pool: string, route: Route): MemcachedCache | undefined {
    if (this.#caches.has(pool)) return this.#caches.get(pool);
    let cache: MemcachedCache | undefined;
    try {
      cache = this.#moduleRef.get<MemcachedCache>(getMemcachedCacheToken(pool), { strict: false });
    } catch {
      this.#tell(
        route,
        'pool',
        `runs uncached: there is no pool named "${pool}"; import MemcachedPoolModule.forRoot()`,
      );
    }
    this.#caches.set(pool, cache);
    return cache;
  }

  /** What the handler had set. */
  #repeat(response: HttpResponse, headers: Headers): void {
    for (const [name, value] of Object.entries(headers)) {
      if (name === 'vary')
        this.#vary(
          response,
          [value].flat().flatMap((each) => each.split(',')),
        );
      else this.#set(response, name, value);
    }
  }

  #set(response: HttpResponse, name: string, value: string | string[]): void {
    this.#host.httpAdapter.setHeader(response, name, value as string);
  }

  #vary(response: HttpResponse, names: readonly string[]): void {
    this.#set(response, 'Vary', mergeVary(response.getHeaders().vary, names));
  }

  #tell(route: Route, topic: string, sentence: string): void {
    if (this.#told.has(`${route.name} ${topic}`)) return;
    this.#told.add(`${route.name} ${topic}`);
    this.#logger.warn(`${route.name}() ${sentence}.`);
  }
}

async function ttlOf(route: Route, context: ExecutionContext): Promise<number | undefined> {
  const given: Duration | undefined = typeof route.ttl === 'function' ? await route.ttl(context) : route.ttl;
  return toMilliseconds(given);
}

function namesAndValues(response: HttpResponse): Headers {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(response.getHeaders())) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value : String(value);
  }
  return headers;
}

/** What every response gets anew. */
function withoutOurs(headers: Headers): Headers {
  const { 'x-cache': _, age: __, date: ___, 'content-length': ____, ...rest } = headers;
  return rest;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
