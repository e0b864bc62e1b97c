/**
 * Every failure of the client, as a class with a stable `code`.
 *
 * Invariant: a message never carries a value, a password or a whole key (see {@link keyPrefix}).
 * When to raise which error is decided by the layers above.
 */

/** May the request have been applied by the server? `'no'`: not a byte of it was written. */
export type Sent = 'no' | 'maybe';

export interface MemcachedErrorFacts {
  /** Name of the node the request was for, as it stands in the options. */
  node?: string | undefined;
  /** @defaultValue 'no' */
  sent?: Sent | undefined;
  cause?: unknown;
}

/** Root of all errors of this package. Handlers name the leaf class (or the `code`) they mean. */
export abstract class MemcachedError extends Error {
  /** Stable name of the kind of failure, for handlers and metrics. */
  abstract readonly code: string;
  /** The node concerned; `undefined` when the failure concerns none. */
  readonly node: string | undefined;
  /** `'no'`: nothing was written, repeating is safe. `'maybe'`: the server may have applied it. */
  readonly sent: Sent;

  constructor(message: string, facts: MemcachedErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.node = facts.node;
    this.sent = facts.sent ?? 'no';
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** An option is unknown or has a value it cannot have. Raised when the pool or module is made. */
export class MemcachedOptionError extends MemcachedError {
  readonly code = 'MEMCACHED_OPTION';
}

/** A key, value, TTL, delta or CAS token was refused before anything was written. */
export class MemcachedArgumentError extends MemcachedError {
  readonly code: string = 'MEMCACHED_ARGUMENT';
}

/** The key is empty, too long, or holds a byte the protocol cannot carry. */
export class MemcachedKeyError extends MemcachedArgumentError {
  override readonly code = 'MEMCACHED_KEY';
}

/** The value cannot be stored so that it comes back equal. */
export class MemcachedValueError extends MemcachedArgumentError {
  override readonly code = 'MEMCACHED_VALUE';
}

/** The encoded value is larger than `maxItemSize` (nothing written) or than the server takes. */
export class MemcachedTooLargeError extends MemcachedArgumentError {
  override readonly code = 'MEMCACHED_TOO_LARGE';
}

/** A stored value could not be turned back: unknown flags, a broken body, or over a bound. */
export class MemcachedDecodeError extends MemcachedError {
  readonly code = 'MEMCACHED_DECODE';
}

/** `commandTimeout` (or the call's `timeout`) passed before the reply's last byte. */
export class MemcachedTimeoutError extends MemcachedError {
  readonly code = 'MEMCACHED_TIMEOUT';
}

/** The socket could not be opened, or it closed while the request was outstanding. */
export class MemcachedConnectionError extends MemcachedError {
  readonly code = 'MEMCACHED_CONNECTION';
}

/** The server refused the credentials, or asks for some where none are configured. */
export class MemcachedAuthError extends MemcachedError {
  readonly code = 'MEMCACHED_AUTH';
}

/** The node is blacklisted; nothing was tried. */
export class MemcachedBlacklistedError extends MemcachedError {
  readonly code = 'MEMCACHED_BLACKLISTED';
}

/** Every node that could take the request is blacklisted; nothing was tried. */
export class MemcachedUnavailableError extends MemcachedError {
  readonly code = 'MEMCACHED_UNAVAILABLE';
}

/** `maxPending` requests, or `maxPendingBytes` bytes, are outstanding on the node already. */
export class MemcachedPoolExhaustedError extends MemcachedError {
  readonly code = 'MEMCACHED_POOL_EXHAUSTED';
}

/** The pool is closing or closed. */
export class MemcachedClosedError extends MemcachedError {
  readonly code = 'MEMCACHED_CLOSED';
}

/** The reply stream is not what the protocol allows; the connection was closed. */
export class MemcachedProtocolError extends MemcachedError {
  readonly code = 'MEMCACHED_PROTOCOL';
}

/** The server answered this one request with `SERVER_ERROR`, `CLIENT_ERROR` or `ERROR`. */
export class MemcachedServerError extends MemcachedError {
  readonly code = 'MEMCACHED_SERVER';
}

/** The command is not to be had with this node's protocol. */
export class MemcachedUnsupportedError extends MemcachedError {
  readonly code = 'MEMCACHED_UNSUPPORTED';
}

/** An incr or decr made a number that JavaScript cannot hold exactly; `value` is the exact one. */
export class MemcachedUnsafeNumberError extends MemcachedError {
  readonly code = 'MEMCACHED_UNSAFE_NUMBER';
  constructor(
    readonly value: bigint,
    facts: MemcachedErrorFacts = {},
  ) {
    super(
      `The counter is now ${value}, beyond Number.MAX_SAFE_INTEGER; pass the delta as a bigint to get a bigint.`,
      { sent: 'maybe', ...facts },
    );
  }
}

/** Some nodes of a many-key call failed. What was read or done is here, and why the rest was not. */
export class MemcachedPartialError<V = unknown> extends MemcachedError {
  readonly code = 'MEMCACHED_PARTIAL';
  constructor(
    message: string,
    /** What the other nodes answered, by the caller's key. */
    readonly values: Map<string, V>,
    /** The keys that failed, each with its error. */
    readonly failed: Map<string, MemcachedError>,
    facts: MemcachedErrorFacts = {},
  ) {
    super(message, facts);
  }
}

/** The start of a key, for messages: at most 24 characters, control characters made visible. */
export function keyPrefix(key: string): string {
  const start = key.length > 24 ? `${key.slice(0, 24)}...` : key;
  return JSON.stringify(start);
}

/**
 * Makes an error without a stack. Internal stacks tell a caller nothing, and when thousands of requests fail
 * at once, taking them would hold up the event loop.
 */
export function withoutStack<E extends MemcachedError>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The same failure as an error of its own, with the truth about whether this request was sent. */
export function sameFailure(error: MemcachedError, sent: Sent): MemcachedError {
  const Kind = error.constructor as new (message: string, facts: MemcachedErrorFacts) => MemcachedError;
  return withoutStack(() => new Kind(error.message, { node: error.node, sent, cause: error.cause }));
}
