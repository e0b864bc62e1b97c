/**
 * Nodes in turn, for nodes that share one key space: any of them may take any key.
 *
 * The turn changes only in {@link RoundRobinRouter.turn}, once per tick and not per request, so that
 * requests of one tick travel together. Weights are honoured smoothly: 3 and 1 take turns as a a b a, not
 * a a a b.
 */
import type { Router } from './router.js';
import type { Topology } from './topology.js';

export class RoundRobinRouter implements Router {
  readonly size: number;
  readonly #weights: Float64Array;
  /** How much each node has coming: grows by its weight per turn, and who takes a turn pays for all. */
  readonly #credit: Float64Array;
  /** The same among those who stand in for a node that is not usable. */
  readonly #deputyCredit: Float64Array;
  readonly #total: number;
  #current = 0;
  /** Who stands in for {@link #current} during this turn; -1 while nobody had to. */
  #deputy = -1;

  constructor(nodes: Topology) {
    this.size = nodes.length;
    this.#weights = Float64Array.from(nodes, (node) => node.weight);
    this.#credit = new Float64Array(nodes.length);
    this.#deputyCredit = new Float64Array(nodes.length);
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.turn();
  }

  turn(): void {
    let richest = 0;
    for (let index = 0; index < this.size; index++) {
      this.#credit[index]! += this.#weights[index]!;
      if (this.#credit[index]! > this.#credit[richest]!) richest = index;
    }
    this.#credit[richest]! -= this.#total;
    this.#current = richest;
    this.#deputy = -1;
  }

  pick(_key: string): number {
    return this.#current;
  }

  /**
   * The turn of a node that is not usable goes to another for its whole length, and such turns are dealt
   * among the usable ones by weight: the neighbour of a dead node does not carry its load alone.
   */
  pickUsable(_key: string, usable: (index: number) => boolean): number {
    if (usable(this.#current)) return this.#current;
    if (this.#deputy !== -1 && usable(this.#deputy)) return this.#deputy;
    let total = 0;
    let richest = -1;
    for (let index = 0; index < this.size; index++) {
      if (!usable(index)) continue;
      total += this.#weights[index]!;
      this.#deputyCredit[index]! += this.#weights[index]!;
      if (richest === -1 || this.#deputyCredit[index]! > this.#deputyCredit[richest]!) richest = index;
    }
    if (richest !== -1) this.#deputyCredit[richest]! -= total;
    this.#deputy = richest;
    return richest;
  }
}
