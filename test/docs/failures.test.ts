/** Each row of docs/failures.md names the test that shows it: a row without a test is only a hope. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const rows = readFileSync(join(root, 'docs/failures.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && line.includes(' › '))
  .map((line) => /`([\w/-]+)` › (.+?) \|$/.exec(line) ?? [line, '', '']) as [string, string, string][];

/** Names stand in the file itself, or in the suites it shares with others. */
function source(file: string): string {
  const path = join(root, 'test', `${file}.test.ts`);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const folder = join(root, 'test', file, '..');
  return readdirSync(folder)
    .filter((name) => name.startsWith(file.split('/').pop()!))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

test('docs/failures.md has rows', () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows.map(([, file, title]) => [file, title]))('%s › %s is there', (file, title) => {
  expect(source(file)).toContain(title);
});
