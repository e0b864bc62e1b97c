import fc from 'fast-check';
import { MemcachedProtocolError } from '../../lib/core/base/errors.js';
import { isNewerConfig, parseClusterConfig } from '../../lib/core/routing/cluster-config.js';
import { sample } from './support/vectors.js';

const MAP = {
  hashAlgorithm: 'CRC',
  numReplicas: 1,
  serverList: ['10.0.0.1:11210', '10.0.0.2:11210'],
  vBucketMap: [
    [0, 1],
    [1, 0],
    [0, -1],
    [-1, -1],
  ],
};

function parse(config: unknown, host = '10.0.0.9') {
  return parseClusterConfig(JSON.stringify(config), host);
}

/** A configuration of a bucket whose map differs from a good one in these fields. */
function withMap(changes: Record<string, unknown>) {
  return { name: 'default', nodeLocator: 'vbucket', vBucketServerMap: { ...MAP, ...changes } };
}

const server = (host: string, port: number, more: object = {}) => ({
  host,
  port,
  tlsPort: undefined,
  managementPort: undefined,
  managementTlsPort: undefined,
  ...more,
});

describe('parseClusterConfig › what servers sent', () => {
  test('CouchbaseMock, one shot', () => {
    const config = parseClusterConfig(sample('couchbasemock-terse-default.json'), '127.0.0.1');
    expect(config).toMatchObject({ bucket: 'default', locator: 'vbucket', revision: { epoch: 0, rev: 5 } });
    expect(config.servers).toEqual(
      [23110, 23111, 23112].map((port) => server('127.0.0.1', port, { managementPort: 23100 })),
    );
    expect(config.map).toMatchObject({ size: 16, servers: 3, replicas: 1 });
    expect([0, 1, 15].map((vbucket) => config.map?.masterOf(vbucket))).toEqual([1, 0, 0]);
    expect([0, 1, 15].map((vbucket) => config.map?.replicaOf(vbucket, 0))).toEqual([2, 1, 2]);
  });

  test('CouchbaseMock, in a "not my vbucket" reply, with $HOST', () => {
    const config = parseClusterConfig(sample('couchbasemock-nmvb-payload.json'), '192.168.0.9');
    expect(config.revision).toEqual({ epoch: 0, rev: 12 });
    expect(config.servers).toEqual(
      [23110, 23111, 23112].map((port) => server('192.168.0.9', port, { managementPort: 23100 })),
    );
  });

  test('CouchbaseMock, as a stream', () => {
    const frames = sample('couchbasemock-stream-raw.txt')
      .split('\n\n\n\n')
      .filter((frame) => frame !== '');
    expect(frames).toHaveLength(3);
    const configs = frames.map((frame) => parseClusterConfig(frame, '127.0.0.1'));
    expect(configs.every((config) => config.map?.size === 16)).toBe(true);
  });

  test('CouchbaseMock, a bucket of type memcached', () => {
    const config = parseClusterConfig(sample('couchbasemock-memcached-bucket.json'), '127.0.0.1');
    expect(config).toMatchObject({ bucket: 'mc', locator: 'ketama', revision: { epoch: 0, rev: 5 } });
    expect(config.map).toBeUndefined();
    expect(config.servers).toEqual(
      [23117, 23118].map((port) => server('127.0.0.1', port, { managementPort: 23100 })),
    );
  });

  test('Couchbase 7.0, whose nodesExt leaves the hosts out', () => {
    const text = sample('caves-7.0-terse-default.json');
    const expected = [23170, 23174, 23178].map((port) =>
      server('127.0.0.1', port, {
        tlsPort: port + 1,
        managementPort: port + 2,
        managementTlsPort: port + 3,
      }),
    );
    expect(parseClusterConfig(text, '127.0.0.1').servers).toEqual(expected);
    // Asked by another of its names.
    expect(parseClusterConfig(text, 'localhost').servers).toEqual(expected);
  });

  test('Couchbase 7.0, of no bucket: refused', () => {
    expect(() => parseClusterConfig(sample('caves-7.0-nodeServices.json'), '127.0.0.1')).toThrow(
      'The cluster configuration cannot be used: it has no vBucketServerMap (configurations of no bucket have none).',
    );
  });
});

describe('parseClusterConfig › servers', () => {
  test('a map without an envelope is taken', () => {
    const config = parse(MAP);
    expect(config).toMatchObject({ bucket: undefined, revision: undefined, locator: 'vbucket' });
    expect(config.servers.map(({ host }) => host)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(config.map?.size).toBe(4);
  });

  test('$HOST is the address it came from, in brackets where IPv6 needs them', () => {
    const { servers } = parse(withMap({ serverList: ['$HOST:11210', '10.0.0.2:11210'] }), 'fe80::1');
    expect(servers.map(({ host, port }) => [host, port])).toEqual([
      ['fe80::1', 11210],
      ['10.0.0.2', 11210],
    ]);
  });

  test('an address is put in for $HOST as text, whatever it contains', () => {
    const { servers } = parse(withMap({ serverList: ['$HOST:1', 'b:1'] }), '$&"\\');
    expect(servers[0]?.host).toBe('$&"\\');
  });

  test('ports are paired by host and port, not by order', () => {
    const { servers } = parse({
      ...withMap({}),
      nodes: [{ hostname: '10.0.0.1:8091', ports: { direct: 11210 } }],
      nodesExt: [
        { hostname: '10.0.0.3', services: { kv: 11210, kvSSL: 1 } },
        { hostname: '10.0.0.2', services: { kv: 11210, kvSSL: 11207, mgmt: 8091, mgmtSSL: 18091 } },
        { services: { mgmt: 8091 } },
      ],
    });
    expect(servers).toEqual([
      server('10.0.0.1', 11210, { managementPort: 8091 }),
      server('10.0.0.2', 11210, { tlsPort: 11207, managementPort: 8091, managementTlsPort: 18091 }),
    ]);
  });

  test('another server on the same port lends its ports to nobody', () => {
    const { servers } = parse({
      ...withMap({}),
      nodesExt: [{ hostname: '10.0.0.7', services: { kv: 11210, kvSSL: 11207 } }],
    });
    expect(servers.map(({ tlsPort }) => tlsPort)).toEqual([undefined, undefined]);
  });

  test('those of a memcached bucket are sorted as libvbucket sorts them, with brackets around IPv6', () => {
    const nodes = ['b:8091', '[::1]:8091', '10.0.0.10:8091', '10.0.0.9:8091'].map((hostname) => ({
      hostname,
      ports: { direct: 11210 },
      status: 'unhealthy',
    }));
    const { servers } = parse({ name: 'mc', nodeLocator: 'ketama', nodes });
    expect(servers.map(({ host }) => host)).toEqual(['10.0.0.10', '10.0.0.9', '::1', 'b']);
  });
});

describe('parseClusterConfig › refuses', () => {
  const rows = (count: number) => Array.from({ length: count }, () => [0, 1]);

  test.each([
    [
      'a map of 0 rows',
      withMap({ vBucketMap: [] }),
      'vBucketMap has 0 rows; it must be a power of two from 1 to 65536',
    ],
    [
      'a map of 48 rows',
      withMap({ vBucketMap: rows(48) }),
      'vBucketMap has 48 rows; it must be a power of two',
    ],
    ['a map of 131072 rows', withMap({ vBucketMap: rows(131_072) }), 'vBucketMap has 131072 rows'],
    ['another hash', withMap({ hashAlgorithm: 'MD5' }), 'its hashAlgorithm is "MD5"; only "CRC" is known'],
    ['no hash', withMap({ hashAlgorithm: undefined }), 'its hashAlgorithm is missing; only "CRC" is known'],
    ['5 replicas', withMap({ numReplicas: 5 }), 'numReplicas is 5; it must be a whole number from 0 to 4'],
    ['no replicas', withMap({ numReplicas: undefined }), 'numReplicas is missing'],
    ['a server that is none', withMap({ vBucketMap: [[0, 2]] }), 'vBucketMap[0] names server 2 of 2'],
    ['a server below nobody', withMap({ vBucketMap: [[-2, 0]] }), 'vBucketMap[0] names server -2 of 2'],
    ['half a server', withMap({ vBucketMap: [[0.5]] }), 'vBucketMap[0] names server 0.5 of 2'],
    ['an empty row', withMap({ vBucketMap: [[0], []] }), 'vBucketMap[1] is not a list of at least a master'],
    ['a row that is none', withMap({ vBucketMap: [0] }), 'vBucketMap[0] is not a list of at least a master'],
    ['a map that is none', withMap({ vBucketMap: 'x' }), 'vBucketMap is not a list'],
    ['no map', withMap({ vBucketMap: undefined }), 'it has no vBucketServerMap'],
    [
      'a forward map of another size',
      withMap({ vBucketMapForward: rows(2) }),
      'vBucketMapForward has 2 rows and vBucketMap 4',
    ],
    [
      'a broken forward map',
      withMap({ vBucketMapForward: [[7]] }),
      'vBucketMapForward[0] names server 7 of 2',
    ],
    ['no servers', withMap({ serverList: [] }), 'serverList is not a list of 1 to 32767 servers'],
    [
      'a server without a port',
      withMap({ serverList: ['a', 'b:1'] }),
      'serverList[0] is "a" instead of "host:port"',
    ],
    [
      'a port beyond 65535',
      withMap({ serverList: ['a:1', 'b:65536'] }),
      'serverList[1] is "b:65536" instead of',
    ],
    ['a server twice', withMap({ serverList: ['a:1', 'a:1'] }), 'serverList names a:1 twice'],
    [
      'another locator',
      { ...withMap({}), nodeLocator: 'modula' },
      'its nodeLocator is "modula"; "vbucket" and "ketama" are known',
    ],
    ['an envelope without a map', { name: 'default', nodeLocator: 'vbucket' }, 'it has no vBucketServerMap'],
    [
      'a revision that is no number',
      { ...withMap({}), rev: 'new' },
      'rev "new" and revEpoch 0 must be whole numbers',
    ],
    ['a ring of nobody', { name: 'default', nodeLocator: 'ketama', nodes: [] }, 'it has no nodes'],
    [
      'a ring with a node without a port',
      { name: 'default', nodeLocator: 'ketama', nodes: [{ hostname: 'a:8091' }] },
      'nodes[0] has no hostname or no ports.direct',
    ],
    [
      'a ring with a node twice',
      {
        name: 'default',
        nodeLocator: 'ketama',
        nodes: ['a:8091', 'a:9000'].map((hostname) => ({ hostname, ports: { direct: 1 } })),
      },
      'nodes names a:1 twice',
    ],
  ])('%s', (_, config, why) => {
    expect(() => parse(config)).toThrow(MemcachedProtocolError);
    expect(() => parse(config)).toThrow(
      `The cluster configuration of bucket "default" cannot be used: ${why}`,
    );
  });

  test('what is not JSON, or no object', () => {
    expect(() => parseClusterConfig('{"name":', 'a')).toThrow('cannot be used: it is not JSON.');
    for (const text of ['[]', 'null', '"x"', '1']) {
      expect(() => parseClusterConfig(text, 'a')).toThrow('cannot be used: it is not an object.');
    }
  });

  test('a password stays out of the message', () => {
    const config = { ...withMap({ hashAlgorithm: 'X' }), saslPassword: 'hunter2' };
    expect(() => parse(config)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  test('any JSON at all without another error than its own', () => {
    const anything = fc.oneof(
      fc.json(),
      fc
        .record(
          {
            nodeLocator: fc.constantFrom('vbucket', 'ketama', undefined, 1),
            rev: fc.oneof(fc.nat(), fc.jsonValue()),
            nodes: fc.array(
              fc.record({ hostname: fc.string(), ports: fc.jsonValue() }, { requiredKeys: [] }),
            ),
            nodesExt: fc.array(fc.jsonValue()),
            vBucketServerMap: fc.record(
              {
                hashAlgorithm: fc.constantFrom('CRC', 'X'),
                numReplicas: fc.oneof(fc.nat(4), fc.jsonValue()),
                serverList: fc.oneof(fc.array(fc.constantFrom('a:1', 'b:1', '[::1]:2', 'x')), fc.jsonValue()),
                vBucketMap: fc.oneof(fc.array(fc.array(fc.integer({ min: -2, max: 3 }))), fc.jsonValue()),
                vBucketMapForward: fc.jsonValue(),
              },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        )
        .map((config) => JSON.stringify(config)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          const config = parseClusterConfig(text, 'a');
          expect(config.servers.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof MemcachedProtocolError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('isNewerConfig', () => {
  const at = (rev?: number, revEpoch?: number) => parse({ ...withMap({}), rev, revEpoch });

  test.each([
    ['rev 6', at(6), 'rev 5', at(5), true],
    ['rev 5', at(5), 'rev 5', at(5), false],
    ['rev 4', at(4), 'rev 5', at(5), false],
    ['epoch 1 rev 1', at(1, 1), 'rev 500', at(500), true],
    ['rev 500', at(500), 'epoch 1 rev 1', at(1, 1), false],
    ['epoch 0 rev 6', at(6, 0), 'rev 5', at(5), true],
    ['no rev', at(), 'no rev', at(), true],
    ['no rev', at(), 'rev 5', at(5), true],
    ['rev 1', at(1), 'no rev', at(), true],
    ['anything', at(), 'nothing', undefined, true],
  ])('%s after %s', (_, candidate, __, current, expected) => {
    expect(isNewerConfig(candidate, current)).toBe(expected);
  });
});
