/**
 * Reads, loads and ends of tags side by side, and counts what must not be: a value whose load began before an end
 * of its tag was called, seen by a read that began after that end was confirmed. A load beside an end may come
 * before it or after it, so nothing is said of those.
 */
import type { MemcachedCache } from '../../../lib/cache/cache.js';

interface Loaded {
  tag: string;
  /** How many ends of its tag had been called when its load began. */
  endsBefore: number;
}

interface Ends {
  called: number;
  /** The latest, by the order of the calls, that is confirmed. */
  confirmed: number;
}

export class TagRace {
  wrong = 0;
  hits = 0;
  readonly #ends = new Map<string, Ends>();

  constructor(readonly keys: readonly string[]) {}

  async run(cache: MemcachedCache, steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const key = this.keys[among(this.keys.length)]!;
      if (among(8) === 0) await this.#end(cache, `of ${this.keys[among(this.keys.length)]!}`);
      const tag = `of ${key}`;
      const { confirmed } = this.#of(tag);
      let isHit = true;
      const load = async (): Promise<Loaded> => {
        isHit = false;
        const endsBefore = this.#of(tag).called;
        await new Promise<void>((resolve) => setImmediate(resolve));
        return { tag, endsBefore };
      };
      const how = among(4);
      const seen =
        how === 0
          ? await cache.get<Loaded>(key)
          : await cache.getOrSet<Loaded>(key, load, { tags: how === 1 ? [tag] : (value) => [value.tag] });
      if (seen === undefined) continue;
      if (isHit) this.hits++;
      if (seen.endsBefore < confirmed) this.wrong++;
    }
  }

  async #end(cache: MemcachedCache, tag: string): Promise<void> {
    const ends = this.#of(tag);
    const mine = ++ends.called;
    const done = among(2) === 0 ? await cache.deleteByTag(tag) : await cache.expireByTag(tag);
    if (done) ends.confirmed = Math.max(ends.confirmed, mine);
  }

  #of(tag: string): Ends {
    let ends = this.#ends.get(tag);
    if (ends === undefined) {
      ends = { called: 0, confirmed: 0 };
      this.#ends.set(tag, ends);
    }
    return ends;
  }
}

function among(count: number): number {
  return Math.floor(Math.random() * count);
}
