/**
 * `npm run demo:stampede`: the same fleet of Nest applications on the same hot key, cached in several ways. Prints what
 * each of them costs the database and its callers, and writes the figures and charts to docs/stampede.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTree, installPeers } from '../harness/library.mjs';
import {
  describeMachine,
  describeTree,
  firstLine,
  packageVersion,
  repositoryRoot,
} from '../harness/machine.mjs';

const HELP = `npm run demo:stampede -- [OPTIONS]

  --seconds N       for each way of caching; 20
  --processes N     each an application of Nest; 4
  --callers N       in each process; 50
  --think N         milliseconds a caller pauses between two calls, on average; 100
  --only WAY,...    these ways only
  --out DIR         where JSON and SVG files go; docs/stampede
  --tree DIR        the library of another checkout
  --no-build        use the library as it was built last
  --plot FILE       draws the charts of an earlier run's JSON again, and nothing else
`;

const say = (text) => process.stderr.write(`${text}\n`);

const text = { type: 'string' };
const OPTIONS = {
  seconds: { ...text, default: '20' },
  processes: { ...text, default: '4' },
  callers: { ...text, default: '50' },
  think: { ...text, default: '100' },
  only: text,
  out: { ...text, default: path.join(repositoryRoot, 'docs', 'stampede') },
  tree: { ...text, default: repositoryRoot },
  'no-build': { type: 'boolean', default: false },
  plot: text,
  help: { type: 'boolean', default: false },
};

let given;

function number(name) {
  const read = Number(given[name]);
  if (!(read > 0)) throw new Error(`--${name} takes a number above 0, not "${given[name]}".`);
  return read;
}

async function startServer() {
  const version = firstLine('memcached', ['-V']);
  if (version !== undefined) {
    const { startMemcached } = await import('../harness/servers.mjs');
    return { ...(await startMemcached({ threads: 2, megabytes: 64 })), name: version };
  }
  const file = fileURLToPath(new URL('./server.mjs', import.meta.url));
  // Its standard input is a pipe of ours: when this process is gone, it reads the end and leaves.
  const child = spawn(process.execPath, [file, given.tree], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { host: '127.0.0.1', port: Number(String(line)), name: 'the in-process memcached', stop };
}

const versionOf = (name) =>
  packageVersion(name) ?? packageVersion(path.join('..', '..', 'node_modules', name));

/** One line rewritten on a terminal, nothing elsewhere but the first and the last of it. */
function progress(title) {
  const live = process.stderr.isTTY === true;
  if (!live) say(title);
  return {
    tell: (done) => live && process.stderr.write(`\r\x1b[K${title}: ${done}`),
    end: (done) => (live ? process.stderr.write(`\r\x1b[K${title}: ${done}\n`) : say(`  ${done}`)),
  };
}

async function main() {
  if (given.help) return process.stdout.write(HELP);
  const settings = {
    seconds: number('seconds'),
    processes: number('processes'),
    callers: number('callers'),
    think: number('think'),
  };
  installPeers(say);
  if (given.plot !== undefined) return plotAgain(given.plot);
  if (!given['no-build']) buildTree(given.tree, say);
  // Only now: what these import is installed by the lines above.
  const { WAYS } = await import('./ways.mjs');
  const { runFleet } = await import('./fleet.mjs');
  const { chartsOf, markdownOf, tableOf } = await import('./report.mjs');
  const { writeCharts } = await import('../harness/plot.mjs');
  const { writeJson } = await import('../harness/report.mjs');

  const chosen = given.only?.split(',');
  const strange = chosen?.find((id) => WAYS.every((way) => way.id !== id));
  if (strange !== undefined)
    throw new Error(`There is no way "${strange}"; there are ${WAYS.map(({ id }) => id).join(', ')}.`);
  const isReal = firstLine('memcached', ['-V']) !== undefined;
  if (!isReal) {
    say(
      'There is no memcached on this machine (apt-get install memcached); the in-process one plays it. It does not',
    );
    say('speak the binary protocol, so @keyv/memcache is left out.');
  }
  const ways = [];
  let server;
  for (const { id, title, isBinary } of WAYS.filter((way) => chosen?.includes(way.id) ?? true)) {
    if (isBinary && !isReal) continue;
    // A memcached of its own each: nobody finds what another left.
    server = await startServer();
    const place = { tree: given.tree, address: `${server.host}:${server.port}` };
    const { tell, end } = progress(title);
    const seen = await runFleet({ way: id, place, ...settings }, tell);
    await server.stop();
    ways.push({ id, title, ...seen });
    end(`${seen.loads} loader calls in ${seen.expiries} expiries`);
  }
  const names = ['@nestjs/core', '@nestjs/cache-manager', 'cache-manager', 'keyv', '@keyv/memcache', 'memjs'];
  const versions = {
    node: process.versions.node,
    ...Object.fromEntries(names.map((name) => [name, versionOf(name)])),
  };
  const data = {
    when: new Date().toISOString(),
    machine: describeMachine(),
    library: describeTree(given.tree),
    versions,
    settings: { ...settings, server: server.name },
    ways,
  };
  delete data.library.tree;
  process.stdout.write(`\n${tableOf(ways)}\n`);
  const files = [writeJson(given.out, 'stampede', { ...data, table: markdownOf(ways) })];
  files.push(...(await writeCharts(given.out, 'stampede', chartsOf(data))));
  say(`\nWritten: ${files.map((file) => path.relative(process.cwd(), file)).join(', ')}`);
}

async function plotAgain(file) {
  const { chartsOf, tableOf } = await import('./report.mjs');
  const { writeCharts } = await import('../harness/plot.mjs');
  const data = JSON.parse(readFileSync(file, 'utf8'));
  process.stdout.write(`${tableOf(data.ways)}\n`);
  await writeCharts(given.out, 'stampede', chartsOf(data));
}

try {
  given = parseArgs({ options: OPTIONS }).values;
  await main();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
