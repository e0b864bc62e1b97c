/** One client and one row, without a kernel and a server: the CPU time of many short stretches. */
import { loadAdapter } from '../clients/index.mjs';
import { makeKeys, textValue } from '../harness/data.mjs';
import { connectToMemory, FixedAnswers } from '../harness/memory-socket.mjs';
import { shortStretches } from '../harness/stretches.mjs';
import { loadRow } from '../rows/index.mjs';

export async function run({ client: id, row: rowId, tree, options, seconds, warmup }) {
  const row = await loadRow(rowId);
  const keys = makeKeys(row.keys, 'alone');
  const value = textValue(keys[0], row.bytes);
  const client = await open({ id, tree, options, value, isSet: row.operation.name === 'set' });
  const work = row.operation.make({ client, keys, values: keys.map(() => value) });
  return shortStretches(work, row.load, { seconds, warmup });
}

async function open({ id, tree, options, value, isSet }) {
  if (id === 'promises') return new Echo(() => value);
  if (id === 'strings') return new Echo(reading(value));
  connectToMemory(new FixedAnswers({ value, isSet }));
  const adapter = await loadAdapter(id);
  return adapter.open({ servers: [{ host: '127.0.0.1', port: 11_211 }], tree, options });
}

/** Makes the value anew each time, from bytes that lie one after the other as those of many answers do. */
function reading(value) {
  const bytes = Buffer.from(value.repeat(512), 'latin1');
  let at = 0;
  return () => {
    at = (at + value.length) % bytes.length;
    return bytes.latin1Slice(at, at + value.length);
  };
}

/**
 * No client at all: whatever is asked in one turn of the event loop is answered in the next, from a variable. What
 * is left is what the callers, their promises and the comparison of their values take.
 */
class Echo {
  /** What settles each open call, and its keys where they are many. */
  #waiting = [];
  #make;

  constructor(make) {
    this.#make = make;
  }

  get = () => new Promise((resolve) => this.#ask(resolve, undefined));
  set = () => new Promise((resolve) => this.#ask(resolve, undefined));
  getMany = (keys) => new Promise((resolve) => this.#ask(resolve, keys));
  pick = (found, key) => found.get(key);

  #ask(resolve, keys) {
    this.#waiting.push(resolve, keys);
    if (this.#waiting.length === 2) setImmediate(() => this.#answer());
  }

  #answer() {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += 2) {
      const { [at]: resolve, [at + 1]: keys } = waiting;
      resolve(keys === undefined ? this.#make() : this.#valuesOf(keys));
    }
  }

  #valuesOf(keys) {
    const found = new Map();
    for (const key of keys) found.set(key, this.#make());
    return found;
  }
}
