/**
 * Cached controllers and services behind real HTTP, on both platforms, with memcached well and unwell.
 */
import {
  Body,
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  type INestApplication,
  Injectable,
  Module,
  type NestInterceptor,
  Param,
  Post,
  Query,
  Scope,
  UseInterceptors,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Observable, of } from 'rxjs';
import request from 'supertest';
import { Cacheable, CacheEvict, MemcachedPoolModule } from '../../lib/index.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { freshNamespace, onEachBackend } from './support/backends.js';
import { CapturedLog } from './support/log.js';

const calls = new Map<string, number>();
const call = (name: string) => calls.set(name, (calls.get(name) ?? 0) + 1).get(name)!;

@Injectable()
class Seen implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    call('interceptor');
    return next.handle();
  }
}

@Injectable()
class Catalog {
  @Cacheable({ key: (id: string) => `product:${id}` })
  async find(id: string) {
    return { id, call: call('find') };
  }

  @Cacheable({ key: () => 'failing' })
  async failing(): Promise<never> {
    call('failing');
    throw new Error('no luck');
  }
}

@Controller('products')
class Products {
  constructor(private readonly catalog: Catalog) {}

  @Get('service/:id')
  throughService(@Param('id') id: string) {
    return this.catalog.find(id);
  }

  @Get('failing')
  throughFailing() {
    return this.catalog.failing();
  }

  @Get('above/:id')
  @Header('x-above', 'yes')
  @UseInterceptors(Seen)
  @Cacheable({ key: (id: string, page: string) => `above:${id}:${page}` })
  async above(@Param('id') id: string, @Query('page') page: string) {
    return { id, page, call: call('above') };
  }

  @Cacheable({ key: (id: string) => `below:${id}` })
  @Get('below/:id')
  @HttpCode(203)
  async below(@Param('id') id: string) {
    return { id, call: call('below') };
  }

  @Cacheable()
  @Get('default-key')
  async byDefaultKey(@Query() query: Record<string, string>) {
    return { ...query, call: call('default-key') };
  }

  @Get('observable/:id')
  @Cacheable({ key: (id: string) => `observable:${id}`, returns: 'observable' })
  observable(@Param('id') id: string): Observable<{ id: string; call: number }> {
    return of({ id, call: call('observable') });
  }

  @Post('evict')
  @HttpCode(204)
  @CacheEvict({ key: (body: { id: string }) => `below:${body.id}` })
  async evict(@Body() _body: { id: string }) {}
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedProducts {
  private readonly made = call('scoped-made');

  @Get(':id')
  @Cacheable({ key: (id: string) => `scoped:${id}` })
  async find(@Param('id') id: string) {
    return { id, made: this.made, call: call('scoped') };
  }
}

@Module({ controllers: [Products, ScopedProducts], providers: [Catalog] })
class CatalogModule {}

const platforms = [
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const;

async function boot(nodes: string, adapter: () => ExpressAdapter | FastifyAdapter, options = {}) {
  const cache = { namespace: freshNamespace() };
  const builder = Test.createTestingModule({
    imports: [MemcachedPoolModule.forRoot({ nodes, cache, ...options }), CatalogModule],
  });
  const app = (await builder.compile()).createNestApplication<INestApplication>(adapter());
  await app.init();
  if (adapter() instanceof FastifyAdapter)
    await (app as NestFastifyApplication).getHttpAdapter().getInstance().ready();
  return app;
}

let log: CapturedLog;
let app: INestApplication;
const get = (path: string) => request(app.getHttpServer()).get(path);

beforeEach(() => {
  log = new CapturedLog();
  calls.clear();
});
afterEach(async () => {
  await app.close();
  log.restore();
});

describe.each(platforms)('over %s', (_, adapter) => {
  onEachBackend((start) => {
    beforeEach(async () => {
      backend = await start();
      app = await boot(backend.address, adapter);
    });
    afterEach(() => backend.stop());
    let backend: Awaited<ReturnType<typeof start>>;

    it('a controller answers from the cache, with the decorator above or below the route', async () => {
      for (let i = 0; i < 2; i++) {
        const above = await get('/products/above/7?page=2').expect(200).expect('x-above', 'yes');
        expect(above.body).toEqual({ id: '7', page: '2', call: 1 });
        const below = await get('/products/below/7').expect(203);
        expect(below.body).toEqual({ id: '7', call: 1 });
      }
      expect(calls.get('interceptor')).toBe(2);
    });

    it('a request-scoped controller answers from the cache of earlier requests', async () => {
      for (let i = 0; i < 2; i++) {
        const { body } = await get('/scoped/7').expect(200);
        expect(body).toEqual({ id: '7', made: expect.any(Number), call: 1 });
      }
      expect(calls.get('scoped-made')).toBeGreaterThan(1);
    });

    it('an Observable of a controller comes from the cache', async () => {
      for (let i = 0; i < 2; i++) {
        expect((await get('/products/observable/7').expect(200)).body).toEqual({ id: '7', call: 1 });
      }
    });

    it('the order of a query does not count for the default key', async () => {
      expect((await get('/products/default-key?a=1&b=2')).body).toEqual({ a: '1', b: '2', call: 1 });
      expect((await get('/products/default-key?b=2&a=1')).body).toEqual({ a: '1', b: '2', call: 1 });
      expect((await get('/products/default-key?a=1')).body).toEqual({ a: '1', call: 2 });
    });

    it('an evicting route makes the next reader see anew', async () => {
      await get('/products/below/7');
      await request(app.getHttpServer()).post('/products/evict').send({ id: '7' }).expect(204);
      expect((await get('/products/below/7')).body).toEqual({ id: '7', call: 2 });
    });

    it('a hundred requests for one cold entry run the method once', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => get('/products/service/7')));
      expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set(['{"id":"7","call":1}']));
    });

    it('a failing method fails each time it is asked, and is asked again', async () => {
      await get('/products/failing').expect(500);
      await get('/products/failing').expect(500);
      expect(calls.get('failing')).toBe(2);
    });

    it('pages answer when memcached dies under traffic', async () => {
      await get('/products/service/7').expect(200);
      await backend.stop();
      const answers = await Promise.all(Array.from({ length: 20 }, () => get('/products/service/7')));
      expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    });
  });

  it('pages answer, within the command timeout, when memcached hangs', async () => {
    const server = await TestMemcached.start();
    app = await boot(server.address, adapter, { commandTimeout: 100 });
    await get('/products/service/7').expect(200);
    server.misbehave.hang();
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/products/service/7')));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect(performance.now() - began).toBeLessThan(5_000);
    await server.close();
  });
});
