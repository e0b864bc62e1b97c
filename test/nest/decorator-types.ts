/**
 * What the compiler must take and must refuse. Held by `npm run check`, and by `decorator-types.test.ts`
 * with every other test: a line below `@ts-expect-error` that compiles is an error.
 */

import type { Observable } from 'rxjs';
import { of } from 'rxjs';
import { Cacheable, CacheableMany, CacheConfig, CacheEvict, CachePut } from '../../lib/index.js';

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

  @Cacheable({ key: 'user:{0}:{1.page}' })
  async template(id: string, at: { page: number }) {
    return id + at.page;
  }

  @Cacheable({
    key: (id: string) => id,
    ttl: (product: Product) => (product.price > 10 ? '1m' : '1h'),
    tags: (product: Product, id: string) => [product.id, id],
    unless: (product: Product, _id: string, locale: string) => locale === '' || product.price === 0,
    scope: (_id: string, locale: string) => locale,
    onError: (_error, id: string) => new Product(id, 0),
  })
  async functionsOfTheResult(id: string, _locale: string) {
    return new Product(id, 1);
  }

  @CacheableMany({ key: (id: string) => `user:${id}` })
  async many(ids: string[]): Promise<(Product | undefined)[]> {
    return ids.map((id) => new Product(id, 1));
  }

  @CacheableMany({ key: 'user:{0}:{1}', id: (product: Product) => product.id })
  async manyInAnyOrder(ids: readonly string[], _locale: string): Promise<Product[]> {
    return ids.map((id) => new Product(id, 1));
  }

  @CacheableMany({ key: (id: number, locale: string) => id + locale, returns: 'map' })
  async manyByMap(_ids: number[], _locale: string): Promise<Map<number, Product>> {
    return new Map();
  }

  @CachePut({ key: 'user:{0}', version: (product: { version: bigint }) => product.version })
  async putVersion(_id: string): Promise<{ version: bigint }> {
    return { version: 1n };
  }

  @Cacheable({ key: 'user:{0}', version: (product: Product, id: string) => product.price + id.length })
  async findVersion(id: string) {
    return new Product(id, 1);
  }

  @CacheableMany({ key: 'user:{0}', version: (product: Product | undefined) => product?.price })
  async manyVersions(ids: string[]): Promise<(Product | undefined)[]> {
    return ids.map((id) => new Product(id, 1));
  }

  @CachePut({ key: 'user:{0}', version: 7n })
  async putConstantVersion(id: string) {
    return id;
  }

  @CacheEvict({ tags: (id: string) => [`user:${id}`], how: 'expire', when: 'before' })
  async evictByTag(id: string) {
    return id;
  }

  @CacheEvict({ tags: ['users'] })
  async evictByName() {}
}

@CacheConfig({ pool: 'sessions', namespace: 'users', ttl: '5m', stale: '1h', scope: 'tenant' })
export class Configured {}

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

  // @ts-expect-error the result is a Product
  @Cacheable({ key: (id: string) => id, unless: (result: string) => result === '' })
  async otherResult(id: string) {
    return new Product(id, 1);
  }

  // @ts-expect-error the version of another result
  @Cacheable({ key: (id: string) => id, version: (row: { version: number }) => row.version })
  async otherVersion(id: string) {
    return new Product(id, 1);
  }

  // @ts-expect-error a version is a number
  @CacheableMany({ key: 'user:{0}', version: () => 'one' })
  async versionIsNoNumber(ids: string[]) {
    return ids;
  }

  // @ts-expect-error a scope of other arguments
  @Cacheable({ key: 'user:{0}', scope: (id: number) => String(id) })
  async otherScope(id: string) {
    return id;
  }

  // @ts-expect-error tags are strings
  @Cacheable({ key: 'user:{0}', tags: () => [1] })
  async tagsOfNumbers(id: string) {
    return id;
  }

  // @ts-expect-error many ids come in a list
  @CacheableMany({ key: 'user:{0}' })
  async manyOfOne(id: string): Promise<string[]> {
    return [id];
  }

  // @ts-expect-error the key is of one id
  @CacheableMany({ key: (ids: string[]) => ids.join() })
  async keyOfAll(ids: string[]) {
    return ids;
  }

  // @ts-expect-error a Map has to be announced
  @CacheableMany({ key: 'user:{0}' })
  async unannouncedMap(_ids: string[]): Promise<Map<string, string>> {
    return new Map();
  }

  // @ts-expect-error an array is no Map
  @CacheableMany({ key: 'user:{0}', returns: 'map' })
  async noMap(ids: string[]) {
    return ids;
  }

  // @ts-expect-error nothing makes a key
  @CacheableMany({})
  async manyWithoutKey(ids: string[]) {
    return ids;
  }

  // @ts-expect-error a decorator that is not called decorates nothing
  @Cacheable
  async notCalled(id: string) {
    return id;
  }
}

// @ts-expect-error an option that does not exist
@CacheConfig({ namspace: 'users' })
export class Misconfigured {}
