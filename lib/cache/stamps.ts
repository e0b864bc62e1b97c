/**
 * What a stored item must match to count: the generation of its namespace and the versions of its tags, read
 * beside the item, in the same turn of the event loop.
 *
 * Invariant: what is judged valid belongs to the generation, and carries the tag versions, that were current
 * at some moment after the ask; what could not be read makes nothing valid. How such marks are kept, shared
 * and renewed is left to `generations.ts`.
 */
import type { CallOptions } from '../core/pool/types.js';
import { type Freshness, type Stamp, unseal } from './envelope.js';
import type { Current, Generations, Slot } from './generations.js';

/** What a stored item is worth. `expired`: its tag was expired; it may be served as stale. */
export type Judged =
  | { readonly kind: 'valid' | 'expired'; readonly value: unknown; readonly freshness: Freshness }
  /** Not there, not the cache's, or of a generation or tag version that is over. */
  | { readonly kind: 'nothing' }
  /** What it has to match could not be read, which has been told and logged already. */
  | { readonly kind: 'error' };

export const NOTHING: Judged = { kind: 'nothing' };
export const UNREAD: Judged = { kind: 'error' };

export class Stamps {
  constructor(readonly generations: Generations) {}

  /**
   * Begins to read, in this turn, what an item under `storedKey` has to match.
   *
   * @param tags - those known now; tags found in an item beyond them cost another round trip
   * @param later - `true` when {@link Asked.ensured} may be called with tags that are not known now
   */
  ask(storedKey: string, _tags: readonly string[], call: CallOptions, _later = false): Asked {
    const { generations } = this;
    const slot = generations.slot(storedKey);
    return new Asked(generations, slot, generations.current(slot, call), call);
  }
}

/** One question, and what may be done with its answer. Nothing here ever rejects. */
export class Asked {
  constructor(
    private readonly generations: Generations,
    private readonly slot: Slot,
    private readonly generation: Promise<Current>,
    private readonly call: CallOptions,
  ) {}

  /** What an item, as the pool gave it, is worth. */
  async judge(stored: unknown): Promise<Judged> {
    const generation = await this.generation;
    if (generation === undefined) return UNREAD;
    const unsealed = generation === null ? undefined : unseal(stored);
    if (unsealed === undefined || unsealed.stamp !== generation) return NOTHING;
    return { kind: 'valid', value: unsealed.value, freshness: unsealed.freshness };
  }

  /**
   * The stamp for something that is loaded after the ask. Makes what does not exist yet. `undefined`: it must
   * not be stored, because a mark could not be read or something it carries was invalidated meanwhile.
   */
  ensured(_tags: readonly string[]): Promise<Stamp | undefined> {
    return this.generations.orMade(this.generation, this.slot, this.call);
  }
}
