/**
 * A TCP relay that makes loopback behave like a network: replies arrive `latencyMs` later, and no faster
 * than `megabitsPerSecond` on each connection. It runs in a process of its own, so that its work is not
 * counted as the client's:
 *
 *     node relay.mjs '{"host":"127.0.0.1","port":11211,"latencyMs":5,"megabitsPerSecond":1000}'
 *
 * and prints the port it listens on. It ends with the process that started it.
 *
 * Invariant: bytes leave in the order they came, each no sooner than its time.
 */
import net from 'node:net';

const { host, port, latencyMs, megabitsPerSecond } = JSON.parse(process.argv[2]);
const bytesPerMs = megabitsPerSecond === undefined ? Number.POSITIVE_INFINITY : megabitsPerSecond * 125;
/** As much may be on its way as the line holds at this latency, and a little more. */
const WINDOW_BYTES = 4 * 2 ** 20;

function relay(client) {
  const server = net.connect({ host, port, noDelay: true });
  client.setNoDelay(true);
  client.pipe(server);

  const waiting = [];
  let waitingBytes = 0;
  let lineFreeAt = 0;
  let timer;

  const deliver = () => {
    timer = undefined;
    const now = performance.now();
    while (waiting.length > 0 && waiting[0].due <= now) {
      const { bytes } = waiting.shift();
      waitingBytes -= bytes.length;
      client.write(bytes);
    }
    if (waitingBytes < WINDOW_BYTES && server.isPaused()) server.resume();
    if (waiting.length > 0) timer = setTimeout(deliver, Math.max(0, waiting[0].due - performance.now()));
  };
  server.on('data', (bytes) => {
    const now = performance.now();
    lineFreeAt = Math.max(now, lineFreeAt) + bytes.length / bytesPerMs;
    waiting.push({ bytes, due: lineFreeAt + latencyMs });
    waitingBytes += bytes.length;
    if (waitingBytes >= WINDOW_BYTES) server.pause();
    timer ??= setTimeout(deliver, latencyMs);
  });

  const close = () => {
    clearTimeout(timer);
    client.destroy();
    server.destroy();
  };
  for (const socket of [client, server]) socket.on('close', close).on('error', close);
}

const listener = net.createServer(relay);
listener.listen(0, '127.0.0.1', () => process.stdout.write(`${listener.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
