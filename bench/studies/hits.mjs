/**
 * What a hit takes in all layers above the client, without a kernel and a server: on a socket made of memory, whose
 * server's own work is in every figure. What the machine does meanwhile counts for little.
 */
import { failure, over, runCases } from '../harness/cases.mjs';
import { groupedBars } from '../harness/charts.mjs';
import { figure, table } from '../harness/report.mjs';

const WAYS = ['pool.get', 'cache.get', 'cache.getOrSet', '@Cacheable'];
/** Fewer than leave as lists, which the server in memory does not know. */
const IN_FLIGHT = 50;

async function measure(context) {
  const { compare, tree, other } = context;
  const trees = compare === undefined ? [{ tree }] : [{ tree }, { tree: other, ref: compare }];
  const cases = WAYS.flatMap((way) =>
    trees.map((one) => ({ id: one.ref === undefined ? way : `${way}@${one.ref}`, way, ...one })),
  );
  const measured = await runCases(context, cases, ({ way, tree: its }) =>
    context.runChild(
      {
        module: 'studies/hits.work.mjs',
        tree: its,
        way,
        inFlight: IN_FLIGHT,
        seconds: context.seconds,
        warmup: context.warmup,
      },
      { cpu: context.pinnedCpu },
    ),
  );
  return { cases: measured.map(({ tree: _, ...one }) => one) };
}

/** Others on the machine only ever make it slower: the least of all rounds is what the code itself takes. */
const least = (one) => over(one, (run) => run.best)?.min;

/** What `one` takes, as a ratio to `other`. */
function ratioOf(one, other) {
  if (one === other || other === undefined) return '';
  const ratio = least(one) / least(other);
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : undefined;
}

function report({ cases, otherTree }) {
  const ours = cases.filter(({ ref }) => ref === undefined);
  const lines = cases.map((one) => [
    one.id,
    figure(least(one)),
    figure(over(one, (run) => run.best)?.max),
    one.ref === undefined ? ratioOf(one, ours[0]) : '',
    one.ref === undefined
      ? ''
      : ratioOf(
          ours.find(({ way }) => way === one.way),
          one,
        ),
    failure(one),
  ]);
  const head = [
    '',
    'CPU us',
    'worst round',
    'of pool.get',
    otherTree === undefined ? '' : 'this tree is',
    '',
  ];
  return `A hit of an object of 200 B, ${IN_FLIGHT} in flight, on a socket made of memory\n\n${table(head, lines)}\n`;
}

function charts({ cases, machine, settings, when }) {
  const values = cases.flatMap((one) => {
    const value = least(one);
    return value === undefined ? [] : [{ group: one.id, bar: 'a hit', value }];
  });
  return {
    cpu: groupedBars(values, {
      title: 'What a hit takes without a kernel and a server',
      subtitle: `${machine.cpu}, node ${machine.node}; best twentieth of short stretches, least of ${settings.rounds} rounds, ${when.slice(0, 10)}`,
      x: 'microseconds of CPU',
    }),
  };
}

export default { measure, report, charts };
