/**
 * The entries of the package, held against each other: what `exports` promises, what older resolvers are
 * told, and what there is to build.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries: string[] = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith('.json'));

describe('the entries of the package', () => {
  it.each(entries)(
    '%s is the same build for import and require on Node, and CommonJS for the others',
    (subpath) => {
      const path = join(subpath, 'index');
      const build = (format: string) => ({
        types: `./dist/${format}/${path}.d.ts`,
        default: `./dist/${format}/${path}.js`,
      });
      expect(Object.entries(manifest.exports[subpath])).toEqual([
        ['module-sync', build('esm')],
        ['import', build('esm')],
        ['require', build('cjs')],
      ]);
    },
  );

  it.each(entries)('%s has a source', (subpath) => {
    expect(existsSync(join(root, 'lib', subpath, 'index.ts'))).toBe(true);
  });

  it('are told to resolvers that do not read exports', () => {
    const types = (subpath: string) => manifest.exports[subpath].require.types;
    expect(manifest.main).toBe(manifest.exports['.'].require.default);
    expect(manifest.types).toBe(types('.'));
    expect(manifest.typesVersions['*']).toEqual(
      Object.fromEntries(
        entries.filter((subpath) => subpath !== '.').map((subpath) => [subpath.slice(2), [types(subpath)]]),
      ),
    );
  });

  it('bring one small package into an application, and ask for no more than Nest', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['lru-cache']);
    const required = Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    );
    expect(required).toEqual(['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs']);
  });
});
