/**
 * Where work is under way, roughly: by a small number made of the key instead of the key. To be asked before every
 * read, where looking up the key would take longer than the answer is worth.
 *
 * Invariant: one key may be taken for another, so that something is said to be under way that is not; where
 * nothing is said, there is nothing.
 */

/** Many times as many as there is mostly work under way at once. */
const SLOTS = 4_096;
/** Of longer keys that much is looked at, at their ends and in their middles: what tells keys apart stands there mostly. */
const LOOKED_AT = 8;
const MIDDLE = 4;

/** @typeParam S - a solo: work that has its slot to itself when it begins */
export class Crowd<S> {
  readonly #solos: (S | undefined)[] = new Array(SLOTS).fill(undefined);
  /** How many flights each slot has. */
  readonly #flights = new Int32Array(SLOTS);

  /** The same for the same key; different keys may share it. */
  slotOf(key: string): number {
    const { length } = key;
    let hash = length;
    let at = 0;
    if (length > LOOKED_AT) {
      const middle = (length - MIDDLE) >> 1;
      for (at = middle; at < middle + MIDDLE; at++) hash = Math.imul(hash, 31) + key.charCodeAt(at);
      at = length - LOOKED_AT + MIDDLE;
    }
    for (; at < length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
    return (hash ^ (hash >>> 12)) & (SLOTS - 1);
  }

  isQuiet(slot: number): boolean {
    return this.#solos[slot] === undefined && this.#flights[slot] === 0;
  }

  soloAt(slot: number): S | undefined {
    return this.#solos[slot];
  }

  soloBegun(slot: number, solo: S): void {
    this.#solos[slot] = solo;
  }

  soloEnded(slot: number): void {
    this.#solos[slot] = undefined;
  }

  /** All that are under way. */
  solos(): S[] {
    return this.#solos.filter((solo) => solo !== undefined);
  }

  flightBegun(slot: number): void {
    this.#flights[slot]! += 1;
  }

  flightEnded(slot: number): void {
    this.#flights[slot]! -= 1;
  }
}
