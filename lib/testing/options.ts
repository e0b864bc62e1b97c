/** The options of an in-process memcached, and how they are checked. What they do is decided by the server. */
import type { TlsOptions } from 'node:tls';
import { type Clock, systemClock } from '../core/base/clock.js';
import type { ByteSize, Duration } from '../core/base/durations.js';
import { bytes, duration, integer, like, type OptionRules, oneOf, text } from '../core/base/options.js';

export interface TestMemcachedOptions {
  /** TCP port; 0 takes a free one, which a restart keeps. @defaultValue 0 */
  port?: number | undefined;
  /** Address to listen on. @defaultValue '127.0.0.1' */
  host?: string | undefined;
  /** Listen on this unix socket instead of TCP. */
  path?: string | undefined;
  /** Memory for items, as `-m`; beyond it the least recently used go. @defaultValue '64m' */
  memory?: ByteSize | undefined;
  /** Largest item, as `-I`: key, value and 59 bytes (63 with flags) together. @defaultValue '1m' */
  maxItemSize?: ByteSize | undefined;
  /** Items expire by its wall clock, delays and idle times wait by its timers. @defaultValue the machine's clock */
  clock?: Clock | undefined;
  /** `'1.6.45'` adds `E`, `mg C`, `md x`, `ms s`, and swallows the data of a bad storage line. @defaultValue '1.6.18' */
  serverVersion?: '1.6.18' | '1.6.45' | undefined;
  /** `'classic'` knows no meta command: it answers `ERROR` and runs the data of an `ms` as a command. @defaultValue 'all' */
  protocol?: 'all' | 'classic' | undefined;
  /** Asks for a password first, as `-Y` does. */
  auth?: { user: string; password: string } | undefined;
  /** Speaks TLS with these options of `node:tls`. */
  tls?: TlsOptions | undefined;
  /** One more than this is told `ERROR Too many open connections` and closed. @defaultValue 1024 */
  maxConnections?: number | undefined;
  /** Closes a connection that sent nothing for so long; 0 is never. @defaultValue 0 */
  idleTimeout?: Duration | undefined;
}

/** The options with every default filled in. */
export interface CheckedOptions {
  port: number;
  host: string;
  path: string | undefined;
  memory: number;
  maxItemSize: number;
  clock: Clock;
  serverVersion: '1.6.18' | '1.6.45';
  protocol: 'all' | 'classic';
  auth: { user: string; password: string } | undefined;
  tls: TlsOptions | undefined;
  maxConnections: number;
  idleTimeout: number;
}

const GIBIBYTE = 1024 ** 3;

export const optionRules: OptionRules<CheckedOptions> = {
  port: integer(0, 0, 65_535),
  host: text('127.0.0.1'),
  path: text(undefined),
  memory: bytes(64 * 1024 ** 2, 1024, 1024 * GIBIBYTE),
  maxItemSize: bytes(1024 ** 2, 1024, GIBIBYTE),
  clock: like(systemClock, 'a Clock', (given) => typeof (given as Clock | null)?.wallNow === 'function'),
  serverVersion: oneOf('1.6.18', ['1.6.18', '1.6.45']),
  protocol: oneOf('all', ['all', 'classic']),
  auth: like<CheckedOptions['auth']>(undefined, '{ user, password }, both strings', isCredentials),
  tls: like<TlsOptions | undefined>(undefined, 'the options of tls.createServer()', isObject),
  maxConnections: integer(1024, 1, 1_000_000),
  idleTimeout: duration(0, 0),
};

function isObject(given: unknown): boolean {
  return typeof given === 'object' && given !== null;
}

function isCredentials(given: unknown): boolean {
  const { user, password } = (given ?? {}) as Record<string, unknown>;
  return typeof user === 'string' && typeof password === 'string';
}
