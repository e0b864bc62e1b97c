/**
 * Loaders that failed while an older value could be served: for a while nobody in this process tries again.
 *
 * Invariant: bounded in number and time. A right that is won meanwhile is held until the while is over and
 * then given back, so that each read need not win it and give it back again.
 */
import type { Clock, Timer } from '../../core/base/clock.js';
import type { Right } from './rights.js';

const FIRST = 1_000;
const LONGEST = 10_000;
const MOST = 1_000;

interface Entry {
  failures: number;
  until: number;
  held: Right | undefined;
  timer: Timer | undefined;
}

export class Grace {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly clock: Clock) {}

  /** The loader of `key` failed: the next one in this process comes later, and the later the more have failed. */
  failed(key: string): void {
    const failures = (this.#entries.get(key)?.failures ?? 0) + 1;
    this.succeeded(key);
    if (this.#entries.size >= MOST) this.succeeded(this.#entries.keys().next().value as string);
    const until = this.clock.now() + Math.min(LONGEST, FIRST * 2 ** (failures - 1));
    this.#entries.set(key, { failures, until, held: undefined, timer: undefined });
  }

  succeeded(key: string): void {
    if (this.#entries.size === 0) return;
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#letGo(entry);
  }

  /** Whether `key` shall not be loaded yet. */
  covers(key: string): boolean {
    if (this.#entries.size === 0) return false;
    const entry = this.#entries.get(key);
    return entry !== undefined && this.clock.now() < entry.until;
  }

  /** Keeps a right that was won while {@link covers} said yes. */
  hold(key: string, right: Right): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.held !== undefined) {
      right.giveBack();
      return;
    }
    entry.held = right;
    entry.timer = this.clock.setTimeout(() => this.#letGo(entry), entry.until - this.clock.now());
    entry.timer.unref?.();
  }

  #letGo(entry: Entry): void {
    if (entry.timer !== undefined) this.clock.clearTimeout(entry.timer);
    entry.held?.giveBack();
    entry.held = undefined;
    entry.timer = undefined;
  }
}
