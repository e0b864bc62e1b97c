/**
 * The keys of a call: of the function or template that was written, or of class, method and arguments; with the
 * scope in front.
 *
 * Invariant: a key that cannot be made is never replaced by another one. In development the caller is told, by
 * an error; in production (NODE_ENV) the call runs uncached, with one warning.
 */
import { MemcachedKeyError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';
import { scopedKey, scopeNamed } from '../scopes.js';
import type { AnyFunction } from './checks.js';
import { digest, Undigestable } from './default-key.js';
import type { Call } from './method.js';
import { defaultKeyOf, type Plan, rootOf, tellOnce } from './slot.js';
import type { Template } from './template.js';

/** What of the options decides about the key. */
export interface KeyOptions {
  condition?: AnyFunction | undefined;
  scope?: string | AnyFunction | undefined;
  key?: Template | AnyFunction | undefined;
  /** Nothing is named by key, and none is made where none was written. */
  keyless?: boolean | undefined;
}

/**
 * The one key of a call. `undefined`: this call leaves the cache alone.
 * @throws MemcachedKeyError outside of production, when the key is none.
 */
export function keyOf(plan: Plan, options: KeyOptions, call: Call): string | undefined {
  try {
    if (!wanted(options, call)) return undefined;
    const made = makeKey(plan, options.key, call, call.args);
    const scope = scopeOf(plan, options, call);
    return scope === NOBODY ? undefined : scopedKey(scope, right(made, call.args));
  } catch (error) {
    notMade(plan, error);
    return undefined;
  }
}

/** {@link keyOf} where there may be none, or several. */
export function keysOf(plan: Plan, options: KeyOptions, call: Call): string[] | undefined {
  try {
    if (!wanted(options, call)) return undefined;
    if (options.keyless) return [];
    const made = makeKey(plan, options.key, call, call.args);
    const scope = scopeOf(plan, options, call);
    if (scope === NOBODY) return undefined;
    if (!Array.isArray(made)) return [scopedKey(scope, right(made, call.args))];
    return made.map((key) => scopedKey(scope, right(key, call.args)));
  } catch (error) {
    notMade(plan, error);
    return undefined;
  }
}

/** The keys of each of `ids`, in their order. */
export function keysOfIds(
  plan: Plan,
  options: KeyOptions,
  call: Call,
  ids: readonly unknown[],
): string[] | undefined {
  try {
    if (!wanted(options, call)) return undefined;
    const scope = scopeOf(plan, options, call);
    if (scope === NOBODY) return undefined;
    const rest = call.args.slice(1);
    return ids.map((id) => {
      const args = [id, ...rest];
      return scopedKey(scope, right(makeKey(plan, options.key, call, args), args));
    });
  } catch (error) {
    notMade(plan, error);
    return undefined;
  }
}

/** Whether the condition lets this call near the cache. */
function wanted({ condition }: KeyOptions, { instance, args }: Call): boolean {
  return condition === undefined || Boolean(Reflect.apply(condition, instance, args));
}

/** @throws MemcachedKeyError outside of production, when the key is none. */
function notMade(plan: Plan, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MemcachedKeyError) {
    if (process.env.NODE_ENV !== 'production')
      throw new MemcachedKeyError(`${plan.where}: "key": ${reason}.`);
    tellOnce(plan, 'key', `ran uncached: "key": ${reason}.`);
  } else if (error instanceof Undigestable) {
    tellOnce(plan, 'key', `ran uncached: its arguments make no key (${reason}). Write a "key".`);
  } else {
    tellOnce(plan, 'key', `ran uncached: "key", "condition" or "scope" threw (${reason}).`);
  }
}

function makeKey(plan: Plan, key: KeyOptions['key'], call: Call, args: unknown[]): unknown {
  if (key === undefined) return `${defaultKeyOf(plan, call.instance.constructor)}:${digest(args)}`;
  return typeof key === 'function' ? Reflect.apply(key, call.instance, args) : key.key(args);
}

const NOBODY = Symbol('nobody');

/** `undefined`: the entry is everybody's. {@link NOBODY}: the cache is left alone. */
function scopeOf(plan: Plan, { scope }: KeyOptions, call: Call): string | undefined | typeof NOBODY {
  if (scope === undefined) return undefined;
  let made: unknown;
  if (typeof scope === 'function') made = Reflect.apply(scope, call.instance, call.args);
  else {
    const root = rootOf(call.instance, plan);
    const resolve = root && scopeNamed(root, scope);
    if (resolve === undefined) tellOnce(plan, 'scope', `ran uncached: there is no scope named "${scope}".`);
    made = resolve?.();
  }
  if (made === undefined) return NOBODY;
  if (typeof made === 'string' && made !== '') return made;
  tellOnce(plan, 'scope', `ran uncached: "scope" gave ${describe(made)}, not a string that is not empty.`);
  return NOBODY;
}

/** What comes into a text by mistake. */
const MISTAKE = /\[object \w+\]|(?<![A-Za-z0-9])undefined(?![A-Za-z0-9])/;

/** @throws MemcachedKeyError when it is no key, or one that different arguments would share. */
function right(key: unknown, args: readonly unknown[]): string {
  if (typeof key !== 'string' || key === '') {
    throw new MemcachedKeyError(`it gave ${describe(key)}, not a string that is not empty`);
  }
  // Looked for as plain text first, which takes a fifth of the time: hardly a key has either.
  if (!key.includes('undefined') && !key.includes('[object ')) return key;
  const [word] = MISTAKE.exec(key) ?? [];
  if (word === undefined || mentions(args, word)) return key;
  throw new MemcachedKeyError(`it gave ${describe(key)}, in which ${word} stands for an argument`);
}

/** Somebody may really look for the word "undefined". */
function mentions(args: readonly unknown[], word: string): boolean {
  return args.some((arg) => {
    if (typeof arg === 'string') return arg.includes(word);
    return typeof arg === 'object' && arg !== null && mentions(Object.values(arg).filter(isString), word);
  });
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}
