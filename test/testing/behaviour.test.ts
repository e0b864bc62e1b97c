/** The behaviour table, held against every way to reach a memcached. Each row runs on a connection of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';
import { type Certificates, hasOpenssl, makeCertificates } from '../support/certificates.js';
import { RawSocket } from '../support/raw-socket.js';
import { memcachedVersion, RealMemcached } from '../support/real-memcached.js';
import { type Behaviour, behaviours, CLOSED } from './behaviours.js';

interface Target {
  connect(): Promise<RawSocket>;
  pass(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

function connected(socket: Socket, event: 'connect' | 'secureConnect' = 'connect'): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => resolve(new RawSocket(socket)));
  });
}

/** What must come, as a pattern: `{name}` is any number at first and the same one afterwards. */
function pattern(answer: string, known: ReadonlyMap<string, string>): RegExp {
  const seen = new Set<string>();
  const source = answer.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = known.get(name);
    if (value !== undefined) return value;
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>\\d+)`;
  });
  return new RegExp(`^${source}$`);
}

async function hold(target: Target, { steps }: Behaviour): Promise<void> {
  const socket = await target.connect();
  try {
    expect(await socket.line('flush_all')).toBe('OK\r\n');
    const known = new Map<string, string>();
    for (const step of steps) {
      if (typeof step === 'number') {
        await target.pass(step);
        continue;
      }
      const sent = step[0].replace(/\{(\w+)\}/g, (_, name: string) => known.get(name) ?? name);
      const closes = step[1].endsWith(CLOSED);
      const expected = pattern(closes ? step[1].slice(0, -CLOSED.length) : step[1], known);
      const answer = await socket.ask(sent, (received) => !closes && expected.test(received));
      const match = expected.exec(answer);
      // Compared as text, so that a difference is readable; numbers that may differ are put in.
      if (match === null) expect({ sent, answer }).toEqual({ sent, answer: step[1] });
      for (const [name, value] of Object.entries(match?.groups ?? {})) known.set(name, value);
      if (closes) expect(socket.closed).toBe('closed');
    }
    // Whatever came too much stands in front of this answer.
    if (socket.closed === undefined) expect(await socket.line('mn')).toBe('MN\r\n');
  } finally {
    socket.destroy();
  }
}

function holds(name: string, start: () => Promise<Target>): void {
  describe(name, () => {
    let target: Target;
    beforeAll(async () => {
      target = await start();
    });
    afterAll(() => target.stop());
    it.each(behaviours.map((behaviour) => [behaviour.promise, behaviour] as const))(
      '%s',
      (_, behaviour) => hold(target, behaviour),
      20_000,
    );
  });
}

/** In process, time passes when it is told to. */
async function inProcess(
  options: Parameters<typeof TestMemcached.start>[0],
  open: (server: TestMemcached) => Promise<RawSocket>,
): Promise<Target> {
  const clock = new ManualClock();
  const server = await TestMemcached.start({ ...options, clock });
  return {
    connect: () => open(server),
    pass: async (seconds) => clock.advance(seconds * 1000),
    stop: () => server.close(),
  };
}

holds('in process', () => inProcess({}, (server) => connected(connect(server.port, '127.0.0.1'))));

holds('in process, on a unix socket', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'memcached-'));
  const path = join(directory, 'mc.sock');
  const target = await inProcess({ path }, () => connected(connect(path)));
  return {
    ...target,
    stop: async () => {
      await target.stop();
      await rm(directory, { recursive: true });
    },
  };
});

(hasOpenssl ? holds : skipped)('in process, over TLS', async () => {
  const certificates: Certificates = makeCertificates();
  const { ca, cert, key } = certificates;
  const target = await inProcess({ tls: { cert, key } }, (server) =>
    connected(
      connectTls({ port: server.port, host: '127.0.0.1', servername: 'localhost', ca }),
      'secureConnect',
    ),
  );
  return {
    ...target,
    stop: async () => {
      await target.stop();
      certificates.remove();
    },
  };
});

// The table is 1.6.18's; another version differs in details, so that there is nothing to compare with.
(memcachedVersion === '1.6.18' ? holds : skipped)(
  `the real memcached 1.6.18 (this machine has ${memcachedVersion || 'none'})`,
  async () => {
    const server = await RealMemcached.start();
    return {
      connect: async () => new RawSocket(await server.connect()),
      pass: (seconds) => wait(seconds * 1000),
      stop: () => server.stop(),
    };
  },
);

function skipped(name: string, _start: () => Promise<Target>): void {
  describe.skip(name, () => {
    it.each(behaviours.map((behaviour) => [behaviour.promise]))('%s', () => {});
  });
}
