/**
 * Brings memcached and nutcracker (twemproxy) for the tests where that can be done unasked: as root or in
 * CI, where there is apt-get. Elsewhere it does nothing, and the tests say what is missing.
 *
 * Invariant: never asks for more rights, and never lets the packages start their services.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { has, run, say, secondsSince } from './lib.mjs';

const programs = ['memcached', 'nutcracker'];

export async function installServers() {
  const missing = programs.filter((program) => !has(program));
  const mayInstall = process.getuid?.() === 0 || Boolean(process.env.CI);
  if (missing.length === 0 || !mayInstall || !has('apt-get')) return;
  say(`Installing ${missing.join(' and ')} with apt-get ...`);
  const start = performance.now();
  const results = [await aptGet('update')];
  for (const program of missing) {
    results.push(await withoutServices(() => aptGet('install', '--no-install-recommends', program)));
  }
  const still = programs.filter((program) => !has(program));
  if (still.length === 0) say(`Installed in ${secondsSince(start)}.`);
  else
    say(`${results.map(({ output }) => output).join('')}apt-get could not install ${still.join(' and ')}.`);
}

function aptGet(...args) {
  return run('apt-get', ['-qq', '-y', ...args], {
    capture: true,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Debian starts a service as it installs it, unless this program (a convention of invoke-rc.d) says no. */
async function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  // A machine that has a policy of its own (every container image has) keeps it.
  if (process.getuid?.() !== 0 || existsSync(policy)) return install();
  const lift = () => rmSync(policy, { force: true });
  const stop = () => process.exit(130);
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.once('exit', lift).once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await install();
  } finally {
    lift();
    process.off('exit', lift).off('SIGINT', stop).off('SIGTERM', stop);
  }
}
