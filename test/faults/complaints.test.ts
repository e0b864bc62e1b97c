/**
 * What a server says no to (B1-B4): one bad operation fails alone, its neighbours in the pipeline are right, and
 * neither the connection nor the node pays for it.
 */

import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { describeReal, RealMemcached } from '../support/real-memcached.js';
import { ending, onEveryBackend, Stage } from './support/stage.js';

jest.setTimeout(60_000);

onEveryBackend((backend) => {
  let stage: Stage;
  afterEach(() => stage.close());

  /** One bad call between two good ones, in one pipeline. */
  async function between(bad: () => Promise<unknown>): Promise<unknown> {
    const { pool, proxy } = stage;
    await pool.set('before', 1);
    await pool.set('after', 2);
    const connects = proxy.accepted;
    const [first, middle, last] = await Promise.all([
      ending(pool.get('before')),
      ending(bad()),
      ending(pool.get('after')),
    ]);
    expect([first, last]).toEqual([1, 2]);
    expect(await pool.get('after')).toBe(2);
    expect(proxy.accepted).toBe(connects);
    expect(pool.nodes()[0]!.state).toBe('up');
    return middle;
  }

  it('a value larger than the server takes fails alone', async () => {
    stage = await Stage.open(backend, { maxItemSize: '16m', commandTimeout: '30s' });
    expect(await between(() => stage.pool.set('k', Buffer.alloc(1_100_000)))).toBe('MEMCACHED_TOO_LARGE');
    expect(await between(() => stage.pool.set('k', Buffer.alloc(8_000_000)))).toBe('MEMCACHED_TOO_LARGE');
    expect(await stage.pool.get('k')).toBeUndefined();
  });

  it('a value larger than maxItemSize is refused before a byte is written', async () => {
    stage = await Stage.open(backend);
    expect(await between(() => stage.pool.set('huge', Buffer.alloc(64 * 1_048_576)))).toBe(
      'MEMCACHED_TOO_LARGE',
    );
    expect(stage.proxy.requests).not.toContain('huge');
  });

  it('a counter that is none, and a delta the server does not take, fail alone', async () => {
    stage = await Stage.open(backend);
    await stage.pool.set('text', 'not a number');
    expect(await between(() => stage.pool.incr('text'))).toBe('MEMCACHED_SERVER');
    expect(await between(() => stage.pool.decr('text', 5n))).toBe('MEMCACHED_SERVER');
    expect(await stage.pool.get('text')).toBe('not a number');
  });

  it('among very many sets fails those that it may be about; then each is asked by name for ten minutes', async () => {
    stage = await Stage.open(backend);
    const { pool, proxy } = stage;
    const keys = Array.from({ length: 400 }, (_, i) => `crowd:${i}`);
    let round = 0;
    /** How they ended, and whether some left without a name. */
    const setAll = async () => {
      const mark = `round:${++round}`;
      await pool.get(mark);
      const ends = await Promise.all(keys.map((key) => ending(pool.set(key, key))));
      return { ends, quietly: proxy.requests.slice(proxy.requests.indexOf(mark)).includes(' q\r\n') };
    };
    const well = Array(400).fill(undefined);
    const isMeta = backend.protocol === 'meta';
    expect(await setAll()).toEqual({ ends: well, quietly: isMeta });
    if (!isMeta) return;
    const connects = proxy.accepted;
    proxy.reply(130).before('SERVER_ERROR out of memory storing object\r\n');
    const { ends } = await setAll();
    // Of the first list all but the one that is answered by name.
    expect(ends.filter((end) => end === 'MEMCACHED_SERVER')).toHaveLength(127);
    expect(ends.indexOf('MEMCACHED_SERVER')).toBe(128);
    expect(await setAll()).toEqual({ ends: well, quietly: false });
    await stage.pass(599_000);
    expect(await setAll()).toEqual({ ends: well, quietly: false });
    await stage.pass(1_000);
    expect(await setAll()).toEqual({ ends: well, quietly: true });
    expect(proxy.accepted).toBe(connects);
  });

  it('a read answered with an error is an error and not a miss', async () => {
    stage = await Stage.open(backend, { retries: 0 });
    await stage.pool.set('k', 'v');
    for (const [answer, code] of [
      ['SERVER_ERROR temporary failure', 'MEMCACHED_SERVER'],
      ['CLIENT_ERROR no', 'MEMCACHED_SERVER'],
      ['ERROR', 'MEMCACHED_UNSUPPORTED'],
    ]) {
      stage.proxy.reply(1).replacedBy(`${answer}\r\n`);
      expect(await ending(stage.pool.get('k'))).toBe(code);
      stage.proxy.reply(1).replacedBy(`${answer}\r\n`);
      expect(await ending(stage.pool.getMany(['k']))).toBe('MEMCACHED_PARTIAL');
      expect(await stage.pool.get('k')).toBe('v');
    }
  });
});

describeReal('a server without memory left', () => {
  it('fails what it cannot store, keeps what it has, and stays in use', async () => {
    const server = await RealMemcached.start({ args: ['-m', '2', '-M'] });
    const pool = new MemcachedPool({ nodes: server.address, commandTimeout: '10s' });
    const value = (i: number) => `${i}:${'x'.repeat(90_000)}`;
    const stored = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ending(pool.set(`k${i}`, value(i)))),
    );
    const failures = stored.filter((end) => end !== undefined);
    expect(failures.length).toBeGreaterThan(10);
    expect(new Set(failures)).toEqual(new Set(['MEMCACHED_SERVER']));
    for (const [i, end] of stored.entries()) {
      expect(await pool.get(`k${i}`)).toBe(end === undefined ? value(i) : undefined);
    }
    expect(pool.nodes()[0]).toMatchObject({ state: 'up', sockets: 1 });
    await pool.close();
    await server.stop();
  });
});
