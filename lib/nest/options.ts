/**
 * What the module can be told: the pool's options, with `cache`, `connect` and `required` beside them.
 * They are checked when the application boots.
 *
 * Invariant: `name` and `isGlobal` stand beside `useFactory`, never in what it returns: tokens are built
 * before any factory runs.
 */
import type { FactoryProvider, InjectionToken, ModuleMetadata, Type } from '@nestjs/common';
import { type CacheOptions, checkCacheOptions } from '../cache/options.js';
import { MemcachedOptionError } from '../core/base/errors.js';
import {
  boolean,
  checkOptions,
  describe,
  like,
  type OptionRules,
  oneOf,
  unknownOption,
} from '../core/base/options.js';
import { checkPoolOptions, type MemcachedPoolOptions, POOL_OPTION_NAMES } from '../core/pool/options.js';
import type { Scopes } from './scopes.js';

/** What `useFactory`, `useClass` and `useExisting` give. */
export interface MemcachedModuleOptions extends Omit<MemcachedPoolOptions, 'name'> {
  /** Options of the pool's {@link MemcachedCache}. */
  cache?: CacheOptions | undefined;
  /**
   * When the first sockets open: `'lazy'` with the first request, `'eager'` before the application starts
   * (for at most `connectTimeout`; a node that does not answer is logged and the application starts without it).
   * @defaultValue 'lazy'
   */
  connect?: 'lazy' | 'eager' | undefined;
  /**
   * `true`: the application does not start while a node cannot be reached; implies `connect: 'eager'`.
   * @defaultValue false
   */
  required?: boolean | string | undefined;
  /**
   * Functions by name, each saying for whom the current call or request is: `{ tenant: () => tenants.current() }`.
   * What is cached with `scope: 'tenant'` is then that tenant's alone.
   * @defaultValue none
   */
  scope?: Scopes | undefined;
}

/** What tokens are built from, so it must be known before any provider is made. */
export interface MemcachedModuleExtras {
  /**
   * Name of the pool: in tokens, errors, logs and health. Each name once per application.
   * @defaultValue 'default'
   */
  name?: string | undefined;
  /**
   * `true`: every module can inject the pool and its cache. `false`: only modules that import this one.
   * @defaultValue true
   */
  isGlobal?: boolean | undefined;
}

export interface MemcachedRootOptions extends MemcachedModuleOptions, MemcachedModuleExtras {}

/** For `useClass` and `useExisting`. */
export interface MemcachedOptionsFactory {
  createMemcachedOptions(): MemcachedModuleOptions | Promise<MemcachedModuleOptions>;
}

/** Exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface MemcachedRootAsyncOptions extends MemcachedModuleExtras {
  imports?: ModuleMetadata['imports'];
  /** What `useFactory` is called with. */
  inject?: FactoryProvider['inject'];
  useFactory?: FactoryProvider<MemcachedModuleOptions | Promise<MemcachedModuleOptions>>['useFactory'];
  /** A class made for the purpose. */
  useClass?: Type<MemcachedOptionsFactory>;
  /** A provider that is there already. */
  useExisting?: InjectionToken<MemcachedOptionsFactory>;
}

/** The options sorted by who takes them. */
export interface CheckedModuleOptions {
  pool: MemcachedPoolOptions;
  cache: CacheOptions;
  connect: 'lazy' | 'eager';
  required: boolean;
  scope: Scopes;
}

type OwnOptions = Pick<CheckedModuleOptions, 'cache' | 'connect' | 'required' | 'scope'>;

const RULES: OptionRules<OwnOptions> = {
  cache: like<CacheOptions>(
    {},
    'an object of options',
    (given) => typeof given === 'object' && given !== null,
  ),
  connect: oneOf('lazy', ['lazy', 'eager']),
  required: boolean(false),
  scope: like<Scopes>({}, 'an object of functions', isScopes),
};

function isScopes(given: unknown): boolean {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return Object.values(given).every((resolve) => typeof resolve === 'function');
}

/**
 * @param where - for messages: `MemcachedPoolModule.forRoot()`
 * @throws MemcachedOptionError when an option of the module has a value it cannot have.
 */
export function checkModuleOptions(where: string, name: string, given: unknown): CheckedModuleOptions {
  if (given !== undefined && (given === null || typeof given !== 'object' || Array.isArray(given))) {
    throw new MemcachedOptionError(`${where} takes an object of options, not ${describe(given)}.`);
  }
  const known = [...POOL_OPTION_NAMES, ...Object.keys(RULES)];
  const own: Record<string, unknown> = {};
  const pool: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(given ?? {})) {
    if (option === 'name' || option === 'isGlobal') throw comesTooLate(where, option);
    if (!known.includes(option)) throw unknownOption(where, option, known);
    (Object.hasOwn(RULES, option) ? own : pool)[option] = value;
  }
  const checked = checkOptions<OwnOptions>(where, own, RULES);
  checkPoolOptions(pool, where);
  checkCacheOptions(`${where}, option "cache"`, checked.cache);
  return { ...checked, pool: { ...pool, name } };
}

function comesTooLate(where: string, option: string): MemcachedOptionError {
  return new MemcachedOptionError(
    `${where}: the factory returned "${option}", but the tokens are built before it runs. Write "${option}" beside useFactory.`,
  );
}

/** @throws MemcachedOptionError when `name` cannot name a pool. */
export function checkPoolName(where: string, name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new MemcachedOptionError(
    `${where}: "name" must be a string that is not empty, not ${describe(name)}.`,
  );
}
