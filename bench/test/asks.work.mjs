/** A measured process that does nothing but ask, or take turns. */
import { askParent, takeTurns } from '../harness/parent.mjs';

export async function run({ turns, failAfter = Number.POSITIVE_INFINITY }) {
  if (turns === undefined) return askParent('anything');
  let taken = 0;
  await takeTurns(async () => {
    if (++taken > failAfter) throw new Error('this stretch failed');
    return `${turns} ${taken}`;
  });
  return taken;
}
