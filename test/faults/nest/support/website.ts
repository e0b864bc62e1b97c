/**
 * A small website whose pages are cached in every way this package offers, with a health route, on either HTTP
 * platform and on memcacheds that the tests stop, freeze and start again.
 *
 * Invariant: what a page says follows from its path alone, so that any answer with another page's value in it
 * shows; only `run` tells how often the handler had run.
 */
import { CacheInterceptor, CacheModule, CacheTTL } from '@nestjs/cache-manager';
import { Controller, Delete, Get, Inject, Injectable, Param, UseInterceptors } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import {
  Cacheable,
  CacheEvict,
  MemcachedCache,
  MemcachedPool,
  MemcachedPoolModule,
  type MemcachedRootOptions,
} from '../../../../lib/index.js';
import { memcachedKeyv } from '../../../../lib/keyv/index.js';
import { MemcachedHealthIndicator } from '../../../../lib/terminus/index.js';
import { freshNamespace } from '../../../nest/support/backends.js';

export type Platform = 'express' | 'fastify';
export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

export interface Page {
  path: string;
  run: number;
  text: string;
}

export interface Health {
  status: 'ok' | 'degraded' | 'error';
  details: { memcached: { status: string; message?: string; nodes: { name: string; state: string }[] } };
}

export interface Answer<Body> {
  status: number;
  body: Body;
}

/** As long as several packets for every third page: connections shall end in the midst of a value too. */
export function textOf(path: string): string {
  const number = Number(/\d+$/.exec(path)?.[0] ?? 1);
  return `${path} `.repeat(number % 3 === 0 ? 10_000 : 10);
}

/** What the pages are made of. */
@Injectable()
class Press {
  readonly #runs = new Map<string, number>();
  /** Handlers wait for it: a page's own time. */
  ownTime: Promise<void> = Promise.resolve();

  async print(path: string): Promise<Page> {
    const run = this.runs(path) + 1;
    this.#runs.set(path, run);
    await this.ownTime;
    return { path, run, text: textOf(path) };
  }

  runs(path: string): number {
    return this.#runs.get(path) ?? 0;
  }
}

@Controller()
class PagesController {
  constructor(@Inject(Press) private readonly press: Press) {}

  @Get('product/:id')
  @Cacheable({ key: (id: string) => `product:${id}` })
  product(@Param('id') id: string): Promise<Page> {
    return this.press.print(`/product/${id}`);
  }

  @Delete('product/:id')
  @CacheEvict({ key: (id: string) => `product:${id}` })
  async remove(@Param('id') id: string): Promise<{ removed: string }> {
    return { removed: id };
  }

  @Get('page/:id')
  @UseInterceptors(CacheInterceptor)
  page(@Param('id') id: string): Promise<Page> {
    return this.press.print(`/page/${id}`);
  }

  @Get('brief/:id')
  @UseInterceptors(CacheInterceptor)
  @CacheTTL(500)
  brief(@Param('id') id: string): Promise<Page> {
    return this.press.print(`/brief/${id}`);
  }
}

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(MemcachedHealthIndicator) private readonly memcached: MemcachedHealthIndicator,
  ) {}

  @Get()
  check() {
    return this.health.check([() => this.memcached.check('memcached', { ping: true })]);
  }
}

export class Website {
  /** Requests that have come in, answered or not. */
  requests = 0;

  private constructor(
    readonly app: NestFastifyApplication,
    readonly url: string,
    readonly pool: MemcachedPool,
    readonly press: Press,
  ) {
    app.getHttpServer().on('request', () => {
      this.requests++;
    });
  }

  static async open(platform: Platform, options: MemcachedRootOptions): Promise<Website> {
    const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    const testing = await Test.createTestingModule({
      imports: [
        MemcachedPoolModule.forRoot({ cache: { namespace: freshNamespace() }, ...options }),
        CacheModule.registerAsync({
          inject: [MemcachedCache],
          useFactory: (cache: MemcachedCache) => ({ stores: [memcachedKeyv(cache)], ttl: 60_000 }),
        }),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [PagesController, HealthController],
      providers: [Press, MemcachedHealthIndicator],
    }).compile();
    // No logger of its own: what would be logged goes through Logger, where the tests listen.
    const app = testing.createNestApplication<NestFastifyApplication>(adapter);
    await app.listen(0, '127.0.0.1');
    return new Website(app, await app.getUrl(), app.get(MemcachedPool), app.get(Press));
  }

  async ask<Body = Page>(path: string, method = 'GET'): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}${path}`, { method });
    return { status: response.status, body: (await response.json()) as Body };
  }

  health(): Promise<Answer<Health>> {
    return this.ask('/health');
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
