/**
 * Routing by a vbucket map: a key belongs to a vbucket, a vbucket to one server, its master. Replicas are
 * no second choice, because they refuse: what has no usable master has nobody until the next map.
 *
 * Invariant: indexes are those of the configuration's `servers`, which {@link clusterTopology} keeps in order.
 */
import { MemcachedOptionError } from '../base/errors.js';
import type { ClusterConfig } from './cluster-config.js';
import { createRouter } from './create.js';
import type { Router } from './router.js';
import { routedNode, type Topology } from './topology.js';
import type { VbucketMap } from './vbucket-map.js';

export class VbucketRouter implements Router {
  readonly size: number;
  readonly map: VbucketMap;

  constructor(map: VbucketMap) {
    this.size = map.servers;
    this.map = map;
  }

  pick(key: string): number {
    return this.map.masterOf(this.map.vbucketOf(key));
  }

  pickUsable(key: string, usable: (index: number) => boolean): number {
    const master = this.pick(key);
    return master !== -1 && usable(master) ? master : -1;
  }

  /** The number that goes with the key in every request. */
  vbucketOf(key: string): number {
    return this.map.vbucketOf(key);
  }

  /**
   * The router to go on with after `server` answered "not my vbucket"; this one when there is nothing better
   * to guess. See {@link VbucketMap.afterNotMyVbucket}.
   */
  onNotMyVbucket(vbucket: number, server: number): VbucketRouter {
    const map = this.map.afterNotMyVbucket(vbucket, server);
    return map === this.map ? this : new VbucketRouter(map);
  }
}

/**
 * The servers of a configuration as a topology, in its order.
 * @param tls - connect to the ports for TLS
 * @throws MemcachedOptionError when TLS is wanted and a server has no port for it.
 */
export function clusterTopology(config: ClusterConfig, tls = false): Topology {
  return config.servers.map((server) => {
    const port = tls ? server.tlsPort : server.port;
    if (port === undefined) {
      throw new MemcachedOptionError(
        `The cluster names no TLS port for ${server.host}:${server.port}; connect without TLS or enable it there.`,
      );
    }
    return routedNode({ host: server.host, port });
  });
}

/** The router for {@link clusterTopology} of the same configuration. */
export function clusterRouter(config: ClusterConfig): Router {
  if (config.locator === 'vbucket') return new VbucketRouter(config.map);
  // The ring hashes the unencrypted ports, whichever are connected to.
  return createRouter('ketama', clusterTopology(config), { ketama: { compatible: 'couchbase' } });
}
