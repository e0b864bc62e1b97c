/**
 * MemcachedPool: the client's public face. One call, one promise; which node, which socket and which
 * protocol are decided below.
 */
import { EventEmitter } from 'node:events';
import type { Duration } from '../base/durations.js';
import type { NodeState } from '../node/blacklist.js';
import type { MemcachedPoolOptions } from './options.js';
import type {
  CallOptions,
  CasOutcome,
  CounterOptions,
  NodeStatus,
  StoreOptions,
  Versioned,
} from './types.js';

/** Sent once for every change of a node's state. */
export interface NodeStateChange {
  pool: string;
  node: string;
  from: NodeState;
  to: NodeState;
  reason: string;
}

export interface MemcachedPoolEvents {
  nodeState: [NodeStateChange];
}

export class MemcachedPool extends EventEmitter<MemcachedPoolEvents> {
  readonly name: string;
  constructor(options: MemcachedPoolOptions = {}) {
    super();
    this.name = options.name ?? 'default';
  }

  /** The value, or `undefined` when there is none. */
  get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    return todo(key, options);
  }
  /** The values that were found, by key. When a node failed: MemcachedPartialError with `values` and `failed`. */
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    return todo(keys, options);
  }
  gets<T = unknown>(key: string, options?: CallOptions): Promise<Versioned<T> | undefined> {
    return todo(key, options);
  }
  gat<T = unknown>(key: string, ttl: Duration, options?: CallOptions): Promise<T | undefined> {
    return todo(key, ttl, options);
  }
  set(key: string, value: unknown, options?: StoreOptions): Promise<void> {
    return todo(key, value, options);
  }
  /** When a node failed: MemcachedPartialError with `failed`. */
  setMany(entries: Iterable<readonly [string, unknown]>, options?: StoreOptions): Promise<void> {
    return todo(entries, options);
  }
  add(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return todo(key, value, options);
  }
  replace(key: string, value: unknown, options?: StoreOptions): Promise<boolean> {
    return todo(key, value, options);
  }
  append(key: string, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return todo(key, value, options);
  }
  prepend(key: string, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return todo(key, value, options);
  }
  cas(key: string, value: unknown, cas: bigint, options?: StoreOptions): Promise<CasOutcome> {
    return todo(key, value, cas, options);
  }
  /** Whether there was something to delete. */
  delete(key: string, options?: CallOptions): Promise<boolean> {
    return todo(key, options);
  }
  /** How many of the keys were there. */
  deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    return todo(keys, options);
  }
  touch(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
    return todo(key, ttl, options);
  }
  /** The counter's new value, or `undefined` when the key is missing and no `initial` is given. */
  incr(key: string, delta?: number, options?: CounterOptions): Promise<number | undefined>;
  incr(key: string, delta: bigint, options?: CounterOptions): Promise<bigint | undefined>;
  incr(key: string, delta: number | bigint = 1, options?: CounterOptions): Promise<never> {
    return todo(key, delta, options);
  }
  decr(key: string, delta?: number, options?: CounterOptions): Promise<number | undefined>;
  decr(key: string, delta: bigint, options?: CounterOptions): Promise<bigint | undefined>;
  decr(key: string, delta: number | bigint = 1, options?: CounterOptions): Promise<never> {
    return todo(key, delta, options);
  }
  /** Drops every item of every node. The cache never calls it. */
  flushAll(options?: CallOptions & { delay?: Duration }): Promise<void> {
    return todo(options);
  }
  /** By node name. */
  stats(group?: string, options?: CallOptions): Promise<Map<string, Record<string, string>>> {
    return todo(group, options);
  }
  /** By node name. */
  version(options?: CallOptions): Promise<Map<string, string>> {
    return todo(options);
  }
  /** Opens the first socket of every node; rejects when none could be opened. */
  connect(options?: CallOptions): Promise<void> {
    return todo(options);
  }
  nodes(): NodeStatus[] {
    return [];
  }
  /** Lets what is in flight settle for at most `closeTimeout`, then closes every socket. Safe to call twice. */
  close(): Promise<void> {
    return todo();
  }
}

function todo(..._: unknown[]): Promise<never> {
  return Promise.reject(new Error('being built'));
}
