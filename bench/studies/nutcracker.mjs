/**
 * Through a proxy that knows neither meta nor several nodes: twemproxy in front of three memcached servers.
 * Our client is told only that any node may take any key, as its users would.
 */
import { describeClient, MEMCACHED_PEERS } from '../clients/index.mjs';
import { rowCharts, subtitleOf } from '../harness/charts.mjs';
import { rowTable } from '../harness/report.mjs';
import { runRounds } from '../harness/rounds.mjs';
import { startMemcached, startNutcracker, stopAll } from '../harness/servers.mjs';
import { loadRow } from '../rows/index.mjs';

const ROWS = [
  'get-100b-50',
  'get-100b-500',
  'set-100b-50',
  'set-100b-500',
  'get-10kb-50',
  'getmany-100-10',
  'mix-90-10-100',
];
/** They speak the binary protocol only, which twemproxy answers by closing the connection. */
const BINARY = ['memjs', 'keyv-memcache'];

async function measure(context) {
  const rows = await Promise.all((context.only ?? ROWS).map(loadRow));
  const ids = context.clients ?? ['ours', ...MEMCACHED_PEERS.filter((id) => !BINARY.includes(id))];
  const backends = [await startMemcached(), await startMemcached(), await startMemcached()];
  const proxy = await startNutcracker(backends);
  try {
    const results = await runRounds({
      ...context,
      rows,
      clients: ids.map(describeClient),
      serversOf: () => [proxy],
      jobOf: ({ id }) => ({
        tree: context.tree,
        options: id === 'ours' ? { distribution: 'round-robin', ...context.pool } : {},
      }),
      cpuOf: () => undefined,
    });
    return { rows: [...results.values()] };
  } finally {
    await stopAll([proxy, ...backends]);
  }
}

function report({ rows }) {
  const left = `Left out: ${BINARY.join(' and ')}, which speak the binary protocol only; twemproxy closes on it.`;
  return `${rows.map((row) => rowTable(row)).join('\n')}\n${left}\n`;
}

const charts = ({ rows, ...about }) => rowCharts(rows, subtitleOf(about));

export default { measure, report, charts };
