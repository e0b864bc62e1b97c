/**
 * What memcached 1.6.18 answers, byte for byte. One table for every target: the in-process server, over TCP, a unix
 * socket and TLS, and the real memcached. Nothing here is what somebody thinks it should answer.
 *
 * `{name}` in an answer stands for a number that differs from run to run, a CAS id mostly; the same `{name}` in a
 * later line stands for that number again. `CLOSED` as the last answer: the server closes the connection.
 */
export const CLOSED = '<closed>';

export interface Behaviour {
  /** A promise in the present tense. */
  readonly promise: string;
  /** What is sent, and all that comes back for it. A number lets so many seconds pass. */
  readonly steps: readonly (readonly [send: string, answer: string] | number)[];
}

const KEY_250 = 'k'.repeat(250);
const KEY_251 = 'k'.repeat(251);
const BAD_LINE = 'CLIENT_ERROR bad command line format\r\n';
const x = (length: number) => 'x'.repeat(length);

export const behaviours: readonly Behaviour[] = [
  // ---- classic: storing and reading ----
  {
    promise: 'set stores, get reads, a miss is END',
    steps: [
      ['get a\r\n', 'END\r\n'],
      ['set a 5 0 3\r\nabc\r\n', 'STORED\r\n'],
      ['get a\r\n', 'VALUE a 5 3\r\nabc\r\nEND\r\n'],
      ['gets a\r\n', 'VALUE a 5 3 {cas}\r\nabc\r\nEND\r\n'],
      ['set a 0 0 0\r\n\r\n', 'STORED\r\n'],
      ['get a\r\n', 'VALUE a 0 0\r\n\r\nEND\r\n'],
    ],
  },
  {
    promise: 'get returns several keys in the order asked, doubled ones twice, missing ones not at all',
    steps: [
      ['set a 0 0 1\r\na\r\nset b 0 0 1\r\nb\r\n', 'STORED\r\nSTORED\r\n'],
      ['get b none a b\r\n', 'VALUE b 0 1\r\nb\r\nVALUE a 0 1\r\na\r\nVALUE b 0 1\r\nb\r\nEND\r\n'],
      ['get  a   \r\n', 'VALUE a 0 1\r\na\r\nEND\r\n'],
      [`get ${'none '.repeat(40)}b\r\n`, 'VALUE b 0 1\r\nb\r\nEND\r\n'],
    ],
  },
  {
    promise: 'a value may hold line ends and words of the protocol',
    steps: [
      ['set a 0 0 16\r\nEND\r\nVALUE a 0\r\n\r\n', 'STORED\r\n'],
      ['get a\r\n', 'VALUE a 0 16\r\nEND\r\nVALUE a 0\r\n\r\nEND\r\n'],
    ],
  },
  {
    promise: 'add, replace, append and prepend look at what is there',
    steps: [
      ['replace a 0 0 1\r\nx\r\nappend a 0 0 1\r\nx\r\nprepend a 0 0 1\r\nx\r\n', 'NOT_STORED\r\n'.repeat(3)],
      ['add a 7 0 1\r\nb\r\nadd a 0 0 1\r\nc\r\n', 'STORED\r\nNOT_STORED\r\n'],
      ['append a 9 9 1\r\nc\r\nprepend a 9 9 1\r\na\r\n', 'STORED\r\nSTORED\r\n'],
      ['get a\r\n', 'VALUE a 7 3\r\nabc\r\nEND\r\n'],
      ['replace a 0 0 1\r\nz\r\nget a\r\n', 'STORED\r\nVALUE a 0 1\r\nz\r\nEND\r\n'],
    ],
  },
  {
    promise: 'cas stores only what nobody changed',
    steps: [
      ['cas a 0 0 1 1\r\nx\r\n', 'NOT_FOUND\r\n'],
      ['set a 0 0 1\r\nx\r\ngets a\r\n', 'STORED\r\nVALUE a 0 1 {cas}\r\nx\r\nEND\r\n'],
      ['cas a 0 0 1 {cas}\r\ny\r\n', 'STORED\r\n'],
      ['cas a 0 0 1 {cas}\r\nz\r\n', 'EXISTS\r\n'],
      ['cas a 0 0 1 0\r\nz\r\n', 'EXISTS\r\n'],
      ['get a\r\n', 'VALUE a 0 1\r\ny\r\nEND\r\n'],
    ],
  },
  {
    promise: 'flags are taken modulo 2^32, negative ones are refused and the data run as a command',
    steps: [
      ['set a 4294967295 0 1\r\nx\r\nget a\r\n', 'STORED\r\nVALUE a 4294967295 1\r\nx\r\nEND\r\n'],
      ['set a 4294967297 0 1\r\nx\r\nget a\r\n', 'STORED\r\nVALUE a 1 1\r\nx\r\nEND\r\n'],
      ['set a -1 0 1\r\nx\r\n', `${BAD_LINE}ERROR\r\n`],
      ['set a 18446744073709551616 0 1\r\nx\r\n', `${BAD_LINE}ERROR\r\n`],
    ],
  },
  {
    promise: 'noreply keeps back plain answers, errors included',
    steps: [
      ['set a 0 0 1 noreply\r\nx\r\nadd a 0 0 1 noreply\r\ny\r\nget a\r\n', 'VALUE a 0 1\r\nx\r\nEND\r\n'],
      ['incr a 1 noreply\r\ntouch a 5 noreply\r\ndelete a noreply\r\nget a\r\n', 'END\r\n'],
      ['flush_all noreply\r\nverbosity 1 noreply\r\nincr a x noreply\r\nmn\r\n', 'MN\r\n'],
      ['set a 0 x 1 noreply\r\nmn\r\n', 'MN\r\n'],
      ['set a 0 0 1 noreply\r\ntoo long\r\nmn\r\n', 'ERROR\r\nMN\r\n'],
      ['set a 0 0 1 somewhat\r\nx\r\n', 'STORED\r\n'],
    ],
  },
  // ---- classic: keys, lines, data blocks ----
  {
    promise: 'a key has 250 bytes at most; a longer one to set runs the data as a command',
    steps: [
      [`set ${KEY_250} 0 0 1\r\nx\r\nget ${KEY_250}\r\n`, `STORED\r\nVALUE ${KEY_250} 0 1\r\nx\r\nEND\r\n`],
      [`get ${KEY_251}\r\n`, BAD_LINE],
      [`get a ${KEY_251}\r\n`, BAD_LINE],
      [`set ${KEY_251} 0 0 3\r\nabc\r\n`, `${BAD_LINE}ERROR\r\n`],
      [`set ${KEY_251} 0 0 2\r\nmn\r\n`, `${BAD_LINE}MN\r\n`],
      [`delete ${KEY_251}\r\n`, BAD_LINE],
      [`incr ${KEY_251} 1\r\n`, BAD_LINE],
      [`touch ${KEY_251} 1\r\n`, BAD_LINE],
    ],
  },
  {
    promise: 'keys may hold control characters and bytes above 127, a tab included',
    steps: [
      [
        'set a\x01\xff\t 0 0 1\r\nx\r\nget a\x01\xff\t\r\n',
        'STORED\r\nVALUE a\x01\xff\t 0 1\r\nx\r\nEND\r\n',
      ],
      ['get\ta\r\n', 'ERROR\r\n'],
    ],
  },
  {
    promise: 'a data block that does not end where it should is an error, and its rest a command',
    steps: [
      ['set a 0 0 3\r\nabcdef\r\n', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
      ['set a 0 0 1\r\nabc\r\n', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
      ['set a 0 0 3\r\nab\r\nmn\r\n', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
      ['set a 0 0 1\r\nx\nmn\r\n', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
      ['ms a 3 q\r\nabcdef\r\n', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
      ['get a\r\n', 'END\r\n'],
    ],
  },
  {
    promise: 'an unreadable length leaves the data to be run as a command',
    steps: [
      ['set a 0 0 abc\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
      ['set a 0 0 -1\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
      ['set a 0 0 4294967298\r\nmn\r\n', 'STORED\r\n'],
      ['set a 0 1.5 2\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
      ['set a 0 0 2x\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
      ['set a 0 0 +2\r\nmn\r\n', 'STORED\r\n'],
      ['cas a 0 0 2 x\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
    ],
  },
  {
    promise: 'too few or too many words are an ERROR',
    steps: [
      [
        'set a 0 0\r\nset a 0 0 1 noreply b\r\ncas a 0 0 1\r\nget\r\ngat 10\r\n',
        `${'ERROR\r\n'.repeat(4)}END\r\n`,
      ],
      ['incr a\r\ndecr a 1 2 3\r\ntouch a\r\ndelete\r\ndelete a b c d\r\n', 'ERROR\r\n'.repeat(5)],
      [
        'flush_all 1 2 3\r\nverbosity\r\nms a\r\nms\r\nmg\r\nmd\r\nma\r\n',
        `ERROR\r\nERROR\r\n${BAD_LINE}${'ERROR\r\n'.repeat(4)}`,
      ],
      ['me\r\nmz a\r\nGET a\r\nx\r\nnonsense\r\n', `${BAD_LINE}${'ERROR\r\n'.repeat(4)}`],
    ],
  },
  {
    promise: 'lines may end in a bare line feed, an empty one is an ERROR',
    steps: [
      ['set a 0 0 1\nx\r\nget a\nmn\n', 'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\nMN\r\n'],
      ['\r\n\n\r\r\n', 'ERROR\r\nERROR\r\nERROR\r\n'],
      [' mn\r\n  get a\r\n', 'MN\r\nVALUE a 0 1\r\nx\r\nEND\r\n'],
      ['mn\0ignored\r\n', 'MN\r\n'],
    ],
  },
  {
    promise: 'quit and an HTTP request close without a word',
    steps: [['mn\r\nPOST / HTTP/1.1\r\nHost: a\r\n', `MN\r\n${CLOSED}`]],
  },
  {
    promise: 'quit closes, and what follows it is not run',
    steps: [['version\r\nquit\r\nversion\r\n', `VERSION 1.6.18\r\n${CLOSED}`]],
  },
  {
    promise: 'a line of more than 2 048 bytes that is no get closes the connection',
    steps: [[`gat 10 ${'a '.repeat(1500)}`, CLOSED]],
  },
  {
    promise: 'a get may be longer than any other line',
    steps: [
      [`get ${'a '.repeat(15_000)}`, ''],
      ['b\r\nmn\r\n', 'END\r\nMN\r\n'],
    ],
  },
  // ---- classic: numbers ----
  {
    promise: 'incr and decr count, wrap at 2^64, stop at 0 and keep the length with spaces',
    steps: [
      ['incr n 1\r\n', 'NOT_FOUND\r\n'],
      ['set n 0 0 2\r\n10\r\n', 'STORED\r\n'],
      ['decr n 1\r\n', '9\r\n'],
      ['get n\r\n', 'VALUE n 0 2\r\n9 \r\nEND\r\n'],
      ['incr n 90\r\n', '99\r\n'],
      ['incr n 1\r\n', '100\r\n'],
      ['decr n 1000\r\n', '0\r\n'],
      ['set n 0 0 20\r\n18446744073709551615\r\n', 'STORED\r\n'],
      ['incr n 2\r\n', '1\r\n'],
    ],
  },
  {
    promise: 'only decimal numbers can be counted, and only by decimal numbers',
    steps: [
      ['set n 0 0 3\r\nabc\r\n', 'STORED\r\n'],
      ['incr n 1\r\n', 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'],
      ['set n 0 0 0\r\n\r\n', 'STORED\r\n'],
      ['incr n 1\r\n', 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'],
      ['set n 0 0 7\r\n5 apple\r\n', 'STORED\r\n'],
      ['incr n 1\r\n', '6\r\n'],
      ['set n 0 0 20\r\n18446744073709551616\r\n', 'STORED\r\n'],
      ['incr n 1\r\n', 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'],
      [
        'incr n x\r\nincr n 1.5\r\nincr n -1\r\n',
        'CLIENT_ERROR invalid numeric delta argument\r\n'.repeat(3),
      ],
    ],
  },
  // ---- classic: the rest ----
  {
    promise: 'delete says whether there was something, and takes no delay but 0',
    steps: [
      ['set a 0 0 1\r\nx\r\ndelete a\r\ndelete a\r\n', 'STORED\r\nDELETED\r\nNOT_FOUND\r\n'],
      ['delete a 0\r\ndelete a 0 noreply\r\nmn\r\n', 'NOT_FOUND\r\nMN\r\n'],
      ['delete a 1\r\n', 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n'],
    ],
  },
  {
    promise: 'a negative TTL, one past 2^31 and a date gone by are stored and over at once',
    steps: [
      ['set a 0 -1 1\r\nx\r\nget a\r\n', 'STORED\r\nEND\r\n'],
      ['set a 0 2592001 1\r\nx\r\nget a\r\n', 'STORED\r\nEND\r\n'],
      ['set a 0 2147483648 1\r\nx\r\nget a\r\n', 'STORED\r\nEND\r\n'],
      ['set a 0 2592000 1\r\nx\r\nget a\r\n', 'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n'],
      ['set a 0 4294967296 1\r\nx\r\nmg a t\r\n', 'STORED\r\nHD t-1\r\n'],
      ['set a 0 99999999999999999999 2\r\nmn\r\n', `${BAD_LINE}MN\r\n`],
    ],
  },
  {
    promise: 'touch and gat set a new TTL and read',
    steps: [
      ['touch a 0\r\ngat 0 a\r\n', 'NOT_FOUND\r\nEND\r\n'],
      ['set a 0 100 1\r\nx\r\ntouch a 0\r\nmg a t\r\n', 'STORED\r\nTOUCHED\r\nHD t-1\r\n'],
      ['gats 0 a none a\r\n', 'VALUE a 0 1 {cas}\r\nx\r\nVALUE a 0 1 {cas}\r\nx\r\nEND\r\n'],
      ['touch a -1\r\nget a\r\n', 'TOUCHED\r\nEND\r\n'],
      ['gat x a\r\ntouch a x\r\n', 'CLIENT_ERROR invalid exptime argument\r\n'.repeat(2)],
    ],
  },
  {
    promise: 'flush_all ends what is there and nothing that comes later',
    steps: [
      ['set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\n', 'STORED\r\nOK\r\nEND\r\n'],
      ['set a 0 0 1\r\nx\r\nget a\r\n', 'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n'],
      ['flush_all 0\r\nget a\r\nflush_all x\r\n', 'OK\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\n'],
      ['set a 0 0 1\r\nx\r\nflush_all 100\r\nget a\r\n', 'STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n'],
    ],
  },
  {
    promise: 'TTLs and a delayed flush_all come true',
    steps: [
      [
        'ms short 1 T1\r\nx\r\nms long 1 T100\r\nx\r\nms touched 1 T1\r\nx\r\ntouch touched 100\r\n',
        'HD\r\nHD\r\nHD\r\nTOUCHED\r\n',
      ],
      ['md long I T1\r\nms stale 1\r\nx\r\nmd stale I T50\r\n', 'HD\r\nHD\r\nHD\r\n'],
      2.2,
      ['get short long touched\r\nmg stale\r\n', 'VALUE touched 0 1\r\nx\r\nEND\r\nHD X W\r\n'],
      ['flush_all 2\r\nget touched\r\n', 'OK\r\nVALUE touched 0 1\r\nx\r\nEND\r\n'],
      3.2,
      [
        'get touched\r\nset touched 0 0 1\r\ny\r\nget touched\r\n',
        'END\r\nSTORED\r\nVALUE touched 0 1\r\ny\r\nEND\r\n',
      ],
    ],
  },
  {
    promise: 'version, verbosity, shutdown and sub-commands of stats answer as known',
    steps: [
      ['version\r\nverbosity 1\r\nverbosity x\r\n', `VERSION 1.6.18\r\nOK\r\n${BAD_LINE}`],
      ['shutdown\r\nstats nonsense\r\nstats reset\r\n', 'ERROR: shutdown not enabled\r\nERROR\r\nRESET\r\n'],
      [
        'stats detail\r\nstats sizes\r\n',
        'CLIENT_ERROR usage: stats detail on|off|dump\r\nSTAT sizes_status disabled\r\nEND\r\n',
      ],
    ],
  },
  // ---- sizes ----
  {
    promise: 'the largest item is a megabyte with its key, 59 bytes and 4 more for flags',
    steps: [
      [`set k 0 0 1048516\r\n${x(1_048_516)}\r\nmg k s\r\n`, 'STORED\r\nHD s1048516\r\n'],
      [`set k 0 0 1048517\r\n${x(1_048_517)}\r\n`, 'SERVER_ERROR object too large for cache\r\n'],
      [`set k 5 0 1048512\r\n${x(1_048_512)}\r\nmg k s f\r\n`, 'STORED\r\nHD s1048512 f5\r\n'],
      [`set k 5 0 1048513\r\n${x(1_048_513)}\r\n`, 'SERVER_ERROR object too large for cache\r\n'],
      [`set ${KEY_250} 0 0 1048267\r\n${x(1_048_267)}\r\n`, 'STORED\r\n'],
      [`set ${KEY_250} 0 0 1048268\r\n${x(1_048_268)}\r\n`, 'SERVER_ERROR object too large for cache\r\n'],
    ],
  },
  {
    promise:
      'a set or ms that is too large deletes what was there; an add does not; the stream stays in step',
    steps: [
      ['set k 0 0 1\r\nx\r\n', 'STORED\r\n'],
      [
        `add k 0 0 2000000\r\n${x(2_000_000)}\r\nget k\r\n`,
        'SERVER_ERROR object too large for cache\r\nVALUE k 0 1\r\nx\r\nEND\r\n',
      ],
      [
        `set k 0 0 2000000\r\n${x(2_000_000)}\r\nget k\r\n`,
        'SERVER_ERROR object too large for cache\r\nEND\r\n',
      ],
      ['set k 0 0 1\r\nx\r\n', 'STORED\r\n'],
      [
        `ms k 2000000 ME q O1\r\n${x(2_000_000)}\r\nget k\r\n`,
        'SERVER_ERROR object too large for cache\r\nEND\r\n',
      ],
      [`set k 0 0 2000000 noreply\r\n${x(2_000_000)}\r\nmn\r\n`, 'MN\r\n'],
    ],
  },
  {
    promise: 'an append that would grow too large is not stored',
    steps: [
      [`set k 0 0 1000000\r\n${x(1_000_000)}\r\n`, 'STORED\r\n'],
      [`append k 0 0 100000\r\n${x(100_000)}\r\nmg k s\r\n`, 'NOT_STORED\r\nHD s1000000\r\n'],
      [`ms k 100000 MP O1 k\r\n${x(100_000)}\r\n`, 'NS O1 kk\r\n'],
    ],
  },
  // ---- meta: get ----
  {
    promise: 'mg without flags says HD or EN',
    steps: [
      ['mg a\r\n', 'EN\r\n'],
      ['set a 0 0 1\r\nx\r\nmg a\r\nmg a v\r\n', 'STORED\r\nHD\r\nVA 1\r\nx\r\n'],
    ],
  },
  {
    promise: 'mg returns flags in the order asked, with v the value',
    steps: [
      ['ms a 3 F9 T100\r\nabc\r\n', 'HD\r\n'],
      ['mg a s t v h f k l O123 c\r\n', 'VA 3 s3 t{ttl} h0 f9 ka l{la} O123 c{cas}\r\nabc\r\n'],
      ['mg a h c k\r\n', 'HD h1 c{cas} ka\r\n'],
    ],
  },
  {
    promise: 'a miss names its key and opaque, in the order asked',
    steps: [
      ['mg a O123 v k t\r\nmg a k O1\r\nmg YWE= O1 b k\r\n', 'EN O123 ka\r\nEN ka O1\r\nEN O1 kYWE= b\r\n'],
    ],
  },
  {
    promise: 'q keeps back EN and HD, never a hit of mg, an NF or an error',
    steps: [
      [
        'mg a q\r\nmg a q v k O1\r\nms a 1 q\r\nx\r\nmg a q\r\nmg a q v\r\nmn\r\n',
        'HD\r\nVA 1\r\nx\r\nMN\r\n',
      ],
      ['md a q\r\nmd a q\r\nma a q\r\nmn\r\n', 'NF\r\nNF\r\nMN\r\n'],
      [
        'ms a 1 q ME\r\n5\r\nms a 1 q ME\r\nx\r\nms a 1 q C1\r\nx\r\nma a q\r\nma a q v\r\nmn\r\n',
        'NS\r\nEX\r\nMN\r\n',
      ],
      [
        'mg a q q\r\nms a 1 q z\r\nx\r\nmd a q z\r\n',
        'CLIENT_ERROR duplicate flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      ],
    ],
  },
  {
    promise: 'N makes a stub: one wins, everybody later sees Z, classic get sees an empty value',
    steps: [
      ['mg a v N30 t\r\n', 'VA 0 t30 W\r\n\r\n'],
      ['mg a v N30\r\nmg a\r\nmg a k O1\r\n', 'VA 0 Z\r\n\r\nHD Z\r\nHD ka O1 Z\r\n'],
      [
        'get a\r\nadd a 0 0 1\r\nx\r\nincr a 1\r\n',
        'VALUE a 0 0\r\n\r\nEND\r\nNOT_STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
      ],
      ['append a 0 0 1\r\nx\r\nmg a v\r\n', 'STORED\r\nVA 1\r\nx\r\n'],
    ],
  },
  {
    promise: 'flags of mg are worked through from left to right',
    steps: [
      ['mg a t N30\r\n', 'HD t-1 W\r\n'],
      ['mg b N30 T0 t\r\n', 'HD t-1 W\r\n'],
      ['mg c T0 N30 t\r\n', 'HD t30 W\r\n'],
      ['ms d 1 T20\r\nx\r\nmg d T0 R30\r\n', 'HD\r\nHD\r\n'],
      ['ms d 1 T20\r\nx\r\nmg d R30 T0 t\r\nmg d t\r\n', 'HD\r\nHD t-1 W\r\nHD t-1 Z\r\n'],
    ],
  },
  {
    promise: 'R wins once below its TTL, and never for an item without one',
    steps: [
      [
        'ms a 1 T100\r\nx\r\nmg a R30\r\nmg a R200\r\nmg a R200\r\nmg a\r\n',
        'HD\r\nHD\r\nHD W\r\nHD Z\r\nHD Z\r\n',
      ],
      ['touch a 1000\r\nmg a\r\n', 'TOUCHED\r\nHD Z\r\n'],
      ['ms a 1\r\nx\r\nmg a R1000\r\n', 'HD\r\nHD\r\n'],
    ],
  },
  {
    promise: 'md I marks stale: one wins, the rest serve, and a new value ends it',
    steps: [
      ['md a I\r\nms a 1 c\r\nx\r\n', 'NF\r\nHD c{old}\r\n'],
      [
        'md a I T30\r\nmg a v c t\r\nmg a v u s\r\n',
        'HD\r\nVA 1 c{new} t30 X W\r\nx\r\nVA 1 s1 Z X\r\nx\r\n',
      ],
      ['md a I\r\nmg a\r\nmg a\r\n', 'HD\r\nHD X W\r\nHD Z X\r\n'],
      ['ms a 1 C{old}\r\ny\r\nmg a v\r\n', 'EX\r\nVA 1 Z X\r\nx\r\n'],
      ['gets a\r\n', 'VALUE a 0 1 {now}\r\nx\r\nEND\r\n'],
      ['ms a 1 C{now}\r\nz\r\nmg a v\r\n', 'HD\r\nVA 1\r\nz\r\n'],
    ],
  },
  {
    promise: 'ms with an older CAS and I stores but stays stale and keeps its TTL',
    steps: [
      ['ms a 1 c T60\r\nx\r\n', 'HD c{old}\r\n'],
      ['md a I\r\n', 'HD\r\n'],
      ['ms a 1 C{old} I T100 c\r\ny\r\n', 'HD c{new}\r\n'],
      ['mg a v c\r\nmg a v\r\n', 'VA 1 c{new} X W\r\ny\r\nVA 1 Z X\r\ny\r\n'],
      ['ms a 1 C{new} I\r\nz\r\nmg a v t\r\n', 'HD\r\nVA 1 t-1\r\nz\r\n'],
      ['ms a 1 C18446744073709551615 I\r\nz\r\nms a 1 I\r\nz\r\nmg a\r\n', 'EX\r\nHD\r\nHD\r\n'],
    ],
  },
  {
    promise: 'append clears the stale mark, a number of the same length keeps it',
    steps: [
      ['ms a 1\r\n5\r\nmd a I\r\nma a\r\n', 'HD\r\nHD\r\nHD\r\n'],
      ['mg a v\r\n', 'VA 1 X W\r\n6\r\n'],
      ['append a 0 0 1\r\n0\r\nmg a v\r\n', 'STORED\r\nVA 2\r\n60\r\n'],
    ],
  },
  // ---- meta: set ----
  {
    promise: 'ms has five modes and takes only those',
    steps: [
      ['ms a 1 MA\r\nx\r\nms a 1 MP\r\nx\r\nms a 1 MR\r\nx\r\n', 'NS\r\nNS\r\nNS\r\n'],
      [
        'ms a 1 ME\r\nb\r\nms a 1 ME\r\nb\r\nms a 1 MA\r\nc\r\nms a 1 MP\r\na\r\nmg a v\r\n',
        'HD\r\nNS\r\nHD\r\nHD\r\nVA 3\r\nabc\r\n',
      ],
      ['ms a 1 MR\r\nx\r\nms a 1 MS\r\ny\r\n', 'HD\r\nHD\r\n'],
      ['ms a 1 MX\r\nx\r\nms a 1 Ms\r\nx\r\n', 'CLIENT_ERROR invalid mode for ms M token\r\n'.repeat(2)],
      ['ms a 1 M\r\nx\r\nms a 1 MAP\r\nx\r\n', 'CLIENT_ERROR incorrect length for M token\r\n'.repeat(2)],
    ],
  },
  {
    promise: 'ms compares with C in every mode',
    steps: [
      ['ms a 1 C1\r\nx\r\nms a 1 C1 ME c\r\nx\r\n', 'NF\r\nHD c{cas}\r\n'],
      [
        'ms a 1 C1\r\ny\r\nms a 1 C0\r\ny\r\nms a 1 MA C1\r\ny\r\nms a 1 MR C1 c k\r\ny\r\n',
        'EX\r\nEX\r\nEX\r\nEX c0 ka\r\n',
      ],
      ['ms a 1 MA C{cas} c O1\r\ny\r\n', 'HD c{cas2} O1\r\n'],
      ['ms a 1 C{cas2} k O1 T0\r\nz\r\nmg a v\r\n', 'HD ka O1\r\nVA 1\r\nz\r\n'],
    ],
  },
  {
    promise: 'a bad ms swallows its data when its length can be read, and runs it when not',
    steps: [
      [
        'ms a 2 z\r\nmn\r\nms a 2 Tx\r\nmn\r\nms a 2 Fx\r\nmn\r\n',
        `CLIENT_ERROR invalid flag\r\nCLIENT_ERROR bad token in command line format\r\n${BAD_LINE}`,
      ],
      [
        'ms a 2 k k\r\nmn\r\nms a 2 S2\r\nmn\r\nms a 2 E5\r\nmn\r\n',
        'CLIENT_ERROR duplicate flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR invalid flag\r\n',
      ],
      ['ms a\r\nms a abc\r\nmn\r\nms a -1\r\nmn\r\n', `${BAD_LINE}${BAD_LINE}MN\r\n${BAD_LINE}MN\r\n`],
      [`ms ${KEY_251} 2\r\nmn\r\n`, `${BAD_LINE}MN\r\n`],
      ['get a\r\n', 'END\r\n'],
    ],
  },
  {
    promise: 'an opaque has 31 characters at most',
    steps: [
      [`mg a O${'o'.repeat(31)}\r\n`, `EN O${'o'.repeat(31)}\r\n`],
      [`mg a O${'o'.repeat(32)}\r\n`, 'CLIENT_ERROR opaque token too long\r\n'],
      [`ms a 2 O${'o'.repeat(32)}\r\nmn\r\n`, 'CLIENT_ERROR opaque token too long\r\n'],
      [
        `md a O${'o'.repeat(32)}\r\nma a O${'o'.repeat(32)}\r\n`,
        'CLIENT_ERROR opaque token too long\r\n'.repeat(2),
      ],
      ['mg a O\r\n', 'EN O\r\n'],
    ],
  },
  {
    promise: 'hints for proxies are ignored, unknown and doubled flags are not',
    steps: [
      ['mg a Phint Lother k\r\n', 'EN ka\r\n'],
      ['mg a z\r\nmg a !\r\nmg a x\r\nmg a E1\r\n', 'CLIENT_ERROR invalid flag\r\n'.repeat(4)],
      ['mg a v v\r\nmg a T1 T2\r\nmg a \xff\r\n', 'CLIENT_ERROR duplicate flag\r\n'.repeat(3)],
      [
        'mg a Nx\r\nmg a T\r\nmg a Rx v\r\nmg a Cx\r\n',
        'CLIENT_ERROR bad token in command line format\r\n'.repeat(4),
      ],
      [`mg a${' v'.repeat(18)}\r\n`, 'CLIENT_ERROR options flags are too long\r\n'],
      [`ms a 1${' v'.repeat(18)}\r\n`, 'CLIENT_ERROR options flags too long\r\n'],
      ['set a 0 0 1\r\nx\r\nmg a C1 v\r\nms a 1 s k\r\nx\r\n', 'STORED\r\nVA 1\r\nx\r\nHD ka\r\n'],
    ],
  },
  {
    promise: 'keys in base64 come back in base64, and an appended one forgets that it was',
    steps: [
      ['ms AAEC/yAK 2 b k c\r\nab\r\n', 'HD kAAEC/yAK b c{cas}\r\n'],
      ['mg AAEC/yAK b v k O1\r\n', 'VA 2 kAAEC/yAK b O1\r\nab\r\n'],
      ['ma AAEC/wo= k b N0\r\nmd AAEC/wo= b k\r\n', 'HD kAAEC/wo= b\r\nHD kAAEC/wo= b\r\n'],
      ['ms YQ== 1 b\r\nx\r\nget a\r\nmg a k\r\n', 'HD\r\nVALUE a 0 1\r\nx\r\nEND\r\nHD kYQ== b\r\n'],
      ['ms YQ== 1 b MA k\r\ny\r\nmg YQ== b k\r\n', 'HD kYQ== b\r\nHD ka\r\n'],
      ['mg a! b\r\nmg abc b k\r\nms abc 2 b\r\nmn\r\n', 'CLIENT_ERROR error decoding key\r\n'.repeat(3)],
      ['md abc b\r\n', 'CLIENT_ERROR invalid or duplicate flag\r\n'],
    ],
  },
  // ---- meta: delete, arithmetic, debug ----
  {
    promise: 'md deletes, compares with C and names what was asked',
    steps: [
      ['md a k O1\r\nms a 1 c\r\nx\r\n', 'NF ka O1\r\nHD c{cas}\r\n'],
      ['md a C1 O1 k\r\nmg a\r\nmd a C{cas} O1 k\r\nmg a\r\n', 'EX O1 ka\r\nHD\r\nHD O1 ka\r\nEN\r\n'],
      [
        `md ${KEY_251}\r\nmd a x\r\nmd a Cx\r\n`,
        `${BAD_LINE}${'CLIENT_ERROR invalid or duplicate flag\r\n'.repeat(2)}`,
      ],
    ],
  },
  {
    promise: 'ma counts by its delta and mode and returns the number with v',
    steps: [
      ['ma n\r\nma n k O1\r\nms n 1\r\n5\r\n', 'NF\r\nNF kn O1\r\nHD\r\n'],
      [
        'ma n v\r\nma n v D5\r\nma n v MD\r\nma n v M- D3\r\nma n v M+ k O1\r\n',
        'VA 1\r\n6\r\nVA 2\r\n11\r\nVA 2\r\n10\r\nVA 1\r\n7\r\nVA 1 kn O1\r\n8\r\n',
      ],
      ['mg n v\r\n', 'VA 2\r\n8 \r\n'],
      [
        'ma n MI\r\nma n MX\r\nma n Dx\r\n',
        'HD\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid or duplicate flag\r\n',
      ],
      ['ms n 1\r\nx\r\nma n\r\n', 'HD\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n'],
    ],
  },
  {
    promise: 'ma makes a number with N, starting at J, and a made one answers even with q',
    steps: [
      ['ma n N30 J7 v t\r\n', 'VA 1 t30\r\n7\r\n'],
      ['ma n N0 v t c\r\n', 'VA 1 t{ttl} c{cas}\r\n8\r\n'],
      ['ma m N0 q\r\nma m q\r\nma m t N0\r\n', 'HD\r\nHD t-1\r\n'],
      ['ma m C1\r\nma n C{cas} v\r\n', 'EX\r\nVA 1\r\n9\r\n'],
      ['ma m T50 t\r\nmg m t\r\n', 'HD t50\r\nHD t50\r\n'],
    ],
  },
  {
    promise: 'a number that grows a digit answers with its new TTL and keeps the old one',
    steps: [
      ['ms n 1 T30\r\n9\r\nma n T0 t\r\nmg n t v\r\n', 'HD\r\nHD t-1\r\nVA 2 t30\r\n10\r\n'],
      ['ma n T0 t\r\nmg n t v\r\n', 'HD t-1\r\nVA 2 t-1\r\n11\r\n'],
    ],
  },
  {
    promise: 'me shows an item without reading it',
    steps: [
      ['me a\r\n', 'EN\r\n'],
      ['ms a 1 c\r\nx\r\n', 'HD c{cas}\r\n'],
      [
        'me a\r\nget a\r\nme a\r\n',
        'ME a exp=-1 la={la} cas={cas} fetch=no cls=1 size=61\r\nVALUE a 0 1\r\nx\r\nEND\r\nME a exp=-1 la={la2} cas={cas} fetch=yes cls=1 size=61\r\n',
      ],
      [
        `ms YQ== 1000 b F5\r\n${x(1000)}\r\nme YQ== b\r\nme a\r\n`,
        'HD\r\nME YQ== exp=-1 la={la3} cas={cas2} fetch=no cls=12 size=1064\r\nME YQ== exp=-1 la={la3} cas={cas2} fetch=no cls=12 size=1064\r\n',
      ],
      [`me ${KEY_251}\r\nme abc b\r\n`, `${BAD_LINE}${BAD_LINE}`],
    ],
  },
  {
    promise: 'mn answers MN and closes a batch of quiet commands',
    steps: [['mg a q\r\nmg b q\r\nms a 1 q\r\nx\r\nmn\r\n', 'MN\r\n']],
  },
];
