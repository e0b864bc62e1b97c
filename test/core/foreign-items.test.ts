/** Items that another program wrote, and what another program sees of ours. */
import { connect } from 'node:net';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { RawSocket } from '../support/raw-socket.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';

const servers = [
  { name: 'memcached', available: hasMemcached, start: () => RealMemcached.start() },
  { name: 'in-process', available: true, start: () => TestMemcached.start() },
];
const cases = servers.flatMap((server) =>
  (['meta', 'classic'] as const).map((protocol) => ({ ...server, protocol })),
);

describe.each(cases)('on $name over $protocol', ({ available, start, protocol }) => {
  const promise = available ? test : test.skip;
  let server: RealMemcached | TestMemcached;
  let pool: MemcachedPool;
  let other: RawSocket;

  beforeAll(async () => {
    if (!available) return;
    server = await start();
    pool = new MemcachedPool({
      nodes: server.address,
      protocol,
      connectTimeout: '10s',
      commandTimeout: '10s',
    });
    other = new RawSocket(connect(server.port, '127.0.0.1'));
  });
  afterAll(async () => {
    other?.destroy();
    await pool?.close();
    if (server instanceof RealMemcached) await server.stop();
    else await server?.close();
  });

  const say = (text: string, end = /\r\n$/) => other.ask(text, (received) => end.test(received));
  const store = (key: string, flags: number, body: string) =>
    say(`set ${key} ${flags} 0 ${Buffer.byteLength(body)}\r\n${Buffer.from(body).toString('latin1')}\r\n`);

  promise('text without flags is text, by every way of reading', async () => {
    await store('foreign', 0, 'grüße 42');
    expect(await pool.get('foreign')).toBe('grüße 42');
    expect(await pool.gat('foreign', 0)).toBe('grüße 42');
    expect((await pool.gets('foreign'))!.value).toBe('grüße 42');
    expect(await pool.getMany(['foreign'])).toEqual(new Map([['foreign', 'grüße 42']]));
  });

  promise('an item of no bytes and no flags is nobody’s value: a miss, by every way of reading', async () => {
    await store('stub', 0, '');
    expect(await pool.get('stub')).toBeUndefined();
    expect(await pool.gat('stub', 0)).toBeUndefined();
    expect(await pool.gets('stub')).toBeUndefined();
    expect(await pool.getMany(['stub'])).toEqual(new Map());
    // Our own empty text is a value: it has flags.
    await pool.set('empty', '');
    expect(await pool.get('empty')).toBe('');
    expect(await pool.getMany(['empty'])).toEqual(new Map([['empty', '']]));
  });

  promise.each([0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 12_345])(
    'flags %i that we never write › reject that key alone and say so',
    async (flags) => {
      await store('odd', flags, 'x');
      await pool.set('ours', 1);
      const [odd, ours] = await Promise.allSettled([pool.get('odd'), pool.get('ours')]);
      expect(odd).toMatchObject({ reason: { code: 'MEMCACHED_DECODE' } });
      expect(ours).toMatchObject({ value: 1 });
      const many = await pool.getMany(['odd', 'ours']).catch((error: unknown) => error);
      expect(many).toMatchObject({ code: 'MEMCACHED_PARTIAL', values: new Map([['ours', 1]]) });
    },
  );

  promise('a counter made by another program counts, and reads as the text it is', async () => {
    await store('n', 0, '41');
    expect(await pool.incr('n')).toBe(42);
    expect(await pool.get('n')).toBe('42');
  });

  promise('a number of ours is decimal text for others, and stays a number when they count it', async () => {
    await pool.set('ours', 10);
    expect(await say('incr ours 5\r\n')).toBe('15\r\n');
    expect(await pool.get('ours')).toBe(15);
    expect(await say('get ours\r\n', /END\r\n$/)).toMatch(/^VALUE ours \d+ 2\r\n15\r\nEND/);
  });

  promise('decr pads with a space; the number is read without it', async () => {
    await pool.set('n', 100);
    expect(await pool.decr('n', 91)).toBe(9);
    expect(await say('get n\r\n', /END\r\n$/)).toMatch(/\r\n9 {1,2}\r\nEND/);
    expect(await pool.get('n')).toBe(9);
    expect(await pool.incr('n')).toBe(10);
  });

  promise('a counter wraps at 2^64 and stops at 0', async () => {
    await store('n', 0, '18446744073709551615');
    expect(await pool.incr('n', 2n)).toBe(1n);
    expect(await pool.decr('n', 5)).toBe(0);
  });

  promise('a text of ours appended to by another program is one text', async () => {
    await pool.set('text', 'ab');
    expect(await say('append text 0 0 1\r\nc\r\n')).toBe('STORED\r\n');
    expect(await pool.get('text')).toBe('abc');
  });

  promise('a cas of ours fails when another program was faster', async () => {
    await pool.set('shared', 'a');
    const { cas } = (await pool.gets('shared'))!;
    await store('shared', 0, 'theirs');
    expect(await pool.cas('shared', 'ours', cas)).toBe('exists');
    expect(await pool.get('shared')).toBe('theirs');
  });

  promise.each([
    ['a number', 5],
    ['an unsafe one', -1n],
    ['beyond 64 bits', 2n ** 64n],
    ['text', 'abc'],
    ['empty text', ''],
    ['a command', '1\r\nflush_all'],
    ['nothing', undefined],
  ])('a CAS token that is %s › is refused unless it can be one', async (name, token) => {
    await pool.set('c', 1);
    const call = pool.cas('c', 2, token as bigint);
    if (name === 'a number') expect(await call).toBe('exists');
    else await expect(call).rejects.toMatchObject({ code: 'MEMCACHED_ARGUMENT', sent: 'no' });
    expect(await pool.get('c')).toBe(1);
  });
});
