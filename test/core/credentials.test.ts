/** TLS that cannot be trusted and passwords that are refused: a clear error, no storm, no secret anywhere. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { MemcachedPoolOptions } from '../../lib/core/pool/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { type Certificates, hasOpenssl, makeCertificates } from '../support/certificates.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';
import { handshakes, Stage, until } from './support/stage.js';

const patient: MemcachedPoolOptions = { connectTimeout: '10s', commandTimeout: '10s' };
const tlsTest = hasMemcached && hasOpenssl ? test : test.skip;
const realTest = hasMemcached ? test : test.skip;

/** How the first call of such a pool ends. */
async function firstCall(options: MemcachedPoolOptions): Promise<unknown> {
  const pool = new MemcachedPool({ ...patient, ...options });
  const end = await pool.get('a').catch((error: unknown) => error);
  await pool.close();
  return end;
}

describe('tls', () => {
  let certificates: Certificates;
  let server: RealMemcached;
  beforeAll(async () => {
    if (!hasMemcached || !hasOpenssl) return;
    certificates = makeCertificates();
    const { certFile, keyFile } = certificates;
    server = await RealMemcached.start({
      args: ['-Z', '-o', `ssl_chain_cert=${certFile},ssl_key=${keyFile}`],
    });
  });
  afterAll(async () => {
    await server?.stop();
    certificates?.remove();
  });
  const refused = (code: string) => ({
    code: 'MEMCACHED_CONNECTION',
    sent: 'no',
    message: `Cannot connect to ${server.address}: ${code}.`,
  });

  tlsTest('is verified: a certificate of an unknown authority is refused', async () => {
    const { address: nodes } = server;
    expect(await firstCall({ nodes, tls: true })).toMatchObject(refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE'));
    const stranger = makeCertificates();
    const end = await firstCall({ nodes, tls: { ca: stranger.ca } });
    stranger.remove();
    expect(end).toMatchObject({ code: 'MEMCACHED_CONNECTION', sent: 'no' });
    expect((end as Error).message).toMatch(/CERT_SIGNATURE_FAILURE|UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
  });

  tlsTest('is verified by the configured host: a certificate for another name is refused', async () => {
    const tls = { ca: certificates.ca, servername: 'cache.example' };
    expect(await firstCall({ nodes: server.address, tls })).toMatchObject(
      refused('ERR_TLS_CERT_ALTNAME_INVALID'),
    );
  });

  tlsTest('by name and by address is accepted when the certificate names it', async () => {
    const tls = { ca: certificates.ca };
    expect(await firstCall({ nodes: `localhost:${server.port}`, tls })).toBeUndefined();
    expect(await firstCall({ nodes: `127.0.0.1:${server.port}`, tls })).toBeUndefined();
  });

  tlsTest('rejectUnauthorized: false is taken at its word', async () => {
    expect(await firstCall({ nodes: server.address, tls: { rejectUnauthorized: false } })).toBeUndefined();
  });

  tlsTest(
    'a plain client on a TLS port fails in time, whether such a server is silent or closes',
    async () => {
      const end = await firstCall({ nodes: server.address, connectTimeout: 1_000 });
      expect(end).toMatchObject({ sent: 'no', node: server.address });
      expect((end as Error).message).toMatch(
        /closed the connection before its first answer|within 1000 ms \(connectTimeout\)/,
      );
    },
  );

  realTest('a TLS client on a plain port is told that it is the wrong version', async () => {
    const plain = await RealMemcached.start();
    const end = await firstCall({ nodes: plain.address, tls: { rejectUnauthorized: false } });
    await plain.stop();
    expect(end).toMatchObject({ code: 'MEMCACHED_CONNECTION', sent: 'no' });
  });
});

describe('auth', () => {
  const password = 's3cret-Pa55';
  const wrong = 'wr0ng-Pa55';
  let server: RealMemcached;
  let directory: string;
  beforeAll(async () => {
    if (!hasMemcached) return;
    directory = mkdtempSync(join(tmpdir(), 'memcached-auth-'));
    chmodSync(directory, 0o755);
    const file = join(directory, 'users');
    writeFileSync(file, `alice:${password}\n`, { mode: 0o644 });
    server = await RealMemcached.start({ args: ['-Y', file] });
  });
  afterAll(async () => {
    await server?.stop();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  realTest('a wrong password is a clear error that holds no password', async () => {
    const end = await firstCall({ nodes: server.address, auth: { user: 'alice', password: wrong } });
    expect(end).toMatchObject({
      code: 'MEMCACHED_AUTH',
      sent: 'no',
      node: server.address,
      message: `${server.address} refused the credentials of "auth".`,
    });
    expect(inspect(end, { depth: 9, showHidden: true })).not.toContain(wrong);
  });

  realTest('no password where one is asked for says what to give', async () => {
    expect(await firstCall({ nodes: server.address })).toMatchObject({
      code: 'MEMCACHED_AUTH',
      message: `${server.address} asks for credentials; give them as "auth: { user, password }".`,
    });
  });

  realTest('the right password works for each protocol', async () => {
    for (const protocol of ['auto', 'meta', 'classic'] as const) {
      const auth = { user: 'alice', password };
      expect(await firstCall({ nodes: server.address, auth, protocol })).toBeUndefined();
    }
  });
});

describe('a refused password', () => {
  const stage = new Stage();
  afterEach(() => stage.clear());
  const auth = { user: 'alice', password: 'wr0ng-Pa55' };

  test('makes no storm: one attempt, then one per blacklist time', async () => {
    const server = await stage.server({ auth: { user: 'alice', password: 'right' } });
    const pool = stage.pool(server, { auth });
    for (let i = 0; i < 20; i++) {
      const ends = await Promise.allSettled(Array.from({ length: 20 }, () => pool.get('a')));
      for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { sent: 'no' } });
    }
    expect(server.stats.total_connections).toBe(1);
    await stage.pass(4_000);
    await until(() => server.stats.total_connections === 2);
    expect(handshakes(server)).toBe(0);
  });

  test('is in nothing that can be printed: errors, nodes(), events, the pool', async () => {
    const server = await stage.server({ auth: { user: 'alice', password: 'right' } });
    const pool = stage.pool(server, { auth });
    const printed: unknown[] = [];
    pool.on('nodeState', (change) => printed.push(change));
    printed.push(await pool.get('a').catch((error: unknown) => error));
    printed.push(await pool.get('a').catch((error: unknown) => error));
    printed.push(await pool.getMany(['a']).catch((error: unknown) => error));
    printed.push(await pool.connect().catch((error: unknown) => error));
    printed.push(pool.nodes(), pool);
    expect(printed).toHaveLength(7);
    for (const thing of printed) {
      expect(inspect(thing, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain('wr0ng');
      expect(JSON.stringify(thing) ?? '').not.toContain('wr0ng');
    }
  });
});
