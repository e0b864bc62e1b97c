/** The in-process memcached as a server: where it listens, what it bounds, how it stops and comes back. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, TestMemcached, type TestMemcachedOptions } from '../../lib/testing/index.js';
import { RawSocket } from '../support/raw-socket.js';
import { freePort } from '../support/real-memcached.js';

const running: TestMemcached[] = [];

async function start(options: TestMemcachedOptions = {}): Promise<TestMemcached> {
  const server = await TestMemcached.start(options);
  running.push(server);
  return server;
}

function open(server: TestMemcached): RawSocket {
  return new RawSocket(connect(server.port, '127.0.0.1'));
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

describe('start', () => {
  it('listens on a free port of the loopback interface', async () => {
    const server = await start();
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    expect(await open(server).line('version')).toBe('VERSION 1.6.18\r\n');
  });

  it('listens on the port it is given, and fails when that is taken', async () => {
    const port = await freePort();
    expect((await start({ port })).port).toBe(port);
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('takes over a socket file that a dead process left, and removes its own', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'memcached-'));
    const path = join(directory, 'mc.sock');
    try {
      const dead = createServer();
      await new Promise<void>((resolve) => dead.listen(path, resolve));
      const server = await start({ path });
      expect([server.address, server.port]).toEqual([`unix:${path}`, 0]);
      expect(await new RawSocket(connect(path)).line('mn')).toBe('MN\r\n');
      await server.stop();
      expect(existsSync(path)).toBe(false);
      await new Promise((resolve) => dead.close(resolve));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('refuses options it does not know or cannot use, by name', async () => {
    const refused = (options: object) => expect(TestMemcached.start(options)).rejects;
    await refused({ maxConection: 1 }).toThrow('no option "maxConection". Did you mean "maxConnections"?');
    await refused({ memory: 'lots' }).toThrow('option "memory" must be bytes');
    await refused({ serverVersion: '1.5' }).toThrow(`one of '1.6.18', '1.6.45'`);
    await refused({ clock: {} }).toThrow('option "clock" must be a Clock');
    await refused({ auth: { user: 'a' } }).toThrow('option "auth" must be { user, password }, both strings');
    await refused({ path: '/tmp/x', port: 1 }).toThrow('"path" is a unix socket');
    await refused({ idleTimeout: -1 }).toThrow('option "idleTimeout"');
  });
});

describe('stop and restart', () => {
  it('refuses and destroys open connections, then comes back at the same port with its items', async () => {
    const server = await start();
    const { port } = server;
    const socket = open(server);
    expect(await socket.line('set k 0 0 1\r\nv')).toBe('STORED\r\n');
    await server.stop();
    await socket.end();
    expect(socket.closed).toBeDefined();
    expect(server.connections).toBe(0);
    const refused = open(server);
    await refused.end();
    expect(refused.closed).toBe('ECONNREFUSED');
    await server.restart();
    expect(server.port).toBe(port);
    expect(await open(server).line('mg k v')).toBe('VA 1\r\nv\r\n');
  });

  it('comes back empty when told to', async () => {
    const server = await start();
    await open(server).line('set k 0 0 1\r\nv');
    await server.restart({ empty: true });
    expect(await open(server).line('mg k')).toBe('EN\r\n');
  });

  it('may be stopped and closed twice, and restarted while it runs', async () => {
    const server = await start();
    await Promise.all([server.restart(), server.restart()]);
    expect(await open(server).line('mn')).toBe('MN\r\n');
    await Promise.all([server.stop(), server.stop()]);
    await server.close();
    await server.close();
    const refused = open(server);
    await refused.end();
    expect(refused.closed).toBe('ECONNREFUSED');
  });

  it('disposes of itself', async () => {
    const server = await start();
    await server[Symbol.asyncDispose]();
    const refused = open(server);
    await refused.end();
    expect(refused.closed).toBe('ECONNREFUSED');
  });

  it('leaves no timer behind', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, idleTimeout: '10s' });
    server.misbehave.delay(5_000);
    const socket = open(server);
    socket.send('mn\r\n');
    while (server.commands.length === 0) await clock.settle(1);
    expect(clock.pendingTimers).toBe(2);
    await server.close();
    await socket.end();
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('what it tells about itself', () => {
  it('counts connections', async () => {
    const server = await start();
    const [one, two] = [open(server), open(server)];
    await Promise.all([one.line('mn'), two.line('mn')]);
    expect(server.connections).toBe(2);
    await one.line('quit');
    while (server.connections > 1) await new Promise(setImmediate);
    expect(server.stats).toMatchObject({ curr_connections: 1, total_connections: 2 });
  });

  it('keeps the command lines it got, never a value or a password', async () => {
    const server = await start({ auth: { user: 'me', password: 'hush' } });
    const socket = open(server);
    await socket.line('set x 0 0 7\r\nme hush');
    await socket.line('set k 0 0 6\r\nsecret');
    await socket.line('ms k 3 O1\r\nabc');
    expect(server.commands).toEqual(['set x 0 0 7', 'set k 0 0 6', 'ms k 3 O1']);
    server.clearCommands();
    expect(server.commands).toEqual([]);
  });

  it('keeps the newest 10 000 command lines at least, and forgets the oldest', async () => {
    const server = await start();
    const socket = open(server);
    const last = 25_000;
    const lines = Array.from({ length: last }, (_, index) => `mg k${index + 1} q\r\n`).join('');
    await socket.ask(`${lines}mn\r\n`, (received) => received.endsWith('MN\r\n'));
    expect(server.commands.length).toBeLessThan(20_001);
    expect(server.commands.slice(-3)).toEqual([`mg k${last - 1} q`, `mg k${last} q`, 'mn']);
  });

  it('shows its size limit in stats settings', async () => {
    const server = await start({ maxItemSize: '2m' });
    const settings = await open(server).ask('stats settings\r\n', (received) => received.endsWith('END\r\n'));
    expect(settings).toContain('STAT item_size_max 2097152\r\n');
  });
});

describe('bounds', () => {
  it('drops the least recently used items beyond its memory', async () => {
    // Room for three items of 48 + 8 + 1 + 1 + 200 + 2 bytes.
    const server = await start({ memory: 1_024 });
    const socket = open(server);
    const value = 'x'.repeat(200);
    for (const key of ['a', 'b', 'c']) await socket.line(`set ${key} 0 0 200\r\n${value}`);
    expect(await socket.line('mg a s')).toBe('HD s200\r\n');
    await socket.line(`set d 0 0 200\r\n${value}`);
    const found = await socket.ask('mg a k\r\nmg b k\r\nmg c k\r\nmg d k\r\n', (received) =>
      received.includes('kd'),
    );
    expect(found).toBe('HD ka\r\nEN kb\r\nHD kc\r\nHD kd\r\n');
    expect(server.stats).toMatchObject({ evictions: 1, curr_items: 3, bytes: 780 });
  });

  it('has no memory for an item larger than all of it, and stays in step', async () => {
    const server = await start({ memory: 1_024 });
    const socket = open(server);
    const big = `ms k 2000\r\n${'x'.repeat(2_000)}\r\n`;
    const answer = await socket.ask(`set k 0 0 1\r\nv\r\n${big}mg k\r\n`, (received) =>
      received.endsWith('EN\r\n'),
    );
    expect(answer).toBe('STORED\r\nSERVER_ERROR out of memory storing object\r\nEN\r\n');
    expect(server.stats).toMatchObject({ store_no_memory: 1 });
  });

  it('moves its largest item with maxItemSize', async () => {
    const server = await start({ maxItemSize: '2k' });
    const socket = open(server);
    expect(await socket.line(`set k 0 0 1988\r\n${'x'.repeat(1_988)}`)).toBe('STORED\r\n');
    expect(await socket.line(`set k 0 0 1989\r\n${'x'.repeat(1_989)}`)).toBe(
      'SERVER_ERROR object too large for cache\r\n',
    );
  });

  it('sends one connection too many away with a word', async () => {
    const server = await start({ maxConnections: 1 });
    const first = open(server);
    await first.line('mn');
    const second = open(server);
    expect(await second.end()).toBe('ERROR Too many open connections\r\n');
    expect(await first.line('mn')).toBe('MN\r\n');
    await first.line('quit');
    while (server.connections > 0) await new Promise(setImmediate);
    expect(await open(server).line('mn')).toBe('MN\r\n');
    expect(server.stats).toMatchObject({ rejected_connections: 1 });
  });

  it('closes a connection that says nothing for idleTimeout, counted from its last byte', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, idleTimeout: '3s' });
    const socket = open(server);
    await socket.line('mn');
    clock.advance(2_000);
    await socket.line('mn');
    clock.advance(2_999);
    expect(await socket.line('mn')).toBe('MN\r\n');
    clock.advance(3_000);
    await socket.end();
    expect(socket.closed).toBe('closed');
  });

  it('reads no further while its answers are not read', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    const raw = new RawSocket(socket);
    await raw.line(`set k 0 0 1000000\r\n${'x'.repeat(1_000_000)}`);
    server.clearCommands();
    socket.pause();
    // Far more than the kernel's buffers hold; one by one, so that each could be read alone.
    const asked = 64;
    for (let i = 0; i < asked; i++) {
      socket.write('get k\r\n');
      await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.commands.length).toBeLessThan(asked);
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
    while (server.commands.length < asked) await new Promise(setImmediate);
    while (bytes < asked * 1_000_000) await new Promise(setImmediate);
    socket.destroy();
  });
});

describe('time', () => {
  it('ends an item when its TTL has passed on the clock, not before', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const socket = open(server);
    await socket.line('ms k 1 T10\r\nv');
    clock.advance(9_999);
    expect(await socket.line('mg k t')).toBe('HD t1\r\n');
    clock.advance(1);
    expect(await socket.line('mg k')).toBe('EN\r\n');
  });

  it('takes a TTL above 30 days for a date', async () => {
    const clock = new ManualClock({ wallNow: Date.UTC(2024, 0, 1) });
    const server = await start({ clock });
    const socket = open(server);
    const inAnHour = clock.wallNow() / 1000 + 3_600;
    await socket.line(`ms k 1 T${inAnHour}\r\nv`);
    expect(await socket.line('mg k t')).toBe('HD t3600\r\n');
    await socket.line(`touch k ${inAnHour - 3_601}`);
    expect(await socket.line('mg k')).toBe('EN\r\n');
  });

  it('tells how long ago an item was read, from its second reading on', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const socket = open(server);
    await socket.line('ms k 1\r\nv');
    clock.advance(5_000);
    expect(await socket.line('mg k l h')).toBe('HD l5 h0\r\n');
    expect(await socket.line('mg k l h')).toBe('HD l5 h1\r\n');
    expect(await socket.line('mg k l h')).toBe('HD l0 h1\r\n');
    clock.advance(5_000);
    expect(await socket.line('mg k l u')).toBe('HD l5\r\n');
    expect(await socket.line('me k')).toContain(' la=5 ');
  });
});
