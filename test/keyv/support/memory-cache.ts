/**
 * A cache in a Map, with the answers of a cache whose memcached is there, gone, or broken beyond its own
 * promises. It notes the lifetimes it was given, which no real cache gives back.
 */
import type { KeyvBackend } from '../../../lib/keyv/types.js';

export class MemoryCache implements KeyvBackend {
  /** `up`; `down` as a cache answers when memcached is away; `throwing` as it never should. */
  state: 'up' | 'down' | 'throwing' = 'up';
  /** By the name of the namespace, in the order they were asked for. */
  readonly namespaces = new Map<string, MemoryCache>();
  readonly entries = new Map<string, unknown>();
  readonly lifetimes = new Map<string, number>();
  calls = 0;

  constructor(readonly owner?: MemoryCache) {}

  async get<T>(key: string): Promise<T | undefined> {
    return this.#answer(undefined, () => this.entries.get(key) as T | undefined);
  }
  async set(key: string, value: unknown, { ttl }: { ttl: number }): Promise<boolean> {
    return this.#answer(false, () => {
      this.entries.set(key, value);
      this.lifetimes.set(key, ttl);
      return true;
    });
  }
  async delete(key: string): Promise<boolean> {
    return this.#answer(false, () => {
      this.entries.delete(key);
      return true;
    });
  }
  async getMany<T>(keys: Iterable<string>): Promise<Map<string, T>> {
    return this.#answer(new Map<string, T>(), () => {
      const found = new Map<string, T>();
      for (const key of keys) if (this.entries.has(key)) found.set(key, this.entries.get(key) as T);
      return found;
    });
  }
  async setMany(entries: Iterable<readonly [string, unknown]>, options: { ttl: number }): Promise<boolean> {
    return this.#answer(false, () => {
      for (const [key, value] of entries) {
        this.entries.set(key, value);
        this.lifetimes.set(key, options.ttl);
      }
      return true;
    });
  }
  async deleteMany(keys: Iterable<string>): Promise<boolean> {
    return this.#answer(false, () => {
      for (const key of keys) this.entries.delete(key);
      return true;
    });
  }
  async clear(): Promise<boolean> {
    return this.#answer(false, () => {
      this.entries.clear();
      return true;
    });
  }
  namespace(name: string): MemoryCache {
    const known = this.namespaces.get(name) ?? new MemoryCache(this.owner ?? this);
    this.namespaces.set(name, known);
    return known;
  }

  #answer<T>(whenDown: T, whenUp: () => T): T {
    const owner = this.owner ?? this;
    owner.calls++;
    if (owner.state === 'throwing') throw new Error('the cache broke its promise');
    return owner.state === 'up' ? whenUp() : whenDown;
  }
}
