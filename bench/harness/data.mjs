/**
 * Keys and values of the workloads.
 *
 * Invariant: every value names its key, so that a reply handed to the wrong caller is seen at once; and
 * all keys of a set are of one length, so that the floor's replies are too.
 */

/** Repeatable random numbers in [0, 1) (mulberry32): two clients get the same sequence. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function makeKeys(count, prefix) {
  return Array.from({ length: count }, (_, index) => `${prefix}:${String(index).padStart(7, '0')}`);
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.-';

/** Random ASCII of exactly `bytes` that begins with its key: neither trivially compressible nor text to scan. */
export function textValue(key, bytes, random = seeded(bytes)) {
  const characters = Buffer.allocUnsafe(bytes);
  const start = `${key}=`;
  for (let at = characters.write(start.slice(0, bytes), 'latin1'); at < bytes; at++) {
    characters[at] = LETTERS.charCodeAt(Math.floor(random() * LETTERS.length));
  }
  return characters.latin1Slice();
}

/** Values for all keys; the random part is made once and shared, the beginning differs. */
export function makeValues(keys, bytes, kind = 'text') {
  const body = textValue('', bytes);
  return keys.map((key) => {
    const start = `${key}=`.slice(0, bytes);
    const buffer = Buffer.from(start + body.slice(start.length), 'latin1');
    return kind === 'buffer' ? buffer : buffer.latin1Slice();
  });
}

/** `length` indices below `count`, uniformly drawn. */
export function uniformSequence(count, length, seed = 1) {
  const random = seeded(seed);
  return Uint32Array.from({ length }, () => Math.floor(random() * count));
}

/** `length` indices below `count` where the i-th is drawn in proportion to 1 / i^exponent. */
export function zipfSequence(count, length, exponent = 0.99, seed = 2) {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulative[rank] = sum;
  }
  const random = seeded(seed);
  return Uint32Array.from({ length }, () => {
    const wanted = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/**
 * Refuses a value that is not the one stored. Small values are compared whole. Of larger ones the length
 * and the ends always, and all of it in one check of sixteen: comparing half a megabyte costs more than
 * some clients need to read it, and would hide the difference that is being measured.
 */
export function makeCheck(keys, values) {
  let turn = 0;
  const whole = values[0].length <= 1_024;
  return function check(index, found) {
    const expected = values[index];
    if (found === null || found === undefined || found.length !== expected.length) {
      throw new Error(`Wrong value for ${keys[index]}: ${describe(found)} instead of ${describe(expected)}.`);
    }
    const all = whole || (++turn & 15) === 0;
    const same = typeof expected === 'string' ? sameText : sameBytes;
    if (!same(found, expected, all)) {
      throw new Error(`Wrong value for ${keys[index]}: right length, other content.`);
    }
  };
}

function sameText(found, expected, all) {
  if (typeof found !== 'string') return false;
  if (all) return found === expected;
  const last = expected.length - 1;
  for (let at = 0; at < 24; at++) if (found.charCodeAt(at) !== expected.charCodeAt(at)) return false;
  return (
    found.charCodeAt(last >> 1) === expected.charCodeAt(last >> 1) &&
    found.charCodeAt(last) === expected.charCodeAt(last)
  );
}

function sameBytes(found, expected, all) {
  const bytes = typeof found === 'string' ? Buffer.from(found, 'latin1') : found;
  if (all) return expected.equals(bytes);
  const last = expected.length - 1;
  for (let at = 0; at < 24; at++) if (bytes[at] !== expected[at]) return false;
  return bytes[last >> 1] === expected[last >> 1] && bytes[last] === expected[last];
}

const describe = (value) =>
  value === undefined || value === null ? 'a miss' : `${value.constructor.name} of ${value.length}`;
