/**
 * A process that lives through an hour of faults while nobody listens to anything: no `nodeState` listener, no
 * channel subscriber, no log, no handler for rejections, so that whatever is not settled by the library itself ends
 * the process. The hour is the injected clock's. Prints one line of JSON, see {@link Report}.
 */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached } from '../../../lib/testing/index.js';
import { seeded } from './random.js';

export interface Report {
  minutes: number;
  /** How calls of the pool ended: `ok`, or an error's code; and how many never ended. */
  ends: Record<string, number>;
  /** Cached pages that were not what their maker makes. */
  wrongPages: number;
  unsettled: number;
  faults: number;
  warnings: string[];
  /** What the pool holds with every server well again, after ten minutes and after the hour. */
  after: { sockets: number; pending: number; timers: number; bytes: number }[];
  /** Of the clock and of the servers, after `close()`. */
  left: { timers: number; connections: number };
}

const SERVERS = 3;
const STEP = 5_000;
const MEASURED_AT = [10, 60];
const random = seeded(1_122);

const clock = new ManualClock({ wallNow: Date.UTC(2026, 10, 22) });
const servers = await Promise.all(Array.from({ length: SERVERS }, () => TestMemcached.start({ clock })));
const pool = new MemcachedPool({ nodes: servers.map(({ address }) => address), clock, random });
const cache = new MemcachedCache(pool, { ttl: '30s' }, { clock, random });

const report: Report = {
  minutes: 0,
  ends: {},
  wrongPages: 0,
  unsettled: 0,
  faults: 0,
  warnings: [],
  after: [],
  left: { timers: -1, connections: -1 },
};
process.on('warning', ({ name, message }) => report.warnings.push(`${name}: ${message}`));

function watch(call: Promise<unknown>): void {
  report.unsettled++;
  const settled = (end: string): void => {
    report.unsettled--;
    report.ends[end] = (report.ends[end] ?? 0) + 1;
  };
  call.then(
    () => settled('ok'),
    (error: { code?: string }) => settled(error.code ?? String(error)),
  );
}

function page(key: string): void {
  report.unsettled++;
  void cache
    .getOrSet(key, () => `page of ${key}`)
    .then((text) => {
      report.unsettled--;
      if (text !== `page of ${key}`) report.wrongPages++;
    });
}

function callAll(round: number): void {
  for (let i = 0; i < 6; i++) {
    const key = `key:${(round + i) % 30}`;
    watch(pool.set(key, round));
    watch(pool.get(key));
    watch(pool.incr('counter', 1, { initial: 0 }));
    watch(pool.getMany([key, 'other', 'third']));
    page(key);
  }
}

const FAULTS: ((server: TestMemcached) => unknown)[] = [
  (server) => server.stop(),
  (server) => server.restart({ empty: true }),
  (server) => server.misbehave.hang(),
  (server) => server.misbehave.freeze(),
  (server) => server.misbehave.refuse(),
  (server) => server.misbehave.closeOnAccept({ reset: true }),
  (server) => server.misbehave.cutAfter(3, { reset: true }).times(5),
  (server) => server.misbehave.delay(700),
  (server) => server.misbehave.answer('SERVER_ERROR out of memory\r\n'),
  (server) => server.misbehave.answer('what is this\r\n').times(3),
  (server) => server.misbehave.drop().times(3),
  (server) => server.misbehave.wrongOpaque().times(2),
  (server) => server.misbehave.double().times(2),
  (server) => server.misbehave.greet('hello\r\n').times(3),
];

async function heal(): Promise<void> {
  for (const server of servers) {
    await server.misbehave.nothing();
    await server.restart();
    server.clearCommands();
  }
}

async function pass(milliseconds: number): Promise<void> {
  await clock.settle(4);
  clock.advance(milliseconds);
  await clock.settle(8);
}

/** Until nothing is owed and every node is used again; `false` when that does not come about. */
async function quiet(): Promise<boolean> {
  for (let turn = 0; turn < 400; turn++) {
    await pass(100);
    if (
      report.unsettled === 0 &&
      pool.nodes().every(({ state, pending }) => state !== 'blacklisted' && pending === 0)
    ) {
      return true;
    }
  }
  return false;
}

async function measure(): Promise<void> {
  await heal();
  await quiet();
  for (let i = 0; i < 20; i++) {
    callAll(i);
    await quiet();
  }
  // The last look for deadlines that are over comes a commandTimeout after the last call.
  await pass(10_000);
  globalThis.gc?.();
  const nodes = pool.nodes();
  report.after.push({
    sockets: nodes.reduce((sum, node) => sum + node.sockets, 0),
    pending: nodes.reduce((sum, node) => sum + node.pending, 0),
    timers: clock.pendingTimers,
    bytes: process.memoryUsage().heapUsed,
  });
}

const start = clock.now();
for (let round = 0; report.minutes < 60; round++) {
  const server = servers[Math.floor(random() * SERVERS)]!;
  if (random() < 0.5) {
    report.faults++;
    await FAULTS[Math.floor(random() * FAULTS.length)]!(server);
  } else if (random() < 0.6) {
    await server.misbehave.nothing();
    await server.restart();
  }
  callAll(round);
  for (let part = 0; part < 5; part++) await pass(STEP / 5);
  report.minutes = Math.floor((clock.now() - start) / 60_000);
  if (report.after.length < MEASURED_AT.length && report.minutes >= MEASURED_AT[report.after.length]!)
    await measure();
}
const closing = pool.close();
await pass(10_000);
await closing;
report.left.timers = clock.pendingTimers;
for (let turn = 0; turn < 100 && servers.some(({ connections }) => connections > 0); turn++)
  await clock.settle();
report.left.connections = servers.reduce((sum, server) => sum + server.connections, 0);
await Promise.all(servers.map((server) => server.close()));
console.log(JSON.stringify(report));
