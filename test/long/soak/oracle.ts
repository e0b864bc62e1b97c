/**
 * What each key may hold, kept by the one worker that writes it: the last value that is known to be stored, and
 * every value that may have been. A read that brings anything else is the wrong value the soak looks for.
 *
 * Invariant: a write whose caller was told "maybe" stays possible for ever, because the network may keep it as long
 * as it likes and deliver it after later ones.
 */

/** A moment of a server's life: it changes when the server loses its memory. */
export type Generation = number;

interface Known {
  /** What it holds for certain, unless lost with its server; `undefined` is nothing. */
  confirmed: string | undefined;
  /** When that was written. */
  generation: Generation;
  /** What it may hold as well. */
  maybe: Set<string | undefined>;
}

export class Wrong extends Error {}

export class Oracle {
  readonly #known = new Map<string, Known>();

  #of(key: string): Known {
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { confirmed: undefined, generation: -1, maybe: new Set() };
      this.#known.set(key, known);
    }
    return known;
  }

  /** @param generation - of the key's server when the write began */
  wrote(key: string, value: string | undefined, generation: Generation): void {
    const known = this.#of(key);
    known.confirmed = value;
    known.generation = generation;
  }

  /** It failed, and may have been applied, now or later. */
  mayHaveWritten(key: string, value: string | undefined): void {
    this.#of(key).maybe.add(value);
  }

  /**
   * @param generation - of the key's server when the read ended
   * @param namesItsMiss - does a miss prove itself (meta), or might it be somebody else's (classic)?
   * @throws Wrong
   */
  read(key: string, value: unknown, generation: Generation, namesItsMiss: boolean): void {
    const known = this.#of(key);
    if (value === known.confirmed || known.maybe.has(value as string | undefined)) return;
    if (value === undefined) {
      const wasLost = generation !== known.generation;
      if (wasLost || !namesItsMiss) return;
      throw new Wrong(`${key} is a miss, but ${short(known.confirmed)} was stored and its server lived on`);
    }
    throw new Wrong(
      `${key} holds ${short(value)}; it may only hold ${short(known.confirmed)} or ${[...known.maybe].map(short).join(', ') || 'nothing'}`,
    );
  }
}

/** Enough of a value to know it by. */
function short(value: unknown): string {
  return value === undefined ? 'nothing' : String(value).slice(0, 60);
}
