/**
 * Makes the router for a topology. Called anew for every topology; routers hold nothing worth keeping.
 */
import { MemcachedOptionError } from '../base/errors.js';
import { KetamaRouter } from './ketama.js';
import { ModulaRouter } from './modula.js';
import {
  checkDistribution,
  checkKetamaOptions,
  checkModulaOptions,
  type Distribution,
  type KetamaOptions,
  type ModulaOptions,
} from './options.js';
import { RendezvousRouter } from './rendezvous.js';
import { RoundRobinRouter } from './round-robin.js';
import { type CustomDistribution, type Router, SingleRouter } from './router.js';
import { checkTopology, type Topology } from './topology.js';

/** Options by distribution; those of the ones not chosen are checked and otherwise left alone. */
export interface RoutingOptions {
  ketama?: KetamaOptions | undefined;
  modula?: ModulaOptions | undefined;
}

/**
 * @throws MemcachedOptionError when the distribution, its options or the nodes cannot be, or do not go
 *   together.
 */
export function createRouter(
  distribution: Distribution,
  nodes: Topology,
  options: RoutingOptions = {},
): Router {
  const checked = checkDistribution(distribution);
  const ketama = checkKetamaOptions(options.ketama);
  const modula = checkModulaOptions(options.modula);
  checkTopology(nodes);
  if (typeof checked === 'object') return createCustom(checked, nodes);
  const router = createBuiltIn(checked, nodes, ketama, modula);
  // Made before it is thrown away: one node must not hide a mistake that shows with the second.
  return nodes.length === 1 ? new SingleRouter() : router;
}

function createBuiltIn(
  distribution: Exclude<Distribution, CustomDistribution>,
  nodes: Topology,
  ketama: ReturnType<typeof checkKetamaOptions>,
  modula: ReturnType<typeof checkModulaOptions>,
): Router {
  switch (distribution) {
    case 'ketama':
      return new KetamaRouter(nodes, ketama);
    case 'modula':
      return new ModulaRouter(nodes, modula);
    case 'rendezvous':
      return new RendezvousRouter(nodes);
    case 'round-robin':
      return new RoundRobinRouter(nodes);
    default:
      return distribution satisfies never;
  }
}

function createCustom(distribution: CustomDistribution, nodes: Topology): Router {
  const router = distribution.create(nodes);
  if (typeof router?.pick !== 'function' || typeof router.pickUsable !== 'function') {
    throw new MemcachedOptionError(
      `The distribution "${distribution.name}" made no router; create() must return { size, pick, pickUsable }.`,
    );
  }
  if (router.size !== nodes.length) {
    throw new MemcachedOptionError(
      `The distribution "${distribution.name}" made a router of size ${router.size} for ${nodes.length} nodes.`,
    );
  }
  return new WatchedRouter(distribution.name, router);
}

/** Keeps a foreign router to its word: an index that is none must not end as a request without a node. */
class WatchedRouter implements Router {
  readonly size: number;
  readonly #name: string;
  readonly #router: Router;

  constructor(name: string, router: Router) {
    this.size = router.size;
    this.#name = name;
    this.#router = router;
  }

  pick(key: string): number {
    return this.#checked(this.#router.pick(key));
  }

  pickUsable(key: string, usable: (index: number) => boolean): number {
    return this.#checked(this.#router.pickUsable(key, usable));
  }

  turn(): void {
    this.#router.turn?.();
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= -1 && index < this.size) return index;
    throw new MemcachedOptionError(
      `The distribution "${this.#name}" picked node ${index}; there are ${this.size}, counted from 0.`,
    );
  }
}
