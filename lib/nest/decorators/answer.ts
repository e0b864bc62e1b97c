/**
 * What becomes of a method's answer: cached on its way out, or followed by a write. Promises and Observables
 * are treated alike as far as they can be.
 *
 * Invariant: a write that follows an answer never changes it; nothing the cache does makes a method fail.
 */
import { Logger } from '@nestjs/common';
import {
  catchError,
  concat,
  defer,
  from,
  ignoreElements,
  isObservable,
  lastValueFrom,
  type Observable,
  tap,
  throwError,
} from 'rxjs';
import type { GetOrSetOptions } from '../../cache/options.js';
import { MemcachedKeyError, MemcachedOptionError } from '../../core/base/errors.js';
import { asLoad } from './loading.js';
import type { Call } from './method.js';
import { type Plan, tellOnce } from './slot.js';

/** What becomes of the error of a method that failed; the default hands it on. */
export type OnError = (error: unknown) => unknown;

export function cachedPromise(
  plan: Plan,
  call: Call,
  key: string,
  entry: GetOrSetOptions,
  onError?: OnError,
): Promise<unknown> {
  const load = () => asLoad(plan, call.cache, [key], () => notObservable(plan, call, () => answer));
  const answer: Promise<unknown> = caught(call.cache.getOrSet(key, load, entry), onError);
  return answer;
}

/** @param answer - the call's own; the method may run before there is one */
function notObservable(plan: Plan, call: Call, answer: () => Promise<unknown>): unknown {
  const made = call.proceed();
  if (!isObservable(made)) return made;
  // Whoever expects an Observable does not await: tell the log, and let no rejection go unhandled.
  queueMicrotask(() => answer().catch(() => {}));
  throw unmarked(plan);
}

/** Mistakes in the program are nobody's to hide. */
export function caught(answer: Promise<unknown>, onError: OnError | undefined): Promise<unknown> {
  if (onError === undefined) return answer;
  return answer.catch((error: unknown) => {
    if (error instanceof MemcachedOptionError || error instanceof MemcachedKeyError) throw error;
    return onError(error);
  });
}

/** The method without the cache: its errors are treated as ever. */
export function uncached(call: Call, onError: OnError | undefined): unknown {
  const answer = onError === undefined ? call.proceed() : attempt(call);
  if (onError === undefined) return answer;
  if (isObservable(answer)) return answer.pipe(catchError((error) => from(Promise.resolve(onError(error)))));
  return caught(Promise.resolve(answer), onError);
}

/** A method that fails before it is under way fails as one that fails later. */
function attempt(call: Call): unknown {
  try {
    return call.proceed();
  } catch (error) {
    return Promise.reject(error);
  }
}

function unmarked(plan: Plan): MemcachedOptionError {
  const error = new MemcachedOptionError(
    `${plan.where}: the method returned an Observable where a Promise was expected. Write returns: 'observable'.`,
  );
  if (!plan.told.has('observable')) new Logger('MemcachedCache').error(error.message);
  plan.told.add('observable');
  return error;
}

/** Nothing happens before someone subscribes, as with the method itself. */
export function cachedObservable(
  plan: Plan,
  call: Call,
  key: string,
  entry: GetOrSetOptions,
  onError?: OnError,
): Observable<unknown> {
  const load = () => lastOf(plan, call.proceed());
  return defer(() => {
    const loaded = call.cache.getOrSet(key, () => asLoad(plan, call.cache, [key], load), entry);
    return from(caught(loaded, onError));
  });
}

/** An Observable that ends without a value counts as `undefined`, which is not cached. */
function lastOf(plan: Plan, made: unknown): Promise<unknown> {
  let values = 0;
  const source = isObservable(made) ? made : from(Promise.resolve(made));
  const counted = source.pipe(
    tap(() => {
      if (++values === 2) tellOnce(plan, 'values', 'gave more than one value; only the last is handed on.');
    }),
  );
  return lastValueFrom(counted, { defaultValue: undefined });
}

/** What is brought up to date after the answer; it may look at it. */
export type Write = (answer: unknown) => Promise<unknown>;

/** Runs the method, then `write`, then lets the caller have the answer; `onFailure` when the method failed. */
export function afterwards(plan: Plan, call: Call, write: Write, onFailure?: Write): unknown {
  const first = safe(plan, write);
  const instead = safe(plan, onFailure ?? (async () => {}));
  const answer = call.proceed();
  return isObservable(answer) ? observed(answer, first, instead) : awaited(answer, first, instead);
}

/** Runs `write`, then the method. */
export function beforehand(plan: Plan, call: Call, write: () => Promise<unknown>): unknown {
  const first = safe(plan, write);
  if (plan.observable) {
    return defer(() =>
      concat(
        defer(() => first(undefined)).pipe(ignoreElements()),
        defer(() => {
          const made = call.proceed();
          return isObservable(made) ? made : from(Promise.resolve(made));
        }),
      ),
    );
  }
  return first(undefined).then(() => {
    const made = call.proceed();
    if (isObservable(made)) throw unmarked(plan);
    return made;
  });
}

/** The method has done its work: a cache that cannot be brought up to date must not make it look undone. */
function safe(plan: Plan, write: Write): Write {
  return async (answer) => {
    try {
      await write(answer);
    } catch (error) {
      tellOnce(plan, 'write', `could not bring the cache up to date: ${String(error)}`);
    }
  };
}

async function awaited(answer: unknown, write: Write, onFailure: Write): Promise<unknown> {
  let value: unknown;
  try {
    value = await answer;
  } catch (error) {
    await onFailure(undefined);
    throw error;
  }
  await write(value);
  return value;
}

function observed(answer: Observable<unknown>, write: Write, onFailure: Write): Observable<unknown> {
  return defer(() => {
    let last: unknown;
    const silently = (step: Write) => defer(() => step(last)).pipe(ignoreElements());
    const watched = answer.pipe(
      tap((value) => {
        last = value;
      }),
      catchError((error: unknown) =>
        concat(
          silently(onFailure),
          throwError(() => error),
        ),
      ),
    );
    return concat(watched, silently(write));
  });
}
