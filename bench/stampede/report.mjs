/** The demo's results as a table and as charts. */
import { groupedBars, lines } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';
import { STEP } from './fleet.mjs';

const HEAD = [
  'cached by',
  'loader calls',
  'expiries',
  'per expiry',
  'p50 ms',
  'p99 ms',
  'max ms',
  'errors',
  'stubs',
  'oldest ms',
];

const cells = ({ title, ...one }) => [
  title,
  one.loads,
  one.expiries,
  one.perExpiry.toFixed(1),
  figure(one.p50),
  Math.round(one.p99),
  Math.round(one.max),
  one.errors,
  one.stubs,
  Math.round(one.oldest),
];

export const tableOf = (ways) => table(HEAD, ways.map(cells));

export function markdownOf(ways) {
  const line = (row) => `| ${row.join(' | ')} |`;
  return [
    line(HEAD),
    line(HEAD.map((_, at) => (at === 0 ? '---' : '---:'))),
    ...ways.map((way) => line(cells(way))),
  ].join('\n');
}

const subtitleOf = ({ settings, versions, machine, when }) =>
  `${settings.processes} processes with ${settings.callers} callers each, ttl 2 s, a loader of 100 ms that slows down under load; ${settings.server}, node ${versions.node}, ${machine.cpu}, ${when.slice(0, 10)}`;

export function chartsOf(data) {
  const subtitle = subtitleOf(data);
  const bar = (panel, figureOf) =>
    data.ways.map((way) => ({ panel, group: way.title, bar: '', value: figureOf(way) }));
  const values = [
    ...bar('Loader calls per expiry', ({ perExpiry }) => perExpiry),
    ...bar('99th percentile of what callers waited, ms', ({ p99 }) => p99),
  ];
  const calls = data.ways.flatMap(({ title, soFar }) =>
    soFar.map((count, step) => ({ line: title, x: step * STEP, y: Math.max(1, count) })),
  );
  const axes = { x: 'seconds', y: 'loader calls so far (log scale)', logX: false };
  return {
    bars: groupedBars(values, {
      title: 'One hot key that expires every two seconds',
      subtitle,
      x: '',
      panels: true,
    }),
    calls: lines(calls, {
      title: 'Loader calls while one hot key expires every two seconds',
      subtitle,
      ...axes,
    }),
  };
}
