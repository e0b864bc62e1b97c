/**
 * Keys whose right to refill this process may have won without hearing of it: the read, or the giving back, failed
 * after it was sent. Such a right has no holder, and everybody would wait until it ends by its time.
 *
 * Invariant: bounded in number and time; forgetting one only makes it end later.
 */
const MOST = 10_000;

export class Doubts {
  readonly #until = new Map<string, number>();

  /** @param until - when such a right ends by itself */
  add(key: string, until: number): void {
    this.#until.delete(key);
    if (this.#until.size >= MOST) this.#until.delete(this.#until.keys().next().value as string);
    this.#until.set(key, until);
  }

  /** Whether there is a doubt; asked for once, since whoever asks does something about it. */
  take(key: string, now: number): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(key);
    if (until === undefined) return false;
    this.#until.delete(key);
    return now < until;
  }
}
