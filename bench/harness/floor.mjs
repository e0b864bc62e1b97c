/**
 * The floor: a raw socket that writes requests built beforehand and counts replies without looking at
 * them. No client can be faster for long; how near one comes is what this measures.
 *
 * Invariant: all replies to one kind of request have one length, found by asking once; so bytes count
 * replies, and a stretch that does not end on a reply's boundary fails.
 */
import { once } from 'node:events';
import net from 'node:net';
import { makeValues } from './data.mjs';
import { measureStretch, untilApart } from './loads.mjs';
import { DurationHistogram } from './stats.mjs';

/** Requests in the prebuilt stream; it is sent over and over. */
const STREAM = 8_192;

/** `{key}` and `{bytes}` are filled in; a set's value and CRLF follow its line. */
export const CLASSIC = { get: 'get {key}', set: 'set {key} 0 0 {bytes}' };

export async function driveFloor({ row, keys, time, servers: [server], templates }) {
  const values = makeValues(keys, row.bytes);
  const build = (kind, index) => {
    const line = templates[kind].replace('{key}', keys[index]).replace('{bytes}', String(row.bytes));
    return Buffer.from(kind === 'set' ? `${line}\r\n${values[index]}\r\n` : `${line}\r\n`, 'latin1');
  };
  const plan = row.operation.make({ client: {}, keys, values });
  const kindAt = (turn) =>
    plan.writes === undefined ? row.operation.name : plan.writes[turn] === 1 ? 'set' : 'get';

  const setup = net.connect(server.port, server.host);
  await once(setup, 'connect');
  const replyBytes = { set: (await ask(setup, build('set', 0))).length };
  for (let index = 1; index < keys.length; index++) await ask(setup, build('set', index));
  replyBytes.get = (await ask(setup, build('get', 0))).length;
  setup.destroy();

  const requests = Array.from({ length: STREAM }, (_, turn) => build(kindAt(turn), plan.order[turn]));
  const starts = new Float64Array(STREAM + 1);
  requests.forEach((request, turn) => {
    starts[turn + 1] = starts[turn] + request.length;
  });
  const sizes = Uint32Array.from({ length: STREAM }, (_, turn) => replyBytes[kindAt(turn)]);
  const stream = Buffer.concat(requests);
  return untilApart(time, (times) => {
    const run = { open: true, done: 0, histogram: new DurationHistogram() };
    const finished = drive(run, server, stream, starts, sizes, row.load.inFlight);
    return measureStretch(run, finished, times);
  });
}

/** Sends one request and waits for its whole reply. */
async function ask(socket, request) {
  socket.write(request);
  let reply = Buffer.alloc(0);
  for (;;) {
    const [bytes] = await once(socket, 'data');
    reply = Buffer.concat([reply, bytes]);
    const lineEnd = reply.indexOf('\r\n');
    if (lineEnd < 0) continue;
    const line = reply.latin1Slice(0, lineEnd);
    const [word, first, , last] = line.split(' ');
    if (word === 'STORED' || word === 'HD') return reply;
    const tail = word === 'VA' ? Number(first) + 2 : word === 'VALUE' ? Number(last) + 7 : undefined;
    if (tail === undefined) throw new Error(`The floor's request was answered with ${JSON.stringify(line)}.`);
    if (reply.length === lineEnd + 2 + tail) return reply;
  }
}

function drive(run, server, stream, starts, sizes, window) {
  return new Promise((resolve, reject) => {
    let sent = 0; // requests written since the beginning
    let answered = 0;
    let pendingBytes = 0;
    let timedTurn = -1;
    let timedFrom = 0;

    const send = (count) => {
      if (timedTurn < 0) {
        timedTurn = sent;
        timedFrom = performance.now();
      }
      for (let left = count; left > 0; ) {
        const from = sent % STREAM;
        const some = Math.min(left, STREAM - from);
        socket.write(stream.subarray(starts[from], starts[from + some]));
        sent += some;
        left -= some;
      }
    };
    const onBytes = (length) => {
      pendingBytes += length;
      let count = 0;
      for (; answered < sent && pendingBytes >= sizes[answered % STREAM]; count++) {
        pendingBytes -= sizes[answered++ % STREAM];
      }
      run.done += count;
      if (timedTurn >= 0 && answered > timedTurn) {
        run.histogram.record(performance.now() - timedFrom);
        timedTurn = -1;
      }
      if (run.open) {
        if (count > 0) send(count);
      } else if (answered === sent) {
        socket.destroy();
        if (pendingBytes === 0) resolve();
        else reject(new Error(`${pendingBytes} bytes are left over: the replies were not of one length.`));
      }
    };
    const buffer = Buffer.allocUnsafe(1_048_576);
    const socket = net.connect({
      host: server.host,
      port: server.port,
      noDelay: true,
      onread: {
        buffer,
        callback(length) {
          onBytes(length);
          return true;
        },
      },
    });
    socket.on('connect', () => send(window)).on('error', reject);
  });
}
