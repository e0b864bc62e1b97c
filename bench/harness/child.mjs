/**
 * A measured process: takes one job over its channel, runs it, answers and ends. The job names a module
 * of the bench, whose `run(job)` does the work.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchRoot } from './machine.mjs';

process.once('disconnect', () => process.exit(1));
process.once('message', async (job) => {
  let answer;
  try {
    const { run } = await import(pathToFileURL(path.join(benchRoot, job.module)).href);
    answer = { result: await run(job) };
  } catch (error) {
    answer = { error: error?.message || String(error), stack: error?.stack };
  }
  process.removeAllListeners('disconnect');
  process.send(answer, () => process.exit(0));
});
process.send({ ready: true });
