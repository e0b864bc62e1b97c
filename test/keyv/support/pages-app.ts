/**
 * A small application with pages behind Nest's CacheInterceptor over this store, on either HTTP platform.
 */
import { CACHE_MANAGER, type Cache, CacheInterceptor, CacheModule, CacheTTL } from '@nestjs/cache-manager';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  type INestApplication,
  Inject,
  Injectable,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { MemcachedCache } from '../../../lib/cache/cache.js';
import { memcachedKeyv } from '../../../lib/keyv/store.js';
import { MemcachedPoolModule } from '../../../lib/nest/module.js';

/** A slow machine must not make a miss of a hit. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

export type Platform = 'express' | 'fastify';

@Controller()
@UseInterceptors(CacheInterceptor)
export class PagesController {
  /** How often a handler ran, by what it was asked for. */
  readonly calls = new Map<string, number>();

  @Get('page')
  page(@Query('q') q = '') {
    return { q, call: this.#count(q) };
  }

  @Get('brief')
  @CacheTTL(500)
  brief() {
    return { call: this.#count('brief') };
  }

  #count(what: string): number {
    const calls = (this.calls.get(what) ?? 0) + 1;
    this.calls.set(what, calls);
    return calls;
  }
}

/** Uses the cache once more after HTTP has been told to stop and every `onModuleDestroy` has run. */
@Injectable()
export class LateWriter implements BeforeApplicationShutdown {
  /** What the late write and the late read gave. */
  seen: unknown[] = [];

  constructor(
    @Inject(MemcachedCache) private readonly cache: MemcachedCache,
    @Inject(CACHE_MANAGER) private readonly manager: Cache,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    this.seen = [await this.cache.set('late', 'write'), await this.manager.get('/page?q=kept')];
  }
}

export interface PagesApp {
  app: INestApplication;
  cache: MemcachedCache;
  manager: Cache;
  pages: PagesController;
  late: LateWriter;
  /** CacheInterceptor does not wait for what it writes, so a page can be asked for again before it is stored. */
  writes: Promise<unknown>[];
}

type Stores = (cache: MemcachedCache) => (Keyv | KeyvStoreAdapter)[];

/** @param stores - what `CacheModule` is given; as it is in the README when left out */
export async function startPages(
  platform: Platform,
  nodes: string | string[],
  stores: Stores = (cache) => [memcachedKeyv(cache)],
): Promise<PagesApp> {
  const module = await Test.createTestingModule({
    imports: [
      MemcachedPoolModule.forRoot({ ...PATIENT, nodes, blacklistTime: 100, cache: { jitter: 0 } }),
      CacheModule.registerAsync({
        inject: [MemcachedCache],
        useFactory: (cache: MemcachedCache) => ({ stores: stores(cache), ttl: 60_000 }),
      }),
    ],
    controllers: [PagesController],
    providers: [LateWriter],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(
    platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  const manager = app.get<Cache>(CACHE_MANAGER);
  const writes: Promise<unknown>[] = [];
  const { set } = manager;
  manager.set = (...entry) => {
    const writing = set(...entry);
    writes.push(writing);
    return writing;
  };
  return {
    app,
    cache: app.get(MemcachedCache),
    manager,
    pages: app.get(PagesController),
    late: app.get(LateWriter),
    writes,
  };
}

/** What a client sees of a page: its body and whether the cache answered. Its entry is written when this returns. */
export async function visit(
  { app, writes }: PagesApp,
  path: string,
): Promise<{ body: unknown; from: string | null }> {
  const response = await fetch(`${await app.getUrl()}${path}`);
  const body: unknown = await response.json();
  await Promise.all(writes.splice(0));
  return { body, from: response.headers.get('x-cache') };
}
