/**
 * Single gets that leave as one classic `get k1 k2 ...`. Each stays its own request for its caller; on the
 * wire and in the pipeline they are one batch.
 */
import type { MemcachedError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Phase, Request, type RequestSink, Verb } from '../command/request.js';

/** More keys than this make a line that is parsed in steps and an answer that comes late for the first. */
const MOST_KEYS = 128;

export class GatheredGets {
  #members: Request[] = [];

  /** @returns false when the request cannot join: another command, one with a time of its own, or no room. */
  add(request: Request): boolean {
    if (request.verb !== Verb.get && request.verb !== Verb.peek) return false;
    if (request.patience !== undefined || this.#members.length === MOST_KEYS) return false;
    this.#members.push(request);
    return true;
  }

  /** What was gathered, as one request; `undefined` when nothing was. */
  take(): Request | undefined {
    const members = this.#members;
    if (members.length < 2) {
      this.#members = [];
      return members[0];
    }
    this.#members = [];
    const batch = new Request(Verb.getBatch, '', new MembersSink(members), ignore, ignore);
    batch.keys = members.map((member) => member.key);
    batch.deadline = members[0]!.deadline;
    batch.holder = members[0]!.holder;
    for (const member of members) member.phase = Phase.sent;
    return batch;
  }
}

function ignore(): void {}

class MembersSink implements RequestSink {
  constructor(readonly members: readonly Request[]) {}

  replied(_batch: Request, reply: Reply): void {
    if (reply.kind === ReplyKind.value) {
      const member = this.members[reply.index]!;
      if (!member.settled) member.sink.replied(member, reply);
      return;
    }
    // The end of the list: whoever has no value by now has a miss. A complaint is everybody's.
    for (const member of this.members) {
      if (!member.settled) member.sink.replied(member, reply);
    }
  }

  failed(batch: Request, error: MemcachedError): void {
    for (const member of this.members) {
      member.phase = batch.phase;
      if (!member.settled) member.sink.failed(member, error);
    }
  }
}
