/**
 * Which method is loading a key at the moment. The cache lets everyone who asks for a key wait for the load
 * that is under way; a method that calls, inside its own load, another one cached under the same key (`super`, a
 * service behind a controller) would wait for itself, for ever.
 *
 * Invariant: a call waits only for a load of the same method. The price is that two methods with one key may
 * both run where one would do.
 */
import type { MemcachedCache } from '../../cache/cache.js';
import type { Plan } from './slot.js';

interface Load {
  readonly plan: Plan;
  running: number;
}

const loads = new WeakMap<MemcachedCache, Map<string, Load>>();
/** Loads under way anywhere; nearly always there are none, and nothing to be looked up. */
let underWay = 0;

/** Must a call of `plan` keep out of the load that is under way? */
export function mustNotWait(plan: Plan, cache: MemcachedCache, key: string): boolean {
  if (underWay === 0) return false;
  const load = loads.get(cache)?.get(key);
  return load !== undefined && load.plan !== plan;
}

/** Runs `work` as the load of `keys` by `plan`. */
export async function asLoad<T>(
  plan: Plan,
  cache: MemcachedCache,
  keys: readonly string[],
  work: () => T | Promise<T>,
): Promise<T> {
  const byKey = loads.get(cache) ?? new Map<string, Load>();
  loads.set(cache, byKey);
  const begun = keys.map((key) => {
    const load = byKey.get(key) ?? { plan, running: 0 };
    byKey.set(key, load);
    load.running++;
    return { key, load };
  });
  underWay++;
  try {
    return await work();
  } finally {
    underWay--;
    for (const { key, load } of begun) if (--load.running === 0) byKey.delete(key);
  }
}
