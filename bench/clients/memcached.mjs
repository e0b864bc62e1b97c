/** memcached: classic text protocol, callbacks; Buffers come back as Buffers. */
import Memcached from 'memcached';

export async function open({ servers, options }) {
  const client = new Memcached(
    servers.map(({ host, port }) => `${host}:${port}`),
    options,
  );
  const call = (run) =>
    new Promise((resolve, reject) => {
      run((error, value) => (error ? reject(error) : resolve(value)));
    });
  const set = (key, value) => call((done) => client.set(key, value, 0, done));
  return {
    get: (key) => call((done) => client.get(key, done)),
    set,
    getMany: (keys) => call((done) => client.getMulti(keys, done)),
    pick: (found, key) => found[key],
    setMany: (entries) => Promise.all(entries.map(([key, value]) => set(key, value))),
    buffers: true,
    close: () => client.end(),
  };
}
