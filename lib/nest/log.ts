/**
 * What the application's log hears about pools: one line per change of a node's state, through Nest's Logger.
 * Only this room logs; the client below tells events, and keeps silent.
 */
import { Logger } from '@nestjs/common';
import type { MemcachedPool } from '../core/pool/pool.js';
import { DEFAULT_POOL } from './tokens.js';

export function poolLogger(name: string): Logger {
  return new Logger(name === DEFAULT_POOL ? 'MemcachedPool' : `MemcachedPool:${name}`);
}

export function logNodeStates(pool: MemcachedPool): void {
  const logger = poolLogger(pool.name);
  pool.on('nodeState', ({ node, from, to, reason }) => {
    const line = `${node} is ${to} (was ${from})${reason === '' ? '' : `: ${reason}`}`;
    if (to === 'blacklisted') logger.warn(line);
    else logger.log(line);
  });
}

/** For the cache, which writes one line when its state changes. */
export function cacheLogger(name: string): Logger {
  return new Logger(name === DEFAULT_POOL ? 'MemcachedCache' : `MemcachedCache:${name}`);
}
