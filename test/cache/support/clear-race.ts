/**
 * Reads, loads, sets and clears side by side, and counts what must not be: a value whose load began before a
 * clear was called, seen by a read that began after that clear was confirmed. A load beside a clear may come
 * before it or after it, so nothing is said of those.
 */
import type { MemcachedCache } from '../../../lib/cache/cache.js';

interface Loaded {
  /** How many clears had been called when its load began. */
  clearsBefore: number;
}

export class ClearRace {
  wrong = 0;
  #called = 0;
  /** The latest clear, by the order of the calls, that is confirmed. */
  #confirmed = 0;

  constructor(readonly keys: readonly string[]) {}

  async run(cache: MemcachedCache, steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const key = this.keys[among(this.keys.length)]!;
      if (among(10) === 0) await this.#clear(cache);
      if (among(10) === 0) await cache.set(key, { clearsBefore: Number.POSITIVE_INFINITY });
      const confirmed = this.#confirmed;
      const seen =
        among(2) === 0 ? await cache.get<Loaded>(key) : await cache.getOrSet(key, () => this.#load());
      if (seen !== undefined && seen.clearsBefore < confirmed) this.wrong++;
    }
  }

  async #clear(cache: MemcachedCache): Promise<void> {
    const mine = ++this.#called;
    if (await cache.clear()) this.#confirmed = Math.max(this.#confirmed, mine);
  }

  async #load(): Promise<Loaded> {
    const clearsBefore = this.#called;
    await new Promise<void>((resolve) => setImmediate(resolve));
    return { clearsBefore };
  }
}

function among(count: number): number {
  return Math.floor(Math.random() * count);
}
