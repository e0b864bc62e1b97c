/**
 * MemcachedPoolModule: makes a pool and its cache when the application boots, and closes the pool when the
 * application has stopped serving. Everything about memcached belongs to the rooms below.
 *
 * Invariant: a pool closes in `onApplicationShutdown` and nowhere else, after the last request was answered,
 * and nothing is thrown there. Nest runs that hook in `app.close()`, and on a signal after
 * `app.enableShutdownHooks()`.
 */
import {
  type DynamicModule,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
  Scope,
} from '@nestjs/common';
import { DiscoveryModule, ModuleRef } from '@nestjs/core';
import { MemcachedCache } from '../cache/cache.js';
import { MemcachedOptionError, MemcachedUnavailableError } from '../core/base/errors.js';
import { MemcachedPool } from '../core/pool/pool.js';
import { waitsFor } from './decorators/slot.js';
import { CacheableExplorer } from './explorer.js';
import { MemcachedHealth } from './health.js';
import { cacheLogger, logNodeStates, poolLogger } from './log.js';
import {
  type CheckedModuleOptions,
  checkModuleOptions,
  checkPoolName,
  type MemcachedModuleExtras,
  type MemcachedOptionsFactory,
  type MemcachedRootAsyncOptions,
  type MemcachedRootOptions,
} from './options.js';
import { MemcachedPoolRegistry } from './registry.js';
import { declareScopes } from './scopes.js';
import { DEFAULT_POOL, getMemcachedCacheToken, getMemcachedPoolToken } from './tokens.js';

/** What one import of the module declares, known before anything is made. */
interface Declaration {
  readonly name: string;
  readonly where: string;
}

const DECLARATION = Symbol.for('nestjs-memcached-pool:declaration');
/** As the user gave them. */
const GIVEN_OPTIONS = Symbol.for('nestjs-memcached-pool:given-options');
const CHECKED_OPTIONS = Symbol.for('nestjs-memcached-pool:checked-options');
const OPTIONS_FACTORY = Symbol.for('nestjs-memcached-pool:options-factory');

/** What an application has once, however many pools it has. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [MemcachedPoolRegistry, MemcachedHealth, CacheableExplorer],
  exports: [MemcachedPoolRegistry, MemcachedHealth],
})
class MemcachedCommonModule {}

@Module({})
export class MemcachedPoolModule implements OnModuleInit, OnApplicationShutdown {
  readonly #declaration: Declaration;
  readonly #moduleRef: ModuleRef;

  constructor(
    @Inject(DECLARATION) declaration: Declaration,
    @Inject(MemcachedPoolRegistry) registry: MemcachedPoolRegistry,
    @Inject(ModuleRef) moduleRef: ModuleRef,
  ) {
    this.#declaration = declaration;
    this.#moduleRef = moduleRef;
    registry.declare(declaration.name);
  }

  /** Without options: one node at 127.0.0.1:11211. @throws at boot, naming the option that is wrong. */
  static forRoot(options: MemcachedRootOptions = {}): DynamicModule {
    const where = 'MemcachedPoolModule.forRoot()';
    const { name, isGlobal, ...rest } = options;
    return assemble(where, { name, isGlobal }, { providers: [{ provide: GIVEN_OPTIONS, useValue: rest }] });
  }

  /** As {@link forRoot}, with options that a provider gives: `{ inject: [ConfigService], useFactory }`. */
  static forRootAsync(options: MemcachedRootAsyncOptions): DynamicModule {
    const where = 'MemcachedPoolModule.forRootAsync()';
    return assemble(where, options, sourceOf(where, options));
  }

  /** @throws MemcachedOptionError when a pool would be opened for every request. */
  onModuleInit(): void {
    const { name, where } = this.#declaration;
    if (this.#moduleRef.introspect(getMemcachedPoolToken(name)).scope === Scope.DEFAULT) return;
    throw new MemcachedOptionError(
      `${where}: the options of pool "${name}" depend on a request-scoped provider, so a pool would be opened for every request.`,
    );
  }

  async onApplicationShutdown(): Promise<void> {
    const { name } = this.#declaration;
    try {
      await this.#moduleRef.get<MemcachedPool>(getMemcachedPoolToken(name)).close();
    } catch (error) {
      poolLogger(name).warn(`The pool did not close cleanly: ${String(error)}`);
    }
  }
}

function assemble(where: string, extras: MemcachedModuleExtras, source: OptionsSource): DynamicModule {
  const declaration: Declaration = { where, name: checkPoolName(where, extras.name ?? DEFAULT_POOL) };
  const pool = getMemcachedPoolToken(declaration.name);
  const cache = getMemcachedCacheToken(declaration.name);
  return {
    module: MemcachedPoolModule,
    global: extras.isGlobal ?? true,
    imports: [MemcachedCommonModule, ...(source.imports ?? [])],
    providers: [
      { provide: DECLARATION, useValue: declaration },
      ...source.providers,
      {
        provide: CHECKED_OPTIONS,
        inject: [GIVEN_OPTIONS],
        useFactory: (given: unknown) => checkModuleOptions(where, declaration.name, given),
      },
      { provide: pool, inject: [CHECKED_OPTIONS], useFactory: openPool },
      {
        provide: cache,
        inject: [pool, CHECKED_OPTIONS],
        useFactory: openCache,
      },
    ],
    exports: [pool, cache],
  };
}

interface OptionsSource {
  imports?: DynamicModule['imports'];
  /** One of them provides {@link GIVEN_OPTIONS}. */
  providers: Provider[];
}

function sourceOf(where: string, options: MemcachedRootAsyncOptions): OptionsSource {
  const { useFactory, useClass, useExisting, inject = [], imports = [] } = options;
  if ([useFactory, useClass, useExisting].filter((way) => way !== undefined).length !== 1) {
    throw new MemcachedOptionError(`${where} takes exactly one of useFactory, useClass and useExisting.`);
  }
  for (const maker of [...inject, useClass, useExisting]) refuseCircle(where, options.name, maker);
  if (useFactory !== undefined) {
    return { imports, providers: [{ provide: GIVEN_OPTIONS, inject, useFactory }] };
  }
  const maker = useExisting ?? OPTIONS_FACTORY;
  const made: Provider[] = useClass === undefined ? [] : [{ provide: OPTIONS_FACTORY, useClass }];
  const given: Provider = {
    provide: GIVEN_OPTIONS,
    inject: [maker],
    useFactory: (factory: MemcachedOptionsFactory) => factory.createMemcachedOptions(),
  };
  return { imports, providers: [...made, given] };
}

/** A class that waits for the cache cannot make the pool's options: Nest would wait for ever, without a word. */
function refuseCircle(where: string, name: string = DEFAULT_POOL, maker: unknown): void {
  const token = typeof maker === 'object' && maker !== null && 'token' in maker ? maker.token : maker;
  const plan = typeof token === 'function' ? waitsFor(token.prototype, name) : undefined;
  if (plan === undefined) return;
  throw new MemcachedOptionError(
    `${where}: the options of pool "${name}" are made with the help of a method that is cached in it (${plan.where}).`,
  );
}

function openCache(pool: MemcachedPool, options: CheckedModuleOptions): MemcachedCache {
  const cache = new MemcachedCache(pool, options.cache, { log: cacheLogger(pool.name) });
  declareScopes(cache, options.scope);
  return cache;
}

async function openPool(options: CheckedModuleOptions): Promise<MemcachedPool> {
  const pool = new MemcachedPool(options.pool);
  logNodeStates(pool);
  if (options.connect === 'lazy' && !options.required) return pool;
  const failure = await pool.connect().catch((error: unknown) => error);
  const unreached = pool.nodes().filter((node) => node.state !== 'up');
  if (options.required && unreached.length > 0) {
    await pool.close();
    const reasons = unreached.map((node) => node.reason || `${node.name} did not answer.`);
    throw new MemcachedUnavailableError(
      `Pool "${pool.name}" is required, but some of it is missing. ${reasons.join(' ')} Set "required" to false to start without.`,
      { cause: failure },
    );
  }
  if (failure !== undefined) poolLogger(pool.name).warn(`Starting without memcached: ${String(failure)}`);
  return pool;
}
