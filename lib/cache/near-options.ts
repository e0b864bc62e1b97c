/** The options of the near cache, and how they are checked. What they do is decided in `near.ts`. */
import type { ByteSize, Duration } from '../core/base/durations.js';
import {
  bytes,
  checkOptions,
  duration,
  type OptionRule,
  type OptionRules,
  REFUSED,
} from '../core/base/options.js';

export interface NearOptions {
  /**
   * The most that is kept, as far as it can be estimated: one memory for a cache and all its views, made by the
   * first that has a near cache. What would take more than an eighth of it is not kept.
   * @defaultValue '16m'
   */
  maxBytes?: ByteSize | undefined;
  /** How long a copy is used before it is compared with memcached: how late others' changes are seen. @defaultValue '1s' */
  ttl?: Duration | undefined;
  /**
   * A key is hot when it was read before, and the last time no longer ago than this. memcached counts in whole
   * seconds.
   * @defaultValue '1s'
   */
  hotWithin?: Duration | undefined;
}

/** Complete, in bytes and milliseconds. */
export interface CheckedNear {
  maxBytes: number;
  ttl: number;
  hotWithin: number;
}

const DEFAULTS: CheckedNear = { maxBytes: 16 * 1024 ** 2, ttl: 1_000, hotWithin: 1_000 };

/** @param inherited - what an option that is not given falls back to */
export function nearRule(inherited: CheckedNear | false): OptionRule<CheckedNear | false> {
  const from = inherited === false ? DEFAULTS : inherited;
  return {
    fallback: inherited,
    expects: 'true, false or an object with maxBytes, ttl and hotWithin',
    read: (given) => {
      if (given === false) return false;
      if (given === true) return from;
      if (typeof given !== 'object' || given === null) return REFUSED;
      const rules: OptionRules<CheckedNear> = {
        maxBytes: bytes(from.maxBytes, 1024, 1024 ** 3),
        ttl: duration(from.ttl, 1, 60_000),
        hotWithin: duration(from.hotWithin, 0, 60_000),
      };
      return checkOptions<CheckedNear>('near', given, rules);
    },
  };
}
