/**
 * The ways to read a cached object inside an application of Nest. Whatever the way, the key is made for each call, as an
 * application makes it, and every object is checked.
 */
import { CACHE_MANAGER } from '@nestjs/cache-manager';
import { NestFactory } from '@nestjs/core';
import { makeKeys, uniformSequence } from './data.mjs';
import { LIFETIME_MS, library, makeModule, makeProduct } from './nest-app.mjs';

const KEYS = 1_000;
const MASK = 65_535;

/**
 * An application with one way to read, everything stored.
 * @returns the work to measure; `verify` throws when not everything was a hit
 */
export async function openHits({ tree, way, addresses }) {
  const module = await makeModule(tree, VARIANT[way] ?? '@Cacheable', addresses);
  const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
  const ids = makeKeys(KEYS, `nest${Date.now().toString(36)}`);
  const { read, fill, verify } = reader(app, await library(tree), module.Products, way);
  for (const id of ids) await fill(id);
  const order = uniformSequence(KEYS, MASK + 1);
  const work = {
    request: (turn) => read(ids[order[turn & MASK]]),
    check(turn, found) {
      if (found?.id !== ids[order[turn & MASK]])
        throw new Error(`Wrong object for ${ids[order[turn & MASK]]}.`);
    },
  };
  return { work, verify: () => verify?.(), close: () => app.close() };
}

/** As in the key function of `@Cacheable` in `nest-app.mjs`. */
const keyOf = (id) => `product:${id}`;

const VARIANT = {
  'cache-manager: ours': 'interceptor: ours',
  'cache-manager: @keyv/memcache': 'interceptor: @keyv/memcache',
  'cache-manager: @keyv/redis': 'interceptor: @keyv/redis',
};

function reader(app, { MemcachedCache, MemcachedPool }, Products, way) {
  const noLoad = () => {
    throw new Error('A hit was expected; the loader ran.');
  };
  switch (way) {
    case 'pool.get': {
      const pool = app.get(MemcachedPool);
      return { read: (id) => pool.get(keyOf(id)), fill: (id) => pool.set(keyOf(id), makeProduct(id)) };
    }
    case 'cache.get':
    case 'cache.getOrSet': {
      const cache = app.get(MemcachedCache);
      const fill = (id) => cache.set(keyOf(id), makeProduct(id), { ttl: LIFETIME_MS });
      return way === 'cache.get'
        ? { read: (id) => cache.get(keyOf(id)), fill }
        : { read: (id) => cache.getOrSet(keyOf(id), noLoad), fill };
    }
    case '@Cacheable': {
      const products = app.get(Products);
      const verify = () => {
        if (products.loads !== KEYS)
          throw new Error(`${products.loads} loads of ${KEYS} objects: hits were missed.`);
      };
      return { read: (id) => products.find(id), fill: (id) => products.find(id), verify };
    }
    default: {
      const cache = app.get(CACHE_MANAGER, { strict: false });
      return {
        read: (id) => cache.get(keyOf(id)),
        fill: (id) => cache.set(keyOf(id), makeProduct(id), LIFETIME_MS),
      };
    }
  }
}
