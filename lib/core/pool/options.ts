/**
 * What a pool can be told: every option with its unit, its default and what happens at the edge, and the
 * check that turns what was given into what the layers below are made with.
 */
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { type Address, DEFAULT_PORT, formatAddress, parseAddress } from '../base/address.js';
import { type Clock, systemClock } from '../base/clock.js';
import type { ByteSize, Duration } from '../base/durations.js';
import { MemcachedOptionError } from '../base/errors.js';
import {
  bytes,
  checkOptions,
  describe,
  duration,
  integer,
  like,
  type OptionRule,
  oneOf,
  REFUSED,
  text,
} from '../base/options.js';
import type { Credentials } from '../connection/handshake.js';
import type { TlsSettings } from '../connection/open-socket.js';
import { createRouter } from '../routing/create.js';
import {
  checkDistribution,
  type Distribution,
  type KetamaOptions,
  type ModulaOptions,
} from '../routing/options.js';
import { MAX_WEIGHT } from '../routing/topology.js';
import type { Codec } from '../value/codec.js';
import { createCodec } from '../value/default-codec.js';
import type { CodecOptions } from '../value/options.js';

/** A node as an object, where `'host:port'` is not enough. */
export interface NodeOptions {
  host?: string | undefined;
  /** @defaultValue 11211 */
  port?: number | string | undefined;
  /** Path of a unix socket, instead of `host` and `port`. */
  path?: string | undefined;
  /** Share of the keys, or of the turns under `round-robin`, relative to the other nodes. @defaultValue 1 */
  weight?: number | string | undefined;
  /** Encryption of this node. @defaultValue the pool's `tls` */
  tls?: TlsSettings | boolean | undefined;
  /** Credentials for this node. @defaultValue the pool's `auth` */
  auth?: Credentials | undefined;
}

export interface MemcachedPoolOptions {
  /**
   * The nodes: a list, or one string with commas. `'host'`, `'host:port'`, `'[v6]:port'`, `'unix:/path'`, or
   * objects.
   * @defaultValue '127.0.0.1:11211'
   */
  nodes?: string | readonly (string | NodeOptions)[] | undefined;
  /**
   * How keys find their node. `'ketama'`, `'rendezvous'` and `'modula'` are for plain memcached, where each
   * node holds its part; `'round-robin'` is for nodes that share one key space (proxies).
   * @defaultValue 'ketama'
   */
  distribution?: Distribution | undefined;
  ketama?: KetamaOptions | undefined;
  modula?: ModulaOptions | undefined;
  /**
   * What happens to the keys of a blacklisted node. `'fail'`: they fail at once. `'next'`: they move to
   * another node meanwhile; when the node comes back with its memory intact, it serves what it knew before.
   * `round-robin` always takes another node.
   * @defaultValue 'fail'
   */
  onBlacklisted?: 'fail' | 'next' | undefined;
  /** `'auto'` asks each server whether it knows the meta protocol (memcached 1.6.18). @defaultValue 'auto' */
  protocol?: 'auto' | 'meta' | 'classic' | undefined;
  /** Most sockets per node. A second one opens only when the first is busy with something long. @defaultValue 4 */
  poolSize?: number | string | undefined;
  /** From the connect to the first answer, authentication included. Then the node is blacklisted. @defaultValue 500 */
  connectTimeout?: Duration | undefined;
  /**
   * From the call to the reply's last byte, waiting for a socket and retries included. Then the call fails
   * with `MEMCACHED_TIMEOUT`.
   * @defaultValue 500
   */
  commandTimeout?: Duration | undefined;
  /** Sockets unused for this long are closed, except the first. @defaultValue '60s' */
  idleTimeout?: Duration | undefined;
  /** How long `close()` lets requests in flight settle before it cuts them off. @defaultValue '2s' */
  closeTimeout?: Duration | undefined;
  /** How long a node that failed is left alone before it is probed, plus or minus a tenth. @defaultValue '4s' */
  blacklistTime?: Duration | undefined;
  /** Most requests outstanding per node. One more fails at once with `MEMCACHED_POOL_EXHAUSTED`. @defaultValue 16384 */
  maxPending?: number | string | undefined;
  /** Most bytes of values outstanding per node. More fail at once with `MEMCACHED_POOL_EXHAUSTED`. @defaultValue '64m' */
  maxPendingBytes?: ByteSize | undefined;
  /**
   * The server's `-I`. A value that would not fit, with what the server adds to it, is refused with
   * `MEMCACHED_TOO_LARGE` before a byte is written.
   * @defaultValue '1m'
   */
  maxItemSize?: ByteSize | undefined;
  /** Largest value that is read. An answer that announces more closes its connection. @defaultValue '64m', or `maxItemSize` when that is more */
  maxValueSize?: ByteSize | undefined;
  /** How often a read, or a request of which nothing was sent, is tried again after its connection failed. @defaultValue 1 */
  retries?: number | string | undefined;
  /**
   * Keys longer than 250 bytes or with characters memcached cannot take: `'refuse'` them with
   * `MEMCACHED_KEY`, or store them under a readable start and their SHA-256 (`'digest'`).
   * @defaultValue 'refuse'
   */
  longKeys?: 'refuse' | 'digest' | undefined;
  /** Encryption: `true`, or options of `tls.connect`. Certificates are verified unless those say otherwise. @defaultValue false */
  tls?: TlsSettings | boolean | undefined;
  /** Credentials of servers started with `-Y`. Never part of an error, a log or an event. */
  auth?: Credentials | undefined;
  /** How values become bytes: compression, a serializer of one's own, bounds on decoding. */
  values?: CodecOptions | undefined;
  /** Name of the pool in errors, events and health. @defaultValue 'default' */
  name?: string | undefined;
  /** Where time comes from, for tests. @defaultValue the system's clock */
  clock?: Clock | undefined;
  /** From 0 to below 1; spreads probes, for tests. @defaultValue Math.random */
  random?: (() => number) | undefined;
}

/** One node, checked. */
export interface NodeSpec {
  name: string;
  address: Address;
  weight: number;
  tls: TlsSettings;
  auth: Credentials | undefined;
}

export interface CheckedPoolOptions {
  nodes: NodeSpec[];
  distribution: Distribution;
  ketama: KetamaOptions | undefined;
  modula: ModulaOptions | undefined;
  onBlacklisted: 'fail' | 'next';
  protocol: 'auto' | 'meta' | 'classic';
  poolSize: number;
  connectTimeout: number;
  commandTimeout: number;
  idleTimeout: number;
  closeTimeout: number;
  blacklistTime: number;
  maxPending: number;
  maxPendingBytes: number;
  maxItemSize: number;
  maxValueSize: number;
  retries: number;
  longKeys: 'refuse' | 'digest';
  tls: TlsSettings;
  auth: Credentials | undefined;
  values: CodecOptions | undefined;
  name: string;
  clock: Clock;
  random: () => number;
}

type Given = Omit<CheckedPoolOptions, 'nodes'> & { nodes: readonly (string | NodeOptions)[] };

const MIB = 1_048_576;

/** Checked by the router they belong to, which knows them. */
const passed = <T>(): OptionRule<T | undefined> => like<T | undefined>(undefined, 'an object', () => true);

const tlsRule: OptionRule<TlsSettings> = {
  fallback: false,
  expects: 'true, false or options of tls.connect',
  read: (given, path) => {
    if (given === false || given === 'false') return false;
    if (given === true || given === 'true') return {};
    if (typeof given !== 'object' || given === null) return REFUSED;
    checkTls(given, path);
    return given;
  },
};

/** Whatever is wrong with certificates and keys shall be known at the start, and none of them be quoted. */
function checkTls(given: ConnectionOptions, path: string): void {
  const { servername, checkServerIdentity } = given;
  let wrong = '';
  if (servername !== undefined && typeof servername !== 'string') wrong = '"servername" is no text';
  if (checkServerIdentity !== undefined && typeof checkServerIdentity !== 'function')
    wrong = '"checkServerIdentity" is no function';
  try {
    createSecureContext(given);
  } catch (error) {
    wrong = (error as NodeJS.ErrnoException).code ?? 'its certificates or keys cannot be read';
  }
  if (wrong !== '') throw new MemcachedOptionError(`The option "${path}" cannot be used: ${wrong}.`);
}

const authRule: OptionRule<Credentials | undefined> = {
  fallback: undefined,
  expects: '{ user, password }, without a space in the user or a line end in either',
  read: (given, path) => {
    const { user, password } = (given ?? {}) as Partial<Credentials>;
    const isReadable = typeof user === 'string' && typeof password === 'string';
    if (isReadable && /^[^\s]+$/.test(user) && /^[^\r\n]+$/.test(password)) return { user, password };
    // Whatever was given instead may hold the password, so it is not quoted.
    throw new MemcachedOptionError(`Option "${path}" must be ${authRule.expects}.`);
  },
};

const nodesRule: OptionRule<readonly (string | NodeOptions)[]> = {
  fallback: [`127.0.0.1:${DEFAULT_PORT}`],
  expects: "a list of nodes or a string like 'a:11211,b:11211'",
  read: (given) => {
    if (Array.isArray(given)) return given;
    return typeof given === 'string' ? readNodes(given) : REFUSED;
  },
};

const RULES = {
  nodes: nodesRule,
  distribution: {
    fallback: 'ketama' as Distribution,
    expects: 'the name of a distribution or one of your own',
    read: (given: unknown) => checkDistribution(given as Distribution),
  },
  ketama: passed<KetamaOptions>(),
  modula: passed<ModulaOptions>(),
  onBlacklisted: oneOf<'fail' | 'next'>('fail', ['fail', 'next']),
  protocol: oneOf<'auto' | 'meta' | 'classic'>('auto', ['auto', 'meta', 'classic']),
  poolSize: integer(4, 1, 1_024),
  commandTimeout: duration(500),
  connectTimeout: duration(500),
  idleTimeout: duration(60_000),
  closeTimeout: duration(2_000, 0),
  blacklistTime: duration(4_000),
  maxPending: integer(16_384, 1, 10_000_000),
  maxPendingBytes: bytes(64 * MIB, 1, Number.MAX_SAFE_INTEGER),
  maxItemSize: bytes(MIB, 1_024, 1_024 * MIB),
  maxValueSize: bytes(64 * MIB, 1_024, 1_024 * MIB),
  retries: integer(1, 0, 10),
  longKeys: oneOf<'refuse' | 'digest'>('refuse', ['refuse', 'digest']),
  tls: tlsRule,
  auth: authRule,
  values: passed<CodecOptions>(),
  name: text('default'),
  clock: like<Clock>(systemClock, 'a clock', (given) => typeof (given as Clock)?.now === 'function'),
  random: like<() => number>(Math.random, 'a function', (given) => typeof given === 'function'),
} satisfies { [K in keyof Given]: OptionRule<Given[K]> };

const NODE_RULES = {
  host: text(undefined),
  port: integer(DEFAULT_PORT, 1, 65_535),
  path: text(undefined),
  weight: integer(1, 1, MAX_WEIGHT),
  tls: { ...tlsRule, fallback: undefined as TlsSettings | undefined },
  auth: authRule,
};

/** The names of all options, for whoever takes them beside options of its own. */
export const POOL_OPTION_NAMES: readonly string[] = Object.keys(RULES);

/**
 * @param where - what the options were given to, for messages
 * @throws MemcachedOptionError naming the option and what to write instead.
 */
export function checkPoolOptions(given: unknown, where = 'new MemcachedPool()'): CheckedPoolOptions {
  const checked = checkOptions<Given>(where, given, RULES);
  const nodes = checkNodes(checked.nodes, checked, where);
  const { ketama, modula } = checked;
  // Whatever is wrong with the routing or the codec shall be known at the start.
  createRouter(checked.distribution, nodes.map(toRouted), { ketama, modula });
  makeCodec(checked.values);
  return { ...checked, nodes, maxValueSize: Math.max(checked.maxValueSize, checked.maxItemSize) };
}

export function makeCodec(options: CodecOptions | undefined): Codec {
  return createCodec(options, 'option "values"');
}

export function toRouted({ name, address, weight }: NodeSpec) {
  return { name, host: address.host, port: address.port, path: address.path, weight };
}

/** A list of nodes from one string with commas. */
export function readNodes(
  given: string | readonly (string | NodeOptions)[],
): readonly (string | NodeOptions)[] {
  return typeof given === 'string' ? given.split(/[\s,]+/).filter((part) => part !== '') : given;
}

/** Reads a list of nodes; `defaults` gives what a node does not say itself. */
export function checkNodes(
  given: readonly (string | NodeOptions)[],
  defaults: { tls: TlsSettings; auth: Credentials | undefined },
  where: string,
): NodeSpec[] {
  if (given.length === 0) {
    throw new MemcachedOptionError(`${where}: option "nodes" is empty; name at least one node.`);
  }
  return given.map((node, index) => {
    if (typeof node === 'string') return spec(parseAddress(node), 1, defaults);
    const at = `${where}: nodes[${index}]`;
    if (node === null || typeof node !== 'object') {
      throw new MemcachedOptionError(`${at} must be a string or an object, not ${describe(node)}.`);
    }
    const { host, port, path, weight, tls, auth } = checkOptions<{
      host: string | undefined;
      port: number;
      path: string | undefined;
      weight: number;
      tls: TlsSettings | undefined;
      auth: Credentials | undefined;
    }>(at, node, NODE_RULES);
    if ((host === undefined) === (path === undefined)) {
      throw new MemcachedOptionError(`${at} needs either "host" or "path".`);
    }
    const address = host === undefined ? { path: path! } : { host, port };
    return spec(address, weight, { tls: tls ?? defaults.tls, auth: auth ?? defaults.auth });
  });
}

function spec(
  address: Address,
  weight: number,
  { tls, auth }: { tls: TlsSettings; auth: Credentials | undefined },
): NodeSpec {
  return { name: formatAddress(address), address, weight, tls, auth };
}
