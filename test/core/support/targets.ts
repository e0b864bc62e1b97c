/** The servers one behaviour suite runs against. Every target must show the same behaviour. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemcachedPoolOptions } from '../../../lib/core/pool/options.js';
import { TestMemcached } from '../../../lib/testing/index.js';
import { hasOpenssl, makeCertificates } from '../../support/certificates.js';
import { freePort, hasMemcached, RealMemcached } from '../../support/real-memcached.js';

export interface Running {
  options: MemcachedPoolOptions;
  stop(): Promise<void>;
}

export interface Target {
  name: string;
  /** What has to be installed for it; the suite is skipped, visibly, without. */
  available: boolean;
  /** A proxy: flush_all, stats, touch with a new time and gat are not to be had. */
  proxy?: boolean;
  start(): Promise<Running>;
}

async function real(options: MemcachedPoolOptions, args: string[] = []): Promise<Running> {
  const server = await RealMemcached.start({ args });
  return { options: { nodes: server.address, ...options }, stop: () => server.stop() };
}

async function inProcess(options: Parameters<typeof TestMemcached.start>[0]): Promise<Running> {
  const server = await TestMemcached.start(options);
  return { options: { nodes: server.address }, stop: () => server.close() };
}

export const targets: Target[] = [
  { name: 'memcached, meta', available: hasMemcached, start: () => real({ protocol: 'meta' }) },
  { name: 'memcached, classic', available: hasMemcached, start: () => real({ protocol: 'classic' }) },
  { name: 'in-process, meta', available: true, start: () => inProcess({}) },
  { name: 'in-process without meta', available: true, start: () => inProcess({ protocol: 'classic' }) },
  { name: 'memcached on a unix socket', available: hasMemcached, start: onUnixSocket },
  { name: 'memcached over TLS', available: hasMemcached && hasOpenssl, start: overTls },
  { name: 'memcached with a password', available: hasMemcached, start: withPassword },
  {
    name: 'memcached behind twemproxy',
    available: hasMemcached && hasNutcracker(),
    proxy: true,
    start: behindTwemproxy,
  },
];

async function onUnixSocket(): Promise<Running> {
  const server = await RealMemcached.start({ unixPath: true });
  return { options: { nodes: [{ path: server.path }] }, stop: () => server.stop() };
}

async function overTls(): Promise<Running> {
  const certificates = makeCertificates();
  const args = ['-Z', '-o', `ssl_chain_cert=${certificates.certFile},ssl_key=${certificates.keyFile}`];
  const server = await RealMemcached.start({ args });
  return {
    options: { nodes: server.address, tls: { ca: certificates.ca } },
    stop: async () => {
      await server.stop();
      certificates.remove();
    },
  };
}

async function withPassword(): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'memcached-auth-'));
  chmodSync(directory, 0o755);
  const file = join(directory, 'users');
  writeFileSync(file, 'alice:s3cret\n', { mode: 0o644 });
  const server = await RealMemcached.start({ args: ['-Y', file] });
  return {
    options: { nodes: server.address, auth: { user: 'alice', password: 's3cret' } },
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

function hasNutcracker(): boolean {
  return spawnSync('nutcracker', ['-V'], { stdio: 'ignore' }).error === undefined;
}

async function untilListening(port: number): Promise<void> {
  const end = Date.now() + 10_000;
  const tryOnce = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  while (!(await tryOnce())) {
    if (Date.now() > end) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function behindTwemproxy(): Promise<Running> {
  const servers = [await RealMemcached.start(), await RealMemcached.start()];
  const [port, statsPort] = [await freePort(), await freePort()];
  const directory = mkdtempSync(join(tmpdir(), 'twemproxy-'));
  const file = join(directory, 'nutcracker.yml');
  const lines = servers.map((server) => `   - ${server.address}:1`);
  writeFileSync(
    file,
    ['pool:', `  listen: 127.0.0.1:${port}`, '  distribution: ketama', '  servers:', ...lines, ''].join('\n'),
  );
  const args = ['-c', file, '-s', String(statsPort), '-a', '127.0.0.1', '-o', join(directory, 'log')];
  const proxy = spawn('nutcracker', args, { stdio: 'ignore' });
  await untilListening(port);
  return {
    options: { nodes: `127.0.0.1:${port}`, distribution: 'round-robin', connectTimeout: '5s' },
    stop: async () => {
      proxy.kill();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(directory, { recursive: true });
    },
  };
}
