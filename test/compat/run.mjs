/**
 * Holds the product against what is not its own: `node test/compat/run.mjs`, or `npm run check -- compat`.
 * The packages for it are installed in this folder and the next, so that `npm install` in the root does not
 * bring them; everything else (servers, caches) is the product's.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cache, fail, readJson, remove, root, run, say } from '../../scripts/lib.mjs';

const here = join('test', 'compat');
const nest11 = join(here, 'nest-11');

await install(here);
await install(nest11);
const suites = await run(join(root, here, 'node_modules', '.bin', 'vitest'), ['run'], {
  cwd: join(root, here),
});
await unpack(process.env.PACKED_TARBALL ?? (await pack()));
const onNest11 = await run(process.execPath, ['--test', join(nest11, 'nest-11.test.mjs')]);
process.exitCode = suites.code || onNest11.code;

/** npm writes what it installed to node_modules/.package-lock.json. Optional packages differ by platform. */
async function install(folder) {
  const record = join(folder, 'node_modules', '.package-lock.json');
  const locked = Object.entries(readJson(join(folder, 'package-lock.json')).packages);
  const installed = existsSync(join(root, record)) ? readJson(record).packages : {};
  const isCurrent = locked.every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || optional || devOptional || installed[path]?.version === version,
  );
  if (isCurrent) return;
  say(`Installing the packages of ${folder} ...`);
  const args = ['install', '--no-save', '--loglevel=error'];
  const { code, output } = await run('npm', args, { capture: true, cwd: join(root, folder) });
  if (code !== 0) fail(`${output}\nnpm install in ${folder} ended with ${code}.`);
}

async function pack() {
  const folder = join(cache, 'compat');
  remove(folder);
  mkdirSync(folder, { recursive: true });
  const { code, output } = await run('npm', ['pack', '--loglevel=error', '--pack-destination', folder], {
    capture: true,
  });
  if (code !== 0) fail(`${output}\nnpm pack ended with ${code}.`);
  return join(folder, output.trim().split('\n').at(-1));
}

/** As npm would, without asking a registry: the peers are there already. */
async function unpack(tarball) {
  const target = join(root, nest11, 'node_modules', 'nestjs-memcached-pool');
  remove(target);
  mkdirSync(target, { recursive: true });
  const { code, output } = await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'], {
    capture: true,
  });
  if (code !== 0) fail(`${output}\n${tarball} could not be unpacked.`);
}
