/**
 * The codec a pool uses unless it is given another: text, numbers and bytes as they are, everything else as
 * JSON. `flags.ts` has the table of what is written; what cannot be written is refused in `tree.ts`.
 *
 * Invariant: `decode(encode(value))` equals `value`, or `encode` throws a MemcachedValueError. `decode`
 * throws nothing but MemcachedDecodeError, whatever the bytes are, and no message holds any of them.
 * Whether a body fits into an item is left to the pool.
 */
import { types } from 'node:util';
import { MemcachedDecodeError, MemcachedValueError } from '../base/errors.js';
import type { Codec, EncodedValue, EncodeOptions, Surroundings } from './codec.js';
import { type CompressionSettings, compress, compressionNumber, decompress } from './compression.js';
import {
  ASCII_JSON,
  ASCII_TEXT,
  BIGINT,
  BOOLEAN,
  BUFFER,
  COMPRESSION_SHIFT,
  CUSTOM,
  FOREIGN_TEXT,
  KNOWN_MASK,
  NULL,
  NUMBER,
  TAGGED_JSON,
  TYPE_MASK,
  UINT8_ARRAY,
  UTF8_JSON,
  UTF8_TEXT,
  unknownFlags,
} from './flags.js';
import { bigintText, numberText, readBigint, readNumber } from './numbers.js';
import { type CodecOptions, type CodecSettings, readCodecOptions, type Serializer } from './options.js';
import { lookAt } from './plain.js';
import { RefusedValueError, refuseFunction, refuseSize, refuseUndefined } from './refusals.js';
import { revive } from './tagged.js';
import { isAscii, isWellFormed, latin1, readText, readUtf8 } from './text.js';
import { toTree } from './tree.js';

/**
 * @param where - what the options belong to, for messages.
 * @throws MemcachedOptionError
 */
export function createCodec(options?: CodecOptions, where = 'createCodec()'): Codec {
  return new DefaultCodec(readCodecOptions(options, where));
}

/** `]` */
const CLOSING = 0x5d;

class DefaultCodec implements Codec {
  readonly #compression: CompressionSettings | false;
  readonly #maxBytes: number;
  readonly #maxDepth: number;
  readonly #serializer: Serializer | undefined;
  /** One head is mostly the last one. */
  #lastHead = '';
  #lastOpening = Buffer.from('["",');

  constructor({ compression, maxDecompressedSize, maxDepth, serializer }: CodecSettings) {
    this.#compression = compression;
    this.#maxBytes = maxDecompressedSize;
    this.#maxDepth = maxDepth;
    this.#serializer = serializer;
  }

  // ---- to bytes ----

  encode(value: unknown, options?: EncodeOptions): EncodedValue {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'object':
        return value === null ? ascii('null', NULL) : this.#object(value, options?.plain === true);
      case 'number':
        return ascii(numberText(value), NUMBER);
      case 'boolean':
        return ascii(value ? 'true' : 'false', BOOLEAN);
      case 'bigint':
        return ascii(bigintText(value), BIGINT);
      case 'undefined':
        throw refuseUndefined();
      default:
        throw refuseFunction(value, []);
    }
  }

  #text(value: string): EncodedValue {
    if (isAscii(value)) return this.#packed(ascii(value, ASCII_TEXT));
    // JSON escapes half a surrogate pair, which UTF-8 would replace.
    return isWellFormed(value) ? this.#utf8(value, UTF8_TEXT) : this.#json(JSON.stringify(value), false);
  }

  #object(value: object, plain: boolean): EncodedValue {
    if (types.isUint8Array(value)) {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Buffer.prototype) return this.#packed(binary(value, BUFFER));
      if (prototype === Uint8Array.prototype) return this.#packed(binary(value, UINT8_ARRAY));
    }
    if (this.#serializer !== undefined) return this.#serialized(value, this.#serializer);
    try {
      const look = lookAt(value, this.#maxDepth, this.#maxBytes);
      if (look === 'plain') return this.#json(JSON.stringify(value), false);
      if (look === 'too large') throw refuseSize(this.#maxBytes);
      const { root, tagged } = toTree(value, plain, { maxDepth: this.#maxDepth, maxBytes: this.#maxBytes });
      return this.#json(JSON.stringify(root), tagged);
    } catch (cause) {
      if (cause instanceof MemcachedValueError) throw cause;
      // A getter, a proxy or toJSON() may throw anything; a stack that is nearly full, a RangeError.
      throw new RefusedValueError('a value that cannot be read', [], 'reading it threw an error.', { cause });
    }
  }

  #json(text: string, tagged: boolean): EncodedValue {
    const isText = isAscii(text);
    const type = tagged ? TAGGED_JSON : isText ? ASCII_JSON : UTF8_JSON;
    const encoded = isText ? ascii(text, type) : binary(Buffer.from(text, 'utf8'), type);
    if (encoded.bytes > this.#maxBytes) throw refuseSize(this.#maxBytes);
    return this.#packed(encoded);
  }

  #serialized(value: object, serializer: Serializer): EncodedValue {
    let body: unknown;
    try {
      body = serializer.serialize(value);
    } catch (cause) {
      throw new RefusedValueError('a value', [], `the serializer "${serializer.name}" refused it.`, {
        cause,
      });
    }
    if (types.isUint8Array(body)) return this.#packed(binary(body, CUSTOM));
    if (typeof body === 'string') {
      if (isAscii(body)) return this.#packed(ascii(body, CUSTOM));
      if (isWellFormed(body)) return this.#utf8(body, CUSTOM);
    }
    throw new RefusedValueError(
      'a value',
      [],
      `the serializer "${serializer.name}" made neither a Uint8Array nor a string that UTF-8 can carry of it.`,
    );
  }

  #utf8(text: string, type: number): EncodedValue {
    return this.#packed(binary(Buffer.from(text, 'utf8'), type));
  }

  #packed(encoded: EncodedValue): EncodedValue {
    const compression = this.#compression;
    if (compression === false || encoded.bytes <= compression.above || encoded.bytes > this.#maxBytes) {
      return encoded;
    }
    const { body } = encoded;
    const packed = compress(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, compression);
    if (packed.length >= encoded.bytes) return encoded;
    return binary(packed, encoded.flags | (compressionNumber(compression.algorithm) << COMPRESSION_SHIFT));
  }

  // ---- from bytes ----

  decode(flags: number, buffer: Buffer, start: number, end: number, around?: Surroundings): unknown {
    if (flags === ASCII_TEXT && around?.isAscii === true) return latin1(buffer, start, end);
    return this.#guarded(flags, buffer, start, end, false);
  }

  decodeOwned(flags: number, buffer: Buffer, start: number, end: number): unknown {
    return this.#guarded(flags, buffer, start, end, true);
  }

  decodeBehind(head: string, flags: number, buffer: Buffer, start: number, end: number): unknown {
    if (flags !== ASCII_JSON || end - start > this.#maxBytes) return undefined;
    if (head !== this.#lastHead) {
      this.#lastOpening = Buffer.from(`[${JSON.stringify(head)},`);
      this.#lastHead = head;
    }
    const opening = this.#lastOpening;
    const from = start + opening.length;
    if (from >= end || buffer[end - 1] !== CLOSING) return undefined;
    for (let i = 0; i < opening.length; i++) {
      if (buffer[start + i] !== opening[i]) return undefined;
    }
    try {
      // Whatever is JSON by itself is so between an opening and an end like these, and the only other element.
      return JSON.parse(latin1(buffer, from, end - 1));
    } catch {
      // No JSON, or longer than a string can be: whoever makes the pair says which.
      return undefined;
    }
  }

  #guarded(flags: number, buffer: Buffer, start: number, end: number, owned: boolean): unknown {
    try {
      const value = this.#read(flags, buffer, start, end, owned);
      if (value !== undefined) return value;
    } catch (cause) {
      if (cause instanceof MemcachedDecodeError) throw cause;
      // Longer than a string can be, for one.
      throw new MemcachedDecodeError(
        `The stored value (flags ${flags}, ${end - start} bytes) cannot be decoded.`,
        {
          cause,
        },
      );
    }
    throw new MemcachedDecodeError(
      `The stored value is not what its flags (${flags}) say; something other than this package may have ` +
        'written or changed it, or an incr took it beyond what a number can hold.',
    );
  }

  /** The value; `undefined` when the bytes are not what the flags say. */
  #read(flags: number, buffer: Buffer, start: number, end: number, owned: boolean): unknown {
    switch (flags) {
      case FOREIGN_TEXT:
      case ASCII_TEXT:
        return readText(buffer, start, end);
      case UTF8_TEXT:
        return readUtf8(buffer, start, end);
      case BUFFER:
        return owned ? buffer.subarray(start, end) : copyOf(buffer, start, end);
      case UINT8_ARRAY:
        return readBytes(buffer, start, end, owned);
      case NUMBER:
        return readNumber(buffer, start, end);
      case BOOLEAN:
        return readBoolean(buffer, start, end);
      case NULL:
        return end - start === 4 && latin1(buffer, start, end) === 'null' ? null : undefined;
      case BIGINT:
        return readBigint(buffer, start, end);
      case ASCII_JSON:
        this.#checkParsed(end - start);
        return parse(latin1(buffer, start, end));
      case UTF8_JSON:
        this.#checkParsed(end - start);
        return parse(readUtf8(buffer, start, end));
      case TAGGED_JSON:
        this.#checkParsed(end - start);
        return revive(parse(readText(buffer, start, end)), this.#maxDepth);
      case CUSTOM:
        return this.#deserialized(owned ? buffer.subarray(start, end) : copyOf(buffer, start, end));
      default:
        return this.#unpacked(flags, buffer, start, end);
    }
  }

  #unpacked(flags: number, buffer: Buffer, start: number, end: number): unknown {
    const type = flags & TYPE_MASK;
    const compression = flags >>> COMPRESSION_SHIFT;
    if (flags < 0 || flags > KNOWN_MASK || compression === 0 || !isCompressible(type))
      throw unknownFlags(flags);
    const unpacked = decompress(compression, buffer.subarray(start, end), this.#maxBytes);
    return this.#read(type, unpacked, 0, unpacked.length, true);
  }

  #deserialized(body: Buffer): unknown {
    const serializer = this.#serializer;
    if (serializer === undefined) {
      throw new MemcachedDecodeError(
        'The stored value was written with a serializer of its own (flags 15); this codec has none. ' +
          'Pass the same "serializer" everywhere.',
      );
    }
    try {
      return serializer.deserialize(body);
    } catch (cause) {
      throw new MemcachedDecodeError(`The serializer "${serializer.name}" could not read the stored value.`, {
        cause,
      });
    }
  }

  #checkParsed(length: number): void {
    if (length > this.#maxBytes) {
      throw new MemcachedDecodeError(
        `The stored JSON has ${length} bytes, more than this codec parses (maxDecompressedSize ${this.#maxBytes}).`,
      );
    }
  }
}

function ascii(text: string, flags: number): EncodedValue {
  return { body: text, bytes: text.length, flags };
}

function binary(body: Uint8Array, flags: number): EncodedValue {
  return { body, bytes: body.length, flags };
}

/** Text, bytes and JSON; never what the server counts with. */
function isCompressible(type: number): boolean {
  switch (type) {
    case ASCII_TEXT:
    case UTF8_TEXT:
    case BUFFER:
    case UINT8_ARRAY:
    case ASCII_JSON:
    case UTF8_JSON:
    case TAGGED_JSON:
    case CUSTOM:
      return true;
    default:
      return false;
  }
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buffer.copy(copy, 0, start, end);
  return copy;
}

function readBytes(buffer: Buffer, start: number, end: number, owned: boolean): Uint8Array {
  if (owned) return new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start);
  const copy = new Uint8Array(end - start);
  copy.set(buffer.subarray(start, end));
  return copy;
}

function readBoolean(buffer: Buffer, start: number, end: number): boolean | undefined {
  if (end - start !== 4 && end - start !== 5) return undefined;
  const text = latin1(buffer, start, end);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** JSON.parse says in its error what stood there; that is a value, so its error goes no further. */
function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
