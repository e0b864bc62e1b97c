/** One conversation with every kind of answer in it, as requests. Its answers are recorded in `recordings.ts`. */
import { Request, type RequestSink, Verb } from '../../../lib/core/command/request.js';
import type { Ask } from './fed-connection.js';

const store = (body: string, flags = 0) => ({ body, bytes: Buffer.byteLength(body, 'latin1'), flags });

/** One of many sets in one request. It is told nothing of its own here. */
function member(key: string, body: string): Request {
  const nobody: RequestSink = { replied: () => {}, failed: () => {} };
  return Object.assign(new Request(Verb.set, key, nobody, () => {}), store(body));
}

const everywhere: Ask[] = [
  [Verb.set, 'a', store('alpha', 17)],
  [Verb.get, 'a'],
  [Verb.get, 'none'],
  [Verb.set, 'b', store('EN\r\nVA 1\r\nEND\r\n')],
  [Verb.getBatch, '', { keys: ['a', 'none', 'b'] }],
  [Verb.add, 'a', store('x')],
  [Verb.append, 'a', store('!')],
  [Verb.gets, 'a'],
  [Verb.cas, 'a', { ...store('y'), cas: '999' }],
  [Verb.incr, 'a', { delta: '1' }],
  [Verb.set, 'n', store('10')],
  [Verb.decr, 'n', { delta: '1' }],
  [Verb.touch, 'none', { exptime: 9 }],
  [Verb.delete, 'b'],
  [Verb.version, ''],
];

export const conversations: Record<'meta' | 'classic', Ask[]> = {
  meta: [
    ...everywhere,
    [Verb.metaGet, 'cold', { tokens: ' N30 f c t v' }],
    [Verb.metaDelete, 'a', { tokens: ' I T30' }],
    [Verb.getConfirmed, 'none', { keys: ['a', 'none', 'cold'] }],
    [Verb.getConfirmed, 'n', { keys: ['none', 'n'] }],
    [Verb.setQuietly, '', { members: [member('p', 'HD O19\r\n'), member('q', 'MN\r\n'), member('r', '')] }],
  ],
  classic: everywhere,
};
