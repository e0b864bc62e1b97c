/**
 * One call of `getOrSet`: shares a flight with others or begins one, and makes its own answer of what that brings.
 *
 * Invariant: every call is counted and published once, as what it was to this caller. Whatever others do
 * meanwhile, its loader runs in its own context, and so do those who listen to what it came to.
 */
import { CallContext } from '../../core/base/call-context.js';
import type { Clock } from '../../core/base/clock.js';
import { type Flight, Sharer } from '../flight.js';
import type { Ledger } from '../outcomes.js';
import { copyOrShare, fromData } from '../shape.js';
import type { SingleFlight } from '../single-flight.js';
import type { Brought } from './loads.js';
import type { Order } from './order.js';
import type { Refill } from './refill.js';

/** What calls of one namespace share. */
export interface CallSetting {
  readonly flights: SingleFlight<Brought>;
  readonly refill: Refill;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** A call that has waited so often for others waits no more. */
const MOST_TRIES = 2;

export class Call<T> extends Sharer<Brought, T> {
  readonly signal: AbortSignal | undefined;
  /** It began the flight that its answer came with. */
  #isMine = false;
  #tries = 0;
  #began: number | undefined;
  readonly #context = new CallContext();

  constructor(
    private readonly setting: CallSetting,
    private readonly order: Order,
    /** The cache is left alone. */
    private readonly bypasses: boolean,
  ) {
    super();
    this.signal = order.options.signal;
  }

  get insists(): boolean {
    return this.order.options.forceFresh === true;
  }

  get patience(): number {
    return this.order.policy.patience;
  }

  /** What the call came to, for the ledger. */
  outcome: Brought['outcome'] = 'miss';

  /** Whether this call did, or does, the work itself. Known when {@link answer} has been called. */
  get isMine(): boolean {
    return this.#isMine;
  }

  /** @param began - when, for who listens, see {@link Ledger.began}; `undefined`: they are told otherwise */
  answer(began: number | undefined): Promise<T> {
    this.#began = began;
    return this.#share();
  }

  work(flight: Flight<Brought>): void {
    this.#isMine = true;
    const { refill } = this.setting;
    if (this.bypasses) refill.bypass(flight, this.order);
    else refill.bring(flight, this.order, this.#context);
  }

  protected receive(brought: Brought, last: boolean): T | Promise<T> {
    const { options } = this.order;
    this.outcome = this.#isMine || isServed(brought.outcome) ? brought.outcome : 'lost-waited';
    if (brought.lost === true) {
      if (this.order.policy.losers !== 'fallback') return this.#shareAgain();
      this.outcome = 'miss';
      this.#settled();
      return options.fallback as T;
    }
    const data = brought.copied && !last ? copyOrShare(brought.data) : brought.data;
    const answer = fromData(data, options.type) as T;
    this.#settled();
    return answer;
  }

  protected refused(): void {
    this.outcome = this.#isMine ? 'miss' : 'lost-waited';
    this.#settled();
  }

  protected leave(): Promise<T> {
    // What it has waited here it does not wait for others.
    const { policy } = this.order;
    this.order.waitUntil = this.setting.clock.now() + policy.waitTimeout - policy.patience;
    return this.#shareAgain();
  }

  #shareAgain(): Promise<T> {
    return this.#context.run(() => this.#share());
  }

  /** A cache that is left alone shares nothing: each call has a flight, and a load, of its own. */
  #share(): Promise<T> {
    const { flights } = this.setting;
    const { order } = this;
    if (this.bypasses || this.#tries++ >= MOST_TRIES) return flights.alone(this);
    const slot = flights.slotOf(order.own);
    if (flights.isQuiet(slot) && order.isSimple && this.signal === undefined) return this.#glance(slot);
    return flights.share(order.own, this, slot);
  }

  #glance(slot: number): Promise<T> {
    this.#isMine = true;
    const answer = this.expect();
    this.setting.refill.glance(this, this.order, this.#context, slot);
    return answer;
  }

  #settled(): void {
    if (this.signal?.aborted === true) return;
    const { ledger } = this.setting;
    ledger.asked(this.outcome, this.#isMine);
    const began = this.#began;
    if (began !== undefined && began >= 0) {
      this.#context.run(() => ledger.publish('getOrSet', this.outcome, began));
    }
  }
}

function isServed(outcome: Brought['outcome']): boolean {
  return outcome === 'hit' || outcome === 'stale' || outcome === 'graced';
}
