/** The server in memory that keeps what it is given: it answers as memcached does, or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChild } from '../harness/children.mjs';
import { repositoryRoot } from '../harness/machine.mjs';
import { MemoryStore } from '../harness/memory-store.mjs';

function store() {
  const made = new MemoryStore();
  return (text) => made.to(text).map(String).join('');
}

test('memory store › answers each request of a write, in order, with the flags it asked for', () => {
  const ask = store();
  assert.equal(ask('mg probe k O1\r\n'), 'EN kprobe O1\r\n');
  assert.equal(
    ask('ms a 3 F1 T0 O0\r\nabc\r\nmg a f v O1\r\nmg b f v O2\r\n'),
    'HD O0\r\nVA 3 f1 O1\r\nabc\r\nEN O2\r\n',
  );
  assert.equal(
    ask('mg a f c t v O3\r\nmg a f c t v O4\r\n'),
    'VA 3 f1 c1 t-1 O3\r\nabc\r\nVA 3 f1 c1 t-1 O4\r\nabc\r\n',
  );
  assert.equal(ask('ms a 2 F1 T0 O5\r\nxy\r\nmg a f c v O6\r\n'), 'HD O5\r\nVA 2 f1 c2 O6\r\nxy\r\n');
});

test('memory store › lets one reader of a missing key win it, until it is filled or given back', () => {
  const ask = store();
  const read = 'mg k N10 f c t v';
  assert.equal(ask(`${read} O0\r\n${read} O1\r\n`), 'VA 0 f0 c1 t-1 W O0\r\n\r\nVA 0 f0 c1 t-1 Z O1\r\n\r\n');
  assert.equal(ask('ms k 1 F1 T0 C7 O2\r\nx\r\n'), 'EX O2\r\n');
  assert.equal(ask('ms k 1 F1 T0 C1 O3\r\nx\r\n'), 'HD O3\r\n');
  assert.equal(ask(`${read} O4\r\n`), 'VA 1 f1 c2 t-1 O4\r\nx\r\n');
  assert.equal(ask('md k C1 O5\r\nmd k C2 O6\r\nmd k O7\r\n'), 'EX O5\r\nHD O6\r\nNF O7\r\n');
});

test('memory store › stores with ME only what is not there', () => {
  const ask = store();
  const add = (body) => `ms k 1 F1 T0 ME O0\r\n${body}\r\n`;
  assert.equal(ask(add('x') + add('y')), 'HD O0\r\nNS O0\r\n');
  assert.equal(ask('mg k v O1\r\n'), 'VA 1 O1\r\nx\r\n');
});

test('memory store › refuses what it does not know', () => {
  const ask = store();
  ask('ms k 1 F1 T0 O0\r\nx\r\n');
  assert.throws(() => ask('get k\r\n'), /has no answer to "get k"/);
  assert.throws(() => ask('mg k s v O1\r\n'), /does not know the flag "s"/);
  assert.throws(() => ask('md k I O1\r\n'), /marks nothing stale/);
});

test('hits › measures each way to read a cached object, and checks that all were hits', async () => {
  for (const way of ['pool.get', 'cache.getOrSet', '@Cacheable']) {
    const job = {
      module: 'studies/hits.work.mjs',
      tree: repositoryRoot,
      way,
      inFlight: 5,
      seconds: 0.05,
      warmup: 0.05,
    };
    const { stretches, best, median } = await runChild(job);
    assert.equal(stretches, 5);
    assert.ok(best > 0 && best <= median, `${way}: ${best} and ${median}`);
  }
});
