/**
 * Whether two processors are two. On a virtual machine they are, from one moment to the next, two cores, two
 * threads of one core, or take turns; and then a client that keeps its own processor and the server's busy is measured
 * at half of what it does, one that leaves the server idle at nearly all of it.
 *
 * Invariant: what is measured is never looked at here; the question is asked before and after it, with nothing running.
 */
import { once } from 'node:events';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const PROBE_MS = 25;
/** Less than this share of the best speed ever seen, and something shares the processor. */
const FULL_SPEED = 0.9;
/** So often it is asked again before a stretch, in the hope of a better moment. */
const MOST_PROBES = 8;
const BETWEEN_PROBES_MS = 40;
/** Probes before it is known what full speed is; as many before them get the probe compiled. */
const CALIBRATION = 20;

export class Processors {
  #workers = [];
  #best = 0;

  /** Takes a second: compiles the probe, and learns what full speed is. */
  static async start() {
    const processors = new Processors();
    if (os.availableParallelism() < 2) return processors;
    const file = new URL('./processor.worker.mjs', import.meta.url);
    processors.#workers = [new Worker(file), new Worker(file)];
    for (const worker of processors.#workers) worker.unref();
    for (let probe = 0; probe < 2 * CALIBRATION; probe++) {
      // The engine compiles the probe more than once, and not always for the better.
      if (probe === CALIBRATION) processors.#best = 0;
      // One alone runs at full speed even where both together never do.
      await processors.#speeds(processors.#workers.slice(0, 1 + (probe % 2)));
    }
    return processors;
  }

  /** Two threads at once are each as fast as one has ever been. On one processor the question has no sense: true. */
  async areApart() {
    if (this.#workers.length === 0) return true;
    const speeds = await this.#speeds(this.#workers);
    return Math.min(...speeds) >= FULL_SPEED * this.#best;
  }

  /** Waits for a moment when they are, at most half a second. */
  async becomeApart() {
    for (let probe = 1; probe <= MOST_PROBES; probe++) {
      if (await this.areApart()) return true;
      await sleep(BETWEEN_PROBES_MS);
    }
    return false;
  }

  async #speeds(workers) {
    const speeds = await Promise.all(
      workers.map(async (worker) => {
        worker.postMessage(PROBE_MS);
        return (await once(worker, 'message'))[0];
      }),
    );
    this.#best = Math.max(this.#best, ...speeds);
    return speeds;
  }

  async stop() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
