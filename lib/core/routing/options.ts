/**
 * What can be said about a distribution, and which libraries each saying agrees with.
 *
 * Invariant: a checked option is complete and possible; ring and table makers ask nothing again. Checking
 * what was checked changes nothing.
 */
import { MemcachedOptionError } from '../base/errors.js';
import { checkOptions, describe, like, type OptionRule, oneOf, REFUSED } from '../base/options.js';
import { KEY_HASH_NAMES, type KeyHashName } from './hashes/key-hash.js';
import type { CustomDistribution } from './router.js';

const DISTRIBUTIONS = ['ketama', 'round-robin', 'rendezvous', 'modula'] as const;

/**
 * How keys find their node.
 *
 * - `ketama`: each node holds its part of the keys; a node more or less moves only its share of them.
 * - `rendezvous`: the same promise by scores instead of a ring; agrees with pymemcache's `HashClient`.
 * - `modula`: hash modulo the number of nodes; a node more or less moves nearly every key.
 * - `round-robin`: for nodes that share one key space, such as proxies: any node takes any key.
 */
export type Distribution = (typeof DISTRIBUTIONS)[number] | CustomDistribution;

const KETAMA_LIBRARIES = [
  'libmemcached-weighted',
  'libmemcached',
  'libmemcached-spy',
  'twemproxy',
  'moxi',
  'couchbase',
] as const;

export type KetamaLibrary = (typeof KETAMA_LIBRARIES)[number];

export interface KetamaOptions {
  /**
   * Whose placement of keys to reproduce.
   *
   * - `'libmemcached-weighted'`: `KETAMA_WEIGHTED`, the one that agrees with libketama (pylibmc
   *   `ketama_weighted`, PHP's `LIBKETAMA_COMPATIBLE`). 160 points for a node of average weight.
   * - `'libmemcached'`: plain `KETAMA` (pylibmc `ketama` and `distribution: consistent`). 100 points each, placed
   *   by the key hash itself. As there, a weight above 1 on any node turns the weighted ring on.
   * - `'libmemcached-spy'`: libmemcached's `KETAMA_SPY`, the same ring with names as spymemcached writes them.
   * - `'twemproxy'`: nutcracker's `distribution: ketama`. It hashes the names of the servers and keys by
   *   the pool's `hash`, so give `names`, `keyHash` and `hashTag` as they stand in its configuration.
   * - `'moxi'`: a static list in Moxi without further words. (Its `distribution:ketama` is `'libmemcached'`
   *   with `keyHash: 'md5'`.)
   * - `'couchbase'`: buckets of type memcached, as libvbucket, Moxi and libcouchbase place them. The port
   *   is always part of a node's name and weights are not known.
   *
   * @defaultValue 'libmemcached-weighted'
   */
  compatible?: KetamaLibrary | undefined;
  /**
   * How a key is hashed. `'moxi'` and `'couchbase'` know only md5.
   * @defaultValue what the library does: `'one_at_a_time'` for `'libmemcached'` and `'libmemcached-spy'`,
   * `'fnv1a_64'` for `'twemproxy'`, otherwise `'md5'`
   */
  keyHash?: KeyHashName | undefined;
  /**
   * For `'twemproxy'`: the name that stands behind a server in its configuration, by node name
   * (`{ '10.0.0.1:11211': 'alpha' }`). A node that is not mentioned is hashed by its address.
   * @defaultValue none
   */
  names?: Readonly<Record<string, string>> | undefined;
  /**
   * For `'twemproxy'`: its `hash_tag`, two characters such as `'{}'`. Of a key with a text between them only
   * that text is hashed.
   * @defaultValue none, the whole key is hashed
   */
  hashTag?: string | undefined;
}

const MODULA_LIBRARIES = ['libmemcached', 'twemproxy'] as const;

export type ModulaLibrary = (typeof MODULA_LIBRARIES)[number];

export interface ModulaOptions {
  /**
   * Whose placement of keys to reproduce. `'libmemcached'` is the default distribution of libmemcached and
   * pylibmc, and `distribution:modula` of Moxi; it knows no weights, so nodes of different weight are refused.
   * `'twemproxy'` gives a node as many of the places as it weighs.
   * @defaultValue 'libmemcached'
   */
  compatible?: ModulaLibrary | undefined;
  /**
   * How a key is hashed. Agree with what is deployed, but start nothing new on `'fnv1a_64'`: of the keys
   * `key:0` to `key:1999` it gives not one to two places of five.
   * @defaultValue `'one_at_a_time'` for `'libmemcached'`, `'fnv1a_64'` for `'twemproxy'`
   */
  keyHash?: KeyHashName | undefined;
  /** For `'twemproxy'`: see {@link KetamaOptions.hashTag}. */
  hashTag?: string | undefined;
}

/** {@link KetamaOptions} with nothing left open but what may be absent. */
export interface CheckedKetamaOptions {
  readonly compatible: KetamaLibrary;
  readonly keyHash: KeyHashName;
  readonly names: Readonly<Record<string, string>> | undefined;
  readonly hashTag: string | undefined;
}

/** {@link ModulaOptions} with nothing left open but what may be absent. */
export interface CheckedModulaOptions {
  readonly compatible: ModulaLibrary;
  readonly keyHash: KeyHashName;
  readonly hashTag: string | undefined;
}

const LIBRARY_KEY_HASH: Record<KetamaLibrary, KeyHashName> = {
  'libmemcached-weighted': 'md5',
  libmemcached: 'one_at_a_time',
  'libmemcached-spy': 'one_at_a_time',
  twemproxy: 'fnv1a_64',
  moxi: 'md5',
  couchbase: 'md5',
};

const keyHashRule = like<KeyHashName | undefined>(
  undefined,
  `one of ${KEY_HASH_NAMES.map((name) => `'${name}'`).join(', ')}`,
  (given) => KEY_HASH_NAMES.includes(given as KeyHashName),
);

const hashTagRule = like<string | undefined>(
  undefined,
  "two characters, like '{}'",
  (given) => typeof given === 'string' && /^[\x21-\x7e]{2}$/.test(given),
);

const namesRule = like<Readonly<Record<string, string>> | undefined>(
  undefined,
  "an object from node name to server name, like { '10.0.0.1:11211': 'alpha' }",
  (given) =>
    given !== null &&
    typeof given === 'object' &&
    !Array.isArray(given) &&
    Object.values(given).every((name) => typeof name === 'string' && name !== ''),
);

/**
 * @param where - the full name of the option, for messages
 * @throws MemcachedOptionError naming what is wrong and with which library it would be right
 */
export function checkKetamaOptions(given: unknown, where = 'ketama'): CheckedKetamaOptions {
  const { compatible, keyHash, names, hashTag } = checkOptions<{
    compatible: KetamaLibrary;
    keyHash: KeyHashName | undefined;
    names: Readonly<Record<string, string>> | undefined;
    hashTag: string | undefined;
  }>(where, given, {
    compatible: oneOf('libmemcached-weighted', KETAMA_LIBRARIES),
    keyHash: keyHashRule,
    names: namesRule,
    hashTag: hashTagRule,
  });
  if (names !== undefined) onlyWithTwemproxy(where, 'names', compatible);
  if (hashTag !== undefined) onlyWithTwemproxy(where, 'hashTag', compatible);
  const fixed = compatible === 'moxi' || compatible === 'couchbase';
  if (fixed && keyHash !== undefined && keyHash !== 'md5') {
    throw new MemcachedOptionError(
      `${where}: '${compatible}' hashes keys with md5; leave "keyHash" out instead of giving '${keyHash}'.`,
    );
  }
  return { compatible, keyHash: keyHash ?? LIBRARY_KEY_HASH[compatible], names, hashTag };
}

/** The same for `modula`. */
export function checkModulaOptions(given: unknown, where = 'modula'): CheckedModulaOptions {
  const { compatible, keyHash, hashTag } = checkOptions<{
    compatible: ModulaLibrary;
    keyHash: KeyHashName | undefined;
    hashTag: string | undefined;
  }>(where, given, {
    compatible: oneOf('libmemcached', MODULA_LIBRARIES),
    keyHash: keyHashRule,
    hashTag: hashTagRule,
  });
  if (hashTag !== undefined) onlyWithTwemproxy(where, 'hashTag', compatible);
  return { compatible, keyHash: keyHash ?? LIBRARY_KEY_HASH[compatible], hashTag };
}

function onlyWithTwemproxy(where: string, option: string, compatible: string): void {
  if (compatible === 'twemproxy') return;
  throw new MemcachedOptionError(
    `${where}: option "${option}" goes only with compatible: 'twemproxy', not with '${compatible}'.`,
  );
}

function isDistribution(given: unknown): given is Distribution {
  if (typeof given === 'string') return (DISTRIBUTIONS as readonly string[]).includes(given);
  if (given === null || typeof given !== 'object') return false;
  const { name, create } = given as Partial<CustomDistribution>;
  return typeof name === 'string' && name !== '' && typeof create === 'function';
}

/** For whoever has an option `distribution`. */
export const distributionRule: OptionRule<Distribution> = like<Distribution>(
  'ketama',
  `one of ${DISTRIBUTIONS.map((word) => `'${word}'`).join(', ')}, or an object { name, create(nodes) }`,
  isDistribution,
);

/** For whoever has an option `ketama`. */
export const ketamaRule: OptionRule<CheckedKetamaOptions> = {
  fallback: checkKetamaOptions(undefined),
  expects: 'an object of options',
  read: checkKetamaOptions,
};

/** For whoever has an option `modula`. */
export const modulaRule: OptionRule<CheckedModulaOptions> = {
  fallback: checkModulaOptions(undefined),
  expects: 'an object of options',
  read: checkModulaOptions,
};

/** @throws MemcachedOptionError when it is none. */
export function checkDistribution(given: unknown): Distribution {
  const read = given === undefined ? distributionRule.fallback : distributionRule.read(given, 'distribution');
  if (read !== REFUSED) return read;
  throw new MemcachedOptionError(
    `Option "distribution" must be ${distributionRule.expects}, not ${describe(given)}.`,
  );
}
