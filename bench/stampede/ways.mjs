/**
 * The ways in which the demo's service is cached, each as an application of Nest would do it.
 *
 * Invariant: all of them are given the same ttl, the same key and the same loader; only the cache differs.
 */
import KeyvMemcache from '@keyv/memcache';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Injectable, Module } from '@nestjs/common';
import { importFromTree } from '../harness/library.mjs';
import { decorate, library } from '../harness/nest-app.mjs';

export const KEY = 'hot';
/** In milliseconds. */
export const TTL = 2_000;
const STALE = 10_000;

/** What CacheInterceptor does with a route: get, and on a miss the handler, whose answer it stores behind the caller's back. */
async function getAndSet(cache, load) {
  const found = await cache.get(KEY);
  if (found !== undefined && found !== null) return found;
  const page = await load();
  cache.set(KEY, page, TTL).catch(() => {});
  return page;
}

const wrap = (cache, load) => cache.wrap(KEY, load, TTL);

const overKeyvMemcache = ({ address }) => [
  CacheModule.register({ ttl: TTL, stores: [new KeyvMemcache(address)] }),
];

async function overOurKeyv({ tree, address }) {
  const { MemcachedCache, MemcachedPoolModule } = await library(tree);
  const { memcachedKeyv } = await importFromTree(tree, 'nestjs-memcached-pool/keyv');
  const useFactory = (cache) => ({ ttl: TTL, stores: [memcachedKeyv(cache)] });
  return [
    MemcachedPoolModule.forRoot({ nodes: address }),
    CacheModule.registerAsync({ inject: [MemcachedCache], useFactory }),
  ];
}

/** An application whose callers use cache-manager's cache by hand. */
function cacheManager(id, title, imports, ask) {
  const make = async (place, load) => {
    const module = decorate([Module({ imports: await imports(place) })], class CacheManagerModule {});
    return { module, reader: (app) => () => ask(app.get(CACHE_MANAGER, { strict: false }), load) };
  };
  // memjs, on which @keyv/memcache stands, speaks the binary protocol alone.
  return { id, title, make, isBinary: imports === overKeyvMemcache };
}

/** An application whose service is decorated. */
function decorated(id, title, options) {
  const make = async ({ tree, address }, load) => {
    const { Cacheable, MemcachedPoolModule } = await library(tree);
    class Pages {
      async find(_id) {
        return load();
      }
    }
    decorate([Cacheable({ key: (id) => id, ttl: TTL, ...options })], Pages, 'find');
    decorate([Injectable()], Pages);
    const imports = [MemcachedPoolModule.forRoot({ nodes: address })];
    const module = decorate([Module({ imports, providers: [Pages] })], class DecoratedModule {});
    return { module, reader: (app) => () => app.get(Pages).find(KEY) };
  };
  return { id, title, make };
}

export const WAYS = [
  cacheManager('keyv-memcache', '@keyv/memcache, get and set', overKeyvMemcache, getAndSet),
  cacheManager('keyv-memcache-wrap', '@keyv/memcache, wrap()', overKeyvMemcache, wrap),
  cacheManager('keyv-ours', 'Keyv over this pool, get and set', overOurKeyv, getAndSet),
  cacheManager('keyv-ours-wrap', 'Keyv over this pool, wrap()', overOurKeyv, wrap),
  decorated('cacheable', '@Cacheable', {}),
  decorated('cacheable-stale', '@Cacheable with stale', { stale: STALE }),
];
