/**
 * Where time comes from. Everything that waits or measures is handed a {@link Clock}, so that tests can
 * move it by hand; nothing below `lib/core` calls `Date.now`, `performance.now` or `setTimeout` itself.
 */

/** What {@link Clock.setTimeout} returns; opaque to the caller. */
export interface Timer {
  ref?(): unknown;
  unref?(): unknown;
}

export interface Clock {
  /** Monotonic milliseconds since an arbitrary start. Never goes back, not even over a leap second. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for what a server must understand (expiry times). */
  wallNow(): number;
  setTimeout(callback: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer): void;
  /** Runs `callback` after the event loop has had the chance to read what has arrived. */
  setImmediate(callback: () => void): void;
}

/** Node's timers hold no more; beyond it they ring at once instead of late. About 24.8 days. */
const LONGEST_TIMER = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, Math.min(milliseconds, LONGEST_TIMER)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: (callback) => {
    setImmediate(callback);
  },
};
