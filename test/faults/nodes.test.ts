/**
 * Real servers killed, frozen, restarted, one of several or all (A6, A7, B7, B8, F1-F4, E1, E2, D1, D5): who is well
 * stays untouched, who is not fails fast and never as a miss, and the way back needs no restart.
 */

import type { MemcachedPartialError } from '../../lib/core/base/errors.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import { freeze } from './support/freeze.js';
import { ending, until } from './support/stage.js';

jest.setTimeout(60_000);

const KEYS = Array.from({ length: 40 }, (_, i) => `key:${i}`);
const FAST = { connectTimeout: 1_000, commandTimeout: 1_000, blacklistTime: 200 };

describeReal('two real servers', () => {
  let servers: RealMemcached[];
  let pool: MemcachedPool;
  let kept: string[];
  let lost: string[];

  beforeEach(async () => {
    servers = [await RealMemcached.start(), await RealMemcached.start()];
    pool = new MemcachedPool({ ...FAST, nodes: servers.map(({ address }) => address) });
    await pool.setMany(KEYS.map((key) => [key, `value of ${key}`]));
    lost = KEYS.filter((key) => pool.nodeOf(key) === servers[0]!.address);
    kept = KEYS.filter((key) => pool.nodeOf(key) === servers[1]!.address);
  });
  afterEach(async () => {
    await pool.close();
    for (const server of servers) await server.stop();
  });

  const read = (keys: string[]) => Promise.all(keys.map((key) => ending(pool.get(key))));
  const stateOf = (server: RealMemcached) => pool.nodes().find(({ name }) => name === server.address)!.state;

  async function expectKeptUntouched(): Promise<void> {
    expect(await read(kept)).toEqual(kept.map((key) => `value of ${key}`));
  }

  it.each(['SIGKILL', 'SIGSTOP'] as const)('%s of one fails its keys only, and names it', async (signal) => {
    if (signal === 'SIGSTOP') await freeze(servers[0]!);
    else servers[0]!.signal(signal);
    await until(async () => {
      const ends = await read(lost);
      expect(ends).not.toContain(undefined);
      return ends.every((end) => end === 'MEMCACHED_BLACKLISTED');
    });
    await expectKeptUntouched();
    const error: MemcachedPartialError = await pool.getMany(KEYS).then(fail, (reason) => reason);
    expect(error).toMatchObject({ code: 'MEMCACHED_PARTIAL', node: servers[0]!.address });
    expect(error.values).toEqual(new Map(kept.map((key) => [key, `value of ${key}`])));
    expect([...error.failed.keys()].sort()).toEqual([...lost].sort());
    expect(error.message).toContain(servers[0]!.address);
    expect(error.message).not.toContain(servers[1]!.address);
  });

  it('a hung one lets a call for keys of both settle in time, with the values of the other', async () => {
    await freeze(servers[0]!);
    const error: MemcachedPartialError = await pool.getMany(KEYS).then(fail, (reason) => reason);
    expect(error.values.size).toBe(kept.length);
    expect(error.failed.size).toBe(lost.length);
    servers[0]!.signal('SIGCONT');
  });

  it('one that is killed and restarted is used again, empty', async () => {
    servers[0]!.signal('SIGKILL');
    await until(async () => (await read(lost)).every((end) => end === 'MEMCACHED_BLACKLISTED'));
    await servers[0]!.restart();
    await until(() => stateOf(servers[0]!) === 'up');
    expect(new Set(await read(lost))).toEqual(new Set([undefined]));
    await pool.set(lost[0]!, 'new');
    expect(await pool.get(lost[0]!)).toBe('new');
    await expectKeptUntouched();
  });

  it('one that is frozen and wakes again gives its late answers to nobody', async () => {
    for (let round = 0; round < 3; round++) {
      await freeze(servers[0]!);
      const during = read(lost);
      servers[0]!.signal('SIGCONT');
      for (const [i, end] of (await during).entries()) expect(end).toBe(`value of ${lost[i]}`);
      await freeze(servers[0]!);
      await until(() => {
        void pool.get(lost[0]!).catch(() => {});
        return stateOf(servers[0]!) === 'blacklisted';
      });
      servers[0]!.signal('SIGCONT');
      await until(() => stateOf(servers[0]!) === 'up');
      expect(await read(lost)).toEqual(lost.map((key) => `value of ${key}`));
    }
  });

  it('both down is said at once, and both are used again', async () => {
    for (const server of servers) server.signal('SIGKILL');
    await until(async () => (await read(KEYS)).every((end) => end === 'MEMCACHED_UNAVAILABLE'));
    for (const server of servers) await server.restart();
    await until(() => servers.every((server) => stateOf(server) === 'up'));
    await pool.set('key:1', 'again');
    expect(await pool.get('key:1')).toBe('again');
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'a flood of sets while one gets %s settles and leaves nothing outstanding',
    async (signal) => {
      const ends: Promise<unknown>[] = [];
      for (let i = 0; i < 4_000; i++) {
        ends.push(ending(pool.set(KEYS[i % KEYS.length]!, { i, text: 'x'.repeat(500) })));
        if (i === 1_000) servers[0]!.signal(signal);
        if (i % 200 === 0) await new Promise(setImmediate);
      }
      const codes = new Set(await Promise.all(ends));
      codes.delete(undefined);
      expect(codes.size).toBeGreaterThan(0);
      for (const code of codes) expect(code).toMatch(/^MEMCACHED_(CONNECTION|TIMEOUT|BLACKLISTED)$/);
      await until(() => pool.nodes().every(({ pending }) => pending === 0));
    },
  );
});

describeReal('one real server', () => {
  let server: RealMemcached;
  beforeAll(async () => {
    server = await RealMemcached.start({ args: ['-m', '128'] });
  });
  afterAll(() => server.stop());

  it('100 000 gets at once settle: as many as maxPending rightly, the rest refused at once', async () => {
    const pool = new MemcachedPool({ nodes: server.address, commandTimeout: '30s', connectTimeout: '30s' });
    await pool.set('k', 'v');
    const ends = await Promise.all(Array.from({ length: 100_000 }, () => ending(pool.get('k'))));
    expect(ends.filter((end) => end === 'v')).toHaveLength(16_384);
    expect(ends.filter((end) => end === 'MEMCACHED_POOL_EXHAUSTED')).toHaveLength(100_000 - 16_384);
    await pool.close();
  });

  it('one call for 10 MB of values brings all of them', async () => {
    const pool = new MemcachedPool({ nodes: server.address, commandTimeout: '30s', connectTimeout: '30s' });
    const entries = Array.from({ length: 100 }, (_, i): [string, Buffer] => [
      `large:${i}`,
      Buffer.alloc(100_000, i),
    ]);
    await pool.setMany(entries);
    const read = await pool.getMany<Buffer>(entries.map(([key]) => key));
    expect(read.size).toBe(100);
    for (const [key, value] of entries) expect(read.get(key)!.equals(value)).toBe(true);
    await pool.close();
  });
});

function fail(): never {
  throw new Error('It resolved.');
}
