/**
 * Stores values in the generation they belong to, and removes them.
 *
 * Invariant: every write answers, and says `done` only of what memcached confirmed. What it could not do is
 * counted and told to {@link Trouble}; only mistakes of the program and the caller's own abort go through.
 * A value that cannot be stored leaves no older one behind.
 */
import { MemcachedPartialError } from '../core/base/errors.js';
import type { CallOptions, StoreOptions } from '../core/pool/types.js';
import { ALWAYS_FRESH, type Stamp, seal } from './envelope.js';
import { isAboutValue, orAborted, passOn } from './faults.js';
import type { Generations, Slot } from './generations.js';
import type { CacheStats } from './outcomes.js';
import type { CachePool } from './ports.js';
import type { Trouble } from './trouble.js';

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

export class Writer {
  constructor(
    private readonly pool: CachePool,
    private readonly generations: Generations,
    private readonly trouble: Trouble,
    private readonly counts: CacheStats,
    private readonly namespace: string,
  ) {}

  /** Stores in the generation that is current when the call is made, or in a later one. */
  async write(item: Item, call: CallOptions): Promise<Written> {
    const { generations } = this;
    if (item.value === undefined) {
      await this.#drop([item.key], call);
      return this.#counted('uncached');
    }
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
  async writeIn(generation: Stamp, item: Item, call: CallOptions): Promise<Written> {
    return this.#counted(await this.#put(generation, item, call));
  }

  /** Like {@link write} for many, each key once. The worst of what became of them. */
  async writeMany(items: readonly Item[], call: CallOptions): Promise<Written> {
    const { generations } = this;
    const { epoch } = generations;
    const sent = items.map((item) => {
      const slot = generations.slot(item.key);
      return { item, slot, generation: slot.known, became: 'uncached' as Written };
    });
    const sendable = sent.filter(({ item }) => item.value !== undefined);
    const reading = generations.ensuredOf(
      sendable.map(({ slot }) => slot),
      call,
    );
    await this.#send(
      sendable.filter(({ generation }) => generation !== undefined),
      call,
    );
    const current = await orAborted(reading, call);
    const again = sendable.filter((one) => {
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

  async #put(generation: string, item: Item, call: CallOptions): Promise<Written> {
    try {
      await this.pool.set(item.key, seal(generation, ALWAYS_FRESH, item.value), storeOptions(call, item.ttl));
      this.trouble.succeeded();
      return 'done';
    } catch (error) {
      return this.#notWritten(error, call);
    }
  }

  #notWritten(error: unknown, call: CallOptions): Written {
    if (isAboutValue(error)) {
      this.trouble.unstorable(this.namespace, error);
      return 'uncached';
    }
    passOn(error, call);
    this.trouble.failed(error);
    return 'error';
  }

  /** What could not be stored must not leave an older value behind. */
  async #drop(keys: readonly string[], call: CallOptions): Promise<void> {
    try {
      await this.pool.deleteMany(keys, call);
    } catch (error) {
      passOn(error, call);
      this.counts.unconfirmedDeletes += keys.length;
      this.trouble.unconfirmed('delete', error);
    }
  }

  #counted(written: Written): Written {
    this.counts[COUNTED_AS[written]]++;
    return written;
  }

  #notRemoved(error: unknown, count: number, call: CallOptions): void {
    passOn(error, call);
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
    await Promise.all([...byTtl].map(([ttl, group]) => this.#sendGroup(group, storeOptions(call, ttl))));
  }

  async #sendGroup(group: readonly Sent[], call: StoreOptions): Promise<void> {
    const entries = group.map(
      ({ item, generation }) => [item.key, seal(generation!, ALWAYS_FRESH, item.value)] as const,
    );
    let failed: unknown;
    try {
      await this.pool.setMany(entries, call);
      this.trouble.succeeded();
    } catch (error) {
      failed = error;
    }
    for (const one of group) {
      const error = failed instanceof MemcachedPartialError ? failed.failed.get(one.item.key) : failed;
      one.became = error === undefined ? 'done' : this.#notWritten(error, call);
    }
  }
}

function storeOptions({ timeout, signal }: CallOptions, ttl: number): StoreOptions {
  return { timeout, signal, ttl };
}
