/**
 * Real servers on free loopback ports, each a child of this process.
 *
 * Invariant: whatever was started here is ended here, also after an error or Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HOST = '127.0.0.1';
const running = new Set();
const directories = new Set();

function endAll() {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** A port that nobody listened on a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', reject);
    probe.listen(0, HOST, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function untilListening(child, port, command, printed) {
  const end = Date.now() + 10_000;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`${command} ended at once: ${printed.text.trim()}`);
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, HOST);
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${command} does not listen on port ${port} after 10 s.`);
}

/**
 * Starts a program and waits until it takes connections.
 * @param {string} command
 * @param {string[]} args
 * @param {number} port where it will listen
 * @param {{cpu?: number}} [options] `cpu` pins it to one core
 */
async function start(command, args, port, { cpu } = {}) {
  const line = cpu === undefined ? [command, ...args] : ['taskset', '-c', String(cpu), command, ...args];
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  const printed = { text: '' };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (printed.text.length < 2_000) printed.text += text;
  });
  child.on('error', (error) => {
    printed.text += error.message;
  });
  child.on('exit', () => running.delete(child));
  await untilListening(child, port, command, printed);
  return {
    host: HOST,
    port,
    pid: child.pid,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.on('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

export async function startMemcached({ threads = 4, megabytes = 1_024, itemSize, cpu } = {}) {
  const port = await freePort();
  const args = ['-l', HOST, '-p', String(port), '-U', '0', '-t', String(threads), '-m', String(megabytes)];
  args.push('-c', '4096');
  if (itemSize !== undefined) args.push('-I', itemSize);
  if (process.getuid?.() === 0) args.push('-u', 'memcache');
  return { ...(await start('memcached', args, port, { cpu })), flush: 'flush_all\r\n' };
}

export async function startRedis({ cpu } = {}) {
  const port = await freePort();
  const args = ['--bind', HOST, '--port', String(port), '--save', '', '--appendonly', 'no'];
  return { ...(await start('redis-server', args, port, { cpu })), flush: 'FLUSHALL\r\n' };
}

/** twemproxy in front of the given memcached servers. */
export async function startNutcracker(servers) {
  const [port, statsPort] = [await freePort(), await freePort()];
  const directory = mkdtempSync(path.join(os.tmpdir(), 'bench-nutcracker-'));
  directories.add(directory);
  const file = path.join(directory, 'nutcracker.yml');
  const lines = ['bench:', `  listen: ${HOST}:${port}`, '  hash: fnv1a_64', '  distribution: ketama'];
  lines.push('  auto_eject_hosts: false', '  timeout: 5000', '  servers:');
  servers.forEach((server, index) => {
    lines.push(`   - ${server.host}:${server.port}:1 n${index}`);
  });
  writeFileSync(file, `${lines.join('\n')}\n`);
  // Without -a its statistics port would listen on every interface.
  const args = ['-c', file, '-s', String(statsPort), '-a', HOST, '-o', path.join(directory, 'log')];
  return start('nutcracker', args, port);
}

export const stopAll = (servers) => Promise.all(servers.filter(Boolean).map((server) => server.stop()));

/** The bench's own relay in front of a server; see relay.mjs. */
export async function startRelay(target, { latencyMs, megabitsPerSecond }) {
  const file = path.join(path.dirname(fileURLToPath(import.meta.url)), 'relay.mjs');
  const settings = { host: target.host, port: target.port, latencyMs, megabitsPerSecond };
  // Its standard input is a pipe of ours: when this process is gone, the relay reads the end and leaves.
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const [line] = await once(child.stdout, 'data');
  return {
    host: HOST,
    port: Number(String(line).trim()),
    pid: child.pid,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Empties a server between two clients, so that nobody pays for what another stored. */
export function flush(server) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, server.host);
    socket.on('connect', () => socket.write(server.flush));
    socket.on('data', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
