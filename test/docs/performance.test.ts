/** The figures that docs/performance.md and the README claim are those of the last run of `npm run bench`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Verdict {
  title: string;
  figure: string;
  better: 'higher' | 'lower';
  bar: number;
  against: string;
  rival: string;
  ratio: { value: number; low: number; high: number; rounds: number };
  outcome: string;
  apart?: { value: number; rival: string; runs: [number, number] };
}

interface Client {
  id: string;
  perSecond?: { median: number };
}

const { targets, rows, settings } = JSON.parse(read('docs/bench/rows.json')) as {
  targets: Verdict[];
  rows: { title: string; clients: Client[] }[];
  settings: { rounds: number };
};

const times = (ratio: number) => `${ratio.toFixed(2)}x`;
const bound = ({ better, bar }: Verdict) => `${better === 'higher' ? 'at least' : 'at most'} ${times(bar)}`;

/** A line of the table of bars. */
function lineOf(one: Verdict): string {
  const { value, low, high } = one.ratio;
  const measured = `${times(value)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  const rival = one.against === 'the best other' ? one.rival : `${one.rival}, ${one.against}`;
  const outcome = one.outcome === 'pass' ? 'yes' : '**no**';
  return `| ${[one.title, one.figure, bound(one), rival, measured, outcome, apartOf(one)].join(' | ')} |`;
}

/** Of the runs alone that had two processors. */
function apartOf({ apart, rival }: Verdict): string {
  if (apart === undefined) return '';
  return `${times(apart.value)}${apart.rival === rival ? '' : ` of ${apart.rival}`} (${apart.runs.join(' and ')})`;
}

test('the figures are of five rounds or more, and all bars were measured', () => {
  expect(settings.rounds).toBeGreaterThanOrEqual(5);
  expect(targets.length).toBeGreaterThanOrEqual(18);
  expect(targets.filter(({ outcome }) => outcome === 'unknown')).toEqual([]);
});

test.each(targets.map((one) => [one.title, one.figure, one.against, lineOf(one)]))(
  '%s, %s against %s is told as it was measured',
  (_title, _figure, _against, line) => {
    expect(read('docs/performance.md')).toContain(line);
  },
);

/** Bars against another client, of rows that the bare client took part in. */
const toRival = targets.filter(
  ({ figure, rival, title }) =>
    figure === 'ops/s' &&
    rival !== 'floor-meta' &&
    rows.some((row) => row.title === title && row.clients.some(({ id }) => id === 'bare')),
);

test.each(toRival.map((one) => [one.title, one.rival, one] as const))(
  '%s: what the bare client and the raw socket come to, beside %s, is told as it was measured',
  (title, rival, { bar }) => {
    const clients = rows.find((row) => row.title === title)!.clients;
    const of = (id: string) => clients.find((client) => client.id === id)?.perSecond?.median;
    const figures = ['ours', 'bare', 'floor-meta'].map((id) => {
      const median = of(id);
      return median === undefined ? '' : times(median / of(rival)!);
    });
    const line = `| ${[title, rival, times(bar), ...figures].join(' | ')} |`;
    expect(read('docs/performance.md')).toContain(line);
  },
);

test('every row of the README is one of the run, and says what it said', () => {
  const claims = [
    ...read('README.md').matchAll(/^\| (.+?) +\| ([\d.]+) +\| (\S+) ([\d.]+) +\| ([\d.]+)x +\|$/gm),
  ];
  expect(claims.length).toBeGreaterThanOrEqual(6);
  for (const [, title, ours, rival, theirs, ratio] of claims) {
    const clients = rows.find((row) => row.title === title!.trim())?.clients ?? [];
    const medianOf = (id: string) =>
      clients.find((client) => client.id === id)?.perSecond?.median ?? Number.NaN;
    const shown = [medianOf('ours'), medianOf(rival!)].map((figure) => (figure / 1_000).toFixed(1));
    expect([title, ours, theirs]).toEqual([title, ...shown]);
    expect([title, ratio]).toEqual([title, (medianOf('ours') / medianOf(rival!)).toFixed(1)]);
  }
});

interface Alone {
  cases: { way: string; title: string; runs: { best: number }[] }[];
}

test('what a call takes without a kernel and a server is told as it was measured', () => {
  const { cases } = JSON.parse(read('docs/bench/alone.json')) as Alone;
  const leastOf = (title: string, way: string) => {
    const one = cases.find((each) => each.title === title && each.way === way);
    return one === undefined ? Number.NaN : Math.min(...one.runs.map(({ best }) => best));
  };
  const section = read('docs/performance.md').split('### Without a kernel and a server')[1]!.split('## ')[0]!;
  const titles = [...new Set(cases.map(({ title }) => title))];
  expect(titles).toHaveLength(3);
  for (const title of titles) {
    const line = section.split('\n').find((each) => each.startsWith(`| ${title} |`));
    const told = line!
      .split('|')
      .slice(2, -1)
      .map((cell) => (cell.trim() === '' ? Number.NaN : Number.parseFloat(cell)));
    const measured = ['promises', 'strings', 'bare', 'ours'].map((way) =>
      Number(leastOf(title, way).toPrecision(2)),
    );
    expect([title, told]).toEqual([title, measured]);
  }
});
