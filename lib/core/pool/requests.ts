/**
 * From a call's arguments to a request: every argument is checked here, before anything is written.
 */
import type { Clock } from '../base/clock.js';
import { MemcachedArgumentError, MemcachedTooLargeError, MemcachedValueError } from '../base/errors.js';
import { describe } from '../base/options.js';
import { toExptime } from '../command/expiry.js';
import { isKnownPlain, toDigestedWireKey, toWireKey } from '../command/keys.js';
import type { Request } from '../command/request.js';
import type { Codec } from '../value/codec.js';
import { largestValue } from '../value/size.js';
import type { StoreOptions } from './types.js';

const MAX_UINT64 = 18_446_744_073_709_551_615n;

export class RequestFiller {
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #maxItemSize: number;
  /** The key as it goes on the wire. */
  readonly toWire: (key: string) => string;
  #lastKey = '';
  #lastWire = '';

  constructor(codec: Codec, clock: Clock, maxItemSize: number, longKeys: 'refuse' | 'digest') {
    this.#codec = codec;
    this.#clock = clock;
    this.#maxItemSize = maxItemSize;
    this.toWire = longKeys === 'digest' ? toDigestedWireKey : toWireKey;
  }

  /** {@link toWire} for callers who ask more than once about the same key: where it goes, and to send it there. */
  toWireAgain(key: string): string {
    if (isKnownPlain(key)) return key;
    if (key !== this.#lastKey || key === '') {
      this.#lastWire = this.toWire(key);
      this.#lastKey = key;
    }
    return this.#lastWire;
  }

  /** @throws MemcachedArgumentError, also as MemcachedValueError or MemcachedTooLargeError. */
  value(request: Request, value: unknown, options: StoreOptions | undefined): void {
    request.exptime = options === undefined ? 0 : this.exptime(options.ttl);
    const encoded = this.#codec.encode(value, options);
    request.body = encoded.body;
    request.bytes = encoded.bytes;
    request.flags = encoded.flags;
    this.#checkSize(request);
  }

  /** For append and prepend: bytes as they are, under whatever flags the item has. */
  bytes(request: Request, value: string | Uint8Array): void {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw new MemcachedValueError(
        `append and prepend take a string or bytes, not ${describe(value)}: what they add must fit what is there.`,
      );
    }
    request.body = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    request.bytes = request.body.length;
    this.#checkSize(request);
  }

  #checkSize(request: Request): void {
    // A wire key has one character per byte, whatever its bytes look like.
    const most = largestValue(this.#maxItemSize, request.key.length, request.flags);
    if (request.bytes > most) {
      throw new MemcachedTooLargeError(
        `The value has ${request.bytes} bytes encoded; at most ${most} fit (maxItemSize ${this.#maxItemSize}). Raise maxItemSize and the server's -I together, or compress.`,
      );
    }
  }

  exptime(ttl: StoreOptions['ttl']): number {
    return toExptime(ttl, this.#clock);
  }

  /** A CAS token as digits: a bigint, or the digits it became in JSON. */
  cas(token: unknown): string {
    const digits = wholeDigits(token);
    if (digits === undefined) {
      throw new MemcachedArgumentError(
        `A CAS token must be the bigint that gets() gave, not ${describe(token)}.`,
      );
    }
    return digits;
  }

  /** A delta or an initial value as digits. */
  count(number: unknown, what: string): string {
    const digits = typeof number === 'string' ? undefined : wholeDigits(number);
    if (digits === undefined) {
      throw new MemcachedArgumentError(
        `${what} must be a whole number from 0 to 2^64 - 1 (a bigint beyond 2^53 - 1), not ${describe(number)}.`,
      );
    }
    return digits;
  }
}

function wholeDigits(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (typeof value === 'bigint') return value >= 0n && value <= MAX_UINT64 ? String(value) : undefined;
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return undefined;
  return wholeDigits(BigInt(value));
}

/** What the router hashes: the key's characters. Wire keys beyond ASCII are one character per byte. */
export function toRouteKey(key: string, wire: string): string {
  if (wire === key) return key;
  return /^[\x00-\x7f]*$/.test(wire) ? wire : key;
}
