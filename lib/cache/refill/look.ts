/**
 * What one look at a key has found: a value and how good it is, and who may refill it.
 *
 * Invariant: a look that is `fresh` or `stale` has a value that counted at some moment after the look began. Who
 * holds a right has to use it or give it back.
 */
import type { Asked } from '../stamps.js';
import type { Order } from './order.js';
import type { Right } from './rights.js';

export interface Look {
  /** `error`: it could not be read, which has been counted and told. */
  readonly kind: 'fresh' | 'stale' | 'nothing' | 'error';
  readonly value: unknown;
  /** The right to refill, if this look won it. */
  readonly right: Right | undefined;
  /** What may be stored without having won: where nothing else has been seen to change. */
  readonly weak: Right | undefined;
  /** Under what a value may be stored that is loaded after the look; `undefined`: it must not be stored. */
  readonly asked: Asked | undefined;
}

/** A way to look at keys: by leases, with a lock beside the value, or alone. */
export interface Looker {
  /**
   * @param asked - begun in this turn, so that both are read in one
   * @throws what the pool does
   */
  look(order: Order, asked: Asked): Promise<Look>;
}

export const NOT_READ: Look = {
  kind: 'error',
  value: undefined,
  right: undefined,
  weak: undefined,
  asked: undefined,
};
