/** After close() nothing of a pool keeps its process alive: each child must end by itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { TestMemcached } from '../../lib/testing/index.js';

const PATIENCE = 60_000;
jest.setTimeout(2 * PATIENCE);

/** What the child printed; rejects when it had to be killed or failed. */
async function endOf(nodes: string, scenario: string): Promise<unknown> {
  const loader = pathToFileURL(join(__dirname, '../nest/support/typescript-loader.mjs')).href;
  const file = join(__dirname, 'support/child.ts');
  const child = spawn(process.execPath, ['--import', loader, file, nodes, scenario], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const hung = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  clearTimeout(hung);
  expect({ scenario, code, signal }).toEqual({ scenario, code: 0, signal: null });
  return JSON.parse(printed);
}

describe('a process ends by itself after close()', () => {
  let server: TestMemcached;
  beforeEach(async () => {
    server = await TestMemcached.start();
  });
  afterEach(() => server.close());

  test('when the pool was never used', async () => {
    expect(await endOf(server.address, 'never-used')).toEqual([]);
  });

  test('when it was used', async () => {
    expect(await endOf(server.address, 'used')).toEqual([1]);
  });

  test('with fifty calls in flight, all of which settle', async () => {
    expect(await endOf(server.address, 'fifty-in-flight')).toEqual(['fulfilled']);
  });

  test('when the server hangs', async () => {
    server.misbehave.freeze();
    expect(await endOf(server.address, 'hung')).toEqual(['MEMCACHED_CONNECTION']);
  });

  test('when the server was never there, and a probe is due', async () => {
    await server.stop();
    expect(await endOf(server.address, 'unreachable')).toEqual(['MEMCACHED_CONNECTION', 'blacklisted']);
  });
});
