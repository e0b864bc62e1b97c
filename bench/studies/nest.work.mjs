/** One way to read cached objects inside an application of Nest, measured whenever it is its turn. */
import { openHits } from '../harness/hits.mjs';
import { closed, measure } from '../harness/loads.mjs';
import { apartness, takeTurns } from '../harness/parent.mjs';

export async function run({ tree, way, inFlight, addresses, seconds, warmup, attempts }) {
  const { work, verify, close } = await openHits({ tree, way, addresses });
  try {
    const load = closed(inFlight);
    await measure(work, load, { seconds: 0, warmup });
    await takeTurns(() => measure(work, load, { seconds, warmup: 0, ...apartness({ attempts }) }));
    verify();
  } finally {
    await close();
  }
}
