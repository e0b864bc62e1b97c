/**
 * The database of the demo, and the only one for the whole fleet: it counts how often it was asked, and like any
 * database it gets slower the more it is asked at once.
 */

/** What a load takes alone, in milliseconds. */
export const ALONE = 100;
/** So many other loads make it twice as slow. */
export const HALF_SPEED_AT = 8;

/** Loads that begin within this time after another one, in milliseconds, are of the same expiry. */
const SAME_EXPIRY = 500;

export class Database {
  /** When each load began, in milliseconds since {@link forget}. */
  starts = [];
  #since = performance.now();
  #running = 0;
  #serials = 0;

  /** What is counted is counted from now on. */
  forget() {
    this.starts = [];
    this.#since = performance.now();
  }

  /** Resolves to the page, when it is done. */
  async load(key) {
    this.starts.push(performance.now() - this.#since);
    const takes = ALONE * (1 + this.#running / HALF_SPEED_AT);
    this.#running++;
    await new Promise((resolve) => setTimeout(resolve, takes));
    this.#running--;
    return { key, serial: ++this.#serials, at: Date.now(), body: 'x'.repeat(500) };
  }
}

/**
 * How many expiries these loads were for. A value lives for more than a second, and the first load of an expiry is
 * stored long before half a second has passed: who begins to load within it came for the same expiry.
 */
export function expiriesIn(starts) {
  return starts.filter((at, index) => index === 0 || at - starts[index - 1] >= SAME_EXPIRY).length;
}
