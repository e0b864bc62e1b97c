/**
 * The near cache: values that memcached is asked for again and again, kept in the process for a moment.
 *
 * Invariant: no more than its bytes; nothing beyond its time, nor beyond a value's own `ttl`; nothing stale,
 * and no stub. What is changed in this process is gone from it before the change is called done, and a read
 * that began before the change cannot bring it back. What other processes change is seen when the time of the
 * copy is over: then it is compared with memcached, by its CAS id where the server can, else read anew.
 *
 * A hit is its caller's alone: each gets a copy, which costs nothing for texts and numbers.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/base/clock.js';
import type { LeaseRead } from '../core/pool/types.js';
import type { Freshness, Stamp } from './envelope.js';
import type { CheckedNear } from './near-options.js';
import { copy } from './shape.js';

/** A value that was found valid, as a read brought it. */
export interface Found {
  readonly value: unknown;
  readonly stamp: Stamp;
  readonly freshness: Freshness;
}

/** What is kept of a value. */
interface Entry {
  readonly namespace: string;
  readonly value: unknown;
  readonly stamp: Stamp;
  readonly freshness: Freshness;
  readonly cas: bigint;
  /** On the clock. */
  until: number;
}

/** What is kept of a value that may be there no more; its own, to look at and to {@link Near.copyOf}. */
export interface Known {
  readonly value: unknown;
  readonly stamp: Stamp;
  readonly freshness: Freshness;
  readonly cas: bigint;
}

/** Keys of recent changes that are remembered one by one; of older ones only when they were. */
const MAX_CHANGES = 1_000;
/** A key and what is kept around a value, roughly. */
const ENTRY_BYTES = 200;

/** The memory, shared by all namespaces of a cache. */
export class NearStore {
  readonly #entries: LRUCache<string, Entry>;
  /** When keys were changed here, oldest first, counted by {@link now}. */
  readonly #changes = new Map<string, number>();
  #now = 0;
  /** Reads that began before this may have missed a change. */
  #floor = 0;

  constructor(readonly maxBytes: number) {
    this.#entries = new LRUCache({ maxSize: maxBytes, maxEntrySize: Math.ceil(maxBytes / 8) });
  }

  /** Bytes kept, as they are estimated. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** When something begins, for {@link put}. */
  get now(): number {
    return this.#now;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Keeps what a read found that began at `since`, unless the key was changed meanwhile. */
  put(key: string, entry: Entry, since: number): void {
    if (since < this.#floor || (this.#changes.get(key) ?? 0) > since) return;
    this.#entries.set(key, entry, { size: ENTRY_BYTES + 2 * key.length + sizeOf(entry.value) });
  }

  drop(key: string): void {
    this.#entries.delete(key);
    this.#changes.delete(key);
    this.#changes.set(key, ++this.#now);
    if (this.#changes.size <= MAX_CHANGES) return;
    const [oldest] = this.#changes;
    this.#changes.delete(oldest![0]);
    this.#floor = oldest![1];
  }

  /** Forgets a value that turned out to be over. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Drops what `which` says yes to, and what is being read now, whatever it is. */
  dropWhere(which: (entry: Pick<Entry, 'namespace' | 'stamp'>) => boolean): void {
    this.#floor = ++this.#now;
    for (const [key, entry] of this.#entries.entries()) if (which(entry)) this.#entries.delete(key);
  }
}

/** The near cache as one cache or view uses it. */
export class Near {
  constructor(
    private readonly store: NearStore,
    private readonly namespace: string,
    private readonly options: CheckedNear,
    private readonly clock: Clock,
  ) {}

  /** When a read begins, for {@link offer}. */
  get now(): number {
    return this.store.now;
  }

  /** A value whose time is not over, as the caller's own; `undefined` when there is none. */
  lookup(key: string): unknown {
    const entry = this.store.get(key);
    return entry !== undefined && this.clock.now() < entry.until ? copy(entry.value) : undefined;
  }

  /** What was kept of a value, its time over or not, to compare with memcached. */
  known(key: string): Known | undefined {
    return this.store.get(key);
  }

  /**
   * What a read, made with what was known, came to: keeps what it found, or goes on keeping it.
   * @param found - `undefined` when there is nothing fresh; then what was known and is still the same goes
   * @param since - {@link now} when the read began
   */
  learn(
    key: string,
    read: LeaseRead<unknown>,
    found: Found | undefined,
    known: Known | undefined,
    since: number,
  ): void {
    if (known === undefined || !read.unchanged) {
      if (found !== undefined) this.offer(key, read, found, since);
    } else if (found === undefined) this.forget(key);
    else this.confirm(key, known, read);
  }

  /**
   * Keeps a value that is really hot, by what memcached says of its reads.
   * @param since - {@link now} when the read began
   */
  offer(key: string, read: LeaseRead<unknown>, found: Found, since: number): void {
    const { hitBefore, idleSeconds, cas, stale } = read;
    if (!hitBefore || idleSeconds * 1_000 > this.options.hotWithin || cas === undefined || stale) return;
    const { value, stamp, freshness } = found;
    const until = this.#until(read, freshness);
    if (until === undefined) return;
    try {
      const { namespace } = this;
      this.store.put(key, { namespace, value: copy(value), stamp, freshness, cas, until }, since);
    } catch {
      // What cannot be copied is made by a serializer of the application's own: it is read each time.
    }
  }

  /** The value of what was kept, as the caller's own. */
  copyOf(known: Known): unknown {
    return copy(known.value);
  }

  /** What was kept has not changed: it is good for another while, unless it was dropped meanwhile. */
  confirm(key: string, known: Known, read: LeaseRead<unknown>): void {
    const entry = this.store.get(key);
    if (entry !== known) return;
    const until = this.#until(read, entry.freshness);
    if (until !== undefined) entry.until = until;
  }

  /** Forgets a value that turned out to be over. */
  forget(key: string): void {
    this.store.forget(key);
  }

  /** A last second is not counted: memcached ends an item somewhere within it. */
  #until(read: LeaseRead<unknown>, { staleSeconds }: Freshness): number | undefined {
    const { ttlSeconds } = read;
    if (ttlSeconds === undefined) return undefined;
    const left = ttlSeconds < 0 ? Number.POSITIVE_INFINITY : (ttlSeconds - staleSeconds - 1) * 1_000;
    return left <= 0 ? undefined : this.clock.now() + Math.min(this.options.ttl, left);
  }
}

/** Roughly what a value of the codec's takes in memory. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Uint8Array) return value.byteLength;
  if (value instanceof Map || value instanceof Set) {
    let bytes = 32;
    for (const part of value.entries()) bytes += 16 + sizeOf(part[0]) + sizeOf(part[1]);
    return bytes;
  }
  let bytes = 32;
  for (const key in value) bytes += 2 * key.length + 16 + sizeOf((value as Record<string, unknown>)[key]);
  return bytes;
}
