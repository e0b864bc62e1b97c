/**
 * Looks once, when the application boots, at everything that has decorated methods: fills the instances that
 * factories made, warns about pools that do not exist, and refuses default keys that would collide.
 *
 * Invariant: it runs before the `onModuleInit` of any other module, because its own module is global. It never
 * touches an instance that Nest made.
 */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import type { MemcachedCache } from '../cache/cache.js';
import { MemcachedOptionError } from '../core/base/errors.js';
import {
  adopt,
  type ClassLike,
  defaultKeyOf,
  type Plan,
  plansOf,
  running,
  tellUnknownPool,
} from './decorators/slot.js';
import { MemcachedPoolRegistry } from './registry.js';
import { scopeNamed, whatScopesThereAre } from './scopes.js';

@Injectable()
export class CacheableExplorer implements OnModuleInit, OnApplicationShutdown {
  readonly #discovery: DiscoveryService;
  readonly #registry: MemcachedPoolRegistry;
  readonly #moduleRef: ModuleRef;
  #started = false;

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MemcachedPoolRegistry) registry: MemcachedPoolRegistry,
    @Inject(ModuleRef) moduleRef: ModuleRef,
  ) {
    this.#discovery = discovery;
    this.#registry = registry;
    this.#moduleRef = moduleRef;
  }

  onModuleInit(): void {
    const owners = new Map<string, Owner>();
    for (const wrapper of [...this.#discovery.getProviders(), ...this.#discovery.getControllers()]) {
      const prototype = prototypeOf(wrapper.instance) ?? wrapper.metatype?.prototype;
      const plans = plansOf(prototype);
      if (plans.length === 0) continue;
      const single = wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
      const adopted = single && adopt(wrapper.instance, this.#moduleRef);
      for (const plan of plans) {
        const { pool } = plan.place(prototype.constructor);
        if (!this.#registry.has(pool)) tellUnknownPool(plan, pool, this.#registry.whatThereIs());
        else checkScope(plan, prototype.constructor, () => this.#registry.cache(pool));
        if (!plan.usesDefaultKey) continue;
        claim(owners, { plan, type: prototype.constructor, instance: wrapper.instance, adopted });
      }
    }
    this.#started = true;
    running.applications++;
  }

  onApplicationShutdown(): void {
    if (this.#started) running.applications--;
    this.#started = false;
  }
}

/** A scope that nobody can resolve would leave the method uncached without a word. */
function checkScope(plan: Plan, type: ClassLike, cache: () => MemcachedCache): void {
  const { scope } = plan.place(type);
  if (typeof scope !== 'string') return;
  const reached = cache();
  if (scopeNamed(reached, scope) !== undefined) return;
  throw new MemcachedOptionError(
    `${plan.where}: there is no scope named "${scope}"; ${whatScopesThereAre(reached)}.`,
  );
}

function prototypeOf(instance: unknown): object | undefined {
  return typeof instance === 'object' && instance !== null ? Object.getPrototypeOf(instance) : undefined;
}

/** Who answers under the default keys of one method. */
interface Owner {
  readonly plan: Plan;
  readonly type: { name: string };
  readonly instance: unknown;
  readonly adopted: boolean;
}

/**
 * A default key names the class by its name only. Two classes of one name would read each other's values, and so
 * would two instances that factories made, presumably from different things.
 */
function claim(owners: Map<string, Owner>, owner: Owner): void {
  const { plan, type } = owner;
  const { pool, namespace } = plan.place(type);
  const start = JSON.stringify([pool, namespace, defaultKeyOf(plan, type)]);
  const holder = owners.get(start) ?? owner;
  owners.set(start, holder);
  const sameMethod = holder.type === type && holder.plan === plan;
  if (sameMethod && (holder.instance === owner.instance || !(holder.adopted || owner.adopted))) return;
  const what = sameMethod ? 'instances of the class' : 'classes named';
  throw new MemcachedOptionError(
    `${plan.where}: there are two ${what} ${type.name} with a method ${plan.method}() that has no "key", ` +
      'so they would share their keys. Give it a "key" or a "namespace".',
  );
}
