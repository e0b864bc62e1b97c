/**
 * Makes a cache look like a store to Keyv 5 and Keyv 6, and through Keyv to cache-manager and Nest's
 * `CacheModule`.
 *
 * Invariant: no method rejects and none hands out an entry of another namespace; what fails is a miss or a
 * `false`, and an `'error'` to whoever listens. Keys of any length and the encoding of values belong to the
 * cache; the millisecond at which an entry ends, to Keyv, which keeps it beside the value.
 */
import { keyPrefix } from '../core/base/errors.js';
import { boolean, checkOptions, duration, like, type OptionRules } from '../core/base/options.js';
import { calledByCacheManager, warnAboutKeyvSix } from './keyv-six.js';
import type { KeyvBackend, KeyvStoreEntry, MemcachedKeyvOptions, MemcachedKeyvStore } from './types.js';

interface CheckedOptions {
  namespace: string;
  ttl: number;
  exactDelete: boolean;
}

/** Ten years, the longest the cache takes. */
const LONGEST_TTL = 315_360_000_000;

const RULES: OptionRules<CheckedOptions> = {
  namespace: like('keyv', 'a string that is not empty', (given) => typeof given === 'string' && given !== ''),
  ttl: duration(0, 0, LONGEST_TTL),
  exactDelete: boolean(true),
};

/**
 * A store on `cache`: `new Keyv({ store: memcachedKeyv(cache) })`, or as it is in `CacheModule`'s `stores`.
 *
 * @throws MemcachedOptionError for an option it does not know or cannot read.
 */
export function memcachedKeyv(cache: KeyvBackend, options?: MemcachedKeyvOptions): MemcachedKeyvStore {
  return new Store(cache, checkOptions('memcachedKeyv()', options, RULES));
}

type ErrorListener = (error: Error) => void;

class Store implements MemcachedKeyvStore {
  namespace: string | undefined = undefined;
  opts: Record<string, unknown> = { dialect: 'memcached', url: 'memcached:' };

  readonly #root: KeyvBackend;
  readonly #options: CheckedOptions;
  readonly #errorListeners = new Set<ErrorListener>();

  /** The view for the namespace `#viewOf`; replaced when Keyv has set another one. */
  #view: KeyvBackend;
  #viewOf: string | undefined = undefined;

  /** Whether a Keyv 6 has taken this store, and whether it was looked for a cache-manager behind it. */
  #keyvSix: 'unseen' | 'seen' | 'looked behind' = 'unseen';

  constructor(cache: KeyvBackend, options: CheckedOptions) {
    this.#options = options;
    this.#root = cache.namespace(options.namespace);
    this.#view = this.#root;
  }

  /**
   * Nothing is declared, so that Keyv 6 hands over times to live, as Keyv 5 does, and not end times.
   * That it is read at all tells that the keys will come without their namespace: Keyv 5 does not know it.
   */
  get capabilities(): undefined {
    this.#keyvSix = 'seen';
    // Nest makes its Keyv around a store given as it is: seen now. A Keyv of the user's own: at the first get.
    if (calledByCacheManager()) this.#warn();
    return undefined;
  }

  get<Value>(key: string): Promise<Value | undefined> {
    if (this.#keyvSix === 'seen') this.#lookBehind();
    return this.#try(undefined, () => this.#cache().get<Value>(this.#key(key)));
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    const full = keys.map((key) => this.#key(key));
    const found = await this.#try(undefined, () => this.#cache().getMany<Value>(full));
    return full.map((key) => found?.get(key));
  }

  async has(key: string): Promise<boolean> {
    return isThere(await this.get(key));
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map(isThere);
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const lifetime = this.#lifetime(ttl);
    const full = this.#key(key);
    return this.#try(false, () => {
      const cache = this.#cache();
      return lifetime === 'over' ? cache.delete(full) : cache.set(full, value, { ttl: lifetime });
    });
  }

  setMany(entries: KeyvStoreEntry[]): Promise<boolean[]>;
  setMany(entries: KeyvStoreEntry[]): Promise<void>;
  async setMany(entries: KeyvStoreEntry[]): Promise<unknown> {
    const byLifetime = new Map<number | 'over', KeyvStoreEntry[]>();
    for (const entry of entries) {
      const lifetime = this.#lifetime(entry.ttl);
      const group = byLifetime.get(lifetime);
      if (group === undefined) byLifetime.set(lifetime, [entry]);
      else group.push(entry);
    }
    const confirmed = new Map<KeyvStoreEntry, boolean>();
    const writing = [...byLifetime].map(async ([lifetime, group]) => {
      const done = await this.#try(false, () => this.#setGroup(lifetime, group));
      for (const entry of group) confirmed.set(entry, done);
    });
    await Promise.all(writing);
    return entries.map((entry) => confirmed.get(entry) === true);
  }

  async delete(key: string): Promise<boolean> {
    const full = this.#key(key);
    const had = this.#options.exactDelete ? await this.has(key) : true;
    const gone = await this.#try(false, () => this.#cache().delete(full));
    if (!gone) this.#tell(new Error(`Deleting ${keyPrefix(full)} is not confirmed; the entry may remain.`));
    return had && gone;
  }

  deleteMany(keys: string[]): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean[]>;
  async deleteMany(keys: string[]): Promise<unknown> {
    const full = keys.map((key) => this.#key(key));
    const had = this.#options.exactDelete ? !(await this.hasMany(keys)).includes(false) : true;
    const gone = await this.#try(false, () => this.#cache().deleteMany(full));
    if (!gone) {
      this.#tell(new Error(`Deleting ${keys.length} entries is not confirmed; some of them may remain.`));
    }
    return had && gone;
  }

  async clear(): Promise<void> {
    const cleared = await this.#try(false, () => this.#cache().clear());
    if (!cleared) this.#tell(new Error('Clearing is not confirmed; entries may remain.'));
  }

  async disconnect(): Promise<void> {}

  on(event: string, listener: (...args: never[]) => void): this {
    if (event === 'error') this.#errorListeners.add(listener as ErrorListener);
    return this;
  }

  // ---- what all of them share ----

  #setGroup(lifetime: number | 'over', group: KeyvStoreEntry[]): Promise<boolean> {
    const cache = this.#cache();
    if (lifetime === 'over') return cache.deleteMany(group.map((entry) => this.#key(entry.key)));
    return cache.setMany(
      group.map((entry) => [this.#key(entry.key), entry.value] as const),
      { ttl: lifetime },
    );
  }

  /**
   * Each namespace is a part of the cache of its own, so that clearing one leaves the others. The key keeps
   * its prefix all the same: Keyv 5 may share one store between namespaces, and only the prefix then tells
   * their keys apart.
   */
  #cache(): KeyvBackend {
    if (this.namespace !== this.#viewOf) {
      this.#view = this.namespace ? this.#root.namespace(this.namespace) : this.#root;
      this.#viewOf = this.namespace;
    }
    return this.#view;
  }

  #key(key: string): string {
    if (!this.namespace) return key;
    const prefix = `${this.namespace}:`;
    return this.#keyvSix === 'unseen' && key.startsWith(prefix) ? key : prefix + key;
  }

  /**
   * Whole seconds, as milliseconds; 0 is never, `'over'` an end that has passed already.
   *
   * memcached counts by the strokes of its clock, so an item of one second is gone at the next stroke, which
   * may be at once. Keyv knows the exact end: one second more makes sure that the entry lives until then.
   */
  #lifetime(ttl: number | undefined): number | 'over' {
    if (ttl === undefined || Number.isNaN(ttl)) return wholeSeconds(this.#options.ttl);
    if (ttl === 0 || ttl > LONGEST_TTL) return 0;
    return ttl < 0 ? 'over' : Math.min(wholeSeconds(ttl) + 1_000, LONGEST_TTL);
  }

  async #try<T>(otherwise: T, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.#tell(error instanceof Error ? error : new Error(String(error)));
      return otherwise;
    }
  }

  /** A listener that throws (Keyv 6 does, when nobody listens to it) must not turn a miss into a failure. */
  #tell(error: Error): void {
    for (const listener of this.#errorListeners) {
      try {
        listener(error);
      } catch {}
    }
  }

  #lookBehind(): void {
    this.#keyvSix = 'looked behind';
    if (calledByCacheManager()) this.#warn();
  }

  #warn(): void {
    this.#keyvSix = 'looked behind';
    warnAboutKeyvSix();
  }
}

function wholeSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000) * 1_000;
}

/** Keyv 5 believes what `has` says and does not look at the end that it keeps beside the value itself. */
function isThere(entry: unknown): boolean {
  if (entry === undefined) return false;
  const { expires } = envelopeOf(entry);
  return typeof expires !== 'number' || expires >= Date.now();
}

/** What Keyv wrote, unless it was told to serialise otherwise; such an entry is there until memcached drops it. */
function envelopeOf(entry: unknown): { expires?: unknown } {
  if (typeof entry === 'object' && entry !== null) return entry;
  if (typeof entry !== 'string' || !entry.startsWith('{')) return {};
  try {
    return JSON.parse(entry) as object;
  } catch {
    return {};
  }
}
