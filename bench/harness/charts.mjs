/**
 * The bench's charts, as Vega-Lite descriptions made from results.
 */

const FAMILY = {
  field: 'family',
  type: 'nominal',
  scale: {
    domain: ['ours', 'memcached', 'redis', 'bare', 'floor'],
    range: ['#d1495b', '#30638e', '#8d96a3', '#edae49', '#d9d9d9'],
  },
  legend: { title: null, orient: 'top' },
};

/** Short numbers on an axis: 200k, 0.05. */
const numbers = { labelExpr: "datum.value >= 1000 ? format(datum.value, '~s') : format(datum.value, '~g')" };

/** One panel per row, one bar per client, with the extremes of the rounds. */
export function clientBars(rows, { title, subtitle, figure, axis, log = false }) {
  const values = rows.flatMap((row) =>
    row.clients
      .filter((client) => client[figure] !== undefined)
      .map((client) => ({
        row: row.title,
        client: client.id,
        family: client.family,
        median: client[figure].median,
        min: client[figure].min,
        max: client[figure].max,
      })),
  );
  const scale = log ? { scale: { type: 'log' } } : {};
  const order = [...new Set(rows.flatMap((row) => row.clients.map(({ id }) => id)))];
  const y = { field: 'client', type: 'nominal', title: null, sort: order };
  return {
    title: { text: title, subtitle },
    data: { values },
    facet: { field: 'row', type: 'nominal', title: null, sort: rows.map((row) => row.title) },
    columns: rows.length === 1 ? 1 : 2,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: {
      width: 300,
      height: { step: 17 },
      layer: [
        {
          mark: log ? { type: 'point', filled: true, size: 60, opacity: 1 } : 'bar',
          encoding: {
            y,
            x: { field: 'median', type: 'quantitative', title: axis, axis: numbers, ...scale },
            color: FAMILY,
          },
        },
        {
          mark: { type: 'rule', color: '#222' },
          encoding: {
            y,
            x: { field: 'min', type: 'quantitative', title: axis, ...scale },
            x2: { field: 'max' },
          },
        },
      ],
    },
  };
}

/** What stands below a chart's title. */
export const subtitleOf = ({ machine, settings, when }) =>
  `${machine.cpu}, node ${machine.node}, memcached ${machine.memcached}, redis ${machine.redis}; medians and extremes of ${settings.rounds} rounds, ${when.slice(0, 10)}`;

/** One chart per figure of the rows. */
export function rowCharts(rows, subtitle) {
  const bars = (title, figure, axis, log) => clientBars(rows, { title, subtitle, figure, axis, log });
  return {
    throughput: bars('Operations per second', 'perSecond', 'operations per second'),
    p50: bars('Median latency', 'p50', 'ms (log scale)', true),
    p99: bars('99th percentile of latency', 'p99', 'ms (log scale)', true),
    cpu: bars('CPU time of the client', 'cpu', 'CPU seconds per million operations (log scale)', true),
    memory: bars('Peak memory of the process', 'memory', 'MB'),
  };
}

/** Every bar and how far we are from it: the tick is the bar, the dot what was measured. */
export function targetChart(verdicts, subtitle) {
  const values = verdicts
    .filter((one) => one.ratio !== undefined)
    .map((one) => ({
      name: `${one.title}: ${one.figure} to ${one.against}`,
      bar: one.bar,
      value: one.ratio.value,
      low: one.ratio.low,
      high: one.ratio.high,
      outcome: one.outcome,
    }));
  const y = {
    field: 'name',
    type: 'nominal',
    title: null,
    sort: values.map(({ name }) => name),
    axis: { labelLimit: 620 },
  };
  const x = (field) => ({ field, type: 'quantitative', scale: { type: 'log' }, title: 'ratio (log scale)' });
  const color = {
    field: 'outcome',
    type: 'nominal',
    scale: { domain: ['pass', 'fail'], range: ['#2a9d8f', '#d1495b'] },
    legend: { title: null, orient: 'top' },
  };
  return {
    title: { text: 'Ratios to the others in the same run, and the bars', subtitle },
    data: { values },
    width: 420,
    height: { step: 20 },
    layer: [
      { mark: { type: 'rule' }, encoding: { y, x: x('low'), x2: { field: 'high' }, color } },
      { mark: { type: 'point', filled: true, size: 70 }, encoding: { y, x: x('value'), color } },
      { mark: { type: 'tick', color: '#222', thickness: 2, size: 16 }, encoding: { y, x: x('bar') } },
    ],
  };
}

/**
 * Lines over something that grows. `values` hold `x`, `y`, `line` and, with panels, `panel`.
 */
export function lines(values, { title, subtitle, x, y, logX = true, logY = true, panels = false }) {
  const axis = (field, name, log) => ({
    field,
    type: 'quantitative',
    title: name,
    axis: numbers,
    scale: log ? { type: 'log', nice: false } : { type: 'linear', zero: false },
  });
  const order = [...new Set(values.map(({ line }) => line))];
  const layer = {
    mark: { type: 'line', point: true },
    encoding: {
      x: axis('x', x, logX),
      y: axis('y', y, logY),
      color: {
        field: 'line',
        type: 'nominal',
        sort: order,
        legend: order.length === 1 ? null : { title: null, orient: 'top', columns: 4 },
      },
    },
  };
  const head = { title: { text: title, subtitle }, data: { values } };
  if (!panels) return { ...head, width: 460, height: 260, ...layer };
  return {
    ...head,
    facet: {
      field: 'panel',
      type: 'nominal',
      title: null,
      sort: [...new Set(values.map(({ panel }) => panel))],
    },
    columns: 2,
    resolve: { scale: { x: 'independent', y: 'independent' }, axis: { x: 'independent', y: 'independent' } },
    spec: { width: 300, height: 200, ...layer },
  };
}

/** Grouped bars: one group per `group`, one bar per `bar`. */
export function groupedBars(values, { title, subtitle, x, panels = false, log = false }) {
  const groups = [...new Set(values.map(({ group }) => group))];
  const bars = [...new Set(values.map(({ bar }) => bar))];
  const layer = {
    mark: log ? { type: 'point', filled: true, size: 50, opacity: 1 } : 'bar',
    encoding: {
      y: { field: 'group', type: 'nominal', title: null, sort: groups, axis: { labelLimit: 260 } },
      yOffset: { field: 'bar', type: 'nominal', sort: bars },
      x: {
        field: 'value',
        type: 'quantitative',
        title: x,
        axis: numbers,
        ...(log ? { scale: { type: 'log' } } : {}),
      },
      color: {
        field: 'bar',
        type: 'nominal',
        sort: bars,
        legend: bars.length === 1 ? null : { title: null, orient: 'top', columns: 4 },
      },
    },
  };
  const head = { title: { text: title, subtitle }, data: { values } };
  if (!panels) return { ...head, width: 420, height: { step: 14 }, ...layer };
  return {
    ...head,
    facet: {
      field: 'panel',
      type: 'nominal',
      title: null,
      sort: [...new Set(values.map(({ panel }) => panel))],
    },
    columns: 2,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    spec: { width: 280, height: { step: 14 }, ...layer },
  };
}
