/**
 * What `stats` counts, under the names memcached gives it. Counting only; who counts what is decided where it happens.
 */
export class Counters {
  cmd_get = 0;
  cmd_set = 0;
  cmd_flush = 0;
  cmd_touch = 0;
  cmd_meta = 0;
  get_hits = 0;
  get_misses = 0;
  delete_misses = 0;
  delete_hits = 0;
  incr_misses = 0;
  incr_hits = 0;
  decr_misses = 0;
  decr_hits = 0;
  cas_misses = 0;
  cas_hits = 0;
  cas_badval = 0;
  touch_hits = 0;
  touch_misses = 0;
  store_too_large = 0;
  store_no_memory = 0;
  auth_cmds = 0;
  auth_errors = 0;
  bytes_read = 0;
  bytes_written = 0;
  total_connections = 0;
  rejected_connections = 0;

  reset(): void {
    Object.assign(this, new Counters());
  }

  /** One lookup of a key that was asked for. */
  read(hit: boolean): void {
    this.cmd_get++;
    if (hit) this.get_hits++;
    else this.get_misses++;
  }

  /** One lookup that set a new TTL; it does not count as a read. */
  touched(hit: boolean): void {
    this.cmd_touch++;
    if (hit) this.touch_hits++;
    else this.touch_misses++;
  }
}
