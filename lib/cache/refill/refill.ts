/**
 * What one flight of `getOrSet` does: looks at the key, serves what may be served, and lets the one reader that
 * has the right to refill do so, while all others wait no longer than they must.
 *
 * Invariant: nothing is served that was not judged to count after the call began, and nothing stale to who did
 * not allow it. The loader runs at most once for each flight. How rights are won is known to the lookers, how
 * loaders run to `loads.ts`, who shares a flight to `single-flight.ts`.
 */
import type { CallContext } from '../../core/base/call-context.js';
import type { Clock } from '../../core/base/clock.js';
import type { CallOptions, LeaseRead } from '../../core/pool/types.js';
import { passOn } from '../faults.js';
import type { Flight, Sharer } from '../flight.js';
import type { CacheOutcome, CacheStats } from '../outcomes.js';
import type { CachePool } from '../ports.js';
import type { SingleFlight, Solo } from '../single-flight.js';
import type { Asked, Stamps } from '../stamps.js';
import type { Trouble } from '../trouble.js';
import { Alone } from './alone.js';
import { ByLease, Glance } from './by-lease.js';
import { ByLock } from './by-lock.js';
import { Grace } from './grace.js';
import { type Brought, Loads } from './loads.js';
import { type Look, type Looker, NOT_READ } from './look.js';
import type { Order } from './order.js';
import type { Right } from './rights.js';

/** Waiters look again after so long, then ever later. */
const FIRST_WAIT = 20;
const WAIT_GROWTH = 1.6;
const LONGEST_WAIT = 250;

export interface RefillParts {
  readonly pool: CachePool;
  readonly stamps: Stamps;
  readonly flights: SingleFlight<Brought>;
  readonly counts: CacheStats;
  readonly clock: Clock;
  readonly random: () => number;
  readonly trouble: Trouble;
  readonly namespace: string;
}

export class Refill {
  readonly #parts: RefillParts;
  readonly #loads: Loads;
  readonly #grace: Grace;
  /** Both or none: where the pool knows of rights. */
  readonly #byLease: ByLease | undefined;
  readonly #byLock: ByLock | undefined;
  readonly #alone: Looker;

  constructor(parts: RefillParts) {
    const { pool, counts, clock, random, trouble, namespace } = parts;
    this.#parts = parts;
    this.#loads = new Loads(counts, clock, trouble, namespace);
    this.#grace = new Grace(clock);
    const unread = (error: unknown): void => this.#unread(error);
    this.#byLease = pool.leases && new ByLease(pool, pool.leases, clock, random, unread);
    const ask = (order: Order): Asked => this.#ask(order);
    this.#byLock = pool.leases && new ByLock(pool, namespace, clock, ask, unread);
    this.#alone = new Alone(pool, clock, ask, unread);
  }

  /**
   * Lands the flight, or crashes it. Begins in this turn.
   * @param context - of the caller, for whatever is done beyond reading
   */
  bring(flight: Flight<Brought>, order: Order, context: CallContext): void {
    const asked = this.#ask(order);
    const looker = this.#lookerFor(order, asked.node);
    // What is nearly always found is brought without a promise for each step.
    if (looker !== this.#byLease || this.#byLease === undefined || !order.isSimple) {
      this.#bringBy(looker, flight, order, asked);
      return;
    }
    this.#byLease.glance(new GlanceOfFlight(order, asked, this, flight, context));
  }

  /**
   * {@link bring} for a simple order that nobody else waits for.
   * @param slot - of its key; a quiet one
   */
  glance(sharer: Sharer<Brought, unknown>, order: Order, context: CallContext, slot: number): void {
    const { flights } = this.#parts;
    const asked = this.#ask(order);
    const looker = this.#lookerFor(order, asked.node);
    if (looker !== this.#byLease || this.#byLease === undefined) {
      this.#bringBy(looker, flights.open(order.own, sharer), order, asked);
      return;
    }
    const solo = new GlanceOfSolo(order, asked, this, flights, sharer, context, slot);
    flights.soloBegun(solo);
    this.#byLease.glance(solo);
  }

  #bringBy(looker: Looker | undefined, flight: Flight<Brought>, order: Order, asked: Asked): void {
    land(flight, this.#go(flight, order, this.#lookBy(looker, order, asked)));
  }

  /** {@link bring} when a glance was not enough. */
  bringOn(flight: Flight<Brought>, glance: Glance, read: Promise<LeaseRead<unknown> | undefined>): void {
    const { order } = glance;
    land(flight, this.#go(flight, order, this.#caught(order, this.#byLease!.lookOn(glance, read))));
  }

  async #go(flight: Flight<Brought>, order: Order, looking: Promise<Look>): Promise<Brought> {
    const look = await looking;
    if (look.kind === 'fresh' && order.options.forceFresh !== true)
      return this.#serveFresh(order, look, 'hit');
    if (order.options.forceFresh === true) return this.#loadAnyway(flight, order, look, 'miss');
    return this.#beyondFresh(flight, order, look);
  }

  /** The loader's value for those who wait; the cache is left alone. */
  bypass(flight: Flight<Brought>, order: Order): void {
    land(flight, this.#loads.only(flight, order, 'bypass'));
  }

  /** The keys are being changed: what others load of them must not come after that. */
  revoke(keys: readonly string[], call: CallOptions): void {
    const { pool } = this.#parts;
    if (this.#byLock === undefined) return;
    for (const key of keys) {
      const node = nodeOf(pool, key);
      if (pool.leases?.known(key, node) === false) this.#byLock.revoke(key, node, { timeout: call.timeout });
    }
  }

  // ---- looking ----

  #ask({ stored, policy, call, tagsComeLater }: Order): Asked {
    return this.#parts.stamps.ask(stored, policy.tags, call, tagsComeLater);
  }

  #look(order: Order): Promise<Look> {
    const asked = this.#ask(order);
    return this.#lookBy(this.#lookerFor(order, asked.node), order, asked);
  }

  #lookBy(looker: Looker | undefined, order: Order, asked: Asked): Promise<Look> {
    return looker === undefined ? this.#lookFirst(order) : this.#caught(order, looker.look(order, asked));
  }

  #caught(order: Order, looking: Promise<Look>): Promise<Look> {
    return looking.catch((error) => this.#unlooked(order, error));
  }

  /** `undefined` until it is known what the node can do. */
  #lookerFor(order: Order, node: string | undefined): Looker | undefined {
    if (order.policy.leases === 'off' || this.#byLease === undefined) return this.#alone;
    const grants = this.#parts.pool.leases?.known(order.stored, node);
    return grants === undefined ? undefined : grants ? this.#byLease : this.#byLock;
  }

  /** The first look at a node since it was connected to: what it can do is asked before anything else. */
  async #lookFirst(order: Order): Promise<Look> {
    try {
      const granted = await this.#parts.pool.leases!.granted(order.stored, { timeout: order.call.timeout });
      return await (granted ? this.#byLease! : this.#byLock!).look(order, this.#ask(order));
    } catch (error) {
      return this.#unlooked(order, error);
    }
  }

  #unlooked(order: Order, error: unknown): Look {
    passOn(error, order.call);
    this.#unread(error);
    return NOT_READ;
  }

  #unread(error: unknown): void {
    this.#parts.counts.errors++;
    this.#parts.trouble.failed(error);
  }

  // ---- serving ----

  #serveFresh(order: Order, look: Look, outcome: 'hit' | 'lost-waited'): Brought {
    if (look.right !== undefined) this.#refreshLater(order, look, look.right);
    return { data: look.value, copied: true, outcome };
  }

  async #beyondFresh(flight: Flight<Brought>, order: Order, look: Look): Promise<Brought> {
    if (look.kind === 'stale' && order.policy.stale > 0) return this.#serveStale(order, look);
    if (look.kind === 'error' || look.right !== undefined)
      return this.#loadAnyway(flight, order, look, 'miss');
    switch (order.policy.losers) {
      case 'fallback':
        return { data: undefined, copied: true, outcome: 'miss', lost: true };
      case 'run':
        return this.#runLost(flight, order, undefined);
      default:
        return this.#wait(flight, order, look);
    }
  }

  /** With the right that was won, or as far as nothing has changed since the look, or storing nothing. */
  #loadAnyway(flight: Flight<Brought>, order: Order, look: Look, otherwise: CacheOutcome): Promise<Brought> {
    const right = look.right ?? look.weak;
    const outcome = look.kind === 'error' ? 'error' : right?.exclusive === true ? 'won' : otherwise;
    if (right === undefined || look.asked === undefined) return this.#loads.only(flight, order, outcome);
    return this.#loads.fill(flight, order, look.asked, right, outcome);
  }

  async #serveStale(order: Order, look: Look): Promise<Brought> {
    const { right } = look;
    const served = { data: look.value, copied: true };
    const covered = this.#grace.covers(order.stored);
    if (right === undefined) return { ...served, outcome: covered ? 'graced' : 'stale' };
    if (covered) {
      this.#grace.hold(order.stored, right);
      return { ...served, outcome: 'graced' };
    }
    const refreshing = this.#refresh(order, look, right);
    if (order.policy.softTimeout === 0) {
      refreshing.catch(() => undefined);
      return { ...served, outcome: 'stale' };
    }
    try {
      const brought = await this.#soon(refreshing, order.policy.softTimeout);
      // What is stored may be later than what was loaded.
      return brought === undefined || brought.refused === true ? { ...served, outcome: 'stale' } : brought;
    } catch {
      return { ...served, outcome: 'graced' };
    }
  }

  // ---- refreshing in the background ----

  #refreshLater(order: Order, look: Look, right: Right): void {
    if (this.#grace.covers(order.stored)) this.#grace.hold(order.stored, right);
    else this.#refresh(order, look, right).catch(() => undefined);
  }

  /** Loads and stores, whoever waits for it or not. */
  async #refresh(order: Order, look: Look, right: Right): Promise<Brought> {
    const { flights, trouble } = this.#parts;
    try {
      const brought = await flights.apart(order.own, (flight) =>
        this.#loads.fill(flight, order, look.asked!, right, right.exclusive ? 'won' : 'miss'),
      );
      if (brought.refused === true) this.#grace.failed(order.stored);
      else this.#grace.succeeded(order.stored);
      return brought;
    } catch (error) {
      this.#grace.failed(order.stored);
      trouble.refreshFailed(error);
      throw error;
    }
  }

  /** `undefined` when it takes longer; it goes on then, and its failure is nobody's. */
  #soon<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => resolve(undefined), milliseconds);
      promise.then(resolve, reject).finally(() => clock.clearTimeout(timer));
    });
  }

  // ---- losing ----

  /** Looks again and again: for the value, or for the right, when whoever has it lets go or dies. */
  async #wait(flight: Flight<Brought>, order: Order, first: Look): Promise<Brought> {
    const { clock, random } = this.#parts;
    order.waitUntil ??= clock.now() + order.policy.waitTimeout;
    order.gathering?.decided(order.key);
    let look = first;
    for (let pause = FIRST_WAIT; ; pause = Math.min(LONGEST_WAIT, pause * WAIT_GROWTH)) {
      const left = order.waitUntil - clock.now();
      if (left <= 0) return this.#runLost(flight, order, look);
      await this.#pause(Math.min(left, pause * (0.75 + 0.5 * random())));
      if (!flight.isWanted) throw flight.signal.reason;
      look = await this.#look(order);
      if (look.kind === 'fresh') return this.#serveFresh(order, look, 'lost-waited');
      if (look.kind === 'error' || look.right !== undefined)
        return this.#loadAnyway(flight, order, look, 'miss');
      if (look.kind === 'stale' && order.policy.stale > 0) return this.#serveStale(order, look);
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.setTimeout(resolve, milliseconds));
  }

  #runLost(flight: Flight<Brought>, order: Order, look: Look | undefined): Promise<Brought> {
    if (look?.weak === undefined || look.asked === undefined)
      return this.#loads.only(flight, order, 'lost-ran');
    return this.#loads.fill(flight, order, look.asked, look.weak, 'lost-ran');
  }
}

/** What a flight wants of a glance. */
class GlanceOfFlight extends Glance {
  constructor(
    order: Order,
    asked: Asked,
    private readonly refill: Refill,
    private readonly flight: Flight<Brought>,
    private readonly context: CallContext,
  ) {
    super(order, asked);
  }

  protected found(value: unknown): void {
    this.flight.land({ data: value, copied: true, outcome: 'hit' });
  }

  protected otherwise(read: Promise<LeaseRead<unknown> | undefined>): void {
    this.context.run(() => this.refill.bringOn(this.flight, this, read));
  }
}

/** What a solo wants of it. */
class GlanceOfSolo extends Glance implements Solo<Brought> {
  flight: Flight<Brought> | undefined = undefined;

  constructor(
    order: Order,
    asked: Asked,
    private readonly refill: Refill,
    readonly flights: SingleFlight<Brought>,
    readonly sharer: Sharer<Brought, unknown>,
    private readonly context: CallContext,
    readonly slot: number,
  ) {
    super(order, asked);
  }

  get own(): string {
    return this.order.own;
  }

  protected found(value: unknown): void {
    this.flights.soloLanded(this, { data: value, copied: true, outcome: 'hit' });
  }

  protected otherwise(read: Promise<LeaseRead<unknown> | undefined>): void {
    this.context.run(() => this.refill.bringOn(this.flights.flightOf(this), this, read));
  }
}

function land(flight: Flight<Brought>, brought: Promise<Brought>): void {
  brought.then(
    (result) => flight.land(result),
    (error) => flight.crash(error),
  );
}

/** A key that cannot be routed fails where it is sent. */
function nodeOf(pool: CachePool, key: string): string | undefined {
  try {
    return pool.nodeOf?.(key);
  } catch {
    return undefined;
  }
}
