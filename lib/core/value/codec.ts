/**
 * The seam between values and bytes: what a codec takes and gives.
 *
 * Invariant: `decode(encode(value))` equals `value` at any depth, or `encode` throws. Nothing that
 * `decode` returns aliases the buffer it was given.
 */

/** A value ready for the wire. */
export interface EncodedValue {
  /**
   * Text holds ASCII only (every unit <= 0x7f) and is written as it stands; anything else is bytes. They
   * may be the caller's own bytes: whoever stores a Buffer leaves it unchanged until the call settles.
   */
  body: string | Uint8Array;
  /** Length of `body` on the wire. */
  bytes: number;
  /** Client flags, below 2^31 and never 0. */
  flags: number;
}

export interface EncodeOptions {
  /**
   * Takes class instances as their plain data: what `toJSON()` gives, or else their own enumerable
   * properties without functions and symbols. What comes back is a plain object.
   * @defaultValue false, a class instance is refused
   */
  plain?: boolean | undefined;
}

/** What is known of the bytes a value came with. */
export interface Surroundings {
  /** All of them are ASCII. False when they are not, or when it is not known. */
  readonly isAscii: boolean;
}

export interface Codec {
  /** @throws MemcachedValueError when the value would not come back equal. */
  encode(value: unknown, options?: EncodeOptions): EncodedValue;
  /**
   * The value in `buffer[start..end)`. The bytes are only lent: they change after the call returns.
   * @param around - of the bytes around it, its own included
   * @throws MemcachedDecodeError
   */
  decode(flags: number, buffer: Buffer, start: number, end: number, around?: Surroundings): unknown;
  /**
   * The same for bytes nobody else will ever write to: the value may be a view of `buffer`, without a copy.
   * @throws MemcachedDecodeError
   */
  decodeOwned(flags: number, buffer: Buffer, start: number, end: number): unknown;
  /**
   * What `decode` gives as the second of a pair whose first is `head`, without making the pair. `undefined`: it is
   * none, or cannot be told without making it. Never throws.
   */
  decodeBehind(head: string, flags: number, buffer: Buffer, start: number, end: number): unknown;
}
