/**
 * The pool's public vocabulary: what its calls take and give. Behaviour lives in `pool.ts`; which options
 * there are, with their defaults, in `options.ts`.
 */
import type { Duration } from '../base/durations.js';
import type { NodeState } from '../node/blacklist.js';
import type { EncodeOptions } from '../value/codec.js';

/** Taken by every call. */
export interface CallOptions {
  /**
   * Longest time from the call to the reply's last byte, waiting and retries included.
   * @defaultValue the pool's `commandTimeout`
   */
  timeout?: Duration | undefined;
  /** Rejects the call at once with its `reason` when aborted. The connection stays in use. */
  signal?: AbortSignal | undefined;
  /**
   * Name of the node the call goes to, wherever its key belongs. For data kept once per node; calls for
   * many keys do not take it.
   */
  node?: string | undefined;
}

/** Taken by every call that stores a value. */
export interface StoreOptions extends CallOptions, EncodeOptions {
  /**
   * How long the item lives: milliseconds or `'10m'`, rounded up to whole seconds. 0 is never.
   * @defaultValue 0
   */
  ttl?: Duration | undefined;
}

export interface CounterOptions extends CallOptions {
  /** Makes the counter with this value when the key is missing. Without it a missing key gives `undefined`. */
  initial?: number | bigint | undefined;
  /** Lifetime of a counter made by `initial`. @defaultValue 0, never */
  ttl?: Duration | undefined;
}

/** A value together with the token that a later {@link MemcachedPool.cas} compares. */
export interface Versioned<T> {
  value: T;
  cas: bigint;
}

/** What became of a compare-and-set: written, changed by another meanwhile, or gone. */
export type CasOutcome = 'stored' | 'exists' | 'missing';

/** One node as {@link MemcachedPool.nodes} shows it. */
export interface NodeStatus {
  /** `host:port`, `[v6]:port` or `unix:/path`. */
  name: string;
  /** `idle`: nothing tried yet. `up`. `blacklisted`: skipped until its time is over and a probe succeeded. */
  state: NodeState;
  /** Why it is in this state, as a sentence; empty while all is well. */
  reason: string;
  /** When the state began, milliseconds since 1970. */
  since: number;
  /** When the next probe of a blacklisted node is due, milliseconds since 1970. */
  until: number | undefined;
  /** Open sockets. */
  sockets: number;
  /** Requests outstanding, those whose caller has given up included. */
  pending: number;
  /** What the handshake found: `undefined` before the first one. */
  protocol: 'meta' | 'classic' | 'binary' | undefined;
  weight: number;
}

/** What a read with lease tokens found (protocol.txt, Meta Get; stale items and the right to refill). */
export interface LeaseRead<T> {
  /** `undefined` when the item is only a stub that somebody's right to refill has left. */
  value: T | undefined;
  cas: bigint | undefined;
  /** The node it lies on. */
  node: string;
  /** The item is still the one whose CAS id the reader named, so its value was not sent again. */
  unchanged: boolean;
  /** This reader won the right to refill (`W`). */
  won: boolean;
  /** The item is marked stale (`X`). */
  stale: boolean;
  /** Somebody else holds the right to refill (`Z`). */
  taken: boolean;
  /** Seconds left, -1 for never; `undefined` when it was not asked for. */
  ttlSeconds: number | undefined;
  hitBefore: boolean;
  /** Seconds since the last read. */
  idleSeconds: number;
}

/** Sent once for every change of a node's state. */
export interface NodeStateChange {
  pool: string;
  node: string;
  from: NodeState;
  to: NodeState;
  /** Why, as a sentence; empty when the node is up. */
  reason: string;
}
