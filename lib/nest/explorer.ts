/**
 * Looks once, when the application boots, at everything that has decorated methods: fills the instances that
 * factories made, warns about pools that do not exist, and refuses default keys that would collide.
 *
 * Invariant: it runs before the `onModuleInit` of any other module, because its own module is global. It never
 * touches an instance that Nest made.
 */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { MemcachedOptionError } from '../core/base/errors.js';
import { MemcachedPoolRegistry } from './registry.js';
import { adopt, defaultKeyOf, type Plan, plansOf, running, tellUnknownPool } from './slot.js';

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
        if (!this.#registry.has(plan.pool)) tellUnknownPool(plan, this.#registry.whatThereIs());
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
  const start = JSON.stringify([plan.pool, plan.namespace, defaultKeyOf(plan, type)]);
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
