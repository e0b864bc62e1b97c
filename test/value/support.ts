/**
 * The vocabulary of these tests: a way through the codec as a connection goes it, in a lent buffer with
 * other bytes on both sides that is overwritten afterwards.
 */
import type { Codec, EncodedValue, EncodeOptions } from '../../lib/core/value/codec.js';
import { createCodec } from '../../lib/core/value/default-codec.js';

export const codec = createCodec();

const NEIGHBOUR = Buffer.from('"9\u00e9}]\r\n');

export function bodyOf(encoded: EncodedValue): Buffer {
  return typeof encoded.body === 'string' ? Buffer.from(encoded.body, 'latin1') : Buffer.from(encoded.body);
}

export function decodeBody(flags: number, body: Buffer | string, by: Codec = codec): unknown {
  const bytes = Buffer.from(body);
  const lent = Buffer.concat([NEIGHBOUR, bytes, NEIGHBOUR]);
  try {
    return by.decode(flags, lent, NEIGHBOUR.length, NEIGHBOUR.length + bytes.length);
  } finally {
    lent.fill(0xff);
  }
}

export function roundTrip(value: unknown, by: Codec = codec, options?: EncodeOptions): unknown {
  const encoded = by.encode(value, options);
  const body = bodyOf(encoded);
  if (body.length !== encoded.bytes)
    throw new Error(`bytes is ${encoded.bytes}, the body has ${body.length}`);
  return decodeBody(encoded.flags, body, by);
}

/** The type in the flags. */
export function typeOf(value: unknown, by: Codec = codec): number {
  return by.encode(value).flags & 15;
}

/** `depth` objects within each other. */
export function nested(depth: number, innermost: unknown = 'end'): unknown {
  let value = innermost;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { inner: value } : [value];
  return value;
}

/** What `call` throws. */
export function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
