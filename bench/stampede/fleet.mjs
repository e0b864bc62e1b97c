/**
 * Runs the fleet once, in one way: forks the processes, is the database they share, and gathers what they saw.
 *
 * Invariant: it always settles, and leaves no process behind.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { quantile } from '../harness/stats.mjs';
import { Database, expiriesIn } from './database.mjs';

/** Between two points of the chart, in seconds. */
export const STEP = 0.25;

const PROCESS = fileURLToPath(new URL('./process.mjs', import.meta.url));

/** In milliseconds: long enough for the first fill and one expiry. */
const WARM_UP = 3_000;

/** Longest time for the answers that are on their way when the run ends. */
const ENDS_WITHIN = 60_000;

function start(cwd) {
  const env = { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' };
  return fork(PROCESS, [], { cwd, env, serialization: 'advanced' });
}

/** The first message with this field; a process that ends before it has sent one fails the run. */
function heard(child, field) {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message[field] !== undefined) resolve(message[field]);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`A process of the fleet ended (${signal ?? `code ${code}`}) before it was done.`));
    });
  });
}

/**
 * @param {{way: string, place: {tree: string, address: string}, processes: number, callers: number, think: number,
 *   seconds: number}} settings
 * @param {(text: string) => void} tell is told every second how far it is
 */
export async function runFleet(settings, tell) {
  const { way, place, processes, callers, think, seconds } = settings;
  const children = Array.from({ length: processes }, () => start(place.tree));
  const hung = new AbortController();
  try {
    const ready = children.map((child) => heard(child, 'ready'));
    for (const child of children) child.send({ tell: 'prepare', way, place, count: callers, think });
    await Promise.all(ready);
    const database = new Database();
    for (const child of children) serve(child, database);
    const seen = Promise.all(children.map((child) => heard(child, 'seen')));
    // Who fails before the end is told at the end.
    seen.catch(() => {});
    for (const child of children) child.send({ tell: 'begin' });
    // An empty cache, and a program that has just begun, are not what is measured.
    tell('warming up');
    await new Promise((resolve) => setTimeout(resolve, WARM_UP));
    for (const child of children) child.send({ tell: 'forget' });
    database.forget();
    for (let second = 1; second <= seconds; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      tell(`${second} of ${seconds} s, ${database.starts.length} loader calls`);
    }
    const loads = database.starts.length;
    for (const child of children) child.send({ tell: 'stop' });
    const late = once(hung.signal, 'abort').then(() => {
      throw new Error(`Callers were not answered ${ENDS_WITHIN / 1_000} s after the end of the run.`);
    });
    const timer = setTimeout(() => hung.abort(), ENDS_WITHIN);
    const all = await Promise.race([seen, late]);
    clearTimeout(timer);
    return summarise(all, database.starts.slice(0, loads), seconds);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function serve(child, database) {
  child.on('message', async ({ load }) => {
    if (load === undefined) return;
    const page = await database.load('hot');
    if (child.connected) child.send({ tell: 'loaded', id: load, page });
  });
}

function summarise(all, starts, seconds) {
  const took = Float64Array.from(all.flatMap((one) => one.took)).sort();
  const errors = {};
  for (const one of all) {
    for (const [text, count] of Object.entries(one.errors)) errors[text] = (errors[text] ?? 0) + count;
  }
  const expiries = expiriesIn(starts);
  return {
    loads: starts.length,
    expiries,
    perExpiry: starts.length / expiries,
    calls: took.length,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    max: took.at(-1),
    errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
    errorTexts: errors,
    stubs: all.reduce((sum, one) => sum + one.stubs, 0),
    oldest: Math.max(...all.map((one) => one.oldest)),
    soFar: soFar(starts, seconds),
  };
}

/** How many loads had begun after each step of the run. */
function soFar(starts, seconds) {
  return Array.from({ length: Math.floor(seconds / STEP) + 1 }, (_, step) => {
    return starts.filter((at) => at <= step * STEP * 1_000).length;
  });
}
