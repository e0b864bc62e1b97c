/** Requests as bytes: what each protocol sends for every command. */
import { type Request, Verb } from '../../../lib/core/command/request.js';
import { OPAQUE_MASK } from '../../../lib/core/protocol/protocol.js';
import { classic, meta, request, wire } from './support.js';

const body = { body: 'abc', bytes: 3, flags: 5, exptime: 60 };

const COMMANDS: [name: string, asked: () => Request, meta: string, classic: string | undefined][] = [
  ['get', () => request('get'), 'mg k f v O7\r\n', 'get k\r\n'],
  ['gets', () => request('gets'), 'mg k f c v O7\r\n', 'gets k\r\n'],
  ['gat', () => request('gat', 'k', { exptime: 9 }), 'mg k f v T9 O7\r\n', 'gat 9 k\r\n'],
  ['peek', () => request('peek', 'k', { tokens: ' h l' }), 'mg k f c t v h l O7\r\n', 'get k\r\n'],
  ['getBatch', () => request('getBatch', '', { keys: ['a', 'b'] }), 'get a b\r\n', 'get a b\r\n'],
  [
    'getConfirmed',
    () => request('getConfirmed', 'k', { keys: ['a', 'b'] }),
    'get a b\r\nmg k f v O7\r\n',
    undefined,
  ],
  ['set', () => request('set', 'k', body), 'ms k 3 F5 T60 O7\r\nabc\r\n', 'set k 5 60 3\r\nabc\r\n'],
  [
    'setQuietly',
    () => request('setQuietly', '', { members: ['a', 'b', 'c'].map((key) => request('set', key, body)) }),
    'ms a 3 F5 T60 q\r\nabc\r\nms b 3 F5 T60 q\r\nabc\r\nms c 3 F5 T60 O7\r\nabc\r\nmn\r\n',
    undefined,
  ],
  ['add', () => request('add', 'k', body), 'ms k 3 F5 T60 ME O7\r\nabc\r\n', 'add k 5 60 3\r\nabc\r\n'],
  [
    'replace',
    () => request('replace', 'k', body),
    'ms k 3 F5 T60 MR O7\r\nabc\r\n',
    'replace k 5 60 3\r\nabc\r\n',
  ],
  [
    'append',
    () => request('append', 'k', { body: 'abc', bytes: 3 }),
    'ms k 3 F0 T0 MA O7\r\nabc\r\n',
    'append k 0 0 3\r\nabc\r\n',
  ],
  [
    'prepend',
    () => request('prepend', 'k', { body: 'abc', bytes: 3 }),
    'ms k 3 F0 T0 MP O7\r\nabc\r\n',
    'prepend k 0 0 3\r\nabc\r\n',
  ],
  [
    'cas',
    () => request('cas', 'k', { ...body, cas: '18446744073709551615' }),
    'ms k 3 F5 T60 C18446744073709551615 O7\r\nabc\r\n',
    'cas k 5 60 3 18446744073709551615\r\nabc\r\n',
  ],
  ['delete', () => request('delete'), 'md k O7\r\n', 'delete k\r\n'],
  ['touch', () => request('touch', 'k', { exptime: 9 }), 'mg k T9 O7\r\n', 'touch k 9\r\n'],
  ['incr', () => request('incr', 'k', { delta: '2' }), 'ma k D2 v O7\r\n', 'incr k 2\r\n'],
  ['decr', () => request('decr', 'k', { delta: '2' }), 'ma k MD D2 v O7\r\n', 'decr k 2\r\n'],
  [
    'metaGet',
    () => request('metaGet', 'k', { tokens: ' N30 R5 f c t v' }),
    'mg k N30 R5 f c t v O7\r\n',
    undefined,
  ],
  [
    'metaSet',
    () => request('metaSet', 'k', { ...body, tokens: ' C9 I' }),
    'ms k 3 F5 T60 C9 I O7\r\nabc\r\n',
    undefined,
  ],
  ['metaDelete', () => request('metaDelete', 'k', { tokens: ' C9' }), 'md k C9 O7\r\n', undefined],
  ['flushAll', () => request('flushAll', ''), 'flush_all\r\n', 'flush_all\r\n'],
  ['flushAll later', () => request('flushAll', '', { exptime: 5 }), 'flush_all 5\r\n', 'flush_all 5\r\n'],
  ['stats', () => request('stats', ''), 'stats\r\n', 'stats\r\n'],
  ['stats items', () => request('stats', 'items'), 'stats items\r\n', 'stats items\r\n'],
  ['version', () => request('version', ''), 'version\r\n', 'version\r\n'],
];

describe('encoding', () => {
  test.each(COMMANDS)('%s › is one command in meta and in classic', (_name, asked, asMeta, asClassic) => {
    expect(wire(meta, asked())).toBe(asMeta);
    expect(wire(classic, asked())).toBe(asClassic);
  });

  test('every verb is in the table above', () => {
    const verbs = new Set(COMMANDS.map(([, asked]) => asked().verb));
    expect(verbs).toEqual(new Set(Object.values(Verb)));
  });

  test('nothing but many sets, which have a named one behind them, says noreply or q', () => {
    const others = COMMANDS.filter(([name]) => name !== 'setQuietly');
    const all = others.flatMap(([, asked]) => [wire(meta, asked()), wire(classic, asked())]).join('');
    expect(all).not.toMatch(/noreply| q[ \r]/);
  });

  test('every opaque has its number, up to the last', () => {
    for (const opaque of [0, 1, 255, OPAQUE_MASK]) {
      expect(wire(meta, request('get'), opaque)).toBe(`mg k f v O${opaque}\r\n`);
      expect(wire(meta, request('delete'), opaque)).toBe(`md k O${opaque}\r\n`);
    }
  });

  test('length, flags and time are those of the request, whichever of them differs from the one before', () => {
    const lines = [
      [3, 1, 60],
      [4, 1, 60],
      [4, 2, 60],
      [4, 2, 61],
      [3, 1, 60],
    ] as const;
    for (const [bytes, flags, exptime] of lines) {
      const asked = request('set', 'k', { body: 'x'.repeat(bytes), bytes, flags, exptime });
      expect(wire(meta, asked)).toBe(`ms k ${bytes} F${flags} T${exptime} O7\r\n${'x'.repeat(bytes)}\r\n`);
    }
  });

  test.each([0, 1, 2_048, 2_049, 100_000])(
    'a body of %i bytes arrives as it is, whatever is in it',
    (length) => {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
      const asked = request('set', 'k', { body: bytes, bytes: length, flags: 1 });
      const expected = `ms k ${length} F1 T0 O7\r\n${bytes.toString('latin1')}\r\n`;
      expect(wire(meta, asked) === expected).toBe(true);
      const window = new Uint8Array(bytes.buffer, bytes.byteOffset, length);
      expect(wire(meta, request('set', 'k', { body: window, bytes: length, flags: 1 })) === expected).toBe(
        true,
      );
    },
  );

  test('a key beyond ASCII is its UTF-8 bytes', () => {
    const key = Buffer.from('日本').toString('latin1');
    expect(Buffer.from(wire(classic, request('get', key))!, 'latin1').toString('utf8')).toBe('get 日本\r\n');
  });
});
