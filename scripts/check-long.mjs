/**
 * `npm run check:long`: what takes minutes. Every pair of splits, two minutes of fuzzing, the measured bounds (on a
 * machine with something else to do they may fail), the hammer on one expiring key, then two minutes of soak.
 */
import { has, installPackages, jest, run, say, totalsLine } from './lib.mjs';
import { installServers } from './servers.mjs';

await installPackages();
await installServers();
if (!has('memcached'))
  say('memcached is not installed: apt-get install memcached, or brew install memcached.');

const LONG = ['**/test/faults/splits.test.ts', '**/test/faults/fuzz.test.ts', '**/test/long/*.long.ts'];
const args = ['--runInBand', '--testPathIgnorePatterns', '/node_modules/', '--testMatch', ...LONG];
const result = await jest('long', args, { CHECK_LONG: '1' });

say('\nTwo minutes of soak');
const soak = await run('npm', ['run', '--silent', 'soak', '--', '--minutes', '2']);

say(`Soak: ${soak.code === 0 ? 'ok' : 'FAILED'}`);
say(totalsLine(result));
process.exitCode = result.code || soak.code;
