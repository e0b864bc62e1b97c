/** Drives one application with autocannon; the application runs in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

const PRODUCTS = 100;

export async function run({ connections, seconds, warmup, ...job }) {
  const server = fork(fileURLToPath(new URL('./http.server.mjs', import.meta.url)), { stdio: 'inherit' });
  const gone = once(server, 'exit').then(([code]) => {
    throw new Error(`The application ended with code ${code}.`);
  });
  gone.catch(() => undefined);
  const ask = async (question) => {
    server.send(question);
    const [answer] = await Promise.race([once(server, 'message'), gone]);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  try {
    const { port } = await ask({ start: job });
    const url = `http://127.0.0.1:${port}`;
    await fill(url);
    await checkAnswers(url);
    const requests = Array.from({ length: PRODUCTS }, (_, id) => ({ path: `/products/${id}` }));
    const shoot = (duration) => autocannon({ url, connections, duration, requests });
    await shoot(warmup);
    const before = await ask({ usage: true });
    const result = await shoot(seconds);
    const after = await ask({ usage: true });
    if (result.errors > 0 || result.non2xx > 0) {
      throw new Error(`${result.errors} errors and ${result.non2xx} answers that were not 2xx.`);
    }
    await checkAnswers(url);
    return {
      perSecond: result.requests.average,
      p50: result.latency.p50,
      p99: result.latency.p99,
      cpuPerRequest: (after.cpu - before.cpu) / result['2xx'],
      loads: after.loads - before.loads,
      peakMegabytes: after.peakMegabytes,
    };
  } finally {
    server.kill('SIGKILL');
  }
}

/** Every product once, so that what is measured are hits. */
async function fill(url) {
  for (let id = 0; id < PRODUCTS; id++) await (await fetch(`${url}/products/${id}`)).arrayBuffer();
}

/** Twice: what is stored and what comes back from the cache must be the same. */
async function checkAnswers(url) {
  for (const id of [1, 42, 99, 1, 42, 99]) {
    const answer = await (await fetch(`${url}/products/${id}`)).json();
    if (answer.id !== String(id) || answer.name !== `Product ${id}`) {
      throw new Error(`Wrong answer for product ${id}: ${JSON.stringify(answer).slice(0, 60)}`);
    }
  }
}
