/**
 * Is a node to be used? A pure state machine: it is told what happened and when, and answers with its
 * state. It does no I/O and owns no timer; probing is its node's business.
 *
 * Invariant: only {@link Blacklist.#become} changes the state, and only along {@link BLACKLIST_MOVES}.
 */

/** `idle`: nothing tried yet. `up`: the last thing heard of it was good. `blacklisted`: skipped for now. */
export type NodeState = 'idle' | 'up' | 'blacklisted';

export const BLACKLIST_MOVES: Readonly<Record<NodeState, readonly NodeState[]>> = {
  idle: ['up', 'blacklisted'],
  up: ['blacklisted'],
  blacklisted: ['up'],
};

/** So many strikes without an answer in time between them blacklist a node. */
export const STRIKES = 3;

/** How far a probe may lie from the end of `blacklistTime`, so that a fleet does not probe in step. */
const PROBE_SPREAD = 0.1;

export interface BlacklistMove {
  from: NodeState;
  to: NodeState;
  reason: string;
}

export class Blacklist {
  #state: NodeState = 'idle';
  #reason = '';
  #since: number;
  #until: number | undefined;
  #strikes = 0;
  readonly #blacklistTime: number;
  readonly #random: () => number;
  readonly #moved: (move: BlacklistMove) => void;

  /**
   * @param random - from 0 to below 1, spreads the probes
   * @param moved - told of every change of the state, after it
   */
  constructor(
    blacklistTime: number,
    now: number,
    moved: (move: BlacklistMove) => void,
    random: () => number = Math.random,
  ) {
    this.#blacklistTime = blacklistTime;
    this.#since = now;
    this.#moved = moved;
    this.#random = random;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Why the node is where it is; empty while all is well. */
  get reason(): string {
    return this.#reason;
  }

  /** When the state began, on the clock. */
  get since(): number {
    return this.#since;
  }

  /** When the next probe is due, on the clock; `undefined` unless blacklisted. */
  get until(): number | undefined {
    return this.#until;
  }

  /**
   * It connected and answered the handshake. That readmits it, but wipes out no strikes: a server may greet
   * well and lose every connection at its first request.
   */
  connected(now: number): void {
    if (this.#state !== 'up') this.#become('up', '', now);
  }

  /** It answered a request that was still waited for. */
  answered(): void {
    this.#strikes = 0;
  }

  /** Something went wrong that alone proves nothing: a sweep with timeouts, a lost or doubtful connection. */
  strike(reason: string, now: number): void {
    if (this.#state === 'blacklisted') return;
    this.#strikes++;
    if (this.#strikes >= STRIKES) this.#become('blacklisted', reason, now);
  }

  /** It refused, did not connect in time, or was silent for a whole `commandTimeout`. */
  strikeOut(reason: string, now: number): void {
    if (this.#state !== 'blacklisted') this.#become('blacklisted', reason, now);
  }

  /** A probe failed: another blacklist time, never a longer one. */
  probeFailed(reason: string, now: number): void {
    if (this.#state !== 'blacklisted') return;
    this.#reason = reason;
    this.#until = this.#nextProbe(now);
  }

  #nextProbe(now: number): number {
    return now + this.#blacklistTime * (1 + PROBE_SPREAD * (2 * this.#random() - 1));
  }

  #become(to: NodeState, reason: string, now: number): void {
    const from = this.#state;
    if (!BLACKLIST_MOVES[from].includes(to)) throw new Error(`blacklist: ${from} cannot become ${to}`);
    this.#state = to;
    this.#reason = reason;
    this.#since = now;
    this.#strikes = 0;
    this.#until = to === 'blacklisted' ? this.#nextProbe(now) : undefined;
    this.#moved({ from, to, reason });
  }
}
