/**
 * A port where connects hang as if the network swallowed their SYN: a listener that takes one waiting
 * connection, in a thread that never comes to accept any, and enough others that wait already.
 */
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

export interface SynBlackHole {
  readonly address: string;
  close(): Promise<void>;
}

const LISTENER = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const listener = createServer();
  listener.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(listener.address().port);
    // The message must leave before the thread stands still for good.
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000), 20);
  });
`;

export async function synBlackHole(): Promise<SynBlackHole> {
  const worker = new Worker(LISTENER, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, 40));
  const fillers: Socket[] = [];
  for (let i = 0; i < 4; i++) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 40));
  return {
    address: `127.0.0.1:${port}`,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
