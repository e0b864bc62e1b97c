/**
 * What an operation costs as something grows: nodes, sockets per node, bytes per value, requests
 * outstanding. The cost that should stay flat is the client's CPU time per operation. The bare client beside it shows what
 * of its growth is the work's: memory for larger values, and caches too small for many requests.
 */
import { describeClient } from '../clients/index.mjs';
import { failure, medianOf, runCases } from '../harness/cases.mjs';
import { lines } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';
import { startMemcached, startRedis, stopAll } from '../harness/servers.mjs';

const SMALL = { keys: 10_000, bytes: 100 };
const MEGABYTE = 1_000_000;

/** Each: what grows, through which values, and the workload at one of them. */
const AXES = {
  nodes: {
    title: 'nodes, get 100 B, 500 in flight',
    steps: [1, 3, 16, 64],
    sharded: true,
    work: (nodes) => ({ ...SMALL, inFlight: 500, nodes }),
  },
  sockets: {
    title: 'poolSize, get 100 B, 500 in flight',
    steps: [1, 2, 4, 8, 16],
    oursOnly: true,
    work: (poolSize) => ({ ...SMALL, inFlight: 500, options: { poolSize } }),
  },
  bytes: {
    title: 'bytes per value, get as Buffer, 8 in flight',
    steps: [1, 100, 1_000, 10_000, 100_000, MEGABYTE, 8 * MEGABYTE],
    work: (bytes) => ({
      // The key stands at the beginning of its value; one byte can only say that it is there.
      keys: bytes >= 100_000 ? 8 : 1_000,
      bytes,
      inFlight: 8,
      buffer: true,
      options: { maxItemSize: 16 * MEGABYTE, maxPendingBytes: 512 * MEGABYTE, commandTimeout: 20_000 },
    }),
  },
  outstanding: {
    title: 'requests outstanding, get 100 B',
    steps: [1, 10, 100, 1_000, 10_000, 100_000],
    work: (inFlight) => ({
      ...SMALL,
      inFlight,
      options: { maxPending: 200_000, maxPendingBytes: 512 * MEGABYTE, commandTimeout: 20_000 },
    }),
  },
};

/** The bare client knows one node only, and Redis clients do not spread keys. */
function takesPart(client, { oursOnly, sharded }) {
  const { family } = describeClient(client);
  if (family === 'floor' || (oursOnly && family !== 'ours')) return false;
  return !sharded || family === 'ours' || family === 'memcached';
}

function casesOf({ clients = ['ours', 'bare'] }) {
  return Object.entries(AXES).flatMap(([axis, { steps, work, ...rest }]) =>
    clients
      .filter((client) => takesPart(client, rest))
      .flatMap((client) =>
        steps.map((step) => ({ id: `${axis} ${step}: ${client}`, axis, step, client, work: work(step) })),
      ),
  );
}

async function measure(context) {
  const cases = casesOf(context);
  const many = await Promise.all(
    Array.from({ length: Math.max(...AXES.nodes.steps) }, () =>
      startMemcached({ threads: 1, megabytes: 64 }),
    ),
  );
  const servers = { memcached: await startMemcached({ itemSize: '16m' }), redis: await startRedis() };
  try {
    const measured = await runCases(context, cases, ({ client, work }, round) => {
      const { nodes, options, ...rest } = work;
      const used = nodes === undefined ? [servers[describeClient(client).server]] : many.slice(0, nodes);
      return context.runChild({
        module: 'studies/growth.work.mjs',
        client,
        ...rest,
        options: client === 'ours' ? { ...context.pool, ...options } : {},
        servers: used.map(({ host, port }) => ({ host, port })),
        prefix: `g${round}${Date.now().toString(36).slice(-6)}`,
        seconds: context.seconds,
        warmup: context.warmup,
      });
    });
    return { cases: measured };
  } finally {
    await stopAll([...many, ...Object.values(servers)]);
  }
}

function report({ cases }) {
  return Object.entries(AXES)
    .map(([axis, { title }]) => {
      const rows = cases
        .filter((one) => one.axis === axis)
        .map((one) => [
          one.client,
          one.step.toLocaleString('en'),
          figure(medianOf(one, (run) => run.perSecond)),
          figure(medianOf(one, (run) => run.cpuSecondsPerMillion)),
          figure(medianOf(one, (run) => run.latency.p99)),
          figure(medianOf(one, (run) => run.sockets)),
          figure(medianOf(one, (run) => run.peakMegabytes)),
          failure(one),
        ]);
      const head = ['client', axis, 'ops/s', 'CPU us/op', 'p99 ms', 'sockets', 'peak MB', ''];
      return `Growing: ${title}\n\n${table(head, rows)}\n`;
    })
    .join('\n');
}

function charts({ cases, settings }) {
  const values = cases.flatMap((one) => {
    const y = medianOf(one, (run) => run.cpuSecondsPerMillion);
    return y === undefined ? [] : [{ panel: AXES[one.axis].title, line: one.client, x: one.step, y }];
  });
  return {
    cpu: lines(values, {
      title: 'CPU time per operation as something grows',
      subtitle: `medians of ${settings.rounds} rounds`,
      x: 'log scale',
      y: 'microseconds (log scale)',
      panels: true,
    }),
  };
}

export default { measure, report, charts };
