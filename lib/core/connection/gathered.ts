/**
 * Small requests of one turn that leave together: gets as one list, or sets of which only one is answered. Which may
 * join and what becomes of them is in `gathered-gets.ts` and `gathered-sets.ts`.
 *
 * Invariant: what is gathered is of one kind and in the order it was asked in; whoever cannot join must wait until
 * the others were taken.
 */
import type { Request } from '../command/request.js';
import { batchOfGets, joinsGets } from './gathered-gets.js';
import { batchOfSets, joinsSets } from './gathered-sets.js';
import { STACK_BYTES } from './outbox.js';

/** More keys than this make a line that is parsed in steps and an answer that comes late for the first. */
const MOST_MEMBERS = 128;

/** A batch of so many is worth a write of its own; of fewer a meta server is asked one by one. */
const MANY_MEMBERS = 64;

/** About what a set takes on the wire beside its key and value. */
const SET_BYTES = 24;

/** With no room for another set: a write of so much is worth it whatever it holds. */
const MOST_SET_BYTES = STACK_BYTES - 256;

export class Gathered {
  #members: Request[] = [];
  /** What is gathered are sets. */
  #ofSets = false;
  /** Of sets, about what they take on the wire. */
  #setBytes = 0;
  /** Requests that left in batches worth a write, since {@link endTurn}. */
  #together = 0;
  /** Sets are gathered, too. */
  takesSets = false;

  /** @param meta - the server knows meta: only many gets go together, and the list of their values is confirmed. */
  constructor(readonly meta: boolean) {}

  /** @returns false when the request cannot join: another command, or one with a time of its own. */
  add(request: Request): boolean {
    if (joinsGets(request, this.meta)) {
      if (this.#ofSets) return false;
    } else {
      if (!this.takesSets || !joinsSets(request)) return false;
      if (!this.#ofSets && this.#members.length > 0) return false;
      this.#ofSets = true;
      this.#setBytes += request.key.length + request.bytes + SET_BYTES;
    }
    this.#members.push(request);
    return true;
  }

  /** No more fit in: they have to be taken before another one is added. */
  get isFull(): boolean {
    return this.#members.length === MOST_MEMBERS || this.#setBytes >= MOST_SET_BYTES;
  }

  /** So many are gathered that they are worth a write of their own. */
  get isWorthWriting(): boolean {
    return this.#members.length >= MANY_MEMBERS || this.#setBytes >= MOST_SET_BYTES;
  }

  /** What was gathered, as the requests that are to be sent, in this order. */
  take(): readonly Request[] {
    const members = this.#members;
    if (members.length === 0) return members;
    const isWorth = this.isWorthWriting;
    const ofSets = this.#ofSets;
    this.#members = [];
    this.#ofSets = false;
    this.#setBytes = 0;
    if (isWorth) this.#together += members.length;
    else if (this.meta) return members;
    if (members.length === 1) return members;
    return [ofSets ? batchOfSets(members) : batchOfGets(members, this.meta)];
  }

  /** What was gathered, each by itself. */
  drain(): readonly Request[] {
    const members = this.#members;
    this.#members = [];
    return members;
  }

  /** The turn is over and everything taken. @returns whether it brought many. */
  endTurn(): boolean {
    const broughtMany = this.#together > 0;
    this.#together = 0;
    return broughtMany;
  }
}
