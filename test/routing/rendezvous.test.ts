import { createRouter } from '../../lib/core/routing/create.js';
import { RendezvousRouter } from '../../lib/core/routing/rendezvous.js';
import { routedNode } from '../../lib/core/routing/topology.js';
import { counts, type Placement, placements, topologyOf, vectors } from './support/vectors.js';

describe('rendezvous › places keys as pymemcache 3.5.2 does', () => {
  const { configs } = vectors<{
    configs: { nodes: string[]; vectors: Placement[]; afterRemovingLastNode: Placement[] }[];
  }>('pymemcache-rendezvous.json');

  test.each(configs.map((config) => [config.nodes.length, config] as const))('on %d nodes', (_, config) => {
    const nodes = topologyOf(config.nodes);
    const all = createRouter('rendezvous', nodes);
    expect(placements(all, config.vectors)).toEqual(config.vectors);
    const left = createRouter('rendezvous', nodes.slice(0, -1));
    expect(placements(left, config.afterRemovingLastNode)).toEqual(config.afterRemovingLastNode);
  });
});

describe('rendezvous', () => {
  test('gives what a lost node had to the nodes it would go to without it', () => {
    const nodes = topologyOf(['a:1', 'b:1', 'c:1', 'd:1']);
    const all = createRouter('rendezvous', nodes);
    const left = createRouter('rendezvous', [nodes[0]!, nodes[3]!]);
    for (let i = 0; i < 2_000; i++) {
      const index = all.pickUsable(`key:${i}`, (each) => each === 0 || each === 3);
      expect(index).toBe([0, 3][left.pick(`key:${i}`)]);
    }
  });

  test('weighs all the same when all weigh the same, whatever that is', () => {
    const light = createRouter('rendezvous', topologyOf(['a:1', 'b:1', 'c:1']));
    const heavy = ['a', 'b', 'c'].map((host) => routedNode({ host, port: 1 }, 70));
    expect(counts(createRouter('rendezvous', heavy), 2_000)).toEqual(counts(light, 2_000));
  });

  test('a unix socket is scored by its path, an IPv6 address without brackets', () => {
    const named = topologyOf(['unix:/run/a.sock', '[::1]:7']);
    const spelled = new RendezvousRouter([
      { ...named[0]!, path: undefined, host: '/run/a.sock', port: 0 },
      named[1]!,
    ]);
    // Scored with ":0" behind it the socket gets other keys, so the two must differ.
    expect(counts(createRouter('rendezvous', named), 500)).not.toEqual(counts(spelled, 500));
    expect(counts(createRouter('rendezvous', named), 500).every((count) => count > 150)).toBe(true);
  });

  test('of equal scores the greater name wins, whatever the order', () => {
    // Found by trying names: these two score the same for the key "key".
    const [lesser, greater] = topologyOf(['n24773:1', 'n25116:1']);
    expect(createRouter('rendezvous', [lesser!, greater!]).pick('key')).toBe(1);
    expect(createRouter('rendezvous', [greater!, lesser!]).pick('key')).toBe(0);
    expect(createRouter('rendezvous', [greater!, lesser!]).pickUsable('key', (index) => index === 1)).toBe(1);
  });

  test('takes keys longer than any server takes', () => {
    const router = createRouter('rendezvous', topologyOf(['a:1', 'b:1', 'c:1']));
    for (const length of [1_019, 1_020, 1_023, 1_024, 1_025, 5_000]) {
      expect([0, 1, 2]).toContain(router.pick('k'.repeat(length)));
    }
  });
});
