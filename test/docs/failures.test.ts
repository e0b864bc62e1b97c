/** Every test that docs/failures.md names is there, under that name. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/** `nodes › both down ...`: in which folder, if any is said, in which file, and the title. */
const NAMED = /`(?:(nest|long)\/)?([a-z-]+) › ([^`]+)`/g;
const FOLDERS: Record<string, string[]> = {
  nest: ['test/faults/nest'],
  long: ['test/long'],
  '': ['test/faults', 'test/core'],
};

const text = readFileSync(join(ROOT, 'docs', 'failures.md'), 'utf8');
const named = [...text.matchAll(NAMED)].map(([, folder = '', file, title]) => ({
  folder,
  file: file!,
  title: title!,
}));

it('names tests at all', () => {
  expect(named.length).toBeGreaterThan(50);
});

it.each(named)('$file › $title', ({ folder, file, title }) => {
  const found = FOLDERS[folder]!.flatMap((room) =>
    ['.test.ts', '.long.ts'].map((ending) => join(ROOT, room, file + ending)),
  ).filter(existsSync);
  expect(found).toHaveLength(1);
  expect(titles(found[0]!)).toContain(title);
});

/** Every text in a file that may be a title; what a test is repeated with is `…`. */
function titles(file: string): string[] {
  const literals = readFileSync(file, 'utf8').matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g);
  return [...literals].map(([, single, double]) => (single ?? double)!.replace(/%[a-z]|\$[a-z]+/g, '…'));
}
