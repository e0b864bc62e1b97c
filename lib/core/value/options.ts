/**
 * What the default codec can be told, with the defaults.
 */
import type { ByteSize } from '../base/durations.js';
import { bytes, checkOptions, integer, like } from '../base/options.js';
import { type CompressionOptions, type CompressionSettings, compressionRule } from './compression.js';

/** Another way to write what is neither text, a number, a boolean, null, a bigint nor bytes. */
export interface Serializer {
  /** For messages: `'msgpack'`. Nothing of it is stored. */
  readonly name: string;
  /** The bytes must not be used again by the serializer. */
  serialize(value: unknown): string | Uint8Array;
  /** The bytes are the serializer's own; what it returns may be views of them. */
  deserialize(bytes: Buffer): unknown;
}

export interface CodecOptions {
  /** Packs large values; synchronously, so that writes keep their order. @defaultValue false */
  compression?: boolean | CompressionOptions | undefined;
  /**
   * Longest result of unpacking, and longest JSON that is written or parsed, in bytes. A longer one is
   * refused when it is written and a MemcachedDecodeError when it is read.
   * @defaultValue '64m'
   */
  maxDecompressedSize?: ByteSize | undefined;
  /** Most objects, arrays, Maps and Sets within each other. A deeper value is refused. @defaultValue 500 */
  maxDepth?: number | string | undefined;
  /**
   * Takes the place of JSON for objects, arrays, Date, Map and Set. That they come back equal is then its promise.
   * @defaultValue JSON
   */
  serializer?: Serializer | undefined;
}

/** The options, checked and complete. */
export interface CodecSettings {
  compression: CompressionSettings | false;
  maxDecompressedSize: number;
  maxDepth: number;
  serializer: Serializer | undefined;
}

/** @throws MemcachedOptionError */
export function readCodecOptions(options: CodecOptions | undefined, where: string): CodecSettings {
  return checkOptions<CodecSettings>(where, options, {
    compression: compressionRule(where),
    maxDecompressedSize: bytes(64 * 1024 ** 2, 1024, 1024 ** 3),
    maxDepth: integer(500, 1, 1000),
    serializer: like<Serializer | undefined>(
      undefined,
      'an object { name, serialize, deserialize }',
      isSerializer,
    ),
  });
}

function isSerializer(given: unknown): boolean {
  const { name, serialize, deserialize } = (given ?? {}) as Partial<Serializer>;
  return typeof name === 'string' && typeof serialize === 'function' && typeof deserialize === 'function';
}
