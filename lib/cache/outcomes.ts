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
  | 'getOrSetMany'
  | 'set'
  | 'setMany'
  | 'delete'
  | 'deleteMany'
  | 'invalidate'
  | 'deleteByTag'
  | 'expireByTag'
  | 'clear';

/**
 * Reads: `hit`; `miss` (in `getOrSet`: the loader of this call ran, and nobody else was asked); `stale`: an
 * older value was served while somebody refreshes it; `graced`: an older value was served because the loader
 * failed, now or a moment ago; `won`: this call got the right to refill, and its loader ran; `lost-waited`:
 * somebody else had it, and this call was given what they loaded; `lost-ran`: it did not wait, or no longer,
 * and its own loader ran. Writes: `done` when confirmed, `uncached` when the value cannot be stored, `refused` when a later version of it is. Both:
 * `bypass` when the cache is off or told to stand aside, `error` when memcached failed. Many keys at once:
 * `hit` when all were found, `error` when any failed.
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
  | 'uncached'
  | 'refused';

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
  /** Values found, those that were served stale included. A stub that a right to refill left is none. */
  hits: number;
  /** Values not found, those that could not be read included. */
  misses: number;
  /** Reads, writes and deletes that failed, one per key. A failed read counts as a miss too. */
  errors: number;
  /** Values confirmed to be stored. */
  sets: number;
  /** Values left uncached because they cannot be stored. */
  uncached: number;
  /** Values that were not stored because a later version of them is, by writes and by loads. */
  refused: number;
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
  /** Callers that waited for somebody else's load in this process. */
  waits: number;
  /** Hits beyond their `ttl`, or marked stale, served while somebody refreshes them. */
  stale: number;
  /** Hits beyond their `ttl` served because the loader failed. */
  graced: number;
  /** Loads run under a right to refill that was won. */
  won: number;
  /** Callers that were given what somebody else loaded, here or in another process. */
  lostWaited: number;
  /** Loads run without the right to refill, which somebody else held. */
  lostRan: number;
  /** Loaded values that were dropped because the key was changed or deleted meanwhile. */
  leasesLost: number;
  /** Hits that memcached was not asked for. */
  nearHits: number;
}

export class Ledger {
  readonly counts: CacheStats = {
    hits: 0,
    misses: 0,
    errors: 0,
    sets: 0,
    uncached: 0,
    refused: 0,
    deletes: 0,
    unconfirmedDeletes: 0,
    clears: 0,
    loads: 0,
    loadErrors: 0,
    waits: 0,
    stale: 0,
    graced: 0,
    won: 0,
    lostWaited: 0,
    lostRan: 0,
    leasesLost: 0,
    nearHits: 0,
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

  /** Counts and publishes what became of a `get`. */
  got(outcome: 'hit' | 'miss' | 'error' | 'bypass', began: number): void {
    if (outcome === 'hit') this.counts.hits++;
    else this.counts.misses++;
    this.publish('get', outcome, began);
  }

  /** Counts what became of one key that was asked for with a loader. */
  asked(outcome: CacheOutcome, isMine: boolean): void {
    const { counts } = this;
    const isHit = outcome === 'hit' || outcome === 'stale' || outcome === 'graced';
    if (isHit) counts.hits++;
    else counts.misses++;
    if (!isHit && !isMine) counts.waits++;
    if (outcome === 'stale') counts.stale++;
    else if (outcome === 'graced') counts.graced++;
    else if (outcome === 'lost-waited') counts.lostWaited++;
    else if (outcome === 'lost-ran') counts.lostRan++;
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
