/**
 * The seam between the pool and a distribution: a key goes in, the index of a node comes out. Every call is
 * synchronous and leaves no garbage, because it stands in the way of every request.
 *
 * A router knows nothing of sockets or the blacklist; which nodes are usable is asked, never remembered.
 */
import type { Topology } from './topology.js';

export interface Router {
  /** How many nodes there are: every index is below it. */
  readonly size: number;

  /** Index of the node the key belongs to. -1 only where a vbucket has nobody. */
  pick(key: string): number;

  /**
   * The node the key belongs to if `usable` says yes to it, otherwise the next usable one in the
   * distribution's own order for this key; -1 when none is. `usable` must not call the router.
   */
  pickUsable(key: string, usable: (index: number) => boolean): number;

  /** Where routing does not depend on the key: moves on to the next node. Called once per tick. */
  turn?(): void;
}

/** A distribution of one's own. */
export interface CustomDistribution {
  /** Its name in errors. */
  readonly name: string;
  /** Called for every topology. What it returns must keep the promises of {@link Router}. */
  create(nodes: Topology): Router;
}

/** One node takes everything, so nothing is hashed. */
export class SingleRouter implements Router {
  readonly size = 1;

  pick(_key: string): number {
    return 0;
  }

  pickUsable(_key: string, usable: (index: number) => boolean): number {
    return usable(0) ? 0 : -1;
  }
}
