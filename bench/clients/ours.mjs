/**
 * This package, imported from its built files as an application would import it: `tree` is the checkout.
 */
import { importFromTree } from '../harness/library.mjs';

export async function open({ servers, tree, options }) {
  const { MemcachedPool } = await importFromTree(tree, 'nestjs-memcached-pool/core');
  const nodes = servers.map(({ host, port }) => `${host}:${port}`);
  const pool = new MemcachedPool({ nodes, ...options });
  await pool.connect();
  return {
    get: (key) => pool.get(key),
    set: (key, value) => pool.set(key, value),
    getMany: (keys) => pool.getMany(keys),
    pick: (found, key) => found.get(key),
    setMany: (entries) => pool.setMany(entries),
    buffers: true,
    facts: () => ({ sockets: pool.nodes().reduce((sum, node) => sum + node.sockets, 0) }),
    close: () => pool.close(),
  };
}
