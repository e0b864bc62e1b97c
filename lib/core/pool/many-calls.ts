/**
 * One call for many keys: scattered over the nodes, sent in slices, gathered into one answer.
 *
 * Invariant: only the current slice of a node counts in its `maxPending`, so that a call for a hundred
 * thousand keys neither fails for its size alone nor crowds out everybody else.
 */
import { MemcachedError, MemcachedPartialError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Request, type RequestSink, Verb } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Dispatcher } from './dispatcher.js';
import type { CallPatience, PatienceEnd } from './patience.js';
import { toRouteKey } from './requests.js';
import { complaint } from './single-calls.js';

/** Of a slice, the most of both. */
const SLICE_KEYS = 512;
const SLICE_BYTES = 262_144;

/** How one kind of many-key call makes its requests and reads its answers. */
export interface ManyKind<V> {
  /** "getMany", for messages. */
  readonly name: string;
  /** All keys of a slice in one request, which is the same for every such kind, rather than a request each. */
  readonly batches: boolean;
  /**
   * The request for one key.
   * @param value - what is to be stored under it, for calls that store
   * @throws MemcachedError when it cannot be asked; that fails only this key.
   */
  ask(wire: string, value: unknown, sink: RequestSink): Request;
  /** What an answer says of one key; `undefined` when there is nothing to report. */
  read(reply: Reply, request: Request): V | undefined;
  /** The answer to a request whose caller had given up. */
  late?(key: string, request: Request, reply: Reply): void;
}

/** A node's share of the call. */
interface Lane {
  readonly node: Node;
  /** As the caller wrote them. */
  readonly keys: string[];
  /** The same as they go on the wire: the same array, unless one of them is another. */
  wires: string[];
  /** The first key that has not been sent. */
  next: number;
  /** Requests of the current slice without their end. */
  readonly live: Set<Request>;
}

/** What a request asks for: `keys[from..to)` of its lane. It is the request's `tag`. */
interface Share {
  readonly lane: Lane;
  readonly from: number;
  readonly to: number;
}

export class ManyCall<V> implements RequestSink {
  readonly values = new Map<string, V>();
  readonly #failed = new Map<string, MemcachedError>();
  readonly #kind: ManyKind<V>;
  readonly #dispatcher: Dispatcher;
  readonly #resolve: (values: Map<string, V>) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #lanes: Lane[] = [];
  /** What is to be stored, for calls that store. */
  readonly #stored: ReadonlyMap<string, unknown> | undefined;
  #patience: CallPatience | undefined;
  #busyLanes = 0;
  #settled = false;

  constructor(
    kind: ManyKind<V>,
    stored: ReadonlyMap<string, unknown> | undefined,
    dispatcher: Dispatcher,
    resolve: (values: Map<string, V>) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#kind = kind;
    this.#stored = stored;
    this.#dispatcher = dispatcher;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /**
   * Checks every key and then sends everything on its way. Called once.
   * @param keys - one that must not be asked for twice has to come once
   * @param keepTime - starts the time of the call
   * @throws MemcachedKeyError before anything is sent
   */
  start(
    keys: Iterable<string>,
    toWire: (key: string) => string,
    keepTime: (ended: (end: PatienceEnd) => void) => CallPatience,
  ): void {
    let lane: Lane | undefined;
    for (const key of keys) {
      const wire = toWire(key);
      try {
        const node = this.#dispatcher.nodeFor(toRouteKey(key, wire));
        if (lane?.node !== node) lane = this.#laneOf(node);
        lane.keys.push(key);
        if (lane.wires !== lane.keys) lane.wires.push(wire);
        else if (wire !== key) lane.wires = [...lane.keys.slice(0, -1), wire];
      } catch (error) {
        this.#failed.set(key, error as MemcachedError);
      }
    }
    this.#busyLanes = this.#lanes.length;
    if (this.#busyLanes > 0) this.#patience = keepTime((end) => this.#giveUp(end));
    for (const each of this.#lanes) this.#advance(each);
    if (this.#busyLanes === 0) this.#finish();
  }

  #laneOf(node: Node): Lane {
    for (const lane of this.#lanes) if (lane.node === node) return lane;
    const keys: string[] = [];
    const lane: Lane = { node, keys, wires: keys, next: 0, live: new Set() };
    this.#lanes.push(lane);
    return lane;
  }

  /** Sends slices of a lane until one is on its way, or none is left. */
  #advance(lane: Lane): void {
    while (lane.live.size === 0 && !this.#settled) {
      if (lane.next === lane.keys.length) {
        this.#busyLanes--;
        return;
      }
      this.#send(lane);
    }
  }

  /** Sends the next slice of a lane. */
  #send(lane: Lane): void {
    const from = lane.next;
    const to = this.#endOfSlice(lane);
    lane.next = to;
    const step = this.#kind.batches ? to - from : 1;
    for (let at = from; at < to; at += step) this.#ask({ lane, from: at, to: at + step });
  }

  #ask(share: Share): void {
    const { lane, from, to } = share;
    try {
      lane.node.admit(to - from, 0);
      const request = this.#kind.batches ? this.#batch(share) : this.#single(share);
      lane.node.admit(request.slots, request.bytes);
      request.tag = share;
      lane.live.add(request);

      lane.node.dispatch(request);
    } catch (error) {
      this.#fail(share, error as MemcachedError);
    }
  }

  #batch({ lane: { wires }, from, to }: Share): Request {
    const request = new Request(Verb.getBatch, '', this, ignore, ignore);
    request.keys = to - from === wires.length ? wires : wires.slice(from, to);
    request.pinned = true;
    return request;
  }

  #single({ lane, from }: Share): Request {
    return this.#kind.ask(lane.wires[from]!, this.#stored?.get(lane.keys[from]!), this);
  }

  /** A slice ends with whichever comes first. */
  #endOfSlice({ node, keys, wires, next }: Lane): number {
    const end = Math.min(keys.length, next + SLICE_KEYS, next + node.maxPending);
    let bytes = 0;
    let to = next;
    while (to < end && bytes < SLICE_BYTES) {
      bytes += wires[to]!.length;
      if (this.#stored !== undefined) bytes += roughBytes(this.#stored.get(keys[to]!));
      to++;
    }
    return to;
  }

  /** See {@link RequestSink}. */
  replied(request: Request, reply: Reply): void {
    const share = request.tag as Share;
    if (reply.kind >= ReplyKind.serverError && reply.kind <= ReplyKind.unknownCommand) {
      const error = complaint(request, reply);
      this.#dispatcher.noteFailure(request, error);
      this.#fail(share, error);
    } else {
      const at = share.from + (this.#kind.batches ? reply.index : 0);
      const key = share.lane.keys[at]!;
      try {
        const value = this.#kind.read(reply, request);
        if (value !== undefined) this.values.set(key, value);
      } catch (error) {
        this.#fail({ lane: share.lane, from: at, to: at + 1 }, error as MemcachedError);
      }
    }
    if (!reply.more) this.#end(request);
  }

  /** See {@link RequestSink}. */
  late(request: Request, reply: Reply): void {
    const { lane, from } = request.tag as Share;
    this.#kind.late?.(lane.keys[from]!, request, reply);
  }

  /** See {@link RequestSink}. */
  failed(request: Request, error: MemcachedError): void {
    if (this.#dispatcher.retry(request, error)) return;
    this.#dispatcher.noteFailure(request, error);
    this.#fail(request.tag as Share, error);
    this.#end(request);
  }

  #fail({ lane, from, to }: Share, error: MemcachedError): void {
    for (let at = from; at < to; at++) {
      const key = lane.keys[at]!;
      if (!this.values.has(key)) this.#failed.set(key, error);
    }
  }

  #end(request: Request): void {
    request.settle();
    const { lane } = request.tag as Share;
    if (!lane.live.delete(request)) return;
    this.#advance(lane);
    if (this.#busyLanes === 0) this.#finish();
  }

  /** The caller waits no longer: what was read is kept, the rest has failed; late answers go nowhere. */
  #giveUp(end: PatienceEnd): void {
    this.#settled = true;
    for (const lane of this.#lanes) for (const request of lane.live) this.#giveUpOne(request, end);
    if (end.kind === 'abort') {
      this.#reject(end.reason);
      return;
    }
    for (const lane of this.#lanes) {
      const unsent = { lane, from: lane.next, to: lane.keys.length };
      if (unsent.from < unsent.to)
        this.#fail(unsent, this.#dispatcher.unsentError(lane.node, end.milliseconds));
    }
    this.#conclude();
  }

  #giveUpOne(request: Request, end: PatienceEnd): void {
    request.settled = true;
    request.holder?.abandon(request);
    const error = this.#dispatcher.patienceError(end, request);
    this.#dispatcher.noteFailure(request, error);
    if (end.kind === 'timeout') this.#fail(request.tag as Share, error as MemcachedError);
  }

  #finish(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#patience?.release();
    this.#conclude();
  }

  #conclude(): void {
    const first = this.#failed.values().next();
    if (first.done === true) {
      this.#resolve(this.values);
      return;
    }
    const errors = [...this.#failed.values()];
    const where = [...new Set(errors.map((error) => error.node ?? 'the pool'))].join(', ');
    const reason = first.value instanceof MemcachedError ? first.value.message : String(first.value);
    const sent = errors.some((error) => error.sent === 'maybe') ? 'maybe' : 'no';
    const message = `${this.#kind.name} failed for ${errors.length} keys (${where}): ${reason}`;
    this.#reject(
      new MemcachedPartialError(message, this.values, this.#failed, {
        node: first.value.node,
        sent,
        cause: first.value,
      }),
    );
  }
}

function ignore(): void {}

/** Enough to keep slices of large texts and buffers small; the exact size is known once it is encoded. */
function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return value instanceof Uint8Array ? value.length : 0;
}
