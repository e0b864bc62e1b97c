/** Watches for how long the event loop did not turn. */
export class TurnWatch {
  #open = true;
  #last = performance.now();
  #longest = 0;

  constructor() {
    const turn = () => {
      this.#note();
      if (this.#open) setImmediate(turn);
    };
    setImmediate(turn);
  }

  #note() {
    const now = performance.now();
    if (now - this.#last > this.#longest) this.#longest = now - this.#last;
    this.#last = now;
  }

  /** Forgets what was seen so far. */
  reset() {
    this.#last = performance.now();
    this.#longest = 0;
  }

  /** The longest stretch since the last reset, the one that runs now included. */
  get longest() {
    this.#note();
    return this.#longest;
  }

  stop() {
    this.#open = false;
  }
}
