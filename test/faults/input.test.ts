/**
 * Whatever a caller hands in (I1-I9): no key, value, number, time or token ever becomes a command. It is refused
 * before a byte is written, or it comes back equal.
 */
import fc from 'fast-check';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';
import { backends, ending, type Server } from './support/stage.js';

jest.setTimeout(60_000);

const RUNS = { numRuns: 150 };
const ATTACK = '\r\nflush_all\r\n';
/** What could end a line, a block or a token. */
const spice = fc.constantFrom(
  ATTACK,
  '\r\n',
  '\n',
  ' ',
  '\0',
  '\t',
  ' noreply',
  'é',
  '日本',
  '😀',
  '\ud800',
  '\u2028',
  '\x7f',
  '\x85',
  'x'.repeat(251),
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(spice, fc.string())).map((parts) => parts.join('')),
);

/** Numbers, and things that pretend to be. */
const HOSTILE_NUMBERS: unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  -0.5,
  1.5,
  1e21,
  2 ** 53,
  -1n,
  2n ** 64n,
  '1',
  ATTACK,
  `1${ATTACK}`,
  '1 noreply',
  '0x10',
  '1e3',
  '',
  ' ',
  null,
  true,
  {},
  [],
  [1],
  new Date(0),
  Symbol.iterator,
  () => 1,
  { valueOf: () => 1, toString: () => ATTACK },
];

describe.each(backends.filter(({ available }) => available))('on $name', ({ start, protocol }) => {
  let server: Server;
  let pool: MemcachedPool;
  beforeAll(async () => {
    server = await start();
    // Its time stands still: '1' is a timeout of a millisecond, which a busy machine would let pass.
    const clock = new ManualClock({ wallNow: Date.now() });
    pool = new MemcachedPool({ nodes: server.address, protocol, clock });
    await pool.set('canary', 'alive');
  });
  afterAll(async () => {
    await pool.close();
    await server.stop();
  });
  /** No flush was ever carried out, and the one connection stayed in step all the time. */
  afterEach(async () => {
    const stats = (await pool.stats()).get(server.address)!;
    expect(stats).toMatchObject({ cmd_flush: '0' });
    expect(Number(stats.total_connections)).toBeLessThanOrEqual(3);
    expect(await pool.get('canary')).toBe('alive');
  });

  it('any key is just a key or refused as one', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (key, value) => {
        const stored = await ending(pool.set(key, value));
        if (stored !== undefined) {
          expect(stored).toMatch(value.isWellFormed() ? /^MEMCACHED_KEY$/ : /^MEMCACHED_(KEY|VALUE)$/);
          return;
        }
        expect(await pool.get(key)).toBe(value);
        expect(await pool.getMany([key, 'canary'])).toEqual(
          new Map([
            [key, value],
            ['canary', 'alive'],
          ]),
        );
        expect(await pool.delete(key)).toBe(key !== 'canary');
      }),
      RUNS,
    );
  });

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '0',
    '-1',
    '1e3',
    'NaN',
    'null',
    'undefined',
    'VALUE',
    'END',
    'mg',
    '\u{1F600}',
  ])('the key %s is a key like any other', async (key) => {
    expect(await pool.get(key)).toBeUndefined();
    await pool.setMany([
      [key, { key }],
      ['other', 1],
    ]);
    const read = await pool.getMany([key, 'other', 'missing']);
    expect(read).toEqual(
      new Map<string, unknown>([
        [key, { key }],
        ['other', 1],
      ]),
    );
    expect(await pool.deleteMany([key])).toBe(1);
  });

  it('a value full of protocol is a value', async () => {
    const values = [
      ATTACK,
      `x${ATTACK}`,
      'END\r\n',
      'VA 2 f1 O1\r\nxx\r\n',
      '\r\n'.repeat(2_000),
      `${'y'.repeat(100_000)}${ATTACK}`,
    ];
    for (const value of values) {
      await pool.set('k', value);
      expect(await pool.get('k')).toBe(value);
      await pool.set('k', Buffer.from(value));
      expect(await pool.get('k')).toEqual(Buffer.from(value));
      await pool.set('k', { [value]: value });
      expect(await pool.get('k')).toEqual({ [value]: value });
      await pool.set('k', 'a');
      await pool.append('k', value);
      await pool.prepend('k', Buffer.from(value));
      expect(await pool.get('k')).toBe(`${value}a${value}`);
    }
  });

  it('what is no number is refused wherever a number is written', async () => {
    await pool.set('n', 1);
    const lease = { key: 'n', node: server.address, cas: 1n };
    for (const hostile of HOSTILE_NUMBERS) {
      const given = hostile as never;
      const calls: [string, () => Promise<unknown>][] = [
        ['delta', () => pool.incr('n', given)],
        ['decr', () => pool.decr('n', given)],
        ['initial', () => pool.incr('fresh', 1, { initial: given })],
        ['token', () => pool.cas('n', 1, given)],
        ['ttl', () => pool.set('n', 1, { ttl: given })],
        ['touch', () => pool.touch('n', given)],
        ['gat', () => pool.gat('n', given)],
        ['timeout', () => pool.get('n', { timeout: given })],
        ['lock', () => pool.leases.read('n', { lock: given }).then(() => true)],
        ['rearm', () => pool.leases.rearm(lease, given)],
        ['lease token', () => pool.leases.release({ ...lease, cas: given })],
      ];
      for (const [what, call] of calls) {
        const end = await ending(call());
        // Some mean something: '1' is a ttl of a millisecond and a token, -1 "never" for a lease.
        const fine = [undefined, true, false, 'exists', 'missing', 'stored', 1, 0, 'MEMCACHED_UNSUPPORTED'];
        expect({ what, hostile, end: fine.includes(end as never) ? 'fine' : end }).toEqual({
          what,
          hostile,
          end: expect.stringMatching(/^(fine|MEMCACHED_(ARGUMENT|UNSAFE_NUMBER))$/),
        });
        await pool.set('n', 1);
      }
    }
    expect(await ending(pool.flushAll({ delay: ATTACK }))).toBe('MEMCACHED_ARGUMENT');
    expect(await ending(pool.stats(ATTACK))).toBe('MEMCACHED_KEY');
    expect(await ending(pool.stats('items 1'))).toBe('MEMCACHED_KEY');
  });

  it('counters hold to 2^64, and say so beyond what a number can', async () => {
    await pool.set('c', 2 ** 53 - 2);
    expect(await pool.incr('c')).toBe(2 ** 53 - 1);
    await expect(pool.incr('c')).rejects.toMatchObject({ code: 'MEMCACHED_UNSAFE_NUMBER', value: 2n ** 53n });
    expect(await pool.incr('c', 2n ** 64n - 1n - 2n ** 53n)).toBe(2n ** 64n - 1n);
    expect(await pool.incr('c', 1n)).toBe(0n);
    expect(await pool.decr('c', 5)).toBe(0);
  });

  if (protocol === 'meta') {
    it('an item with more than thirty days left keeps them when its lease is given free', async () => {
      await pool.set('long', 'v', { ttl: '60d' });
      const { cas, ttlSeconds } = (await pool.leases.read('long', { lock: '5s' }))!;
      expect(ttlSeconds).toBeGreaterThan(59 * 86_400);
      expect(await pool.leases.rearm({ key: 'long', node: server.address, cas: cas! }, ttlSeconds)).toBe(
        'stored',
      );
      expect(await pool.leases.read('long', { lock: '5s' })).toMatchObject({
        value: 'v',
        stale: true,
        won: true,
      });
    });
  }

  it('lifetimes of every size keep an item as long as they say', async () => {
    const lifetimes = [0, 1_000, '30d', 30 * 86_400_000 + 1_000, '365d', Date.UTC(2038, 0, 1) - Date.now()];
    for (const ttl of lifetimes) {
      await pool.set('t', 'v', { ttl });
      expect(await pool.get('t')).toBe('v');
    }
    for (const ttl of [-1, Date.UTC(2100, 0, 1), '40y', '9'.repeat(400)]) {
      expect(await ending(pool.set('t', 'v', { ttl }))).toBe('MEMCACHED_ARGUMENT');
    }
    expect(await pool.get('t', { timeout: '30d' })).toBe('v');
  });
});

it('every command a fuzzing caller causes is one that was meant', async () => {
  const server = await TestMemcached.start();
  const pool = new MemcachedPool({ nodes: server.address, commandTimeout: '20s' });
  await fc.assert(
    fc.asyncProperty(text, fc.anything(), fc.anything(), async (key, value, number) => {
      await Promise.allSettled([
        pool.set(key, value, { ttl: number as never }),
        pool.get(key),
        pool.incr(key, number as never),
        pool.append(key, value as never),
        pool.cas(key, value, number as never),
        pool.touch(value as never, number as never),
        pool.delete(number as never),
        pool.getMany([key, value as never]),
      ]);
    }),
    { numRuns: 300 },
  );
  const verbs = new Set(server.commands.map((line) => line.split(' ')[0]));
  expect([...verbs].filter((verb) => !['mg', 'ms', 'md', 'ma', 'get'].includes(verb!))).toEqual([]);
  expect(pool.nodes()[0]).toMatchObject({ state: 'up', pending: 0 });
  await pool.close();
  await server.close();
});
