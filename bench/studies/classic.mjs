/**
 * Servers that do not speak meta: our client held to protocol 'classic', beside the peers, beside itself with
 * meta, and beside the classic floor.
 */
import { ALL, describeClient } from '../clients/index.mjs';
import { rowCharts, subtitleOf } from '../harness/charts.mjs';
import { rowTable } from '../harness/report.mjs';
import { runRounds } from '../harness/rounds.mjs';
import { startMemcached, startRedis, stopAll } from '../harness/servers.mjs';
import { loadRow } from '../rows/index.mjs';

const ROWS = [
  'get-100b-50',
  'get-100b-500',
  'get-100b-five-per-turn',
  'set-100b-50',
  'set-100b-500',
  'get-10kb-50',
  'getmany-100-10',
  'mix-90-10-100',
];

async function measure(context) {
  const rows = await Promise.all((context.only ?? ROWS).map(loadRow));
  const wanted = context.clients ?? ALL.filter((id) => id !== 'floor-meta' && id !== 'bare');
  const ids = wanted.flatMap((id) => (id === 'ours' ? ['ours', 'ours@meta'] : [id]));
  const servers = { memcached: await startMemcached(), redis: await startRedis() };
  try {
    const results = await runRounds({
      ...context,
      rows,
      clients: ids.map(describeClient),
      serversOf: (client) => [servers[client.server]],
      jobOf: ({ id }) => ({
        tree: context.tree,
        options: { ours: { ...context.pool, protocol: 'classic' }, 'ours@meta': context.pool }[id] ?? {},
      }),
      cpuOf: () => undefined,
    });
    return { rows: [...results.values()] };
  } finally {
    await stopAll(Object.values(servers));
  }
}

function report({ rows }) {
  const parts = rows.map((row) => rowTable(row));
  return `"ours" speaks classic here; "ours@meta" is the same client left to choose.\n\n${parts.join('\n')}`;
}

const charts = ({ rows, ...about }) => rowCharts(rows, subtitleOf(about));

export default { measure, report, charts };
