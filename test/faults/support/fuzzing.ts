/**
 * Answers gone wrong by chance: recorded streams that are cut, spliced, repeated and peppered. Whatever comes of it,
 * a connection neither throws nor stalls nor hoards, and every request hears its end exactly once.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReplyKind } from '../../../lib/core/command/reply.js';
import { conversations } from './conversation.js';
import { FedConnection, GOES_ON, MAX_VALUE_BYTES } from './fed-connection.js';
import { recordings } from './recordings.js';

export type Dialect = 'meta' | 'classic';

const CORPUS = join(__dirname, '../corpus');

/** Streams that once did harm, or nearly, and those that are right. `meta-...` and `classic-...` say how they are read. */
export function corpus(): { name: string; dialect: Dialect; bytes: Buffer }[] {
  const kept = readdirSync(CORPUS).map((name) => ({
    name,
    dialect: name.split('-')[0] as Dialect,
    bytes: readFileSync(join(CORPUS, name)),
  }));
  const recorded = (['meta', 'classic'] as const).map((dialect) => ({
    name: `${dialect}-recorded`,
    dialect,
    bytes: Buffer.from(recordings[dialect], 'latin1'),
  }));
  return [...kept, ...recorded];
}

const TOKENS = [
  '\r\n',
  '\r',
  '\n',
  ' ',
  '0',
  '9'.repeat(20),
  '-1',
  'VA ',
  'VA 5 f1 O1\r\nalpha\r\n',
  'VA 1048577 O1\r\n',
  'VA 99999999999 O1\r\n',
  'HD O1\r\n',
  'EN\r\n',
  'NF O3\r\n',
  'VALUE a 17 5\r\nalpha\r\n',
  'VALUE a 0 1048577\r\n',
  'END\r\n',
  'STORED\r\n',
  'STAT a b\r\n',
  'SERVER_ERROR x\r\n',
  'CLIENT_ERROR x\r\n',
  'ERROR\r\n',
  ' W',
  ' X',
  ' Z',
  ' c',
  ' t-1',
  ' t99999999999999999999',
  ' h',
  ' l',
  ' O',
  ' f',
  '\0',
  '\xff',
  'a'.repeat(9_000),
];

/** Some bytes, a few times changed. */
export function mutated(bytes: Buffer, random: () => number): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let times = 1 + Math.floor(random() * 5); times > 0; times--) changed = mutatedOnce(changed, random);
  return changed;
}

function mutatedOnce(bytes: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * (bytes.length + 1));
  const to = Math.min(bytes.length, at + Math.floor(random() * 30));
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  const token = Buffer.from(TOKENS[Math.floor(random() * TOKENS.length)]!, 'latin1');
  switch (Math.floor(random() * 6)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, middle, middle, after]);
    case 2:
      return Buffer.concat([before, token, middle, after]);
    case 3:
      return Buffer.concat([before, token, after]);
    case 4:
      return Buffer.concat([
        before,
        Buffer.from(middle.map((byte) => byte ^ (1 << Math.floor(random() * 8)))),
        after,
      ]);
    default:
      return Buffer.concat([after, middle, before]);
  }
}

const KINDS = Object.keys(ReplyKind);

/** @throws when a connection does with these bytes what none may do. */
export function feed(dialect: Dialect, bytes: Buffer, pieces: (left: number) => number): void {
  const fed = new FedConnection(dialect);
  fed.ask(conversations[dialect]);
  for (let from = 0; from < bytes.length && fed.closed === undefined; ) {
    const to = Math.min(bytes.length, from + Math.max(1, pieces(bytes.length - from)));
    fed.feed(bytes.subarray(from, to));
    from = to;
  }
  fed.end();
  if (fed.closed === undefined) throw new Error('It did not close when its socket ended.');
  if (fed.slots !== 0) throw new Error(`${fed.slots} slots were never given back.`);
  if (fed.mostBuffered > MAX_VALUE_BYTES + 8_192) throw new Error(`${fed.mostBuffered} bytes were held.`);
  for (const [i, told] of fed.told.entries()) {
    const ends = told.filter((each) => !each.endsWith(GOES_ON));
    if (ends.length !== 1) throw new Error(`Request ${i} ended ${ends.length} times: ${told.join(' | ')}`);
    const [first] = ends[0]!.split(' ');
    if (!KINDS.includes(first!) && !/^MEMCACHED_(CONNECTION|PROTOCOL)$/.test(first!)) {
      throw new Error(`Request ${i} was told ${ends[0]}`);
    }
  }
}
