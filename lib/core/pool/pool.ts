/**
 * MemcachedPool: the client's public face and its composition root. One call, one promise; which node,
 * which socket and which protocol are decided below.
 *
 * Calls that are not awaited one after the other may overtake each other when a node has several sockets.
 */
import { EventEmitter } from 'node:events';
import { nodeStateChannel } from '../base/channels.js';
import type { Duration } from '../base/durations.js';
import { MemcachedUnavailableError } from '../base/errors.js';
import { Turn } from '../base/turn.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Request, type RequestSink, Verb } from '../command/request.js';
import type { Codec } from '../value/codec.js';
import { VivifyingCounter } from './counters.js';
import { Dispatcher } from './dispatcher.js';
import { Leases } from './leases.js';
import { ManyCall, type ManyKind } from './many-calls.js';
import { askEveryNode } from './node-calls.js';
import { Nodes } from './nodes.js';
import {
  type CheckedPoolOptions,
  checkPoolOptions,
  type MemcachedPoolOptions,
  makeCodec,
  type NodeOptions,
} from './options.js';
import { CallPatience, ownTimeout } from './patience.js';
import { RequestFiller, toRouteKey } from './requests.js';
import { readValue, SingleCalls } from './single-calls.js';
import type {
  CallOptions,
  CasOutcome,
  CounterOptions,
  NodeStateChange,
  NodeStatus,
  StoreOptions,
  Versioned,
} from './types.js';

export interface MemcachedPoolEvents {
  nodeState: [NodeStateChange];
}

/**
 * A client for one set of memcached nodes. Every call rejects with a {@link MemcachedError} whose `code`,
 * `node` and `sent` say what happened; a miss is `undefined` and "not stored" is `false`, never an error.
 */
export class MemcachedPool extends EventEmitter<MemcachedPoolEvents> {
  /** Name of the pool in errors, events and health. */
  readonly name: string;
  readonly #options: CheckedPoolOptions;
  readonly #turn: Turn;
  readonly #codec: Codec;
  readonly #fill: RequestFiller;
  readonly #dispatcher: Dispatcher;
  readonly #calls: SingleCalls;
  readonly #nodes: Nodes;
  /** The right to refill a key, for caches: see {@link Leases}. */
  readonly leases: Leases;
  #closed: Promise<void> | undefined;

  /** @throws MemcachedOptionError when an option is unknown or cannot be. */
  constructor(options: MemcachedPoolOptions = {}) {
    super();
    const checked = checkPoolOptions(options);
    this.#options = checked;
    this.name = checked.name;
    this.#turn = new Turn(checked.clock);
    this.#codec = makeCodec(checked.values);
    this.#fill = new RequestFiller(this.#codec, checked.clock, checked.maxItemSize, checked.longKeys);
    this.#dispatcher = new Dispatcher({ ...checked, turn: this.#turn });
    this.#calls = new SingleCalls(this.#codec, this.#dispatcher);
    this.leases = new Leases(this.#dispatcher, this.#fill, this.#calls, this.#codec, (keys, options, kind) =>
      this.#many(new Set(keys), undefined, kind, options),
    );
    this.#nodes = new Nodes(checked, this.#turn, this.#dispatcher, (change) => this.#announce(change));
  }

  // ---- reading ----

  /** The value, or `undefined` when there is none. */
  get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    // The work stands outside: where what is given to a promise cannot throw, the engine makes no function to
    // reject it (170 bytes of 955 a get).
    let settle!: (value: T | undefined) => void;
    const answer = new Promise<T | undefined>((resolve) => {
      settle = resolve;
    });
    try {
      const wire = this.#fill.toWire(key);
      const node = this.#nodeFor(key, wire, options);
      node.admit(1, 0);
      this.#dispatcher.submit(new Request(Verb.get, wire, this.#calls, settle), node, options);
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The values that were found, by key. When a node failed it rejects with MemcachedPartialError, which
   * carries what was read (`values`) and what was not (`failed`).
   */
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    // A key that comes twice is answered twice, with the same. One key space behind several proxies: they may
    // not take many keys at once.
    const batches = !this.#dispatcher.sharesKeySpace;
    return this.#many<T>(
      keys,
      undefined,
      {
        name: 'getMany',
        batches,
        ask: (wire, _, sink) => new Request(Verb.get, wire, sink, ignore, ignore),
        read: (reply) => readFound(this.#codec, reply) as T | undefined,
      },
      options,
    );
  }

  /** The value with the token that {@link cas} compares. */
  gets<T = unknown>(key: string, options?: CallOptions): Promise<Versioned<T> | undefined> {
    return this.#call(Verb.gets, key, undefined, options);
  }

  /** Reads the value and gives it a new lifetime. */
  gat<T = unknown>(key: string, ttl: Duration, options?: CallOptions): Promise<T | undefined> {
    return this.#call(
      Verb.gat,
      key,
      (request) => {
        request.exptime = this.#fill.exptime(ttl);
      },
      options,
    );
  }

  // ---- writing ----

  /** Stores the value, whatever was there. */
  set(key: string, value: unknown, options?: StoreOptions): Promise<void> {
    return this.#store(Verb.set, key, value, options);
  }

  /** Stores every value. When a node failed it rejects with MemcachedPartialError, whose `failed` says which. */
  async setMany(entries: Iterable<readonly [string, unknown]>, options?: StoreOptions): Promise<void> {
    const values = new Map(entries);
    await this.#many<never>(
      values.keys(),
      values,
      {
        name: 'setMany',
        batches: false,
        ask: (wire, value, sink) => {
          const request = new Request(Verb.set, wire, sink, ignore, ignore);
          this.#fill.value(request, value, options);
          return request;
        },
        read: () => undefined,
      },
      options,
    );
  }

  /** Stores the value if there is none. */
  add(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return this.#store(Verb.add, key, value, options);
  }

  /** Stores the value if there is one already. */
  replace(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return this.#store(Verb.replace, key, value, options);
  }

  /** Adds text (as UTF-8) or bytes behind what is there; false when there is nothing. For texts and Buffers. */
  append(key: string, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#call(Verb.append, key, (request) => this.#fill.bytes(request, value), options);
  }

  /** Adds text (as UTF-8) or bytes before what is there; false when there is nothing. For texts and Buffers. */
  prepend(key: string, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#call(Verb.prepend, key, (request) => this.#fill.bytes(request, value), options);
  }

  /** Stores the value if nobody changed the item since {@link gets} gave the token. */
  cas(key: string, value: unknown, token: bigint, options?: StoreOptions): Promise<CasOutcome> {
    return this.#call(
      Verb.cas,
      key,
      (request) => {
        request.cas = this.#fill.cas(token);
        this.#fill.value(request, value, options);
      },
      options,
    );
  }

  /** Whether there was something to delete. */
  delete(key: string, options?: CallOptions): Promise<boolean> {
    return this.#call(Verb.delete, key, undefined, options);
  }

  /** How many of the keys were there. When a node failed it rejects with MemcachedPartialError. */
  async deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    const deleted = await this.#many<true>(
      new Set(keys),
      undefined,
      {
        name: 'deleteMany',
        batches: false,
        ask: (wire, _, sink) => new Request(Verb.delete, wire, sink, ignore, ignore),
        read: (reply) => (reply.kind === ReplyKind.done ? true : undefined),
      },
      options,
    );
    return deleted.size;
  }

  /** Gives the item a new lifetime; false when there is none. */
  touch(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
    return this.#call(
      Verb.touch,
      key,
      (request) => {
        request.exptime = this.#fill.exptime(ttl);
      },
      options,
    );
  }

  /**
   * The counter's new value, or `undefined` when the key is missing and no `initial` is given. A number
   * delta gives a number, or rejects with MemcachedUnsafeNumberError beyond 2^53 - 1; a bigint delta gives a
   * bigint. Wraps at 2^64.
   */
  incr(key: string, delta?: number, options?: CounterOptions): Promise<number | undefined>;
  incr(key: string, delta: bigint, options?: CounterOptions): Promise<bigint | undefined>;
  incr(key: string, delta: number | bigint = 1, options?: CounterOptions): Promise<never> {
    return this.#count(Verb.incr, key, delta, options);
  }

  /** Like {@link incr}, downwards; stops at 0. */
  decr(key: string, delta?: number, options?: CounterOptions): Promise<number | undefined>;
  decr(key: string, delta: bigint, options?: CounterOptions): Promise<bigint | undefined>;
  decr(key: string, delta: number | bigint = 1, options?: CounterOptions): Promise<never> {
    return this.#count(Verb.decr, key, delta, options);
  }

  // ---- every node ----

  /** Drops every item of every node, after `delay` if one is given. The cache never calls it. */
  async flushAll(options?: CallOptions & { delay?: Duration | undefined }): Promise<void> {
    const exptime = this.#fill.exptime(options?.delay);
    await this.#ask(
      { name: 'flushAll', verb: Verb.flushAll, argument: '', exptime, read: () => true },
      options,
    );
  }

  /** Statistics by node name; `group` is a sub-command like `'items'`. */
  async stats(group = '', options?: CallOptions): Promise<Map<string, Record<string, string>>> {
    const argument = group === '' ? '' : this.#fill.toWire(group);
    const read = (lines: string[]) => Object.fromEntries(lines.map(splitStat));
    return this.#ask({ name: 'stats', verb: Verb.stats, argument, exptime: 0, read }, options);
  }

  /** Versions by node name. Behind a proxy it is the proxy's. */
  version(options?: CallOptions): Promise<Map<string, string>> {
    const read = (lines: string[]) => lines[0] ?? '';
    return this.#ask({ name: 'version', verb: Verb.version, argument: '', exptime: 0, read }, options);
  }

  // ---- life ----

  /** Opens the first socket of every node. Rejects when not one node could be reached. */
  async connect(): Promise<void> {
    if (this.#dispatcher.closing) throw this.#dispatcher.closed();
    const outcomes = await Promise.allSettled(this.#dispatcher.nodes.map((node) => node.connect()));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (failures.length < outcomes.length) return;
    throw new MemcachedUnavailableError(
      `No node of the pool "${this.name}" could be reached: ${failures.map(({ reason }) => (reason as Error).message).join(' ')}`,
      { cause: failures[0]?.reason },
    );
  }

  /** Every node's state, why, since when and until when, its sockets and what is pending. */
  nodes(): NodeStatus[] {
    return this.#nodes.status();
  }

  /**
   * Goes on with other nodes. Those that stay keep their sockets and their state; those that are gone
   * finish what they have for at most `closeTimeout` and close.
   * @throws MemcachedOptionError when the list cannot be; the old nodes stay then.
   */
  setNodes(nodes: string | readonly (string | NodeOptions)[]): void {
    if (this.#dispatcher.closing) throw this.#dispatcher.closed();
    this.#nodes.replace(nodes);
  }

  /**
   * Refuses new calls, lets what is in flight settle for at most `closeTimeout`, then closes every socket.
   * Never rejects; safe to call twice.
   */
  close(): Promise<void> {
    this.#closed ??= this.#nodes.close();
    return this.#closed;
  }

  /**
   * Name of the node that a call for `key` would go to now; `undefined` where any node takes any key.
   * @throws MemcachedKeyError
   */
  nodeOf(key: string): string | undefined {
    if (this.#dispatcher.sharesKeySpace) return undefined;
    return this.#dispatcher.ownerOf(toRouteKey(key, this.#fill.toWireAgain(key)))?.name;
  }

  // ---- shared ----

  #nodeFor(key: string, wire: string, options: CallOptions | undefined) {
    if (options?.node !== undefined) return this.#dispatcher.named(options.node);
    return this.#dispatcher.nodeFor(toRouteKey(key, wire));
  }

  #call(
    verb: Verb,
    key: string,
    fill: ((request: Request) => void) | undefined,
    options: CallOptions | undefined,
    sink: RequestSink = this.#calls,
  ): Promise<never> {
    let settle!: (value: never) => void;
    const answer = new Promise<never>((resolve) => {
      settle = resolve;
    });
    try {
      const wire = this.#fill.toWire(key);
      const node = this.#nodeFor(key, wire, options);
      // Before a value is encoded: an overloaded node must not cost work.
      node.admit(1, 0);
      const request = new Request(verb, wire, sink, settle);
      fill?.(request);
      if (request.bytes > 0) node.admit(1, request.bytes);
      this.#dispatcher.submit(request, node, options);
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like {@link #call}, without a function for each value: that took an eighth of a set. */
  #store(verb: Verb, key: string, value: unknown, options: StoreOptions | undefined): Promise<never> {
    let settle!: (value: never) => void;
    const answer = new Promise<never>((resolve) => {
      settle = resolve;
    });
    try {
      const wire = this.#fill.toWire(key);
      const node = this.#nodeFor(key, wire, options);
      node.admit(1, 0);
      const request = new Request(verb, wire, this.#calls, settle);
      this.#fill.value(request, value, options);
      node.admit(1, request.bytes);
      this.#dispatcher.submit(request, node, options);
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #count(
    verb: Verb,
    key: string,
    delta: number | bigint,
    options: CounterOptions | undefined,
  ): Promise<never> {
    const fill = (request: Request) => {
      request.delta = this.#fill.count(delta, 'A delta');
      request.tag = typeof delta;
    };
    if (options?.initial === undefined) return this.#call(verb, key, fill, options);
    const { initial, ttl } = options;
    try {
      this.#fill.count(initial, 'An initial value');
      const first = { verb, initial, exptime: this.#fill.exptime(ttl) };
      const counter = new VivifyingCounter(this.#calls, this.#codec, this.#dispatcher, first);
      return this.#call(verb, key, fill, options, counter);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @param stored - what is to be stored, for calls that store */
  #many<V>(
    keys: Iterable<string>,
    stored: ReadonlyMap<string, unknown> | undefined,
    kind: ManyKind<V>,
    options: CallOptions | undefined,
  ): Promise<Map<string, V>> {
    return new Promise((resolve, reject) => {
      if (this.#dispatcher.closing) throw this.#dispatcher.closed();
      const milliseconds = ownTimeout(options) ?? this.#options.commandTimeout;
      new ManyCall(kind, stored, this.#dispatcher, resolve, reject).start(
        keys,
        this.#fill.toWire,
        (ended) => new CallPatience(this.#options.clock, milliseconds, options?.signal, ended),
      );
    });
  }

  #ask<V>(question: Parameters<typeof askEveryNode<V>>[0], options: CallOptions | undefined) {
    return askEveryNode(question, this.#dispatcher.nodes, this.#dispatcher, options);
  }

  /** A listener that throws must not reach the sockets below. */
  #announce(change: NodeStateChange): void {
    if (nodeStateChannel.hasSubscribers) nodeStateChannel.publish(change);
    try {
      this.emit('nodeState', change);
    } catch (error) {
      process.emitWarning(`A listener of "nodeState" threw: ${String(error)}`, 'MemcachedPoolWarning');
    }
  }
}

function ignore(): void {}

function readFound(codec: Codec, reply: Reply): unknown {
  if (reply.kind !== ReplyKind.value || (reply.flags === 0 && reply.start === reply.end)) return undefined;
  return readValue(codec, reply);
}

function splitStat(line: string): [string, string] {
  const space = line.indexOf(' ');
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
}
