/**
 * The seam between values and bytes: what a codec takes and gives.
 *
 * Invariant: `decode(encode(value))` equals `value` at any depth, or `encode` throws. Nothing that
 * `decode` returns aliases the buffer it was given.
 */

/** A value ready for the wire. */
export interface EncodedValue {
  /** Text holds ASCII only (every unit <= 0x7f) and is written as it stands; anything else is bytes. */
  body: string | Uint8Array;
  /** Length of `body` on the wire. */
  bytes: number;
  /** Client flags, below 2^31 and never 0. */
  flags: number;
}

export interface Codec {
  /** @throws MemcachedValueError when the value would not come back equal. */
  encode(value: unknown): EncodedValue;
  /**
   * The value in `buffer[start..end)`. The bytes are only lent: they change after the call returns.
   * @throws MemcachedDecodeError
   */
  decode(flags: number, buffer: Buffer, start: number, end: number): unknown;
}
