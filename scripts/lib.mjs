/**
 * What the scripts share: running commands, installing what is missing, knowing what is up to date.
 *
 * Invariant: plain Node and nothing else, because these files run in a fresh clone, before any install.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Results and stamps of the scripts themselves; may be removed at any time. */
export const cache = join(root, '.cache');

export const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

export function writeText(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

export const manifest = readJson('package.json');

/** The package's entries, each with the folder of `lib` it is built from: `exports` is the only list. */
export const entries = Object.keys(manifest.exports)
  .filter((subpath) => !subpath.endsWith('.json'))
  .map((subpath) => ({ subpath, folder: subpath.slice(2) }));

export const say = (line) => console.log(line);
export const secondsSince = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/** Whether a script is the one that was started, and not imported by another: `isStarted(import.meta)`. */
export const isStarted = ({ url }) => realpathSync(process.argv[1]) === fileURLToPath(url);

/** Ends the process with one sentence. */
export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/**
 * Runs a command in the root and waits for its end. Never throws: `code` is 0 when all went well.
 * With `capture` its output is returned instead of shown.
 */
export function run(command, args, { capture = false, cwd = root, env = {}, timeout } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      timeout,
      env: { ...process.env, ...env },
      stdio: capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.on('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

/** A tool that the development packages bring. */
export const tool = (name) => join(root, 'node_modules', '.bin', name);

/** Whether a program is on the PATH. */
export const has = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => folder && existsSync(join(folder, program)));

/** Installs the packages of a folder when they are missing or not the ones its package-lock.json names. */
export async function installPackages(folder = '.') {
  if (packagesAreInstalled(folder)) return;
  const whose = folder === '.' ? 'development packages' : `packages of ${folder}`;
  say(`Installing the ${whose} (a minute or so, only when they changed) ...`);
  const start = performance.now();
  // `npm ci` refuses a lock file made where a registry lacked some platform's binaries; `--no-save` leaves
  // package-lock.json as it is.
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await run('npm', args, { capture: true, cwd: join(root, folder) });
  if (code !== 0) fail(`${output}\nThe ${whose} could not be installed: npm install ended with ${code}.`);
  say(`Installed in ${secondsSince(start)}.`);
}

/** npm writes what it installed to node_modules/.package-lock.json. Optional packages differ by platform. */
function packagesAreInstalled(folder) {
  const record = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(join(root, record))) return false;
  const installed = readJson(record).packages;
  return Object.entries(readJson(join(folder, 'package-lock.json')).packages).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || optional || devOptional || installed[path]?.version === version,
  );
}

/** Whether `stamp` is younger than every file and folder named, however deep. */
export function isUpToDate(stamp, sources) {
  const made = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && sources.every((source) => newest(join(root, source)) < made);
}

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  // A folder's own time tells of files that were removed.
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Every file below a folder, as paths relative to it. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

export const remove = (path) => rmSync(path, { recursive: true, force: true });

/** Runs jest and counts. A file that could not be loaded counts as one failure, and so does jest itself. */
export async function jest(name, args, env) {
  const report = join(cache, `${name}.json`);
  remove(report);
  mkdirSync(cache, { recursive: true });
  const { code } = await run(tool('jest'), ['--json', `--outputFile=${report}`, ...args], { env });
  if (!existsSync(report)) return { code: code || 1, passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  return {
    code,
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** The line that closes a test run, alone on its line. */
export function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
