/**
 * Values in memcached as the cache keeps them: sealed with their generation, read beside it.
 *
 * Invariant: memcached's failures end here. Everything answers; what could not be read is not there, what
 * could not be confirmed is said not to be, and both are counted and told to {@link Trouble}. Only mistakes
 * of the program (MemcachedArgumentError, except for values) and the caller's own abort go through.
 * Sharing work between callers, copying values and publishing outcomes are left to `cache.ts`.
 */
import {
  MemcachedArgumentError,
  MemcachedBlacklistedError,
  MemcachedClosedError,
  MemcachedPartialError,
  MemcachedPoolExhaustedError,
  MemcachedTimeoutError,
  MemcachedTooLargeError,
  MemcachedUnavailableError,
  MemcachedValueError,
} from '../core/base/errors.js';
import type { CallOptions, StoreOptions } from '../core/pool/types.js';
import { open, seal } from './envelope.js';
import type { Generations, Slot } from './generations.js';
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

export type Written = 'done' | 'uncached' | 'error';

export interface Item {
  /** As it is stored. */
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds, 0 for ever. */
  readonly ttl: number;
}

/** A value of a batch, on its way. */
interface Sent {
  readonly item: Item;
  readonly slot: Slot;
  /** It is sealed with this one. */
  generation: string | undefined;
  became: Written;
}

const COUNTED_AS = { done: 'sets', uncached: 'uncached', error: 'errors' } as const;

const MISS: Read = { kind: 'miss' };
const ERROR: Read = { kind: 'error' };

export class Store {
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
    const generations = this.#each(slots.values(), (slot) => this.generations.current(slot, call));
    let stored: Map<string, unknown>;
    let failed = 0;
    try {
      stored = await this.pool.getMany(keys, call);
    } catch (error) {
      this.#passOn(error, call);
      this.trouble.failed(error);
      const partial = error instanceof MemcachedPartialError;
      stored = partial ? error.values : new Map();
      failed = partial ? error.failed.size : keys.length;
    }
    const found = new Map<string, unknown>();
    const current = stored.size === 0 ? undefined : await orAborted(generations, call);
    for (const [key, sealed] of stored) {
      const generation = current?.get(slots.get(key)!);
      const value = generation === undefined ? undefined : open(generation, sealed);
      if (generation === undefined) failed++;
      else if (value !== undefined) found.set(key, value);
    }
    this.counts.errors += failed;
    if (failed === 0) this.trouble.succeeded();
    return { found, failed };
  }

  /** Stores in the generation that is current when the call is made, or in a later one. */
  async write(item: Item, call: CallOptions): Promise<Written> {
    const { generations } = this;
    const slot = generations.slot(item.key);
    const { epoch } = generations;
    const guess = slot.known;
    const current = generations.ensured(slot, call);
    const first = guess === undefined ? undefined : await this.#put(guess, item, call);
    if (first === 'uncached') await this.#drop([item.key], call);
    if (first !== undefined && first !== 'done') return this.#counted(first);
    const generation = await orAborted(current, call);
    if (generation === undefined) return this.#counted('error');
    // Over by now. If it was ended here, after this call, then that was the order, and the value is gone.
    if (generation === guess || epoch !== generations.epoch) return this.#counted('done');
    const second = await this.#put(generation, item, call);
    if (second === 'uncached') await this.#drop([item.key], call);
    return this.#counted(second);
  }

  /** Stores in a generation that was read before; if that is over by now, nobody will see the value. */
  async writeIn(generation: string, item: Item, call: CallOptions): Promise<Written> {
    return this.#counted(await this.#put(generation, item, call));
  }

  /** Like {@link write} for many, each key once. The worst of what became of them. */
  async writeMany(items: readonly Item[], call: CallOptions): Promise<Written> {
    const { generations } = this;
    const { epoch } = generations;
    const sent = items.map((item) => {
      const slot = generations.slot(item.key);
      return { item, slot, generation: slot.known, became: 'error' as Written };
    });
    const reading = this.#each(
      sent.map(({ slot }) => slot),
      (slot) => generations.ensured(slot, call),
    );
    await this.#send(
      sent.filter(({ generation }) => generation !== undefined),
      call,
    );
    const current = await orAborted(reading, call);
    const again = sent.filter((one) => {
      const generation = current.get(one.slot);
      if (generation === undefined) one.became = 'error';
      if (generation === undefined || generation === one.generation) return false;
      one.generation = generation;
      return true;
    });
    if (epoch === generations.epoch) await this.#send(again, call);
    else for (const one of again) one.became = 'done';
    const uncached = sent.filter((one) => one.became === 'uncached');
    if (uncached.length > 0) {
      await this.#drop(
        uncached.map((one) => one.item.key),
        call,
      );
    }
    const became = sent.map((one) => this.#counted(one.became));
    return became.find((one) => one === 'error') ?? became.find((one) => one === 'uncached') ?? 'done';
  }

  /** Whether the key is known to be gone. */
  async remove(key: string, call: CallOptions): Promise<boolean> {
    try {
      await this.pool.delete(key, call);
      this.counts.deletes++;
      this.trouble.succeeded();
      return true;
    } catch (error) {
      this.#notRemoved(error, 1, call);
      return false;
    }
  }

  /** Whether all of the keys are known to be gone. */
  async removeMany(keys: string[], call: CallOptions): Promise<boolean> {
    try {
      await this.pool.deleteMany(keys, call);
      this.counts.deletes += keys.length;
      this.trouble.succeeded();
      return true;
    } catch (error) {
      const failed = error instanceof MemcachedPartialError ? error.failed.size : keys.length;
      this.counts.deletes += keys.length - failed;
      this.#notRemoved(error, failed, call);
      return false;
    }
  }

  async clear(call: CallOptions): Promise<boolean> {
    const done = await this.generations.renew(call);
    if (done) this.counts.clears++;
    else this.counts.errors++;
    return done;
  }

  #opened(generation: string, stored: unknown): Read {
    const value = open(generation, stored);
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
    this.#passOn(error, call);
    this.trouble.failed(error);
    return this.#unread();
  }

  async #put(generation: string, item: Item, call: CallOptions): Promise<Written> {
    try {
      await this.pool.set(item.key, seal(generation, item.value), { ...call, ttl: item.ttl });
      this.trouble.succeeded();
      return 'done';
    } catch (error) {
      return this.#notWritten(error, item.value, call);
    }
  }

  #notWritten(error: unknown, value: unknown, call: CallOptions): Written {
    if (isAboutValue(error)) {
      this.trouble.unstorable(value, error);
      return 'uncached';
    }
    this.#passOn(error, call);
    this.trouble.failed(error);
    return 'error';
  }

  /** What could not be stored must not leave an older value behind. */
  async #drop(keys: readonly string[], call: CallOptions): Promise<void> {
    try {
      await this.pool.deleteMany(keys, call);
    } catch (error) {
      this.#passOn(error, call);
      this.counts.unconfirmedDeletes += keys.length;
      this.trouble.unconfirmed('delete', error);
    }
  }

  #counted(written: Written): Written {
    this.counts[COUNTED_AS[written]]++;
    return written;
  }

  #notRemoved(error: unknown, count: number, call: CallOptions): void {
    this.#passOn(error, call);
    this.counts.errors += count;
    this.counts.unconfirmedDeletes += count;
    this.trouble.unconfirmed('delete', error);
  }

  /** One call of the pool for each TTL, all in one turn. */
  async #send(some: readonly Sent[], call: CallOptions): Promise<void> {
    const byTtl = new Map<number, Sent[]>();
    for (const one of some) {
      const group = byTtl.get(one.item.ttl);
      if (group === undefined) byTtl.set(one.item.ttl, [one]);
      else group.push(one);
    }
    await Promise.all([...byTtl].map(([ttl, group]) => this.#sendGroup(group, { ...call, ttl })));
  }

  async #sendGroup(group: readonly Sent[], call: StoreOptions): Promise<void> {
    const entries = group.map(({ item, generation }) => [item.key, seal(generation!, item.value)] as const);
    let failed: unknown;
    try {
      await this.pool.setMany(entries, call);
      this.trouble.succeeded();
    } catch (error) {
      failed = error;
    }
    for (const one of group) {
      const error = failed instanceof MemcachedPartialError ? failed.failed.get(one.item.key) : failed;
      one.became = error === undefined ? 'done' : this.#notWritten(error, one.item.value, call);
    }
  }

  async #each(
    slots: Iterable<Slot>,
    read: (slot: Slot) => Promise<string | undefined>,
  ): Promise<Map<Slot, string | undefined>> {
    const distinct = [...new Set(slots)];
    const found = await Promise.all(distinct.map(read));
    return new Map(distinct.map((slot, index) => [slot, found[index]]));
  }

  /** @throws what the caller did: a mistake in the call, or its own abort. */
  #passOn(error: unknown, call: CallOptions): void {
    if (call.signal?.aborted === true) throw call.signal.reason;
    if (error instanceof MemcachedArgumentError && !isAboutValue(error)) throw error;
  }
}

/** Waits for what others may be waiting for too; only this caller's own abort ends it early. */
function orAborted<T>(shared: Promise<T>, { signal }: CallOptions): Promise<T> {
  if (signal === undefined) return shared;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void shared.then(resolve).finally(() => signal.removeEventListener('abort', abort));
  });
}

function isAboutValue(error: unknown): error is MemcachedValueError | MemcachedTooLargeError {
  return error instanceof MemcachedValueError || error instanceof MemcachedTooLargeError;
}

/** The node cannot take more work now: a write after such a read would only wait, or fail, once more. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof MemcachedTimeoutError ||
    error instanceof MemcachedBlacklistedError ||
    error instanceof MemcachedUnavailableError ||
    error instanceof MemcachedPoolExhaustedError ||
    error instanceof MemcachedClosedError
  );
}
