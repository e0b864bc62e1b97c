/**
 * The helper that starts the real memcached keeps its word; every comparison with the real server leans on it.
 */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describeReal, freePort, RealMemcached } from '../support/real-memcached.js';

async function ask(server: RealMemcached, line: string): Promise<string> {
  const socket = await server.connect();
  socket.write(`${line}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1');
}

describeReal('RealMemcached', () => {
  it('answers on a free port as soon as it has started', async () => {
    const server = await RealMemcached.start();
    try {
      expect(await ask(server, 'version')).toMatch(/^VERSION \d/);
      expect(server.address).toBe(`127.0.0.1:${server.port}`);
      expect(await ask(server, 'stats')).toContain(`STAT pid ${server.pid}\r\n`);
    } finally {
      await server.stop();
    }
  });

  it('takes more arguments', async () => {
    const server = await RealMemcached.start({ args: ['-I', '2m'] });
    try {
      expect(await ask(server, 'stats settings')).toContain('STAT item_size_max 2097152');
    } finally {
      await server.stop();
    }
  });

  it('listens on a unix socket of its own and leaves nothing behind', async () => {
    const server = await RealMemcached.start({ unixPath: true });
    const path = server.path!;
    try {
      expect(server.address).toBe(`unix:${path}`);
      expect(await ask(server, 'version')).toMatch(/^VERSION \d/);
    } finally {
      await server.stop();
    }
    expect(existsSync(path)).toBe(false);
  });

  it('comes back empty at the same port, also when it was frozen', async () => {
    const server = await RealMemcached.start();
    try {
      const { port, pid } = server;
      expect(await ask(server, 'set k 0 0 1\r\nv')).toBe('STORED\r\n');
      server.signal('SIGSTOP');
      await server.restart();
      expect(server.port).toBe(port);
      expect(server.pid).not.toBe(pid);
      expect(await ask(server, 'get k')).toBe('END\r\n');
    } finally {
      await server.stop();
      await server.stop();
    }
  });

  it('refuses after stop', async () => {
    const server = await RealMemcached.start();
    await server.stop();
    await expect(server.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(() => server.pid).toThrow('stopped');
  });

  it('says why it did not start', async () => {
    await expect(RealMemcached.start({ args: ['--no-such-option'] })).rejects.toThrow(/did not start/);
  });

  it('does not take a stranger on the port for itself', async () => {
    const stranger = await RealMemcached.start();
    try {
      await expect(RealMemcached.start({ port: stranger.port })).rejects.toThrow(/in use|answers/);
    } finally {
      await stranger.stop();
    }
    expect(await freePort()).toBeGreaterThan(0);
  });
});
