/**
 * TLS is verified unless told otherwise, a wrong one fails like any server that cannot be reached, and nothing that
 * can be read of a pool, its errors, events or channels holds a password or a private key.
 */
import { channel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import type { MemcachedPoolOptions } from '../../lib/core/pool/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';
import { TestMemcached } from '../../lib/testing/index.js';
import { type Certificates, hasOpenssl, makeCertificates } from '../support/certificates.js';
import { hasMemcached, RealMemcached } from '../support/real-memcached.js';
import { ending } from './support/stage.js';

jest.setTimeout(60_000);

const PATIENT = { connectTimeout: '20s', commandTimeout: '20s', blacklistTime: 50 };

(hasMemcached && hasOpenssl ? describe : describe.skip)('a real server over TLS', () => {
  let certificates: Certificates;
  let strangers: Certificates;
  let server: RealMemcached;
  let pool: MemcachedPool;

  beforeAll(async () => {
    certificates = makeCertificates();
    strangers = makeCertificates();
    const { certFile, keyFile } = certificates;
    server = await RealMemcached.start({
      args: ['-Z', '-o', `ssl_chain_cert=${certFile},ssl_key=${keyFile}`],
    });
  });
  afterAll(async () => {
    await server.stop();
    certificates.remove();
    strangers.remove();
  });
  afterEach(() => pool.close());

  it.each<[string, () => MemcachedPoolOptions['tls']]>([
    ['verified by its address', () => ({ ca: certificates.ca })],
    ['verified by the name it is known by', () => ({ ca: certificates.ca, servername: 'localhost' })],
    ['unverified, when that is asked for', () => ({ rejectUnauthorized: false })],
  ])('is used, %s', async (_, tls) => {
    pool = new MemcachedPool({ ...PATIENT, nodes: server.address, tls: tls() });
    await pool.set('k', 'v');
    expect(await pool.get('k')).toBe('v');
  });

  it.each<[string, () => MemcachedPoolOptions['tls'], RegExp]>([
    ['an authority nobody named', () => true, /UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
    [
      'the certificate of another authority',
      () => ({ ca: strangers.ca }),
      /UNABLE_TO_VERIFY|CERT_SIGNATURE_FAILURE/,
    ],
    [
      'another name',
      () => ({ ca: certificates.ca, servername: 'other.example' }),
      /ERR_TLS_CERT_ALTNAME_INVALID/,
    ],
  ])('with %s is never spoken to, and says why', async (_, tls, why) => {
    pool = new MemcachedPool({
      ...PATIENT,
      nodes: server.address,
      tls: tls(),
      auth: { user: 'u', password: 'p' },
    });
    const error = await pool.get('k').then(String, (reason: Error) => reason);
    expect(error).toMatchObject({
      code: 'MEMCACHED_CONNECTION',
      sent: 'no',
      message: expect.stringMatching(why),
    });
    expect(pool.nodes()[0]!.state).toBe('blacklisted');
  });

  it('that is spoken to in plain text fails the call in time', async () => {
    pool = new MemcachedPool({ nodes: server.address, connectTimeout: 200 });
    // Some versions of memcached and OpenSSL close, others say nothing.
    expect(await ending(pool.get('k'))).toMatch(/^MEMCACHED_(CONNECTION|TIMEOUT)$/);
  });
});

it('a plain server that is spoken to in TLS fails the call', async () => {
  const server = await TestMemcached.start();
  const pool = new MemcachedPool({ ...PATIENT, nodes: server.address, tls: true });
  expect(await ending(pool.get('k'))).toMatch(/^MEMCACHED_(CONNECTION|TIMEOUT)$/);
  await pool.close();
  await server.close();
});

it.each<[string, object]>([
  ['a certificate that is none', { cert: 'not PEM', key: 'secret key' }],
  ['a version there is not', { minVersion: 'TLSv9' }],
  ['a servername that is no text', { servername: 5 }],
  ['a check that is no function', { checkServerIdentity: 'yes' }],
])('TLS options with %s are refused at the start, and not quoted', (_, tls) => {
  const make = () => new MemcachedPool({ tls });
  expect(make).toThrow(expect.objectContaining({ code: 'MEMCACHED_OPTION' }));
  expect(make).not.toThrow(/secret/);
});

it('no password is in an error, an event, a channel or anything a pool shows', async () => {
  const password = 'correct-horse-battery';
  const told: unknown[] = [];
  const tell = (message: unknown) => told.push(message);
  const channels = ['node:state', 'socket', 'failure'].map((name) =>
    channel(`nestjs-memcached-pool:${name}`),
  );
  for (const each of channels) each.subscribe(tell);
  const server = await TestMemcached.start({ auth: { user: 'alice', password: 'another' } });
  const pool = new MemcachedPool({
    nodes: [{ host: '127.0.0.1', port: server.port, auth: { user: 'alice', password } }],
    blacklistTime: 20,
  });
  pool.on('nodeState', tell);
  for (let i = 0; i < 5; i++) {
    told.push(await pool.get('k').catch((error: unknown) => error));
    told.push(await pool.getMany(['a', 'b']).catch((error: unknown) => error));
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  server.misbehave.refuse();
  told.push(await pool.connect().catch((error: unknown) => error), pool.nodes(), pool);
  await pool.close();
  for (const each of channels) each.unsubscribe(tell);
  await server.close();
  expect(told.length).toBeGreaterThan(15);
  const everything = inspect(told, {
    depth: 20,
    showHidden: true,
    maxStringLength: null,
    maxArrayLength: null,
  });
  expect(everything + JSON.stringify(told)).not.toContain(password);
  expect(everything).toContain('MEMCACHED_AUTH');
});
