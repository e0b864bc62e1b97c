/**
 * Reads what `writer.ts` stored, each value beside the generation it must belong to.
 *
 * Invariant: every read answers. What could not be read is not there, is counted and told to
 * {@link Trouble}; only mistakes of the program and the caller's own abort go through. Hits and misses are
 * counted by who knows how many callers there were.
 */
import { MemcachedPartialError } from '../core/base/errors.js';
import type { CallOptions } from '../core/pool/types.js';
import type { Stamp } from './envelope.js';
import { isBusy, orAborted, passOn } from './faults.js';
import type { CacheStats } from './outcomes.js';
import type { CachePool } from './ports.js';
import type { Judged, Stamps } from './stamps.js';
import type { Trouble } from './trouble.js';

/** A value, nothing, or a failure that must not be taken for a miss by whoever would load the node more. */
export type Read =
  | { readonly kind: 'hit'; readonly value: unknown }
  | { readonly kind: 'miss' }
  | { readonly kind: 'error' };

/** A read whose caller may go on to store: under which stamp; `undefined`: it must not. */
export type ReadToFill = Read & { readonly stamp: Stamp | undefined };

const NO_TAGS: readonly string[] = [];
const MISS: Read = { kind: 'miss' };
const ERROR: Read = { kind: 'error' };

export class Reader {
  constructor(
    private readonly pool: CachePool,
    private readonly stamps: Stamps,
    private readonly trouble: Trouble,
    private readonly counts: CacheStats,
  ) {}

  async read(key: string, tags: readonly string[], call: CallOptions): Promise<Read> {
    const asked = this.stamps.ask(key, tags, call);
    try {
      const stored = await this.pool.get(key, call);
      if (stored === undefined) return this.#missed();
      return this.#judged(await orAborted(asked.judge(stored), call));
    } catch (error) {
      return this.#unreadable(error, call);
    }
  }

  /** Waits for the stamp on a miss too: what is loaded after this carries it, whatever is cleared. */
  async readToFill(key: string, call: CallOptions): Promise<ReadToFill> {
    const asked = this.stamps.ask(key, NO_TAGS, call);
    const ensured = asked.ensured(NO_TAGS);
    let stored: unknown;
    try {
      stored = await this.pool.get(key, call);
    } catch (error) {
      const read = this.#unreadable(error, call);
      return { ...read, stamp: isBusy(error) ? undefined : await ensured };
    }
    const stamp = await ensured;
    if (stamp === undefined) return { ...this.#unread(), stamp };
    const read = stored === undefined ? this.#missed() : this.#judged(await asked.judge(stored));
    return { ...read, stamp };
  }

  /** What was found, by stored key, and how many keys could not be read. */
  async readMany(
    keys: string[],
    tags: readonly string[],
    call: CallOptions,
  ): Promise<{ found: Map<string, unknown>; failed: number }> {
    const asked = this.stamps.askMany(keys, tags, call);
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
    const judging = [...stored].map(([key, sealed]) => asked.get(key)!.judge(sealed));
    const judged = await orAborted(Promise.all(judging), call);
    for (const [index, key] of [...stored.keys()].entries()) {
      const { [index]: one } = judged;
      if (one!.kind === 'error') failed++;
      else if (one!.kind === 'valid') found.set(key, one!.value);
    }
    this.counts.errors += failed;
    if (failed === 0) this.trouble.succeeded();
    return { found, failed };
  }

  #judged(judged: Judged): Read {
    if (judged.kind === 'error') return this.#unread();
    if (judged.kind !== 'valid') return this.#missed();
    this.trouble.succeeded();
    return { kind: 'hit', value: judged.value };
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
