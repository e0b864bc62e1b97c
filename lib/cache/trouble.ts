/**
 * What the cache logs: that something began to fail, that it works again, that a kind of value is left
 * uncached.
 *
 * Invariant: one line per change, however many failures there are; a bounded memory of both. Counting is
 * left to `outcomes.ts`.
 */
import type { Clock } from '../core/base/clock.js';
import { MemcachedError, MemcachedPartialError } from '../core/base/errors.js';
import { RefusedValueError } from '../core/value/refusals.js';
import type { CacheLog } from './ports.js';

/** What fails for one node may work for another all the while; only this much quiet says it is over. */
const QUIET = 10_000;
const MAX_TOPICS = 100;

interface Topic {
  since: number;
  last: number;
  failures: number;
}

export class Trouble {
  readonly #topics = new Map<string, Topic>();
  readonly #kinds = new Set<string>();
  #versionsIgnored = false;

  constructor(
    private readonly log: CacheLog | undefined,
    private readonly clock: Clock,
  ) {}

  /** A read or a write failed. */
  failed(error: unknown): void {
    for (const [where, cause] of causes(error)) {
      this.#open(where, `The cache cannot use memcached${at(where)}; reads are misses until it can`, cause);
    }
  }

  /** A delete, a clear or the end of a tag failed: what was to go may still be there. */
  unconfirmed(what: 'delete' | 'clear' | 'tag', error: unknown): void {
    const name = what === 'tag' ? 'delete or expiry by tag' : what;
    for (const [where, cause] of causes(error)) {
      const line = `A ${name} is not confirmed${at(where)}; old values may remain until they expire`;
      this.#open(`${what} ${where}`, line, cause);
    }
  }

  /** A loader took longer than `loadTimeout`. */
  loadTimedOut(milliseconds: number): void {
    const line = `A loader took longer than ${milliseconds} ms (loadTimeout); its value is not stored`;
    this.#open('load', line, undefined);
  }

  /** A loader failed while nobody waited for it: an older value is served. */
  refreshFailed(error: unknown): void {
    this.#open('refresh', 'A loader failed; older values are served as long as they may be', error);
  }

  /** A write came with a version, to a server where versions cannot be compared. */
  versionsIgnored(): void {
    if (this.#versionsIgnored) return;
    this.#versionsIgnored = true;
    const line = 'The option "version" is ignored: it needs the meta protocol (memcached 1.6.18)';
    this.#write('warn', `${line}. The last write counts.`);
  }

  /** A value cannot be stored. One line for each kind in each namespace. */
  unstorable(namespace: string, error: MemcachedError): void {
    const kind = error instanceof RefusedValueError ? error.kind : error.code;
    const seen = `${namespace} ${kind}`;
    if (this.#kinds.has(seen) || this.#kinds.size >= MAX_TOPICS) return;
    this.#kinds.add(seen);
    const more = 'Others like it will be left uncached without another line.';
    this.#write('warn', `A value of the namespace "${namespace}" is left uncached. ${error.message} ${more}`);
  }

  /** Something worked. Called for every success, so it costs nothing while all is well. */
  succeeded(): void {
    if (this.#topics.size === 0) return;
    const now = this.clock.now();
    for (const [name, topic] of this.#topics) {
      if (now - topic.last < QUIET) continue;
      this.#topics.delete(name);
      const seconds = Math.round((topic.last - topic.since) / 1_000);
      this.#write('log', `The cache works again (${name}): ${topic.failures} failures in ${seconds} s.`);
    }
  }

  #open(name: string, line: string, cause: unknown): void {
    const now = this.clock.now();
    const topic = this.#topics.get(name);
    if (topic !== undefined) {
      topic.last = now;
      topic.failures++;
      return;
    }
    if (this.#topics.size >= MAX_TOPICS) return;
    this.#topics.set(name, { since: now, last: now, failures: 1 });
    this.#write('warn', cause === undefined ? `${line}.` : `${line}: ${sentence(cause)}`);
  }

  /** A log that throws must not turn a miss into a failure. */
  #write(level: 'log' | 'warn', line: string): void {
    try {
      this.log?.[level](line);
    } catch {}
  }
}

const ANYWHERE = 'memcached';

/** Each node concerned once, with one of its errors. */
function causes(error: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const all = error instanceof MemcachedPartialError ? error.failed.values() : [error];
  for (const one of all) found.set((one instanceof MemcachedError && one.node) || ANYWHERE, one);
  return found;
}

function at(where: string): string {
  return where === ANYWHERE ? '' : ` at ${where}`;
}

function sentence(cause: unknown): string {
  if (cause instanceof MemcachedError) return `${cause.code}: ${cause.message}`;
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
