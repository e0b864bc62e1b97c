/**
 * Looks at keys by memcached's leases: the read itself wins the right to refill, in one round trip.
 *
 * Invariant: of all readers of a key that needs refilling one holds its right; a stub that a lease left is
 * nothing, to everybody. How stale a value is, the server's own clock says (`t`), never ours.
 *
 * A value that nobody may see, or that no reader was given the right to, is marked by its CAS and read again:
 * the mark makes the right anew, and of those who mark only one succeeds.
 */
import type { Clock } from '../../core/base/clock.js';
import { MemcachedDecodeError } from '../../core/base/errors.js';
import type { LeaseReader, LeaseReadOptions, LentItem } from '../../core/pool/leases.js';
import type { CallOptions, LeaseRead } from '../../core/pool/types.js';
import type { Freshness } from '../envelope.js';
import { mayHaveArrived } from '../faults.js';
import type { Known, Near } from '../near.js';
import type { CacheLeases, CachePool } from '../ports.js';
import { type Asked, type Judged, NOTHING } from '../stamps.js';
import { versionOf } from '../versions.js';
import { Doubts } from './doubts.js';
import { type Look, type Looker, NOT_READ } from './look.js';
import type { Order, Policy } from './order.js';
import { LeaseRight, type Remains, type Right, type SeenItem, SeenRight } from './rights.js';
import { Sightings } from './sightings.js';

/** So often is a value marked and read again. Each mark that fails says that somebody else's did not. */
const MOST_MARKS = 3;

export class ByLease implements Looker {
  readonly #sightings = new Sightings();
  readonly #doubts = new Doubts<true>();
  /** What the last glance was sent with, and for which policy and call: the next one is mostly alike. */
  #lastOptions: LeaseReadOptions | undefined;
  #lastPolicy: Policy | undefined;
  #lastCall: CallOptions | undefined;

  constructor(
    private readonly pool: CachePool,
    private readonly leases: CacheLeases,
    private readonly clock: Clock,
    private readonly random: () => number,
    /** Told of an item that is there and is no value. */
    private readonly unreadable: (error: unknown) => void,
  ) {}

  /** {@link look} for a simple order, of which nearly always nothing is left to do once it was read. */
  glance(glance: Glance): void {
    this.leases.readTo(glance, this.#optionsOfGlance(glance.order, glance.asked));
  }

  #optionsOfGlance(order: Order, asked: Asked): LeaseReadOptions {
    const last = this.#lastOptions;
    const { policy, call } = order;
    if (last?.node === asked.node && policy === this.#lastPolicy && call === this.#lastCall) return last!;
    const options = optionsOf(order, asked, undefined);
    this.#lastOptions = options;
    this.#lastPolicy = policy;
    this.#lastCall = call;
    return options;
  }

  /** Goes on with what a glance has read. */
  lookOn({ order, asked }: Glance, read: Promise<LeaseRead<unknown> | undefined>): Promise<Look> {
    return this.#look(order, asked, this.#optionsOfGlance(order, asked), undefined, read);
  }

  look(order: Order, asked: Asked): Promise<Look> {
    const { near } = order;
    const known = near === undefined ? undefined : this.#comparable(near, order, asked);
    return this.#look(order, asked, optionsOf(order, asked, known), known);
  }

  /** @param reading - the first read, when it was begun already */
  async #look(
    order: Order,
    asked: Asked,
    options: LeaseReadOptions,
    known: Known | undefined,
    reading?: Promise<LeaseRead<unknown> | undefined>,
  ): Promise<Look> {
    const { near } = order;
    for (let marks = 0; ; marks++) {
      const since = near?.now ?? 0;
      const first = marks === 0 ? reading : undefined;
      const read = await this.#read(order, options, first ?? this.leases.read(order.stored, options));
      // Only a server that has lost what it could do when it was asked answers so.
      if (read === undefined) return NOT_READ;
      const judged =
        known !== undefined && read.unchanged
          ? await judgeKnown(near!, known, asked)
          : read.value === undefined
            ? NOTHING
            : await asked.judge(read.value);
      const kind = gradeOf(read, judged);
      if (near !== undefined && judged.kind !== 'error') {
        const found = kind === 'fresh' && judged.kind === 'valid' ? judged : undefined;
        near.learn(order.stored, read, found, known, since);
      }
      if (kind === 'fresh' && !read.won && isDue(order, read, judged, this.random)) {
        return this.#early(order, asked, read, judged);
      }
      if (read.cas === undefined || marks === MOST_MARKS || !this.#needsMark(order, read, kind)) {
        return this.#found(order, asked, read, kind, judged);
      }
      await this.#mark(order, seenItem(order, read, judged), lifeAfterMark(order, kind, read));
    }
  }

  async #mark(order: Order, seen: SeenItem, ttlSeconds: number | undefined): Promise<void> {
    try {
      await this.leases.rearm(seen, ttlSeconds, { timeout: order.call.timeout });
    } catch (error) {
      // Whatever made the mark necessary may still be so.
      this.#doubt(order);
      throw error;
    }
  }

  /** A copy that memcached can be asked about by its CAS id. What the server can is found out meanwhile. */
  #comparable(near: Near, order: Order, asked: Asked): Known | undefined {
    if (order.options.forceFresh === true) return undefined;
    const known = near.known(order.stored);
    if (known === undefined) return undefined;
    const able = this.leases.known(order.stored, asked.node, 'conditionalGet');
    if (able === undefined) {
      this.leases.able('conditionalGet', order.stored, order.call).catch(() => undefined);
    }
    return able === true ? known : undefined;
  }

  async #read(
    order: Order,
    options: LeaseReadOptions,
    reading: Promise<LeaseRead<unknown> | undefined>,
  ): Promise<LeaseRead<unknown> | undefined> {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof MemcachedDecodeError)) {
        if (mayHaveArrived(error)) this.#doubt(order);
        throw error;
      }
      this.unreadable(error);
      // Nobody can use it, and a right that this read may have won cannot be seen: let it be missing instead.
      await this.pool.delete(order.stored, order.call);
      return this.leases.read(order.stored, options);
    }
  }

  /** Whether the right to refill has to be made anew: nobody can win it as it is. */
  #needsMark(order: Order, read: LeaseRead<unknown>, kind: Look['kind']): boolean {
    if (read.won || kind === 'error') return false;
    // A load begun before a forced one must not come after it.
    if (order.options.forceFresh === true) return read.taken || kind !== 'fresh';
    if (kind === 'fresh') return false;
    return (
      !read.taken ||
      this.#doubts.take(order.stored, this.clock.now()) === true ||
      this.#isAbandoned(order, read)
    );
  }

  #found(order: Order, asked: Asked, read: LeaseRead<unknown>, kind: Look['kind'], judged: Judged): Look {
    const right = read.won ? this.#rightTo(order, read, kind, judged) : undefined;
    if (kind === 'error') {
      right?.giveBack();
      return NOT_READ;
    }
    const value = judged.kind === 'valid' || judged.kind === 'expired' ? judged.value : undefined;
    const wantsWeak = kind !== 'fresh' || order.options.forceFresh === true;
    const weak = wantsWeak ? new SeenRight(this.leases, seenItem(order, read, judged)) : undefined;
    return { kind, value, right, weak, asked };
  }

  /** Wins a fresh value's refresh before its time, by asking as if its end were near. */
  async #early(order: Order, asked: Asked, seen: LeaseRead<unknown>, judged: Judged): Promise<Look> {
    const refreshBelow = ((seen.ttlSeconds ?? 0) + 1) * 1_000;
    const options = { timeout: order.call.timeout, node: asked.node, lock: order.policy.lock, refreshBelow };
    const read = await this.leases.read(order.stored, options);
    if (read !== undefined && read.cas === seen.cas) {
      return this.#found(order, asked, read, 'fresh', judged);
    }
    // Changed in between. What was read first is still good; what may have been won now is not for this value.
    if (read?.won === true) {
      this.#rightTo(order, read, read.value === undefined ? 'nothing' : 'stale', NOTHING).giveBack();
    }
    return this.#found(order, asked, seen, 'fresh', judged);
  }

  #rightTo(order: Order, read: LeaseRead<unknown>, kind: Look['kind'], judged: Judged): Right {
    const { call } = order;
    return new LeaseRight(
      this.leases,
      this.clock,
      seenItem(order, read, judged),
      remainsOf(order, read, kind),
      read.ttlSeconds,
      call,
      () => this.#doubt(order),
    );
  }

  /** A right may have been won, or not given back, and nobody has heard of it. */
  #doubt(order: Order): void {
    this.#doubts.add(order.stored, true, this.clock.now() + order.policy.lock);
  }

  /** The holder of a stale value's right has died: such a right has no time of its own. */
  #isAbandoned(order: Order, read: LeaseRead<unknown>): boolean {
    if (read.cas === undefined) return false;
    return this.#sightings.since(order.stored, read.cas, this.clock.now()) > order.policy.lock;
  }
}

/**
 * A glance under way: an object with what it is for, because every hit makes one, and functions would be several.
 * One of its two ends is called, once, perhaps at once, and not in the context of the caller.
 */
export abstract class Glance implements LeaseReader {
  constructor(
    readonly order: Order,
    readonly asked: Asked,
  ) {}

  get key(): string {
    return this.order.stored;
  }

  /** A value that is fresh and that nobody has to do anything about. */
  protected abstract found(value: unknown): void;
  /** {@link ByLease.lookOn} with this has to find out. */
  protected abstract otherwise(read: Promise<LeaseRead<unknown> | undefined>): void;

  glimpsed(item: LentItem): boolean {
    const value = this.asked.glimpse(item);
    if (value === undefined) return false;
    this.found(value);
    return true;
  }

  taken(read: LeaseRead<unknown> | undefined): void {
    const { order, asked } = this;
    const { generation } = asked;
    if (read?.value === undefined || read.won || read.stale) {
      this.otherwise(Promise.resolve(read));
    } else if (generation.isKnown) {
      const valid = asked.validNow(read.value);
      if (valid !== undefined && isFresh(read, valid) && !mayBeDue(order, read, valid)) {
        this.found(valid.value);
      } else this.otherwise(Promise.resolve(read));
    } else {
      generation.whenKnown(() => this.taken(read));
    }
  }

  failed(error: unknown): void {
    this.otherwise(Promise.reject(error));
  }
}

function seenItem(order: Order, read: LeaseRead<unknown>, judged: Judged): SeenItem {
  return { key: order.stored, node: read.node, cas: read.cas ?? 0n, version: versionOf(judged) };
}

/** What is in memcached is what is known here: it was not sent again, and is worth what it would be then. */
async function judgeKnown(near: Near, known: Known, asked: Asked): Promise<Judged> {
  const kind = await asked.judgeStamp(known.stamp);
  if (kind === 'nothing' || kind === 'error') return { kind };
  return { kind, value: near.copyOf(known), freshness: known.freshness, stamp: known.stamp };
}

/** How fresh something was when it was stored. */
interface Fresh {
  readonly freshness: Freshness;
}

function optionsOf(order: Order, asked: Asked, known: Known | undefined): LeaseReadOptions {
  const { timeout } = order.call;
  const { lock, refreshBelow } = order.policy;
  return {
    timeout,
    node: asked.node,
    lock,
    refreshBelow,
    hot: order.near !== undefined,
    knownCas: known?.cas,
  };
}

function gradeOf(read: LeaseRead<unknown>, judged: Judged): Look['kind'] {
  if (judged.kind === 'error' || judged.kind === 'nothing') return judged.kind;
  if (read.stale || judged.kind === 'expired') return 'stale';
  return isFresh(read, judged) ? 'fresh' : 'stale';
}

/** By its time alone. */
function isFresh({ ttlSeconds }: LeaseRead<unknown>, { freshness: { staleSeconds } }: Fresh): boolean {
  return staleSeconds === 0 || ttlSeconds === undefined || ttlSeconds < 0 || ttlSeconds > staleSeconds;
}

function remainsOf(order: Order, read: LeaseRead<unknown>, kind: Look['kind']): Remains {
  if (kind === 'nothing') return 'nothing';
  // A mark makes a value stale. Where it may not be served as such, one that is not yet had better stay fresh.
  return kind === 'stale' || read.stale || order.policy.stale > 0 ? 'stale' : 'fresh';
}

/**
 * What may not be served ends with the right of whoever refills it now, so that a dead one blocks nobody; and not
 * before, or a second one would win it, unless others may serve it until its end.
 */
function lifeAfterMark(order: Order, kind: Look['kind'], read: LeaseRead<unknown>): number | undefined {
  const left = read.ttlSeconds;
  if (kind === 'fresh' || (kind === 'stale' && order.policy.stale > 0)) return left;
  const lock = Math.ceil(order.policy.lock / 1_000);
  return kind === 'nothing' || left === undefined || left < 0 ? lock : Math.min(left, lock);
}

/**
 * Whether a fresh value shall be refreshed now, the earlier the longer its loader took, by chance: then not
 * all processes find it due at once. Never in the first half of its life.
 */
function isDue(order: Order, read: LeaseRead<unknown>, judged: Judged, random: () => number): boolean {
  if (judged.kind !== 'valid' || !mayBeDue(order, read, judged)) return false;
  const early = -Math.log(Math.max(random(), Number.MIN_VALUE)) * judged.freshness.cost;
  return lifeLeft(read, judged) <= order.policy.ahead + early;
}

/** Whether {@link isDue} leaves it to chance. */
function mayBeDue(order: Order, read: LeaseRead<unknown>, judged: Fresh): boolean {
  const { policy } = order;
  if (policy.ahead === 0 || read.taken || judged.freshness.cost === 0) return false;
  return lifeLeft(read, judged) <= policy.ttl / 2;
}

/** How long it is fresh, in milliseconds. */
function lifeLeft({ ttlSeconds }: LeaseRead<unknown>, { freshness }: Fresh): number {
  if (ttlSeconds === undefined || ttlSeconds < 0) return Number.POSITIVE_INFINITY;
  return (ttlSeconds - freshness.staleSeconds) * 1_000;
}
