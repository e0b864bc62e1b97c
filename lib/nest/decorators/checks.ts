/**
 * Checks the options of the decorators when the class is loaded.
 *
 * Invariant: a decorator that is in place is a right one; only what depends on the arguments of a call, or on
 * the pools and scopes of the application, is found out later.
 */
import type { ClassOf } from '../../cache/ports.js';
import { type Duration, toMilliseconds } from '../../core/base/durations.js';
import { MemcachedOptionError } from '../../core/base/errors.js';
import { checkOptions, like, type OptionRule, type OptionRules, oneOf } from '../../core/base/options.js';
import { parseTemplate, type Template } from './template.js';
import type { CacheConfigOptions } from './types.js';

/** A function of the user's, called with the instance as `this`. */
export type AnyFunction = (...args: unknown[]) => unknown;

type Given = { [option: string]: unknown };

const isFunction = (given: unknown) => typeof given === 'function';
const isText = (given: unknown) => typeof given === 'string' && given !== '';
const isDuration = (given: unknown) => toMilliseconds(given) !== undefined;
const isVersion = (given: unknown) =>
  (typeof given === 'number' && Number.isSafeInteger(given) && given >= 0) ||
  (typeof given === 'bigint' && given >= 0n && given < 1n << 63n);
const isTags = (given: unknown) => Array.isArray(given) && given.every(isText);

/** A rule for an option that may be left out. */
function maybe<T>(expects: string, accepts: (given: unknown) => boolean): OptionRule<T | undefined> {
  return like<T | undefined>(undefined, expects, accepts);
}

function word<const W extends string>(...words: readonly W[]): OptionRule<W | undefined> {
  return maybe<W>(words.map((each) => `'${each}'`).join(' or '), (given) => words.includes(given as W));
}

const DURATION = maybe<Duration>("milliseconds of 0 or more, or a string like '10m'", isDuration);
const BOOLEAN = maybe<boolean>('true or false', (given) => typeof given === 'boolean');
const FUNCTION = maybe<AnyFunction>('a function', isFunction);
const SCOPE = maybe<string | AnyFunction>(
  'a function of the arguments, or a name that the module\'s option "scope" knows',
  (given) => isFunction(given) || isText(given),
);
const TAGS = maybe<readonly string[] | AnyFunction>(
  'a list of strings that are not empty, or a function that gives one',
  (given) => isFunction(given) || isTags(given),
);

const PLACE = {
  pool: maybe<string>('a string', (given) => typeof given === 'string'),
  namespace: maybe<string>('a string that is not empty', isText),
  scope: SCOPE,
  condition: maybe<AnyFunction>('a function of the arguments', isFunction),
};

const KEY = {
  key: maybe<string | AnyFunction>(
    "a function of the arguments that gives a string, or a template like 'user:{0}'",
    (given) => isFunction(given) || isText(given),
  ),
};

const ENTRY = {
  ttl: maybe<Duration | AnyFunction>(
    "milliseconds of 0 or more, or a string like '10m'",
    (given) => isFunction(given) || isDuration(given),
  ),
  stale: DURATION,
  negativeTtl: DURATION,
  tags: TAGS,
  unless: FUNCTION,
  version: maybe<bigint | number | AnyFunction>(
    'a whole number from 0 to 2^63 - 1, or a function that gives one',
    (given) => isFunction(given) || isVersion(given),
  ),
  type: maybe<ClassOf>('a class', isFunction),
  plain: BOOLEAN,
};

const LOAD = {
  refreshAhead: maybe<number>(
    'a number from 0 to 1',
    (given) => typeof given === 'number' && given >= 0 && given <= 1,
  ),
  softTimeout: DURATION,
  loadTimeout: DURATION,
  leases: word('auto', 'off'),
  losers: word('wait', 'run', 'fallback'),
  waitTimeout: DURATION,
  fallback: maybe<unknown>('anything', () => true),
  timeout: DURATION,
  onError: FUNCTION,
};

type ValueOf<Rules> = { [K in keyof Rules]: Rules[K] extends OptionRule<infer T> ? T : never };

function check<Rules extends object>(where: string, given: Given, rules: Rules): ValueOf<Rules> {
  return checkOptions<ValueOf<Rules>>(where, given, rules as OptionRules<ValueOf<Rules>>);
}

export function checkCacheable(where: string, given: Given) {
  return check(where, given, {
    ...PLACE,
    ...KEY,
    ...ENTRY,
    ...LOAD,
    returns: word('promise', 'observable'),
  });
}

export function checkCacheableMany(where: string, given: Given) {
  return check(where, given, {
    ...PLACE,
    ...KEY,
    ...ENTRY,
    ...LOAD,
    id: FUNCTION,
    returns: oneOf('array', ['array', 'map']),
  });
}

export function checkCachePut(where: string, given: Given) {
  return check(where, given, { ...PLACE, ...KEY, ...ENTRY });
}

export function checkCacheEvict(where: string, given: Given) {
  return check(where, given, {
    ...PLACE,
    ...KEY,
    tags: TAGS,
    all: maybe<true>('true', (all) => all === true),
    when: oneOf('success', ['before', 'success', 'always']),
    how: oneOf('delete', ['delete', 'expire']),
    stale: DURATION,
    returns: word('promise', 'observable'),
  });
}

export function checkCacheConfig(where: string, given: Given): CacheConfigOptions {
  const { fallback: _, onError: __, ...load } = LOAD;
  const { pool, namespace } = PLACE;
  const { stale, negativeTtl, plain } = ENTRY;
  const rules = { pool, namespace, scope: SCOPE, ttl: DURATION, stale, negativeTtl, plain, ...load };
  return check(where, given, rules) as CacheConfigOptions;
}

/** Only what was written, so that what stands further away holds for the rest. */
export function written<T extends object>(options: T): Partial<T> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

/**
 * The key as it is made of the arguments; `undefined` when none was written.
 * @throws MemcachedOptionError for a template that cannot be read, or that leaves all arguments out.
 */
export function keyMaker(
  where: string,
  key: string | AnyFunction | undefined,
  method: { readonly length: number },
): Template | AnyFunction | undefined {
  if (typeof key !== 'string') return key;
  const template = parseTemplate(where, key);
  if (template.parts > 0 || method.length === 0) return template;
  throw new MemcachedOptionError(
    `${where}: the key "${key}" names none of the method's arguments, so all calls would share one entry. ` +
      `Write '${key}:{0}', or a function where that is meant: key: () => '${key}'.`,
  );
}
