/**
 * Finds out whether Keyv 6 stands between cache-manager and this store, and says so once.
 *
 * Story: cache-manager 7 asks a store for `get(key, { raw: true })`. Keyv 5 answers with the entry and its
 * expiry, Keyv 6 ignores the second argument and answers with the bare value. `wrap()` then never finds
 * anything and `ttl()` knows nothing, both in silence. A store cannot see who owns it except on the stack.
 */

/** Deep enough for Nest's interceptor over cache-manager over two Keyvs (Nest wraps a Keyv 6 once more). */
const FRAMES = 60;

/** Is one of the callers, awaited ones included, a file of cache-manager? */
export function calledByCacheManager(): boolean {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  return /[\\/]node_modules[\\/](@nestjs[\\/])?cache-manager[\\/]/.test(stack);
}

export function warnAboutKeyvSix(): void {
  process.emitWarning(
    'Keyv 6 is installed, which cache-manager does not understand: wrap() would call its function every ' +
      'time and ttl() would find nothing. Install keyv ^5.6 beside @nestjs/cache-manager.',
    { type: 'MemcachedKeyvWarning', code: 'MEMCACHED_KEYV_6' },
  );
}
