/** The pictures and promises of docs/architecture.md, held against the source. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONNECTION_MOVES } from '../../lib/core/connection/contract.js';
import { BLACKLIST_MOVES, STRIKES } from '../../lib/core/node/blacklist.js';

const root = join(__dirname, '../..');
const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** The arrows of the state picture under a heading, without those from and to the outside. */
function arrows(heading: string): string[] {
  const section = document.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  const picture = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(section ?? '')?.[1];
  if (picture === undefined) throw new Error(`there is no picture under "${heading}"`);
  return [...picture.matchAll(/^ +(\w+) --> (\w+): .+$/gm)].map(([, from, to]) => `${from} ${to}`).sort();
}

const moves = (table: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(table)
    .flatMap(([from, tos]) => tos.map((to) => `${from} ${to}`))
    .sort();

/** Every source file of a room, with its text. */
function sources(room: string): [file: string, text: string][] {
  const names = readdirSync(join(root, 'lib', room), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [`${room}/${name}`, readFileSync(join(root, 'lib', room, name), 'utf8')]);
}

const imports = (text: string) => [...text.matchAll(/from '([^']+)'/g)].map(([, specifier]) => specifier!);
/** Code without comments, strings left as they are. */
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');

describe('docs/architecture.md', () => {
  test('the picture of a connection shows the moves there are, and no other', () => {
    expect(arrows('States of a connection')).toEqual(moves(CONNECTION_MOVES));
  });

  test('the picture of a node shows the moves there are, and no other', () => {
    expect(arrows('States of a node')).toEqual(moves(BLACKLIST_MOVES));
    expect(document).toContain('three strikes');
    expect(STRIKES).toBe(3);
  });

  test('each room of the core is in the table, and each room of the table is there', () => {
    const named = [...document.matchAll(/^\| `core\/(\w+)` \|/gm)].map(([, room]) => room);
    const there = readdirSync(join(root, 'lib/core'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && sources(`core/${entry.name}`).length > 0)
      .map(({ name }) => name);
    expect(named.sort()).toEqual(there.sort());
  });

  test('it fits into 150 lines', () => {
    expect(document.split('\n').length).toBeLessThanOrEqual(150);
  });
});

describe('what never happens', () => {
  test('core does not know Nest, nor anything else outside Node', () => {
    for (const [file, text] of sources('core')) {
      const foreign = imports(text).filter((name) => !/^(node:|\.)/.test(name));
      expect([file, foreign]).toEqual([file, []]);
    }
  });

  test.each(['core/protocol', 'core/routing', 'core/command'])('%s holds no socket and no timer', (room) => {
    for (const [file, text] of sources(room)) {
      expect([file, imports(text).filter((name) => /^node:(net|tls|dns|timers)/.test(name))]).toEqual([
        file,
        [],
      ]);
      expect([file, /\bset(Timeout|Interval|Immediate)\b/.test(code(text))]).toEqual([file, false]);
    }
  });

  test('the blacklist does no I/O: it imports nothing', () => {
    expect(imports(readFileSync(join(root, 'lib/core/node/blacklist.ts'), 'utf8'))).toEqual([]);
  });

  test('time is given: only the clock takes it', () => {
    for (const [file, text] of sources('core')) {
      if (file === 'core/base/clock.ts') continue;
      const taken =
        /\b(Date\.now|performance\.now|process\.hrtime)\b|(?<![.\w#])set(Timeout|Interval|Immediate)\(/;
      expect([file, taken.exec(code(text))?.[0]]).toEqual([file, undefined]);
    }
  });

  test('noreply is never written', () => {
    for (const [file, text] of sources('core'))
      expect([file, /noreply/.test(code(text))]).toEqual([file, false]);
  });

  test('the in-process server knows only the base of the core: a mistake of the client cannot hide in it', () => {
    for (const [file, text] of sources('testing')) {
      const core = imports(text).filter((name) => name.includes('/core/') && !name.includes('/core/base/'));
      expect([file, core]).toEqual([file, []]);
    }
  });
});
