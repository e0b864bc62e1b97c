/**
 * Puts something around a method when its class is loaded. Whatever reads the method afterwards (the router,
 * swagger, a guard) finds it as it was: name, length and metadata.
 *
 * Invariant: without a cache the method runs as if the decorator were not there.
 */
import 'reflect-metadata';
import { Observable, throwError } from 'rxjs';
import type { MemcachedCache } from '../../cache/cache.js';
import { MemcachedOptionError } from '../../core/base/errors.js';
import { DEFAULT_POOL } from '../tokens.js';
import { cacheOf, declareSlot, type Plan } from './slot.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** One call that has a cache. */
export class Call {
  constructor(
    readonly cache: MemcachedCache,
    readonly instance: object,
    readonly args: unknown[],
    private readonly method: Method,
  ) {}

  /** Runs the method itself, with the arguments of the call or with others. */
  proceed(args: unknown[] = this.args): unknown {
    return Reflect.apply(this.method, this.instance, args);
  }
}

/** What a decorator does with a call. */
export interface Around<P> {
  /** Its error is the answer of the call, in the form in which the method would give it. */
  prepare(call: Call): P;
  answer(call: Call, prepared: P): unknown;
}

/** For messages: `@Cacheable on CatalogService.find()`. */
export function placeOf(decorator: string, target: object, method: unknown): string {
  const owner = typeof target === 'function' ? target.name : target?.constructor?.name;
  // A standard decorator is called with the method and a context instead of a prototype and a name.
  if (typeof method === 'object') return `@${decorator} on ${owner}()`;
  return `@${decorator} on ${owner ?? 'a class'}.${String(method)}()`;
}

/** @throws MemcachedOptionError when the decorator stands on anything but a method of instances. */
export function mustBeMethod(
  where: string,
  target: unknown,
  descriptor: PropertyDescriptor | undefined,
): void {
  if (typeof target !== 'object' || target === null) {
    throw new MemcachedOptionError(
      `${where}: a static method (or one decorated without "experimentalDecorators") has no instance, so no cache can be injected.`,
    );
  }
  if (descriptor?.get !== undefined || descriptor?.set !== undefined) {
    throw new MemcachedOptionError(`${where}: a getter cannot wait for the cache. Make it an async method.`);
  }
  if (typeof descriptor?.value !== 'function') {
    throw new MemcachedOptionError(`${where}: it can only stand on a method.`);
  }
}

/** What the compiler noted about the return type; with an inferred type, or esbuild, it noted nothing. */
export function declaresObservable(target: object, method: string | symbol): boolean {
  const type: unknown = Reflect.getMetadata('design:returntype', target, method);
  return typeof type === 'function' && (type === Observable || type.prototype instanceof Observable);
}

/** Replaces the method in `descriptor` by one that hands each call that has a cache to `around`. */
export function wrap<P>(
  target: object,
  descriptor: PropertyDescriptor,
  plan: Plan,
  pool: string | undefined,
  around: Around<P>,
): void {
  const original = descriptor.value as Method;
  const wrapper: Method = function (...args) {
    const cache = cacheOf(this, plan);
    if (cache === undefined) return Reflect.apply(original, this, args);
    const call = new Call(cache, this as object, args, original);
    let prepared: P;
    try {
      prepared = around.prepare(call);
    } catch (error) {
      return plan.observable ? throwError(() => error) : Promise.reject(error);
    }
    return around.answer(call, prepared);
  };
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, property, { value: original[property], configurable: true });
  }
  for (const key of Reflect.getOwnMetadataKeys(original)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), wrapper);
  }
  descriptor.value = wrapper;
  declareSlot(target, plan, pool ?? DEFAULT_POOL);
}
