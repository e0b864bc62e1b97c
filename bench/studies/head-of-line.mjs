/**
 * Do small values wait behind large ones? Gets of 100 B at a steady rate, timed one by one, while ten
 * callers read values of 1 MB through the same client as fast as they come.
 */
import { describeClient } from '../clients/index.mjs';
import { failure, medianOf, runCases } from '../harness/cases.mjs';
import { groupedBars } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';
import { startMemcached, startRedis, startRelay, stopAll } from '../harness/servers.mjs';

const SMALL_PER_SECOND = 1_000;
const LINES = [
  { id: 'loopback' },
  { id: '5 ms', relay: { latencyMs: 5 } },
  { id: '5 ms, 1 Gbit/s', relay: { latencyMs: 5, megabitsPerSecond: 1_000 } },
];
const OTHERS = ['memcached', 'memjs', 'memcache', 'ioredis'];

function variantsOf({ clients, pool }) {
  const ours = [1, 2, 4].map((poolSize) => ({
    name: `ours, poolSize ${poolSize}`,
    client: 'ours',
    options: { ...pool, poolSize, commandTimeout: 30_000 },
  }));
  const wanted = clients ?? ['ours', ...OTHERS];
  const others = wanted.filter((id) => id !== 'ours').map((id) => ({ name: id, client: id, options: {} }));
  return wanted.includes('ours') ? [...ours, ...others] : others;
}

async function measure(context) {
  const direct = { memcached: await startMemcached({ itemSize: '8m' }), redis: await startRedis() };
  const lines = [];
  for (const { id, relay } of LINES) {
    const servers = {};
    for (const [kind, server] of Object.entries(direct)) {
      servers[kind] = relay === undefined ? server : await startRelay(server, relay);
    }
    lines.push({ id, servers });
  }
  const cases = lines.flatMap(({ id: line, servers }) =>
    variantsOf(context).flatMap((variant) =>
      [0, 10].map((large) => ({
        id: `${line}: ${variant.name}, ${large} large`,
        line,
        ...variant,
        large,
        servers: [servers[describeClient(variant.client).server]],
      })),
    ),
  );
  try {
    const measured = await runCases(context, cases, ({ client, options, large, servers }, round) =>
      context.runChild({
        module: 'studies/head-of-line.work.mjs',
        client,
        options,
        large,
        servers: servers.map(({ host, port }) => ({ host, port })),
        rate: SMALL_PER_SECOND,
        prefix: `h${round}${Date.now().toString(36).slice(-6)}`,
        seconds: context.seconds,
        warmup: context.warmup,
      }),
    );
    return { cases: measured.map(({ servers: _, ...one }) => one) };
  } finally {
    await stopAll([...Object.values(direct), ...lines.flatMap(({ servers }) => Object.values(servers))]);
  }
}

function report({ cases }) {
  return LINES.map(({ id }) => {
    const here = cases.filter(({ line }) => line === id);
    const alone = (name) => here.find((one) => one.name === name && one.large === 0);
    const rows = here
      .filter(({ large }) => large > 0)
      .map((one) => [
        one.name,
        figure(medianOf(alone(one.name), (run) => run.latency.p99)),
        figure(medianOf(one, (run) => run.latency.p50)),
        figure(medianOf(one, (run) => run.latency.p99)),
        figure(medianOf(one, (run) => run.largeMegabytesPerSecond)),
        figure(medianOf(one, (run) => run.peakMegabytes)),
        failure(one),
      ]);
    const head = ['client', 'p99 ms alone', 'p50 ms', 'p99 ms', 'large MB/s', 'peak MB', ''];
    return `${SMALL_PER_SECOND} gets of 100 B per second beside ten readers of 1 MB values, ${id}\n\n${table(head, rows)}\n`;
  }).join('\n');
}

function charts({ cases, settings }) {
  const values = cases.flatMap((one) => {
    const value = medianOf(one, (run) => run.latency.p99);
    const bar = one.large === 0 ? 'alone' : 'beside ten readers of 1 MB';
    return value === undefined ? [] : [{ panel: one.line, group: one.name, bar, value }];
  });
  const subtitle = `${SMALL_PER_SECOND} gets of 100 B per second; medians of ${settings.rounds} rounds`;
  const title = '99th percentile of small gets beside large ones';
  return { p99: groupedBars(values, { title, subtitle, x: 'ms (log scale)', panels: true, log: true }) };
}

export default { measure, report, charts };
