/**
 * Bodies made smaller, and back within a bound.
 *
 * Invariant: what is unpacked is exactly what was packed; bytes behind it, as an append leaves them, are an
 * error. All of it is synchronous, because commands leave in the order of the calls: a large value that was
 * packed elsewhere would be overtaken by the next write to its key. Packing 100 kB takes about a millisecond.
 */
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  constants as zlib,
} from 'node:zlib';
import type { ByteSize } from '../base/durations.js';
import { MemcachedDecodeError, MemcachedOptionError } from '../base/errors.js';
import { boolean, bytes, checkOptions, integer, type OptionRule, oneOf, REFUSED } from '../base/options.js';

export type CompressionAlgorithm = 'deflate' | 'gzip' | 'brotli';

export interface CompressionOptions {
  /**
   * `deflate` is the fastest, `gzip` is what other programs read most easily, `brotli` packs tightest.
   * Every reader reads all three, whatever it writes itself.
   * @defaultValue 'deflate'
   */
  algorithm?: CompressionAlgorithm | undefined;
  /** Values of more bytes than this are packed, and stay so if that made them smaller. @defaultValue '8k' */
  above?: ByteSize | undefined;
  /**
   * Effort, from 1 to 9 (brotli: 0 to 11). More takes longer and saves a little.
   * @defaultValue 1 for deflate, 6 for gzip, 4 for brotli
   */
  level?: number | string | undefined;
}

export interface CompressionSettings {
  algorithm: CompressionAlgorithm;
  above: number;
  level: number;
}

/** In the order of their numbers in the flags, from 1. */
const ALGORITHMS: readonly CompressionAlgorithm[] = ['deflate', 'gzip', 'brotli'];

const LEVELS = {
  deflate: { lowest: 1, usual: 1, highest: 9 },
  gzip: { lowest: 1, usual: 6, highest: 9 },
  brotli: { lowest: 0, usual: 4, highest: 11 },
};

/** Takes `false`, `true` (all defaults) or an object of {@link CompressionOptions}. */
export function compressionRule(where: string): OptionRule<CompressionSettings | false> {
  return {
    fallback: false,
    expects: 'false, true, or an object like { algorithm: "deflate", above: "8k" }',
    read: (given, path) => {
      const whether = boolean(false).read(given, path);
      if (whether === false) return false;
      if (whether === REFUSED && (typeof given !== 'object' || given === null)) return REFUSED;
      return readSettings(`${where}, option "${path}"`, whether === true ? {} : given);
    },
  };
}

function readSettings(where: string, given: unknown): CompressionSettings {
  const settings = checkOptions<CompressionSettings>(where, given, {
    algorithm: oneOf<CompressionAlgorithm>('deflate', ALGORITHMS),
    above: bytes(8 * 1024, 0, 1024 ** 3),
    level: integer(-1, 0, 11),
  });
  const range = LEVELS[settings.algorithm];
  if (settings.level === -1) return { ...settings, level: range.usual };
  if (settings.level < range.lowest || settings.level > range.highest) {
    throw new MemcachedOptionError(
      `${where}: option "level" must be from ${range.lowest} to ${range.highest} for ${settings.algorithm}, ` +
        `not ${settings.level}.`,
    );
  }
  return settings;
}

/** The algorithm's number in the flags. */
export function compressionNumber(algorithm: CompressionAlgorithm): number {
  return ALGORITHMS.indexOf(algorithm) + 1;
}

export function compress(body: Uint8Array, { algorithm, level }: CompressionSettings): Buffer {
  switch (algorithm) {
    case 'deflate':
      return deflateSync(body, { level });
    case 'gzip':
      return gzipSync(body, { level });
    case 'brotli':
      return brotliCompressSync(body, {
        params: { [zlib.BROTLI_PARAM_QUALITY]: level, [zlib.BROTLI_PARAM_SIZE_HINT]: body.length },
      });
  }
}

/**
 * @param number - the algorithm's number in the flags, from 1 to 3.
 * @throws MemcachedDecodeError when the bytes are not of that algorithm, or would become more than `maxBytes`.
 */
export function decompress(number: number, packed: Buffer, maxBytes: number): Buffer {
  // With `info` the engine comes along, which knows how many bytes it used; the types do not know of it.
  const options = { info: true, maxOutputLength: maxBytes };
  let unpacked: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    unpacked = UNPACKERS[number - 1]!(packed, options) as unknown as typeof unpacked;
  } catch (cause) {
    throw isTooLarge(cause) ? tooLarge(maxBytes) : unreadable(number, cause);
  }
  if (unpacked.engine.bytesWritten !== packed.length) throw unreadable(number);
  return unpacked.buffer;
}

const UNPACKERS = [inflateSync, gunzipSync, brotliDecompressSync] as const;

function isTooLarge(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}

function tooLarge(maxBytes: number): MemcachedDecodeError {
  return new MemcachedDecodeError(
    `The stored value unpacks to more than ${maxBytes} bytes (maxDecompressedSize).`,
  );
}

function unreadable(number: number, cause?: unknown): MemcachedDecodeError {
  return new MemcachedDecodeError(
    `The stored value is not ${ALGORITHMS[number - 1]} data as its flags say; an append to a compressed value, ` +
      'or another client, may have changed it.',
    { cause },
  );
}
