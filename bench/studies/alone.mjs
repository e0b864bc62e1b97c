/**
 * What the client itself takes, without a kernel and a server: on a socket made of memory, beside the bare client and
 * beside loops without any client. What the machine does meanwhile counts for little, so small differences can be seen.
 */
import { failure, over, runCases } from '../harness/cases.mjs';
import { groupedBars } from '../harness/charts.mjs';
import { figure, table, times } from '../harness/report.mjs';
import { ratio } from '../harness/stats.mjs';
import { loadRow } from '../rows/index.mjs';

/** With more in flight gets leave as lists, which a server in memory cannot keep ready. */
const ROWS = ['get-100b-50', 'set-100b-500', 'getmany-100-10'];

/** From nothing to everything; each with what it adds, for the table. */
const LAYERS = {
  promises: 'callers, promises, comparison; for getMany a Map',
  strings: 'and the text of each value, made of bytes',
  bare: 'and requests and answers, nothing checked',
  ours: 'this client',
};

function waysOf({ compare, tree, other, pool }, isSet) {
  const ours = { way: 'ours', client: 'ours', what: LAYERS.ours, tree, options: pool };
  if (compare !== undefined) return [ours, { ...ours, way: `ours@${compare}`, what: '', tree: other }];
  return Object.entries(LAYERS)
    .filter(([way]) => way !== 'strings' || !isSet)
    .map(([way, what]) => (way === 'ours' ? ours : { way, client: way, what, tree, options: {} }));
}

async function measure(context) {
  const rows = await Promise.all(ROWS.filter((id) => context.only?.includes(id) ?? true).map(loadRow));
  if (rows.length === 0) throw new Error(`Of the rows, alone knows ${ROWS.join(', ')}.`);
  const cases = rows.flatMap(({ id: row, title, operation }) =>
    waysOf(context, operation.name === 'set').map((way) => ({
      id: `${title}: ${way.way}`,
      row,
      title,
      ...way,
    })),
  );
  const measured = await runCases(context, cases, ({ client, row, tree, options }) =>
    context.runChild(
      {
        module: 'studies/alone.work.mjs',
        client,
        row,
        tree,
        options,
        seconds: context.seconds,
        warmup: context.warmup,
      },
      { cpu: context.pinnedCpu },
    ),
  );
  return { cases: measured.map(({ tree: _, ...one }) => one) };
}

const runs = (one) => one.runs.map((run) => run?.best);

/** Others on the machine only ever make it slower: the least of all rounds is what the code itself takes. */
const least = (one) => over(one, (run) => run.best)?.min;
function report({ cases, otherTree }) {
  return [...new Set(cases.map(({ title }) => title))]
    .map((title) => {
      const here = cases.filter((one) => one.title === title);
      const ours = here.find(({ way }) => way === 'ours');
      const lines = here.map((one) => {
        const known = one !== ours && least(one) !== undefined && least(ours) !== undefined;
        return [
          one.way,
          figure(least(one)),
          figure(over(one, (run) => run.best)?.max),
          known ? times({ ...ratio(runs(ours), runs(one)), value: least(ours) / least(one) }) : undefined,
          one.what,
          failure(one),
        ];
      });
      const beside = otherTree === undefined ? '' : `, beside ${otherTree.ref} (${otherTree.commit})`;
      const head = ['', 'CPU us', 'worst round', 'ours is (single rounds)', '', ''];
      return `${title}, on a socket made of memory${beside}\n\n${table(head, lines)}\n`;
    })
    .join('\n');
}

function charts({ cases, machine, settings, when }) {
  const values = cases.flatMap((one) => {
    const value = least(one);
    return value === undefined ? [] : [{ panel: one.title, group: one.way, bar: 'one call', value }];
  });
  return {
    cpu: groupedBars(values, {
      title: 'What one call takes without a kernel and a server',
      subtitle: `${machine.cpu}, node ${machine.node}; best twentieth of short stretches, least of ${settings.rounds} rounds, ${when.slice(0, 10)}`,
      x: 'microseconds of CPU',
      panels: true,
    }),
  };
}

export default { measure, report, charts };
