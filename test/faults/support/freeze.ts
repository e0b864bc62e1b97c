/**
 * Freezes a memcached so that the next question finds it frozen.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RealMemcached } from '../../support/real-memcached.js';
import { until } from './stage.js';

/**
 * Resolves when all of its threads stand still. The signal alone is only on its way when `kill` returns, and a thread
 * that has not heard of it on a busy machine still answers. Without /proc that cannot be seen, and is not waited for.
 */
export async function freeze(server: RealMemcached): Promise<void> {
  server.signal('SIGSTOP');
  const threads = `/proc/${server.pid}/task`;
  if (!existsSync(threads)) return;
  await until(() => readdirSync(threads).every((thread) => stateIn(`${threads}/${thread}/stat`) === 'T'));
}

/** The word after the name, which stands in brackets and may hold anything (proc(5)). */
function stateIn(stat: string): string | undefined {
  const line = readFileSync(stat, 'latin1');
  return line.slice(line.lastIndexOf(')') + 2)[0];
}
