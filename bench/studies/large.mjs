/**
 * Large work, and what it does to everybody else in the process: ten thousand keys in one call, and one
 * value of 64 MB. Measured are the time of the call, the longest stretch for which the event loop did not
 * turn, and, for the large value, how many times it was held in memory and whether the memory came back.
 */
import { describeClient, PEERS } from '../clients/index.mjs';
import { failure, medianOf, over, runCases } from '../harness/cases.mjs';
import { groupedBars } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';
import { flush, startMemcached, startRedis, stopAll } from '../harness/servers.mjs';

/** What a client must be told before it takes a value of 64 MB, where its default refuses one. */
const ROOM = {
  ours: { maxItemSize: 128 * 2 ** 20, maxPendingBytes: 512 * 2 ** 20, commandTimeout: 30_000 },
  memcached: { maxValue: 128 * 2 ** 20 },
  memcache: { maxValueSize: 128 * 2 ** 20 },
  'memcache-plus': { maxValueSize: 128 * 2 ** 20, netTimeout: 30_000 },
  memjs: { timeout: 30 },
  'keyv-memcache': { timeout: 30 },
};

/** As patient as the others are by default, so that a busy machine does not end the call that is measured. */
const PATIENCE = { ours: { commandTimeout: 10_000 } };

const KINDS = ['getMany', 'setMany', 'one value'];

async function measure(context) {
  const servers = {
    memcached: await startMemcached({ itemSize: '128m', megabytes: 2_048 }),
    redis: await startRedis(),
  };
  const ids = (context.clients ?? ['ours', ...PEERS]).filter((id) => describeClient(id).family !== 'floor');
  const cases = ids.flatMap((client) => KINDS.map((kind) => ({ id: `${kind}: ${client}`, client, kind })));
  try {
    return {
      cases: await runCases(context, cases, async ({ client, kind }, round) => {
        const server = servers[describeClient(client).server];
        await flush(server);
        const job = {
          module: kind === 'one value' ? 'studies/large-value.work.mjs' : 'studies/large-calls.work.mjs',
          kind,
          client,
          servers: [{ host: server.host, port: server.port }],
          prefix: `l${round}${Date.now().toString(36).slice(-6)}`,
          seconds: context.seconds,
          options: { ...PATIENCE[client], ...(client === 'ours' ? context.pool : {}) },
        };
        if (kind !== 'one value') return context.runChild(job);
        // Two processes, so that the peak of the writing does not hide the peak of the reading.
        job.options = { ...job.options, ...ROOM[client] };
        const settings = { execArgv: ['--expose-gc'], timeoutMs: 90_000 };
        return {
          set: await context.runChild({ ...job, what: 'set' }, settings),
          get: await context.runChild({ ...job, what: 'get' }, settings),
        };
      }),
    };
  } finally {
    await stopAll(Object.values(servers));
  }
}

function report({ cases }) {
  const calls = ['getMany', 'setMany'].map((kind) => {
    const rows = cases
      .filter((one) => one.kind === kind)
      .map((one) => [
        one.client,
        figure(medianOf(one, (run) => run.milliseconds)),
        figure(medianOf(one, (run) => run.longestBlock)),
        figure(over(one, (run) => run.longestBlock)?.max),
        failure(one),
      ]);
    const head = ['client', 'ms per call', 'longest block ms', 'worst round', ''];
    return `${kind} of 10 000 keys x 100 B in one call\n\n${table(head, rows)}\n`;
  });
  const rows = cases
    .filter((one) => one.kind === 'one value')
    .map((one) => [
      one.client,
      figure(medianOf(one, (run) => run.set.milliseconds)),
      figure(medianOf(one, (run) => run.set.longestBlock)),
      figure(medianOf(one, (run) => run.set.copies)),
      figure(medianOf(one, (run) => run.get.milliseconds)),
      figure(medianOf(one, (run) => run.get.longestBlock)),
      figure(medianOf(one, (run) => run.get.copies)),
      figure(medianOf(one, (run) => run.get.keptMegabytes)),
      failure(one),
    ]);
  const head = [
    'client',
    'set ms',
    'block ms',
    'copies',
    'get ms',
    'block ms',
    'copies',
    'MB kept after',
    '',
  ];
  calls.push(
    `One value of 64 MB. Copies: growth of the process at its peak, in values; a set starts with the value in hand,\na get ends with one. Kept: what buffers hold more than before, the value dropped and collected.\n\n${table(head, rows)}\n`,
  );
  return calls.join('\n');
}

function charts({ cases, settings }) {
  const bars = (pick, wanted) =>
    cases.filter(wanted).flatMap((one) =>
      pick(one)
        .filter(({ value }) => value !== undefined)
        .map((bar) => ({ group: one.client, ...bar })),
    );
  const subtitle = `medians of ${settings.rounds} rounds`;
  const blocks = bars(
    (one) => [{ bar: one.kind, value: medianOf(one, (run) => run.longestBlock) }],
    ({ kind }) => kind !== 'one value',
  );
  const copies = bars(
    (one) => ['set', 'get'].map((what) => ({ bar: what, value: medianOf(one, (run) => run[what].copies) })),
    ({ kind }) => kind === 'one value',
  );
  return {
    block: groupedBars(blocks, {
      title: 'Longest stretch without a turn of the event loop, 10 000 keys in one call',
      subtitle,
      x: 'ms (log scale)',
      log: true,
    }),
    copies: groupedBars(copies, {
      title: 'Memory at its peak for one value of 64 MB',
      subtitle,
      x: 'values held at once',
    }),
  };
}

export default { measure, report, charts };
