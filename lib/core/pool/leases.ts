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
import { type Reply, ReplyKind } from '../command/reply.js';
import { Request, type RequestSink, Verb } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Codec } from '../value/codec.js';
import { Abilities, type Ability } from './abilities.js';
import type { Dispatcher } from './dispatcher.js';
import type { ManyKind } from './many-calls.js';
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
  /** Also asks whether it was read before, and when. @defaultValue true */
  hot?: boolean | undefined;
  /** Is not sent the value when this is still its CAS id. Only where the node is able to ('conditionalGet'). */
  knownCas?: bigint | undefined;
}

/** What became of a write under a lease: done, lost to another, or nothing there any more. */
export type LeaseOutcome = 'stored' | 'exists' | 'missing';

export interface PeekOptions extends CallOptions {
  /** Also asks whether it was read before, and when. @defaultValue false */
  hot?: boolean | undefined;
  /** Is not sent the value when this is still its CAS id. Only where the node is able to ('conditionalGet'). */
  knownCas?: bigint | undefined;
}

/** A write that names what it replaces and what it shall be known by. */
export interface Replacement {
  key: string;
  node: string;
  expected: bigint | undefined;
  cas: bigint;
}

/** An item whose answer is lent: nothing is made of it that is not asked for. Keep nothing of it. */
export interface LentItem {
  readonly won: boolean;
  readonly stale: boolean;
  /** The second of a pair whose first is `head`; `undefined` when it is none, or cannot be read as one so fast. */
  valueBehind(head: string): unknown;
}

/**
 * Who reads without a promise. One of `taken` and `failed` is called, once, perhaps before the call that reads
 * returns, unless a glimpse of the answer was enough; none may throw.
 */
export interface LeaseReader {
  /** What is read. */
  readonly key: string;
  /** Called first for an item that holds something. `true`: that was all that was wanted of it. */
  glimpsed?(item: LentItem): boolean;
  taken(read: LeaseRead<unknown> | undefined): void;
  failed(error: unknown): void;
}

/** How the pool makes calls for many keys. */
export type ReadMany = <V>(
  keys: Iterable<string>,
  options: CallOptions | undefined,
  kind: ManyKind<V>,
) => Promise<Map<string, V>>;

const PROBE_TIME = 2_000;
/** Far from what a server counts to by itself, and more than a float can hold. */
const PROBE_CAS = 9_223_372_036_854_775_809n;

export class Leases {
  readonly #dispatcher: Dispatcher;
  readonly #fill: RequestFiller;
  readonly #calls: SingleCalls;
  readonly #reads: RequestSink;
  readonly #many: ReadMany;
  #lastTokens: Pick<LeaseReadOptions, 'lock' | 'refreshBelow' | 'hot'> & { tokens: string } = {
    lock: '',
    tokens: '',
  };
  readonly #abilities = new Abilities(
    {
      leases: (node, options) => this.#proveLeases(node, options),
      explicitCas: (node, options) => this.#proveExplicitCas(node, options),
      conditionalGet: (node, options) => this.#proveConditionalGet(node, options),
    },
    (node, options) => this.#dispatcher.connected(node, options),
  );

  constructor(dispatcher: Dispatcher, fill: RequestFiller, calls: SingleCalls, codec: Codec, many: ReadMany) {
    this.#dispatcher = dispatcher;
    this.#fill = fill;
    this.#calls = calls;
    this.#many = many;
    const giveBack = (request: Request, reply: Reply): void =>
      this.#giveBack((request.tag as LeaseReader).key, request, reply);
    this.#reads = new LeaseReads(calls, codec, giveBack);
  }

  /**
   * Whether the node of a key grants leases: it speaks meta and really lets one reader win. Asked once per
   * node and connection, with a key of its own, because some servers know the syntax without the meaning.
   */
  async granted(key: string, options?: CallOptions): Promise<boolean> {
    return this.#abilities.has(this.#nodeFor(key), 'leases', options);
  }

  /**
   * What {@link granted}, or {@link able}, last found out, without waiting: `undefined` when it has not been
   * asked of the server that the node is connected to. Never throws.
   * @param node - the node's name, where it is known already
   */
  known(key: string, node?: string, ability: Ability = 'leases'): boolean | undefined {
    try {
      return this.#abilities.known(
        node === undefined ? this.#nodeFor(key) : this.#dispatcher.named(node),
        ability,
      );
    } catch {
      return undefined;
    }
  }

  /** Whether the node of a key can do something; proven like {@link granted}. */
  async able(ability: Ability, key: string, options?: CallOptions): Promise<boolean> {
    return this.#abilities.has(this.#nodeFor(key), ability, options);
  }

  async #proveLeases(node: Node, options: CallOptions | undefined): Promise<boolean> {
    const key = probeKey();
    const where = { ...options, node: node.name };
    const read = () => this.read(key, { ...where, lock: PROBE_TIME });
    const [first, second] = await Promise.all([read(), read()]);
    await this.#forget(key, first, where);
    return first?.won === true && second !== undefined && !second.won && second.taken;
  }

  async #proveExplicitCas(node: Node, options: CallOptions | undefined): Promise<boolean> {
    const key = probeKey();
    const where = { ...options, node: node.name };
    const chosen = PROBE_CAS;
    const probe = { ...where, lock: PROBE_TIME };
    const read = await promised(key, (reader) => this.#readTo(reader, probe, ` E${chosen}`));
    await this.#forget(key, read, where);
    return read?.won === true && read.cas === chosen;
  }

  /** An answer without the value must still say who has won the right to refill, and that it is taken. */
  async #proveConditionalGet(node: Node, options: CallOptions | undefined): Promise<boolean> {
    const key = probeKey();
    const where = { ...options, node: node.name };
    const made = await this.read(key, { ...where, lock: PROBE_TIME });
    if (made?.cas === undefined) return false;
    await this.fill({ key, node: node.name, cas: made.cas }, 1, { ...where, ttl: PROBE_TIME });
    const filled = await this.peek(key, where);
    const conditional = { ...where, lock: PROBE_TIME, refreshBelow: 10 * PROBE_TIME, knownCas: filled?.cas };
    const first = await this.read(key, conditional);
    const second = await this.read(key, conditional);
    await this.#forget(key, filled, where);
    const isUnchanged = first?.unchanged === true && second?.unchanged === true;
    return isUnchanged && first.won && !second.won && second.taken;
  }

  async #forget(key: string, read: LeaseRead<unknown> | undefined, where: CallOptions & { node: string }) {
    if (read?.cas !== undefined) await this.release({ key, node: where.node, cas: read.cas }, where);
  }

  /**
   * Reads an item without winning anything but a stale item's right to refill, which every read of memcached's
   * wins; whoever sees `won` has to refill it or to {@link rearm} it. On nodes without meta it is a plain read,
   * which knows of none of this.
   */
  peek<T = unknown>(key: string, options: PeekOptions = {}): Promise<LeaseRead<T> | undefined> {
    return promised(key, (reader) => this.peekTo(reader, options));
  }

  /** {@link peek} without a promise. */
  peekTo(reader: LeaseReader, options: PeekOptions): void {
    try {
      const known = options.knownCas === undefined ? '' : ` C${this.#fill.cas(options.knownCas)}`;
      const tokens = options.hot === true ? ` h l${known}` : known;
      this.#send(Verb.peek, reader, tokens, options);
    } catch (error) {
      reader.failed(error);
    }
  }

  /**
   * {@link peek} for many keys, sent as `getMany` sends them; those that were found.
   * @throws MemcachedPartialError as `getMany` does
   */
  peekMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, LeaseRead<T>>> {
    return this.#many(keys, options, {
      name: 'getMany',
      batches: false,
      ask: (wire, _, sink) => new Request(Verb.peek, wire, sink, ignore, ignore),
      read: (reply, request) => this.#calls.peeked(request, reply),
      late: (key, request, reply) => this.#giveBack(key, request, reply),
    }) as Promise<Map<string, LeaseRead<T>>>;
  }

  /**
   * Reads an item and, where it is missing, stale or near its end, perhaps wins the right to refill it.
   * `undefined` only where the server does not grant leases.
   */
  read<T = unknown>(key: string, options: LeaseReadOptions): Promise<LeaseRead<T> | undefined> {
    return promised(key, (reader) => this.#readTo(reader, options, ''));
  }

  /** {@link read} without a promise. */
  readTo(reader: LeaseReader, options: LeaseReadOptions): void {
    this.#readTo(reader, options, '');
  }

  #readTo(reader: LeaseReader, options: LeaseReadOptions, extra: string): void {
    try {
      this.#send(Verb.metaGet, reader, this.#readTokens(options) + extra, options);
    } catch (error) {
      reader.failed(error);
    }
  }

  /** @throws what keeps it from being sent */
  #send(verb: Verb, reader: LeaseReader, tokens: string, options: CallOptions): void {
    const { key } = reader;
    const wire = this.#fill.toWireAgain(key);
    const node =
      options.node === undefined
        ? this.#dispatcher.nodeFor(toRouteKey(key, wire))
        : this.#dispatcher.named(options.node);
    node.admit(1, 0);
    const request = new Request(verb, wire, this.#reads, tellTaken, tellFailed);
    request.tokens = tokens;
    // Also for its key: what is won by an answer that comes too late has to be found again.
    request.tag = reader;
    this.#dispatcher.submit(request, node, options);
  }

  /** One call is much like the next: their tokens are made once. */
  #readTokens({ lock, refreshBelow, hot, knownCas }: LeaseReadOptions): string {
    const last = this.#lastTokens;
    const isSame = last.lock === lock && last.refreshBelow === refreshBelow && last.hot === hot;
    const tokens = isSame ? last.tokens : this.#makeTokens(lock, refreshBelow, hot);
    return knownCas === undefined ? tokens : `${tokens} C${this.#fill.cas(knownCas)}`;
  }

  #makeTokens(lock: Duration, refreshBelow: Duration | undefined, hot: boolean | undefined): string {
    const recache = refreshBelow === undefined ? '' : ` R${seconds(refreshBelow, 1)}`;
    // N before t, else the winner of a stub may be told that it never ends.
    const tokens = ` N${seconds(lock, 2)}${recache} f c t${hot === false ? '' : ' h l'} v`;
    this.#lastTokens = { lock, refreshBelow, hot, tokens };
    return tokens;
  }

  /** Fills an item under its lease: `exists` and `missing` say that somebody else has changed or deleted it. */
  fill(lease: Lease, value: unknown, options?: StoreOptions): Promise<LeaseOutcome> {
    return this.#on(lease, Verb.metaSet, options, (request) => {
      this.#fill.value(request, value, options);
      request.tokens = ` C${this.#fill.cas(lease.cas)}`;
    });
  }

  /**
   * Stores an item under a CAS id of the caller's choice if it has not changed since it was read: `expected` is
   * its CAS id then, `undefined` says that there was none. Only where the node is able to ('explicitCas').
   */
  replace(item: Replacement, value: unknown, options?: StoreOptions): Promise<LeaseOutcome> {
    return this.#on({ key: item.key, node: item.node, cas: 0n }, Verb.metaSet, options, (request) => {
      this.#fill.value(request, value, options);
      const condition = item.expected === undefined ? ' ME' : ` C${this.#fill.cas(item.expected)}`;
      request.tokens = `${condition} E${this.#fill.cas(item.cas)}`;
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
  #giveBack(key: string, request: Request, reply: Reply): void {
    const { cas } = reply;
    if (!reply.won || cas === undefined || request.holder === undefined) return;
    const lease = { key, node: request.holder.name, cas };
    const isCold = reply.start === reply.end && reply.flags === 0;
    const undone = isCold ? this.release(lease) : this.rearm(lease, reply.ttlSeconds);
    // If even that fails, the lease ends by its time.
    undone.catch(() => {});
  }
}

function promised<T>(key: string, read: (reader: LeaseReader) => void): Promise<LeaseRead<T> | undefined> {
  return new Promise((resolve, reject) => {
    read({ key, taken: resolve as LeaseReader['taken'], failed: reject });
  });
}

/** A request calls them as its own methods, so none has to be made for each. */
function tellTaken(this: Request, read: LeaseRead<unknown> | undefined): void {
  (this.tag as LeaseReader).taken(read);
}

function tellFailed(this: Request, error: unknown): void {
  (this.tag as LeaseReader).failed(error);
}

/** Answers of reads that may have won something. */
class LeaseReads implements RequestSink {
  readonly #lent: Lent;

  constructor(
    readonly calls: SingleCalls,
    codec: Codec,
    readonly late: (request: Request, reply: Reply) => void,
  ) {
    this.#lent = new Lent(codec);
  }

  replied(request: Request, reply: Reply): void {
    const reader = request.tag as LeaseReader;
    const isItem = reply.kind === ReplyKind.value && reply.end > reply.start;
    if (isItem && reader.glimpsed?.(this.#lent.of(reply)) === true) request.settle();
    else this.calls.replied(request, reply);
  }

  failed(request: Request, error: MemcachedError): void {
    this.calls.failed(request, error);
  }
}

/** One for all answers: each is read to its end before the next. */
class Lent implements LentItem {
  #reply!: Reply;

  constructor(private readonly codec: Codec) {}

  of(reply: Reply): this {
    this.#reply = reply;
    return this;
  }

  get won(): boolean {
    return this.#reply.won;
  }

  get stale(): boolean {
    return this.#reply.stale;
  }

  valueBehind(head: string): unknown {
    const { flags, buffer, start, end } = this.#reply;
    return this.codec.decodeBehind(head, flags, buffer, start, end);
  }
}

function ignore(): void {}

function probeKey(): string {
  return `lease-probe:${process.pid.toString(36)}:${Math.random().toString(36).slice(2)}`;
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
