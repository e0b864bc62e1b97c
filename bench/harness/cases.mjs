/**
 * Runs the cases of a study round by round, each in a fresh process, and keeps every run.
 *
 * Invariant: the n-th run of every case is from the n-th round, or `undefined` when it failed or was not
 * tried: a case that failed twice without ever succeeding, or took very long once, is not repeated.
 */
import { summary } from './stats.mjs';

const PATIENCE_MS = 20_000;

/**
 * @param {{rounds: number, progress: (steps: number) => any, verbose: boolean}} context
 * @param {{id: string}[]} cases
 * @param {(one: any, round: number) => Promise<object>} runCase
 * @returns each case with its `runs` and `errors`
 */
export async function runCases(context, cases, runCase) {
  const kept = cases.map((one) => ({ ...one, runs: [], errors: [] }));
  const givenUp = new Set();
  const progress = context.progress(kept.length * context.rounds);
  for (let round = 0; round < context.rounds; round++) {
    for (let turn = 0; turn < kept.length; turn++) {
      const one = kept[(turn + round) % kept.length];
      progress.step(`round ${round + 1}/${context.rounds}  ${one.id}`);
      if (givenUp.has(one)) {
        one.runs.push(undefined);
        continue;
      }
      const from = performance.now();
      try {
        one.runs.push(await runCase(one, round));
      } catch (error) {
        one.runs.push(undefined);
        one.errors.push(error.message);
        if (context.verbose) process.stderr.write(`${error.message}\n${error.printed ?? ''}\n`);
      }
      const hopeless = one.errors.length >= 2 && one.errors.length === one.runs.length;
      if (hopeless || performance.now() - from > PATIENCE_MS) givenUp.add(one);
    }
  }
  progress.end();
  return kept;
}

/** Median and extremes of one figure over a case's rounds; `undefined` when there is none. */
export function over(one, pick) {
  const numbers = one.runs
    .filter(Boolean)
    .map(pick)
    .filter((number) => Number.isFinite(number));
  return numbers.length === 0 ? undefined : summary(numbers);
}

export const medianOf = (one, pick) => over(one, pick)?.median;

/** The first failure of a case, short enough for a table's last column. */
export const failure = ({ errors }) =>
  errors.length === 0 ? '' : `${errors.length} failed: ${errors[0].slice(0, 90)}`;
