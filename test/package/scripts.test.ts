/**
 * The commands a newcomer types, in a clone with a jest, an npm and an apt-get that only note what they were
 * asked. What the real ones do is not tested here.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const isRoot = process.getuid?.() === 0;

/** A fresh clone, and a machine on which nothing is installed but node. */
class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), 'clone-'));
  readonly #bin = join(this.folder, 'bin');

  constructor() {
    cpSync(join(root, 'scripts'), join(this.folder, 'scripts'), { recursive: true });
    cpSync(join(root, 'package.json'), join(this.folder, 'package.json'));
    cpSync(join(root, 'package-lock.json'), join(this.folder, 'package-lock.json'));
    this.installed();
    this.jest({ numPassedTests: 3 });
    this.program('node', `exec ${process.execPath} "$@"`);
  }

  /** The packages of the lock file are there. */
  installed(): void {
    const lock = readFileSync(join(this.folder, 'package-lock.json'), 'utf8');
    this.write('node_modules/.package-lock.json', lock);
  }

  /** jest notes its arguments and reports these numbers; without numbers it crashes. */
  jest(report: Record<string, number> | undefined, code = 0): void {
    const numbers = {
      numPassedTests: 0,
      numFailedTests: 0,
      numRuntimeErrorTestSuites: 0,
      numPendingTests: 0,
      numTodoTests: 0,
    };
    const text = JSON.stringify({ ...numbers, ...report });
    const write = report === undefined ? '' : `echo '${text}' > .cache/test.json`;
    this.tool('jest', `${write}\nexit ${code}`);
  }

  /** A program on the PATH that notes what it was asked and then does this. */
  program(name: string, body = ''): void {
    this.script(
      join('bin', name),
      name === 'node' ? body : `echo "${name} $*" >> "${this.folder}/asked"\n${body}`,
    );
  }

  /** The same for a tool that the packages bring. */
  tool(name: string, body = ''): void {
    this.script(join('node_modules/.bin', name), `echo "${name} $*" >> asked\n${body}`);
  }

  script(path: string, body: string): void {
    this.write(path, `#!/bin/sh\n${body}\n`);
    chmodSync(join(this.folder, path), 0o755);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  run(script: string, ...args: string[]): { code: number | null; lines: string[] } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join('scripts', script), ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      env: { PATH: this.#bin, HOME: this.folder },
    });
    return { code: status, lines: `${stdout}${stderr}`.trimEnd().split('\n') };
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** What the tools and programs were asked, in order. */
  get asked(): string[] {
    return this.has('asked') ? readFileSync(join(this.folder, 'asked'), 'utf8').trimEnd().split('\n') : [];
  }
}

let clone: Clone;
beforeEach(() => {
  clone = new Clone();
});
afterEach(() => rmSync(clone.folder, { recursive: true, force: true }));

describe('npm test', () => {
  const hasServers = () => {
    clone.program('memcached');
    clone.program('nutcracker');
  };

  it('closes with the count, alone on the last line', () => {
    hasServers();
    const { code, lines } = clone.run('test.mjs');
    expect(lines.at(-1)).toBe('3 passed, 0 failed');
    expect(code).toBe(0);
  });

  it('hands what follows -- to jest', () => {
    hasServers();
    clone.run('test.mjs', 'test/cache', '-t', 'miss');
    expect(clone.asked.at(-1)).toMatch(/^jest .*--passWithNoTests=false test\/cache -t miss$/);
  });

  it('fails when a test failed, and counts a file that could not be loaded', () => {
    hasServers();
    clone.jest({ numPassedTests: 5, numFailedTests: 1, numRuntimeErrorTestSuites: 1, numPendingTests: 4 }, 1);
    const { code, lines } = clone.run('test.mjs');
    expect(lines.at(-1)).toBe('5 passed, 2 failed, 4 skipped');
    expect(code).toBe(1);
  });

  it('fails when jest died without a report', () => {
    hasServers();
    clone.jest(undefined, 0);
    const { code, lines } = clone.run('test.mjs');
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
    expect(code).toBe(1);
  });

  it('does not take the report of an earlier run for its own', () => {
    hasServers();
    clone.run('test.mjs');
    clone.jest(undefined, 1);
    expect(clone.run('test.mjs').lines.at(-1)).toBe('0 passed, 1 failed');
  });

  it('fails when no test ran at all', () => {
    hasServers();
    clone.jest({ numPendingTests: 7 });
    const { code, lines } = clone.run('test.mjs');
    expect(lines.at(-1)).toBe('0 passed, 0 failed, 7 skipped');
    expect(code).toBe(1);
  });

  it('tests what it can without memcached, then fails saying how to install it', () => {
    const { code, lines } = clone.run('test.mjs');
    expect(clone.asked).toEqual([expect.stringMatching(/^jest /)]);
    expect(lines.at(-2)).toContain('apt-get install memcached');
    expect(lines.at(-1)).toBe('3 passed, 0 failed');
    expect(code).toBe(1);
  });

  (isRoot ? it : it.skip)('installs memcached and nutcracker as root where there is apt-get', () => {
    const touch = (name: string) => `case "$*" in *" ${name}") echo > "${clone.folder}/bin/${name}";; esac`;
    clone.program('apt-get', ['memcached', 'nutcracker'].map(touch).join('\n'));
    const { code } = clone.run('test.mjs');
    expect(clone.asked).toEqual([
      'apt-get -qq -y update',
      'apt-get -qq -y install --no-install-recommends memcached',
      'apt-get -qq -y install --no-install-recommends nutcracker',
      expect.stringMatching(/^jest /),
    ]);
    expect(code).toBe(0);
  });

  it('installs the packages before anything else when they are missing', () => {
    hasServers();
    rmSync(join(clone.folder, 'node_modules/.package-lock.json'));
    clone.program('npm');
    const { lines } = clone.run('test.mjs');
    expect(clone.asked).toEqual([
      expect.stringMatching(/^npm install --no-save /),
      expect.stringMatching(/^jest /),
    ]);
    expect(lines[0]).toContain('Installing');
  });

  it('installs the packages again when the lock file names another version', () => {
    hasServers();
    const lock = JSON.parse(readFileSync(join(clone.folder, 'package-lock.json'), 'utf8'));
    lock.packages['node_modules/jest'].version = '99.0.0';
    clone.write('package-lock.json', JSON.stringify(lock));
    clone.program('npm');
    clone.run('test.mjs');
    expect(clone.asked[0]).toMatch(/^npm install /);
  });

  it('stops with the words of npm when the packages cannot be installed', () => {
    rmSync(join(clone.folder, 'node_modules/.package-lock.json'));
    clone.program('npm', 'echo no route to the registry; exit 1');
    const { code, lines } = clone.run('test.mjs');
    expect(lines).toContain('no route to the registry');
    expect(clone.asked).toHaveLength(1);
    expect(code).toBe(1);
  });
});

describe('npm run check', () => {
  it('runs the steps that are named, with what they need, and sums up', () => {
    const { code, lines } = clone.run('check.mjs', 'lockfile');
    expect(lines).toContainEqual(expect.stringMatching(/^lockfile: ok, \d+\.\d s$/));
    expect(lines.at(-1)).toBe('Everything holds.');
    expect(code).toBe(0);
  });

  it('says which steps there are when it is asked for another', () => {
    const { code, lines } = clone.run('check.mjs', 'layer');
    expect(lines.at(-1)).toMatch(/^There is no step "layer"\. The steps are lockfile, lint, types, layers, /);
    expect(code).toBe(1);
  });

  it('refuses a lock file that names a registry', () => {
    const lock = JSON.parse(readFileSync(join(clone.folder, 'package-lock.json'), 'utf8'));
    lock.packages['node_modules/jest'].resolved = 'https://registry.example/jest.tgz';
    clone.write('package-lock.json', JSON.stringify(lock));
    const { code, lines } = clone.run('check.mjs', 'lockfile');
    expect(lines.join('\n')).toContain(
      'package-lock.json names the registry of 1 packages, node_modules/jest for one',
    );
    expect(code).toBe(1);
  });

  it('refuses a lock file that package.json has outgrown', () => {
    const manifest = JSON.parse(readFileSync(join(clone.folder, 'package.json'), 'utf8'));
    manifest.devDependencies.jest = '^99.0.0';
    clone.write('package.json', JSON.stringify(manifest));
    const { code, lines } = clone.run('check.mjs', 'lockfile');
    expect(lines).toContain(
      'package-lock.json and package.json have different devDependencies: run npm install.',
    );
    expect(code).toBe(1);
  });

  it('does not pack what could not be built, runs the rest and fails', () => {
    clone.tool('tsc', 'echo "lib/index.ts(1,1): error"; exit 1');
    const { code, lines } = clone.run('check.mjs', 'publint', 'lockfile');
    expect(lines).toContain('The library could not be built.');
    expect(lines).toContain('Not run: pack failed.');
    expect(lines).toContainEqual(expect.stringMatching(/^lockfile: ok/));
    expect(lines.at(-1)).toBe('Something does not hold, see above.');
    expect(code).toBe(1);
  });

  it.each([
    {
      answer: '{"metadata":{"vulnerabilities": {"high": 0, "critical": 0, "total": 0}}}',
      state: 'ok',
      code: 0,
    },
    {
      answer: '{"metadata":{"vulnerabilities": {"high": 1, "critical": 0, "total": 1}}}',
      state: 'FAILED',
      code: 1,
    },
    { answer: '{"error": {"summary": "", "detail": ""}}', state: 'warning', code: 0 },
  ])('takes $answer of npm audit for $state', ({ answer, state, code }) => {
    clone.program('npm', `echo '${answer}'; exit 1`);
    const result = clone.run('check.mjs', 'audit');
    expect(result.lines).toContainEqual(expect.stringMatching(new RegExp(`^audit: ${state},`)));
    expect(result.code).toBe(code);
  });
});

describe('npm run build', () => {
  it('removes the output of a source that is gone, and keeps the others', () => {
    clone.tool('tsc');
    clone.write('lib/kept.ts', '');
    for (const name of ['kept', 'gone']) {
      clone.write(`dist/esm/${name}.js`, '');
      clone.write(`dist/cjs/${name}.d.ts`, '');
    }
    expect(clone.run('build.mjs').code).toBe(0);
    expect(
      ['esm/kept.js', 'cjs/kept.d.ts', 'esm/gone.js', 'cjs/gone.d.ts'].map((file) =>
        clone.has(`dist/${file}`),
      ),
    ).toEqual([true, true, false, false]);
  });

  it('fails with the words of the compiler', () => {
    clone.tool('tsc', 'echo "lib/index.ts(1,1): error"; exit 1');
    const { code, lines } = clone.run('build.mjs');
    expect(lines).toContain('lib/index.ts(1,1): error');
    expect(code).toBe(1);
  });
});

describe('npm start', () => {
  const builds = () => clone.asked.map((line) => line.split(' ')[0]);
  beforeEach(() => {
    clone.tool('tsc');
    clone.tool(
      'nest',
      `/bin/mkdir -p dist/sample-app; echo 'console.log("serving");' > dist/sample-app/main.js`,
    );
    clone.write('lib/core/index.ts', '');
    clone.write('sample-app/main.ts', '');
  });

  it('builds the library, compiles the application and runs it', () => {
    const { code, lines } = clone.run('start.mjs');
    expect(builds()).toEqual(['tsc', 'tsc', 'nest']);
    expect(lines.at(-1)).toBe('serving');
    expect(code).toBe(0);
  });

  it('skips at the second start what is up to date', () => {
    clone.run('start.mjs');
    expect(clone.run('start.mjs').lines).toEqual(['serving']);
    expect(builds()).toEqual(['tsc', 'tsc', 'nest']);
  });

  it('builds again when a file of the library changed, and when one is gone', () => {
    clone.run('start.mjs');
    clone.write('lib/core/index.ts', 'export {};');
    clone.run('start.mjs');
    rmSync(join(clone.folder, 'lib/core/index.ts'));
    clone.run('start.mjs');
    expect(builds().filter((tool) => tool === 'tsc')).toHaveLength(6);
  });

  it('compiles only the application when only that changed', () => {
    clone.run('start.mjs');
    clone.write('sample-app/main.ts', 'export {};');
    clone.run('start.mjs');
    expect(builds()).toEqual(['tsc', 'tsc', 'nest', 'nest']);
  });

  it('does not run an application that could not be compiled', () => {
    clone.tool('nest', 'echo "sample-app/main.ts(1,1): error"; exit 1');
    const { code, lines } = clone.run('start.mjs');
    expect(lines).toContain('sample-app/main.ts(1,1): error');
    expect(code).toBe(1);
  });
});
