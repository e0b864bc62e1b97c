/**
 * One row with one client, inside a process of its own: open, store the values, measure, verify, close.
 */
import { loadAdapter } from '../clients/index.mjs';
import { loadRow } from '../rows/index.mjs';
import { makeKeys, makeValues } from './data.mjs';
import { measure, offered } from './loads.mjs';
import { apartness } from './parent.mjs';

export async function run(job) {
  return measureRow(await loadRow(job.row), job);
}

/** The same for a row that has no file. */
export async function measureRow(row, job) {
  const adapter = await loadAdapter(job.client);
  const keys = makeKeys(row.keys, job.prefix);
  const time = { seconds: job.seconds, warmup: job.warmup, stamped: job.stamped, ...apartness(job) };
  if (adapter.drive !== undefined) return adapter.drive({ ...job, row, keys, time });

  const client = await adapter.open(job);
  try {
    const buffer = row.operation.buffer === true && client.buffers === true;
    const values = makeValues(keys, row.bytes, buffer ? 'buffer' : 'text');
    const work = row.operation.make({ client, keys, values });
    if (row.operation.preload) await preload(client, keys, values);
    const load = row.offered === undefined ? row.load : offered(job.rate);
    const outcome = await measure(work, load, time);
    await work.verify?.(outcome.turns);
    return { ...outcome, ...client.facts?.() };
  } finally {
    await client.close();
  }
}

/** The first write goes alone: before the first connect, some clients open a socket per request. */
export async function preload(client, keys, values) {
  await client.set(keys[0], values[0]);
  const callers = values[0].length > 100_000 ? 2 : 50;
  let next = 1;
  const caller = async () => {
    while (next < keys.length) {
      const index = next++;
      await client.set(keys[index], values[index]);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}
