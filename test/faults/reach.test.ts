/**
 * Servers that cannot be reached, do not answer, say no or are something else (A1-A3, B9, B10): every call
 * fails in its time and never as a miss, nobody storms, and the way back is found without a restart.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { ManualClock } from '../../lib/testing/index.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import type { FaultProxy } from './proxy/proxy.js';
import { backends, ending, Stage, until } from './support/stage.js';
import { synBlackHole } from './support/syn-black-hole.js';

jest.setTimeout(60_000);

const meta = backends.find(({ available, protocol }) => available && protocol === 'meta')!;
const classic = backends.find(({ available, protocol }) => available && protocol === 'classic')!;

describe.each([meta, classic])('a server of $name', (backend) => {
  let stage: Stage;
  afterEach(() => stage.close());

  const auto = { protocol: 'auto' } as const;

  it.each<[string, (proxy: FaultProxy) => void, string]>([
    ['refuses', (proxy) => proxy.refuse(), 'MEMCACHED_CONNECTION'],
    ['takes connections and never answers', (proxy) => proxy.blackHole(), 'MEMCACHED_TIMEOUT'],
    ['does not even read', (proxy) => proxy.stopReading(), 'MEMCACHED_TIMEOUT'],
    ['closes every connection', (proxy) => proxy.closeOnAccept('fin'), 'MEMCACHED_CONNECTION'],
    ['resets every connection', (proxy) => proxy.closeOnAccept('reset'), 'MEMCACHED_CONNECTION'],
    ['cuts its first answer', (proxy) => proxy.handshake().cutAfter(3), 'MEMCACHED_CONNECTION'],
    [
      'answers with something else',
      (proxy) => proxy.handshake().replacedBy('HTTP/1.1 400 Bad\r\n\r\n'),
      'MEMCACHED_PROTOCOL',
    ],
    [
      'never ends its first line',
      (proxy) => proxy.handshake().replacedBy(Buffer.alloc(9_000, 'a')),
      'MEMCACHED_PROTOCOL',
    ],
    ['says more than it was asked', (proxy) => proxy.handshake().doubled(), 'MEMCACHED_PROTOCOL'],
    [
      'takes no more connections',
      (proxy) => proxy.handshake().replacedBy('ERROR Too many open connections\r\n'),
      'MEMCACHED_CONNECTION',
    ],
  ])(
    'that %s fails every call in time, is probed once per blacklist time, and is used again when well',
    async (_, fault, code) => {
      stage = await Stage.open(backend, { blacklistTime: 4_000, ...auto });
      const { proxy, pool } = stage;
      fault(proxy);
      const start = stage.clock.now();
      const first = [pool.get('k'), pool.set('k', 'v'), pool.incr('n')].map(ending);
      let isOver = false;
      void Promise.all(first).then(() => {
        isOver = true;
      });
      await stage.passUntil(() => isOver, 100);
      // A refused connect takes turns of the loop, so the steps above may add a little.
      expect(stage.clock.now() - start).toBeLessThanOrEqual(1_100);
      expect(new Set(await Promise.all(first))).toEqual(new Set([code]));
      expect(pool.nodes()[0]).toMatchObject({ state: 'blacklisted', sockets: 0, pending: 0 });

      const connects = proxy.accepted;
      for (let second = 0; second < 20; second++) {
        expect(await ending(pool.get('k'))).toBe('MEMCACHED_BLACKLISTED');
        await stage.pass(1_000);
        await pause(4);
      }
      // A probe may take two connects: a server that closes is asked again as a proxy understands it.
      expect(proxy.accepted - connects).toBeLessThanOrEqual(2 * 5);

      await proxy.heal();
      await stage.pass(500);
      const healed = stage.clock.now();
      await stage.passUntil(async () => (await ending(pool.set('k', 'v'))) === undefined, 100);
      expect(stage.clock.now() - healed).toBeLessThanOrEqual(4_000 + 2_000);
      expect(await pool.get('k')).toBe('v');
    },
  );

  it.each<[string, (proxy: FaultProxy) => void]>([
    ['says more than it was asked', (proxy) => proxy.handshake().doubled()],
    ['never ends its first line', (proxy) => proxy.handshake().replacedBy(Buffer.alloc(9_000, 'a'))],
  ])('that %s to a probe is not probed again before the next blacklist time', async (_, fault) => {
    stage = await Stage.open(backend, { blacklistTime: 4_000 });
    stage.proxy.refuse();
    expect(await ending(stage.pool.get('k'))).toBe('MEMCACHED_CONNECTION');
    await stage.proxy.heal();
    fault(stage.proxy);
    await stage.pass(4_000);
    await until(() => stage.proxy.spoilt === 1);
    for (let millisecond = 0; millisecond < 30; millisecond++) {
      await pause(2);
      await stage.pass(1);
    }
    expect(stage.proxy.accepted).toBe(1);
  });

  it('that is slow to look at a connection is waited for within the connect timeout', async () => {
    stage = await Stage.open(backend);
    stage.proxy.acceptSlowly(30);
    await stage.pool.set('k', 'v');
    expect(await stage.pool.get('k')).toBe('v');
    expect(stage.proxy.accepted).toBe(1);
  });

  it('that answers the handshake and then nothing fails its calls by their deadline', async () => {
    stage = await Stage.open(backend);
    await stage.pool.connect();
    stage.proxy.blackHole();
    const calls = [stage.pool.get('k'), stage.pool.set('k', 'v'), stage.pool.getMany(['a', 'b'])].map(ending);
    await stage.pass(500);
    expect(await Promise.all(calls)).toEqual(['MEMCACHED_TIMEOUT', 'MEMCACHED_TIMEOUT', 'MEMCACHED_PARTIAL']);
    expect(stage.pool.nodes()[0]!.state).toBe('blacklisted');
  });

  it('that hangs up half-way through its sentence fails what it owed, at once', async () => {
    stage = await Stage.open(backend, { retries: 0 });
    await stage.pool.set('k', 'v');
    stage.proxy.stall();
    const read = ending(stage.pool.get('k'));
    await until(() => stage.proxy.requests.lastIndexOf('k') > 0);
    await stage.clock.settle();
    stage.proxy.endAll('half-close');
    expect(await read).toBe('MEMCACHED_CONNECTION');
  });
});

it('a connect that hangs, as when the network swallows it, ends every call with the connect timeout', async () => {
  const hole = await synBlackHole();
  const clock = new ManualClock();
  const pool = new MemcachedPool({ nodes: hole.address, clock, connectTimeout: 300 });
  const calls = Array.from({ length: 20 }, (_, i) => ending(pool.get(`k${i}`)));
  await clock.settle();
  clock.advance(299);
  await clock.settle();
  expect(pool.nodes()[0]).toMatchObject({ pending: 20 });
  clock.advance(1);
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['MEMCACHED_TIMEOUT']));
  await pool.close();
  expect(clock.pendingTimers).toBe(0);
  await hole.close();
});

describeReal('a server with passwords', () => {
  const SECRET = 'correct-horse-battery';
  let server: RealMemcached;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'memcached-auth-'));
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, 'users'), `alice:${SECRET}\n`, { mode: 0o644 });
    server = await RealMemcached.start({ args: ['-Y', join(directory, 'users')] });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['that were not given', undefined],
    ['that are wrong', { user: 'alice', password: `${SECRET}-no` }],
  ])('%s is a clear error, tried once per blacklist time, and shows no password', async (_, auth) => {
    const clock = new ManualClock();
    const pool = new MemcachedPool({ nodes: server.address, clock, auth, random: () => 0.5 });
    const errors: unknown[] = [];
    const failed = async () => {
      const error = await pool.get('k').catch((reason: unknown) => reason);
      errors.push(error);
      return (error as { code: string }).code;
    };
    expect(await failed()).toBe('MEMCACHED_AUTH');
    const connectionsBefore = await connectionsOf(server);
    for (let second = 0; second < 12; second++) {
      expect(await failed()).toBe('MEMCACHED_BLACKLISTED');
      clock.advance(1_000);
      await clock.settle(5);
      await pause(4);
    }
    expect((await connectionsOf(server)) - connectionsBefore).toBeLessThanOrEqual(1 + 4);
    expect(inspect([errors, pool, pool.nodes()], { depth: 20, showHidden: true })).not.toContain(SECRET);
    await pool.close();
  });

  it('takes the right one', async () => {
    const pool = new MemcachedPool({ nodes: server.address, auth: { user: 'alice', password: SECRET } });
    await pool.set('k', 'v', { timeout: '10s' });
    expect(await pool.get('k')).toBe('v');
    expect(inspect(pool, { depth: 20, showHidden: true })).not.toContain(SECRET);
    await pool.close();
  });

  async function connectionsOf({ address }: RealMemcached): Promise<number> {
    const pool = new MemcachedPool({
      nodes: address,
      auth: { user: 'alice', password: SECRET },
      connectTimeout: '10s',
    });
    const stats = await pool.stats('', { timeout: '10s' });
    await pool.close();
    return Number(stats.get(address)!.total_connections);
  }
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
