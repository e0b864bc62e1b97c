/**
 * The library under measurement: built from this checkout, or from another commit in a work tree of its own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchRoot, repositoryRoot } from './machine.mjs';

/** Imports `specifier` as a file inside `tree` would: the package finds itself by its own name. */
export async function importFromTree(tree, specifier) {
  const file = createRequire(path.join(tree, 'package.json')).resolve(specifier);
  return import(pathToFileURL(file).href);
}

/** A file of the build that the package does not offer to its users: for measuring a part alone. */
export const importFileOfTree = (tree, file) => import(pathToFileURL(path.join(tree, file)).href);

function npm(args, cwd) {
  try {
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`"npm ${args.join(' ')}" failed in ${cwd}:\n${said}`);
  }
}

/** Installs the peers once; the rest of the repository does without them. */
export function installPeers(say) {
  const { dependencies } = JSON.parse(readFileSync(path.join(benchRoot, 'package.json'), 'utf8'));
  const missing = Object.keys(dependencies).some(
    (name) => !existsSync(path.join(benchRoot, 'node_modules', name, 'package.json')),
  );
  if (!missing) return;
  say('Installing the peers into bench/node_modules ...');
  npm(['install', '--no-audit', '--no-fund'], benchRoot);
}

export function buildTree(tree, say) {
  say(`Building ${tree} ...`);
  npm(['run', 'build'], tree);
}

/**
 * Checks out `ref` beside this tree and builds it. It is removed when this process ends.
 * @returns its directory
 */
export function buildOther(ref, say) {
  const git = (...args) =>
    execFileSync('git', ['-C', repositoryRoot, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  let commit;
  try {
    commit = git('rev-parse', '--verify', `${ref}^{commit}`).trim();
  } catch {
    throw new Error(`There is no commit "${ref}" to compare with.`);
  }
  const parent = mkdtempSync(path.join(os.tmpdir(), 'bench-compare-'));
  const tree = path.join(parent, 'tree');
  process.on('exit', () => {
    try {
      git('worktree', 'remove', '--force', tree);
    } catch {
      // The directory goes with the next line, and git forgets a work tree that is gone.
    }
    rmSync(parent, { recursive: true, force: true });
  });
  git('worktree', 'add', '--detach', tree, commit);
  const same = (file) =>
    readFileSync(path.join(tree, file), 'utf8') === readFileSync(path.join(repositoryRoot, file), 'utf8');
  if (same('package-lock.json')) {
    symlinkSync(path.join(repositoryRoot, 'node_modules'), path.join(tree, 'node_modules'));
  } else {
    say(`Its dependencies differ; installing them in ${tree} ...`);
    npm(['install', '--no-audit', '--no-fund'], tree);
  }
  buildTree(tree, say);
  return tree;
}

/** The program of another Node version, from npm's `node` package, kept in bench/.cache. */
export function otherNode(version, say) {
  const directory = path.join(benchRoot, '.cache', `node-${version.replace(/[^\w.-]/g, '_')}`);
  const program = path.join(directory, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(program)) {
    say(`Installing Node ${version} ...`);
    npm(
      ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', directory, `node@${version}`],
      benchRoot,
    );
  }
  if (!existsSync(program)) throw new Error(`npm's package node@${version} brought no ${program}.`);
  return program;
}
