/**
 * Since when a stale item has been seen in the same state, with its right to refill taken: longer than a right
 * is held, and its holder is dead.
 *
 * Invariant: bounded; forgetting one only makes it be noticed later.
 */
const MOST = 1_000;

export class Sightings {
  readonly #seen = new Map<string, { cas: bigint; since: number }>();

  /** How long the item has been seen like this, in milliseconds; 0 for the first time. */
  since(key: string, cas: bigint, now: number): number {
    const known = this.#seen.get(key);
    if (known?.cas === cas) return now - known.since;
    this.#seen.delete(key);
    if (this.#seen.size >= MOST) this.#seen.delete(this.#seen.keys().next().value as string);
    this.#seen.set(key, { cas, since: now });
    return 0;
  }

  get size(): number {
    return this.#seen.size;
  }
}
