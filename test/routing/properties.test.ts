import fc from 'fast-check';
import { createRouter, type RoutingOptions } from '../../lib/core/routing/create.js';
import type { Distribution } from '../../lib/core/routing/options.js';
import { routedNode, type Topology } from '../../lib/core/routing/topology.js';
import { counts } from './support/vectors.js';

const anyKey = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0, max: 0xffff })), {
    maxLength: 300,
  })
  .map((units) => String.fromCharCode(...units));

function nodesOf(hosts: readonly string[], weights: readonly number[]): Topology {
  return hosts.map((host, i) => routedNode({ host, port: 11211 }, weights[i] ?? 1));
}

const hosts = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9.]{0,9}$/), { minLength: 1, maxLength: 9 });
const equalNodes = hosts.map((names) => nodesOf(names, []));
const weighedNodes = fc
  .tuple(hosts, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 9, maxLength: 9 }))
  .map(([names, weights]) => nodesOf(names, weights));

/** Every way to route, with topologies it takes. */
const ways: [string, Distribution, RoutingOptions, fc.Arbitrary<Topology>][] = [
  ['ketama', 'ketama', {}, weighedNodes],
  ['ketama as libmemcached', 'ketama', { ketama: { compatible: 'libmemcached' } }, weighedNodes],
  ['ketama as libmemcached spy', 'ketama', { ketama: { compatible: 'libmemcached-spy' } }, weighedNodes],
  ['ketama as twemproxy', 'ketama', { ketama: { compatible: 'twemproxy', hashTag: '{}' } }, weighedNodes],
  ['ketama as moxi', 'ketama', { ketama: { compatible: 'moxi' } }, weighedNodes],
  ['ketama as couchbase', 'ketama', { ketama: { compatible: 'couchbase' } }, equalNodes],
  ['modula', 'modula', {}, equalNodes],
  ['modula as twemproxy', 'modula', { modula: { compatible: 'twemproxy' } }, weighedNodes],
  ['rendezvous', 'rendezvous', {}, weighedNodes],
  ['round robin', 'round-robin', {}, weighedNodes],
];

describe.each(ways)('%s', (_, distribution, options, topologies) => {
  test('picks a node there is, for any key', () => {
    fc.assert(
      fc.property(topologies, fc.array(anyKey, { maxLength: 20 }), (nodes, keys) => {
        const router = createRouter(distribution, nodes, options);
        expect(router.size).toBe(nodes.length);
        for (const key of keys) {
          const index = router.pick(key);
          expect(nodes).toHaveProperty([index]);
          expect(router.pick(key)).toBe(index);
          router.turn?.();
        }
      }),
      { numRuns: 50 },
    );
  });

  test('picks only usable nodes, the right one if it is usable, and nobody only if nobody is', () => {
    fc.assert(
      fc.property(
        topologies,
        fc.array(anyKey, { maxLength: 20 }),
        fc.nat(2 ** 9 - 1),
        (nodes, keys, mask) => {
          const router = createRouter(distribution, nodes, options);
          const usable = (index: number) => ((mask >> index) & 1) === 1;
          const some = nodes.some((__, index) => usable(index));
          for (const key of keys) {
            const index = router.pickUsable(key, usable);
            expect(index === -1 ? !some : usable(index)).toBe(true);
            expect(router.pickUsable(key, usable)).toBe(index);
            if (usable(router.pick(key))) expect(index).toBe(router.pick(key));
            router.turn?.();
          }
        },
      ),
    );
  });

  test('is the same however often it is made', () => {
    fc.assert(
      fc.property(topologies, fc.array(anyKey, { maxLength: 20 }), (nodes, keys) => {
        const [one, other] = [
          createRouter(distribution, nodes, options),
          createRouter(distribution, nodes, options),
        ];
        for (const key of keys) expect(one.pick(key)).toBe(other.pick(key));
      }),
      { numRuns: 30 },
    );
  });
});

const moving: [string, Distribution, RoutingOptions, fc.Arbitrary<Topology>][] = [
  // On the weighted ring a node's points depend on the average weight, so with weights some more keys move.
  ['ketama', 'ketama', {}, equalNodes],
  ['ketama as libmemcached', 'ketama', { ketama: { compatible: 'libmemcached' } }, equalNodes],
  ['ketama as couchbase', 'ketama', { ketama: { compatible: 'couchbase' } }, equalNodes],
  ['rendezvous', 'rendezvous', {}, weighedNodes],
];

describe.each(moving)('%s › when a node is removed', (_, distribution, options, topologies) => {
  test('only its keys move', () => {
    fc.assert(
      fc.property(
        topologies.filter((nodes) => nodes.length > 1),
        fc.nat(),
        (nodes, choice) => {
          const removed = choice % nodes.length;
          const before = createRouter(distribution, nodes, options);
          const left = nodes.filter((__, index) => index !== removed);
          const after = createRouter(distribution, left, options);
          const moved = [];
          for (let i = 0; i < 300; i++) {
            const node = nodes[before.pick(`key:${i}`)]!;
            if (node !== nodes[removed] && left[after.pick(`key:${i}`)] !== node) moved.push(`key:${i}`);
          }
          expect(moved).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('weights', () => {
  const KEYS = 2_000;
  const shares: [string, Distribution, RoutingOptions, (share: number, nodes: number) => number][] = [
    // What a share may be off by, as a part of it: one over the root of what it is made of. A ring has few points.
    ['ketama', 'ketama', {}, (share, nodes) => 1 / Math.sqrt(160 * nodes * share)],
    // Its default hash is poor modulo small numbers: of "key:0" to "key:1999" it gives nothing to two places of five.
    ['modula as twemproxy', 'modula', { modula: { compatible: 'twemproxy', keyHash: 'md5' } }, () => 0],
    ['rendezvous', 'rendezvous', {}, () => 0],
  ];

  test.each(shares)('%s gives every node its share of the keys', (_, distribution, options, roughness) => {
    fc.assert(
      fc.property(weighedNodes, (nodes) => {
        const total = nodes.reduce((sum, node) => sum + node.weight, 0);
        const found = counts(createRouter(distribution, nodes, options), KEYS);
        for (const [index, node] of nodes.entries()) {
          const share = node.weight / total;
          const deviation = Math.hypot(1 / Math.sqrt(KEYS * share), roughness(share, nodes.length));
          expect(Math.abs(found[index]! / (KEYS * share) - 1)).toBeLessThan(5.5 * deviation);
        }
      }),
      // Statistics need the same keys and the same nodes every time.
      { numRuns: 40, seed: 20 },
    );
  });

  test('round robin gives every node exactly its weight in turns, from any turn on', () => {
    fc.assert(
      fc.property(weighedNodes, fc.nat(100), (nodes, start) => {
        const router = createRouter('round-robin', nodes);
        for (let i = 0; i < start; i++) router.turn?.();
        const total = nodes.reduce((sum, node) => sum + node.weight, 0);
        const found = new Array<number>(nodes.length).fill(0);
        for (let i = 0; i < total; i++) {
          found[router.pick('')]!++;
          router.turn?.();
        }
        if (nodes.length > 1) expect(found).toEqual(nodes.map((node) => node.weight));
      }),
    );
  });
});
