/**
 * One hot key under a fleet of processes on a real memcached: what an expiry costs. `npm run hammer` runs the same for
 * longer and prints what it counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describeReal } from '../support/real-memcached.js';
import { judge, type Load, type Verdict } from './hammer/verdict.js';

jest.setTimeout(120_000);

async function hammer(scenario: string, ...more: string[]): Promise<Verdict> {
  const loader = pathToFileURL(join(__dirname, '../nest/support/typescript-loader.mjs')).href;
  const args = ['--import', loader, join(__dirname, 'hammer/run.ts'), '--only', scenario, '--json', ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return (JSON.parse(printed) as Record<string, Verdict>)[scenario]!;
}

describeReal('8 processes with 200 callers each on one key that expires every two seconds', () => {
  it('load once per expiry, and no caller sees an error, a stub or a wrong value', async () => {
    const verdict = await hammer('steady', '--seconds', '15');
    expect(verdict.broken).toEqual([]);
    expect(verdict.perExpiry).toBe(1);
    expect(verdict.expiries).toBeGreaterThanOrEqual(5);
    expect(verdict.calls).toBeGreaterThan(10_000);
  });

  it('load once per expiry beside winners killed in mid-load, whose refill comes within the time of their lock', async () => {
    const verdict = await hammer('killed', '--seconds', '15');
    expect(verdict.broken).toEqual([]);
    expect(verdict.perExpiry).toBe(1);
    expect(verdict.kills).toBeGreaterThan(0);
  });

  it('load once per expiry when winners die and there is nothing stale, for a waitTimeout beyond their lock', async () => {
    const verdict = await hammer('killed-cold', '--seconds', '15');
    expect(verdict.broken).toEqual([]);
    expect(verdict.perExpiry).toBe(1);
    expect(verdict.lostRan).toBe(0);
    expect(verdict.kills).toBeGreaterThan(0);
  });

  it('load once per expiry when winners die and no leases are granted: their lock ends by its time', async () => {
    const verdict = await hammer('killed-cold', '--seconds', '15', '--protocol', 'classic');
    expect(verdict.broken).toEqual([]);
    expect(verdict.perExpiry).toBe(1);
    expect(verdict.kills).toBeGreaterThan(0);
  });

  it('load once per expiry by a lock, where the server grants no leases', async () => {
    const verdict = await hammer('steady', '--seconds', '15', '--protocol', 'classic');
    expect(verdict.broken).toEqual([]);
    expect(verdict.perExpiry).toBe(1);
  });

  it('load once per process and expiry without leases: the count can tell', async () => {
    const verdict = await hammer('steady', '--seconds', '8', '--leases', 'off');
    expect(verdict.perExpiry).toBeGreaterThan(2);
    expect(verdict.broken.join()).toMatch(/loader calls where 1 would do/);
  });
});

describe('the verdict', () => {
  const SIGHT = {
    calls: 10,
    errors: {},
    stubs: 0,
    wrong: [],
    older: 0,
    serials: [1, 2, 3],
    took: [10],
    slowest: 1,
    stats: {},
  };
  const good: Load[] = [0, 2_000, 4_000].map((at, i) => ({
    pid: i,
    at,
    end: at + 100,
    serial: i + 1,
    killed: false,
  }));
  const verdictOn = (loads: Load[], sight: object = {}, expiries = [0, 2_000, 4_000]) =>
    judge({
      expiries,
      loads,
      sights: [{ ...SIGHT, ...sight }],
      stopped: 5_900,
      refillWithin: 3_000,
      answerWithin: 1_000,
    }).broken;

  it('finds nothing where each expiry took one load that others saw', () => {
    expect(verdictOn(good)).toEqual([]);
  });

  it('finds nothing where an item lived for less than half a second', () => {
    const expiries = [0, 500, 2_500];
    const loads = good.map((load, i) => ({ ...load, at: expiries[i]! + 20, end: expiries[i]! + 120 }));
    expect(verdictOn(loads, {}, expiries)).toEqual([]);
    const twice = [...loads, { ...loads[1]!, at: 700, end: 800 }];
    expect(verdictOn(twice, {}, expiries).join()).toMatch(/Expiry 2: 2 loader calls/);
  });

  it.each([
    [
      'two loads for one expiry',
      [...good, { ...good[1]!, at: 2_150, end: 2_250 }],
      {},
      /2 loader calls where 1/,
    ],
    [
      'a load beside another',
      [...good, { ...good[1]!, at: 2_050, end: 2_150 }],
      {},
      /began while another one ran/,
    ],
    ['an expiry that nobody refilled', [good[0]!, good[2]!], {}, /Expiry 2: nobody refilled/],
    ['a load whose value nobody found', good, { serials: [2, 3] }, /1 loads filled nothing/],
    [
      'a loader that was given up',
      [{ ...good[0]!, serial: undefined }, ...good.slice(1)],
      {},
      /are not 2 fills/,
    ],
    [
      'a death that was noticed late',
      [{ ...good[0]!, end: 50, serial: undefined, killed: true }],
      {},
      /5850 ms passed/,
    ],
    ['an error', good, { errors: { 'Error: no': 2 } }, /2 callers saw an error: Error: no/],
    ['a stub', good, { stubs: 1 }, /1 callers were given a stub/],
    ['a wrong value', good, { wrong: ['page 2 was 9000 ms old'] }, /page 2 was 9000 ms old/],
    ['a step back', good, { older: 1 }, /1 callers were given a page older/],
    ['a caller that waited too long', good, { slowest: 1_001 }, /waited 1001 ms/],
  ])('finds %s', (_what, loads, sight, found) => {
    expect(verdictOn(loads, sight).join('\n')).toMatch(found);
  });
});
