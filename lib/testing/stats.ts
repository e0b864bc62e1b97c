/**
 * The lines of `stats`, as many of them as clients and tests look at, in memcached's order and under its names.
 */
import type { Counters } from './counters.js';
import type { Store } from './store.js';

export interface StatsSource {
  readonly counters: Counters;
  readonly store: Store;
  readonly version: string;
  readonly wallSeconds: number;
  readonly uptimeSeconds: number;
  readonly connections: number;
  readonly memory: number;
  readonly maxItemSize: number;
  readonly maxConnections: number;
  readonly port: number;
}

/** `undefined` for a topic nobody knows. */
export function describeStats(source: StatsSource, topic: string | undefined): readonly string[] | undefined {
  switch (topic) {
    case undefined:
      return general(source);
    case 'settings':
      return settings(source);
    case 'items':
    case 'slabs':
    case 'conns':
      return [];
    case 'sizes':
      return ['sizes_status disabled'];
    default:
      return undefined;
  }
}

function general({ counters, store, ...source }: StatsSource): string[] {
  return [
    `pid ${process.pid}`,
    `uptime ${source.uptimeSeconds}`,
    `time ${source.wallSeconds}`,
    `version ${source.version}`,
    'pointer_size 64',
    `max_connections ${source.maxConnections}`,
    `curr_connections ${source.connections}`,
    `total_connections ${counters.total_connections}`,
    `rejected_connections ${counters.rejected_connections}`,
    `cmd_get ${counters.cmd_get}`,
    `cmd_set ${counters.cmd_set}`,
    `cmd_flush ${counters.cmd_flush}`,
    `cmd_touch ${counters.cmd_touch}`,
    `cmd_meta ${counters.cmd_meta}`,
    `get_hits ${counters.get_hits}`,
    `get_misses ${counters.get_misses}`,
    `delete_misses ${counters.delete_misses}`,
    `delete_hits ${counters.delete_hits}`,
    `incr_misses ${counters.incr_misses}`,
    `incr_hits ${counters.incr_hits}`,
    `decr_misses ${counters.decr_misses}`,
    `decr_hits ${counters.decr_hits}`,
    `cas_misses ${counters.cas_misses}`,
    `cas_hits ${counters.cas_hits}`,
    `cas_badval ${counters.cas_badval}`,
    `touch_hits ${counters.touch_hits}`,
    `touch_misses ${counters.touch_misses}`,
    `store_too_large ${counters.store_too_large}`,
    `store_no_memory ${counters.store_no_memory}`,
    `auth_cmds ${counters.auth_cmds}`,
    `auth_errors ${counters.auth_errors}`,
    `bytes_read ${counters.bytes_read}`,
    `bytes_written ${counters.bytes_written}`,
    `limit_maxbytes ${source.memory}`,
    'threads 1',
    `bytes ${store.bytes}`,
    `curr_items ${store.size}`,
    `total_items ${store.totalItems}`,
    `evictions ${store.evictions}`,
  ];
}

function settings(source: StatsSource): string[] {
  return [
    `maxbytes ${source.memory}`,
    `maxconns ${source.maxConnections}`,
    `tcpport ${source.port}`,
    `item_size_max ${source.maxItemSize}`,
    'cas_enabled yes',
    'flush_enabled yes',
  ];
}
