import * as errors from '../../lib/core/base/errors.js';
import { isGeneration, ofValues, operations, setup } from './support/setup.js';

const node = { node: 'a:1' };
const failures: [name: string, error: Error][] = [
  ['MemcachedTimeoutError', new errors.MemcachedTimeoutError('late', { ...node, sent: 'maybe' })],
  ['MemcachedConnectionError', new errors.MemcachedConnectionError('closed', node)],
  ['MemcachedAuthError', new errors.MemcachedAuthError('who?', node)],
  ['MemcachedBlacklistedError', new errors.MemcachedBlacklistedError('skipped', node)],
  ['MemcachedUnavailableError', new errors.MemcachedUnavailableError('nobody')],
  ['MemcachedPoolExhaustedError', new errors.MemcachedPoolExhaustedError('full', node)],
  ['MemcachedClosedError', new errors.MemcachedClosedError('over')],
  ['MemcachedProtocolError', new errors.MemcachedProtocolError('garbage', node)],
  ['MemcachedServerError', new errors.MemcachedServerError('SERVER_ERROR', node)],
  ['MemcachedUnsupportedError', new errors.MemcachedUnsupportedError('no', node)],
  ['MemcachedDecodeError', new errors.MemcachedDecodeError('poison', node)],
  ['MemcachedUnsafeNumberError', new errors.MemcachedUnsafeNumberError(1n)],
  ['an error of Node', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
  ['a TypeError', new TypeError('undefined is not a function')],
];

describe.each(failures)('while every command fails with %s', (_name, error) => {
  it.each(operations)('%s answers, and does not reject', async (_operation, run, failed) => {
    const { cache, pool } = setup();
    pool.fail = () => error;
    expect(await run(cache)).toEqual(failed);
    expect(cache.stats()).toMatchObject({ hits: 0, sets: 0, deletes: 0, clears: 0 });
    expect(cache.stats().errors).toBeGreaterThan(0);
  });

  it.each(operations)('%s answers the same in a namespace it has used before', async (_op, run, failed) => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.fail = () => error;
    expect(await run(cache)).toEqual(failed);
  });

  it.each(operations)('%s answers when the pool itself throws', async (_operation, run, failed) => {
    const { cache, pool } = setup();
    pool.nodeOf = () => {
      throw error;
    };
    for (const verb of ['get', 'getMany', 'set', 'setMany', 'add', 'delete', 'deleteMany'] as const) {
      pool[verb] = () => {
        throw error;
      };
    }
    expect(await run(cache)).toEqual(failed);
  });

  it('a read that fails while its generation is there is a miss, and the load is still answered', async () => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.fail = (request) => (ofValues(request) ? error : undefined);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    pool.fail = () => undefined;
    expect(await cache.get('k')).toBe('v');
  });
});

describe('a pool that hangs until its timeout', () => {
  it.each(operations)('holds %s no longer than that', async (_operation, run, failed) => {
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.hold(() => true);
    const answer = run(cache);
    await pool.holding();
    pool.fail = () => new errors.MemcachedTimeoutError('late', node);
    pool.release();
    expect(await answer).toEqual(failed);
  });

  it('is given the timeout of the call, else of the cache, with every command', async () => {
    const { cache, pool } = setup({ timeout: '70ms' });
    await cache.set('k', 'v');
    await cache.getOrSet('l', () => 1, { timeout: 30 });
    await cache.getMany(['k'], { timeout: '30ms' });
    await cache.delete('k');
    await cache.clear({ timeout: 30 });
    expect(pool.requests.map(({ options }) => options?.timeout)).toEqual([
      ...[70, 70, 70], // generation, made, set
      ...[30, 30, 30], // generation, get, set
      ...[30, 30], // generation, getMany
      70, // delete
      30, // clear
    ]);
  });

  it('leaves no rejection unhandled when only the generation fails late', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const { cache, pool } = setup();
    await cache.set('k', 'v');
    pool.hold((request) => request.keys.some(isGeneration));
    const asked = [cache.get('none'), cache.getMany(['none'])];
    expect(await Promise.all(asked)).toEqual([undefined, new Map()]);
    pool.fail = () => new errors.MemcachedTimeoutError('late', node);
    pool.release();
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('one of three nodes failing', () => {
  const nodes = ['a:1', 'b:1', 'c:1'];
  const entries = Array.from({ length: 60 }, (_, i) => [`k${i}`, i] as const);
  const keys = entries.map(([key]) => key);

  it('costs only its own keys: the rest is read, written and deleted', async () => {
    const { cache, pool } = setup({}, { nodes });
    await cache.setMany(entries);
    pool.fail = (request) =>
      request.node === 'b:1' ? new errors.MemcachedConnectionError('closed', { node: 'b:1' }) : undefined;
    const theirs = keys.filter((key) => pool.nodeOf?.(`cache#${key}`) === 'b:1');
    expect(theirs.length).toBeGreaterThan(5);
    const found = await cache.getMany(keys);
    expect(keys.filter((key) => !found.has(key))).toEqual(theirs);
    expect(await cache.setMany(entries.map(([key]) => [key, 'new']))).toBe(false);
    expect(await cache.deleteMany(keys)).toBe(false);
    expect(cache.stats()).toMatchObject({
      errors: theirs.length * 3,
      unconfirmedDeletes: theirs.length,
      sets: 120 - theirs.length,
    });
    pool.fail = () => undefined;
    expect([...(await cache.getMany(keys)).keys()]).toEqual(theirs);
  });
});

describe('the log', () => {
  const down = new errors.MemcachedConnectionError('The connection closed.', { node: 'a:1' });

  it('gets one line when memcached begins to fail and one when it works again', async () => {
    const { cache, pool, lines, clock } = setup();
    await cache.set('k', 'v');
    pool.fail = () => down;
    for (let i = 0; i < 20; i++) {
      await cache.get('k');
      await cache.set('k', i);
      clock.advance(100);
    }
    expect(lines).toEqual([
      expect.stringMatching(/^warn The cache cannot use memcached at a:1; .*MEMCACHED_CONNECTION/),
    ]);
    pool.fail = () => undefined;
    await cache.get('k');
    expect(lines).toHaveLength(1);
    clock.advance(10_000);
    await cache.get('k');
    await cache.get('k');
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^log The cache works again \(a:1\): \d+ failures in 2 s/),
    ]);
    pool.fail = () => down;
    await cache.get('k');
    expect(lines).toHaveLength(3);
  });

  it('keeps nodes apart, so that one failing does not flap with the other working', async () => {
    const { cache, pool, lines } = setup({}, { nodes: ['a:1', 'b:1'] });
    pool.fail = (request) =>
      request.node === 'b:1' ? new errors.MemcachedTimeoutError('late', { node: 'b:1' }) : undefined;
    for (let i = 0; i < 50; i++) await cache.get(`k${i}`);
    expect(lines).toEqual([expect.stringContaining('at b:1')]);
  });

  it('tells of a delete that is not confirmed, once', async () => {
    const { cache, pool, lines } = setup();
    pool.fail = () => down;
    for (let i = 0; i < 5; i++) expect(await cache.delete('k')).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^warn A delete is not confirmed at a:1/)]);
    expect(cache.stats()).toMatchObject({ unconfirmedDeletes: 5, errors: 5, deletes: 0 });
  });

  it('that throws changes no answer', async () => {
    const { MemcachedCache } = await import('../../lib/cache/cache.js');
    const { pool } = setup();
    pool.fail = () => down;
    const log = {
      log: () => undefined,
      warn: () => {
        throw new Error('disk full');
      },
    };
    const cache = new MemcachedCache(pool, {}, { log });
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.set('k', () => 1)).toBe(false);
  });

  it('stays bounded when every failure names another node and every value another class', async () => {
    const { cache, pool, lines } = setup();
    let n = 0;
    for (let i = 0; i < 150; i++) {
      await cache.set('k', new (class {})());
      await cache.set('k', new { [`Class${i}`]: class {} }[`Class${i}`]!());
    }
    expect(lines.length).toBe(100);
    pool.fail = () => new errors.MemcachedConnectionError('x', { node: `n${n++}` });
    for (let i = 0; i < 300; i++) await cache.delete('k');
    expect(lines.length).toBe(200);
  });

  it('names the class of a value and never what its data pretends to be', async () => {
    const { cache, lines } = setup();
    class Secretive {}
    const value = Object.assign(new Secretive(), { constructor: { name: 'hunter2' } });
    await cache.set('k', value);
    expect(lines[0]).toContain('an instance of Secretive');
    expect(lines.join()).not.toContain('hunter2');
  });
});
