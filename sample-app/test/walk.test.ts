/**
 * The walk through the sample as the README tells it: a slow product once, a change, a dead node, its return.
 * The queries take no time here; that the database was not asked is read off the counters.
 */
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule } from '../app.module.js';
import { QUERY_TIME } from '../catalog/product-repository.js';
import { serveDocs } from '../docs.js';

interface Counters {
  requests: number;
  queries: { read: number; written: number };
  cache: { hits: number; misses: number; errors: number };
}

interface Product {
  id: string;
  price: number;
}

interface Answer<T> {
  status: number;
  body: T;
  /** What the interceptors say of themselves. */
  cache: string | null;
}

describe('the sample application', () => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    // Three nodes of its own, whatever the machine's environment says.
    delete process.env.MEMCACHED_NODES;
    // A slow machine must not make a miss of a hit.
    process.env.MEMCACHED_TIMEOUT = '20s';
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(QUERY_TIME)
      .useValue(0)
      .compile();
    app = testing.createNestApplication({ logger: false });
    serveDocs(app);
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    delete process.env.MEMCACHED_TIMEOUT;
    await app?.close();
  });

  async function call<T>(path: string, method = 'GET', body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const read = (text === '' ? undefined : JSON.parse(text)) as T;
    return { status: response.status, body: read, cache: response.headers.get('x-cache') };
  }
  const counters = async () => (await call<Counters>('/counters')).body;

  /** The path is asked for until the answer is right; the bound only guards against a hang. */
  async function until<T>(path: string, isRight: (answer: Answer<T>) => boolean): Promise<T> {
    for (let tries = 0; tries < 400; tries++) {
      const answer = await call<T>(path);
      if (isRight(answer)) return answer.body;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`${path} never gave the right answer.`);
  }

  it('asks the database for a product once', async () => {
    const first = await call('/products/1');
    const second = await call('/products/1');
    expect(first).toMatchObject({ status: 200, body: { id: '1', name: 'Desk lamp', price: 3_900 } });
    expect(second).toEqual(first);
    expect(await counters()).toMatchObject({
      requests: 2,
      queries: { read: 1, written: 0 },
      cache: { hits: 1, misses: 1, errors: 0 },
    });
  });

  it('shows a change at once, without asking the database for it', async () => {
    const { read } = (await counters()).queries;
    expect(await call('/products/1', 'PUT', { price: 4_500 })).toMatchObject({ body: { price: 4_500 } });
    expect(await call('/products/1')).toMatchObject({ body: { name: 'Desk lamp', price: 4_500 } });
    expect((await counters()).queries).toEqual({ read, written: 1 });
  });

  it('forgets a product that was removed', async () => {
    await call('/products/4');
    expect(await call('/products/4', 'DELETE')).toMatchObject({ status: 204 });
    expect(await call('/products/4')).toMatchObject({ status: 404 });
    expect(await call('/products/4', 'DELETE')).toMatchObject({ status: 404 });
  });

  it.each([[{}], [{ price: -1 }], [{ price: 'free' }], [{ name: '' }]])(
    'refuses the change %p',
    async (change) => {
      expect(await call('/products/1', 'PUT', change)).toMatchObject({ status: 400 });
    },
  );

  it('asks the database once for all that is missing', async () => {
    const { read } = (await counters()).queries;
    const some = await call('/products/some?ids=3,1,2,77');
    expect(some).toMatchObject({ status: 200, body: [{ id: '3' }, { id: '1' }, { id: '2' }] });
    expect(await call('/products/some?ids=2,3')).toMatchObject({ body: [{ id: '2' }, { id: '3' }] });
    expect(await call('/products/2')).toMatchObject({ body: { id: '2' } });
    expect((await counters()).queries.read).toBe(read + 1);
    expect(await call('/products/some')).toMatchObject({ status: 400 });
  });

  it('reads past the cache when it is told to', async () => {
    const { read } = (await counters()).queries;
    expect(await call('/products/1/refresh', 'POST')).toMatchObject({ status: 200, body: { price: 4_500 } });
    expect((await counters()).queries.read).toBe(read + 1);
  });

  it('keeps the page of all products, refreshes it after a change, and drops what was removed at once', async () => {
    const page = await call<Product[]>('/products');
    expect(page).toMatchObject({ cache: 'MISS', body: [{ id: '1' }, { id: '2' }, { id: '3' }] });
    const { read } = (await counters()).queries;
    expect(await call('/products')).toMatchObject({ body: page.body, cache: 'HIT' });
    expect((await counters()).queries.read).toBe(read);

    await call('/products/2', 'PUT', { price: 1 });
    // Whoever comes first gets the page as it was, and has it made anew for those behind.
    expect(await call('/products')).toMatchObject({ status: 200, body: page.body });
    await until<Product[]>('/products', ({ body }) => body[1]!.price === 1);

    await call('/products/3', 'DELETE');
    expect(await call('/products')).toMatchObject({ cache: 'MISS', body: [{ id: '1' }, { id: '2' }] });
  });

  it("keeps a page by Nest's own CacheInterceptor too", async () => {
    expect(await call('/products/count')).toMatchObject({ body: { count: 2 }, cache: 'MISS' });
    // It does not wait for what it writes, so the second visitor may be too early.
    expect(await until('/products/count', ({ cache }) => cache === 'HIT')).toEqual({ count: 2 });
  });

  it('serves every page while a node is dead, says so, and finds it again', async () => {
    const health = await call('/health');
    expect(health).toMatchObject({ status: 200, body: { status: 'ok' } });

    expect(await call('/demo/nodes/0/stop', 'POST')).toMatchObject({ status: 200 });
    for (const id of ['1', '2']) expect(await call(`/products/${id}`)).toMatchObject({ status: 200 });
    const degraded = await until<{ status: string; details: { memcached: { nodes: unknown[] } } }>(
      '/health',
      ({ body }) => body.status === 'degraded',
    );
    expect(degraded.details.memcached.nodes).toContainEqual(
      expect.objectContaining({ state: 'blacklisted' }),
    );

    expect(await call('/demo/nodes/0/start', 'POST')).toMatchObject({ status: 200 });
    await until<{ status: string }>('/health', ({ body }) => body.status === 'ok');
  }, 60_000);

  it('says which nodes there are when it is asked to stop another one', async () => {
    expect(await call('/demo/nodes/7/stop', 'POST')).toMatchObject({
      status: 404,
      body: { message: 'There is no node 7; they are 0 to 2.' },
    });
  });

  it('describes its routes at /docs', async () => {
    const page = await fetch(`${url}/docs`);
    expect(page.status).toBe(200);
    const { body } = await call<{ paths: object }>('/docs-json');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/products',
        '/products/{id}',
        '/counters',
        '/health',
        '/demo/nodes/{index}/stop',
      ]),
    );
  });
});
