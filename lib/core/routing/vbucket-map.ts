/**
 * Which server owns which vbucket: a value, made from a configuration and never changed.
 *
 * Invariant: every entry is the index of a server or -1 for nobody, and the number of vbuckets is a power of
 * two. Reading configurations is `cluster-config.ts`; choosing a node is `vbucket.ts`.
 */
import { crc32Upper } from './hashes/crc32.js';
import { hashKey } from './hashes/key-bytes.js';

/** At most this many replicas, here and in libvbucket. */
export const MAX_REPLICAS = 4;
export const MAX_VBUCKETS = 65_536;

/** One vbucket's servers: the master, then the replicas; -1 is nobody. */
export type VbucketRow = readonly number[];

export class VbucketMap {
  /** How many vbuckets there are. */
  readonly size: number;
  /** How many servers the entries point into. */
  readonly servers: number;
  readonly replicas: number;
  /** Row after row, `1 + replicas` entries each. */
  readonly #owners: Int16Array;
  /** The rows that will be valid when a rebalance is over, if the cluster announced them. */
  readonly #forward: Int16Array | undefined;
  /** Whether a server owns anything at all, as master or replica. */
  readonly #owning: Uint8Array;

  /** Takes checked rows: see `cluster-config.ts`. Missing replicas are nobody. */
  static of(
    servers: number,
    replicas: number,
    rows: readonly VbucketRow[],
    forward?: readonly VbucketRow[],
  ): VbucketMap {
    const owners = flatten(rows, replicas + 1);
    const owning = new Uint8Array(servers);
    for (const server of owners) if (server !== -1) owning[server] = 1;
    return new VbucketMap(
      servers,
      replicas,
      owners,
      forward === undefined ? undefined : flatten(forward, replicas + 1),
      owning,
    );
  }

  private constructor(
    servers: number,
    replicas: number,
    owners: Int16Array,
    forward: Int16Array | undefined,
    owning: Uint8Array,
  ) {
    this.size = owners.length / (replicas + 1);
    this.servers = servers;
    this.replicas = replicas;
    this.#owners = owners;
    this.#forward = forward;
    this.#owning = owning;
  }

  /** The vbucket of a key: bits 16 to 30 of its CRC-32, cut to the number of vbuckets. */
  vbucketOf(key: string): number {
    return hashKey(crc32Upper, key) & (this.size - 1);
  }

  /** Index of the server that takes reads and writes of the vbucket; -1 when nobody does. */
  masterOf(vbucket: number): number {
    return this.#owners[vbucket * (this.replicas + 1)]!;
  }

  /** Index of the server of the n-th replica, counted from 0; -1 when there is none. */
  replicaOf(vbucket: number, replica: number): number {
    return replica < this.replicas ? this.#owners[vbucket * (this.replicas + 1) + 1 + replica]! : -1;
  }

  /**
   * The map to go on with after `server` answered "not my vbucket" without sending a better one: the
   * announced row if there is one; otherwise, only if `server` still is the master, the next server that
   * owns anything. The same map when there is nothing better to guess. Right or wrong, a guess lasts until the
   * next configuration.
   */
  afterNotMyVbucket(vbucket: number, server: number): VbucketMap {
    const start = vbucket * (this.replicas + 1);
    const width = this.replicas + 1;
    const announced = this.#forward?.subarray(start, start + width);
    if (announced !== undefined && announced[0] !== -1) {
      return announced.every((owner, i) => owner === this.#owners[start + i])
        ? this
        : this.#with(start, announced);
    }
    if (this.masterOf(vbucket) !== server) return this;
    for (let step = 1; step < this.servers; step++) {
      const guess = (server + step) % this.servers;
      if (this.#owning[guess] === 1) return this.#with(start, [guess]);
    }
    return this;
  }

  #with(start: number, entries: ArrayLike<number>): VbucketMap {
    const owners = this.#owners.slice();
    owners.set(entries, start);
    return new VbucketMap(this.servers, this.replicas, owners, this.#forward, this.#owning);
  }
}

function flatten(rows: readonly VbucketRow[], width: number): Int16Array {
  const flat = new Int16Array(rows.length * width).fill(-1);
  for (const [i, row] of rows.entries()) flat.set(row.slice(0, width), i * width);
  return flat;
}
