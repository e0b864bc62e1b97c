/**
 * The servers every suite here runs against: the in-process one and, where there is one, the machine's own
 * memcached. `npm test` says how to install it; here its half shows up as skipped.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { MemcachedCache } from '../../lib/cache/cache.ts';
import { MemcachedPool } from '../../lib/core/pool/pool.ts';
import { TestMemcached } from '../../lib/testing/index.ts';
import { hasMemcached, RealMemcached } from '../support/real-memcached.ts';

const SERVERS = [
  ['the in-process memcached', true, () => TestMemcached.start()],
  ['a real memcached', hasMemcached, () => RealMemcached.start()],
];

/** Runs `suite` once for each server, with a function that gives a cache on it. */
export function onEveryServer(name, suite) {
  for (const [label, isThere, start] of SERVERS) {
    describe.skipIf(!isThere)(`${name}, on ${label}`, () => {
      let server;
      let pool;
      let cache;
      beforeAll(async () => {
        server = await start();
        // A slow machine must not make a miss of a hit.
        pool = new MemcachedPool({ nodes: server.address, connectTimeout: '20s', commandTimeout: '20s' });
        // No jitter: the suites move the clock to the exact end of an entry.
        cache = new MemcachedCache(pool, { jitter: 0 });
      });
      afterAll(async () => {
        await pool?.close();
        await server?.stop();
      });
      suite(
        () => cache,
        () => server,
      );
    });
  }
}
