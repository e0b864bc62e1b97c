/** Many short stretches of one load: what its code itself takes, whatever else the machine does. */
import { measure } from './loads.mjs';
import { quantile } from './stats.mjs';

/** So short that some of them have a processor for themselves. */
const STRETCH = { warmup: 0.006, seconds: 0.06 };
const PER_SECOND = 60;

/** @returns microseconds of CPU for one operation, in the best twentieth of the stretches and in the median one */
export async function shortStretches(work, load, { seconds, warmup }) {
  await measure(work, load, { warmup, seconds: STRETCH.seconds });
  const stretches = [];
  for (let left = Math.max(5, Math.round(seconds * PER_SECOND)); left > 0; left--) {
    stretches.push((await measure(work, load, STRETCH)).cpuSecondsPerMillion);
  }
  const sorted = stretches.sort((one, other) => one - other);
  return { stretches: sorted.length, best: quantile(sorted, 0.05), median: quantile(sorted, 0.5) };
}
