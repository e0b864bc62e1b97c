/**
 * Stores values under the stamp they belong to, and removes them.
 *
 * Invariant: every write answers, and says `done` only of what memcached confirmed. What it could not do is
 * counted and told to {@link Trouble}; only mistakes of the program and the caller's own abort go through.
 * A value that cannot be stored leaves no older one behind.
 */
import { MemcachedPartialError } from '../core/base/errors.js';
import type { CallOptions, StoreOptions } from '../core/pool/types.js';
import { type Item, type Stamp, seal } from './envelope.js';
import { isAboutValue, orAborted, passOn } from './faults.js';
import type { CacheStats } from './outcomes.js';
import type { CachePool } from './ports.js';
import type { Asked, Stamps } from './stamps.js';
import type { Trouble } from './trouble.js';
import { canHold, storeUnlessOlder } from './versions.js';

export type Written = 'done' | 'uncached' | 'error' | 'refused';

/** A value of a batch, on its way. */
interface Sent {
  readonly item: Item;
  readonly asked: Asked;
  /** It is sealed with this one. */
  stamp: Stamp | undefined;
  became: Written;
}

const COUNTED_AS = { done: 'sets', uncached: 'uncached', error: 'errors', refused: 'refused' } as const;

export class Writer {
  constructor(
    private readonly pool: CachePool,
    private readonly stamps: Stamps,
    private readonly trouble: Trouble,
    private readonly counts: CacheStats,
    private readonly namespace: string,
  ) {}

  /**
   * Stores under marks that are current when the call is made, or later.
   * @param tags - each once
   */
  async write(item: Item, tags: readonly string[], call: CallOptions): Promise<Written> {
    if (item.value === undefined) {
      await this.#drop([item.key], call);
      return this.#counted('uncached');
    }
    const asked = this.stamps.ask(item.key, tags, call);
    const { guess } = asked;
    const current = asked.ensured(tags);
    const first = guess === undefined ? undefined : await this.#put(guess, item, call);
    if (first === 'uncached') await this.#drop([item.key], call);
    if (first !== undefined && first !== 'done') return this.#counted(first);
    const stamp = await orAborted(current, call);
    if (stamp === undefined) return this.#counted('error');
    // Over by now. If it was ended here, after this call, then that was the order, and the value is gone.
    if (stamp === guess) return this.#counted('done');
    if (asked.renewal !== 'none') return this.#counted(asked.renewal === 'begun' ? 'done' : 'error');
    const second = await this.#put(stamp, item, call);
    if (second === 'uncached') await this.#drop([item.key], call);
    return this.#counted(second);
  }

  /** Stores under a stamp that was read before; if that is over by now, nobody will see the value. */
  async writeIn(stamp: Stamp, item: Item, call: CallOptions): Promise<Written> {
    return this.#counted(await this.#put(stamp, item, call));
  }

  /** Like {@link write} for many, each key once. The worst of what became of them. */
  async writeMany(items: readonly Item[], tags: readonly string[], call: CallOptions): Promise<Written> {
    const sendable = items.filter(({ value }) => value !== undefined);
    const asking = this.stamps.askMany(
      sendable.map(({ key }) => key),
      tags,
      call,
    );
    const sent = sendable.map((item): Sent => {
      const asked = asking.get(item.key)!;
      return { item, asked, stamp: asked.guess, became: 'uncached' };
    });
    const reading = ensuredOf(new Set(asking.values()), tags);
    await this.#send(
      sent.filter(({ stamp }) => stamp !== undefined),
      call,
    );
    const current = await orAborted(reading, call);
    const again = sent.filter((one) => needsRepeat(one, current.get(one.asked)));
    await this.#send(again, call);
    const uncached = items.length - sent.length;
    const refused = sent.filter(({ became }) => became === 'uncached').map(({ item }) => item.key);
    const absent = items.filter(({ value }) => value === undefined).map(({ key }) => key);
    if (refused.length + uncached > 0) await this.#drop([...absent, ...refused], call);
    const became = [...absent.map((): Written => 'uncached'), ...sent.map((one) => one.became)];
    for (const one of became) this.#counted(one);
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

  /**
   * Marks the value stale, for `staleFor` milliseconds; where the server cannot, or nobody would serve it, it is
   * removed. Whether either is confirmed.
   */
  async invalidate(key: string, staleFor: number, call: CallOptions): Promise<boolean> {
    const { leases } = this.pool;
    if (staleFor === 0 || leases === undefined) return this.remove(key, call);
    try {
      if (!(await leases.granted(key, call))) return await this.remove(key, call);
      await leases.invalidate(key, staleFor, call);
      this.trouble.succeeded();
      return true;
    } catch (error) {
      this.#notRemoved(error, 1, call);
      return false;
    }
  }

  /**
   * Like {@link write}, but refused when what is stored has a later version. Where versions cannot be compared
   * the last write counts, as ever.
   */
  async writeVersion(
    item: Item,
    version: bigint,
    tags: readonly string[],
    call: CallOptions,
  ): Promise<Written> {
    if (item.value === undefined) return this.write(item, tags, call);
    const begun = this.stamps.ask(item.key, tags, call);
    try {
      if (!(await canHold(this.pool, item.key, call))) {
        this.trouble.versionsIgnored();
        return await this.write(item, tags, call);
      }
      const outcome = await this.#storeVersion(item, version, tags, begun, call);
      this.trouble.succeeded();
      return this.#counted(outcome);
    } catch (error) {
      const became = this.#notWritten(error, call);
      if (became === 'uncached') await this.#drop([item.key], call);
      return this.#counted(became);
    }
  }

  /** @param begun - when the call was */
  async #storeVersion(
    { key, value, ttl, freshness }: Item,
    version: bigint,
    tags: readonly string[],
    begun: Asked,
    call: CallOptions,
  ): Promise<Written> {
    let otherwise: Written = 'error';
    const sealed = async (asked: Asked): Promise<unknown> => {
      const stamp = await asked.ensured(tags);
      // Ended here, after this call: then that was the order, and the value is gone.
      if (stamp !== undefined && begun.renewal === 'begun') otherwise = 'done';
      const mayStore = stamp !== undefined && begun.renewal === 'none';
      return mayStore ? seal(stamp, { ...freshness, version }, value) : undefined;
    };
    const ask = (): Asked => this.stamps.ask(key, tags, call);
    const options = storeOptions(call, ttl);
    const outcome = await storeUnlessOlder(this.pool, { key, version, ask, sealed }, options);
    if (outcome === 'lost') return otherwise;
    return outcome === 'stored' ? 'done' : outcome;
  }

  async clear(call: CallOptions): Promise<boolean> {
    const done = await this.stamps.generation.renew(call);
    if (done) this.counts.clears++;
    else this.counts.errors++;
    return done;
  }

  /** Ends what carries one of the tags, or with `expire` makes it stale. Whether all nodes confirmed. */
  async endTags(tags: readonly string[], how: 'renew' | 'expire', call: CallOptions): Promise<boolean> {
    const done = await this.stamps.tags[how](tags, call);
    if (!done) this.counts.errors++;
    return done;
  }

  async #put(stamp: Stamp, item: Item, call: CallOptions): Promise<Written> {
    try {
      const sealed = seal(stamp, item.freshness, item.value);
      await this.pool.set(item.key, sealed, storeOptions(call, item.ttl));
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
      ({ item, stamp }) => [item.key, seal(stamp!, item.freshness, item.value)] as const,
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

async function ensuredOf(
  asking: ReadonlySet<Asked>,
  tags: readonly string[],
): Promise<Map<Asked, Stamp | undefined>> {
  const pairs = [...asking].map(async (asked) => [asked, await asked.ensured(tags)] as const);
  return new Map(await Promise.all(pairs));
}

/** Whether a value has to be sent (again), with the stamp that is current now. See {@link Writer.write}. */
function needsRepeat(one: Sent, stamp: Stamp | undefined): boolean {
  if (stamp === undefined) one.became = 'error';
  if (stamp === undefined || stamp === one.stamp) return false;
  const { renewal } = one.asked;
  if (renewal !== 'none') one.became = renewal === 'begun' ? 'done' : 'error';
  else one.stamp = stamp;
  return renewal === 'none';
}

function storeOptions({ timeout, signal }: CallOptions, ttl: number): StoreOptions {
  return { timeout, signal, ttl };
}
