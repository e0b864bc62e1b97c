/**
 * Medians, quantiles and ratios of repeated runs.
 *
 * Invariant: a ratio's spread is taken from runs of the same round, so that a slow minute of the machine
 * slows both sides of it.
 */

/** The value below which the share `q` of the sorted numbers lies, interpolated. */
export function quantile(sorted, q) {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

const ascending = (numbers) => Float64Array.from(numbers).sort();

export function median(numbers) {
  return quantile(ascending(numbers), 0.5);
}

/** Median, extremes and quartiles of a list. */
export function summary(numbers) {
  const sorted = ascending(numbers);
  return {
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    n: sorted.length,
  };
}

/**
 * `ours / theirs`: the ratio of the medians, with the extremes of the rounds' own ratios as its spread.
 * Both lists hold one number per round; a round that one side failed is `undefined` and left out.
 */
export function ratio(ours, theirs) {
  const pairs = [];
  for (let round = 0; round < Math.min(ours.length, theirs.length); round++) {
    if (ours[round] !== undefined && theirs[round] !== undefined) pairs.push(ours[round] / theirs[round]);
  }
  const known = (list) => list.filter((value) => value !== undefined);
  const spread = summary(pairs);
  return {
    value: median(known(ours)) / median(known(theirs)),
    low: spread.min,
    high: spread.max,
    rounds: pairs.length,
  };
}

/**
 * Durations in logarithmic buckets 1.5 % wide: constant memory, constant time, and a quantile that is off
 * by less than one bucket. Made for a measured process, where an array of samples would be garbage to collect.
 */
export class DurationHistogram {
  static #LOWEST_MS = 0.0005;
  static #GROWTH = Math.log(1.015);
  #counts = new Uint32Array(1_200);
  #total = 0;
  #max = 0;

  record(milliseconds) {
    const bucket = Math.log(milliseconds / DurationHistogram.#LOWEST_MS) / DurationHistogram.#GROWTH;
    this.#counts[Math.max(0, Math.min(this.#counts.length - 1, Math.floor(bucket)))]++;
    this.#total++;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  clear() {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
  }

  quantile(q) {
    if (this.#total === 0) return undefined;
    const wanted = this.#total * q;
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= wanted) {
        return Math.min(
          this.#max,
          DurationHistogram.#LOWEST_MS * Math.exp((bucket + 0.5) * DurationHistogram.#GROWTH),
        );
      }
    }
    return this.#max;
  }

  toJSON() {
    return {
      samples: this.#total,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#max,
    };
  }
}
