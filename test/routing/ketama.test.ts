import { createRouter } from '../../lib/core/routing/create.js';
import { routedNode } from '../../lib/core/routing/topology.js';
import { counts, topologyOf } from './support/vectors.js';

describe('ketama › pickUsable', () => {
  test('walks to the owner of the next point, and each node only once', () => {
    const router = createRouter('ketama', topologyOf(['a:1', 'b:1', 'c:1', 'd:1']));
    const asked: number[] = [];
    const last = router.pickUsable('key', (index) => asked.push(index) === 4);
    expect(asked[0]).toBe(router.pick('key'));
    expect(asked[3]).toBe(last);
    expect([...asked].sort()).toEqual([0, 1, 2, 3]);
  });

  test('agrees with the ring that is left when nodes of equal weight go', () => {
    const nodes = topologyOf(['a:1', 'b:1', 'c:1', 'd:1', 'e:1']);
    const whole = createRouter('ketama', nodes);
    const left = createRouter('ketama', [nodes[1]!, nodes[2]!, nodes[4]!]);
    for (let i = 0; i < 2_000; i++) {
      const index = whole.pickUsable(`key:${i}`, (each) => each !== 0 && each !== 3);
      expect(index).toBe([1, 2, 4][left.pick(`key:${i}`)]);
    }
  });

  test('finds a node whose weight is too small for a point, last', () => {
    const nodes = [routedNode({ host: 'a', port: 1 }, 1), routedNode({ host: 'b', port: 1 }, 1_000)];
    const router = createRouter('ketama', nodes);
    expect(counts(router, 1_000)).toEqual([0, 1_000]);
    expect(router.pickUsable('key', (index) => index === 0)).toBe(0);
    expect(router.pickUsable('key', () => false)).toBe(-1);
  });

  test('remembers nothing of the walk before', () => {
    const router = createRouter('ketama', topologyOf(['a:1', 'b:1', 'c:1']));
    for (let i = 0; i < 100; i++) {
      expect(router.pickUsable('key', () => false)).toBe(-1);
      expect(router.pickUsable(`key:${i}`, (index) => index === i % 3)).toBe(i % 3);
    }
  });
});

describe('ketama › points', () => {
  test('a key that falls on a point belongs to its owner', () => {
    // Named like a point, a key has the hash of the first of its digest.
    const router = createRouter('ketama', topologyOf(['a:1', 'b:1', 'c:1']));
    const owners = ['a:1', 'b:1', 'c:1'].map((name) =>
      Array.from({ length: 40 }, (_, i) => router.pick(`${name}-${i}`)),
    );
    expect(owners).toEqual([0, 1, 2].map((index) => new Array(40).fill(index)));
  });

  test('of two points that fall together the node listed first has it, for libvbucket the lesser name', () => {
    // Both have a point at 795286060, and key:72 is before it.
    const [lesser, greater] = topologyOf(['n269:1', 'n593:1']);
    expect(createRouter('ketama', [lesser!, greater!]).pick('key:72')).toBe(0);
    expect(createRouter('ketama', [greater!, lesser!]).pick('key:72')).toBe(0);
    const bucket = { ketama: { compatible: 'couchbase' } } as const;
    expect(createRouter('ketama', [lesser!, greater!], bucket).pick('key:72')).toBe(0);
    expect(createRouter('ketama', [greater!, lesser!], bucket).pick('key:72')).toBe(1);
  });
});

describe('ketama › names on the ring', () => {
  test('a unix socket is its path with port 0 for libmemcached, and with a bare colon for twemproxy', () => {
    const sockets = topologyOf(['unix:/run/a.sock', 'unix:/run/b.sock', 'unix:/run/c.sock']);
    const asHosts = [0, 1, 2].map((i) => ({
      ...sockets[i]!,
      path: undefined,
      host: sockets[i]!.path,
      port: 0,
    }));
    expect(counts(createRouter('ketama', sockets), 3_000)).toEqual(
      counts(createRouter('ketama', asHosts), 3_000),
    );
    const spy = { ketama: { compatible: 'libmemcached-spy' } } as const;
    expect(counts(createRouter('ketama', sockets, spy), 3_000)).toEqual(
      counts(createRouter('ketama', asHosts, spy), 3_000),
    );
  });

  test('a name for a node that is none is refused', () => {
    const options = { ketama: { compatible: 'twemproxy', names: { 'a:2': 'alpha' } } } as const;
    expect(() => createRouter('ketama', topologyOf(['a:1', 'b:1']), options)).toThrow(
      'ketama: "names" has an entry for "a:2", which is no node; the nodes are a:1, b:1.',
    );
  });

  test('couchbase refuses weights it cannot honour', () => {
    const nodes = [routedNode({ host: 'a', port: 1 }, 1), routedNode({ host: 'b', port: 1 }, 2)];
    expect(() => createRouter('ketama', nodes, { ketama: { compatible: 'couchbase' } })).toThrow(
      "ketama: 'couchbase' knows no weights",
    );
  });
});
