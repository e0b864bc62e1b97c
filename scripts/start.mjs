/**
 * `npm start`: works right after `git clone`. Installs the packages, builds the library, compiles the sample
 * application against the built library, as a user of the package would, and runs it. What is up to date is
 * skipped, so the second start takes a second.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfStale } from './build.mjs';
import { fail, installPackages, isUpToDate, root, run, say, secondsSince, tool, writeText } from './lib.mjs';

const stamp = join(root, 'dist', '.sample-app');
const sources = [
  'sample-app',
  'lib',
  'nest-cli.json',
  'package.json',
  'tsconfig.json',
  'tsconfig.sample-app.json',
];
const main = join(root, 'dist', 'sample-app', 'main.js');

await installPackages();
if (!(await buildIfStale())) process.exit(1);
if (!existsSync(main) || !isUpToDate(stamp, sources)) await compile();
// In this process, not in a child: Ctrl-C and SIGTERM reach the application itself.
await import(pathToFileURL(main).href);

async function compile() {
  const start = performance.now();
  say('Compiling the sample application ...');
  const { code, output } = await run(tool('nest'), ['build'], { capture: true });
  if (code !== 0) fail(`${output}The sample application could not be compiled.`);
  writeText(stamp, '');
  say(`Compiled in ${secondsSince(start)}.`);
}
