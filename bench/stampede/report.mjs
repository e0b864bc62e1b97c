/** The demo's results as a table and as charts. */
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

const titleOf = ({ settings, versions, machine, when }, text) => ({
  text,
  subtitle: [
    `${settings.processes} processes with ${settings.callers} callers each; a ttl of 2 s; a loader of 100 ms, slower the more run at once`,
    `${settings.server}, node ${versions.node}, ${machine.cores} x ${machine.cpu}, ${when.slice(0, 10)}`,
  ],
});

/** Bars with their figure at the end: 1 beside 190 is no bar, and must be read all the same. */
function panel(data, title, figureOf, width) {
  const values = data.ways.map((way) => ({
    way: way.title,
    value: figureOf(way),
    text: figure(figureOf(way)),
  }));
  const y = { field: 'way', type: 'nominal', title: null, sort: null, axis: { labelLimit: 320 } };
  const x = {
    field: 'value',
    type: 'quantitative',
    title: null,
    axis: { grid: false, labels: false, ticks: false },
  };
  const text = { mark: { type: 'text', align: 'left', dx: 4 }, encoding: { y, x, text: { field: 'text' } } };
  return {
    title: { text: title, fontSize: 12 },
    data: { values },
    width,
    height: { step: 20 },
    layer: [{ mark: { type: 'bar', color: '#30638e' }, encoding: { y, x } }, text],
  };
}

function barChart(data) {
  const unnamed = (one) => {
    for (const { encoding } of one.layer) encoding.y = { ...encoding.y, axis: null };
    return one;
  };
  return {
    title: titleOf(data, 'One hot key that expires every two seconds'),
    hconcat: [
      panel(data, 'Loader calls per expiry', ({ perExpiry }) => perExpiry, 170),
      unnamed(panel(data, 'Callers waited, p99, ms', ({ p99 }) => Math.round(p99), 170)),
      unnamed(panel(data, 'Callers waited, longest, ms', ({ max }) => Math.round(max), 170)),
    ],
  };
}

function callChart(data) {
  const values = data.ways.flatMap(({ title, soFar }) =>
    soFar.map((count, step) => ({ way: title, seconds: step * STEP, calls: Math.max(1, count) })),
  );
  const legend = { title: null, orient: 'right', labelLimit: 320 };
  return {
    title: titleOf(data, 'Loader calls so far'),
    data: { values },
    width: 460,
    height: 260,
    mark: { type: 'line', interpolate: 'step-after' },
    encoding: {
      x: { field: 'seconds', type: 'quantitative', title: 'seconds' },
      y: {
        field: 'calls',
        type: 'quantitative',
        title: 'loader calls (log scale)',
        scale: { type: 'log', nice: false },
      },
      color: { field: 'way', type: 'nominal', sort: data.ways.map(({ title }) => title), legend },
    },
  };
}

export const chartsOf = (data) => ({ cost: barChart(data), calls: callChart(data) });
