/**
 * Requests per second of an application of Nest whose answers come from the cache: CacheInterceptor over our
 * store, over @keyv/memcache and over @keyv/redis, our @Cacheable, and the handler with no cache at all.
 */
import { failure, medianOf, runCases } from '../harness/cases.mjs';
import { groupedBars, subtitleOf } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';
import { flush, startMemcached, startRedis, stopAll } from '../harness/servers.mjs';

const VARIANTS = [
  'no cache',
  'interceptor: ours',
  'interceptor: @keyv/memcache',
  'interceptor: @keyv/redis',
  '@Cacheable',
];
const PLATFORMS = ['express', 'fastify'];
const CONNECTIONS = 50;

async function measure(context) {
  const servers = { memcached: await startMemcached(), redis: await startRedis() };
  const addresses = Object.fromEntries(
    Object.entries(servers).map(([kind, { host, port }]) => [kind, `${host}:${port}`]),
  );
  const cases = PLATFORMS.flatMap((platform) =>
    VARIANTS.map((variant) => ({ id: `${platform}, ${variant}`, platform, variant })),
  );
  try {
    const measured = await runCases(context, cases, async ({ platform, variant }) => {
      for (const server of Object.values(servers)) await flush(server);
      return context.runChild({
        module: 'studies/http.work.mjs',
        platform,
        variant,
        addresses,
        connections: CONNECTIONS,
        seconds: Math.max(1, Math.round(context.seconds)),
        warmup: Math.max(1, Math.ceil(context.warmup)),
      });
    });
    return { cases: measured };
  } finally {
    await stopAll(Object.values(servers));
  }
}

function report({ cases }) {
  return PLATFORMS.map((platform) => {
    const rows = cases
      .filter((one) => one.platform === platform)
      .map((one) => [
        one.variant,
        figure(medianOf(one, (run) => run.perSecond)),
        figure(medianOf(one, (run) => run.p50)),
        figure(medianOf(one, (run) => run.p99)),
        figure(medianOf(one, (run) => run.cpuPerRequest)),
        figure(medianOf(one, (run) => run.loads)),
        failure(one),
      ]);
    const head = ['cache', 'requests/s', 'p50 ms', 'p99 ms', 'CPU us/request', 'handler ran', ''];
    return `GET /products/:id on ${platform}, ${CONNECTIONS} connections, 100 products\n\n${table(head, rows)}\n`;
  }).join('\n');
}

function charts({ cases, ...about }) {
  const bars = (pick) =>
    cases.flatMap((one) => {
      const value = medianOf(one, pick);
      return value === undefined ? [] : [{ panel: one.platform, group: one.variant, bar: 'http', value }];
    });
  const subtitle = subtitleOf(about);
  return {
    requests: groupedBars(
      bars((run) => run.perSecond),
      { title: 'Requests per second', subtitle, x: 'requests per second', panels: true },
    ),
    cpu: groupedBars(
      bars((run) => run.cpuPerRequest),
      { title: 'CPU time of the server process', subtitle, x: 'microseconds per request', panels: true },
    ),
  };
}

export default { measure, report, charts };
