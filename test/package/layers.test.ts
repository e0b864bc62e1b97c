/**
 * The rules of .dependency-cruiser.cjs, each fed a wrong arrow in a model of the house, to see that its
 * sentence comes, and no other.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');

interface Rule {
  name: string;
  comment: string;
}

const { forbidden: rules } = createRequire(__filename)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: Rule[];
};

/** A file in lib/, what it imports, and the names of the rules that must complain. */
type Arrow = readonly [file: string, code: string, ...rules: string[]];

const downward: Arrow[] = [
  ['core/command/down.ts', `import '../base/room.js'`],
  ['core/protocol/down.ts', `import '../command/room.js'; import '../base/room.js'; import 'node:buffer'`],
  ['core/value/down.ts', `import '../command/room.js'; import '../base/room.js'; import 'node:zlib'`],
  ['core/routing/down.ts', `import '../base/room.js'; import 'node:crypto'`],
  ['core/connection/down.ts', `import '../protocol/room.js'; import '../value/room.js'; import 'node:net'`],
  ['core/node/down.ts', `import '../connection/room.js'; import './blacklist.js'`],
  ['core/node/blacklist.ts', `import type { Room } from '../base/room.js'`],
  ['core/node/blacklist-options.ts', `import '../protocol/room.js'; import 'node:net'`],
  ['core/discovery/down.ts', `import '../node/room.js'; import '../routing/room.js'; import 'node:dns'`],
  [
    'core/pool/down.ts',
    `import '../discovery/room.js'; import '../routing/room.js'; import '../base/room.js'`,
  ],
  ['core/index.ts', `export * from './pool/room.js'; export * from './base/room.js'`],
  ['cache/down.ts', `import '../core/pool/room.js'; import '../core/base/room.js'; import 'lru-cache'`],
  ['nest/down.ts', `import '../cache/room.js'; import '@nestjs/common'; import 'rxjs'`],
  ['keyv/down.ts', `import '../cache/room.js'; import '../nest/room.js'; import type { Keyv } from 'keyv'`],
  ['terminus/down.ts', `import '../nest/room.js'; import '@nestjs/terminus'`],
  ['telemetry/down.ts', `import '../core/base/room.js'`],
  ['testing/down.ts', `import '../core/base/room.js'; import 'node:net'`],
  ['index.ts', `export * from './core/index.js'; export * from './nest/room.js'`],
];

const wrong: Arrow[] = [
  ['core/base/wrong.ts', `import '../command/room.js'`, 'room core/base'],
  ['core/base/wrong-type.ts', `import type { Room } from '../pool/room.js'`, 'room core/base'],
  ['core/base/wrong-inline.ts', `export type A = import('../pool/room.js').Room`, 'room core/base'],
  ['core/command/wrong.ts', `export { Room } from '../protocol/room.js'`, 'room core/command'],
  ['core/protocol/wrong.ts', `import '../value/room.js'`, 'room core/protocol'],
  ['core/value/wrong.ts', `import '../protocol/room.js'`, 'room core/value'],
  ['core/routing/wrong.ts', `import '../command/room.js'`, 'room core/routing'],
  ['core/connection/wrong.ts', `import '../node/room.js'`, 'room core/connection'],
  ['core/connection/routes.ts', `import '../routing/room.js'`, 'room core/connection'],
  ['core/node/wrong.ts', `import '../discovery/room.js'`, 'room core/node'],
  ['core/discovery/wrong.ts', `import '../pool/room.js'`, 'room core/discovery'],
  ['core/pool/wrong.ts', `await import('../../cache/room.js')`, 'room core/pool'],
  ['cache/wrong.ts', `import '../nest/room.js'`, 'room cache'],
  ['nest/wrong.ts', `import '../keyv/room.js'`, 'room nest'],
  ['keyv/wrong.ts', `import '../terminus/room.js'`, 'room keyv'],
  ['terminus/wrong.ts', `import '../keyv/room.js'`, 'room terminus'],
  ['throttler/wrong.ts', `import '../keyv/room.js'`, 'room throttler'],
  ['telemetry/wrong.ts', `import '../core/pool/room.js'`, 'room telemetry'],
  ['testing/wrong.ts', `import type { Room } from '../core/protocol/room.js'`, 'room testing'],
  ['nest/tests.ts', `import '../testing/room.js'`, 'room nest'],

  ['core/pool/nest.ts', `import type { Module } from '@nestjs/common'`, 'packages of core'],
  ['core/value/keyv.ts', `import 'keyv'`, 'packages of core'],
  ['cache/rxjs.ts', `import 'rxjs'`, 'packages of cache'],
  ['nest/keyv.ts', `import 'keyv'`, 'packages of nest'],
  ['keyv/terminus.ts', `import '@nestjs/terminus'`, 'packages of keyv'],
  ['terminus/keyv.ts', `import 'keyv'`, 'packages of terminus'],
  ['throttler/keyv.ts', `import 'keyv'`, 'packages of throttler'],
  ['telemetry/nest.ts', `import '@nestjs/common'`, 'packages of telemetry'],
  ['testing/nest.ts', `import '@nestjs/common'`, 'packages of testing'],
  ['terminus/undeclared.ts', `import 'left-pad'`, 'packages of terminus', 'declared packages'],

  ['core/base/sleeps.ts', `import 'node:timers/promises'`, 'no input and output in core/base'],
  ['core/command/reads.ts', `import 'node:fs'`, 'no input and output in core/command'],
  ['core/protocol/connects.ts', `import 'node:net'`, 'no input and output in core/protocol'],
  [
    'core/protocol/encrypts.ts',
    `import type { TLSSocket } from 'node:tls'`,
    'no input and output in core/protocol',
  ],
  ['core/protocol/waits.ts', `import 'timers'`, 'no input and output in core/protocol'],
  ['core/value/streams.ts', `import 'node:stream'`, 'no input and output in core/value'],
  ['core/routing/asks.ts', `import 'node:dns/promises'`, 'no input and output in core/routing'],
  ['core/index/wrong.ts', `import '../base/room.js'`, 'a room for every file'],
  ['helpers/wrong.ts', `import '../core/base/room.js'`, 'a room for every file'],

  ['nest/barrel.ts', `import '../core/index.js'`, 'no barrel inside'],
  ['nest/own-name.ts', `import 'nestjs-memcached-pool'`, 'room nest', 'no barrel inside'],
  ['core/pool/test.ts', `import '../../../test/support.js'`, 'library only'],
  ['core/pool/built.ts', `import '../../../dist/esm/index.js'`, 'library only'],
  ['core/pool/lost.ts', `import './nowhere.js'`, 'found'],
  ['core/pool/circle-a.ts', `import type { B } from './circle-b.js'; export type A = B`, 'no cycle'],
];

/** Files of which there is only one: their other wrong arrows need houses of their own. */
const wrongElsewhere: Arrow[] = [
  ['core/node/blacklist.ts', `import 'node:timers'`, 'no input and output in core/node/blacklist.ts'],
  ['core/index.ts', `export * from '../cache/room.js'`, 'core entry'],
  ['index.ts', `export * from './keyv/room.js'`, 'main entry'],
];
const wrongBlacklist: Arrow[] = [['core/node/blacklist.ts', `import './room.js'`, 'blacklist stands alone']];

const packages = ['@nestjs/common', '@nestjs/terminus', 'keyv', 'left-pad', 'lru-cache', 'rxjs'];

let folder: string;
/** What was complained about, as `file: rule name: sentence`. */
let complaints: string[];

describe('the layer check', () => {
  describe.each([
    { house: 'with arrows in all directions', right: downward, wrong },
    { house: 'with wrong entries', right: [], wrong: wrongElsewhere },
    { house: 'with a blacklist that knows its node', right: [], wrong: wrongBlacklist },
  ])('on a house $house', ({ right, wrong }) => {
    beforeAll(() => {
      complaints = check([...right, ...wrong]);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    if (right.length > 0) {
      it.each(right)('accepts %s: %s', (file) => {
        expect(about(file)).toEqual([]);
      });
    }

    it.each(wrong)('answers %s (%s) in a plain sentence', (file, _code, ...names) => {
      expect(about(file)).toEqual(names.map((name) => sentence(file, name)).sort());
    });
  });

  it('has no rule without a wrong arrow here', () => {
    const proved = [...wrong, ...wrongElsewhere, ...wrongBlacklist].flatMap(([, , ...names]) => names);
    expect(rules.map(({ name }) => name).filter((name) => !proved.includes(name))).toEqual([]);
  });
});

const about = (file: string) =>
  complaints.filter((complaint) => complaint.startsWith(`lib/${file}: `)).sort();

function sentence(file: string, name: string): string {
  return `lib/${file}: ${name}: ${rules.find((rule) => rule.name === name)?.comment}`;
}

/** Builds a house of these files, with a `room.ts` in every room, and returns what the check says of it. */
function check(arrows: readonly Arrow[]): string[] {
  folder = mkdtempSync(join(tmpdir(), 'layers-'));
  cpSync(join(root, '.dependency-cruiser.cjs'), join(folder, '.dependency-cruiser.cjs'));
  cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  const declared = packages.filter((name) => name !== 'left-pad');
  const peerDependencies = Object.fromEntries(declared.map((name) => [name, '*']));
  write('package.json', JSON.stringify({ name: 'nestjs-memcached-pool', type: 'module', peerDependencies }));
  for (const name of packages) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  write('test/support.ts', 'export {}');
  write('dist/esm/index.js', 'export {}');
  for (const { name } of rules) {
    if (name.startsWith('room '))
      write(`lib/${name.slice(5)}/room.ts`, 'export interface Room { name: string }');
  }
  write('lib/index.ts', 'export {}');
  write('lib/core/index.ts', 'export {}');
  // The other half of the circle; a circle is reported once.
  write('lib/core/pool/circle-b.ts', `import type { A } from './circle-a.js'; export type B = A`);
  for (const [file, code] of arrows) write(`lib/${file}`, code);

  const cruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruise, 'lib', '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  if (!/dependency violations found|\d+ dependency violations/.test(stdout))
    throw new Error(`No report: ${stdout}`);
  return readComplaints(stdout);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** `error NAME: FROM → TO`, more lines of a circle, and the sentence, broken into lines. */
function readComplaints(report: string): string[] {
  return report
    .trim()
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').map((line) => line.trim()))
    .flatMap(([head = '', ...rest]) => {
      const match = /^error (.+?): (\S+) →/.exec(head);
      const sentence = rest.filter((line) => !/^lib\/\S+\.ts( →)?$/.test(line)).join(' ');
      return match === null ? [] : [`${match[2]}: ${match[1]}: ${sentence}`];
    });
}
