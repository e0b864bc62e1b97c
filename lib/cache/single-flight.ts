/**
 * One piece of work per key at a time, shared by all who ask for it while it runs.
 *
 * Invariant: nobody joins work that began before a change to its key was confirmed here, and no work that
 * began before such a change stores anything after it. What the work is, and what each caller gets of its
 * result, is decided by who begins it.
 */
import { onAbort } from '../core/base/abort.js';
import type { Clock, Timer } from '../core/base/clock.js';

/** So many keys that nothing runs for keep their place. */
const KEPT = 4_096;

const NOBODY: readonly never[] = [];

/** Somebody who wants the result of some work, and waits for one flight at a time. */
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

  /** Told by the flight, which tells it of its end. */
  waits(flight: Flight<R>, resolve: (value: unknown) => void): void {
    this.#flight = flight;
    this.#resolve = resolve;
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
class Place<R> {
  /** The newest one under way; the older ones hang on it. Only this one may be joinable. */
  newest: Flight<R> | undefined = undefined;
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
    private readonly flights: SingleFlight<R>,
    private readonly place: Place<R>,
  ) {}

  get clock(): Clock {
    return this.flights.clock;
  }

  /** It has a result, for all who wait. */
  land(result: R): void {
    this.flights.ended(this.place, this);
    this.#answerAll(result);
  }

  /** There is none. */
  crash(error: unknown): void {
    this.flights.ended(this.place, this);
    this.#rejectAll(error);
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

export class SingleFlight<R> {
  /** By key. */
  #places = new Map<string, Place<R>>();
  #running = 0;

  constructor(readonly clock: Clock) {}

  /** Joins the work for `key`, or begins it. */
  share<T>(key: string, sharer: Sharer<R, T>): Promise<T> {
    const { signal } = sharer;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const place = this.#placeOf(key);
    const { newest } = place;
    const fits = newest?.joinable === true && (!sharer.insists || (newest.insisted && !newest.hasTakenTime));
    const flight = fits ? newest : new Flight<R>(sharer.insists, false, this, place);
    // Of an executor that cannot throw the engine makes no second function, to reject with.
    let settle!: (value: unknown) => void;
    const answer = new Promise<T>((resolve) => {
      settle = resolve as (value: unknown) => void;
    });
    sharer.waits(flight, settle);
    flight.add(sharer, fits);
    if (!fits) {
      this.#begun(place, flight);
      sharer.work(flight);
    }
    return answer;
  }

  /** Work that nobody joins or waits for, but that is outdated by changes of its key like all other. */
  async apart(key: string, work: (flight: Flight<R>) => Promise<R>): Promise<R> {
    const place = this.#placeOf(key);
    const flight = new Flight<R>(false, true, this, place);
    flight.joinable = false;
    this.#begun(place, flight);
    try {
      return await work(flight);
    } finally {
      this.ended(place, flight);
    }
  }

  #placeOf(key: string): Place<R> {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = new Place<R>();
      this.#places.set(key, place);
    }
    return place;
  }

  /** Nobody may join what runs for `key`. */
  part(key: string): void {
    part(this.#places.get(key));
  }

  /** Nobody may join what runs for any key. */
  partAll(): void {
    for (const place of this.#places.values()) part(place);
  }

  /** Nobody may join what runs for any key, and it stores nothing; a write under way is not waited for. */
  voidAll(): void {
    for (const place of this.#places.values()) voidAt(place, undefined);
  }

  /**
   * Nobody may join what runs for the keys, and it stores nothing. Writes that are under way, if any, are over
   * when this resolves.
   */
  voidEach(keys: readonly string[]): Promise<unknown> | undefined {
    if (this.#running === 0) return undefined;
    const storing: Promise<unknown>[] = [];
    for (const key of keys) voidAt(this.#places.get(key), storing);
    return storing.length === 0 ? undefined : Promise.all(storing);
  }

  /** How many keys are being worked on. */
  get size(): number {
    return this.#running;
  }

  #begun(place: Place<R>, flight: Flight<R>): void {
    const { newest } = place;
    // What cannot be joined must not hide what can.
    if (newest?.joinable === true && !flight.joinable) {
      flight.older = newest.older;
      newest.older = flight;
      return;
    }
    if (newest === undefined) this.#running++;
    else newest.joinable = false;
    flight.older = newest;
    place.newest = flight;
  }

  /** Told by the flight. */
  ended(place: Place<R>, ended: Flight<R>): void {
    if (place.newest === ended) {
      place.newest = ended.older;
      if (ended.older === undefined) this.#left();
      return;
    }
    for (let flight = place.newest; flight !== undefined; flight = flight.older) {
      if (flight.older === ended) flight.older = ended.older;
    }
  }

  /**
   * Keys keep their place for a while: a Map that grows and shrinks with every call leaves tables behind that
   * keep what is long dead from being collected young.
   */
  #left(): void {
    this.#running--;
    if (this.#places.size <= KEPT + this.#running) return;
    this.#places = new Map([...this.#places].filter(([, place]) => place.newest !== undefined));
  }
}

function part(place: Place<unknown> | undefined): void {
  for (let flight = place?.newest; flight !== undefined; flight = flight.older) flight.joinable = false;
}

function voidAt(place: Place<unknown> | undefined, storing: Promise<unknown>[] | undefined): void {
  for (let flight = place?.newest; flight !== undefined; flight = flight.older) {
    flight.joinable = false;
    flight.mayStore = false;
    if (flight.storing !== undefined) storing?.push(flight.storing);
  }
}
