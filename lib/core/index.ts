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
export type { Credentials } from './connection/handshake.js';
export type { TlsSettings } from './connection/open-socket.js';
export type { NodeState } from './node/blacklist.js';
export type { Ability } from './pool/abilities.js';
export type {
  Lease,
  LeaseOutcome,
  LeaseReadOptions,
  Leases,
  PeekOptions,
  Replacement,
} from './pool/leases.js';
export type { MemcachedPoolOptions, NodeOptions } from './pool/options.js';
export { MemcachedPool, type MemcachedPoolEvents } from './pool/pool.js';
export type {
  CallOptions,
  CasOutcome,
  CounterOptions,
  LeaseRead,
  NodeStateChange,
  NodeStatus,
  StoreOptions,
  Versioned,
} from './pool/types.js';
export type { Distribution, KetamaOptions, ModulaOptions } from './routing/options.js';
export type { CustomDistribution, Router } from './routing/router.js';
export type { RoutedNode, Topology } from './routing/topology.js';
export type { Codec, EncodedValue, EncodeOptions } from './value/codec.js';
export type { CompressionOptions } from './value/compression.js';
export type { CodecOptions, Serializer } from './value/options.js';
