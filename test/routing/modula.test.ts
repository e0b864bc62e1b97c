import { createRouter } from '../../lib/core/routing/create.js';
import { keyHash } from '../../lib/core/routing/hashes/key-hash.js';
import { routedNode } from '../../lib/core/routing/topology.js';
import { topologyOf } from './support/vectors.js';

const weighted = [3, 1, 2].map((weight, i) => routedNode({ host: `10.0.0.${i}`, port: 11211 }, weight));

describe('modula', () => {
  test('gives a node as many places side by side as it weighs, where twemproxy does', () => {
    const router = createRouter('modula', weighted, { modula: { compatible: 'twemproxy' } });
    const hash = keyHash('fnv1a_64');
    for (let i = 0; i < 500; i++) {
      expect(router.pick(`key:${i}`)).toBe([0, 0, 0, 1, 2, 2][hash(`key:${i}`) % 6]);
    }
  });

  test('refuses weights libmemcached would ignore', () => {
    expect(() => createRouter('modula', weighted)).toThrow("modula: 'libmemcached' knows no weights");
  });

  test('takes the next node of the list when one is not usable', () => {
    const router = createRouter('modula', topologyOf(['a:1', 'b:1', 'c:1']));
    for (let i = 0; i < 100; i++) {
      const first = router.pick(`key:${i}`);
      expect(router.pickUsable(`key:${i}`, (index) => index !== first)).toBe((first + 1) % 3);
    }
  });
});
