/** TTLs, on every kind of server: what is written for each, and that items live and die by it. */
import { toExptime } from '../../lib/core/command/expiry.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2024, 0, 1);
const NOW_SECONDS = NOW / 1_000;

describe('a ttl on the wire', () => {
  const clock = new ManualClock({ wallNow: NOW });

  test.each<[ttl: number | string | undefined, seconds: number]>([
    [undefined, 0],
    [0, 0],
    ['0', 0],
    ['0s', 0],
    [1, 1],
    [500, 1],
    [0.5, 1],
    ['0.5s', 1],
    [999, 1],
    [1_000, 1],
    [1_001, 2],
    ['1s', 1],
    ['10m', 600],
    ['1.5h', 5_400],
    ['7d', 604_800],
    ['2w', 1_209_600],
    ['250ms', 1],
    [' 4 S ', 4],
    [30 * DAY, 2_592_000],
    // Beyond 30 days it is a date.
    [30 * DAY + 1, NOW_SECONDS + 2_592_001],
    ['31d', NOW_SECONDS + 31 * 86_400],
    ['365d', NOW_SECONDS + 365 * 86_400],
    [(2_147_483_647 - NOW_SECONDS) * 1_000, 2_147_483_647],
  ])('%p is %i', (ttl, seconds) => {
    expect(toExptime(ttl, clock)).toBe(seconds);
  });

  test.each([
    -1,
    -0.001,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e21,
    '-5s',
    'soon',
    '',
    '5 minutes',
    '1e3',
    '0x10',
    true,
    null,
    {},
    [5],
    new Date(),
    5n,
    (2_147_483_647 - NOW_SECONDS) * 1_000 + 1,
    '100000d',
  ])('%p is refused', (ttl) => {
    expect(() => toExptime(ttl as number, clock)).toThrow(
      expect.objectContaining({ code: 'MEMCACHED_ARGUMENT', message: expect.stringMatching(/^A TTL /) }),
    );
  });

  test('a ttl beyond 2038 says what to write instead', () => {
    expect(() => toExptime('20y' as string, clock)).toThrow(/A TTL must be milliseconds/);
    expect(() => toExptime('7300d', clock)).toThrow(/ends after 2038-01-19.*use 0 for never/);
  });

  test('leap seconds and administrators only move dates: short ttls are relative', () => {
    const moving = new ManualClock({ wallNow: NOW });
    moving.leap(-DAY);
    expect(toExptime('10m', moving)).toBe(600);
    expect(toExptime('31d', moving)).toBe(NOW_SECONDS + 30 * 86_400);
  });
});

describe.each(['meta', 'classic'] as const)('items over %s', (protocol) => {
  const clock = new ManualClock({ wallNow: NOW });
  let server: TestMemcached;
  let pool: MemcachedPool;
  beforeAll(async () => {
    server = await TestMemcached.start({ clock });
    pool = new MemcachedPool({ nodes: server.address, protocol, clock });
  });
  afterAll(async () => {
    await pool.close();
    await server.close();
  });

  test.each([
    ['a second', 1_000, 1_000],
    ['half a second, rounded up', 500, 1_000],
    ['ten minutes', '10m', 600_000],
    ['thirty days', '30d', 30 * DAY],
    ['thirty days and a second', 30 * DAY + 1_000, 30 * DAY + 1_000],
    ['a year', '365d', 365 * DAY],
  ])('with %s live so long and no longer, whichever command gave it', async (name, ttl, lives) => {
    const key = name.replace(/\W/g, '-');
    await pool.set(`${key}:set`, 1, { ttl });
    await pool.add(`${key}:add`, 1, { ttl });
    await pool.set(`${key}:replace`, 0);
    await pool.replace(`${key}:replace`, 1, { ttl });
    await pool.set(`${key}:cas`, 0);
    await pool.cas(`${key}:cas`, 1, (await pool.gets(`${key}:cas`))!.cas, { ttl });
    await pool.set(`${key}:touch`, 1);
    await pool.touch(`${key}:touch`, ttl);
    await pool.set(`${key}:gat`, 1);
    await pool.gat(`${key}:gat`, ttl);
    await pool.setMany([[`${key}:many`, 1]], { ttl });
    await pool.incr(`${key}:incr`, 1, { initial: 1, ttl });
    await pool.set(`${key}:never`, 1);
    const keys = ['set', 'add', 'replace', 'cas', 'touch', 'gat', 'many', 'incr'].map(
      (how) => `${key}:${how}`,
    );
    clock.advance(lives - 1_000);
    expect([...(await pool.getMany(keys)).keys()]).toEqual(lives > 1_000 ? keys : expect.any(Array));
    clock.advance(2_000);
    expect(await pool.getMany([...keys, `${key}:never`])).toEqual(new Map([[`${key}:never`, 1]]));
  });

  test('flushAll › drops everything, with a delay only when it has passed', async () => {
    await pool.set('a', 1);
    await pool.flushAll({ delay: '10s' });
    expect(await pool.get('a')).toBe(1);
    clock.advance(12_000);
    expect(await pool.get('a')).toBeUndefined();
    await pool.set('a', 2);
    clock.advance(2_000);
    await pool.flushAll();
    expect(await pool.get('a')).toBeUndefined();
    await expect(pool.flushAll({ delay: -1 })).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT' });
  });
});
