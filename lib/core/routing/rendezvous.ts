/**
 * Rendezvous (highest random weight) hashing: every node scores the key and the best score has it. A node
 * that goes gives its keys to the runners-up, and no other key moves.
 *
 * Agrees with pymemcache's `HashClient`: the score is murmur3 over `<host>:<port>-<key>`, character by
 * character instead of by UTF-8, and of equal scores the greater name wins. Weights are an addition of
 * ours: where they differ, a score is stretched so that shares are in proportion to the weights.
 */
import { Murmur3Prefix, packLowBytes } from './hashes/murmur.js';
import type { Router } from './router.js';
import { type RoutedNode, type Topology, weighsEqually } from './topology.js';

interface Candidate {
  readonly name: string;
  readonly prefix: Murmur3Prefix;
  readonly weight: number;
}

/** The key in hand. Longer ones, which no server takes, get memory of their own. */
const scratch = new Int32Array(256);

export class RendezvousRouter implements Router {
  readonly size: number;
  readonly #candidates: readonly Candidate[];
  readonly #equal: boolean;

  constructor(nodes: Topology) {
    this.size = nodes.length;
    this.#equal = weighsEqually(nodes);
    this.#candidates = nodes.map((node) => {
      const name = pymemcacheName(node);
      const words = new Int32Array(name.length + 1);
      const prefix = new Murmur3Prefix(words, packLowBytes(`${name}-`, words));
      return { name, prefix, weight: node.weight };
    });
  }

  pick(key: string): number {
    return this.#best(key, undefined);
  }

  pickUsable(key: string, usable: (index: number) => boolean): number {
    return this.#best(key, usable);
  }

  #best(key: string, usable: ((index: number) => boolean) | undefined): number {
    const words = key.length < scratch.length * 4 ? scratch : new Int32Array(key.length);
    const length = packLowBytes(key, words);
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < this.#candidates.length; index++) {
      const candidate = this.#candidates[index]!;
      const hash = candidate.prefix.finish(words, length);
      const score = this.#equal ? hash : stretch(hash, candidate.weight);
      if (score < bestScore) continue;
      if (score === bestScore && candidate.name <= this.#candidates[best]!.name) continue;
      if (usable !== undefined && !usable(index)) continue;
      best = index;
      bestScore = score;
    }
    return best;
  }
}

/** Makes a uniform hash into a score whose chance to be the highest is in proportion to the weight. */
function stretch(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 2 ** 32);
}

function pymemcacheName(node: RoutedNode): string {
  return node.path ?? `${node.host}:${node.port}`;
}
