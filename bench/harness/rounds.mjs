/**
 * Measures rows round by round: in each round every client does every row once, in a fresh process, and
 * the order of the clients moves on by one each round, so that nobody always runs first.
 *
 * Invariant: the n-th run of every client of a row is from the n-th round, or `undefined` when it failed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { flush } from './servers.mjs';
import { summary } from './stats.mjs';

/**
 * @param {object} plan
 * @param {object[]} plan.rows loaded rows
 * @param {{id: string, family: string}[]} plan.clients
 * @param {(client, row) => object[]} plan.serversOf the servers a client is measured against
 * @param {(client, row) => object} plan.jobOf what else its process must know
 * @param {(row) => number | undefined} plan.cpuOf the core to pin it to
 * @returns {Promise<Map<string, object>>} by row id, see {@link summarise}
 */
export async function runRounds(plan) {
  const { rows, clients, rounds } = plan;
  const progress = plan.progress(stepsOf(plan));
  const results = new Map(
    rows.map((row) => [
      row.id,
      new Map(takers(row, clients).map(({ id }) => [id, { runs: [], errors: [] }])),
    ]),
  );
  const rates = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const order = takers(row, clients);
      for (let turn = 0; turn < order.length; turn++) {
        const client = order[(turn + round) % order.length];
        const rate = offeredRate(row, results, clients, rates, plan);
        const taker = results.get(row.id).get(client.id);
        progress.step(`round ${round + 1}/${rounds}  ${row.id}  ${client.id}`);
        try {
          taker.runs.push(await runOnce(plan, row, client, rate, `${round}${turn}`));
        } catch (error) {
          taker.runs.push(undefined);
          taker.errors.push(error.message);
          if (plan.verbose) process.stderr.write(`${error.message}\n${error.printed ?? ''}\n`);
        }
      }
    }
  }
  progress.end();
  return new Map(
    rows.map((row) => [row.id, summarise(row, results.get(row.id), clients, rates.get(row.id))]),
  );
}

/** How many processes a plan will run. */
const stepsOf = ({ rows, clients, rounds }) =>
  rows.reduce((sum, row) => sum + takers(row, clients).length, 0) * rounds;

const takers = (row, clients) => clients.filter(({ family }) => family !== 'floor' || row.floor === true);

async function runOnce(plan, row, client, rate, mark) {
  const servers = plan.serversOf(client, row);
  // Keys of a run of its own: what an earlier client left behind is never found.
  const prefix = `b${mark}${Date.now().toString(36).slice(-4)}`;
  for (const server of servers) if (server.flush !== undefined) await flush(server);
  const job = {
    module: 'harness/run-row.mjs',
    row: row.id,
    client: client.id,
    servers: servers.map(({ host, port }) => ({ host, port })),
    seconds: plan.seconds,
    warmup: plan.warmup,
    attempts: plan.attempts,
    prefix: prefix.padEnd(8, '0'),
    rate,
    ...plan.jobOf(client, row),
  };
  const timeoutMs = (plan.attempts * (plan.seconds + 2) + plan.warmup) * 1_000 + 45_000;
  const result = await plan.runChild(job, { cpu: plan.cpuOf(row), timeoutMs });
  await sleep(50); // the server closes the connections that just ended
  return result;
}

/** Fixed by the first round, so that all rounds offer the same. */
function offeredRate(row, results, clients, rates, plan) {
  if (row.offered === undefined) return undefined;
  if (!rates.has(row.id)) {
    const peaks = clients
      .filter(({ family }) => family === 'memcached' || family === 'redis')
      .map(({ id }) => results.get(row.offered.of)?.get(id)?.runs[0]?.perSecond ?? 0);
    const peak = Math.max(0, ...peaks);
    if (peak === 0 && plan.rate === undefined) {
      throw new Error(`${row.id} needs the peers' peak: measure ${row.offered.of} too, or give --rate.`);
    }
    rates.set(row.id, plan.rate ?? Math.round(peak * row.offered.share));
  }
  return rates.get(row.id);
}

/** What is kept of a row: each client's runs, and the summary of each figure over the rounds. */
export function summarise(row, takersOf, clients, rate) {
  const byId = new Map(clients.map((client) => [client.id, client]));
  const list = [...takersOf].map(([id, { runs, errors }]) => {
    const { family, package: packageName } = byId.get(id);
    const over = (pick) => {
      const numbers = runs.filter(Boolean).map(pick).filter(Number.isFinite);
      return numbers.length === 0 ? undefined : summary(numbers);
    };
    return {
      id,
      family,
      package: packageName,
      perSecond: over((one) => one.perSecond),
      p50: over((one) => one.latency.p50),
      p99: over((one) => one.latency.p99),
      cpu: over((one) => one.cpuSecondsPerMillion),
      memory: over((one) => one.peakMegabytes),
      sockets: over((one) => one.sockets),
      errors,
      runs,
    };
  });
  return { id: row.id, title: row.title, rate, clients: list };
}
