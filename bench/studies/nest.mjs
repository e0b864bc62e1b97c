/**
 * What the layers above the client cost: the same object read through the bare pool, as a hit of
 * MemcachedCache, as a hit of @Cacheable, and through cache-manager over our store and over others. All of
 * them live side by side and take turns.
 */
import { failure, medianOf, runCases } from '../harness/cases.mjs';
import { groupedBars, subtitleOf } from '../harness/charts.mjs';
import { apartLine, figure, table, times } from '../harness/report.mjs';
import { startMemcached, startRedis, stopAll } from '../harness/servers.mjs';
import { Seat } from '../harness/side-by-side.mjs';
import { ratio } from '../harness/stats.mjs';

const WAYS = [
  'pool.get',
  'cache.get',
  'cache.getOrSet',
  '@Cacheable',
  'cache-manager: ours',
  'cache-manager: @keyv/memcache',
  'cache-manager: @keyv/redis',
];
const IN_FLIGHT = [1, 50];
/** Stretches of a round. */
const TURNS = 4;

async function measure(context) {
  // One in flight is measured on one core: between two, the scheduler decides the figures.
  const cpuOf = (inFlight) => (inFlight === 1 ? context.pinnedCpu : undefined);
  const servers = [];
  const addresses = new Map();
  for (const inFlight of IN_FLIGHT) {
    const memcached = await startMemcached({ cpu: cpuOf(inFlight) });
    const redis = await startRedis({ cpu: cpuOf(inFlight) });
    servers.push(memcached, redis);
    const address = ({ host, port }) => `${host}:${port}`;
    addresses.set(inFlight, { memcached: address(memcached), redis: address(redis) });
  }
  const seats = new Map();
  const stretches = context.rounds * TURNS;
  const seatOf = ({ id, way, inFlight }) => {
    const job = {
      module: 'studies/nest.work.mjs',
      way,
      inFlight,
      addresses: addresses.get(inFlight),
      seconds: context.seconds,
      warmup: context.warmup,
      attempts: context.attempts,
    };
    const timeoutMs = 60_000 + stretches * cases.length * context.attempts * (context.seconds + 2) * 1_000;
    const start = (answers) => context.runChild(job, { cpu: cpuOf(inFlight), timeoutMs, answers });
    if (!seats.has(id)) seats.set(id, new Seat(start));
    return seats.get(id);
  };
  const cases = IN_FLIGHT.flatMap((inFlight) =>
    WAYS.map((way) => ({ id: `${way}, ${inFlight} in flight`, way, inFlight })),
  );
  try {
    const turns = { ...context, rounds: stretches };
    const measured = await runCases(turns, cases, (one) => seatOf(one).stretch());
    for (const one of measured) {
      await seatOf(one)
        .leave()
        .catch((error) => one.errors.push(error.message));
    }
    return { cases: measured };
  } finally {
    await stopAll(servers);
  }
}

function report({ cases }) {
  return IN_FLIGHT.map((inFlight) => {
    const here = cases.filter((one) => one.inFlight === inFlight);
    const runs = (one) => one.runs.map((run) => run?.perSecond);
    const bare = here.find(({ way }) => way === 'pool.get');
    const rows = here.map((one) => [
      one.way,
      figure(medianOf(one, (run) => run.perSecond)),
      one === bare || !one.runs.some(Boolean) || !bare.runs.some(Boolean)
        ? undefined
        : times(ratio(runs(one), runs(bare))),
      figure(medianOf(one, (run) => run.latency.p50)),
      figure(medianOf(one, (run) => run.latency.p99)),
      figure(medianOf(one, (run) => run.cpuSecondsPerMillion)),
      failure(one),
    ]);
    const head = ['way', 'hits/s', 'of pool.get', 'p50 ms', 'p99 ms', 'CPU us/hit', ''];
    return `A hit of an object of 200 B, ${inFlight} in flight${inFlight === 1 ? ', one core' : ''}\n\n${table(head, rows)}\n`;
  })
    .concat(apartLine(cases.flatMap(({ runs }) => runs)))
    .join('\n');
}

function charts({ cases, ...about }) {
  const values = cases.flatMap((one) => {
    const value = medianOf(one, (run) => run.perSecond);
    return value === undefined
      ? []
      : [{ panel: `${one.inFlight} in flight`, group: one.way, bar: 'hits', value }];
  });
  const title = 'Hits per second through the layers';
  return {
    hits: groupedBars(values, { title, subtitle: subtitleOf(about), x: 'hits per second', panels: true }),
  };
}

export default { measure, report, charts };
