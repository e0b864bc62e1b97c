/** memcache: classic text protocol, strings only. */
import { Memcache } from 'memcache';

export async function open({ servers, options }) {
  const nodes = servers.map(({ host, port }) => `${host}:${port}`);
  const client = new Memcache({ nodes, ...options });
  await client.connect();
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.gets(keys),
    pick: (found, key) => found.get(key),
    setMany: (entries) => Promise.all(entries.map(([key, value]) => client.set(key, value))),
    close: () => client.disconnect(),
  };
}
