/**
 * Ways to make the server misbehave, switched on and off while it runs. A rule reads like a sentence:
 * `server.misbehave.cutAfter(12).once()`, `server.misbehave.wrongKey().forCommand('mg').nth(3)`.
 *
 * Invariant: a rule counts what it spoils, connections or replies, and nothing else: a reply that cannot be spoilt
 * that way (a key in a reply without one) is passed on and not counted. Commands are carried out in any case; only
 * the way back is disturbed. Rules apply in the order they were made.
 */
import { type ConnectionRule, CountedRule, type ReplyRule, type Rule } from './rules.js';
import type { Part, Reply } from './turn.js';
import { type Manner, PLAINLY } from './wire.js';

/** A reply on its way to the wire, still to be spoilt. */
interface Outgoing {
  readonly verb: string;
  parts: Part[];
  manner: Manner;
  copies: number;
  /** Goes behind the connection's next reply. */
  held: boolean;
}

/** What a rule does to a reply; `false` when this reply cannot be spoilt this way. */
type Spoil = (reply: Outgoing) => boolean;

/** What the rules can do to the server as a whole. */
export interface Stage {
  /** Stops or resumes listening. */
  listen(open: boolean): Promise<void>;
  /** Asks every open connection to look at {@link Misbehaviour.isFrozen} again. */
  refreeze(): void;
}

/** One connection, as far as rules remember something about it. */
export interface Performer {
  /** Replies that wait for the next one to pass them. */
  held: Outgoing[];
  /** The freeze that caught this connection. */
  frozenBy: object | undefined;
}

export class Misbehaviour {
  readonly #stage: Stage;
  #replyRules: { rule: CountedRule; spoil: Spoil }[] = [];
  #acceptRules: { rule: CountedRule; act: 'close' | 'reset' | { greeting: string } }[] = [];
  #freezes: CountedRule[] = [];
  #refusals: CountedRule[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** New connections are refused, as if nobody listened; open ones go on. */
  refuse(): Rule {
    const rule = new CountedRule(async () => {
      this.#refusals = this.#refusals.filter((other) => other !== rule);
      if (this.#refusals.length === 0) await this.#stage.listen(true);
    });
    this.#refusals.push(rule);
    void this.#stage.listen(false);
    return rule;
  }

  get refuses(): boolean {
    return this.#refusals.length > 0;
  }

  /** Reads and never answers. A connection that was hung stays mute when the rule ends; new ones are well. */
  hang(): ReplyRule {
    return this.#manner({ mute: true });
  }

  /**
   * Does not even read, as a stopped process; what came in meanwhile is answered when the rule ends. Open
   * connections freeze at once, unless the rule is counted: then the next connections do.
   */
  freeze(): ConnectionRule {
    const rule: CountedRule = new CountedRule(() => {
      this.#freezes = this.#freezes.filter((other) => other !== rule);
      this.#stage.refreeze();
    });
    this.#freezes.push(rule);
    // Later in this turn, because `.once()` may follow.
    queueMicrotask(() => this.#stage.refreeze());
    return rule;
  }

  /** Every reply comes so many milliseconds after it was ready, by the server's clock; the order stays. */
  delay(milliseconds: number): ReplyRule {
    return this.#manner({ delay: milliseconds });
  }

  /** Replies come in pieces of so many bytes, one per turn of the event loop. */
  dribble(bytesPerChunk: number): ReplyRule {
    return this.#manner({ dribble: Math.max(1, Math.floor(bytesPerChunk)) });
  }

  /** The connection ends this many bytes after a reply's first byte; with `reset` by RST instead of FIN. */
  cutAfter(bytes: number, options: { reset?: boolean } = {}): ReplyRule {
    return this.#manner({ cut: { bytes, reset: options.reset ?? false } });
  }

  /** Takes a connection and closes it without a byte. */
  closeOnAccept(options: { reset?: boolean } = {}): ConnectionRule {
    return this.#onAccept(options.reset ? 'reset' : 'close');
  }

  /** Says something before it is asked. */
  greet(text: string): ConnectionRule {
    return this.#onAccept({ greeting: text });
  }

  /** These bytes instead of the reply. */
  answer(bytes: string | Buffer): ReplyRule {
    return this.#spoil((reply) => {
      reply.parts = [bytes];
      return true;
    });
  }

  /** These bytes in front of the reply. */
  before(bytes: string | Buffer): ReplyRule {
    return this.#spoil((reply) => reply.parts.unshift(bytes) > 0);
  }

  /** These bytes behind the reply. */
  after(bytes: string | Buffer): ReplyRule {
    return this.#spoil((reply) => reply.parts.push(bytes) > 0);
  }

  /** The reply is lost. */
  drop(): ReplyRule {
    return this.#spoil((reply) => {
      reply.copies = 0;
      return true;
    });
  }

  /** The reply comes twice. */
  double(): ReplyRule {
    return this.#spoil((reply) => {
      reply.copies = 2;
      return true;
    });
  }

  /** The reply changes places with the connection's next one. */
  swap(): ReplyRule {
    return this.#spoil((reply) => {
      reply.held = true;
      return true;
    });
  }

  /** Another key than the one asked for, of the same length, in replies that name one. */
  wrongKey(): ReplyRule {
    return this.#rewrite((text) => text.replace(/^(VALUE |[A-Z]{2}(?: .*)? k)([^ \r]*)(?=[ \r])/, otherEnd));
  }

  /** Another opaque than the one sent, of the same length, in replies that carry one. */
  wrongOpaque(): ReplyRule {
    return this.#rewrite((text) => text.replace(/^([A-Z]{2}(?: .*)? O)([^ \r]*)(?=[ \r])/, otherEnd));
  }

  /** A length that is off by so much, in replies with a value. */
  wrongLength(by = 1): ReplyRule {
    return this.#rewrite((text) =>
      text.replace(
        /^(VA |VALUE [^ ]* \d+ )(\d+)/,
        (_, start: string, length: string) => `${start}${Math.max(0, Number(length) + by)}`,
      ),
    );
  }

  /** Whatever `change` makes of the reply's bytes; it may change the copy it is given. */
  alter(change: (reply: Buffer) => Buffer): ReplyRule {
    return this.#spoil((reply) => {
      const bytes = reply.parts.map((part) =>
        typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
      );
      reply.parts = [change(Buffer.concat(bytes))];
      return true;
    });
  }

  /** Ends every rule. Resolves when the server is back to what it was. */
  async nothing(): Promise<void> {
    this.#replyRules = [];
    this.#acceptRules = [];
    this.#freezes = [];
    this.#stage.refreeze();
    await Promise.all(this.#refusals.map((rule) => rule.stop()));
  }

  // ---- asked by the connections ----

  /** What to do with a new connection before anything is read. */
  onAccept(): 'close' | 'reset' | string[] {
    const greetings: string[] = [];
    for (const { rule, act } of this.#acceptRules) {
      if (!rule.take()) continue;
      if (typeof act === 'string') return act;
      greetings.push(act.greeting);
    }
    this.#acceptRules = this.#acceptRules.filter(({ rule }) => !rule.spent);
    return greetings;
  }

  /** @param fresh - the connection has only just been accepted; only such are counted. */
  isFrozen(performer: Performer, fresh: boolean): boolean {
    if (this.#freezes.some((rule) => rule === performer.frozenBy)) return true;
    performer.frozenBy = this.#freezes.find((rule) => (fresh ? rule.take() : !rule.counted));
    return performer.frozenBy !== undefined;
  }

  /** Is there nothing to do to replies? Then they need not be shown. */
  get leavesReplies(): boolean {
    return this.#replyRules.length === 0;
  }

  /** What leaves in place of `reply`, in order. */
  bend(
    reply: Reply,
    performer: Performer,
  ): readonly { readonly parts: readonly Part[]; readonly manner: Manner }[] {
    const outgoing: Outgoing = {
      verb: reply.verb,
      parts: [...reply.parts],
      manner: PLAINLY,
      copies: 1,
      held: false,
    };
    for (const { rule, spoil } of this.#replyRules) {
      if (!rule.concerns(reply.verb)) continue;
      // Tried on a copy: a reply that is not the rule's turn must stay as it is.
      const spoilt = { ...outgoing, parts: [...outgoing.parts] };
      if (spoil(spoilt) && rule.take()) Object.assign(outgoing, spoilt);
    }
    if (this.#replyRules.some(({ rule }) => rule.spent)) {
      this.#replyRules = this.#replyRules.filter(({ rule }) => !rule.spent);
    }
    if (outgoing.held) {
      performer.held.push(outgoing);
      return [];
    }
    const leaving = new Array<Outgoing>(outgoing.copies).fill(outgoing);
    if (performer.held.length > 0) leaving.push(...performer.held.splice(0));
    return leaving;
  }

  #spoil(spoil: Spoil): ReplyRule {
    const rule: CountedRule = new CountedRule(() => {
      this.#replyRules = this.#replyRules.filter((entry) => entry.rule !== rule);
    });
    this.#replyRules.push({ rule, spoil });
    return rule;
  }

  #manner(change: Partial<Manner>): ReplyRule {
    return this.#spoil((reply) => {
      reply.manner = { ...reply.manner, ...change };
      return true;
    });
  }

  #rewrite(change: (text: string) => string): ReplyRule {
    return this.#spoil((reply) => {
      const at = reply.parts.findIndex((part) => typeof part === 'string' && change(part) !== part);
      if (at === -1) return false;
      reply.parts[at] = change(reply.parts[at] as string);
      return true;
    });
  }

  #onAccept(act: 'close' | 'reset' | { greeting: string }): ConnectionRule {
    const rule: CountedRule = new CountedRule(() => {
      this.#acceptRules = this.#acceptRules.filter((entry) => entry.rule !== rule);
    });
    this.#acceptRules.push({ rule, act });
    return rule;
  }
}

/** The same text with another last character. */
function otherEnd(_: string, start: string, text: string): string {
  return `${start}${text.slice(0, -1)}${text.endsWith('x') ? 'y' : 'x'}`;
}
