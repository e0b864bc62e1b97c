/**
 * Runs one job in a process of its own and brings back its answer.
 *
 * Invariant: it always settles. A process that dies, or is not done in time, is a failure with a sentence,
 * never a bench that hangs.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { benchRoot } from './machine.mjs';

const CHILD = path.join(benchRoot, 'harness', 'child.mjs');

/**
 * @param {{module: string}} job handed to `run(job)` of that module
 * @param {{node?: string, execArgv?: string[], cpu?: number, timeoutMs?: number, cwd?: string,
 *   answers?: Record<string, (told: unknown) => Promise<unknown>>}} [options]
 *   `cpu` pins the process to one core; `answers` has a function for each question the process may ask, which is given
 *   what the process told with it
 * @returns {Promise<any>} what `run` returned
 */
export function runChild(
  job,
  { node = process.execPath, execArgv = [], cpu, timeoutMs = 60_000, cwd, answers = {} } = {},
) {
  const line = [node, ...execArgv, CHILD];
  if (cpu !== undefined) line.unshift('taskset', '-c', String(cpu));
  const child = spawn(line[0], line.slice(1), {
    cwd: cwd ?? benchRoot,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      printed = (printed + text).slice(-4_000);
    });
  }
  return new Promise((resolve, reject) => {
    let answer;
    const timer = setTimeout(() => {
      answer ??= { error: `no answer after ${timeoutMs / 1_000} s` };
      child.kill('SIGKILL');
    }, timeoutMs);
    const reply = async ({ question, told }) => {
      try {
        const said = await answers[question](told);
        if (child.connected) child.send({ answer: said });
      } catch (error) {
        // Without its answer it would wait until its time is up.
        answer ??= { error: `its question "${question}" has no answer: ${error.message}` };
        child.kill('SIGKILL');
      }
    };
    child.on('message', (message) => {
      if (message.ready) child.send(job);
      else if (message.question !== undefined) reply(message);
      else answer = message;
    });
    child.on('error', (error) => {
      answer ??= { error: error.message };
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (answer?.error === undefined && answer !== undefined) return resolve(answer.result);
      const said = answer?.error ?? `the process ended (${signal ?? `code ${code}`}) without an answer`;
      const error = new Error(said);
      error.printed = `${answer?.stack ?? ''}\n${printed}`.trim();
      reject(error);
    });
  });
}
