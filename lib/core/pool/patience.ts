/**
 * The time of one call that has its own `timeout` or `signal`, or of one that was sent again: such deadlines
 * do not come in the order of the pipeline, so each keeps a timer.
 *
 * Invariant: after {@link CallPatience.release} nothing fires and nothing is held.
 */
import { onAbort } from '../base/abort.js';
import { Alarm, afterReading } from '../base/alarm.js';
import type { Clock } from '../base/clock.js';
import { toMilliseconds } from '../base/durations.js';
import { MemcachedArgumentError } from '../base/errors.js';
import { describe } from '../base/options.js';
import type { Patience } from '../command/request.js';
import type { CallOptions } from './types.js';

/** What ended a caller's patience: the time, or its `signal`. */
export type PatienceEnd = { kind: 'timeout'; milliseconds: number } | { kind: 'abort'; reason: unknown };

export class CallPatience implements Patience {
  readonly #alarm: Alarm;
  readonly #ignoreSignal: (() => void) | undefined;
  #ended: (end: PatienceEnd) => void;
  #released = false;

  constructor(
    clock: Clock,
    milliseconds: number,
    signal: AbortSignal | undefined,
    ended: (end: PatienceEnd) => void,
    /** What a message shall say the call was given, where `milliseconds` is only the rest of it. */
    told = milliseconds,
  ) {
    this.#ended = ended;
    this.#alarm = new Alarm(clock, () =>
      afterReading(clock, () => this.#end({ kind: 'timeout', milliseconds: told })),
    );
    this.#alarm.set(milliseconds);
    this.#ignoreSignal = signal && onAbort(signal, () => this.#end({ kind: 'abort', reason: signal.reason }));
  }

  /** The call goes on as another request: what is left of its time is that one's now. */
  handOver(ended: (end: PatienceEnd) => void): this {
    this.#ended = ended;
    return this;
  }

  release(): void {
    this.#released = true;
    this.#alarm.stop();
    this.#ignoreSignal?.();
  }

  #end(end: PatienceEnd): void {
    if (this.#released) return;
    this.release();
    this.#ended(end);
  }
}

/**
 * The call's own time, checked; `undefined` when it has none.
 * @throws MemcachedArgumentError for an unreadable timeout, and the signal's reason when it is aborted already.
 */
export function ownTimeout(options: CallOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  const { timeout, signal } = options;
  if (signal?.aborted === true) throw signal.reason;
  if (timeout === undefined) return undefined;
  const milliseconds = toMilliseconds(timeout);
  if (milliseconds === undefined || milliseconds < 1) {
    throw new MemcachedArgumentError(
      `A timeout must be milliseconds of 1 or more or a string like '1s', not ${describe(timeout)}.`,
    );
  }
  return milliseconds;
}
