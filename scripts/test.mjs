/**
 * `npm test`: works right after `git clone`. Installs what is missing, runs jest with whatever arguments
 * follow `--`, and closes with the line `N passed, N failed`.
 *
 * Where no memcached can be had, the tests against the in-process server still run; the others skip
 * themselves, and the command fails saying so: half a test run must not look like a whole one.
 */
import { has, installPackages, isStarted, jest, say, totalsLine } from './lib.mjs';
import { installServers } from './servers.mjs';

/** Runs the tests; `code` is 0 when there were some, and all of them could run and passed. */
export async function test(args) {
  await installServers();
  const result = await jest('test', ['--passWithNoTests=false', ...args]);
  if (result.passed + result.failed === 0) return { ...result, code: result.code || 1 };
  if (has('memcached')) return result;
  say(
    'memcached is not installed, so only a part was tested: apt-get install memcached, or brew install memcached.',
  );
  return { ...result, code: result.code || 1 };
}

if (isStarted(import.meta)) {
  await installPackages();
  const result = await test(process.argv.slice(2));
  say(totalsLine(result));
  process.exitCode = result.code;
}
