/**
 * What the client tells whoever listens, on `node:diagnostics_channel`. No listener, no cost.
 * Messages carry node names, states and numbers; never a key, a value or a password.
 */
import { channel } from 'node:diagnostics_channel';

/** A node changed its state: `{ pool, node, from, to, reason }`. */
export const nodeStateChannel = channel('nestjs-memcached-pool:node:state');
/** A socket opened or closed: `{ pool, node, event: 'open' | 'close', reason }`. */
export const socketChannel = channel('nestjs-memcached-pool:socket');
/** A request settled in failure: `{ pool, node, code, verb }`. */
export const failureChannel = channel('nestjs-memcached-pool:failure');
/** The cache answered: `{ pool, namespace, operation, outcome, milliseconds }`. */
export const cacheChannel = channel('nestjs-memcached-pool:cache');
