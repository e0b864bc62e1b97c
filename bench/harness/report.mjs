/**
 * Results as text for a terminal and as JSON for later. What the figures are is decided elsewhere.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ratio } from './stats.mjs';
import { bestOther } from './targets.mjs';

/** Columns wide enough for their contents; numbers stand right, words left. */
export function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell ?? '-')));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const right = head.map((_, column) =>
    rows.every((row) => /^(-|[\d.,]+.*)$/.test(String(row[column] ?? '-'))),
  );
  const line = (row) =>
    row
      .map((cell, at) => (right[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  return [
    line(cells[0]),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...cells.slice(1).map(line),
  ].join('\n');
}

/** Three figures that matter, and a unit that keeps them short. */
export function figure(number) {
  if (number === undefined || !Number.isFinite(number)) return '-';
  if (number >= 1e6) return `${(number / 1e6).toPrecision(3)} M`;
  if (number >= 1e3) return `${(number / 1e3).toPrecision(3)} k`;
  return number >= 100 ? number.toFixed(0) : String(Number(number.toPrecision(3)));
}

export const times = ({ value, low, high }) => `${value.toFixed(2)}x (${low.toFixed(2)}-${high.toFixed(2)})`;

export function rowTable(row, ours = 'ours') {
  const runs = ({ runs: list }) => list.map((one) => one?.perSecond);
  const we = row.clients.find(({ id }) => id === ours);
  const lines = [...row.clients]
    .sort((one, other) => (other.perSecond?.median ?? -1) - (one.perSecond?.median ?? -1))
    .map((client) => {
      const { perSecond, p50, p99, cpu, memory, errors } = client;
      const share =
        we?.perSecond && perSecond && client !== we ? times(ratio(runs(we), runs(client))) : undefined;
      return [
        client.id,
        figure(perSecond?.median),
        perSecond && `${figure(perSecond.min)}-${figure(perSecond.max)}`,
        share,
        figure(p50?.median),
        figure(p99?.median),
        figure(cpu?.median),
        figure(memory?.median),
        errors.length === 0 ? '' : `${errors.length} failed: ${errors[0].slice(0, 90)}`,
      ];
    });
  const head = ['client', 'ops/s', 'spread', 'ours is', 'p50 ms', 'p99 ms', 'CPU s/M', 'peak MB', ''];
  const rate = row.rate === undefined ? '' : `, ${figure(row.rate)}/s offered`;
  const best = bestOther(row.clients);
  const note = best === undefined ? '' : `; best other: ${best.id}`;
  return `${row.title}${rate}  [${row.id}${note}]\n\n${table(head, lines)}\n`;
}

/** How many of the runs had both processors to themselves, and what finding such moments took. */
export function apartLine(runs) {
  const asked = runs.filter((run) => run?.apart !== undefined);
  if (asked.length === 0) return '';
  const apart = asked.filter((run) => run.apart).length;
  const stretches = asked.reduce((sum, run) => sum + run.attempts, 0);
  return `${apart} of ${asked.length} runs had two processors for themselves; ${stretches} stretches were run to find them.\n`;
}

export function targetTable(verdicts) {
  const lines = verdicts.map((one) => [
    one.outcome,
    one.title,
    one.figure,
    `${one.better === 'higher' ? '>=' : '<='} ${Number(one.bar.toFixed(3))}x`,
    one.ratio === undefined ? undefined : times(one.ratio),
    one.rival === undefined ? one.against : `${one.against}, ${one.rival}`,
    one.apart && `${one.apart.value.toFixed(2)}x ${one.apart.rival} (${one.apart.runs.join(' and ')} runs)`,
  ]);
  const count = (outcome) => verdicts.filter((one) => one.outcome === outcome).length;
  return `${table(['', 'row', 'figure', 'bar', 'measured (spread over rounds)', 'against', 'with two processors'], lines)}\n\n${count('pass')} pass, ${count('fail')} fail, ${count('unknown')} not measured.\n`;
}

export function machineLines({ machine, tree, versions, settings, parts = [] }) {
  const { cpu, cores, memoryGiB, kernel, load } = machine;
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version ?? 'missing'}`);
  const warnings = [];
  if (load > 0.5) warnings.push(`NOTE: the machine was busy at the start (load ${load}).`);
  if (settings.rounds < 5) warnings.push(`NOTE: ${settings.rounds} rounds; claims need at least 5.`);
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${kernel}`,
    `node ${machine.node}, memcached ${machine.memcached}, redis ${machine.redis}`,
    `library ${tree.commit}${tree.changed ? ' with changes' : ''}; ${packages.join(', ')}`,
    `${settings.rounds} rounds of ${settings.seconds} s after ${settings.warmup} s of warm-up`,
    ...parts.map((one) => `of which ${one.rounds} at ${one.when}, library ${one.tree.commit}`),
    ...warnings,
    '',
  ].join('\n');
}

/** Numbers keep five significant digits: the rest is noise in a file that is read in diffs. */
export function writeJson(directory, name, data) {
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${name}.json`);
  const round = (_key, value) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  writeFileSync(file, `${JSON.stringify(data, round, 1)}\n`);
  return file;
}
