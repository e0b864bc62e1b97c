/**
 * One call of `getOrSetMany`: a call for each key, all begun in one turn so that their reads leave in one write to
 * each node, with one loader for what is missing.
 */
import { Call, type CallSetting } from './call.js';
import type { Gathering } from './gathering.js';
import type { Order } from './order.js';

/** So many keys are asked for at a time: more would fill up what a node may have outstanding. */
const SLICE = 1_000;

/** What became of the keys: those that were found, by their keys, and how many of those without a load. */
export interface ManyAnswered<T> {
  readonly values: Map<string, T>;
  readonly hits: number;
  /** Keys that could not be read. */
  readonly failed: number;
}

/** @throws what the loader does, for whichever key it is first, when all are settled */
export async function answerMany<T>(
  setting: CallSetting,
  orders: readonly Order[],
  gathering: Gathering,
  bypasses: boolean,
): Promise<ManyAnswered<T>> {
  const calls: Call<T>[] = [];
  const answers: Promise<T>[] = [];
  for (let next = 0; next < orders.length; next += SLICE) {
    for (const order of orders.slice(next, next + SLICE)) {
      const call = new Call<T>(setting, order, bypasses);
      const answer = call.answer(undefined);
      const decided = (): void => gathering.decided(order.key);
      answer.then(decided, decided);
      // Another call loads it, or has done so.
      if (!call.isMine) decided();
      calls.push(call);
      answers.push(answer);
    }
    const rest = orders.length - next - SLICE;
    if (rest > 0) await gathering.untilUndecided(rest);
  }
  const settled = await Promise.allSettled(answers);
  const values = new Map<string, T>();
  let hits = 0;
  let failed = 0;
  for (const [index, one] of settled.entries()) {
    if (one.status === 'rejected') throw one.reason;
    const { outcome } = calls[index]!;
    if (outcome === 'hit' || outcome === 'stale' || outcome === 'graced') hits++;
    if (outcome === 'error') failed++;
    if (one.value !== undefined) values.set(orders[index]!.key, one.value);
  }
  return { values, hits, failed };
}
