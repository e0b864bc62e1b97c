/**
 * `nestjs-memcached-pool/core`: the memcached client alone, without Nest and without a cache.
 *
 * This list is the public face; a name that is not in it may change at any time.
 */
export type { Clock, Timer } from './base/clock.js';
export type { ByteSize, Duration } from './base/durations.js';
export {
  MemcachedArgumentError,
  MemcachedAuthError,
  MemcachedBlacklistedError,
  MemcachedClosedError,
  MemcachedConnectionError,
  MemcachedDecodeError,
  MemcachedError,
  type MemcachedErrorFacts,
  MemcachedKeyError,
  MemcachedOptionError,
  MemcachedPartialError,
  MemcachedPoolExhaustedError,
  MemcachedProtocolError,
  MemcachedServerError,
  MemcachedTimeoutError,
  MemcachedTooLargeError,
  MemcachedUnavailableError,
  MemcachedUnsafeNumberError,
  MemcachedUnsupportedError,
  MemcachedValueError,
  type Sent,
} from './base/errors.js';
export type { NodeState } from './node/blacklist.js';
export type { MemcachedPoolOptions, NodeOptions } from './pool/options.js';
export { MemcachedPool, type MemcachedPoolEvents } from './pool/pool.js';
export type {
  CallOptions,
  CasOutcome,
  CounterOptions,
  NodeStateChange,
  NodeStatus,
  StoreOptions,
  Versioned,
} from './pool/types.js';
