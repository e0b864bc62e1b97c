/**
 * Processes that live side by side and are measured in turns, a short stretch each, as often as there are rounds. What
 * shares the machine shares it with all of them alike within a second, where processes one after the other meet
 * different minutes.
 *
 * Invariant: while one of them runs, to get warm or for its stretch, the others wait.
 */

/** One process, which asks for its `turn` once it is warm and after each stretch. */
export class Seat {
  #tell;
  #go;
  #gone;

  /** @param {(answers: {turn: (told: unknown) => Promise<boolean>}) => Promise<unknown>} start runs the process to its end */
  constructor(start) {
    this.ended = start({ turn: (told) => this.#waits(told) });
    this.#gone = this.ended.then(() => {
      throw new Error('The process ended before its time.');
    });
    this.warm = this.#told();
    // Whoever asks for a stretch hears of it.
    this.warm.catch(() => undefined);
  }

  /** Lets it measure one stretch. @returns what it measured */
  async stretch() {
    await this.warm;
    const told = this.#told();
    this.#go(true);
    return told;
  }

  /** It has its last turn behind it. @returns when it has ended; rejects when it failed. */
  async leave() {
    await this.warm;
    this.#go(false);
    await this.ended;
  }

  /** What it tells next, unless it ends before. */
  #told() {
    const told = new Promise((resolve) => {
      this.#tell = resolve;
    });
    return Promise.race([told, this.#gone]);
  }

  #waits(told) {
    this.#tell(told);
    return new Promise((resolve) => {
      this.#go = resolve;
    });
  }
}
