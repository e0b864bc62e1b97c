/**
 * From the options of a decorator to those of a call of the cache.
 *
 * Invariant: a function of the user's that throws keeps a result out of the cache, and never makes the method
 * look as if it had failed.
 */
import type { GetOrSetOptions } from '../../cache/options.js';
import { checkVersion } from '../../cache/versions.js';
import type { Duration } from '../../core/base/durations.js';
import type { AnyFunction } from './checks.js';
import { type CacheControl, controlOf } from './control.js';
import type { Call } from './method.js';
import { type Plan, tellOnce } from './slot.js';

/** What of the options may be a function of the result and the arguments. */
export interface ResultOptions {
  ttl?: Duration | AnyFunction | undefined;
  tags?: readonly string[] | AnyFunction | undefined;
  unless?: AnyFunction | undefined;
  version?: bigint | number | AnyFunction | undefined;
}

const ENTRY_OPTIONS = [
  'ttl',
  'tags',
  'version',
  'type',
  'plain',
  'stale',
  'negativeTtl',
  'refreshAhead',
  'softTimeout',
  'loadTimeout',
  'leases',
  'losers',
  'waitTimeout',
  'fallback',
  'timeout',
] as const;

/** What is the same for all calls: only what was written, so that the cache's defaults hold. */
export function entryOf(options: object): GetOrSetOptions {
  const given = options as { [option: string]: unknown };
  const entry: GetOrSetOptions = {};
  for (const name of ENTRY_OPTIONS) {
    if (given[name] !== undefined) Object.assign(entry, { [name]: given[name] });
  }
  // So that the cache, which sees the same options with every call, need check them only once.
  return Object.freeze(entry);
}

/** `entry` for one call: with functions that know its arguments, and what the caller said by `withCache`. */
export function entryFor(
  plan: Plan,
  entry: GetOrSetOptions,
  options: ResultOptions,
  call: Call,
): GetOrSetOptions {
  const control = controlOf();
  const judge = judgeOf(plan, options, call);
  return control === undefined && judge === undefined ? entry : { ...entry, ...judge, ...told(control) };
}

function told({ forceFresh, skip }: CacheControl = {}): GetOrSetOptions {
  return { ...(forceFresh && { forceFresh }), ...(skip && { skip }) };
}

function judgeOf(plan: Plan, options: ResultOptions, call: Call): GetOrSetOptions | undefined {
  const { ttl, tags, unless, version } = options;
  const ttlOf = typeof ttl === 'function' && bound<Duration>(ttl, call);
  const tagsOf = typeof tags === 'function' && bound<readonly string[]>(tags, call);
  const versionOf = typeof version === 'function' && bound<bigint | number | undefined>(version, call);
  if (unless === undefined && !ttlOf && !tagsOf && !versionOf) return undefined;
  const refused = unless === undefined ? () => false : bound<boolean>(unless, call);
  return {
    ...(ttlOf && { ttl: ttlOf }),
    ...(tagsOf && { tags: tagsOf }),
    ...(versionOf && { version: versionOf }),
    unless(result) {
      try {
        if (refused(result)) return true;
        // Asked here already: a result of which they say nothing is not stored.
        if (ttlOf) ttlOf(result);
        if (tagsOf) tagsOf(result);
        if (versionOf) checkVersion(versionOf(result));
        return false;
      } catch (error) {
        tellOnce(
          plan,
          'result',
          `left a result uncached: "ttl", "tags", "version" or "unless" threw (${String(error)}).`,
        );
        return true;
      }
    },
  };
}

function bound<R>(work: AnyFunction, { instance, args }: Call): (result: unknown) => R {
  return (result) => Reflect.apply(work, instance, [result, ...args]) as R;
}

/** What `onError` makes of an error, for one call. */
export function onErrorOf(
  onError: AnyFunction | undefined,
  call: Call,
): ((error: unknown) => unknown) | undefined {
  return onError && bound(onError, call);
}
