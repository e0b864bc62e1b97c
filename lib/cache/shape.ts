/**
 * Values as the cache hands them on: private copies, instances turned into plain data and back.
 *
 * Invariant: a copy shares nothing that can be changed with what it was made from, and equals it at any
 * depth as far as a codec would keep it. What cannot be copied so is said to be, never copied in part.
 * Whether a value can be stored is decided by the codec, not here.
 */
import { MemcachedValueError } from '../core/base/errors.js';
import type { ClassOf } from './ports.js';

/** Deeper than any data that is meant; less than what the stack holds. */
const MAX_DEPTH = 500;

export interface Shape {
  type?: ClassOf | undefined;
  plain?: boolean | undefined;
}

/** A value apart from its maker's, or the maker's own when it cannot be copied. */
export interface Shaped {
  data: unknown;
  /** `false`: `data` is the maker's own, and everybody who gets it shares it. */
  copied: boolean;
}

/** The data to store of `value`: instances of `type` as their own properties, with `plain` every instance. */
export function toData(value: unknown, shape: Shape): Shaped {
  try {
    return { data: copy(withoutType(value, shape.type), shape.plain === true), copied: true };
  } catch {
    // A getter or toJSON() of the application may throw anything; the value then stays what it is.
    return { data: value, copied: false };
  }
}

/** What a caller gets of stored data. `data` must be its alone: it may be handed on as it is. */
export function fromData(data: unknown, type: ClassOf | undefined): unknown {
  if (type === undefined) return data;
  return Array.isArray(data) ? data.map((element) => rebuilt(element, type)) : rebuilt(data, type);
}

/** A copy, or the same when it cannot be copied: what a codec of the application's own has made. */
export function copyOrShare(value: unknown): unknown {
  try {
    return copy(value);
  } catch {
    return value;
  }
}

/**
 * A deep copy of what codecs keep: plain data, Date, Map, Set, bytes, bigint.
 * @param plain - instances of other classes become what their `toJSON()` gives, else their own properties;
 * functions and symbols go, as in JSON.
 * @throws MemcachedValueError for anything else and for what contains itself.
 */
export function copy(value: unknown, plain = false, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value !== 'function' && typeof value !== 'symbol') return value;
    if (plain) return undefined;
    throw refused(`a ${typeof value}`);
  }
  if (depth > MAX_DEPTH) throw refused(`something nested over ${MAX_DEPTH} levels deep`);
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value) && prototype === Array.prototype) {
    return value.map((element) => copy(element, plain, depth + 1));
  }
  if (prototype === Object.prototype || prototype === null) return copyObject(value, prototype, plain, depth);
  if (prototype === Date.prototype) return new Date((value as Date).getTime());
  if (prototype === Buffer.prototype) return Buffer.from(value as Buffer);
  if (prototype === Uint8Array.prototype) return new Uint8Array(value as Uint8Array);
  if (prototype === Map.prototype) {
    const entries = [...(value as Map<unknown, unknown>)];
    return new Map(entries.map(([k, v]) => [copy(k, plain, depth + 1), copy(v, plain, depth + 1)]));
  }
  if (prototype === Set.prototype) {
    return new Set([...(value as Set<unknown>)].map((element) => copy(element, plain, depth + 1)));
  }
  if (!plain || ArrayBuffer.isView(value)) throw refused(`an instance of ${className(value)}`);
  if ('toJSON' in value && typeof value.toJSON === 'function') return copy(value.toJSON(), plain, depth + 1);
  return copyObject(value, Object.prototype, plain, depth);
}

function copyObject(value: object, prototype: object | null, plain: boolean, depth: number): object {
  if (!plain && Object.getOwnPropertySymbols(value).length > 0)
    throw refused('an object with symbols as keys');
  const made: Record<string, unknown> = prototype === null ? Object.create(null) : {};
  for (const key of Object.keys(value)) {
    const given = (value as Record<string, unknown>)[key];
    const copied = copy(given, plain, depth + 1);
    if (plain && copied === undefined && given !== undefined) continue;
    if (key === '__proto__') define(made, key, copied);
    else made[key] = copied;
  }
  return made;
}

/** Assigning `__proto__` would set the prototype; defining makes it a property like others. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function withoutType(value: unknown, type: ClassOf | undefined): unknown {
  if (type === undefined) return value;
  return Array.isArray(value)
    ? value.map((element) => ownProperties(element, type))
    : ownProperties(value, type);
}

function ownProperties(value: unknown, type: ClassOf): unknown {
  if (typeof value !== 'object' || value === null || !isInstance(value, type)) return value;
  const made = {};
  for (const key of Object.keys(value)) define(made, key, (value as Record<string, unknown>)[key]);
  return made;
}

function isInstance(value: object, type: ClassOf): boolean {
  return Object.prototype.isPrototypeOf.call(type.prototype as object, value);
}

/** Defined, not assigned: a setter of the class must not see data that went through it once already. */
function rebuilt(data: unknown, type: ClassOf): unknown {
  if (typeof data !== 'object' || data === null) return data;
  const prototype = Object.getPrototypeOf(data);
  if (prototype !== Object.prototype && prototype !== null) return data;
  return Object.create(type.prototype as object, Object.getOwnPropertyDescriptors(data));
}

/** The class of a value, for messages; data cannot make it up. */
export function className(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  const maker: unknown = Object.getPrototypeOf(value)?.constructor;
  return typeof maker === 'function' && maker.name !== '' ? maker.name.slice(0, 60) : 'an unnamed class';
}

function refused(what: string): MemcachedValueError {
  return new MemcachedValueError(`A value holds ${what}, which cannot be copied.`);
}
