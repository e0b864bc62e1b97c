/**
 * Every client on every row, judged against the bars; or, with `--compare`, this tree beside another.
 */
import { ALL, describeClient, FLOORS, PEERS } from '../clients/index.mjs';
import { rowCharts, subtitleOf, targetChart } from '../harness/charts.mjs';
import { CLASSIC } from '../harness/floor.mjs';
import { coreOf } from '../harness/machine.mjs';
import { apartLine, rowTable, table, targetTable, times } from '../harness/report.mjs';
import { runRounds, summarise } from '../harness/rounds.mjs';
import { startMemcached, startRedis, stopAll } from '../harness/servers.mjs';
import { ratio } from '../harness/stats.mjs';
import { judge } from '../harness/targets.mjs';
import { DEFAULT_TEMPLATES, learnTemplates } from '../harness/wire.mjs';
import { loadRow, ROWS } from '../rows/index.mjs';

async function measure(context) {
  // Now, not after an hour.
  if (context.before !== undefined) refuseToAdd(context.before, context.described);
  const rows = await Promise.all(wantedRows(context).map(loadRow));
  const clients = wantedClients(context).map(describeClient);
  const servers = await startServers(rows, clients, context);
  try {
    const templates = await floorTemplates(context, clients, servers.memcached);
    const results = await runRounds({
      ...context,
      rate: context.rate ?? context.before?.rows.find(({ id }) => id === 'get-100b-half-peak')?.rate,
      rows,
      clients,
      serversOf: (client, row) => [servers[`${client.server}${row.pinned ? 'Pinned' : ''}`]],
      jobOf: (client) => ({
        tree: client.id.startsWith('ours@') ? context.other : context.tree,
        options: client.family === 'ours' ? context.pool : {},
        templates,
      }),
      cpuOf: (row) => (row.pinned ? context.pinnedCpu : undefined),
    });
    return { floor: templates, rows: [...results.values()], targets: judge(results) };
  } finally {
    await stopAll(Object.values(servers));
  }
}

function wantedRows({ only, clients, compare, rate, before }) {
  if (before !== undefined) return before.rows.map(({ id }) => id);
  if (only !== undefined) return ROWS.filter((id) => only.includes(id));
  // The offered rate comes from the peers' peak; without peers it must be given.
  const peerless =
    compare !== undefined || (clients !== undefined && !clients.some((id) => PEERS.includes(id)));
  return peerless && rate === undefined ? ROWS.filter((id) => id !== 'get-100b-half-peak') : ROWS;
}

function wantedClients({ clients, compare, before }) {
  if (before !== undefined) {
    const known = new Set(before.rows.flatMap((row) => row.clients.map(({ id }) => id)));
    return ALL.filter((id) => known.has(id));
  }
  if (compare !== undefined) {
    const beside = clients?.filter((id) => id !== 'ours') ?? [];
    return ['ours', `ours@${compare}`, ...beside];
  }
  return clients === undefined ? ALL : ALL.filter((id) => clients.includes(id));
}

async function startServers(rows, clients, { pinnedCpu }) {
  const servers = {};
  const kinds = new Set(clients.map(({ server }) => server));
  const pinned = rows.some((row) => row.pinned);
  if (kinds.has('memcached')) {
    servers.memcached = await startMemcached();
    if (pinned) servers.memcachedPinned = await startMemcached({ cpu: pinnedCpu });
  }
  if (kinds.has('redis')) {
    servers.redis = await startRedis();
    if (pinned) servers.redisPinned = await startRedis({ cpu: pinnedCpu });
  }
  return servers;
}

async function floorTemplates(context, clients, memcached) {
  if (!clients.some(({ id }) => FLOORS.includes(id))) return undefined;
  const given = Object.fromEntries(Object.entries(context.floor).filter(([, line]) => line !== undefined));
  let learned = { ...DEFAULT_TEMPLATES, from: 'default' };
  if (clients.some(({ id }) => id === 'ours') && Object.keys(given).length < 2) {
    try {
      learned = await learnTemplates(memcached, { ...context, options: context.pool });
    } catch (error) {
      context.say(
        `Our client's requests could not be learned (${error.message}); the floor sends its default.`,
      );
    }
  }
  return { ...learned, ...given, classic: CLASSIC.get };
}

function report({ rows, targets, floor, otherTree }) {
  const parts = rows.map((row) => rowTable(row));
  if (floor !== undefined)
    parts.push(`The meta floor sends "${floor.get}" and "${floor.set}" (from ${floor.from}).\n`);
  parts.push(apartLine(rows.flatMap(({ clients }) => clients.flatMap(({ runs }) => runs))));
  if (otherTree !== undefined) parts.push(compareTable(rows, otherTree));
  else if (targets.length > 0) parts.push(targetTable(targets));
  return parts.join('\n');
}

/** This tree divided by the other: above 1 is faster here, and below 1 in CPU is cheaper here. */
function compareTable(rows, { ref, commit }) {
  const lines = rows.map((row) => {
    const here = row.clients.find(({ id }) => id === 'ours');
    const there = row.clients.find(({ id }) => id === `ours@${ref}`);
    const of = (pick) => {
      const runs = (client) => client.runs.map((one) => (one ? pick(one) : undefined));
      return here?.perSecond && there?.perSecond ? times(ratio(runs(here), runs(there))) : undefined;
    };
    return [
      row.title,
      of((one) => one.perSecond),
      of((one) => one.cpuSecondsPerMillion),
      of((one) => one.latency.p99),
    ];
  });
  return `This tree divided by ${ref} (${commit}), spread over rounds\n\n${table(['row', 'ops/s', 'CPU per op', 'p99'], lines)}\n`;
}

function charts({ rows, targets, ...about }) {
  const subtitle = subtitleOf(about);
  const made = rowCharts(rows, subtitle);
  if (targets.some((one) => one.ratio !== undefined)) made.targets = targetChart(targets, subtitle);
  return made;
}

/**
 * An earlier result with some rows measured anew, and the bars judged anew. A row is a run of its own, with all its
 * clients side by side; each says of which commit it is, and when it was measured.
 */
export function merge(before, now) {
  refuseOthers(before, now);
  const marked = ({ rows, tree, when }) => rows.map((row) => ({ tree, when, ...row }));
  const rows = new Map([...marked(before), ...marked(now)].map((row) => [row.id, row]));
  const inOrder = [...rows.values()].sort((one, other) => ROWS.indexOf(one.id) - ROWS.indexOf(other.id));
  return { ...now, rows: inOrder, targets: judge(rows) };
}

/**
 * An earlier result with more rounds of the same, and the bars judged anew: for when measuring takes longer than a
 * machine can be spared. Nothing of what was measured before is left out.
 */
export function add(before, now) {
  refuseToAdd(before, now);
  const rounds = before.settings.rounds + now.settings.rounds;
  const fresh = new Map(now.rows.map((row) => [row.id, row]));
  const rows = new Map(before.rows.map((row) => [row.id, withRuns(row, fresh.get(row.id))]));
  const parts = [...(before.parts ?? [partOf(before)]), partOf(now)];
  return { ...withRounds(now, rounds), parts, rows: [...rows.values()], targets: judge(rows) };
}

/** @throws when rounds measured now could not be added to the earlier result */
function refuseToAdd(before, now) {
  refuseOthers(before, withRounds(now, before.settings.rounds));
  const core = coreOf(now.tree.commit);
  // A row that was put in later has a tree of its own.
  const trees = [now.tree, before.tree, ...before.rows.map(({ tree }) => tree ?? before.tree)];
  if (core === undefined || trees.some(({ commit, changed }) => changed || coreOf(commit) !== core)) {
    throw new Error('The earlier result is of another lib/core: measure all rounds.');
  }
}

const withRounds = (result, rounds) => ({ ...result, settings: { ...result.settings, rounds } });
const partOf = ({ when, tree, settings: { rounds } }) => ({ when, tree, rounds });

function withRuns(row, more) {
  const ids = (one) => one?.clients.map(({ id }) => id).join();
  if (ids(row) !== ids(more) || row.rate !== more.rate) {
    throw new Error(`The earlier result has other clients or another rate in ${row.id}: measure all rounds.`);
  }
  const runs = row.clients.map(({ id, errors, runs }, at) => {
    const { [at]: other } = more.clients;
    return [id, { runs: [...runs, ...other.runs], errors: [...errors, ...other.errors] }];
  });
  return { ...row, ...summarise(row, runs, row.clients, row.rate) };
}

/** @throws when the two results cannot stand side by side */
function refuseOthers(before, now) {
  for (const what of ['machine', 'versions', 'settings']) {
    const { load: _, ...one } = before[what];
    const { load: __, ...other } = now[what];
    if (JSON.stringify(one) !== JSON.stringify(other)) {
      throw new Error(`The earlier result has another ${what}: measure all rows.`);
    }
  }
}

export default { measure, report, charts, merge, add };
