/**
 * Lifetimes, from milliseconds to what memcached understands.
 * Invariant: what leaves here is a whole number from 0 to 2^31 - 1; nothing else may be written as an
 * expiry time (a negative one is stored and gone at once, one over 2^31 - 1 too).
 */
import { type Clock } from '../base/clock.js';
import { type Duration, toMilliseconds } from '../base/durations.js';
import { MemcachedArgumentError } from '../base/errors.js';
import { describe } from '../base/options.js';

/** Relative times beyond this are read as seconds since 1970 (protocol.txt, Expiration times). */
const LONGEST_RELATIVE_SECONDS = 2_592_000;
const LAST_SECOND = 2_147_483_647;

/**
 * Seconds for the wire: rounded up, absolute beyond 30 days. 0 and `undefined` mean never.
 * @throws MemcachedArgumentError for negative, NaN, infinite or unreadable times, and beyond 2038-01-19.
 */
export function toExptime(ttl: Duration | undefined, clock: Clock): number {
  if (ttl === undefined || ttl === 0) return 0;
  const milliseconds = toMilliseconds(ttl);
  if (milliseconds === undefined) {
    throw new MemcachedArgumentError(
      `A TTL must be milliseconds of 0 or more or a string like '10m', not ${describe(ttl)}.`,
    );
  }
  if (milliseconds === 0) return 0;
  // However short, it is not 0, which would be for ever.
  const seconds = Math.max(1, Math.ceil(milliseconds / 1_000));
  if (seconds <= LONGEST_RELATIVE_SECONDS) return seconds;
  const absolute = Math.ceil((clock.wallNow() + milliseconds) / 1_000);
  if (absolute > LAST_SECOND) {
    throw new MemcachedArgumentError(
      `A TTL of ${describe(ttl)} ends after 2038-01-19, which memcached cannot express; use 0 for never.`,
    );
  }
  return absolute;
}
