/**
 * How requests arrive: a fixed number of callers in lockstep, callers arriving turn by turn of the event
 * loop, or an offered rate that does not wait for answers. And the measuring of a stretch of any of them.
 *
 * Invariant: nothing here costs more for one client than for another; a value is checked before its
 * request counts as done, and the first wrong one fails the run.
 */
import { seeded } from './data.mjs';
import { DurationHistogram } from './stats.mjs';

/** One request in so many is timed: reading the clock for each would cost a fast client a sixth. */
const TIMED_EVERY = 17;

/**
 * `inFlight` callers, each asking again as soon as it is answered. Answers must come from the event loop:
 * a request answered at once would leave no room for the timer that ends the load.
 */
export function closed(inFlight) {
  return {
    inFlight,
    start(run) {
      const { request, check, histogram } = run;
      const caller = async () => {
        while (run.open) {
          const turn = run.next++;
          if (turn % TIMED_EVERY === 0) {
            const from = performance.now();
            const reply = await request(turn);
            histogram.record(performance.now() - from);
            check(turn, reply);
          } else {
            check(turn, await request(turn));
          }
          run.done++;
        }
      };
      return Promise.all(Array.from({ length: inFlight }, caller));
    },
  };
}

/**
 * Callers that do not march in step: `perTurn` new ones on each turn of the event loop, while fewer than
 * `inFlight` are waiting.
 */
export function perTurn(newcomers, inFlight) {
  return {
    inFlight,
    start(run) {
      let waiting = 0;
      const caller = async (turn) => {
        const from = turn % TIMED_EVERY === 0 ? performance.now() : 0;
        const reply = await run.request(turn);
        if (from > 0) run.histogram.record(performance.now() - from);
        run.check(turn, reply);
        run.done++;
        waiting--;
      };
      return new Promise((resolve, reject) => {
        const everyTurn = () => {
          if (run.failed) return;
          if (!run.open && waiting === 0) return resolve();
          for (let one = 0; run.open && one < newcomers && waiting < inFlight; one++) {
            waiting++;
            caller(run.next++).catch(reject);
          }
          setImmediate(everyTurn);
        };
        everyTurn();
      });
    },
  };
}

/**
 * Requests at random times (Poisson), `ratePerSecond` of them on average, whether or not earlier ones
 * were answered. Each is timed from the moment it was due, so that a stall is charged to all who wait in it.
 */
export function offered(ratePerSecond, maxWaiting = 20_000) {
  return {
    inFlight: undefined,
    start(run) {
      const random = seeded(7);
      const gap = () => -Math.log(1 - random()) * (1_000 / ratePerSecond);
      let waiting = 0;
      let due = performance.now() + gap();
      const caller = async (turn, from) => {
        const reply = await run.request(turn);
        run.histogram.record(performance.now() - from);
        run.check(turn, reply);
        run.done++;
        waiting--;
      };
      return new Promise((resolve, reject) => {
        const everyTurn = () => {
          if (run.failed) return;
          if (!run.open && waiting === 0) return resolve();
          const now = performance.now();
          while (run.open && due <= now) {
            if (++waiting > maxWaiting) {
              const rate = Math.round(ratePerSecond);
              return reject(new Error(`Cannot keep up with ${rate}/s: ${waiting} requests are waiting.`));
            }
            caller(run.next++, due).catch(reject);
            due += gap();
          }
          setImmediate(everyTurn);
        };
        everyTurn();
      });
    },
  };
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Longest wait for what is still outstanding when the time is up. */
const DRAIN_MS = 10_000;

/** Before a stretch that follows on another: until as many are in flight as will be. */
const LEAD_IN_SECONDS = 0.15;

/**
 * Runs a load through its warm-up and then for `seconds`, and says what it did.
 * @param {{request: (turn: number) => Promise<unknown>, check: (turn: number, reply: unknown) => void}} work
 */
export function measure(work, load, time) {
  return untilApart(time, (times) => measureOnce(work, load, times));
}

/**
 * Measures until the processors were apart before the stretch and after it (see `processors.mjs`), at most
 * `attempts` times; then the last stretch counts as it is, and says so. What came out of a stretch decides nothing.
 * @param {(time: object) => Promise<object>} once
 */
export async function untilApart({ attempts = 1, becomeApart, areApart, ...time }, once) {
  if (attempts < 2) return once(time);
  await once({ ...time, seconds: 0 });
  for (let attempt = 1; ; attempt++) {
    const before = await becomeApart();
    const outcome = await once({ ...time, warmup: LEAD_IN_SECONDS });
    const apart = (await areApart()) && before;
    if (apart || attempt === attempts) return { ...outcome, apart, attempts: attempt };
  }
}

async function measureOnce(work, load, time) {
  const run = { ...work, open: true, failed: false, next: 0, done: 0, histogram: new DurationHistogram() };
  const finished = load.start(run);
  try {
    const outcome = await measureStretch(run, finished, time);
    return { ...outcome, turns: run.next };
  } catch (error) {
    // Nobody waits for the rest of a load that has failed: it must not go on behind the error.
    run.failed = true;
    run.open = false;
    throw error;
  }
}

/**
 * One stretch of a driver of its own; `run` needs `open`, `done` and `histogram`. `stamped` asks for its begin and end
 * on the clock that profiles use.
 * @returns what was done in it; `undefined` when `seconds` is 0, which runs the warm-up alone
 */
export async function measureStretch(run, finished, { seconds, warmup, stamped = false }) {
  const broken = finished.then(
    () => Promise.reject(new Error('The load ended before its time.')),
    (error) => Promise.reject(error),
  );
  broken.catch(() => undefined);

  await Promise.race([sleep(warmup * 1_000), broken]);
  run.histogram.clear();
  const before = snapshot(run);
  if (seconds > 0) await Promise.race([sleep(seconds * 1_000), broken]);
  const after = snapshot(run);
  run.open = false;
  const latency = run.histogram.toJSON();
  await drained(finished);
  if (seconds === 0) return undefined;

  const operations = after.done - before.done;
  if (operations === 0) throw new Error('Not one request was answered.');
  const elapsed = (after.at - before.at) / 1_000;
  const cpuSeconds = (after.cpu - before.cpu) / 1e6;
  return {
    operations,
    seconds: elapsed,
    perSecond: operations / elapsed,
    cpuSecondsPerMillion: (cpuSeconds / operations) * 1e6,
    cpuShare: cpuSeconds / elapsed,
    latency,
    peakMegabytes: process.resourceUsage().maxRSS / 1_024,
    ...(stamped ? { window: [before.stamp, after.stamp] } : {}),
  };
}

async function drained(finished) {
  const late = sleep(DRAIN_MS).then(() => {
    throw new Error(`Requests were still unanswered ${DRAIN_MS / 1_000} s after the load ended.`);
  });
  late.catch(() => undefined);
  await Promise.race([finished, late]);
}

function snapshot(run) {
  const { user, system } = process.cpuUsage();
  const stamp = Number(process.hrtime.bigint() / 1_000n);
  return { at: performance.now(), done: run.done, cpu: user + system, stamp };
}
