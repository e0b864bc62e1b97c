/**
 * What the compiler must take and must refuse. Held by `npm run check`, and by `decorator-types.test.ts`
 * with every other test: a line below `@ts-expect-error` that compiles is an error.
 */

import type { Observable } from 'rxjs';
import { of } from 'rxjs';
import { Cacheable, CacheEvict, CachePut } from '../../lib/nest/cacheable.js';

class Product {
  constructor(
    readonly id: string,
    readonly price: number,
  ) {}
}

export class Taken {
  @Cacheable()
  async withoutOptions(id: string): Promise<string> {
    return id;
  }

  @Cacheable({ key: (id: string) => `user:${id}`, ttl: '10m' })
  async sameParameters(id: string) {
    return id;
  }

  @Cacheable({ key: (id) => `user:${id}` })
  async parametersWithoutTypes(id: string, locale: string) {
    return id + locale;
  }

  @Cacheable({ key: (id: string) => `user:${id}` })
  async keyOfFewerParameters(id: string, locale: string) {
    return id + locale;
  }

  @Cacheable({ key: () => 'all' })
  async keyOfNoParameters(id: string) {
    return id;
  }

  @Cacheable({ key: (id: string | number) => `user:${id}` })
  async keyOfWiderParameters(id: number) {
    return id;
  }

  @Cacheable({ key: (id: string, page?: number) => `${id}:${page}` })
  async optionalInTheKeyOnly(id: string, page: number) {
    return id + page;
  }

  @Cacheable({ key: (...ids: string[]) => ids.join() })
  async restParameters(...ids: string[]) {
    return ids;
  }

  @Cacheable({
    key: (id: string) => id,
    condition: (_id: string, fresh: boolean) => !fresh,
  })
  async conditionOfMoreParametersThanTheKey(id: string, fresh: boolean) {
    return id + String(fresh);
  }

  @Cacheable({ key: (id: string) => id, type: Product })
  async instances(id: string) {
    return new Product(id, 1);
  }

  @Cacheable({ key: (id: string) => id, returns: 'observable' })
  observable(id: string): Observable<string> {
    return of(id);
  }

  @Cacheable({ key: (id: string) => id })
  async generic<T extends string>(id: T): Promise<T> {
    return id;
  }

  @CachePut({ key: (id: string) => `user:${id}` })
  async put(id: string, name: string) {
    return { id, name };
  }

  @CacheEvict({ key: (id: string) => [`user:${id}`, 'users'] })
  async evict(id: string): Promise<void> {
    await this.keyOfNoParameters(id);
  }

  @CacheEvict({ all: true, namespace: 'users' })
  async evictAll(): Promise<void> {}
}

export class Refused {
  // @ts-expect-error a method that answers at once cannot wait for a cache
  @Cacheable()
  synchronous(id: string): string {
    return id;
  }

  // @ts-expect-error a key of another type than the method's parameter
  @Cacheable({ key: (id: number) => `user:${id}` })
  async otherType(id: string) {
    return id;
  }

  // @ts-expect-error a key that asks for more than the method is called with
  @Cacheable({ key: (id: string, locale: string) => id + locale })
  async moreThanTheMethodHas(id: string) {
    return id;
  }

  // @ts-expect-error the method may be called without an id, the key may not
  @Cacheable({ key: (id: string) => id.trim() })
  async optionalInTheMethod(id?: string) {
    return id ?? '';
  }

  // @ts-expect-error rest parameters of another type
  @Cacheable({ key: (...ids: string[]) => ids.join() })
  async otherRest(id: number) {
    return id;
  }

  // @ts-expect-error a condition on parameters that the method does not have
  @Cacheable({ key: (id: string) => id, condition: (_id: string, fresh: boolean) => !fresh })
  async otherCondition(id: string) {
    return id;
  }

  // @ts-expect-error a parameter without a type is unknown, not any
  @Cacheable({ key: (product) => product.id })
  async untyped(product: Product) {
    return product;
  }

  // @ts-expect-error a key is a string
  @Cacheable({ key: (id: number) => id })
  async keyIsNoString(id: number) {
    return id;
  }

  // @ts-expect-error an option that does not exist
  @Cacheable({ key: () => 'all', tll: '5m' })
  async misspelt() {
    return 1;
  }

  // @ts-expect-error a getter cannot wait
  @Cacheable()
  get property() {
    return Promise.resolve(1);
  }

  // @ts-expect-error nothing says what to put where
  @CachePut({ ttl: '1m' })
  async putWithoutKey(id: string) {
    return id;
  }

  // @ts-expect-error nothing says what to evict
  @CacheEvict({ namespace: 'users' })
  async evictWithoutKey(id: string) {
    return id;
  }

  // @ts-expect-error one key, or everything
  @CacheEvict({ key: (id: string) => id, all: true })
  async evictBoth(id: string) {
    return id;
  }

  // @ts-expect-error a decorator that is not called decorates nothing
  @Cacheable
  async notCalled(id: string) {
    return id;
  }
}
