/**
 * What is known of a route before a request comes: whether its answer is a value at all, under which name it is
 * cached, and what `@HttpCache`, `@CacheKey` and `@CacheTTL` say.
 *
 * Invariant: a route whose handler answers by itself (`@Res()`, `@Next()`, a redirect, a template, a stream of
 * events) is left alone: what it answers is not what it returns.
 */
import 'reflect-metadata';
import type { ExecutionContext } from '@nestjs/common';
import type { Duration } from '../../core/base/durations.js';
import { type HttpCacheOptions, httpCacheOf } from './http-cache.js';

export interface Route {
  /** `undefined`: left alone. */
  readonly options: HttpCacheOptions | undefined;
  /** `CatsController.all`, with the versions it serves; no other route of the application has it. */
  readonly name: string;
  /** The handler is given the response, so it cannot run after that has been sent. */
  readonly takesResponse: boolean;
  readonly key: string | ((context: ExecutionContext) => string | undefined) | undefined;
  readonly ttl: Duration | ((context: ExecutionContext) => Duration | Promise<Duration>) | undefined;
}

/** As @nestjs/cache-manager names what its `@CacheKey` and `@CacheTTL` leave; the package need not be there. */
const CACHE_KEY = 'cache_module:cache_key';
const CACHE_TTL = 'cache_module:cache_ttl';
/** As @nestjs/common names what its decorators leave; they are no part of its public face, and old. */
const ROUTE_ARGUMENTS = '__routeArguments__';
const PASSTHROUGH = '__responsePassthrough__';
const VERSION = '__version__';
const ANSWERS_OTHERWISE = ['__redirect__', '__renderTemplate__', '__sse__'];
/** Of an argument in ROUTE_ARGUMENTS, whose keys are `<kind>:<position>`. */
const RESPONSE = '1:';
const NEXT = '2:';

const routes = new WeakMap<object, WeakMap<object, Route>>();

export function routeOf(context: ExecutionContext): Route {
  const handler = context.getHandler();
  const type = context.getClass();
  const byHandler = routes.get(type) ?? new WeakMap<object, Route>();
  routes.set(type, byHandler);
  const found = byHandler.get(handler) ?? read(handler, type);
  byHandler.set(handler, found);
  return found;
}

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

function read(handler: Handler, type: Controller): Route {
  const ofEither = (key: string) => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, type);
  const method = nameOf(handler, type);
  const given = Object.keys(Reflect.getMetadata(ROUTE_ARGUMENTS, type, method) ?? {});
  const takesResponse = given.some((kind) => kind.startsWith(RESPONSE) || kind.startsWith(NEXT));
  const passesThrough = Reflect.getMetadata(PASSTHROUGH, type, method) === true;
  const answersItself =
    (takesResponse && !passesThrough) ||
    ANSWERS_OTHERWISE.some((key) => Reflect.getMetadata(key, handler) !== undefined);
  const options = httpCacheOf(handler, type);
  const version: unknown = ofEither(VERSION);
  const versions = version === undefined ? '' : `@${[version].flat().map(String).join('+')}`;
  return {
    options: options === false || answersItself ? undefined : options,
    name: `${type.name}.${method}${versions}`,
    takesResponse,
    key: Reflect.getMetadata(CACHE_KEY, handler),
    ttl: ofEither(CACHE_TTL),
  };
}

/** The name under which the handler stands in its class; a decorator above the route may have renamed it. */
function nameOf(handler: Handler, type: Controller): string {
  for (let step: object | null = type.prototype; step !== null; step = Object.getPrototypeOf(step)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(step))) {
      if (property.value === handler) return name;
    }
  }
  return handler.name;
}
