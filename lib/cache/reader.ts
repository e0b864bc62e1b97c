/**
 * Reads what `writer.ts` stored, each value beside the generation it must belong to.
 *
 * Invariant: every read answers. What could not be read is not there, is counted and told to
 * {@link Trouble}; only mistakes of the program and the caller's own abort go through. Hits and misses are
 * counted by who knows how many callers there were.
 */
import { MemcachedPartialError } from '../core/base/errors.js';
import type { CallOptions } from '../core/pool/types.js';
import { open } from './envelope.js';
import { isBusy, orAborted, passOn } from './faults.js';
import type { Generations } from './generations.js';
import type { CacheStats } from './outcomes.js';
import type { CachePool } from './ports.js';
import type { Trouble } from './trouble.js';

/** A value, nothing, or a failure that must not be taken for a miss by whoever would load the node more. */
export type Read =
  | { readonly kind: 'hit'; readonly value: unknown }
  | { readonly kind: 'miss' }
  | { readonly kind: 'error' };

/** A read whose caller may go on to store: in which generation; `undefined`: it must not. */
export type ReadToFill = Read & { readonly generation: string | undefined };

const MISS: Read = { kind: 'miss' };
const ERROR: Read = { kind: 'error' };

export class Reader {
  constructor(
    private readonly pool: CachePool,
    private readonly generations: Generations,
    private readonly trouble: Trouble,
    private readonly counts: CacheStats,
  ) {}

  async read(key: string, call: CallOptions): Promise<Read> {
    const current = this.generations.current(this.generations.slot(key), call);
    try {
      const stored = await this.pool.get(key, call);
      if (stored === undefined) return this.#missed();
      const generation = await orAborted(current, call);
      return generation === undefined ? this.#unread() : this.#opened(generation, stored);
    } catch (error) {
      return this.#unreadable(error, call);
    }
  }

  /** Waits for the generation on a miss too: what is loaded after this belongs to it, whatever is cleared. */
  async readToFill(key: string, call: CallOptions): Promise<ReadToFill> {
    const current = this.generations.ensured(this.generations.slot(key), call);
    let stored: unknown;
    try {
      stored = await this.pool.get(key, call);
    } catch (error) {
      const read = this.#unreadable(error, call);
      return { ...read, generation: isBusy(error) ? undefined : await current };
    }
    const generation = await current;
    if (generation === undefined) return { ...this.#unread(), generation };
    return { ...(stored === undefined ? this.#missed() : this.#opened(generation, stored)), generation };
  }

  /** What was found, by stored key, and how many keys could not be read. */
  async readMany(
    keys: string[],
    call: CallOptions,
  ): Promise<{ found: Map<string, unknown>; failed: number }> {
    const slots = new Map(keys.map((key) => [key, this.generations.slot(key)]));
    const generations = this.generations.currentOf(slots.values(), call);
    let stored: Map<string, unknown>;
    let failed = 0;
    try {
      stored = await this.pool.getMany(keys, call);
    } catch (error) {
      passOn(error, call);
      this.trouble.failed(error);
      const partial = error instanceof MemcachedPartialError;
      stored = partial ? error.values : new Map();
      failed = partial ? error.failed.size : keys.length;
    }
    const found = new Map<string, unknown>();
    const current = stored.size === 0 ? undefined : await orAborted(generations, call);
    for (const [key, sealed] of stored) {
      const generation = current?.get(slots.get(key)!);
      if (generation === undefined) failed++;
      const value = typeof generation === 'string' ? open(generation, sealed) : undefined;
      if (value !== undefined) found.set(key, value);
    }
    this.counts.errors += failed;
    if (failed === 0) this.trouble.succeeded();
    return { found, failed };
  }

  #opened(generation: string | null, stored: unknown): Read {
    const value = generation === null ? undefined : open(generation, stored);
    if (value === undefined) return this.#missed();
    this.trouble.succeeded();
    return { kind: 'hit', value };
  }

  #missed(): Read {
    this.trouble.succeeded();
    return MISS;
  }

  /** The generation could not be read, which has been told already. */
  #unread(): Read {
    this.counts.errors++;
    return ERROR;
  }

  #unreadable(error: unknown, call: CallOptions): Read {
    passOn(error, call);
    this.trouble.failed(error);
    return this.#unread();
  }
}
