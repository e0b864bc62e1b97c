/** The right to refill a key, on the wire: won by one, filled by nobody else, never lost for good. */
import { getEventListeners } from 'node:events';
import type { LeaseReader, LentItem } from '../../lib/core/pool/leases.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';
import { describeReal, memcachedVersion, RealMemcached } from '../support/real-memcached.js';

const servers = [
  { name: 'in-process', start: async () => TestMemcached.start(), describe },
  { name: 'memcached', start: async () => RealMemcached.start(), describe: describeReal },
];

for (const { name, start, describe: describeServer } of servers) {
  describeServer(`leases on ${name}`, () => {
    let server: { address: string; stop(): Promise<void> };
    let pool: MemcachedPool;
    const options = { lock: '5s' } as const;

    beforeAll(async () => {
      server = await start();
      pool = new MemcachedPool({ nodes: server.address, commandTimeout: '10s' });
    });
    beforeEach(() => pool.flushAll());
    afterAll(async () => {
      await pool.close();
      await server.stop();
    });

    const win = async (key: string) => {
      const read = (await pool.leases.read(key, options))!;
      expect(read).toMatchObject({ won: true, value: undefined });
      return { key, node: read.node, cas: read.cas! };
    };

    /** What becomes of a read whose reader does `look` at the answer while that is lent. */
    const glimpse = (key: string, look: (item: LentItem) => boolean) =>
      new Promise<string>((resolve, reject) => {
        const seen: string[] = [];
        const reader: LeaseReader = {
          key,
          glimpsed: (item) => {
            seen.push('glimpsed');
            const enough = look(item);
            if (enough) resolve(seen.join());
            return enough;
          },
          taken: (read) => resolve(`${seen.join()} taken ${JSON.stringify(read?.value)}`),
          failed: reject,
        };
        pool.leases.readTo(reader, options);
      });

    test('readTo › shows what was found to its reader first, who may want no more of it', async () => {
      await pool.set('pair', ['head', { a: 1 }]);
      const values: unknown[] = [];
      const see = (head: string) => (item: LentItem) => {
        values.push([item.valueBehind(head), item.won, item.stale]);
        return values.at(-1) !== undefined;
      };
      expect(await glimpse('pair', see('head'))).toBe('glimpsed');
      expect(await glimpse('pair', see('other'))).toBe('glimpsed');
      expect(values).toEqual([
        [{ a: 1 }, false, false],
        [undefined, false, false],
      ]);
      expect(await glimpse('pair', () => false)).toBe('glimpsed taken ["head",{"a":1}]');
      expect(await pool.get('pair')).toEqual(['head', { a: 1 }]);
    });

    test('readTo › of which a glimpse was enough waits for nothing more', async () => {
      await pool.set('pair', ['head', 1]);
      const given = new AbortController();
      const { signal } = given;
      const failed = jest.fn();
      await new Promise<void>((resolve) => {
        const glimpsed = () => {
          resolve();
          return true;
        };
        pool.leases.readTo({ key: 'pair', glimpsed, taken: failed, failed }, { ...options, signal });
      });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      given.abort();
      await pool.get('pair');
      expect(failed).not.toHaveBeenCalled();
    });

    test('readTo › shows who has won, and nothing where nothing was found', async () => {
      expect(await glimpse('missing', () => true)).toBe(' taken undefined');
      expect((await pool.leases.read('missing', options))!.taken).toBe(true);
      await pool.set('pair', ['head', 1], { ttl: '1m' });
      await pool.leases.invalidate('pair', '1m');
      const facts: unknown[] = [];
      await glimpse('pair', (item) => facts.push(item.won, item.stale, item.valueBehind('head')) > 0);
      expect(facts).toEqual([true, true, 1]);
    });

    test('known › is forgotten when the last socket goes, before there is another', async () => {
      const own = await start();
      const ownPool = new MemcachedPool({ nodes: own.address, commandTimeout: '10s' });
      expect(await ownPool.leases.granted('key')).toBe(true);
      expect(ownPool.leases.known('key')).toBe(true);
      await own.stop();
      while (ownPool.nodes()[0]!.sockets > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(ownPool.leases.known('key')).toBeUndefined();
      await ownPool.close();
    });

    test('granted › is true where one reader really wins', async () => {
      expect(await pool.leases.granted('key')).toBe(true);
    });

    test('read › lets one of many readers win a missing key, and nobody sees a value', async () => {
      const reads = await Promise.all(Array.from({ length: 20 }, () => pool.leases.read('key', options)));
      expect(reads.filter((read) => read!.won)).toHaveLength(1);
      expect(reads.filter((read) => read!.taken)).toHaveLength(19);
      expect(reads.map((read) => read!.value)).toEqual(new Array(20).fill(undefined));
      expect(await pool.get('key')).toBeUndefined();
      expect(await pool.getMany(['key'])).toEqual(new Map());
    });

    test('fill › stores under the lease, and an empty value is a value', async () => {
      expect(await pool.leases.fill(await win('key'), '', { ttl: '1m' })).toBe('stored');
      expect(await pool.leases.read('key', options)).toMatchObject({ value: '', won: false, taken: false });
    });

    test('fill › never undoes a delete, nor what somebody else has stored', async () => {
      const deleted = await win('deleted');
      await pool.delete('deleted');
      expect(await pool.leases.fill(deleted, 'old')).toBe('missing');
      expect(await pool.get('deleted')).toBeUndefined();
      const overtaken = await win('overtaken');
      await pool.set('overtaken', 'new');
      expect(await pool.leases.fill(overtaken, 'old')).toBe('exists');
      expect(await pool.get('overtaken')).toBe('new');
    });

    test('release › lets the next reader win at once', async () => {
      expect(await pool.leases.release(await win('key'))).toBe('stored');
      await win('key');
    });

    test('refreshBelow › lets one reader win while all are served', async () => {
      await pool.set('key', 'v', { ttl: '1m' });
      const reads = await Promise.all(
        Array.from({ length: 5 }, () => pool.leases.read('key', { ...options, refreshBelow: '2m' })),
      );
      expect(reads.map((read) => read!.value)).toEqual(new Array(5).fill('v'));
      expect(reads.filter((read) => read!.won)).toHaveLength(1);
    });

    test('invalidate › keeps the value servable as stale, for one reader to refill', async () => {
      await pool.set('key', 'old', { ttl: '1m' });
      expect(await pool.leases.invalidate('key', '1m')).toBe('stored');
      const [first, second] = [
        await pool.leases.read('key', options),
        await pool.leases.read('key', options),
      ];
      expect([first, second]).toMatchObject([
        { value: 'old', stale: true, won: true },
        { value: 'old', stale: true, won: false, taken: true },
      ]);
      const lease = { key: 'key', node: first!.node, cas: first!.cas! };
      expect(await pool.leases.fill(lease, 'new', { ttl: '1m' })).toBe('stored');
      expect(await pool.leases.read('key', options)).toMatchObject({ value: 'new', stale: false });
      expect(await pool.leases.invalidate('nothing', '1m')).toBe('missing');
    });

    test('rearm › gives a refresh that failed to the next reader', async () => {
      await pool.set('key', 'old', { ttl: '1m' });
      const read = (await pool.leases.read('key', { ...options, refreshBelow: '2m' }))!;
      const lease = { key: 'key', node: read.node, cas: read.cas! };
      expect(await pool.leases.rearm(lease, read.ttlSeconds)).toBe('stored');
      expect(await pool.leases.read('key', options)).toMatchObject({ value: 'old', won: true, stale: true });
    });

    test('peek › says how an item stands and wins nothing of what is missing or fresh', async () => {
      await pool.set('key', 'v', { ttl: '1m' });
      expect(await pool.leases.peek('missing')).toBeUndefined();
      expect(await pool.leases.read('missing', options)).toMatchObject({ won: true });
      const first = await pool.leases.peek('key', { hot: true });
      expect(first).toMatchObject({
        value: 'v',
        won: false,
        stale: false,
        unchanged: false,
        hitBefore: false,
      });
      expect(first!.ttlSeconds).toBeGreaterThan(50);
      expect(await pool.leases.peek('key', { hot: true })).toMatchObject({ hitBefore: true });
    });

    test('peekMany › finds what getMany finds, and sees what is marked stale', async () => {
      await pool.setMany([
        ['a', 1],
        ['b', 2],
      ]);
      await pool.leases.invalidate('b', '1m');
      const found = await pool.leases.peekMany(['a', 'missing', 'b']);
      expect([...found.keys()].sort()).toEqual(['a', 'b']);
      expect(found.get('a')).toMatchObject({ value: 1, stale: false, won: false });
      expect(found.get('b')).toMatchObject({ value: 2, stale: true, won: true, node: server.address });
    });

    test('able › is proven, not believed', async () => {
      const modern = name === 'memcached' && isAtLeast(memcachedVersion, 1, 6, 40);
      expect(await pool.leases.able('leases', 'key')).toBe(true);
      expect(await pool.leases.able('explicitCas', 'key')).toBe(modern);
      expect(await pool.leases.able('conditionalGet', 'key')).toBe(modern);
      expect(await pool.get('key')).toBeUndefined();
    });

    test.each([-1, Number.NaN, 'soon', '31d'])('read › refuses a lock of %p', async (lock) => {
      await expect(pool.leases.read('key', { lock })).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT' });
    });
  });
}

describe('leases', () => {
  let server: TestMemcached;
  let pool: MemcachedPool;
  const start = async (options: Parameters<typeof TestMemcached.start>[0] = {}) => {
    server = await TestMemcached.start(options);
    pool = new MemcachedPool({ nodes: server.address, commandTimeout: '10s' });
  };
  afterEach(async () => {
    await pool.close();
    await server.close();
  });

  test('granted › is false on a server without meta, and a read says what is missing', async () => {
    await start({ protocol: 'classic' });
    expect(await pool.leases.granted('key')).toBe(false);
    await expect(pool.leases.read('key', { lock: '5s' })).rejects.toMatchObject({
      code: 'MEMCACHED_UNSUPPORTED',
    });
  });

  test('peek › is a plain read without meta, also for many keys at once', async () => {
    await start({ protocol: 'classic' });
    await pool.set('a', 1);
    const plain = { value: 1, cas: undefined, ttlSeconds: undefined, won: false, stale: false };
    expect(await pool.leases.peek('a')).toMatchObject(plain);
    expect(await pool.leases.peek('b', { hot: true })).toBeUndefined();
    expect(await pool.leases.peekMany(['a', 'b'])).toEqual(new Map([['a', expect.objectContaining(plain)]]));
    expect(await pool.leases.able('explicitCas', 'a')).toBe(false);
  });

  describe('on a server that can more', () => {
    beforeEach(() => start({ serverVersion: '1.6.45' }));

    test('able › says so, once per connection', async () => {
      expect(await pool.leases.able('explicitCas', 'key')).toBe(true);
      expect(await pool.leases.able('conditionalGet', 'key')).toBe(true);
      const asked = server.commands.length;
      expect(await pool.leases.able('conditionalGet', 'key')).toBe(true);
      expect(server.commands).toHaveLength(asked);
    });

    test('replace › stores under the CAS id of the caller, over what it names or where nothing is', async () => {
      const item = { key: 'key', node: server.address };
      expect(await pool.leases.replace({ ...item, expected: undefined, cas: 70n }, 'a')).toBe('stored');
      expect(await pool.leases.replace({ ...item, expected: undefined, cas: 71n }, 'b')).not.toBe('stored');
      expect(await pool.leases.replace({ ...item, expected: 69n, cas: 71n }, 'b')).toBe('exists');
      expect(await pool.gets('key')).toEqual({ value: 'a', cas: 70n });
      expect(await pool.leases.replace({ ...item, expected: 70n, cas: 71n }, 'b')).toBe('stored');
      expect(await pool.gets('key')).toEqual({ value: 'b', cas: 71n });
    });

    test('peek › is not sent what it knows', async () => {
      await pool.set('key', 'v', { ttl: '1m' });
      const { cas } = (await pool.leases.peek('key'))!;
      const again = await pool.leases.peek('key', { knownCas: cas });
      expect(again).toMatchObject({ value: undefined, unchanged: true, cas });
      await pool.set('key', 'w');
      expect(await pool.leases.peek('key', { knownCas: cas })).toMatchObject({
        value: 'w',
        unchanged: false,
      });
    });
  });

  test('read › is not sent what it knows, and is told of the right to refill all the same', async () => {
    await start({ serverVersion: '1.6.45' });
    await pool.set('key', 'v', { ttl: '10s' });
    const { cas } = (await pool.leases.peek('key'))!;
    const known = { lock: '5s', refreshBelow: '1m', knownCas: cas };
    expect(await pool.leases.read('key', known)).toMatchObject({
      value: undefined,
      unchanged: true,
      won: true,
      ttlSeconds: 10,
    });
    expect(await pool.leases.read('key', known)).toMatchObject({ unchanged: true, won: false, taken: true });
    await pool.set('key', 'w');
    expect(await pool.leases.read('key', known)).toMatchObject({ value: 'w', unchanged: false, won: false });
    await pool.delete('key');
    expect(await pool.leases.read('key', known)).toMatchObject({ unchanged: false, won: true });
  });

  test.each([' W', ' Z'])('able › needs%s in an answer without the value', async (mark) => {
    await start({ serverVersion: '1.6.45' });
    server.misbehave.alter((reply) => {
      const text = reply.toString('latin1');
      return Buffer.from(text.startsWith('HD') ? text.replace(mark, '') : text, 'latin1');
    });
    expect(await pool.leases.able('conditionalGet', 'key')).toBe(false);
    expect(pool.leases.known('key', server.address, 'conditionalGet')).toBe(false);
  });

  test('granted › is false where the syntax is known but nobody wins', async () => {
    await start();
    server.misbehave.alter((reply) => Buffer.from(reply.toString('latin1').replace(' W', ''), 'latin1'));
    expect(await pool.leases.granted('key')).toBe(false);
  });

  test.each([
    ['the call may take', { timeout: 50 }, 50],
    ['any call may take', undefined, 700],
  ])('granted › waits for a socket no longer than %s', async (_name, options, milliseconds) => {
    const clock = new ManualClock();
    server = await TestMemcached.start();
    server.misbehave.freeze();
    pool = new MemcachedPool({ nodes: server.address, clock, connectTimeout: '1h', commandTimeout: 700 });
    const granted = pool.leases.granted('key', options);
    const settled = jest.fn();
    granted.then(settled, settled);
    clock.advance(milliseconds - 1);
    await clock.settle();
    expect(settled).not.toHaveBeenCalled();
    clock.advance(1);
    await clock.settle();
    await expect(granted).rejects.toMatchObject({
      code: 'MEMCACHED_TIMEOUT',
      node: server.address,
      sent: 'no',
      message: expect.stringContaining(`within ${milliseconds} ms`),
    });
  });

  test('granted › holds nothing of its caller once there is a socket', async () => {
    await start();
    const { signal } = new AbortController();
    const granted = pool.leases.granted('key', { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    expect(await granted).toBe(true);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('granted › waits for a socket until its caller gives up', async () => {
    server = await TestMemcached.start();
    server.misbehave.freeze();
    pool = new MemcachedPool({ nodes: server.address, clock: new ManualClock() });
    const abort = new AbortController();
    const granted = pool.leases.granted('key', { signal: abort.signal });
    abort.abort();
    await expect(granted).rejects.toMatchObject({ name: 'AbortError' });
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  test('read › that was given up gives a lease it won back', async () => {
    await start();
    await pool.connect();
    const late = server.misbehave.delay(50).forCommand('mg').once();
    const abort = new AbortController();
    const read = pool.leases.read('key', { lock: '1h', signal: abort.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
    await late.stop();
    await expectSomebodyWins(pool);
  });

  test('peekMany › that was given up gives a right back that it won', async () => {
    await start();
    await pool.set('key', 'old');
    await pool.leases.invalidate('key', '1h');
    const late = server.misbehave.delay(50).forCommand('mg').once();
    const abort = new AbortController();
    const read = pool.leases.peekMany(['key'], { signal: abort.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
    await late.stop();
    await expectSomebodyWins(pool);
  });

  test('read › is not sent again when its connection died: it may have won', async () => {
    await start();
    await pool.connect();
    server.misbehave.cutAfter(0).forCommand('mg').once();
    await expect(pool.leases.read('key', { lock: '5s' })).rejects.toMatchObject({
      code: 'MEMCACHED_CONNECTION',
      sent: 'maybe',
    });
    expect(server.commands.filter((line) => line.startsWith('mg key'))).toHaveLength(1);
  });
});

/** What was given up is answered some time later. */
async function expectSomebodyWins(pool: MemcachedPool): Promise<void> {
  let winner = await pool.leases.read('key', { lock: '1h' });
  for (const end = Date.now() + 20_000; !winner!.won && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    winner = await pool.leases.read('key', { lock: '1h' });
  }
  expect(winner!.won).toBe(true);
}

function isAtLeast(version: string, ...least: number[]): boolean {
  const parts = version.split('.').map(Number);
  const differs = least.findIndex((part, i) => parts[i] !== part);
  return differs < 0 || parts[differs]! > least[differs]!;
}
