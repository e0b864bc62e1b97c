/**
 * What a caller says about all cached methods that run within a call of its own.
 *
 * Invariant: who never says anything pays nothing: no store is made before the first `withCache`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { MemcachedArgumentError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';

export interface CacheControl {
  /** Methods run, and what they return replaces the entries. @defaultValue false */
  forceFresh?: boolean | undefined;
  /** Methods run as if there were no cache to read from or to fill. @defaultValue false */
  skip?: boolean | undefined;
}

let storage: AsyncLocalStorage<CacheControl> | undefined;

/**
 * Runs `work`; every method with `@Cacheable` or `@CacheableMany` that it calls, however deep, follows
 * `control`. The inner of two counts. `@CachePut` and `@CacheEvict` do what they always do: an entry that is no
 * longer right must not stay because somebody wanted to read past it.
 *
 * @throws MemcachedArgumentError when `control` says something else than `forceFresh` and `skip`.
 */
export function withCache<T>(control: CacheControl, work: () => T): T {
  for (const [name, value] of Object.entries(control)) {
    if ((name === 'forceFresh' || name === 'skip') && (value === undefined || typeof value === 'boolean'))
      continue;
    throw new MemcachedArgumentError(
      `withCache() takes { forceFresh: true } or { skip: true }, not ${describe(name)}: ${describe(value)}.`,
    );
  }
  storage ??= new AsyncLocalStorage();
  return storage.run({ ...control }, work);
}

/** What holds for a call that begins now. */
export function controlOf(): CacheControl | undefined {
  return storage?.getStore();
}
