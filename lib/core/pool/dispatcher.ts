/**
 * From a key to its node: routing, admission, the turn of round robin, and the one place that decides
 * whether a failed request is sent again.
 *
 * Invariant: a request is sent again only if nothing of it was sent, or if repeating it changes nothing.
 */
import { failureChannel } from '../base/channels.js';
import {
  MemcachedClosedError,
  MemcachedError,
  MemcachedTimeoutError,
  MemcachedUnavailableError,
  withoutStack,
} from '../base/errors.js';
import type { Turn, TurnTask } from '../base/turn.js';
import { isRepeatable, Phase, type Request, verbName } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Router } from '../routing/router.js';
import { CallPatience, ownTimeout, type PatienceEnd } from './patience.js';
import type { CallOptions } from './types.js';

export interface DispatcherSettings {
  name: string;
  commandTimeout: number;
  retries: number;
  turn: Turn;
}

/** Retries may add a tenth to the traffic and no more: retry storms keep outages alive. */
const RETRY_SHARE = 0.1;
/** So many retries may come at once, before the share counts. */
const RETRY_BURST = 100;

export class Dispatcher implements TurnTask {
  nodes: readonly Node[] = [];
  closing = false;
  readonly #settings: DispatcherSettings;
  #router!: Router;
  /** `onBlacklisted: 'next'`, or nodes that share one key space. */
  #movesOn = false;
  /** The router has turns of its own to be told of. */
  #turns = false;
  #inTurn = false;
  #retryTokens = RETRY_BURST;
  readonly #isUsable = (index: number): boolean => this.nodes[index]!.isUsable;

  constructor(settings: DispatcherSettings) {
    this.#settings = settings;
  }

  /** Any node takes any key, so several keys of one call need not stay together. */
  get sharesKeySpace(): boolean {
    return this.#turns;
  }

  /** Replaces the nodes; requests under way stay where they are. */
  route(nodes: readonly Node[], router: Router, movesOn: boolean): void {
    this.nodes = nodes;
    this.#router = router;
    this.#turns = router.turn !== undefined;
    this.#movesOn = movesOn || this.#turns;
  }

  /**
   * The node for a key.
   * @throws MemcachedUnavailableError or MemcachedClosedError; whether the node takes the request is its say.
   */
  nodeFor(key: string): Node {
    if (this.closing) throw this.closed();
    if (this.#turns && !this.#inTurn) {
      this.#inTurn = true;
      this.#settings.turn.atEnd(this);
    }
    const node = this.nodes[this.#router.pick(key)];
    if (node?.isUsable === true) return node;
    return this.#otherNodeFor(key, node);
  }

  /** The node for a key, usable or not; nothing is thrown and no turn is taken. */
  ownerOf(key: string): Node | undefined {
    const owner = this.nodes[this.#router.pick(key)];
    if (owner?.isUsable === true || !this.#movesOn) return owner;
    return this.nodes[this.#router.pickUsable(key, this.#isUsable)] ?? owner;
  }

  /** @throws MemcachedUnavailableError when there is no node of that name (any more). */
  named(name: string): Node {
    if (this.closing) throw this.closed();
    for (const node of this.nodes) if (node.name === name) return node;
    throw this.#unknown(name);
  }

  #unknown(name: string): MemcachedUnavailableError {
    return withoutStack(
      () =>
        new MemcachedUnavailableError(`The pool "${this.#settings.name}" has no node ${name}.`, {
          node: name,
        }),
    );
  }

  #otherNodeFor(key: string, node: Node | undefined): Node {
    if (this.#movesOn) {
      const other = this.nodes[this.#router.pickUsable(key, this.#isUsable)];
      if (other !== undefined) return other;
    }
    const allAreDown = this.nodes.length > 1 && !this.nodes.some((each) => each.isUsable);
    // A single node, or one of several, says itself why it is blacklisted.
    if (node !== undefined && !allAreDown) return node;
    throw withoutStack(
      () =>
        new MemcachedUnavailableError(
          `Every node of the pool "${this.#settings.name}" is blacklisted: ${this.nodes.map((each) => each.name).join(', ')}.`,
        ),
    );
  }

  /** See {@link TurnTask}. */
  endTurn(): void {
    this.#inTurn = false;
    this.#router.turn?.();
  }

  closed(): MemcachedClosedError {
    return withoutStack(() => new MemcachedClosedError(`The pool "${this.#settings.name}" is closed.`));
  }

  /** Resolves when the node has a socket; rejects when it cannot have one, or not in the call's own time or the pool's. */
  connected(node: Node, options: CallOptions | undefined): Promise<void> {
    const milliseconds = ownTimeout(options) ?? this.#settings.commandTimeout;
    const connecting = node.connect();
    // It has one, or has refused already.
    if (node.socketCount > 0 || !node.isUsable) return connecting;
    return new Promise((resolve, reject) => {
      const { clock } = this.#settings.turn;
      const patience = new CallPatience(clock, milliseconds, options?.signal, (end) =>
        reject(end.kind === 'abort' ? end.reason : this.unsentError(node, milliseconds)),
      );
      connecting.then(resolve, reject).finally(() => patience.release());
    });
  }

  /**
   * Gives a request to the node that was chosen and has admitted it, with the call's own time or the pool's.
   */
  submit(request: Request, node: Node, options: CallOptions | undefined): void {
    if (this.#retryTokens < RETRY_BURST) this.#retryTokens += RETRY_SHARE;
    if (options === undefined) {
      request.deadline = this.#settings.turn.now() + this.#settings.commandTimeout;
      node.dispatch(request);
      return;
    }
    const own = ownTimeout(options);
    if (options?.node !== undefined) request.pinned = true;
    if (own === undefined && options?.signal === undefined) {
      request.deadline = this.#settings.turn.now() + this.#settings.commandTimeout;
    } else {
      this.watch(request, own ?? this.#settings.commandTimeout, options?.signal);
    }
    node.dispatch(request);
  }

  /** Sends the next step of a call of several, to the same key and within what is left of its time. */
  follow(done: Request, next: Request): void {
    const node = this.nodes.find((each) => each === done.holder) ?? this.nodeFor(next.key);
    node.admit(next.slots, next.bytes);
    if (done.patience instanceof CallPatience)
      next.patience = done.patience.handOver((end) => this.#giveUp(next, end));
    else this.watch(next, Math.max(1, done.deadline - this.#settings.turn.now()), undefined);
    node.dispatch(next);
  }

  /** Keeps the time of a request that has its own. */
  watch(request: Request, milliseconds: number, signal: AbortSignal | undefined): void {
    const { clock } = this.#settings.turn;
    request.patience = new CallPatience(clock, milliseconds, signal, (end) => this.#giveUp(request, end));
  }

  #giveUp(request: Request, end: PatienceEnd): void {
    if (request.settled) return;
    request.settled = true;
    request.holder?.abandon(request);
    const error = this.patienceError(end, request);
    this.noteFailure(request, error);
    request.reject(error);
  }

  /** Tells whoever listens that a request has failed for good. */
  noteFailure(request: Request, error: unknown): void {
    if (!failureChannel.hasSubscribers) return;
    const code = error instanceof MemcachedError ? error.code : 'ABORTED';
    const { name: pool } = this.#settings;
    failureChannel.publish({ pool, node: request.holder?.name, code, verb: verbName(request.verb) });
  }

  /** What a caller is told whose patience ended. */
  patienceError(end: PatienceEnd, request: Request): unknown {
    if (end.kind === 'abort') return end.reason;
    const { holder } = request;
    if (end.milliseconds >= this.#settings.commandTimeout) holder?.noteTimeout();
    const node = holder?.name;
    const sent = request.phase === Phase.sent ? 'maybe' : 'no';
    return withoutStack(
      () =>
        new MemcachedTimeoutError(`${node} did not answer within ${end.milliseconds} ms.`, { node, sent }),
    );
  }

  /** What a caller is told of keys whose turn did not come in time. */
  unsentError(node: Node, milliseconds: number): MemcachedTimeoutError {
    return withoutStack(
      () =>
        new MemcachedTimeoutError(`${node.name} was not asked within ${milliseconds} ms.`, {
          node: node.name,
        }),
    );
  }

  /**
   * Sends a failed request again if that is allowed and there is a node for it.
   * @returns false when the error is final.
   */
  retry(request: Request, error: MemcachedError): boolean {
    const { retries, turn } = this.#settings;
    if (request.retried >= retries || this.closing || this.#retryTokens < 1) return false;
    if (
      error.code !== 'MEMCACHED_CONNECTION' &&
      error.code !== 'MEMCACHED_PROTOCOL' &&
      !isConnectTimeout(error)
    ) {
      return false;
    }
    if (error.sent !== 'no' && !isRepeatable(request.verb)) return false;
    const left = request.deadline - turn.now();
    if (left <= 0) return false;
    let node: Node;
    try {
      node = this.#nodeForRetry(request);
      node.admit(request.slots, request.bytes);
    } catch {
      return false;
    }
    this.#retryTokens--;
    request.retried++;
    request.cursor = 0;
    if (request.deadline !== Number.POSITIVE_INFINITY) {
      // It now stands behind requests with later deadlines, so it must keep its time itself.
      request.deadline = Number.POSITIVE_INFINITY;
      this.watch(request, left, undefined);
    }
    node.dispatch(request);
    return true;
  }

  #nodeForRetry(request: Request): Node {
    const failed = request.holder;
    if (!this.#movesOn || request.pinned) {
      return this.nodes.find((node) => node === failed)!;
    }
    const key = Buffer.from(request.key, 'latin1').toString('utf8');
    const other = this.#router.pickUsable(
      key,
      (index) => this.nodes[index] !== failed && this.nodes[index]!.isUsable,
    );
    return this.nodes[other] ?? this.nodes.find((node) => node === failed)!;
  }
}

/** A connect that timed out has sent nothing of the request; the command's own timeout leaves no time to try again. */
function isConnectTimeout(error: MemcachedError): boolean {
  return error.code === 'MEMCACHED_TIMEOUT' && error.sent === 'no';
}
