/**
 * Single gets that leave as one `get k1 k2 ...`. Each stays its own request for its caller; on the wire and in the
 * pipeline they are one batch.
 *
 * A server without meta answers a batch much faster than as many gets, so there every turn's gets go together. One that
 * knows meta answers `mg` as fast, until so many are asked at once that several batches are on their way: then reading a
 * line for each takes it longer. There a batch must be large to be worth it, and it is a confirmed one: see
 * `protocol/meta/confirmed.ts`.
 */
import type { MemcachedError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Phase, Request, type RequestSink, Verb } from '../command/request.js';

/** More keys than this make a line that is parsed in steps and an answer that comes late for the first. */
const MOST_KEYS = 128;

/** A batch of so many is worth a write of its own; of fewer a meta server is asked one by one. */
const MANY_KEYS = 64;

export class GatheredGets {
  #members: Request[] = [];
  /** Keys that left in batches worth a write, since {@link endTurn}. */
  #together = 0;

  /** @param meta - the server knows meta: only many gets go together, and the list of their values is confirmed. */
  constructor(readonly meta: boolean) {}

  /** @returns false when the request cannot join: another command, or one with a time of its own. */
  add(request: Request): boolean {
    const { verb } = request;
    // What a peek asks for beside the value only meta can tell.
    if (verb !== Verb.get && (verb !== Verb.peek || this.meta)) return false;
    if (request.patience !== undefined) return false;
    this.#members.push(request);
    return true;
  }

  /** No more fit in: they have to be taken before another one is added. */
  get isFull(): boolean {
    return this.#members.length === MOST_KEYS;
  }

  /** So many are gathered that they are worth a write of their own. */
  get isWorthWriting(): boolean {
    return this.#members.length >= MANY_KEYS;
  }

  /** What was gathered, as the requests that are to be sent, in this order. */
  take(): readonly Request[] {
    const members = this.#members;
    if (members.length === 0) return members;
    this.#members = [];
    if (members.length >= MANY_KEYS) this.#together += members.length;
    else if (this.meta) return members;
    return members.length === 1 ? members : [toBatch(members, this.meta)];
  }

  /** The turn is over and everything taken. @returns whether it brought many. */
  endTurn(): boolean {
    const broughtMany = this.#together > 0;
    this.#together = 0;
    return broughtMany;
  }
}

function toBatch(members: readonly Request[], confirmed: boolean): Request {
  const keys = members.map((member) => member.key);
  const verb = confirmed ? Verb.getConfirmed : Verb.getBatch;
  const behind = confirmed ? keys.pop()! : '';
  const batch = new Request(verb, behind, new MembersSink(members), ignore, ignore);
  batch.keys = keys;
  batch.deadline = members[0]!.deadline;
  batch.holder = members[0]!.holder;
  for (const member of members) member.phase = Phase.sent;
  return batch;
}

function ignore(): void {}

class MembersSink implements RequestSink {
  constructor(readonly members: readonly Request[]) {}

  replied(_batch: Request, reply: Reply): void {
    // Not those who are answered behind the list.
    const listed = reply.more ? this.members.length - 1 : this.members.length;
    // For each of them the answer is whole.
    reply.more = false;
    if (reply.kind === ReplyKind.value) this.#tell(this.members[reply.index]!, reply);
    // The end of the list: whoever has no value by now has a miss. A complaint is everybody's.
    else for (let at = 0; at < listed; at++) this.#tell(this.members[at]!, reply);
  }

  #tell(member: Request, reply: Reply): void {
    if (!member.settled) member.sink.replied(member, reply);
  }

  failed(batch: Request, error: MemcachedError): void {
    for (const member of this.members) {
      member.phase = batch.phase;
      if (!member.settled) member.sink.failed(member, error);
    }
  }
}
