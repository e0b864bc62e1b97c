/**
 * What a decorator refuses when the class is loaded, so that no request ever meets it. The compiler would have
 * refused most of it too; not everybody asks it.
 */
import {
  Cacheable,
  CacheableMany,
  type CacheableOptions,
  CacheConfig,
  CacheEvict,
  type CacheEvictOptions,
  CachePut,
  HttpCache,
} from '../../lib/index.js';

type AnyDecorator = (target: unknown, name: unknown, descriptor: unknown) => void;

class Catalog {
  static fetch() {}
  async find() {}
  get size() {
    return 1;
  }
}

const method = { value: Catalog.prototype.find };

function cacheable(options: object = {}): AnyDecorator {
  return Cacheable(options as CacheableOptions) as unknown as AnyDecorator;
}

function cacheEvict(options: object): AnyDecorator {
  return CacheEvict(options as CacheEvictOptions) as unknown as AnyDecorator;
}

it.each<[string, () => void, string]>([
  [
    'a getter',
    () => cacheable()(Catalog.prototype, 'size', Object.getOwnPropertyDescriptor(Catalog.prototype, 'size')),
    '@Cacheable on Catalog.size(): a getter cannot wait for the cache. Make it an async method.',
  ],
  ['a static method', () => cacheable()(Catalog, 'fetch', { value: Catalog.fetch }), 'a static method'],
  ['a property', () => cacheable()(Catalog.prototype, 'field', undefined), 'it can only stand on a method'],
  [
    'a standard decorator',
    () => cacheable()(Catalog.prototype.find, { kind: 'method', name: 'find' }, undefined),
    '@Cacheable on find(): a static method (or one decorated without "experimentalDecorators") has no instance',
  ],
  [
    'a misspelt option',
    () => cacheable({ tll: '5m' })(Catalog.prototype, 'find', { ...method }),
    '@Cacheable on Catalog.find(): there is no option "tll". Did you mean "ttl"?',
  ],
  [
    'a time that is none',
    () => cacheable({ ttl: '5 minuts' })(Catalog.prototype, 'find', { ...method }),
    'option "ttl" must be milliseconds of 0 or more, or a string like \'10m\', not "5 minuts"',
  ],
  [
    'a misspelt version',
    () => cacheable({ verson: 1 })(Catalog.prototype, 'find', { ...method }),
    '@Cacheable on Catalog.find(): there is no option "verson". Did you mean "version"?',
  ],
  [
    'a version that is none',
    () =>
      (CacheableMany({ key: 'k:{0}', version: 1.5 }) as unknown as AnyDecorator)(Catalog.prototype, 'find', {
        value: async (_ids: string[]) => [],
      }),
    'option "version" must be a whole number from 0 to 2^63 - 1, or a function that gives one, not 1.5',
  ],
  [
    'a key that is neither function nor text',
    () => cacheable({ key: 7 })(Catalog.prototype, 'find', { ...method }),
    'option "key" must be a function of the arguments that gives a string, or a template like \'user:{0}\', not 7',
  ],
  [
    'an unknown kind of answer',
    () => cacheable({ returns: 'stream' })(Catalog.prototype, 'find', { ...method }),
    'option "returns" must be \'promise\' or \'observable\', not "stream"',
  ],
  [
    'a method named by a symbol, without a key',
    () => cacheable()(Catalog.prototype, Symbol('find'), { ...method }),
    '@Cacheable on Catalog.Symbol(find)() needs a "key"',
  ],
  [
    '@CachePut without a key',
    () => (CachePut({} as never) as unknown as AnyDecorator)(Catalog.prototype, 'find', { ...method }),
    '@CachePut on Catalog.find() needs a "key".',
  ],
  [
    '@CacheEvict of nothing',
    () => cacheEvict({ namespace: 'products' })(Catalog.prototype, 'find', { ...method }),
    '@CacheEvict on Catalog.find() needs a "key", "tags" or "all: true".',
  ],
  [
    '@CacheEvict of a key and everything',
    () => cacheEvict({ key: () => 'a', all: true })(Catalog.prototype, 'find', { ...method }),
    'needs either a "key" or "all: true"',
  ],
  [
    '@CacheEvict that would make everything stale',
    () => cacheEvict({ all: true, how: 'expire' })(Catalog.prototype, 'find', { ...method }),
    '"all" deletes; give the entries a tag and expire that.',
  ],
  [
    'tags that are no strings',
    () => cacheable({ tags: [1] })(Catalog.prototype, 'find', { ...method }),
    'option "tags" must be a list of strings that are not empty, or a function that gives one, not an array',
  ],
  [
    'a template that names none of the arguments',
    () => cacheable({ key: 'user' })(Catalog.prototype, 'one', { value: async (id: string) => id }),
    "the key \"user\" names none of the method's arguments, so all calls would share one entry. Write 'user:{0}'",
  ],
  [
    'a template that cannot be read',
    () => cacheable({ key: 'user:{id}' })(Catalog.prototype, 'find', { ...method }),
    '@Cacheable on Catalog.find(): the key "user:{id}" cannot be read.',
  ],
  [
    '@CacheableMany without a key',
    () => (CacheableMany({} as never) as unknown as AnyDecorator)(Catalog.prototype, 'find', { ...method }),
    '@CacheableMany on Catalog.find() needs a "key", of one id.',
  ],
  [
    '@CacheConfig with an option that does not exist',
    () => CacheConfig({ namspace: 'users' } as never)(Catalog),
    '@CacheConfig on Catalog: there is no option "namspace". Did you mean "namespace"?',
  ],
  [
    '@CacheConfig with a key',
    () => CacheConfig({ key: 'all' } as never)(Catalog),
    '@CacheConfig on Catalog: there is no option "key".',
  ],
  [
    '@HttpCache with an option that does not exist',
    () => HttpCache({ tll: '5m' } as never)(Catalog.prototype, 'find', { ...method }),
    '@HttpCache on Catalog.find(): there is no option "tll". Did you mean "ttl"?',
  ],
  [
    '@HttpCache that varies by everything',
    () => HttpCache({ vary: ['*, cookie'] })(Catalog),
    '@HttpCache on Catalog: option "vary" must be a list of names of headers, not an array.',
  ],
])('refuses %s', (_, decorate, sentence) => {
  expect(decorate).toThrow(sentence);
  expect(decorate).toThrow(expect.objectContaining({ code: 'MEMCACHED_OPTION' }));
});
