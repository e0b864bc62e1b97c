/** One codec and one kind of value, by size: microseconds to encode and to decode, bytes made. */
import { isDeepStrictEqual } from 'node:util';
import v8 from 'node:v8';
import { textValue } from '../harness/data.mjs';
import { importFileOfTree } from '../harness/library.mjs';
import { median } from '../harness/stats.mjs';

const SIZES = [100, 1_000, 10_000, 100_000, 1_000_000];

export async function run({ tree, kind, codec: name, algorithm, seconds }) {
  const codec = name === 'ours' ? await makeOurs(tree, algorithm) : OTHERS[name];
  const share = (seconds * 1_000) / SIZES.length / 2;
  return {
    sizes: SIZES.map((asked) => {
      const value = VALUES[kind](asked);
      const encoded = codec.encode(value);
      if (!isDeepStrictEqual(codec.decode(encoded), value)) {
        throw new Error(`${kind} of ${asked} B did not come back equal from ${name}.`);
      }
      return {
        asked,
        bytes: encoded.bytes,
        encode: microseconds(() => codec.encode(value).bytes, share),
        decode: microseconds(() => (codec.decode(encoded) === undefined ? 1 : 0), share),
      };
    }),
  };
}

/** `decode` is measured from the bytes as they come from the socket. */
async function makeOurs(tree, algorithm) {
  const { createCodec } = await importFileOfTree(tree, 'dist/esm/core/value/default-codec.js');
  const codec = createCodec(algorithm === undefined ? {} : { compression: { algorithm, above: 0 } });
  const received = new WeakMap();
  return {
    encode: (value) => codec.encode(value),
    decode(encoded) {
      let bytes = received.get(encoded);
      if (bytes === undefined) {
        bytes =
          typeof encoded.body === 'string' ? Buffer.from(encoded.body, 'latin1') : Buffer.from(encoded.body);
        received.set(encoded, bytes);
      }
      return codec.decode(encoded.flags, bytes, 0, bytes.length);
    },
  };
}

const OTHERS = {
  JSON: {
    encode(value) {
      const body = Buffer.from(JSON.stringify(value));
      return { body, bytes: body.length };
    },
    decode: ({ body }) => JSON.parse(body.toString()),
  },
  'v8.serialize': {
    encode(value) {
      const body = v8.serialize(value);
      return { body, bytes: body.length };
    },
    decode: ({ body }) => v8.deserialize(body),
  },
};

const VALUES = {
  'ascii text': (bytes) => textValue('', bytes),
  'utf-8 text': (bytes) => 'Grüße, 世界! '.repeat(Math.ceil(bytes / 19)),
  Buffer: (bytes) => Buffer.from(textValue('', bytes), 'latin1'),
  'plain JSON': (bytes) => records(bytes, (index) => ({ at: new Date(1.7e12 + index * 61_000).toJSON() })),
  'JSON with dates and maps': (bytes) =>
    records(bytes, (index) => ({
      at: new Date(1.7e12 + index * 61_000),
      labels: new Map([['rank', index % 7]]),
    })),
};

/** Records as an application caches them, as many as fit into so many bytes of JSON; at least one. */
function records(bytes, rest) {
  const list = [];
  for (let length = 2, index = 0; length < bytes; index++) {
    const record = {
      id: index,
      name: textValue('', 12 + (index % 9)),
      price: ((index * 7919) % 100_000) / 100,
      active: index % 3 !== 0,
      ...rest(index),
    };
    list.push(record);
    length += JSON.stringify(record).length + 1;
  }
  return list;
}

/** Median time of one call, from batches that each take long enough to be timed. */
function microseconds(work, milliseconds) {
  let batch = 1;
  for (;;) {
    const took = timeOf(work, batch);
    if (took >= 1) break;
    batch *= 2;
  }
  const times = [];
  const end = performance.now() + milliseconds;
  do times.push(timeOf(work, batch) / batch);
  while (performance.now() < end || times.length < 5);
  return median(times) * 1_000;
}

function timeOf(work, count) {
  const from = performance.now();
  let sum = 0;
  for (let turn = 0; turn < count; turn++) sum += work();
  const took = performance.now() - from;
  // Someone must look at the results, or the compiler may leave the work out.
  if (sum < 0) throw new Error('A codec made fewer than no bytes.');
  return took;
}
