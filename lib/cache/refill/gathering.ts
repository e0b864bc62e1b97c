/**
 * One loader for many keys: waits until it is known of every key whether it has to be loaded, then calls the
 * loader once for all of those.
 *
 * Invariant: a key is handed to the loader at most once for each time it is asked for here. Keys that somebody
 * waits for are loaded together; those that are only refreshed are loaded apart from them, so that nobody waits
 * for what is not missing. What has to be loaded later (a right that somebody else let go) makes a call of its
 * own, with whatever else the same turn brings.
 */
import { onAbort } from '../../core/base/abort.js';
import type { Clock } from '../../core/base/clock.js';
import { MemcachedArgumentError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';
import type { LoadContext, ManyLoader } from '../options.js';
import type { CacheStats } from '../outcomes.js';

interface Wanted {
  readonly context: LoadContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class Gathering {
  /** Keys of which it is not known yet whether they have to be loaded. */
  readonly #undecided: Set<string>;
  #missing: Wanted[] = [];
  #refreshed: Wanted[] = [];
  #hasLoaded = false;
  /** The next turn calls the loader for what came late. */
  #isArmed = false;
  #decidedEnough: (() => void) | undefined;

  constructor(
    private readonly loader: ManyLoader<unknown>,
    private readonly keys: readonly string[],
    missing: Iterable<string>,
    private readonly clock: Clock,
    private readonly counts: CacheStats,
  ) {
    this.#undecided = new Set(missing);
  }

  /** It is known what becomes of `key`: it was found, is waited for, or is about to be loaded. */
  decided(key: string): void {
    if (!this.#undecided.delete(key)) return;
    this.#decidedEnough?.();
    if (this.#undecided.size > 0) return;
    this.#hasLoaded = true;
    this.#loadAll();
  }

  /** Resolves when at most so many keys are undecided. */
  untilUndecided(most: number): Promise<void> {
    return new Promise((resolve) => {
      this.#decidedEnough = () => {
        if (this.#undecided.size > most) return;
        this.#decidedEnough = undefined;
        resolve();
      };
      this.#decidedEnough();
    });
  }

  /** @param isRefresh - nobody waits for it because it is missing */
  load(context: LoadContext, isRefresh: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      (isRefresh ? this.#refreshed : this.#missing).push({ context, resolve, reject });
      if (this.#hasLoaded) this.#loadLate();
      else this.decided(context.key);
    });
  }

  #loadLate(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.clock.setImmediate(() => {
      this.#isArmed = false;
      this.#loadAll();
    });
  }

  #loadAll(): void {
    const lists = [this.#missing, this.#refreshed];
    this.#missing = [];
    this.#refreshed = [];
    for (const list of lists) if (list.length > 0) void this.#call(list);
  }

  async #call(wanted: readonly Wanted[]): Promise<void> {
    const { keys } = this;
    this.counts.loads++;
    try {
      const found = await this.loader(
        wanted.map(({ context }) => context.key),
        {
          keys,
          get signal() {
            return allAborted(wanted);
          },
        },
      );
      if (typeof found?.get !== 'function') {
        throw new MemcachedArgumentError(
          `The loader of getOrSetMany must answer with a Map of values by key, not ${describe(found)}.`,
        );
      }
      for (const { context, resolve } of wanted) resolve(found.get(context.key));
    } catch (error) {
      this.counts.loadErrors++;
      for (const { reject } of wanted) reject(error);
    }
  }
}

/** Aborts when every key of a load has been given up. */
function allAborted(wanted: readonly Wanted[]): AbortSignal {
  const controller = new AbortController();
  let left = wanted.length;
  const aborted = (reason: unknown): void => {
    if (--left === 0) controller.abort(reason);
  };
  for (const { context } of wanted) {
    const { signal } = context;
    if (signal.aborted) aborted(signal.reason);
    else onAbort(signal, () => aborted(signal.reason));
  }
  return controller.signal;
}
