/** memcache-plus: classic text protocol, Bluebird promises. */
import MemcachePlus from 'memcache-plus';

export async function open({ servers, options }) {
  const hosts = servers.map(({ host, port }) => `${host}:${port}`);
  const client = new MemcachePlus({ hosts, ...options });
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.getMulti(keys),
    pick: (found, key) => found[key],
    setMany: (entries) => Promise.all(entries.map(([key, value]) => client.set(key, value))),
    close: () => client.disconnect(),
  };
}
