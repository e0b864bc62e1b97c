/**
 * The packed package as a user meets it: installed in an empty folder beside Nest 12 and Nest 11, loaded by
 * `import` and by `require`, compiled against, and run. Needs a registry, so `npm run check` runs it and
 * `npm test` does not.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const tarball = process.env.PACKED_TARBALL ?? '';
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith('.json'));
const optional = Object.keys(manifest.peerDependenciesMeta);

/** Entries that exist to serve one optional package, and may ask for it by failing without it. */
const servesOptional: Record<string, string> = { './keyv': 'keyv', './terminus': '@nestjs/terminus' };

/** What became of loading an entry: the names it exports, or the error. */
interface Loaded {
  names?: string[];
  code?: string;
  message?: string;
}

/** Only guards against a hang: a slow registry needs minutes. */
jest.setTimeout(600_000);

describe.each([{ nest: 12 }, { nest: 11 }])('the packed package beside Nest $nest', ({ nest }) => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), `packed-nest-${nest}-`));
    write('package.json', JSON.stringify({ name: 'consumer', private: true }));
    install(tarball, `@nestjs/common@^${nest}`, `@nestjs/core@^${nest}`, 'reflect-metadata@^0.2', 'rxjs@^7');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe('and nothing else', () => {
    it.each(['import', 'require'] as const)(
      'loads every entry by %s, or names the missing package',
      (how) => {
        for (const [subpath, { names, code, message }] of Object.entries(load(how))) {
          const missing = servesOptional[subpath];
          if (names === undefined && missing !== undefined) {
            expect(code).toMatch(/MODULE_NOT_FOUND$/);
            expect(message).toContain(`'${missing}'`);
          } else {
            expect({ subpath, message, count: names?.length }).toEqual({
              subpath,
              count: expect.any(Number),
            });
            expect(names).not.toEqual([]);
          }
        }
      },
    );

    it('installs no optional package', () => {
      const installed = JSON.parse(read('node_modules/.package-lock.json')).packages;
      expect(optional.filter((name) => installed[`node_modules/${name}`] !== undefined)).toEqual([]);
    });

    it('is one and the same class for import and require, and in every entry', () => {
      write(
        'identity.mjs',
        `import { createRequire } from 'node:module';
        const require = createRequire(import.meta.url);
        import * as main from 'nestjs-memcached-pool';
        import * as core from 'nestjs-memcached-pool/core';
        import * as cache from 'nestjs-memcached-pool/cache';
        const names = ['MemcachedPool', 'MemcachedError', 'MemcachedTimeoutError'];
        const same = names.every((name) => typeof core[name] === 'function' && core[name] === main[name]
          && core[name] === require('nestjs-memcached-pool')[name]
          && core[name] === require('nestjs-memcached-pool/core')[name]);
        const sameCache = typeof cache.MemcachedCache === 'function' && cache.MemcachedCache === main.MemcachedCache
          && cache.MemcachedCache === require('nestjs-memcached-pool/cache').MemcachedCache;
        console.log(JSON.stringify({ same, sameCache }));`,
      );
      expect(JSON.parse(node('identity.mjs'))).toEqual({ same: true, sameCache: true });
    });

    it.each(['mjs', 'cjs'])('runs in an application written as .%s', (extension) => {
      const names = ['{ NestFactory }', '{ MemcachedPool, MemcachedPoolModule }', '{ TestMemcached }'];
      const sources = ['@nestjs/core', 'nestjs-memcached-pool', 'nestjs-memcached-pool/testing'];
      const load = (name: string, source: string | undefined) =>
        extension === 'mjs' ? `import ${name} from '${source}';` : `const ${name} = require('${source}');`;
      write(
        `app.${extension}`,
        `${extension === 'mjs' ? "import 'reflect-metadata';" : "require('reflect-metadata');"}
        ${names.map((name, index) => load(name, sources[index])).join('\n')}
        class AppModule {}
        async function main() {
          const server = await TestMemcached.start();
          const imports = [MemcachedPoolModule.forRoot({ nodes: [server.address] })];
          const app = await NestFactory.createApplicationContext({ module: AppModule, imports }, { logger: false });
          const pool = app.get(MemcachedPool);
          await pool.set('greeting', 'hello');
          console.log(await pool.get('greeting'));
          await app.close();
          await server.stop();
        }
        main();`,
      );
      expect(node(`app.${extension}`)).toBe('hello\n');
    });
  });

  describe('and the optional packages', () => {
    beforeAll(() => {
      install(...optional.map((name) => `${name}@${name.startsWith('@nestjs/') ? `^${nest}` : '^5'}`));
    });

    it('loads the same names by import, by require and from the files for bundlers', () => {
      const loaded = load('import');
      expect(Object.values(loaded).every(({ names }) => names !== undefined && names.length > 0)).toBe(true);
      expect(load('require')).toEqual(loaded);
      expect(load('bundled')).toEqual(loaded);
    });

    // The two that also check the declarations of every package, each once per build of ours, take longest.
    it.each([
      { kind: 'nodenext, ES module', file: 'consumer.mts', module: 'nodenext', skipLibCheck: false },
      { kind: 'nodenext, CommonJS', file: 'consumer.cts', module: 'nodenext', skipLibCheck: true },
      { kind: 'a bundler', file: 'consumer.ts', module: 'esnext', skipLibCheck: true },
      { kind: 'CommonJS', file: 'consumer.ts', module: 'commonjs', skipLibCheck: false },
    ])('type-checks with $kind', ({ file, module, skipLibCheck }) => {
      const moduleResolution = module === 'nodenext' ? 'nodenext' : 'bundler';
      expect(compile(file, { module, moduleResolution, skipLibCheck })).toEqual([]);
    });
  });

  function install(...packages: string[]): void {
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', ...packages];
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  }

  function load(how: 'import' | 'require' | 'bundled'): Record<string, Loaded> {
    const names = entries.map((subpath) => [subpath, `nestjs-memcached-pool${subpath.slice(1)}`] as const);
    const bundled = entries.map((subpath) => {
      const file = manifest.exports[subpath].require.default;
      return [subpath, join(folder, 'node_modules/nestjs-memcached-pool', file)] as const;
    });
    const from = how === 'import' ? 'await import(source)' : 'require(source)';
    const file = how === 'import' ? 'load.mjs' : 'load.cjs';
    write(
      file,
      `const sources = ${JSON.stringify(how === 'bundled' ? bundled : names)};
      async function main() {
        const loaded = {};
        for (const [subpath, source] of sources) {
          try {
            const names = Object.keys(${from}).filter((name) => name !== 'default' && name !== '__esModule');
            loaded[subpath] = { names: names.sort() };
          } catch ({ code, message }) {
            loaded[subpath] = { code, message };
          }
        }
        console.log(JSON.stringify(loaded));
      }
      main();`,
    );
    return JSON.parse(node(file));
  }

  /** What the compiler says of the consumer and of this package; the declarations of others are their affair. */
  function compile(file: string, options: Record<string, unknown>): string[] {
    write(
      file,
      `${entries.map((subpath, index) => `import * as entry${index} from 'nestjs-memcached-pool${subpath.slice(1)}';`).join('\n')}
      import { MemcachedPool } from 'nestjs-memcached-pool';
      import type { MemcachedPool as PoolOfCore } from 'nestjs-memcached-pool/core';
      export const entries = [${entries.map((_, index) => `entry${index}`).join(', ')}];
      export const pool: PoolOfCore = new MemcachedPool({ nodes: '127.0.0.1', commandTimeout: '1s' });
      export const value: Promise<string | undefined> = pool.get<string>('key');
      // @ts-expect-error a misspelt option does not compile
      new MemcachedPool({ nods: '127.0.0.1' });
      // @ts-expect-error a key is text
      pool.get(1);`,
    );
    const compilerOptions = {
      ...options,
      target: 'es2022',
      strict: true,
      noEmit: true,
      esModuleInterop: true,
      typeRoots: [join(root, 'node_modules/@types')],
      types: ['node'],
    };
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return stdout
      .split('\n')
      .filter(
        (line) =>
          line !== '' && (!line.startsWith('node_modules/') || line.includes('nestjs-memcached-pool')),
      );
  }

  function node(file: string): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${file} ended with ${status}:\n${stderr}`);
    return stdout;
  }

  function write(path: string, text: string): void {
    writeFileSync(join(folder, path), text);
  }

  function read(path: string): string {
    return readFileSync(join(folder, path), 'utf8');
  }
});

if (tarball === '') throw new Error('Run this by `npm run check -- packed`: it needs the packed package.');
