/**
 * Writes with a version: the item's CAS id says which version of the value it holds, so that a write which
 * comes too late can be told from one that comes in order.
 *
 * Invariant: of two versions of a value the later one stays, in whatever order they come, for as long as the
 * item does; a delete, an invalidation and the end of its life forget the version with it. Versions are written
 * as CAS ids from 2^63 on, which no server counts to by itself, so an item stored without one has none.
 */
import { MemcachedArgumentError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import type { CallOptions, LeaseRead } from '../core/pool/types.js';
import { type Item, seal } from './envelope.js';
import type { CachePool } from './ports.js';
import { type Asked, NOTHING, type Stamps } from './stamps.js';

const BASE = 1n << 63n;
/** Others may write the same key meanwhile; each attempt that fails says that one of theirs did not. */
const ATTEMPTS = 8;

/** @throws MemcachedArgumentError */
export function checkVersion(version: unknown): bigint | undefined {
  if (version === undefined) return undefined;
  const whole = typeof version === 'number' && Number.isSafeInteger(version) ? BigInt(version) : version;
  if (typeof whole === 'bigint' && whole >= 0n && whole < BASE) return whole;
  throw new MemcachedArgumentError(
    `"version" must be a whole number from 0 to 2^63 - 1 (a bigint beyond 2^53 - 1), not ${describe(version)}.`,
  );
}

/** Whether the server of a key can hold versions. */
export async function canHold(pool: CachePool, key: string, call: CallOptions): Promise<boolean> {
  if (pool.leases === undefined || pool.nodeOf?.(key) === undefined) return false;
  return pool.leases.able('explicitCas', key, call);
}

/** @throws what the pool does */
export async function storeVersion(
  pool: CachePool,
  stamps: Stamps,
  item: Item,
  version: bigint,
  tags: readonly string[],
  /** Made when the call was. */
  begun: Asked,
  call: CallOptions,
): Promise<'done' | 'refused' | 'error'> {
  const leases = pool.leases!;
  const { key, ttl, freshness, value } = item;
  const options = { timeout: call.timeout, signal: call.signal, ttl };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const asked = stamps.ask(key, tags, call);
    const [read, stamp] = await Promise.all([leases.peek(key, call), asked.ensured(tags)]);
    if (stamp === undefined) return 'error';
    const holds = await isLater(read, version, asked);
    if (holds !== 'earlier') return holds === 'later' ? 'refused' : 'error';
    // Ended here, after this call: then that was the order, and the value is gone.
    if (begun.renewal !== 'none') return begun.renewal === 'begun' ? 'done' : 'error';
    const node = read?.node ?? asked.node!;
    const replacement = { key, node, expected: read?.cas, cas: BASE + version };
    if ((await leases.replace(replacement, seal(stamp, freshness, value), options)) === 'stored')
      return 'done';
  }
  return 'error';
}

/** Whether what is there counts and has a later version. */
async function isLater(
  read: LeaseRead<unknown> | undefined,
  version: bigint,
  asked: Asked,
): Promise<'later' | 'earlier' | 'unknown'> {
  if (read?.cas === undefined || read.cas < BASE || read.cas - BASE <= version) return 'earlier';
  const judged = read.value === undefined ? NOTHING : await asked.judge(read.value);
  if (judged.kind === 'error') return 'unknown';
  return judged.kind === 'nothing' ? 'earlier' : 'later';
}
