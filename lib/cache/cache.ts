/**
 * MemcachedCache: values that may be missing, and are never wrong.
 *
 * Invariant: the cache never breaks the application that uses it. Whatever memcached does, a read answers (a
 * failure is a miss), a write says whether it is confirmed, a loader's value reaches its callers. What
 * rejects is a mistake in the program (a key that is not a string, a TTL that is none), a loader's own
 * error, and the caller's own abort.
 *
 * Who shares what: every hit and every answer of `getOrSet` is its caller's alone and may be changed. Shared
 * are only a loader's error, and a loaded value that cannot be copied because it cannot be stored either (an
 * instance of a class without `type` or `plain`, a function, what contains itself): all who waited for that
 * one load get the loader's own.
 *
 * Stamps, envelopes and memcached's failures belong to `reader.ts` and `writer.ts`, what a miss does to
 * `refill/`, what a change outdates to `changes.ts`, sharing of work to `single-flight.ts`.
 */
import { systemClock } from '../core/base/clock.js';
import type { Duration } from '../core/base/durations.js';
import { MemcachedArgumentError, MemcachedOptionError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import type { CallOptions } from '../core/pool/types.js';
import { Changes } from './changes.js';
import { type Item, lifetime } from './envelope.js';
import { Keyspace, toNamespace } from './keys.js';
import { Near } from './near.js';
import {
  type CacheOptions,
  type CacheReadOptions,
  type CacheWriteOptions,
  type CheckedCacheOptions,
  callDuration,
  callTtl,
  checkCacheOptions,
  type GetOrSetOptions,
  type Loader,
  type ManyLoader,
  shortened,
} from './options.js';
import type { CacheOutcome, CacheStats } from './outcomes.js';
import type { CacheCallOptions, CacheHooks, CachePool } from './ports.js';
import type { Read } from './reader.js';
import { Call } from './refill/call.js';
import { answerMany } from './refill/call-for-many.js';
import { Gathering } from './refill/gathering.js';
import { Order, type OrderSetting, Policy } from './refill/order.js';
import { type Room, Rooms } from './rooms.js';
import { fromData, toData } from './shape.js';
import { checkTags } from './tags.js';
import { checkVersion } from './versions.js';

const WORST_FIRST = ['error', 'uncached', 'refused'] as const;

type TagCallOptions = Pick<CacheCallOptions, 'timeout'>;

/** A batch gets this many different TTLs: enough that it does not expire as one. */
const TTLS_PER_BATCH = 8;

/** Of calls that have none. */
const NO_OPTIONS = {};

export class MemcachedCache {
  #rooms: Rooms;
  #room: Room;
  #options: CheckedCacheOptions;
  #keys: Keyspace;
  /** The options of every call that has none of its own. */
  #call: CallOptions;
  /** Where hot values are kept, if they are. */
  #near: Near | undefined;
  #changes: Changes;
  /** What every order needs of this cache. */
  #orders: OrderSetting;
  /** Of frozen options, which are checked once: those of a decorator come with every call. */
  readonly #policies = new WeakMap<object, Policy>();
  #lastFrozen: object | undefined;
  #lastPolicy!: Policy;

  /** @throws MemcachedOptionError for an option it does not know or cannot read. */
  constructor(pool: CachePool, options?: CacheOptions, hooks: CacheHooks = {}) {
    const checked = checkCacheOptions('MemcachedCache', options);
    this.#rooms = new Rooms(pool, hooks.clock ?? systemClock, hooks.random ?? Math.random, hooks.log);
    this.#options = { ...checked, namespace: toNamespace(undefined, checked.namespace) };
    this.#keys = new Keyspace(this.#options.namespace, checked.keys);
    this.#room = this.#rooms.of(this.#options.namespace);
    this.#call = { timeout: checked.timeout };
    this.#changes = new Changes(this.#rooms, this.#room, this.#keys, this.enabled);
    this.#near = this.#makeNear();
    this.#orders = this.#ordering();
  }

  /** `false`: memcached is not asked; reads are misses, writes answer `false`, loaders always run. */
  get enabled(): boolean {
    return this.#options.enabled;
  }

  /** What calls fall back to that do not say, complete and in milliseconds. */
  get defaults(): Readonly<CheckedCacheOptions> {
    return this.#options;
  }

  /** Counters of this namespace, as they are now. */
  stats(): CacheStats {
    return { ...this.#room.ledger.counts };
  }

  /**
   * A view on the same pool with keys, counters and a `clear()` of its own, and this cache's options except
   * for those given. Views inside of views are apart from it and from each other: clearing one leaves the
   * others. Cheap: no sockets, no timers; the same name gives a view of the same values.
   *
   * @throws MemcachedOptionError
   */
  namespace(name: string, options: Omit<CacheOptions, 'namespace'> = {}): MemcachedCache {
    if (typeof name !== 'string' || name === '') {
      throw new MemcachedOptionError(
        `A namespace must be a string that is not empty, not ${describe(name)}.`,
      );
    }
    const checked = checkCacheOptions(`namespace(${describe(name)})`, options, this.#options);
    const namespace = toNamespace(this.#options.namespace, name);
    const view = new MemcachedCache(this.#rooms.pool);
    view.#rooms = this.#rooms;
    view.#options = { ...checked, namespace, enabled: checked.enabled && this.enabled };
    view.#keys = new Keyspace(namespace, checked.keys);
    view.#room = this.#rooms.of(namespace);
    view.#call = { timeout: checked.timeout };
    view.#changes = new Changes(this.#rooms, view.#room, view.#keys, view.enabled);
    view.#near = view.#makeNear();
    view.#orders = view.#ordering();
    return view;
  }

  /** The value; `undefined` when there is none or it could not be read. */
  get<T = unknown>(key: string, options: CacheReadOptions = NO_OPTIONS): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const { ledger, reader } = this.#room;
      const began = ledger.began();
      const stored = this.#keys.stored(key);
      const tags = checkTags(options.tags);
      const call = this.#callWith(options);
      const { signal, type } = options;
      const copy = this.#nearby(stored, signal);
      if (copy !== undefined) {
        ledger.publish('get', 'hit', began);
        resolve(fromData(copy, type) as T);
        return;
      }
      const done = (read: Read | undefined): void => {
        ledger.got(read?.kind ?? 'bypass', began);
        try {
          resolve(read?.kind === 'hit' ? (fromData(read.value, type) as T) : undefined);
        } catch (error) {
          reject(error);
        }
      };
      if (!this.enabled) done(undefined);
      // Who listens does so in the context of the caller, which only a promise keeps.
      else if (began < 0 && signal === undefined && tags.length === 0 && this.#near === undefined)
        reader.readTo(stored, call, done, reject);
      else reader.read(stored, tags, call, this.#near).then(done, reject);
    });
  }

  /** The values that were found, by key, in the order of `keys`. */
  async getMany<T = unknown>(
    keys: Iterable<string>,
    options: CacheReadOptions = {},
  ): Promise<Map<string, T>> {
    const { ledger, reader } = this.#room;
    const began = ledger.began();
    const stored = this.#storedKeys(keys);
    const tags = checkTags(options.tags);
    const call = this.#callWith(options);
    const values = new Map<string, T>();
    let outcome: CacheOutcome = 'bypass';
    if (this.enabled && stored.size > 0) {
      const { found, failed } = await reader.readMany([...stored.values()], tags, call);
      for (const [key, storedKey] of stored) {
        if (found.has(storedKey)) values.set(key, fromData(found.get(storedKey), options.type) as T);
      }
      outcome = failed > 0 ? 'error' : values.size === stored.size ? 'hit' : 'miss';
    }
    ledger.counts.hits += values.size;
    ledger.counts.misses += stored.size - values.size;
    ledger.publish('getMany', outcome, began, { keys: stored.size, hits: values.size });
    return values;
  }

  /**
   * Whether the value is confirmed to be stored. `undefined`, and what cannot be stored, is not: `false`, and
   * an older value of the key is dropped. `null` is a value like others.
   */
  async set(key: string, value: unknown, options: CacheWriteOptions = {}): Promise<boolean> {
    const stored = this.#keys.stored(key);
    const tags = checkTags(options.tags);
    const item = this.#item(stored, value, options, this.#ttl(options));
    const version = checkVersion(options.version);
    const call = this.#callWith(options);
    const { writer } = this.#room;
    return this.#changes.ofKeys('set', [stored], call, () =>
      version === undefined ? writer.write(item, tags, call) : writer.writeVersion(item, version, tags, call),
    );
  }

  /** Whether all values are confirmed to be stored. Of a key that comes twice the last value counts. */
  async setMany(
    entries: Iterable<readonly [string, unknown]>,
    options: CacheWriteOptions = {},
  ): Promise<boolean> {
    const tags = checkTags(options.tags);
    const ttls: number[] = [];
    const items = new Map<string, Item>();
    for (const [key, value] of entries) {
      const stored = this.#keys.stored(key);
      if (ttls.length < TTLS_PER_BATCH) ttls.push(this.#ttl(options));
      const ttl = ttls[items.size % ttls.length]!;
      items.set(stored, this.#item(stored, value, options, ttl));
    }
    const version = checkVersion(options.version);
    const call = this.#callWith(options);
    const { writer } = this.#room;
    const all = [...items.values()];
    return this.#changes.ofKeys('setMany', [...items.keys()], call, async () => {
      if (version === undefined) return writer.writeMany(all, tags, call);
      const became = await Promise.all(all.map((item) => writer.writeVersion(item, version, tags, call)));
      return WORST_FIRST.find((one) => became.includes(one)) ?? 'done';
    });
  }

  /**
   * Whether the key is known to be gone, which it is when it was not there. `false`: it may remain; that is
   * counted and logged.
   */
  async delete(key: string, options: CacheCallOptions = {}): Promise<boolean> {
    const stored = this.#keys.stored(key);
    const call = this.#callWith(options);
    return this.#changes.ofKeys('delete', [stored], call, async () =>
      (await this.#room.writer.remove(stored, call)) ? 'done' : 'error',
    );
  }

  /**
   * Marks the value as stale, so that the next reader refreshes it, while `getOrSet` may serve it to all others
   * for `stale` more. `true` when that is confirmed, also when there was nothing. Where nobody would serve it, or
   * the server has no leases, it is deleted.
   */
  async invalidate(
    key: string,
    options: CacheCallOptions & { stale?: Duration | undefined } = {},
  ): Promise<boolean> {
    const stored = this.#keys.stored(key);
    const stale = callTtl(options.stale, this.#options.stale, 'stale');
    const call = this.#callWith(options);
    return this.#changes.ofKeys('invalidate', [stored], call, async () =>
      (await this.#room.writer.invalidate(stored, stale, call)) ? 'done' : 'error',
    );
  }

  /** Whether all of the keys are known to be gone. */
  async deleteMany(keys: Iterable<string>, options: CacheCallOptions = {}): Promise<boolean> {
    const stored = [...this.#storedKeys(keys).values()];
    const call = this.#callWith(options);
    return this.#changes.ofKeys('deleteMany', stored, call, async () =>
      (await this.#room.writer.removeMany(stored, call)) ? 'done' : 'error',
    );
  }

  /**
   * Ends every value that carries this tag, or one of these, on all nodes, by small writes on each. `false`: a
   * node did not confirm; its values may be seen by others until this process uses the node again, which
   * repeats the write.
   */
  async deleteByTag(tag: string | readonly string[], options: TagCallOptions = {}): Promise<boolean> {
    return this.#changes.ofTags('deleteByTag', checkTags(tag), this.#callWith(options));
  }

  /**
   * Like {@link deleteByTag}, but the values stay servable as stale, as if they were beyond their `ttl`, for at
   * most eight such expiries: `getOrSet` may serve them while one reader refreshes. To `get` they are gone.
   */
  async expireByTag(tag: string | readonly string[], options: TagCallOptions = {}): Promise<boolean> {
    return this.#changes.ofTags('expireByTag', checkTags(tag), this.#callWith(options));
  }

  /**
   * Drops every value of this namespace, on all nodes, by one small write on each. `false`: a node did not
   * confirm; its values may be seen by others until this process uses the node again, which repeats the write.
   */
  async clear(options: Pick<CacheCallOptions, 'timeout'> = {}): Promise<boolean> {
    return this.#changes.clear(this.#callWith(options));
  }

  /**
   * The value, or what `loader` makes of the miss, stored for next time. One load per key at a time in this
   * process: who asks meanwhile waits for the same load, and its error goes to all of them and is not stored.
   * Nor is `undefined`. The answer comes when the write has been answered too, so a `get` after it is a hit;
   * when the read had timed out there is no write.
   *
   * A `set`, `delete` or `clear` made in this process during a load outdates it: who waits still gets its
   * value, but it is not stored, and later callers do not join it. After a `clear` made elsewhere it is not
   * seen in the cache either; callers here may still join it, for they share the load and ask nobody.
   *
   * With `type` or `plain` the answer on a miss is shaped as it will be on a hit.
   */
  getOrSet<T>(key: string, loader: Loader<T>, options: GetOrSetOptions<NoInfer<T>> = NO_OPTIONS): Promise<T> {
    try {
      const began = this.#room.ledger.began();
      const order = this.#order(
        key,
        loader,
        options as GetOrSetOptions,
        this.#policyOf(options as GetOrSetOptions),
      );
      const bypasses = !this.enabled || options.skip === true;
      if (this.#near === undefined) return new Call<T>(this.#room, order, bypasses).answer(began);
      if (options.forceFresh === true) {
        const answer = new Call<T>(this.#room, order, bypasses).answer(began);
        return answer.finally(() => this.#changes.dropNear([order.stored]));
      }
      const copy = bypasses ? undefined : this.#nearby(order.stored, options.signal);
      if (copy === undefined) return new Call<T>(this.#room, order, bypasses).answer(began);
      this.#room.ledger.publish('getOrSet', 'hit', began);
      return Promise.resolve(fromData(copy, options.type) as T);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The values of many keys, by key: `loader` is called once, with exactly the keys that have to be loaded, and
   * what it does not answer with is left out, here and in the cache. Otherwise each key is as in
   * {@link getOrSet}: shared with other calls of this process, refilled by one reader of all.
   */
  async getOrSetMany<T>(
    keys: Iterable<string>,
    loader: ManyLoader<T>,
    options: GetOrSetOptions<NoInfer<T>> = {},
  ): Promise<Map<string, T>> {
    const { ledger } = this.#room;
    const began = ledger.began();
    const distinct = [...new Set(keys)];
    const bypasses = !this.enabled || options.skip === true;
    const values = new Map<string, T>();
    for (const key of bypasses || options.forceFresh === true ? [] : distinct) {
      const copy = this.#nearby(this.#keys.stored(key), options.signal);
      if (copy !== undefined) values.set(key, fromData(copy, options.type) as T);
    }
    const asked = distinct.filter((key) => !values.has(key));
    const gathering = new Gathering(loader, distinct, asked, this.#room.clock, ledger.counts);
    const policy = this.#policyOf(options as GetOrSetOptions);
    const orders = asked.map((key) =>
      this.#order(key, loader, options as GetOrSetOptions, policy, gathering),
    );
    const answered = await answerMany<T>(this.#room, orders, gathering, bypasses);
    if (options.forceFresh === true) this.#changes.dropNear(orders.map((order) => order.stored));
    const hits = answered.hits + values.size;
    for (const [key, value] of answered.values) values.set(key, value);
    const all = hits === distinct.length ? 'hit' : 'miss';
    const outcome = bypasses ? 'bypass' : answered.failed > 0 ? 'error' : all;
    ledger.publish('getOrSetMany', outcome, began, { keys: distinct.length, hits });
    return new Map(distinct.flatMap((key) => (values.has(key) ? [[key, values.get(key) as T]] : [])));
  }

  /** @param ttl - how long it is fresh, milliseconds */
  #item(key: string, value: unknown, options: CacheWriteOptions, ttl: number): Item {
    const { data } = toData(value, options);
    const stale = callTtl(options.stale, this.#options.stale, 'stale');
    return { key, value: data, ...lifetime(ttl, stale, this.#rooms.clock.wallNow()) };
  }

  #makeNear(): Near | undefined {
    const { near, namespace, enabled } = this.#options;
    if (near === false || !enabled) return undefined;
    return new Near(this.#rooms.nearStore(near.maxBytes), namespace, near, this.#rooms.clock);
  }

  /** A hit that memcached is not asked for, counted. */
  #nearby(stored: string, signal: AbortSignal | undefined): unknown {
    const copy = signal?.aborted === true ? undefined : this.#near?.lookup(stored);
    if (copy === undefined) return undefined;
    const { counts } = this.#room.ledger;
    counts.hits++;
    counts.nearHits++;
    return copy;
  }

  #ordering(): OrderSetting {
    const policy = new Policy(NO_OPTIONS, this.#options);
    return { options: this.#options, random: this.#rooms.random, near: this.#near, policy };
  }

  /** @throws MemcachedArgumentError */
  #policyOf(options: GetOrSetOptions): Policy {
    if (options === NO_OPTIONS) return this.#orders.policy;
    if (options === this.#lastFrozen) return this.#lastPolicy;
    if (!Object.isFrozen(options)) return new Policy(options, this.#options);
    let policy = this.#policies.get(options);
    if (policy === undefined) {
      policy = new Policy(options, this.#options);
      this.#policies.set(options, policy);
    }
    this.#lastFrozen = options;
    this.#lastPolicy = policy;
    return policy;
  }

  /** @throws MemcachedArgumentError */
  #order(
    key: string,
    loader: Loader<unknown> | ManyLoader<unknown>,
    options: GetOrSetOptions,
    policy: Policy,
    gathering?: Gathering,
  ): Order {
    if (typeof loader !== 'function') {
      throw new MemcachedArgumentError(`A loader must be a function, not ${describe(loader)}.`);
    }
    const call = options.timeout === undefined ? this.#call : this.#callWith({ timeout: options.timeout });
    const stored = this.#keys.stored(key);
    return new Order(
      key,
      stored,
      this.#keys.ownOfLast(key, stored),
      loader as Loader<unknown>,
      options,
      policy,
      call,
      this.#orders,
      gathering,
    );
  }

  /** By the caller's key. */
  #storedKeys(keys: Iterable<string>): Map<string, string> {
    const stored = new Map<string, string>();
    for (const key of keys) stored.set(key, this.#keys.stored(key));
    return stored;
  }

  #ttl(options: CacheWriteOptions): number {
    return shortened(callTtl(options.ttl, this.#options.ttl), this.#options.jitter, this.#rooms.random);
  }

  #callWith(options: CacheCallOptions): CallOptions {
    const { timeout, signal } = options;
    if (timeout === undefined && signal === undefined) return this.#call;
    return { timeout: callDuration('timeout', timeout, this.#options.timeout, 1), signal };
  }
}
