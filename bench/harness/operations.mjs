/**
 * What one request of a workload is. An operation is made for an opened client and the row's data, and
 * gives `request(turn)` and `check(turn, reply)`; `preload` says whether the keys must be there first.
 */
import { makeCheck, uniformSequence, zipfSequence } from './data.mjs';

/** A power of two, so that a turn becomes an index with one mask. */
const SEQUENCE = 65_536;
const MASK = SEQUENCE - 1;

/** One key, read. `buffer` asks for the bytes where a client can hand them out. */
export const get = ({ buffer = false } = {}) => ({
  name: 'get',
  preload: true,
  buffer,
  make({ client, keys, values }) {
    const order = uniformSequence(keys.length, SEQUENCE);
    const check = makeCheck(keys, values);
    const read = buffer && client.getBuffer !== undefined ? client.getBuffer : client.get;
    return {
      order,
      request: (turn) => read(keys[order[turn & MASK]]),
      check: (turn, found) => check(order[turn & MASK], found),
    };
  },
});

/** One key, written. What was written is read back after the run. */
export const set = () => ({
  name: 'set',
  preload: false,
  make({ client, keys, values }) {
    const order = uniformSequence(keys.length, SEQUENCE);
    const check = makeCheck(keys, values);
    return {
      order,
      request: (turn) => client.set(keys[order[turn & MASK]], values[order[turn & MASK]]),
      check: () => undefined,
      async verify(turns) {
        const written = [...new Set(order.subarray(0, Math.min(turns, SEQUENCE)))].slice(0, 200);
        for (const index of written) check(index, await client.get(keys[index]));
      },
    };
  },
});

/** `count` neighbouring keys in one call. */
export const getMany = (count) => ({
  name: 'getMany',
  preload: true,
  make({ client, keys, values }) {
    const groups = Array.from({ length: Math.floor(keys.length / count) }, (_, group) =>
      keys.slice(group * count, (group + 1) * count),
    );
    const order = uniformSequence(groups.length, SEQUENCE);
    const check = makeCheck(keys, values);
    return {
      order,
      request: (turn) => client.getMany(groups[order[turn & MASK]]),
      check(turn, found) {
        const group = order[turn & MASK];
        for (let at = 0; at < count; at++) {
          check(group * count + at, client.pick(found, groups[group][at], at));
        }
      },
    };
  },
});

/** Reads and writes mixed, some keys far more popular than others. */
export const mix = (shareOfReads) => ({
  name: 'mix',
  preload: true,
  make({ client, keys, values }) {
    const order = zipfSequence(keys.length, SEQUENCE);
    const draws = uniformSequence(1_000, SEQUENCE, 3);
    const writes = Uint8Array.from(draws, (draw) => (draw >= shareOfReads * 1_000 ? 1 : 0));
    const check = makeCheck(keys, values);
    return {
      order,
      writes,
      request(turn) {
        const index = order[turn & MASK];
        return writes[turn & MASK] === 1 ? client.set(keys[index], values[index]) : client.get(keys[index]);
      },
      check(turn, found) {
        if (writes[turn & MASK] === 0) check(order[turn & MASK], found);
      },
    };
  },
});
