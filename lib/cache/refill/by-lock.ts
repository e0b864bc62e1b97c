/**
 * Looks at keys where the server grants no leases (the classic protocol, proxies): with a lock beside the value,
 * a key of its own that `add` gives to one reader of all.
 *
 * Invariant: who has the lock looks once more before it loads, so a value that was filled meanwhile is not loaded
 * again; and it stores only while the lock is its own and the item is what it saw. What remains open is named in
 * docs/cache.md: between that last look at the lock and the write, a delete made elsewhere can be undone.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../core/base/clock.js';
import type { CallOptions, StoreOptions } from '../../core/pool/types.js';
import { isBusy, mayHaveArrived, passOn } from '../faults.js';
import type { CachePool } from '../ports.js';
import { type Asked, type Judged, NOTHING } from '../stamps.js';
import { gradeByClock, isNearItsEnd } from './alone.js';
import { Doubts } from './doubts.js';
import { type Look, type Looker, NOT_READ } from './look.js';
import type { Order } from './order.js';
import { type Filled, FreeRight, type Right } from './rights.js';

interface Seen {
  readonly kind: Look['kind'];
  readonly value: unknown;
  /** Somebody shall refill it. */
  readonly isDue: boolean;
  /** What names the item as it was seen; `undefined` when there was none, or nobody can name it. */
  readonly cas: bigint | undefined;
}

/** Where the lock of a key is kept. */
export function lockKey(namespace: string, stored: string): string {
  return `${namespace}~lock:${createHash('sha256').update(stored).digest('base64url')}`;
}

export class ByLock implements Looker {
  /** By the key of the lock: the token that may be in it. */
  readonly #doubts = new Doubts<string>();

  constructor(
    private readonly pool: CachePool,
    private readonly namespace: string,
    private readonly clock: Clock,
    private readonly ask: (order: Order) => Asked,
    /** Told of an item that is there and is no value. */
    private readonly unreadable: (error: unknown) => void,
  ) {}

  async look(order: Order, asked: Asked): Promise<Look> {
    const forced = order.options.forceFresh === true;
    const weak = forced ? new FreeRight(this.pool, order.stored, () => this.ask(order)) : undefined;
    const first = await this.#see(order, asked, false);
    if (first.kind === 'error') return NOT_READ;
    if (!first.isDue || forced) return { ...first, right: undefined, weak, asked };
    const right = await this.#take(order, asked.node);
    if (right === undefined) return { ...first, right, weak, asked };
    try {
      const again = this.ask(order);
      const second = await this.#see(order, again, true);
      if (second.kind !== 'error' && second.isDue) {
        right.seen(second.cas);
        return { ...second, right, weak, asked: again };
      }
      right.giveBack();
      return second.kind === 'error' ? NOT_READ : { ...second, right: undefined, weak, asked: again };
    } catch (error) {
      right.giveBack();
      throw error;
    }
  }

  /** Ends the right of whoever loads what is being changed. Failing to is no worse than not having tried. */
  revoke(stored: string, node: string | undefined, call: CallOptions): void {
    const options = node === undefined ? call : { ...call, node };
    this.pool.delete(lockKey(this.namespace, stored), options).catch(() => undefined);
  }

  async #see(order: Order, asked: Asked, withCas: boolean): Promise<Seen> {
    let stored: unknown;
    let cas: bigint | undefined;
    try {
      if (withCas && this.pool.gets !== undefined) {
        const found = await this.pool.gets(order.stored, order.call);
        stored = found?.value;
        cas = found?.cas;
      } else {
        stored = await this.pool.get(order.stored, order.call);
      }
    } catch (error) {
      if (isBusy(error)) throw error;
      passOn(error, order.call);
      this.unreadable(error);
      // Nobody can use it, nor name it: let it be missing.
      await this.pool.delete(order.stored, order.call);
    }
    const judged: Judged = stored === undefined ? NOTHING : await asked.judge(stored);
    const kind = gradeByClock(judged, this.clock);
    const value = judged.kind === 'valid' || judged.kind === 'expired' ? judged.value : undefined;
    return { kind, value, cas, isDue: kind !== 'fresh' || isNearItsEnd(order, judged, this.clock) };
  }

  async #take(order: Order, node: string | undefined): Promise<LockRight | undefined> {
    const token = randomBytes(12).toString('base64url');
    const key = lockKey(this.namespace, order.stored);
    const call = node === undefined ? order.call : { ...order.call, node };
    const doubt = (): void => this.#doubts.add(key, token, this.clock.now() + order.policy.lock);
    const right = new LockRight(this.pool, key, token, order.stored, call, doubt);
    try {
      if (await this.pool.add(key, token, { ...call, ttl: order.policy.lock })) return right;
    } catch (error) {
      if (mayHaveArrived(error)) doubt();
      throw error;
    }
    return this.#recover(order, key, call);
  }

  /** The lock is taken: perhaps by this process itself, which has not heard of it. */
  async #recover(order: Order, key: string, call: CallOptions): Promise<LockRight | undefined> {
    const { clock, pool } = this;
    const token = this.#doubts.take(key, clock.now());
    if (token === undefined) return undefined;
    const doubt = (): void => this.#doubts.add(key, token, clock.now() + order.policy.lock);
    try {
      if ((await pool.get(key, call)) !== token) return undefined;
    } catch (error) {
      doubt();
      throw error;
    }
    return new LockRight(pool, key, token, order.stored, call, doubt);
  }
}

class LockRight implements Right {
  readonly exclusive = true;
  #used = false;
  #cas: bigint | undefined;

  constructor(
    private readonly pool: CachePool,
    private readonly key: string,
    /** Of this right alone. */
    private readonly token: string,
    private readonly stored: string,
    /** On the node where both lie. */
    private readonly call: CallOptions,
    /** Told when it could not be given back: it is held by nobody now. */
    private readonly stuck: () => void,
  ) {}

  /** What is there now, and may be replaced. */
  seen(cas: bigint | undefined): void {
    this.#cas = cas;
  }

  /** Versions are not compared where there are no leases, as they are not by `set`. */
  async fill(sealed: unknown, options: StoreOptions, version: bigint | undefined): Promise<Filled> {
    if ((await this.pool.get(this.key, this.call)) !== this.token) {
      this.#used = true;
      return 'lost';
    }
    const kept =
      this.#cas === undefined || this.pool.cas === undefined
        ? await this.pool.add(this.stored, sealed, options)
        : (await this.pool.cas(this.stored, sealed, this.#cas, options)) === 'stored';
    this.giveBack();
    if (!kept) return 'lost';
    return version === undefined ? 'stored' : 'unversioned';
  }

  giveBack(): void {
    if (this.#used) return;
    this.#used = true;
    this.#unlock().catch(this.stuck);
  }

  drop(): void {
    if (this.#used) return;
    this.#used = true;
    const gone = this.#cas === undefined ? Promise.resolve() : this.pool.delete(this.stored, this.call);
    Promise.all([gone, this.#unlock()]).catch(this.stuck);
  }

  /** Only its own: the classic protocol cannot delete by comparing, so it looks first. */
  async #unlock(): Promise<void> {
    if ((await this.pool.get(this.key, this.call)) === this.token)
      await this.pool.delete(this.key, this.call);
  }
}
