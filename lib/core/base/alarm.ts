/**
 * One timer that can be set, is known to be set, and never rings after it was stopped.
 */
import type { Clock, Timer } from './clock.js';

export class Alarm {
  #timer: Timer | undefined;
  readonly #clock: Clock;
  readonly #ring: () => void;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Rings once after `milliseconds`, at least one turn later. Does nothing when it is set already. */
  set(milliseconds: number): void {
    this.#timer ??= this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#ring();
      },
      Math.max(1, Math.ceil(milliseconds)),
    );
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Calls back after the loop has had the chance to read what is already there. Timers come before reads in a
 * turn, so after a stall a deadline would else fire before the answer that waits in the kernel.
 */
export function afterReading(clock: Clock, callback: () => void): void {
  clock.setImmediate(() => clock.setImmediate(callback));
}
