/**
 * `@HttpCache`: what a route says about the caching of its responses.
 *
 * Invariant: options are checked when the class is loaded; what a route says counts more than what its
 * controller says.
 */
import { SetMetadata } from '@nestjs/common';
import type { ClassOf } from '../../cache/ports.js';
import { type Duration, toMilliseconds } from '../../core/base/durations.js';
import { checkOptions, like, type OptionRule, type OptionRules } from '../../core/base/options.js';

/** What of a request every platform has. */
export interface HttpCacheRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A function of the request, as the platform gives it: `(request: FastifyRequest) => ...` is right too. */
type OfRequest<R> = { compared(request: HttpCacheRequest): R }['compared'];

export interface HttpCacheOptions {
  /** How long a response is fresh. 0 is never stale. @defaultValue what the route's Cache-Control or `@CacheTTL` says, else the cache's `ttl` */
  ttl?: Duration | undefined;
  /**
   * How long after its `ttl` a response may be served while the handler runs anew, and when it fails.
   * @defaultValue what the route's Cache-Control says (`stale-while-revalidate`), else the cache's `stale`
   */
  stale?: Duration | undefined;
  /** In this last part of its `ttl`, 0 to 1, a response is refreshed in the background. @defaultValue the cache's `refreshAhead` */
  refreshAhead?: number | undefined;
  /** A handler slower than this lets callers have the stale response. @defaultValue the cache's `softTimeout` */
  softTimeout?: Duration | undefined;
  /** How long a handler may take to have its response stored. @defaultValue the cache's `loadTimeout` */
  loadTimeout?: Duration | undefined;
  /**
   * Whose response it is: a function of the request, or a name that the module's option `scope` knows. It
   * makes requests with Authorization or a cookie cacheable, each scope for itself; `undefined` leaves the
   * cache alone.
   * @defaultValue none: such requests are not cached
   */
  scope?: string | OfRequest<string | undefined> | undefined;
  /** Request headers that the response depends on. They become part of the key, and of `Vary`. @defaultValue none */
  vary?: readonly string[] | undefined;
  /** What the response depends on, for `deleteByTag` and `@CacheEvict({ tags })`. @defaultValue none */
  tags?: readonly string[] | OfRequest<readonly string[]> | undefined;
  /** Whether caches between here and the client must keep away from it. @defaultValue true where there is a `scope` */
  private?: boolean | undefined;
  /** Whether clients are told by Cache-Control how long the response lives. @defaultValue true */
  cacheControl?: boolean | undefined;
  /**
   * Whether clients may say by Cache-Control that the handler has to run (`no-cache`, `max-age=0`) or that the
   * cache is left alone (`no-store`). Whoever can send a request can then keep the handler busy.
   * @defaultValue false
   */
  clientControl?: boolean | undefined;
  /** Class that the body, or each element of it, is rebuilt as on a hit. */
  type?: ClassOf | undefined;
  /**
   * Accept that interceptors further out get plain data where the handler returned class instances; a
   * `ClassSerializerInterceptor` among them would then leave nothing out.
   * @defaultValue false: a response that holds class instances is not cached
   */
  plain?: boolean | undefined;
  /** Name of the pool. @defaultValue the default pool */
  pool?: string | undefined;
  /** The part of the pool's cache that responses are in. @defaultValue 'http' */
  namespace?: string | undefined;
}

/** The options of a route with those of its controller; `false`: its responses are not cached. */
export const HTTP_CACHE_METADATA = 'nestjs-memcached-pool:http-cache';

function maybe<T>(expects: string, accepts: (given: unknown) => boolean): OptionRule<T | undefined> {
  return like<T | undefined>(undefined, expects, accepts);
}

const isFunction = (given: unknown) => typeof given === 'function';
const isText = (given: unknown) => typeof given === 'string' && given !== '';
const isTexts = (given: unknown) => Array.isArray(given) && given.every(isText);
/** A name that HTTP allows; `*` would be every header there is. */
const isHeader = (given: unknown) => typeof given === 'string' && /^[!#$%&'+\-.^_`|~\w]+$/.test(given);

const DURATION = maybe<Duration>(
  "milliseconds of 0 or more, or a string like '10m'",
  (given) => toMilliseconds(given) !== undefined,
);
const BOOLEAN = maybe<boolean>('true or false', (given) => typeof given === 'boolean');

const RULES: OptionRules<HttpCacheOptions> = {
  ttl: DURATION,
  stale: DURATION,
  refreshAhead: maybe(
    'a number from 0 to 1',
    (given) => typeof given === 'number' && given >= 0 && given <= 1,
  ),
  softTimeout: DURATION,
  loadTimeout: DURATION,
  scope: maybe(
    'a function of the request, or a name that the module\'s option "scope" knows',
    (given) => isFunction(given) || isText(given),
  ),
  vary: maybe('a list of names of headers', (given) => Array.isArray(given) && given.every(isHeader)),
  tags: maybe(
    'a list of strings that are not empty, or a function of the request',
    (given) => isFunction(given) || isTexts(given),
  ),
  private: BOOLEAN,
  cacheControl: BOOLEAN,
  clientControl: BOOLEAN,
  type: maybe('a class', isFunction),
  plain: BOOLEAN,
  pool: maybe('a string', (given) => typeof given === 'string'),
  namespace: maybe('a string that is not empty', isText),
};

/**
 * How `MemcachedCacheInterceptor` caches the responses of a route, or of all routes of a controller. `false`
 * leaves them uncached where the interceptor stands before many.
 *
 * @throws MemcachedOptionError naming the option.
 */
export function HttpCache(options: HttpCacheOptions | false): MethodDecorator & ClassDecorator {
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor) => {
    const type = typeof target === 'function' ? target : target.constructor;
    const where = `@HttpCache on ${type.name}${method === undefined ? '' : `.${String(method)}()`}`;
    const checked = options === false ? false : checkOptions<HttpCacheOptions>(where, { ...options }, RULES);
    if (descriptor === undefined) SetMetadata(HTTP_CACHE_METADATA, checked)(type);
    else SetMetadata(HTTP_CACHE_METADATA, checked)(target, method!, descriptor);
  };
}

/** What holds for a route. */
export function httpCacheOf(handler: object, type: object): HttpCacheOptions | false {
  const own = Reflect.getMetadata(HTTP_CACHE_METADATA, handler) as HttpCacheOptions | false | undefined;
  const shared = Reflect.getMetadata(HTTP_CACHE_METADATA, type) as HttpCacheOptions | false | undefined;
  if (own === false || (own === undefined && shared === false)) return false;
  const all: Record<string, unknown> = {};
  for (const options of [shared, own]) {
    for (const [name, value] of Object.entries(options || {})) if (value !== undefined) all[name] = value;
  }
  return all as HttpCacheOptions;
}
