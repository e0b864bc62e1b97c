/** What is hammered, in which way, and what must hold then. */
import type { CacheOptions } from '../../../lib/cache/options.js';

export interface Scenario {
  does: string;
  cache: Omit<CacheOptions, 'namespace'>;
  /** So many loads are let live between two that are killed; 0: none is killed. */
  killEvery: number;
  /** How long a caller waits at most, in milliseconds, on a machine that is never late. */
  longestWait: number;
}

/** In milliseconds. */
export const TTL = 2_000;
export const LOAD_TIMEOUT = 1_000;
/** The right to refill is held for so long at most. */
export const LOCK = LOAD_TIMEOUT + 2_000;
export const STALE = 10_000;
export const LOAD_TAKES = 100;

const CACHE = { ttl: TTL, jitter: 0, loadTimeout: LOAD_TIMEOUT } as const;

export const SCENARIOS: Record<string, Scenario> = {
  steady: {
    does: 'an item that expires every two seconds, nothing stale',
    cache: CACHE,
    killEvery: 0,
    longestWait: LOAD_TIMEOUT + LOAD_TAKES,
  },
  killed: {
    does: 'winners are killed in mid-load; the others serve what is stale',
    cache: { ...CACHE, stale: STALE },
    killEvery: 1,
    longestWait: LOAD_TIMEOUT + LOAD_TAKES,
  },
  'killed-cold': {
    does: "winners are killed in mid-load, nothing stale; the others wait for the end of the dead one's lock",
    // Longer than any machine is late: what is counted is loads, and not patience.
    cache: { ...CACHE, waitTimeout: 5 * LOCK },
    killEvery: 1,
    longestWait: LOCK + LOAD_TAKES,
  },
};
