/**
 * `npm test`: works right after `git clone`. Installs what is missing, runs jest with whatever arguments
 * follow `--`, and closes with the line `N passed, N failed`.
 *
 * Where no memcached can be had, the tests against the in-process server still run; the others skip
 * themselves, and the command fails saying so: half a test run must not look like a whole one.
 */
import { join } from 'node:path';
import { cache, has, installPackages, jestTotals, remove, run, say, tool, totalsLine } from './lib.mjs';
import { installServers } from './servers.mjs';

const report = join(cache, 'test.json');

await installPackages();
await installServers();
remove(report);
const args = ['--passWithNoTests=false', '--json', `--outputFile=${report}`, ...process.argv.slice(2)];
const { code } = await run(tool('jest'), args);
if (!has('memcached')) {
  say(
    'memcached is not installed, so only a part was tested: apt-get install memcached, or brew install memcached.',
  );
}
say(totalsLine(jestTotals(report)));
process.exitCode = code === 0 && !has('memcached') ? 1 : code;
