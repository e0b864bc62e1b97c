/**
 * Runs `child-app.ts` in a process of its own and reads from it as a client on fresh connections does.
 * A child that does not end by itself is killed, so that the tests end; the test fails then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

export function startChild(nodes: string, task: 'serve' | 'close'): ChildProcess {
  const loader = pathToFileURL(join(__dirname, 'typescript-loader.mjs')).href;
  const app = join(__dirname, 'child-app.ts');
  return spawn(process.execPath, ['--import', loader, app, nodes, task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** On a connection of its own: kept alive, it would keep the server alive. */
export async function read(url: string): Promise<string> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  return text(response);
}

export async function expectEnd(child: ChildProcess): Promise<void> {
  const hung = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const [code, signal] =
    child.exitCode === null ? await once(child, 'exit') : [child.exitCode, child.signalCode];
  clearTimeout(hung);
  expect([code, signal]).not.toEqual([null, 'SIGKILL']);
}
