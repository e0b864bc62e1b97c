/**
 * The right to store what is loaded now, in the three ways it comes: a lease of memcached's, the item as it
 * was seen, or nobody's leave at all. (The fourth, a lock of our own, is in `by-lock.ts`.)
 *
 * Invariant: a right is used once, or given back once; whatever comes after that does nothing. Giving back is
 * waited for by nobody: if it fails, the right ends by its time.
 */
import type { Clock } from '../../core/base/clock.js';
import type { Lease, LeaseOutcome } from '../../core/pool/leases.js';
import type { CallOptions, StoreOptions } from '../../core/pool/types.js';
import type { CacheLeases, CachePool } from '../ports.js';
import type { Asked } from '../stamps.js';
import { canHold, isLater, storeUnlessOlder } from '../versions.js';

/** What became of a loaded value. */
export type Filled =
  | 'stored'
  /** Stored, and its version was not compared: that cannot be done there. */
  | 'unversioned'
  /** The key was changed or deleted meanwhile, and that stays so. */
  | 'lost'
  /** A later version is stored, and stays. The right is still to be given back. */
  | 'refused';

export interface Right {
  /** Of all processes, only this reader has it. */
  readonly exclusive: boolean;
  /**
   * Stores under the right.
   * @param version - of the value; what is stored of a later one stays
   */
  fill(sealed: unknown, options: StoreOptions, version: bigint | undefined): Promise<Filled>;
  /** Lets the next reader have it: the load failed. What is there stays as it was, or stale. */
  giveBack(): void;
  /** Like {@link giveBack}, and what is there goes: there is no value any more, or none that can be stored. */
  drop(): void;
}

/** What a lease that is given back leaves behind. */
export type Remains =
  /** Nothing: there was only a stub, or a value that nobody may see. */
  | 'nothing'
  /** The old value, stale, for the next reader to refill. */
  | 'stale'
  /** The value as it is: it may not be served stale, and it is still fresh. */
  | 'fresh';

/** An item as it was read. */
export interface SeenItem extends Lease {
  /** Of the value that is there, as long as that counts. */
  readonly version: bigint | undefined;
}

export class LeaseRight implements Right {
  readonly exclusive = true;
  #used = false;
  readonly #since: number;

  constructor(
    private readonly leases: CacheLeases,
    private readonly clock: Clock,
    private readonly lease: SeenItem,
    private readonly remains: Remains,
    /** How long the item lives on; -1 or `undefined`: for ever. */
    private readonly ttlSeconds: number | undefined,
    private readonly call: CallOptions,
    /** Told when it could not be given back: it is held by nobody now. */
    private readonly stuck: () => void,
  ) {
    this.#since = clock.now();
  }

  async fill(sealed: unknown, options: StoreOptions, version: bigint | undefined): Promise<Filled> {
    if (isLater(this.lease.version, version)) return 'refused';
    const outcome = await this.leases.fill(this.lease, sealed, options);
    this.#used = true;
    return outcome === 'stored' ? outcome : 'lost';
  }

  giveBack(): void {
    if (this.#used) return;
    if (this.remains === 'nothing') {
      this.drop();
      return;
    }
    this.#used = true;
    if (this.remains === 'stale') this.#send(this.leases.rearm(this.lease, this.#left(), this.call));
  }

  drop(): void {
    if (this.#used) return;
    this.#used = true;
    this.#send(this.leases.release(this.lease, this.call));
  }

  #left(): number | undefined {
    if (this.ttlSeconds === undefined || this.ttlSeconds < 0) return undefined;
    return Math.max(1, this.ttlSeconds - Math.floor((this.clock.now() - this.#since) / 1_000));
  }

  #send(sent: Promise<LeaseOutcome>): void {
    sent.catch(this.stuck);
  }
}

/** Somebody else has the right, but what was seen may be replaced as long as it has not changed. */
export class SeenRight implements Right {
  readonly exclusive = false;

  constructor(
    private readonly leases: CacheLeases,
    private readonly lease: SeenItem,
  ) {}

  async fill(sealed: unknown, options: StoreOptions, version: bigint | undefined): Promise<Filled> {
    if (isLater(this.lease.version, version)) return 'refused';
    return (await this.leases.fill(this.lease, sealed, options)) === 'stored' ? 'stored' : 'lost';
  }

  giveBack(): void {}
  drop(): void {}
}

/** Nobody was asked: the last write counts, or the latest version. */
export class FreeRight implements Right {
  readonly exclusive = false;

  constructor(
    private readonly pool: CachePool,
    private readonly key: string,
    private readonly ask: () => Asked,
  ) {}

  async fill(sealed: unknown, options: StoreOptions, version: bigint | undefined): Promise<Filled> {
    const { pool, key, ask } = this;
    if (version === undefined || !(await canHold(pool, key, { timeout: options.timeout }))) {
      await pool.set(key, sealed, options);
      return version === undefined ? 'stored' : 'unversioned';
    }
    return storeUnlessOlder(pool, { key, version, ask, sealed: async () => sealed }, options);
  }

  giveBack(): void {}
  drop(): void {}
}
