/** node-redis; it pipelines what is asked for within one tick by itself. */
import { createClient, RESP_TYPES } from 'redis';

export async function open({ servers: [{ host, port }], options }) {
  const client = createClient({ socket: { host, port }, ...options });
  await client.connect();
  const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.mGet(keys),
    pick: (found, _key, index) => found[index],
    setMany: (entries) => client.mSet(entries),
    getBuffer: (key) => binary.get(key),
    buffers: true,
    close: () => client.destroy(),
  };
}
