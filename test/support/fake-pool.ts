/**
 * A pool in memory, for tests of what stands on a pool: it answers in a later turn of the event loop, as a
 * network would, and can be told to fail, to hold answers back, to forget keys.
 *
 * Invariant: a command takes effect when it is answered, not when it is called, and nothing a caller holds
 * is shared with what is stored. Values go through the real codec; wire and sockets are left to the real pool.
 */
import type { Clock } from '../../lib/core/base/clock.js';
import { systemClock } from '../../lib/core/base/clock.js';
import { toMilliseconds } from '../../lib/core/base/durations.js';
import {
  MemcachedArgumentError,
  type MemcachedError,
  MemcachedPartialError,
  MemcachedTooLargeError,
} from '../../lib/core/base/errors.js';
import type { CallOptions, StoreOptions } from '../../lib/core/pool/types.js';
import type { EncodedValue } from '../../lib/core/value/codec.js';
import { createCodec } from '../../lib/core/value/default-codec.js';

export type FakeVerb = 'get' | 'getMany' | 'set' | 'setMany' | 'add' | 'delete' | 'deleteMany';

/** One command as the pool was asked for it. */
export interface FakeRequest {
  verb: FakeVerb;
  keys: string[];
  node: string;
  /** Requests of one turn of the event loop have the same number: they would leave in one write. */
  turn: number;
  options: StoreOptions | undefined;
}

export interface FakePoolOptions {
  nodes?: string[];
  /** `false`: as behind proxies, one key space for all and no `nodeOf`. */
  addressable?: boolean;
  clock?: Clock;
  /** Texts and bytes longer than this are refused as too large. */
  maxItemBytes?: number;
}

interface FakeItem {
  value: EncodedValue;
  ends: number;
}

const codec = createCodec();

interface Held {
  request: FakeRequest;
  go: () => void;
}

export class FakePool {
  readonly name = 'fake';
  /** Every command since the last {@link forget}, oldest first. */
  readonly requests: FakeRequest[] = [];
  /** Called before a command takes effect; what it returns is what the command fails with. */
  fail: (request: FakeRequest, key: string) => Error | undefined = () => undefined;
  nodeOf?: (key: string) => string | undefined;

  readonly #items = new Map<string, Map<string, FakeItem>>();
  readonly #clock: Clock;
  readonly #maxItemBytes: number;
  #holds: (request: FakeRequest) => boolean = () => false;
  #holdsAnswer: (request: FakeRequest) => boolean = () => false;
  #held: Held[] = [];
  #turn = 0;

  constructor({
    nodes = ['a:1'],
    addressable = true,
    clock = systemClock,
    maxItemBytes,
  }: FakePoolOptions = {}) {
    for (const node of nodes) this.#items.set(node, new Map());
    this.#clock = clock;
    this.#maxItemBytes = maxItemBytes ?? Number.POSITIVE_INFINITY;
    if (addressable) this.nodeOf = (key) => this.#route(key);
  }

  // ---- what a test does to it ----

  /** Holds back the commands that `which` says yes to until {@link release}. */
  hold(which: (request: FakeRequest) => boolean): void {
    this.#holds = which;
  }

  /** Resolves when `count` commands are held back. */
  async holding(count = 1): Promise<FakeRequest[]> {
    while (this.#held.length < count) await nextTurn();
    return this.#held.map(({ request }) => request);
  }

  /** Holds back the answers of the `get`s that `which` says yes to: they have read, and nobody knows yet. */
  holdAnswers(which: (request: FakeRequest) => boolean): void {
    this.#holdsAnswer = which;
  }

  /** Lets what is held back, or that part of it, take effect or be answered; and what comes later, all of it. */
  release(which: (request: FakeRequest) => boolean = () => true): void {
    this.#holds = () => false;
    this.#holdsAnswer = () => false;
    const going = this.#held.filter(({ request }) => which(request));
    this.#held = this.#held.filter(({ request }) => !which(request));
    for (const { go } of going) go();
  }

  /** The keys that are stored, of all nodes. */
  keys(): string[] {
    return [...this.#items.values()].flatMap((items) => [...items.keys()]);
  }

  /** What is stored under the first key that `which` says yes to. */
  peek(which: (key: string) => boolean): unknown {
    for (const items of this.#items.values()) {
      for (const [key, item] of items) if (which(key)) return decode(item.value);
    }
    return undefined;
  }

  /** Puts something under a key, on the node it is routed to, as another program would. */
  poke(key: string, value: unknown): void {
    this.#items
      .get(this.#route(key))!
      .set(key, { value: codec.encode(value), ends: Number.POSITIVE_INFINITY });
  }

  /** Drops keys as memcached does when it needs the room. */
  evict(which: (key: string) => boolean): void {
    for (const items of this.#items.values()) {
      for (const key of [...items.keys()]) if (which(key)) items.delete(key);
    }
  }

  forget(): void {
    this.requests.length = 0;
  }

  /** The turns of the requests since {@link forget}: one number is one round trip. */
  turns(): number {
    return new Set(this.requests.map(({ turn }) => turn)).size;
  }

  // ---- the pool ----

  nodes(): { name: string }[] {
    return [...this.#items.keys()].map((name) => ({ name }));
  }

  async get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    const [items] = await this.#arrive('get', [key], options);
    const value = this.#read(items!, key) as T | undefined;
    await this.#wait(this.#holdsAnswer, { verb: 'get', keys: [key], node: '', turn: this.#turn, options });
    return value;
  }

  async getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    return this.#many<T>('getMany', [...keys], options, (items, key) => this.#read(items, key) as T);
  }

  async set(key: string, value: unknown, options?: StoreOptions): Promise<void> {
    const body = this.#encode(value);
    const [items] = await this.#arrive('set', [key], options);
    items!.set(key, { value: body, ends: this.#ends(options) });
  }

  async setMany(entries: Iterable<readonly [string, unknown]>, options?: StoreOptions): Promise<void> {
    const bodies = new Map<string, EncodedValue>();
    const refused = new Map<string, MemcachedError>();
    for (const [key, value] of entries) {
      try {
        bodies.set(key, this.#encode(value));
      } catch (error) {
        refused.set(key, error as MemcachedError);
      }
    }
    await this.#many(
      'setMany',
      [...bodies.keys()],
      options,
      (items, key) => void items.set(key, { value: bodies.get(key)!, ends: this.#ends(options) }),
      refused,
    );
  }

  async add(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    const body = this.#encode(value);
    const [items] = await this.#arrive('add', [key], options);
    if (this.#read(items!, key) !== undefined) return false;
    items!.set(key, { value: body, ends: this.#ends(options) });
    return true;
  }

  async delete(key: string, options?: CallOptions): Promise<boolean> {
    const [items] = await this.#arrive('delete', [key], options);
    return items!.delete(key);
  }

  async deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    let count = 0;
    await this.#many('deleteMany', [...keys], options, (items, key) => {
      if (items.delete(key)) count++;
    });
    return count;
  }

  async #many<T>(
    verb: FakeVerb,
    keys: string[],
    options: CallOptions | undefined,
    each: (items: Map<string, FakeItem>, key: string) => T | undefined,
    failed = new Map<string, MemcachedError>(),
  ): Promise<Map<string, T>> {
    const values = new Map<string, T>();
    const done = (items: Map<string, FakeItem>, key: string): void => {
      const value = each(items, key);
      if (value !== undefined) values.set(key, value);
    };
    if (keys.length > 0)
      await this.#arrive(verb, keys, options, (key, error) => failed.set(key, error), done);
    if (failed.size > 0) throw new MemcachedPartialError(`${verb} failed in part.`, values, failed);
    return values;
  }

  /** Waits as a command does on its way, then fails or takes effect. */
  async #arrive(
    verb: FakeVerb,
    keys: string[],
    options?: StoreOptions,
    partly?: (key: string, error: MemcachedError) => void,
    each?: (items: Map<string, FakeItem>, key: string) => void,
  ): Promise<Map<string, FakeItem>[]> {
    for (const key of keys) {
      if (!/^[^\u0000-\u0020\u007f]+$/.test(key) || Buffer.byteLength(key) > 250) {
        throw new MemcachedArgumentError(`The key ${key.slice(0, 20)} cannot be sent.`);
      }
    }
    const nodes = keys.map((key) => options?.node ?? this.#route(key));
    const request: FakeRequest = { verb, keys, node: nodes[0]!, turn: this.#turn, options };
    this.requests.push(request);
    await Promise.race([this.#way(request), aborted(options?.signal)]);
    for (const [index, key] of keys.entries()) {
      const error = this.fail({ ...request, node: nodes[index]! }, key);
      if (error !== undefined && partly === undefined) throw error;
      if (error !== undefined) partly!(key, error as MemcachedError);
      else each?.(this.#items.get(nodes[index]!)!, key);
    }
    return nodes.map((node) => this.#items.get(node)!);
  }

  async #way(request: FakeRequest): Promise<void> {
    await nextTurn();
    this.#turn++;
    await this.#wait(this.#holds, request);
  }

  async #wait(holds: (request: FakeRequest) => boolean, request: FakeRequest): Promise<void> {
    if (holds(request)) await new Promise<void>((go) => this.#held.push({ request, go }));
  }

  #route(key: string): string {
    const names = [...this.#items.keys()];
    let hash = 0;
    for (const unit of Buffer.from(key)) hash = (hash * 31 + unit) >>> 0;
    return names[hash % names.length]!;
  }

  #read(items: Map<string, FakeItem>, key: string): unknown {
    const item = items.get(key);
    if (item === undefined) return undefined;
    if (this.#clock.now() < item.ends) return decode(item.value);
    items.delete(key);
    return undefined;
  }

  #ends(options: StoreOptions | undefined): number {
    const milliseconds = toMilliseconds(options?.ttl ?? 0);
    if (milliseconds === undefined) throw new MemcachedArgumentError(`A TTL cannot be ${options?.ttl}.`);
    if (milliseconds === 0) return Number.POSITIVE_INFINITY;
    return this.#clock.now() + Math.ceil(milliseconds / 1_000) * 1_000;
  }

  #encode(value: unknown): EncodedValue {
    const encoded = codec.encode(value);
    if (encoded.bytes > this.#maxItemBytes) throw new MemcachedTooLargeError('The value is too large.');
    return { ...encoded, body: typeof encoded.body === 'string' ? encoded.body : Buffer.from(encoded.body) };
  }
}

function decode({ body, flags }: EncodedValue): unknown {
  const bytes = Buffer.from(body as string, 'latin1');
  return codec.decode(flags, bytes, 0, bytes.length);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
