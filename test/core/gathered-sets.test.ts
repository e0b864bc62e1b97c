/** When sets of one turn leave as one, and that each is told its own end. */
import { setTimeout as wait } from 'node:timers/promises';
import { MemcachedError } from '../../lib/core/base/errors.js';
import { type Request, Verb } from '../../lib/core/command/request.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { type Ask, FedConnection, leaves } from '../faults/support/fed-connection.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';

let isFed = true;
jest.mock('../../lib/core/connection/open-socket.js', () => {
  const fake = jest.requireActual<typeof import('../faults/support/fed-connection.js')>(
    '../faults/support/fed-connection.js',
  );
  const real = jest.requireActual<typeof import('../../lib/core/connection/open-socket.js')>(
    '../../lib/core/connection/open-socket.js',
  );
  return {
    openSocket: (...given: [never, never, never, never]) =>
      isFed ? fake.fakeSocket(...given) : real.openSocket(...given),
  };
});

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `k${from + i}`);
const small = { body: 'v', bytes: 1, flags: 1 };
const sets = (from: number, to: number, facts: Partial<Request> = small): Ask[] =>
  names(from, to).map((key) => [Verb.set, key, facts]);
const of = (bytes: number) => ({ body: 'x'.repeat(bytes), bytes, flags: 1 });
const isPatient = { ...small, patience: { release: () => {} } };

const single = (key: string, opaque: number, { body, bytes } = small) =>
  `ms ${key} ${bytes} F1 T0 O${opaque}\r\n${body}\r\n`;
const singles = (from: number, to: number, opaque: number, facts = small) =>
  names(from, to)
    .map((key, i) => single(key, opaque + i, facts))
    .join('');
const quiet = (from: number, to: number, opaque: number, facts = small) =>
  `${names(from, to - 1)
    .map((key) => `ms ${key} ${facts.bytes} F1 T0 q\r\n${facts.body}\r\n`)
    .join('')}${single(`k${to - 1}`, opaque, facts)}mn\r\n`;

describe('on a server that knows meta', () => {
  test('sets of a turn leave one by one, as long as they are not very many', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, sets(0, 127))).toBe(singles(0, 127, 0));
  });

  test('what follows the first 128 of a turn leaves together, if it is many', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, sets(0, 128 + 128 + 64))).toBe(
      singles(0, 128, 0) + quiet(128, 256, 128) + quiet(256, 320, 129),
    );
  });

  test('of fewer than 64 the rest leaves one by one', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, sets(0, 128 + 63))).toBe(singles(0, 191, 0));
  });

  test('so do the turns that follow, until one brings fewer', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(0, 192));
    expect(await leaves(fed, sets(0, 64))).toBe(quiet(0, 64, 129));
    expect(await leaves(fed, sets(0, 63))).toBe(singles(0, 63, 130));
    expect(await leaves(fed, sets(0, 100))).toBe(singles(0, 100, 193));
  });

  test('no more together than Node writes from its stack', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(0, 192));
    const before = fed.dispatch([]).length;
    fed.dispatch(sets(0, 128, of(300)));
    const first = quiet(0, 50, 129, of(300));
    expect(fed.dispatch([]).slice(before)).toBe(first + quiet(50, 100, 130, of(300)));
    expect(first.length).toBeLessThanOrEqual(16_384);
    // Another one would not have fitted.
    expect(first.length + 330).toBeGreaterThan(16_384);
  });

  test('what cannot join them leaves in its place', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(0, 192));
    const asked = await leaves(fed, [
      ...sets(0, 70),
      [Verb.get, 'k3'],
      ...sets(70, 80),
      [Verb.set, 'own', isPatient],
      [Verb.add, 'new', small],
      ...sets(80, 150, of(200)),
      [Verb.set, 'long', of(513)],
      ...sets(150, 180, of(512)),
    ]);
    expect(asked).toBe(
      `${quiet(0, 70, 129)}mg k3 f v O130\r\n${singles(70, 80, 131)}${single('own', 141)}ms new 1 F1 T0 ME O142\r\nv\r\n${quiet(80, 150, 143, of(200))}${single('long', 144, of(513))}${quiet(150, 180, 145, of(512))}`,
    );
  });

  test('gets and sets never leave in one', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(0, 192));
    const gets = names(0, 65).map((key): Ask => [Verb.get, key]);
    const asked = await leaves(fed, [...sets(0, 64), ...gets, ...sets(64, 130)]);
    // The one at which the kind changes goes alone.
    expect(asked).toBe(
      `${quiet(0, 64, 129)}mg k0 f v O130\r\nget ${names(1, 64).join(' ')}\r\nmg k64 f v O131\r\n${single('k64', 132)}${quiet(65, 130, 133)}`,
    );
  });

  test('one whose late answer somebody waits for is asked by name', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(0, 192));
    const late = Object.assign(fed, { late: () => {} });
    expect(await leaves(late, sets(0, 64))).toBe(singles(0, 64, 129));
  });

  test('behind a proxy, where that is not wanted, each leaves by itself', async () => {
    const fed = new FedConnection('meta', false);
    expect(await leaves(fed, sets(0, 256))).toBe(singles(0, 256, 0));
  });

  test('under TLS, where no record may hold a part of one, each leaves by itself', async () => {
    const fed = new FedConnection('meta', true, {});
    expect(await leaves(fed, sets(0, 256))).toBe(singles(0, 256, 0));
  });

  test('without meta each leaves by itself', async () => {
    const fed = new FedConnection('classic', true);
    const each = names(0, 256).map((key) => `set ${key} 1 0 1\r\nv\r\n`);
    expect(await leaves(fed, sets(0, 256))).toBe(each.join(''));
  });

  /** k0 to k63 are asked together, confirmed by O129; nothing else is outstanding. */
  async function together(): Promise<FedConnection> {
    const fed = new FedConnection('meta', true);
    await leaves(fed, sets(1_000, 1_192));
    for (let i = 0; i <= 128; i++) fed.feed(Buffer.from(`HD O${i}\r\n`));
    fed.feed(Buffer.from('MN\r\n'));
    fed.told.length = 0;
    expect(await leaves(fed, sets(0, 64))).toBe(quiet(0, 64, 129));
    return fed;
  }
  const isWell = (fed: FedConnection) => [fed.slots, fed.bytes, fed.connection.outstanding, fed.closed];

  test('all are stored when the last is, and only then', async () => {
    const fed = await together();
    fed.feed(Buffer.from('HD O129\r'));
    expect(fed.told).toEqual(Array(64).fill([]));
    fed.feed(Buffer.from('\n'));
    expect(fed.told).toEqual(Array(64).fill(['done']));
    expect(fed.connection.outstanding).toBe(1);
    fed.feed(Buffer.from('MN\r\n'));
    expect(isWell(fed)).toEqual([0, 0, 0, undefined]);
    expect(fed.gathersSets).toBe(true);
  });

  test.each([
    ['one complaint', 'SERVER_ERROR no\r\nHD O129\r\nMN\r\n', 'MEMCACHED_SERVER', 'done'],
    ['as many as can be', `${'SERVER_ERROR no\r\n'.repeat(63)}HD O129\r\nMN\r\n`, 'MEMCACHED_SERVER', 'done'],
    ['one, about the last', 'SERVER_ERROR no\r\nMN\r\n', 'done', 'serverError no'],
    [
      'two, one of them about the last',
      'SERVER_ERROR a\r\nSERVER_ERROR no\r\nMN\r\n',
      'MEMCACHED_SERVER',
      'serverError no',
    ],
    ['one about each', `${'SERVER_ERROR no\r\n'.repeat(64)}MN\r\n`, 'MEMCACHED_SERVER', 'serverError no'],
  ])('of %s everybody is told what is known', async (_name, bytes, others, last) => {
    const fed = await together();
    fed.feed(Buffer.from(bytes));
    expect(fed.told).toEqual([...Array(63).fill([others]), [last]]);
    expect(isWell(fed)).toEqual([0, 0, 0, undefined]);
  });

  test('after a complaint each is asked by name', async () => {
    const fed = await together();
    fed.feed(Buffer.from('SERVER_ERROR no\r\nHD O129\r\nMN\r\n'));
    expect(fed.gathersSets).toBe(false);
    expect(await leaves(fed, sets(0, 256))).toBe(singles(0, 256, 130));
    expect(await leaves(fed, sets(0, 256))).toBe(singles(0, 256, 386));
  });

  test.each([
    ['no named answer', 'MN\r\n'],
    ['another opaque', 'HD O130\r\nMN\r\n'],
    ['no opaque', 'HD\r\nMN\r\n'],
    ['an end that is longer', 'HD O129\r\nMNO\r\n'],
    ['an answer to what was quiet', 'HD O128\r\nHD O129\r\nMN\r\n'],
    ['an answer too many', 'HD O129\r\nHD O129\r\nMN\r\n'],
    ['a complaint behind the named answer', 'HD O129\r\nSERVER_ERROR no\r\nMN\r\n'],
    ['more complaints than sets', `${'SERVER_ERROR no\r\n'.repeat(65)}MN\r\n`],
    ['more complaints than quiet sets', `${'SERVER_ERROR no\r\n'.repeat(64)}HD O129\r\nMN\r\n`],
    ['an answer of another kind', 'NS O129\r\nMN\r\n'],
    ['a value', 'VA 1 O129\r\nx\r\nMN\r\n'],
    ['a complaint about the line', 'CLIENT_ERROR bad data chunk\r\nHD O129\r\nMN\r\n'],
    ['a server that knows no end', 'HD O129\r\nERROR\r\n'],
  ])('%s closes the connection, and the next asks each by name', async (_name, bytes) => {
    const fed = await together();
    fed.feed(Buffer.from(bytes));
    expect(fed.closed?.kind).toBe('doubt');
    expect([fed.slots, fed.gathersSets]).toEqual([0, false]);
    const isNamed = bytes.startsWith('HD O129\r\n');
    expect(fed.told).toEqual(Array(64).fill([isNamed ? 'done' : 'MEMCACHED_PROTOCOL']));
  });

  test('an answer that is doubted elsewhere does not tell against sets', async () => {
    const fed = await together();
    fed.feed(Buffer.from('HD O129\r\nMN\r\nHD O130\r\n'));
    expect([fed.closed?.kind, fed.gathersSets]).toEqual(['doubt', true]);
  });

  test('whoever gave up is told nothing', async () => {
    const fed = await together();
    const given = new Set([3, 63]);
    fed.giveUp(...given);
    fed.feed(Buffer.from('HD O129\r\nMN\r\n'));
    fed.told.forEach((told, i) => {
      expect(told).toEqual(given.has(i) ? [] : ['done']);
    });
    expect(isWell(fed)).toEqual([0, 0, 0, undefined]);
  });

  test('when the connection is lost, those that left may be stored, the others were not sent', () => {
    const fed = new FedConnection('meta', true);
    fed.dispatch(sets(0, 128 + 128 + 70));
    fed.end();
    expect(fed.told).toEqual(Array(326).fill(['MEMCACHED_CONNECTION']));
    expect([fed.unsent, fed.slots, fed.bytes]).toEqual([70, 0, 0]);
  });
});

interface Server {
  readonly address: string;
  stop(): Promise<void>;
}

async function withPool(server: Server, use: (pool: MemcachedPool) => Promise<void>): Promise<void> {
  isFed = false;
  const pool = new MemcachedPool({ nodes: server.address, commandTimeout: '10s' });
  try {
    await use(pool);
  } finally {
    await pool.close();
    await server.stop();
    isFed = true;
  }
}

function behaves(start: () => Promise<Server>): void {
  test('a thousand sets at once are all stored, the last one of a key last', async () => {
    await withPool(await start(), async (pool) => {
      const value = (i: number) => `${i}:${'é'.repeat(i % 40)}`;
      await Promise.all(names(0, 1_000).map((key, i) => pool.set(key, value(i))));
      expect(await pool.getMany(names(0, 1_000))).toEqual(
        new Map(names(0, 1_000).map((key, i) => [key, value(i)])),
      );
      const buffers = names(0, 1_000).map((_, i) => Buffer.from([0, 13, 10, i & 255]));
      await Promise.all(buffers.map((buffer, i) => pool.set(`k${i % 100}`, buffer)));
      const found = await pool.getMany(names(0, 100));
      for (let i = 0; i < 100; i++) expect(found.get(`k${i}`)).toEqual(buffers[900 + i]);
    });
  });

  test('setMany of very many tells each', async () => {
    await withPool(await start(), async (pool) => {
      const all = new Map(names(0, 2_000).map((key) => [key, key]));
      await pool.setMany(all);
      expect(await pool.getMany(all.keys())).toEqual(all);
    });
  });
}

describe('on the in-process server', () =>
  behaves(async () => {
    const server = await TestMemcached.start();
    return { address: server.address, stop: () => server.close() };
  }));

describeReal('on memcached', () => {
  behaves(() => RealMemcached.start());

  test('without memory left nothing is said to be stored that is not', async () => {
    await withPool(await RealMemcached.start({ args: ['-m', '2', '-M'] }), async (pool) => {
      const stored: string[] = [];
      const messages = new Set<string>();
      for (let round = 0; round < 8; round++) {
        const keys = names(round * 1_000, round * 1_000 + 1_000);
        const ends = await Promise.allSettled(keys.map((key) => pool.set(key, 'x'.repeat(500))));
        ends.forEach((end, i) => {
          if (end.status === 'fulfilled') stored.push(keys[i]!);
          else {
            expect(end.reason).toBeInstanceOf(MemcachedError);
            expect(end.reason).toMatchObject({
              code: 'MEMCACHED_SERVER',
              sent: 'maybe',
              node: pool.nodes()[0]!.name,
            });
            messages.add(end.reason.message.replaceAll(/\d+ of \d+/g, 'n of m').replace(/^\S+/, 'node'));
          }
        });
        await wait(1);
      }
      const found = await pool.getMany(stored);
      expect(found.size).toBe(stored.length);
      expect(stored.length).toBeGreaterThan(1_000);
      expect([...messages].sort()).toEqual([
        'node answered n of m sets of one write with SERVER_ERROR out of memory storing object; it does not say which.',
        'node answered set with SERVER_ERROR out of memory storing object',
      ]);
      expect(pool.nodes()[0]!.state).toBe('up');
    });
  });
});
