/** memcache-client: classic text protocol; its default lifetime of 60 s is longer than any run. */
import { MemcacheClient } from 'memcache-client';

export async function open({ servers, options }) {
  const given = servers.map(({ host, port }) => ({ server: `${host}:${port}` }));
  const server = given.length === 1 ? given[0].server : { servers: given };
  const client = new MemcacheClient({ server, ...options });
  return {
    get: async (key) => (await client.get(key))?.value,
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.get(keys),
    pick: (found, key) => found[key]?.value,
    setMany: (entries) => Promise.all(entries.map(([key, value]) => client.set(key, value))),
    buffers: true,
    close: () => client.shutdown(),
  };
}
