/**
 * What a node tells callers it does not serve, as errors. Only words and facts; when to say them is the
 * node's decision.
 */
import {
  MemcachedBlacklistedError,
  MemcachedClosedError,
  type MemcachedError,
  MemcachedPoolExhaustedError,
  MemcachedTimeoutError,
  type Sent,
  withoutStack,
} from '../base/errors.js';

export class Refusals {
  /** Why the node was blacklisted, as the error that did it. */
  lastError: MemcachedError | undefined;

  constructor(
    readonly node: string,
    readonly commandTimeout: number,
  ) {}

  exhausted(what: string): MemcachedPoolExhaustedError {
    return withoutStack(() => new MemcachedPoolExhaustedError(`${this.node}: ${what}.`, { node: this.node }));
  }

  closed(): MemcachedClosedError {
    return withoutStack(
      () => new MemcachedClosedError(`${this.node}: the pool is closed.`, { node: this.node }),
    );
  }

  /** @param left - milliseconds until the next probe */
  blacklisted(left: number, reason: string): MemcachedBlacklistedError {
    const message = `${this.node} is blacklisted, the next probe is due in ${Math.max(0, Math.round(left))} ms: ${reason}`;
    return withoutStack(
      () => new MemcachedBlacklistedError(message, { node: this.node, cause: this.lastError }),
    );
  }

  timedOut(sent: Sent): MemcachedTimeoutError {
    const what = sent === 'no' ? 'took no request' : 'did not answer';
    return this.#late(`${this.node} ${what} within ${this.commandTimeout} ms (commandTimeout).`, sent);
  }

  silent(): MemcachedTimeoutError {
    const { node, commandTimeout } = this;
    return this.#late(
      `${node} sent nothing for ${commandTimeout} ms (commandTimeout) while it owed answers.`,
      'maybe',
    );
  }

  slow(): MemcachedTimeoutError {
    return this.#late(`${this.node} answers later than ${this.commandTimeout} ms (commandTimeout).`, 'maybe');
  }

  #late(message: string, sent: Sent): MemcachedTimeoutError {
    return withoutStack(() => new MemcachedTimeoutError(message, { node: this.node, sent }));
  }
}
