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
import { adopt, type Plan, plansOf, running, tellUnknownPool } from './slot.js';

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
    const owners = new Map<string, object>();
    for (const wrapper of [...this.#discovery.getProviders(), ...this.#discovery.getControllers()]) {
      const prototype = prototypeOf(wrapper.instance) ?? wrapper.metatype?.prototype;
      const plans = plansOf(prototype);
      if (plans.length === 0) continue;
      for (const plan of plans) {
        if (!this.#registry.has(plan.pool)) tellUnknownPool(plan, this.#registry.whatThereIs());
        if (plan.usesDefaultKey) claim(owners, plan, prototype.constructor);
      }
      if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) adopt(wrapper.instance, this.#moduleRef);
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

/** A default key names the class by its name only, so two classes of one name would read each other's values. */
function claim(owners: Map<string, object>, plan: Plan, owner: { name: string }): void {
  const start = JSON.stringify([plan.pool, plan.namespace, owner.name, plan.method]);
  const holder = owners.get(start);
  if (holder === undefined) owners.set(start, owner);
  if (holder === undefined || holder === owner) return;
  throw new MemcachedOptionError(
    `${plan.where}: there are two classes named ${owner.name} with a method ${plan.method}() that has no "key", ` +
      'so they would share their keys. Give one of them a "key" or a "namespace".',
  );
}
