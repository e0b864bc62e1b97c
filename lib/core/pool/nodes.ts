/**
 * The pool's nodes as they come and go: makes them, tells about them, takes them out of use.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Turn } from '../base/turn.js';
import { Node } from '../node/node.js';
import { ClassicProtocol, MetaProtocol, ProxyProtocol } from '../protocol/text-protocols.js';
import { createRouter } from '../routing/create.js';
import type { Dispatcher } from './dispatcher.js';
import {
  type CheckedPoolOptions,
  checkNodes,
  type NodeOptions,
  type NodeSpec,
  readNodes,
  toRouted,
} from './options.js';
import type { NodeStateChange, NodeStatus } from './types.js';

export class Nodes {
  readonly #options: CheckedPoolOptions;
  readonly #turn: Turn;
  readonly #dispatcher: Dispatcher;
  readonly #announce: (change: NodeStateChange) => void;
  readonly #byName = new Map<string, { node: Node; spec: NodeSpec }>();
  /** On their way out, still finishing. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(
    options: CheckedPoolOptions,
    turn: Turn,
    dispatcher: Dispatcher,
    announce: (change: NodeStateChange) => void,
  ) {
    this.#options = options;
    this.#turn = turn;
    this.#dispatcher = dispatcher;
    this.#announce = announce;
    this.#use(options.nodes);
  }

  /** @throws MemcachedOptionError; nothing has changed then. */
  replace(given: string | readonly (string | NodeOptions)[]): void {
    this.#use(checkNodes(readNodes(given), this.#options, 'setNodes()'));
  }

  #use(specs: readonly NodeSpec[]): void {
    const { distribution, ketama, modula, onBlacklisted } = this.#options;
    const router = createRouter(distribution, specs.map(toRouted), { ketama, modula });
    const stay = new Set(specs.filter((spec) => this.#isSame(spec)).map((spec) => spec.name));
    for (const [name, { node }] of this.#byName) {
      if (stay.has(name)) continue;
      this.#byName.delete(name);
      this.#retire(node, 'the node was removed from the pool');
    }
    const nodes = specs.map((spec) => {
      const node = this.#byName.get(spec.name)?.node ?? this.#make(spec);
      this.#byName.set(spec.name, { node, spec });
      return node;
    });
    this.#dispatcher.route(nodes, router, onBlacklisted === 'next');
  }

  #isSame(spec: NodeSpec): boolean {
    const known = this.#byName.get(spec.name)?.spec;
    return (
      known !== undefined &&
      isDeepStrictEqual(known.tls, spec.tls) &&
      isDeepStrictEqual(known.auth, spec.auth) &&
      known.weight === spec.weight
    );
  }

  #make(spec: NodeSpec): Node {
    const options = this.#options;
    const protocols = {
      meta: new MetaProtocol(options.maxValueSize),
      classic: new ClassicProtocol(options.maxValueSize),
      proxy: new ProxyProtocol(options.maxValueSize),
    };
    return new Node({
      ...options,
      weight: spec.weight,
      connection: {
        pool: options.name,
        node: spec.name,
        address: spec.address,
        tls: spec.tls,
        auth: spec.auth,
        protocol: options.protocol,
        connectTimeout: options.connectTimeout,
        turn: this.#turn,
        gather: options.distribution !== 'round-robin',
        protocolFor: (dialect) => protocols[dialect],
      },
      moved: (node, { from, to, reason }) =>
        this.#announce({ pool: options.name, node: node.name, from, to, reason }),
    });
  }

  #retire(node: Node, why: string): Promise<void> {
    const leaving = this.#finish(node, why).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return leaving;
  }

  async #finish(node: Node, why: string): Promise<void> {
    const { clock, closeTimeout } = this.#options;
    let cut: () => void = () => {};
    const timer = clock.setTimeout(() => cut(), closeTimeout);
    const outOfTime = new Promise<void>((resolve) => {
      cut = resolve;
    });
    await Promise.race([node.drain(), outOfTime]);
    clock.clearTimeout(timer);
    node.destroy(why);
  }

  async close(): Promise<void> {
    this.#dispatcher.closing = true;
    for (const { node } of this.#byName.values()) this.#retire(node, 'the pool was closed');
    await Promise.all(this.#leaving);
  }

  status(): NodeStatus[] {
    const { clock } = this.#options;
    const wall = (at: number) => Math.round(clock.wallNow() + (at - clock.now()));
    return this.#dispatcher.nodes.map((node) => {
      const { state, reason, since, until } = node.blacklist;
      const { dialect } = node;
      return {
        name: node.name,
        state,
        reason,
        since: wall(since),
        until: until === undefined ? undefined : wall(until),
        sockets: node.socketCount,
        pending: node.pending,
        protocol: dialect === 'proxy' ? 'classic' : dialect,
        weight: node.weight,
      };
    });
  }
}
