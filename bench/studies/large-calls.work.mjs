/** One client, ten thousand keys per call: time of a call, and the longest stretch the loop did not turn. */
import { setImmediate as turn } from 'node:timers/promises';
import { loadAdapter } from '../clients/index.mjs';
import { makeCheck, makeKeys, makeValues } from '../harness/data.mjs';
import { preload } from '../harness/run-row.mjs';
import { median } from '../harness/stats.mjs';
import { TurnWatch } from '../harness/turns.mjs';

const WARM_CALLS = 2;
const LEAST_CALLS = 3;

export async function run(job) {
  const { open } = await loadAdapter(job.client);
  const client = await open(job);
  try {
    const keys = makeKeys(10_000, job.prefix);
    const values = makeValues(keys, 100);
    const entries = keys.map((key, index) => [key, values[index]]);
    const check = makeCheck(keys, values);
    const checkAll = (found) => {
      for (const [index, key] of keys.entries()) check(index, client.pick(found, key, index));
    };
    if (job.kind === 'getMany') await preload(client, keys, values);
    else await client.set(keys[0], values[0]);

    const times = [];
    const blocks = [];
    const watch = new TurnWatch();
    const end = performance.now() + job.seconds * 1_000;
    for (let call = 0; call < WARM_CALLS + LEAST_CALLS || performance.now() < end; call++) {
      await turn();
      watch.reset();
      const from = performance.now();
      const found = await (job.kind === 'getMany' ? client.getMany(keys) : client.setMany(entries));
      const took = performance.now() - from;
      const longest = watch.longest;
      if (call >= WARM_CALLS) {
        times.push(took);
        blocks.push(longest);
      }
      if (job.kind === 'getMany') checkAll(found);
    }
    watch.stop();
    if (job.kind === 'setMany') checkAll(await client.getMany(keys));
    return { milliseconds: median(times), longestBlock: Math.max(...blocks), calls: times.length };
  } finally {
    await client.close();
  }
}
