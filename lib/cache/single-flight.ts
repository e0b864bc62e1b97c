/**
 * One piece of work per key at a time, shared by all who ask for it while it runs.
 *
 * Invariant: nobody joins work that began before a change to its key was confirmed here, and no work that
 * began before such a change stores anything after it. What the work is, and what each caller gets of its
 * result, is decided by who begins it.
 */
import { onAbort } from '../core/base/abort.js';

interface Waiter<R> {
  resolve(result: R, last: boolean): void;
  reject(error: unknown): void;
}

export class Flight<R> {
  /** `false` once the key changed: the result still goes to those who wait, but not into the cache. */
  mayStore = true;
  /** The write under way, if any. Whoever changes the key waits for it, lest it comes last. */
  storing: Promise<unknown> | undefined = undefined;
  readonly waiters = new Set<Waiter<R>>();
  #given: AbortController | undefined;

  /** Aborts when nobody waits any more. Made when first asked for: most work does not. */
  get signal(): AbortSignal {
    this.#given ??= new AbortController();
    return this.#given.signal;
  }

  abort(reason: unknown): void {
    this.#given ??= new AbortController();
    this.#given.abort(reason);
  }
}

interface Entry<R> {
  readonly running: Set<Flight<R>>;
  joinable: Flight<R> | undefined;
}

export class SingleFlight<R> {
  /** Only keys that work is going on for. */
  readonly #entries = new Map<string, Entry<R>>();

  /**
   * Joins the work for `key`, or begins it.
   *
   * @param receive - makes this caller's own answer of the result; all callers' answers are made before the
   * first caller goes on. The `last` one may keep the result itself.
   * @param signal - rejects this caller alone
   */
  share<T>(
    key: string,
    signal: AbortSignal | undefined,
    work: (flight: Flight<R>) => Promise<R>,
    receive: (result: R, last: boolean) => T,
  ): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const running = this.#entries.get(key)?.joinable;
    const flight = running ?? new Flight<R>();
    const answer = this.#wait(key, flight, signal, receive);
    if (running === undefined) void this.#run(key, flight, work);
    return answer;
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

  async #run(key: string, flight: Flight<R>, work: (flight: Flight<R>) => Promise<R>): Promise<void> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { running: new Set(), joinable: undefined };
      this.#entries.set(key, entry);
    }
    entry.running.add(flight);
    entry.joinable = flight;
    let settle: (waiter: Waiter<R>, last: boolean) => void;
    try {
      const result = await work(flight);
      settle = (waiter, last) => waiter.resolve(result, last);
    } catch (error) {
      settle = (waiter) => waiter.reject(error);
    }
    entry.running.delete(flight);
    if (entry.joinable === flight) entry.joinable = undefined;
    if (entry.running.size === 0) this.#entries.delete(key);
    let left = flight.waiters.size;
    for (const waiter of flight.waiters) settle(waiter, --left === 0);
  }

  #wait<T>(
    key: string,
    flight: Flight<R>,
    signal: AbortSignal | undefined,
    receive: (result: R, last: boolean) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        flight.waiters.delete(waiter);
        reject(signal?.reason);
        if (flight.waiters.size > 0) return;
        this.partFrom(key, flight);
        flight.abort(signal?.reason);
      };
      const waiter: Waiter<R> = {
        resolve: (result, last) => {
          ignore?.();
          try {
            resolve(receive(result, last));
          } catch (error) {
            reject(error);
          }
        },
        reject: (error) => {
          ignore?.();
          reject(error);
        },
      };
      flight.waiters.add(waiter);
      const ignore = signal && onAbort(signal, leave);
    });
  }
}
