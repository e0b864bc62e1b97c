import { Inject, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { REQUEST } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  Cacheable,
  getMemcachedCacheToken,
  getMemcachedPoolToken,
  InjectMemcachedCache,
  InjectMemcachedPool,
  MemcachedCache,
  type MemcachedModuleOptions,
  type MemcachedOptionsFactory,
  MemcachedPool,
  MemcachedPoolModule,
  MemcachedPoolRegistry,
  type MemcachedRootAsyncOptions,
  type MemcachedRootOptions,
} from '../../lib/index.js';
import { freePort } from '../support/real-memcached.js';
import { type Backend, freshNamespace, onEachBackend } from './support/backends.js';
import { CapturedLog } from './support/log.js';

type Imports = NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>;

const running: TestingModule[] = [];
let log: CapturedLog;

beforeEach(() => {
  log = new CapturedLog();
});
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
  log.restore();
});

async function boot(imports: Imports, providers: Type[] = []): Promise<TestingModule> {
  const app = await Test.createTestingModule({ imports, providers }).compile();
  await app.init();
  running.push(app);
  return app;
}

const nodeNames = (pool: MemcachedPool) => pool.nodes().map((node) => node.name);

describe('forRoot', () => {
  it('without options means one node at 127.0.0.1:11211', async () => {
    const app = await boot([MemcachedPoolModule.forRoot()]);
    expect(nodeNames(app.get(MemcachedPool))).toEqual(['127.0.0.1:11211']);
    expect(app.get(MemcachedPool).name).toBe('default');
  });

  it('takes nodes as one string with commas, and numbers and booleans as strings', async () => {
    const app = await boot([
      MemcachedPoolModule.forRoot({
        nodes: 'a.test:11211,b.test:11212',
        poolSize: '2',
        commandTimeout: '750',
        required: 'false',
        cache: { ttl: '90', enabled: 'false' },
      }),
    ]);
    expect(nodeNames(app.get(MemcachedPool))).toEqual(['a.test:11211', 'b.test:11212']);
    expect(app.get(MemcachedCache).enabled).toBe(false);
  });

  it('can be injected everywhere, unless isGlobal is false', async () => {
    @Injectable()
    class Consumer {
      constructor(
        readonly pool: MemcachedPool,
        readonly cache: MemcachedCache,
      ) {}
    }
    @Module({ providers: [Consumer] })
    class Feature {}
    const app = await boot([MemcachedPoolModule.forRoot(), Feature]);
    expect(app.get(Consumer).pool).toBe(app.get(MemcachedPool));
    expect(app.get(Consumer).cache).toBe(app.get(MemcachedCache));

    const local = MemcachedPoolModule.forRoot({ isGlobal: false });
    await expect(boot([local, Feature])).rejects.toThrow(/Nest can't resolve dependencies of the Consumer/);
    @Module({ imports: [local], providers: [Consumer] })
    class Importing {}
    await expect(boot([Importing])).resolves.toBeDefined();
  });

  it('gives several pools, each with its cache, by name', async () => {
    @Injectable()
    class Consumer {
      @InjectMemcachedPool() readonly first!: MemcachedPool;
      @InjectMemcachedCache() readonly firstCache!: MemcachedCache;
      constructor(
        @InjectMemcachedPool('sessions') readonly sessions: MemcachedPool,
        @InjectMemcachedCache('sessions') readonly sessionCache: MemcachedCache,
      ) {}
    }
    const app = await boot(
      [MemcachedPoolModule.forRoot(), MemcachedPoolModule.forRoot({ name: 'sessions', nodes: 'b.test' })],
      [Consumer],
    );
    const consumer = app.get(Consumer);
    expect([consumer.first.name, consumer.sessions.name]).toEqual(['default', 'sessions']);
    expect(consumer.first).toBe(app.get(MemcachedPool));
    expect(consumer.sessionCache).toBe(app.get(getMemcachedCacheToken('sessions')));
    expect(consumer.firstCache).not.toBe(consumer.sessionCache);
    expect(app.get(MemcachedPoolRegistry).names()).toEqual(['default', 'sessions']);
    expect(app.get(MemcachedPoolRegistry).pool('sessions')).toBe(consumer.sessions);
    expect(app.get(MemcachedPoolRegistry).cache()).toBe(consumer.firstCache);
  });

  it('has tokens that a second copy of the package would find', () => {
    expect(getMemcachedPoolToken('sessions')).toBe(Symbol.for('nestjs-memcached-pool:pool:sessions'));
    expect(getMemcachedPoolToken()).toBe(MemcachedPool);
    expect(getMemcachedPoolToken('default')).toBe(MemcachedPool);
    expect(getMemcachedCacheToken()).toBe(MemcachedCache);
  });

  it('refuses a name twice in one application, and allows it in two', async () => {
    const twice = [
      MemcachedPoolModule.forRoot({ name: 'a' }),
      MemcachedPoolModule.forRoot({ name: 'a', nodes: 'b' }),
    ];
    await expect(boot(twice)).rejects.toThrow(
      'MemcachedPoolModule: there are two pools named "a". Import the module once, in the root module, or give each pool a "name" of its own.',
    );
    await boot([twice[0]!]);
    await boot([twice[1]!]);
  });

  it('makes one pool when the same import stands in two modules', async () => {
    const one = MemcachedPoolModule.forRoot({ isGlobal: false });
    @Module({ imports: [one] })
    class Feature {}
    const app = await boot([one, Feature]);
    expect(app.get(MemcachedPoolRegistry).names()).toEqual(['default']);
  });

  it.each([
    [
      { commandTimout: 500 },
      'MemcachedPoolModule.forRoot(): there is no option "commandTimout". Did you mean "commandTimeout"?',
    ],
    [
      { requird: true },
      'MemcachedPoolModule.forRoot(): there is no option "requird". Did you mean "required"?',
    ],
    [
      { connect: 'later' },
      'MemcachedPoolModule.forRoot(): option "connect" must be one of \'lazy\', \'eager\', not "later".',
    ],
    [
      { required: 'perhaps' },
      'MemcachedPoolModule.forRoot(): option "required" must be true or false, not "perhaps".',
    ],
    [
      { poolSize: '0' },
      'MemcachedPoolModule.forRoot(): option "poolSize" must be a whole number from 1 to 1024, not "0".',
    ],
    [{ nodes: 'no port:x' }, 'Cannot read the node address'],
    [
      { cache: { tll: 5 } },
      'MemcachedPoolModule.forRoot(), option "cache": there is no option "tll". Did you mean "ttl"?',
    ],
    [
      { cache: false },
      'MemcachedPoolModule.forRoot(): option "cache" must be an object of options, not false.',
    ],
    [{ name: '' }, 'MemcachedPoolModule.forRoot(): "name" must be a string that is not empty, not "".'],
  ])('refuses %j at boot with a sentence', async (options, sentence) => {
    const wrong = () => boot([MemcachedPoolModule.forRoot(options as MemcachedRootOptions)]);
    await expect(Promise.resolve().then(wrong)).rejects.toThrow(sentence);
    await expect(Promise.resolve().then(wrong)).rejects.toMatchObject({ code: 'MEMCACHED_OPTION' });
  });
});

describe('forRootAsync', () => {
  class Options implements MemcachedOptionsFactory {
    createMemcachedOptions(): MemcachedModuleOptions {
      return { nodes: 'made.test' };
    }
  }
  @Module({ providers: [Options], exports: [Options] })
  class OptionsModule {}

  it.each<[string, MemcachedRootAsyncOptions]>([
    ['useFactory', { useFactory: () => ({ nodes: 'made.test' }) }],
    ['an async useFactory', { useFactory: async () => ({ nodes: 'made.test' }) }],
    [
      'useFactory with inject',
      {
        imports: [OptionsModule],
        inject: [Options, { token: 'ABSENT', optional: true }],
        useFactory: (options: Options) => options.createMemcachedOptions(),
      },
    ],
    ['useClass', { useClass: Options }],
    ['useExisting', { imports: [OptionsModule], useExisting: Options }],
  ])('takes %s', async (_, options) => {
    const app = await boot([MemcachedPoolModule.forRootAsync({ ...options, name: 'made' })]);
    const pool = app.get<MemcachedPool>(getMemcachedPoolToken('made'));
    expect([pool.name, ...nodeNames(pool)]).toEqual(['made', 'made.test:11211']);
  });

  it('reads the environment through ConfigService', async () => {
    process.env.TEST_MEMCACHED_NODES = '10.0.0.1:11211, 10.0.0.2';
    process.env.TEST_MEMCACHED_TIMEOUT = '250ms';
    try {
      const app = await boot([
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true }),
        MemcachedPoolModule.forRootAsync({
          inject: [ConfigService],
          useFactory: (config: ConfigService) => ({
            nodes: config.get<string>('TEST_MEMCACHED_NODES'),
            commandTimeout: config.get<string>('TEST_MEMCACHED_TIMEOUT'),
            poolSize: config.get<string>('TEST_MEMCACHED_NOT_SET'),
          }),
        }),
      ]);
      expect(nodeNames(app.get(MemcachedPool))).toEqual(['10.0.0.1:11211', '10.0.0.2:11211']);
    } finally {
      delete process.env.TEST_MEMCACHED_NODES;
      delete process.env.TEST_MEMCACHED_TIMEOUT;
    }
  });

  it.each(['name', 'isGlobal'])('refuses "%s" from the factory, where it comes too late', async (option) => {
    const late = { useFactory: () => ({ [option]: 'sessions' }) };
    await expect(boot([MemcachedPoolModule.forRootAsync(late)])).rejects.toThrow(
      `MemcachedPoolModule.forRootAsync(): the factory returned "${option}", but the tokens are built before it runs. Write "${option}" beside useFactory.`,
    );
  });

  it('names a misspelt option that a factory returned', async () => {
    const misspelt = { useFactory: () => JSON.parse('{"commandTimout":500}') as MemcachedModuleOptions };
    await expect(boot([MemcachedPoolModule.forRootAsync(misspelt)])).rejects.toThrow(
      'MemcachedPoolModule.forRootAsync(): there is no option "commandTimout". Did you mean "commandTimeout"?',
    );
  });

  it('wants exactly one way of making options', () => {
    expect(() => MemcachedPoolModule.forRootAsync({})).toThrow(
      'exactly one of useFactory, useClass and useExisting',
    );
    expect(() => MemcachedPoolModule.forRootAsync({ useFactory: () => ({}), useClass: Options })).toThrow(
      'exactly one of useFactory, useClass and useExisting',
    );
  });

  it('refuses options made by a class that is cached in the same pool, where Nest could wait for ever', () => {
    class Settings extends Options {
      @Cacheable({ key: () => 'settings' })
      async load() {}
    }
    const sentence =
      'MemcachedPoolModule.forRootAsync(): the options of pool "default" are made with the help of a method that is cached in it (@Cacheable on Settings.load()).';
    const useFactory = () => ({});
    expect(() => MemcachedPoolModule.forRootAsync({ inject: [Settings], useFactory })).toThrow(sentence);
    expect(() => MemcachedPoolModule.forRootAsync({ useExisting: Settings })).toThrow(sentence);
    const optional = { token: Settings, optional: true };
    expect(() => MemcachedPoolModule.forRootAsync({ inject: [optional], useFactory })).toThrow(sentence);
    MemcachedPoolModule.forRootAsync({ name: 'other', inject: [Settings], useFactory });
  });

  it('refuses options that would open a pool for every request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }
    @Module({ providers: [PerRequest], exports: [PerRequest] })
    class Requests {}
    const scoped = { imports: [Requests], inject: [PerRequest], useFactory: () => ({}) };
    await expect(boot([MemcachedPoolModule.forRootAsync(scoped)])).rejects.toThrow(
      'MemcachedPoolModule.forRootAsync(): the options of pool "default" depend on a request-scoped provider, so a pool would be opened for every request.',
    );
  });
});

describe('a node that is down at boot', () => {
  it('does not stop the application', async () => {
    const app = await boot([MemcachedPoolModule.forRoot({ nodes: `127.0.0.1:${await freePort()}` })]);
    expect(await app.get(MemcachedCache).get('key')).toBeUndefined();
  });

  it('does not stop an application that connects eagerly, which says so in one line', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await boot([MemcachedPoolModule.forRoot({ nodes: address, connect: 'eager' })]);
    expect(log.with('Starting without memcached')).toHaveLength(1);
    expect(log.with(`${address} is blacklisted`)).toHaveLength(1);
  });

  it('stops an application that requires it, naming the node', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await expect(boot([MemcachedPoolModule.forRoot({ nodes: address, required: true })])).rejects.toThrow(
      `Pool "default" is required, but some of it is missing. Cannot connect to ${address}: ECONNREFUSED. Set "required" to false to start without.`,
    );
  });
});

onEachBackend((start) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.stop());

  it('gives a pool and a cache that work', async () => {
    const app = await boot([
      MemcachedPoolModule.forRoot({ nodes: backend.address, cache: { namespace: freshNamespace() } }),
    ]);
    await app.get(MemcachedPool).set('key', { a: 1 });
    expect(await app.get(MemcachedPool).get('key')).toEqual({ a: 1 });
    expect(await app.get(MemcachedCache).set('key', 2)).toBe(true);
    expect(await app.get(MemcachedCache).get('key')).toBe(2);
  });

  it('opens no socket before the first request, or all of them before the application starts', async () => {
    const lazy = await boot([MemcachedPoolModule.forRoot({ nodes: backend.address })]);
    expect(lazy.get(MemcachedPool).nodes()).toMatchObject([{ state: 'idle', sockets: 0 }]);
    const eager = await boot([MemcachedPoolModule.forRoot({ nodes: backend.address, connect: 'eager' })]);
    expect(eager.get(MemcachedPool).nodes()).toMatchObject([{ state: 'up', sockets: 1 }]);
  });

  it('requires every node, not only one of them', async () => {
    const [up, down] = [backend.address, `127.0.0.1:${await freePort()}`];
    await expect(boot([MemcachedPoolModule.forRoot({ nodes: [up, down], required: true })])).rejects.toThrow(
      `some of it is missing. Cannot connect to ${down}`,
    );
    await boot([MemcachedPoolModule.forRoot({ nodes: [up], required: 'true' })]);
  });
});
