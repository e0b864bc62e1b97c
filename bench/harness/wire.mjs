/**
 * Learns which bytes our client sends for a get and a set, by listening between it and a real server, so
 * that the meta floor carries the same flags and never falls behind the client.
 */
import net from 'node:net';
import { loadAdapter } from '../clients/index.mjs';
import { runChild } from './children.mjs';
import { makeKeys, makeValues } from './data.mjs';

/** What a client sends that names every reply: used when ours is not there, or does not speak meta. */
export const DEFAULT_TEMPLATES = {
  get: 'mg {key} v f k O10000',
  set: 'ms {key} {bytes} F1 k O10000',
};

const BYTES = 100;

/**
 * The last get and set our client sent in a run of some thousands: its counters have then the width
 * they have in a measurement.
 * @returns templates with `{key}` and `{bytes}`, and whether they were learned or are the default
 */
export async function learnTemplates(server, { tree, options, node }) {
  const heard = { get: undefined, set: undefined };
  const listener = net.createServer((client) => {
    const upstream = net.connect(server.port, server.host);
    let rest = '';
    client.on('data', (bytes) => {
      rest += bytes.latin1Slice();
      const lines = rest.split('\r\n');
      rest = lines.pop();
      for (const line of lines) note(line, heard);
    });
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  try {
    const servers = [{ host: '127.0.0.1', port: listener.address().port }];
    await runChild({ module: 'harness/wire.mjs', servers, tree, options }, { node, timeoutMs: 20_000 });
  } finally {
    listener.close();
  }
  if (heard.get === undefined || heard.set === undefined) return { ...DEFAULT_TEMPLATES, from: 'default' };
  return { ...heard, from: 'our client' };
}

function note(line, heard) {
  const words = line.split(' ');
  if (!words[1]?.startsWith('wire:')) return;
  if (words[0] === 'mg') heard.get = ['mg', '{key}', ...words.slice(2)].join(' ');
  if (words[0] === 'ms') heard.set = ['ms', '{key}', '{bytes}', ...words.slice(3)].join(' ');
}

/** The measured side: our client, some thousand sets and gets. */
export async function run({ servers, tree, options }) {
  const adapter = await loadAdapter('ours');
  const client = await adapter.open({ servers, tree, options });
  const keys = makeKeys(2_000, 'wire');
  const values = makeValues(keys, BYTES);
  for (let round = 0; round < 3; round++) {
    for (let from = 0; from < keys.length; from += 100) {
      await Promise.all(keys.slice(from, from + 100).map((key, at) => client.set(key, values[from + at])));
      await Promise.all(keys.slice(from, from + 100).map((key) => client.get(key)));
    }
  }
  await client.close();
}
