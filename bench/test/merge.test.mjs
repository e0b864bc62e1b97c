/** Rows that are measured anew take the place of the same rows of an earlier result; rounds are added to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstLine } from '../harness/machine.mjs';
import { add, merge } from '../studies/rows.mjs';

const result = (commit, ids) => ({
  machine: { cpu: 'one', load: Math.random() },
  versions: { ioredis: '6' },
  settings: { rounds: 5 },
  tree: { commit },
  when: `at ${commit}`,
  rows: ids.map((id) => ({ id, title: `${id} of ${commit}`, clients: [] })),
  targets: [],
});

test('each row says of which commit it is', () => {
  const { rows, tree } = merge(
    result('first', ['get-100b-50', 'set-100b-50']),
    result('second', ['set-100b-50']),
  );
  assert.deepEqual(
    rows.map(({ id, title, tree: { commit }, when }) => [id, title, commit, when]),
    [
      ['get-100b-50', 'get-100b-50 of first', 'first', 'at first'],
      ['set-100b-50', 'set-100b-50 of second', 'second', 'at second'],
    ],
  );
  assert.equal(tree.commit, 'second');
});

test('a row that was put in before keeps its commit', () => {
  const once = merge(result('first', ['get-100b-50', 'set-100b-50']), result('second', ['set-100b-50']));
  const { rows } = merge(once, result('third', ['get-100b-50']));
  assert.deepEqual(
    rows.map(({ tree: { commit } }) => commit),
    ['third', 'second'],
  );
});

test('a row that was not there before stands where all rows measured at once have it', () => {
  const { rows } = merge(
    result('first', ['get-100b-50', 'mix-90-10-100']),
    result('second', ['get-500kb-text-10']),
  );
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['get-100b-50', 'get-500kb-text-10', 'mix-90-10-100'],
  );
});

test('results of another machine are not mixed', () => {
  const other = { ...result('second', ['set-100b-50']), machine: { cpu: 'another' } };
  assert.throws(() => merge(result('first', ['get-100b-50']), other), /another machine: measure all rows/);
});

test('a run that had failed is judged as failed, also when it comes from a file', () => {
  const run = { perSecond: 10, latency: { p99: 1 }, cpuSecondsPerMillion: 1 };
  const client = (id, family) => ({ id, family, perSecond: { median: 10 }, runs: [run, undefined] });
  const row = {
    id: 'set-100b-50',
    title: '',
    clients: [client('ours', 'ours'), client('memjs', 'memcached')],
  };
  const before = JSON.parse(JSON.stringify({ ...result('first', []), rows: [row] }));
  const { targets } = merge(before, result('second', ['get-100b-50']));
  assert.equal(targets.find((one) => one.row === 'set-100b-50').ratio.rounds, 1);
});

const head = firstLine('git', ['rev-parse', '--short=12', 'HEAD']);
const measured = (perSecond, apart = true) => ({
  perSecond,
  latency: { p50: 1, p99: 1 },
  cpuSecondsPerMillion: 1,
  peakMegabytes: 1,
  apart,
});
/** Two clients on one row, so many rounds. */
const rounds = (ours, theirs, tree = { commit: head, changed: false }) => {
  const client = (id, family, runs) => ({ id, family, package: id, errors: [], runs });
  const clients = [client('ours', 'ours', ours), client('memjs', 'memcached', theirs)];
  const rows = [{ id: 'get-10kb-50', title: 'get 10 KB', clients }];
  return { ...result(head, []), tree, settings: { rounds: ours.length }, rows };
};

test('added rounds are judged together with those before', () => {
  const before = JSON.parse(JSON.stringify(rounds([measured(30), undefined], [measured(10), measured(10)])));
  const both = add(before, rounds([measured(50)], [measured(20, false)]));
  assert.equal(both.settings.rounds, 3);
  assert.deepEqual(
    both.parts.map((part) => part.rounds),
    [2, 1],
  );
  const [ours, theirs] = both.rows[0].clients;
  assert.deepEqual([ours.perSecond.median, theirs.perSecond.median], [40, 10]);
  assert.deepEqual(both.targets[0].ratio, { value: 4, low: 2.5, high: 3, rounds: 2 });
  assert.equal(add(both, rounds([measured(1)], [measured(1)])).parts.length, 3);
});

test('rounds of other code, of a changed tree or of other clients are not added', () => {
  const one = () => rounds([measured(30)], [measured(10)]);
  const unknown = rounds([measured(30)], [measured(10)], { commit: 'f'.repeat(12), changed: false });
  assert.throws(() => add(unknown, one()), /another lib\/core/);
  const changed = rounds([measured(30)], [measured(10)], { commit: head, changed: true });
  assert.throws(() => add(one(), changed), /another lib\/core/);
  const putIn = one();
  putIn.rows[0].tree = { commit: 'f'.repeat(12), changed: false };
  assert.throws(() => add(putIn, one()), /another lib\/core/);
  const fewer = one();
  fewer.rows[0].clients.pop();
  assert.throws(() => add(one(), fewer), /other clients .* in get-10kb-50/);
});
