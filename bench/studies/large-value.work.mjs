/**
 * One client and one value of 64 MB, written or read once: time, longest stretch the loop did not turn,
 * how much the process grew at its peak, and what is still held when the value is dropped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadAdapter } from '../clients/index.mjs';
import { makeKeys, textValue } from '../harness/data.mjs';
import { TurnWatch } from '../harness/turns.mjs';

const BYTES = 64 * 2 ** 20;
/** Even a small first value makes a client allocate what it keeps. */
const SMALL = 'x'.repeat(100);

export async function run(job) {
  const { open } = await loadAdapter(job.client);
  const client = await open(job);
  try {
    const [key, smallKey] = makeKeys(2, job.prefix);
    await client.set(smallKey, SMALL);
    await client.get(smallKey);
    const before = await held();
    const outcome = await (job.what === 'set' ? write(client, key) : read(client, key));
    return { ...outcome, keptMegabytes: ((await held()) - before) / 2 ** 20 };
  } finally {
    await client.close();
  }
}

/** The value in the form the client can take it back. */
function makeValue(client) {
  const block = Buffer.from(textValue('', 2 ** 20), 'latin1');
  const bytes = Buffer.concat(Array.from({ length: BYTES / block.length }, () => block));
  return client.buffers === true ? bytes : bytes.latin1Slice();
}

async function write(client, key) {
  const value = makeValue(client);
  return watched(() => client.set(key, value));
}

async function read(client, key) {
  const get = client.buffers === true && client.getBuffer !== undefined ? client.getBuffer : client.get;
  let found;
  const outcome = await watched(async () => {
    found = await get(key);
  });
  const same = client.buffers === true ? makeValue(client).equals(found) : makeValue(client) === found;
  if (!same) throw new Error('The value of 64 MB came back different, or not at all.');
  return outcome;
}

async function watched(work) {
  await settle();
  const before = process.memoryUsage().rss;
  const watch = new TurnWatch();
  const from = performance.now();
  await work();
  const milliseconds = performance.now() - from;
  const longestBlock = watch.longest;
  watch.stop();
  const peak = process.resourceUsage().maxRSS * 1_024;
  return { milliseconds, longestBlock, copies: Math.max(0, peak - before) / BYTES };
}

/** Bytes that live objects and buffers hold, garbage collected. */
async function held() {
  await settle();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function settle() {
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc();
    await sleep(50);
  }
}
