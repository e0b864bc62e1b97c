/**
 * Where a socket's bytes arrive. Small answers share one buffer that is used again and again; an answer too
 * large for it gets a buffer of exactly its size, and the rest of it is read straight into that.
 *
 * Invariant: `bytes[from..to)` is what has arrived and was not yet consumed, in one piece.
 */

const FIRST_BYTES = 64 * 1_024;
const MOST_BYTES = 256 * 1_024;

export class Inbox {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  from = 0;
  to = 0;
  /** The buffer was made for the one answer in it. */
  dedicated = false;
  #shared = this.bytes;
  /** What the socket was last given to read into. */
  #lentBuffer: Buffer | undefined;
  #lentAt = 0;

  /** Where to read next; `undefined` when it is what the socket already has. */
  lend(): Uint8Array | undefined {
    if (this.#lentBuffer === this.bytes && this.#lentAt === this.to) return undefined;
    this.#lentBuffer = this.bytes;
    this.#lentAt = this.to;
    return this.to === 0 ? this.bytes : this.bytes.subarray(this.to);
  }

  /** `count` bytes have arrived where {@link lend} said. */
  received(count: number): void {
    this.to += count;
  }

  /**
   * Makes room after all complete answers were consumed.
   * @param need - bytes the unfinished answer takes in all, 0 when unknown
   */
  settle(need: number): void {
    const unread = this.to - this.from;
    if (need > this.#shared.length) {
      if (this.dedicated && this.from === 0 && this.bytes.length === need) return;
      this.#moveTo(Buffer.allocUnsafeSlow(need), true);
    } else if (this.dedicated) {
      this.#moveTo(this.#shared, false);
    } else if (this.to === this.bytes.length && this.to < MOST_BYTES) {
      // The socket filled it to the brim: more was waiting, so the next read may take more at once.
      this.#shared = Buffer.allocUnsafeSlow(this.bytes.length * 2);
      this.#moveTo(this.#shared, false);
    } else if (unread <= this.from || this.bytes.length - this.from < need) {
      // Room for much in the next read, at the price of moving less than was just consumed.
      this.#moveTo(this.#shared, false);
    }
  }

  #moveTo(target: Buffer, dedicated: boolean): void {
    if (this.to > this.from) this.bytes.copy(target, 0, this.from, this.to);
    this.to -= this.from;
    this.from = 0;
    this.bytes = target;
    this.dedicated = dedicated;
  }
}
