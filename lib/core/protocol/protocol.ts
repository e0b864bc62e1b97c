/**
 * The seam between requests and bytes. A protocol is pure: no socket, no timer, no memory of its own
 * between two calls. It is handed the request that owns the next answer, so it can refuse whatever that
 * request cannot be answered with.
 */
import type { Reply } from '../command/reply.js';
import type { Request } from '../command/request.js';
import type { WireWriter } from './wire-writer.js';

/** "Not yet": the bytes so far are the start of an answer. Not an error. */
export const NEED_MORE = -1;

/** A line, its `\r\n` included, is never longer than this; the longest known are those of `me` and `stats`. */
export const MAX_LINE_BYTES = 8_192;

/**
 * Opaque numbers run from 0 to this and start again. An answer is held against the oldest request alone, so it is
 * enough that a stream cannot well be out of step by a multiple of this. There is a text for each number, which
 * lives as long as the process; with eight times as many, each full collection took three times as long.
 */
export const OPAQUE_MASK = 0xfff;

export type ProtocolName = 'meta' | 'classic' | 'binary';

export interface Protocol {
  readonly name: ProtocolName;
  /**
   * Appends the request's bytes. Everything in it was checked before.
   * @returns false when this protocol has no such command; nothing was appended then.
   */
  encode(request: Request, opaque: number, writer: WireWriter): boolean;
  /**
   * Reads one reply of `request` from `bytes[from..to)` into `reply`.
   * @returns where the reply ended, or {@link NEED_MORE}; then `reply.need` says how many bytes from `from`
   * are needed, 0 when unknown.
   * @throws Doubt when the bytes cannot be this request's answer.
   */
  decode(request: Request, opaque: number, bytes: Buffer, from: number, to: number, reply: Reply): number;
  /**
   * What {@link decode} reads of a list, in less time, when it is the whole value of `key` in its usual form, as it
   * nearly always is. The list's cursor is the caller's to move.
   * @returns where the value ended; 0 when it is anything else, which is for `decode` to say
   */
  decodeListed(key: string, bytes: Buffer, from: number, to: number, reply: Reply): number;
}

/** The reply stream is not what it must be. The connection turns it into a MemcachedProtocolError and closes. */
export class Doubt extends Error {}
