/** The server that is memory: it answers what it was asked, in order, and nothing else. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { runChild } from '../harness/children.mjs';
import { repositoryRoot } from '../harness/machine.mjs';
import { connectToMemory, FixedAnswers } from '../harness/memory-socket.mjs';

const value = 'a value with an O in it';
connectToMemory(new FixedAnswers({ value, isSet: false }));

/** A socket to memory, and all it was sent so far. */
async function connect(roomFor = 64) {
  let received = '';
  const buffer = Buffer.alloc(roomFor);
  const callback = (count) => {
    assert.ok(count <= roomFor);
    received += buffer.latin1Slice(0, count);
    return true;
  };
  const socket = await new Promise((resolve) => {
    const made = net.connect({ onread: { buffer, callback } }, () => resolve(made));
  });
  const after = async (text) => {
    received = '';
    socket.write(text);
    assert.equal(received, '', 'it never answers in the same turn');
    await new Promise((resolve) => setImmediate(resolve));
    return received;
  };
  return after;
}

const found = (number) => `VA ${value.length} f1 O${number}\r\n${value}\r\n`;

test('memory › answers all requests of a write, by their numbers, beyond the last one too', async () => {
  const after = await connect();
  assert.equal(await after('mg probe:1 k O1\r\n'), 'EN kprobe:1 O1\r\n');
  assert.equal(await after('mg a f v O0\r\nmg b f v O1\r\n'), found(0) + found(1));
  assert.equal(await after('mg c f v O2\r\n'), found(2));
  const numbers = [...Array.from({ length: 4_093 }, (_, at) => at + 3), 0, 1];
  const lines = numbers.map((number) => `mg k f v O${number}\r\n`);
  assert.equal(await after(lines.join('')), numbers.map(found).join(''));
});

test('memory › answers a batch with the keys it asks for', async () => {
  const after = await connect();
  const of = (key) => `VALUE ${key} 1 ${value.length}\r\n${value}\r\n`;
  assert.equal(await after('get a b\r\nget c\r\n'), `${of('a')}${of('b')}END\r\n${of('c')}END\r\n`);
});

test('memory › answers the last of many sets alone, and their end', async () => {
  const to = (text) => answers.to(text).map(String).join('');
  const answers = new FixedAnswers({ value, isSet: true });
  const set = (key, tail) => `ms ${key} ${value.length} F1 T0 ${tail}\r\n${value}\r\n`;
  const quiet = (number) => `${set('a', 'q')}${set('b', 'q')}${set('c', `O${number}`)}mn\r\n`;
  assert.equal(to(set('a', 'O0')), 'HD O0\r\n');
  assert.equal(to(quiet(1)), 'HD O1\r\nMN\r\n');
  assert.equal(to(set('a', 'O2') + set('b', 'O3') + quiet(4)), 'HD O2\r\nHD O3\r\nHD O4\r\nMN\r\n');
  assert.throws(() => to(quiet(6)), /Request 6 comes where 5 was due/);
});

test('memory › refuses what it does not know', async () => {
  const after = await connect();
  await assert.rejects(after('stats\r\n'), /has no answer to "stats/);
  await assert.rejects(after('mg a f v O4096\r\n'), /has no answer/);
  await assert.rejects(after('mg a f v O77\r\n'), /Request 77 comes where 2 was due/);
  await assert.rejects(after('get a b\r\nmg c f v O2\r\n'), /knows lists alone, not beside "mg c f v O2"/);
});

test('alone › measures a client that speaks to memory, and the loops without one', async () => {
  for (const [client, row] of [
    ['ours', 'get-100b-50'],
    ['bare', 'set-100b-500'],
    ['strings', 'getmany-100-10'],
  ]) {
    const job = {
      module: 'studies/alone.work.mjs',
      tree: repositoryRoot,
      client,
      row,
      seconds: 0.05,
      warmup: 0.05,
    };
    const { stretches, best, median } = await runChild(job);
    assert.equal(stretches, 5);
    assert.ok(best > 0 && best <= median, `${client}: ${best} and ${median}`);
  }
});
