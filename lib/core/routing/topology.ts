/**
 * A topology: the nodes there are, in order, as one value that is replaced and never changed. A router
 * answers with indexes into the list it was made from, and means nothing for any other list.
 *
 * Where topologies come from is discovery's part; what to do with the nodes is the pool's.
 */
import { type Address, formatAddress } from '../base/address.js';
import { MemcachedOptionError } from '../base/errors.js';

/** A node as routing sees it: either `host` and `port`, or `path`. */
export interface RoutedNode {
  /** `host:port`, `[v6]:port` or `unix:/path`. Unique within its topology. */
  readonly name: string;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** Path of a unix socket. */
  readonly path: string | undefined;
  /** Share relative to the other nodes: a whole number from 1 to {@link MAX_WEIGHT}. */
  readonly weight: number;
}

export type Topology = readonly RoutedNode[];

export const MAX_WEIGHT = 1_000_000;

export function routedNode(address: Address, weight = 1): RoutedNode {
  return {
    name: formatAddress(address),
    host: address.host,
    port: address.port,
    path: address.path,
    weight,
  };
}

/**
 * Refuses what no distribution can work with.
 * @throws MemcachedOptionError when there is no node, a name occurs twice, or a weight is out of range.
 */
export function checkTopology(nodes: Topology): void {
  if (nodes.length === 0) throw new MemcachedOptionError('There is no node to route to; give at least one.');
  const names = new Set<string>();
  for (const node of nodes) {
    if (names.has(node.name)) {
      throw new MemcachedOptionError(
        `The node ${node.name} is listed twice; list it once and give it more weight instead.`,
      );
    }
    names.add(node.name);
    if (!Number.isInteger(node.weight) || node.weight < 1 || node.weight > MAX_WEIGHT) {
      throw new MemcachedOptionError(
        `The weight of ${node.name} must be a whole number from 1 to ${MAX_WEIGHT}, not ${node.weight}.`,
      );
    }
  }
}

/** Whether all nodes weigh the same, so that weights change nothing. */
export function weighsEqually(nodes: Topology): boolean {
  return nodes.every((node) => node.weight === nodes[0]?.weight);
}
