/**
 * The right to store what is loaded now, in the three ways it comes: a lease of memcached's, the item as it
 * was seen, or nobody's leave at all. (The fourth, a lock of our own, is in `locks.ts`.)
 *
 * Invariant: a right is used once, or given back once; whatever comes after that does nothing. Giving back is
 * waited for by nobody: if it fails, the right ends by its time.
 */
import type { Clock } from '../../core/base/clock.js';
import type { Lease, LeaseOutcome } from '../../core/pool/leases.js';
import type { CallOptions, StoreOptions } from '../../core/pool/types.js';
import type { CacheLeases, CachePool } from '../ports.js';

export interface Right {
  /** Of all processes, only this reader has it. */
  readonly exclusive: boolean;
  /** Stores under the right. `false`: the key was changed or deleted meanwhile, and that stays so. */
  fill(sealed: unknown, options: StoreOptions): Promise<boolean>;
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

export class LeaseRight implements Right {
  readonly exclusive = true;
  #used = false;
  readonly #since: number;

  constructor(
    private readonly leases: CacheLeases,
    private readonly clock: Clock,
    private readonly lease: Lease,
    private readonly remains: Remains,
    /** How long the item lives on; -1 or `undefined`: for ever. */
    private readonly ttlSeconds: number | undefined,
    private readonly call: CallOptions,
    /** Told when it could not be given back: it is held by nobody now. */
    private readonly stuck: () => void,
  ) {
    this.#since = clock.now();
  }

  async fill(sealed: unknown, options: StoreOptions): Promise<boolean> {
    const outcome = await this.leases.fill(this.lease, sealed, options);
    this.#used = true;
    return outcome === 'stored';
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
    private readonly lease: Lease,
  ) {}

  async fill(sealed: unknown, options: StoreOptions): Promise<boolean> {
    return (await this.leases.fill(this.lease, sealed, options)) === 'stored';
  }

  giveBack(): void {}
  drop(): void {}
}

/** Nobody was asked: the last write counts. */
export class FreeRight implements Right {
  readonly exclusive = false;

  constructor(
    private readonly pool: CachePool,
    private readonly key: string,
  ) {}

  async fill(sealed: unknown, options: StoreOptions): Promise<boolean> {
    await this.pool.set(this.key, sealed, options);
    return true;
  }

  giveBack(): void {}
  drop(): void {}
}
