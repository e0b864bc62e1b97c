/**
 * Reads what `writer.ts` stored, each value beside the stamp it must match.
 *
 * Invariant: every read answers. What could not be read is not there, is counted and told to
 * {@link Trouble}; only mistakes of the program and the caller's own abort go through. A value that is stale,
 * by its time, by a mark on it or by its tags, is not there either: who reads here cannot refresh it. Hits and
 * misses are counted by who knows how many callers there were.
 */
import type { Clock } from '../core/base/clock.js';
import { MemcachedPartialError } from '../core/base/errors.js';
import type { LeaseReader, LentItem } from '../core/pool/leases.js';
import type { CallOptions, LeaseRead } from '../core/pool/types.js';
import { ALWAYS_FRESH, isStale } from './envelope.js';
import { orAborted, passOn } from './faults.js';
import type { Known, Near } from './near.js';
import type { CacheStats } from './outcomes.js';
import type { CachePool } from './ports.js';
import { type Asked, type Judged, NOTHING, type Stamps, UNREAD } from './stamps.js';
import type { Trouble } from './trouble.js';

/** A value, nothing, or a failure that must not be taken for a miss by whoever would load the node more. */
export type Read =
  | { readonly kind: 'hit'; readonly value: unknown }
  | { readonly kind: 'miss' }
  | { readonly kind: 'error' };

const NO_TAGS: readonly string[] = [];
const MISS: Read = { kind: 'miss' };
const ERROR: Read = { kind: 'error' };

export class Reader {
  constructor(
    private readonly pool: CachePool,
    private readonly stamps: Stamps,
    private readonly trouble: Trouble,
    private readonly counts: CacheStats,
    private readonly clock: Clock,
  ) {}

  /**
   * {@link read} without a promise: one of the two functions is called, once, perhaps before this returns. For
   * reads that nobody can abort, without tags and without a near cache.
   */
  readTo(key: string, call: CallOptions, done: (read: Read) => void, failed: (error: unknown) => void): void {
    const { leases } = this.pool;
    if (leases === undefined) {
      this.read(key, NO_TAGS, call, undefined).then(done, failed);
      return;
    }
    leases.peekTo(new Peek(this, key, this.stamps.ask(key, NO_TAGS, call), call, done, failed), call);
  }

  /** Ends a {@link readTo} with nearly every hit. `false`: {@link took} has to. */
  glimpsed({ asked, done }: Peek, item: LentItem): boolean {
    const value = asked.glimpse(item);
    if (value === undefined) return false;
    done(this.#hit(value));
    return true;
  }

  /** Ends a {@link readTo} with an item as it was read. */
  took(peek: Peek, read: LeaseRead<unknown> | undefined): void {
    const { key, asked, done } = peek;
    if (read?.value === undefined) {
      if (read?.won === true) this.#rearm(key, read);
      done(this.#missed());
      return;
    }
    const { generation } = asked;
    if (!generation.isKnown) {
      generation.whenKnown(() => this.took(peek, read));
      return;
    }
    const valid = read.won || read.stale ? undefined : asked.validNow(read.value);
    if (valid === undefined) {
      void asked.judge(read.value).then((found) => done(this.#judged(this.#fresh(key, read, found))));
      return;
    }
    const { freshness, value } = valid;
    const isFresh = freshness === ALWAYS_FRESH || !isStale(freshness, read.ttlSeconds, this.clock.wallNow());
    done(isFresh ? this.#hit(value) : this.#missed());
  }

  /** Ends a {@link readTo} of an item that could not be read. */
  failed({ call, done, refused }: Peek, error: unknown): void {
    let read: Read;
    try {
      read = this.#unreadable(error, call);
    } catch (mistake) {
      refused(mistake);
      return;
    }
    done(read);
  }

  /** @param near - where hot values are kept; looked into before */
  async read(key: string, tags: readonly string[], call: CallOptions, near: Near | undefined): Promise<Read> {
    try {
      const known = near === undefined ? undefined : await this.#comparable(near, key, call);
      const since = near?.now ?? 0;
      const asked = this.stamps.ask(key, tags, call);
      const read = await this.#peek(key, call, near !== undefined, known);
      if (read === undefined) return this.#missed();
      if (read.unchanged) return await this.#confirmed(key, near!, known!, read, asked, call);
      const judged = read.value === undefined ? NOTHING : await orAborted(asked.judge(read.value), call);
      const fresh = this.#fresh(key, read, judged);
      if (near !== undefined && fresh.kind === 'valid') near.offer(key, read, fresh, since);
      return this.#judged(fresh);
    } catch (error) {
      return this.#unreadable(error, call);
    }
  }

  /** What was found, by stored key, and how many keys could not be read. */
  async readMany(
    keys: string[],
    tags: readonly string[],
    call: CallOptions,
  ): Promise<{ found: Map<string, unknown>; failed: number }> {
    const asked = this.stamps.askMany(keys, tags, call);
    let stored: Map<string, LeaseRead<unknown>>;
    let failed = 0;
    try {
      stored = await this.#peekMany(keys, call);
    } catch (error) {
      passOn(error, call);
      this.trouble.failed(error);
      const partial = error instanceof MemcachedPartialError;
      stored = partial ? (error.values as Map<string, LeaseRead<unknown>>) : new Map();
      failed = partial ? error.failed.size : keys.length;
    }
    const found = new Map<string, unknown>();
    const judging = Array.from(stored, async ([key, read]) => {
      const judged = read.value === undefined ? NOTHING : await asked.get(key)!.judge(read.value);
      return [key, this.#fresh(key, read, judged)] as const;
    });
    for (const [key, one] of await orAborted(Promise.all(judging), call)) {
      if (one.kind === 'error') failed++;
      else if (one.kind === 'valid') found.set(key, one.value);
    }
    this.counts.errors += failed;
    if (failed === 0) this.trouble.succeeded();
    return { found, failed };
  }

  /** A copy that memcached can be asked about by its CAS id. */
  async #comparable(near: Near, key: string, call: CallOptions): Promise<Known | undefined> {
    const known = near.known(key);
    if (known === undefined || this.pool.leases === undefined) return undefined;
    return (await this.pool.leases.able('conditionalGet', key, call)) ? known : undefined;
  }

  async #confirmed(
    key: string,
    near: Near,
    known: Known,
    read: LeaseRead<unknown>,
    asked: Asked,
    call: CallOptions,
  ): Promise<Read> {
    const kind = await orAborted(asked.judgeStamp(known.stamp), call);
    if (kind === 'error') return this.#judged(UNREAD);
    const stale = read.stale || isStale(known.freshness, read.ttlSeconds, this.clock.wallNow());
    if (kind === 'valid' && !stale) {
      near.confirm(key, known, read);
      return this.#hit(near.copyOf(known));
    }
    near.forget(key);
    if (read.won) this.#rearm(key, read);
    return this.#missed();
  }

  #peek(
    key: string,
    call: CallOptions,
    hot: boolean,
    known: Known | undefined,
  ): Promise<LeaseRead<unknown> | undefined> {
    const { leases } = this.pool;
    if (leases === undefined) return this.pool.get(key, call).then(plainRead);
    return leases.peek(key, hot ? { ...call, hot, knownCas: known?.cas } : call);
  }

  async #peekMany(keys: string[], call: CallOptions): Promise<Map<string, LeaseRead<unknown>>> {
    if (this.pool.leases !== undefined) return this.pool.leases.peekMany(keys, call);
    try {
      return plainReads(await this.pool.getMany(keys, call));
    } catch (error) {
      if (!(error instanceof MemcachedPartialError)) throw error;
      throw new MemcachedPartialError(error.message, plainReads(error.values), error.failed);
    }
  }

  /** What was judged, unless it is stale. The right to refill a stale item, won by reading it, goes on. */
  #fresh(key: string, read: LeaseRead<unknown>, judged: Judged): Judged {
    if (read.won) this.#rearm(key, read);
    if (judged.kind === 'expired' || read.stale) return judged.kind === 'error' ? judged : NOTHING;
    if (judged.kind !== 'valid') return judged;
    return isStale(judged.freshness, read.ttlSeconds, this.clock.wallNow()) ? NOTHING : judged;
  }

  #rearm(key: string, { node, cas, ttlSeconds }: LeaseRead<unknown>): void {
    const rearmed = this.pool.leases?.rearm({ key, node, cas: cas ?? 0n }, ttlSeconds);
    // If that fails, whoever finds the right held for too long frees it.
    rearmed?.catch(() => undefined);
  }

  #judged(judged: Judged): Read {
    if (judged.kind === 'error') return this.#unread();
    return judged.kind === 'valid' ? this.#hit(judged.value) : this.#missed();
  }

  #hit(value: unknown): Read {
    this.trouble.succeeded();
    return { kind: 'hit', value };
  }

  #missed(): Read {
    this.trouble.succeeded();
    return MISS;
  }

  /** What the value must match could not be read, which has been told already. */
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

/** A read of a pool that cannot tell how items stand. */
function plainRead(value: unknown): LeaseRead<unknown> | undefined {
  if (value === undefined) return undefined;
  return {
    value,
    cas: undefined,
    node: '',
    unchanged: false,
    won: false,
    stale: false,
    taken: false,
    ttlSeconds: undefined,
    hitBefore: false,
    idleSeconds: 0,
  };
}

function plainReads(values: ReadonlyMap<string, unknown>): Map<string, LeaseRead<unknown>> {
  return new Map(Array.from(values, ([key, value]) => [key, plainRead(value)!]));
}

/** One {@link Reader.readTo} under way. */
class Peek implements LeaseReader {
  constructor(
    private readonly reader: Reader,
    readonly key: string,
    readonly asked: Asked,
    readonly call: CallOptions,
    readonly done: (read: Read) => void,
    readonly refused: (error: unknown) => void,
  ) {}

  glimpsed(item: LentItem): boolean {
    return this.reader.glimpsed(this, item);
  }

  taken(read: LeaseRead<unknown> | undefined): void {
    this.reader.took(this, read);
  }

  failed(error: unknown): void {
    this.reader.failed(this, error);
  }
}
