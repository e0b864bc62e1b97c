/**
 * When a socket's writes wait for company. A write is the dearest part of a small request, for the client and
 * the server alike. While an earlier request is on the wire, what is asked may wait for the end of the event
 * loop's round, so that all of it leaves in one write; and when it is only a little, for further rounds as long as each
 * brings more. Where callers come who were not waiting for answers, the next round brings more whether or not the
 * server still has something to do, so there more of them wait, and to the end. More than that wait only for the
 * first round, and only while twice as many are on the wire: else the server would soon have nothing to do.
 *
 * Invariant: nothing begins to wait when nothing is on the wire; nothing waits longer than the round it was asked in
 * and {@link LONGEST_MS} more; a wait that brought no company is not tried again soon. Sending is the connection's.
 */

import type { Clock } from '../base/clock.js';

/** Beyond the first round. */
const LONGEST_MS = 0.1;
const MOST_ROUNDS = 8;
/** So few wait whatever is on the wire, if anything, and for more than a round. */
const FEW = 8;
/** So many where callers come unbidden. */
const FEW_UNBIDDEN = 20;
/** A round that brought more without a single answer shows that they do: for so many waits, its own included. */
const UNBIDDEN_WAITS = 16;
/** More than this is worth a write of its own. */
const MOST_BYTES = 16_384;
/** A wait costs a turn of the event loop: when what is written did not grow by half, so many writes go without. */
const WRITES_AFTER_VAIN = 32;

export class Delay {
  /** What is unwritten waits. */
  active = false;
  /** How many requests there were when the wait began, and when its last round ended. */
  #first = 0;
  #last = 0;
  /** How many were on the wire then. */
  #onWire = 0;
  /** On the clock. */
  #since = 0;
  #rounds = 0;
  /** So many writes are made at once before a wait is tried again. */
  #inVain = 0;
  /** For so many waits more callers are taken to come unbidden. */
  #unbidden = 0;

  constructor(private readonly clock: Clock) {}

  /**
   * Begins to wait, if that may be worth it.
   * @param unwritten - requests that wait; `bytes` is what they take on the wire
   * @param onWire - requests that were written and not yet answered
   */
  begin(unwritten: number, bytes: number, onWire: number): boolean {
    if (this.#inVain > 0) {
      this.#inVain--;
      return false;
    }
    const isWorth = unwritten <= FEW || onWire >= 2 * unwritten;
    if (!isWorth || onWire === 0 || bytes > MOST_BYTES) return false;
    this.active = true;
    this.#first = this.#last = unwritten;
    this.#onWire = onWire;
    this.#since = this.clock.now();
    this.#rounds = 1;
    if (this.#unbidden > 0) this.#unbidden--;
    return true;
  }

  /** A round is over: shall it wait for another one? Else the wait has ended. */
  goesOn(unwritten: number, bytes: number, onWire: number): boolean {
    const hasGrown = unwritten > this.#last;
    if (hasGrown && onWire === this.#onWire) this.#unbidden = UNBIDDEN_WAITS;
    const isUnbidden = this.#unbidden > 0;
    if (
      hasGrown &&
      unwritten <= (isUnbidden ? FEW_UNBIDDEN : FEW) &&
      bytes <= MOST_BYTES &&
      (isUnbidden || onWire > 0) &&
      this.#rounds < MOST_ROUNDS &&
      this.clock.now() - this.#since < LONGEST_MS
    ) {
      this.#last = unwritten;
      this.#onWire = onWire;
      this.#rounds++;
      return true;
    }
    this.active = false;
    if (unwritten < 1.5 * this.#first) this.#inVain = WRITES_AFTER_VAIN;
    return false;
  }
}
