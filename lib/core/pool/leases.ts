/**
 * Leases: the right to refill a key, won by one reader of all processes, in the one round trip of the read.
 * The wire's part of stampede protection; what to do with a lease won or lost is the cache's business.
 *
 * Invariant: a read that can win a lease is a write, so it is never sent again, and a lease won by an answer
 * whose reader had given up is given back at once. A lease stays with its node: filling it anywhere else
 * would leave an item that nobody reads.
 */
import { type Duration, toMilliseconds } from '../base/durations.js';
import { MemcachedArgumentError, type MemcachedError } from '../base/errors.js';
import { describe } from '../base/options.js';
import type { Reply } from '../command/reply.js';
import { Request, type RequestSink, Verb } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Dispatcher } from './dispatcher.js';
import { type RequestFiller, toRouteKey } from './requests.js';
import type { SingleCalls } from './single-calls.js';
import type { CallOptions, LeaseRead, StoreOptions } from './types.js';

/** A lease that was won, or an item as it was read: what its filling and its release name. */
export interface Lease {
  key: string;
  /** The node the item lies on. */
  node: string;
  cas: bigint;
}

export interface LeaseReadOptions extends CallOptions {
  /**
   * How long the right to fill a missing key is held. Rounded up to seconds and never below 2: a lifetime of
   * 1 s ends somewhere between 0 and 1.
   */
  lock: Duration;
  /** Less lifetime left than this, and one reader wins the right to refill. @defaultValue never */
  refreshBelow?: Duration | undefined;
}

/** What became of a write under a lease: done, lost to another, or nothing there any more. */
export type LeaseOutcome = 'stored' | 'exists' | 'missing';

export class Leases {
  readonly #dispatcher: Dispatcher;
  readonly #fill: RequestFiller;
  readonly #calls: SingleCalls;
  readonly #reads: RequestSink;
  /** Whether a node grants leases, by the handshake that it was found out after. */
  readonly #granting = new WeakMap<
    Node,
    { epoch: number; answer: Promise<boolean>; grants: boolean | undefined }
  >();

  constructor(dispatcher: Dispatcher, fill: RequestFiller, calls: SingleCalls) {
    this.#dispatcher = dispatcher;
    this.#fill = fill;
    this.#calls = calls;
    this.#reads = new LeaseReads(calls, (request, reply) => this.#giveBack(request, reply));
  }

  /**
   * Whether the node of a key grants leases: it speaks meta and really lets one reader win. Asked once per
   * node and connection, with a key of its own, because some servers know the syntax without the meaning.
   */
  async granted(key: string, options?: CallOptions): Promise<boolean> {
    const node = this.#nodeFor(key);
    await node.connect();
    const known = this.#granting.get(node);
    if (known?.epoch === node.epoch) return known.answer;
    const answer = node.dialect === 'meta' ? this.#prove(node, options) : Promise.resolve(false);
    const entry = { epoch: node.epoch, answer, grants: undefined as boolean | undefined };
    this.#granting.set(node, entry);
    answer.then(
      (grants) => {
        entry.grants = grants;
      },
      () => {
        if (this.#granting.get(node) === entry) this.#granting.delete(node);
      },
    );
    return answer;
  }

  /**
   * What {@link granted} last found out, without waiting: `undefined` when it has not been asked since the
   * node was last connected to. Never throws.
   * @param node - the node's name, where it is known already
   */
  known(key: string, node?: string): boolean | undefined {
    let found: Node;
    try {
      found = node === undefined ? this.#nodeFor(key) : this.#dispatcher.named(node);
    } catch {
      return undefined;
    }
    const entry = this.#granting.get(found);
    return entry?.epoch === found.epoch ? entry?.grants : undefined;
  }

  async #prove(node: Node, options: CallOptions | undefined): Promise<boolean> {
    const key = `lease-probe:${process.pid.toString(36)}:${Math.random().toString(36).slice(2)}`;
    const where = { ...options, node: node.name };
    const read = () => this.read(key, { ...where, lock: 2_000 });
    const [first, second] = await Promise.all([read(), read()]);
    if (first?.cas !== undefined) await this.release({ key, node: node.name, cas: first.cas }, where);
    return first?.won === true && second !== undefined && !second.won && second.taken;
  }

  /**
   * Reads an item and, where it is missing, stale or near its end, perhaps wins the right to refill it.
   * `undefined` only where the server does not grant leases.
   */
  read<T = unknown>(key: string, options: LeaseReadOptions): Promise<LeaseRead<T> | undefined> {
    return new Promise((resolve, reject) => {
      const wire = this.#fill.toWire(key);
      const node = options.node === undefined ? this.#nodeFor(key) : this.#dispatcher.named(options.node);
      node.admit(1, 0);
      const request = new Request(Verb.metaGet, wire, this.#reads, resolve, reject);
      // N before t, else the winner of a stub may be told that it never ends.
      const recache = options.refreshBelow === undefined ? '' : ` R${seconds(options.refreshBelow, 1)}`;
      request.tokens = ` N${seconds(options.lock, 2)}${recache} f c t h l v`;
      // What is won by an answer that comes too late has to be found again.
      request.tag = key;
      this.#dispatcher.submit(request, node, options);
    });
  }

  /** Fills an item under its lease: `exists` and `missing` say that somebody else has changed or deleted it. */
  fill(lease: Lease, value: unknown, options?: StoreOptions): Promise<LeaseOutcome> {
    return this.#on(lease, Verb.metaSet, options, (request) => {
      this.#fill.value(request, value, options);
      request.tokens = ` C${this.#fill.cas(lease.cas)}`;
    });
  }

  /** Gives the right to fill a missing key back: the next reader wins it. Leaves alone what has changed. */
  release(lease: Lease, options?: CallOptions): Promise<LeaseOutcome> {
    return this.#on(lease, Verb.metaDelete, options, (request) => {
      request.tokens = ` C${this.#fill.cas(lease.cas)}`;
    });
  }

  /**
   * Marks an item stale and its right to refill free again: the next reader wins it. Leaves alone what has
   * changed.
   * @param ttlSeconds - what it shall live on; -1 or `undefined` leaves its lifetime as it is
   */
  rearm(lease: Lease, ttlSeconds: number | undefined, options?: CallOptions): Promise<LeaseOutcome> {
    return this.#on(lease, Verb.metaDelete, options, (request) => {
      request.tokens = ` C${this.#fill.cas(lease.cas)} I${this.#lifetime(ttlSeconds)}`;
    });
  }

  /** Marks whatever is there stale; the next reader wins the right to refill it. `missing` when nothing is. */
  invalidate(key: string, ttl: Duration, options?: CallOptions): Promise<LeaseOutcome> {
    return new Promise((resolve, reject) => {
      const wire = this.#fill.toWire(key);
      const node = options?.node === undefined ? this.#nodeFor(key) : this.#dispatcher.named(options.node);
      node.admit(1, 0);
      const request = new Request(Verb.metaDelete, wire, this.#calls, resolve, reject);
      request.tokens = ` I T${this.#fill.exptime(ttl)}`;
      this.#dispatcher.submit(request, node, options);
    });
  }

  #on(
    lease: Lease,
    verb: Verb,
    options: CallOptions | undefined,
    fill: (request: Request) => void,
  ): Promise<LeaseOutcome> {
    return new Promise((resolve, reject) => {
      const wire = this.#fill.toWire(lease.key);
      const node = this.#dispatcher.named(lease.node);
      node.admit(1, 0);
      const request = new Request(verb, wire, this.#calls, resolve, reject);
      fill(request);
      this.#dispatcher.submit(request, node, { ...options, node: lease.node });
    });
  }

  /** `T-1` would end the item at once, so "never" is said by leaving T out. */
  #lifetime(ttlSeconds: number | undefined): string {
    if (ttlSeconds === undefined) return '';
    const seconds = typeof ttlSeconds === 'number' ? ttlSeconds : Number.NaN;
    return seconds < 0 ? '' : ` T${this.#fill.exptime(Math.max(1, seconds) * 1_000)}`;
  }

  #nodeFor(key: string): Node {
    return this.#dispatcher.nodeFor(toRouteKey(key, this.#fill.toWire(key)));
  }

  /** A lease was won by a reader that had gone: nobody would ever fill it. */
  #giveBack(request: Request, reply: Reply): void {
    if (!reply.won || reply.cas === '' || request.holder === undefined) return;
    const lease = { key: request.tag as string, node: request.holder.name, cas: BigInt(reply.cas) };
    const isCold = reply.start === reply.end && reply.flags === 0;
    const undone = isCold ? this.release(lease) : this.rearm(lease, reply.ttlSeconds);
    // If even that fails, the lease ends by its time.
    undone.catch(() => {});
  }
}

/** Answers of reads that may have won something. */
class LeaseReads implements RequestSink {
  constructor(
    readonly calls: SingleCalls,
    readonly late: (request: Request, reply: Reply) => void,
  ) {}

  replied(request: Request, reply: Reply): void {
    this.calls.replied(request, reply);
  }

  failed(request: Request, error: MemcachedError): void {
    this.calls.failed(request, error);
  }
}

function seconds(time: Duration, least: number): number {
  const milliseconds = toMilliseconds(time);
  if (milliseconds === undefined || milliseconds > 2_592_000_000) {
    throw new MemcachedArgumentError(
      `A lease time must be milliseconds up to 30 days or a string like '10s', not ${describe(time)}.`,
    );
  }
  return Math.max(least, Math.ceil(milliseconds / 1_000));
}
