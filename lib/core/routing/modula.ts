/**
 * Hash modulo the number of places. Simple and even, but a node more or less moves nearly every key; it is
 * here to agree with what is deployed.
 */
import { MemcachedOptionError } from '../base/errors.js';
import { type KeyHash, keyHash } from './hashes/key-hash.js';
import type { CheckedModulaOptions } from './options.js';
import type { Router } from './router.js';
import { type Topology, weighsEqually } from './topology.js';

export class ModulaRouter implements Router {
  readonly size: number;
  readonly #hash: KeyHash;
  readonly #places: number;
  /**
   * The place at which the next node's places begin, by node; `undefined` when each has one place. twemproxy
   * lays as many places as a node weighs side by side.
   */
  readonly #ends: Float64Array | undefined;

  constructor(nodes: Topology, options: CheckedModulaOptions) {
    this.size = nodes.length;
    this.#hash = keyHash(options.keyHash, options.hashTag);
    if (options.compatible !== 'twemproxy') {
      if (!weighsEqually(nodes)) {
        throw new MemcachedOptionError(
          `modula: 'libmemcached' knows no weights; give every node the same weight, or use compatible: ` +
            `'twemproxy' or the distribution 'ketama'.`,
        );
      }
      this.#places = nodes.length;
      return;
    }
    let places = 0;
    this.#ends = Float64Array.from(nodes, (node) => {
      places += node.weight;
      return places;
    });
    this.#places = places;
  }

  pick(key: string): number {
    const place = this.#hash(key) % this.#places;
    const ends = this.#ends;
    if (ends === undefined) return place;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  pickUsable(key: string, usable: (index: number) => boolean): number {
    const first = this.pick(key);
    for (let step = 0; step < this.size; step++) {
      const index = (first + step) % this.size;
      if (usable(index)) return index;
    }
    return -1;
  }
}
