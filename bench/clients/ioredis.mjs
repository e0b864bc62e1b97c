/** ioredis with auto-pipelining on, its fast setting. */
import { Redis } from 'ioredis';

export async function open({ servers: [{ host, port }], options }) {
  const client = new Redis({ host, port, enableAutoPipelining: true, ...options });
  await client.ping();
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.mget(keys),
    pick: (found, _key, index) => found[index],
    setMany: (entries) => client.mset(new Map(entries)),
    getBuffer: (key) => client.getBuffer(key),
    buffers: true,
    close: () => client.disconnect(),
  };
}
