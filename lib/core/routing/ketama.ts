/**
 * Consistent hashing: every node owns points on a ring of 2^32 places, and a key belongs to the owner of
 * the first point at or behind its hash.
 *
 * Invariant: `#points` is sorted and `#owners[i]` owns `#points[i]`; both are made once. Where the points
 * lie is dictated to the bit by the library to agree with, its single-precision arithmetic included.
 */
import { DEFAULT_PORT, formatAddress } from '../base/address.js';
import { MemcachedOptionError } from '../base/errors.js';
import { hashKey } from './hashes/key-bytes.js';
import { byteHash, type KeyHash, keyHash } from './hashes/key-hash.js';
import { md5Words } from './hashes/md5.js';
import type { CheckedKetamaOptions } from './options.js';
import type { Router } from './router.js';
import { type RoutedNode, type Topology, weighsEqually } from './topology.js';

/** Points of a node of average weight on a weighted ring, four to an MD5 digest. */
const WEIGHTED_POINTS = 160;
/** Points of a node on libmemcached's plain ring. */
const PLAIN_POINTS = 100;
/** A place on the ring and the order of its owner share the 53 bits of a number while they are sorted. */
const ORDER_LIMIT = 2 ** 21;

export class KetamaRouter implements Router {
  readonly size: number;
  readonly #hash: KeyHash;
  readonly #points: Uint32Array;
  readonly #owners: Uint32Array;
  /** Number of the last walk that met a node, so that a walk asks about each node once. */
  readonly #met: Float64Array;
  #walk = 0;

  constructor(nodes: Topology, options: CheckedKetamaOptions) {
    this.size = nodes.length;
    this.#hash = keyHash(options.keyHash, options.hashTag);
    this.#met = new Float64Array(nodes.length);
    const ring = makeRing(nodes, options);
    this.#points = ring.points;
    this.#owners = ring.owners;
  }

  pick(key: string): number {
    return this.#owners[this.#place(key)]!;
  }

  pickUsable(key: string, usable: (index: number) => boolean): number {
    const start = this.#place(key);
    const first = this.#owners[start]!;
    if (usable(first)) return first;
    const walk = ++this.#walk;
    this.#met[first] = walk;
    let unmet = this.size - 1;
    const end = start + this.#owners.length;
    for (let at = start + 1; at < end && unmet > 0; at++) {
      const owner = this.#owners[at % this.#owners.length]!;
      if (this.#met[owner] === walk) continue;
      if (usable(owner)) return owner;
      this.#met[owner] = walk;
      unmet--;
    }
    // A node whose weight is too small for a single point comes last.
    for (let index = 0; index < this.size && unmet > 0; index++) {
      if (this.#met[index] !== walk && usable(index)) return index;
    }
    return -1;
  }

  /** Place in the ring of the first point at or behind the key's hash. */
  #place(key: string): number {
    const hash = this.#hash(key);
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}

function makeRing(
  nodes: Topology,
  options: CheckedKetamaOptions,
): { points: Uint32Array; owners: Uint32Array } {
  const { compatible } = options;
  checkNames(nodes, options.names);
  if (compatible === 'couchbase' && !weighsEqually(nodes)) {
    throw new MemcachedOptionError(
      "ketama: 'couchbase' knows no weights; give every node the same weight or leave them out.",
    );
  }
  // Where two points fall together the earlier node has it: earlier in the list, but libvbucket sorts.
  const order = Array.from(nodes, (_, index) => index);
  const names = nodes.map((node) => ringName(node, options));
  if (compatible === 'couchbase') order.sort((a, b) => (names[a]! < names[b]! ? -1 : 1));

  const entries: number[] = [];
  const weighted = isWeighted(nodes, options);
  const total = nodes.reduce((sum, node) => sum + node.weight, 0);
  const plainHash = byteHash(options.keyHash);
  const words = new Uint32Array(4);
  for (const [position, index] of order.entries()) {
    const name = names[index]!;
    if (!weighted) {
      for (let i = 0; i < PLAIN_POINTS; i++)
        entries.push(hashKey(plainHash, `${name}-${i}`) * ORDER_LIMIT + position);
      continue;
    }
    const digests =
      compatible === 'couchbase' ? WEIGHTED_POINTS / 4 : digestsOf(nodes[index]!.weight, total, nodes.length);
    for (let i = 0; i < digests; i++) {
      const point = Buffer.from(`${name}-${i}`);
      md5Words(point, point.length, words);
      for (const word of words) entries.push(word * ORDER_LIMIT + position);
    }
  }

  const sorted = Float64Array.from(entries).sort();
  return {
    points: Uint32Array.from(sorted, (entry) => Math.floor(entry / ORDER_LIMIT)),
    owners: Uint32Array.from(sorted, (entry) => order[entry % ORDER_LIMIT]!),
  };
}

/**
 * How many digests a node of this weight puts on the ring. libmemcached computes it in C floats; in doubles
 * some weights would come out one digest apart.
 */
function digestsOf(weight: number, total: number, nodes: number): number {
  const single = Math.fround;
  const share = single(single(weight) / single(total));
  const digests = single(single(single(share * WEIGHTED_POINTS) / 4) * single(nodes));
  return Math.floor(single(digests + 0.0000000001));
}

function isWeighted(nodes: Topology, { compatible }: CheckedKetamaOptions): boolean {
  if (compatible !== 'libmemcached' && compatible !== 'libmemcached-spy') return true;
  return nodes.some((node) => node.weight > 1);
}

/** What a node is called on the ring; its points are the hashes of this name with `-0`, `-1` and so on. */
function ringName(node: RoutedNode, { compatible, names }: CheckedKetamaOptions): string {
  const given = names !== undefined && Object.hasOwn(names, node.name) ? names[node.name] : undefined;
  if (given !== undefined) return given;
  if (node.path !== undefined) {
    // libmemcached keeps a socket's path as the host, with port 0. twemproxy 0.5.0 takes the path for a host
    // whose port has no digits, and keeps the colon.
    if (compatible === 'twemproxy') return `${node.path}:`;
    return compatible === 'libmemcached-spy' ? `/${node.path}:0` : `${node.path}:0`;
  }
  if (compatible === 'couchbase') return formatAddress({ host: node.host!, port: node.port! });
  if (compatible === 'libmemcached-spy') return `/${node.host}:${node.port}`;
  return node.port === DEFAULT_PORT ? node.host! : `${node.host}:${node.port}`;
}

function checkNames(nodes: Topology, names: Readonly<Record<string, string>> | undefined): void {
  for (const name of Object.keys(names ?? {})) {
    if (nodes.some((node) => node.name === name)) continue;
    throw new MemcachedOptionError(
      `ketama: "names" has an entry for ${JSON.stringify(name)}, which is no node; the nodes are ` +
        `${nodes.map((node) => node.name).join(', ')}.`,
    );
  }
}
