import { createRouter } from '../../lib/core/routing/create.js';
import { RoundRobinRouter } from '../../lib/core/routing/round-robin.js';
import { routedNode } from '../../lib/core/routing/topology.js';
import { topologyOf } from './support/vectors.js';

function weighing(...weights: number[]): RoundRobinRouter {
  return new RoundRobinRouter(weights.map((weight, i) => routedNode({ host: `n${i}`, port: 1 }, weight)));
}

/** Who has the next `count` turns, the present one included. */
function turns(router: RoundRobinRouter, count: number, usable?: (index: number) => boolean): number[] {
  return Array.from({ length: count }, () => {
    const index = usable === undefined ? router.pick('') : router.pickUsable('', usable);
    router.turn();
    return index;
  });
}

function tally(indexes: number[], size: number): number[] {
  return Array.from({ length: size }, (_, node) => indexes.filter((index) => index === node).length);
}

describe('round robin', () => {
  test('takes nodes in turn, in the order of the list', () => {
    expect(turns(weighing(1, 1, 1), 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test('stays with one node for a whole turn, whatever the key', () => {
    const router = weighing(1, 1, 1);
    const first = router.pick('a');
    expect(['b', 'c', 'd'].map((key) => router.pick(key))).toEqual([first, first, first]);
    expect(router.pickUsable('e', () => true)).toBe(first);
  });

  test('spreads the turns of a heavy node', () => {
    expect(turns(weighing(3, 1), 8)).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
    expect(turns(weighing(5, 1, 1), 7)).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });

  test('gives each node exactly its weight in turns', () => {
    const weights = [4, 1, 7, 2];
    expect(tally(turns(weighing(...weights), 14), 4)).toEqual(weights);
  });

  test('deals the turns of unusable nodes among all others', () => {
    const router = weighing(1, 1, 1, 1);
    expect(
      tally(
        turns(router, 40, (index) => index >= 2),
        4,
      ),
    ).toEqual([0, 0, 20, 20]);
    expect(
      tally(
        turns(weighing(1, 1, 1), 60, (index) => index !== 0),
        3,
      ),
    ).toEqual([0, 30, 30]);
  });

  test('deals them by weight', () => {
    expect(
      tally(
        turns(weighing(6, 1, 2), 90, (index) => index !== 0),
        3,
      ),
    ).toEqual([0, 30, 60]);
  });

  test('one node stands in for a whole turn, and another when it fails too', () => {
    const router = weighing(1, 1, 1);
    const first = router.pick('');
    const second = router.pickUsable('', (index) => index !== first);
    expect(second).not.toBe(first);
    expect(router.pickUsable('', (index) => index !== first)).toBe(second);
    const third = router.pickUsable('', (index) => index !== first && index !== second);
    expect([first, second, third].sort()).toEqual([0, 1, 2]);
    expect(router.pickUsable('', () => false)).toBe(-1);
    expect(router.pick('')).toBe(first);
  });

  test('goes back to its order when a node returns', () => {
    const router = weighing(1, 1, 1);
    turns(router, 30, (index) => index !== 1);
    expect(turns(router, 6, () => true)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('is what createRouter makes, with a turn to call', () => {
    const router = createRouter('round-robin', topologyOf(['a:1', 'b:1']));
    const first = router.pick('');
    router.turn?.();
    expect(router.pick('')).toBe(1 - first);
  });
});
