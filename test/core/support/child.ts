/**
 * A process of its own that uses a pool and closes it. It never calls `process.exit`: that it ends is what
 * the test is about. Its last line says how its calls ended.
 */
import { MemcachedPool } from '../../../lib/core/pool/pool.js';

const [nodes, scenario] = process.argv.slice(2);
const pool = new MemcachedPool({
  nodes: nodes!,
  closeTimeout: 300,
  connectTimeout: '5s',
  commandTimeout: '5s',
});

async function run(): Promise<unknown[]> {
  switch (scenario) {
    case 'never-used':
      return [];
    case 'used':
      await pool.set('a', 1);
      return [await pool.get('a')];
    case 'fifty-in-flight': {
      await pool.connect();
      const calls = Array.from({ length: 50 }, (_, i) => pool.set(`k${i}`, i));
      await pool.close();
      return Promise.allSettled(calls).then((ends) => [...new Set(ends.map(({ status }) => status))]);
    }
    case 'hung': {
      const call = pool.get('a').catch((error: { code: string }) => error.code);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await pool.close();
      return [await call];
    }
    case 'unreachable':
      return [await pool.get('a').catch((error: { code: string }) => error.code), pool.nodes()[0]!.state];
    default:
      throw new Error(`no scenario ${scenario}`);
  }
}

void run().then(async (ends) => {
  await Promise.all([pool.close(), pool.close()]);
  console.log(JSON.stringify(ends));
});
