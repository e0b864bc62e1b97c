/**
 * One process of the fleet: many callers of `getOrSet` on one key, and one that only reads. Forked by `fleet.ts`,
 * which also plays the database: a load is a message there and a message back. Believes nothing it is given.
 */
import { MemcachedCache } from '../../../lib/cache/cache.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { type FromProcess, type Orders, type Page, proofOf, type Sight, type ToProcess } from './messages.js';

/** Milliseconds that are counted one by one. */
const COUNTED = 10_000;
const TELL_EVERY = 500;
const READ_EVERY = 20;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const tell = (message: FromProcess) =>
  new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));

let over = false;
let loads = 0;
const loading = new Map<number, (page: Page) => void>();
const loadedHere = new Set<number>();
const fromCache = new Set<number>();
/** The newest serial that calls of getOrSet, and all calls, were given. */
const newest = { shared: 0, any: 0 };

const sight: Sight = {
  calls: 0,
  errors: {},
  stubs: 0,
  wrong: [],
  older: 0,
  serials: [],
  took: new Array<number>(COUNTED + 1).fill(0),
  slowest: 0,
  stats: {},
};

function load(): Promise<Page> {
  const id = ++loads;
  return new Promise((resolve) => {
    loading.set(id, resolve);
    void tell({ kind: 'load', load: id });
  });
}

/** @param newestBefore - a serial that was known before the call began */
function judge(orders: Orders, answer: unknown, newestBefore: number): void {
  const page = answer as Partial<Page> | null | undefined;
  if (typeof page !== 'object' || page === null || typeof page.serial !== 'number') {
    sight.stubs++;
    return;
  }
  const { serial, at } = page;
  const age = Date.now() - Number(at);
  const isRight = page.key === orders.key && page.proof === proofOf(orders.key, serial);
  if (!isRight) note(`page ${serial} is not what was loaded`);
  else if (!(age <= orders.oldest)) note(`page ${serial} was ${age} ms old`);
  if (serial < newestBefore) sight.older++;
  newest.any = Math.max(newest.any, serial);
  if (!loadedHere.has(serial)) fromCache.add(serial);
}

function note(wrong: string): void {
  if (sight.wrong.length < 20) sight.wrong.push(wrong);
}

function failed(error: unknown): void {
  const text = error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 120) : String(error);
  sight.errors[text] = (sight.errors[text] ?? 0) + 1;
}

async function call(cache: MemcachedCache, orders: Orders): Promise<void> {
  // A call may join one that is under way, which what a bare read saw meanwhile does not change.
  const before = newest.shared;
  const start = performance.now();
  try {
    const page = await cache.getOrSet(orders.key, load);
    judge(orders, page, before);
    if (page?.serial > newest.shared) newest.shared = page.serial;
  } catch (error) {
    failed(error);
  }
  const took = performance.now() - start;
  sight.calls++;
  sight.took[Math.min(COUNTED, Math.floor(took))]! += 1;
  sight.slowest = Math.max(sight.slowest, took);
}

async function callAgainAndAgain(cache: MemcachedCache, orders: Orders): Promise<void> {
  while (!over) {
    await pause(2 * orders.pause * Math.random());
    await call(cache, orders);
  }
}

/** A read takes nothing from those who refill: it may find nothing, but never a stub. */
async function readAgainAndAgain(cache: MemcachedCache, orders: Orders): Promise<void> {
  while (!over) {
    await pause(READ_EVERY);
    const before = newest.any;
    try {
      const found = await cache.get(orders.key);
      if (found !== undefined) judge(orders, found, before);
    } catch (error) {
      failed(error);
    }
  }
}

function tellSight(cache: MemcachedCache, last: boolean): Promise<void> {
  sight.serials = [...fromCache];
  sight.stats = { ...cache.stats() };
  return tell({ kind: 'sight', sight, last });
}

async function run(orders: Orders): Promise<void> {
  const pool = new MemcachedPool({ nodes: orders.nodes, protocol: orders.protocol, commandTimeout: '5s' });
  const cache = new MemcachedCache(pool, orders.cache);
  const telling = setInterval(() => void tellSight(cache, false), TELL_EVERY);
  const callers = Array.from({ length: orders.callers }, () => callAgainAndAgain(cache, orders));
  await Promise.all([...callers, readAgainAndAgain(cache, orders)]);
  clearInterval(telling);
  await pool.close();
  await tellSight(cache, true);
  process.exit(0);
}

process.on('message', (message: ToProcess) => {
  switch (message.kind) {
    case 'start':
      void run(message.orders);
      break;
    case 'loaded':
      loadedHere.add(message.page.serial);
      loading.get(message.load)?.(message.page);
      loading.delete(message.load);
      break;
    case 'stop':
      over = true;
  }
});
// Without the parent nobody would ever stop it.
process.once('disconnect', () => process.exit(1));
void tell({ kind: 'ready' });
