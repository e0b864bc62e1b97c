/**
 * What the indicator says for each state of the nodes, to a Terminus that knows `degraded` and to one that
 * does not. The route itself is in `route.test.ts`.
 */
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import {
  MemcachedOptionError,
  MemcachedPartialError,
  MemcachedTimeoutError,
} from '../../lib/core/base/errors.js';
import type { NodeStatus } from '../../lib/core/pool/types.js';
import { MemcachedHealth } from '../../lib/nest/health.js';
import type { MemcachedPoolRegistry } from '../../lib/nest/registry.js';
import { type MemcachedCheckOptions, MemcachedHealthIndicator } from '../../lib/terminus/indicator.js';

const SINCE = Date.UTC(2026, 0, 2, 3, 4, 5);

function node(name: string, state: NodeStatus['state'] = 'up', reason = ''): NodeStatus {
  const until = state === 'blacklisted' ? SINCE + 4_000 : undefined;
  return { name, state, reason, since: SINCE, until, sockets: 2, pending: 3, protocol: 'meta', weight: 1 };
}

interface FakePool {
  nodes(): NodeStatus[];
  version(options: { timeout: number }): Promise<Map<string, string>>;
}

function indicatorOver(pools: Record<string, FakePool>, indicators = new HealthIndicatorService()) {
  const registry = {
    names: () => Object.keys(pools),
    pool(name: string) {
      if (!Object.hasOwn(pools, name)) throw new MemcachedOptionError(`There is no pool named "${name}".`);
      return pools[name];
    },
  } as unknown as MemcachedPoolRegistry;
  return new MemcachedHealthIndicator(new MemcachedHealth(registry), registry, indicators);
}

function poolOf(nodes: NodeStatus[], failure?: Error): FakePool {
  return {
    nodes: () => nodes,
    version: async () => {
      if (failure) throw failure;
      return new Map(nodes.map(({ name }) => [name, '1.6.18']));
    },
  };
}

/** As Terminus 11 is: two words, and a result that is dropped in silence when it has another one. */
const terminus11 = {
  check: (key: string) => ({
    up: (data: object) => ({ [key]: { ...data, status: 'up' } }),
    down: (data: object) => ({ [key]: { ...data, status: 'down' } }),
  }),
} as unknown as HealthIndicatorService;

async function said(
  indicator: MemcachedHealthIndicator,
  options?: MemcachedCheckOptions,
): Promise<HealthIndicatorResult['memcached']> {
  return (await indicator.check('memcached', options)).memcached;
}

const UP = [node('a:1'), node('b:1', 'idle')];
const MIXED = [node('a:1'), node('b:1', 'blacklisted', 'The connect was refused.')];
const DOWN = [node('a:1', 'blacklisted', 'refused'), node('b:1', 'blacklisted', 'refused')];

describe('MemcachedHealthIndicator', () => {
  it('shows every node with its state, reason, sockets and what is outstanding', async () => {
    const answer = await indicatorOver({ default: poolOf(MIXED) }).check('memcached');
    expect(answer).toEqual({
      memcached: {
        status: 'degraded',
        message: '1 of 2 nodes out of use: b:1',
        nodes: [
          {
            name: 'a:1',
            pool: 'default',
            state: 'up',
            reason: '',
            since: '2026-01-02T03:04:05.000Z',
            sockets: 2,
            pending: 3,
          },
          {
            name: 'b:1',
            pool: 'default',
            state: 'blacklisted',
            reason: 'The connect was refused.',
            since: '2026-01-02T03:04:05.000Z',
            sockets: 2,
            pending: 3,
          },
        ],
      },
    });
  });

  it.each([
    ['up', UP],
    ['degraded', MIXED],
    ['down', DOWN],
    ['down', []],
  ])('says %s', async (status, nodes) => {
    expect(await said(indicatorOver({ default: poolOf(nodes) }))).toMatchObject({ status });
  });

  it.each([
    ['up', undefined, UP],
    ['up', undefined, MIXED],
    ['up', 'up', MIXED],
    ['down', 'down', MIXED],
    ['up', 'down', UP],
    ['down', 'up', DOWN],
  ] as const)('says %s under Terminus 11 with degradedAs %p', async (status, degradedAs, nodes) => {
    const indicator = indicatorOver({ default: poolOf([...nodes]) }, terminus11);
    expect(await said(indicator, { degradedAs })).toMatchObject({ status });
  });

  it('sums up all pools, or looks at the one named', async () => {
    const indicator = indicatorOver({ default: poolOf(UP), sessions: poolOf(DOWN) });
    expect(await said(indicator)).toMatchObject({
      status: 'degraded',
      message: '2 of 4 nodes out of use: a:1, b:1',
    });
    expect(await said(indicator, { pool: 'default' })).toMatchObject({ status: 'up' });
    expect(await said(indicator, { pool: 'sessions' })).toMatchObject({ status: 'down' });
  });

  it('takes the key it is given, "memcached" when it is given none', async () => {
    const indicator = indicatorOver({ default: poolOf(UP) });
    expect(Object.keys(await indicator.check('cache'))).toEqual(['cache']);
    expect(Object.keys(await indicator.check())).toEqual(['memcached']);
  });

  it.each([
    [{ pool: 'nowhere' }, /no pool named "nowhere"/],
    [{ png: true } as MemcachedCheckOptions, /Did you mean "ping"/],
    [{ ping: true, timeout: 'soon' }, /"timeout" must be/],
  ])('says down with a sentence instead of throwing, for %p', async (options, message) => {
    const answer = await said(indicatorOver({ default: poolOf(UP) }), options);
    expect(answer).toMatchObject({ status: 'down', message: expect.stringMatching(message) });
  });

  describe('with ping', () => {
    it('asks nobody unless it is told to', async () => {
      const pool = poolOf(UP);
      const version = jest.spyOn(pool, 'version');
      await said(indicatorOver({ default: pool }));
      expect(version).not.toHaveBeenCalled();
      await said(indicatorOver({ default: pool }), { ping: true, timeout: '2s' });
      expect(version).toHaveBeenCalledWith({ timeout: 2_000 });
    });

    it('says up when every node answers, and degraded while one that answers is still blacklisted', async () => {
      expect(await said(indicatorOver({ default: poolOf(UP) }), { ping: true })).toMatchObject({
        status: 'up',
      });
      expect(await said(indicatorOver({ default: poolOf(MIXED) }), { ping: true })).toMatchObject({
        status: 'degraded',
      });
    });

    it('counts a node that does not answer as out of use, and says why', async () => {
      const late = new MemcachedTimeoutError('No answer within 1000 ms.', { node: 'a:1' });
      const partial = new MemcachedPartialError('1 of 2', new Map(), new Map([['a:1', late]]));
      const answer = await said(indicatorOver({ default: poolOf([node('a:1'), node('b:1')], partial) }), {
        ping: true,
      });
      expect(answer).toMatchObject({
        status: 'degraded',
        message: '1 of 2 nodes out of use: a:1',
        nodes: [
          { name: 'a:1', state: 'up', reason: 'No answer within 1000 ms.' },
          { name: 'b:1', reason: '' },
        ],
      });
    });

    it('says down when nobody answers', async () => {
      const late = new MemcachedTimeoutError('No answer within 1000 ms.');
      expect(await said(indicatorOver({ default: poolOf(UP, late) }), { ping: true })).toMatchObject({
        status: 'down',
      });
    });

    it('keeps a node of one pool apart from the same node in another', async () => {
      const late = new MemcachedTimeoutError('No answer.');
      const indicator = indicatorOver({ one: poolOf([node('a:1')]), two: poolOf([node('a:1')], late) });
      expect(await said(indicator, { ping: true })).toMatchObject({
        status: 'degraded',
        nodes: [
          { pool: 'one', reason: '' },
          { pool: 'two', reason: 'No answer.' },
        ],
      });
    });
  });
});
