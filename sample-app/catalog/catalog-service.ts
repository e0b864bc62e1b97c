/**
 * The catalogue as the application sees it. The decorators are all there is about caching: without them, and
 * without memcached, every method gives the same answer, only later.
 */
import { Injectable } from '@nestjs/common';
import { Cacheable, CacheEvict, CachePut } from 'nestjs-memcached-pool';
import type { Product, ProductChange } from './product.js';
import { ProductRepository } from './product-repository.js';

const keyOf = (id: string) => `product:${id}`;

@Injectable()
export class CatalogService {
  constructor(private readonly repository: ProductRepository) {}

  /** `undefined` when there is none, which is not cached: the next call asks again. */
  @Cacheable({ key: keyOf, ttl: '10m' })
  async find(id: string): Promise<Product | undefined> {
    return this.repository.find(id);
  }

  /** The next reader gets the changed product, and nobody waits for the database to give it. */
  @CachePut({ key: keyOf, ttl: '10m' })
  async change(id: string, change: ProductChange): Promise<Product | undefined> {
    return this.repository.change(id, change);
  }

  @CacheEvict({ key: keyOf })
  async remove(id: string): Promise<boolean> {
    return this.repository.remove(id);
  }

  async all(): Promise<Product[]> {
    return this.repository.all();
  }
}
