/**
 * One piece of work per key at a time, shared by all who ask for it while it runs.
 *
 * Invariant: nobody joins work that began before a change to its key was confirmed here, and no work that
 * began before such a change stores anything after it. What the work is, and what each caller gets of its
 * result, is decided by who begins it.
 */
import { onAbort } from '../core/base/abort.js';
import type { Clock, Timer } from '../core/base/clock.js';

/** Somebody who wants the result of some work. */
export interface Sharer<R, T> {
  /** Rejects this one alone. */
  readonly signal: AbortSignal | undefined;
  /** It wants work that has not begun to take its time yet, and that was begun for one like it. */
  readonly insists: boolean;
  /** How long it waits for work that another one began, from when that takes its time; milliseconds. */
  readonly patience: number;
  /** Does the work. Called in the turn it is asked in, if at all. */
  work(flight: Flight<R>): Promise<R>;
  /**
   * Makes this one's own answer of the result; all answers are made before the first of those who wait goes
   * on. The `last` one may keep the result itself.
   */
  receive(result: R, last: boolean): T | Promise<T>;
  /** Its patience is over. */
  leave(): Promise<T>;
}

interface Waiter<R> {
  resolve(result: R, last: boolean): void;
  reject(error: unknown): void;
  /** From now on its patience counts; `undefined` for who began the work. */
  hurry: (() => void) | undefined;
}

export class Flight<R> {
  /** `false` once the key changed: the result still goes to those who wait, but not into the cache. */
  mayStore = true;
  /** The write under way, if any. Whoever changes the key waits for it, lest it comes last. */
  storing: Promise<unknown> | undefined = undefined;
  readonly waiters = new Set<Waiter<R>>();
  #given: AbortController | undefined;
  #takesTime = false;

  constructor(
    /** It was begun by one who insists. */
    readonly insisted: boolean,
    /** It goes on though nobody waits. */
    readonly isApart = false,
  ) {}

  /** Whether anybody wants the result. */
  get isWanted(): boolean {
    return this.isApart || this.waiters.size > 0;
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

  /** From now on it may take long: a loader runs, or others are waited for. */
  takesTime(): void {
    if (this.#takesTime) return;
    this.#takesTime = true;
    for (const waiter of this.waiters) waiter.hurry?.();
  }

  get hasTakenTime(): boolean {
    return this.#takesTime;
  }
}

interface Entry<R> {
  readonly running: Set<Flight<R>>;
  joinable: Flight<R> | undefined;
}

export class SingleFlight<R> {
  /** Only keys that work is going on for. */
  readonly #entries = new Map<string, Entry<R>>();

  constructor(private readonly clock: Clock) {}

  /** Joins the work for `key`, or begins it. */
  share<T>(key: string, sharer: Sharer<R, T>): Promise<T> {
    const { signal } = sharer;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const joinable = this.#entries.get(key)?.joinable;
    const fits = joinable !== undefined && (!sharer.insists || (joinable.insisted && !joinable.hasTakenTime));
    const flight = fits ? joinable : new Flight<R>(sharer.insists);
    const answer = this.#wait(key, flight, sharer, fits);
    if (!fits) void this.#run(key, flight, sharer);
    return answer;
  }

  /** Work that nobody joins or waits for, but that is outdated by changes of its key like all other. */
  async apart(key: string, work: (flight: Flight<R>) => Promise<R>): Promise<R> {
    const flight = new Flight<R>(false, true);
    const entry = this.#entry(key);
    entry.running.add(flight);
    try {
      return await work(flight);
    } finally {
      this.#ended(key, entry, flight);
    }
  }

  /** Nobody may join what runs for `key`. */
  part(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.joinable = undefined;
  }

  /** Nobody may join what runs for any key. */
  partAll(): void {
    for (const entry of this.#entries.values()) entry.joinable = undefined;
  }

  /** Nobody may join what runs for any key, and it stores nothing; a write under way is not waited for. */
  voidAll(): void {
    this.partAll();
    for (const entry of this.#entries.values()) for (const flight of entry.running) flight.mayStore = false;
  }

  /**
   * Nobody may join what runs for the keys, and it stores nothing. Writes that are under way, if any, are over
   * when this resolves.
   */
  voidEach(keys: readonly string[]): Promise<unknown> | undefined {
    if (this.#entries.size === 0) return undefined;
    const storing: Promise<unknown>[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      entry.joinable = undefined;
      for (const flight of entry.running) {
        flight.mayStore = false;
        if (flight.storing !== undefined) storing.push(flight.storing);
      }
    }
    return storing.length === 0 ? undefined : Promise.all(storing);
  }

  /** Nobody may join this one any more. */
  partFrom(key: string, flight: Flight<R>): void {
    const entry = this.#entries.get(key);
    if (entry?.joinable === flight) entry.joinable = undefined;
  }

  /** How many keys are being worked on. */
  get size(): number {
    return this.#entries.size;
  }

  async #run<T>(key: string, flight: Flight<R>, sharer: Sharer<R, T>): Promise<void> {
    const entry = this.#entry(key);
    entry.running.add(flight);
    entry.joinable = flight;
    let settle: (waiter: Waiter<R>, last: boolean) => void;
    try {
      const result = await sharer.work(flight);
      settle = (waiter, last) => waiter.resolve(result, last);
    } catch (error) {
      settle = (waiter) => waiter.reject(error);
    }
    this.#ended(key, entry, flight);
    let left = flight.waiters.size;
    for (const waiter of flight.waiters) settle(waiter, --left === 0);
  }

  #entry(key: string): Entry<R> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { running: new Set(), joinable: undefined };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #ended(key: string, entry: Entry<R>, flight: Flight<R>): void {
    entry.running.delete(flight);
    if (entry.joinable === flight) entry.joinable = undefined;
    if (entry.running.size === 0) this.#entries.delete(key);
  }

  #wait<T>(key: string, flight: Flight<R>, sharer: Sharer<R, T>, joins: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal } = sharer;
      let timer: Timer | undefined;
      const done = (): void => {
        if (timer !== undefined) this.clock.clearTimeout(timer);
        ignore?.();
      };
      const abandon = (): void => {
        flight.waiters.delete(waiter);
        if (flight.waiters.size > 0) return;
        this.partFrom(key, flight);
        flight.abort(signal?.reason);
      };
      const leave = (): void => {
        done();
        // What has taken so long may be waiting for this very call.
        this.partFrom(key, flight);
        flight.waiters.delete(waiter);
        resolve(sharer.leave());
      };
      const waiter: Waiter<R> = {
        resolve: (result, last) => {
          done();
          try {
            resolve(sharer.receive(result, last));
          } catch (error) {
            reject(error);
          }
        },
        reject: (error) => {
          done();
          reject(error);
        },
        hurry: joins
          ? () => {
              timer = this.clock.setTimeout(leave, sharer.patience);
              timer.unref?.();
            }
          : undefined,
      };
      flight.waiters.add(waiter);
      const ignore =
        signal &&
        onAbort(signal, () => {
          done();
          abandon();
          reject(signal.reason);
        });
      if (joins && flight.hasTakenTime) waiter.hurry?.();
    });
  }
}
