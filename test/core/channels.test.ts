/** What a pool tells on `node:diagnostics_channel`: states, sockets and failures, never a key or a value. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { MemcachedPool } from '../../lib/core/pool/pool.js';
import { Stage, until, watch } from './support/stage.js';

const stage = new Stage();
let messages: Record<string, unknown>[] = [];
const note = (message: unknown) => messages.push(message as Record<string, unknown>);
const channels = ['node:state', 'socket', 'failure'].map((name) => `nestjs-memcached-pool:${name}`);
beforeEach(() => {
  messages = [];
  for (const name of channels) subscribe(name, note);
});
afterEach(async () => {
  for (const name of channels) unsubscribe(name, note);
  await stage.clear();
});

const failures = () => messages.filter((message) => 'verb' in message);

describe('channels', () => {
  test('tell of a socket and of a state, once each', async () => {
    const { server, pool } = await stage.pair({ name: 'p' });
    await pool.get('a');
    const common = { pool: 'p', node: server.address };
    expect(messages).toEqual([
      { ...common, event: 'open', reason: 'meta' },
      { ...common, from: 'idle', to: 'up', reason: '' },
    ]);
    messages = [];
    await pool.close();
    expect(messages).toEqual([{ ...common, event: 'close', reason: 'dropped' }]);
  });

  test.each<[string, (pool: MemcachedPool) => Promise<unknown>]>([
    ['get', (pool) => pool.get('key-of-user')],
    ['set', (pool) => pool.set('key-of-user', 'value-of-user')],
    ['getBatch', (pool) => pool.getMany(['key-of-user'])],
    ['delete', (pool) => pool.deleteMany(['key-of-user'])],
    ['version', (pool) => pool.version()],
  ])(
    '%s › tells of a complaint, a lost connection and a timeout, without key or value',
    async (verb, call) => {
      const { server, pool } = await stage.pair({ retries: 0 });
      server.misbehave.answer('SERVER_ERROR busy\r\n').once();
      await call(pool).catch(() => {});
      server.misbehave.cutAfter(0).once();
      await call(pool).catch(() => {});
      await pool.connect();
      server.misbehave.hang();
      const asked = server.commands.length;
      const timedOut = watch(call(pool));
      await until(() => server.commands.length > asked);
      await stage.pass(500);
      await until(() => timedOut.state === 'rejected');
      const codes = failures().map(({ code }) => code);
      expect(codes.slice(0, 2)).toEqual(['MEMCACHED_SERVER', 'MEMCACHED_CONNECTION']);
      // Many keys are told by their socket's end, which comes in the same moment.
      expect(['MEMCACHED_TIMEOUT', 'MEMCACHED_CONNECTION']).toContain(codes[2]);
      expect(codes).toHaveLength(3);
      for (const message of failures()) {
        expect(message).toEqual({ pool: 'default', node: server.address, verb, code: expect.any(String) });
      }
      expect(JSON.stringify(messages)).not.toMatch(/of-user/);
    },
  );

  test('tell of calls with a time or a signal of their own', async () => {
    const { server, pool } = await stage.pair();
    server.misbehave.hang();
    const short = watch(pool.get('a', { timeout: 50 }));
    const abort = new AbortController();
    const gone = watch(pool.get('a', { signal: abort.signal }));
    await stage.pass(50);
    abort.abort();
    await until(() => short.state === 'rejected' && gone.state === 'rejected');
    expect(failures().map(({ code }) => code)).toEqual(['MEMCACHED_TIMEOUT', 'ABORTED']);
  });
});
