/**
 * Single gets that leave as one `get k1 k2 ...`. Each stays its own request for its caller; on the wire and in the
 * pipeline they are one batch.
 *
 * A server without meta answers a batch much faster than as many gets, so there every turn's gets go together. One that
 * knows meta answers `mg` as fast, until so many are asked at once that several batches are on their way: then reading a
 * line for each takes it longer. There a batch must be large to be worth it, and it is a confirmed one: see
 * `protocol/meta/confirmed.ts`.
 */
import { type Reply, ReplyKind } from '../command/reply.js';
import { type Request, Verb } from '../command/request.js';
import { batchOf, Members } from './members.js';

/** @param meta - the server knows meta; what a peek asks for beside the value only that can tell. */
export function joinsGets({ verb, patience }: Request, meta: boolean): boolean {
  return (verb === Verb.get || (verb === Verb.peek && !meta)) && patience === undefined;
}

export function batchOfGets(members: readonly Request[], confirmed: boolean): Request {
  const keys = members.map((member) => member.key);
  const verb = confirmed ? Verb.getConfirmed : Verb.getBatch;
  const behind = confirmed ? keys.pop()! : '';
  const batch = batchOf(verb, behind, new Listed(members));
  batch.keys = keys;
  return batch;
}

class Listed extends Members {
  replied(_batch: Request, reply: Reply): void {
    // Not those who are answered behind the list.
    const listed = reply.more ? this.members.length - 1 : this.members.length;
    // For each of them the answer is whole.
    reply.more = false;
    if (reply.kind === ReplyKind.value) this.tell(this.members[reply.index]!, reply);
    // The end of the list: whoever has no value by now has a miss. A complaint is everybody's.
    else for (let at = 0; at < listed; at++) this.tell(this.members[at]!, reply);
  }
}
