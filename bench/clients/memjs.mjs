/** memjs speaks the binary protocol and hands out Buffers; it has no multi-get. */
import memjs from 'memjs';

export async function open({ servers, options }) {
  const client = memjs.Client.create(servers.map(({ host, port }) => `${host}:${port}`).join(','), options);
  const get = async (key) => (await client.get(key)).value?.toString();
  return {
    get,
    set: (key, value) => client.set(key, value, {}),
    getMany: (keys) => Promise.all(keys.map(get)),
    pick: (found, _key, index) => found[index],
    setMany: (entries) => Promise.all(entries.map(([key, value]) => client.set(key, value, {}))),
    getBuffer: async (key) => (await client.get(key)).value,
    buffers: true,
    close: () => client.close(),
  };
}
