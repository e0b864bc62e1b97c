/**
 * Looks at keys without asking anybody: what is not fresh may be refilled by whoever sees it, once in each
 * process. For caches told so, and for pools that know nothing of rights.
 */
import type { Clock } from '../../core/base/clock.js';
import { isBusy, passOn } from '../faults.js';
import type { CachePool } from '../ports.js';
import { type Asked, type Judged, NOTHING } from '../stamps.js';
import { type Look, type Looker, NOT_READ } from './look.js';
import type { Order } from './order.js';
import { FreeRight } from './rights.js';

export class Alone implements Looker {
  constructor(
    private readonly pool: CachePool,
    private readonly clock: Clock,
    private readonly ask: (order: Order) => Asked,
    /** Told of a read that failed though memcached is there: what is loaded takes the place of what is there. */
    private readonly failed: (error: unknown) => void,
  ) {}

  async look(order: Order, asked: Asked): Promise<Look> {
    const right = new FreeRight(this.pool, order.stored, () => this.ask(order));
    let stored: unknown;
    try {
      stored = await this.pool.get(order.stored, order.call);
    } catch (error) {
      if (isBusy(error)) throw error;
      passOn(error, order.call);
      this.failed(error);
      return { ...NOT_READ, right, asked };
    }
    const judged = stored === undefined ? NOTHING : await asked.judge(stored);
    const kind = gradeByClock(judged, this.clock);
    if (kind === 'error') return NOT_READ;
    const mayRefill =
      kind !== 'fresh' || order.options.forceFresh === true || isNearItsEnd(order, judged, this.clock);
    const value = judged.kind === 'valid' || judged.kind === 'expired' ? judged.value : undefined;
    return { kind, value, right: mayRefill ? right : undefined, weak: undefined, asked };
  }
}

/** How good a value is where the server does not tell how long it has to live. */
export function gradeByClock(judged: Judged, clock: Clock): Look['kind'] {
  if (judged.kind === 'error' || judged.kind === 'nothing') return judged.kind;
  if (judged.kind === 'expired') return 'stale';
  const { freshUntil } = judged.freshness;
  return freshUntil === 0 || clock.wallNow() < freshUntil ? 'fresh' : 'stale';
}

/** In the last part of its life, which begins the earlier the longer its loader took. */
export function isNearItsEnd(order: Order, judged: Judged, clock: Clock): boolean {
  if (order.policy.ahead === 0 || judged.kind !== 'valid' || judged.freshness.freshUntil === 0) return false;
  const { freshUntil, cost } = judged.freshness;
  return (
    freshUntil - clock.wallNow() <=
    Math.min(order.policy.ahead + cost, Math.max(order.policy.ahead, order.policy.ttl / 2))
  );
}
