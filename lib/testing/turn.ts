/**
 * What one command may do: answer, take or swallow the data block behind its line, close. One turn is made per
 * command line and ends with at most one reply; a command that stays silent ends with none. A command returns its
 * turn, so that no path can end without having decided.
 *
 * Commands know this and the store, never a socket.
 */
import type { Counters } from './counters.js';
import type { Store } from './store.js';

/** Text is one byte per character. A buffer belongs to the store and must not be changed. */
export type Part = string | Buffer;

export interface Reply {
  /** The first word of the command line: `get`, `mg`; empty before anything was asked. */
  readonly verb: string;
  readonly parts: readonly Part[];
}

/** What a command needs to know about its server. */
export interface House {
  readonly store: Store;
  readonly counters: Counters;
  readonly version: string;
  /** Answers as 1.6.45 where that differs from 1.6.18. */
  readonly modern: boolean;
  /** Knows `mg`, `ms` and their family. */
  readonly meta: boolean;
  readonly auth: { readonly user: string; readonly password: string } | undefined;
  /** Lines of `stats`; computed by the server, which knows its sockets. */
  stats(topic: string | undefined): readonly string[] | undefined;
}

/** How the session goes on after the command line. */
export type Next =
  | { readonly kind: 'line' }
  /** Reads `bytes` and a line end; `then` gets the bytes, or `undefined` when no line end stood there. */
  | { readonly kind: 'block'; readonly bytes: number; readonly then: (block: Buffer | undefined) => Turn }
  | { readonly kind: 'swallow'; readonly bytes: number }
  | { readonly kind: 'close' };

/** A command, from its words to its reply. */
export type Command = (turn: Turn) => Turn;

export class Turn {
  readonly house: House;
  readonly verb: string;
  readonly words: readonly string[];
  /** Number of words as far as the server counts them. */
  readonly count: number;
  /** The command ended in `noreply`: its plain answers, errors included, are kept back. */
  noreply = false;
  next: Next = { kind: 'line' };
  parts: Part[] = [];

  constructor(house: House, words: readonly string[], count: number) {
    this.house = house;
    this.words = words;
    this.count = count;
    this.verb = words[0] ?? '';
  }

  /** One line, unless `noreply`. */
  say(line: string): Turn {
    this.parts = this.noreply ? [] : [`${line}\r\n`];
    return this;
  }

  /** One line, whatever was asked to be quiet. */
  insist(line: string): Turn {
    this.parts = [`${line}\r\n`];
    return this;
  }

  /** Looks for `noreply` in the last word. */
  maybeQuiet(): boolean {
    if (this.words[this.count - 1] === 'noreply') this.noreply = true;
    return this.noreply;
  }

  /** The data block is read and thrown away; whatever was answered stands. */
  swallow(bytes: number): Turn {
    this.next = { kind: 'swallow', bytes: bytes + 2 };
    return this;
  }

  readBlock(bytes: number, then: (block: Buffer | undefined) => Turn): Turn {
    this.next = { kind: 'block', bytes, then };
    return this;
  }

  close(): Turn {
    this.next = { kind: 'close' };
    return this;
  }
}

export const LONGEST_KEY = 250;
export const BAD_LINE = 'CLIENT_ERROR bad command line format';
