/**
 * Entry of the bench: reads the command line, prepares what is measured, runs one study, and writes its
 * tables to the terminal and its figures and charts to files. What is measured stands in studies/ and rows/.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { installPeers } from './harness/library.mjs';

const STUDIES = [
  'rows',
  'alone',
  'hits',
  'head-of-line',
  'large',
  'growth',
  'classic',
  'nutcracker',
  'codec',
  'nest',
  'http',
];

const say = (text) => process.stderr.write(`${text}\n`);

async function main() {
  installPeers(say);
  // Only now: what these import is installed by the line above.
  const { readOptions, HELP } = await import('./harness/options.mjs');
  const options = readOptions(process.argv.slice(2));
  if (options.help) return process.stdout.write(HELP);
  if (options.subcommand === 'list') return printLists();
  if (options.subcommand === 'plot') return plotAgain(options);
  if (!STUDIES.includes(options.subcommand)) {
    throw new Error(
      `There is no subcommand "${options.subcommand}"; there are ${STUDIES.join(', ')}, plot, list.`,
    );
  }

  const study = (await import(`./studies/${options.subcommand}.mjs`)).default;
  const earlier = options.into ?? options.add;
  if (earlier !== undefined && study.merge === undefined) {
    throw new Error(`--into and --add are for rows; "${options.subcommand}" is measured whole.`);
  }
  const before = earlier === undefined ? undefined : JSON.parse(readFileSync(earlier, 'utf8'));

  const { prepare } = await import('./harness/context.mjs');
  const { writeJson, machineLines } = await import('./harness/report.mjs');
  const { writeCharts } = await import('./harness/plot.mjs');
  const context = await prepare(options, say);
  const figures = await study.measure({ ...context, before: options.add === undefined ? undefined : before });
  const measured = { study: options.subcommand, ...context.described, ...figures };
  const data =
    before === undefined ? measured : study[options.into === undefined ? 'add' : 'merge'](before, measured);

  const { subcommand, compare, node } = options;
  const name = [subcommand, compare && 'compare', node && `node${node}`].filter(Boolean).join('-');
  const files = [writeJson(options.out, name, data)];
  const kept = JSON.parse(readFileSync(files[0], 'utf8'));
  process.stdout.write(`\n${machineLines(kept)}\n${study.report(kept)}\n`);
  files.push(...(await writeCharts(options.out, name, study.charts(kept))));
  say(`Written: ${files.map((file) => path.relative(process.cwd(), file)).join(', ')}`);
}

async function printLists() {
  const { ROWS, loadRow } = await import('./rows/index.mjs');
  const { ALL } = await import('./clients/index.mjs');
  const { table } = await import('./harness/report.mjs');
  const rows = await Promise.all(ROWS.map(loadRow));
  process.stdout.write(
    `${table(
      ['row', ''],
      rows.map(({ id, title }) => [id, title]),
    )}\n\n`,
  );
  process.stdout.write(`clients: ${ALL.join(', ')}\n`);
}

async function plotAgain({ file, out }) {
  if (file === undefined) throw new Error('Say which file: npm run bench -- plot docs/bench/rows.json');
  const { writeCharts } = await import('./harness/plot.mjs');
  const { machineLines } = await import('./harness/report.mjs');
  const data = JSON.parse(readFileSync(file, 'utf8'));
  const study = (await import(`./studies/${data.study}.mjs`)).default;
  process.stdout.write(`${machineLines(data)}\n${study.report(data)}\n`);
  const files = await writeCharts(out, path.basename(file, '.json'), study.charts(data));
  say(`Written: ${files.map((one) => path.relative(process.cwd(), one)).join(', ')}`);
}

main().then(
  () => process.exit(process.exitCode ?? 0),
  (error) => {
    say(error.message);
    if (process.argv.includes('--verbose')) say(`${error.stack}\n${error.printed ?? ''}`);
    process.exit(1);
  },
);
