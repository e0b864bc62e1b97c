import { createRouter } from '../../lib/core/routing/create.js';
import {
  checkKetamaOptions,
  checkModulaOptions,
  distributionRule,
  ketamaRule,
  modulaRule,
} from '../../lib/core/routing/options.js';
import type { CustomDistribution, Router } from '../../lib/core/routing/router.js';
import { routedNode, type Topology } from '../../lib/core/routing/topology.js';
import { topologyOf } from './support/vectors.js';

const three = topologyOf(['a:1', 'b:1', 'c:1']);

/** What comes from a configuration file, which the compiler has not seen. */
function unchecked<T>(value: unknown): T {
  return value as T;
}

describe('createRouter › one node', () => {
  test.each(['ketama', 'modula', 'rendezvous', 'round-robin'] as const)('%s always picks it', (name) => {
    const router = createRouter(name, topologyOf(['only:1']));
    expect(router.size).toBe(1);
    expect(router.pick('anything')).toBe(0);
    expect(router.pickUsable('anything', () => true)).toBe(0);
    expect(router.pickUsable('anything', () => false)).toBe(-1);
  });

  test('never hashes: the key is not even looked at', () => {
    const router = createRouter('ketama', topologyOf(['only:1']));
    expect(router.pick(unchecked<string>(undefined))).toBe(0);
  });

  test('hides no mistake that would show with the second', () => {
    const options = { ketama: { compatible: 'twemproxy', names: { 'b:1': 'beta' } } } as const;
    expect(() => createRouter('ketama', topologyOf(['a:1']), options)).toThrow('which is no node');
  });
});

describe('createRouter › refuses', () => {
  test('an empty list', () => {
    expect(() => createRouter('ketama', [])).toThrow('There is no node to route to; give at least one.');
  });

  test('a node listed twice', () => {
    expect(() => createRouter('ketama', topologyOf(['a:1', 'b:1', 'a:1']))).toThrow(
      'The node a:1 is listed twice; list it once and give it more weight instead.',
    );
  });

  test.each([0, -1, 1.5, Number.NaN, 1_000_001])('the weight %p', (weight) => {
    const nodes = [routedNode({ host: 'a', port: 1 }, weight), routedNode({ host: 'b', port: 1 })];
    expect(() => createRouter('round-robin', nodes)).toThrow(
      `The weight of a:1 must be a whole number from 1 to 1000000, not ${weight}.`,
    );
  });

  test.each([
    [
      'katama',
      "Option \"distribution\" must be one of 'ketama', 'round-robin', 'rendezvous', 'modula', or an object { name, create(nodes) }, not \"katama\".",
    ],
    [{ name: 'mine' }, 'not an object.'],
    [{ name: '', create: () => undefined }, 'not an object.'],
    [null, 'not null.'],
  ])('the distribution %j', (given, message) => {
    expect(() => createRouter(unchecked(given), three)).toThrow(message);
  });

  test.each([
    [{ compatible: 'libketama' }, 'ketama: option "compatible" must be one of \'libmemcached-weighted\''],
    [{ keyHash: 'sha1' }, "ketama: option \"keyHash\" must be one of 'md5', 'one_at_a_time'"],
    [{ keyhash: 'md5' }, 'ketama: there is no option "keyhash". Did you mean "keyHash"?'],
    [
      { names: {} },
      "ketama: option \"names\" goes only with compatible: 'twemproxy', not with 'libmemcached-weighted'.",
    ],
    [
      { compatible: 'twemproxy', names: { 'a:1': 5 } },
      'ketama: option "names" must be an object from node name',
    ],
    [{ compatible: 'twemproxy', names: ['a'] }, 'ketama: option "names" must be an object from node name'],
    [{ compatible: 'twemproxy', hashTag: '{' }, 'ketama: option "hashTag" must be two characters'],
    [{ hashTag: '{}' }, 'ketama: option "hashTag" goes only with compatible: \'twemproxy\''],
    [
      { compatible: 'moxi', keyHash: 'crc32' },
      "ketama: 'moxi' hashes keys with md5; leave \"keyHash\" out instead of giving 'crc32'.",
    ],
    ['twemproxy', 'ketama takes an object of options, not "twemproxy".'],
  ])('the ketama options %j', (ketama, message) => {
    expect(() => createRouter('ketama', three, { ketama: unchecked(ketama) })).toThrow(message);
  });

  test.each([
    [
      { compatible: 'moxi' },
      'modula: option "compatible" must be one of \'libmemcached\', \'twemproxy\', not "moxi".',
    ],
    [{ hashTag: '{}' }, 'modula: option "hashTag" goes only with compatible: \'twemproxy\''],
    [{ names: {} }, 'modula: there is no option "names"'],
  ])('the modula options %j, even when another distribution is chosen', (modula, message) => {
    expect(() => createRouter('ketama', three, { modula: unchecked(modula) })).toThrow(message);
  });
});

describe('routing options', () => {
  test('are ketama-weighted by default', () => {
    expect(distributionRule.fallback).toBe('ketama');
    expect(ketamaRule.fallback).toEqual({
      compatible: 'libmemcached-weighted',
      keyHash: 'md5',
      names: undefined,
      hashTag: undefined,
    });
    expect(modulaRule.fallback.keyHash).toBe('one_at_a_time');
  });

  test.each([
    ['libmemcached', 'one_at_a_time'],
    ['libmemcached-spy', 'one_at_a_time'],
    ['twemproxy', 'fnv1a_64'],
    ['moxi', 'md5'],
    ['couchbase', 'md5'],
  ] as const)('%s hashes keys with %s unless told otherwise', (compatible, keyHash) => {
    expect(checkKetamaOptions({ compatible }).keyHash).toBe(keyHash);
  });

  test('checking what was checked changes nothing', () => {
    for (const compatible of ['libmemcached', 'twemproxy', 'moxi', 'couchbase'] as const) {
      const checked = checkKetamaOptions({ compatible });
      expect(checkKetamaOptions(checked)).toEqual(checked);
    }
    const checked = checkModulaOptions({ compatible: 'twemproxy', hashTag: '{}' });
    expect(checkModulaOptions(checked)).toEqual(checked);
  });

  test('the rules name the option they stand for', () => {
    expect(() => ketamaRule.read({ keyHash: 1 }, 'pool.ketama')).toThrow('pool.ketama: option "keyHash"');
    expect(modulaRule.read({ compatible: 'twemproxy' }, 'modula')).toEqual({
      compatible: 'twemproxy',
      keyHash: 'fnv1a_64',
      hashTag: undefined,
    });
  });
});

describe('a distribution of one’s own', () => {
  const made = (router: Partial<Router>): CustomDistribution => ({
    name: 'mine',
    create: () => unchecked<Router>(router),
  });
  const good = { size: 3, pick: () => 2, pickUsable: () => -1 };

  test('is asked with the nodes, and its answers are passed on', () => {
    const given: Topology[] = [];
    let turned = 0;
    const router = createRouter(
      {
        name: 'mine',
        create: (nodes) => {
          given.push(nodes);
          return { ...good, turn: () => turned++ };
        },
      },
      three,
    );
    expect(given).toEqual([three]);
    expect(router.size).toBe(3);
    expect(router.pick('key')).toBe(2);
    expect(router.pickUsable('key', () => true)).toBe(-1);
    router.turn?.();
    expect(turned).toBe(1);
  });

  test('need not have turns', () => {
    expect(() => createRouter(made(good), three).turn?.()).not.toThrow();
  });

  test.each([3, -2, 0.5, Number.NaN, undefined])('is held to an index there is: not %p', (index) => {
    const answer = () => unchecked<number>(index);
    const router = createRouter(made({ ...good, pick: answer, pickUsable: answer }), three);
    const message = `The distribution "mine" picked node ${index}; there are 3, counted from 0.`;
    expect(() => router.pick('key')).toThrow(message);
    expect(() => router.pickUsable('key', () => true)).toThrow(message);
  });

  test('is refused when it makes no router, or one of another size', () => {
    expect(() => createRouter(made({ size: 3 }), three)).toThrow('The distribution "mine" made no router');
    expect(() => createRouter(made({ ...good, size: 2 }), three)).toThrow(
      'The distribution "mine" made a router of size 2 for 3 nodes.',
    );
  });
});
