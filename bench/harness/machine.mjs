/**
 * What a figure was measured on: processor, kernel, versions of everything that took part.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const benchRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const repositoryRoot = path.resolve(benchRoot, '..');

/** First line of what a program prints, or `undefined` when it is not there. */
export function firstLine(command, args, options = {}) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], ...options })
      .split('\n')[0]
      .trim();
  } catch {
    return undefined;
  }
}

/** The installed version of a peer, read from its own package.json. */
export function packageVersion(name) {
  try {
    const file = path.join(benchRoot, 'node_modules', name, 'package.json');
    return JSON.parse(readFileSync(file, 'utf8')).version;
  } catch {
    return undefined;
  }
}

export function describeMachine(nodePath = process.execPath) {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    load: Number(os.loadavg()[0].toFixed(2)),
    node: firstLine(nodePath, ['--version'])?.slice(1),
    memcached: firstLine('memcached', ['-V'])?.replace('memcached ', ''),
    redis: /v=(\S+)/.exec(firstLine('redis-server', ['--version']) ?? '')?.[1],
  };
}

/** Commit of a tree, with a mark when files differ from it; never where it lies on this machine. */
export function describeTree(tree) {
  const git = (...args) => firstLine('git', ['-C', tree, ...args]);
  const commit = git('rev-parse', '--short=12', 'HEAD');
  if (commit === undefined) return { commit: 'unknown', changed: false };
  return { commit, changed: Boolean(git('status', '--porcelain', '--', 'lib')) };
}

/** What names the code that the rows measure, as it was in a commit; `undefined` when that is not known here. */
export const coreOf = (commit) =>
  firstLine('git', ['-C', repositoryRoot, 'rev-parse', '--verify', `${commit}:lib/core`]);
