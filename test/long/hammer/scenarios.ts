/** What is hammered, in which way, and what must hold then. */
import type { CacheOptions } from '../../../lib/cache/options.js';

export interface Scenario {
  does: string;
  cache: Omit<CacheOptions, 'namespace'>;
  /** After so many loads that were let live, one is killed; 0 none. */
  killEvery: number;
  losersMayRun: boolean;
}

/** In milliseconds. */
export const TTL = 2_000;
export const LOAD_TIMEOUT = 1_000;
/** The right to refill is held for so long at most. */
export const LOCK = LOAD_TIMEOUT + 2_000;
export const STALE = 10_000;

const CACHE = { ttl: TTL, jitter: 0, loadTimeout: LOAD_TIMEOUT } as const;

export const SCENARIOS: Record<string, Scenario> = {
  steady: {
    does: 'an item that expires every two seconds, nothing stale',
    cache: CACHE,
    killEvery: 0,
    losersMayRun: false,
  },
  killed: {
    does: 'every third winner is killed in mid-load; the others serve what is stale',
    cache: { ...CACHE, stale: STALE },
    killEvery: 2,
    losersMayRun: false,
  },
  'killed-cold': {
    does: 'every third winner is killed in mid-load, nothing stale; the others wait, then load themselves',
    cache: CACHE,
    killEvery: 2,
    losersMayRun: true,
  },
};
