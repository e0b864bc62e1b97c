/**
 * One address: its sockets, its limits and its blacklist. Requests are given to a socket, or wait here
 * while one is being opened or has a full send buffer.
 *
 * Invariant: `#pending` counts every request from its dispatch to its answer or its socket's end, those
 * given up by their callers included, so that a node that hangs cannot pile up memory.
 * Which node takes a key, and whether a failed request is tried again, is decided above.
 */
import { Alarm, afterReading } from '../base/alarm.js';
import { MemcachedConnectionError, type MemcachedError, sameFailure } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { Phase, type Request, type RequestHolder } from '../command/request.js';
import { Connection } from '../connection/connection.js';
import type { CloseReason, ConnectionOwner, ConnectionSettings } from '../connection/contract.js';
import { Blacklist, type BlacklistMove } from './blacklist.js';
import { Refusals } from './refusals.js';
import { Sockets } from './sockets.js';

export interface NodeSettings {
  /** What every socket of the node is made with; the name of the node among it. */
  connection: ConnectionSettings;
  poolSize: number;
  commandTimeout: number;
  idleTimeout: number;
  blacklistTime: number;
  maxPending: number;
  maxPendingBytes: number;
  weight: number;
  random: () => number;
  moved(node: Node, move: BlacklistMove): void;
}

/** A server that was restarted under the first question looks like a proxy; so this is asked again. */
const PROXY_MEMORY_MILLISECONDS = 60_000;

/** Which of many sets failed a server does not say; after the first complaint each is asked by name for so long. */
const REFUSED_SETS_MILLISECONDS = 600_000;

/** So many requests fail within one turn of the event loop; more take several. */
const MOST_PER_TURN = 1_024;

/** A server that closes its connections sooner than this is not called again until somebody needs it. */
const LEAST_LIFE_MILLISECONDS = 1_000;

export class Node implements ConnectionOwner<Connection>, RequestHolder {
  readonly name: string;
  readonly weight: number;
  readonly blacklist: Blacklist;
  readonly #settings: NodeSettings;
  readonly #sockets: Sockets;
  /** Dispatched, and not on any socket yet. */
  readonly #waiting = new Fifo<Request>();
  /** Counts the times the last socket went: whoever answers next need not be the server that was known until then. */
  epoch = 0;
  #pending = 0;
  #pendingBytes = 0;
  /** The first socket, while it can take requests: the only one most nodes ever need. */
  #first: Connection | undefined;
  /** Until then new sockets are opened as a proxy understands it. */
  #askAsProxyUntil = Number.NEGATIVE_INFINITY;
  /** From then on sets may leave together. */
  #gatherSetsFrom = Number.NEGATIVE_INFINITY;
  #closing = false;
  /** A request with a time of its own waited in vain for a whole `commandTimeout` since the last sweep. */
  #timeoutNoted = false;
  /** Set while anything is pending; looks for deadlines that are over. */
  readonly #sweepAlarm: Alarm;
  /** Set while the node is blacklisted and no probe is under way. */
  readonly #probeAlarm: Alarm;
  /** Set while there is more than one socket. */
  readonly #idleAlarm: Alarm;
  readonly #refusals: Refusals;
  /** Resolve when the first socket is ready, or reject. */
  #connectWaiters: { resolve: () => void; reject: (error: MemcachedError) => void }[] = [];
  #drained: (() => void) | undefined;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
    this.name = settings.connection.node;
    this.weight = settings.weight;
    this.#refusals = new Refusals(this.name, settings.commandTimeout);
    this.blacklist = new Blacklist(
      settings.blacklistTime,
      this.#now,
      (move) => settings.moved(this, move),
      settings.random,
    );
    const { clock } = settings.connection.turn;
    this.#sweepAlarm = new Alarm(clock, () => {
      const now = clock.now();
      afterReading(clock, () => this.#sweep(now));
    });
    this.#probeAlarm = new Alarm(clock, () => this.#probe());
    this.#idleAlarm = new Alarm(clock, () => this.#closeIdle());
    this.#sockets = new Sockets(settings.poolSize, () => this.#open());
  }

  get #now(): number {
    return this.#settings.connection.turn.now();
  }

  get isUsable(): boolean {
    return this.blacklist.state !== 'blacklisted';
  }

  get pending(): number {
    return this.#pending;
  }

  get maxPending(): number {
    return this.#settings.maxPending;
  }

  get socketCount(): number {
    return this.#sockets.count('ready') + this.#sockets.count('draining');
  }

  get dialect(): Connection['dialect'] {
    return this.#sockets.all.find((connection) => connection.dialect !== undefined)?.dialect;
  }

  // ---- requests ----

  /** @throws MemcachedPoolExhaustedError, MemcachedBlacklistedError or MemcachedClosedError when it can take no such request now. */
  admit(slots: number, bytes: number): void {
    const { maxPending, maxPendingBytes } = this.#settings;
    if (this.blacklist.state === 'blacklisted') throw this.#blacklisted();
    if (this.#closing) throw this.#refusals.closed();
    if (this.#pending + slots > maxPending) {
      throw this.#refusals.exhausted(`${this.#pending} requests outstanding (maxPending ${maxPending})`);
    }
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      throw this.#refusals.exhausted(
        `${this.#pendingBytes} bytes outstanding (maxPendingBytes ${maxPendingBytes})`,
      );
    }
  }

  #blacklisted(): MemcachedError {
    const { until, reason } = this.blacklist;
    return this.#refusals.blacklisted((until ?? 0) - this.#now, reason);
  }

  /** Takes a request that {@link admit} let in. */
  dispatch(request: Request): void {
    this.#pending += request.slots;
    this.#pendingBytes += request.bytes;
    request.holder = this;
    request.phase = Phase.waiting;
    const first = this.#first;
    if (first !== undefined && !first.isLong) {
      first.dispatch(request);
    } else {
      this.#place(request);
    }
    if (!this.#sweepAlarm.isSet) this.#sweepAlarm.set(this.#settings.commandTimeout);
  }

  #place(request: Request): void {
    const connection = this.#sockets.pick(this.#now);
    if (connection === undefined) this.#waiting.push(request);
    else connection.dispatch(request);
  }

  /** Gives those that wait to sockets that can take them. */
  #serveWaiting(): void {
    while (this.#waiting.size > 0) {
      const connection = this.#sockets.pick(this.#now);
      if (connection === undefined) return;
      const request = this.#waiting.shift()!;
      if (!request.settled) connection.dispatch(request);
    }
  }

  /** See {@link RequestHolder}. */
  abandon(request: Request): void {
    if (request.phase === Phase.waiting) this.slotsFreed(request.slots, request.bytes);
  }

  /** See {@link RequestHolder}. */
  noteTimeout(): void {
    this.#timeoutNoted = true;
  }

  /** See {@link ConnectionOwner}. */
  slotsFreed(slots: number, bytes: number): void {
    this.#pending -= slots;
    this.#pendingBytes -= bytes;
    if (this.#drained !== undefined && this.#pending === 0) this.#drained();
  }

  // ---- sockets ----

  #open(): Connection {
    return new Connection(this.#settings.connection, this, this.#now < this.#askAsProxyUntil);
  }

  /** Opens the first socket if there is none. Rejects when the node is blacklisted or cannot be reached. */
  connect(): Promise<void> {
    if (this.#sockets.count('ready') > 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#closing) return reject(this.#refusals.closed());
      if (!this.isUsable) return reject(this.#blacklisted());
      this.#connectWaiters.push({ resolve, reject });
      this.#sockets.openAnother(this.#now);
    });
  }

  /** See {@link ConnectionOwner}. */
  connectionReady(connection: Connection): void {
    this.#first ??= connection;
    this.#armIdle(this.#settings.idleTimeout);
    this.#probeAlarm.stop();
    this.blacklist.connected(this.#now);
    for (const waiter of this.#connectWaiters.splice(0)) waiter.resolve();
    this.#serveWaiting();
    if (this.#closing) connection.drain();
  }

  /** See {@link ConnectionOwner}. */
  get gathersSets(): boolean {
    return this.#now >= this.#gatherSetsFrom;
  }

  /** See {@link ConnectionOwner}. */
  setsRefused(): void {
    this.#gatherSetsFrom = this.#now + REFUSED_SETS_MILLISECONDS;
  }

  /** See {@link ConnectionOwner}. */
  connectionWritable(): void {
    this.#serveWaiting();
  }

  /** See {@link ConnectionOwner}. */
  answersRead(_connection: Connection, inTime: boolean): void {
    if (inTime) this.blacklist.answered();
  }

  /** See {@link ConnectionOwner}. */
  connectionClosed(connection: Connection, reason: CloseReason, outstanding: Request[]): void {
    this.#sockets.remove(connection);
    if (this.#first === connection) {
      this.#first = this.#sockets.all.find((other) => other.state === 'ready');
      if (this.#first === undefined) this.epoch++;
    }
    const now = this.#now;
    switch (reason.kind) {
      case 'ask-as-proxy':
        this.#askAsProxyUntil = now + PROXY_MEMORY_MILLISECONDS;
        if (!this.#closing) this.#sockets.openAnother(now);
        return;
      case 'open-failed':
        this.#openFailed(reason.error, now);
        return;
      case 'doubt':
        this.#refusals.lastError = reason.error;
        if (this.isUsable) this.blacklist.strike(reason.error.message, now);
        else this.blacklist.probeFailed(reason.error.message, now);
        break;
      case 'lost':
        // The server may forget idle connections; one it takes away from under a request is another matter.
        if (outstanding.length === 0) {
          // Sockets are kept open, and a node that died while idle shall be known before somebody needs it.
          const lasted = now - connection.openedAt >= LEAST_LIFE_MILLISECONDS;
          const isNeeded = this.#first === undefined && this.isUsable && !this.#closing;
          if (lasted && isNeeded) this.#sockets.openAnother(now);
          break;
        }
        this.#refusals.lastError = reason.error;
        this.blacklist.strike(reason.error.message, now);
        break;
      case 'dropped':
        break;
      default:
        reason satisfies never;
    }
    if (!this.isUsable) {
      this.#leaveAlone(reason.error);
    } else if (this.#waiting.size > 0) {
      this.#sockets.openAnother(now);
    }
    this.#failAll(outstanding, reason.error);
  }

  /** Many at once fail in several turns: nobody's failure may hold up the event loop. */
  #failAll(requests: readonly Request[], error: MemcachedError): void {
    for (const request of requests) if (request.phase === Phase.waiting) request.phase = Phase.released;
    for (const request of requests.slice(0, MOST_PER_TURN)) {
      if (!request.settled) this.#fail(request, error);
    }
    if (requests.length <= MOST_PER_TURN) return;
    const { clock } = this.#settings.connection.turn;
    clock.setImmediate(() => this.#failAll(requests.slice(MOST_PER_TURN), error));
  }

  #openFailed(error: MemcachedError, now: number): void {
    this.#askAsProxyUntil = Number.NEGATIVE_INFINITY;
    if (this.#closing) {
      this.#failWaiting(error);
      return;
    }
    if (this.#sockets.count('ready') > 0) {
      this.#sockets.holdBack(now + this.#settings.blacklistTime);
      return;
    }
    this.#refusals.lastError = error;
    if (this.isUsable) this.blacklist.strikeOut(error.message, now);
    else this.blacklist.probeFailed(error.message, now);
    this.#leaveAlone(error);
  }

  /** It is blacklisted: from now on it has no socket but that of a probe, and nobody waits for it. */
  #leaveAlone(error: MemcachedError): void {
    this.#failWaiting(error);
    for (const connection of [...this.#sockets.all]) connection.drop('the node was blacklisted');
    const { until } = this.blacklist;
    if (until !== undefined && !this.#closing) this.#probeAlarm.set(until - this.#now);
  }

  /** Fails a request with the truth about whether it was sent. */
  #fail(request: Request, error: MemcachedError): void {
    const sent = request.phase === Phase.sent ? 'maybe' : 'no';
    request.sink.failed(request, sameFailure(error, sent));
  }

  #failWaiting(error: MemcachedError): void {
    for (const waiter of this.#connectWaiters.splice(0)) waiter.reject(error);
    const waiting = this.#waiting.drain().filter((request) => !request.settled);
    for (const request of waiting) this.slotsFreed(request.slots, request.bytes);
    this.#failAll(waiting, error);
  }

  // ---- time ----

  #sweep(now: number): void {
    let timedOut = this.#expireWaiting(now);
    const silent: Connection[] = [];
    for (const connection of [...this.#sockets.all]) {
      timedOut += connection.expire(now, MOST_PER_TURN - timedOut, (request) => this.#timedOut(request));
      if (timedOut >= MOST_PER_TURN) {
        this.#timeoutNoted = true;
        this.#settings.connection.turn.clock.setImmediate(() => this.#sweep(now));
        return;
      }
      if (connection.silentSince + this.#settings.commandTimeout <= now) silent.push(connection);
    }
    this.#judge(silent, timedOut > 0 || this.#timeoutNoted, now);
    this.#timeoutNoted = false;
    if (this.#pending > 0) this.#sweepAlarm.set(this.#nextSweep(now) - this.#now);
  }

  #judge(silent: readonly Connection[], anyTimedOut: boolean, now: number): void {
    const { commandTimeout } = this.#settings;
    if (silent.length > 0) {
      const heard = this.#sockets.all.some(
        (other) =>
          !silent.includes(other) && other.state !== 'opening' && other.lastByteAt + commandTimeout > now,
      );
      if (!heard) {
        this.#refusals.lastError = this.#refusals.silent();
        this.blacklist.strikeOut(this.#refusals.lastError.message, now);
      }
      for (const connection of silent) connection.drop(`not a byte came for ${commandTimeout} ms`);
    } else if (anyTimedOut) {
      const error = this.#refusals.slow();
      this.blacklist.strike(error.message, now);
      if (this.isUsable) return;
      this.#refusals.lastError = error;
      this.#leaveAlone(error);
    }
  }

  #nextSweep(now: number): number {
    const { commandTimeout } = this.#settings;
    let next = now + commandTimeout;
    for (const connection of this.#sockets.all) {
      next = Math.min(next, connection.nextDeadline, connection.silentSince + commandTimeout);
    }
    const waiting = this.#waiting.peek();
    if (waiting !== undefined && !waiting.settled) next = Math.min(next, waiting.deadline);
    return next;
  }

  #expireWaiting(now: number): number {
    let count = 0;
    for (let i = 0; i < this.#waiting.size; i++) {
      const request = this.#waiting.at(i)!;
      if (request.settled || request.deadline > now) continue;
      count++;
      this.slotsFreed(request.slots, request.bytes);
      this.#timedOut(request);
    }
    while (this.#waiting.peek()?.settled === true) this.#waiting.shift();
    return count;
  }

  #timedOut(request: Request): void {
    const error = this.#refusals.timedOut(request.phase === Phase.waiting ? 'no' : 'maybe');
    request.sink.failed(request, error);
    request.settled = true;
  }

  #probe(): void {
    if (!this.#closing && !this.isUsable) this.#sockets.openAnother(this.#now);
  }

  #closeIdle(): void {
    const { idleTimeout } = this.#settings;
    const now = this.#now;
    const usedAt = this.#sockets.closeIdle(now - idleTimeout);
    this.#armIdle(Math.min(idleTimeout, usedAt + idleTimeout - now));
  }

  #armIdle(milliseconds: number): void {
    if (this.#sockets.all.length > 1 && !this.#closing) this.#idleAlarm.set(milliseconds);
  }

  // ---- the end ----

  /** Refuses new requests at once; resolves when nothing is outstanding or {@link destroy} was called. */
  drain(): Promise<void> {
    this.#closing = true;
    this.#probeAlarm.stop();
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = undefined;
        resolve();
      };
      if (this.#pending === 0) this.#drained();
    });
  }

  /** Closes every socket; what is outstanding fails. Nothing of the node is left behind. */
  destroy(why: string): void {
    this.#closing = true;
    // First those that wait: else the end of one socket would open another for them.
    this.#failWaiting(new MemcachedConnectionError(`${this.name}: ${why}.`, { node: this.name }));
    for (const connection of [...this.#sockets.all]) connection.drop(why);
    this.#probeAlarm.stop();
    this.#sweepAlarm.stop();
    this.#idleAlarm.stop();
    this.#drained?.();
  }
}
