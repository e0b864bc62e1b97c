/** Answers of the meta protocol, from byte arrays: what they mean, in any pieces, and what is refused. */
import { Reply } from '../../../lib/core/command/reply.js';
import type { Verb } from '../../../lib/core/command/request.js';
import { decodeMeta } from '../../../lib/core/protocol/meta/decode.js';
import { Doubt, NEED_MORE } from '../../../lib/core/protocol/protocol.js';
import { type Decoded, decode, MAX_VALUE, meta, request, splits } from './support.js';

type VerbName = keyof typeof Verb;

const hit = { kind: 'value', flags: 5, body: 'abc' };

const ANSWERS: [verb: VerbName, bytes: string, expected: Decoded[]][] = [
  ['get', 'VA 3 f5 O7\r\nabc\r\n', [hit as Decoded]],
  ['get', 'VA 0 f0 O7\r\n\r\n', [{ kind: 'value', flags: 0, body: '' }]],
  ['get', 'VA 11 f1 O7\r\nEN\r\nVA 1\r\nx\r\n', [{ kind: 'value', flags: 1, body: 'EN\r\nVA 1\r\nx' }]],
  ['get', 'VA 3 f2147483647 O7\r\nabc\r\n', [{ kind: 'value', flags: 2_147_483_647, body: 'abc' }]],
  ['get', 'EN kk O7\r\n', [{ kind: 'miss' }]],
  ['get', 'EN O7\r\n', [{ kind: 'miss' }]],
  ['gat', 'VA 3 f5 O7\r\nabc\r\n', [hit as Decoded]],
  ['gat', 'EN O7\r\n', [{ kind: 'miss' }]],
  ['gets', 'VA 3 f5 c18446744073709551615 O7\r\nabc\r\n', [hit as Decoded]],
  ['set', 'HD O7\r\n', [{ kind: 'done' }]],
  ['add', 'NS O7\r\n', [{ kind: 'notStored' }]],
  ['replace', 'NS O7\r\n', [{ kind: 'notStored' }]],
  ['append', 'NS O7\r\n', [{ kind: 'notStored' }]],
  ['prepend', 'HD O7\r\n', [{ kind: 'done' }]],
  ['cas', 'HD O7\r\n', [{ kind: 'done' }]],
  ['cas', 'EX O7\r\n', [{ kind: 'exists' }]],
  ['cas', 'NF O7\r\n', [{ kind: 'miss' }]],
  ['delete', 'HD O7\r\n', [{ kind: 'done' }]],
  ['delete', 'NF O7\r\n', [{ kind: 'miss' }]],
  ['touch', 'HD O7\r\n', [{ kind: 'done' }]],
  ['touch', 'EN O7\r\n', [{ kind: 'miss' }]],
  ['incr', 'VA 2 O7\r\n11\r\n', [{ kind: 'number', text: '11' }]],
  ['incr', 'VA 20 O7\r\n18446744073709551615\r\n', [{ kind: 'number', text: '18446744073709551615' }]],
  ['decr', 'VA 2 O7\r\n9 \r\n', [{ kind: 'number', text: '9' }]],
  ['incr', 'NF O7\r\n', [{ kind: 'miss' }]],
  ['metaGet', 'HD O7\r\n', [{ kind: 'done' }]],
  ['metaGet', 'VA 3 f5 c23 t-1 O7\r\nabc\r\n', [hit as Decoded]],
  ['peek', 'VA 3 f5 c999999999999999 t30 O7\r\nabc\r\n', [hit as Decoded]],
  [
    'peek',
    'VA 3 f2147483647 c18446744073709551615 t0 O7 W\r\nabc\r\n',
    [{ kind: 'value', flags: 2_147_483_647, body: 'abc' }],
  ],
  ['peek', 'EN O7\r\n', [{ kind: 'miss' }]],
  ['metaSet', 'EX O7\r\n', [{ kind: 'exists' }]],
  ['metaDelete', 'EX O7\r\n', [{ kind: 'exists' }]],
  ['get', 'SERVER_ERROR out of memory\r\n', [{ kind: 'serverError', text: 'out of memory' }]],
  ['set', 'SERVER_ERROR\r\n', [{ kind: 'serverError', text: '' }]],
  ['incr', 'CLIENT_ERROR cannot increment\r\n', [{ kind: 'clientError', text: 'cannot increment' }]],
  ['get', 'ERROR\r\n', [{ kind: 'unknownCommand', text: '' }]],
  [
    'stats',
    'STAT a 1\r\nSTAT b\r\nEND\r\n',
    [{ kind: 'line', text: 'a 1' }, { kind: 'line', text: 'b' }, { kind: 'done' }],
  ],
  ['version', 'VERSION 1.6.18\r\n', [{ kind: 'text', text: '1.6.18' }]],
  ['flushAll', 'OK\r\n', [{ kind: 'done' }]],
];

describe('meta answers', () => {
  test.each(ANSWERS)(
    '%s › %j is understood, in one piece and in any two, and byte by byte',
    (verb, bytes, expected) => {
      for (const pieces of [[bytes], ...splits(bytes)]) {
        expect(decode(meta, request(verb), pieces)).toEqual({ replies: expected, rest: '', complete: true });
      }
    },
  );

  test.each(ANSWERS)('%s › after %j the next answer begins', (verb, bytes) => {
    expect(decode(meta, request(verb), [`${bytes}HD O8\r\n`]).rest).toBe('HD O8\r\n');
  });

  test('an answer is never complete without its last byte', () => {
    for (const [verb, bytes] of ANSWERS) {
      for (let length = 0; length < bytes.length; length++) {
        expect(decode(meta, request(verb), [bytes.slice(0, length)])).toMatchObject({ complete: false });
      }
    }
  });

  test('flags are read as a set, in any order', () => {
    const lease = (reply: Reply): Decoded => ({
      kind: 'value',
      ...{ won: reply.won, stale: reply.stale, taken: reply.taken, cas: reply.cas },
      ...{ ttl: reply.ttlSeconds, hitBefore: reply.hitBefore, idle: reply.idleSeconds, flags: reply.flags },
    });
    const common = { kind: 'value', cas: 9n, ttl: 30, hitBefore: true, idle: 4, flags: 5 };
    const read = (line: string) =>
      decode(meta, request('metaGet'), [`VA 1 ${line}\r\nx\r\n`], 7, lease).replies[0];
    expect(read('f5 c9 t30 h1 l4 O7 X W')).toEqual({ ...common, won: true, stale: true, taken: false });
    expect(read('f5 c9 t30 h1 l4 O7 Z X')).toEqual({ ...common, won: false, stale: true, taken: true });
    expect(read('W O7 l4 h1 t30 c9 f5')).toEqual({ ...common, won: true, stale: false, taken: false });
    expect(read('f5 c999999999999999 t30 h1 l4 O7')?.cas).toBe(999_999_999_999_999n);
    expect(read('f5 c18446744073709551615 t30 h1 l4 O7')?.cas).toBe(18_446_744_073_709_551_615n);
    expect(read('f0 c1 t-1 h0 l0 O7')).toMatchObject({ ttl: -1, hitBefore: false, idle: 0, cas: 1n });
  });

  test('an item is read alike, whatever stands between its flags', () => {
    const item = (reply: Reply): Decoded => ({
      kind: 'value',
      ...{ won: reply.won, stale: reply.stale, taken: reply.taken },
      ...{ cas: reply.cas, ttl: reply.ttlSeconds, flags: reply.flags },
    });
    const read = (flags: string) =>
      decode(meta, request('peek'), [`VA 1 ${flags}\r\nx\r\n`], 7, item).replies[0];
    for (const flags of ['f0', 'f5', 'f2147483647'])
      for (const cas of ['c0', 'c9', 'c999999999999999', 'c1000000000000000', 'c18446744073709551615'])
        for (const ttl of ['t0', 't-1', 't9', 't2592000']) {
          const expected = {
            ...{ kind: 'value', won: false, stale: false, taken: false },
            ...{ cas: BigInt(cas.slice(1)), ttl: Number(ttl.slice(1)), flags: Number(flags.slice(1)) },
          };
          expect(read(`${flags} ${cas} ${ttl} O7`)).toEqual(expected);
          expect(read(`${flags}  ${cas} ${ttl}  O7`)).toEqual(expected);
          expect(read(`${ttl} ${cas} ${flags} O7`)).toEqual(expected);
          expect(read(`${flags} ${cas} ${ttl} O7 W`)).toEqual({ ...expected, won: true });
          expect(read(`${flags} ${cas} ${ttl} O7 X Z`)).toEqual({ ...expected, stale: true, taken: true });
        }
  });

  test('nothing of an answer is left in the next one', () => {
    const all = (reply: Reply): Decoded => ({
      ...structuredClone({ ...reply, buffer: undefined }),
      cas: reply.cas,
      kind: 'value',
    });
    const [first] = decode(meta, request('metaGet'), ['VA 1 f5 c9 t30 O7 X W Z\r\nx\r\n'], 7, all).replies;
    expect(first).toMatchObject({ won: true, cas: 9n });
    const twice = [
      ...decode(meta, request('metaGet'), ['VA 1 f5 c9 t30 O7 X W Z\r\nx\r\n'], 7, all).replies,
      ...decode(meta, request('metaGet'), ['VA 1 O7\r\nx\r\n'], 7, all).replies,
    ];
    expect(twice[1]).toMatchObject({
      won: false,
      stale: false,
      taken: false,
      cas: undefined,
      ttlSeconds: undefined,
      flags: 0,
    });
    const reply = new Reply();
    for (const line of ['f5 c18446744073709551615 t30 O7 X W Z', 'f6 c8 t40 O7']) {
      const bytes = Buffer.from(`VA 1 ${line}\r\nx\r\n`);
      expect(decodeMeta(request('metaGet'), 7, bytes, 0, bytes.length, reply, MAX_VALUE)).toBe(bytes.length);
    }
    expect(reply).toMatchObject({
      flags: 6,
      cas: 8n,
      longCas: '',
      ttlSeconds: 40,
      won: false,
      stale: false,
      taken: false,
    });
  });

  test('double and trailing spaces of servers before 1.6.18 do no harm', () => {
    expect(decode(meta, request('get'), ['VA 3  f5  O7 \r\nabc\r\n']).replies).toEqual([hit]);
    expect(decode(meta, request('delete'), ['HD  O7 \r\n']).replies).toEqual([{ kind: 'done' }]);
    expect(decode(meta, request('get'), ['EN  O7\r\n']).replies).toEqual([{ kind: 'miss' }]);
  });

  test('flags that nobody asked for are passed over', () => {
    expect(decode(meta, request('get'), ['VA 3 kk b s3 f5 O7 Qx\r\nabc\r\n']).replies).toEqual([hit]);
  });

  test.each<[string, VerbName, string]>([
    ['another opaque', 'get', 'VA 3 f5 O8\r\nabc\r\n'],
    ['another opaque on a miss', 'get', 'EN O8\r\n'],
    ['an opaque that only begins alike', 'get', 'EN O77\r\n'],
    ['no opaque', 'get', 'VA 3 f5\r\nabc\r\n'],
    ['no opaque on a miss', 'get', 'EN\r\n'],
    ['no opaque on a confirmation', 'set', 'HD\r\n'],
    ['two opaques', 'get', 'EN O7 O7\r\n'],
    ['an empty opaque', 'get', 'EN O\r\n'],
    ['an opaque that is no number', 'get', 'EN O7a\r\n'],
    ['a length that is too short', 'get', 'VA 2 f5 O7\r\nabc\r\n'],
    ['a length that is too long', 'get', 'VA 4 f5 O7\r\nabc\r\nEN O8\r\n'],
    ['a length that is no number', 'get', 'VA x f5 O7\r\nabc\r\n'],
    ['a length that has no end', 'get', 'VA 12345678901 f5 O7\r\n'],
    ['a negative length', 'get', 'VA -1 f5 O7\r\n'],
    ['no length', 'get', 'VA f5 O7\r\nabc\r\n'],
    ['letters behind the length', 'get', 'VA 3x f5 O7\r\nabc\r\n'],
    ['more than maxValueSize', 'get', `VA ${MAX_VALUE + 1} f5 O7\r\n`],
    ['flags that are no number', 'get', 'VA 3 fx O7\r\nabc\r\n'],
    ['a CAS id that is no number', 'gets', 'VA 3 f5 c1x O7\r\nabc\r\n'],
    ['a CAS id of 21 digits', 'gets', 'VA 3 f5 c184467440737095516150 O7\r\nabc\r\n'],
    ['an item without a CAS id', 'peek', 'VA 3 f5 c t-1 O7\r\nabc\r\n'],
    ['an item without a lifetime', 'peek', 'VA 3 f5 c9 t O7\r\nabc\r\n'],
    ['an item whose lifetime is no number', 'metaGet', 'VA 3 f5 c9 t-1x O7\r\nabc\r\n'],
    ['an item of another request', 'metaGet', 'VA 3 f5 c9 t-1 O8\r\nabc\r\n'],
    ['an item of no request', 'peek', 'VA 3 f5 c9 t-1\r\nabc\r\n'],
    ['an item of two requests', 'peek', 'VA 3 f5 c9 t-1 O7 O7\r\nabc\r\n'],
    ['a carriage return inside the line', 'get', 'EN\rO7\r\n'],
    ['three letters', 'get', 'ENX O7\r\n'],
    ['an answer of another kind to get', 'get', 'HD O7\r\n'],
    ['a value for set', 'set', 'VA 1 O7\r\nx\r\n'],
    ['a miss for set', 'set', 'NF O7\r\n'],
    ['NS for set', 'set', 'NS O7\r\n'],
    ['NS for delete', 'delete', 'NS O7\r\n'],
    ['EX for get', 'get', 'EX O7\r\n'],
    ['HD for incr', 'incr', 'HD O7\r\n'],
    ['a counter that is no number', 'incr', 'VA 2 O7\r\n1x\r\n'],
    ['an empty counter', 'incr', 'VA 0 O7\r\n\r\n'],
    ['a classic value', 'get', 'VALUE k 5 3\r\nabc\r\nEND\r\n'],
    ['STORED', 'set', 'STORED\r\n'],
    ['garbage', 'get', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an empty line', 'get', '\r\n\r\n'],
    ['a bare line feed', 'get', 'SERVER_ERROR\n'],
    ['MN, which nobody asked for', 'get', 'MN O7\r\n'],
  ])('%s › is refused (%s), in whatever pieces it comes', (_name, verb, bytes) => {
    expect(() => decode(meta, request(verb), [bytes])).toThrow(Doubt);
    for (const pieces of splits(bytes)) expect(() => decode(meta, request(verb), pieces)).toThrow(Doubt);
  });

  test('a doubled answer is refused by the request that it is not for', () => {
    const { rest } = decode(meta, request('get'), ['EN O7\r\nEN O7\r\n'], 7);
    expect(() => decode(meta, request('get'), [rest], 8)).toThrow(Doubt);
  });

  test('says how many bytes an unfinished value takes, so that room can be made once', () => {
    const line = 'VA 500000 f5 O7\r\n';
    const bytes = Buffer.from(line);
    const reply = { need: 0 } as Reply;
    meta.decode(request('get'), 7, bytes, 0, bytes.length, reply);
    expect(reply.need).toBe(line.length + 500_000 + 2);
  });

  test('complaints are quoted no longer than 200 characters, without what cannot be printed', () => {
    const { replies } = decode(meta, request('get'), [`SERVER_ERROR \x07${'x'.repeat(5_000)}\r\n`]);
    expect(replies[0]).toMatchObject({ kind: 'serverError', text: expect.stringMatching(/^\?x+$/) });
    expect((replies[0]!.text as string).length).toBeLessThanOrEqual(200);
  });
});

test.each([
  ['set', 'HD O0000000007\r\n'],
  ['get', 'EN O0000000007\r\n'],
  ['peek', 'VA 3 f5 c0000009 t-1 O0000000007\r\n'],
] as const)('of %s, what an earlier read left behind is not read: %j', (verb, text) => {
  const bytes = Buffer.from(text, 'latin1');
  for (let to = 1; to < text.indexOf('\r\n') + 2; to++) {
    expect(decodeMeta(request(verb), 7, bytes, 0, to, new Reply(), MAX_VALUE)).toBe(NEED_MORE);
  }
});
