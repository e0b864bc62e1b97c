/**
 * Keys whose right to refill this process may hold without knowing of it: taking it, or giving it back, failed after
 * it was sent. Such a right has no holder, and everybody would wait until it ends by its time.
 *
 * Invariant: bounded in number and time; forgetting one only makes it end later.
 */
const MOST = 10_000;

/** `T`: what is known of such a right. */
export class Doubts<T> {
  readonly #doubts = new Map<string, { readonly right: T; readonly until: number }>();

  /** @param until - when such a right ends by itself */
  add(key: string, right: T, until: number): void {
    this.#doubts.delete(key);
    if (this.#doubts.size >= MOST) this.#doubts.delete(this.#doubts.keys().next().value as string);
    this.#doubts.set(key, { right, until });
  }

  /** What is in doubt; asked for once, since whoever asks does something about it. */
  take(key: string, now: number): T | undefined {
    if (this.#doubts.size === 0) return undefined;
    const doubt = this.#doubts.get(key);
    if (doubt === undefined) return undefined;
    this.#doubts.delete(key);
    return now < doubt.until ? doubt.right : undefined;
  }
}
