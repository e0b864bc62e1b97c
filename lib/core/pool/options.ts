/**
 * What a pool can be told, with the defaults.
 */
import type { Clock } from '../base/clock.js';
import type { ByteSize, Duration } from '../base/durations.js';

/** A node as an object, where `'host:port'` is not enough. */
export interface NodeOptions {
  host?: string | undefined;
  /** @defaultValue 11211 */
  port?: number | string | undefined;
  /** Path of a unix socket, instead of `host` and `port`. */
  path?: string | undefined;
  /** Share of the keys under `ketama` and `modula`, or of the turns under `round-robin`. @defaultValue 1 */
  weight?: number | string | undefined;
}

export interface MemcachedPoolOptions {
  /** Nodes: a list, or one string with commas. @defaultValue '127.0.0.1:11211' */
  nodes?: string | readonly (string | NodeOptions)[] | undefined;
  distribution?: 'ketama' | 'round-robin' | 'rendezvous' | 'modula' | undefined;
  protocol?: 'auto' | 'meta' | 'classic' | undefined;
  poolSize?: number | string | undefined;
  connectTimeout?: Duration | undefined;
  commandTimeout?: Duration | undefined;
  idleTimeout?: Duration | undefined;
  closeTimeout?: Duration | undefined;
  blacklistTime?: Duration | undefined;
  maxPending?: number | string | undefined;
  maxPendingBytes?: ByteSize | undefined;
  maxItemSize?: ByteSize | undefined;
  retries?: number | string | undefined;
  /** Name of the pool in errors, events and health. @defaultValue 'default' */
  name?: string | undefined;
  /** For tests. @defaultValue the system's clock */
  clock?: Clock | undefined;
}
