import fc from 'fast-check';
import { parseClusterConfig } from '../../lib/core/routing/cluster-config.js';
import { clusterRouter, clusterTopology, VbucketRouter } from '../../lib/core/routing/vbucket.js';
import { VbucketMap } from '../../lib/core/routing/vbucket-map.js';
import { sample, vectors } from './support/vectors.js';

interface BucketConfig {
  file: string;
  config: unknown;
  hostReplacement: string;
  numVbuckets: number;
  servers: string[];
  vectors: { key: string; vbucket: number; master: number; replicas?: number[] }[];
  foundIncorrectMaster?: {
    vbucket: number;
    before: number;
    afterReportingOther: number;
    masterThen: number;
    afterReportingMaster: number;
    masterFinally: number;
  }[];
}

const { configs } = vectors<{ configs: BucketConfig[] }>('vbucket.json');
const vbucketConfigs = configs
  .filter((each) => each.numVbuckets > 0)
  .map((each) => [each.file, each] as const);

function routerOf({ config, hostReplacement }: BucketConfig): VbucketRouter {
  const router = clusterRouter(parseClusterConfig(JSON.stringify(config), hostReplacement));
  if (!(router instanceof VbucketRouter)) throw new Error('not routed by vbuckets');
  return router;
}

describe.each(vbucketConfigs)('vbucket › agrees with libvbucket on %s', (_, expected) => {
  const router = routerOf(expected);
  const { map } = router;

  test('about servers and their order', () => {
    const topology = clusterTopology(
      parseClusterConfig(JSON.stringify(expected.config), expected.hostReplacement),
    );
    expect(topology.map((node) => node.name)).toEqual(expected.servers);
    expect(router.size).toBe(expected.servers.length);
    expect(map.size).toBe(expected.numVbuckets);
  });

  test('about vbuckets, masters and replicas', () => {
    const found = expected.vectors.map(({ key }) => {
      const vbucket = router.vbucketOf(key);
      const replicas = Array.from({ length: map.replicas }, (__, i) => map.replicaOf(vbucket, i));
      return { key, vbucket, master: router.pick(key), replicas };
    });
    expect(found).toEqual(expected.vectors);
  });

  test('about what to try after "not my vbucket"', () => {
    expect(expected.foundIncorrectMaster).toHaveLength(3);
    for (const { vbucket, ...told } of expected.foundIncorrectMaster!) {
      const before = map.masterOf(vbucket);
      const other = router.onNotMyVbucket(vbucket, (before + 1) % router.size);
      const then = other.map.masterOf(vbucket);
      const atLast = other.onNotMyVbucket(vbucket, then).map.masterOf(vbucket);
      expect([before, then, atLast]).toEqual([told.before, told.masterThen, told.masterFinally]);
      expect([then, atLast]).toEqual([told.afterReportingOther, told.afterReportingMaster]);
    }
  });
});

describe('vbucket › numbers', () => {
  test.each([
    [
      1024,
      {
        foo: 115,
        bar: 767,
        hello: 528,
        doctor: 960,
        name: 547,
        continue: 995,
        yesterday: 308,
        tomorrow: 393,
      },
    ],
    [1024, { 'another key': 162, a: 183, b: 446, c: 697, 'key:0': 104, '': 0, 'user:1': 933, café: 173 }],
    [64, { foo: 51, bar: 63, hello: 16, doctor: 0, name: 35, yesterday: 52, tomorrow: 9 }],
    [16, { foo: 3, bar: 15, hello: 0, a: 7, b: 14, c: 9, yesterday: 4 }],
  ])('of %d vbuckets are those of four other implementations', (size, numbers) => {
    const map = VbucketMap.of(
      1,
      0,
      Array.from({ length: size }, () => [0]),
    );
    expect(Object.fromEntries(Object.keys(numbers).map((key) => [key, map.vbucketOf(key)]))).toEqual(numbers);
  });
});

describe('vbucket › pick', () => {
  // "hello" is in vbucket 0 and "foo" in 3 of four.
  const router = new VbucketRouter(
    VbucketMap.of(2, 1, [
      [-1, 1],
      [0, 1],
      [0, 1],
      [1, 0],
    ]),
  );

  test('is -1 where a vbucket has nobody, and never asks about it', () => {
    expect(router.vbucketOf('hello')).toBe(0);
    expect(router.pick('hello')).toBe(-1);
    const asked: number[] = [];
    expect(router.pickUsable('hello', (index) => asked.push(index) > 0)).toBe(-1);
    expect(asked).toEqual([]);
  });

  test('takes no replica for a master that is not usable', () => {
    expect(router.vbucketOf('foo')).toBe(3);
    expect(router.pick('foo')).toBe(1);
    expect(router.pickUsable('foo', () => true)).toBe(1);
    expect(router.pickUsable('foo', (index) => index !== 1)).toBe(-1);
  });

  test('is a server there is or -1, for any key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        expect([-1, 0, 1]).toContain(router.pick(key));
        expect(router.pickUsable(key, () => true)).toBe(router.pick(key));
      }),
    );
  });

  test('hashes nothing less for one server: the vbucket number goes with every request', () => {
    const single = new VbucketRouter(VbucketMap.of(1, 0, [[0], [-1]]));
    expect(single.pick('foo')).toBe(-1);
    expect(single.pick('hello')).toBe(0);
  });
});

describe('vbucket › after "not my vbucket"', () => {
  test('the map it was asked of stays as it is', () => {
    const router = new VbucketRouter(VbucketMap.of(3, 0, [[0], [1], [2], [0]]));
    const next = router.onNotMyVbucket(0, 0);
    expect([0, 1, 2, 3].map((vbucket) => router.map.masterOf(vbucket))).toEqual([0, 1, 2, 0]);
    expect([0, 1, 2, 3].map((vbucket) => next.map.masterOf(vbucket))).toEqual([1, 1, 2, 0]);
  });

  test('a server that owns nothing is skipped', () => {
    const map = VbucketMap.of(4, 1, [
      [0, 3],
      [0, 3],
    ]);
    expect(map.afterNotMyVbucket(0, 0).masterOf(0)).toBe(3);
  });

  test('nothing is guessed for a server that is no longer the master, or when nobody else owns anything', () => {
    const router = new VbucketRouter(VbucketMap.of(3, 0, [[0], [0]]));
    expect(router.onNotMyVbucket(0, 1)).toBe(router);
    expect(router.onNotMyVbucket(0, 0)).toBe(router);
  });

  test('an announced row is taken whole, once; one without a master is not', () => {
    const map = VbucketMap.of(
      3,
      1,
      [
        [0, 1],
        [0, 1],
      ],
      [
        [2, 0],
        [-1, 2],
      ],
    );
    const moved = map.afterNotMyVbucket(0, 0);
    expect([moved.masterOf(0), moved.replicaOf(0, 0)]).toEqual([2, 0]);
    expect(moved.afterNotMyVbucket(0, 2)).toBe(moved);
    expect(map.afterNotMyVbucket(1, 0).masterOf(1)).toBe(1);
  });

  test('every server that owns something is tried before the first is tried again', () => {
    let map = VbucketMap.of(4, 0, [[0], [1], [2], [3]]);
    const tried = [];
    for (let i = 0; i < 4; i++) {
      tried.push(map.masterOf(2));
      map = map.afterNotMyVbucket(2, map.masterOf(2));
    }
    expect(tried).toEqual([2, 3, 0, 1]);
    expect(map.masterOf(2)).toBe(2);
  });
});

describe('vbucket › replicas', () => {
  test('missing ones are nobody', () => {
    const map = VbucketMap.of(2, 2, [[0], [1, 0]]);
    expect([map.replicaOf(0, 0), map.replicaOf(0, 1), map.replicaOf(1, 0), map.replicaOf(1, 1)]).toEqual([
      -1, -1, 0, -1,
    ]);
    expect(map.replicaOf(1, 2)).toBe(-1);
  });
});

describe('clusterTopology', () => {
  const config = parseClusterConfig(sample('caves-7.0-terse-default.json'), '127.0.0.1');

  test('lists the servers in the order of the map', () => {
    expect(clusterTopology(config).map((node) => node.name)).toEqual([
      '127.0.0.1:23170',
      '127.0.0.1:23174',
      '127.0.0.1:23178',
    ]);
  });

  test('lists their ports for TLS where that is wanted', () => {
    expect(clusterTopology(config, true).map((node) => node.port)).toEqual([23171, 23175, 23179]);
  });

  test('refuses TLS where a server has no port for it', () => {
    const mock = parseClusterConfig(sample('couchbasemock-terse-default.json'), '127.0.0.1');
    expect(() => clusterTopology(mock, true)).toThrow(
      'The cluster names no TLS port for 127.0.0.1:23110; connect without TLS or enable it there.',
    );
  });
});
