/**
 * `npm run hammer -- --seconds 60`: processes full of callers hammer one expiring key on a real memcached. Fails when
 * an expiry cost more than one loader call, or a caller saw an error, a stub, or a value that is not right.
 */
import { parseArgs } from 'node:util';
import { Keyspace } from '../../../lib/cache/keys.js';
import { hasMemcached, memcachedVersion, RealMemcached } from '../../support/real-memcached.js';
import { Fleet } from './fleet.js';
import type { Orders } from './messages.js';
import { LOCK, SCENARIOS, type Scenario, STALE, TTL } from './scenarios.js';
import { judge, type Verdict } from './verdict.js';
import { Watch } from './watch.js';

const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '8' },
    callers: { type: 'string', default: '200' },
    pause: { type: 'string', default: '25' },
    leases: { type: 'string', default: 'auto' },
    protocol: { type: 'string', default: 'auto' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(given.seconds);
const processes = Number(given.processes);
const names = given.only?.split(',') ?? Object.keys(SCENARIOS);
const unknown = names.find((name) => !Object.hasOwn(SCENARIOS, name));

const KEY = 'hot';
/** A busy machine is late without being wrong. */
const LATE = 2_000;

const say = (text: string) => process.stderr.write(`${text}\n`);
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function hammer(name: string, { does, cache, killEvery, longestWait }: Scenario): Promise<Verdict> {
  say(
    `\n${name}: ${does}\n${processes} processes with ${given.callers} callers each, ${seconds} s, leases ${given.leases}`,
  );
  const server = await RealMemcached.start();
  const orders: Orders = {
    nodes: server.address,
    protocol: given.protocol as Orders['protocol'],
    cache: { ...cache, namespace: 'hammer', leases: given.leases as 'auto' | 'off' },
    key: KEY,
    callers: Number(given.callers),
    pause: Number(given.pause),
    oldest: TTL + (cache.stale === undefined ? 0 : STALE) + LATE,
  };
  const fleet = new Fleet(orders, killEvery);
  await fleet.start(processes);
  const stored = new Keyspace('hammer', 'digest').stored(KEY);
  const watch = new Watch(server.port, stored, cache.stale === undefined ? 0 : STALE / 1_000);
  const begin = performance.now();
  const elapsed = () => Math.round((performance.now() - begin) / 1_000);
  const telling = setInterval(() => {
    const { loads, calls } = fleet;
    say(
      `${elapsed()} s: ${watch.expiries.length} expiries, ${loads.length} loader calls, ${calls} callers answered`,
    );
  }, 5_000);
  // What is killed must have the time to be recovered from.
  const recovery = Math.min(LOCK + TTL, seconds * 500);
  await wait(seconds * 1_000 - recovery);
  fleet.spare();
  await wait(recovery);
  const stopped = Date.now();
  await fleet.stop();
  clearInterval(telling);
  watch.stop();
  await server.stop();
  const verdict = judge({
    expiries: watch.expiries,
    loads: fleet.loads,
    sights: fleet.sights,
    stopped,
    refillWithin: LOCK + LATE,
    answerWithin: longestWait + LATE,
  });
  verdict.broken.push(...fleet.accidents);
  print(verdict);
  return verdict;
}

function print(verdict: Verdict): void {
  const shape = Object.entries(verdict.shape).map(([calls, count]) => `${count} with ${calls}`);
  say(
    `${verdict.expiries} expiries, ${verdict.loads} loader starts: ${verdict.fills} filled, ${verdict.kills} killed`,
  );
  say(`Loader calls per expiry: ${Number(verdict.perExpiry.toFixed(3))} (${shape.join(', ')})`);
  if (verdict.kills > 0) say(`Loading again after a death: ${verdict.recoveries.join(', ')} ms`);
  say(`${verdict.calls} callers answered: ${verdict.errors} errors, ${verdict.stubs} stubs`);
  say(
    `They waited ${verdict.p50} ms (p50), ${verdict.p99} ms (p99), ${Math.round(verdict.slowest)} ms at most`,
  );
  const counted = Object.entries(verdict.stats).filter(([, count]) => count > 0);
  say(`The caches counted: ${counted.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  for (const sentence of verdict.broken.slice(0, 10)) say(`BROKEN: ${sentence}`);
  if (verdict.broken.length > 10) say(`BROKEN: and ${verdict.broken.length - 10} more`);
}

if (unknown !== undefined) {
  say(`There is no scenario "${unknown}"; there are ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(2);
}
if (!hasMemcached) {
  say('memcached is not installed: apt-get install memcached, or brew install memcached.');
  process.exit(2);
}
say(`memcached ${memcachedVersion}, node ${process.versions.node}`);
const verdicts: Record<string, Verdict> = {};
for (const name of names) verdicts[name] = await hammer(name, SCENARIOS[name]!);
const broken = Object.values(verdicts).some((verdict) => verdict.broken.length > 0);
if (given.json) process.stdout.write(`${JSON.stringify(verdicts)}\n`);
say(broken ? '\nBroken, see above.' : '\nAll of it holds.');
process.exitCode = broken ? 1 : 0;
