/**
 * Tagged JSON: how values that JSON does not know are written in it. An object with the key `$` is never
 * itself; the word under `$` says what it stands for, `v` holds the data. This table is public.
 *
 *     $           v
 *     undefined   (none)
 *     number      'NaN', 'Infinity', '-Infinity' or '-0'
 *     bigint      as under type 8 in `flags.ts`
 *     date        milliseconds since 1970, or null for an invalid date
 *     buffer      base64
 *     bytes       base64, of a Uint8Array
 *     map         [key, value, key, value ...]
 *     set         [element ...]
 *     bare        an object without a prototype, as an ordinary one
 *     object      an object that itself has a key `$`
 *
 * Invariant: what is not in the table is an error, never a guess. Writing is done by `tree.ts`.
 */
import { MemcachedDecodeError } from '../base/errors.js';
import { parseBigint, parseNumber } from './numbers.js';

export type Tag =
  | 'undefined'
  | 'number'
  | 'bigint'
  | 'date'
  | 'buffer'
  | 'bytes'
  | 'map'
  | 'set'
  | 'bare'
  | 'object';

export interface Tagged {
  $: Tag;
  v?: unknown;
}

type Dictionary = Record<string, unknown>;

const LATEST_DATE = 8.64e15;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Puts the values back that tags stand for, in place. `value` comes straight from JSON.parse, so a key
 * `__proto__` is a property of its own, and assigning to it changes that property, not the prototype.
 * @param room - how many containers deep it may still go.
 * @throws MemcachedDecodeError
 */
export function revive(value: unknown, room: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return reviveElements(value, room);
  return Object.hasOwn(value, '$') ? untag(value as Dictionary, room) : reviveProperties(value, room);
}

function untag(node: Dictionary, room: number): unknown {
  const data = node.v;
  switch (node.$) {
    case 'undefined':
      return undefined;
    case 'number':
      return (typeof data === 'string' ? parseNumber(data) : undefined) ?? broken('number');
    case 'bigint':
      return (typeof data === 'string' ? parseBigint(data) : undefined) ?? broken('bigint');
    case 'date':
      if (data === null) return new Date(Number.NaN);
      if (!Number.isInteger(data) || Math.abs(data as number) > LATEST_DATE) broken('date');
      return new Date(data as number);
    case 'buffer':
      return Buffer.from(base64(data), 'base64');
    case 'bytes':
      // A copy: a small Buffer lives in memory it shares with others.
      return new Uint8Array(Buffer.from(base64(data), 'base64'));
    case 'map':
      return toMap(reviveElements(array(data, 'map'), room));
    case 'set':
      return new Set(reviveElements(array(data, 'set'), room));
    case 'bare':
      return Object.setPrototypeOf(reviveProperties(dictionary(data, 'bare'), room), null);
    case 'object':
      return reviveProperties(dictionary(data, 'object'), room);
    default:
      return broken(typeof node.$ === 'string' ? 'unknown' : 'missing');
  }
}

function reviveElements(elements: unknown[], room: number): unknown[] {
  if (room === 0) tooDeep();
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i];
    if (typeof element === 'object' && element !== null) elements[i] = revive(element, room - 1);
  }
  return elements;
}

function reviveProperties(node: object, room: number): object {
  if (room === 0) tooDeep();
  const properties = node as Dictionary;
  for (const key of Object.keys(properties)) {
    const property = properties[key];
    if (typeof property === 'object' && property !== null) properties[key] = revive(property, room - 1);
  }
  return node;
}

function toMap(flat: unknown[]): Map<unknown, unknown> {
  if (flat.length % 2 !== 0) broken('map');
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
  return map;
}

function base64(data: unknown): string {
  return typeof data === 'string' && BASE64.test(data) ? data : broken('bytes');
}

function array(data: unknown, tag: Tag): unknown[] {
  return Array.isArray(data) ? data : broken(tag);
}

function dictionary(data: unknown, tag: Tag): object {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : broken(tag);
}

function broken(tag: Tag | 'unknown' | 'missing'): never {
  throw new MemcachedDecodeError(
    `The stored JSON has a tag that cannot be read (${tag}); it was changed, or written by a newer version.`,
  );
}

function tooDeep(): never {
  throw new MemcachedDecodeError('The stored JSON is nested deeper than this codec accepts (maxDepth).');
}
