/** Answers of the classic protocol, from byte arrays: what they mean, in any pieces, and what is refused. */
import type { Reply } from '../../../lib/core/command/reply.js';
import type { Verb } from '../../../lib/core/command/request.js';
import { Doubt } from '../../../lib/core/protocol/protocol.js';
import { classic, type Decoded, decode, MAX_VALUE, meta, request, splits } from './support.js';

type VerbName = keyof typeof Verb;

const done: Decoded[] = [{ kind: 'done' }];
const miss: Decoded[] = [{ kind: 'miss' }];
const notStored: Decoded[] = [{ kind: 'notStored' }];

const ANSWERS: [verb: VerbName, bytes: string, expected: Decoded[]][] = [
  ['get', 'VALUE k 5 3\r\nabc\r\nEND\r\n', [{ kind: 'value', flags: 5, body: 'abc' }]],
  ['get', 'VALUE k 0 0\r\n\r\nEND\r\n', [{ kind: 'value', flags: 0, body: '' }]],
  ['get', 'VALUE k 1 5\r\nEND\r\n\r\nEND\r\n', [{ kind: 'value', flags: 1, body: 'END\r\n' }]],
  ['get', 'END\r\n', miss],
  ['gat', 'VALUE k 5 3\r\nabc\r\nEND\r\n', [{ kind: 'value', flags: 5, body: 'abc' }]],
  ['gets', 'VALUE k 5 3 18446744073709551615\r\nabc\r\nEND\r\n', [{ kind: 'value', flags: 5, body: 'abc' }]],
  ['set', 'STORED\r\n', done],
  ['add', 'NOT_STORED\r\n', notStored],
  ['replace', 'NOT_STORED\r\n', notStored],
  ['append', 'NOT_STORED\r\n', notStored],
  ['prepend', 'STORED\r\n', done],
  ['cas', 'STORED\r\n', done],
  ['cas', 'EXISTS\r\n', [{ kind: 'exists' }]],
  ['cas', 'NOT_FOUND\r\n', miss],
  ['delete', 'DELETED\r\n', done],
  ['delete', 'NOT_FOUND\r\n', miss],
  ['touch', 'TOUCHED\r\n', done],
  // Moxi says so.
  ['touch', 'STORED\r\n', done],
  ['touch', 'NOT_FOUND\r\n', miss],
  ['incr', '11\r\n', [{ kind: 'number', text: '11' }]],
  ['decr', '9 \r\n', [{ kind: 'number', text: '9' }]],
  ['incr', 'NOT_FOUND\r\n', miss],
  ['stats', 'END\r\n', done],
  [
    'stats',
    'STAT pid 1\r\nSTAT x y z\r\nEND\r\n',
    [{ kind: 'line', text: 'pid 1' }, { kind: 'line', text: 'x y z' }, ...done],
  ],
  ['stats', 'RESET\r\n', done],
  ['version', 'VERSION 1.4.5_4_gaa7839e\r\n', [{ kind: 'text', text: '1.4.5_4_gaa7839e' }]],
  ['flushAll', 'OK\r\n', done],
  ['get', 'SERVER_ERROR backend failure\r\n', [{ kind: 'serverError', text: 'backend failure' }]],
  ['set', 'CLIENT_ERROR bad data chunk\r\n', [{ kind: 'clientError', text: 'bad data chunk' }]],
  ['gat', 'ERROR\r\n', [{ kind: 'unknownCommand', text: '' }]],
];

describe('classic answers', () => {
  test.each(ANSWERS)(
    '%s › %j is understood, in one piece and in any two, and byte by byte',
    (verb, bytes, expected) => {
      for (const pieces of [[bytes], ...splits(bytes)]) {
        expect(decode(classic, request(verb), pieces)).toEqual({
          replies: expected,
          rest: '',
          complete: true,
        });
      }
    },
  );

  test('an answer is never complete without its last byte', () => {
    for (const [verb, bytes] of ANSWERS) {
      for (let length = 0; length < bytes.length; length++) {
        expect(decode(classic, request(verb), [bytes.slice(0, length)])).toMatchObject({ complete: false });
      }
    }
  });

  test('CAS ids are digits, not numbers: they have 64 bits', () => {
    const cas = (reply: Reply): Decoded => ({ kind: 'value', cas: reply.cas });
    const answer = 'VALUE k 5 1 18446744073709551615\r\nx\r\nEND\r\n';
    expect(decode(classic, request('gets'), [answer], 7, cas).replies).toEqual([
      { kind: 'value', cas: 18_446_744_073_709_551_615n },
    ]);
  });

  test('flags that Moxi has made negative are what they were', () => {
    expect(decode(classic, request('get'), ['VALUE k -1 1\r\nx\r\nEND\r\n']).replies[0]).toMatchObject({
      flags: 4_294_967_295,
    });
    expect(
      decode(classic, request('get'), ['VALUE k -2147483648 1\r\nx\r\nEND\r\n']).replies[0],
    ).toMatchObject({
      flags: 2_147_483_648,
    });
  });

  test.each<[string, VerbName, string]>([
    ['another key', 'get', 'VALUE j 5 3\r\nabc\r\nEND\r\n'],
    ['a key that only begins alike', 'get', 'VALUE kk 5 3\r\nabc\r\nEND\r\n'],
    ['a length that is too short', 'get', 'VALUE k 5 2\r\nabc\r\nEND\r\n'],
    ['a length that is too long', 'get', 'VALUE k 5 4\r\nabc\r\nEND\r\nEND\r\n'],
    ['a length that is no number', 'get', 'VALUE k 5 x\r\nabc\r\nEND\r\n'],
    ['a negative length', 'get', 'VALUE k 5 -3\r\nabc\r\nEND\r\n'],
    ['no length', 'get', 'VALUE k 5\r\nabc\r\nEND\r\n'],
    ['no flags', 'get', 'VALUE k\r\nabc\r\nEND\r\n'],
    ['flags that are no number', 'get', 'VALUE k x 3\r\nabc\r\nEND\r\n'],
    ['a CAS id that nobody asked for', 'get', 'VALUE k 5 3 9\r\nabc\r\nEND\r\n'],
    ['no CAS id where one was asked for', 'gets', 'VALUE k 5 3\r\nabc\r\nEND\r\n'],
    ['a CAS id that is no number', 'gets', 'VALUE k 5 3 1x\r\nabc\r\nEND\r\n'],
    ['a second value', 'get', 'VALUE k 5 1\r\na\r\nVALUE k 5 1\r\nb\r\nEND\r\n'],
    ['more than maxValueSize', 'get', `VALUE k 5 ${MAX_VALUE + 1}\r\n`],
    ['no line end behind the value', 'get', 'VALUE k 5 3\r\nabcENDxx\r\nEND\r\n'],
    ['a confirmation for get', 'get', 'STORED\r\n'],
    ['a value for set', 'set', 'VALUE k 5 3\r\nabc\r\nEND\r\n'],
    ['DELETED for set', 'set', 'DELETED\r\n'],
    ['NOT_STORED for set', 'set', 'NOT_STORED\r\n'],
    ['STORED for delete', 'delete', 'STORED\r\n'],
    ['END for delete', 'delete', 'END\r\n'],
    ['a number for set', 'set', '11\r\n'],
    ['a word that only begins alike', 'set', 'STOREDX\r\n'],
    ['a counter that is no number', 'incr', '1x\r\n'],
    ['a counter of 21 digits', 'incr', '184467440737095516150\r\n'],
    ['OK for version', 'version', 'OK\r\n'],
    ['garbage', 'get', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a bare line feed', 'get', 'END\n'],
    ['a carriage return inside a line', 'set', 'STO\rRED\r\n'],
    ['an empty line', 'delete', '\r\n'],
  ])('%s › is refused (%s), in whatever pieces it comes', (_name, verb, bytes) => {
    expect(() => decode(classic, request(verb), [bytes])).toThrow(Doubt);
    for (const pieces of splits(bytes)) expect(() => decode(classic, request(verb), pieces)).toThrow(Doubt);
  });
});

describe('a value that comes whole', () => {
  const long = 'x'.repeat(MAX_VALUE + 1);
  test.each<[string, string]>([
    ['more than maxValueSize', `VALUE k 5 ${MAX_VALUE + 1}\r\n${long}\r\nEND\r\n`],
    ['another line end behind it', `VALUE k 5 30\r\n${long.slice(0, 30)}xxEND\r\n`],
  ])('%s › is refused, for one key and for many', (_name, bytes) => {
    expect(() => decode(classic, request('get'), [bytes])).toThrow(Doubt);
    const many = request('getBatch', '', { keys: ['k', 'l'] });
    expect(() => decode(classic, many, [bytes])).toThrow(Doubt);
  });

  test('no end behind it › is refused for one key', () => {
    const bytes = `VALUE k 5 30\r\n${long.slice(0, 30)}\r\nENDED\r\n`;
    expect(() => decode(classic, request('get'), [bytes])).toThrow(Doubt);
  });
});

describe('answers for many keys', () => {
  const list = (reply: Reply): Decoded =>
    reply.more
      ? { kind: 'value', index: reply.index, body: reply.buffer.toString('latin1', reply.start, reply.end) }
      : { kind: 'miss' };
  const keys = ['a', 'b', 'c', 'b'];
  const ask = () => request('getBatch', '', { keys });
  const value = (key: string, body = key) => `VALUE ${key} 1 ${body.length}\r\n${body}\r\n`;
  const found = (...indexes: number[]) => [
    ...indexes.map((index) => ({ kind: 'value', index, body: keys[index] })),
    { kind: 'miss' },
  ];

  test.each<[string, string, number[]]>([
    ['none', 'END\r\n', []],
    ['the first', `${value('a')}END\r\n`, [0]],
    ['the last of two alike', `${value('c')}${value('b')}END\r\n`, [2, 3]],
    ['all', `${['a', 'b', 'c', 'b'].map((key) => value(key)).join('')}END\r\n`, [0, 1, 2, 3]],
  ])('%s of the keys › is told by position, in any pieces, with both protocols', (_name, bytes, indexes) => {
    for (const protocol of [classic, meta]) {
      for (const pieces of [[bytes], ...splits(bytes)]) {
        expect(decode(protocol, ask(), pieces, 7, list).replies).toEqual(found(...indexes));
      }
    }
  });

  test.each([
    ['a key that was not asked for', `${value('x')}END\r\n`],
    ['a key that had its turn', `${value('c')}${value('a')}END\r\n`],
    ['a key once more than it was asked for', `${value('a')}${value('a')}END\r\n`],
    ['a complaint inside the list', `${value('a')}SERVER_ERROR backend failure\r\n${value('b')}END\r\n`],
    ['a word inside the list', `${value('a')}STORED\r\nEND\r\n`],
  ])('%s › is refused: nobody can know what follows', (_name, bytes) => {
    for (const pieces of [[bytes], ...splits(bytes)]) {
      expect(() => decode(classic, ask(), pieces, 7, list)).toThrow(Doubt);
    }
  });

  test('a complaint instead of the list is the answer to all of it', () => {
    const { replies, rest } = decode(classic, ask(), ['SERVER_ERROR backend failure\r\n']);
    expect([replies, rest]).toEqual([[{ kind: 'serverError', text: 'backend failure' }], '']);
  });
});
