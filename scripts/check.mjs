/**
 * `npm run check`: everything that must hold before a change lands, cheapest first. `npm run check -- layers
 * types` runs only the steps named. A step that fails does not stop the others; the command then fails.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import {
  cache,
  fail,
  installPackages,
  jest,
  manifest,
  readJson,
  remove,
  run,
  say,
  secondsSince,
  tool,
  totalsLine,
} from './lib.mjs';
import { test } from './test.mjs';

const OK = { state: 'ok' };
const failed = (output) => ({ state: 'FAILED', output });
const warned = (output) => ({ state: 'warning', output });

/** Packed once for all the steps that look at it. */
const tarball = join(cache, 'pack', `${manifest.name}-${manifest.version}.tgz`);

/** What the test runs of this check counted. */
const totals = [];

/** Each step gives OK, a warning or a failure. What a step `needs` runs before it, and when it fails, instead of it. */
const steps = {
  lockfile: { does: 'every lock file names no registry and agrees with package.json', run: lockfile },
  lint: { does: 'biome: format and lint', run: () => command(tool('biome'), 'ci', '--colors=off') },
  types: { does: 'tsc: library, tests, sample application', run: types },
  layers: { does: 'dependency-cruiser: every import points downward, no cycle', run: layers },
  build: {
    does: 'the library, as ES modules and as CommonJS',
    run: async () => ((await build()) ? OK : failed()),
  },
  pack: { does: 'what npm would publish: the built files and nothing else', needs: 'build', run: pack },
  publint: { does: 'package.json fits what is packed', needs: 'pack', run: publint },
  attw: { does: 'types are found by every kind of resolution', needs: 'pack', run: attw },
  test: { does: 'npm test', run: tests },
  packed: { does: 'the packed package, installed in an empty folder', needs: 'pack', run: packed },
  compat: {
    does: "Keyv's own suite on Keyv 5 and 6, and the packed package beside Nest 11",
    needs: 'pack',
    run: compat,
  },
  audit: { does: 'npm audit of what users get', run: audit },
};

function chosen(names) {
  const unknown = names.find((name) => !Object.hasOwn(steps, name));
  if (unknown) fail(`There is no step "${unknown}". The steps are ${Object.keys(steps).join(', ')}.`);
  const withNeeded = (name) => (name === undefined ? [] : [...withNeeded(steps[name].needs), name]);
  const all = new Set(names.flatMap(withNeeded));
  return Object.keys(steps).filter((name) => names.length === 0 || all.has(name));
}

async function command(program, ...args) {
  const { code, output } = await run(program, args, { capture: true });
  return code === 0 ? OK : failed(output);
}

async function lockfile() {
  const { output } = await run('git', ['ls-files', '*package-lock.json'], { capture: true });
  const found = ['package-lock.json', ...output.split('\n')].filter((path) =>
    path.endsWith('package-lock.json'),
  );
  for (const path of new Set(found)) {
    const packages = Object.entries(readJson(path).packages);
    const named = packages.filter(([, { resolved }]) => /^https?:/.test(resolved ?? ''));
    if (named.length === 0) continue;
    return failed(
      `${path} names the registry of ${named.length} packages, ${named[0][0]} for one. Other people install from\n` +
        'other registries: set omit-lockfile-registry-resolved and run npm install.',
    );
  }
  const lock = readJson('package-lock.json').packages[''];
  const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'peerDependenciesMeta', 'engines'];
  const differs = kinds.filter((kind) => sorted(lock[kind]) !== sorted(manifest[kind]));
  if (differs.length === 0) return OK;
  return failed(`package-lock.json and package.json have different ${differs.join(', ')}: run npm install.`);
}

function sorted(record) {
  return JSON.stringify(Object.entries(record ?? {}).sort());
}

function types() {
  const info = join(cache, 'types.tsbuildinfo');
  return command(tool('tsc'), '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', info);
}

function layers() {
  return command(
    tool('depcruise'),
    'lib',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err-long',
  );
}

async function pack() {
  const folder = join(cache, 'pack');
  remove(folder);
  mkdirSync(folder, { recursive: true });
  const args = ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder];
  const { code, output } = await run('npm', args, { capture: true });
  if (code !== 0) return failed(output);
  const expected =
    /^(package\.json|README\.md|LICENSE|dist\/cjs\/package\.json|dist\/(esm|cjs)\/.+(\.js|\.d\.ts))$/;
  const files = JSON.parse(output.slice(output.indexOf('[')))[0].files.map(({ path }) => path);
  const strangers = files.filter((path) => !expected.test(path));
  const missing = ['README.md', 'LICENSE'].filter((path) => !files.includes(path));
  if (strangers.length > 0)
    return failed(`These files do not belong in the package:\n${strangers.join('\n')}`);
  if (missing.length > 0) return failed(`The package lacks ${missing.join(' and ')}.`);
  return OK;
}

function publint() {
  return command(tool('publint'), 'run', '--strict', tarball);
}

function attw() {
  return command(tool('attw'), '--no-color', '--no-emoji', tarball);
}

async function tests() {
  return counted(await test([]));
}

async function packed() {
  const args = ['--testMatch', '**/test/package/*.check.ts'];
  return counted(await jest('packed', args, { PACKED_TARBALL: tarball }));
}

function counted(result) {
  totals.push(result);
  return result.code === 0 ? OK : failed();
}

async function compat() {
  const { code } = await run(process.execPath, [join('test', 'compat', 'run.mjs')], {
    env: { PACKED_TARBALL: tarball },
  });
  return code === 0 ? OK : failed();
}

/** What users install with the package. No answer of the registry is no finding, so it does not fail the check. */
async function audit() {
  const args = ['audit', '--omit=dev', '--audit-level=high', '--json'];
  const { output } = await run('npm', args, { capture: true, timeout: 60_000 });
  const counts = /"vulnerabilities": (\{[^{}]*"total"[^{}]*\})/.exec(output)?.[1];
  if (!counts) return warned('The registry gave no answer.');
  const { high, critical } = JSON.parse(counts);
  return high + critical === 0 ? OK : failed(output);
}

function sum(list) {
  const add = (key) => list.reduce((total, each) => total + each[key], 0);
  return { passed: add('passed'), failed: add('failed'), skipped: add('skipped') };
}

const wanted = chosen(process.argv.slice(2));
const begin = performance.now();
const results = {};

await installPackages();
for (const name of wanted) {
  const { does, needs, run: runStep } = steps[name];
  say(`\n${name}: ${does}`);
  const start = performance.now();
  const result = results[needs]?.state === 'FAILED' ? failed(`Not run: ${needs} failed.`) : await runStep();
  results[name] = { ...result, time: secondsSince(start) };
  if (result.output) say(result.output.trimEnd());
  say(`${name}: ${result.state}, ${results[name].time}`);
}

say(`\nSummary (${secondsSince(begin)})`);
for (const name of wanted) say(`  ${name.padEnd(9)} ${results[name].state.padEnd(8)} ${results[name].time}`);
const ok = wanted.every((name) => results[name].state !== 'FAILED');
say(ok ? 'Everything holds.' : 'Something does not hold, see above.');
if (totals.length > 0) say(totalsLine(sum(totals)));
process.exitCode = ok ? 0 : 1;
