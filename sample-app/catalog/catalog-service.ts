/**
 * The catalogue as the application sees it. The decorators are all there is about caching: without them, and
 * without memcached, every method gives the same answer, only later.
 */
import { Injectable } from '@nestjs/common';
import { Cacheable, CacheableMany, CacheConfig, CacheEvict, CachePut } from 'nestjs-memcached-pool';
import type { Product, ProductChange } from './product.js';
import { ProductRepository } from './product-repository.js';

const keyOf = (id: string) => `product:${id}`;

/** The pages that list products, as `@HttpCache` in the controller tags them. */
const PAGES = { namespace: 'http', tags: ['products'] };

@Injectable()
@CacheConfig({ namespace: 'catalog', ttl: '10m', stale: '1m' })
export class CatalogService {
  constructor(private readonly repository: ProductRepository) {}

  /** `undefined` when there is none, which is not cached: the next call asks again. */
  @Cacheable({ key: keyOf })
  async find(id: string): Promise<Product | undefined> {
    return this.repository.find(id);
  }

  /** Asks the database for those that are not cached, all at once; the entries are those of `find`. */
  @CacheableMany({ key: keyOf, id: (product: Product) => product.id })
  async findMany(ids: string[]): Promise<Product[]> {
    return this.repository.findMany(ids);
  }

  /** The next reader gets the changed product; the pages that list it are refreshed behind their next reader. */
  @CachePut({ key: keyOf })
  @CacheEvict({ ...PAGES, how: 'expire' })
  async change(id: string, change: ProductChange): Promise<Product | undefined> {
    return this.repository.change(id, change);
  }

  /** What is gone must not be listed for another moment. */
  @CacheEvict({ key: keyOf })
  @CacheEvict(PAGES)
  async remove(id: string): Promise<boolean> {
    return this.repository.remove(id);
  }

  async all(): Promise<Product[]> {
    return this.repository.all();
  }
}
