/**
 * What `MemcachedCacheInterceptor` does with requests, over HTTP, on both platforms.
 */
import { Readable } from 'node:stream';
import { CacheKey, CacheTTL } from '@nestjs/cache-manager';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Head,
  Header,
  HttpCode,
  type INestApplication,
  Injectable,
  type NestInterceptor,
  NotFoundException,
  Param,
  Post,
  Query,
  Redirect,
  Res,
  StreamableFile,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { lastValueFrom, of } from 'rxjs';
import request from 'supertest';
import { HttpCache, MemcachedCache, MemcachedCacheInterceptor, withCache } from '../../lib/index.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { onEachBackend } from './support/backends.js';
import { platforms, serve } from './support/http.js';
import { CapturedLog } from './support/log.js';

const calls = new Map<string, number>();
const call = (name: string) => calls.set(name, (calls.get(name) ?? 0) + 1).get(name)!;

class Product {
  constructor(readonly id: string) {}
}

interface AnyResponse {
  header(name: string, value: string): unknown;
  status(code: number): { send(body: unknown): unknown };
}

/** As a guard for API keys does. */
@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest().user = { name: 'ann' };
    return true;
  }
}

/** Lets the application's own people read past the cache. */
@Injectable()
class Controlled implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    const asked = context.switchToHttp().getRequest().headers['x-control'];
    if (asked === undefined) return next.handle();
    return of(await withCache({ [asked]: true }, () => lastValueFrom(next.handle())));
  }
}

@Controller('news')
@UseInterceptors(MemcachedCacheInterceptor)
class News {
  @Get('page')
  page(@Query('n') n: string) {
    return { n, call: call('page') };
  }

  @Get('slow')
  async slow() {
    const made = { call: call('slow') };
    await new Promise((resolve) => setTimeout(resolve, 50));
    return made;
  }

  @Post('page')
  change() {
    return { call: call('post') };
  }

  @Get('text')
  @Header('content-type', 'text/csv')
  text() {
    return `a,b,${call('text')}`;
  }

  @Get('mine')
  @HttpCache({ scope: ({ headers }) => headers.authorization?.toString() })
  mine() {
    return { call: call('mine') };
  }

  @Get('tenant')
  @HttpCache({ scope: 'tenant' })
  tenant() {
    return { call: call('tenant') };
  }

  @Get('guarded')
  @UseGuards(KeyGuard)
  guarded() {
    return { call: call('guarded') };
  }

  @Get('varied')
  @HttpCache({ vary: ['accept-language'], ttl: '1m', stale: '30s' })
  varied() {
    return { call: call('varied') };
  }

  @Get('tagged/:id')
  @HttpCache({ tags: (request) => [`product:${request.url.split('/').at(-1)}`] })
  tagged(@Param('id') id: string) {
    return { id, call: call('tagged') };
  }

  @Get('headers')
  headers(@Res({ passthrough: true }) response: AnyResponse) {
    response.header('x-made', String(call('headers')));
    response.header('vary', 'accept');
    return { ok: true };
  }

  @Get('cookie')
  cookie(@Res({ passthrough: true }) response: AnyResponse) {
    response.header('set-cookie', 'id=1');
    return { call: call('cookie') };
  }

  @Get('teapot')
  teapot(@Res({ passthrough: true }) response: AnyResponse) {
    response.status(418);
    return { call: call('teapot') };
  }

  @Get('res')
  res(@Res() response: AnyResponse) {
    response.status(200).send({ call: call('res') });
  }

  @Get('file')
  file() {
    return new StreamableFile(Readable.from([`file ${call('file')}`]));
  }

  @Get('redirect')
  @Redirect('/news/page')
  redirect() {
    call('redirect');
  }

  @Get('accepted')
  @HttpCode(202)
  accepted() {
    return { call: call('accepted') };
  }

  @Get('nothing')
  nothing() {
    call('nothing');
  }

  @Get('null')
  null() {
    call('null');
    return null;
  }

  @Get('bytes')
  bytes() {
    return new StreamableFile(Buffer.from(`bytes ${call('bytes')}`));
  }

  @Get('missing')
  missing() {
    call('missing');
    throw new NotFoundException('not here');
  }

  @Get('broken')
  broken() {
    call('broken');
    throw new Error('no luck');
  }

  @Get('instances')
  instances() {
    call('instances');
    return [new Product('1')];
  }

  @Get('rebuilt')
  @HttpCache({ type: Product })
  rebuilt() {
    call('rebuilt');
    return [new Product('1')];
  }

  @Get('private')
  @Header('Cache-Control', 'private, max-age=60')
  private() {
    return { call: call('private') };
  }

  @Get('announced')
  @Header('Cache-Control', 'max-age=120, stale-while-revalidate=30')
  announced() {
    return { call: call('announced') };
  }

  @Get('obedient')
  @HttpCache({ clientControl: true })
  obedient() {
    return { call: call('obedient') };
  }

  @Get('old-key')
  @CacheKey('the-news')
  @CacheTTL(7_000)
  oldKey() {
    return { call: call('old-key') };
  }

  @Get('throwing-tags')
  @HttpCache({
    tags: () => {
      throw new Error('no tags');
    },
  })
  throwingTags() {
    return { call: call('throwing-tags') };
  }

  @Get('throwing-ttl')
  @CacheTTL(() => {
    throw new Error('no ttl');
  })
  throwingTtl() {
    return { call: call('throwing-ttl') };
  }

  @Get('throwing-scope')
  @HttpCache({
    scope: () => {
      throw new Error('no scope');
    },
  })
  throwingScope() {
    return { call: call('throwing-scope') };
  }

  @Get('off')
  @HttpCache(false)
  off() {
    return { call: call('off') };
  }

  @Head('both')
  headOnly() {
    call('head-only');
  }

  @Get('both')
  both() {
    return { call: call('both') };
  }
}

@Controller('news')
@UseInterceptors(Controlled, MemcachedCacheInterceptor)
class ControlledNews {
  @Get('controlled')
  controlled() {
    return { call: call('controlled') };
  }
}

let log: CapturedLog;
let app: INestApplication;
const get = (path: string) => request(app.getHttpServer()).get(`/news/${path}`);

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
    let backend: Awaited<ReturnType<typeof start>>;
    beforeEach(async () => {
      backend = await start();
      const scope = { tenant: (asked: unknown) => (asked as Request).headers['x-tenant' as never] as string };
      app = await serve(adapter, backend.address, { controllers: [News, ControlledNews] }, { scope });
    });
    afterEach(() => backend.stop());

    it('answers the second request from the cache, each URL for itself', async () => {
      const first = await get('page?n=1').expect(200).expect('x-cache', 'MISS');
      const second = await get('page?n=1').expect(200).expect('x-cache', 'HIT');
      expect(second.body).toEqual({ n: '1', call: 1 });
      expect(second.headers.etag).toBe(first.headers.etag);
      expect(second.headers['content-type']).toBe(first.headers['content-type']);
      expect((await get('page?n=2')).body).toEqual({ n: '2', call: 2 });
    });

    it('tells hosts apart', async () => {
      await get('page').set('host', 'a.example').expect('x-cache', 'MISS');
      await get('page').set('host', 'b.example').expect('x-cache', 'MISS');
      await get('page').set('host', 'A.example').expect('x-cache', 'HIT');
    });

    it('runs the handler once for twenty requests that find nothing', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get('slow')));
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['{"call":1}']));
    });

    it('answers HEAD from what GET left, and leaves other methods alone', async () => {
      await get('page');
      const head = await request(app.getHttpServer()).head('/news/page').expect(200).expect('x-cache', 'HIT');
      expect(head.text ?? '').toBe('');
      await request(app.getHttpServer()).post('/news/page').expect(201);
      await request(app.getHttpServer()).post('/news/page').expect(201);
      expect(calls).toEqual(
        new Map([
          ['page', 1],
          ['post', 2],
        ]),
      );
    });

    it('never gives the answer of a HEAD handler to a GET', async () => {
      await request(app.getHttpServer()).head('/news/both').expect(200);
      expect((await get('both').expect(200)).body).toEqual({ call: 1 });
    });

    it.each([
      ['authorization', 'Bearer ann'],
      ['cookie', 'session=ann'],
    ])('leaves a request with %s alone, and keeps others from its answer', async (name, value) => {
      for (const n of [1, 2]) {
        const { body, headers } = await get('page').set(name, value).expect('x-cache', 'BYPASS');
        expect(body).toEqual({ call: n });
        expect(headers).not.toHaveProperty('cache-control');
        expect(headers.vary).toContain('Authorization, Cookie');
      }
      await get('page').expect('x-cache', 'MISS');
      await get('page').set(name, value).expect('x-cache', 'BYPASS');
    });

    it('leaves a request alone of which a guard found out whose it is', async () => {
      await get('guarded').expect('x-cache', 'BYPASS');
      expect((await get('guarded')).body).toEqual({ call: 2 });
    });

    it('keeps the answers of each scope apart, and away from caches further out', async () => {
      const as = (who: string) => get('mine').set('authorization', who);
      expect((await as('ann')).body).toEqual({ call: 1 });
      expect((await as('bob')).body).toEqual({ call: 2 });
      const again = await as('ann').expect('x-cache', 'HIT');
      expect(again.body).toEqual({ call: 1 });
      expect(again.headers['cache-control']).toBe('private, max-age=300');
      expect(again.headers.vary).toContain('Authorization, Cookie');
      await get('mine').expect('x-cache', 'BYPASS');
    });

    it('resolves the name of a scope by the option of the module', async () => {
      await get('tenant').set('x-tenant', 'a').set('cookie', 'x=1').expect('x-cache', 'MISS');
      await get('tenant').set('x-tenant', 'a').set('cookie', 'x=2').expect('x-cache', 'HIT');
      await get('tenant').set('x-tenant', 'b').expect('x-cache', 'MISS');
      await get('tenant').expect('x-cache', 'BYPASS');
    });

    it('varies by the headers that the route names', async () => {
      const first = await get('varied').set('accept-language', 'de').expect('x-cache', 'MISS');
      expect(first.headers.vary).toContain('accept-language');
      expect(first.headers['cache-control']).toBe('max-age=60, stale-while-revalidate=30');
      await get('varied').set('accept-language', 'en').expect('x-cache', 'MISS');
      await get('varied').set('accept-language', 'de').expect('x-cache', 'HIT');
      await get('varied').expect('x-cache', 'MISS');
    });

    it('answers 304 without a body to a client that has the response, on a hit and on a miss', async () => {
      const { headers } = await get('page');
      for (const tag of [headers.etag!, `"other", ${headers.etag}`, headers.etag!.slice(2), '*']) {
        const answer = await get('page').set('if-none-match', tag).expect(304).expect('etag', headers.etag!);
        expect(answer.text).toBe('');
      }
      await get('page').set('if-none-match', '"other"').expect(200);
      await app.get(MemcachedCache).namespace('http').clear();
      calls.clear();
      await get('page').set('if-none-match', headers.etag!).expect(304).expect('x-cache', 'MISS');
    });

    it('repeats the headers that the handler set, and those that stand on the route', async () => {
      await get('headers').expect('x-made', '1');
      const hit = await get('headers').expect('x-cache', 'HIT').expect('x-made', '1');
      expect(hit.headers.vary).toContain('accept');
      for (const _ of [1, 2])
        await get('text')
          .expect('content-type', /^text\/csv/)
          .expect('a,b,1');
    });

    it('drops responses by their tags', async () => {
      await get('tagged/1');
      await get('tagged/2');
      await app.get(MemcachedCache).namespace('http').deleteByTag('product:1');
      await get('tagged/1').expect('x-cache', 'MISS');
      await get('tagged/2').expect('x-cache', 'HIT');
    });

    it.each([
      ['one that sets a cookie', 'cookie', 200],
      ['one that sets another status', 'teapot', 418],
      ['one that is not a 200 by its route', 'accepted', 202],
      ['one that the handler sends itself', 'res', 200],
      ['a file', 'file', 200],
      ['bytes as a file', 'bytes', 200],
      ['a redirect', 'redirect', 302],
      ['none', 'nothing', 200],
      ['an exception', 'missing', 404],
      ['an error', 'broken', 500],
      ['one that the route calls private', 'private', 200],
      ['one of a route that is switched off', 'off', 200],
    ])('never stores a response: %s', async (_name, path, status) => {
      await get(path).expect(status);
      const answers = await Promise.all([get(path), get(path)]);
      expect(answers.map((answer) => answer.status)).toEqual([status, status]);
      const runs = calls.get(path)!;
      expect(runs).toBeGreaterThanOrEqual(2);
      await get(path).expect(status);
      expect(calls.get(path)).toBe(runs + 1);
    });

    it('gives each of many concurrent requests a file of its own', async () => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => get('file').buffer(true)));
      expect(new Set(answers.map(({ text, body }) => String(text ?? body))).size).toBe(5);
    });

    it('stores null', async () => {
      await get('null').expect(200);
      await get('null').expect(200).expect('x-cache', 'HIT');
      expect(calls.get('null')).toBe(1);
    });

    it('leaves class instances uncached, with one line, unless the route says what they are', async () => {
      for (const _ of [1, 2]) expect((await get('instances').expect(200)).body).toEqual([{ id: '1' }]);
      expect(calls.get('instances')).toBe(2);
      expect(log.with('News.instances() is not cached: its answer holds class instances')).toHaveLength(1);
      for (const _ of [1, 2]) expect((await get('rebuilt').expect(200)).body).toEqual([{ id: '1' }]);
      expect(calls.get('rebuilt')).toBe(1);
    });

    it('takes the lifetime from the Cache-Control of the route, and leaves that as it is', async () => {
      for (const outcome of ['MISS', 'HIT']) {
        const { headers } = await get('announced').expect('x-cache', outcome);
        expect(headers['cache-control']).toBe('max-age=120, stale-while-revalidate=30');
      }
    });

    it('listens to Cache-Control of clients only where the route lets it', async () => {
      await get('page');
      await get('page').set('cache-control', 'no-cache').expect('x-cache', 'HIT');
      await get('obedient');
      expect((await get('obedient').set('cache-control', 'no-cache').expect('x-cache', 'MISS')).body).toEqual(
        {
          call: 2,
        },
      );
      expect(
        (await get('obedient').set('cache-control', 'no-store').expect('x-cache', 'BYPASS')).body,
      ).toEqual({
        call: 3,
      });
      expect((await get('obedient').expect('x-cache', 'HIT')).body).toEqual({ call: 2 });
    });

    it('follows what stands around it in the application', async () => {
      await get('controlled').expect('x-cache', 'MISS');
      await get('controlled').set('x-control', 'skip').expect('x-cache', 'BYPASS');
      expect((await get('controlled')).body).toEqual({ call: 1 });
      await get('controlled').set('x-control', 'forceFresh').expect('x-cache', 'MISS');
      expect((await get('controlled').expect('x-cache', 'HIT')).body).toEqual({ call: 3 });
    });

    it('honours @CacheKey and @CacheTTL', async () => {
      await get('old-key?a=1').expect('cache-control', 'max-age=7');
      await get('old-key?a=2').expect('x-cache', 'HIT');
      expect(await app.get(MemcachedCache).namespace('http').get('the-news')).toMatchObject({
        body: { call: 1 },
      });
    });

    it.each(['tags', 'ttl', 'scope'])('answers uncached, with one line, when %s throws', async (name) => {
      for (const n of [1, 2]) expect((await get(`throwing-${name}`).expect(200)).body).toEqual({ call: n });
      expect(log.with(`no ${name}`)).toHaveLength(1);
    });

    it('answers when memcached dies', async () => {
      await get('page').expect(200);
      await backend.stop();
      const answers = await Promise.all(Array.from({ length: 10 }, () => get('page')));
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    });
  });
});

describe.each(platforms)('time, over %s', (_, adapter) => {
  let shift = 0;

  class Later extends MemcachedCacheInterceptor {
    protected override now(): number {
      return super.now() + shift;
    }
  }

  @Controller('news')
  @UseInterceptors(Later)
  class Aging {
    @Get('page')
    @HttpCache({ ttl: '1m', stale: '1h' })
    page() {
      return { call: call('page') };
    }

    @Get('gone')
    @HttpCache({ ttl: '1m', stale: '1h' })
    gone() {
      if (call('gone') > 1) throw new NotFoundException();
      return { here: true };
    }

    @Get('failing')
    @HttpCache({ ttl: '1m', stale: '1h' })
    failing() {
      if (call('failing') > 1) throw new Error('no luck');
      return { here: true };
    }
  }

  let server: TestMemcached;
  beforeEach(async () => {
    shift = 0;
    server = await TestMemcached.start();
    app = await serve(adapter, server.address, { controllers: [Aging] });
  });
  afterEach(() => server.close());

  const invalidate = async (path: string) => {
    const cache = app.get(MemcachedCache).namespace('http');
    const key = `Aging.${path}/127.0.0.1//news/${path}`;
    expect(await cache.invalidate(key, { stale: '1h' })).toBe(true);
  };
  const visit = (path: string) => get(path).set('host', '127.0.0.1');
  const until = async (path: string, right: (answer: request.Response) => boolean) => {
    for (let tries = 0; tries < 400; tries++) {
      const answer = await visit(path);
      if (right(answer)) return answer;
    }
    throw new Error(`/news/${path} never gave the right answer.`);
  };

  it('says how old a response is', async () => {
    const { headers } = await visit('page');
    expect(headers).not.toHaveProperty('age');
    shift = 42_900;
    await visit('page')
      .expect('age', '42')
      .expect('cache-control', 'max-age=60, stale-while-revalidate=3600');
  });

  it('serves the stale response while the handler runs anew, and stores what it makes', async () => {
    await visit('page');
    await invalidate('page');
    shift = 61_000;
    const stale = await visit('page').expect(200).expect('x-cache', 'STALE');
    expect(stale.body).toEqual({ call: 1 });
    const fresh = await until('page', ({ body }) => body.call === 2);
    expect(fresh.status).toBe(200);
    expect(calls.get('page')).toBe(2);
  });

  it('refreshes behind an answer of 304 too', async () => {
    const { headers } = await visit('page');
    await invalidate('page');
    await visit('page').set('if-none-match', headers.etag!).expect(304);
    await until('page', ({ body }) => body.call === 2);
  });

  it('serves the stale response when the handler fails', async () => {
    await visit('failing');
    await invalidate('failing');
    for (const _n of [1, 2, 3]) expect((await visit('failing').expect(200)).body).toEqual({ here: true });
  });

  it('does not serve for long what the handler says is gone', async () => {
    await visit('gone');
    await invalidate('gone');
    await until('gone', ({ status }) => status === 404);
  });
});
