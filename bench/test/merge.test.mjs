/** Rows that are measured anew take the place of the same rows of an earlier result, and of no others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merge } from '../studies/rows.mjs';

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
