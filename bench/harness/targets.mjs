/**
 * The bars our client is held to. Each is a ratio to the best of the others in the same run, with default
 * options. Nothing in the bench lowers a bar or leaves a lost row out: a bar changes here, in a commit.
 */
import { median, ratio } from './stats.mjs';

const everyone = {
  name: 'the best other',
  has: ({ family }) => family === 'memcached' || family === 'redis',
};
const memcachedPeers = { name: 'the best memcached client', has: ({ family }) => family === 'memcached' };
const redisPeers = { name: 'the best Redis client', has: ({ family }) => family === 'redis' };
const metaFloor = { name: 'the meta floor', has: ({ id }) => id === 'floor-meta' };

const FIGURES = {
  throughput: { label: 'ops/s', better: 'higher', of: (one) => one.perSecond, summary: 'perSecond' },
  p99: { label: 'p99', better: 'lower', of: (one) => one.latency.p99, summary: 'p99' },
  cpu: { label: 'CPU per op', better: 'lower', of: (one) => one.cpuSecondsPerMillion, summary: 'cpu' },
};

const target = (row, bar, against = everyone, figure = 'throughput') => ({ row, bar, against, figure });

export const TARGETS = [
  target('get-100b-50', 2.7),
  target('get-100b-500', 9),
  target('get-100b-1-pinned', 1.25),
  target('set-100b-1-pinned', 1.25),
  target('get-100b-one-per-turn', 1.7),
  target('get-100b-five-per-turn', 4),
  target('set-100b-50', 2.2),
  target('set-100b-500', 6),
  target('get-10kb-50', 3.3),
  target('get-500kb-10', 3),
  target('getmany-100-10', 1.7, redisPeers),
  target('getmany-100-10', 6, memcachedPeers),
  target('mix-90-10-100', 6),
  target('get-100b-50', 0.6, metaFloor),
  target('get-100b-500', 0.8, metaFloor),
  target('mix-90-10-100', 0.6, metaFloor),
  target('get-100b-half-peak', 1, everyone, 'p99'),
  target('get-100b-50', 1 / 3, everyone, 'cpu'),
];

/**
 * Holds the results against the bars.
 * @param {Map<string, object>} results by row id, see rounds.mjs
 * @param {string} ours id of our client
 * @returns one verdict per bar whose row was measured: `pass`, `fail`, or `unknown` when a side is missing. Its `apart`
 *   is told beside it and decides nothing.
 */
export function judge(results, ours = 'ours') {
  return TARGETS.filter(({ row }) => results.has(row)).map((one) => {
    const { id, title, clients } = results.get(one.row);
    const figure = FIGURES[one.figure];
    const verdict = {
      row: id,
      title,
      figure: figure.label,
      better: figure.better,
      bar: one.bar,
      against: one.against.name,
    };
    const we = clients.find((client) => client.id === ours);
    const rivals = clients.filter(one.against.has);
    const rival = best(rivals, figure);
    // Our client being there and failing is a loss; not being measured is not.
    if (we === undefined || rival === undefined) return { ...verdict, outcome: 'unknown' };
    if (we[figure.summary] === undefined) return { ...verdict, rival: rival.id, outcome: 'fail' };
    const measured = ratio(runsOf(we, figure), runsOf(rival, figure));
    const reached = figure.better === 'higher' ? measured.value >= one.bar : measured.value <= one.bar;
    const apart = ratioApart(we, rival, rivals, figure);
    return { ...verdict, rival: rival.id, ratio: measured, apart, outcome: reached ? 'pass' : 'fail' };
  });
}

/** Fewer runs than this with two processors, and nothing is said of them. */
const LEAST_APART = 2;

/**
 * The same ratio of the runs alone that had two processors for themselves (see `processors.mjs`), to whoever is the best
 * then; `undefined` when this client or the rival of all runs had too few of them.
 */
function ratioApart(we, rival, rivals, figure) {
  const of = ({ id, runs }) => {
    const figures = runs.filter((run) => run?.apart).map(figure.of);
    return { id, runs: figures.length, median: figures.length < LEAST_APART ? undefined : median(figures) };
  };
  const ours = of(we);
  if (ours.median === undefined || of(rival).median === undefined) return undefined;
  const known = rivals.map(of).filter((one) => one.median !== undefined);
  const sign = figure.better === 'higher' ? -1 : 1;
  const [other] = known.sort((one, another) => sign * (one.median - another.median));
  return { value: ours.median / other.median, rival: other.id, runs: [ours.runs, other.runs] };
}

/** A run that failed is `undefined`, and `null` once it was in a file. */
const runsOf = (client, figure) => client.runs.map((one) => (one ? figure.of(one) : undefined));

function best(clients, { summary, better }) {
  const known = clients.filter((client) => client[summary] !== undefined);
  const sign = better === 'higher' ? -1 : 1;
  return known.sort((one, other) => sign * (one[summary].median - other[summary].median))[0];
}

/** The best other client of a row by throughput, for the row's table. */
export const bestOther = (clients) => best(clients.filter(everyone.has), FIGURES.throughput);
