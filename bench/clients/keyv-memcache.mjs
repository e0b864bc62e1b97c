/** @keyv/memcache under Keyv, the way cache modules use it: memjs below, JSON envelopes above. */
import KeyvMemcache from '@keyv/memcache';
import Keyv from 'keyv';

export async function open({ servers, options }) {
  const store = new KeyvMemcache(servers.map(({ host, port }) => `${host}:${port}`).join(','), options);
  const keyv = new Keyv({ store });
  return {
    get: (key) => keyv.get(key),
    set: (key, value) => keyv.set(key, value),
    getMany: (keys) => keyv.getMany(keys),
    pick: (found, _key, index) => found[index],
    setMany: (entries) => Promise.all(entries.map(([key, value]) => keyv.set(key, value))),
    close: () => store.client.close(),
  };
}
