/**
 * Writes with a version: what is stored says which version of the value it is, so that a write which comes too
 * late can be told from one that comes in order.
 *
 * Invariant: of two versions of a value the later one stays, in whatever order they come, for as long as the value
 * counts: a delete, the end of its life and that of its generation or of one of its tags forget the version with
 * it. Whoever writes names the item that it has compared its version with, by the CAS id that the server gave it.
 *
 * The version stands in the envelope. As the item's CAS id (`E`, memcached 1.6.27) it could not do both: a value
 * that is stored again under its version would keep its CAS id, and `C` would no longer say that nothing has
 * changed; and a mark (`md I`), which takes a new one, would forget the version while the value is still served.
 */
import { MemcachedArgumentError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import type { CallOptions, LeaseRead, StoreOptions } from '../core/pool/types.js';
import type { CachePool } from './ports.js';
import { type Asked, type Judged, NOTHING } from './stamps.js';

const END = 1n << 63n;
/** Others may write the same key meanwhile; each attempt that fails says that one of theirs did not. */
const ATTEMPTS = 8;

/** @throws MemcachedArgumentError */
export function checkVersion(version: unknown): bigint | undefined {
  if (version === undefined) return undefined;
  const whole = typeof version === 'number' && Number.isSafeInteger(version) ? BigInt(version) : version;
  if (typeof whole === 'bigint' && whole >= 0n && whole < END) return whole;
  throw new MemcachedArgumentError(
    `"version" must be a whole number from 0 to 2^63 - 1 (a bigint beyond 2^53 - 1), not ${describe(version)}.`,
  );
}

/** Whether versions can be compared where a key lies: a write can name what it replaces. */
export async function canHold(pool: CachePool, key: string, call: CallOptions): Promise<boolean> {
  return pool.leases !== undefined && (await pool.leases.granted(key, call));
}

/** The version of a value that counts, stale or not. */
export function versionOf(judged: Judged): bigint | undefined {
  return judged.kind === 'valid' || judged.kind === 'expired' ? judged.freshness.version : undefined;
}

/** Whether what is stored is later than what shall take its place. */
export function isLater(stored: bigint | undefined, version: bigint | undefined): boolean {
  return stored !== undefined && version !== undefined && stored > version;
}

/** A value on its way, and how it is sealed. */
export interface Versioned {
  readonly key: string;
  readonly version: bigint;
  /** Asks, in this turn, what a stored item has to match. */
  ask(): Asked;
  /** The value as it is to be stored; `undefined`: it must not be, any more. */
  sealed(asked: Asked): Promise<unknown>;
}

/**
 * Stores a value unless a later version of it is there. `lost`: it must not be stored, or others were always
 * quicker.
 * @throws what the pool does
 */
export async function storeUnlessOlder(
  pool: CachePool,
  { key, version, ask, sealed }: Versioned,
  options: StoreOptions,
): Promise<'stored' | 'refused' | 'lost'> {
  const leases = pool.leases!;
  const call = { timeout: options.timeout, signal: options.signal };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const asked = ask();
    const [read, value] = await Promise.all([leases.peek(key, call), sealed(asked)]);
    const judged = read?.value === undefined ? NOTHING : await asked.judge(read.value);
    const mayStore = value !== undefined && judged.kind !== 'error';
    if (!mayStore || isLater(versionOf(judged), version)) {
      if (read?.won === true) rearm(pool, key, read);
      return mayStore ? 'refused' : 'lost';
    }
    if (read?.cas !== undefined) {
      const lease = { key, node: read.node, cas: read.cas };
      if ((await leases.fill(lease, value, options)) === 'stored') return 'stored';
    } else {
      const where = asked.node === undefined ? options : { ...options, node: asked.node };
      if (await pool.add(key, value, where)) return 'stored';
    }
  }
  return 'lost';
}

/** The right to refill a stale item, won by looking at it, goes on. */
function rearm(pool: CachePool, key: string, { node, cas, ttlSeconds }: LeaseRead<unknown>): void {
  const rearmed = pool.leases?.rearm({ key, node, cas: cas ?? 0n }, ttlSeconds);
  // If that fails, whoever finds the right held for too long frees it.
  rearmed?.catch(() => undefined);
}
