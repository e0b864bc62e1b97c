/**
 * Applications of Nest for the measurements, written without decorator syntax so that nothing has to be
 * compiled. Nest itself is the repository's own; found by looking upward from here.
 */
import 'reflect-metadata';
import KeyvMemcache from '@keyv/memcache';
import KeyvRedis from '@keyv/redis';
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Injectable, Module, Param, UseInterceptors } from '@nestjs/common';
import { importFromTree } from './library.mjs';

/** Applies decorators to a class, or to one of its methods, as TypeScript would: the last one first. */
export function decorate(decorators, target, method) {
  if (method === undefined) for (const one of decorators.toReversed()) one(target);
  else {
    const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method);
    let result = descriptor;
    for (const one of decorators.toReversed()) result = one(target.prototype, method, result) ?? result;
    Object.defineProperty(target.prototype, method, result);
  }
  return target;
}

export const library = (tree) => importFromTree(tree, 'nestjs-memcached-pool');

/** What every handler answers: an object as a cache holds it, about 200 B of JSON. */
export function makeProduct(id) {
  return {
    id,
    name: `Product ${id}`,
    price: 19.99,
    stock: 7,
    tags: ['new', 'sale'],
    description: 'x'.repeat(90),
  };
}

/** In milliseconds, longer than any run: what is measured are hits. */
export const LIFETIME_MS = 86_400_000;

/** A service that counts how often it had to work, and with `cached` is our @Cacheable. */
export async function makeProducts(tree, cached) {
  class Products {
    loads = 0;
    async find(id) {
      this.loads++;
      return makeProduct(id);
    }
  }
  if (cached) {
    const { Cacheable } = await library(tree);
    decorate([Cacheable({ key: (id) => `product:${id}`, ttl: LIFETIME_MS })], Products, 'find');
  }
  return decorate([Injectable()], Products);
}

/** How each variant of the HTTP application caches. */
export const VARIANTS = [
  'no cache',
  'interceptor: ours',
  'interceptor: @keyv/memcache',
  'interceptor: @keyv/redis',
  '@Cacheable',
];

/** The module of one variant. `addresses` are `{ memcached, redis }` as `host:port`. */
export async function makeModule(tree, variant, addresses) {
  const Products = await makeProducts(tree, variant === '@Cacheable');
  class ProductsController {
    constructor(products) {
      this.products = products;
    }
    find(id) {
      return this.products.find(id);
    }
  }
  decorate([Controller('products')], ProductsController);
  Inject(Products)(ProductsController, undefined, 0);
  Param('id')(ProductsController.prototype, 'find', 0);
  decorate([Get(':id')], ProductsController, 'find');
  if (variant.startsWith('interceptor')) decorate([UseInterceptors(CacheInterceptor)], ProductsController);

  const imports = await importsOf(tree, variant, addresses);
  return decorate(
    [Module({ imports, controllers: [ProductsController], providers: [Products], exports: [Products] })],
    class ProductsModule {
      static Products = Products;
    },
  );
}

async function importsOf(tree, variant, { memcached, redis }) {
  const ttl = LIFETIME_MS;
  switch (variant) {
    case 'no cache':
      return [];
    case '@Cacheable': {
      const { MemcachedPoolModule } = await library(tree);
      return [MemcachedPoolModule.forRoot({ nodes: memcached })];
    }
    case 'interceptor: ours': {
      const { MemcachedCache, MemcachedPoolModule } = await library(tree);
      const { memcachedKeyv } = await importFromTree(tree, 'nestjs-memcached-pool/keyv');
      const useFactory = (cache) => ({ ttl, stores: [memcachedKeyv(cache)] });
      return [
        MemcachedPoolModule.forRoot({ nodes: memcached }),
        CacheModule.registerAsync({ inject: [MemcachedCache], useFactory }),
      ];
    }
    case 'interceptor: @keyv/memcache':
      return [CacheModule.register({ ttl, stores: [new KeyvMemcache(memcached)] })];
    case 'interceptor: @keyv/redis':
      return [CacheModule.register({ ttl, stores: [new KeyvRedis(`redis://${redis}`)] })];
    default:
      throw new Error(`There is no variant "${variant}"; there are ${VARIANTS.join(', ')}.`);
  }
}
