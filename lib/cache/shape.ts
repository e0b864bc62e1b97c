/**
 * Values as the cache hands them on: private copies, instances turned into data and back.
 *
 * Invariant: a copy equals what a codec would give back, and shares nothing with what it was made from that
 * could be changed. What no codec would store is not copied, not even in part. Which values those are is
 * decided in `core/value`; plain data, the common case, is copied here without the detour over text.
 */
import { createCodec } from '../core/value/default-codec.js';
import { rebuild } from '../core/value/rebuild.js';
import type { ClassOf } from './ports.js';

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

/** As deep as a codec goes; it ends the walk through a value that contains itself. */
const MAX_DEPTH = 500;
const codec = createCodec({ maxDepth: MAX_DEPTH });

/** The data to store of `value`: instances of `type` as their own properties, with `plain` every instance. */
export function toData(value: unknown, { type, plain }: Shape): Shaped {
  try {
    const data = type === undefined ? value : withoutType(value, type);
    return { data: plain === true ? throughCodec(data, true) : copy(data), copied: true };
  } catch {
    // Refused, or a getter or toJSON() of the application threw, whatever it threw: it stays what it is.
    return { data: value, copied: false };
  }
}

/** What a caller gets of data that is its alone: the data itself, or instances made of it. */
export function fromData(data: unknown, type: ClassOf | undefined): unknown {
  return type === undefined ? data : rebuild(type, data);
}

/** A copy, or the same when it cannot be copied: what a serializer of the application's own has made. */
export function copyOrShare(value: unknown): unknown {
  try {
    return copy(value);
  } catch {
    return value;
  }
}

/** @throws when no codec would store the value. */
export function copy(value: unknown): unknown {
  const copied = copyPlain(value, MAX_DEPTH);
  return copied === OTHER ? throughCodec(value, false) : copied;
}

function throughCodec(value: unknown, plain: boolean): unknown {
  if (value === undefined) return value;
  const { body, flags } = codec.encode(value, { plain });
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body);
  return codec.decodeOwned(flags, bytes, 0, bytes.length);
}

const OTHER = Symbol('not plain data');

/** A copy of plain data, or OTHER when a part is none: of a class, with symbols, a sparse array ... */
function copyPlain(value: unknown, room: number): unknown {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'function' || typeof value === 'symbol' ? OTHER : value;
  }
  if (room === 0 || Object.getOwnPropertySymbols(value).length > 0) return OTHER;
  const keys = Object.keys(value);
  if (Array.isArray(value)) return copyElements(value, keys, room);
  if (Object.getPrototypeOf(value) !== Object.prototype) return OTHER;
  const made: Record<string, unknown> = {};
  for (const key of keys) {
    const part = copyPlain((value as Record<string, unknown>)[key], room - 1);
    if (part === OTHER) return OTHER;
    if (key === '__proto__') define(made, key, part);
    else made[key] = part;
  }
  return made;
}

function copyElements(value: unknown[], keys: string[], room: number): unknown {
  if (Object.getPrototypeOf(value) !== Array.prototype || keys.length !== value.length) return OTHER;
  // As large as it must be; and an array that is written as `[]` the engine may come to allocate among what lives long.
  const made = [...value];
  for (let i = 0; i < made.length; i++) {
    const part = copyPlain(value[i], room - 1);
    // A hole reads as undefined; the codec tells them apart.
    if (part === OTHER || part === undefined) return OTHER;
    made[i] = part;
  }
  return made;
}

/** Assigning `__proto__` would set the prototype; defining makes it a property like others. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function withoutType(value: unknown, type: ClassOf): unknown {
  if (Array.isArray(value)) return value.map((element) => ownProperties(element, type));
  return ownProperties(value, type);
}

function ownProperties(value: unknown, type: ClassOf): unknown {
  const prototype = type.prototype as object;
  if (typeof value !== 'object' || value === null || !Object.prototype.isPrototypeOf.call(prototype, value)) {
    return value;
  }
  const made = {};
  for (const key of Object.keys(value)) define(made, key, (value as Record<string, unknown>)[key]);
  return made;
}
