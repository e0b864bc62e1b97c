/**
 * One piece of work under way for a key, and those who wait for what it brings.
 *
 * Invariant: each who waits is answered once: by the flight, by its own signal, or by its patience. What the work
 * is, and what each makes of its result, is decided by them.
 */
import { onAbort } from '../core/base/abort.js';
import type { Clock, Timer } from '../core/base/clock.js';

const NOBODY: readonly never[] = [];

/** Somebody who wants the result of some work, and waits for one flight at a time, or for a solo of its own. */
export abstract class Sharer<R, T> {
  /** What it waits for. */
  #flight: Flight<R> | undefined = undefined;
  /** Takes its answer, or a promise of one. */
  #resolve: (value: unknown) => void = ignore;
  #timer: Timer | undefined = undefined;
  #ignoreSignal: (() => void) | undefined = undefined;

  /** Rejects this one alone. */
  abstract readonly signal: AbortSignal | undefined;
  /** It wants work that has not begun to take its time yet, and that was begun for one like it. */
  abstract readonly insists: boolean;
  /** How long it waits for another one's loader, from when that begins; milliseconds. */
  abstract readonly patience: number;
  /**
   * Does the work, and then calls {@link Flight.land} or {@link Flight.crash}, once. Called in the turn it is
   * asked in, if at all. Must not throw.
   */
  abstract work(flight: Flight<R>): void;
  /**
   * Makes this one's own answer of the result; all answers are made before the first of those who wait goes
   * on. The `last` one may keep the result itself.
   */
  protected abstract receive(result: R, last: boolean): T | Promise<T>;
  /** It is about to be told that there is no answer for it, by an error. */
  protected abstract refused(): void;
  /** Its patience is over. */
  protected abstract leave(): Promise<T>;

  /** Its answer, before it is known who brings it. */
  expect(): Promise<T> {
    // Of an executor that cannot throw the engine makes no second function, to reject with.
    return new Promise<T>((resolve) => {
      this.#resolve = resolve as (value: unknown) => void;
    });
  }

  /** Told by the flight, which tells it of its end. */
  waits(flight: Flight<R>): void {
    this.#flight = flight;
    const { signal } = this;
    if (signal !== undefined) this.#ignoreSignal = onAbort(signal, () => this.#giveUp(signal.reason));
  }

  landed(result: R, last: boolean): void {
    // Making the answer may mean to wait for another flight.
    const resolve = this.#end();
    try {
      resolve(this.receive(result, last));
    } catch (error) {
      this.refused();
      resolve(Promise.reject(error));
    }
  }

  crashed(error: unknown): void {
    const resolve = this.#end();
    this.refused();
    resolve(Promise.reject(error));
  }

  /** From now on its patience counts. */
  hurry(clock: Clock): void {
    this.#timer = clock.setTimeout(() => this.#lose(), this.patience);
    this.#timer.unref?.();
  }

  #lose(): void {
    const flight = this.#flight!;
    const resolve = this.#end();
    // What has taken so long may be waiting for this very call.
    flight.joinable = false;
    flight.remove(this);
    resolve(this.leave());
  }

  #giveUp(reason: unknown): void {
    const flight = this.#flight!;
    const resolve = this.#end();
    flight.remove(this);
    if (!flight.isWanted) {
      flight.joinable = false;
      flight.abort(reason);
    }
    resolve(Promise.reject(reason));
  }

  /** @returns what takes the answer */
  #end(): (value: unknown) => void {
    if (this.#timer !== undefined) this.#flight!.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ignoreSignal?.();
    this.#ignoreSignal = undefined;
    return this.#resolve;
  }
}

function ignore(): void {}

/** Where the flights of one key are found. */
export class Place<R> {
  /** The newest one under way; the older ones hang on it. Only this one may be joinable. */
  newest: Flight<R> | undefined = undefined;

  /** @param slot - of the key, see {@link Crowd} */
  constructor(readonly slot: number) {}
}

/** Who has made a flight. */
export interface FlightOwner<R> {
  readonly clock: Clock;
  ended(place: Place<R>, flight: Flight<R>): void;
}

export class Flight<R> {
  /** `false` once the key changed: the result still goes to those who wait, but not into the cache. */
  mayStore = true;
  /** The write under way, if any. Whoever changes the key waits for it, lest it comes last. */
  storing: Promise<unknown> | undefined = undefined;
  /** Whether others may still join. */
  joinable = true;
  /** The next older flight for the same key. */
  older: Flight<R> | undefined = undefined;
  /** Who began it. It waits for its own work, however long that takes. */
  #beginner: Sharer<R, unknown> | undefined;
  /**
   * Those who joined. Not an empty array: the engine may come to allocate what is made at such a place among
   * what lives long, and then every flight is kept until that is collected.
   */
  #joined: Sharer<R, unknown>[] | undefined;
  #given: AbortController | undefined;
  #takesTime = false;

  constructor(
    /** It was begun by one who insists. */
    readonly insisted: boolean,
    /** It goes on though nobody waits. */
    readonly isApart: boolean,
    private readonly owner: FlightOwner<R>,
    /** `undefined`: nobody finds it, and no change outdates it. */
    private readonly place: Place<R> | undefined,
  ) {}

  get clock(): Clock {
    return this.owner.clock;
  }

  /** It has a result, for all who wait. */
  land(result: R): void {
    this.#end();
    this.#answerAll(result);
  }

  /** There is none. */
  crash(error: unknown): void {
    this.#end();
    this.#rejectAll(error);
  }

  #end(): void {
    if (this.place !== undefined) this.owner.ended(this.place, this);
  }

  /** Whether anybody wants the result. */
  get isWanted(): boolean {
    return this.isApart || this.#beginner !== undefined || (this.#joined?.length ?? 0) > 0;
  }

  /** Aborts when nobody waits any more. Made when first asked for: most work does not. */
  get signal(): AbortSignal {
    this.#given ??= new AbortController();
    return this.#given.signal;
  }

  abort(reason: unknown): void {
    this.#given ??= new AbortController();
    this.#given.abort(reason);
  }

  /** From now on a loader runs. (Waiting for other processes has a bound of its own, and ends in a load.) */
  takesTime(): void {
    if (this.#takesTime) return;
    this.#takesTime = true;
    for (const sharer of this.#joined ?? NOBODY) sharer.hurry(this.clock);
  }

  get hasTakenTime(): boolean {
    return this.#takesTime;
  }

  add(sharer: Sharer<R, unknown>, joins: boolean): void {
    if (!joins) {
      this.#beginner = sharer;
      return;
    }
    this.#joined ??= [];
    this.#joined.push(sharer);
    if (this.#takesTime) sharer.hurry(this.clock);
  }

  remove(sharer: Sharer<R, unknown>): void {
    if (sharer === this.#beginner) this.#beginner = undefined;
    else this.#joined = this.#joined?.filter((one) => one !== sharer);
  }

  #answerAll(result: R): void {
    const joined = this.#joined;
    const last = (joined?.length ?? 0) - 1;
    this.#beginner?.landed(result, last < 0);
    for (let i = 0; i <= last; i++) joined![i]!.landed(result, i === last);
  }

  #rejectAll(error: unknown): void {
    this.#beginner?.crashed(error);
    for (const sharer of this.#joined ?? NOBODY) sharer.crashed(error);
  }
}
