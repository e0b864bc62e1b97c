/**
 * Says what is being measured, how far it is and how long it will take: one line rewritten on a terminal,
 * one line per step elsewhere. Written to standard error; results go to standard output.
 */
export class Progress {
  #total;
  #done = 0;
  #startedAt = performance.now();
  #live = process.stderr.isTTY === true;

  constructor(total) {
    this.#total = total;
  }

  /** A sentence that stays. */
  static say(text) {
    process.stderr.write(`${text}\n`);
  }

  step(text) {
    const share = this.#done / this.#total;
    const elapsed = (performance.now() - this.#startedAt) / 1_000;
    const left = this.#done === 0 ? '' : `, ${duration((elapsed / share) * (1 - share))} left`;
    const line = `[${String(this.#done + 1).padStart(String(this.#total).length)}/${this.#total}${left}] ${text}`;
    process.stderr.write(this.#live ? `\r\x1b[K${line.slice(0, process.stderr.columns - 1)}` : `${line}\n`);
    this.#done++;
  }

  end() {
    if (this.#live) process.stderr.write('\r\x1b[K');
    Progress.say(`Done in ${duration((performance.now() - this.#startedAt) / 1_000)}.`);
  }
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}
