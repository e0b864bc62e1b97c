/**
 * One call for many keys: scattered over the nodes, sent in slices, gathered into one answer.
 *
 * Invariant: only the current slice of a node counts in its `maxPending`, so that a call for a hundred
 * thousand keys neither fails for its size alone nor crowds out everybody else.
 */
import { MemcachedError, MemcachedPartialError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import type { Request, RequestSink } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Dispatcher } from './dispatcher.js';
import type { CallPatience, PatienceEnd } from './patience.js';
import { toRouteKey } from './requests.js';
import { complaint } from './single-calls.js';

/** A slice ends with whichever comes first. */
const SLICE_KEYS = 512;
const SLICE_BYTES = 262_144;

/** One key of the call. */
export interface Item {
  /** As the caller wrote it. */
  key: string;
  wire: string;
  /** What is to be stored under it, for calls that store. */
  value?: unknown;
}

/** How one kind of many-key call makes its requests and reads its answers. */
export interface ManyKind<V> {
  /** "getMany", for messages. */
  readonly name: string;
  /** All items of a slice in one request, rather than a request each. */
  readonly batches: boolean;
  /** @throws MemcachedError when it cannot be asked; that fails only these items. */
  ask(items: readonly Item[], sink: RequestSink): Request;
  /** What an answer says of one key; `undefined` when there is nothing to report. */
  read(reply: Reply, request: Request): V | undefined;
  /** The answer to a request whose caller had given up. */
  late?(request: Request, reply: Reply): void;
}

/** A node's share of the call. */
interface Lane {
  node: Node;
  items: Item[];
  /** The first item that has not been sent. */
  next: number;
  /** Requests of the current slice without their end. */
  live: Set<Request>;
}

/** What a request asks for. */
interface Share {
  lane: Lane;
  items: readonly Item[];
}

export class ManyCall<V> implements RequestSink {
  readonly values = new Map<string, V>();
  readonly #failed = new Map<string, MemcachedError>();
  readonly #kind: ManyKind<V>;
  readonly #dispatcher: Dispatcher;
  readonly #resolve: (values: Map<string, V>) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #lanes: Lane[] = [];
  readonly #shares = new Map<Request, Share>();
  /** The one that was asked for last, and its request: the values of a batch come one after the other. */
  #lastRequest: Request | undefined;
  #lastShare!: Share;
  #patience: CallPatience | undefined;
  #busyLanes = 0;
  #settled = false;

  constructor(
    kind: ManyKind<V>,
    dispatcher: Dispatcher,
    resolve: (values: Map<string, V>) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#kind = kind;
    this.#dispatcher = dispatcher;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /**
   * Sends everything on its way. Called once.
   * @param keepTime - starts the time of the call
   */
  start(items: readonly Item[], keepTime: (ended: (end: PatienceEnd) => void) => CallPatience): void {
    const lanes = new Map<Node, Lane>();
    let lane: Lane | undefined;
    for (const item of items) {
      try {
        const node = this.#dispatcher.nodeFor(toRouteKey(item.key, item.wire));
        if (lane?.node !== node) lane = lanes.get(node);
        if (lane === undefined) {
          lane = { node, items: [], next: 0, live: new Set() };
          lanes.set(node, lane);
        }
        lane.items.push(item);
      } catch (error) {
        this.#failed.set(item.key, error as MemcachedError);
      }
    }
    this.#lanes.push(...lanes.values());
    this.#busyLanes = this.#lanes.length;
    if (this.#busyLanes > 0) this.#patience = keepTime((end) => this.#giveUp(end));
    for (const lane of this.#lanes) this.#advance(lane);
    if (this.#busyLanes === 0) this.#finish();
  }

  /** Sends slices of a lane until one is on its way, or none is left. */
  #advance(lane: Lane): void {
    while (lane.live.size === 0 && !this.#settled) {
      if (lane.next === lane.items.length) {
        this.#busyLanes--;
        return;
      }
      this.#send(lane, takeSlice(lane));
    }
  }

  #send(lane: Lane, slice: Item[]): void {
    const groups = this.#kind.batches ? [slice] : slice.map((item) => [item]);

    for (const group of groups) {
      try {
        lane.node.admit(group.length, 0);
        const request = this.#kind.ask(group, this);
        lane.node.admit(request.slots, request.bytes);
        this.#shares.set(request, { lane, items: group });
        lane.live.add(request);

        lane.node.dispatch(request);
      } catch (error) {
        for (const item of group) this.#failed.set(item.key, error as MemcachedError);
      }
    }
  }

  /** See {@link RequestSink}. */
  replied(request: Request, reply: Reply): void {
    if (request !== this.#lastRequest) {
      this.#lastRequest = request;
      this.#lastShare = this.#shares.get(request)!;
    }
    const { items } = this.#lastShare;
    if (reply.kind >= ReplyKind.serverError && reply.kind <= ReplyKind.unknownCommand) {
      const error = complaint(request, reply);
      this.#dispatcher.noteFailure(request, error);
      this.#fail(items, error);
    } else {
      const item = items[request.keys === undefined ? 0 : reply.index]!;
      try {
        const value = this.#kind.read(reply, request);
        if (value !== undefined) this.values.set(item.key, value);
      } catch (error) {
        this.#fail([item], error as MemcachedError);
      }
    }
    if (!reply.more) this.#end(request);
  }

  /** See {@link RequestSink}. */
  late(request: Request, reply: Reply): void {
    this.#kind.late?.(request, reply);
  }

  /** See {@link RequestSink}. */
  failed(request: Request, error: MemcachedError): void {
    if (this.#dispatcher.retry(request, error)) return;
    this.#dispatcher.noteFailure(request, error);
    this.#fail(this.#shares.get(request)!.items, error);
    this.#end(request);
  }

  #fail(items: readonly Item[], error: MemcachedError): void {
    for (const item of items) if (!this.values.has(item.key)) this.#failed.set(item.key, error);
  }

  #end(request: Request): void {
    request.settle();
    const entry = this.#shares.get(request);
    if (entry === undefined) return;
    this.#shares.delete(request);
    entry.lane.live.delete(request);
    this.#advance(entry.lane);
    if (this.#busyLanes === 0) this.#finish();
  }

  /** The caller waits no longer: what was read is kept, the rest has failed; late answers go nowhere. */
  #giveUp(end: PatienceEnd): void {
    this.#settled = true;
    for (const [request, { items }] of this.#shares) {
      request.settled = true;
      request.holder?.abandon(request);
      const error = this.#dispatcher.patienceError(end, request);
      this.#dispatcher.noteFailure(request, error);
      if (end.kind === 'timeout') this.#fail(items, error as MemcachedError);
    }
    if (end.kind === 'abort') {
      this.#reject(end.reason);
      return;
    }
    for (const lane of this.#lanes) {
      const left = lane.items.slice(lane.next);
      if (left.length > 0) this.#fail(left, this.#dispatcher.unsentError(lane.node, end.milliseconds));
    }
    this.#conclude();
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

function takeSlice(lane: Lane): Item[] {
  const from = lane.next;
  let bytes = 0;
  const most = Math.min(SLICE_KEYS, lane.node.maxPending);
  while (lane.next < lane.items.length && lane.next - from < most && bytes < SLICE_BYTES) {
    const { wire, value } = lane.items[lane.next]!;
    bytes += wire.length + roughBytes(value);
    lane.next++;
  }
  return from === 0 && lane.next === lane.items.length ? lane.items : lane.items.slice(from, lane.next);
}

/** Enough to keep slices of large texts and buffers small; the exact size is known once it is encoded. */
function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return value instanceof Uint8Array ? value.length : 0;
}
