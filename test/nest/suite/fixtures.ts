/**
 * The services that the suite caches. They count how often their methods really run.
 */
import { Injectable, Scope, SetMetadata } from '@nestjs/common';
import { Observable, of, throwError } from 'rxjs';
import { Cacheable, CacheEvict, CachePut } from '../../../lib/index.js';

export const keyOf = (id: string) => `product:${id}`;

export class Product {
  constructor(
    readonly id: string,
    readonly price: number,
  ) {}
}

@Injectable()
export class Catalog {
  calls = 0;

  @Cacheable({ key: keyOf, ttl: '10m' })
  async find(id: string) {
    return { id, call: ++this.calls };
  }

  async findTwice(id: string) {
    return [await this.find(id), await this.find(id)];
  }

  @Cacheable()
  async byDefaultKey(..._args: unknown[]) {
    return ++this.calls;
  }

  @Cacheable({ key: (id: string) => id, namespace: 'products' })
  async inNamespace(id: string) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, pool: 'sessions' })
  async inSessions(id: string) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, condition: (_id: string, fresh: boolean) => !fresh })
  async unlessFresh(id: string, _fresh: boolean) {
    this.calls++;
    return id;
  }

  @Cacheable({ key: (id: string) => id, type: Product })
  async product(id: string) {
    this.calls++;
    return new Product(id, 12);
  }

  @SetMetadata('above', 2)
  @Cacheable({ key: keyOf })
  @SetMetadata('below', 1)
  async marked(id: string, _locale: string) {
    return id;
  }

  @CachePut({ key: keyOf })
  async update(id: string, colour: string) {
    return { id, call: ++this.calls, colour };
  }

  @CachePut({ key: keyOf })
  async replace(_id: string, answer: unknown) {
    return answer;
  }

  @CachePut({ key: keyOf })
  updateLater(_id: string): Observable<number> {
    return of(1, 2);
  }

  @CacheEvict({ key: (id: string) => [keyOf(id), 'catalog'] })
  async remove(id: string) {
    return `removed ${id}`;
  }

  @CacheEvict({ all: true, namespace: 'products' })
  async removeAll() {}

  @CacheEvict({ key: () => 'key' })
  async failOnSuccess() {
    throw new Error('no luck');
  }

  @CacheEvict({ key: () => 'key', when: 'always' })
  async failAlways() {
    throw new Error('no luck');
  }

  @CacheEvict({ key: () => 'key' })
  removeLater(): Observable<string> {
    return of('done');
  }

  @CacheEvict({ key: () => 'key', when: 'always' })
  failLater(): Observable<string> {
    return throwError(() => new Error('no luck'));
  }
}

@Injectable()
export class Answers {
  calls: Record<string, number> = {};

  @Cacheable({ key: (name: string) => name })
  async give<T>(name: string, answer: T): Promise<T> {
    this.count(name);
    return answer;
  }

  @Cacheable({ key: () => 'fail' })
  async fail(): Promise<string> {
    this.count('fail');
    throw new Error('no luck');
  }

  @Cacheable()
  async byDefaultKey(..._args: unknown[]) {
    this.count('byDefaultKey');
    return 1;
  }

  private count(name: string) {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
  }
}

@Injectable()
export class Streams {
  calls = 0;

  @Cacheable({ key: (id: string) => id, returns: 'observable' })
  marked(id: string): Observable<string> {
    return of(`${id}${++this.calls}`);
  }

  @Cacheable({ key: (id: string) => id })
  declared(id: string): Observable<string> {
    return of(`${id}${++this.calls}`);
  }

  @Cacheable({ key: () => 'fail', returns: 'observable' })
  failing(): Observable<string> {
    this.calls++;
    return throwError(() => new Error('no luck'));
  }
}

@Injectable({ scope: Scope.REQUEST })
export class Scoped {
  static calls = 0;
  @Cacheable({ key: (id: string) => id })
  async find(id: string) {
    Scoped.calls++;
    return id;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
export class Transient {
  static calls = 0;
  @Cacheable({ key: (id: string) => id })
  async find(id: string) {
    Transient.calls++;
    return id;
  }
}
