/**
 * Tells Terminus how the pools are. What is up, degraded and down is decided in `MemcachedHealth`; here it
 * is put into Terminus's words, and on request every node is asked whether it answers at this moment.
 *
 * Invariant: `check` never rejects; Terminus would make an HTTP 500 of it. What goes wrong is a `down`.
 */
import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { Duration } from '../core/base/durations.js';
import { MemcachedPartialError } from '../core/base/errors.js';
import { boolean, checkOptions, duration, type OptionRules, oneOf, text } from '../core/base/options.js';
import { MemcachedHealth, type MemcachedHealthSummary, type MemcachedNodeHealth } from '../nest/health.js';
import { MemcachedPoolRegistry } from '../nest/registry.js';

export interface MemcachedCheckOptions {
  /** Look at the pool of this name only. @defaultValue all pools of the application, as one */
  pool?: string | undefined;
  /**
   * Ask every node for its version, and count one that does not answer as if it were blacklisted. Without it
   * nobody is asked: the answer comes at once, from what the pool has seen of its own traffic.
   * @defaultValue false
   */
  ping?: boolean | undefined;
  /** How long a ping waits for the answers: milliseconds or `'1s'`. @defaultValue 1000 */
  timeout?: Duration | undefined;
  /**
   * What to say for `degraded` under Terminus 11, which does not know the word: `'up'` while at least one
   * node serves, or `'down'` as soon as one does not. Terminus 12 is told `degraded` and answers HTTP 200.
   * @defaultValue 'up'
   */
  degradedAs?: 'up' | 'down' | undefined;
}

/** One node as it stands in the answer of the health route. */
export interface MemcachedNodeReport {
  name: string;
  pool: string;
  state: string;
  /** Why it is in this state, as a sentence; empty while all is well. */
  reason: string;
  /** When the state began, ISO 8601. */
  since: string;
  /** Open sockets. */
  sockets: number;
  /** Requests outstanding. */
  pending: number;
}

interface CheckedOptions {
  pool: string | undefined;
  ping: boolean;
  timeout: number;
  degradedAs: 'up' | 'down';
}

const RULES: OptionRules<CheckedOptions> = {
  pool: text(undefined),
  ping: boolean(false),
  timeout: duration(1_000),
  degradedAs: oneOf('up', ['up', 'down']),
};

type Report = { message?: string; nodes: MemcachedNodeReport[] };

/** What both Terminus 11 and 12 give for a key; only 12 has `degraded`. */
interface Session<Key extends string> {
  up(data: Report): HealthIndicatorResult<Key>;
  down(data: Report): HealthIndicatorResult<Key>;
  degraded?(data: Report): HealthIndicatorResult<Key>;
}

/**
 * `() => this.memcached.check('memcached')` in a health route. A provider of the module that has the route;
 * needs `MemcachedPoolModule` and `TerminusModule` in the application.
 */
@Injectable()
export class MemcachedHealthIndicator {
  readonly #health: MemcachedHealth;
  readonly #registry: MemcachedPoolRegistry;
  readonly #indicators: HealthIndicatorService;

  constructor(
    @Inject(MemcachedHealth) health: MemcachedHealth,
    @Inject(MemcachedPoolRegistry) registry: MemcachedPoolRegistry,
    @Inject(HealthIndicatorService) indicators: HealthIndicatorService,
  ) {
    this.#health = health;
    this.#registry = registry;
    this.#indicators = indicators;
  }

  /**
   * `up`: no node is blacklisted. `degraded`: some are, the others serve. `down`: all are, or the pool or an
   * option is not known. Never rejects.
   *
   * @param key - the name of this entry in the answer
   */
  async check<const Key extends string = 'memcached'>(
    key: Key = 'memcached' as Key,
    options?: MemcachedCheckOptions,
  ): Promise<HealthIndicatorResult<Key>> {
    const session: Session<Key> = this.#indicators.check(key);
    try {
      const { pool, ping, timeout, degradedAs } = checkOptions('check()', options, RULES);
      const unanswered = ping ? await this.#unanswered(pool, timeout) : new Map<string, string>();
      const { status, report } = judge(this.#health.summary(pool), unanswered);
      if (status !== 'degraded') return session[status](report);
      return session.degraded?.(report) ?? session[degradedAs](report);
    } catch (error) {
      return session.down({ message: messageOf(error), nodes: [] });
    }
  }

  /** The nodes that did not answer in time, by {@link keyOf}, and why. */
  async #unanswered(pool: string | undefined, timeout: number): Promise<Map<string, string>> {
    const unanswered = new Map<string, string>();
    const asking = (pool === undefined ? this.#registry.names() : [pool]).map(async (name) => {
      try {
        await this.#registry.pool(name).version({ timeout });
      } catch (error) {
        for (const node of this.#registry.pool(name).nodes()) {
          const failure = error instanceof MemcachedPartialError ? error.failed.get(node.name) : error;
          if (failure !== undefined)
            unanswered.set(keyOf({ pool: name, name: node.name }), messageOf(failure));
        }
      }
    });
    await Promise.all(asking);
    return unanswered;
  }
}

/** A ping can only make the verdict worse: a node that answers may still be blacklisted until its probe. */
function judge(summary: MemcachedHealthSummary, unanswered: Map<string, string>) {
  const { nodes } = summary;
  const failing = nodes.filter((node) => node.state === 'blacklisted' || unanswered.has(keyOf(node)));
  const worse = failing.length === nodes.length ? 'down' : 'degraded';
  const message = sentenceOn(nodes, failing);
  const reports = nodes.map((node) => describe(node, unanswered.get(keyOf(node))));
  const report: Report = message === undefined ? { nodes: reports } : { message, nodes: reports };
  return { status: unanswered.size === 0 ? summary.status : worse, report } as const;
}

function sentenceOn(nodes: readonly MemcachedNodeHealth[], failing: readonly MemcachedNodeHealth[]) {
  if (nodes.length === 0) return 'There is no node.';
  if (failing.length === 0) return undefined;
  const names = failing.map((node) => node.name).join(', ');
  return `${failing.length} of ${nodes.length} nodes out of use: ${names}`;
}

function describe(node: MemcachedNodeHealth, unanswered: string | undefined): MemcachedNodeReport {
  const { name, pool, state, reason, since, sockets, pending } = node;
  return {
    name,
    pool,
    state,
    reason: reason || (unanswered ?? ''),
    since: new Date(since).toISOString(),
    sockets,
    pending,
  };
}

/** Two pools may have the same node. */
function keyOf(node: { pool: string; name: string }): string {
  return `${node.pool} ${node.name}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
