/** One way to read a cached object, without a kernel and a server. */
import { openHits } from '../harness/hits.mjs';
import { closed } from '../harness/loads.mjs';
import { connectToMemory } from '../harness/memory-socket.mjs';
import { MemoryStore } from '../harness/memory-store.mjs';
import { shortStretches } from '../harness/stretches.mjs';

export async function run({ tree, way, inFlight, seconds, warmup }) {
  connectToMemory(new MemoryStore());
  const { work, verify, close } = await openHits({
    tree,
    way,
    addresses: { memcached: '127.0.0.1:11211' },
  });
  try {
    const outcome = await shortStretches(work, closed(inFlight), { seconds, warmup });
    verify();
    return outcome;
  } finally {
    await close();
  }
}
