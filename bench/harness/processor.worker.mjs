/** Keeps one processor busy for so many milliseconds, and says how much it did: rounds per millisecond. */
import { parentPort } from 'node:worker_threads';

/**
 * Four sums that do not wait for each other, over memory next to the processor: work for all of its units. A single
 * chain of multiplications would not do, for two threads that share a processor each run one at full speed.
 */
const words = new Int32Array(1_024);

function round() {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let at = 0; at < 1_024; at += 4) {
    a = (a + words[at]) ^ at;
    b = (b - words[at + 1]) ^ at;
    c = (c + words[at + 2]) | at;
    d = (d ^ words[at + 3]) + at;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = d;
  }
}

parentPort.on('message', (milliseconds) => {
  const from = performance.now();
  let rounds = 0;
  for (; performance.now() - from < milliseconds; rounds += 5) for (let one = 0; one < 5; one++) round();
  parentPort.postMessage(rounds / (performance.now() - from));
});
