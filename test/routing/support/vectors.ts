/** Reads the placements in `test/vectors` and the configurations in `test/samples`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../../../lib/core/base/address.js';
import type { Router } from '../../../lib/core/routing/router.js';
import { routedNode, type Topology } from '../../../lib/core/routing/topology.js';

/** A key and the index of the node it belongs to. */
export type Placement = readonly [key: string, index: number];

export interface ListedServer {
  host?: string;
  port?: number;
  path?: string;
  weight: number;
  name?: string | null;
}

export function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(join(__dirname, '../../vectors', file), 'utf8')) as T;
}

export function sample(file: string): string {
  return readFileSync(join(__dirname, '../../samples', file), 'utf8');
}

export function topologyOf(servers: readonly (string | ListedServer)[]): Topology {
  return servers.map((server) => {
    if (typeof server === 'string') return routedNode(parseAddress(server));
    if (server.path !== undefined) return routedNode({ path: server.path }, server.weight);
    return routedNode({ host: server.host!, port: server.port! }, server.weight);
  });
}

/** Node names to the names given in a proxy's configuration. */
export function givenNames(servers: readonly ListedServer[]): Record<string, string> {
  const nodes = topologyOf(servers);
  return Object.fromEntries(
    servers.flatMap((server, i) => (server.name ? [[nodes[i]!.name, server.name]] : [])),
  );
}

/** What the router says, in the shape of the vectors, so that a failure shows the keys that differ. */
export function placements(router: Router, keys: readonly Placement[]): Placement[] {
  return keys.map(([key]) => [key, router.pick(key)]);
}

/** How many of `key:0`, `key:1` ... each node gets. */
export function counts(router: Router, keys: number): number[] {
  const result = new Array<number>(router.size).fill(0);
  for (let i = 0; i < keys; i++) result[router.pick(`key:${i}`)]!++;
  return result;
}
