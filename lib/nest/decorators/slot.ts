/**
 * How a decorated method gets at the cache of the application its instance belongs to.
 *
 * The decorator asks Nest for two properties: the cache itself, so that the pool is there before the first
 * call, and the ModuleRef, which finds the cache where the module is not global and shows that the instance
 * was made by an application at all. Instances that a factory made are filled by the explorer.
 *
 * Invariant: what an instance was given stays with that instance. No cache is kept anywhere else, so that two
 * applications in one process never meet.
 */
import { Inject, Logger, Optional } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { MemcachedCache } from '../../cache/cache.js';
import { getMemcachedCacheToken } from '../tokens.js';

/** A class, as far as it is needed here: a function with a name and a prototype. */
export type ClassLike = object & { readonly name: string };

export interface Place {
  readonly pool: string;
  readonly namespace: string | undefined;
  /** When it is a name, to be held against the names that the module knows. */
  readonly scope: unknown;
}

/** One decorated method. */
export interface Plan {
  /** For messages: `@Cacheable on CatalogService.find()`. */
  readonly where: string;
  /** The class in which the method stands. */
  readonly owner: { readonly name: string };
  readonly method: string;
  /** Where the entries of instances of `type` are: what `@CacheConfig` says stands on the class, not here. */
  place(type: ClassLike): Place;
  /** Its answers are Observables. */
  readonly observable: boolean;
  /** The key is made of the class, the method and the arguments. */
  readonly usesDefaultKey: boolean;
  /** What was said about this method already; each thing is said once. */
  readonly told: Set<string>;
}

/**
 * How default keys begin: `Class.method`, after the class of the instance, since subclasses answer differently.
 * An inherited method names its own class too: the subclass may have overridden it and call it by `super`.
 */
export function defaultKeyOf(plan: Plan, type: { readonly name: string }): string {
  return type === plan.owner
    ? `${type.name}.${plan.method}`
    : `${type.name}(${plan.owner.name}).${plan.method}`;
}

/** What one instance was given. */
interface Given {
  moduleRef: ModuleRef | undefined;
  /** By the explorer, not by Nest: a value that two applications share follows the later one. */
  adopted: boolean;
  /** By pool; `undefined`: the application has no such pool. */
  readonly caches: Map<string, MemcachedCache | undefined>;
}

const GIVEN = Symbol('nestjs-memcached-pool:given');
const MODULE_REF = Symbol.for('nestjs-memcached-pool:slot:module-ref');

type Instance = { [GIVEN]?: Given };

const plansByPrototype = new WeakMap<object, Plan[]>();
/** The pools whose caches Nest is asked for, by prototype. */
const poolsByPrototype = new WeakMap<object, Set<string>>();
/** For instances that take no new properties. */
const givenToSealed = new WeakMap<object, Given>();
const logger = new Logger('MemcachedCache');

/** Lets Nest fill the slot of every instance of the class, whatever its scope. */
export function declareSlot(prototype: object, plan: Plan, pool: string): void {
  const plans = plansByPrototype.get(prototype);
  if (plans === undefined) plansByPrototype.set(prototype, [plan]);
  else plans.push(plan);
  injectInto(prototype, MODULE_REF, ModuleRef, (given, moduleRef) => {
    given.moduleRef = moduleRef as ModuleRef;
  });
  declarePool(prototype, pool);
}

/** Asks Nest for the cache of a pool, so that the pool is there before the first call. */
export function declarePool(prototype: object, pool: string): void {
  const pools = poolsByPrototype.get(prototype) ?? new Set();
  poolsByPrototype.set(prototype, pools.add(pool));
  const slot = Symbol.for(`nestjs-memcached-pool:slot:${pool}`);
  injectInto(prototype, slot, getMemcachedCacheToken(pool), (given, cache) => {
    given.caches.set(pool, cache as MemcachedCache);
  });
}

/**
 * The setter keeps what Nest assigns out of sight: a service must not look different in logs, in `toEqual`
 * or to whoever lists its properties.
 */
function injectInto(
  prototype: object,
  slot: symbol,
  token: Parameters<typeof Inject>[0],
  take: (given: Given, value: unknown) => void,
): void {
  if (slot in prototype) return;
  Object.defineProperty(prototype, slot, {
    configurable: true,
    set(this: object, value: unknown) {
      take(givenTo(this) ?? give(this), value);
    },
  });
  Inject(token)(prototype, slot);
  Optional()(prototype, slot);
}

function givenTo(instance: object): Given | undefined {
  return (instance as Instance)[GIVEN] ?? givenToSealed.get(instance);
}

function give(instance: object): Given {
  const given: Given = { moduleRef: undefined, adopted: false, caches: new Map() };
  if (Object.isExtensible(instance)) {
    Object.defineProperty(instance, GIVEN, { value: given, configurable: true });
  } else {
    givenToSealed.set(instance, given);
  }
  return given;
}

/** The decorated methods of a class, inherited ones included. */
export function plansOf(prototype: unknown): Plan[] {
  return lineage(prototype).flatMap((step) => plansByPrototype.get(step) ?? []);
}

/** A decorated method of a class that Nest makes only after the cache of `pool`; `undefined`: there is none. */
export function waitsFor(prototype: unknown, pool: string): Plan | undefined {
  const asks = lineage(prototype).some((step) => poolsByPrototype.get(step)?.has(pool));
  return asks ? plansOf(prototype)[0] : undefined;
}

/** A prototype and those it inherits from, nearest first. */
export function lineage(prototype: unknown): object[] {
  const steps: object[] = [];
  for (let step = prototype; step !== null && typeof step === 'object'; step = Object.getPrototypeOf(step)) {
    steps.push(step);
  }
  return steps;
}

/** Gives an instance that a factory made its application; `false`: Nest made it, so it has what it needs. */
export function adopt(instance: object, moduleRef: ModuleRef): boolean {
  const given = givenTo(instance);
  if (given !== undefined && !given.adopted) return false;
  const taken = given ?? give(instance);
  taken.adopted = true;
  taken.moduleRef = moduleRef;
  taken.caches.clear();
  return true;
}

/** Applications with a pool that are running; only to know whether a missing slot is worth a warning. */
export const running = { applications: 0 };

/**
 * The cache for a call of `plan` on `instance`, or `undefined` when it runs uncached: the instance was made by
 * hand, the application has no such pool, or the pool is still being made.
 */
export function cacheOf(instance: unknown, plan: Plan): MemcachedCache | undefined {
  const root = rootOf(instance, plan);
  if (root === undefined) return undefined;
  const { namespace } = plan.place((instance as object).constructor);
  return namespace === undefined ? root : viewOf(root, namespace);
}

/** The pool's own cache, of which {@link cacheOf} may be a view. */
export function rootOf(instance: unknown, plan: Plan): MemcachedCache | undefined {
  const given = typeof instance === 'object' && instance !== null ? givenTo(instance) : undefined;
  if (given === undefined) {
    if (running.applications > 0) {
      tellOnce(
        plan,
        'unfilled',
        'runs uncached: Nest did not make this instance, nor is it a provider of a module.',
      );
    }
    return undefined;
  }
  const { pool } = plan.place((instance as object).constructor);
  return given.caches.get(pool) ?? soughtCache(given, plan, pool);
}

function soughtCache(given: Given, plan: Plan, pool: string): MemcachedCache | undefined {
  if (!given.caches.has(pool)) lookUp(given, plan, pool);
  return given.caches.get(pool);
}

function lookUp(given: Given, plan: Plan, pool: string): void {
  try {
    const cache = given.moduleRef?.get<MemcachedCache | null>(getMemcachedCacheToken(pool), {
      strict: false,
    });
    if (cache) given.caches.set(pool, cache);
  } catch {
    given.caches.set(pool, undefined);
    tellUnknownPool(plan, pool, 'import MemcachedPoolModule.forRoot() in the root module');
  }
}

/** Said when the application boots, or by the first call where that could not be seen. */
export function tellUnknownPool(plan: Plan, pool: string, way: string): void {
  tellOnce(plan, `pool ${pool}`, `runs uncached: there is no pool named "${pool}"; ${way}.`);
}

export function tellOnce(plan: Plan, topic: string, sentence: string): void {
  if (plan.told.has(topic)) return;
  plan.told.add(topic);
  logger.warn(`${plan.where} ${sentence}`);
}

/** One view per cache and namespace, so that concurrent callers share one load. */
const views = new WeakMap<MemcachedCache, Map<string, MemcachedCache>>();

export function viewOf(cache: MemcachedCache, namespace: string): MemcachedCache {
  const byName = views.get(cache);
  const found = byName?.get(namespace);
  if (found !== undefined) return found;
  const made = cache.namespace(namespace);
  if (byName === undefined) views.set(cache, new Map([[namespace, made]]));
  else byName.set(namespace, made);
  return made;
}
