/**
 * When a rule of misbehaviour applies: to which commands, from which reply on, how often. What it does then is
 * decided in `misbehave.ts`.
 */

/** Something the server does wrong until it has done it often enough or is told to stop. */
export interface Rule {
  /** Ends the rule. Resolves when the server is back to what it was, listening included. */
  stop(): Promise<void>;
}

/** A rule about connections. Without a count it holds until it is stopped. */
export interface ConnectionRule extends Rule {
  /** The next connection only. */
  once(): this;
  /** The next `count` connections. */
  times(count: number): this;
}

/** A rule about replies. Without a count it holds until it is stopped. */
export interface ReplyRule extends Rule {
  /** The next reply only. */
  once(): this;
  /** The next `count` replies. */
  times(count: number): this;
  /** The `position`-th reply from now only; 1 is the next. */
  nth(position: number): this;
  /** Replies to these commands only: `forCommand('mg', 'get')`. */
  forCommand(...verbs: string[]): this;
}

/** All kinds of rule in one; callers see only the part that makes sense for theirs. */
export class CountedRule implements ReplyRule {
  #left = Number.POSITIVE_INFINITY;
  #spare = 0;
  #verbs: ReadonlySet<string> | undefined;
  readonly #stop: (rule: CountedRule) => void | Promise<void>;

  constructor(stop: (rule: CountedRule) => void | Promise<void>) {
    this.#stop = stop;
  }

  once(): this {
    return this.times(1);
  }

  times(count: number): this {
    this.#left = count;
    return this;
  }

  nth(position: number): this {
    this.#spare = position - 1;
    return this.times(1);
  }

  forCommand(...verbs: string[]): this {
    this.#verbs = new Set(verbs);
    return this;
  }

  async stop(): Promise<void> {
    this.#left = 0;
    await this.#stop(this);
  }

  get counted(): boolean {
    return this.#left !== Number.POSITIVE_INFINITY;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  concerns(verb: string): boolean {
    return this.#left > 0 && (this.#verbs === undefined || this.#verbs.has(verb));
  }

  /** Counts one connection or reply; `true` when it is one to be spoilt. */
  take(): boolean {
    if (this.#left <= 0) return false;
    if (this.#spare > 0) {
      this.#spare--;
      return false;
    }
    this.#left--;
    return true;
  }
}
