/**
 * A clock that stands still until a test moves it, so that "3 999 ms later" is a line and not a wait.
 *
 * Invariant: due timers run in the order of their time, equal ones in the order they were set, and each sees
 * `now()` at exactly its own time. Promises settle between two `await`s as ever: what a timer only starts is
 * finished when the test awaits it, or after {@link ManualClock.settle}.
 */
import type { Clock, Timer } from '../core/base/clock.js';

interface ManualTimer extends Timer {
  readonly due: number;
  readonly run: () => void;
}

export interface ManualClockOptions {
  /** What {@link ManualClock.now} starts with, milliseconds. @defaultValue 0 */
  now?: number;
  /** What {@link ManualClock.wallNow} starts with, milliseconds since 1970. @defaultValue 2024-01-01 00:00 UTC */
  wallNow?: number;
}

export class ManualClock implements Clock {
  #now: number;
  #wallOffset: number;
  /** By due time, equal ones by age: the head is the next to run. */
  readonly #timers: ManualTimer[] = [];
  #advancing = false;

  constructor(options: ManualClockOptions = {}) {
    this.#now = options.now ?? 0;
    this.#wallOffset = (options.wallNow ?? Date.UTC(2024, 0, 1)) - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /** Timers that were set and have neither run nor been cleared; 0 is what a closed thing leaves behind. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  setTimeout(callback: () => void, milliseconds: number): Timer {
    const wait = Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
    const timer: ManualTimer = { due: this.#now + wait, run: callback };
    let at = this.#timers.length;
    while (at > 0 && this.#timers[at - 1]!.due > timer.due) at--;
    this.#timers.splice(at, 0, timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    const at = this.#timers.indexOf(timer as ManualTimer);
    if (at !== -1) this.#timers.splice(at, 1);
  }

  /** Runs really, in the event loop's next turn: "after what has arrived was read" cannot be faked by a number. */
  setImmediate(callback: () => void): void {
    setImmediate(callback);
  }

  /**
   * Moves both clocks on and runs what is due on the way, timers set by timers included, before it returns.
   * A callback that throws stops the clock at its time.
   */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0))
      throw new RangeError(`A clock advances by 0 ms or more, not by ${milliseconds}.`);
    if (this.#advancing) throw new Error('advance() was called from a timer of the same clock.');
    const target = this.#now + milliseconds;
    this.#advancing = true;
    try {
      for (let next = this.#timers[0]; next !== undefined && next.due <= target; next = this.#timers[0]) {
        this.#timers.shift();
        this.#now = Math.max(this.#now, next.due);
        next.run();
      }
      this.#now = target;
    } finally {
      this.#advancing = false;
    }
  }

  /** Moves the wall clock alone, as a leap second or an administrator does; negative is back. */
  leap(milliseconds: number): void {
    this.#wallOffset += milliseconds;
  }

  /** Lets the event loop turn, twice unless told otherwise: sockets are read and immediates have run. */
  async settle(turns = 2): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
