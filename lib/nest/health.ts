/**
 * One word for how the pools are, with the nodes it was made from. It asks nobody: it reads what the pools
 * know from their own traffic and probes. Talking to Terminus belongs to the layer above.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { NodeStatus } from '../core/pool/types.js';
import { MemcachedPoolRegistry } from './registry.js';

export interface MemcachedNodeHealth extends NodeStatus {
  /** Name of the pool the node belongs to. */
  pool: string;
}

export interface MemcachedHealthSummary {
  /**
   * `up`: no node is blacklisted (one that nobody has asked yet counts as up). `down`: every node is, or there
   * is none. `degraded`: something in between; the application still serves.
   */
  status: 'up' | 'degraded' | 'down';
  nodes: MemcachedNodeHealth[];
}

@Injectable()
export class MemcachedHealth {
  readonly #registry: MemcachedPoolRegistry;

  constructor(@Inject(MemcachedPoolRegistry) registry: MemcachedPoolRegistry) {
    this.#registry = registry;
  }

  /**
   * @param pool - name of one pool; without it all pools of the application are summed up as one
   * @throws MemcachedOptionError when there is no pool of that name.
   */
  summary(pool?: string): MemcachedHealthSummary {
    const names = pool === undefined ? this.#registry.names() : [pool];
    const nodes = names.flatMap((name) =>
      this.#registry
        .pool(name)
        .nodes()
        .map((node) => ({ ...node, pool: name })),
    );
    const blacklisted = nodes.filter((node) => node.state === 'blacklisted').length;
    if (blacklisted === nodes.length) return { status: 'down', nodes };
    return { status: blacklisted === 0 ? 'up' : 'degraded', nodes };
  }
}
