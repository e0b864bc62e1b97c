import { parseClusterConfig } from '../../lib/core/routing/cluster-config.js';
import { createRouter } from '../../lib/core/routing/create.js';
import type { KeyHashName } from '../../lib/core/routing/hashes/key-hash.js';
import type { KetamaOptions } from '../../lib/core/routing/options.js';
import { clusterRouter } from '../../lib/core/routing/vbucket.js';
import {
  counts,
  givenNames,
  type ListedServer,
  type Placement,
  placements,
  topologyOf,
  vectors,
} from './support/vectors.js';

interface LibmemcachedConfig {
  name: string;
  /** memcached_server_distribution_t */
  distribution: number;
  /** memcached_hash_t */
  keyHash: number;
  servers: ListedServer[];
  vectors: Placement[];
  'countsOverKeys_key:0..29999'?: number[];
  'countsOverKeys_key:0..999'?: number[];
}

const DISTRIBUTIONS: Record<number, KetamaOptions['compatible'] | 'modula'> = {
  0: 'modula',
  2: 'libmemcached',
  4: 'libmemcached-spy',
  5: 'libmemcached-weighted',
};
const KEY_HASHES: Record<number, KeyHashName> = {
  0: 'one_at_a_time',
  1: 'md5',
  2: 'crc32',
  4: 'fnv1a_64',
  6: 'fnv1a_32',
};

function libmemcachedRouter(config: LibmemcachedConfig) {
  const compatible = DISTRIBUTIONS[config.distribution];
  const keyHash = KEY_HASHES[config.keyHash];
  const nodes = topologyOf(config.servers);
  if (compatible === 'modula') return createRouter('modula', nodes, { modula: { keyHash } });
  return createRouter('ketama', nodes, { ketama: { compatible, keyHash } });
}

describe('routing › places keys as libmemcached 1.1.4 does', () => {
  const { configs } = vectors<{ configs: LibmemcachedConfig[] }>('libmemcached-ketama.json');

  test.each(configs.map((config) => [config.name, config] as const))('%s', (_, config) => {
    const router = libmemcachedRouter(config);
    expect(placements(router, config.vectors)).toEqual(config.vectors);
    const many = config['countsOverKeys_key:0..29999'];
    if (many !== undefined) expect(counts(router, 30_000)).toEqual(many);
    const few = config['countsOverKeys_key:0..999'];
    if (few !== undefined) expect(counts(router, 1_000)).toEqual(few);
    expect(many ?? few).toBeDefined();
  });

  test('the key hash of each variant is the default of the library', () => {
    const nodes = topologyOf(['10.0.1.1', '10.0.1.2', '10.0.1.3']);
    for (const [compatible, name] of [
      ['libmemcached-weighted', 'ketama-weighted equal weights, default port'],
      ['libmemcached', 'ketama (unweighted: 100 points, one-at-a-time)'],
    ] as const) {
      const config = configs.find((each) => each.name === name)!;
      const router = createRouter('ketama', nodes, { ketama: { compatible } });
      expect(placements(router, config.vectors)).toEqual(config.vectors);
    }
  });

  test('ketama without options is the weighted one', () => {
    const config = configs[0]!;
    expect(placements(createRouter('ketama', topologyOf(config.servers)), config.vectors)).toEqual(
      config.vectors,
    );
  });
});

describe('routing › places keys as pylibmc 1.6.3 does', () => {
  const { servers, runs } = vectors<{ servers: string[]; runs: Record<string, Placement[]> }>('pylibmc.json');
  const options: Record<string, KetamaOptions> = {
    ketama: { compatible: 'libmemcached' },
    ketama_weighted: { compatible: 'libmemcached-weighted' },
    'distribution consistent': { compatible: 'libmemcached' },
    'ketama+md5': { compatible: 'libmemcached', keyHash: 'md5' },
  };

  test.each(Object.keys(runs))('%s', (run) => {
    const nodes = topologyOf(servers);
    const router =
      run === 'none'
        ? createRouter('modula', nodes)
        : createRouter('ketama', nodes, { ketama: options[run] });
    expect(run === 'none' || options[run] !== undefined).toBe(true);
    expect(placements(router, runs[run]!)).toEqual(runs[run]);
  });
});

describe('routing › places keys as Moxi does with a static list', () => {
  const { servers, runs } = vectors<{
    servers: string[];
    runs: { mcs_opts: string | null; vectors: Placement[] }[];
  }>('moxi-static-ketama.json');
  const nodes = topologyOf(servers);
  const routers: Record<string, ReturnType<typeof createRouter>> = {
    'without options': createRouter('ketama', nodes, { ketama: { compatible: 'moxi' } }),
    'distribution:ketama-weighted': createRouter('ketama', nodes, { ketama: { compatible: 'moxi' } }),
    'distribution:ketama': createRouter('ketama', nodes, {
      ketama: { compatible: 'libmemcached', keyHash: 'md5' },
    }),
    'distribution:modula': createRouter('modula', nodes),
  };

  test.each(runs.map((run) => [run.mcs_opts ?? 'without options', run.vectors] as const))(
    '%s',
    (run, expected) => {
      expect(placements(routers[run]!, expected)).toEqual(expected);
    },
  );
});

describe('routing › places keys as twemproxy 0.5.0 does', () => {
  interface Pool {
    name: string;
    hash: KeyHashName;
    dist: 'ketama' | 'modula';
    hashTag?: string;
    servers: ListedServer[];
    vectors: Placement[];
  }
  const pools = ['twemproxy-0.5.0.json', 'twemproxy-hashes.json'].flatMap(
    (file) => vectors<{ pools: Pool[] }>(file).pools,
  );

  test.each(pools.map((pool) => [pool.name, pool] as const))('%s', (_, pool) => {
    const { hash: keyHash, hashTag } = pool;
    const nodes = topologyOf(pool.servers);
    const router = createRouter(pool.dist, nodes, {
      ketama: { compatible: 'twemproxy', keyHash, hashTag, names: givenNames(pool.servers) },
      modula: { compatible: 'twemproxy', keyHash, hashTag },
    });
    expect(placements(router, pool.vectors)).toEqual(pool.vectors);
  });

  test('its default key hash is the default here', () => {
    const pool = pools[0]!;
    const router = createRouter('ketama', topologyOf(pool.servers), { ketama: { compatible: 'twemproxy' } });
    expect(placements(router, pool.vectors)).toEqual(pool.vectors);
  });

  test('with md5 and no names it is the weighted ketama of libmemcached', () => {
    const nodes = topologyOf(['10.0.1.1', '10.0.1.2:11212', '10.0.1.3']);
    const proxy = createRouter('ketama', nodes, { ketama: { compatible: 'twemproxy', keyHash: 'md5' } });
    expect(counts(proxy, 5_000)).toEqual(counts(createRouter('ketama', nodes), 5_000));
  });
});

describe('routing › places keys of a memcached bucket as libvbucket does', () => {
  interface BucketConfig {
    file: string;
    config: unknown;
    servers: string[];
    vectors: { key: string; vbucket: number; master: number }[];
  }
  const bucket = vectors<{ configs: BucketConfig[] }>('vbucket.json').configs.find(
    (each) => each.file === 'ketama3.json',
  )!;
  const expected = bucket.vectors.map(({ key, master }) => [key, master] as const);

  test('from its configuration', () => {
    const router = clusterRouter(parseClusterConfig(JSON.stringify(bucket.config), '10.0.0.1'));
    expect(placements(router, expected)).toEqual(expected);
  });

  test('from a list, in whatever order it is given', () => {
    const shuffled = [2, 0, 1];
    const nodes = topologyOf(shuffled.map((i) => bucket.servers[i]!));
    const router = createRouter('ketama', nodes, { ketama: { compatible: 'couchbase' } });
    expect(expected.map(([key]) => [key, shuffled[router.pick(key)]])).toEqual(expected);
  });
});
