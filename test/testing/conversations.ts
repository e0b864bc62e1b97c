/**
 * Conversations nobody would write: commands put together at random from good and bad words, on few keys, so that
 * they meet. Used to compare the in-process server with the real one, and with itself.
 */
import fc from 'fast-check';

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);

const key = oneOf('a', 'a', 'b', 'b', 'c', 'num', 'YQ==', 'AAEC', 'n\x01', '\xe9k', 'k'.repeat(250));
const longKey = fc.constant('k'.repeat(251));
const anyKey = fc.oneof({ weight: 19, arbitrary: key }, { weight: 1, arbitrary: longKey });
const value = oneOf(
  ...[
    '',
    '1',
    '9',
    '10',
    '99',
    'abc',
    '18446744073709551615',
    '5 ',
    '007',
    'a\r\nb',
    'END\r\n',
    '-1',
    '123 abc',
  ],
);
const ttl = oneOf('0', '0', '0', '100000', '-1', '2592000', '2592001', '4294967306', 'x', '', '5x', ' 3');
const number = oneOf(
  '1',
  '2',
  '0',
  '10',
  '18446744073709551615',
  '18446744073709551616',
  '-1',
  'abc',
  '+5',
  '1e3',
);
const ending = oneOf('', '', '', '', '', '', '', ' noreply', ' foo');
/** Small numbers: CAS ids count up from 1, so that some of them hit. */
const casId = fc.oneof(fc.integer({ min: 0, max: 40 }).map(String), oneOf('999999', 'x', ''));

const plainFlags = {
  mg: ['v', 'k', 'c', 'f', 's', 'h', 'q', 'u', 'O1', 'N100000', 'R30', 'R200000', 'T100000'],
  ms: ['k', 'c', 'q', 'O1', 'T100000', 'F5', 'I', 'MS', 'ME', 'MA', 'MP', 'MR'],
  md: ['q', 'k', 'O1', 'I', 'T50000'],
  ma: ['v', 'k', 'c', 'q', 'O1', 'N100000', 'J7', 'D2', 'MD', 'T100000'],
};
const oddFlag = fc.oneof(
  oneOf(...'bIPLxzS!'.split(''), '\xff', 'F5', 'Fx', 'E5', `O${'o'.repeat(31)}`, `O${'o'.repeat(32)}`),
  casId.map((id) => `C${id}`),
  fc.tuple(oneOf('N', 'T', 'R'), ttl).map(([letter, seconds]) => `${letter}${seconds.trim()}`),
  fc.tuple(oneOf('J', 'D'), number).map(([letter, amount]) => `${letter}${amount}`),
  oneOf('', 'S', 'E', 'A', 'P', 'R', 'I', 'D', '+', '-', 'e', 'AA').map((mode) => `M${mode}`),
);

function flags(verb: keyof typeof plainFlags): fc.Arbitrary<string> {
  const plain = oneOf(...plainFlags[verb]);
  const conditional = casId.map((id) => `C${id}`);
  const one = fc.oneof(
    { weight: 8, arbitrary: plain },
    { weight: 1, arbitrary: conditional },
    { weight: 1, arbitrary: oddFlag },
  );
  // Doubled letters are an error that hides everything else, so most lists are without.
  const list = fc.oneof(
    { weight: 9, arbitrary: fc.uniqueArray(one, { maxLength: 5, selector: (flag) => flag[0] }) },
    { weight: 1, arbitrary: fc.array(one, { maxLength: 4 }) },
  );
  return list.map((chosen) => chosen.map((flag) => ` ${flag}`).join(''));
}

const bytesOf = fc.oneof(
  { weight: 19, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: oneOf('abc', '-1', '1.5') },
);

/** One command with its data block, or a line that is no command. */
export const command: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        oneOf('set', 'set', 'add', 'replace', 'append', 'prepend'),
        anyKey,
        oneOf('0', '0', '5', '-1'),
        ttl,
        bytesOf,
        ending,
        value,
      )
      .map(
        ([verb, k, f, t, bytes, end, v]) => `${verb} ${k} ${f} ${t} ${bytes ?? v.length}${end}\r\n${v}\r\n`,
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyKey, casId, ending, value)
      .map(([k, id, end, v]) => `cas ${k} 0 0 ${v.length} ${id}${end}\r\n${v}\r\n`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        oneOf('get', 'gets', 'gat 0', 'gats 100000', 'gat x'),
        fc.array(anyKey, { minLength: 1, maxLength: 3 }),
      )
      .map(([verb, keys]) => `${verb} ${keys.join(' ')}\r\n`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(oneOf('incr', 'decr'), fc.oneof(fc.constant('num'), anyKey), number, ending)
      .map(([verb, k, amount, end]) => `${verb} ${k} ${amount}${end}\r\n`),
  },
  { weight: 1, arbitrary: fc.tuple(anyKey, ttl, ending).map(([k, t, end]) => `touch ${k} ${t}${end}\r\n`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyKey, oneOf('', '', ' 0', ' 1', ' noreply', ' 0 noreply'))
      .map(([k, end]) => `delete ${k}${end}\r\n`),
  },
  { weight: 4, arbitrary: fc.tuple(anyKey, flags('mg')).map(([k, f]) => `mg ${k}${f}\r\n`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyKey, bytesOf, flags('ms'), value)
      .map(([k, bytes, f, v]) => `ms ${k} ${bytes ?? v.length}${f}\r\n${v}\r\n`),
  },
  { weight: 2, arbitrary: fc.tuple(anyKey, flags('md')).map(([k, f]) => `md ${k}${f}\r\n`) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.oneof(fc.constant('num'), anyKey), flags('ma')).map(([k, f]) => `ma ${k}${f}\r\n`),
  },
  { weight: 1, arbitrary: fc.tuple(anyKey, oneOf('', '', ' b')).map(([k, end]) => `me ${k}${end}\r\n`) },
  {
    weight: 1,
    arbitrary: oneOf(
      ...[
        'mn',
        'version',
        'get',
        'mg',
        'ms a',
        'md',
        'ma',
        'me',
        'mz a',
        'foo',
        '',
        'x',
        'incr a',
        'set a 0 0',
        'GET a',
      ],
      ...[
        'gat 10',
        'gats',
        'delete',
        'delete a b c d',
        'shutdown',
        'stats detail',
        'stats foo',
        'verbosity',
        'flush_all',
      ],
      ...[
        'flush_all noreply',
        'flush_all x',
        `mg a${' v'.repeat(20)}`,
        'me a b c d e f',
        'mn\0x',
        ' mn',
        'mg  a  v',
      ],
    ).map((line) => `${line}\r\n`),
  },
);
