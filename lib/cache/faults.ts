/**
 * Which failure is whose. Memcached's end in the cache; the program's and the caller's own go through.
 */
import { onAbort } from '../core/base/abort.js';
import {
  MemcachedArgumentError,
  MemcachedBlacklistedError,
  MemcachedClosedError,
  MemcachedError,
  MemcachedPoolExhaustedError,
  MemcachedTimeoutError,
  MemcachedTooLargeError,
  MemcachedUnavailableError,
  MemcachedValueError,
} from '../core/base/errors.js';
import type { CallOptions } from '../core/pool/types.js';

/** @throws what the caller did: a mistake in the call, or its own abort. Returns for what memcached did. */
export function passOn(error: unknown, call: CallOptions): void {
  if (call.signal?.aborted === true) throw call.signal.reason;
  if (error instanceof MemcachedArgumentError && !isAboutValue(error)) throw error;
}

/** Waits for what others may be waiting for too; only this caller's own abort ends it early. */
export function orAborted<T>(shared: Promise<T>, { signal }: CallOptions): Promise<T> {
  if (signal === undefined) return shared;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const ignore = onAbort(signal, () => reject(signal.reason));
    void shared.then(resolve, reject).finally(ignore);
  });
}

export function isAboutValue(error: unknown): error is MemcachedValueError | MemcachedTooLargeError {
  return error instanceof MemcachedValueError || error instanceof MemcachedTooLargeError;
}

/** The node cannot take more work now: a write after such a read would only wait, or fail, once more. */
export function isBusy(error: unknown): boolean {
  return (
    error instanceof MemcachedTimeoutError ||
    error instanceof MemcachedBlacklistedError ||
    error instanceof MemcachedUnavailableError ||
    error instanceof MemcachedPoolExhaustedError ||
    error instanceof MemcachedClosedError
  );
}

/** Whether memcached may have done what the failed call asked for. */
export function mayHaveArrived(error: unknown): boolean {
  return !(error instanceof MemcachedError) || error.sent !== 'no';
}
