/**
 * What became of each operation: counted, and published on `cacheChannel` when somebody listens.
 *
 * Invariant: no listener, no cost beyond a counter; a message holds names, words and numbers, never a key.
 */
import { cacheChannel } from '../core/base/channels.js';
import type { Clock } from '../core/base/clock.js';

export type CacheOperation =
  | 'get'
  | 'getMany'
  | 'getOrSet'
  | 'set'
  | 'setMany'
  | 'delete'
  | 'deleteMany'
  | 'clear';

/**
 * Reads: `hit`; `miss` (in `getOrSet`: the loader of this call ran); `lost-waited`: another caller had the
 * right to load, and this one waited for it; `lost-ran`: it did not wait and ran its own loader; `won`: it
 * got the right to refill; `stale` and `graced`: an older value was served. Writes: `done` when confirmed,
 * `uncached` when the value cannot be stored. Both: `bypass` when the cache is off, `error` when memcached
 * failed. Many keys at once: `hit` when all were found, `error` when any failed.
 */
export type CacheOutcome =
  | 'hit'
  | 'miss'
  | 'stale'
  | 'won'
  | 'lost-waited'
  | 'lost-ran'
  | 'graced'
  | 'bypass'
  | 'error'
  | 'done'
  | 'uncached';

/** What `cacheChannel` carries. */
export interface CacheMessage {
  pool: string;
  namespace: string;
  operation: CacheOperation;
  outcome: CacheOutcome;
  /** From the call to its answer. */
  milliseconds: number;
  /** How many keys a call for many was for. */
  keys?: number;
  /** How many of them were found. */
  hits?: number;
}

/** Counters of one namespace since the process began. All of its views share them. */
export interface CacheStats {
  /** Values found. */
  hits: number;
  /** Values not found, those that could not be read included. */
  misses: number;
  /** Reads, writes and deletes that failed, one per key. A failed read counts as a miss too. */
  errors: number;
  /** Values confirmed to be stored. */
  sets: number;
  /** Values left uncached because they cannot be stored. */
  uncached: number;
  /** Keys known to be gone after a delete. */
  deletes: number;
  /** Keys that may remain after a delete. */
  unconfirmedDeletes: number;
  /** Clears that every node confirmed. */
  clears: number;
  /** Loaders run. */
  loads: number;
  /** Loaders that failed. */
  loadErrors: number;
  /** Callers that waited for somebody else's load. */
  waits: number;
}

export class Ledger {
  readonly counts: CacheStats = {
    hits: 0,
    misses: 0,
    errors: 0,
    sets: 0,
    uncached: 0,
    deletes: 0,
    unconfirmedDeletes: 0,
    clears: 0,
    loads: 0,
    loadErrors: 0,
    waits: 0,
  };

  constructor(
    private readonly pool: string,
    private readonly namespace: string,
    private readonly clock: Clock,
  ) {}

  /** When an operation began, for {@link publish}; -1 when nobody would know. */
  began(): number {
    return cacheChannel.hasSubscribers ? this.clock.now() : -1;
  }

  publish(
    operation: CacheOperation,
    outcome: CacheOutcome,
    began: number,
    many?: { keys: number; hits?: number },
  ): void {
    if (!cacheChannel.hasSubscribers) return;
    const milliseconds = began < 0 ? 0 : this.clock.now() - began;
    const { pool, namespace } = this;
    const message: CacheMessage = { pool, namespace, operation, outcome, milliseconds, ...many };
    cacheChannel.publish(message);
  }
}
