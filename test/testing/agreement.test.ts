/**
 * Beyond the table: what the in-process server says to conversations made at random is what the real memcached says,
 * CAS ids included, and how the bytes are cut into chunks changes nothing.
 */
import { connect } from 'node:net';
import fc from 'fast-check';
import { Counters } from '../../lib/testing/counters.js';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';
import { Session } from '../../lib/testing/session.js';
import { Store } from '../../lib/testing/store.js';
import type { House } from '../../lib/testing/turn.js';
import { RawSocket } from '../support/raw-socket.js';
import { memcachedVersion, RealMemcached } from '../support/real-memcached.js';
import { command } from './conversations.js';

const STOP = 'verbosity 1\r\n';
const STOPPED = 'OK\r\n';

/**
 * Its own thread for ageing items holds an item for a while after some reads, and a counter that is held then is
 * stored anew instead of in place, without the spaces behind it: chance, as far as a client can see.
 */
const WITHOUT_CHANCE = { args: ['-o', 'no_lru_maintainer'] };

/** The answers to each command, asked one at a time: what a server does with several at once may depend on chance. */
async function answers(socket: RawSocket, commands: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for (const each of commands) {
    all.push(await socket.ask(`${each}${STOP}`, (received) => received.endsWith(STOPPED)));
  }
  socket.destroy();
  return all.map(withoutAges);
}

/** Ages depend on the second they are asked in. */
function withoutAges(answer: string): string {
  return answer.replace(/ la=\d+/g, ' la=').replace(/ exp=-\d{4,}/g, ' exp=');
}

(memcachedVersion === '1.6.18' ? describe : describe.skip)(
  `the in-process memcached and the real 1.6.18 (this machine has ${memcachedVersion || 'none'})`,
  () => {
    it('give the same answers to conversations made at random', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 40, maxLength: 60 }), async (commands) => {
          const real = await RealMemcached.start(WITHOUT_CHANCE);
          const ours = await TestMemcached.start();
          try {
            const [theirs, mine] = await Promise.all([
              answers(new RawSocket(await real.connect()), commands),
              answers(new RawSocket(connect(ours.port, '127.0.0.1')), commands),
            ]);
            expect(mine.map((answer, index) => [commands[index], answer])).toEqual(
              theirs.map((answer, index) => [commands[index], answer]),
            );
          } finally {
            await real.stop();
            await ours.close();
          }
        }),
        { numRuns: 15, interruptAfterTimeLimit: 30_000, endOnFailure: true },
      );
    }, 60_000);

    it('count the same things in stats', async () => {
      const script = [
        'set a 0 0 1\r\nx\r\nget a b\r\ngets a\r\ngat 10 a b\r\ntouch a 0\r\ntouch none 0\r\n',
        'mg a v\r\nmg b v\r\nmg a T0\r\nmg b T0\r\nmg c N0\r\nmg c u\r\nmd a C999\r\nmd none\r\nmd a I\r\ndelete c\r\ndelete c\r\n',
        'set n 0 0 1\r\n1\r\nincr n 1\r\ndecr n 1\r\nincr x 1\r\ndecr x 1\r\nma n\r\nma x\r\nma n MD\r\nma x MD\r\nma x N0\r\n',
        'cas n 0 0 1 1\r\nx\r\ncas none 0 0 1 1\r\nx\r\nms n 1 C1\r\nx\r\nms n 1 MA\r\nx\r\nadd n 0 0 1\r\nx\r\nms bad 3\r\nabcdef\r\n',
        `me n\r\nme none\r\nset k 0 0 2000000\r\n${'x'.repeat(2_000_000)}\r\nflush_all x\r\n`,
      ];
      const counted = [
        ...[
          'cmd_get',
          'cmd_set',
          'cmd_flush',
          'cmd_touch',
          'cmd_meta',
          'get_hits',
          'get_misses',
          'touch_hits',
          'touch_misses',
        ],
        ...[
          'delete_hits',
          'delete_misses',
          'incr_hits',
          'incr_misses',
          'decr_hits',
          'decr_misses',
          'cas_hits',
          'cas_misses',
        ],
        ...[
          'cas_badval',
          'store_too_large',
          'store_no_memory',
          'curr_items',
          'bytes',
          'total_items',
          'limit_maxbytes',
        ],
      ];
      const real = await RealMemcached.start();
      const ours = await TestMemcached.start();
      try {
        const [theirs, mine] = await Promise.all(
          [new RawSocket(await real.connect()), new RawSocket(connect(ours.port, '127.0.0.1'))].map(
            async (socket) => {
              for (const lines of script)
                await socket.ask(`${lines}${STOP}`, (received) => received.endsWith(STOPPED));
              const stats = await socket.ask('stats\r\n', (received) => received.endsWith('END\r\n'));
              socket.destroy();
              return counted.map(
                (name) => new RegExp(`^STAT ${name} \\d+`, 'm').exec(stats)?.[0] ?? `no ${name}`,
              );
            },
          ),
        );
        expect(mine).toEqual(theirs);
        expect(counted.map((name) => `STAT ${name} ${ours.stats[name]}`)).toEqual(theirs);
      } finally {
        await real.stop();
        await ours.close();
      }
    });
  },
);

/** Everything a session says to `chunks`, with what it was asked to run. */
function conversation(chunks: readonly Buffer[], settings: Partial<House> = {}): string {
  const house: House = {
    store: new Store(new ManualClock(), 64 * 1024 ** 2, 1024 ** 2),
    counters: new Counters(),
    version: '1.6.18',
    modern: false,
    meta: true,
    auth: undefined,
    stats: () => undefined,
    ...settings,
  };
  let said = '';
  const session = new Session(house, {
    command: (line) => {
      said += `> ${line}\n`;
    },
    reply: ({ parts }) => {
      for (const part of parts) said += typeof part === 'string' ? part : part.toString('latin1');
    },
    close: () => {
      said += 'closed';
    },
  });
  for (const chunk of chunks) session.feed(chunk);
  return said;
}

/** `bytes` cut at the given places, which may lie anywhere. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

describe('a session', () => {
  const stream = fc
    .array(command, { minLength: 1, maxLength: 12 })
    .map((commands) => Buffer.from(commands.join(''), 'latin1'));

  it('says the same however the bytes are cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (bytes, places, modern) => {
        expect(conversation(cut(bytes, places), { modern })).toBe(conversation([bytes], { modern }));
      }),
      { numRuns: 300 },
    );
  });

  it('says the same when the bytes come one by one', () => {
    fc.assert(
      fc.property(stream, fc.boolean(), (bytes, meta) => {
        expect(conversation(cut(bytes, [...bytes.keys()]), { meta })).toBe(conversation([bytes], { meta }));
      }),
      { numRuns: 100 },
    );
  });

  it('says the same while it asks for a password', () => {
    const bytes = Buffer.from(
      'mn\r\nset x 0 0 4\r\na b\n\r\nset x 0 0 5\r\nme it\r\nset k 0 0 1\r\nv\r\nget k\r\n',
    );
    const auth = { user: 'me', password: 'it' };
    const whole = conversation([bytes], { auth });
    expect(whole).toContain('CLIENT_ERROR unauthenticated\r\n');
    expect(whole).toContain('VALUE k 0 1\r\nv\r\nEND\r\n');
    for (let place = 0; place <= bytes.length; place++) {
      expect(conversation(cut(bytes, [place]), { auth })).toBe(whole);
    }
  });

  it('survives any bytes at all', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        conversation(chunks.map((chunk) => Buffer.from(chunk)));
      }),
      { numRuns: 200 },
    );
  });

  it('reads a megabyte in crumbs as fast as in one piece, within a factor', () => {
    const value = Buffer.alloc(1_000_000, 'x');
    const bytes = Buffer.concat([Buffer.from('set a 0 0 1000000\r\n'), value, Buffer.from('\r\nmg a s\r\n')]);
    const crumbs = cut(
      bytes,
      Array.from({ length: 100_000 }, (_, index) => index * 10),
    );
    const line = Buffer.from(`get ${'key '.repeat(250_000)}\r\n`);
    const crumbsOfLine = cut(
      line,
      Array.from({ length: 100_000 }, (_, index) => index * 10),
    );
    const started = performance.now();
    expect(conversation(crumbs)).toContain('HD s1000000\r\n');
    expect(conversation(crumbsOfLine)).toContain('END\r\n');
    // Quadratic buffering takes minutes for this; the bound is far from both.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
