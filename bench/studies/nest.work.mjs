/**
 * One way to read cached objects inside an application of Nest, measured whenever it is its turn. Whatever the way, the
 * key is made for each call, as an application makes it.
 */
import { CACHE_MANAGER } from '@nestjs/cache-manager';
import { NestFactory } from '@nestjs/core';
import { makeKeys, uniformSequence } from '../harness/data.mjs';
import { closed, measure } from '../harness/loads.mjs';
import { LIFETIME_MS, library, makeModule, makeProduct } from '../harness/nest-app.mjs';
import { apartness, takeTurns } from '../harness/parent.mjs';

const KEYS = 1_000;
const MASK = 65_535;

export async function run({ tree, way, inFlight, addresses, seconds, warmup, attempts }) {
  const app = await NestFactory.createApplicationContext(await moduleOf(tree, way, addresses), {
    logger: ['error', 'warn'],
  });
  try {
    const ids = makeKeys(KEYS, `nest${Date.now().toString(36)}`);
    const { read, fill, verify } = await reader(app, tree, way);
    for (const id of ids) await fill(id);
    const order = uniformSequence(KEYS, MASK + 1);
    const work = {
      request: (turn) => read(ids[order[turn & MASK]]),
      check(turn, found) {
        if (found?.id !== ids[order[turn & MASK]])
          throw new Error(`Wrong object for ${ids[order[turn & MASK]]}.`);
      },
    };
    const load = closed(inFlight);
    await measure(work, load, { seconds: 0, warmup });
    await takeTurns(() => measure(work, load, { seconds, warmup: 0, ...apartness({ attempts }) }));
    verify?.();
  } finally {
    await app.close();
  }
}

/** As in the key function of `@Cacheable` in `nest-app.mjs`. */
const keyOf = (id) => `product:${id}`;

const VARIANT = {
  'cache-manager: ours': 'interceptor: ours',
  'cache-manager: @keyv/memcache': 'interceptor: @keyv/memcache',
  'cache-manager: @keyv/redis': 'interceptor: @keyv/redis',
};

let Products;

async function moduleOf(tree, way, addresses) {
  const made = await makeModule(tree, VARIANT[way] ?? '@Cacheable', addresses);
  Products = made.Products;
  return made;
}

async function reader(app, tree, way) {
  const { MemcachedCache, MemcachedPool } = await library(tree);
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
