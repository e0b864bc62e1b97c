/** One client: small gets at a steady rate, and readers of large values beside them. */
import { loadAdapter } from '../clients/index.mjs';
import { makeCheck, makeKeys, makeValues } from '../harness/data.mjs';
import { measure, offered } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';
import { preload } from '../harness/run-row.mjs';

const LARGE_BYTES = 1_000_000;

export async function run(job) {
  const { open } = await loadAdapter(job.client);
  const client = await open(job);
  try {
    const keys = makeKeys(1_000, job.prefix);
    const values = makeValues(keys, 100);
    await preload(client, keys, values);
    const largeKeys = makeKeys(10, `L${job.prefix}`);
    const largeValues = makeValues(largeKeys, LARGE_BYTES, client.buffers === true ? 'buffer' : 'text');
    await preload(client, largeKeys, largeValues);

    const readers = readLarge(client, largeKeys, largeValues, job.large);
    const work = get().make({ client, keys, values });
    const outcome = await Promise.race([measure(work, offered(job.rate), job), readers.failed]);
    const megabytes = (await readers.stop()) / 1e6;
    return { ...outcome, largeMegabytesPerSecond: megabytes / (job.warmup + outcome.seconds) };
  } finally {
    await client.close();
  }
}

function readLarge(client, keys, values, count) {
  const check = makeCheck(keys, values);
  const read = client.buffers === true && client.getBuffer !== undefined ? client.getBuffer : client.get;
  let open = true;
  let bytes = 0;
  const reader = async (index) => {
    while (open) {
      check(index, await read(keys[index]));
      bytes += LARGE_BYTES;
    }
  };
  const all = Promise.all(Array.from({ length: count }, (_, index) => reader(index % keys.length)));
  return {
    failed: new Promise((_, reject) => {
      all.catch(reject);
    }),
    async stop() {
      open = false;
      const read = bytes;
      await all;
      return read;
    },
  };
}
