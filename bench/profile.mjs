/**
 * Where our client spends its time: runs one row under --cpu-prof and prints the functions with the most time
 * of their own.
 *
 *     node bench/profile.mjs get-100b-50 [--seconds 3] [--top 30] [--client ours] [--keep DIR]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeClient } from './clients/index.mjs';
import { runChild } from './harness/children.mjs';
import { buildTree, installPeers } from './harness/library.mjs';
import { repositoryRoot } from './harness/machine.mjs';
import { figure, table } from './harness/report.mjs';
import { startMemcached, startRedis } from './harness/servers.mjs';
import { loadRow } from './rows/index.mjs';

const say = (text) => process.stderr.write(`${text}\n`);

function readOptions() {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      client: { ...text, default: 'ours' },
      seconds: { ...text, default: '3' },
      top: { ...text, default: '30' },
      rate: { ...text, default: '50000' },
      option: { ...text, multiple: true, default: [] },
      keep: text,
      'no-build': { type: 'boolean', default: false },
    },
  });
  return { ...values, row: positionals[0] ?? 'get-100b-50' };
}

async function main() {
  const options = readOptions();
  const row = await loadRow(options.row);
  const { server: kind } = describeClient(options.client);
  installPeers(say);
  if (options.client === 'ours' && !options['no-build']) buildTree(repositoryRoot, say);

  const cpu = row.pinned ? os.cpus().length - 1 : undefined;
  const server = await (kind === 'redis' ? startRedis({ cpu }) : startMemcached({ cpu }));
  const directory = options.keep ?? mkdtempSync(path.join(os.tmpdir(), 'bench-profile-'));
  try {
    const job = {
      module: 'harness/run-row.mjs',
      row: row.id,
      client: options.client,
      tree: repositoryRoot,
      servers: [{ host: server.host, port: server.port }],
      options: Object.fromEntries(options.option.map((pair) => pair.split('=', 2))),
      seconds: Number(options.seconds),
      warmup: 0.5,
      stamped: true,
      prefix: 'profile0',
      rate: Number(options.rate),
    };
    const flags = ['--cpu-prof', '--cpu-prof-interval', '250', '--cpu-prof-dir', path.resolve(directory)];
    const outcome = await runChild(job, { execArgv: flags, cpu, timeoutMs: 60_000 + job.seconds * 1_000 });
    const file = readdirSync(directory)
      .filter((name) => name.endsWith('.cpuprofile'))
      .sort()
      .at(-1);
    const profile = JSON.parse(readFileSync(path.join(directory, file), 'utf8'));
    const head = `${row.title}, ${options.client}: ${figure(outcome.perSecond)} ops/s under the profiler, `;
    process.stdout.write(`${head}${figure(outcome.cpuSecondsPerMillion)} CPU us/op\n\n`);
    process.stdout.write(`${selfTimes(profile, outcome.window, Number(options.top))}\n`);
    if (options.keep !== undefined) say(`Kept: ${path.join(directory, file)}`);
  } finally {
    await server.stop();
    if (options.keep === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/** Functions by the time spent in themselves during the measured stretch; idle time left out. */
function selfTimes({ nodes, samples, timeDeltas, startTime }, [begin, end], top) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map();
  let busy = 0;
  let now = startTime;
  samples.forEach((id, at) => {
    now += timeDeltas[at];
    if (now < begin || now > end) return;
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === '(idle)') return;
    const where = url === '' ? '' : `${shorten(url)}:${lineNumber + 1}`;
    const name = `${functionName || '(anonymous)'}\n${where}`;
    times.set(name, (times.get(name) ?? 0) + timeDeltas[at]);
    busy += timeDeltas[at];
  });
  const sorted = [...times].sort(([, one], [, other]) => other - one).slice(0, top);
  const rows = sorted.map(([name, time]) => {
    const [functionName, where] = name.split('\n');
    return [`${((time / busy) * 100).toFixed(1)} %`, (time / 1_000).toFixed(0), functionName, where];
  });
  return table(['self', 'ms', 'function', 'at'], rows);
}

function shorten(url) {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  return file.startsWith(repositoryRoot) ? path.relative(repositoryRoot, file) : file;
}

main().then(
  () => process.exit(0),
  (error) => {
    say(`${error.message}\n${error.printed ?? ''}`);
    process.exit(1);
  },
);
