/**
 * Who takes part. An adapter's `open({ servers, options, tree })` opens its client, with default options
 * unless told otherwise, and offers:
 *
 *     get(key), set(key, value)      one promise each
 *     getMany(keys), pick(found, key, index)   the client's own multi-get, or many gets when it has none
 *     setMany(entries)
 *     buffers, getBuffer(key)        whether Buffers come back as Buffers, and how when not by `get`
 *     facts()                        what else is worth keeping of a run, where there is something
 *     close()
 *
 * The bare client is no peer: it shows what promises and strings leave possible. A floor has `drive(job)` instead.
 * Adapters verify nothing; the workload checks every value. This file imports none of them, so that each process
 * loads only the client it measures.
 */
const memcached = (name) => ({ package: name, family: 'memcached', server: 'memcached' });
const redis = (name) => ({ package: name, family: 'redis', server: 'redis' });
const floor = (name) => ({ package: name, family: 'floor', server: 'memcached' });

const CLIENTS = {
  ours: { package: 'nestjs-memcached-pool', family: 'ours', server: 'memcached' },
  memjs: memcached('memjs'),
  memcached: memcached('memcached'),
  memcache: memcached('memcache'),
  'memcache-client': memcached('memcache-client'),
  'memcache-plus': memcached('memcache-plus'),
  'keyv-memcache': memcached('@keyv/memcache'),
  ioredis: redis('ioredis'),
  redis: redis('redis'),
  bare: { package: 'bare client', family: 'bare', server: 'memcached' },
  'floor-meta': floor('raw socket, meta'),
  'floor-classic': floor('raw socket, classic'),
};

export const ALL = Object.keys(CLIENTS);
const ofFamily = (...families) => ALL.filter((id) => families.includes(CLIENTS[id].family));
export const MEMCACHED_PEERS = ofFamily('memcached');
export const PEERS = ofFamily('memcached', 'redis');
export const FLOORS = ofFamily('floor');

/** `ours@something` is our adapter under other circumstances: on another commit, with other options. */
const fileOf = (id) => id.split('@')[0];

function lookUp(id) {
  const about = CLIENTS[fileOf(id)];
  if (about === undefined) throw new Error(`There is no client "${id}"; there are ${ALL.join(', ')}.`);
  return about;
}

/** Its package, its family (`ours`, `memcached`, `redis`, `bare`, `floor`) and the kind of server it needs. */
export const describeClient = (id) => ({ id, ...lookUp(id) });

/** The adapter itself. */
export async function loadAdapter(id) {
  lookUp(id);
  return import(`./${fileOf(id)}.mjs`);
}
