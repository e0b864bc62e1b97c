/** What is hammered, in which way, and what must hold then. */
import type { CacheOptions } from '../../../lib/cache/options.js';

export interface Scenario {
  does: string;
  cache: Omit<CacheOptions, 'namespace'>;
  /** So many loads are let live between two that are killed; 0: none is killed. */
  killEvery: number;
  /** How often one other process may load for itself after a winner's death. */
  ownLoads: number;
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
    ownLoads: 0,
  },
  killed: {
    does: 'winners are killed in mid-load; the others serve what is stale',
    cache: { ...CACHE, stale: STALE },
    killEvery: 1,
    ownLoads: 0,
  },
  'killed-cold': {
    does: 'winners are killed in mid-load, nothing stale; the others wait, then load themselves',
    cache: CACHE,
    killEvery: 1,
    // Each waits as long as a loader may take, loads, and may have to do so again while the dead one's lock stands.
    ownLoads: Math.ceil(LOCK / LOAD_TIMEOUT),
  },
};
