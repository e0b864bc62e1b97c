/** What the bench's claims rest on: its statistics, its checks, its bars and its relay. `npm test` in bench/. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import { test } from 'node:test';
import { runChild } from '../harness/children.mjs';
import { makeCheck, makeKeys, makeValues, zipfSequence } from '../harness/data.mjs';
import { closed, measure, offered, perTurn, untilApart } from '../harness/loads.mjs';
import { Processors } from '../harness/processors.mjs';
import { startRelay } from '../harness/servers.mjs';
import { Seat } from '../harness/side-by-side.mjs';
import { DurationHistogram, ratio, summary } from '../harness/stats.mjs';
import { judge, TARGETS } from '../harness/targets.mjs';

test('ratio › is of the medians, and its spread is of pairs of one round', () => {
  // A slow second round halves both sides: the spread must not show it.
  assert.deepEqual(ratio([100, 50, 110], [50, 25, 55]), { value: 2, low: 2, high: 2, rounds: 3 });
  assert.deepEqual(ratio([100, undefined, 90], [50, 1, 30]), { value: 95 / 30, low: 2, high: 3, rounds: 2 });
});

test('summary › sorts numbers as numbers', () => {
  assert.equal(summary([10, 9, 100]).median, 10);
});

test('histogram › is off by less than two per cent, from microseconds to minutes', () => {
  for (const scale of [0.005, 1, 10_000]) {
    const histogram = new DurationHistogram();
    for (let step = 1; step <= 1_000; step++) histogram.record((step / 1_000) * scale);
    for (const q of [0.5, 0.99]) {
      const off = Math.abs(histogram.quantile(q) / (q * scale) - 1);
      assert.ok(off < 0.02, `${q} of ${scale} ms is off by ${off}`);
    }
  }
});

test('check › refuses a miss, another key’s value and a changed one', () => {
  for (const [bytes, kind] of [
    [100, 'text'],
    [5_000, 'text'],
    [5_000, 'buffer'],
  ]) {
    const keys = makeKeys(3, 'test');
    const values = makeValues(keys, bytes, kind);
    const check = makeCheck(keys, values);
    check(1, values[1]);
    assert.throws(() => check(1, undefined), /a miss/);
    assert.throws(() => check(1, values[2]), /other content/);
    assert.throws(() => check(1, values[1].slice(1)), /instead of/);
    assert.throws(() => {
      for (let turn = 0; turn < 16; turn++) check(1, oneLetterChanged(values[1]));
    }, /other content/);
  }
});

/** Where the quick look does not look. */
function oneLetterChanged(value) {
  const bytes = Buffer.from(value);
  bytes[60] ^= 1;
  return typeof value === 'string' ? bytes.toString('latin1') : bytes;
}

test('zipf › draws the first of ten thousand about as often as its share says', () => {
  const drawn = zipfSequence(10_000, 65_536);
  const share = drawn.filter((index) => index === 0).length / drawn.length;
  assert.ok(share > 0.08 && share < 0.12, `${share}`);
});

const time = { seconds: 0.1, warmup: 0.02 };
/** Answered on the next turn, as a socket would: an answer at once would never let a timer run. */
const nextTurn = { request: () => new Promise((resolve) => setImmediate(resolve)), check: () => undefined };

for (const [name, load] of [
  ['closed', closed(10)],
  ['per turn', perTurn(2, 10)],
  ['offered', offered(2_000)],
]) {
  test(`${name} load › measures, and fails with the first wrong value`, async () => {
    const outcome = await measure(nextTurn, load, time);
    assert.ok(outcome.operations > 50 && outcome.latency.samples > 5);
    const wrong = {
      ...nextTurn,
      check(turn) {
        if (turn === 100) throw new Error('wrong value');
      },
    };
    await assert.rejects(measure(wrong, load, time), /wrong value/);
  });
}

test('offered load › charges a stall to all who were due in it', async () => {
  let stalled = false;
  const work = {
    request(turn) {
      if (turn > 60 && !stalled) {
        stalled = true;
        const end = performance.now() + 60;
        while (performance.now() < end);
      }
      return Promise.resolve();
    },
    check: () => undefined,
  };
  const { latency } = await measure(work, offered(1_000), { seconds: 0.2, warmup: 0.02 });
  // About sixty of two hundred were due during the stall; timed from their start, one would have seen it.
  assert.ok(latency.p90 > 10, `${latency.p90}`);
});

test('bars › a client that failed has lost; one that was not measured has not', () => {
  const runs = (perSecond) => [{ perSecond, latency: { p99: 1 }, cpuSecondsPerMillion: 1 }];
  const client = (id, family, perSecond) => ({
    id,
    family,
    runs: perSecond === undefined ? [undefined] : runs(perSecond),
    ...(perSecond === undefined ? {} : { perSecond: { median: perSecond }, cpu: { median: 1 } }),
  });
  const outcome = (...clients) => {
    const results = new Map([['set-100b-50', { id: 'set-100b-50', title: '', clients }]]);
    return judge(results)[0];
  };
  const { bar } = TARGETS.find(({ row }) => row === 'set-100b-50');
  const slow = client('redis', 'redis', 10);
  const fast = client('memjs', 'memcached', 100);
  assert.equal(outcome(client('ours', 'ours', 100 * bar), slow, fast).outcome, 'pass');
  assert.equal(outcome(client('ours', 'ours', 99 * bar), slow, fast).outcome, 'fail');
  assert.equal(outcome(client('ours', 'ours', 99 * bar), slow, fast).rival, 'memjs');
  assert.equal(outcome(client('ours', 'ours', undefined), slow).outcome, 'fail');
  assert.equal(outcome(slow, fast).outcome, 'unknown');
});

test('bars › the runs with two processors are told beside all of them, and decide nothing', () => {
  const run = (perSecond, apart) => ({ perSecond, apart, latency: { p99: 1 }, cpuSecondsPerMillion: 1 });
  const client = (id, family, runs, perSecond) => ({ id, family, runs, perSecond: { median: perSecond } });
  const judged = (...clients) =>
    judge(new Map([['set-100b-50', { id: 'set-100b-50', title: '', clients }]]))[0];
  const rival = client('memjs', 'memcached', [run(10, true), run(10, true), run(90, false)], 10);
  // Best when it had two processors, but not of all runs.
  const other = client('redis', 'redis', [run(20, true), run(20, true), run(1, false), run(1, false)], 1);
  const ours = client('ours', 'ours', [run(100, true), run(100, true), run(1), run(1), run(1)], 1);
  const { apart, outcome } = judged(ours, rival, other);
  assert.deepEqual(apart, { value: 5, rival: 'redis', runs: [2, 2] });
  assert.equal(outcome, 'fail');
  const once = client('memjs', 'memcached', [run(10, true), run(90, false)], 10);
  assert.equal(judged(ours, once, other).apart, undefined);
});

test('a measured process › that asks what nobody can answer fails at once', async () => {
  const job = { module: 'test/asks.work.mjs' };
  assert.equal(await runChild(job, { answers: { anything: async () => 7 } }), 7);
  await assert.rejects(runChild(job, { timeoutMs: 30_000 }), /its question "anything" has no answer/);
});

test('processes side by side › measure a stretch each time it is their turn, until they leave', async () => {
  const seat = (turns, failAfter) =>
    new Seat((answers) => runChild({ module: 'test/asks.work.mjs', turns, failAfter }, { answers }));
  const [one, other] = [seat('one'), seat('other')];
  const said = [];
  for (const each of [one, other, other, one]) said.push(await each.stretch());
  assert.deepEqual(said, ['one 1', 'other 1', 'other 2', 'one 2']);
  await one.leave();
  assert.equal(await one.ended, 2);
  await assert.rejects(one.stretch(), /ended before its time/);
  await other.leave();
  const failing = seat('failing', 1);
  assert.equal(await failing.stretch(), 'failing 1');
  await assert.rejects(failing.stretch(), /this stretch failed/);
  await assert.rejects(failing.stretch(), /this stretch failed/);
  await assert.rejects(failing.leave(), /this stretch failed/);
});

test('relay › delays replies and keeps their order', async () => {
  const echo = net.createServer((socket) => socket.pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const relay = await startRelay({ host: '127.0.0.1', port: echo.address().port }, { latencyMs: 20 });
  const socket = net.connect(relay.port, relay.host);
  await once(socket, 'connect');
  const from = performance.now();
  let heard = '';
  let first;
  socket.on('data', (bytes) => {
    first ??= performance.now() - from;
    heard += bytes;
  });
  const sent = Array.from({ length: 200 }, (_, line) => `line ${line}\n`);
  for (const line of sent) socket.write(line);
  while (heard.length < sent.join('').length) await once(socket, 'data');
  assert.equal(heard, sent.join(''));
  assert.ok(first >= 19, `${first} ms`);
  socket.destroy();
  await relay.stop();
  echo.close();
});

test('stretches › are run until the processors were apart before and after, and what came out decides nothing', async () => {
  const tried = async (befores, afters, attempts) => {
    const ran = [];
    const outcome = await untilApart(
      {
        attempts,
        seconds: 1,
        warmup: 2,
        becomeApart: async () => befores.shift(),
        areApart: async () => afters.shift(),
      },
      async (time) => {
        ran.push(time.seconds);
        return { perSecond: 100 - ran.length };
      },
    );
    return { ...outcome, ran };
  };
  // The first is the warm-up alone.
  assert.deepEqual(await tried([true], [true], 3), { perSecond: 98, apart: true, attempts: 1, ran: [0, 1] });
  const third = await tried([true, false, true], [false, true, true], 5);
  assert.deepEqual(third, { perSecond: 96, apart: true, attempts: 3, ran: [0, 1, 1, 1] });
  const never = await tried([false, false], [true, true], 2);
  assert.deepEqual(never, { perSecond: 97, apart: false, attempts: 2, ran: [0, 1, 1] });
  assert.deepEqual(await tried([], [], 1), { perSecond: 99, ran: [1] });
});

test('processors › two that are busy with something else are not apart', async () => {
  const processors = await Processors.start();
  const busy = Array.from({ length: 4 * os.availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    const loaded = await processors.becomeApart();
    assert.equal(loaded, os.availableParallelism() < 2);
  } finally {
    for (const one of busy) one.kill('SIGKILL');
    await processors.stop();
  }
});
