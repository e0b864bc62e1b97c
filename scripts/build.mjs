/**
 * Builds the library twice from the same sources: dist/esm for `import`, dist/cjs for `require`.
 *
 * Node takes dist/esm for both (the `module-sync` condition), so a process never holds two copies of a class;
 * dist/cjs serves bundlers and test runners that only know `require`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  entries,
  filesBelow,
  installPackages,
  isStarted,
  isUpToDate,
  remove,
  root,
  run,
  say,
  secondsSince,
  tool,
  writeText,
} from './lib.mjs';

const stamp = join(root, 'dist', '.built');
const sources = ['lib', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.build-cjs.json'];

/** Builds what changed. False, and said why, when the compiler finds an error. */
export async function build() {
  const start = performance.now();
  remove(stamp);
  for (const format of ['esm', 'cjs']) removeLeftovers(format);
  const results = await Promise.all([
    run(tool('tsc'), ['-p', 'tsconfig.build.json'], { capture: true }),
    run(tool('tsc'), ['-p', 'tsconfig.build-cjs.json'], { capture: true }),
  ]);
  const failed = results.find(({ code }) => code !== 0);
  if (failed) {
    say(`${failed.output}The library could not be built.`);
    return false;
  }
  writeText(join(root, 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
  for (const { subpath, folder } of entries) {
    const entry = join('lib', folder, 'index.ts');
    if (!existsSync(join(root, entry))) say(`package.json exports "${subpath}", but there is no ${entry}.`);
  }
  writeText(stamp, '');
  say(`Built dist/esm and dist/cjs in ${secondsSince(start)}.`);
  return true;
}

export async function buildIfStale() {
  return isUpToDate(stamp, sources) || build();
}

/** The compiler leaves the outputs of a source that was removed or renamed. */
function removeLeftovers(format) {
  const folder = join(root, 'dist', format);
  for (const output of filesBelow(folder)) {
    const source = output.replace(/(\.d\.ts|\.js)$/, '.ts');
    if (source !== output && !existsSync(join(root, 'lib', source))) remove(join(folder, output));
  }
}

if (isStarted(import.meta)) {
  await installPackages();
  process.exitCode = (await build()) ? 0 : 1;
}
